//! D: ServiceProviderConfig, Schemas, ResourceTypes.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::sheet::{ENTERPRISE, GROUP, LIST, Sheet, USER, small};
use crate::support::app::{App, Options};

fn legal(attribute: &Value) -> bool {
    let one_of =
        |key: &str, legal: &[&str]| attribute[key].as_str().is_some_and(|v| legal.contains(&v));
    let simple = attribute["type"] != "complex";
    attribute["name"].as_str().is_some_and(|n| {
        n.chars()
            .all(|c| c.is_ascii_alphanumeric() || "$-_".contains(c))
    }) && one_of(
        "type",
        &[
            "string",
            "boolean",
            "decimal",
            "integer",
            "dateTime",
            "binary",
            "reference",
            "complex",
        ],
    ) && attribute["multiValued"].is_boolean()
        && attribute["required"].is_boolean()
        && (!simple || attribute["caseExact"].is_boolean())
        && one_of(
            "mutability",
            &["readOnly", "readWrite", "immutable", "writeOnly"],
        )
        && one_of("returned", &["always", "never", "default", "request"])
        && (!simple || one_of("uniqueness", &["none", "server", "global"]))
        && attribute
            .get("subAttributes")
            .is_none_or(|s| s.as_array().is_some_and(|s| s.iter().all(legal)))
}

#[tokio::test(flavor = "multi_thread")]
async fn discovery() {
    let app = small().await;
    let mut sheet = Sheet::of("discovery::discovery");
    let config = app.get("/ServiceProviderConfig").await;
    sheet.status("D01", &config, 200);
    sheet.same(
        "D01",
        &config.body["schemas"],
        &json!(["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"]),
    );
    let c = &config.body;
    let complete = ["patch", "filter", "changePassword", "sort", "etag", "bulk"]
        .iter()
        .all(|k| c[*k]["supported"].is_boolean())
        && c["bulk"]["maxOperations"].is_u64()
        && c["bulk"]["maxPayloadSize"].is_u64()
        && c["filter"]["maxResults"].is_u64()
        && c["authenticationSchemes"].as_array().is_some_and(|s| {
            !s.is_empty()
                && s.iter().all(|s| {
                    ["type", "name", "description"]
                        .iter()
                        .all(|k| s[*k].is_string())
                })
        });
    sheet.holds("D02", complete, &config);
    let p = &c["pagination"];
    let paging = p["cursor"].is_boolean()
        && p["index"].is_boolean()
        && p["defaultPaginationMethod"] == "index"
        && p["defaultPageSize"].as_u64() > Some(0)
        && p["maxPageSize"].as_u64() > Some(0)
        && p.get("cursorTimeout").is_none_or(Value::is_u64);
    sheet.holds("D16", paging, &config);
    let events = c.get("securityEvents").is_none_or(|e| {
        ["none", "long", "request"]
            .iter()
            .any(|a| e["asyncRequest"] == *a)
            && e["eventUris"].is_array()
    });
    sheet.holds("D17", events, &config);

    let schemas = app.get("/Schemas").await;
    let all = schemas.body["Resources"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    sheet.holds(
        "D03",
        schemas.body["schemas"] == json!([LIST])
            && schemas.body["totalResults"] == all.len()
            && !all.is_empty(),
        &schemas,
    );
    let one = app.get(&format!("/Schemas/{USER}")).await;
    sheet.holds(
        "D04",
        one.status == 200 && one.body["id"] == USER && one.body.get("Resources").is_none(),
        &one,
    );
    for schema in &all {
        for attribute in schema["attributes"].as_array().unwrap() {
            sheet.same(
                "D05",
                &json!([attribute["name"], legal(attribute)]),
                &json!([attribute["name"], true]),
            );
            let deep = attribute["subAttributes"]
                .as_array()
                .is_some_and(|s| s.iter().any(|s| s["type"] == "complex"));
            sheet.same(
                "D06",
                &json!([attribute["name"], deep]),
                &json!([attribute["name"], false]),
            );
        }
    }
    let message = all
        .iter()
        .any(|s| s["id"].as_str().unwrap().contains("api:messages"));
    sheet.holds("D07", !message, &schemas);
    let ids: Vec<&str> = all.iter().map(|s| s["id"].as_str().unwrap()).collect();
    // D19: absent, and harmlessly so: asking for them is a plain 404.
    for meta in ["Schema", "ResourceType", "ServiceProviderConfig"] {
        let urn = format!("urn:ietf:params:scim:schemas:core:2.0:{meta}");
        let answer = app.get(&format!("/Schemas/{urn}")).await;
        let listed = ids.contains(&urn.as_str());
        sheet.status("D19", &answer, if listed { 200 } else { 404 });
    }

    let types = app.get("/ResourceTypes").await;
    for kind in types.body["Resources"].as_array().unwrap() {
        let endpoint = kind["endpoint"].as_str().unwrap_or_default();
        let answer = app.get(&format!("{endpoint}?count=1")).await;
        sheet.holds(
            "D08",
            kind["name"].is_string() && answer.status == 200,
            &answer,
        );
        let mut named: Vec<&Value> = vec![&kind["schema"]];
        named.extend(
            kind["schemaExtensions"]
                .as_array()
                .unwrap()
                .iter()
                .map(|e| &e["schema"]),
        );
        for urn in named {
            sheet.holds("D10", ids.contains(&urn.as_str().unwrap()), &types);
        }
    }
    sheet.same("D08", &types.body["schemas"], &json!([LIST]));
    let kind = app.get("/ResourceTypes/User").await;
    sheet.holds(
        "D09",
        kind.body["name"] == "User" && kind.status == 200,
        &kind,
    );
    let filtered = app
        .list("/Schemas", &[("filter", "name eq \"User\"")])
        .await;
    sheet.refused("D11", &filtered, 403, "");
    let paged = app.get("/Schemas?startIndex=2&count=1&sortBy=name").await;
    sheet.same("D12", &paged.body, &schemas.body);
    for (path, method) in [
        ("/ServiceProviderConfig", "POST"),
        ("/Schemas", "PUT"),
        ("/ResourceTypes/User", "DELETE"),
    ] {
        let answer = app.request(method, path, Some(&json!({})), &[]).await;
        sheet.refused("D13", &answer, 405, "");
        sheet.holds(
            "D13",
            answer.header("allow").is_some_and(|a| a.contains("GET")),
            &answer,
        );
    }
    let open = app.with_token(None).get("/ServiceProviderConfig").await;
    sheet.status("D14", &open, 200);
    for path in ["/Schemas/urn:no:such", "/ResourceTypes/NoSuch"] {
        sheet.refused("D15", &app.get(path).await, 404, "");
    }
    for path in [
        "/ResourceTypes/User".to_owned(),
        "/ResourceTypes/Group".to_owned(),
        format!("/Schemas/{USER}"),
        format!("/Schemas/{GROUP}"),
        format!("/Schemas/{ENTERPRISE}"),
    ] {
        sheet.status("D18", &app.get(&path).await, 200);
    }
    sheet.finish();
}

/// What is in `value` and not in the declaration, or is not as it says.
fn undeclared(value: &Value, declared: &Value, at: &str, faults: &mut BTreeSet<String>) {
    let Some(attribute) = declared.as_object() else {
        faults.insert(format!("{at} is not declared"));
        return;
    };
    if attribute["multiValued"] == true && !at.ends_with("[]") {
        match value.as_array() {
            Some(elements) => elements
                .iter()
                .for_each(|e| undeclared(e, declared, &format!("{at}[]"), faults)),
            None => drop(faults.insert(format!("{at} is no list"))),
        }
        return;
    }
    let fits = match attribute["type"].as_str().unwrap_or_default() {
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64(),
        "decimal" => value.is_number(),
        "complex" => value.is_object(),
        _ => value.is_string(),
    };
    if !fits {
        faults.insert(format!("{at} is no {}: {value}", attribute["type"]));
    }
    if attribute["returned"] == "never" {
        faults.insert(format!("{at} is never to be returned"));
    }
    for (name, value) in value.as_object().into_iter().flatten() {
        let sub = named(&attribute["subAttributes"], name);
        undeclared(value, sub, &format!("{at}.{name}"), faults);
    }
}

fn named<'a>(attributes: &'a Value, name: &str) -> &'a Value {
    let found = attributes
        .as_array()
        .and_then(|all| all.iter().find(|one| one["name"] == name));
    found.unwrap_or(&Value::Null)
}

