//! The query rules, cell by cell, and queries over a small tenant.

use serde_json::{Value, json};

use super::filter::{Rules, compile};
use crate::odata::facts::{self, FilterRule, Kind, Support};
use crate::odata::parse;
use crate::simulator::core::Options;
use crate::simulator::model::Filtering;
use crate::simulator::testing::{get, graph, graph_with, id, outcome};

/// A literal that fits a path.
fn literal(entity: &str, path: &str) -> &'static str {
    let (property, sub) = match path.split_once("/any(p:p") {
        Some((property, sub)) => (property, sub.trim_end_matches(')').trim_start_matches('/')),
        None => path.split_once('/').unwrap_or((path, "")),
    };
    let mut kind = facts::entity(entity)
        .and_then(|e| e.property(property))
        .map(|p| p.kind.clone());
    for part in sub
        .split('/')
        .filter(|s| !s.is_empty() && !s.contains("any("))
    {
        if let Some(Kind::Complex(name)) = &kind {
            kind = facts::complex(name)
                .and_then(|c| c.property(part))
                .map(|p| p.kind.clone());
        }
    }
    match kind {
        Some(Kind::Boolean) => "true",
        Some(Kind::Int32 | Kind::Int64) => "1",
        Some(Kind::Guid) => "00000000-0000-0000-0000-000000000001",
        Some(Kind::DateTimeOffset) => "2024-01-01T00:00:00Z",
        None if property.contains("DateTime") => "2024-01-01T00:00:00Z",
        None if property.starts_with("is") => "true",
        _ => "'x'",
    }
}

/// Every entity, property and operator of the table, with and without the advanced parameters:
/// accepted exactly where the cell says so.
#[test]
fn every_cell_of_the_filter_table() {
    let graph = graph();
    let dir = graph.read();
    type Cell = fn(&FilterRule) -> Support;
    let operators: [(&str, Cell); 15] = [
        ("{} eq {v}", |r| r.eq),
        ("{} ne {v}", |r| r.ne),
        ("{} ge {v}", |r| r.ge_le),
        ("{} le {v}", |r| r.ge_le),
        ("{} gt {v}", |_| Support::No),
        ("{} lt {v}", |_| Support::No),
        ("{} in ({v},{v})", |r| r.in_),
        ("{} eq null", |r| r.eq_null),
        ("startsWith({},'x')", |r| r.starts_with),
        ("endsWith({},'x')", |r| r.ends_with),
        ("contains({},'x')", |_| Support::No),
        ("not({} eq {v})", |r| {
            if r.eq == Support::No {
                Support::No
            } else {
                r.not
            }
        }),
        ("not(startsWith({},'x'))", |r| {
            if r.starts_with == Support::No {
                Support::No
            } else {
                r.not
            }
        }),
        ("not(endsWith({},'x'))", |r| {
            if r.ends_with == Support::No {
                Support::No
            } else {
                r.not
            }
        }),
        ("not({} in ({v}))", |r| {
            if r.in_ == Support::No {
                Support::No
            } else {
                r.not
            }
        }),
    ];
    let mut checked = 0;
    for entity in facts::entities().map(facts::EntityType::name) {
        for (path, rule) in facts::filter_paths(entity) {
            for (template, cell) in operators {
                let (inner, outer) =
                    match path.strip_suffix(')').and_then(|p| p.split_once("/any(p:")) {
                        Some((collection, item)) => (item, Some(collection)),
                        None => (path, None),
                    };
                let mut text = template
                    .replace("{}", inner)
                    .replace("{v}", literal(entity, path));
                if let Some(collection) = outer {
                    text = match text.strip_prefix("not(").and_then(|t| t.strip_suffix(')')) {
                        Some(inner) => format!("not({collection}/any(p:{inner}))"),
                        None => format!("{collection}/any(p:{text})"),
                    };
                }
                let expr = parse::filter(&text).unwrap_or_else(|e| panic!("{text}: {e}"));
                for advanced in [false, true] {
                    let rules = Rules {
                        entity,
                        filtering: Filtering::Facts,
                        advanced,
                    };
                    let result = compile(&expr, rules, dir.present());
                    let expected = cell(rule).allows(advanced);
                    assert_eq!(
                        result.is_ok(),
                        expected,
                        "{entity}: {text} advanced={advanced}: {result:?}"
                    );
                    checked += 1;
                }
            }
        }
    }
    assert!(checked > 5000, "{checked}");
}

