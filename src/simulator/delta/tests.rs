//! Rounds as a client goes through them.

use serde_json::{Value, json};
use time::Duration;

use crate::odata::request::Method;
use crate::simulator::core::{Graph, Options};
use crate::simulator::directory::Lags;
use crate::simulator::options::{Habits, Resync};
use crate::simulator::request::{SimRequest, SimResponse};
use crate::simulator::testing::{ORIGIN, get, graph, graph_with, id, outcome, send};

fn local(link: &str) -> String {
    link.strip_prefix(&format!("{ORIGIN}/v1.0"))
        .unwrap()
        .to_owned()
}

/// All rows of a round from `url`, the number of pages, and the address to go on from.
fn round(graph: &Graph, url: &str) -> (Vec<Value>, usize, String) {
    let (mut url, mut rows, mut pages) = (url.to_owned(), Vec::new(), 0);
    loop {
        let response = get(graph, &url);
        assert_eq!(response.status, 200, "{url}: {:?}", response.body_json());
        let body = response.body_json();
        rows.extend(body["value"].as_array().unwrap().clone());
        pages += 1;
        let (next, delta) = (&body["@odata.nextLink"], &body["@odata.deltaLink"]);
        assert_ne!(next.is_null(), delta.is_null(), "exactly one link");
        match next.as_str() {
            Some(next) => url = local(next),
            None => return (rows, pages, local(delta.as_str().unwrap())),
        }
    }
}

fn user(n: usize) -> String {
    format!("/users/{}", id(1, n))
}

fn patch(graph: &Graph, url: &str, body: &Value) {
    let response = send(graph, Method::Patch, url, body);
    assert_eq!(response.status, 204, "{url}: {:?}", response.body_json());
}

fn minimal(graph: &Graph, url: &str) -> SimResponse {
    let request = SimRequest::new(Method::Get, url, ORIGIN);
    graph.handle(&request.header_set("Prefer", "return=minimal"))
}

fn reference(n: usize) -> Value {
    json!({"@odata.id": format!("{ORIGIN}/v1.0/directoryObjects/{}", id(1, n))})
}

#[test]
fn a_walk_then_only_changes() {
    let graph = graph();
    let (rows, pages, link) = round(&graph, "/users/delta");
    // User 7 sits in the recycle bin.
    assert_eq!((rows.len(), pages), (119, 2));
    assert!(rows[0].get("givenName").is_none(), "never set: {}", rows[0]);

    let (rows, _, link) = round(&graph, &link);
    assert_eq!(rows, Vec::<Value>::new());

    patch(
        &graph,
        &user(1),
        &json!({"jobTitle": "Chief", "mobilePhone": null}),
    );
    patch(
        &graph,
        &user(2),
        &json!({"jobTitle": null, "department": "untracked"}),
    );
    patch(&graph, &user(3), &json!({"displayName": "User 003"}));
    let created = send(
        &graph,
        Method::Post,
        "/users",
        &json!({"accountEnabled": true, "displayName": "New", "mailNickname": "new",
            "userPrincipalName": "new@contoso.com", "passwordProfile": {"password": "xWwvJ]6NMw+bWH-d"}}),
    );
    let new = created.body_json()["id"].clone();
    assert_eq!(
        send(&graph, Method::Delete, &user(8), &Value::Null).status,
        204
    );
    let bin = format!("/directory/deletedItems/{}", id(1, 7));
    assert_eq!(send(&graph, Method::Delete, &bin, &Value::Null).status, 204);

    let request = minimal(&graph, &link);
    let rows = request.body_json()["value"].as_array().unwrap();
    let find = |id: &Value| rows.iter().find(|r| r["id"] == *id).cloned();
    let of = |n: usize| find(&json!(id(1, n).to_string()));
    assert_eq!(
        of(1).unwrap(),
        json!({"id": id(1, 1).to_string(), "jobTitle": "Chief"})
    );
    assert!(of(2).is_none(), "no followed property changed: {rows:?}");
    assert!(of(3).is_none(), "the same value is no change");
    assert_eq!(find(&new).unwrap()["displayName"], "New");
    assert_eq!(of(8).unwrap()["@removed"], json!({"reason": "changed"}));
    assert_eq!(of(7).unwrap()["@removed"], json!({"reason": "deleted"}));
    assert_eq!(rows.len(), 4);

    // Without the header the rest comes along; the token is still good.
    let (rows, _, link) = round(&graph, &link);
    let full = rows
        .iter()
        .find(|r| r["id"] == id(1, 1).to_string())
        .unwrap();
    assert_eq!(
        (&full["displayName"], &full["jobTitle"]),
        (&json!("User 001"), &json!("Chief"))
    );

    // Restored objects come back whole; a cleared property is null.
    let restore = format!("/directory/deletedItems/{}/restore", id(1, 8));
    assert_eq!(
        send(&graph, Method::Post, &restore, &Value::Null).status,
        200
    );
    patch(&graph, &user(1), &json!({"jobTitle": null}));
    let (rows, ..) = round(&graph, &link);
    assert_eq!(rows.len(), 2);
    assert_eq!(rows[0]["jobTitle"], Value::Null);
    assert!(rows[0].as_object().unwrap().contains_key("jobTitle"));
    assert_eq!(rows[1]["displayName"], "User 008");
}

