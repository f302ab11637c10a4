//! The real server in front of the real simulator, both on loopback sockets.

use std::{sync::Arc, time::Duration};

use entra_scim::{
    base::clock::{SharedClock, SystemClock},
    cli::gateway,
    config::{self, Sources},
    http,
    service::{self, tokens},
    simulator::{
        settings::Settings,
        start::{self as simulator, Running},
    },
    store::Store,
    sync,
};
use reqwest::Method;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::databases::Database;

/// How the pair is started.
pub struct Options {
    /// Seeded users.
    pub users: usize,
    /// Seeded groups.
    pub groups: usize,
    /// How long the simulator takes for each answer.
    pub latency_ms: u64,
    /// `server.request_deadline_secs`
    pub deadline_secs: u64,
    /// `tenants.default.mapping`
    pub mapping: &'static str,
    /// The keys below `tenants.default.credential`; the simulator's client secret by default.
    /// `client_id` is added.
    pub credential: Vec<(&'static str, String)>,
    /// PEM certificates registered on the simulated application.
    pub certificates: Vec<String>,
    /// The gateway's clock; the machine's by default.
    pub clock: SharedClock,
    /// Further environment of the gateway.
    pub environment: Vec<(String, String)>,
    /// Changes the gateway before it serves.
    pub adapt: Option<Adapt>,
    /// Which database; SQLite in memory by default.
    pub database: Option<Database>,
    /// Whether the gateway has a replica; by default it asks Graph itself.
    pub replica: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            users: 200,
            groups: 20,
            latency_ms: 0,
            deadline_secs: 30,
            mapping: "standard",
            credential: Vec::new(),
            certificates: Vec::new(),
            clock: Arc::new(SystemClock),
            environment: Vec::new(),
            adapt: None,
            database: None,
            replica: false,
        }
    }
}

/// Changes a gateway that does not serve yet.
pub type Adapt = fn(&mut service::App);

pub(super) struct Inner {
    pub(super) simulator: Running,
    pub(super) store: Store,
    pub(super) clock: SharedClock,
    pub(super) environment: Vec<(String, String)>,
    /// The gateway, from inside.
    pub(super) gateway: Arc<service::App>,
    pub(super) graph_token: tokio::sync::OnceCell<String>,
    pub(super) _database: Database,
}

/// A client of the running pair.
#[derive(Clone)]
pub struct App {
    pub(super) inner: Arc<Inner>,
    pub scim: String,
    token: Option<String>,
    pub client: reqwest::Client,
}

/// An answer, read whole.
pub struct Answer {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub text: String,
    pub body: Value,
    asked: String,
}

/// A `PatchOp` message.
pub fn patch_op(operations: Value) -> Value {
    json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": operations})
}

/// A filter literal.
pub fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

impl App {
    /// 200 users, SQLite in memory, the standard mapping.
    pub async fn start() -> Self {
        Self::with(Options::default()).await
    }

