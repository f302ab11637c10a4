//! Whether two gateways show the same: one with a replica, one that asks Graph.

use serde_json::Value;

use crate::support::app::App;

/// A document without what only one of the two knows, its elements in an order of their own.
pub fn plain(mut doc: Value) -> Value {
    if let Some(meta) = doc["meta"].as_object_mut() {
        meta.remove("version");
        meta.remove("lastModified");
        meta.remove("location");
    }
    sorted(doc)
}

fn sorted(value: Value) -> Value {
    match value {
        Value::Array(items) => {
            let mut items: Vec<Value> = items.into_iter().map(sorted).collect();
            items.sort_by_key(Value::to_string);
            Value::Array(items)
        }
        Value::Object(object) => {
            let mut names: Vec<(String, Value)> = object
                .into_iter()
                // Links name the gateway that gives them.
                .filter(|(name, _)| name != "$ref")
                .map(|(name, value)| (name, sorted(value)))
                .collect();
            names.sort_by(|a, b| a.0.cmp(&b.0));
            Value::Object(names.into_iter().collect())
        }
        // A link of the gateway's own names it.
        Value::String(text) if text.starts_with("http://127.0.0.1:") => {
            let below = text.split_once("/scim/v2").map(|(_, rest)| rest.to_owned());
            Value::String(below.unwrap_or(text))
        }
        other => other,
    }
}

/// All resources of a type, in the order of their ids.
pub async fn all(app: &App, path: &str) -> Vec<Value> {
    let mut found = Vec::new();
    loop {
        let start = (found.len() + 1).to_string();
        let page = app
            .list(path, &[("startIndex", start.as_str()), ("count", "200")])
            .await;
        let page = page.expect_status(200);
        let resources = page.body["Resources"].as_array().unwrap().clone();
        let total = usize::try_from(page.body["totalResults"].as_u64().unwrap()).unwrap();
        let none = resources.is_empty();
        found.extend(resources);
        if found.len() >= total || none {
            assert_eq!(found.len(), total, "{path}");
            break;
        }
    }
    found.sort_by(|a, b| a["id"].as_str().cmp(&b["id"].as_str()));
    found.into_iter().map(plain).collect()
}

pub const PATHS: [&str; 5] = [
    "/Users",
    "/Groups",
    "/Roles",
    "/Licenses",
    "/AdministrativeUnits",
];

/// Of two lists, what is in one only.
fn apart(a: Option<&Value>, b: Option<&Value>) -> (Option<Value>, Option<Value>) {
    let (Some(Value::Array(a)), Some(Value::Array(b))) = (a, b) else {
        return (a.cloned(), b.cloned());
    };
    let only = |these: &[Value], those: &[Value]| {
        let own = these.iter().filter(|item| !those.contains(item));
        Some(Value::Array(own.cloned().collect()))
    };
    (only(a, b), only(b, a))
}

/// What differs between the two, in words.
pub async fn differences(replica: &App, live: &App) -> Vec<String> {
    let mut found = Vec::new();
    for path in PATHS {
        let (ours, theirs) = (all(replica, path).await, all(live, path).await);
        let ids = |docs: &[Value]| -> Vec<String> {
            docs.iter()
                .map(|doc| doc["id"].as_str().unwrap().to_owned())
                .collect()
        };
        let (our_ids, their_ids) = (ids(&ours), ids(&theirs));
        for id in our_ids.iter().filter(|id| !their_ids.contains(id)) {
            found.push(format!("{path}/{id} is only in the replica"));
        }
        for doc in &theirs {
            let id = doc["id"].as_str().unwrap();
            match ours.iter().find(|ours| ours["id"] == doc["id"]) {
                None => found.push(format!("{path}/{id} is missing in the replica")),
                Some(ours) if ours != doc => {
                    let (a, b) = (ours.as_object().unwrap(), doc.as_object().unwrap());
                    let names = a
                        .keys()
                        .chain(b.keys().filter(|name| !a.contains_key(*name)));
                    for name in names.filter(|name| a.get(*name) != b.get(*name)) {
                        let shown = |value: Option<&Value>| -> String {
                            let text = value.map(Value::to_string).unwrap_or_default();
                            text.chars().take(300).collect()
                        };
                        let (a, b) = apart(a.get(name), b.get(name));
                        found.push(format!(
                            "{path}/{id} {name}: {} | Graph: {}",
                            shown(a.as_ref()),
                            shown(b.as_ref())
                        ));
                    }
                }
                Some(_) => {}
            }
        }
    }
    found
}

/// Fails unless the two show the same.
pub async fn expect_equal(replica: &App, live: &App) {
    let found = differences(replica, live).await;
    let shown: Vec<&String> = found.iter().take(6).collect();
    assert!(found.is_empty(), "{} differences: {shown:#?}", found.len());
}
