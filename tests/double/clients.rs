//! What clients that nobody here wrote stumbled on.

use entra_scim::simulator::settings::Settings;
use serde_json::{Value, json};

use crate::sim::Sim;

const NOTHING: Value = Value::Null;

async fn demo() -> Sim {
    Sim::start(Settings::default()).await
}

fn len(list: &Value) -> usize {
    list.as_array().map_or(0, Vec::len)
}

#[tokio::test]
async fn casts_by_the_alias_of_the_namespace() {
    let sim = demo().await;
    let (user, group) = (sim.user(11), sim.group(5));
    let full = sim
        .get(&format!("/groups/{group}/members/microsoft.graph.user"))
        .await;
    let short = sim
        .get(&format!("/groups/{group}/members/graph.user"))
        .await;
    assert!(len(&full.body["value"]) > 0, "{}", full.body);
    assert_eq!(full.body["value"], short.body["value"]);
    let count = sim
        .get(&format!("!/users/{user}/memberOf/graph.group/$count"))
        .await;
    assert_eq!(count.status, 200, "{}", count.body);
    for path in [
        "/directory/deletedItems/graph.user".to_owned(),
        format!("/users/{}/directReports/graph.user", sim.user(0)),
        format!("/users/{user}/manager/graph.user"),
        format!("/directoryObjects/{user}/graph.user"),
    ] {
        let answer = sim.get(&path).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
    }
    let wrong = sim
        .get(&format!("/directoryObjects/{user}/graph.group"))
        .await;
    assert_eq!(wrong.status, 404, "{}", wrong.body);
    let reference = sim
        .get(&format!("/groups/{group}/members/$ref?$top=1"))
        .await;
    assert!(
        reference
            .text("/value/0/@odata.id")
            .contains("/directoryObjects/")
    );
    assert!(
        reference
            .text("/@odata.context")
            .ends_with("#Collection($ref)")
    );
}

#[tokio::test]
async fn operators_and_keywords_in_any_case() {
    let sim = demo().await;
    let filter = "!/users?$count=true&$filter=NOT(startswith(displayName,'A'))";
    let answer = sim.get(filter).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let filter =
        "/servicePrincipals?$filter=tags/Any(t:t EQ 'WindowsAzureActiveDirectoryIntegratedApp')";
    let answer = sim.get(filter).await;
    assert_eq!(len(&answer.body["value"]), 1, "{}", answer.body);
}

#[tokio::test]
async fn selecting_what_is_expanded_too() {
    let sim = demo().await;
    let user = sim.user(11);
    let answer = sim
        .get(&format!("/users/{user}?$select=id,manager&$expand=manager"))
        .await;
    assert!(answer.body["manager"]["id"].is_string(), "{}", answer.body);
    assert!(
        answer
            .text("/@odata.context")
            .ends_with("#users(id,manager())/$entity")
    );
    // The whole chain of one user: the header is enough, `$count` may come along.
    for count in ["", "&$count=true"] {
        let path =
            format!("!/users/{user}?$select=id&$expand=manager($levels=max;$select=id){count}");
        let answer = sim.get(&path).await;
        assert!(
            answer.body["manager"]["id"].is_string(),
            "{path}: {}",
            answer.body
        );
    }
    let chain = format!("/users/{user}?$expand=manager($levels=max;$select=id)");
    assert_eq!(sim.get(&chain).await.status, 400);
    let skus = sim.get("/subscribedSkus?$select=skuId,SkuPartNumber").await;
    let first = skus.body["value"][0].as_object().unwrap();
    assert_eq!(first.keys().collect::<Vec<_>>(), ["skuId", "skuPartNumber"]);
    assert_eq!(sim.get("/subscribedSkus?$top=1").await.status, 400);
}

#[tokio::test]
async fn role_management_expands_both_ends() {
    let sim = demo().await;
    for set in [
        "roleAssignments",
        "roleAssignmentSchedules",
        "roleAssignmentScheduleInstances",
    ] {
        for (expand, ends) in [
            ("principal", vec!["principal"]),
            (
                "roleDefinition($select=id,displayName)",
                vec!["roleDefinition"],
            ),
            (
                "principal($select=id,displayName),roleDefinition",
                vec!["principal", "roleDefinition"],
            ),
        ] {
            let path = format!("/roleManagement/directory/{set}?$expand={expand}");
            let answer = sim.get(&path).await;
            for end in ends {
                let name = &answer.body["value"][0][end]["displayName"];
                assert!(name.is_string(), "{path}: {}", answer.body);
            }
        }
    }
}

