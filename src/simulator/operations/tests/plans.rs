//! Service plans that need, or rule out, each other.

use std::sync::Arc;

use serde_json::{Value, json};
use time::OffsetDateTime;
use uuid::{Uuid, uuid};

use super::{group, user};
use crate::base::clock::ManualClock;
use crate::odata::request::Method::Post;
use crate::simulator::core::{Graph, Open, Options};
use crate::simulator::directory::Directory;
use crate::simulator::seed_types::{SeedPlan, SeedSku};
use crate::simulator::testing::{get, id, send, tenant};

const EXCHANGE_1: Uuid = uuid!("9aaf7827-d63c-4b61-89c3-182f06f82e5c");
const EXCHANGE_2: Uuid = uuid!("efb87545-963c-4e0d-99df-69c6916d9eb0");
const POINT_1: Uuid = uuid!("c7699d2e-19aa-44de-8edf-1736da088ca1");
const POINT_2: Uuid = uuid!("5dbe027f-2339-4123-9542-606e4d348a72");
const WEB: Uuid = uuid!("e95bec33-7c88-4a70-8e19-b10bd9d0c014");

const E3: usize = 0;
const E1: usize = 1;
const ONLY_WEB: usize = 2;
const ONLY_POINT: usize = 3;
const SKUS: [&[Uuid]; 4] = [
    &[EXCHANGE_2, POINT_2, WEB],
    &[EXCHANGE_1, POINT_1, WEB],
    &[WEB],
    &[POINT_1],
];

const NEEDS: &str = "License assignment failed because service plan e95bec33-7c88-4a70-8e19-b10bd9d0c014 depends on the service plan(s) 5dbe027f-2339-4123-9542-606e4d348a72, c7699d2e-19aa-44de-8edf-1736da088ca1.";
const EXCHANGES: &str = "License assignment failed because service plans 9aaf7827-d63c-4b61-89c3-182f06f82e5c and efb87545-963c-4e0d-99df-69c6916d9eb0 are mutually exclusive.";
const POINTS: &str = "License assignment failed because service plans c7699d2e-19aa-44de-8edf-1736da088ca1 and 5dbe027f-2339-4123-9542-606e4d348a72 are mutually exclusive.";