/// Properties that the table does not list are refused, whatever the operator.
#[test]
fn properties_without_a_row_are_refused() {
    let graph = graph();
    let dir = graph.read();
    let mut checked = 0;
    for entity in [
        "user",
        "group",
        "application",
        "servicePrincipal",
        "administrativeUnit",
        "directoryRole",
    ] {
        for property in facts::entity(entity).unwrap().properties() {
            let name = &property.name;
            let listed =
                facts::filter_paths(entity).any(|(path, _)| path.split('/').next() == Some(name));
            if listed {
                continue;
            }
            let value = literal(entity, name);
            let text = if property.collection {
                format!("{name}/any(p:p eq {value})")
            } else {
                format!("{name} eq {value}")
            };
            let expr = parse::filter(&text).unwrap();
            for advanced in [false, true] {
                let rules = Rules {
                    entity,
                    filtering: Filtering::Facts,
                    advanced,
                };
                assert!(
                    compile(&expr, rules, dir.present()).is_err(),
                    "{entity}: {text}"
                );
                checked += 1;
            }
        }
    }
    assert!(checked > 100, "{checked}");
}

#[test]
fn errors_are_graphs_own() {
    let graph = graph();
    for (url, status, code, message) in [
        (
            "/users/$count",
            400,
            "Request_BadRequest",
            "$count is not currently supported.",
        ),
        (
            "/users?$search=\"displayName:x\"",
            400,
            "Request_UnsupportedQuery",
            "Request with $search query parameter only works through MSGraph with a special request header: 'ConsistencyLevel: eventual'",
        ),
        (
            "/users?$filter=endsWith(mail,'@x.com')",
            400,
            "Request_UnsupportedQuery",
            "Operator 'endsWith' is not supported because the required parameters might be missing. Try adding $count=true query parameter and ConsistencyLevel:eventual header. Refer to https://aka.ms/graph-docs/advanced-queries for more information",
        ),
        (
            "!/users?$filter=endsWith(mail,'@x.com')",
            400,
            "Request_UnsupportedQuery",
            "Operator 'endsWith' is not supported because the required parameters might be missing. Try adding $count=true query parameter and ConsistencyLevel:eventual header. Refer to https://aka.ms/graph-docs/advanced-queries for more information",
        ),
        (
            "/groups?$filter=createdDateTime ge 2024-01-01T00:00:00Z",
            400,
            "Request_UnsupportedQuery",
            "Unsupported or invalid query filter clause specified for property 'createdDateTime' of resource 'Group'.",
        ),
        (
            "/users?$top=1000",
            400,
            "Request_UnsupportedQuery",
            "Invalid page size specified: '1000'. Must be between 1 and 999 inclusive.",
        ),
        (
            "/users?$top=0",
            400,
            "Request_UnsupportedQuery",
            "Invalid page size specified: '0'. Must be between 1 and 999 inclusive.",
        ),
        (
            "/users?$skip=5",
            400,
            "Request_BadRequest",
            "'$skip' is not supported by the service.",
        ),
        (
            "/groups?$orderby=mail",
            400,
            "Request_UnsupportedQuery",
            "Unsupported sort property 'mail' for 'Group'.",
        ),
        (
            "/users?$orderby=createdDateTime",
            400,
            "Request_UnsupportedQuery",
            "Unsupported sort property 'createdDateTime' for 'User'.",
        ),
        (
            "/users?$orderby=displayName&$filter=accountEnabled eq true",
            400,
            "Request_UnsupportedQuery",
            "Sorting not supported for current query.",
        ),
        (
            "/users?$select=id,nope",
            400,
            "BadRequest",
            "Parsing OData Select and Expand failed: Could not find a property named 'nope' on type 'microsoft.graph.user'.",
        ),
        (
            "/users?$filter=nope eq 'x'",
            400,
            "BadRequest",
            "Invalid filter clause: Could not find a property named 'nope' on type 'microsoft.graph.user'.",
        ),
        (
            "/users?$filter=accountEnabled eq 'true'",
            400,
            "BadRequest",
            "Invalid filter clause: A binary operator with incompatible types was detected. Found operand types 'Edm.Boolean' and 'Edm.String' for operator kind 'Equal'.",
        ),
        (
            "/users?$filter=assignedLicenses/any(a:a/skuId eq 'x')",
            400,
            "BadRequest",
            "Invalid filter clause: A binary operator with incompatible types was detected. Found operand types 'Edm.Guid' and 'Edm.String' for operator kind 'Equal'.",
        ),
        (
            "/users?$select=aboutMe",
            501,
            "NotImplemented",
            "This operation target is not yet supported.",
        ),
        (
            "/users?$expand=photo",
            400,
            "ExpandNotSupported",
            "Expand is not allowed for property 'Photo' according to the entity schema.",
        ),
        (
            "/users?$expand=manager,memberOf",
            400,
            "Request_UnsupportedQuery",
            "Unsupported Query.",
        ),
        (
            "!/users?$expand=manager&$count=true",
            400,
            "Request_UnsupportedQuery",
            "Unsupported Query.",
        ),
        (
            "/users?$expand=manager($levels=2)",
            400,
            "Request_UnsupportedQuery",
            "Unsupported Query.",
        ),
        (
            "/subscribedSkus?$filter=skuPartNumber eq 'x'",
            400,
            "Request_UnsupportedQuery",
            "Unsupported Query.",
        ),
        (
            "/users/nobody@contoso.com",
            404,
            "Request_ResourceNotFound",
            "Resource 'nobody@contoso.com' does not exist or one of its queried reference-property objects are not present.",
        ),
        (
            "/groups/test",
            400,
            "Request_BadRequest",
            "Invalid object identifier 'test'.",
        ),
        (
            "/nope",
            400,
            "BadRequest",
            "Resource not found for the segment 'nope'.",
        ),
        (
            "/directory/deletedItems",
            405,
            "Request_BadRequest",
            "Specified HTTP method is not allowed for the request target.",
        ),
        (
            "/users?$skiptoken=abc",
            400,
            "Request_BadRequest",
            "The specified page token value is invalid.",
        ),
    ] {
        let response = get(&graph, url);
        assert_eq!(outcome(&response), (status, code.to_owned()), "{url}");
        assert_eq!(response.body_json()["error"]["message"], message, "{url}");
    }
}

