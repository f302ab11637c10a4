//! The simulated tenant, asked itself and changed behind the gateway's back.

use std::collections::HashMap;

use entra_scim::{simulator::start::ReadyLine, store::Store};
use serde_json::{Value, json};

use super::app::{App, origin_of, strings};

impl App {
    /// Root of Graph, version included.
    pub fn graph_url(&self) -> String {
        format!("{}/v1.0", origin_of(&self.inner.simulator.ready.graph))
    }

    /// The gateway's store.
    pub fn store(&self) -> &Store {
        &self.inner.store
    }

    /// Root of the gateway, beside `/scim/v2`.
    pub fn gateway_url(&self) -> &str {
        self.scim.trim_end_matches("/scim/v2")
    }

    /// Where the gateway listens.
    pub fn address(&self) -> std::net::SocketAddr {
        let url = url::Url::parse(&self.scim).unwrap();
        url.socket_addrs(|| None).unwrap()[0]
    }

    /// The simulator's ready line.
    pub fn simulator(&self) -> &ReadyLine {
        &self.inner.simulator.ready
    }

    /// `GET` below the simulator's control.
    pub async fn control(&self, path: &str) -> Option<Value> {
        let url = format!("{}{path}", self.inner.simulator.ready.control);
        let response = self.client.get(url).send().await.unwrap();
        response.status().is_success().then_some(())?;
        Some(response.json().await.unwrap())
    }

    /// `POST` below the simulator's control.
    pub async fn control_post(&self, path: &str, body: &Value) {
        let url = format!("{}{path}", self.inner.simulator.ready.control);
        let response = self.client.post(url).json(body).send().await.unwrap();
        let status = response.status();
        assert!(
            status.is_success(),
            "{path}: {status} {}",
            response.text().await.unwrap()
        );
    }

    /// Replaces the fault rules.
    pub async fn set_faults(&self, rules: Value) {
        let url = format!("{}/faults", self.inner.simulator.ready.control);
        assert!(
            self.client
                .delete(&url)
                .send()
                .await
                .unwrap()
                .status()
                .is_success()
        );
        if rules.as_array().is_some_and(|r| !r.is_empty()) {
            self.control_post("/faults", &json!({ "faults": rules }))
                .await;
        }
    }

    pub async fn reset_counters(&self) {
        self.control_post("/counters/reset", &json!({})).await;
    }

    pub async fn counters(&self) -> Value {
        self.control("/counters").await.unwrap()
    }

    /// Changes an object behind the gateway's back.
    pub async fn sim_patch(&self, id: &str, properties: &Value) {
        let change = json!({"op": "patch", "id": id, "properties": properties});
        self.control_post("/changes", &json!({ "changes": [change] }))
            .await;
    }

    pub async fn sim_object(&self, id: &str) -> Value {
        self.control(&format!("/objects/{id}"))
            .await
            .unwrap_or(Value::Null)
    }

    pub async fn sim_exists(&self, id: &str) -> bool {
        self.sim_object(id).await["deleted"] == false
    }

    pub async fn sim_members(&self, group: &str) -> Vec<String> {
        strings(
            &self
                .control(&format!("/groups/{group}/members"))
                .await
                .unwrap(),
        )
    }

    pub async fn sim_manager(&self, user: &str) -> Option<String> {
        self.control(&format!("/users/{user}/manager"))
            .await
            .unwrap()
            .as_str()
            .map(str::to_owned)
    }

    /// SKU ids that the user holds directly.
    pub async fn sim_licences(&self, user: &str) -> Vec<String> {
        let all = self
            .control(&format!("/users/{user}/licenses"))
            .await
            .unwrap();
        let direct = all
            .as_array()
            .unwrap()
            .iter()
            .filter(|l| l["group"].is_null());
        direct
            .map(|l| l["skuId"].as_str().unwrap().to_owned())
            .collect()
    }

    /// Role definition ids assigned to the principal.
    pub async fn sim_roles(&self, principal: &str) -> Vec<String> {
        let all = self.control("/roleAssignments").await.unwrap();
        let held = all
            .as_array()
            .unwrap()
            .iter()
            .filter(|a| a["principalId"] == principal);
        held.map(|a| a["roleDefinitionId"].as_str().unwrap().to_owned())
            .collect()
    }

    pub async fn sim_user_by_upn(&self, upn: &str) -> Option<String> {
        let user = self.control(&format!("/users/{upn}")).await?;
        (user["deleted"] == false).then(|| user["id"].as_str().unwrap().to_owned())
    }

    pub async fn sim_remove_licence(&self, user: &str, sku: &str) {
        if self.sim_licences(user).await.contains(&sku.to_owned()) {
            let body = json!({"addLicenses": [], "removeLicenses": [sku]});
            let url = format!("{}/users/{user}/assignLicense", self.graph_url());
            let token = self.graph_token().await;
            let response = self
                .client
                .post(url)
                .bearer_auth(token)
                .json(&body)
                .send()
                .await
                .unwrap();
            assert!(response.status().is_success());
        }
    }

