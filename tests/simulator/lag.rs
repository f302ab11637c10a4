//! Reads that are behind, over the socket: links, licences, roles and deletions.

use super::*;

impl Sim {
    async fn send(&self, method: reqwest::Method, path: &str, body: &Value) -> (u16, Value) {
        let mut request = self.request(method, path);
        if !body.is_null() {
            request = request.json(body);
        }
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        let text = response.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or(Value::Null))
    }

    async fn json(&self, path: &str) -> (u16, Value) {
        self.send(reqwest::Method::GET, path, &Value::Null).await
    }

    /// The ids of a list that fits on a page.
    async fn ids(&self, path: &str) -> Vec<String> {
        let (status, body) = self.json(path).await;
        assert_eq!(status, 200, "{path}: {body}");
        let rows = body["value"].as_array().unwrap();
        let id = |row: &Value| row["id"].as_str().unwrap().to_owned();
        rows.iter().map(id).collect()
    }

    async fn pass(&self, seconds: u64) {
        self.tell("/clock/advance", &json!({"seconds": seconds}))
            .await;
    }

    fn reference(&self, id: &str) -> Value {
        let graph = &self.running.ready.graph;
        json!({"@odata.id": format!("{graph}/v1.0/directoryObjects/{id}")})
    }

    async fn behind(seconds: u64) -> Self {
        Self::start(Settings {
            replication_lag: Duration::from_secs(seconds),
            ..Settings::default()
        })
        .await
    }
}

use reqwest::Method as Http;

#[tokio::test]
async fn memberships_are_read_late_and_written_at_once() {
    let sim = Sim::behind(60).await;
    let body = json!({"displayName": "Late", "mailNickname": "late", "mailEnabled": false,
        "securityEnabled": true});
    let (status, group) = sim.send(Http::POST, "/groups", &body).await;
    assert_eq!(status, 201, "{group}");
    let group = format!("/groups/{}", group["id"].as_str().unwrap());
    sim.pass(60).await;
    let users = sim
        .ids("/users?$filter=userType eq 'Member'&$select=id&$top=3")
        .await;
    let (members, owners) = (format!("{group}/members"), format!("{group}/owners"));
    let add = sim.reference(&users[0]);
    let post = format!("{members}/$ref");
    assert_eq!(sim.send(Http::POST, &post, &add).await.0, 204);
    let owner = sim.reference(&users[1]);
    let added = sim
        .send(Http::POST, &format!("{owners}/$ref"), &owner)
        .await;
    assert_eq!(added.0, 204, "{}", added.1);

    let none: [String; 0] = [];
    assert_eq!(sim.ids(&members).await, none);
    assert_eq!(sim.ids(&owners).await, none);
    let held_by = format!("/users/{}/memberOf/microsoft.graph.group", users[0]);
    let late = group.trim_start_matches("/groups/").to_owned();
    assert!(!sim.ids(&held_by).await.contains(&late));
    let (status, refused) = sim.send(Http::POST, &post, &add).await;
    let why = refused["error"]["message"].as_str().unwrap_or_default();
    assert!(status == 400 && why.contains("already exist"), "{refused}");

    sim.pass(60).await;
    assert_eq!(sim.ids(&members).await, users[..1]);
    assert_eq!(sim.ids(&owners).await, users[1..2]);
    assert!(sim.ids(&held_by).await.contains(&late));

    // The other way: still seen, and no longer there to be removed.
    let remove = format!("{members}/{}/$ref", users[0]);
    assert_eq!(sim.send(Http::DELETE, &remove, &Value::Null).await.0, 204);
    assert_eq!(sim.ids(&members).await, users[..1]);
    let (status, refused) = sim.send(Http::DELETE, &remove, &Value::Null).await;
    assert_eq!(status, 400, "{refused}");
    sim.pass(60).await;
    assert_eq!(sim.ids(&members).await, none);
}