#[test]
fn filters_find() {
    let graph = graph();
    for (url, count) in [
        ("/users?$filter=userPrincipalName eq 'USER3@contoso.com'", 1),
        (
            "/users?$filter=id eq '00000001-0000-0000-0000-000000000001'",
            1,
        ),
        (
            "/users?$filter=id in ('00000001-0000-0000-0000-000000000001','00000001-0000-0000-0000-000000000002')",
            2,
        ),
        ("/users?$filter=startsWith(displayName,'user 00')", 9),
        (
            "/users?$filter=mail eq 'user4@contoso.com' or mail eq 'user8@contoso.com'",
            2,
        ),
        ("/users?$filter=otherMails/any(p:p eq 'other9@x.org')", 1),
        ("/users?$filter=department eq 'Sales'&$top=999", 60),
        (
            "!/users?$filter=department ne 'Sales'&$count=true&$top=999",
            59,
        ),
        (
            "!/users?$filter=not(startsWith(department,'R'))&$count=true&$top=999",
            60,
        ),
        ("!/users?$filter=jobTitle eq null&$count=true&$top=999", 119),
        ("!/users?$filter=jobTitle ne null&$count=true&$top=999", 0),
        (
            "!/users?$filter=endsWith(mail,'9@contoso.com')&$count=true&$top=999",
            12,
        ),
        (
            "!/users?$filter=employeeOrgData/division eq 'd1'&$count=true&$top=999",
            39,
        ),
        ("/users?$filter=createdDateTime ge 2024-01-01T00:59:00Z", 2),
        (
            "/users?$filter=assignedLicenses/any(a:a/skuId eq 00000003-0000-0000-0000-000000000001)",
            1,
        ),
        (
            "!/users?$filter=assignedLicenses/$count ne 0&$count=true",
            1,
        ),
        ("/groups?$filter=groupTypes/any(c:c eq 'Unified')", 1),
        (
            "/groups?$filter=securityEnabled eq true and mailEnabled eq false",
            5,
        ),
        ("!/users?$search=\"displayName:119\"", 1),
        (
            "!/users?$search=\"displayName:user 11\" AND \"mail:user11\"&$top=999",
            10,
        ),
        (
            "/roleManagement/directory/roleAssignments?$filter=principalId eq '00000001-0000-0000-0000-000000000002'",
            1,
        ),
        (
            "/roleManagement/directory/roleAssignments?$filter=principalId eq '00000001-0000-0000-0000-000000000003'",
            0,
        ),
    ] {
        let response = get(&graph, url);
        assert_eq!(response.status, 200, "{url}: {:?}", response.body_json());
        assert_eq!(
            response.body_json()["value"].as_array().unwrap().len(),
            count,
            "{url}"
        );
    }
}