#[test]
fn memberships_are_spread_and_followed() {
    let graph = graph();
    let (rows, _, link) = round(&graph, "/groups/delta");
    let everyone: Vec<&Value> = rows
        .iter()
        .filter(|r| r["id"] == id(2, 0).to_string())
        .collect();
    assert_eq!(everyone.len(), 2, "one group on two pages");
    let members: usize = everyone
        .iter()
        .map(|r| r["members@delta"].as_array().unwrap().len())
        .sum();
    assert_eq!(members, 104);
    let team = rows
        .iter()
        .find(|r| r["id"] == id(2, 2).to_string())
        .unwrap();
    assert!(team.get("members@delta").is_none() && team.get("owners@delta").is_none());
    assert!(rows.iter().all(|r| r.get("owners@delta").is_none()));

    let members = format!("/groups/{}/members", id(2, 6));
    assert_eq!(
        send(
            &graph,
            Method::Post,
            &format!("{members}/$ref"),
            &reference(9)
        )
        .status,
        204
    );
    let gone = format!("{members}/{}/$ref", id(1, 2));
    assert_eq!(
        send(&graph, Method::Delete, &gone, &Value::Null).status,
        204
    );
    // Soft deletion is no change of the membership.
    assert_eq!(
        send(&graph, Method::Delete, &user(3), &Value::Null).status,
        204
    );
    let (rows, _, link) = round(&graph, &link);
    assert_eq!(rows.len(), 1, "{rows:?}");
    assert_eq!(
        rows[0]["members@delta"],
        json!([
            {"@odata.type": "#microsoft.graph.user", "id": id(1, 2).to_string(), "@removed": {"reason": "deleted"}},
            {"@odata.type": "#microsoft.graph.user", "id": id(1, 9).to_string()},
        ])
    );
    let purge = format!("/directory/deletedItems/{}", id(1, 3));
    assert_eq!(
        send(&graph, Method::Delete, &purge, &Value::Null).status,
        204
    );
    assert!(round(&graph, &link).0.is_empty());
    graph.set_delta_habits(Habits {
        cut_links: true,
        ..Habits::default()
    });
    let (rows, ..) = round(&graph, &link);
    // It was also a member of "Everyone".
    assert_eq!(rows.len(), 2);
    assert_eq!(rows[1]["members@delta"][0]["@removed"]["reason"], "deleted");
}

