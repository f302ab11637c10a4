//! K: walks by cursors, where Graph is asked.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::sheet::{Sheet, small};
use crate::support::app::{Answer, App};

fn next(page: &Answer) -> Option<String> {
    page.body["nextCursor"].as_str().map(str::to_owned)
}

/// All pages of a walk, from its first.
async fn walk(app: &App, first: &str) -> Vec<Answer> {
    let mut pages = vec![app.get(&format!("{first}&cursor")).await];
    while let Some(cursor) = pages.last().and_then(next) {
        pages.push(app.get(&format!("{first}&cursor={cursor}")).await);
        assert!(pages.len() < 100, "a walk without an end");
    }
    pages
}

#[tokio::test(flavor = "multi_thread")]
async fn cursors() {
    let app = small().await;
    let mut sheet = Sheet::of("cursors::cursors");
    let config = app.get("/ServiceProviderConfig").await;
    sheet.same("K01", &config.body["pagination"]["cursor"], &json!(true));
    let every: BTreeSet<String> = app.sim_user_ids().await.into_iter().collect();
    for query in [
        "count=9&attributes=id",
        "count=7&attributes=id&sortBy=displayName&sortOrder=descending",
        "count=100&attributes=id",
    ] {
        let pages = walk(&app, &format!("/Users?{query}")).await;
        let shown: Vec<String> = pages.iter().flat_map(Answer::ids).collect();
        let told: BTreeSet<String> = shown.iter().cloned().collect();
        sheet.same("K01", &json!(shown.len()), &json!(every.len()));
        sheet.same("K01", &json!(told == every), &json!(true));
        for page in &pages {
            let total = &page.body["totalResults"];
            sheet.same("K01", total, &json!(every.len()));
            sheet.same("K01", &page.body["startIndex"], &Value::Null);
        }
    }
    let forged = ["forged", "AAAA", "%00", "1", "null"];
    for cursor in forged {
        let answer = app.get(&format!("/Users?cursor={cursor}")).await;
        sheet.refused("K02", &answer, 400, "invalidCursor");
    }
    let first = app.get("/Users?cursor&count=2&attributes=id").await;
    let cursor = next(&first).unwrap_or_default();
    let mut other = cursor.clone();
    let last = if other.ends_with('A') { "B" } else { "A" };
    other.replace_range(other.len() - 1.., last);
    let answer = app.get(&format!("/Users?cursor={other}")).await;
    sheet.refused("K02", &answer, 400, "invalidCursor");
    // Whatever is changed of one, it is none.
    for at in 0..cursor.len() {
        let mut forged = cursor.clone();
        let other = if forged[at..].starts_with('Q') {
            "B"
        } else {
            "Q"
        };
        forged.replace_range(at..=at, other);
        let answer = app.get(&format!("/Users?cursor={forged}")).await;
        sheet.refused("K02", &answer, 400, "invalidCursor");
    }
    for count in ["0", "-1"] {
        let answer = app.get(&format!("/Users?cursor&count={count}")).await;
        let none = answer.status == 200 && answer.ids().is_empty();
        sheet.holds("K03", none, &answer);
    }
    let answer = app.get("/Users?cursor&count=x").await;
    sheet.refused("K03", &answer, 400, "invalidCount");
    for start in ["cursor", "cursor="] {
        let answer = app
            .get(&format!("/Users?{start}&count=2&attributes=id"))
            .await;
        sheet.same("K04", &json!(answer.ids()), &json!(first.ids()));
    }
    // With a cursor a startIndex says nothing.
    let both = format!("/Users?cursor={cursor}&count=2&attributes=id");
    let plain = app.get(&both).await;
    let answer = app.get(&format!("{both}&startIndex=1")).await;
    sheet.same("K04", &json!(answer.ids()), &json!(plain.ids()));
    let search = |cursor: &str| json!({"cursor": cursor, "count": 2, "attributes": ["id"]});
    let found = app.post("/Users/.search", &search("")).await;
    sheet.same("K05", &json!(found.ids()), &json!(first.ids()));
    let found = app
        .post("/Users/.search", &search(&next(&found).unwrap_or_default()))
        .await;
    let second = app
        .get(&format!("/Users?cursor={cursor}&count=2&attributes=id"))
        .await;
    sheet.same("K05", &json!(found.ids()), &json!(second.ids()));
    for path in [
        format!("/Users?cursor={cursor}&filter=active%20eq%20true"),
        format!("/Users?cursor={cursor}&sortBy=userName"),
        format!("/Groups?cursor={cursor}"),
    ] {
        sheet.refused("K06", &app.get(&path).await, 400, "invalidCursor");
    }
    // Another count is the client's to choose.
    let answer = app
        .get(&format!("/Users?cursor={cursor}&count=5&attributes=id"))
        .await;
    sheet.holds("K06", answer.ids().len() == 5, &answer);
    sheet.finish();
}
