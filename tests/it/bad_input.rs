//! Bad input: a clear error with the right status and `scimType`, and nothing lost.

use serde_json::{Value, json};

use crate::support::app::{App, patch_op, quoted};

/// What is sent, and what must come back.
struct Case {
    name: &'static str,
    method: &'static str,
    path: String,
    body: Value,
    status: u16,
    scim_type: Option<&'static str>,
    says: &'static str,
}

fn case(
    name: &'static str,
    method: &'static str,
    path: impl Into<String>,
    body: Value,
    status: u16,
    scim_type: Option<&'static str>,
    says: &'static str,
) -> Case {
    Case {
        name,
        method,
        path: path.into(),
        body,
        status,
        scim_type,
        says,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_table() {
    let app = App::start().await;
    let id = app.any_user().await;
    let user = format!("/Users/{id}");
    let taken = app.sim_object(&id).await["userPrincipalName"]
        .as_str()
        .unwrap()
        .to_owned();
    let other = app.another_user(&id).await;
    let domain = app.domain().await;
    let fresh = |extra: Value| {
        let mut body = json!({"userName": format!("fresh@{domain}"), "displayName": "Fresh"});
        body.as_object_mut()
            .unwrap()
            .extend(extra.as_object().unwrap().clone());
        body
    };
    let filter = |text: &str| format!("/Users?filter={}", urlencode(text));
    let deep = format!("{}userName pr{}", "(".repeat(10_000), ")".repeat(10_000));
    let long = format!("userName eq \"{}\"", "x".repeat(20_000));
    let none = Value::Null;
    let op = |op: Value| patch_op(json!([op]));
    let cases = vec![
        case(
            "unknown attribute",
            "POST",
            "/Users",
            fresh(json!({"noSuchAttribute": 1})),
            400,
            Some("invalidSyntax"),
            "noSuchAttribute",
        ),
        case(
            "wrong type",
            "POST",
            "/Users",
            fresh(json!({"active": "maybe"})),
            400,
            Some("invalidValue"),
            "active",
        ),
        case(
            "wrong type, list",
            "POST",
            "/Users",
            fresh(json!({"emails": "x"})),
            400,
            Some("invalidValue"),
            "emails",
        ),
        case(
            "missing userName",
            "POST",
            "/Users",
            json!({"displayName": "x"}),
            400,
            Some("invalidValue"),
            "userName",
        ),
        case(
            "missing displayName",
            "POST",
            "/Groups",
            json!({}),
            400,
            Some("invalidValue"),
            "displayName",
        ),
        case(
            "duplicate userName",
            "POST",
            "/Users",
            json!({"userName": taken}),
            409,
            Some("uniqueness"),
            "userPrincipalName",
        ),
        case(
            "duplicate userName, other case",
            "POST",
            "/Users",
            json!({"userName": taken.to_uppercase()}),
            409,
            Some("uniqueness"),
            "userPrincipalName",
        ),
        case(
            "foreign domain",
            "POST",
            "/Users",
            json!({"userName": "a@not-verified.example"}),
            400,
            Some("invalidValue"),
            "domain",
        ),
        case(
            "no domain",
            "POST",
            "/Users",
            json!({"userName": "adele"}),
            400,
            Some("invalidValue"),
            "domain",
        ),
        case(
            "weak password",
            "POST",
            "/Users",
            fresh(json!({"password": "abc"})),
            400,
            Some("invalidValue"),
            "password",
        ),
        case(
            "unknown filter attribute",
            "GET",
            filter("noSuchAttribute eq \"x\""),
            none.clone(),
            400,
            Some("invalidFilter"),
            "noSuchAttribute",
        ),
        case(
            "broken filter",
            "GET",
            filter("userName eq"),
            none.clone(),
            400,
            Some("invalidFilter"),
            "",
        ),
        case(
            "unknown operator",
            "GET",
            filter("userName regex \"a\""),
            none.clone(),
            400,
            Some("invalidFilter"),
            "regex",
        ),
        case(
            "order on a boolean",
            "GET",
            filter("active gt true"),
            none.clone(),
            400,
            Some("invalidFilter"),
            "active",
        ),
        case(
            "deep filter",
            "GET",
            filter(&deep),
            none.clone(),
            400,
            Some("invalidFilter"),
            "",
        ),
        case(
            "long filter",
            "GET",
            filter(&long),
            none.clone(),
            400,
            Some("invalidFilter"),
            "",
        ),
        case(
            "unanswerable filter",
            "GET",
            filter("displayName co \"x\""),
            none.clone(),
            400,
            Some("invalidFilter"),
            "displayName",
        ),
        case(
            "lastModified",
            "GET",
            filter("meta.lastModified gt \"2026-01-01T00:00:00Z\""),
            none.clone(),
            400,
            Some("invalidFilter"),
            "lastModified",
        ),
        case(
            "count no number",
            "GET",
            "/Users?count=x",
            none.clone(),
            400,
            Some("invalidValue"),
            "count",
        ),
        case(
            "unknown id",
            "GET",
            "/Users/11111111-2222-3333-4444-555555555555",
            none.clone(),
            404,
            None,
            "11111111",
        ),
        case("odd id", "GET", "/Users/%00", none.clone(), 404, None, ""),
        case(
            "user name as id",
            "GET",
            format!("/Users/{taken}"),
            none.clone(),
            404,
            None,
            "",
        ),
        case(
            "huge id",
            "GET",
            format!("/Users/{}", "a".repeat(4096)),
            none.clone(),
            404,
            None,
            "",
        ),
        case(
            "unknown endpoint",
            "GET",
            "/NoSuch",
            none.clone(),
            404,
            None,
            "",
        ),
        case(
            "method of a collection",
            "PUT",
            "/Users",
            json!({}),
            405,
            None,
            "GET",
        ),
        case(
            "create a licence",
            "POST",
            "/Licenses",
            json!({}),
            405,
            None,
            "GET",
        ),
        case(
            "bulk of nothing",
            "POST",
            "/Bulk",
            json!({}),
            400,
            Some("invalidSyntax"),
            "Operations",
        ),
        case("me", "GET", "/Me", none.clone(), 501, None, ""),
        case(
            "unknown schema",
            "GET",
            "/Schemas/urn:no:such",
            none.clone(),
            404,
            None,
            "urn:no:such",
        ),
        case(
            "filter on discovery",
            "GET",
            "/Schemas?filter=id%20pr",
            none.clone(),
            403,
            None,
            "",
        ),
        case(
            "write to discovery",
            "POST",
            "/ServiceProviderConfig",
            json!({}),
            405,
            None,
            "",
        ),
        case(
            "patch with the schema of something else",
            "PATCH",
            user.clone(),
            json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
                "Operations": [{"op": "replace", "path": "title", "value": "x"}]}),
            400,
            Some("invalidSyntax"),
            "",
        ),
        case(
            "patch without operations",
            "PATCH",
            user.clone(),
            patch_op(json!([])),
            400,
            Some("invalidSyntax"),
            "",
        ),
        case(
            "unknown op",
            "PATCH",
            user.clone(),
            op(json!({"op": "upsert", "path": "title", "value": "x"})),
            400,
            None,
            "replace",
        ),
        case(
            "unknown path",
            "PATCH",
            user.clone(),
            op(json!({"op": "replace", "path": "noSuchAttribute", "value": "x"})),
            400,
            Some("invalidPath"),
            "noSuchAttribute",
        ),
        case(
            "broken path",
            "PATCH",
            user.clone(),
            op(json!({"op": "replace", "path": "emails[", "value": "x"})),
            400,
            None,
            "",
        ),
        case(
            "read-only path",
            "PATCH",
            user.clone(),
            op(json!({"op": "replace", "path": "meta.created", "value": "x"})),
            400,
            Some("mutability"),
            "",
        ),
        case(
            "groups are read-only",
            "PATCH",
            user.clone(),
            op(json!({"op": "add", "path": "groups", "value": [{"value": other}]})),
            400,
            Some("mutability"),
            "",
        ),
        case(
            "remove required",
            "PATCH",
            user.clone(),
            op(json!({"op": "remove", "path": "userName"})),
            400,
            Some("mutability"),
            "userName",
        ),
        case(
            "remove without path",
            "PATCH",
            user.clone(),
            op(json!({"op": "remove"})),
            400,
            Some("noTarget"),
            "",
        ),
        case(
            "replace without match",
            "PATCH",
            user.clone(),
            op(json!({"op": "replace", "path": "emails[type eq \"none\"].value", "value": "x"})),
            400,
            Some("noTarget"),
            "",
        ),
        case(
            "wrong type in patch",
            "PATCH",
            user.clone(),
            op(json!({"op": "replace", "path": "active", "value": {"a": 1}})),
            400,
            Some("invalidValue"),
            "active",
        ),
        case(
            "userName of another",
            "PATCH",
            format!("/Users/{other}"),
            patch_op(json!([
            {"op": "replace", "path": "title", "value": "must not stick"},
            {"op": "replace", "path": "userName", "value": taken}])),
            409,
            Some("uniqueness"),
            "",
        ),
        case(
            "put without userName",
            "PUT",
            user.clone(),
            json!({"displayName": "x"}),
            400,
            Some("invalidValue"),
            "userName",
        ),
        case(
            "put of an unknown id",
            "PUT",
            "/Users/11111111-2222-3333-4444-555555555555",
            fresh(json!({})),
            404,
            None,
            "",
        ),
        case(
            "licence that is none",
            "PATCH",
            user.clone(),
            op(json!({"op": "add", "path": "entitlements", "value": [{"value": "NO_SUCH_SKU"}]})),
            400,
            Some("invalidValue"),
            "NO_SUCH_SKU",
        ),
        case(
            "role that is none",
            "PATCH",
            user.clone(),
            op(json!({"op": "add", "path": "roles", "value": [{"value": "Admin"}]})),
            400,
            Some("invalidValue"),
            "Admin",
        ),
        case(
            "manager that is none",
            "PATCH",
            user.clone(),
            op(json!({"op": "add", "path": "manager", "value": "nobody"})),
            400,
            Some("invalidValue"),
            "nobody",
        ),
        case(
            "built-in role",
            "PATCH",
            "/Roles/62e90394-69f5-4237-9190-012177145e10",
            op(json!({"op": "replace", "path": "displayName", "value": "x"})),
            400,
            Some("mutability"),
            "built-in",
        ),
    ];
    let before = app.sim_object(&id).await;
    let other_before = app.sim_object(&other).await;
    let mut wrong = Vec::new();
    for case in &cases {
        let body = (!case.body.is_null()).then_some(&case.body);
        let answer = app.request(case.method, &case.path, body, &[]).await;
        let ok = answer.status == case.status
            && answer.body["scimType"].as_str()
                == case.scim_type.or(answer.body["scimType"]
                    .as_str()
                    .filter(|_| case.scim_type.is_none() && case.status == 400))
            && answer.body["status"].as_str() == Some(case.status.to_string().as_str())
            && answer.body["schemas"] == json!(["urn:ietf:params:scim:api:messages:2.0:Error"])
            && answer.header("content-type") == Some("application/scim+json")
            && answer.detail().contains(case.says);
        if !ok {
            wrong.push(format!("{}: {} {}", case.name, answer.status, answer.body));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(
        app.sim_object(&id).await,
        before,
        "refused requests change nothing"
    );
    assert_eq!(
        app.sim_object(&other).await,
        other_before,
        "a PATCH is atomic"
    );
}

fn urlencode(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn counts_and_indexes_out_of_range_are_taken_as_the_rfc_says() {
    let app = App::start().await;
    for (query, items, start) in [
        ("count=-1", 0, 1),
        ("count=0", 0, 1),
        ("startIndex=0&count=2", 2, 1),
        ("startindex=-5&count=2", 2, 1),
        ("startIndex=99999&count=2", 0, 99_999),
        (
            "count=1000000&excludedAttributes=groups,roles",
            usize::MAX,
            1,
        ),
        ("noSuchParameter=1&count=1", 1, 1),
    ] {
        let page = app.get(&format!("/Users?{query}")).await.expect_status(200);
        assert!(
            page.body["totalResults"].as_u64().unwrap() >= 200,
            "{query}"
        );
        if items != usize::MAX {
            assert_eq!(page.ids().len(), items, "{query}");
        }
        assert_eq!(page.body["itemsPerPage"], page.ids().len(), "{query}");
        assert_eq!(page.body["startIndex"], start, "{query}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_cannot_be_read() {
    let app = App::start().await;
    for (content_type, body, status, scim_type) in [
        (
            "application/scim+json",
            "{\"userName\":",
            400,
            Some("invalidSyntax"),
        ),
        ("application/scim+json", "[]", 400, Some("invalidSyntax")),
        ("application/scim+json", "", 400, Some("invalidSyntax")),
        ("text/xml", "<user/>", 415, None),
    ] {
        let answer = app
            .raw("POST", "/Users", content_type, body.as_bytes().to_vec())
            .await;
        assert_eq!(answer.status, status, "{body}: {}", answer.body);
        assert_eq!(answer.body["scimType"].as_str(), scim_type, "{body}");
    }
    let huge = format!("{{\"userName\":\"{}\"}}", "x".repeat(5 << 20));
    let answer = app
        .raw("POST", "/Users", "application/json", huge.into_bytes())
        .await;
    assert_eq!(answer.status, 413, "{}", answer.body);
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    let answer = app
        .raw("POST", "/Users", "application/json", deep.into_bytes())
        .await;
    assert_eq!(answer.status, 400, "{}", answer.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn versions() {
    let app = App::start().await;
    let path = format!("/Users/{}", app.any_user().await);
    let change =
        |title: &str| patch_op(json!([{"op": "replace", "path": "title", "value": title}]));
    let read = app.get(&path).await.expect_status(200);
    let tag = read.header("etag").unwrap().to_owned();
    assert!(tag.starts_with("W/\""), "{tag}");
    let known = app
        .request("GET", &path, None, &[("if-none-match", &tag)])
        .await;
    assert_eq!((known.status, known.text.as_str()), (304, ""));
    let stale = [("if-match", "W/\"stale\"")];
    for (method, body) in [
        ("PATCH", change("x")),
        ("PUT", read.body.clone()),
        ("DELETE", Value::Null),
    ] {
        let body = (!body.is_null()).then_some(&body);
        let refused = app.request(method, &path, body, &stale).await;
        assert_eq!(refused.status, 412, "{method}: {}", refused.body);
    }
    app.request(
        "PATCH",
        &path,
        Some(&change("new title")),
        &[("if-match", &tag)],
    )
    .await
    .expect_status(200);
    let after = app.get(&path).await.expect_status(200);
    assert_ne!(
        after.header("etag").unwrap(),
        tag,
        "a change changes the version"
    );
    app.request(
        "PATCH",
        &path,
        Some(&change("new title")),
        &[("if-match", "*")],
    )
    .await
    .expect_status(200);
    let same = app.get(&path).await.expect_status(200);
    assert_eq!(
        same.header("etag"),
        after.header("etag"),
        "no change, no new version"
    );
    let put = app
        .request(
            "PUT",
            &path,
            Some(&same.body),
            &[("if-match", same.header("etag").unwrap())],
        )
        .await;
    let put = put.expect_status(200);
    assert_eq!(
        put.header("etag"),
        same.header("etag"),
        "a PUT of what GET gave changes nothing"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens() {
    let app = App::start().await;
    let id = app.any_user().await;
    let path = format!("/Users/{id}");
    let anonymous = app.with_token(None).get("/Users").await;
    assert_eq!(anonymous.status, 401);
    assert!(
        anonymous
            .header("www-authenticate")
            .unwrap()
            .starts_with("Bearer")
    );
    assert!(!anonymous.detail().is_empty());
    let unknown = app
        .with_token(None)
        .get("/Users/11111111-2222-3333-4444-555555555555")
        .await;
    assert_eq!(
        unknown.status, 401,
        "who asks is settled before what there is"
    );
    for bad in ["wrong", "es_wrong", ""] {
        assert_eq!(
            app.with_token(Some(bad)).get("/Users").await.status,
            401,
            "{bad}"
        );
    }
    let expired = app.issue_token("read:*, write:*", Some(-60)).await;
    assert_eq!(
        app.with_token(Some(&expired))
            .get("/Users?count=1")
            .await
            .status,
        401
    );
    let revoked = app.issue_token("write:*", None).await;
    app.with_token(Some(&revoked))
        .get("/Users?count=1")
        .await
        .expect_status(200);
    app.revoke_token(&revoked).await;
    assert_eq!(
        app.with_token(Some(&revoked))
            .get("/Users?count=1")
            .await
            .status,
        401
    );
    let reader = app.issue_token("read:*", None).await;
    let reader = app.with_token(Some(&reader));
    reader.get(&path).await.expect_status(200);
    let refused = reader
        .patch(
            &path,
            &patch_op(json!([{"op": "replace", "path": "title", "value": "x"}])),
        )
        .await
        .expect_status(403);
    assert!(refused.detail().contains("Users"), "{}", refused.detail());
    reader
        .post(
            "/Users/.search",
            &json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],
            "filter": format!("id eq {}", quoted(&id))}),
        )
        .await
        .expect_status(200);
    let groups_only = app.issue_token("write:Groups", None).await;
    let groups_only = app.with_token(Some(&groups_only));
    groups_only
        .get("/Groups?count=1&excludedAttributes=members,owners")
        .await
        .expect_status(200);
    groups_only.get(&path).await.expect_status(403);
    // Discovery needs no token.
    app.with_token(None)
        .get("/ServiceProviderConfig")
        .await
        .expect_status(200);
}