/// Every attribute that a resource has stands in `/Schemas`, with the type that it has.
#[tokio::test(flavor = "multi_thread")]
async fn what_appears_is_declared() {
    for mapping in ["standard", "iga-flat"] {
        let app = App::with(Options {
            users: 60,
            groups: 12,
            mapping,
            ..Options::default()
        })
        .await;
        let schemas = app.get("/Schemas").await.body["Resources"].clone();
        let attributes = |urn: &Value| {
            let all = schemas.as_array().unwrap();
            all.iter().find(|s| s["id"] == *urn).unwrap()["attributes"].clone()
        };
        let types = app.get("/ResourceTypes").await.body["Resources"].clone();
        let mut faults = BTreeSet::new();
        let mut seen = 0;
        for kind in types.as_array().unwrap() {
            let core = attributes(&kind["schema"]);
            let extensions = kind["schemaExtensions"].as_array().unwrap();
            let urns = extensions.iter().map(|e| e["schema"].as_str().unwrap());
            // Also what is returned on request only.
            let names = core.as_array().unwrap().iter();
            let all: Vec<&str> = names
                .filter(|a| a["returned"] != "never")
                .map(|a| a["name"].as_str().unwrap())
                .chain(urns)
                .collect();
            let endpoint = kind["endpoint"].as_str().unwrap();
            let all = all.join(",");
            let query = [("count", "100"), ("attributes", all.as_str())];
            let answer = app.list(endpoint, &query).await.expect_status(200);
            for resource in answer.body["Resources"].as_array().unwrap() {
                seen += 1;
                for (name, value) in resource.as_object().unwrap() {
                    let at = format!("{endpoint} {name}");
                    if ["schemas", "id", "externalId", "meta"].contains(&name.as_str()) {
                        continue;
                    }
                    if name.starts_with("urn:") {
                        let declared = attributes(&json!(name));
                        for (name, value) in value.as_object().unwrap() {
                            let at = format!("{at}:{name}");
                            undeclared(value, named(&declared, name), &at, &mut faults);
                        }
                    } else {
                        undeclared(value, named(&core, name), &at, &mut faults);
                    }
                }
            }
        }
        assert!(seen > 100, "{seen}");
        assert!(faults.is_empty(), "{mapping}: {faults:#?}");
    }
}