#[tokio::test]
async fn restoring_under_another_name() {
    let sim = demo().await;
    let name = |name: &str| format!("{name}@contoso.onmicrosoft.com");
    let user = |nickname: &str, upn: &str| {
        json!({
            "accountEnabled": true, "displayName": nickname, "mailNickname": nickname,
            "userPrincipalName": name(upn), "mail": format!("{upn}@contoso.com"),
            "passwordProfile": {"password": "xWwvJ]6NMw+bWH-d"},
        })
    };
    let first = sim.ask("POST", "/users", &user("first", "restored")).await;
    let id = first.text("/id");
    sim.ask("DELETE", &format!("/users/{id}"), &NOTHING).await;
    assert_eq!(
        sim.ask("POST", "/users", &user("second", "restored"))
            .await
            .status,
        201
    );
    let restore = format!("/directory/deletedItems/{id}/restore");
    assert_eq!(sim.ask("POST", &restore, &NOTHING).await.status, 400);
    let renamed = json!({"newUserPrincipalName": name("again")});
    let refused = sim.ask("POST", &restore, &renamed).await;
    assert_eq!(
        refused.body["error"]["details"][1]["code"],
        "ConflictingObjects"
    );
    let both = json!({"newUserPrincipalName": name("again"), "autoReconcileProxyConflict": true});
    let restored = sim.ask("POST", &restore, &both).await;
    assert_eq!(restored.status, 200, "{}", restored.body);
    assert_eq!(restored.body["userPrincipalName"], name("again"));
    assert_eq!(restored.body["mail"], NOTHING);
}

#[tokio::test]
async fn upserts_by_an_alternate_key() {
    let sim = demo().await;
    let bearer = sim.bearer();
    let headers: &[(&str, &str)] = &[("authorization", &bearer), ("prefer", "create-if-missing")];
    let path = "/applications(uniqueName='upserted')";
    let body = json!({"displayName": "Upserted"});
    assert_eq!(sim.ask("PATCH", path, &body).await.status, 404);
    let made = sim.send("PATCH", path, &body, headers).await;
    assert_eq!(made.status, 201, "{}", made.body);
    assert_eq!(made.body["uniqueName"], "upserted");
    let again = sim
        .send("PATCH", path, &json!({"displayName": "B"}), headers)
        .await;
    assert_eq!(again.status, 204, "{}", again.body);
    let path = format!("/servicePrincipals(appId='{}')", made.text("/appId"));
    assert_eq!(
        sim.send("PATCH", &path, &json!({}), headers).await.status,
        201
    );
    assert_eq!(
        sim.send("PATCH", &path, &json!({"notes": "n"}), headers)
            .await
            .status,
        204
    );
    let app = made.text("/id");
    let path = format!("/applications/{app}/federatedIdentityCredentials(name='ci')");
    let body = json!({"issuer": "https://ci.example", "subject": "s", "audiences": ["a"]});
    let made = sim.send("PATCH", &path, &body, headers).await;
    assert_eq!(
        (made.status, &made.body["name"]),
        (201, &json!("ci")),
        "{}",
        made.body
    );
}

#[tokio::test]
async fn directory_extensions_are_properties() {
    let sim = demo().await;
    let app = sim
        .ask("POST", "/applications", &json!({"displayName": "X"}))
        .await;
    let path = format!("/applications/{}/extensionProperties", app.text("/id"));
    let body = json!({"name": "costCode", "dataType": "String", "targetObjects": ["User"]});
    let made = sim.ask("POST", &path, &body).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let name = made.text("/name");
    assert_eq!(
        name,
        format!("extension_{}_costCode", app.text("/appId").replace('-', ""))
    );
    assert_eq!(sim.ask("POST", &path, &body).await.status, 400);
    let user = format!("/users/{}", sim.user(20));
    assert_eq!(
        sim.ask("PATCH", &user, &json!({(name.as_str()): 5}))
            .await
            .status,
        400
    );
    assert_eq!(
        sim.ask("PATCH", &user, &json!({(name.as_str()): "C-1"}))
            .await
            .status,
        204
    );
    let shown = sim.get(&format!("{user}?$select=id,{name}")).await;
    assert_eq!(shown.body[&name], "C-1", "{}", shown.body);
    let found = sim.get(&format!("/users?$filter={name} eq 'c-1'")).await;
    assert_eq!(
        found.body["value"][0]["id"],
        *sim.user(20),
        "{}",
        found.body
    );
    let all = "/directoryObjects/getAvailableExtensionProperties";
    let all = sim
        .ask("POST", all, &json!({"isSyncedFromOnPremises": false}))
        .await;
    assert_eq!(all.body["value"][0]["name"], *name, "{}", all.body);
    let one = format!("{path}/{}", made.text("/id"));
    assert_eq!(sim.ask("DELETE", &one, &NOTHING).await.status, 204);
    assert_eq!(sim.get(&format!("{user}?$select={name}")).await.status, 400);
}