    pub async fn with(options: Options) -> Self {
        let settings = Settings {
            users: options.users,
            groups: options.groups,
            certificates: options.certificates,
            latency: Duration::from_millis(options.latency_ms),
            ..Settings::default()
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let simulator = simulator::start(settings, listener).await.unwrap();
        let database = options.database.unwrap_or_else(Database::memory);
        let store = database.open().await;
        let ready = &simulator.ready;
        let origin = origin_of(&ready.graph);
        let mut environment: Vec<(String, String)> = [
            (
                "SERVER__REQUEST_DEADLINE_SECS",
                options.deadline_secs.to_string(),
            ),
            ("TENANTS__DEFAULT__TENANT_ID", ready.tenant_id.clone()),
            ("TENANTS__DEFAULT__GRAPH_URL", origin.clone()),
            ("TENANTS__DEFAULT__AUTHORITY_URL", origin),
            ("TENANTS__DEFAULT__MAPPING", options.mapping.to_owned()),
            (
                "TENANTS__DEFAULT__REPLICA",
                if options.replica { "on" } else { "off" }.to_owned(),
            ),
            ("TENANTS__DEFAULT__REPLICA_INTERVAL_SECS", "1".to_owned()),
            (
                "TENANTS__DEFAULT__CREDENTIAL__CLIENT_ID",
                ready.client_id.clone(),
            ),
        ]
        .into_iter()
        .map(|(name, value)| (format!("ENTRA_SCIM__{name}"), value))
        .collect();
        let credential = if options.credential.is_empty() {
            vec![
                ("KIND", "client-secret".to_owned()),
                ("SECRET", ready.client_secret.clone()),
            ]
        } else {
            options.credential
        };
        environment.extend(credential.into_iter().map(|(key, value)| {
            let name = format!("ENTRA_SCIM__TENANTS__DEFAULT__CREDENTIAL__{key}");
            (name, value)
        }));
        environment.extend(options.environment);
        let clock = options.clock;
        let (scim, gateway) = serve(&environment, store.clone(), &clock, options.adapt).await;
        let inner = Arc::new(Inner {
            simulator,
            store,
            clock,
            environment,
            graph_token: tokio::sync::OnceCell::new(),
            gateway,
            _database: database,
        });
        let client = reqwest::Client::builder()
            .timeout(Duration::from_mins(2))
            .build()
            .unwrap();
        let mut app = Self {
            inner,
            scim,
            token: None,
            client,
        };
        app.token = Some(app.issue_token("write:*", None).await);
        app
    }

    /// Another gateway on the same store and tenant.
    pub async fn second_instance(&self) -> Self {
        let inner = &self.inner;
        let (scim, _) = serve(&inner.environment, inner.store.clone(), &inner.clock, None).await;
        Self {
            scim,
            ..self.clone()
        }
    }

    /// Another gateway on the same store and tenant that has no replica: it asks Graph.
    pub async fn live_twin(&self) -> Self {
        let inner = &self.inner;
        let mut environment = inner.environment.clone();
        environment.push(("ENTRA_SCIM__TENANTS__DEFAULT__REPLICA".into(), "off".into()));
        let (scim, _) = serve(&environment, inner.store.clone(), &inner.clock, None).await;
        Self {
            scim,
            ..self.clone()
        }
    }

    /// The same tenant through another gateway.
    pub fn at(&self, scim: &str) -> Self {
        Self {
            scim: scim.to_owned(),
            ..self.clone()
        }
    }

    /// Sends a body to a gateway that may go away: status and body, or nothing when it did.
    pub async fn try_send(&self, method: &str, path: &str, body: &Value) -> Option<(u16, Value)> {
        self.try_request(method, path, body, &[]).await
    }

    /// The same with headers.
    pub async fn try_request(
        &self,
        method: &str,
        path: &str,
        body: &Value,
        headers: &[(&str, &str)],
    ) -> Option<(u16, Value)> {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let url = format!("{}{path}", self.scim);
        let mut request = self.client.request(method, url).bearer_auth(self.token());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.json(body).send().await.ok()?;
        let status = response.status().as_u16();
        let text = response.text().await.ok()?;
        Some((status, serde_json::from_str(&text).unwrap_or_default()))
    }

    /// Waits until the replica has taken over what Graph tells now.
    pub async fn caught_up(&self) {
        let tenant = self.inner.gateway.tenant("default").unwrap();
        let rounds = || {
            tenant
                .replica
                .counters
                .rounds
                .load(std::sync::atomic::Ordering::Relaxed)
        };
        let start = rounds();
        let patience = tokio::time::Instant::now() + Duration::from_mins(1);
        // The round under way may have begun before.
        while rounds() < start + 2 {
            tenant.replica.nudge.notify_one();
            tokio::time::sleep(Duration::from_millis(20)).await;
            let error = tenant.replica.progress(|progress| progress.error.clone());
            assert!(
                tokio::time::Instant::now() < patience,
                "no round: {error:?}"
            );
        }
    }

    /// The gateway's tenant, from inside.
    pub fn tenant(&self) -> Arc<service::Tenant> {
        Arc::clone(self.inner.gateway.tenant("default").unwrap())
    }

    /// The same server, seen with another token.
    pub fn with_token(&self, token: Option<&str>) -> Self {
        Self {
            token: token.map(str::to_owned),
            ..self.clone()
        }
    }

    /// The token that requests carry.
    pub fn token(&self) -> &str {
        self.token.as_deref().unwrap_or_default()
    }

    /// A new token; `expires` in seconds from now.
    pub async fn issue_token(&self, scopes: &str, expires: Option<i64>) -> String {
        let now = self.inner.clock.now();
        let expires = expires.map(|s| now + time::Duration::seconds(s));
        let grant = scopes.parse().unwrap();
        let clock = self.inner.clock.as_ref();
        let issued = tokens::issue(
            &self.inner.store,
            clock,
            tokens::mint(),
            &tokens::Order {
                tenant: "default",
                name: "test",
                grant: &grant,
                expires,
                by: "test",
            },
        )
        .await
        .unwrap();
        issued.token.expose_secret().to_owned()
    }

    pub async fn revoke_token(&self, token: &str) {
        let row = self
            .inner
            .store
            .find_token_by_hash(&tokens::hash(token))
            .await
            .unwrap()
            .unwrap();
        let now = self.inner.clock.now();
        self.inner
            .store
            .revoke_token(&row.tenant, &row.id, now)
            .await
            .unwrap();
    }

    // --- SCIM ---

    pub async fn get(&self, path: &str) -> Answer {
        self.request("GET", path, None, &[]).await
    }

    pub async fn list(&self, path: &str, query: &[(&str, &str)]) -> Answer {
        let query = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(query)
            .finish();
        self.get(&format!("{path}?{query}")).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.request("POST", path, Some(body), &[]).await
    }

    pub async fn put(&self, path: &str, body: &Value) -> Answer {
        self.request("PUT", path, Some(body), &[]).await
    }

    pub async fn patch(&self, path: &str, body: &Value) -> Answer {
        self.request("PATCH", path, Some(body), &[]).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.request("DELETE", path, None, &[]).await
    }

    pub async fn request(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
        headers: &[(&str, &str)],
    ) -> Answer {
        let body = body.map(|b| b.to_string().into_bytes());
        let mut headers = headers.to_vec();
        if body.is_some() {
            headers.push(("content-type", "application/scim+json; charset=utf-8"));
        }
        self.send(method, path, body, &headers).await
    }

    /// With a body as it stands.
    pub async fn raw(&self, method: &str, path: &str, media: &str, body: Vec<u8>) -> Answer {
        self.send(method, path, Some(body), &[("content-type", media)])
            .await
    }

    async fn send(
        &self,
        method: &str,
        path: &str,
        body: Option<Vec<u8>>,
        headers: &[(&str, &str)],
    ) -> Answer {
        let url = format!("{}{path}", self.scim);
        let mut request = self
            .client
            .request(Method::from_bytes(method.as_bytes()).unwrap(), &url);
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.body(body);
        }
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.unwrap();
        let body = serde_json::from_str(&text).unwrap_or(Value::Null);
        let path: String = path.chars().take(200).collect();
        Answer {
            status,
            headers,
            text,
            body,
            asked: format!("{method} {path}"),
        }
    }
}

