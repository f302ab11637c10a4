//! One scenario on a tenant of its own.

use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Duration;

use entra_scim::base::clock::{Clock, SystemClock};
use entra_scim::simulator::settings::Settings;
use entra_scim::simulator::start::{Running, start};
use reqwest::Method;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::net::TcpListener;

use super::compare::{Comparison, Kind, Mismatch, same_place};
use super::differences;
use super::names::{Names, guids, is_guid, walk};
use super::recording::Exchange;

/// Headers that are compared.
const HEADERS: [&str; 4] = [
    "Content-Type",
    "OData-Version",
    "Location",
    "x-ms-resource-unit",
];

/// What became of an exchange.
pub enum Outcome {
    /// It depends on what only the recorded tenant had.
    LeftOut(String),
    /// It was compared; the differences.
    Compared(Vec<Mismatch>),
}

/// A simulator with its tokens.
pub struct Tenant {
    running: Running,
    http: reqwest::Client,
    graph_token: String,
    arm_token: String,
    names: Names,
    /// Addresses of resources that were not made.
    left: BTreeSet<String>,
}

impl Tenant {
    /// A fresh tenant, and stand-ins for people and groups that a scenario found in its own.
    pub async fn start(exchanges: &[Exchange]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let running = start(Settings::default(), listener).await.unwrap();
        let http = reqwest::Client::builder()
            .timeout(Duration::from_secs(20))
            .build()
            .unwrap();
        let mut tenant = Self {
            running,
            http,
            graph_token: String::new(),
            arm_token: String::new(),
            names: Names::default(),
            left: BTreeSet::new(),
        };
        tenant.graph_token = tenant.sign_in("https://graph.microsoft.com/.default").await;
        tenant.arm_token = tenant
            .sign_in("https://management.azure.com/.default")
            .await;
        tenant.prepare(exchanges).await;
        tenant
    }

    /// Ends the simulator.
    pub async fn stop(self) {
        self.running.shutdown().await.unwrap();
    }

