//! The simulator over its real socket: sign-in, permissions, faults, throttling, control.

#![expect(clippy::unwrap_used, reason = "helpers of tests may fail loudly")]

use std::time::Duration;

use entra_scim::odata::request::Method;
use entra_scim::simulator::request::{Caller, SimRequest};
use entra_scim::simulator::seed::Plan;
use entra_scim::simulator::settings::{Settings, ThrottleSize};
use entra_scim::simulator::start::{Running, start};
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::net::TcpListener;

#[path = "simulator/lag.rs"]
mod lag;
#[path = "simulator/trouble.rs"]
mod trouble;

struct Sim {
    running: Running,
    http: reqwest::Client,
    token: String,
}

impl Sim {
    async fn start(settings: Settings) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let running = start(settings, listener).await.unwrap();
        let http = reqwest::Client::builder()
            .timeout(Duration::from_secs(10))
            .build()
            .unwrap();
        let mut sim = Self {
            running,
            http,
            token: String::new(),
        };
        sim.sign_in().await;
        sim
    }

    async fn demo() -> Self {
        Self::start(Settings::default()).await
    }

    /// The plan of the tenant that [`Sim::demo`] serves.
    fn plan() -> Plan {
        let settings = Settings::default();
        Plan::new(settings.users, settings.groups, settings.seed)
    }

    async fn ask_token(&self, secret: &str) -> (StatusCode, Value) {
        let ready = &self.running.ready;
        let response = self
            .http
            .post(&ready.token_endpoint)
            .form(&[
                ("grant_type", "client_credentials"),
                ("client_id", &ready.client_id),
                ("client_secret", secret),
                ("scope", "https://graph.microsoft.com/.default"),
            ])
            .send()
            .await
            .unwrap();
        (response.status(), response.json().await.unwrap())
    }

    async fn sign_in(&mut self) {
        let (status, body) = self.ask_token(&self.running.ready.client_secret).await;
        assert_eq!(status, 200, "{body}");
        body["access_token"]
            .as_str()
            .unwrap()
            .clone_into(&mut self.token);
    }

    fn request(&self, method: reqwest::Method, path: &str) -> reqwest::RequestBuilder {
        self.http
            .request(method, format!("{}/v1.0{path}", self.running.ready.graph))
            .bearer_auth(&self.token)
    }

    async fn get(&self, path: &str) -> Result<reqwest::Response, reqwest::Error> {
        self.request(reqwest::Method::GET, path).send().await
    }

    async fn patch(&self, path: &str, body: &Value) -> reqwest::Response {
        self.request(reqwest::Method::PATCH, path)
            .json(body)
            .send()
            .await
            .unwrap()
    }

    async fn see(&self, path: &str) -> Value {
        let url = format!("{}{path}", self.running.ready.control);
        let response = self.http.get(url).send().await.unwrap();
        assert_eq!(response.status(), 200, "{path}");
        response.json().await.unwrap()
    }

    async fn tell(&self, path: &str, body: &Value) -> (StatusCode, Value) {
        let url = format!("{}{path}", self.running.ready.control);
        let response = self.http.post(url).json(body).send().await.unwrap();
        let status = response.status();
        let text = response.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or(Value::Null))
    }

    async fn fault(&self, rule: Value) {
        let url = format!("{}/faults", self.running.ready.control);
        self.http.delete(url).send().await.unwrap();
        let (status, body) = self.tell("/faults", &json!({"faults": [rule]})).await;
        assert_eq!(status, 204, "{body}");
    }
}

async fn error_of(response: reqwest::Response) -> (u16, String, String) {
    let status = response.status().as_u16();
    let body: Value = response.json().await.unwrap();
    let text = |name: &str| body["error"][name].as_str().unwrap_or_default().to_owned();
    (status, text("code"), text("message"))
}

