//! Time and trouble over the socket: notifications, lag, churn.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::routing::post;

use super::*;

/// A webhook's memory.
#[derive(Clone, Default)]
struct Hook {
    seen: Arc<Mutex<Vec<Value>>>,
    /// How many of the next deliveries get 500.
    fail: Arc<Mutex<u32>>,
}

impl Hook {
    async fn start() -> (Self, String) {
        let hook = Self::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new()
            .route("/hook", post(receive))
            .route("/rude", post(|| async { "no token" }))
            .with_state(hook.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        (hook, url)
    }

    fn items(&self) -> Vec<Value> {
        self.seen.lock().unwrap().clone()
    }

    /// Waits until `n` items came.
    async fn wait(&self, n: usize) -> Vec<Value> {
        for _ in 0..100 {
            if self.items().len() >= n {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let items = self.items();
        assert_eq!(items.len(), n, "{items:?}");
        self.seen.lock().unwrap().clear();
        items
    }

    /// Nothing comes for a while.
    async fn stays_silent(&self) {
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert_eq!(self.items(), Vec::<Value>::new());
    }
}

async fn receive(
    State(hook): State<Hook>,
    RawQuery(query): RawQuery,
    body: String,
) -> (StatusCode, String) {
    let value_of = |wanted: &str| {
        url::form_urlencoded::parse(query.as_deref().unwrap_or_default().as_bytes())
            .find(|(name, _)| name == wanted)
            .map(|(_, value)| value.into_owned())
    };
    if let Some(token) = value_of("validationToken") {
        assert_eq!(
            value_of("keep").as_deref(),
            Some("me"),
            "the address keeps its query"
        );
        return (StatusCode::OK, token);
    }
    let mut fail = hook.fail.lock().unwrap();
    if *fail > 0 {
        *fail -= 1;
        return (StatusCode::INTERNAL_SERVER_ERROR, String::new());
    }
    let body: Value = serde_json::from_str(&body).unwrap();
    let items = body["value"].as_array().unwrap().clone();
    hook.seen.lock().unwrap().extend(items);
    (StatusCode::ACCEPTED, String::new())
}

impl Sim {
    async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        let request = self.request(reqwest::Method::POST, path).json(body);
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        let text = response.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or(Value::Null))
    }

    /// A moment of the simulator's clock, so many minutes from now.
    async fn moment(&self, minutes: i64) -> String {
        let state = self.see("/state").await;
        let now = state["now"].as_str().unwrap();
        let rfc = &time::format_description::well_known::Rfc3339;
        let now = time::OffsetDateTime::parse(now, rfc).unwrap();
        (now + time::Duration::minutes(minutes))
            .format(rfc)
            .unwrap()
    }

    async fn some_id(&self, set: &str) -> String {
        let body: Value = self
            .get(&format!("/{set}?$top=1"))
            .await
            .unwrap()
            .json()
            .await
            .unwrap();
        body["value"][0]["id"].as_str().unwrap().to_owned()
    }
}

#[tokio::test]
async fn subscriptions_are_checked() {
    let sim = Sim::demo().await;
    let (_, url) = Hook::start().await;
    let good = json!({"changeType": "updated,deleted", "resource": "/users", "clientState": "s",
        "notificationUrl": format!("{url}/hook?keep=me"),
        "expirationDateTime": sim.moment(60).await});
    let with = |name: &str, value: Value| {
        let mut body = good.clone();
        body[name] = value;
        body
    };
    let late = sim.moment(41_762).await;
    let past = sim.moment(-1).await;
    for (body, status) in [
        (with("notificationUrl", json!(format!("{url}/rude"))), 400),
        (with("notificationUrl", json!(format!("{url}/none"))), 400),
        (
            with("notificationUrl", json!("https://example.com/hook")),
            400,
        ),
        (with("notificationUrl", json!(null)), 400),
        (
            with("lifecycleNotificationUrl", json!(format!("{url}/rude"))),
            400,
        ),
        (with("changeType", json!("created")), 400),
        (with("resource", json!("/applications")), 400),
        (with("expirationDateTime", json!(late)), 400),
        (with("expirationDateTime", json!(past)), 400),
        (with("clientState", json!("x".repeat(129))), 400),
        (with("includeResourceData", json!(true)), 400),
        (good.clone(), 201),
        (with("resource", json!("users")), 409),
        (with("resource", json!("/groups")), 201),
    ] {
        let (found, answer) = sim.post("/subscriptions", &body).await;
        assert_eq!(found, status, "{body}: {answer}");
    }
    let list: Value = sim
        .get("/subscriptions")
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(list["value"].as_array().unwrap().len(), 2);
    let id = list["value"][0]["id"].as_str().unwrap().to_owned();
    let one = format!("/subscriptions/{id}");
    let renewed = json!({"expirationDateTime": sim.moment(120).await});
    assert_eq!(sim.patch(&one, &renewed).await.status(), 200);
    assert_eq!(
        sim.patch(&one, &json!({"lifecycleNotificationUrl": url}))
            .await
            .status(),
        400
    );
    assert_eq!(
        sim.post(&format!("{one}/reauthorize"), &json!({})).await.0,
        204
    );
    let delete = sim
        .request(reqwest::Method::DELETE, &one)
        .send()
        .await
        .unwrap();
    assert_eq!(delete.status(), 204);
    assert_eq!(sim.get(&one).await.unwrap().status(), 404);

    // 100 in all.
    for n in 1..100 {
        let body = with(
            "resource",
            json!(format!("/users/{}", uuid::Uuid::from_u128(n))),
        );
        assert_eq!(sim.post("/subscriptions", &body).await.0, 201, "{n}");
    }
    let (status, answer) = sim.post("/subscriptions", &good).await;
    assert_eq!(
        (status, &answer["error"]["code"]),
        (403, &json!("Forbidden"))
    );

    // The right to read what is watched is needed.
    sim.tell(
        "/permissions",
        &json!({"permissions": ["Group.Read.All"], "revoke": true}),
    )
    .await;
    let mut sim = sim;
    sim.sign_in().await;
    let (_, answer) = sim.post("/subscriptions", &good).await;
    assert_eq!(answer["error"]["code"], "Authorization_RequestDenied");
    sim.running.shutdown().await.unwrap();
}

#[tokio::test]
async fn notifications_are_delivered() {
    let mut sim = Sim::demo().await;
    let (hook, url) = Hook::start().await;
    let user = Sim::plan().user(11).id.to_string();
    for resource in ["/users", "/groups"] {
        let body = json!({"changeType": "updated,deleted", "resource": resource, "clientState": "s",
            "notificationUrl": format!("{url}/hook?keep=me"),
            "lifecycleNotificationUrl": format!("{url}/hook?keep=me"),
            "expirationDateTime": sim.moment(600).await});
        let (status, answer) = sim.post("/subscriptions", &body).await;
        assert_eq!(status, 201, "{answer}");
    }
    let touch = |n: u32| json!({"jobTitle": format!("T{n}")});
    let path = format!("/users/{user}");
    assert_eq!(sim.patch(&path, &touch(1)).await.status(), 204);
    let item = hook.wait(1).await.remove(0);
    assert_eq!(item["resource"], format!("Users/{user}"));
    assert_eq!(
        (&item["changeType"], &item["clientState"]),
        (&json!("updated"), &json!("s"))
    );
    assert_eq!(item["resourceData"]["@odata.type"], "#Microsoft.Graph.User");
    assert_eq!(item["resourceData"]["id"], user);
    assert!(item["resourceData"]["sequenceNumber"].as_i64().unwrap() > 638_000_000_000_000_000);

    // A member of a new group: the creation, then the link.
    let (status, body) = sim
        .tell("/changes", &json!({"changes": [{"op": "create", "kind": "group", "properties": {"displayName": "G"}}]}))
        .await;
    assert_eq!(status, 200);
    let group = body["ids"][0].clone();
    hook.wait(1).await;
    sim.tell(
        "/changes",
        &json!({"changes": [{"op": "add_member", "group": group, "member": user}]}),
    )
    .await;
    let item = hook.wait(1).await.remove(0);
    assert_eq!(item["resourceData"]["members@delta"], json!([{"id": user}]));

    // Soft deletion is an update, only the end is a deletion.
    let request = sim.request(reqwest::Method::DELETE, &path);
    assert_eq!(request.send().await.unwrap().status(), 204);
    assert!(
        hook.wait(2)
            .await
            .iter()
            .all(|i| i["changeType"] == "updated")
    );
    sim.tell(
        "/changes",
        &json!({"changes": [{"op": "purge", "id": user}]}),
    )
    .await;
    let items = hook.wait(1).await;
    assert_eq!(items[0]["changeType"], "deleted");

    // Lost, doubled, late.
    let path = format!("/users/{}", Sim::plan().user(12).id);
    sim.tell("/notifications", &json!({"drop": 1})).await;
    sim.patch(&path, &touch(2)).await;
    hook.stays_silent().await;
    sim.tell("/notifications", &json!({"duplicate": 1})).await;
    sim.patch(&path, &touch(3)).await;
    hook.wait(2).await;
    sim.tell("/notifications", &json!({"delay": 600})).await;
    sim.patch(&path, &touch(4)).await;
    hook.stays_silent().await;
    sim.tell("/clock/advance", &json!({"seconds": 601})).await;
    hook.wait(1).await;

    // A failing endpoint is asked again, later.
    sim.tell("/notifications", &json!({"delay": 0})).await;
    *hook.fail.lock().unwrap() = 1;
    sim.sign_in().await;
    sim.patch(&path, &touch(5)).await;
    hook.stays_silent().await;
    sim.tell("/clock/advance", &json!({"seconds": 30})).await;
    hook.wait(1).await;
    let counts = sim.see("/notifications").await;
    assert_eq!(
        (&counts["retried"], &counts["dropped"]),
        (&json!(1), &json!(1))
    );

    // Near its end a subscription is to be authorised again; after it there is none.
    sim.tell("/clock/advance", &json!({"seconds": 595 * 60 - 631}))
        .await;
    let items = hook.wait(2).await;
    assert!(
        items
            .iter()
            .all(|i| i["lifecycleEvent"] == "reauthorizationRequired")
    );
    sim.tell("/clock/advance", &json!({"seconds": 600})).await;
    sim.sign_in().await;
    let list: Value = sim
        .get("/subscriptions")
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(list["value"], json!([]));
    sim.patch(&path, &touch(6)).await;
    hook.stays_silent().await;
}

#[tokio::test]
async fn lag_and_churn_by_control() {
    let lagging = Settings {
        replication_lag: Duration::from_secs(20),
        ..Settings::default()
    };
    let sim = Sim::start(lagging).await;
    let user = format!("/users/{}", sim.some_id("users").await);
    let title = async |sim: &Sim| {
        let url = format!("{user}?$select=jobTitle");
        let body: Value = sim.get(&url).await.unwrap().json().await.unwrap();
        body["jobTitle"].clone()
    };
    let before = title(&sim).await;
    sim.patch(&user, &json!({"jobTitle": "Changed"})).await;
    assert_eq!(title(&sim).await, before);
    sim.tell("/clock/advance", &json!({"seconds": 20})).await;
    assert_eq!(title(&sim).await, "Changed");
    assert_eq!(sim.see("/lag").await["stale"], 20.0);
    assert_eq!(sim.tell("/lag", &json!({"all": -1})).await.0, 400);
    assert_eq!(sim.tell("/lag", &json!({})).await.1["stale"], 0.0);
    sim.patch(&user, &json!({"jobTitle": "At once"})).await;
    assert_eq!(title(&sim).await, "At once");
    assert_eq!(sim.tell("/reset", &json!({})).await.0, 204);
    assert_eq!(sim.see("/lag").await["stale"], 20.0);
    sim.tell("/lag", &json!({})).await;

    let mut sim = sim;
    sim.sign_in().await;
    let latest: Value = sim
        .get("/users/delta?$deltatoken=latest")
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let link = latest["@odata.deltaLink"].as_str().unwrap().to_owned();
    assert_eq!(
        sim.tell("/churn", &json!({"changes_per_second": 5000, "seconds": 1}))
            .await
            .0,
        400
    );
    assert_eq!(
        sim.tell("/churn", &json!({"changes_per_second": 200, "seconds": 1}))
            .await
            .1,
        json!({"changes": 200})
    );
    let number = || sim.running.graph.read().journal().last();
    for _ in 0..100 {
        if number() >= 200 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    let made = number();
    // A change of members may change licences as well.
    assert!((200..250).contains(&made), "{made}");
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(number(), made, "it ended");
    let changed = sim
        .http
        .get(link)
        .bearer_auth(&sim.token)
        .send()
        .await
        .unwrap();
    let changed: Value = changed.json().await.unwrap();
    assert!(changed["value"].as_array().unwrap().len() > 20, "{changed}");

    // Another loading of the tenant knows no older tokens.
    sim.tell("/delta", &json!({"resync": "sync_state_not_found"}))
        .await;
    assert_eq!(sim.tell("/delta/forget", &json!({})).await.0, 204);
    let link = changed["@odata.deltaLink"]
        .as_str()
        .or(changed["@odata.nextLink"].as_str())
        .unwrap();
    let answer = sim
        .http
        .get(link)
        .bearer_auth(&sim.token)
        .send()
        .await
        .unwrap();
    assert_eq!(error_of(answer).await.1, "syncStateNotFound");
}
