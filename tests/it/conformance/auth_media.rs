//! A, M, N: credentials, media types, odd requests.

use serde_json::json;

use super::sheet::{LIST, Sheet, UNKNOWN, small, user};
use crate::support::app::patch_op;

#[tokio::test(flavor = "multi_thread")]
async fn credentials_and_media() {
    let app = small().await;
    let domain = app.domain().await;
    let mut sheet = Sheet::of("auth_media::credentials_and_media");
    let nobody = app.with_token(None);
    let answer = nobody.get("/Users").await;
    sheet.refused("A01", &answer, 401, "");
    sheet.holds("A01", answer.header("www-authenticate").is_some(), &answer);
    let wrong = app.with_token(Some("wrong")).get("/Users").await;
    sheet.refused("A02", &wrong, 401, "");
    let token = app.issue_token("read:*", None).await;
    for scheme in ["bearer", "BEARER", "Bearer"] {
        let value = format!("{scheme} {token}");
        let answer = nobody
            .request("GET", "/Users?count=1", None, &[("authorization", &value)])
            .await;
        sheet.status("A03", &answer, 200);
    }
    for path in [
        format!("/Users/{UNKNOWN}"),
        "/NoSuch".into(),
        "/a/b/c/d".into(),
    ] {
        sheet.refused("A04", &nobody.get(&path).await, 401, "");
    }

    for (id, accept, media) in [
        (
            "M01",
            Some("application/scim+json"),
            "application/scim+json",
        ),
        ("M02", Some("application/json"), "application/json"),
        ("M03", Some("*/*"), "application/scim+json"),
        ("M03", None, "application/scim+json"),
    ] {
        let headers: Vec<_> = accept.map(|a| ("accept", a)).into_iter().collect();
        let answer = app.request("GET", "/Users?count=1", None, &headers).await;
        sheet.status(id, &answer, 200);
        let found = answer.header("content-type").unwrap_or_default();
        sheet.holds(id, found.starts_with(media), &answer);
    }
    for (i, media) in ["application/scim+json; charset=utf-8", "application/json"]
        .iter()
        .enumerate()
    {
        let body = user(&format!("media{i}"), &domain).to_string();
        let answer = app.raw("POST", "/Users", media, body.into_bytes()).await;
        sheet.status("M04", &answer, 201);
    }
    let mut body = user("utf8", &domain);
    body["displayName"] = json!("Žofie 日本 😀");
    let answer = app.post("/Users", &body).await;
    sheet.same("M05", &answer.body["displayName"], &json!("Žofie 日本 😀"));
    let id = answer.body["id"].as_str().unwrap().to_owned();
    let read = app.get(&format!("/Users/{id}")).await;
    sheet.same("M05", &read.body["displayName"], &json!("Žofie 日本 😀"));
    let broken = b"{\"userName\":".to_vec();
    let answer = app
        .raw("POST", "/Users", "application/scim+json", broken)
        .await;
    sheet.refused("M06", &answer, 400, "invalidSyntax");
    let answer = app.get(&format!("/Users/{UNKNOWN}")).await;
    sheet.holds(
        "M07",
        answer
            .header("content-type")
            .is_some_and(|t| t.starts_with("application/scim+json")),
        &answer,
    );
    let answer = app
        .raw("POST", "/Users", "text/xml", b"<a/>".to_vec())
        .await;
    sheet.holds("M08", [400, 415].contains(&answer.status), &answer);

    for path in ["/Me", "/me"] {
        sheet.refused("N01", &app.get(path).await, 501, "");
    }
    sheet.refused("N02", &app.get("/NoSuch").await, 404, "");
    // What tenants there are is told to nobody: any other tenant, known or not, is refused alike.
    let elsewhere = "/../../tenants/none/scim/v2/Users";
    sheet.refused("N02", &app.get(elsewhere).await, 403, "");
    for (path, method) in [
        ("/Users", "PUT"),
        ("/Users", "DELETE"),
        ("/Users/.search", "GET"),
        ("/.search", "GET"),
        ("/Licenses", "POST"),
    ] {
        let answer = app.request(method, path, Some(&json!({})), &[]).await;
        sheet.refused("N03", &answer, 405, "");
        sheet.holds("N03", answer.header("allow").is_some(), &answer);
    }
    let long = "x".repeat(4096);
    for odd in [
        "%00",
        "..%2Fx",
        "%252e%252e",
        "%ff",
        "a%20b",
        long.as_str(),
        "%25",
        "(1)",
    ] {
        let answer = app.get(&format!("/Users/{odd}")).await;
        sheet.holds("N04", (400..500).contains(&answer.status), &answer);
    }
    let deep = format!("{}title pr", "(".repeat(10_000));
    let wide = vec!["title pr"; 5_000].join(" or ");
    for odd in [
        deep.as_str(),
        wide.as_str(),
        "\u{0}",
        "[",
        "title pr and",
        "\"",
        "not",
        "a[b[c eq 1]]",
    ] {
        let answer = app.list("/Users", &[("filter", odd)]).await;
        sheet.holds("N05", (400..500).contains(&answer.status), &answer);
    }
    for odd in [
        "[".repeat(100_000),
        format!("{{\"userName\":{}", "{\"a\":".repeat(100_000)),
        "{\"userName\":\"a\",\"userName\":\"b\",\"schemas\":[]}".to_owned(),
        "{\"schemas\":[],\"userName\":1e999}".to_owned(),
        format!("{{\"userName\":{}}}", "9".repeat(10_000)),
    ] {
        let answer = app
            .raw("POST", "/Users", "application/scim+json", odd.into_bytes())
            .await;
        sheet.holds("N06", (400..500).contains(&answer.status), &answer);
    }
    let path = format!("/Users/{id}");
    let body = patch_op(json!([{"op": "replace", "path": "title", "value": "Async"}])).to_string();
    let answer = app
        .request(
            "PATCH",
            &path,
            Some(&serde_json::from_str(&body).unwrap()),
            &[("prefer", "respond-async")],
        )
        .await;
    sheet.holds(
        "N07",
        answer.status == 200 && answer.body["title"] == "Async",
        &answer,
    );
    // Beside the rows: HEAD is GET without a body.
    let head = app.request("HEAD", &path, None, &[]).await;
    assert_eq!((head.status, head.text.as_str()), (200, ""), "HEAD");
    assert_eq!(
        head.header("etag"),
        app.get(&path).await.header("etag"),
        "HEAD"
    );
    let list = app.get("/Users?count=1").await;
    assert_eq!(list.body["schemas"], json!([LIST]));
    sheet.finish();
}
