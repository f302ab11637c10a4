//! Clients whose user names have no domain, on a tenant that wants one.

use serde_json::{Value, json};

use crate::support::app::{App, Options, patch_op};

async fn started(replica: bool) -> (App, String) {
    let probe = App::with(Options {
        users: 40,
        groups: 3,
        ..Options::default()
    })
    .await;
    let domain = probe.domain().await;
    let tenant = "ENTRA_SCIM__TENANTS__DEFAULT__";
    let app = App::with(Options {
        users: 40,
        groups: 3,
        replica,
        environment: vec![
            (format!("{tenant}USER_NAME_DOMAIN"), domain.clone()),
            (format!("{tenant}USER_NAME_PREFIX"), "msp-".to_owned()),
        ],
        ..Options::default()
    })
    .await;
    if replica {
        app.caught_up().await;
    }
    (app, domain)
}

async fn names(app: &App, query: &[(&str, &str)]) -> Vec<String> {
    let mut query = query.to_vec();
    query.push(("attributes", "userName"));
    query.push(("count", "200"));
    let page = app.list("/Users", &query).await.expect_status(200);
    let resources = page.body["Resources"].as_array().into_iter().flatten();
    resources
        .map(|one| one["userName"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn names_without_a_domain() {
    for replica in [false, true] {
        let (app, domain) = started(replica).await;
        let made = app
            .post(
                "/Users",
                &json!({"userName": "qalex", "displayName": "Alex"}),
            )
            .await
            .expect_status(201);
        assert_eq!(made.body["userName"], "qalex");
        let id = made.body["id"].as_str().unwrap().to_owned();
        let path = format!("/Users/{id}");
        let held = app.sim_object(&id).await;
        assert_eq!(held["userPrincipalName"], format!("msp-qalex@{domain}"));
        let again = app
            .post("/Users", &json!({"userName": "QALEX", "displayName": "A"}))
            .await
            .expect_status(409);
        assert_eq!(again.body["scimType"], "uniqueness");
        // One with the prefix elsewhere, one who is shown whole.
        for name in ["qalina", "msp-alba@fabrikam.example", "bob"] {
            let answer = app
                .post("/Users", &json!({"userName": name, "displayName": name}))
                .await;
            let foreign = name.contains('@');
            assert_eq!(
                answer.status,
                if foreign { 400 } else { 201 },
                "{}",
                answer.shown()
            );
        }
        let whole = format!("plain@{domain}");
        app.post(
            "/Users",
            &json!({"userName": whole, "displayName": "Plain"}),
        )
        .await
        .expect_status(201);
        let all = names(&app, &[]).await;
        assert!(
            all.contains(&whole) && all.contains(&"qalina".to_owned()),
            "{all:?}"
        );
        let given = |filter: &str| {
            let (app, filter) = (app.clone(), filter.to_owned());
            async move { names(&app, &[("filter", &filter)]).await }
        };
        for (filter, expected) in [
            ("userName eq \"qalex\"", vec!["qalex"]),
            ("userName eq \"Qalex\"", vec!["qalex"]),
            (&*format!("userName eq \"msp-qalex@{domain}\""), vec![]),
            (&*format!("userName eq \"{whole}\""), vec![&*whole]),
            ("userName eq \"plain\"", vec![]),
            ("userName sw \"qal\"", vec!["qalex", "qalina"]),
            ("userName sw \"msp-\"", vec![]),
            ("userName ew \"qalex\"", vec!["qalex"]),
        ] {
            let mut found = given(filter).await;
            found.sort_unstable();
            assert_eq!(found, expected, "replica {replica}: {filter}");
        }
        let others = given("userName ne \"qalex\"").await;
        assert_eq!(others.len(), all.len() - 1, "{others:?}");
        for order in ["ascending", "descending"] {
            let sorted = names(&app, &[("sortBy", "userName"), ("sortOrder", order)]).await;
            let mut expected = all.clone();
            expected.sort_by_key(|name| name.to_lowercase());
            if order == "descending" {
                expected.reverse();
            }
            assert_eq!(sorted, expected, "replica {replica} {order}");
        }
        let renamed =
            |name: &str| patch_op(json!([{"op": "replace", "path": "userName", "value": name}]));
        let answer = app.patch(&path, &renamed("alexa")).await.expect_status(200);
        assert_eq!(answer.body["userName"], "alexa");
        let held = app.sim_object(&id).await;
        assert_eq!(held["userPrincipalName"], format!("msp-alexa@{domain}"));
        let put = json!({"userName": "alexandra", "displayName": "Alex"});
        let answer = app.put(&path, &put).await.expect_status(200);
        assert_eq!(answer.body["userName"], Value::from("alexandra"));
        app.patch(&path, &renamed(&format!("own@{domain}")))
            .await
            .expect_status(200);
        let held = app.sim_object(&id).await;
        assert_eq!(held["userPrincipalName"], format!("own@{domain}"));
    }
}
