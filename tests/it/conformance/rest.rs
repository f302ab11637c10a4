//! Z: what the other tables leave out.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::sheet::{ENTRA, Sheet, created, small, user, user_with};
use crate::support::app::{App, Options, patch_op};

/// Live, and with the replica, which sorts and filters by everything.
async fn whole() -> App {
    let app = App::with(Options {
        users: 30,
        groups: 5,
        replica: true,
        ..Options::default()
    })
    .await;
    app.caught_up().await;
    app
}

#[tokio::test(flavor = "multi_thread")]
async fn queries() {
    let app = whole().await;
    let domain = app.domain().await;
    let mut sheet = Sheet::of("rest::queries");
    let plus = created(&app, "/Users", &user("z.plus+one", &domain)).await;
    let name = format!("z.plus+one@{domain}");
    let quoted = format!("userName eq \"{name}\"");
    let found = app.list("/Users", &[("filter", &quoted)]).await;
    sheet.holds("Z01", found.ids() == [plus.clone()], &found);
    let spaced = format!("/Users?filter=userName+eq+%22z.plus%2Bone@{domain}%22");
    let found = app.get(&spaced).await;
    sheet.holds("Z01", found.ids() == [plus.clone()], &found);
    let flagged = app.get("/Users?aadOptscim062020&count=1").await;
    sheet.holds(
        "Z02",
        flagged.status == 200 && flagged.ids().len() == 1,
        &flagged,
    );
    let found = app
        .post("/.search", &json!({"filter": "userName pr", "count": 200}))
        .await;
    let types = found.body["Resources"].as_array().into_iter().flatten();
    let types: BTreeSet<&str> = types
        .filter_map(|one| one["meta"]["resourceType"].as_str())
        .collect();
    sheet.same("Z06", &json!(types), &json!(["User"]));
    let active = format!("active eq true and userName eq \"{name}\"");
    let found = app.list("/Users", &[("filter", &active)]).await;
    sheet.holds("Z08", found.ids() == [plus.clone()], &found);
    let nested = app
        .list("/Users", &[("filter", "emails[type[value eq 1]]")])
        .await;
    sheet.refused("Z09", &nested, 400, "invalidFilter");
    for (title, active) in [("zx", true), ("zy", true), ("zy", false)] {
        let body = user_with(
            &format!("z.{title}{active}"),
            &domain,
            json!({"title": title, "active": active}),
        );
        created(&app, "/Users", &body).await;
    }
    for (filter, count) in [
        ("title eq \"zx\" or title eq \"zy\" and active eq false", 2),
        (
            "(title eq \"zx\" or title eq \"zy\") and active eq false",
            1,
        ),
        (
            "not (title eq \"zx\") and title sw \"z\" or title eq \"zx\"",
            3,
        ),
    ] {
        let found = app.list("/Users", &[("filter", filter)]).await;
        sheet.holds("Z09", found.ids().len() == count, &found);
    }
    for external in ["zb", "zA", "zc", "ZD"] {
        let body = user_with(
            &format!("z.sort.{external}"),
            &domain,
            json!({"externalId": external}),
        );
        created(&app, "/Users", &body).await;
    }
    let sorted = app
        .list(
            "/Users",
            &[
                ("sortBy", "externalId"),
                ("filter", "externalId sw \"z\" or externalId sw \"Z\""),
                ("attributes", "externalId"),
                ("count", "200"),
            ],
        )
        .await;
    let order: Vec<&str> = sorted.body["Resources"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|one| one["externalId"].as_str())
        .filter(|one| one.len() == 2)
        .collect();
    sheet.same("Z10", &json!(order), &json!(["ZD", "zA", "zb", "zc"]));
    let walk = async |size: usize| {
        let mut ids = Vec::new();
        for start in (1..=40).step_by(size) {
            let page = format!("/Users?startIndex={start}&count={size}&attributes=id");
            ids.extend(app.get(&page).await.ids());
        }
        ids
    };
    let (one, two) = (walk(7).await, walk(11).await);
    sheet.same("Z11", &json!(one[..33]), &json!(two[..33]));
    let secret = app.list("/Users", &[("filter", "password eq \"x\"")]).await;
    sheet.refused("Z21", &secret, 400, "invalidFilter");
    let mut all = BTreeSet::new();
    let mut number = 0;
    for path in ["/Users", "/Groups", "/Roles", "/Licenses"] {
        let page = app.get(&format!("{path}?attributes=id&count=900")).await;
        number += page.ids().len();
        all.extend(page.ids());
    }
    sheet.same("Z25", &json!(all.len()), &json!(number));
    sheet.same(
        "Z25",
        &json!(all.iter().any(|id| id.contains("bulkId"))),
        &json!(false),
    );
    sheet.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many() {
    let few = ("ENTRA_SCIM__SERVER__SCAN_LIMIT".to_owned(), "10".to_owned());
    let app = App::with(Options {
        users: 60,
        groups: 4,
        environment: vec![few],
        ..Options::default()
    })
    .await;
    let mut sheet = Sheet::of("rest::too_many");
    let filter = "active eq true and displayName co \"a\"";
    let answer = app.list("/Users", &[("filter", filter)]).await;
    sheet.refused("Z07", &answer, 400, "tooMany");
    sheet.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn callers() {
    let app = small().await;
    let domain = app.domain().await;
    let mut sheet = Sheet::of("rest::callers");
    let reader = app.issue_token("read:*", None).await;
    let reader = app.with_token(Some(&reader));
    let body = user("z.reader", &domain);
    sheet.refused("Z03", &reader.post("/Users", &body).await, 403, "");
    let nobody = app.with_token(None).get("/Users").await;
    let named = nobody
        .header("www-authenticate")
        .unwrap_or_default()
        .to_owned();
    sheet.holds(
        "Z03",
        nobody.status == 401 && named.starts_with("Bearer"),
        &nobody,
    );
    let short = app.issue_token("read:*", Some(1)).await;
    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    // 256 bits in any usual spelling.
    sheet.same("Z04", &json!(short.len() >= 43), &json!(true));
    sheet.refused(
        "Z04",
        &app.with_token(Some(&short)).get("/Users").await,
        401,
        "",
    );
    sheet.same("Z18", &json!(app.scim.ends_with("/v2")), &json!(true));
    sheet.status("Z18", &app.get("/Users?count=1").await, 200);
    // externalId is one property of the directory: the same for every client.
    let id = created(
        &app,
        "/Users",
        &user_with("z.ext", &domain, json!({"externalId": "Z-Ext"})),
    )
    .await;
    let read = reader.get(&format!("/Users/{id}")).await;
    sheet.same("Z26", &read.body["externalId"], &json!("Z-Ext"));
    sheet.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn values() {
    let app = small().await;
    let domain = app.domain().await;
    let mut sheet = Sheet::of("rest::values");
    let made = app
        .post(
            "/Users",
            &user_with(
                "z.values",
                &domain,
                json!({"phoneNumbers": [{"type": "mobile", "value": "0123 / 45"}],
                    "emails": [{"type": "work", "value": "Z.Values@Example.COM"}],
                    "addresses": [{"type": "work", "country": "USA"}],
                    "password": "Zz-Values-1-2-3",
                    "groups": [{"value": "00000000-0000-4000-8000-000000000000"}]}),
            ),
        )
        .await
        .expect_status(201);
    let id = made.body["id"].as_str().unwrap().to_owned();
    let path = format!("/Users/{id}");
    // The state as it was taken: what was left out has its default.
    sheet.same("Z05", &made.body["active"], &json!(true));
    sheet.same(
        "Z29",
        &made.body["emails"][0]["value"],
        &json!("Z.Values@Example.COM"),
    );
    sheet.same(
        "Z29",
        &made.body["phoneNumbers"][0]["value"],
        &json!("0123 / 45"),
    );
    sheet.same("Z29", &made.body["addresses"][0]["country"], &json!("USA"));
    sheet.same("Z28", &made.body["password"], &Value::Null);
    let asked = app
        .get(&format!("{path}?attributes=password,userName"))
        .await;
    sheet.same("Z28", &asked.body["password"], &Value::Null);
    sheet.same("Z30", &made.body["groups"], &Value::Null);
    let joined = json!([{"op": "add", "path": "groups", "value": [{"value": id}]}]);
    sheet.refused(
        "Z30",
        &app.patch(&path, &patch_op(joined)).await,
        400,
        "mutability",
    );
    let read = app.get(&path).await;
    let location = read.body["meta"]["location"].as_str();
    sheet.holds("Z27", read.header("content-location") == location, &read);
    sheet.holds(
        "Z27",
        read.header("etag").is_some_and(|tag| tag.starts_with("W/")),
        &read,
    );
    sheet.same("Z31", &read.body["photos"], &Value::Null);
    let asked = app.get(&format!("{path}?attributes=photos")).await;
    sheet.holds("Z31", asked.body["photos"].is_array(), &asked);
    let emptied = json!([{"op": "remove", "path": "phoneNumbers[type eq \"mobile\"]"}]);
    let answer = app.patch(&path, &patch_op(emptied)).await;
    sheet.holds("Z14", answer.body.get("phoneNumbers").is_none(), &answer);
    let twice = json!([{"op": "add", "path": "emails", "value": [
        {"type": "other", "value": "a@b.example"}, {"type": "other", "value": "a@b.example"}]}]);
    let answer = app.patch(&path, &patch_op(twice)).await;
    let held = app.sim_object(&id).await;
    sheet.holds("Z23", held["otherMails"] == json!(["a@b.example"]), &answer);
    let day =
        json!([{"op": "add", "path": format!("{ENTRA}:employeeHireDate"), "value": "2026-01-01"}]);
    sheet.refused(
        "Z22",
        &app.patch(&path, &patch_op(day)).await,
        400,
        "invalidValue",
    );
    let wide = user("Ａdele", &domain);
    sheet.refused("Z19", &app.post("/Users", &wide).await, 400, "invalidValue");
    let name = json!([{"op": "replace", "path": "displayName", "value": "Žofie 日本 😀"}]);
    let answer = app.patch(&path, &patch_op(name)).await;
    sheet.same("Z17", &answer.body["displayName"], &json!("Žofie 日本 😀"));
    sheet.refused("Z17", &app.get("/Users.scim").await, 404, "");
    let mut odd = user("z.schemas", &domain);
    odd["schemas"] = json!([super::sheet::USER, super::sheet::USER, "urn:x:unknown"]);
    let answer = app.post("/Users", &odd).await.expect_status(201);
    let told = answer.body["schemas"].as_array().unwrap();
    let once: BTreeSet<&str> = told.iter().filter_map(Value::as_str).collect();
    sheet.holds(
        "Z24",
        once.len() == told.len() && !once.contains("urn:x:unknown"),
        &answer,
    );
    let types = app.get("/ResourceTypes").await;
    let extensions = types.body["Resources"].as_array().into_iter().flatten();
    let mut extensions =
        extensions.flat_map(|one| one["schemaExtensions"].as_array().into_iter().flatten());
    sheet.holds(
        "Z13",
        extensions.all(|one| one["required"] == false),
        &types,
    );
    let group = app
        .post("/Groups", &json!({"displayName": "z"}))
        .await
        .expect_status(201);
    let group_path = format!("/Groups/{}", group.body["id"].as_str().unwrap());
    let mut whole = app.get(&group_path).await.body;
    sheet.status("Z12", &app.put(&group_path, &whole).await, 200);
    whole["urn:ietf:params:scim:schemas:extension:Microsoft:Entra:2.0:Group"]["mailEnabled"] =
        json!(true);
    sheet.refused(
        "Z12",
        &app.put(&group_path, &whole).await,
        400,
        "mutability",
    );
    let bulk = json!({"Operations": [
        {"method": "DELETE", "path": path},
        {"method": "DELETE", "path": path},
        {"method": "POST", "path": "/Users", "bulkId": "1", "data": {"displayName": "x"}},
    ]});
    let answer = app.post("/Bulk", &bulk).await;
    let told = &answer.body["Operations"];
    let located: Vec<bool> = (0..3).map(|at| told[at]["location"].is_string()).collect();
    sheet.holds("Z16", located == [true, true, false], &answer);
    sheet.same("Z16", &told[1]["status"], &json!("404"));
    for (method, body) in [
        ("GET", None),
        ("PUT", Some(user("z.values", &domain))),
        ("DELETE", None),
    ] {
        let answer = app.request(method, &path, body.as_ref(), &[]).await;
        sheet.refused("Z15", &answer, 404, "");
    }
    let all = app.get("/Users?count=900&attributes=id").await;
    sheet.holds("Z15", !all.ids().contains(&id), &all);
    sheet.finish();
}
