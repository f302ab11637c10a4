//! Situations that lead to a recorded error.

use reqwest::Method;
use serde_json::{Value, json};

use super::names::guids;
use super::scenario::Tenant;

/// Status, code and text of an error, and what it came of.
pub struct Produced {
    /// The request.
    pub what: String,
    /// The status.
    pub status: u16,
    /// The code.
    pub code: String,
    /// The text.
    pub message: String,
}

const ABSENT: &str = "0db8115f-4663-4f70-867e-f6f9d7d21fb0";
const READER: &str =
    "/providers/Microsoft.Authorization/roleDefinitions/acdd72a7-3385-48ef-bd42-f606fba81ae7";
const ASSIGNMENTS: &str = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/g/providers/Microsoft.Authorization/roleAssignments";

struct Session {
    tenant: Tenant,
    produced: Vec<Produced>,
}

impl Session {
    fn note(&mut self, method: &Method, path: &str, (status, body): (u16, Value)) {
        let text = |name: &str| body["error"][name].as_str().unwrap_or_default().to_owned();
        self.produced.push(Produced {
            what: format!("{method} {path}"),
            status,
            code: text("code"),
            message: text("message"),
        });
    }

    async fn graph(&mut self, method: Method, path: &str, body: Value) {
        let answer = self
            .tenant
            .graph(method.clone(), &format!("/v1.0{path}"), &body)
            .await;
        self.note(&method, path, answer);
    }

    async fn arm(&mut self, name: &str, principal: &str) {
        let path = format!(
            "{ASSIGNMENTS}/88888888-0000-0000-0000-00000000000{name}?api-version=2022-04-01"
        );
        let body = json!({"properties": {"roleDefinitionId": READER, "principalId": principal}});
        let answer = self.tenant.arm(Method::PUT, &path, &body).await;
        if answer.0 != 201 {
            self.note(&Method::PUT, &path, answer);
        }
    }
}

/// All that could be produced.
pub async fn produce() -> Vec<Produced> {
    let mut session = Session {
        tenant: Tenant::start(&[]).await,
        produced: Vec::new(),
    };
    let (_, users) = session
        .tenant
        .graph(Method::GET, "/v1.0/users?$top=3", &Value::Null)
        .await;
    let text = |i: usize, name: &str| users["value"][i][name].as_str().unwrap().to_owned();
    let (user, other, upn) = (text(0, "id"), text(1, "id"), text(0, "userPrincipalName"));
    for path in ["servicePrincipals", "applications", "groups", "users"] {
        session
            .graph(Method::GET, &format!("/{path}/{ABSENT}"), Value::Null)
            .await;
    }
    for path in [
        "/users/someone@example.com",
        "/groups/test",
        "/groups?$orderby=mail",
        "/applications?$search=\"displayName:Browser\"",
        "/users?$select=aboutMe",
    ] {
        session.graph(Method::GET, path, Value::Null).await;
    }
    session
        .graph(
            Method::GET,
            &format!("/users/{user}?$expand=photo"),
            Value::Null,
        )
        .await;
    session.graph(Method::DELETE, "/users", Value::Null).await;
    let taken = json!({
        "userPrincipalName": upn,
        "displayName": "x",
        "mailNickname": "x",
        "accountEnabled": true,
        "passwordProfile": {"password": "Long-enough-123!"},
    });
    session.graph(Method::POST, "/users", taken).await;
    let (_, app) = session
        .tenant
        .graph(
            Method::POST,
            "/v1.0/applications",
            &json!({"displayName": "x"}),
        )
        .await;
    let principal = json!({"appId": app["appId"]});
    let made = session
        .tenant
        .graph(Method::POST, "/v1.0/servicePrincipals", &principal)
        .await;
    assert_eq!(made.0, 201);
    session
        .graph(Method::POST, "/servicePrincipals", principal)
        .await;
    let group = json!({
        "displayName": "g", "mailNickname": "g", "mailEnabled": false, "securityEnabled": true,
    });
    let (_, group) = session
        .tenant
        .graph(Method::POST, "/v1.0/groups", &group)
        .await;
    let path = format!("/groups/{}/members/$ref", group["id"].as_str().unwrap());
    let member = json!({"@odata.id": format!("{}/v1.0/users/{user}", session.tenant.origin())});
    let added = session
        .tenant
        .graph(Method::POST, &format!("/v1.0{path}"), &member)
        .await;
    assert_eq!(added.0, 204);
    // Azure Resource Manager: the same again under another name, another person under one name,
    // nobody.
    for (name, principal) in [
        ("1", user.as_str()),
        ("2", &user),
        ("1", &other),
        ("3", ABSENT),
    ] {
        session.arm(name, principal).await;
    }
    for token in ["", "none"] {
        let answer = session.tenant.with_token(token, "/v1.0/users").await;
        session.note(&Method::GET, "/users", answer);
    }
    session.tenant.revoke_permissions().await;
    session
        .graph(Method::GET, "/servicePrincipals", Value::Null)
        .await;
    session
        .graph(Method::DELETE, &format!("/groups/{ABSENT}"), Value::Null)
        .await;
    session.tenant.stop().await;
    session.produced
}

/// Whether texts are the same but for what they name.
pub fn same_text(recorded: &str, produced: &str) -> bool {
    plain(recorded) == plain(produced)
}

/// A text without ids and quoted names.
fn plain(text: &str) -> String {
    let mut text = text.to_owned();
    for (_, guid) in guids(&text.clone()) {
        text = text.replace(guid, "ID");
    }
    let words: Vec<String> = text
        .split(' ')
        .map(|word| {
            let hex = word.len() == 32 && word.bytes().all(|b| b.is_ascii_hexdigit());
            let name = word
                .strip_prefix('\'')
                .and_then(|w| w.strip_suffix('\''))
                .is_some_and(|w| w.contains('@'));
            if hex || name {
                "ID".to_owned()
            } else {
                word.replace("'ID'", "ID")
            }
        })
        .collect();
    words.join(" ")
}
