//! A simulator on a loopback port, signed in to.

use std::time::Duration;

use entra_scim::simulator::seed::Plan;
use entra_scim::simulator::settings::Settings;
use entra_scim::simulator::start::{Running, start};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// One simulator.
pub struct Sim {
    pub running: Running,
    pub plan: Plan,
    http: reqwest::Client,
    token: String,
}

/// One answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub body: Value,
}

impl Answer {
    /// Status, code and message of an error.
    pub fn error(&self) -> (u16, &str, &str) {
        let text = |name: &str| self.body["error"][name].as_str().unwrap_or_default();
        (self.status, text("code"), text("message"))
    }

    /// The text at a pointer.
    pub fn text(&self, pointer: &str) -> String {
        self.body
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_else(|| panic!("no {pointer} in {}", self.body))
            .to_owned()
    }
}

impl Sim {
    /// Starts one and signs in.
    pub async fn start(settings: Settings) -> Self {
        let insecure = settings.tls_authority.is_some();
        Self::start_with(settings, |client| {
            // What the authority is for is tested where it is trusted.
            client.tls_danger_accept_invalid_certs(insecure)
        })
        .await
    }

    /// Starts one, and signs in with a client that is built on.
    pub async fn start_with(
        settings: Settings,
        build: impl FnOnce(reqwest::ClientBuilder) -> reqwest::ClientBuilder,
    ) -> Self {
        let plan = Plan::new(settings.users, settings.groups, settings.seed);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let running = start(settings, listener).await.unwrap();
        let http = build(reqwest::Client::builder().timeout(Duration::from_secs(30)))
            .build()
            .unwrap();
        let mut sim = Self {
            running,
            plan,
            http,
            token: String::new(),
        };
        sim.sign_in().await;
        sim
    }

    /// A new token, with what is granted now.
    pub async fn sign_in(&mut self) {
        let ready = &self.running.ready;
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", &ready.client_id),
            ("client_secret", &ready.client_secret),
            ("scope", "https://graph.microsoft.com/.default"),
        ];
        let response = self.http.post(&ready.token_endpoint).form(&form);
        let body: Value = response.send().await.unwrap().json().await.unwrap();
        body["access_token"]
            .as_str()
            .unwrap()
            .clone_into(&mut self.token);
    }

    /// A token for Resource Manager.
    pub async fn arm_token(&self) -> String {
        let ready = &self.running.ready;
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", ready.client_id.as_str()),
            ("client_secret", &ready.client_secret),
            ("scope", "https://management.azure.com/.default"),
        ];
        let response = self.http.post(&ready.token_endpoint).form(&form);
        let body: Value = response.send().await.unwrap().json().await.unwrap();
        body["access_token"].as_str().unwrap().to_owned()
    }

    /// A form, as token endpoints take it.
    pub async fn post_form(&self, url: &str, form: &[(&str, &str)]) -> Answer {
        let response = self.http.post(url).form(form).send().await.unwrap();
        Answer {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            body: response.json().await.unwrap(),
        }
    }

    /// Graph's origin.
    pub fn origin(&self) -> &str {
        &self.running.ready.graph
    }

    /// A request to Graph; `!` before the path sends `ConsistencyLevel: eventual`.
    pub async fn ask(&self, method: &str, path: &str, body: &Value) -> Answer {
        self.send(method, path, body, &[("authorization", &self.bearer())])
            .await
    }

    /// The value of `Authorization`.
    pub fn bearer(&self) -> String {
        format!("Bearer {}", self.token)
    }

    /// A request with headers of its own, the token among them.
    pub async fn send(
        &self,
        method: &str,
        path: &str,
        body: &Value,
        headers: &[(&str, &str)],
    ) -> Answer {
        let (path, eventual) = path.strip_prefix('!').map_or((path, false), |p| (p, true));
        let url = if path.starts_with("http") {
            path.to_owned()
        } else {
            format!("{}/v1.0{path}", self.origin())
        };
        let method: Method = method.parse().unwrap();
        let mut request = self.http.request(method, url);
        if eventual {
            request = request.header("ConsistencyLevel", "eventual");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if !body.is_null() {
            request = request.json(body);
        }
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let bytes = response.bytes().await.unwrap();
        let text = || Value::String(String::from_utf8_lossy(&bytes).into_owned());
        let body = match bytes.len() {
            0 => Value::Null,
            _ => serde_json::from_slice(&bytes).unwrap_or_else(|_| text()),
        };
        Answer {
            status,
            headers,
            body,
        }
    }

    /// `GET`
    pub async fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &Value::Null).await
    }

    /// Every item of a list, page by page.
    pub async fn all(&self, path: &str) -> Vec<Value> {
        let (mut items, mut next) = (Vec::new(), Some(path.to_owned()));
        while let Some(path) = next.take() {
            let mut answer = self.get(&path).await;
            assert_eq!(answer.status, 200, "{path}: {}", answer.body);
            if let Some(page) = answer.body["value"].as_array_mut() {
                items.append(page);
            }
            next = answer.body["@odata.nextLink"].as_str().map(str::to_owned);
        }
        items
    }

    /// A control request.
    pub async fn tell(&self, path: &str, body: &Value) {
        let url = format!("{}{path}", self.running.ready.control);
        let response = self.http.post(url).json(body).send().await.unwrap();
        assert!(response.status().is_success(), "{path}: {response:?}");
    }

    /// Grants the gateway's application these permissions and signs in again.
    pub async fn grant(&mut self, permissions: &[&str]) {
        self.tell("/permissions", &json!({"permissions": permissions}))
            .await;
        self.sign_in().await;
    }

    /// The address of an object, as references spell it.
    pub fn reference(&self, id: &str) -> Value {
        json!({"@odata.id": format!("{}/v1.0/directoryObjects/{id}", self.origin())})
    }

    /// The id of a seeded user.
    pub fn user(&self, number: usize) -> String {
        self.plan.user(number).id.to_string()
    }

    /// The id of a seeded group.
    pub fn group(&self, number: usize) -> String {
        self.plan.group(number).id.to_string()
    }
}
