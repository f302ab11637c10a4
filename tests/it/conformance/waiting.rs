//! Rows of what the server does not offer: it says so itself, and refuses instead of guessing.

use super::sheet::{Sheet, created, small, user};

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_is_refused_and_not_advertised() {
    let app = small().await;
    let domain = app.domain().await;
    let mut sheet = Sheet::of("waiting::what_waits_is_refused_and_not_advertised");
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
    sheet.finish();
}
