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

/// The ids of a list, sorted.
fn ids(graph: &crate::simulator::core::Graph, url: &str) -> Vec<String> {
    let response = get(graph, url);
    let list = response.body_json()["value"].as_array().cloned();
    let mut ids: Vec<String> = list
        .unwrap_or_else(|| panic!("{url}: {response:?}"))
        .iter()
        .map(|item| item["id"].as_str().unwrap_or_default().to_owned())
        .collect();
    ids.sort_unstable();
    ids
}

#[test]
fn links_that_come_and_go_are_seen_late() {
    let (graph, clock) = graph_with(Options::default());
    graph.write().set_lags(Lags {
        links: SECOND * 10,
        ..Lags::default()
    });
    let text = |kind, n| id(kind, n).to_string();
    let members = format!("{}/members", group(6));
    let (before, after) = ([text(1, 2), text(1, 3)], [text(1, 3), text(1, 9)]);
    let remove = |n: usize| format!("{members}/{}/$ref", id(1, n));
    let add = || (Method::Post, format!("{members}/$ref"), reference(id(1, 9)));
    play(
        &graph,
        vec![
            (add().0, add().1, add().2, 204, ""),
            (Method::Delete, remove(2), json!(null), 204, ""),
        ],
    );
    assert_eq!(ids(&graph, &members), before);
    assert_eq!(get(&graph, &format!("!{members}/$count")).body, {
        crate::simulator::request::Body::Text("2".to_owned())
    });
    assert_eq!(get(&graph, &format!("{members}/{}", id(1, 9))).status, 404);
    assert_eq!(get(&graph, &format!("{members}/{}", id(1, 2))).status, 200);
    assert!(!ids(&graph, &format!("{}/memberOf", user(9))).contains(&text(2, 6)));
    assert!(ids(&graph, &format!("{}/transitiveMemberOf", user(2))).contains(&text(2, 6)));
    let checked = send(
        &graph,
        Method::Post,
        &format!("{}/checkMemberGroups", user(9)),
        &json!({"groupIds": [text(2, 6)]}),
    );
    assert_eq!(checked.body_json()["value"], json!([]));
    // Writes know better.
    play(
        &graph,
        vec![
            (add().0, add().1, add().2, 400, "already exist"),
            (Method::Delete, remove(2), json!(null), 400, "do not exist"),
        ],
    );
    // There and back within the lag: the first state is what is seen.
    play(
        &graph,
        vec![
            (Method::Delete, remove(3), json!(null), 204, ""),
            (
                Method::Post,
                format!("{members}/$ref"),
                reference(id(1, 3)),
                204,
                "",
            ),
        ],
    );
    assert_eq!(ids(&graph, &members), before);
    clock.advance(SECOND * 10);
    assert_eq!(ids(&graph, &members), after);
    assert!(ids(&graph, &format!("{}/memberOf", user(9))).contains(&text(2, 6)));
}

#[test]
fn pages_of_links_go_on_where_they_ended() {
    let (graph, clock) = graph_with(Options::default());
    graph.write().set_lags(Lags {
        links: SECOND * 10,
        ..Lags::default()
    });
    let members = format!("{}/members", group(0));
    // The second and the last member go, another comes.
    for (method, url, body) in [
        (
            Method::Delete,
            format!("{members}/{}/$ref", id(1, 1)),
            json!(null),
        ),
        (
            Method::Delete,
            format!("{members}/{}/$ref", id(1, 104)),
            json!(null),
        ),
        (
            Method::Post,
            format!("{members}/$ref"),
            reference(id(1, 110)),
        ),
    ] {
        assert_eq!(send(&graph, method, &url, &body).status, 204);
    }
    let paged = || {
        let (mut all, mut url) = (Vec::new(), format!("{members}?$top=20&$select=id"));
        loop {
            let page = get(&graph, &url);
            let body = page.body_json();
            let rows = body["value"].as_array().unwrap();
            all.extend(
                rows.iter()
                    .map(|row| row["id"].as_str().unwrap().to_owned()),
            );
            match body["@odata.nextLink"].as_str() {
                Some(next) => next
                    .trim_start_matches("http://graph.test/v1.0")
                    .clone_into(&mut url),
                None => return all,
            }
        }
    };
    // User 7 is in the recycle bin.
    let expect = |numbers: &mut dyn Iterator<Item = usize>| -> Vec<String> {
        numbers
            .filter(|n| *n != 7)
            .map(|n| id(1, n).to_string())
            .collect()
    };
    assert_eq!(paged(), expect(&mut (0..105)));
    clock.advance(SECOND * 10);
    let now = &mut (0..104).filter(|n| *n != 1).chain([110]);
    assert_eq!(paged(), expect(now));
}

