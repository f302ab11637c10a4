//! Logs lead somewhere: each line of a request has its id, each field stands once.

use std::collections::HashSet;

use serde_json::{Value, json};

use crate::support::{
    app::{App, Options, patch_op},
    program::Program,
};

/// The names of an object's members, doubled ones too.
fn names(line: &str) -> Vec<String> {
    struct Names;
    impl<'de> serde::de::Visitor<'de> for Names {
        type Value = Vec<String>;
        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("an object")
        }
        fn visit_map<A: serde::de::MapAccess<'de>>(
            self,
            mut map: A,
        ) -> Result<Vec<String>, A::Error> {
            let mut names = Vec::new();
            while let Some((name, _)) = map.next_entry::<String, Value>()? {
                names.push(name);
            }
            Ok(names)
        }
    }
    use serde::de::Deserializer as _;
    serde_json::Deserializer::from_str(line)
        .deserialize_map(Names)
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_line_of_a_request_has_its_id() {
    let tenant = App::with(Options {
        users: 40,
        groups: 4,
        ..Options::default()
    })
    .await;
    let user = tenant.any_user().await;
    let ready = tenant.simulator().clone();
    let (serving, token) = tokio::task::spawn_blocking(move || {
        let program = Program::with_secret(&ready).set(
            "ENTRA_SCIM__LOG__LEVEL",
            "debug,hyper=off,hyper_util=off,reqwest=off,sqlx=off,h2=off",
        );
        let token = program.token();
        (program.serve(), token)
    })
    .await
    .unwrap();
    tenant
        .set_faults(
            json!([{"method": "PATCH", "count": 1, "fault": {"kind": "status", "status": 503}}]),
        )
        .await;
    let url = |path: &str| format!("{}{path}", serving.scim);
    let title = patch_op(json!([{"op": "replace", "path": "title", "value": "x"}]));
    let mut ids = Vec::new();
    for (method, path, given) in [
        ("GET", format!("/Users/{user}"), None),
        ("PATCH", format!("/Users/{user}"), Some("client-id-1234")),
        (
            "GET",
            "/Users/11111111-2222-3333-4444-555555555555".to_owned(),
            Some("bad id\u{7f}"),
        ),
        ("GET", "/Nothing/%0a%1b%5b31m".to_owned(), None),
    ] {
        let request = tenant
            .client
            .request(method.parse().unwrap(), url(&path))
            .bearer_auth(&token);
        let request = if method == "PATCH" {
            request.json(&title)
        } else {
            request
        };
        let request = match given.filter(|id| id.is_ascii() && !id.contains('\u{7f}')) {
            Some(id) => request.header("x-request-id", id),
            None => request,
        };
        let answer = request.send().await.unwrap();
        let id = answer.headers()["x-request-id"]
            .to_str()
            .unwrap()
            .to_owned();
        if given == Some("client-id-1234") {
            assert_eq!(id, "client-id-1234");
        }
        ids.push((id, method, path, answer.status().as_u16()));
    }
    let log = tokio::task::spawn_blocking(|| serving.stop())
        .await
        .unwrap();
    let lines: Vec<Value> = log
        .lines()
        .map(|line| {
            let names = names(line);
            let once: HashSet<&String> = names.iter().collect();
            assert_eq!(once.len(), names.len(), "{line}");
            serde_json::from_str(line).unwrap()
        })
        .collect();
    for (id, method, path, status) in &ids {
        let mine: Vec<&Value> = lines.iter().filter(|l| l["request_id"] == **id).collect();
        let access = mine
            .iter()
            .find(|l| l["message"] == "answered" && l.get("http.path").is_some());
        let access = access.unwrap_or_else(|| panic!("{id}: {log}"));
        assert_eq!(access["http.method"], *method);
        assert_eq!(access["http.status"], *status);
        assert!(access["http.path"].as_str().unwrap().ends_with(path));
        assert_eq!(access["tenant"], "default");
        assert!(access["token.id"].is_string() && access["duration_ms"].is_number());
    }
    // Graph's id has a name of its own, on lines that have ours too.
    let graph: Vec<&Value> = lines
        .iter()
        .filter(|l| l.get("graph.request_id").is_some())
        .collect();
    assert!(graph.len() >= 3, "{log}");
    assert!(
        graph
            .iter()
            .all(|l| l["request_id"].is_string() && l["request_id"] != l["graph.request_id"])
    );
    assert!(!log.contains(&token));
}