/// A SKU, and plans switched off.
type Licence = (usize, &'static [Uuid]);

/// The small tenant with these subscriptions, and nobody licensed.
fn graph() -> Graph {
    let mut seed = tenant();
    seed.users[1].licenses.clear();
    seed.skus = SKUS
        .iter()
        .enumerate()
        .map(|(n, plans)| SeedSku {
            sku_id: id(3, n),
            enabled: 500,
            plans: plans
                .iter()
                .map(|id| SeedPlan {
                    id: *id,
                    name: id.to_string(),
                    for_users: true,
                })
                .collect(),
            ..SeedSku::default()
        })
        .collect();
    let start = OffsetDateTime::from_unix_timestamp(1_800_000_000).unwrap();
    let clock = Arc::new(ManualClock::new(start));
    let mut directory = Directory::new(id(9, 0), "contoso.com", "Contoso", clock);
    directory.load(seed);
    Graph::new(directory, Arc::new(Open), Options::default())
}

/// Status and message of `assignLicense`.
fn assign(graph: &Graph, to: &str, add: &[Licence], remove: &[usize]) -> (u16, String) {
    let add: Vec<Value> = add
        .iter()
        .map(|(sku, off)| json!({"skuId": id(3, *sku), "disabledPlans": off}))
        .collect();
    let remove: Vec<Uuid> = remove.iter().map(|sku| id(3, *sku)).collect();
    let body = json!({"addLicenses": add, "removeLicenses": remove});
    let response = send(graph, Post, &format!("{to}/assignLicense"), &body);
    let error = &response.body_json()["error"];
    if response.status >= 400 {
        assert_eq!(error["code"], "Request_BadRequest");
    }
    let message = error["message"].as_str().unwrap_or_default();
    (response.status, message.to_owned())
}

fn states(graph: &Graph, n: usize) -> Vec<Value> {
    let url = format!("{}?$select=licenseAssignmentStates", user(n));
    let shown = get(graph, &url).body_json()["licenseAssignmentStates"].clone();
    shown.as_array().unwrap().clone()
}

/// The error of each inherited licence; empty: none.
fn inherited(graph: &Graph, n: usize) -> Vec<(usize, String)> {
    let mut list: Vec<(usize, String)> = states(graph, n)
        .iter()
        .filter(|s| !s["assignedByGroup"].is_null())
        .map(|s| {
            let sku = (0..SKUS.len()).find(|n| s["skuId"] == json!(id(3, *n)));
            let error = s["error"].as_str().unwrap().replace("None", "");
            assert_eq!(s["state"] == "Active", error.is_empty(), "{s}");
            assert_eq!(s["state"] == "Error", !error.is_empty(), "{s}");
            (sku.unwrap(), error)
        })
        .collect();
    list.sort();
    list
}

fn consumed(graph: &Graph, sku: usize) -> Value {
    get(graph, "/subscribedSkus").body_json()["value"][sku]["consumedUnits"].clone()
}

#[test]
fn own_licences() {
    type Row = (
        &'static [Licence],
        &'static [Licence],
        &'static [usize],
        &'static str,
    );
    let rows: &[Row] = &[
        // Dependency: within a SKU, across SKUs, on change and on removal.
        (&[], &[(E3, &[])], &[], ""),
        (&[], &[(E3, &[POINT_2])], &[], NEEDS),
        (&[], &[(E3, &[POINT_2, WEB])], &[], ""),
        (&[], &[(E3, &[WEB])], &[], ""),
        (&[(E3, &[])], &[(E3, &[POINT_2])], &[], NEEDS),
        (&[(E3, &[])], &[(E3, &[EXCHANGE_2])], &[], ""),
        (&[], &[(ONLY_WEB, &[])], &[], NEEDS),
        (&[], &[(ONLY_WEB, &[WEB])], &[], ""),
        (&[], &[(ONLY_WEB, &[]), (ONLY_POINT, &[])], &[], ""),
        (&[(E3, &[])], &[(ONLY_WEB, &[])], &[], ""),
        (&[(E3, &[WEB])], &[(ONLY_WEB, &[])], &[], ""),
        (&[(E3, &[WEB, POINT_2])], &[(ONLY_WEB, &[])], &[], NEEDS),
        (&[(ONLY_POINT, &[])], &[(E3, &[POINT_2])], &[], ""),
        (&[(E3, &[]), (ONLY_WEB, &[])], &[], &[E3], NEEDS),
        (&[(E3, &[]), (ONLY_WEB, &[])], &[], &[E3, ONLY_WEB], ""),
        (
            &[(E3, &[]), (ONLY_WEB, &[])],
            &[(ONLY_POINT, &[])],
            &[E3],
            "",
        ),
        // Exclusion: together, beside what is there, with plans off, and as an exchange.
        (&[], &[(E3, &[]), (E1, &[])], &[], EXCHANGES),
        (&[(E3, &[])], &[(E1, &[])], &[], EXCHANGES),
        (&[(E3, &[])], &[(E1, &[EXCHANGE_1])], &[], POINTS),
        (&[(E3, &[])], &[(E1, &[EXCHANGE_1, POINT_1])], &[], ""),
        (&[(E3, &[EXCHANGE_2])], &[(E1, &[POINT_1])], &[], ""),
        (&[(E3, &[])], &[(ONLY_POINT, &[])], &[], POINTS),
        (&[(E1, &[])], &[(ONLY_POINT, &[])], &[], ""),
        (&[(E3, &[])], &[(E1, &[])], &[E3], ""),
    ];
    for (held, add, remove, message) in rows {
        let graph = graph();
        let row = format!("{held:?} + {add:?} - {remove:?}");
        assert_eq!(assign(&graph, &user(2), held, &[]).0, 200, "{row}");
        let before = (states(&graph, 2), consumed(&graph, E1));
        let (status, found) = assign(&graph, &user(2), add, remove);
        assert_eq!(found, *message, "{row}");
        assert_eq!(status, if message.is_empty() { 200 } else { 400 }, "{row}");
        let after = (states(&graph, 2), consumed(&graph, E1));
        assert_eq!(status == 400, before == after, "{row}");
    }
}

#[test]
fn licences_of_groups() {
    const DEPENDENCY: &str = "DependencyViolation";
    const EXCLUSIVE: &str = "MutuallyExclusiveViolation";
    type Row = (
        &'static [Licence],
        &'static [Licence],
        &'static [(usize, &'static str)],
    );
    let rows: &[Row] = &[
        (&[(E3, &[])], &[(E1, &[])], &[(E1, EXCLUSIVE)]),
        (&[(E3, &[])], &[(E1, &[EXCHANGE_1, POINT_1])], &[(E1, "")]),
        (&[(E3, &[])], &[(E3, &[POINT_2])], &[(E3, "")]),
        (&[], &[(E3, &[])], &[(E3, "")]),
        (&[], &[(E3, &[POINT_2])], &[(E3, DEPENDENCY)]),
        (&[], &[(ONLY_WEB, &[])], &[(ONLY_WEB, DEPENDENCY)]),
        (&[(ONLY_POINT, &[])], &[(ONLY_WEB, &[])], &[(ONLY_WEB, "")]),
        // Whatever the order: one licence of the group makes another possible.
        (
            &[],
            &[(ONLY_WEB, &[]), (ONLY_POINT, &[])],
            &[(ONLY_WEB, ""), (ONLY_POINT, "")],
        ),
        (
            &[],
            &[(E3, &[POINT_2]), (ONLY_POINT, &[])],
            &[(E3, ""), (ONLY_POINT, "")],
        ),
        // The first one stays, and its partner is refused.
        (&[], &[(E3, &[]), (E1, &[])], &[(E3, ""), (E1, EXCLUSIVE)]),
    ];
    for (own, given, expected) in rows {
        let graph = graph();
        let row = format!("{own:?} and {given:?}");
        assert_eq!(assign(&graph, &user(2), own, &[]).0, 200, "{row}");
        assert_eq!(assign(&graph, &group(6), given, &[]).0, 202, "{row}");
        let expected: Vec<(usize, String)> = expected
            .iter()
            .map(|(n, e)| (*n, (*e).to_owned()))
            .collect();
        assert_eq!(inherited(&graph, 2), expected, "{row}");
        // Seats: those of the holders in force, and no other.
        for sku in 0..SKUS.len() {
            let holds = |n: usize| {
                let inherits = inherited(&graph, n).contains(&(sku, String::new()));
                inherits || n == 2 && own.iter().any(|(s, _)| *s == sku)
            };
            let holders = usize::from(holds(2)) + usize::from(holds(3));
            assert_eq!(consumed(&graph, sku), json!(holders), "{row}: {sku}");
        }
    }
}