    async fn sign_in(&self, scope: &str) -> String {
        let ready = &self.running.ready;
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", &ready.client_id),
            ("client_secret", &ready.client_secret),
            ("scope", scope),
        ];
        let response = self
            .http
            .post(&ready.token_endpoint)
            .form(&form)
            .send()
            .await
            .unwrap();
        let body: Value = response.json().await.unwrap();
        body["access_token"].as_str().unwrap().to_owned()
    }

    /// Calls Graph below the version.
    pub async fn graph(&self, method: Method, path: &str, body: &Value) -> (u16, Value) {
        let url = format!("{}{path}", self.running.ready.graph);
        let (status, _, body) = self.send(method, url, &self.graph_token, body).await;
        (status, body)
    }

    /// Calls Azure Resource Manager.
    pub async fn arm(&self, method: Method, path: &str, body: &Value) -> (u16, Value) {
        let url = format!("{}{path}", self.running.ready.arm);
        let (status, _, body) = self.send(method, url, &self.arm_token, body).await;
        (status, body)
    }

    /// Where the simulator is.
    pub fn origin(&self) -> &str {
        &self.running.ready.graph
    }

    /// Calls Graph with a token of the caller's choice; without one for an empty text.
    pub async fn with_token(&self, token: &str, path: &str) -> (u16, Value) {
        let mut request = self.http.get(format!("{}{path}", self.running.ready.graph));
        if !token.is_empty() {
            request = request.bearer_auth(token);
        }
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    /// Takes every permission from the caller, and signs in again.
    pub async fn revoke_permissions(&mut self) {
        let url = format!("{}/permissions", self.running.ready.control);
        let body = json!({"permissions": []});
        let response = self.http.post(url).json(&body).send().await.unwrap();
        assert!(response.status().is_success());
        self.graph_token = self.sign_in("https://graph.microsoft.com/.default").await;
    }

    async fn send(
        &self,
        method: Method,
        url: String,
        token: &str,
        body: &Value,
    ) -> (u16, reqwest::header::HeaderMap, Value) {
        let mut request = self.http.request(method, url).bearer_auth(token);
        if !body.is_null() {
            request = request.json(body);
        }
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.unwrap();
        let body = serde_json::from_str(&text).unwrap_or(Value::Null);
        (status, headers, body)
    }

    async fn prepare(&mut self, exchanges: &[Exchange]) {
        let (_, users) = self
            .graph(Method::GET, "/v1.0/users?$top=50", &Value::Null)
            .await;
        let (_, domains) = self.graph(Method::GET, "/v1.0/domains", &Value::Null).await;
        let list = |body: &Value| {
            body["value"]
                .as_array()
                .cloned()
                .unwrap_or_default()
                .into_iter()
        };
        let mut users = list(&users);
        let domain = list(&domains)
            .find(|d| d["isInitial"] == true)
            .and_then(|d| d["id"].as_str().map(str::to_owned))
            .unwrap();
        let created = created(exchanges);
        for exchange in exchanges {
            let single = exchange.method == "GET" && exchange.url.contains("/v1.0/users/");
            let mut found: Vec<(bool, String, Option<String>)> = Vec::new();
            let mut foreign: Vec<String> = Vec::new();
            walk(&exchange.answer, &mut |map| {
                let text = |name: &str| map.get(name).and_then(Value::as_str);
                let upn = text("userPrincipalName").map(str::to_owned);
                let entity = text("@odata.type").unwrap_or_default();
                if let Some(id) = text("id") {
                    if entity == "#microsoft.graph.user" || single && upn.is_some() {
                        found.push((true, id.to_owned(), upn));
                    } else if entity == "#microsoft.graph.group" || map.contains_key("groupTypes") {
                        found.push((false, id.to_owned(), None));
                    }
                }
                if exchange.method == "PUT"
                    && let (Some(id), Some(kind)) = (text("principalId"), text("principalType"))
                    && kind != "ServicePrincipal"
                {
                    found.push((kind == "User", id.to_owned(), None));
                }
            });
            let items = exchange.answer["value"]
                .as_array()
                .map_or(&[][..], Vec::as_slice);
            for item in items.iter().chain([&exchange.answer]) {
                if let Some(id) = item["id"].as_str().filter(|id| !created.contains(*id)) {
                    foreign.push(id.to_owned());
                }
            }
            for (is_user, id, upn) in found {
                if created.contains(&id) || self.names.id(&id).is_some() {
                    continue;
                }
                let stand_in = if is_user {
                    users.next().unwrap()
                } else {
                    self.group_like(exchange, &id).await
                };
                let own = stand_in["id"].as_str().unwrap();
                self.names.learn(&id, own);
                self.names.stand_ins.insert(own.to_owned());
                if let (Some(upn), Some(own)) = (upn, stand_in["userPrincipalName"].as_str()) {
                    self.names.learn_text(&upn, own);
                }
            }
            self.names.foreign.extend(foreign);
        }
        for exchange in exchanges {
            let location = exchange.header("Location").unwrap_or_default();
            let tenant = location
                .split("/v2/")
                .nth(1)
                .and_then(|rest| rest.split('/').next());
            if let Some(tenant) = tenant {
                self.names.learn(tenant, &self.running.ready.tenant_id);
            }
            for name in domains_of(exchange) {
                self.names.learn_text(&name, &domain);
            }
        }
        let known: Vec<String> = self
            .names
            .foreign
            .iter()
            .filter(|f| self.names.id(f).is_some())
            .cloned()
            .collect();
        for id in known {
            self.names.foreign.remove(&id);
        }
    }

    /// A group by the name of a recorded one.
    async fn group_like(&self, exchange: &Exchange, id: &str) -> Value {
        let mut name = "stand-in".to_owned();
        let mut nickname = name.clone();
        walk(&exchange.answer, &mut |map| {
            let text = |name: &str| map.get(name).and_then(Value::as_str);
            if text("id") == Some(id) {
                text("displayName")
                    .unwrap_or("stand-in")
                    .clone_into(&mut name);
                text("mailNickname")
                    .unwrap_or("stand-in")
                    .clone_into(&mut nickname);
            }
        });
        let body = json!({
            "displayName": name,
            "mailNickname": nickname,
            "mailEnabled": false,
            "securityEnabled": true,
        });
        let (status, group) = self.graph(Method::POST, "/v1.0/groups", &body).await;
        assert_eq!(status, 201, "{group}");
        group
    }

    /// Sends one exchange and compares the answer.
    pub async fn replay(&mut self, exchange: &Exchange) -> Outcome {
        if let Some(why) = self.depends(exchange) {
            let path = exchange.url.split('?').next().unwrap_or_default();
            self.left.insert(path.to_owned());
            if let (201, Some(id)) = (exchange.status, exchange.answer["id"].as_str()) {
                self.names.foreign.insert(id.to_owned());
            }
            return Outcome::LeftOut(why);
        }
        let url = self.names.rewrite(&exchange.url);
        let ready = &self.running.ready;
        let (url, token) = if let Some(path) = url.strip_prefix("https://graph.microsoft.com") {
            (format!("{}{path}", ready.graph), &self.graph_token)
        } else {
            let path = url.strip_prefix("https://management.azure.com").unwrap();
            (format!("{}{path}", ready.arm), &self.arm_token)
        };
        let mut body = self.names.rewrite_json(&exchange.body);
        differences::modernise(exchange, &mut body);
        self.localise(exchange, &mut body);
        let method = Method::from_bytes(exchange.method.as_bytes()).unwrap();
        let (status, headers, answer) = self.send(method, url, token, &body).await;
        let mut found = Vec::new();
        if status != exchange.status {
            found.push(Mismatch {
                kind: Kind::Status,
                path: String::new(),
                recorded: exchange.status.into(),
                simulated: status.into(),
                whole: Rc::new((exchange.answer.clone(), answer)),
            });
            return Outcome::Compared(found);
        }
        let whole = Rc::new((exchange.answer.clone(), answer.clone()));
        let mut comparison = Comparison {
            names: &mut self.names,
            found,
            whole: Rc::clone(&whole),
        };
        comparison.values("", &exchange.answer, &answer, true);
        let mut found = comparison.found;
        for name in HEADERS {
            let recorded = exchange.header(name);
            let own = headers.get(name).map(|v| v.to_str().unwrap());
            let wanted = recorded.map(|r| self.names.rewrite(r));
            let same = match (wanted.as_deref(), own) {
                (Some(r), Some(s)) => r == s || name == "Location" && same_place(r, s),
                (None, None) => true,
                _ => false,
            };
            if !same {
                found.push(Mismatch {
                    kind: Kind::Header,
                    path: name.to_owned(),
                    recorded: wanted.into(),
                    simulated: own.into(),
                    whole: Rc::clone(&whole),
                });
            }
        }
        Outcome::Compared(found)
    }

    /// Addresses of Graph are the simulator's own, and moments keep their distance from the
    /// present.
    fn localise(&self, exchange: &Exchange, body: &mut Value) {
        if let Some(Value::String(address)) = body.get_mut("@odata.id") {
            *address = address.replace("https://graph.microsoft.com", &self.running.ready.graph);
        }
        if let Some(Value::String(start)) =
            body.pointer_mut("/properties/scheduleInfo/startDateTime")
            && let Some(created) = exchange.answer.pointer("/properties/createdOn")
        {
            let read = |text: &str| OffsetDateTime::parse(text, &Rfc3339).unwrap();
            let distance = read(start) - read(created.as_str().unwrap());
            *start = (SystemClock.now() + distance).format(&Rfc3339).unwrap();
        }
    }

    /// Whether an exchange needs an object that only the recorded tenant had.
    fn depends(&self, exchange: &Exchange) -> Option<String> {
        if exchange.status == 404 {
            return None;
        }
        let mut asked: Vec<String> = Vec::new();
        let (path, query) = exchange.url.split_once('?').unwrap_or((&exchange.url, ""));
        if self.left.contains(path) {
            return Some("it addresses what an exchange before it would have made".to_owned());
        }
        if exchange.is_graph() {
            asked.extend(guids(path).into_iter().map(|(_, g)| g.to_owned()));
        }
        asked.extend(guids(query).into_iter().map(|(_, g)| g.to_owned()));
        walk(&exchange.body, &mut |map| {
            let named: &[&str] = if exchange.url.ends_with("removePassword") {
                &["keyId"]
            } else {
                &["principalId", "appId", "@odata.id", "ids", "groupIds"]
            };
            for name in named {
                let value = map.get(*name).map(Value::to_string).unwrap_or_default();
                asked.extend(guids(&value).into_iter().map(|(_, g)| g.to_owned()));
            }
        });
        let items = exchange.answer.get("value").and_then(Value::as_array);
        if items.is_some_and(Vec::is_empty) {
            return None;
        }
        asked
            .iter()
            .find(|id| self.names.id(id).is_none())
            .map(|_| "it names an object that only the recorded tenant had".to_owned())
            .or_else(|| {
                let all_foreign = items.is_some_and(|items| {
                    items.iter().all(|i| {
                        i["id"]
                            .as_str()
                            .is_some_and(|id| self.names.foreign.contains(id))
                    })
                });
                all_foreign
                    .then(|| "it lists only objects that only the recorded tenant had".to_owned())
            })
    }
}