#[tokio::test]
async fn what_a_tenant_has_beside_people() {
    let sim = demo().await;
    for path in [
        "/devices",
        "/contacts",
        "/groupSettings",
        "/groupSettingTemplates",
        "/domains",
        "/oauth2PermissionGrants",
    ] {
        let answer = sim.get(path).await;
        assert!(len(&answer.body["value"]) > 0, "{path}: {}", answer.body);
    }
    let owner = sim.user(1);
    for part in [
        "createdObjects",
        "ownedDevices",
        "registeredDevices",
        "oauth2PermissionGrants",
    ] {
        let answer = sim.get(&format!("/users/{owner}/{part}")).await;
        assert!(len(&answer.body["value"]) > 0, "{part}: {}", answer.body);
    }
    let group = sim.group(5);
    for part in ["membersWithLicenseErrors", "settings"] {
        let answer = sim.get(&format!("/groups/{group}/{part}")).await;
        assert_eq!(answer.status, 200, "{part}: {}", answer.body);
        assert_eq!(len(&answer.body["value"]), 0, "{part}: {}", answer.body);
    }
    let unit = sim
        .get("/directory/administrativeUnits")
        .await
        .text("/value/0/id");
    let scoped = format!("/directory/administrativeUnits/{unit}/scopedRoleMembers");
    let roles = sim.get("/directoryRoles").await;
    let role = roles.text("/value/0/id");
    let body = json!({"roleId": role, "roleMemberInfo": {"id": sim.user(40)}});
    let made = sim.ask("POST", &scoped, &body).await;
    assert_eq!(made.status, 201, "{}", made.body);
    assert_eq!(made.body["administrativeUnitId"], *unit);
    for path in [
        scoped.clone(),
        format!("/directoryRoles/{role}/scopedMembers"),
        format!("/users/{}/scopedRoleMemberOf", sim.user(40)),
    ] {
        let answer = sim.get(&path).await;
        let found = answer.body["value"].as_array().unwrap();
        assert!(
            found.iter().any(|m| m["id"] == made.body["id"]),
            "{path}: {}",
            answer.body
        );
    }
    let one = format!("{scoped}/{}", made.text("/id"));
    assert_eq!(sim.ask("DELETE", &one, &NOTHING).await.status, 204);
}

#[tokio::test]
async fn sign_in_publishes_what_verifies_its_tokens() {
    let sim = demo().await;
    let ready = &sim.running.ready;
    let read = async |path: &str| {
        let url = format!("{}{path}", ready.graph);
        let answer = sim.send("GET", &url, &NOTHING, &[]).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        answer.body
    };
    let tenant = &ready.tenant_id;
    let v2 = read(&format!("/{tenant}/v2.0/.well-known/openid-configuration")).await;
    assert_eq!(v2["token_endpoint"], *ready.token_endpoint);
    let v1 = read(&format!("/{tenant}/.well-known/openid-configuration")).await;
    assert_eq!(v1["issuer"], format!("https://sts.windows.net/{tenant}/"));
    let keys_path = format!("/{tenant}/discovery/v2.0/keys");
    assert!(v2["jwks_uri"].as_str().unwrap().ends_with(&keys_path));
    let kid = |token: &str| jsonwebtoken::decode_header(token).unwrap().kid.unwrap();
    let token = sim.arm_token().await;
    let set: jsonwebtoken::jwk::JwkSet = serde_json::from_value(read(&keys_path).await).unwrap();
    let key = jsonwebtoken::DecodingKey::from_jwk(set.find(&kid(&token)).unwrap()).unwrap();
    let mut rules = jsonwebtoken::Validation::new(jsonwebtoken::Algorithm::RS256);
    rules.set_audience(&["https://management.azure.com"]);
    rules.set_issuer(&[v1["issuer"].as_str().unwrap()]);
    let claims = jsonwebtoken::decode::<Value>(&token, &key, &rules)
        .unwrap()
        .claims;
    assert_eq!(claims["idp"], v1["issuer"]);

    sim.tell("/keys/rotate", &NOTHING).await;
    let newer = sim.arm_token().await;
    assert_ne!(kid(&newer), kid(&token));
    let keys = read(&keys_path).await;
    let ids: Vec<&str> = keys["keys"]
        .as_array()
        .unwrap()
        .iter()
        .map(|k| k["kid"].as_str().unwrap())
        .collect();
    assert!(ids.contains(&kid(&newer).as_str()) && ids.contains(&kid(&token).as_str()));
    assert_eq!(
        sim.get("/users?$top=1").await.status,
        200,
        "older tokens are still good"
    );

    let instances = read("/common/discovery/instance").await;
    assert!(instances["metadata"][0]["aliases"].is_array());
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", ready.client_id.as_str()),
        ("client_secret", &ready.client_secret),
        ("resource", "https://graph.microsoft.com/"),
    ];
    let url = format!("{}/{tenant}/oauth2/token", ready.graph);
    let answer = sim.post_form(&url, &form).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let bearer = format!("Bearer {}", answer.text("/access_token"));
    let users = sim
        .send(
            "GET",
            "/users?$top=1",
            &NOTHING,
            &[("authorization", &bearer)],
        )
        .await;
    assert_eq!(users.status, 200, "{}", users.body);
}

