//! What indexes tell is what looking at every object would: after each kind of change.

use serde_json::{Value, json};

use crate::odata::request::Method;
use crate::simulator::core::Graph;
use crate::simulator::testing::{ORIGIN, get, graph, id, send};

type Holds = fn(&Value) -> bool;

fn lower(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_lowercase()
}

/// Filters that indexes answer, and what they mean.
const FILTERS: [(&str, Holds); 7] = [
    ("department eq 'SALES'", |u| {
        lower(&u["department"]) == "sales"
    }),
    ("department in ('r&d','Tools')", |u| {
        ["r&d", "tools"].contains(&lower(&u["department"]).as_str())
    }),
    ("startsWith(displayName,'user 00')", |u| {
        lower(&u["displayName"]).starts_with("user 00")
    }),
    ("otherMails/any(p:p eq 'Other3@x.org')", |u| {
        u["otherMails"]
            .as_array()
            .unwrap()
            .iter()
            .any(|m| lower(m) == "other3@x.org")
    }),
    ("createdDateTime ge 2024-01-01T00:30:00Z", |u| {
        u["createdDateTime"].as_str().unwrap() >= "2024-01-01T00:30:00Z"
    }),
    ("accountEnabled eq false", |u| u["accountEnabled"] == false),
    (
        "department eq 'Sales' and startsWith(displayName,'User 1')",
        |u| lower(&u["department"]) == "sales" && lower(&u["displayName"]).starts_with("user 1"),
    ),
];

fn ids(list: &[&Value]) -> Vec<String> {
    let mut ids: Vec<String> = list
        .iter()
        .map(|u| u["id"].as_str().unwrap().to_owned())
        .collect();
    ids.sort();
    ids
}

fn agree(graph: &Graph, when: &str) {
    let select = "id,department,displayName,otherMails,createdDateTime,accountEnabled";
    let all = get(graph, &format!("/users?$top=999&$select={select}"));
    let all = all.body_json()["value"].as_array().unwrap();
    for (filter, holds) in FILTERS {
        let expected: Vec<&Value> = all.iter().filter(|user| holds(user)).collect();
        let encoded = filter.replace('&', "%26");
        let found = get(
            graph,
            &format!("/users?$top=999&$select=id&$filter={encoded}"),
        );
        let found: Vec<&Value> = found.body_json()["value"]
            .as_array()
            .unwrap()
            .iter()
            .collect();
        assert_eq!(ids(&found), ids(&expected), "{when}: {filter}");
    }
}

#[test]
fn indexes_follow_every_change() {
    let graph = graph();
    agree(&graph, "at first");
    let user = |n: usize| format!("/users/{}", id(1, n));
    let change = |method, url: &str, body: Value, when: &str| {
        let answer = send(&graph, method, url, &body);
        assert!(answer.status < 300, "{when}: {:?}", answer.body);
        agree(&graph, when);
    };
    let moved = json!({"department": "Tools", "displayName": "User 001 renamed"});
    change(Method::Patch, &user(1), moved, "changed");
    let cleared = json!({"department": null, "otherMails": []});
    change(Method::Patch, &user(3), cleared, "cleared");
    change(
        Method::Patch,
        &user(4),
        json!({"accountEnabled": false}),
        "disabled",
    );
    change(Method::Delete, &user(2), Value::Null, "deleted");
    let binned = format!("/directory/deletedItems/{}", id(1, 2));
    change(
        Method::Post,
        &format!("{binned}/restore"),
        Value::Null,
        "restored",
    );
    change(Method::Delete, &user(2), Value::Null, "deleted again");
    change(Method::Delete, &binned, Value::Null, "gone");
    let made = json!({
        "accountEnabled": true, "displayName": "User 00 new", "mailNickname": "new",
        "userPrincipalName": "new@contoso.com", "department": "sales",
        "otherMails": ["OTHER3@X.ORG"], "passwordProfile": {"password": "xWwvJ]6NMw+bWH-d"},
    });
    change(Method::Post, "/users", made, "created");
}

#[test]
fn a_walk_over_a_closure_is_one_and_the_next_begins_anew() {
    let graph = graph();
    let new_group = |name: &str| {
        let body = json!({
            "displayName": name, "mailNickname": name, "mailEnabled": false,
            "securityEnabled": true,
        });
        let made = send(&graph, Method::Post, "/groups", &body);
        made.body_json()["id"].as_str().unwrap().to_owned()
    };
    let (outer, inner) = (new_group("outer"), new_group("inner"));
    let add = |group: &str, member: String| {
        let body = json!({"@odata.id": format!("{ORIGIN}/v1.0/directoryObjects/{member}")});
        let answer = send(
            &graph,
            Method::Post,
            &format!("/groups/{group}/members/$ref"),
            &body,
        );
        assert_eq!(answer.status, 204, "{:?}", answer.body);
    };
    add(&outer, inner.clone());
    for n in 10..14 {
        add(&inner, id(1, n).to_string());
    }
    let first = format!("/groups/{outer}/transitiveMembers?$top=2&$select=id");
    let walk = |change: &dyn Fn()| {
        let (mut found, mut next) = (Vec::new(), Some(first.clone()));
        while let Some(url) = next.take() {
            let answer = get(&graph, &url);
            let body = answer.body_json();
            let page = body["value"].as_array().unwrap();
            found.extend(page.iter().map(|m| m["id"].as_str().unwrap().to_owned()));
            let link = body["@odata.nextLink"].as_str();
            next = link.map(|l| l.trim_start_matches(&format!("{ORIGIN}/v1.0")).to_owned());
            change();
        }
        found.len()
    };
    let remove = || {
        let path = format!("/groups/{inner}/members/{}/$ref", id(1, 13));
        send(&graph, Method::Delete, &path, &Value::Null);
    };
    assert_eq!(walk(&remove), 5, "the walk goes on as it began");
    assert_eq!(walk(&|| ()), 4, "the next one sees the change at once");
}