#[tokio::test]
async fn sign_in_and_tokens() {
    let mut sim = Sim::demo().await;
    let ready = sim.running.ready.clone();
    assert_eq!(sim.get("/users?$top=5").await.unwrap().status(), 200);

    let bare = sim.http.get(format!("{}/v1.0/users", ready.graph));
    let response = bare.send().await.unwrap();
    assert!(response.headers().contains_key("www-authenticate"));
    assert!(response.headers().contains_key("request-id"));
    assert_eq!(
        error_of(response).await,
        (
            401,
            "InvalidAuthenticationToken".into(),
            "Access token is empty.".into()
        )
    );
    let (status, body) = sim.ask_token("wrong").await;
    assert_eq!(
        (status.as_u16(), &body["error_codes"]),
        (401, &json!([7_000_215]))
    );

    sim.tell("/clock/advance", &json!({"seconds": 3600})).await;
    let (status, _, message) = error_of(sim.get("/users").await.unwrap()).await;
    assert_eq!(
        (status, message.as_str()),
        (401, "Lifetime validation failed, the token is expired.")
    );
    sim.tell("/tokens/lifetime", &json!({"seconds": 60})).await;
    sim.sign_in().await;
    assert_eq!(sim.get("/users").await.unwrap().status(), 200);
    sim.tell("/tokens/revoke", &json!({})).await;
    assert_eq!(sim.get("/users").await.unwrap().status(), 401);

    let imds = format!(
        "{}/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https://graph.microsoft.com",
        ready.graph
    );
    assert_eq!(sim.http.get(&imds).send().await.unwrap().status(), 400);
    let answer: Value = sim
        .http
        .get(&imds)
        .header("Metadata", "true")
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    answer["access_token"]
        .as_str()
        .unwrap()
        .clone_into(&mut sim.token);
    assert_eq!(sim.get("/users").await.unwrap().status(), 200);

    let msi = format!(
        "{}/msi/token?api-version=2019-08-01&resource=https://graph.microsoft.com",
        ready.graph
    );
    assert_eq!(sim.http.get(&msi).send().await.unwrap().status(), 401);
    let answer: Value = sim
        .http
        .get(&msi)
        .header("X-IDENTITY-HEADER", Settings::default().identity_header)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(answer["expires_on"].as_str().unwrap().len(), 10);

    sim.tell("/secrets", &json!({"secret": "old", "expires_in": -1}))
        .await;
    let (status, body) = sim.ask_token("old").await;
    assert_eq!(
        (status.as_u16(), &body["error_codes"]),
        (401, &json!([7_000_222]))
    );
    // Azure Resource Manager wants a token of its own.
    for (token, status, code) in [
        (None, 401, "AuthenticationFailed"),
        (Some(&sim.token), 401, "InvalidAuthenticationTokenAudience"),
    ] {
        let mut request = sim.http.get(&ready.arm);
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        let (found, found_code, _) = error_of(request.send().await.unwrap()).await;
        assert_eq!((found, found_code.as_str()), (status, code));
    }
    sim.running.shutdown().await.unwrap();
}

#[tokio::test]
async fn permissions_decide() {
    let mut sim = Sim::demo().await;
    let users: Vec<String> = (0..12)
        .map(|n| Sim::plan().user(n).id.to_string())
        .collect();
    let title = json!({"jobTitle": "Tester"});
    let disable = json!({"accountEnabled": false});
    let plain = format!("/users/{}", users[11]);
    assert_eq!(sim.patch(&plain, &title).await.status(), 204);
    assert_eq!(sim.see(&plain).await["jobTitle"], "Tester");
    // User 0 is a Global Administrator; the gateway is only a User Administrator.
    let boss = format!("/users/{}", users[0]);
    let (status, code, _) = error_of(sim.patch(&boss, &disable).await).await;
    assert_eq!(
        (status, code.as_str()),
        (403, "Authorization_RequestDenied")
    );
    assert_eq!(sim.see(&boss).await["accountEnabled"], true);

    let (status, _) = sim
        .tell(
            "/permissions",
            &json!({"permissions": ["User.Read.All"], "revoke": true}),
        )
        .await;
    assert_eq!(status, 204);
    assert_eq!(sim.get(&plain).await.unwrap().status(), 401);
    sim.sign_in().await;
    assert_eq!(sim.get(&plain).await.unwrap().status(), 200);
    assert_eq!(sim.patch(&plain, &disable).await.status(), 403);
    assert_eq!(sim.get("/subscribedSkus").await.unwrap().status(), 403);

    assert_eq!(sim.tell("/reset", &json!({})).await.0, 204);
    sim.sign_in().await;
    assert_ne!(sim.see(&plain).await["jobTitle"], "Tester");
    assert_eq!(sim.patch(&plain, &disable).await.status(), 204);
}