#[tokio::test]
async fn credentials_that_were_added_through_graph_sign_in() {
    let sim = demo().await;
    let app = sim
        .ask("POST", "/applications", &json!({"displayName": "Worker"}))
        .await;
    let (id, app_id) = (app.text("/id"), app.text("/appId"));
    let principal = sim
        .ask("POST", "/servicePrincipals", &json!({"appId": app_id}))
        .await;
    let secret = sim
        .ask(
            "POST",
            &format!("/applications/{id}/addPassword"),
            &json!({}),
        )
        .await;
    let sign_in = async |secret: &str| {
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", app_id.as_str()),
            ("client_secret", secret),
            ("scope", "https://graph.microsoft.com/.default"),
        ];
        sim.post_form(&sim.running.ready.token_endpoint, &form)
            .await
    };
    assert_eq!(sign_in("wrong").await.status, 401);
    let text = secret.text("/secretText");
    assert_eq!(sign_in(&text).await.status, 200);
    // A grant of one of Graph's roles is in the next token.
    let graph = sim
        .get("/servicePrincipals(appId='00000003-0000-0000-c000-000000000000')")
        .await
        .text("/id");
    let grant = json!({
        "principalId": principal.body["id"], "resourceId": graph,
        "appRoleId": "df021288-bdef-4463-88db-98f22de89214",
    });
    let path = format!("/servicePrincipals/{graph}/appRoleAssignedTo");
    let granted = sim.ask("POST", &path, &grant).await;
    assert_eq!(granted.status, 201, "{}", granted.body);
    let bearer = format!("Bearer {}", sign_in(&text).await.text("/access_token"));
    let headers: &[(&str, &str)] = &[("authorization", &bearer)];
    assert_eq!(
        sim.send("GET", "/users?$top=1", &NOTHING, headers)
            .await
            .status,
        200
    );
    assert_eq!(
        sim.send("GET", "/applications", &NOTHING, headers)
            .await
            .status,
        403
    );
    let gone = json!({"keyId": secret.body["keyId"]});
    sim.ask("POST", &format!("/applications/{id}/removePassword"), &gone)
        .await;
    assert_eq!(sign_in(&text).await.status, 401);

    // A certificate in base64 that is broken into lines, as command-line tools send it.
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::new(Vec::new())
        .unwrap()
        .self_signed(&key)
        .unwrap();
    let text = base64::Engine::encode(
        &base64::engine::general_purpose::STANDARD,
        certificate.der(),
    );
    let lines: Vec<&str> = text
        .as_bytes()
        .chunks(64)
        .map(|c| std::str::from_utf8(c).unwrap())
        .collect();
    let keys = json!({"keyCredentials": [{
        "type": "AsymmetricX509Cert", "usage": "Verify", "key": lines.join("\r\n"),
    }]});
    let answer = sim
        .ask("PATCH", &format!("/applications/{id}"), &keys)
        .await;
    assert_eq!(answer.status, 204, "{}", answer.body);
    let claims = json!({
        "iss": app_id, "sub": app_id, "aud": sim.running.ready.token_endpoint,
        "exp": time::OffsetDateTime::UNIX_EPOCH.unix_timestamp() + 4_000_000_000_i64, "jti": "1",
    });
    let mut header = jsonwebtoken::Header::new(jsonwebtoken::Algorithm::ES256);
    let print = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, certificate.der());
    header.x5t_s256 = Some(base64::Engine::encode(
        &base64::engine::general_purpose::URL_SAFE_NO_PAD,
        print.as_ref(),
    ));
    let signing = jsonwebtoken::EncodingKey::from_ec_pem(key.serialize_pem().as_bytes()).unwrap();
    let assertion = jsonwebtoken::encode(&header, &claims, &signing).unwrap();
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", app_id.as_str()),
        (
            "client_assertion_type",
            "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        ),
        ("client_assertion", &assertion),
        ("scope", "https://graph.microsoft.com/.default"),
    ];
    let answer = sim
        .post_form(&sim.running.ready.token_endpoint, &form)
        .await;
    assert_eq!(answer.status, 200, "{}", answer.body);
}

