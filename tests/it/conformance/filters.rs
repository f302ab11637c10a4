//! Q: filters that Graph answers, in whole or with completion here.

use serde_json::json;

use super::sheet::{ENTERPRISE, Sheet, USER, created, small, user_with};
use crate::support::app::{App, quoted};

/// Three users of one department: a and b with titles, c without.
async fn three(app: &App, domain: &str) -> [String; 3] {
    let rows = [
        (
            "conf.a",
            json!({"title": "Alpha", "externalId": "CaseA", "active": true,
            "name": {"givenName": "Ann", "familyName": "Adams"},
            "emails": [{"type": "work", "value": "ann@example.com", "primary": true},
                       {"type": "other", "value": "ann@home.example"}]}),
        ),
        (
            "conf.b",
            json!({"title": "Beta", "externalId": "CaseB", "active": false,
            "name": {"givenName": "Bob", "familyName": "Baker"},
            "emails": [{"type": "work", "value": "bob@example.com", "primary": true}]}),
        ),
        (
            "conf.c",
            json!({"displayName": "a\"b\\cé", "externalId": "CaseC", "active": true}),
        ),
    ];
    let mut ids = Vec::new();
    for (name, mut more) in rows {
        more[ENTERPRISE] = json!({"department": "Conformance"});
        ids.push(created(app, "/Users", &user_with(name, domain, more)).await);
    }
    ids.try_into().unwrap()
}

/// (row, filter, who of a, b, c); each inside the department, so that Graph has few candidates.
fn table(domain: &str, a: &str) -> Vec<(&'static str, String, &'static str)> {
    let own = |text: &str| format!("{ENTERPRISE}:department eq \"Conformance\" and ({text})");
    let name = |n: &str| quoted(&format!("conf.{n}@{domain}"));
    vec![
        ("Q03", format!("userName eq {}", name("a")), "a"),
        (
            "Q04",
            format!("userName eq {}", name("A").to_uppercase()),
            "a",
        ),
        ("Q04", own("title eq \"ALPHA\""), "a"),
        ("Q05", format!("USERNAME EQ {}", name("a")), "a"),
        ("Q06", own("title ne \"Alpha\""), "bc"),
        ("Q07", own("name.familyName co \"DAM\""), "a"),
        ("Q08", "userName sw \"conf.\"".to_owned(), "abc"),
        ("Q09", own(&format!("userName ew \"@{domain}\"")), "abc"),
        ("Q10", own("title pr"), "ab"),
        ("Q11", own(&format!("userName gt {}", name("a"))), "bc"),
        ("Q12", own(&format!("userName ge {}", name("b"))), "bc"),
        ("Q12", own(&format!("userName lt {}", name("b"))), "a"),
        ("Q12", own(&format!("userName le {}", name("b"))), "ab"),
        (
            "Q13",
            own("title eq \"Alpha\" or title eq \"Beta\" and active eq true"),
            "a",
        ),
        (
            "Q14",
            own("(title eq \"Alpha\" or title eq \"Beta\") and active eq true"),
            "a",
        ),
        ("Q15", own("not (title pr)"), "c"),
        ("Q16", own("not(title pr)"), "c"),
        ("Q17", own("name.givenName eq \"Bob\""), "b"),
        ("Q18", own("emails.value eq \"ann@home.example\""), "a"),
        ("Q19", own("emails eq \"ann@example.com\""), "a"),
        ("Q19", own("emails co \"home\""), "a"),
        (
            "Q20",
            own("emails[type eq \"work\" and value co \"@home\"]"),
            "",
        ),
        (
            "Q20",
            own("emails[type eq \"other\" and value eq \"ann@home.example\"]"),
            "a",
        ),
        ("Q21", own("emails[type eq \"other\"]"), "a"),
        ("Q22", format!("{USER}:userName eq {}", name("b")), "b"),
        (
            "Q23",
            format!("{ENTERPRISE}:department eq \"conformance\""),
            "abc",
        ),
        ("Q24", own("active eq true"), "ac"),
        ("Q24", own("active eq \"False\""), "b"),
        ("Q25", own(&format!("schemas eq \"{ENTERPRISE}\"")), "abc"),
        ("Q25", own("schemas eq \"urn:other\""), ""),
        ("Q26", "externalId eq \"CaseB\"".to_owned(), "b"),
        ("Q27", "externalId eq \"caseb\"".to_owned(), ""),
        (
            "Q28",
            format!(
                "userName sw \"conf\" and userName ew {}",
                quoted(&format!(".a@{domain}"))
            ),
            "a",
        ),
        ("Q29", own("title eq null"), "c"),
        ("Q30", own(r#"displayName eq "a\"b\\c\u00e9""#), "c"),
        ("Q31", format!("id eq {}", quoted(a)), "a"),
        (
            "Q31",
            format!("id eq {} and title eq \"Beta\"", quoted(a)),
            "",
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn filters() {
    let app = small().await;
    let domain = app.domain().await;
    let mut sheet = Sheet::of("filters::filters");
    let ids = three(&app, &domain).await;
    for (row, filter, who) in table(&domain, &ids[0]) {
        for projection in ["", "userName"] {
            let answer = app
                .list("/Users", &[("filter", &filter), ("attributes", projection)])
                .await;
            let mut found: Vec<&str> = answer
                .ids()
                .iter()
                .map(|id| match ids.iter().position(|i| i == id) {
                    Some(0) => "a",
                    Some(1) => "b",
                    Some(_) => "c",
                    None => "?",
                })
                .collect();
            found.sort_unstable();
            sheet.holds(
                row,
                answer.status == 200
                    && found.concat() == who
                    && answer.body["totalResults"] == who.len(),
                &answer,
            );
        }
    }
    let list = app.get("/Users?count=2").await;
    sheet.holds(
        "Q01",
        ["totalResults", "startIndex", "itemsPerPage"]
            .iter()
            .all(|k| list.body[*k].is_u64())
            && list.body["Resources"]
                .as_array()
                .is_some_and(|r| r.len() == 2),
        &list,
    );
    let none = app
        .list("/Users", &[("filter", "userName eq \"no\"")])
        .await;
    sheet.holds(
        "Q02",
        none.status == 200 && none.body["totalResults"] == 0,
        &none,
    );
    for broken in [
        "userName eq",
        "eq \"a\"",
        "userName eq \"a",
        "(userName pr",
        "userName pr pr",
        "and",
        " ",
    ] {
        let answer = app.list("/Users", &[("filter", broken)]).await;
        if broken == " " {
            sheet.status("Q33", &answer, 200);
        } else {
            sheet.refused("Q33", &answer, 400, "invalidFilter");
        }
    }
    for (row, filter) in [
        ("Q34", "userName regex \"a\""),
        ("Q35", "active gt true"),
        ("Q35", "active le false"),
        ("Q36", "noSuchAttribute eq \"x\""),
        ("Q36", "name.noSuch eq \"x\""),
        ("Q37", "userName eq x"),
    ] {
        let answer = app.list("/Users", &[("filter", filter)]).await;
        sheet.refused(row, &answer, 400, "invalidFilter");
    }
    let upn = format!("conf.a%40{domain}");
    for space in ["+", "%20"] {
        let path = format!("/Users?filter=userName{space}eq{space}%22{upn}%22");
        let answer = app.get(&path).await;
        sheet.same("Q38", &json!(answer.ids()), &json!([ids[0]]));
    }
    sheet.finish();
}
