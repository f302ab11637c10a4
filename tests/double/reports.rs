//! What public reports and recordings say of the real service, row by row: the name of each test has
//! the row's number.

use entra_scim::simulator::settings::{Settings, ThrottleSize};
use serde_json::{Value, json};

use crate::sim::{Answer, Sim};

const BAD: &str = "Request_BadRequest";
const NOTHING: Value = Value::Null;

async fn demo() -> Sim {
    Sim::start(Settings::default()).await
}

fn refused(answer: &Answer, status: u16, code: &str, message: &str) {
    assert_eq!(answer.error(), (status, code, message), "{}", answer.body);
}

fn details(answer: &Answer) -> Vec<(String, String)> {
    let details = answer.body["error"]["details"].as_array();
    let text = |detail: &Value, name: &str| detail[name].as_str().unwrap_or_default().to_owned();
    details
        .into_iter()
        .flatten()
        .map(|detail| (text(detail, "code"), text(detail, "target")))
        .collect()
}

fn new_user(name: &str) -> Value {
    json!({
        "accountEnabled": true, "displayName": name, "mailNickname": name,
        "userPrincipalName": format!("{name}@contoso.onmicrosoft.com"),
        "passwordProfile": {"password": "xWwvJ]6NMw+bWH-d"},
    })
}

#[tokio::test]
async fn bg_02_a_role_that_is_held_is_a_conflicting_object() {
    let sim = demo().await;
    let held = sim
        .get("/roleManagement/directory/roleAssignments")
        .await
        .body["value"][0]
        .clone();
    let body = json!({
        "principalId": held["principalId"], "roleDefinitionId": held["roleDefinitionId"],
        "directoryScopeId": held["directoryScopeId"],
    });
    let path = "/roleManagement/directory/roleAssignments";
    refused(
        &sim.ask("POST", path, &body).await,
        400,
        BAD,
        "A conflicting object with one or more of the specified property values is present in the directory.",
    );
}

#[tokio::test]
async fn bg_03_a_nickname_that_is_taken() {
    let sim = demo().await;
    assert_eq!(
        sim.ask("POST", "/users", &new_user("first.bg03"))
            .await
            .status,
        201
    );
    let mut second = new_user("second.bg03");
    second["mailNickname"] = json!("First.BG03");
    let answer = sim.ask("POST", "/users", &second).await;
    refused(&answer, 400, BAD, "Property netId is invalid.");
    // A nickname that somebody gave up can be had.
    let path = "/users/first.bg03@contoso.onmicrosoft.com";
    sim.ask("PATCH", path, &json!({"mailNickname": "other"}))
        .await;
    assert_eq!(sim.ask("POST", "/users", &second).await.status, 201);
}

#[tokio::test]
async fn bg_04_removing_somebody_who_is_no_member() {
    let sim = demo().await;
    let group = sim.group(5);
    let member = sim.all(&format!("/groups/{group}/members")).await[0]["id"].clone();
    let member = member.as_str().unwrap();
    let missing = format!(
        "Resource '{group}' does not exist or one of its queried reference-property objects are not present."
    );
    let stranger = format!("/groups/{group}/members/{}/$ref", sim.user(150));
    let answer = sim.ask("DELETE", &stranger, &NOTHING).await;
    refused(&answer, 404, "Request_ResourceNotFound", &missing);
    let owner = format!("/groups/{group}/owners/{}/$ref", sim.user(150));
    let answer = sim.ask("DELETE", &owner, &NOTHING).await;
    refused(&answer, 404, "Request_ResourceNotFound", &missing);

    let path = format!("/groups/{group}/members/{member}/$ref");
    assert_eq!(sim.ask("DELETE", &path, &NOTHING).await.status, 204);
    let late = "One or more removed object references do not exist for the following modified properties: 'members'.";
    refused(&sim.ask("DELETE", &path, &NOTHING).await, 400, BAD, late);
    sim.tell("/clock/advance", &json!({"seconds": 60})).await;
    let answer = sim.ask("DELETE", &path, &NOTHING).await;
    refused(&answer, 404, "Request_ResourceNotFound", &missing);
}

