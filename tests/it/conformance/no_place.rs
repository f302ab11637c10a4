//! A list's value without a place in Entra ID does not cost the whole request.

use serde_json::{Value, json};

use super::sheet::{created, small, user, user_with};
use crate::support::app::{Answer, patch_op};

fn dropped(answer: &Answer) -> &str {
    answer.header("x-entra-scim-ignored").unwrap_or_default()
}

/// The values of a list by type, sorted; without the proxy addresses, which the directory makes.
fn list(answer: &Answer, attribute: &str) -> Vec<String> {
    let elements = answer.body[attribute].as_array().cloned();
    let mut told: Vec<String> = elements
        .unwrap_or_default()
        .iter()
        .filter(|e| e["type"] != "proxyAddress")
        .map(|e| {
            format!(
                "{} {}",
                e["type"].as_str().unwrap_or("?"),
                e["value"].as_str().unwrap_or("?")
            )
        })
        .collect();
    told.sort_unstable();
    told
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_named_and_the_rest_is_kept() {
    let app = small().await;
    let domain = app.domain().await;
    let rows: [(&str, Value, &str, &[&str], &str); 8] = [
        (
            "another type",
            json!([{"type": "home", "value": "h@x.example"}, {"type": "work", "value": "w@x.example"}]),
            "emails",
            &["work w@x.example"],
            "emails",
        ),
        (
            "the first of two of a kind",
            json!([{"type": "work", "value": "a@x.example"}, {"type": "work", "value": "b@x.example"}]),
            "emails",
            &["work a@x.example"],
            "emails",
        ),
        (
            "the primary one of two of a kind",
            json!([{"type": "work", "value": "a@x.example", "primary": "false"},
                {"type": "work", "value": "b@x.example", "primary": "true"}]),
            "emails",
            &["work b@x.example"],
            "emails",
        ),
        (
            "nothing else is left",
            json!([{"type": "pager", "value": "1"}]),
            "phoneNumbers",
            &[],
            "phoneNumbers",
        ),
        (
            "a type that no RFC has",
            json!([{"type": "lake house", "value": "1"}, {"type": "mobile", "value": "2"}]),
            "phoneNumbers",
            &["mobile 2"],
            "phoneNumbers",
        ),
        (
            "more without a type than there are places",
            json!([{"value": "1"}, {"value": "2"}]),
            "phoneNumbers",
            &["work 1"],
            "phoneNumbers",
        ),
        (
            "where there may be many",
            json!([{"type": "other", "value": "a@x.example"}, {"type": "other", "value": "b@x.example"}]),
            "emails",
            &["other a@x.example", "other b@x.example"],
            "",
        ),
        (
            "the same twice",
            json!([{"type": "fax", "value": "1"}, {"type": "fax", "value": "1"}]),
            "phoneNumbers",
            &["fax 1"],
            "",
        ),
    ];
    for (at, (case, value, attribute, kept, named)) in rows.iter().enumerate() {
        // An address is one user's.
        let own = |text: &str| text.replace("@x", &format!("@x{at}"));
        let value: Value = serde_json::from_str(&own(&value.to_string())).unwrap();
        let kept = &kept.iter().map(|text| own(text)).collect::<Vec<_>>();
        let body = user_with(&format!("np{at}"), &domain, json!({*attribute: value}));
        let answer = app.post("/Users", &body).await.expect_status(201);
        assert_eq!(&list(&answer, attribute), kept, "POST {case}");
        assert_eq!(&dropped(&answer), named, "POST {case}");
        let path = format!("/Users/{}", answer.body["id"].as_str().unwrap());
        let answer = app.put(&path, &body).await.expect_status(200);
        assert_eq!(&list(&answer, attribute), kept, "PUT {case}");
        assert_eq!(&dropped(&answer), named, "PUT {case}");
        let operation = json!([{"op": "replace", "path": attribute, "value": value}]);
        let answer = app.patch(&path, &patch_op(operation)).await;
        let answer = answer.expect_status(200);
        assert_eq!(&list(&answer, attribute), kept, "PATCH {case}");
        assert_eq!(&dropped(&answer), named, "PATCH {case}");
        let found = app.get(&path).await;
        assert_eq!(&list(&found, attribute), kept, "GET {case}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_patch_goes_on() {
    let app = small().await;
    let domain = app.domain().await;
    let at_first = json!({"emails": [{"type": "work", "value": "a@x.example"}]});
    let id = created(&app, "/Users", &user_with("np", &domain, at_first)).await;
    let path = format!("/Users/{id}");
    let home = "emails[type eq \"home\"].value";
    for (op, target, value, kept, named) in [
        ("add", home, json!("h@x.example"), "a@x.example", "emails"),
        (
            "replace",
            home,
            json!("h@x.example"),
            "a@x.example",
            "emails",
        ),
        (
            "add",
            "emails",
            json!([{"type": "work", "value": "b@x.example"}]),
            "a@x.example",
            "emails",
        ),
        (
            "replace",
            "emails",
            json!([{"type": "work", "value": "b@x.example"},
                {"type": "work", "value": "c@x.example", "primary": true}]),
            "c@x.example",
            "emails",
        ),
        (
            "add",
            "addresses[type eq \"home\"].locality",
            json!("Bergen"),
            "c@x.example",
            "addresses",
        ),
    ] {
        let operations = json!([{"op": op, "path": target, "value": value},
            {"op": "replace", "path": "title", "value": target}]);
        let answer = app.patch(&path, &patch_op(operations)).await;
        let answer = answer.expect_status(200);
        assert_eq!(
            list(&answer, "emails"),
            [format!("work {kept}")],
            "{target}"
        );
        assert_eq!(dropped(&answer), named, "{op} {target} {value}");
        assert_eq!(answer.body["title"], target, "{op} {target}");
    }
    // A type that neither the schema nor the RFC has is still a filter that finds nothing.
    let typo = json!([{"op": "replace", "path": "emails[type eq \"wrok\"].value", "value": "b@x.example"}]);
    let answer = app.patch(&path, &patch_op(typo)).await;
    assert_eq!(answer.status, 400, "{}", answer.shown());
    assert_eq!(answer.body["scimType"], "noTarget");
    // And a name that none has is a typing error.
    let typo = json!({"emails": [{"type": "work", "valeu": "b@x.example"}]});
    let answer = app.post("/Users", &user_with("np2", &domain, typo)).await;
    assert_eq!(answer.status, 400, "{}", answer.shown());
    assert!(answer.detail().contains("valeu"), "{}", answer.shown());
}

/// Graph calls it "netId", which no client has sent.
#[tokio::test(flavor = "multi_thread")]
async fn a_taken_nickname_is_called_by_its_name() {
    let app = small().await;
    let domain = app.domain().await;
    let nickname = json!({"externalId": "one.of.two"});
    created(&app, "/Users", &user_with("n1", &domain, nickname.clone())).await;
    let answer = app
        .post("/Users", &user_with("n2", &domain, nickname))
        .await;
    assert_eq!(answer.status, 409, "{}", answer.shown());
    assert_eq!(answer.body["scimType"], "uniqueness");
    assert!(answer.detail().contains("externalId"), "{}", answer.shown());
}

/// `"members": ["<id>"]` and `"value": "<id>"`, as some clients write them.
#[tokio::test(flavor = "multi_thread")]
async fn a_bare_id_is_a_member() {
    let app = small().await;
    let domain = app.domain().await;
    let a = created(&app, "/Users", &user("bare.a", &domain)).await;
    let b = created(&app, "/Users", &user("bare.b", &domain)).await;
    let body = json!({"displayName": "bare", "members": [a]});
    let group = created(&app, "/Groups", &body).await;
    let path = format!("/Groups/{group}");
    assert_eq!(app.sim_members(&group).await, std::slice::from_ref(&a));
    for (operation, status, members) in [
        (
            json!({"op": "add", "path": "members", "value": b}),
            204,
            vec![&a, &b],
        ),
        (
            json!({"op": "remove", "path": "members", "value": a}),
            204,
            vec![&b],
        ),
        (
            json!({"op": "replace", "value": {"members": [a]}}),
            204,
            vec![&a],
        ),
        (
            json!({"op": "add", "path": "members", "value": [""]}),
            400,
            vec![&a],
        ),
        (
            json!({"op": "add", "path": "members", "value": ["nobody"]}),
            400,
            vec![&a],
        ),
    ] {
        let answer = app.patch(&path, &patch_op(json!([operation]))).await;
        assert_eq!(answer.status, status, "{operation} {}", answer.shown());
        let mut now = app.sim_members(&group).await;
        now.sort_unstable();
        let mut wanted: Vec<String> = members.into_iter().cloned().collect();
        wanted.sort_unstable();
        assert_eq!(now, wanted, "{operation}");
    }
}