#[tokio::test]
async fn faults_of_requests() {
    let sim = Sim::demo().await;
    for (retry, header) in [
        (json!(3), Some("3")),
        (json!(0.249), Some("0.249")),
        (Value::Null, None),
    ] {
        sim.fault(json!({"path": "/users", "count": 1, "fault":
            {"kind": "status", "status": 429, "retry_after": retry}}))
            .await;
        let response = sim.get("/users?$top=1").await.unwrap();
        let got = response
            .headers()
            .get("retry-after")
            .map(|v| v.to_str().unwrap().to_owned());
        assert_eq!(got.as_deref(), header);
        assert_eq!(error_of(response).await.1, "TooManyRequests");
        assert_eq!(sim.get("/users?$top=1").await.unwrap().status(), 200);
    }

    sim.fault(json!({"count": 1, "fault": {"kind": "status", "status": 401}}))
        .await;
    assert_eq!(error_of(sim.get("/users").await.unwrap()).await.0, 401);
    assert_eq!(sim.get("/users").await.unwrap().status(), 200);

    sim.fault(json!({"fault": {"kind": "empty"}})).await;
    let response = sim.get("/users").await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.bytes().await.unwrap().len(), 0);

    sim.fault(json!({"fault": {"kind": "cut_before"}})).await;
    assert!(sim.get("/users").await.is_err(), "no answer at all");

    sim.fault(json!({"count": 1, "fault": {"kind": "cut_body"}}))
        .await;
    let response = sim.get("/users").await.unwrap();
    assert_eq!(response.status(), 200, "the head arrives");
    assert!(response.bytes().await.is_err(), "the body does not");
    let whole = sim.get("/users").await.unwrap();
    assert!(whole.bytes().await.is_ok());

    sim.fault(json!({"count": 1, "fault": {"kind": "silence", "seconds": 30}}))
        .await;
    let silent = sim
        .request(reqwest::Method::GET, "/users")
        .timeout(Duration::from_millis(200))
        .send()
        .await;
    assert!(silent.unwrap_err().is_timeout());

    sim.fault(json!({"on": "token", "count": 1, "fault": {"kind": "status", "status": 503}}))
        .await;
    let (status, body) = sim.ask_token(&sim.running.ready.client_secret).await;
    assert_eq!(
        (status.as_u16(), body["error"].as_str()),
        (503, Some("temporarily_unavailable"))
    );
    assert_eq!(sim.ask_token(&sim.running.ready.client_secret).await.0, 200);

    // The answer is lost, the effect is not.
    let path = format!("/users/{}", Sim::plan().user(11).id);
    sim.fault(
        json!({"method": "PATCH", "fault": {"kind": "status", "status": 504, "after": true}}),
    )
    .await;
    assert_eq!(
        sim.patch(&path, &json!({"jobTitle": "Done"}))
            .await
            .status(),
        504
    );
    assert_eq!(sim.see(&path).await["jobTitle"], "Done");
    let (status, _) = sim
        .tell("/faults", &json!({"faults": [{"fault": {"kind": "x"}}]}))
        .await;
    assert!(status.is_client_error());
}

#[tokio::test]
async fn faults_of_batch_items() {
    let sim = Sim::demo().await;
    let user = Sim::plan().user(11).id;
    let batch = json!({"requests": [
        {"id": "1", "method": "GET", "url": format!("/users/{user}")},
        {"id": "2", "method": "GET", "url": "/groups?$top=1"},
    ]});
    sim.fault(
        json!({"on": "item", "path": "/users/*", "count": 1, "fault":
        {"kind": "status", "status": 429, "retry_after": 2}}),
    )
    .await;
    for expected in [429, 200] {
        let response = sim
            .request(reqwest::Method::POST, "/$batch")
            .json(&batch)
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), 200);
        let body: Value = response.json().await.unwrap();
        let item = |id: &str| {
            body["responses"]
                .as_array()
                .unwrap()
                .iter()
                .find(|item| item["id"] == id)
                .unwrap()
                .clone()
        };
        assert_eq!(item("1")["status"], expected, "{body}");
        assert_eq!(item("2")["status"], 200);
        if expected == 429 {
            assert_eq!(item("1")["headers"]["Retry-After"], "2");
            assert_eq!(item("1")["body"]["error"]["code"], "TooManyRequests");
        }
    }
    let counters = sim.see("/counters").await;
    assert_eq!(counters["http_requests"], 2);
    assert_eq!(counters["batch_items"], 4);
    assert_eq!(counters["throttled"], 1);
    assert_eq!(counters["operations"]["GET users/{id}"], 2);
    assert_eq!(counters["operations"]["POST $batch"], 2);
}