#[tokio::test]
async fn resource_manager_has_a_hierarchy() {
    let sim = demo().await;
    let arm = &sim.running.ready.arm;
    let endpoints = sim
        .send(
            "GET",
            &format!("{arm}/metadata/endpoints?api-version=2022-09-01"),
            &NOTHING,
            &[],
        )
        .await;
    assert_eq!(
        endpoints.body["resourceManager"], **arm,
        "{}",
        endpoints.body
    );
    let bearer = format!("Bearer {}", sim.arm_token().await);
    let read = async |path: &str| {
        let url = format!("{arm}{path}?api-version=2022-12-01");
        sim.send("GET", &url, &NOTHING, &[("authorization", &bearer)])
            .await
    };
    let all = read("/subscriptions").await;
    let id = all.text("/value/0/subscriptionId");
    for path in [
        "/tenants".to_owned(),
        "/providers/Microsoft.Management/managementGroups".to_owned(),
        format!("/subscriptions/{id}/locations"),
        format!("/subscriptions/{id}/resourcegroups"),
    ] {
        let answer = read(&path).await;
        assert!(len(&answer.body["value"]) > 0, "{path}: {}", answer.body);
    }
    assert_eq!(
        read(&format!("/subscriptions/{id}")).await.body["state"],
        "Enabled"
    );
    let stranger = "/subscriptions/11111111-2222-4333-8444-555555555555/locations";
    assert_eq!(read(stranger).await.error().0, 404);
}

#[tokio::test]
async fn the_service_describes_itself() {
    let sim = demo().await;
    let base = format!("{}/v1.0", sim.origin());
    for address in [base.clone(), format!("{base}/")] {
        let answer = sim.send("GET", &address, &NOTHING, &[]).await;
        assert_eq!(answer.status, 200, "{address}: {}", answer.body);
        let sets = answer.body["value"].as_array().unwrap();
        assert!(
            sets.iter().any(|set| set["url"] == "users"),
            "{}",
            answer.body
        );
    }
    let answer = sim
        .send("GET", &format!("{base}/$metadata"), &NOTHING, &[])
        .await;
    assert_eq!(answer.headers["content-type"], "application/xml");
    let text = answer.body.as_str().unwrap();
    for part in [
        "<EntityType Name=\"user\" BaseType=\"microsoft.graph.directoryObject\" OpenType=\"true\">",
        "<Property Name=\"businessPhones\" Type=\"Collection(Edm.String)\" Nullable=\"false\"/>",
        "<NavigationProperty Name=\"manager\" Type=\"microsoft.graph.directoryObject\"/>",
        "<EntitySet Name=\"groups\" EntityType=\"microsoft.graph.group\"/>",
    ] {
        assert!(text.contains(part), "{part}");
    }
    // Every type that is named is there.
    for name in text.split("microsoft.graph.").skip(1) {
        let name: String = name
            .chars()
            .take_while(char::is_ascii_alphanumeric)
            .collect();
        let known = ["EntityType", "ComplexType", "EnumType"]
            .iter()
            .any(|kind| text.contains(&format!("<{kind} Name=\"{name}\"")));
        assert!(known, "{name}");
    }
}

#[tokio::test]
async fn behind_a_proxy_that_ends_tls_addresses_are_https() {
    let sim = demo().await;
    let ready = &sim.running.ready;
    let https = ready.graph.replacen("http://", "https://", 1);
    let behind: &[(&str, &str)] = &[("x-forwarded-proto", "https")];
    let url = format!("{}/common/.well-known/openid-configuration", ready.graph);
    let answer = sim.send("GET", &url, &NOTHING, behind).await;
    assert_eq!(
        answer.body["jwks_uri"],
        format!("{https}/common/discovery/keys")
    );
    let url = format!("{}/metadata/endpoints?api-version=2022-09-01", ready.arm);
    let answer = sim.send("GET", &url, &NOTHING, behind).await;
    assert_eq!(answer.body["microsoftGraphResourceId"], format!("{https}/"));
    let bearer = sim.bearer();
    let headers = &[behind[0], ("authorization", bearer.as_str())];
    let page = sim
        .send("GET", "/users?$top=1&$select=id", &NOTHING, headers)
        .await;
    assert!(
        page.text("/@odata.nextLink").starts_with(&https),
        "{}",
        page.body
    );
}
