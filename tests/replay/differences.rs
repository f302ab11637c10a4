//! Where the simulator differs from a recording on purpose.

use serde_json::Value;

use super::compare::{Kind, Mismatch};
use super::recording::Exchange;

/// A deliberate difference.
struct Row {
    /// The last year of recordings that it concerns.
    until: u16,
    /// What kind of difference.
    kind: Kind,
    /// The end of the path inside the answer, or the header.
    path: &'static str,
    /// Part of the address; empty for all.
    url: &'static str,
    /// Why.
    reason: &'static str,
}

const GROWN: &str = "property sets grew from 2020 to 2024; the simulator answers as of 2024";

const fn grown(path: &'static str, until: u16) -> Row {
    Row {
        until,
        kind: Kind::Extra,
        path,
        url: "",
        reason: GROWN,
    }
}

const BUILT_IN: &str =
    "Azure's built-in roles are those of one day in April 2024; other days had others";

const fn built_in(kind: Kind, path: &'static str) -> Row {
    Row {
        until: 2024,
        kind,
        path,
        url: "roleDefinitions?",
        reason: BUILT_IN,
    }
}

const LAG: &str =
    "a list of role definitions was seconds behind a PUT or DELETE; the simulator's is not";

const OWNED: &str =
    "who signs in owns what they make; the simulator's caller is an application, and owns nothing";

static ROWS: &[Row] = &[
    grown("uniqueName", 2024),
    grown("serviceProvisioningErrors", 2023),
    grown("serviceManagementReference", 2021),
    grown("nativeAuthenticationApisEnabled", 2023),
    grown("servicePrincipalLockConfiguration", 2022),
    grown("requestSignatureVerification", 2022),
    grown("samlMetadataUrl", 2022),
    grown("redirectUriSettings", 2022),
    Row {
        until: 2024,
        kind: Kind::Header,
        path: "x-ms-resource-unit",
        url: "getByIds",
        reason: "getByIds costs 5 by the page of 2026; recordings up to 2024 show 3",
    },
    Row {
        until: 2024,
        kind: Kind::MissingItem,
        path: "value[]",
        url: "roleDefinitions?api-version",
        reason: LAG,
    },
    Row {
        until: 2024,
        kind: Kind::ExtraItem,
        path: "value[]",
        url: "roleDefinitions?api-version",
        reason: LAG,
    },
    built_in(Kind::MissingItem, "value[]"),
    built_in(Kind::ExtraItem, "value[]"),
    built_in(Kind::Value, "value[].properties.description"),
    built_in(Kind::Value, "value[].properties.roleName"),
    built_in(Kind::MissingItem, "actions[]"),
    built_in(Kind::ExtraItem, "actions[]"),
    built_in(Kind::MissingItem, "notActions[]"),
    built_in(Kind::ExtraItem, "notActions[]"),
    built_in(Kind::MissingItem, "dataActions[]"),
    built_in(Kind::ExtraItem, "dataActions[]"),
    built_in(Kind::MissingItem, "notDataActions[]"),
    built_in(Kind::ExtraItem, "notDataActions[]"),
    built_in(Kind::Type, "value[].properties.updatedBy"),
    Row {
        until: 2024,
        kind: Kind::Value,
        path: "properties.expandedProperties.scope.displayName",
        url: "ScheduleRequests",
        reason: "a subscription's name is Azure's; no subscription is simulated",
    },
    Row {
        until: 2024,
        kind: Kind::MissingItem,
        path: "value[]",
        url: "/owners",
        reason: OWNED,
    },
    Row {
        until: 2024,
        kind: Kind::Status,
        path: "",
        url: "/owners/",
        reason: OWNED,
    },
    built_in(Kind::MissingItem, "permissions[]"),
    built_in(Kind::ExtraItem, "permissions[]"),
];

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

/// Why a difference is on purpose, if it is.
pub fn reason(exchange: &Exchange, mismatch: &Mismatch) -> Option<&'static str> {
    ROWS.iter()
        .find(|row| {
            // A whole definition that is missing: built-in ones are of another day, own ones late.
            let whole = [BUILT_IN, LAG].contains(&row.reason) && mismatch.path == "value[]";
            let custom = [&mismatch.recorded, &mismatch.simulated]
                .iter()
                .any(|text| text.contains("CustomRole"));
            row.kind == mismatch.kind
                && (!whole || custom == (row.reason == LAG))
                && exchange.year <= row.until
                && exchange.url.contains(row.url)
                && (mismatch.path == row.path
                    || mismatch
                        .path
                        .strip_suffix(row.path)
                        .is_some_and(|head| head.ends_with('.')))
        })
        .map(|row| row.reason)
}