#[tokio::test]
async fn permissions_hold_inside_batches() {
    let mut sim = Sim::demo().await;
    sim.tell(
        "/permissions",
        &json!({"permissions": ["User.Read.All"], "revoke": true}),
    )
    .await;
    sim.sign_in().await;
    let batch = json!({"requests": [
        {"id": "1", "method": "GET", "url": "/users?$top=1"},
        {"id": "2", "method": "GET", "url": "/subscribedSkus"},
    ]});
    let response = sim
        .request(reqwest::Method::POST, "/$batch")
        .json(&batch)
        .send()
        .await
        .unwrap();
    let body: Value = response.json().await.unwrap();
    for item in body["responses"].as_array().unwrap() {
        let expected = if item["id"] == "1" { 200 } else { 403 };
        assert_eq!(item["status"], expected, "{body}");
    }
}

#[tokio::test]
async fn throttling_by_resource_units() {
    let sim = Sim::start(Settings {
        throttle: ThrottleSize::Small,
        ..Settings::default()
    })
    .await;
    let group = Sim::plan().group(1).id;
    let mut request = SimRequest::new(
        Method::Get,
        &format!("/groups/{group}/transitiveMembers"),
        &sim.running.ready.graph,
    );
    request.caller = Caller {
        app_id: sim.running.ready.client_id.parse().ok(),
        object_id: None,
        roles: vec!["Group.Read.All".to_owned()],
    };
    let mut warned = false;
    let refused = (0..5_000)
        .map(|_| sim.running.graph.handle(&request))
        .find(|response| {
            warned |= response.status == 200
                && response.header("x-ms-throttle-limit-percentage").is_some();
            response.status == 429
        })
        .expect("3,500 units in 10 s are enough for 700 of these");
    assert!(warned, "a warning comes first");
    assert!(
        refused
            .header("Retry-After")
            .unwrap()
            .parse::<u64>()
            .unwrap()
            >= 1
    );
    assert_eq!(
        refused.header("x-ms-throttle-scope").unwrap(),
        format!(
            "Tenant_Application/ReadWrite/{}/{}",
            sim.running.ready.client_id, sim.running.ready.tenant_id
        )
    );
    assert_eq!(
        refused.header("x-ms-throttle-information"),
        Some("ResourceUnitLimitExceeded")
    );
    assert_eq!(refused.body_json()["error"]["code"], "TooManyRequests");
    sim.tell("/clock/advance", &json!({"seconds": 20})).await;
    assert_eq!(sim.running.graph.handle(&request).status, 200);
}