#[test]
fn selected_relations() {
    let graph = graph();
    let (rows, ..) = round(&graph, "/groups/delta?$select=displayName,owners");
    let nested = rows.iter().find(|r| r["displayName"] == "Nested").unwrap();
    assert_eq!(nested["owners@delta"].as_array().unwrap().len(), 2);
    assert_eq!(nested.as_object().unwrap().len(), 3, "{nested}");

    let (_, _, link) = round(&graph, "/users/delta?$select=manager&$deltatoken=latest");
    let put = format!("{}/manager/$ref", user(5 + 4));
    assert_eq!(send(&graph, Method::Put, &put, &reference(1)).status, 204);
    patch(&graph, &user(2), &json!({"displayName": "not followed"}));
    let (rows, ..) = round(&graph, &link);
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0]["manager@delta"].as_array().unwrap().len(), 2);
}

#[test]
fn every_set() {
    let graph = graph();
    for (url, least) in [
        ("/users/delta", 119),
        ("/users/delta()", 119),
        ("/groups/delta", 7),
        ("/applications/delta", 1),
        ("/servicePrincipals/delta", 1),
        ("/directoryRoles/delta", 1),
        ("/directory/administrativeUnits/delta", 1),
        ("/administrativeUnits/delta", 1),
        ("/directoryObjects/delta", 120),
    ] {
        if least > 0 {
            let (rows, ..) = round(&graph, url);
            assert!(rows.len() >= least, "{url}: {}", rows.len());
        }
    }
    let (rows, ..) = round(&graph, "/directoryRoles/delta");
    assert_eq!(rows[0]["members@delta"][0]["id"], id(1, 1).to_string());
    assert_eq!(
        get(&graph, "/roleManagement/directory/roleAssignments/delta").status,
        400
    );
    assert_eq!(get(&graph, "/subscribedSkus/delta").status, 404);
}

#[test]
fn options_of_the_first_call() {
    let graph = graph();
    let many = |n: usize| {
        let ids: Vec<String> = (0..n).map(|n| format!("id eq '{}'", id(1, n))).collect();
        format!("/users/delta?$filter={}", ids.join(" or "))
    };
    for (url, status) in [
        (many(2), 200),
        (many(50), 200),
        (many(51), 400),
        ("/users/delta?$filter=displayName eq 'x'".to_owned(), 400),
        (
            "/users/delta?$filter=id eq 'x' and id eq 'y'".to_owned(),
            400,
        ),
        ("/users/delta?$select=displayName,manager".to_owned(), 200),
        ("/users/delta?$select=memberOf".to_owned(), 400),
        ("/users/delta?$select=nope".to_owned(), 400),
        ("/users/delta?$select=aboutMe".to_owned(), 501),
        ("/users/delta?$top=5".to_owned(), 400),
        ("/users/delta?$expand=manager".to_owned(), 400),
        ("/users/delta?$orderby=displayName".to_owned(), 400),
        ("/users/delta?$count=true".to_owned(), 400),
        ("/users/delta?$search=\"x\"".to_owned(), 400),
        ("/users/delta?$deltatoken=rubbish".to_owned(), 400),
        ("/users/delta?$deltatoken=".to_owned(), 200),
    ] {
        assert_eq!(get(&graph, &url).status, status, "{url}");
    }
    let (rows, _, link) = round(&graph, &many(2));
    assert_eq!(rows.len(), 2);
    patch(&graph, &user(1), &json!({"jobTitle": "a"}));
    patch(&graph, &user(4), &json!({"jobTitle": "b"}));
    assert_eq!(
        round(&graph, &link).0.len(),
        1,
        "the token keeps the filter"
    );
    // Tokens are bound to their set and their query.
    assert_eq!(get(&graph, &format!("{link}&$select=id")).status, 400);
    let other = link.replace("/users/", "/groups/");
    assert_eq!(get(&graph, &other).status, 400);
    let skip = link.replace("$deltatoken", "$skiptoken");
    assert_eq!(get(&graph, &skip).status, 400);
}