#[tokio::test]
async fn bg_05_members_whom_the_caller_may_not_read() {
    let mut sim = demo().await;
    let group = sim.group(5);
    sim.grant(&["GroupMember.Read.All"]).await;
    let paths = [
        format!("/groups/{group}/members"),
        format!("/groups/{group}/members/graph.user"),
        format!("/groups/{group}/transitiveMembers"),
    ];
    for path in &paths {
        let answer = sim.get(path).await;
        let items = answer.body["value"].as_array().unwrap();
        assert!(!items.is_empty(), "{path}: {}", answer.body);
        for item in items {
            assert!(item["id"].is_string(), "{item}");
            assert_eq!(item["businessPhones"], json!([]));
            for (name, value) in item.as_object().unwrap() {
                let shown = ["id", "@odata.type", "businessPhones"].contains(&name.as_str());
                assert!(shown || value.is_null(), "{path} {name}: {item}");
            }
            assert!(item.as_object().unwrap().contains_key("displayName"));
        }
    }
    let expanded = sim.get(&format!("/groups/{group}?$expand=members")).await;
    assert_eq!(expanded.body["members"][0]["displayName"], NOTHING);
    sim.grant(&["GroupMember.Read.All", "User.Read.All"]).await;
    for path in &paths {
        let answer = sim.get(path).await;
        assert!(
            answer.body["value"][0]["displayName"].is_string(),
            "{}",
            answer.body
        );
    }
}

#[tokio::test]
async fn bg_08_identifiers_on_other_peoples_domains() {
    let sim = demo().await;
    let app = |uri: &str| json!({"displayName": "BG-08", "identifierUris": [uri]});
    for uri in [
        "https://fabrikam.test/app",
        "http://notcontoso.com/x",
        "ftp://x",
    ] {
        let answer = sim.ask("POST", "/applications", &app(uri)).await;
        let text = format!(
            "Values of identifierUris property must use a verified domain of the organization or its subdomain: '{uri}'"
        );
        refused(&answer, 400, "HostNameNotOnVerifiedDomain", &text);
    }
    for uri in [
        "api://x/y",
        "https://app.contoso.com/x",
        "https://CONTOSO.com",
        "urn:contoso:app",
    ] {
        let answer = sim.ask("POST", "/applications", &app(uri)).await;
        assert_eq!(answer.status, 201, "{uri}: {}", answer.body);
    }
    // A service principal that signs in by SAML lifts it.
    let made = sim
        .ask("POST", "/applications", &json!({"displayName": "SAML"}))
        .await;
    let principal = sim
        .ask(
            "POST",
            "/servicePrincipals",
            &json!({"appId": made.body["appId"]}),
        )
        .await;
    let path = format!("/servicePrincipals/{}", principal.text("/id"));
    let mode = json!({"preferredSingleSignOnMode": "saml"});
    assert_eq!(sim.ask("PATCH", &path, &mode).await.status, 204);
    let path = format!("/applications/{}", made.text("/id"));
    let uris = json!({"identifierUris": ["https://service.fabrikam.test/saml"]});
    assert_eq!(sim.ask("PATCH", &path, &uris).await.status, 204);
}