    /// The user's mailbox settings, straight from Graph.
    pub async fn sim_mailbox(&self, user: &str) -> Value {
        let url = format!("{}/users/{user}/mailboxSettings", self.graph_url());
        let request = self.client.get(url).bearer_auth(self.graph_token().await);
        request.send().await.unwrap().json().await.unwrap()
    }

    /// Gives the user a photo, straight in Graph.
    pub async fn graph_put_photo(&self, user: &str, bytes: Vec<u8>) {
        let url = format!("{}/users/{user}/photo/$value", self.graph_url());
        let request = self.client.put(url).bearer_auth(self.graph_token().await);
        let request = request.header("content-type", "image/jpeg").body(bytes);
        let response = request.send().await.unwrap();
        let status = response.status();
        assert!(
            status.is_success(),
            "{status} {}",
            response.text().await.unwrap()
        );
    }

    /// A deletion in the tenant behind the gateway's back.
    pub async fn graph_delete(&self, path: &str) {
        let url = format!("{}{path}", self.graph_url());
        let request = self
            .client
            .delete(url)
            .bearer_auth(self.graph_token().await);
        let response = request.send().await.unwrap();
        assert!(response.status().is_success(), "{}", response.status());
    }

    /// A token for Graph, from the simulator itself.
    pub async fn graph_token(&self) -> &str {
        self.inner
            .graph_token
            .get_or_init(|| async {
                let ready = &self.inner.simulator.ready;
                let form: HashMap<&str, &str> = HashMap::from([
                    ("grant_type", "client_credentials"),
                    ("client_id", &*ready.client_id),
                    ("client_secret", &*ready.client_secret),
                    ("scope", "https://graph.microsoft.com/.default"),
                ]);
                let response = self
                    .client
                    .post(&ready.token_endpoint)
                    .form(&form)
                    .send()
                    .await
                    .unwrap();
                let body: Value = response.json().await.unwrap();
                body["access_token"].as_str().unwrap().to_owned()
            })
            .await
    }

    /// Every object of a Graph collection, straight from the simulator.
    pub async fn graph_list(&self, path_and_query: &str) -> Vec<Value> {
        let mut url = format!("{}{path_and_query}", self.graph_url());
        let mut items = Vec::new();
        loop {
            let request = self.client.get(&url).bearer_auth(self.graph_token().await);
            let response = request.send().await.unwrap();
            let page: Value = response.json().await.unwrap();
            items.extend(
                page["value"]
                    .as_array()
                    .unwrap_or_else(|| panic!("{page}"))
                    .clone(),
            );
            match page["@odata.nextLink"].as_str() {
                Some(next) => next.clone_into(&mut url),
                None => return items,
            }
        }
    }

    pub async fn sim_user_ids(&self) -> Vec<String> {
        let users = self.graph_list("/users?$select=id&$top=999").await;
        users
            .iter()
            .map(|u| u["id"].as_str().unwrap().to_owned())
            .collect()
    }

    async fn cloud_users(&self) -> Vec<Value> {
        let select =
            "id,userType,onPremisesSyncEnabled,usageLocation,assignedLicenses,accountEnabled";
        let users = self
            .graph_list(&format!("/users?$select={select}&$top=999"))
            .await;
        users
            .into_iter()
            .filter(|u| {
                u["userType"] == "Member"
                    && u["onPremisesSyncEnabled"] != true
                    && u["accountEnabled"] == true
            })
            .collect()
    }

    /// An enabled member of the tenant that is mastered in the cloud.
    pub async fn any_user(&self) -> String {
        let users = self.cloud_users().await;
        users[users.len() / 2]["id"].as_str().unwrap().to_owned()
    }

    /// Another one, who holds no directory role either.
    pub async fn another_user(&self, id: &str) -> String {
        let all = self.control("/roleAssignments").await.unwrap();
        let holds = |id: &Value| {
            all.as_array()
                .unwrap()
                .iter()
                .any(|a| a["principalId"] == *id)
        };
        let users = self.cloud_users().await;
        let other = users
            .iter()
            .find(|u| u["id"] != id && !holds(&u["id"]))
            .unwrap();
        other["id"].as_str().unwrap().to_owned()
    }

    /// One with a usage location, who does not hold the licence.
    pub async fn user_with_usage_location(&self, sku: &str) -> String {
        let users = self.cloud_users().await;
        let fits = |u: &&Value| {
            let held = u["assignedLicenses"].as_array().unwrap();
            u["usageLocation"].is_string() && held.iter().all(|l| l["skuId"] != sku)
        };
        users.iter().find(fits).unwrap()["id"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    /// The tenant's initial domain.
    pub async fn domain(&self) -> String {
        let domains = self.graph_list("/domains").await;
        let initial = domains.iter().find(|d| d["isInitial"] == true).unwrap();
        initial["id"].as_str().unwrap().to_owned()
    }
}
