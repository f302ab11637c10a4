//! Where the simulator differs from a recording on purpose. Each row says what was recorded, what
//! is simulated, and how often: a row that excuses more or less than it did is an error.

use std::collections::BTreeMap;

use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::compare::{Kind, Mismatch};
use super::recording::Exchange;

/// A deliberate difference.
struct Row {
    kind: Kind,
    /// The end of the path inside the answer, or the header.
    path: &'static str,
    /// The end of the scenario's name; empty for all.
    source: &'static str,
    /// Part of the address.
    url: &'static str,
    /// Which values.
    values: Values,
    /// How often, in all recordings.
    times: u32,
    /// Why.
    reason: &'static str,
}

/// Which recorded and simulated values a row excuses.
enum Values {
    /// These two: a plain value as JSON, an item of a list by its id or name, `null` for none.
    Are(&'static str, &'static str),
    /// A property that came after this year, and holds nothing.
    NewAfter(i32),
    /// What belongs to a built-in role that has since been changed.
    ChangedRole,
    /// A built-in role that has been published since.
    NewRole,
}

impl Row {
    fn excuses(&self, exchange: &Exchange, mismatch: &Mismatch) -> bool {
        let Mismatch {
            recorded,
            simulated,
            ..
        } = mismatch;
        let path = mismatch.path == self.path
            || mismatch
                .path
                .strip_suffix(self.path)
                .is_some_and(|head| head.ends_with('.'));
        self.kind == mismatch.kind
            && path
            && exchange.source.ends_with(self.source)
            && exchange.url.contains(self.url)
            && match self.values {
                Values::Are(r, s) => names(recorded, r) && names(simulated, s),
                Values::NewAfter(year) => {
                    exchange.at.year() <= year
                        && match simulated {
                            Value::Array(items) => items.is_empty(),
                            other => other.is_null(),
                        }
                }
                Values::ChangedRole => {
                    let (r, s) = &*mismatch.whole;
                    is_built_in(r) && is_built_in(s) && updated(s) > updated(r)
                }
                Values::NewRole => is_built_in(simulated) && updated(simulated) > exchange.at,
            }
    }
}

/// Whether the text tells the value.
fn names(value: &Value, text: &str) -> bool {
    let key = ["/id", "/name", "/properties/roleName"]
        .iter()
        .any(|name| value.pointer(name).is_some_and(|v| v == text));
    let json = value.to_string();
    key || value.as_str() == Some(text) || json == text
}

fn is_built_in(role: &Value) -> bool {
    role["properties"]["type"] == "BuiltInRole"
}

fn updated(role: &Value) -> OffsetDateTime {
    let at = role["properties"]["updatedOn"].as_str().unwrap();
    OffsetDateTime::parse(at, &Rfc3339).unwrap()
}

const GROWN: &str = "property sets grew from 2020 to 2024; the simulator answers as of 2024";

const fn grown(path: &'static str, until: i32, times: u32) -> Row {
    Row {
        kind: Kind::Extra,
        path,
        source: "",
        url: "graph.microsoft.com/v1.0/",
        values: Values::NewAfter(until),
        times,
        reason: GROWN,
    }
}

const BUILT_IN: &str = "built-in roles are those of one day in April 2024: a role differs where \
     Azure changed it after the recording, and only there";

const fn changed(kind: Kind, path: &'static str, times: u32) -> Row {
    Row {
        kind,
        path,
        source: "",
        url: "/roleDefinitions?",
        values: Values::ChangedRole,
        times,
        reason: BUILT_IN,
    }
}

const LONG: &str = "the six longest of the built-in roles are left out of the simulator's table";

const fn without(role: &'static str, times: u32, reason: &'static str) -> Row {
    Row {
        kind: Kind::MissingItem,
        path: "value[]",
        source: "",
        url: "/roleDefinitions?api-version",
        values: Values::Are(role, "null"),
        times,
        reason,
    }
}

const LAG: &str =
    "a list of role definitions was seconds behind a PUT or DELETE; the simulator's is not";

const OWNED: &str =
    "who signs in owns what they make; the simulator's caller is an application, and owns nothing";

/// The person who signed in for the recordings.
const SIGNED_IN: &str = "6d97229a-391f-473a-893f-f0608b592d7b";