#[tokio::test]
async fn bg_10_bg_32_qualified_names_of_actions() {
    let sim = demo().await;
    let app = sim
        .ask("POST", "/applications", &json!({"displayName": "BG-10"}))
        .await;
    let path = format!("/applications/{}", app.text("/id"));
    for namespace in ["microsoft.graph", "graph", "Microsoft.Graph"] {
        let add = format!("{path}/{namespace}.addPassword");
        let given = json!({"passwordCredential": {"endDateTime": "2030-01-01T00:00:00Z"}});
        let added = sim.ask("POST", &add, &given).await;
        assert_eq!(added.status, 200, "{namespace}: {}", added.body);
        // A start that nobody gave has seven digits of a second at the most (BG-32).
        let start = added.text("/startDateTime");
        let fraction = start
            .split_once('.')
            .map_or(0, |(_, f)| f.trim_end_matches('Z').len());
        assert!(fraction <= 7, "{start}");
        let remove = format!("{path}/{namespace}.removePassword");
        let key = json!({"keyId": added.body["keyId"]});
        assert_eq!(sim.ask("POST", &remove, &key).await.status, 204);
    }
    let user = sim.user(5);
    let groups = format!("/users/{user}/microsoft.graph.getMemberGroups");
    let answer = sim
        .ask("POST", &groups, &json!({"securityEnabledOnly": false}))
        .await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let ids = json!({"ids": [user]});
    let answer = sim
        .ask("POST", "/directoryObjects/microsoft.graph.getByIds", &ids)
        .await;
    assert_eq!(answer.body["value"][0]["id"], *user);
    assert_eq!(
        sim.get("/users/microsoft.graph.delta()?$select=id")
            .await
            .status,
        200
    );
    // The name is judged as the plain one is.
    let mut sim = sim;
    sim.grant(&["Application.Read.All"]).await;
    let add = format!("{path}/microsoft.graph.addPassword");
    assert_eq!(sim.ask("POST", &add, &json!({})).await.status, 403);
}

#[tokio::test]
async fn bg_11_property_names_in_any_case() {
    let sim = demo().await;
    let answer = sim.get("/applications?$select=Id").await;
    assert!(
        answer
            .text("/@odata.context")
            .ends_with("#applications(id)"),
        "{}",
        answer.body
    );
    assert_eq!(
        answer.body["value"][0]
            .as_object()
            .unwrap()
            .keys()
            .collect::<Vec<_>>(),
        ["id"]
    );
    let user = sim.user(5);
    let answer = sim
        .get(&format!(
            "/users/{user}?$select=OnPremisesExtensionAttributes,DISPLAYNAME"
        ))
        .await;
    assert!(
        answer.body["onPremisesExtensionAttributes"].is_object(),
        "{}",
        answer.body
    );
    let name = answer.text("/displayName");
    let filter = format!(
        "/users?$filter=DisplayName EQ '{}'",
        name.replace('\'', "''")
    );
    assert_eq!(sim.get(&filter).await.body["value"][0]["id"], *user);
    let sorted = sim
        .get("/users?$orderby=DISPLAYNAME desc&$top=2&$select=id")
        .await;
    assert_eq!(
        sorted.body["value"].as_array().map(Vec::len),
        Some(2),
        "{}",
        sorted.body
    );
    let user = sim.user(11);
    let expanded = sim
        .get(&format!("/users/{user}?$expand=Manager($select=ID)"))
        .await;
    assert_eq!(
        expanded.body["manager"].as_object().unwrap().len(),
        2,
        "{}",
        expanded.body
    );
    assert_eq!(sim.get("/users?$select=Idd").await.status, 400);
}

