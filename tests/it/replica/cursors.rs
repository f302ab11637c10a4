//! Walks by cursor while the list changes under them.

use std::collections::BTreeSet;

use serde_json::json;

use crate::support::{
    app::{App, Options},
    databases::Database,
};

/// One page, and the cursor of the next.
async fn page(app: &App, query: &str, cursor: &str) -> (Vec<String>, Option<String>) {
    let page = app
        .get(&format!("/Users?{query}&cursor={cursor}"))
        .await
        .expect_status(200);
    let next = page.body["nextCursor"].as_str().map(str::to_owned);
    (page.ids(), next)
}

/// Between the pages one that was shown is deleted, one is made and one renamed; every other page is
/// asked of another instance. Nobody who was there all the time is left out, nobody is shown twice.
#[tokio::test(flavor = "multi_thread")]
async fn a_walk_stands_still_while_the_list_moves() {
    for database in Database::all().await {
        let app = App::with(Options {
            users: 60,
            groups: 5,
            replica: true,
            database: Some(database),
            ..Options::default()
        })
        .await;
        app.caught_up().await;
        let domain = app.domain().await;
        let other = app.second_instance().await;
        for query in [
            "count=7&attributes=id",
            "count=7&attributes=id&sortBy=userName",
            "count=7&attributes=id&sortBy=title&sortOrder=descending",
            "count=7&attributes=id&sortBy=active&filter=userName%20pr",
            "count=7&attributes=id&sortBy=meta.created",
            "count=7&attributes=id&sortBy=meta.lastModified&sortOrder=descending",
            "count=7&attributes=id&sortBy=name.familyName",
        ] {
            let before: BTreeSet<String> = app.sim_user_ids().await.into_iter().collect();
            let mut gone = BTreeSet::new();
            let mut shown: Vec<String> = Vec::new();
            let (mut ids, mut next) = page(&app, query, "").await;
            let mut number = 0;
            while let Some(cursor) = next {
                number += 1;
                // Who holds an administrator's role stays.
                for goes in &ids {
                    let answer = app.delete(&format!("/Users/{goes}")).await;
                    if answer.status == 204 {
                        gone.insert(goes.clone());
                        break;
                    }
                    assert_eq!(answer.status, 403, "{}", answer.shown());
                }
                shown.append(&mut ids);
                let name = format!("{}-{number}", query.len());
                let body = json!({"userName": format!("a{name}@{domain}"), "displayName": "A",
                    "title": "Z", "password": "Walk-and-Wait-1"});
                app.post("/Users", &body).await.expect_status(201);
                let instance = if number % 2 == 0 { &app } else { &other };
                (ids, next) = page(instance, query, &cursor).await;
                assert!(number < 60, "{query}: a walk without an end");
            }
            shown.append(&mut ids);
            let told: BTreeSet<String> = shown.iter().cloned().collect();
            assert_eq!(told.len(), shown.len(), "{query}: somebody is shown twice");
            let missing: Vec<_> = before.difference(&told).collect();
            assert!(missing.is_empty(), "{query}: {missing:?} left out");
            assert!(gone.len() > 3 && gone.is_subset(&told), "{query}");
        }
        let (_, first) = page(&app, "count=2", "").await;
        let cursor = first.unwrap();
        let elsewhere = app.get(&format!("/Groups?cursor={cursor}")).await;
        assert_eq!(elsewhere.body["scimType"], "invalidCursor");
    }
}
