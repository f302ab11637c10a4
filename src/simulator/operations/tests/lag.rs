//! Reads that are behind: what each lag hides, and when it ends.

use time::Duration;

use super::{adele, group, json, play, reference, user};
use crate::odata::request::Method;
use crate::simulator::core::Options;
use crate::simulator::directory::Lags;
use crate::simulator::testing::{get, graph_with, id, send};

const SECOND: Duration = Duration::SECOND;

#[test]
fn a_new_object_is_missed_for_a_while() {
    let (graph, clock) = graph_with(Options::default());
    graph.write().set_lags(Lags {
        read: SECOND * 10,
        index: SECOND * 40,
        members: SECOND * 20,
        ..Lags::default()
    });
    let created = send(&graph, Method::Post, "/users", &adele());
    assert_eq!(created.status, 201);
    let new = created.body_json()["id"].as_str().unwrap().to_owned();
    let count = || get(&graph, "!/users/$count").body;
    let before = count();
    let filtered = "/users?$filter=userPrincipalName eq 'AdeleV@contoso.com'";
    let found = || {
        get(&graph, filtered).body_json()["value"]
            .as_array()
            .unwrap()
            .len()
    };
    let by_id = format!("/users/{new}");
    let add = json!({"@odata.id": format!("{}/v1.0/directoryObjects/{new}", super::ORIGIN)});
    let members = format!("{}/members/$ref", group(6));

    assert_eq!(get(&graph, &by_id).status, 404);
    assert_eq!(get(&graph, "/users/AdeleV@contoso.com").status, 404);
    play(
        &graph,
        vec![
            (
                Method::Patch,
                by_id.clone(),
                json!({"jobTitle": "x"}),
                404,
                "does not exist",
            ),
            // The name is taken although nobody sees by whom.
            (
                Method::Post,
                "/users".into(),
                adele(),
                400,
                "already exists",
            ),
            (
                Method::Post,
                members.clone(),
                add.clone(),
                400,
                "being referenced don't exist",
            ),
            (Method::Get, user(1), json!(null), 200, ""),
        ],
    );
    clock.advance(SECOND * 10);
    assert_eq!((get(&graph, &by_id).status, found()), (200, 0));
    assert_eq!(count(), before);
    clock.advance(SECOND * 10);
    play(&graph, vec![(Method::Post, members, add, 204, "")]);
    clock.advance(SECOND * 20);
    assert_eq!(found(), 1);
    assert_ne!(count(), before);
}

#[test]
fn old_values_are_seen_for_a_while() {
    let (graph, clock) = graph_with(Options::default());
    graph.write().set_lags(Lags {
        stale: SECOND * 10,
        index: SECOND * 30,
        ..Lags::default()
    });
    let url = user(4);
    let title = |url: &str| get(&graph, url).body_json()["jobTitle"].clone();
    let listed = |title: &str| {
        let url = format!("!/users?$count=true&$filter=jobTitle eq '{title}'");
        get(&graph, &url).body_json()["@odata.count"].clone()
    };
    let write = |title: &str| {
        let response = send(&graph, Method::Patch, &url, &json!({"jobTitle": title}));
        assert_eq!(response.status, 204);
    };
    write("one");
    assert_eq!((title(&url), listed("one")), (json!(null), json!(0)));
    clock.advance(SECOND * 10);
    write("two");
    assert_eq!((title(&url), listed("one")), (json!("one"), json!(0)));
    clock.advance(SECOND * 10);
    assert_eq!(title(&url), json!("two"));
    clock.advance(SECOND * 20);
    assert_eq!((listed("one"), listed("two")), (json!(0), json!(1)));
    // Who writes sees the present: the old value is no longer there to be compared with.
    assert!(
        graph
            .read()
            .text(graph.read().find(id(1, 4)).unwrap(), "jobTitle")
            == Some("two")
    );
}

#[test]
fn a_new_group_takes_no_members_yet() {
    let (graph, clock) = graph_with(Options::default());
    graph.write().set_lags(Lags {
        members: SECOND * 10,
        ..Lags::default()
    });
    let body = json!({"displayName": "G", "mailEnabled": false, "mailNickname": "g",
        "securityEnabled": true,
        "members@odata.bind": [reference(id(1, 1))["@odata.id"]]});
    let created = send(&graph, Method::Post, "/groups", &body);
    assert_eq!(
        created.status, 201,
        "members of the request itself are taken"
    );
    let url = format!("/groups/{}", created.body_json()["id"].as_str().unwrap());
    let bind = json!({"members@odata.bind": [reference(id(1, 2))["@odata.id"]]});
    let refused = "being referenced don't exist";
    play(
        &graph,
        vec![
            (
                Method::Post,
                format!("{url}/members/$ref"),
                reference(id(1, 2)),
                400,
                refused,
            ),
            (Method::Patch, url.clone(), bind.clone(), 400, refused),
        ],
    );
    clock.advance(SECOND * 10);
    play(&graph, vec![(Method::Patch, url, bind, 204, "")]);
}
