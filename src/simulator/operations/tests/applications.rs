//! Applications, what hangs on them, and what they are granted.

use serde_json::{Value, json};

use super::{play, user, with};
use crate::odata::request::Method::{Delete, Get, Patch, Post};
use crate::simulator::core::Graph;
use crate::simulator::testing::{get, graph, id, send};

const ROLE: &str = "11111111-2222-3333-4444-555555555555";

/// An application with one role and its service principal: object ids.
fn application(graph: &Graph) -> (String, String) {
    let body = json!({
        "displayName": "a",
        "appRoles": [{
            "id": ROLE, "displayName": "r", "description": "r", "value": "r",
            "isEnabled": true, "allowedMemberTypes": ["User"],
        }],
        "web": {"redirectUris": ["https://a.test/in"]},
    });
    let app = send(graph, Post, "/applications", &body);
    let app = app.body_json();
    assert_eq!(app["appRoles"][0]["origin"], "Application");
    assert_eq!(
        app["web"]["redirectUriSettings"],
        json!([{"uri": "https://a.test/in", "index": null}])
    );
    let principal = json!({"appId": app["appId"]});
    let principal = send(graph, Post, "/servicePrincipals", &principal);
    let text = |value: &Value| value["id"].as_str().unwrap().to_owned();
    (text(app), text(principal.body_json()))
}

#[test]
fn structures_are_merged_and_whole() {
    let graph = graph();
    let (app, _) = application(&graph);
    let path = format!("/applications/{app}");
    let role = "/applications".to_owned();
    let removed = json!({"appRoles": []});
    let mut disabled = get(&graph, &path).body_json()["appRoles"].clone();
    disabled[0]["isEnabled"] = json!(false);
    let wide = json!({"displayName": "b", "signInAudience": "PersonalMicrosoftAccount"});
    play(
        &graph,
        vec![
            (
                Patch,
                path.clone(),
                json!({"web": {"homePageUrl": "https://a.test"}}),
                204,
                "",
            ),
            (
                Patch,
                path.clone(),
                removed.clone(),
                400,
                "unless disabled first",
            ),
            (Patch, path.clone(), json!({"appRoles": disabled}), 204, ""),
            (Patch, path.clone(), removed, 204, ""),
            (
                Patch,
                path.clone(),
                json!({"keyCredentials": [{"type": "AsymmetricX509Cert", "usage": "Verify", "key": "AAAA"}]}),
                400,
                "invalid",
            ),
            (
                Post,
                role,
                json!({"displayName": "c", "signInAudience": "Everyone"}),
                400,
                "signInAudience",
            ),
        ],
    );
    let app = get(&graph, &path);
    let web = &app.body_json()["web"];
    assert_eq!(web["homePageUrl"], "https://a.test");
    assert_eq!(web["redirectUris"], json!(["https://a.test/in"]));
    let made = send(&graph, Post, "/applications", &wide);
    assert_eq!(made.body_json()["api"]["requestedAccessTokenVersion"], 2);
}

#[test]
fn certificates_tell_their_key_only_when_asked() {
    let graph = graph();
    let (app, _) = application(&graph);
    let path = format!("/applications/{app}");
    let certificate = rcgen::generate_simple_self_signed(vec!["a.test".to_owned()]).unwrap();
    let key = base64::Engine::encode(
        &base64::engine::general_purpose::STANDARD,
        certificate.cert.der(),
    );
    let body = json!({"keyCredentials": [
        {"type": "AsymmetricX509Cert", "usage": "Verify", "key": key},
    ]});
    assert_eq!(send(&graph, Patch, &path, &body).status, 204);
    let shown = get(&graph, &path).body_json()["keyCredentials"][0].clone();
    assert_eq!(shown["key"], Value::Null);
    assert_eq!(shown["customKeyIdentifier"].as_str().unwrap().len(), 40);
    assert!(shown["displayName"].as_str().unwrap().starts_with("CN="));
    // What comes back without its key stays as it was.
    let again = json!({"keyCredentials": [shown]});
    assert_eq!(send(&graph, Patch, &path, &again).status, 204);
    let selected = get(&graph, &format!("{path}?$select=keyCredentials"));
    assert_eq!(selected.body_json()["keyCredentials"][0]["key"], json!(key));
}