/// Ids of objects that a scenario makes.
fn created(exchanges: &[Exchange]) -> BTreeSet<String> {
    let mut ids = BTreeSet::new();
    for exchange in exchanges {
        let made =
            exchange.status == 201 && (exchange.method == "POST" || exchange.method == "PUT");
        if made && let Some(id) = exchange.answer["id"].as_str() {
            ids.insert(id.to_owned());
        }
        if !exchange.is_graph() {
            // Built-in role definitions are the same in every tenant.
            walk(&exchange.answer, &mut |map| {
                let builtin = map
                    .get("properties")
                    .is_some_and(|p| p["type"] == "BuiltInRole");
                if let (true, Some(id)) = (builtin, map.get("id").and_then(Value::as_str)) {
                    ids.insert(id.to_owned());
                }
            });
        }
    }
    ids
}

fn domains_of(exchange: &Exchange) -> Vec<String> {
    let mut found = Vec::new();
    let mut see = |map: &serde_json::Map<String, Value>| {
        let text = |name: &str| map.get(name).and_then(Value::as_str);
        found.extend(text("publisherDomain").map(str::to_owned));
        let upn = text("userPrincipalName").and_then(|upn| upn.split_once('@'));
        found.extend(upn.map(|(_, domain)| domain.to_owned()));
    };
    walk(&exchange.answer, &mut see);
    walk(&exchange.body, &mut see);
    let key = exchange.url.split("/users/").nth(1).unwrap_or_default();
    let key = key.split(['/', '?']).next().unwrap_or_default();
    if !is_guid(key)
        && let Some((_, domain)) = key.split_once('@')
    {
        found.push(domain.to_owned());
    }
    found
}