#[tokio::test]
async fn bg_12_bg_33_the_tenant_in_front_and_the_real_host_in_references() {
    let sim = demo().await;
    let tenant = sim.running.ready.tenant_id.clone();
    let user = sim.user(5);
    for front in [tenant.as_str(), "contoso.onmicrosoft.com", "myorganization"] {
        let answer = sim.get(&format!("/{front}/directoryObjects/{user}")).await;
        assert_eq!(answer.body["id"], *user, "{front}: {}", answer.body);
    }
    let first = sim.get(&format!("/{tenant}/users?$top=1&$select=id")).await;
    let next = first.text("/@odata.nextLink");
    assert!(next.contains(&format!("/v1.0/{tenant}/users?")), "{next}");
    assert_eq!(sim.get(&next).await.status, 200);
    let stranger = "/11111111-2222-4333-8444-555555555555/users";
    assert_eq!(sim.get(stranger).await.status, 400);

    let group = sim.group(5);
    let members = format!("/groups/{group}/members/$ref");
    for (number, address) in [
        (
            140,
            "https://graph.microsoft.com/v1.0/directoryObjects/".to_owned(),
        ),
        (
            141,
            format!("https://graph.microsoft.com/v1.0/{tenant}/directoryObjects/"),
        ),
        (142, format!("{}/v1.0/{tenant}/users/", sim.origin())),
    ] {
        let body = json!({"@odata.id": format!("{address}{}", sim.user(number))});
        let answer = sim.ask("POST", &members, &body).await;
        assert_eq!(answer.status, 204, "{address}: {}", answer.body);
    }
    let body = json!({"@odata.id": format!("https://graph.example/v1.0/users/{user}")});
    assert_eq!(sim.ask("POST", &members, &body).await.status, 400);
}

#[tokio::test]
async fn bg_14_bg_28_filters_on_relations() {
    let sim = demo().await;
    let group = sim.group(5);
    let members = format!("/groups/{group}/members");
    let text = "The specified filter to the reference property query is currently not supported.";
    let filter = "$filter=startswith(displayName,'a')";
    for path in [
        format!("{members}?{filter}"),
        format!("{members}?{filter}&$count=true"),
        format!("!{members}?{filter}"),
        format!("/users/{}/transitiveMemberOf?{filter}", sim.user(5)),
    ] {
        refused(&sim.get(&path).await, 400, "Request_UnsupportedQuery", text);
    }
    let advanced = sim.get(&format!("!{members}?{filter}&$count=true")).await;
    assert_eq!(advanced.status, 200, "{}", advanced.body);

    // A look at one link needs no advanced query: there is one, or it is 404 (BG-28).
    let member = sim.get(&members).await.text("/value/0/id");
    let found = sim
        .get(&format!("{members}?$filter=id eq '{member}'"))
        .await;
    assert_eq!(found.body["value"][0]["id"], *member, "{}", found.body);
    let stranger = sim.user(150);
    let path = format!("{members}?$filter=id eq '{stranger}'");
    assert_eq!(sim.get(&path).await.error().0, 404);
}

#[tokio::test]
async fn bg_17_a_user_without_a_password() {
    let sim = demo().await;
    let text = "A password must be specified to create a new user.";
    for profile in [
        NOTHING,
        json!({}),
        json!({"password": ""}),
        json!({"password": null}),
    ] {
        let mut user = new_user("bg17");
        user["passwordProfile"] = profile;
        refused(&sim.ask("POST", "/users", &user).await, 400, BAD, text);
    }
}

#[tokio::test]
async fn bg_19_twice_into_an_administrative_unit() {
    let sim = demo().await;
    let unit = sim
        .get("/directory/administrativeUnits")
        .await
        .text("/value/1/id");
    let path = format!("/directory/administrativeUnits/{unit}/members/$ref");
    let body = sim.reference(&sim.user(50));
    assert_eq!(sim.ask("POST", &path, &body).await.status, 204);
    refused(
        &sim.ask("POST", &path, &body).await,
        400,
        BAD,
        "A conflicting object with one or more of the specified property values is present in the directory.",
    );
}

#[tokio::test]
async fn bg_21_a_service_principal_of_no_application() {
    let sim = demo().await;
    let id = "11111111-2222-4333-8444-555555555555";
    let answer = sim
        .ask("POST", "/servicePrincipals", &json!({"appId": id}))
        .await;
    let text = format!(
        "The appId '{id}' of the service principal does not reference a valid application object."
    );
    refused(&answer, 400, BAD, &text);
    let detail = ("NoBackingApplicationObject".to_owned(), "appId".to_owned());
    assert_eq!(details(&answer), [detail]);
}