impl Answer {
    /// Fails, showing the answer, unless the status is this one.
    #[track_caller]
    pub fn expect_status(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}: {}", self.asked, self.text);
        self
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|v| v.to_str().ok())
    }

    /// What was asked and what came back, for messages.
    pub fn shown(&self) -> String {
        let text: String = self.text.chars().take(600).collect();
        format!("{} -> {} {text}", self.asked, self.status)
    }

    pub fn detail(&self) -> &str {
        self.body["detail"].as_str().unwrap_or_default()
    }

    /// Ids of the resources of a list.
    pub fn ids(&self) -> Vec<String> {
        let resources = self.body["Resources"]
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default();
        resources
            .iter()
            .map(|r| r["id"].as_str().unwrap().to_owned())
            .collect()
    }

    pub fn member_ids(&self) -> Vec<String> {
        let members = self.body["members"]
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default();
        members
            .iter()
            .map(|m| m["value"].as_str().unwrap().to_owned())
            .collect()
    }

    /// How many HTTP requests to Graph it took.
    pub fn graph_requests(&self) -> u64 {
        self.header("x-graph-requests").unwrap().parse().unwrap()
    }
}

pub(super) fn strings(value: &Value) -> Vec<String> {
    value
        .as_array()
        .unwrap()
        .iter()
        .map(|v| v.as_str().unwrap().to_owned())
        .collect()
}

pub(super) fn origin_of(url: &str) -> String {
    url::Url::parse(url).unwrap().origin().ascii_serialization()
}

/// Starts a gateway on a free port; gives its SCIM base.
async fn serve(
    environment: &[(String, String)],
    store: Store,
    clock: &SharedClock,
    adapt: Option<Adapt>,
) -> (String, Arc<service::App>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let own = |(name, value): &(String, String)| {
        (
            name.clone(),
            value.replace("{self}", &format!("http://{address}")),
        )
    };
    let sources = Sources {
        file: None,
        environment: environment.iter().map(own).collect(),
    };
    let config = config::load(&sources).unwrap();
    let mut app = gateway::app(&config, store, clock).unwrap();
    if let Some(adapt) = adapt {
        adapt(&mut app);
    }
    let app = Arc::new(app);
    let settings = gateway::http_settings(&config);
    let served = Arc::clone(&app);
    tokio::spawn(sync::run(Arc::clone(&app), CancellationToken::new()));
    tokio::spawn(
        async move { http::serve(served, settings, listener, std::future::pending()).await },
    );
    (format!("http://{address}/scim/v2"), app)
}