/// Follows the pages of a list; every page's items.
fn pages(graph: &crate::simulator::core::Graph, url: &str) -> Vec<Vec<Value>> {
    let eventual = if url.starts_with('!') { "!" } else { "" };
    let mut pages = Vec::new();
    let mut next = Some(url.to_owned());
    while let Some(url) = next {
        let response = get(graph, &url);
        let body = response.body_json();
        assert_eq!(response.status, 200, "{url}: {body}");
        assert_eq!(
            body.get("@odata.count").is_some(),
            pages.is_empty() && !eventual.is_empty(),
            "{url}"
        );
        pages.push(body["value"].as_array().unwrap().clone());
        next = body["@odata.nextLink"].as_str().map(|link| {
            format!(
                "{eventual}{}",
                link.strip_prefix("http://graph.test/v1.0").unwrap()
            )
        });
    }
    pages
}

#[test]
fn pages_cover_everything_once() {
    let graph = graph();
    let group = format!("/groups/{}", id(2, 0));
    for (url, sizes) in [
        ("/users".to_owned(), vec![100, 19]),
        ("/users?$top=119".to_owned(), vec![119]),
        ("/users?$top=118".to_owned(), vec![118, 1]),
        ("/users?$top=50&$select=id&$orderby=displayName desc".to_owned(), vec![50, 50, 19]),
        ("!/users?$top=60&$select=id&$orderby=createdDateTime&$count=true".to_owned(), vec![60, 59]),
        ("!/users?$top=30&$select=id&$filter=department eq 'Sales'&$orderby=displayName&$count=true".to_owned(), vec![30, 30]),
        (format!("{group}/members"), vec![100, 4]),
        (format!("!{group}/members/microsoft.graph.user?$count=true&$top=52"), vec![52, 52]),
        (format!("/groups/{}/transitiveMembers", id(2, 1)), vec![100, 6]),
        (format!("/users/{}/directReports", id(1, 0)), vec![100, 18]),
    ] {
        let pages = pages(&graph, &url);
        assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), sizes, "{url}");
        let mut ids: Vec<String> = pages.concat().iter().map(|v| v["id"].to_string()).collect();
        let total = ids.len();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), total, "{url}");
    }
    let names: Vec<Value> = pages(
        &graph,
        "/users?$top=7&$orderby=displayName desc&$select=displayName",
    )
    .concat();
    let mut sorted: Vec<String> = names
        .iter()
        .map(|v| v["displayName"].as_str().unwrap().to_owned())
        .collect();
    sorted.reverse();
    assert!(sorted.is_sorted());
}

#[test]
fn a_page_token_expires() {
    let (graph, clock) = graph_with(Options::default());
    let link = get(&graph, "/users?$top=5").body_json()["@odata.nextLink"]
        .as_str()
        .unwrap()
        .to_owned();
    let url = link.strip_prefix("http://graph.test/v1.0").unwrap();
    assert!(url.starts_with("/users?$top=5&$skiptoken=RFNwd"), "{url}");
    assert_eq!(get(&graph, url).status, 200);
    clock.advance(time::Duration::hours(2));
    assert_eq!(
        outcome(&get(&graph, url)),
        (400, "Directory_ExpiredPageToken".to_owned())
    );
}

#[test]
fn counts_and_contexts() {
    let graph = graph();
    for (url, expected) in [
        ("!/users/$count".to_owned(), "119"),
        (
            "!/users/$count?$filter=department ne 'Sales'".to_owned(),
            "59",
        ),
        (format!("!/groups/{}/members/$count", id(2, 0)), "104"),
        (
            format!("!/groups/{}/members/microsoft.graph.group/$count", id(2, 1)),
            "1",
        ),
    ] {
        let response = get(&graph, &url);
        assert_eq!(
            response.body,
            crate::simulator::request::Body::Text(expected.into()),
            "{url}"
        );
        assert_eq!(response.header("Content-Type"), Some("text/plain"));
    }
    for (url, context) in [
        ("/users".to_owned(), "users"),
        ("/users?$select=id,mail".to_owned(), "users(id,mail)"),
        (format!("/users/{}", id(1, 0)), "users/$entity"),
        (format!("/groups/{}/members", id(2, 0)), "directoryObjects"),
        (
            format!("/groups/{}/members/microsoft.graph.user", id(2, 0)),
            "users",
        ),
        (
            format!("/users/{}/manager", id(1, 1)),
            "directoryObjects/$entity",
        ),
        (
            "/roleManagement/directory/roleDefinitions".to_owned(),
            "roleManagement/directory/roleDefinitions",
        ),
    ] {
        let body = get(&graph, &url).body_json().clone();
        assert_eq!(
            body["@odata.context"],
            format!("http://graph.test/v1.0/$metadata#{context}"),
            "{url}"
        );
    }
    // Without the header, `$count=true` is passed over in silence.
    assert!(
        get(&graph, "/users?$count=true")
            .body_json()
            .get("@odata.count")
            .is_none()
    );
    assert_eq!(
        get(&graph, "!/users?$count=true").body_json()["@odata.count"],
        119
    );
}

