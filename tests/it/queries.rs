//! What a query finds depends on the filter alone; walking a list costs what its pages cost; one
//! resource has one version.

use serde_json::json;

use crate::support::app::{App, Options, patch_op, quoted};

const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

fn sorted(mut ids: Vec<String>) -> Vec<String> {
    ids.sort_unstable();
    ids
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_found_does_not_depend_on_what_is_shown() {
    let app = App::start().await;
    let manager = format!("{ENTERPRISE}:manager");
    let filters = [
        format!("active eq true and {manager} pr"),
        "active eq true and not (entitlements pr)".to_owned(),
        "active eq true and entitlements pr".to_owned(),
        "active eq true and roles pr".to_owned(),
        "active eq true and title co \"e\"".to_owned(),
    ];
    for filter in &filters {
        let mut found = Vec::new();
        for projection in [
            ("count", "500"),
            ("attributes", "id"),
            ("attributes", "userName"),
            ("excludedAttributes", "entitlements,groups,roles"),
        ] {
            let answer = app
                .list(
                    "/Users",
                    &[("filter", filter), ("count", "500"), projection],
                )
                .await
                .expect_status(200);
            found.push((answer.body["totalResults"].clone(), sorted(answer.ids())));
        }
        let search = app
            .post(
                "/Users/.search",
                &json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],
                    "filter": filter, "count": 500, "attributes": ["id"]}),
            )
            .await
            .expect_status(200);
        found.push((search.body["totalResults"].clone(), sorted(search.ids())));
        assert!(!found[0].1.is_empty(), "{filter} finds nobody");
        assert!(found.iter().all(|f| *f == found[0]), "{filter}: {found:?}");
    }
    let by = format!("{manager}.displayName");
    let mut orders = Vec::new();
    for projection in [("attributes", "id"), ("excludedAttributes", "groups,roles")] {
        let query = [("sortBy", by.as_str()), ("count", "100"), projection];
        orders.push(app.list("/Users", &query).await.expect_status(200).ids());
    }
    assert_eq!(orders[0], orders[1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resource_is_found_by_its_version_under_every_name_of_the_server() {
    let app = App::start().await;
    let user = app.any_user().await;
    let path = format!("/Users/{user}");
    let mut tags = Vec::new();
    for host in ["scim.example.com", "other.example:8443"] {
        let read = app
            .request("GET", &path, None, &[("host", host)])
            .await
            .expect_status(200);
        let location = read.body["meta"]["location"].as_str().unwrap();
        assert!(location.contains(host), "{location}");
        tags.push(read.header("etag").unwrap().to_owned());
    }
    assert_eq!(tags[0], tags[1]);
    let filter = format!(
        "id eq {} and meta.version eq {}",
        quoted(&user),
        quoted(&tags[0])
    );
    for attributes in ["id", "userName,groups"] {
        let found = app
            .list("/Users", &[("filter", &filter), ("attributes", attributes)])
            .await
            .expect_status(200);
        assert_eq!(found.ids(), std::slice::from_ref(&user));
    }
    let other = filter.replace("W/", "W/x");
    let found = app
        .list("/Users", &[("filter", &other)])
        .await
        .expect_status(200);
    assert_eq!(found.body["totalResults"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_walk_costs_what_its_pages_cost() {
    let app = App::with(Options {
        users: 3_000,
        ..Options::default()
    })
    .await;
    let all = sorted(app.sim_user_ids().await);
    let walk = async |count: usize| {
        let (mut ids, mut requests) = (Vec::new(), 0);
        loop {
            let (start, page) = ((ids.len() + 1).to_string(), count.to_string());
            let query = [
                ("attributes", "userName"),
                ("startIndex", &*start),
                ("count", &*page),
            ];
            let answer = app.list("/Users", &query).await.expect_status(200);
            assert_eq!(answer.body["totalResults"], all.len());
            requests += answer.graph_requests();
            if answer.ids().is_empty() {
                return (ids, requests);
            }
            ids.extend(answer.ids());
        }
    };
    let (walked, other) = tokio::join!(walk(100), walk(250));
    for ((ids, requests), pages) in [(walked, all.len() / 100), (other, all.len() / 250)] {
        assert_eq!(sorted(ids), all);
        let allowed = u64::try_from(pages).unwrap() + 6;
        assert!(requests <= allowed, "{requests} requests for {pages} pages");
    }
    // A page token that Graph has forgotten is no error.
    let first = app
        .get("/Users?attributes=userName&count=50")
        .await
        .expect_status(200);
    app.set_faults(json!([{"method": "GET", "path": "/users", "contains": "$skiptoken", "count": 1,
        "fault": {"kind": "status", "status": 400, "code": "Directory_ExpiredPageToken",
            "message": "The specified page token value has expired and can no longer be included in your request."}}]))
    .await;
    let second = app
        .get("/Users?attributes=userName&count=50&startIndex=51")
        .await
        .expect_status(200);
    assert_eq!(second.ids().len(), 50);
    assert!(first.ids().iter().all(|id| !second.ids().contains(id)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_one_attribute_costs_little() {
    let app = App::start().await;
    let user = app.any_user().await;
    let path = format!("/Users/{user}");
    app.get(&path).await.expect_status(200);
    let patch = patch_op(json!([{"op": "replace", "path": "title", "value": "cheap"}]));
    let answer = app.patch(&path, &patch).await.expect_status(200);
    let units: u64 = answer
        .header("x-graph-resource-units")
        .unwrap()
        .parse()
        .unwrap();
    assert!(units <= 3, "{units} units");
    let read = app.get(&path).await.expect_status(200);
    assert_eq!(read.header("etag"), answer.header("etag"));
}