#[tokio::test]
async fn bg_23_a_mail_address_that_somebody_has() {
    let sim = demo().await;
    let taken = sim
        .get("!/users?$count=true&$filter=mail ne null&$top=1")
        .await
        .text("/value/0/mail");
    let mut user = new_user("bg23");
    user["mail"] = json!(taken);
    let answer = sim.ask("POST", "/users", &user).await;
    let text = "Another object with the same value for property proxyAddresses already exists.";
    refused(&answer, 400, BAD, text);
    let codes: Vec<String> = details(&answer).into_iter().map(|(code, _)| code).collect();
    assert_eq!(codes, ["ObjectConflict", "ConflictingObjects"]);
}

#[tokio::test]
async fn bg_24_bg_25_throttling_and_the_heads_of_batch_items() {
    let sim = Sim::start(Settings {
        throttle: ThrottleSize::Large,
        ..Settings::default()
    })
    .await;
    let group = sim.group(1);
    let item = |id: usize, url: String| json!({"id": id.to_string(), "method": "GET", "url": url});
    let user = sim.user(5);
    let requests = json!({"requests": [
        item(1, format!("/users/{user}")), item(2, "/users/nobody@contoso.com".into()),
        {"id": "3", "method": "PATCH", "url": format!("/users/{user}"),
         "headers": {"Content-Type": "application/json"}, "body": {"jobTitle": "x"}},
    ]});
    let answer = sim.ask("POST", "/$batch", &requests).await;
    for item in answer.body["responses"].as_array().unwrap() {
        let mut names: Vec<String> = item["headers"]
            .as_object()
            .unwrap()
            .keys()
            .map(|name| name.to_ascii_lowercase())
            .collect();
        names.sort();
        let expected: &[&str] = match item["status"].as_u64().unwrap() {
            200 => &[
                "cache-control",
                "content-type",
                "odata-version",
                "x-ms-resource-unit",
            ],
            404 => &["cache-control", "content-type", "x-ms-resource-unit"],
            _ => &["cache-control", "x-ms-resource-unit"],
        };
        assert_eq!(names, expected, "{item}");
    }
    let costly = format!("/groups/{group}/transitiveMembers");
    let mut throttled = None;
    for _ in 0..200 {
        let requests: Vec<Value> = (0..20).map(|n| item(n, costly.clone())).collect();
        let answer = sim
            .ask("POST", "/$batch", &json!({"requests": requests}))
            .await;
        let items = answer.body["responses"].as_array().unwrap();
        throttled = items.iter().find(|item| item["status"] == 429).cloned();
        if throttled.is_some() {
            break;
        }
    }
    let error = &throttled.expect("8,000 units run out")["body"]["error"];
    assert_eq!(error["code"], "TooManyRequests");
    let client = &sim.running.ready.client_id;
    assert_eq!(
        error["message"],
        format!(
            "Too many requests from Identifier:{client} under category:aadgraph.app.tenant_large. Please try again later."
        )
    );
}

#[tokio::test]
async fn bg_27_the_same_reference_twice() {
    let sim = demo().await;
    let address = sim.reference(&sim.user(5))["@odata.id"].clone();
    let group = json!({
        "displayName": "BG-27", "mailNickname": "bg27", "mailEnabled": false,
        "securityEnabled": true, "members@odata.bind": [address, address],
    });
    let answer = sim.ask("POST", "/groups", &group).await;
    refused(
        &answer,
        400,
        BAD,
        "Request contains a property with duplicate values.",
    );
}

