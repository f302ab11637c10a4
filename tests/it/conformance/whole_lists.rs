//! The whole filter grammar, sort and paging where the server has the whole list: /Roles and
//! /Licenses.

use serde_json::{Value, json};

use super::sheet::{Sheet, small};
use crate::support::app::{App, quoted};

type Test = Box<dyn Fn(&Value) -> bool>;

fn name(v: &Value) -> String {
    v["displayName"].as_str().unwrap_or_default().to_lowercase()
}

fn roles(pivot: &str) -> Vec<(&'static str, String, Test)> {
    let p = pivot.to_lowercase();
    let by = |f: fn(&str, &str) -> bool| {
        let p = p.clone();
        Box::new(move |v: &Value| f(&name(v), &p)) as Test
    };
    let q = quoted(pivot);
    let urn = "urn:ietf:params:scim:schemas:entra-scim:2.0:Role";
    vec![
        ("Q06", format!("displayName ne {q}"), by(|n, p| n != p)),
        (
            "Q07",
            "displayName co \"ADMIN\"".into(),
            by(|n, _| n.contains("admin")),
        ),
        (
            "Q07",
            "description co \"read\"".into(),
            Box::new(|v| {
                v["description"]
                    .as_str()
                    .is_some_and(|d| d.to_lowercase().contains("read"))
            }),
        ),
        (
            "Q08",
            "displayName sw \"g\"".into(),
            by(|n, _| n.starts_with('g')),
        ),
        (
            "Q09",
            "displayName ew \"READER\"".into(),
            by(|n, _| n.ends_with("reader")),
        ),
        (
            "Q10",
            "members pr".into(),
            Box::new(|v| v["members"].as_array().is_some_and(|m| !m.is_empty())),
        ),
        ("Q11", format!("displayName gt {q}"), by(|n, p| n > p)),
        ("Q12", format!("displayName ge {q}"), by(|n, p| n >= p)),
        ("Q12", format!("displayName lt {q}"), by(|n, p| n < p)),
        ("Q12", format!("displayName le {q}"), by(|n, p| n <= p)),
        (
            "Q13",
            format!("displayName eq {q} or displayName co \"admin\" and isBuiltIn eq false"),
            {
                let p = p.clone();
                Box::new(move |v| {
                    name(v) == p || name(v).contains("admin") && v["isBuiltIn"] == false
                })
            },
        ),
        (
            "Q15",
            "not (displayName co \"admin\") and isBuiltIn eq true".into(),
            Box::new(|v| !name(v).contains("admin") && v["isBuiltIn"] == true),
        ),
        ("Q25", format!("schemas eq \"{urn}\""), by(|_, _| true)),
        ("Q25", "schemas eq \"urn:other\"".into(), by(|_, _| false)),
    ]
}

fn licences() -> Vec<(&'static str, String, Test)> {
    let has = |v: &Value, part: &str| {
        v["servicePlans"].as_array().is_some_and(|p| {
            p.iter()
                .any(|p| p["display"].as_str().is_some_and(|d| d.contains(part)))
        })
    };
    vec![
        (
            "Q11",
            "consumedUnits gt 3".into(),
            Box::new(|v| v["consumedUnits"].as_i64() > Some(3)),
        ),
        (
            "Q12",
            "prepaidUnits.enabled le 25".into(),
            Box::new(|v| {
                v["prepaidUnits"]["enabled"]
                    .as_i64()
                    .is_some_and(|n| n <= 25)
            }),
        ),
        (
            "Q07",
            "servicePlans.display co \"EXCHANGE\"".into(),
            Box::new(move |v| has(v, "EXCHANGE")),
        ),
        (
            "Q07",
            "servicePlans[display co \"EXCHANGE\" and status eq \"Success\"]".into(),
            Box::new(|v| {
                v["servicePlans"].as_array().is_some_and(|p| {
                    p.iter().any(|p| {
                        p["display"]
                            .as_str()
                            .is_some_and(|d| d.contains("EXCHANGE"))
                            && p["status"] == "Success"
                    })
                })
            }),
        ),
        (
            "Q08",
            "skuPartNumber sw \"s\"".into(),
            Box::new(|v| {
                v["skuPartNumber"]
                    .as_str()
                    .is_some_and(|s| s.starts_with('S'))
            }),
        ),
    ]
}

async fn check(app: &App, sheet: &mut Sheet, path: &str, table: Vec<(&'static str, String, Test)>) {
    let all = app
        .list(path, &[("count", "1000")])
        .await
        .expect_status(200);
    let all = all.body["Resources"].as_array().unwrap().clone();
    let mut some = 0;
    for (row, filter, test) in table {
        let wanted: Vec<&Value> = all.iter().filter(|v| test(v)).map(|v| &v["id"]).collect();
        some += usize::from(!wanted.is_empty() && wanted.len() < all.len());
        let answer = app
            .list(
                path,
                &[("filter", &filter), ("count", "1000"), ("attributes", "id")],
            )
            .await;
        let mut found = answer.ids();
        let mut wanted: Vec<&str> = wanted.iter().filter_map(|v| v.as_str()).collect();
        found.sort_unstable();
        wanted.sort_unstable();
        sheet.holds(row, answer.status == 200 && found == wanted, &answer);
        sheet.same(
            row,
            &json!([filter, answer.body["totalResults"]]),
            &json!([filter, wanted.len()]),
        );
    }
    assert!(some >= 3, "{path}: the table tells some from others");
}

#[tokio::test(flavor = "multi_thread")]
async fn whole_lists() {
    let app = small().await;
    let mut sheet = Sheet::of("whole_lists::whole_lists");
    check(&app, &mut sheet, "/Roles", roles("Global Reader")).await;
    check(&app, &mut sheet, "/Licenses", licences()).await;
    let names = |v: &Value| -> Vec<String> {
        v["Resources"]
            .as_array()
            .unwrap()
            .iter()
            .map(name)
            .collect()
    };
    let up = app
        .get("/Roles?sortBy=displayName&count=1000&attributes=displayName")
        .await;
    let mut sorted = names(&up.body);
    sorted.sort();
    sheet.same("S01", &json!(names(&up.body)), &json!(sorted));
    let down = app
        .get("/Roles?sortBy=displayName&sortOrder=descending&count=1000&attributes=displayName")
        .await;
    sorted.reverse();
    sheet.same("S02", &json!(names(&down.body)), &json!(sorted));
    let mut walked = Vec::new();
    let total = sorted.len();
    for start in (1..=total).step_by(7) {
        let page = app
            .get(&format!("/Roles?sortBy=displayName&sortOrder=descending&startIndex={start}&count=7&attributes=displayName"))
            .await;
        sheet.holds(
            "P01",
            page.body["totalResults"] == total && page.body["startIndex"] == start,
            &page,
        );
        walked.extend(names(&page.body));
    }
    sheet.same("P01", &json!(walked), &json!(sorted));
    for (order, last) in [("ascending", true), ("descending", false)] {
        let page = app
            .get(&format!(
                "/Roles?sortBy=version&sortOrder={order}&count=1000"
            ))
            .await;
        let has: Vec<bool> = page.body["Resources"]
            .as_array()
            .unwrap()
            .iter()
            .map(|r| r.get("version").is_some())
            .collect();
        let mut wanted = has.clone();
        wanted.sort_by_key(|h| if last { !h } else { *h });
        sheet.same("S03", &json!(has), &json!(wanted));
    }
    sheet.finish();
}
