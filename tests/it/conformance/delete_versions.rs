//! DEL, V: DELETE, ETags.

use serde_json::{Value, json};

use super::sheet::{Sheet, created, small, user};
use crate::support::app::patch_op;

fn titled(title: &str) -> Value {
    patch_op(json!([{"op": "replace", "path": "title", "value": title}]))
}

#[tokio::test(flavor = "multi_thread")]
async fn delete() {
    let app = small().await;
    let domain = app.domain().await;
    let mut sheet = Sheet::of("delete_versions::delete");
    for (endpoint, body) in [
        ("/Users", user("del.one", &domain)),
        ("/Groups", json!({"displayName": "Del"})),
    ] {
        let id = created(&app, endpoint, &body).await;
        let path = format!("{endpoint}/{id}");
        let answer = app.delete(&path).await;
        sheet.holds(
            "DEL1",
            answer.status == 204 && answer.text.is_empty(),
            &answer,
        );
        let rename = patch_op(json!([{"op": "replace", "path": "displayName", "value": "x"}]));
        for answer in [
            app.get(&path).await,
            app.put(&path, &body).await,
            app.patch(&path, &rename).await,
            app.delete(&path).await,
        ] {
            sheet.refused("DEL1", &answer, 404, "");
        }
        for filter in [
            format!("id eq \"{id}\""),
            format!("displayName eq {}", body["displayName"]),
        ] {
            let answer = app.list(endpoint, &[("filter", &filter)]).await;
            sheet.holds(
                "DEL2",
                answer.status == 200 && !answer.ids().contains(&id),
                &answer,
            );
        }
    }
    for (i, accept) in [
        "application/scim+json",
        "application/json",
        "text/html",
        "*/*",
    ]
    .iter()
    .enumerate()
    {
        let id = created(&app, "/Users", &user(&format!("del.a{i}"), &domain)).await;
        let answer = app
            .request(
                "DELETE",
                &format!("/Users/{id}"),
                None,
                &[("accept", accept)],
            )
            .await;
        sheet.status("DEL3", &answer, 204);
    }
    sheet.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn versions() {
    let app = small().await;
    let domain = app.domain().await;
    let mut sheet = Sheet::of("delete_versions::versions");
    let answer = app.post("/Users", &user("ver.one", &domain)).await;
    let path = format!("/Users/{}", answer.body["id"].as_str().unwrap());
    let read = app.get(&path).await;
    // What the answer to the create says of the version holds.
    if let Some(version) = answer.header("etag") {
        sheet.same("V06", &json!(version), &json!(read.header("etag")));
    }
    let tag = read.header("etag").unwrap_or_default().to_owned();
    sheet.same("V01", &read.body["meta"]["version"], &json!(tag));
    sheet.holds("V01", tag.starts_with("W/\"") && tag.len() > 5, &read);
    let sent = async |method: &str, path: &str, body: Option<Value>, header: (&str, &str)| {
        app.request(method, path, body.as_ref(), &[header]).await
    };
    for header in [
        tag.as_str(),
        "*",
        &format!("\"x\", {tag}"),
        tag.trim_start_matches("W/"),
    ] {
        let answer = sent("GET", &path, None, ("if-none-match", header)).await;
        sheet.holds(
            "V02",
            answer.status == 304 && answer.text.is_empty(),
            &answer,
        );
    }
    let answer = sent("GET", &path, None, ("if-none-match", "W/\"stale\"")).await;
    sheet.status("V02", &answer, 200);
    let answer = sent("PUT", &path, Some(read.body.clone()), ("if-match", &tag)).await;
    sheet.status("V03", &answer, 200);
    sheet.same("V06", &json!(answer.header("etag")), &json!(tag));
    for (method, body) in [
        ("PUT", Some(read.body.clone())),
        ("PATCH", Some(titled("Stale"))),
        ("DELETE", None),
    ] {
        let answer = sent(method, &path, body, ("if-match", "W/\"stale\"")).await;
        sheet.refused("V04", &answer, 412, "");
    }
    let answer = sent("PATCH", &path, Some(titled("Star")), ("if-match", "*")).await;
    sheet.status("V05", &answer, 200);
    let changed = app.get(&path).await;
    sheet.holds(
        "V06",
        changed.header("etag") != Some(&tag) && changed.body["title"] == "Star",
        &changed,
    );
    sheet.same(
        "V06",
        &json!(answer.header("etag")),
        &json!(changed.header("etag")),
    );
    sheet.same(
        "V06",
        &json!(app.get(&path).await.header("etag")),
        &json!(changed.header("etag")),
    );
    let answer = sent("PATCH", &path, Some(titled("Old")), ("if-match", &tag)).await;
    sheet.refused("V04", &answer, 412, "");
    let current = changed.header("etag").unwrap().to_owned();
    let answer = sent("DELETE", &path, None, ("if-match", &current)).await;
    sheet.status("V03", &answer, 204);
    sheet.finish();
}