#[test]
fn tokens_live_a_week() {
    let (graph, clock) = graph_with(Options::default());
    let (_, _, link) = round(&graph, "/users/delta?$deltatoken=latest");
    patch(&graph, &user(1), &json!({"jobTitle": "x"}));
    clock.advance(Duration::days(7));
    assert_eq!(round(&graph, &link).0.len(), 1);
    clock.advance(Duration::SECOND);
    let response = get(&graph, &link);
    assert_eq!(outcome(&response), (410, "resyncRequired".to_owned()));
    let location = response.header("Location").unwrap();
    assert_eq!(location, format!("{ORIGIN}/v1.0/users/delta?$deltatoken="));
    assert_eq!(round(&graph, &local(location)).0.len(), 119);
    graph.set_delta_habits(Habits {
        resync: Resync::SyncStateNotFound,
        ..Habits::default()
    });
    assert_eq!(
        outcome(&get(&graph, &link)),
        (400, "syncStateNotFound".to_owned())
    );

    let (_, _, link) = round(&graph, "/users/delta?$deltatoken=latest");
    graph.write().forget_journal();
    assert_eq!(get(&graph, &link).status, 400);
}

#[test]
fn changes_show_late_and_twice() {
    let (graph, clock) = graph_with(Options::default());
    graph.write().set_lags(Lags {
        delta: Duration::seconds(30),
        ..Lags::default()
    });
    let (_, _, link) = round(&graph, "/users/delta?$deltatoken=latest");
    patch(&graph, &user(1), &json!({"jobTitle": "x"}));
    let (rows, _, link) = round(&graph, &link);
    assert!(rows.is_empty());
    clock.advance(Duration::seconds(31));
    graph.set_delta_habits(Habits {
        repeats: true,
        ..Habits::default()
    });
    let (rows, _, link) = round(&graph, &link);
    assert_eq!(rows.len(), 2, "twice on the page");
    let (rows, _, link) = round(&graph, &link);
    assert_eq!(rows.len(), 2, "and again in the next round");
    assert!(round(&graph, &link).0.is_empty());
}

/// A round that told an old value, or passed a new object over, would never make up for it.
#[test]
fn rounds_lose_nothing_although_reads_are_behind() {
    let (graph, clock) = graph_with(Options::default());
    let late = Duration::seconds(30);
    graph.write().set_lags(Lags {
        delta: Duration::ZERO,
        ..Lags::all(late, 1)
    });
    let url = "/groups/delta?$select=displayName,description,members";
    let (_, _, link) = round(&graph, url);
    let group = format!("/groups/{}", id(2, 6));
    patch(&graph, &group, &json!({"description": "new"}));
    let add = format!("{group}/members/$ref");
    assert_eq!(send(&graph, Method::Post, &add, &reference(9)).status, 204);
    let new = json!({"displayName": "N", "mailEnabled": false, "mailNickname": "n",
        "securityEnabled": true});
    assert_eq!(send(&graph, Method::Post, "/groups", &new).status, 201);
    assert_ne!(get(&graph, &group).body_json()["description"], "new");

    let (rows, _, _) = round(&graph, &link);
    let row = rows.iter().find(|row| row["description"] == "new").unwrap();
    assert_eq!(row["members@delta"][0]["id"], id(1, 9).to_string());
    assert!(rows.iter().any(|row| row["displayName"] == "N"));
    let (rows, _, link) = round(&graph, url);
    assert!(rows.iter().any(|row| row["displayName"] == "N"));

    // With a lag of their own, rounds tell of it later, and once.
    clock.advance(late + Duration::SECOND);
    graph.write().set_lags(Lags {
        delta: late,
        ..Lags::default()
    });
    assert_eq!(send(&graph, Method::Post, "/groups", &new).status, 201);
    let (rows, _, whole) = round(&graph, url);
    let named = |rows: &[Value]| rows.iter().filter(|row| row["displayName"] == "N").count();
    assert_eq!((named(&rows), named(&round(&graph, &link).0)), (1, 0));
    clock.advance(late + Duration::SECOND);
    let (rows, _, link) = round(&graph, &whole);
    assert_eq!((named(&rows), named(&round(&graph, &link).0)), (1, 0));
}