#[tokio::test]
async fn managers_roles_and_licences_are_read_late() {
    let sim = Sim::behind(60).await;
    let users = sim
        .ids("/users?$filter=userType eq 'Member'&$select=id&$top=9")
        .await;
    let user = format!("/users/{}", users[7]);
    let boss = async |sim: &Sim| sim.json(&format!("{user}/manager")).await.1["id"].clone();
    let before = boss(&sim).await;
    let other = users.iter().find(|id| before != **id && **id != users[7]);
    let other = other.unwrap();
    let put = format!("{user}/manager/$ref");
    let reference = sim.reference(other);
    assert_eq!(sim.send(Http::PUT, &put, &reference).await.0, 204);

    let (_, skus) = sim.json("/subscribedSkus").await;
    let sku = skus["value"]
        .as_array()
        .unwrap()
        .iter()
        .find(|sku| sku["skuPartNumber"] == "FLOW_FREE");
    let sku = sku.unwrap()["skuId"].clone();
    let held = async |sim: &Sim| {
        let (_, body) = sim.json(&format!("{user}?$select=assignedLicenses")).await;
        let list = body["assignedLicenses"].as_array().unwrap();
        list.iter().filter(|held| held["skuId"] == sku).count()
    };
    let was_held = held(&sim).await;
    let (add, remove) = if was_held == 0 {
        (json!([{"skuId": sku}]), json!([]))
    } else {
        (json!([]), json!([sku]))
    };
    let assign = json!({"addLicenses": add, "removeLicenses": remove});
    let (status, told) = sim
        .send(Http::POST, &format!("{user}/assignLicense"), &assign)
        .await;
    assert_eq!(status, 200, "{told}");

    let roles = "/roleManagement/directory/roleAssignments";
    let role = "88d8e3e3-8f55-4a1e-953a-9b9898b8876b";
    let body = json!({"principalId": users[7], "roleDefinitionId": role, "directoryScopeId": "/"});
    let (status, assigned) = sim.send(Http::POST, roles, &body).await;
    assert_eq!(status, 201, "{assigned}");
    let assigned = assigned["id"].as_str().unwrap().to_owned();
    let listed = format!("{roles}?$filter=principalId eq '{}'", users[7]);

    assert_eq!(boss(&sim).await, before);
    assert_eq!(held(&sim).await, was_held);
    assert!(!sim.ids(&listed).await.contains(&assigned));
    sim.pass(60).await;
    assert_eq!(boss(&sim).await, **other);
    assert_eq!(held(&sim).await, 1 - was_held);
    assert!(sim.ids(&listed).await.contains(&assigned));

    let url = format!("{roles}/{assigned}");
    assert_eq!(sim.send(Http::DELETE, &url, &Value::Null).await.0, 204);
    assert!(sim.ids(&listed).await.contains(&assigned));
    assert_eq!(sim.send(Http::DELETE, &url, &Value::Null).await.0, 404);
    sim.pass(60).await;
    assert!(!sim.ids(&listed).await.contains(&assigned));
}

#[tokio::test]
async fn the_deleted_are_read_late_and_gone_at_once() {
    let sim = Sim::demo().await;
    assert_eq!(sim.tell("/lag", &json!({"deletions": 30})).await.0, 200);
    assert_eq!(sim.see("/lag").await["deletions"], 30.0);
    assert_eq!(sim.see("/lag").await["links"], 0.0);
    let users = sim
        .ids("/users?$filter=userType eq 'Guest'&$select=id&$top=3")
        .await;
    let (user, binned) = (
        format!("/users/{}", users[0]),
        format!("/directory/deletedItems/{}", users[0]),
    );
    assert_eq!(sim.send(Http::DELETE, &user, &Value::Null).await.0, 204);
    assert_eq!(sim.json(&user).await.0, 200);
    assert_eq!(sim.json(&binned).await.0, 404);
    assert!(
        !sim.ids("/directory/deletedItems/microsoft.graph.user?$select=id&$top=999")
            .await
            .contains(&users[0])
    );
    let touched = sim.patch(&user, &json!({"jobTitle": "x"})).await;
    assert_eq!(touched.status(), 404, "writes know that it is gone");
    assert_eq!(sim.see(&user).await["deleted"], true, "and so does control");
    sim.pass(30).await;
    assert_eq!(sim.json(&user).await.0, 404);
    assert_eq!(sim.json(&binned).await.0, 200);

    // Out of the bin for good: read there for as long.
    assert_eq!(sim.send(Http::DELETE, &binned, &Value::Null).await.0, 204);
    assert_eq!(sim.json(&binned).await.0, 200);
    assert_eq!(sim.send(Http::DELETE, &binned, &Value::Null).await.0, 404);
    sim.pass(30).await;
    assert_eq!(sim.json(&binned).await.0, 404);
}