#[test]
fn licences_of_groups_follow_changes() {
    let graph = graph();
    let errors = |expected: &[(usize, &str)], when: &str| {
        let expected: Vec<(usize, String)> = expected
            .iter()
            .map(|(n, e)| (*n, (*e).to_owned()))
            .collect();
        assert_eq!(inherited(&graph, 2), expected, "{when}");
    };
    let change = |n: usize, add: &[Licence], remove: &[usize]| {
        assert_eq!(assign(&graph, &group(n), add, remove).0, 202);
    };
    change(6, &[(E3, &[])], &[]);
    change(6, &[(E3, &[POINT_2])], &[]);
    errors(&[(E3, "DependencyViolation")], "switched off");
    change(6, &[(E3, &[])], &[]);
    errors(&[(E3, "")], "switched on again");
    change(6, &[(E1, &[])], &[E3]);
    errors(&[(E1, "")], "exchanged");
    change(6, &[(ONLY_POINT, &[])], &[E1]);
    change(0, &[(ONLY_WEB, &[])], &[]);
    errors(&[(ONLY_WEB, ""), (ONLY_POINT, "")], "of two groups");
    change(6, &[], &[ONLY_POINT]);
    errors(&[(ONLY_WEB, "DependencyViolation")], "of one group");
    assert_eq!(consumed(&graph, ONLY_WEB), 0);
    // What is refused to the group is no way in for the user, and no hindrance to other changes.
    assert_eq!(
        assign(&graph, &user(2), &[(ONLY_WEB, &[])], &[]),
        (400, NEEDS.to_owned())
    );
    assert_eq!(assign(&graph, &user(2), &[(ONLY_POINT, &[])], &[]).0, 200);
    let again = format!("{}/reprocessLicenseAssignment", user(2));
    assert_eq!(send(&graph, Post, &again, &Value::Null).status, 200);
    errors(&[(ONLY_WEB, "")], "reprocessed");
    assert_eq!(consumed(&graph, ONLY_WEB), 1);
    assert_eq!(
        assign(&graph, &user(2), &[], &[ONLY_POINT]),
        (400, NEEDS.to_owned())
    );
}
