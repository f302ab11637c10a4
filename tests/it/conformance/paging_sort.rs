//! P, S: paging by index, sorting.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::sheet::{ENTERPRISE, Sheet, created, small, user_with};

#[tokio::test(flavor = "multi_thread")]
async fn paging() {
    let app = small().await;
    let mut sheet = Sheet::of("paging_sort::paging");
    let every: BTreeSet<String> = app.sim_user_ids().await.into_iter().collect();
    let total = every.len();
    let page = app.get("/Users?startIndex=2&count=1").await;
    sheet.holds(
        "P01",
        page.ids().len() == 1 && page.body["startIndex"] == 2 && page.body["totalResults"] == total,
        &page,
    );
    let mut walked = Vec::new();
    for start in (1..=total).step_by(9) {
        walked.extend(
            app.get(&format!("/Users?startIndex={start}&count=9&attributes=id"))
                .await
                .ids(),
        );
    }
    sheet.same("P01", &json!(walked.len()), &json!(total));
    sheet.same(
        "P01",
        &json!(walked.into_iter().collect::<BTreeSet<_>>() == every),
        &json!(true),
    );
    for (row, query, items, start) in [
        ("P02", "count=0", 0, 1),
        ("P03", "count=-1", 0, 1),
        ("P04", "startIndex=0&count=2", 2, 1),
        ("P04", "startIndex=-7&count=2", 2, 1),
        ("P04", "startindex=2&COUNT=3", 3, 2),
        ("P05", "startIndex=99999&count=5", 0, 99999),
    ] {
        let page = app.get(&format!("/Users?{query}")).await;
        sheet.holds(
            row,
            page.status == 200
                && page.ids().len() == items
                && page.body["itemsPerPage"] == items
                && page.body["startIndex"] == start
                && page.body["totalResults"] == total,
            &page,
        );
    }
    for query in ["count=x", "startIndex=x"] {
        let page = app.get(&format!("/Users?{query}")).await;
        sheet.refused("P06", &page, 400, "invalidValue");
    }
    let page = app.get("/Users").await;
    sheet.holds(
        "P07",
        page.body["totalResults"] == total && page.body.get("nextCursor").is_none(),
        &page,
    );
    // More than a page may hold: the page is what it may hold, the total stays true.
    let page = app.get("/Users?count=1000000").await;
    sheet.holds(
        "P01",
        page.status == 200 && page.ids().len() == total,
        &page,
    );
    sheet.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn sorting() {
    let app = small().await;
    let domain = app.domain().await;
    let mut sheet = Sheet::of("paging_sort::sorting");
    for (name, title, mail) in [
        ("sort.B", Some("m"), Some("zz@example.com")),
        ("sort.a", None, Some("mm@example.com")),
        ("sort.C", Some("K"), None),
    ] {
        let mut more = json!({"title": title, ENTERPRISE: {"department": "Sorted"}});
        if let Some(mail) = mail {
            more["emails"] = json!([{"type": "other", "value": "aa@home.example"},
                                    {"type": "work", "value": mail, "primary": true}]);
        }
        created(&app, "/Users", &user_with(name, &domain, more)).await;
    }
    let own = format!("{ENTERPRISE}:department eq \"Sorted\"");
    for (row, by, order, wanted) in [
        ("S01", "userName", "", "aBC"),
        ("S01", "USERNAME", "ascending", "aBC"),
        ("S02", "userName", "descending", "CBa"),
        ("S03", "title", "ascending", "CBa"),
        ("S03", "title", "descending", "aBC"),
        ("S04", "emails", "ascending", "aBC"),
        ("S04", "emails.value", "descending", "CBa"),
    ] {
        let page = app
            .list(
                "/Users",
                &[("filter", &own), ("sortBy", by), ("sortOrder", order)],
            )
            .await;
        let found: String = page.body["Resources"]
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default()
            .iter()
            .filter_map(|r| r["userName"].as_str()?.chars().nth(5))
            .collect();
        sheet.holds(row, page.status == 200 && found == wanted, &page);
    }
    let all = app
        .get("/Users?sortBy=userName&count=1000&attributes=userName")
        .await;
    let names: Vec<String> = all.body["Resources"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r: &Value| r["userName"].as_str().unwrap().to_lowercase())
        .collect();
    let mut sorted = names.clone();
    sorted.sort();
    sheet.same("S01", &json!(names), &json!(sorted));
    sheet.finish();
}
