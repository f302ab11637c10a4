//! Rows that the server cannot answer without a replica of the directory, with the reason; and
//! that it says so itself.

use serde_json::json;

use super::sheet::{Sheet, created, small, user};

/// A row that waits.
pub struct Row {
    pub id: &'static str,
    #[expect(dead_code, reason = "for the reader")]
    pub why: &'static str,
}

const fn row(id: &'static str, why: &'static str) -> Row {
    Row { id, why }
}

const NO_LAST_MODIFIED: &str = "Graph does not tell when an object was last changed";
const NO_CONTAINS: &str = "Graph has no contains for users and groups";
const NO_BULK: &str = "bulk is not offered";
const NO_CURSORS: &str = "cursors need a stable order of the whole list";

/// What waits.
pub const WAITING: &[Row] = &[
    row("C05", NO_LAST_MODIFIED),
    row("U06", NO_LAST_MODIFIED),
    row("Q32", NO_LAST_MODIFIED),
    row("I01", NO_LAST_MODIFIED),
    row("I05", NO_LAST_MODIFIED),
    row("E20", NO_LAST_MODIFIED),
    row("Q07", NO_CONTAINS),
    row("B01", NO_BULK),
    row("B02", NO_BULK),
    row("B03", NO_BULK),
    row("B04", NO_BULK),
    row("B05", NO_BULK),
    row("B06", NO_BULK),
    row("B07", NO_BULK),
    row("B08", NO_BULK),
    row("B09", NO_BULK),
    row("K01", NO_CURSORS),
    row("K02", NO_CURSORS),
    row("K03", NO_CURSORS),
    row("K04", NO_CURSORS),
    row("K05", NO_CURSORS),
    row("K06", NO_CURSORS),
];

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_is_refused_and_not_advertised() {
    let app = small().await;
    let domain = app.domain().await;
    let mut sheet = Sheet::of(&[
        "C05", "U06", "Q32", "I01", "I05", "E20", "Q07", "B08", "K01", "K02", "K05",
    ]);
    let config = app.get("/ServiceProviderConfig").await;
    sheet.same("B08", &config.body["bulk"]["supported"], &json!(false));
    sheet.same("K01", &config.body["pagination"]["cursor"], &json!(false));
    for path in ["/Bulk", "/bulk"] {
        let answer = app.post(path, &json!({"Operations": []})).await;
        sheet.refused("B08", &answer, 501, "");
    }
    let id = created(&app, "/Users", &user("waiting", &domain)).await;
    let read = app.get(&format!("/Users/{id}")).await;
    sheet.holds(
        "C05",
        read.body["meta"].get("lastModified").is_none() && read.body["meta"]["created"].is_string(),
        &read,
    );
    let body = user("waiting", &domain);
    let answer = app.put(&format!("/Users/{id}"), &body).await;
    sheet.same(
        "U06",
        &answer.body["meta"]["created"],
        &read.body["meta"]["created"],
    );
    let lenient = "active eq true and (meta.lastModified ge \"0001-01-03T00:00:00.0000000Z\" and meta.lastModified le \"2026-01-01T00:00:00Z\")";
    for (row, path, filter) in [
        (
            "Q32",
            "/Users",
            "meta.lastModified gt \"2026-01-01T05:00:00.0000000+05:00\"",
        ),
        (
            "I01",
            "/Users",
            "userName sw \"S\" and meta.lastModified ge \"2026-01-01T00:00:00Z\"",
        ),
        (
            "I05",
            "/Groups",
            "meta.lastModified gt \"2026-01-01T00:00:00Z\"",
        ),
        ("E20", "/Users", lenient),
        ("Q07", "/Users", "name.familyName co \"dam\""),
        ("Q07", "/Users", "userName co \"a\" or title pr"),
        ("Q07", "/Groups", "displayName co \"x\""),
    ] {
        let answer = app.list(path, &[("filter", filter)]).await;
        sheet.refused(row, &answer, 400, "invalidFilter");
    }
    // A cursor is refused: a client that took the answer for a page of a walk would stop early.
    for query in ["cursor&count=2", "cursor=&count=2", "cursor=forged"] {
        let answer = app.get(&format!("/Users?{query}")).await;
        sheet.refused("K02", &answer, 400, "invalidCursor|invalidValue");
    }
    let answer = app
        .post("/Users/.search", &json!({"cursor": "", "count": 2}))
        .await;
    sheet.refused("K05", &answer, 400, "invalidCursor|invalidValue");
    sheet.finish();
}