#[tokio::test]
async fn control_sees_and_changes() {
    let sim = Sim::demo().await;
    let state = sim.see("/state").await;
    assert_eq!(state["objects"]["user"], json!({"live": 200, "deleted": 0}));
    assert_eq!(state["objects"]["group"]["live"], 20);
    let plan = Sim::plan();
    let (user, manager) = (plan.user(11), plan.user(1));
    let group = plan.group(5).id;
    let members = format!("/groups/{group}/members");
    assert_eq!(sim.see(&members).await.as_array().unwrap().len(), 3);
    assert_eq!(
        sim.see(&format!("/users/{}/manager", user.id)).await,
        json!(manager.id.to_string())
    );
    let both = plan.user(1).id;
    let licenses = sim.see(&format!("/users/{both}/licenses")).await;
    let of = |inherited: bool| {
        licenses
            .as_array()
            .unwrap()
            .iter()
            .filter(|l| l["skuPartNumber"] == "SPE_E3" && l["group"].is_string() == inherited)
            .count()
    };
    assert_eq!((of(false), of(true)), (1, 1), "{licenses}");
    assert_eq!(
        sim.see("/roleAssignments").await.as_array().unwrap().len(),
        8
    );

    let (status, body) = sim
        .tell("/changes", &json!({"changes": [
            {"op": "patch", "id": user.id, "properties": {"displayName": "Renamed", "jobTitle": null}},
            {"op": "add_member", "group": group, "member": user.id},
            {"op": "set_manager", "id": user.id, "manager": null},
            {"op": "create", "kind": "user", "properties":
                {"displayName": "New", "userPrincipalName": "new@contoso.onmicrosoft.com"}},
            {"op": "delete", "id": plan.user(12).id},
        ]}))
        .await;
    assert_eq!(status, 200, "{body}");
    let renamed = sim.see(&format!("/users/{}", user.id)).await;
    assert_eq!(renamed["displayName"], "Renamed");
    assert!(renamed.get("jobTitle").is_none());
    assert_eq!(sim.see(&members).await.as_array().unwrap().len(), 4);
    assert_eq!(
        sim.see(&format!("/users/{}/manager", user.id)).await,
        Value::Null
    );
    assert_eq!(
        sim.see("/users/new@contoso.onmicrosoft.com").await["displayName"],
        "New"
    );
    assert_eq!(
        sim.see("/state").await["objects"]["user"],
        json!({"live": 200, "deleted": 1})
    );
    for wrong in [
        json!({"op": "patch", "id": user.id, "properties": {"displayname": "x"}}),
        json!({"op": "create", "kind": "user", "properties": {"displayName": "x"}}),
    ] {
        assert_eq!(
            sim.tell("/changes", &json!({"changes": [wrong]})).await.0,
            400
        );
    }
    let nobody = json!({"changes": [{"op": "delete", "id": "nobody"}]});
    assert_eq!(sim.tell("/changes", &nobody).await.0, 404);

    sim.tell("/counters/reset", &json!({})).await;
    sim.get("/users?$top=999").await.unwrap();
    let counters = sim.see("/counters").await;
    assert_eq!(counters["operations"], json!({"GET users": 1}));
    assert_eq!(counters["resource_units"], 2);
    assert_eq!(counters["http_requests"], 1);
}

#[tokio::test]
async fn recordings_and_fault_files() {
    let directory = tempfile::tempdir().unwrap();
    let (record, faults) = (
        directory.path().join("r.jsonl"),
        directory.path().join("f.json"),
    );
    std::fs::write(
        &faults,
        r#"{"faults":[{"path":"/groups","count":1,"fault":{"kind":"status","status":503}}]}"#,
    )
    .unwrap();
    let settings = |faults| Settings {
        record: Some(record.clone()),
        faults: Some(faults),
        ..Settings::default()
    };
    let sim = Sim::start(settings(faults)).await;
    assert_eq!(sim.get("/groups").await.unwrap().status(), 503);
    assert_eq!(sim.get("/groups").await.unwrap().status(), 200);
    let path = format!("/users/{}", Sim::plan().user(11).id);
    sim.patch(&path, &json!({"jobTitle": "x"})).await;
    let text = std::fs::read_to_string(&record).unwrap();
    assert!(!text.contains(&sim.token) && !text.contains("client_secret"));
    let lines: Vec<Value> = text
        .lines()
        .map(|l| serde_json::from_str(l).unwrap())
        .collect();
    let statuses: Vec<&Value> = lines.iter().map(|l| &l["response"]["status"]).collect();
    assert_eq!(statuses, [503, 200, 204]);
    assert_eq!(lines[2]["request"]["body"], json!({"jobTitle": "x"}));
    assert!(lines[1]["response"]["body"]["value"].is_array());
    assert!(
        lines[1]["request"]["url"]
            .as_str()
            .unwrap()
            .ends_with("/v1.0/groups")
    );

    let missing = settings(directory.path().join("none.json"));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let error = start(missing, listener).await.unwrap_err().to_string();
    assert!(error.contains("none.json"), "{error}");
}