#[test]
fn managers_owners_and_licences_are_seen_late() {
    let (graph, clock) = graph_with(Options::default());
    graph.write().set_lags(Lags {
        links: SECOND * 10,
        ..Lags::default()
    });
    let manager = || get(&graph, &format!("{}/manager", user(4))).body_json()["id"].clone();
    let owners = || ids(&graph, &format!("{}/owners", group(1)));
    let licences = || {
        let url = format!("{}?$select=assignedLicenses", user(4));
        let skus = get(&graph, &url).body_json()["assignedLicenses"].clone();
        let details = get(&graph, &format!("{}/licenseDetails", user(4)));
        let filter = format!(
            "!/users?$count=true&$filter=assignedLicenses/any(l:l/skuId eq {}) and id eq '{}'",
            id(3, 1),
            id(1, 4)
        );
        let found = ids(&graph, &filter).len();
        let details = details.body_json()["value"].as_array().unwrap().len();
        (skus.as_array().unwrap().len(), details, found)
    };
    let boss = manager();
    let licensed = licences();
    assert_eq!(
        (owners(), licensed),
        (vec![id(1, 1).to_string(), id(1, 2).to_string()], (0, 0, 0))
    );
    let assign = format!("{}/assignLicense", user(4));
    let body = json!({"addLicenses": [{"skuId": id(3, 1).to_string()}], "removeLicenses": []});
    let answer = send(&graph, Method::Post, &assign, &body);
    let told = answer.body_json();
    assert_eq!(answer.status, 200, "{told}");
    play(
        &graph,
        vec![
            (
                Method::Put,
                format!("{}/manager/$ref", user(4)),
                reference(id(1, 8)),
                204,
                "",
            ),
            (
                Method::Delete,
                format!("{}/owners/{}/$ref", group(1), id(1, 1)),
                json!(null),
                204,
                "",
            ),
        ],
    );
    assert_eq!(manager(), boss);
    assert_eq!((owners().len(), licences()), (2, (0, 0, 0)));
    clock.advance(SECOND * 10);
    assert_eq!(manager(), json!(id(1, 8).to_string()));
    assert_eq!(
        (owners(), licences()),
        (vec![id(1, 2).to_string()], (1, 1, 1))
    );

    // Taken away again: seen for a while, and refused at once when it is taken away twice.
    let body = json!({"addLicenses": [], "removeLicenses": [id(3, 1).to_string()]});
    assert_eq!(send(&graph, Method::Post, &assign, &body).status, 200);
    assert_eq!(licences(), (1, 1, 1));
    assert_eq!(send(&graph, Method::Post, &assign, &body).status, 400);
    clock.advance(SECOND * 10);
    assert_eq!(licences(), (0, 0, 0));
}

#[test]
fn the_deleted_are_read_for_a_while() {
    let (graph, clock) = graph_with(Options::default());
    graph.write().set_lags(Lags::all(SECOND * 10, 3));
    let deleted = |n: usize| format!("/directory/deletedItems/{}", id(1, n));
    let count = |url: &str| match get(&graph, url).body {
        crate::simulator::request::Body::Text(text) => text.parse::<i64>().unwrap(),
        other => panic!("{other:?}"),
    };
    let bin = "!/directory/deletedItems/microsoft.graph.user/$count";
    let (users, binned) = (count("!/users/$count"), count(bin));
    assert_eq!(
        send(&graph, Method::Delete, &user(4), &json!(null)).status,
        204
    );
    let group_deleted = send(&graph, Method::Delete, &group(1), &json!(null));
    assert_eq!(group_deleted.status, 204);

    let seen = get(&graph, &user(4));
    assert_eq!(
        (seen.status, seen.body_json()["id"].clone()),
        (200, json!(id(1, 4)))
    );
    assert_eq!(get(&graph, "/users/user4@contoso.com").status, 200);
    assert_eq!(get(&graph, &deleted(4)).status, 404);
    assert_eq!((count("!/users/$count"), count(bin)), (users, binned));
    // Gone for good, and still there with its name, its members and its place in the list.
    assert_eq!(get(&graph, &group(1)).body_json()["displayName"], "Nested");
    assert_eq!(ids(&graph, &format!("{}/members", group(1))).len(), 2);
    assert!(ids(&graph, "/groups?$select=id").contains(&id(2, 1).to_string()));
    assert!(ids(&graph, &format!("{}/memberOf", user(110))).contains(&id(2, 1).to_string()));
    let sorted = "!/groups?$count=true&$orderby=displayName&$select=id";
    assert!(ids(&graph, sorted).contains(&id(2, 1).to_string()));
    // Writes know better.
    play(
        &graph,
        vec![
            (
                Method::Patch,
                user(4),
                json!({"jobTitle": "x"}),
                404,
                "does not exist",
            ),
            (Method::Delete, user(4), json!(null), 404, "does not exist"),
            (Method::Delete, group(1), json!(null), 404, "does not exist"),
        ],
    );
    clock.advance(SECOND * 10);
    for url in [user(4), group(1), "/users/user4@contoso.com".to_owned()] {
        assert_eq!(get(&graph, &url).status, 404, "{url}");
    }
    assert_eq!(get(&graph, &deleted(4)).status, 200);
    assert_eq!(
        (count("!/users/$count"), count(bin)),
        (users - 1, binned + 1)
    );
    assert!(!ids(&graph, "/groups?$select=id").contains(&id(2, 1).to_string()));
    assert!(!ids(&graph, &format!("{}/memberOf", user(110))).contains(&id(2, 1).to_string()));

    // Back again: reads find it in the bin for as long.
    let restore = format!("{}/restore", deleted(4));
    assert_eq!(send(&graph, Method::Post, &restore, &json!({})).status, 200);
    assert_eq!(
        (
            get(&graph, &user(4)).status,
            get(&graph, &deleted(4)).status
        ),
        (404, 200)
    );
    clock.advance(SECOND * 10);
    assert_eq!(
        (
            get(&graph, &user(4)).status,
            get(&graph, &deleted(4)).status
        ),
        (200, 404)
    );
}

