//! A small tenant for the tests of this module.

use std::sync::Arc;

use serde_json::{Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

use super::core::{Graph, Open, Options};
use super::directory::Directory;
use super::request::{SimRequest, SimResponse};
use super::seed_types::{
    SeedApp, SeedAssignment, SeedGroup, SeedLicense, SeedPlan, SeedPrincipal, SeedSku, SeedTenant,
    SeedUnit, SeedUser,
};
use crate::base::clock::ManualClock;
use crate::odata::request::Method;

/// Where links start.
pub const ORIGIN: &str = "http://graph.test";

/// The nth id of a kind: users 1, groups 2, SKUs 3, plans 4, units 5, roles 6, application 7.
pub fn id(kind: u8, n: usize) -> Uuid {
    Uuid::from_u128((u128::from(kind) << 96) | (n as u128 + 1))
}

/// 120 users (`user0` … ; the boss of each is user 0; user 5 is synced, user 6 has no usage
/// location, user 7 is deleted), 7 groups, 2 SKUs, one unit, one built-in and one custom role.
pub fn tenant() -> SeedTenant {
    let users = (0..120)
        .map(|n| {
            let mut properties = vec![
                ("displayName", json!(format!("User {n:03}"))),
                ("userPrincipalName", json!(format!("user{n}@contoso.com"))),
                ("mailNickname", json!(format!("user{n}"))),
                ("mail", json!(format!("user{n}@contoso.com"))),
                (
                    "department",
                    if n % 2 == 0 {
                        json!("Sales")
                    } else {
                        json!("R&D")
                    },
                ),
                ("businessPhones", json!(["+1 555"])),
                ("otherMails", json!([format!("other{n}@x.org")])),
                (
                    "createdDateTime",
                    json!(format!("2024-01-01T00:{:02}:00Z", n % 60)),
                ),
                (
                    "employeeOrgData",
                    json!({"division": format!("D{}", n % 3), "costCenter": "1"}),
                ),
            ];
            if n != 6 {
                properties.push(("usageLocation", json!("US")));
            }
            if n == 5 {
                properties.push(("onPremisesSyncEnabled", json!(true)));
            }
            SeedUser {
                id: id(1, n),
                properties,
                manager: (n > 0).then_some(0),
                licenses: if n == 1 {
                    vec![SeedLicense {
                        sku: 0,
                        disabled_plans: vec![id(4, 1)],
                    }]
                } else {
                    Vec::new()
                },
                deleted: n == 7,
            }
        })
        .collect();
    let group = |n: usize, name: &str, extra: Value| {
        let mut properties = vec![
            ("displayName", json!(name)),
            ("mailNickname", json!(format!("group{n}"))),
            ("mailEnabled", json!(false)),
            ("securityEnabled", json!(true)),
        ];
        for key in [
            "groupTypes",
            "mailEnabled",
            "securityEnabled",
            "isAssignableToRole",
            "membershipRule",
        ] {
            if let Some(value) = extra.get(key) {
                properties.retain(|(name, _)| *name != key);
                properties.push((key, value.clone()));
            }
        }
        SeedGroup {
            id: id(2, n),
            properties,
            ..SeedGroup::default()
        }
    };
    let mut groups = vec![
        group(0, "Everyone", json!({})),
        group(1, "Nested", json!({})),
        group(
            2,
            "Team",
            json!({"groupTypes": ["Unified"], "mailEnabled": true, "securityEnabled": false}),
        ),
        group(
            3,
            "Dynamic",
            json!({"groupTypes": ["DynamicMembership"], "membershipRule": "user.x -eq 1"}),
        ),
        group(4, "Admins", json!({"isAssignableToRole": true})),
        group(5, "Mail", json!({"mailEnabled": true})),
        group(6, "Licensed", json!({})),
    ];
    groups[0].members = (0..105).collect();
    groups[1].members = vec![110];
    groups[1].member_groups = vec![0];
    groups[1].owners = vec![1, 2];
    groups[6].members = vec![2, 3];
    let plans = |from: usize| {
        (from..from + 2)
            .map(|n| SeedPlan {
                id: id(4, n),
                name: format!("PLAN{n}"),
                for_users: true,
            })
            .collect()
    };
    SeedTenant {
        tenant_id: id(9, 0),
        domain: "contoso.onmicrosoft.com".into(),
        other_domains: vec!["contoso.com".into()],
        organization_name: "Contoso".into(),
        created: OffsetDateTime::UNIX_EPOCH,
        users,
        groups,
        skus: vec![
            SeedSku {
                sku_id: id(3, 0),
                part_number: "E5".into(),
                enabled: 3,
                plans: plans(0),
                ..SeedSku::default()
            },
            SeedSku {
                sku_id: id(3, 1),
                part_number: "P1".into(),
                enabled: 100,
                plans: plans(2),
                ..SeedSku::default()
            },
        ],
        role_definitions: vec![
            json!({"id": id(6, 0).to_string(), "displayName": "User Administrator", "isBuiltIn": true, "isEnabled": true}),
            json!({"id": id(6, 1).to_string(), "displayName": "Custom", "isBuiltIn": false, "isEnabled": true}),
        ],
        role_assignments: vec![SeedAssignment {
            role: 0,
            principal: SeedPrincipal::User(1),
            unit: None,
            how: crate::simulator::seed_types::SeedHeld::Permanent,
        }],
        administrative_units: vec![SeedUnit {
            id: id(5, 0),
            display_name: "Unit".into(),
            members: vec![3],
            ..SeedUnit::default()
        }],
        objects: Vec::new(),
        links: Vec::new(),
        app: SeedApp {
            app_id: id(7, 0),
            object_id: id(7, 1),
            service_principal_id: id(7, 2),
            display_name: "Gateway".into(),
            permissions: Vec::new(),
        },
    }
}

/// The tenant, answering.
pub fn graph_with(options: Options) -> (Graph, Arc<ManualClock>) {
    let start = OffsetDateTime::from_unix_timestamp(1_800_000_000).unwrap();
    let clock = Arc::new(ManualClock::new(start));
    let mut directory = Directory::new(id(9, 0), "contoso.com", "Contoso", clock.clone());
    directory.load(tenant());
    (Graph::new(directory, Arc::new(Open), options), clock)
}

/// The tenant with the switches as they come.
pub fn graph() -> Graph {
    graph_with(Options::default()).0
}

/// Sends one request; `!` before the URL sends `ConsistencyLevel: eventual`.
pub fn send(graph: &Graph, method: Method, url: &str, body: &Value) -> SimResponse {
    let (url, eventual) = url
        .strip_prefix('!')
        .map_or((url, false), |url| (url, true));
    let mut request = SimRequest::new(method, url, ORIGIN);
    if eventual {
        request = request.header_set("ConsistencyLevel", "eventual");
    }
    if !body.is_null() {
        request = request.json(body);
    }
    graph.handle(&request)
}

/// `GET`
pub fn get(graph: &Graph, url: &str) -> SimResponse {
    send(graph, Method::Get, url, &Value::Null)
}

/// Status and error code.
pub fn outcome(response: &SimResponse) -> (u16, String) {
    let code = response.body_json()["error"]["code"]
        .as_str()
        .unwrap_or_default();
    (response.status, code.to_owned())
}