#[test]
fn default_sets_and_their_order() {
    let graph = graph();
    let keys = |value: &Value| {
        value
            .as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect::<Vec<_>>()
    };
    let user = get(&graph, &format!("/users/{}", id(1, 0)));
    assert_eq!(
        keys(user.body_json()),
        [
            "@odata.context",
            "businessPhones",
            "displayName",
            "givenName",
            "jobTitle",
            "mail",
            "mobilePhone",
            "officeLocation",
            "preferredLanguage",
            "surname",
            "userPrincipalName",
            "id",
        ]
    );
    let member = get(&graph, &format!("/groups/{}/members?$top=1", id(2, 0)));
    let item = &member.body_json()["value"][0];
    assert_eq!(keys(item)[..2], ["@odata.type", "id"]);
    assert_eq!(
        (keys(item).len(), &item["@odata.type"]),
        (12, &json!("#microsoft.graph.user"))
    );
    let group = get(&graph, &format!("/groups/{}", id(2, 0)));
    assert_eq!(keys(group.body_json()).len(), 35);
    assert_eq!(group.body_json()["proxyAddresses"], json!([]));
    let selected = get(
        &graph,
        &format!(
            "/users/{}?$select=assignedLicenses,aboutMe,passwordProfile",
            id(1, 1)
        ),
    );
    assert_eq!(
        selected.body_json()["assignedLicenses"],
        json!([{"disabledPlans": [id(4, 1).to_string()], "skuId": id(3, 0).to_string()}])
    );
    assert_eq!(keys(selected.body_json()).len(), 4);
}

#[test]
fn expansions() {
    let graph = graph();
    let members = get(
        &graph,
        &format!("/groups/{}?$expand=members($select=id)", id(2, 0)),
    );
    assert_eq!(members.body_json()["members"].as_array().unwrap().len(), 20);
    let manager = get(
        &graph,
        &format!("/users/{}?$select=id&$expand=manager", id(1, 3)),
    );
    assert_eq!(manager.body_json()["manager"]["id"], id(1, 0).to_string());
    let chain = get(
        &graph,
        &format!(
            "!/users/{}?$select=id&$count=true&$expand=manager($levels=max;$select=id)",
            id(1, 3)
        ),
    );
    assert_eq!(
        chain.body_json()["manager"]["id"],
        id(1, 0).to_string(),
        "{:?}",
        chain.body_json()
    );
    let principal = get(
        &graph,
        "/roleManagement/directory/roleAssignments?$expand=principal",
    );
    assert_eq!(
        principal.body_json()["value"][0]["principal"]["id"],
        id(1, 1).to_string()
    );
    // Filtering a relation, and casting a transitive one, need the advanced parameters.
    for (url, status) in [
        (
            format!(
                "/groups/{}/members?$filter=startsWith(displayName,'U')",
                id(2, 0)
            ),
            400,
        ),
        (
            format!(
                "!/groups/{}/members?$filter=startsWith(displayName,'U')&$count=true",
                id(2, 0)
            ),
            200,
        ),
        (
            format!(
                "/users/{}/transitiveMemberOf/microsoft.graph.group",
                id(1, 0)
            ),
            400,
        ),
        (
            format!(
                "!/users/{}/transitiveMemberOf/microsoft.graph.group?$count=true",
                id(1, 0)
            ),
            200,
        ),
        (
            format!(
                "/users/{}/transitiveMemberOf/microsoft.graph.directoryRole",
                id(1, 1)
            ),
            200,
        ),
        (
            format!("/users/{}/memberOf/microsoft.graph.group", id(1, 0)),
            200,
        ),
    ] {
        assert_eq!(get(&graph, &url).status, status, "{url}");
    }
}