static ROWS: &[Row] = &[
    grown("uniqueName", 2024, 182),
    grown("serviceProvisioningErrors", 2023, 12),
    grown("serviceManagementReference", 2021, 9),
    grown("nativeAuthenticationApisEnabled", 2023, 167),
    grown("servicePrincipalLockConfiguration", 2022, 140),
    grown("requestSignatureVerification", 2022, 140),
    grown("samlMetadataUrl", 2022, 140),
    grown("web.redirectUriSettings", 2022, 140),
    Row {
        kind: Kind::Header,
        path: "x-ms-resource-unit",
        source: "",
        url: "/v1.0/directoryObjects/getByIds",
        values: Values::Are("3", "5"),
        times: 5,
        reason: "getByIds costs 5 by the page of 2026; recordings up to 2024 show 3",
    },
    Row {
        kind: Kind::MissingItem,
        path: "value[]",
        source: ":test_app_owner",
        url: "/owners",
        values: Values::Are(SIGNED_IN, "null"),
        times: 3,
        reason: OWNED,
    },
    Row {
        kind: Kind::Status,
        path: "",
        source: ":test_app_owner",
        url: "/owners/6d97229a-391f-473a-893f-f0608b592d7b/$ref",
        values: Values::Are("204", "404"),
        times: 1,
        reason: OWNED,
    },
    Row {
        kind: Kind::Value,
        path: "properties.expandedProperties.scope.displayName",
        source: "ScheduleRequest",
        url: "ScheduleRequests",
        values: Values::Are("Wingtip Toys", "Contoso"),
        times: 3,
        reason: "a subscription's name is Azure's; no subscription is simulated",
    },
    Row {
        kind: Kind::ExtraItem,
        path: "value[]",
        source: ":test_role_definition_scenario",
        url: "/roleDefinitions?api-version",
        values: Values::Are("null", "cli-test-role000001"),
        times: 1,
        reason: LAG,
    },
    Row {
        kind: Kind::MissingItem,
        path: "value[]",
        source: ":test_role_definition_scenario",
        url: "/roleDefinitions?api-version",
        values: Values::Are("cli-test-role000001", "null"),
        times: 1,
        reason: LAG,
    },
    // Backup Contributor, Backup Operator, Backup Reader, Site Recovery Operator, SQL Security
    // Manager, Azure Stack HCI Administrator.
    without("5e467623-bb1f-42f4-a55d-6e525e11384b", 16, LONG),
    without("00c29273-979b-4161-815c-10b084fb9324", 16, LONG),
    without("a795c7a0-d4a2-40c1-ae25-d81f01202912", 16, LONG),
    without("494ae006-db33-4328-bf46-533a6560a3ca", 16, LONG),
    without("056cd41c-7e88-42e1-933e-88ba6a50c9c3", 16, LONG),
    without("bda0d508-adf1-4af0-9c28-88919fc3ae06", 10, LONG),
    without(
        "dd920d6d-f481-47f1-b461-f338c46b2d9f",
        4,
        "Marketplace Admin was withdrawn between 2020 and 2022",
    ),
    Row {
        kind: Kind::ExtraItem,
        path: "value[]",
        source: "",
        url: "/roleDefinitions?api-version",
        values: Values::NewRole,
        times: 2667,
        reason: BUILT_IN,
    },
    changed(Kind::Value, "value[].properties.description", 279),
    changed(Kind::Value, "value[].properties.roleName", 148),
    changed(Kind::MissingItem, "actions[]", 554),
    changed(Kind::ExtraItem, "actions[]", 2598),
    changed(Kind::MissingItem, "notActions[]", 14),
    changed(Kind::ExtraItem, "notActions[]", 156),
    changed(Kind::MissingItem, "dataActions[]", 361),
    changed(Kind::ExtraItem, "dataActions[]", 997),
    changed(Kind::MissingItem, "notDataActions[]", 36),
    changed(Kind::ExtraItem, "notDataActions[]", 83),
    Row {
        kind: Kind::ExtraItem,
        path: "actions[]",
        source: ":test_role_definition_scenario",
        url: "/roleDefinitions?api-version",
        values: Values::Are("null", "Microsoft.Support/*"),
        times: 1,
        reason: LAG,
    },
    Row {
        kind: Kind::Type,
        path: "value[].properties.updatedBy",
        source: "",
        url: "/roleDefinitions?api-version",
        values: Values::Are("SYSTEM", "null"),
        times: 16,
        reason: "one built-in role, Attestation Reader, was last changed by SYSTEM, not by null",
    },
];

/// Which rows were used, and how often.
#[derive(Default)]
pub struct Excuses {
    used: BTreeMap<usize, u32>,
}

impl Excuses {
    /// Whether the difference is on purpose.
    pub fn excuse(&mut self, exchange: &Exchange, mismatch: &Mismatch) -> bool {
        let row = ROWS.iter().position(|row| row.excuses(exchange, mismatch));
        if let Some(row) = row {
            *self.used.entry(row).or_default() += 1;
        }
        row.is_some()
    }

    /// How many differences each reason excuses.
    pub fn by_reason(&self) -> BTreeMap<&'static str, u32> {
        let mut all = BTreeMap::new();
        for (row, times) in &self.used {
            *all.entry(ROWS[*row].reason).or_default() += times;
        }
        all
    }

    /// The rows that excuse another number of differences than they say.
    pub fn astray(&self) -> Vec<String> {
        let times = |at| self.used.get(&at).copied().unwrap_or(0);
        ROWS.iter()
            .enumerate()
            .filter(|(at, row)| times(*at) != row.times)
            .map(|(at, row)| {
                format!(
                    "row {at} ({:?} {}) excuses {} differences, not {}",
                    row.kind,
                    row.path,
                    times(at),
                    row.times
                )
            })
            .collect()
    }
}

/// Changes a request of an older day into the one that means the same in 2024.
pub fn modernise(exchange: &Exchange, body: &mut Value) {
    // Until 2023 an application that named no audience got the widest one.
    let wide = "AzureADandPersonalMicrosoftAccount";
    if exchange.method == "POST"
        && exchange.url.ends_with("/applications")
        && exchange.answer["signInAudience"] == wide
        && let Some(body) = body.as_object_mut()
    {
        body.entry("signInAudience").or_insert_with(|| wide.into());
    }
}