#[test]
fn role_assignments_come_and_go_late() {
    let (graph, clock) = graph_with(Options::default());
    let set = "/roleManagement/directory/roleAssignments";
    let listed = |n: usize| {
        ids(
            &graph,
            &format!("{set}?$filter=principalId eq '{}'", id(1, n)),
        )
    };
    let before = listed(1);
    graph.write().set_lags(Lags::all(SECOND * 10, 3));
    let body =
        json!({"principalId": id(1, 8), "roleDefinitionId": id(6, 0), "directoryScopeId": "/"});
    assert_eq!(send(&graph, Method::Post, set, &body).status, 201);
    let url = format!("{set}/{}", before[0]);
    assert_eq!(send(&graph, Method::Delete, &url, &json!(null)).status, 204);
    assert_eq!((listed(8), listed(1)), (vec![], before.clone()));
    assert_eq!(get(&graph, &url).status, 200);
    assert_eq!(send(&graph, Method::Delete, &url, &json!(null)).status, 404);
    let again = send(&graph, Method::Post, set, &body);
    let message = again.body_json()["error"]["message"].as_str().unwrap();
    assert!(message.starts_with("A conflicting object"), "{message}");
    clock.advance(SECOND * 10);
    assert_eq!((listed(8).len(), listed(1).len()), (1, 0));
    assert_eq!(get(&graph, &url).status, 404);
}

#[test]
fn a_group_that_was_refused_never_was() {
    let (graph, _) = graph_with(Options::default());
    graph.write().set_lags(Lags {
        deletions: SECOND * 10,
        ..Lags::default()
    });
    let before = ids(&graph, "/groups?$select=id");
    // A Microsoft 365 group takes no groups.
    let body = json!({"displayName": "G", "mailEnabled": true, "mailNickname": "never",
        "securityEnabled": false, "groupTypes": ["Unified"],
        "members@odata.bind": [reference(id(2, 1))["@odata.id"]]});
    assert_eq!(send(&graph, Method::Post, "/groups", &body).status, 400);
    assert_eq!(ids(&graph, "/groups?$select=id"), before);
}

#[test]
fn a_renamed_user_keeps_the_old_name_for_a_while() {
    let (graph, clock) = graph_with(Options::default());
    graph.write().set_lags(Lags::all(SECOND * 10, 3));
    let rename = json!({"userPrincipalName": "renamed@contoso.com"});
    assert_eq!(send(&graph, Method::Patch, &user(4), &rename).status, 204);
    let status = |name: &str| {
        let filter = format!("/users?$filter=userPrincipalName eq '{name}@contoso.com'");
        let by_key = get(&graph, &format!("/users/{name}@contoso.com")).status;
        (by_key, ids(&graph, &filter).len())
    };
    assert_eq!((status("user4"), status("renamed")), ((200, 1), (404, 0)));
    clock.advance(SECOND * 10);
    assert_eq!((status("user4"), status("renamed")), ((404, 0), (200, 1)));
}