#[test]
fn federated_credentials() {
    let graph = graph();
    let (app, _) = application(&graph);
    let all = format!("/applications/{app}/federatedIdentityCredentials");
    let one = format!("{all}/n");
    let body = json!({"name": "n", "issuer": "https://i", "subject": "s", "audiences": ["a"]});
    play(
        &graph,
        vec![
            (Post, all.clone(), body.clone(), 201, ""),
            (
                Post,
                all.clone(),
                body.clone(),
                409,
                "with name n already exists",
            ),
            (
                Post,
                all.clone(),
                with(body.clone(), "name", json!("m")),
                409,
                "issuer and subject",
            ),
            (
                Post,
                all.clone(),
                with(body.clone(), "audiences", json!(["a", "b"])),
                400,
                "invalid",
            ),
            (
                Post,
                all.clone(),
                with(body.clone(), "colour", json!("red")),
                400,
                "invalid",
            ),
            (Post, all.clone(), json!({"name": "m"}), 400, "invalid"),
            (Patch, one.clone(), json!({"name": "m"}), 400, "read-only"),
            (Patch, one.clone(), json!({"subject": "t"}), 204, ""),
            (Get, one.clone(), Value::Null, 200, ""),
            (Get, format!("{all}(name='n')"), Value::Null, 200, ""),
            (Delete, one.clone(), Value::Null, 204, ""),
            (Get, one, Value::Null, 404, "does not exist"),
        ],
    );
    assert_eq!(get(&graph, &all).body_json()["value"], json!([]));
}

#[test]
fn grants_and_app_roles() {
    let graph = graph();
    let (_, client) = application(&graph);
    let (_, resource) = application(&graph);
    let person = id(1, 1).to_string();
    let grants = "/oauth2PermissionGrants".to_owned();
    let grant = json!({
        "clientId": client, "resourceId": resource, "consentType": "AllPrincipals", "scope": "x",
    });
    let given = format!("{}/appRoleAssignments", user(1));
    let role = json!({"principalId": person, "resourceId": resource, "appRoleId": ROLE});
    let unknown = with(role.clone(), "appRoleId", json!(client));
    let foreign = with(role.clone(), "principalId", json!(id(1, 2).to_string()));
    let to_app = with(role.clone(), "principalId", json!(client));
    play(
        &graph,
        vec![
            (Post, grants.clone(), grant.clone(), 201, ""),
            (
                Post,
                grants.clone(),
                grant.clone(),
                409,
                "Permission entry already exists.",
            ),
            (
                Post,
                grants.clone(),
                with(grant.clone(), "consentType", json!("Principal")),
                400,
                "invalid",
            ),
            (
                Post,
                grants.clone(),
                with(grant.clone(), "clientId", json!(person)),
                404,
                "does not exist",
            ),
            (
                Get,
                format!("{grants}?$filter=clientId eq '{client}'"),
                Value::Null,
                200,
                "",
            ),
            (Post, given.clone(), role.clone(), 201, ""),
            (
                Post,
                given.clone(),
                role,
                400,
                "already exists on the object",
            ),
            (
                Post,
                given.clone(),
                unknown,
                400,
                "was not found on application",
            ),
            (
                Post,
                given.clone(),
                foreign,
                400,
                "Not a valid reference update",
            ),
            (
                Post,
                format!("/servicePrincipals/{client}/appRoleAssignments"),
                to_app,
                400,
                "was not found on application",
            ),
        ],
    );
    let listed = get(&graph, &grants);
    let found = &listed.body_json()["value"][0];
    let path = format!("{grants}/{}", found["id"].as_str().unwrap());
    let bytes = base64::Engine::decode(
        &base64::engine::general_purpose::URL_SAFE_NO_PAD,
        found["id"].as_str().unwrap(),
    );
    let client_id = uuid::Uuid::parse_str(&client).unwrap();
    assert_eq!(bytes.unwrap()[..16], client_id.to_bytes_le());
    let assigned = format!("/servicePrincipals/{resource}/appRoleAssignedTo");
    let listed = get(&graph, &assigned);
    let found = &listed.body_json()["value"][0];
    assert_eq!(
        (&found["principalId"], &found["principalType"]),
        (&json!(person), &json!("User"))
    );
    play(
        &graph,
        vec![
            (Patch, path.clone(), json!({"scope": "y"}), 204, ""),
            (
                Patch,
                path.clone(),
                json!({"clientId": resource}),
                400,
                "read-only",
            ),
            (Delete, path.clone(), Value::Null, 204, ""),
            (Get, path, Value::Null, 404, "does not exist"),
            (
                Delete,
                format!("{given}/{}", found["id"].as_str().unwrap()),
                Value::Null,
                204,
                "",
            ),
        ],
    );
    assert_eq!(get(&graph, &assigned).body_json()["value"], json!([]));
}