#[tokio::test]
async fn bg_29_the_organisation_has_a_quota() {
    let sim = demo().await;
    let answer = sim.get("/organization").await;
    let organization = answer.body["value"][0].as_object().unwrap();
    assert!(organization.contains_key("isMultipleDataLocationsForServicesEnabled"));
    let quota = &organization["directorySizeQuota"];
    let used = quota["used"].as_u64().unwrap();
    assert!(
        used > 200 && quota["total"].as_u64().unwrap() > used,
        "{quota}"
    );
    assert_eq!(
        sim.ask("POST", "/users", &new_user("bg29")).await.status,
        201
    );
    let more = sim.get("/organization?$select=directorySizeQuota").await;
    assert_eq!(
        more.body["value"][0]["directorySizeQuota"]["used"],
        used + 1
    );
}

#[tokio::test]
async fn bg_31_reset_takes_resource_manager_along() {
    let sim = demo().await;
    let bearer = format!("Bearer {}", sim.arm_token().await);
    let headers: &[(&str, &str)] = &[("authorization", &bearer)];
    let scope = format!(
        "{}/subscriptions/00000000-0000-0000-0000-000000000000",
        sim.running.ready.arm
    );
    let name = "11111111-2222-4333-8444-555555555555";
    let path = |name: &str| {
        format!(
            "{scope}/providers/Microsoft.Authorization/roleAssignments{name}?api-version=2022-04-01"
        )
    };
    let body = json!({"properties": {
        "principalId": sim.user(5), "principalType": "User",
        "roleDefinitionId": "/providers/Microsoft.Authorization/roleDefinitions/acdd72a7-3385-48ef-bd42-f606fba81ae7",
    }});
    let before = sim.send("GET", &path(""), &NOTHING, headers).await.body["value"].clone();
    let made = sim
        .send("PUT", &path(&format!("/{name}")), &body, headers)
        .await;
    assert_eq!(made.status, 201, "{}", made.body);
    let with = sim.send("GET", &path(""), &NOTHING, headers).await.body["value"].clone();
    assert_ne!(with, before);
    sim.tell("/reset", &json!({})).await;
    // Tokens are revoked too.
    let bearer = format!("Bearer {}", sim.arm_token().await);
    let headers: &[(&str, &str)] = &[("authorization", &bearer)];
    let after = sim.send("GET", &path(""), &NOTHING, headers).await.body["value"].clone();
    assert_eq!(after, before);
}

#[tokio::test]
async fn bg_34_every_tenant_has_microsofts_own_applications() {
    let sim = demo().await;
    let graph = "00000003-0000-0000-c000-000000000000";
    for name in [
        graph,
        "https://graph.microsoft.com",
        "HTTPS://graph.microsoft.com/",
    ] {
        let path = format!("/servicePrincipals?$filter=servicePrincipalNames/any(c:c eq '{name}')");
        let answer = sim.get(&path).await;
        let found = answer.body["value"].as_array().unwrap();
        assert_eq!(found.len(), 1, "{name}");
        assert_eq!(found[0]["displayName"], "Microsoft Graph");
        let has = |list: &str, id: &str| {
            found[0][list]
                .as_array()
                .unwrap()
                .iter()
                .any(|entry| entry["id"] == id)
        };
        assert!(has("appRoles", "df021288-bdef-4463-88db-98f22de89214"));
        assert!(has(
            "oauth2PermissionScopes",
            "e1fe6dd8-ba31-4d61-89e7-88639da4683d"
        ));
    }
    for id in [
        "00000002-0000-0000-c000-000000000000",
        "00000002-0000-0ff1-ce00-000000000000",
        "00000003-0000-0ff1-ce00-000000000000",
        "797f4846-ba00-4fd7-ba43-dac1f8f63013",
    ] {
        let answer = sim.get(&format!("/servicePrincipals(appId='{id}')")).await;
        assert_eq!(answer.status, 200, "{id}: {}", answer.body);
        let owner = "f8cdef31-a31e-4b4a-93e4-5f571e91255a";
        assert_eq!(answer.body["appOwnerOrganizationId"], owner);
    }
    let known = json!({"appId": graph});
    let answer = sim.ask("POST", "/servicePrincipals", &known).await;
    assert_eq!(answer.error().0, 409, "{}", answer.body);
}
