//! G: groups and their members.

use serde_json::{Value, json};

use super::sheet::{GROUP, Sheet, UNKNOWN, created, small, user};
use crate::support::app::{App, patch_op};

fn group(name: &str, members: &[&str]) -> Value {
    let members: Vec<Value> = members.iter().map(|m| json!({"value": m})).collect();
    json!({"schemas": [GROUP], "displayName": name, "members": members})
}

async fn members(app: &App, path: &str) -> Value {
    let mut ids = app.get(path).await.expect_status(200).member_ids();
    ids.sort_unstable();
    json!(ids)
}

#[tokio::test(flavor = "multi_thread")]
async fn groups() {
    let app = small().await;
    let domain = app.domain().await;
    let mut sheet = Sheet::of("groups::groups");
    let mut people = Vec::new();
    for name in ["g.a", "g.b", "g.c"] {
        people.push(created(&app, "/Users", &user(name, &domain)).await);
    }
    people.sort_unstable();
    let [a, b, c] = [&people[0], &people[1], &people[2]];

    let empty = app
        .post("/Groups", &json!({"schemas": [GROUP], "displayName": "G1"}))
        .await;
    sheet.holds(
        "G01",
        empty.status == 201 && empty.body.get("members").is_none_or(|m| m == &json!([])),
        &empty,
    );
    sheet.same(
        "G01",
        &json!(empty.header("location")),
        &empty.body["meta"]["location"],
    );
    let answer = app.post("/Groups", &group("G2", &[a])).await;
    sheet.status("G02", &answer, 201);
    let id = answer.body["id"].as_str().unwrap().to_owned();
    let path = format!("/Groups/{id}");
    for answer in [&answer, &app.get(&path).await] {
        let member = &answer.body["members"][0];
        sheet.holds(
            "G02",
            member["value"] == a.as_str()
                && member["type"] == "User"
                && member["$ref"]
                    .as_str()
                    .is_some_and(|r| r.ends_with(&format!("/Users/{a}"))),
            answer,
        );
    }
    let patch = async |operations: Value| app.patch(&path, &patch_op(operations)).await;
    for _ in 0..2 {
        let answer =
            patch(json!([{"op": "add", "path": "members", "value": [{"value": b}]}])).await;
        sheet.holds("G03", [200, 204].contains(&answer.status), &answer);
        sheet.same("G03", &members(&app, &path).await, &json!([a, b]));
    }
    for _ in 0..2 {
        let answer =
            patch(json!([{"op": "remove", "path": format!("members[value eq \"{b}\"]")}])).await;
        sheet.holds("G04", [200, 204].contains(&answer.status), &answer);
        sheet.same("G04", &members(&app, &path).await, &json!([a]));
    }
    patch(json!([{"op": "remove", "path": "members"}]))
        .await
        .expect_status(204);
    sheet.same("G05", &members(&app, &path).await, &json!([]));
    patch(json!([{"op": "add", "path": "members", "value": [{"value": a}]}])).await;
    patch(json!([{"op": "replace", "path": "members", "value": [{"value": b}, {"value": c}]}]))
        .await
        .expect_status(204);
    sheet.same("G06", &members(&app, &path).await, &json!([b, c]));
    patch(
        json!([{"op": "remove", "path": format!("members[value eq \"{b}\"]")},
                 {"op": "add", "path": "members", "value": [{"value": a}]}]),
    )
    .await
    .expect_status(204);
    sheet.same("G07", &members(&app, &path).await, &json!([a, c]));
    let answer = app.get(&format!("/Users/{a}?attributes=groups")).await;
    sheet.same("G08", &answer.body["groups"][0]["value"], &json!(id));
    for path in [
        format!("{path}?excludedAttributes=members"),
        "/Groups?excludedAttributes=members".into(),
    ] {
        let answer = app.get(&path).await;
        sheet.holds(
            "G09",
            answer.status == 200 && !answer.text.contains("\"members\""),
            &answer,
        );
    }
    for filter in [
        format!("members.value eq \"{a}\""),
        format!("members[value eq \"{a}\"]"),
        format!("members eq \"{a}\""),
        format!("displayName eq \"G2\" and members.value eq \"{a}\""),
    ] {
        let answer = app.list("/Groups", &[("filter", &filter)]).await;
        sheet.holds(
            "G10",
            answer.status == 200 && answer.ids() == [id.clone()],
            &answer,
        );
    }
    let answer = app.put(&path, &group("G2 renamed", &[b])).await;
    sheet.holds(
        "G11",
        answer.status == 200 && answer.body["displayName"] == "G2 renamed",
        &answer,
    );
    sheet.same("G11", &members(&app, &path).await, &json!([b]));
    sheet.same("G11", &json!(app.sim_members(&id).await), &json!([b]));
    let before = app
        .list("/Groups", &[("filter", "displayName eq \"G3\"")])
        .await;
    let answer = app.post("/Groups", &group("G3", &[UNKNOWN])).await;
    sheet.holds("G12", [400, 404].contains(&answer.status), &answer);
    sheet.same("G12", &before.body["totalResults"], &json!(0));
    let after = app
        .list("/Groups", &[("filter", "displayName eq \"G3\"")])
        .await;
    sheet.holds("G12", after.body["totalResults"] == 0, &after);
    sheet.status("G13", &app.post("/Groups", &group("G1", &[])).await, 201);
    let answer = app.post("/Groups", &group("G4", &[a, a, b])).await;
    sheet.status("G14", &answer, 201);
    let g4 = answer.body["id"].as_str().unwrap_or_default().to_owned();
    sheet.same(
        "G14",
        &members(&app, &format!("/Groups/{g4}")).await,
        &json!([a, b]),
    );
    sheet.holds("G14", answer.member_ids().len() == 2, &answer);
    let nested = json!({"displayName": "G5", "members": [{"value": id, "type": "Group"}]});
    let answer = app.post("/Groups", &nested).await;
    let g5 = answer.body["id"].as_str().unwrap_or_default().to_owned();
    let read = app.get(&format!("/Groups/{g5}")).await;
    for answer in [&answer, &read] {
        let member = &answer.body["members"][0];
        sheet.holds(
            "G15",
            member["type"] == "Group"
                && member["$ref"]
                    .as_str()
                    .is_some_and(|r| r.contains("/Groups/")),
            answer,
        );
    }
    // With attributes= the answer is 200 and projected, for groups too.
    let answer = app
        .patch(
            &format!("{path}?attributes=displayName"),
            &patch_op(json!([{"op": "add", "path": "members", "value": [{"value": a}]}])),
        )
        .await;
    assert_eq!(answer.status, 200, "T02: {}", answer.shown());
    assert!(
        super::sheet::only(&answer.body, &["displayName"]),
        "T02: {}",
        answer.shown()
    );
    sheet.finish();
}