#[test]
fn templates_become_applications() {
    let graph = graph();
    let path = "/applicationTemplates/8adf8e6e-67b2-4cf2-a259-e3dc5476c621";
    assert_eq!(get(&graph, path).status, 200);
    let path = format!("{path}/instantiate");
    let made = send(&graph, Post, &path, &json!({"displayName": "t"}));
    assert_eq!(made.status, 201, "{}", made.body_json());
    let made = made.body_json();
    assert_eq!(
        made["application"]["appId"],
        made["servicePrincipal"]["appId"]
    );
    assert_eq!(send(&graph, Post, &path, &json!({})).status, 400);
    let absent = format!("/applicationTemplates/{ROLE}/instantiate");
    assert_eq!(
        send(&graph, Post, &absent, &json!({"displayName": "t"})).status,
        404
    );
}

#[test]
fn grants_have_a_delta() {
    let graph = graph();
    let (_, client) = application(&graph);
    let (_, resource) = application(&graph);
    let read = |link: &str| {
        let body = get(&graph, link).body_json().clone();
        let next = body["@odata.deltaLink"].as_str().unwrap();
        let next = next.split_once("/v1.0").unwrap().1.to_owned();
        (body["value"].as_array().unwrap().clone(), next)
    };
    let create = |kind: &str, person: Option<String>| {
        let mut grant = json!({
            "clientId": client, "resourceId": resource, "consentType": kind, "scope": "a",
        });
        if let Some(person) = person {
            grant["principalId"] = json!(person);
        }
        let created = send(&graph, Post, "/oauth2PermissionGrants", &grant);
        assert_eq!(created.status, 201, "{:?}", created.body_json());
        created.body_json()["id"].as_str().unwrap().to_owned()
    };
    let first = create("AllPrincipals", None);
    let url = format!("/oauth2PermissionGrants/{first}");
    let (rows, link) = read("/oauth2PermissionGrants/delta");
    assert_eq!(rows.len(), 1, "{rows:?}");
    assert_eq!(
        (&rows[0]["id"], &rows[0]["clientId"], &rows[0]["scope"]),
        (&json!(first), &json!(client), &json!("a"))
    );
    let (rows, link) = read(&link);
    assert_eq!(rows, Vec::<Value>::new(), "nothing changed");

    let second = create("Principal", Some(id(1, 1).to_string()));
    let patched = send(&graph, Patch, &url, &json!({"scope": "a b"}));
    assert_eq!(patched.status, 204);
    let (rows, link) = read(&link);
    let shown: Vec<_> = rows.iter().map(|r| (&r["id"], &r["scope"])).collect();
    assert_eq!(
        shown,
        [
            (&json!(first), &json!("a b")),
            (&json!(second), &json!("a"))
        ]
    );

    assert_eq!(send(&graph, Delete, &url, &Value::Null).status, 204);
    // The other goes with the person it is about.
    assert_eq!(
        send(
            &graph,
            Delete,
            &format!("/users/{}", id(1, 1)),
            &Value::Null
        )
        .status,
        204
    );
    let bin = format!("/directory/deletedItems/{}", id(1, 1));
    assert_eq!(send(&graph, Delete, &bin, &Value::Null).status, 204);
    let (rows, link) = read(&link);
    let gone = |id: &str| {
        json!({
            "@odata.type": "#microsoft.graph.oAuth2PermissionGrant",
            "id": id, "@removed": {"reason": "deleted"},
        })
    };
    assert_eq!(rows, [gone(&first), gone(&second)]);
    assert_eq!(read(&link).0, Vec::<Value>::new());
    let (rows, _) = read("/oauth2PermissionGrants/delta");
    assert_eq!(rows, Vec::<Value>::new(), "a fresh walk");
}
