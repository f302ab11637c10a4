//! Subscriptions with their real ids and a plausible choice of service plans.
//!
//! Source: [product names and service plan identifiers](https://learn.microsoft.com/entra/identity/users/licensing-service-plan-reference).

use uuid::{Uuid, uuid};

use super::plan::Plan;
use super::user;
use crate::simulator::seed_types::{SeedLicense, SeedPlan, SeedSku};

pub(super) const SPE_E5: usize = 0;
pub(super) const SPE_E3: usize = 1;
pub(super) const ENTERPRISEPACK: usize = 2;
pub(super) const AAD_PREMIUM_P2: usize = 3;
pub(super) const FLOW_FREE: usize = 4;
pub(super) const POWER_BI_PRO: usize = 5;
pub(super) const VISIOCLIENT: usize = 6;

const EXCHANGE: (Uuid, &str) = (
    uuid!("efb87545-963c-4e0d-99df-69c6916d9eb0"),
    "EXCHANGE_S_ENTERPRISE",
);
const FOUNDATION: (Uuid, &str) = (
    uuid!("113feb6c-3fe4-4440-bddc-54d774bf0318"),
    "EXCHANGE_S_FOUNDATION",
);
const SHAREPOINT: (Uuid, &str) = (
    uuid!("5dbe027f-2339-4123-9542-606e4d348a72"),
    "SHAREPOINTENTERPRISE",
);
const EXCHANGE_P1: (Uuid, &str) = (
    uuid!("9aaf7827-d63c-4b61-89c3-182f06f82e5c"),
    "EXCHANGE_S_STANDARD",
);
const SHAREPOINT_P1: (Uuid, &str) = (
    uuid!("c7699d2e-19aa-44de-8edf-1736da088ca1"),
    "SHAREPOINTSTANDARD",
);
const OFFICE_WEB: (Uuid, &str) = (
    uuid!("e95bec33-7c88-4a70-8e19-b10bd9d0c014"),
    "SHAREPOINTWAC",
);
const TEAMS: (Uuid, &str) = (uuid!("57ff2da0-773e-42df-b2af-ffb7a2317929"), "TEAMS1");
const OFFICE: (Uuid, &str) = (
    uuid!("43de0ff5-c92c-492b-9116-175376d08c38"),
    "OFFICESUBSCRIPTION",
);
const SKYPE: (Uuid, &str) = (uuid!("0feaeb32-d00e-4d66-bd5a-43b5b83db82c"), "MCOSTANDARD");
const YAMMER: (Uuid, &str) = (
    uuid!("7547a3fe-08ee-4ccb-b430-5077c5041653"),
    "YAMMER_ENTERPRISE",
);
const SWAY: (Uuid, &str) = (uuid!("a23b959c-7ce8-4e57-9140-b90eb88a9e97"), "SWAY");
const PLANNER: (Uuid, &str) = (
    uuid!("b737dad2-2f6c-4c65-90e3-ca563267e8b9"),
    "PROJECTWORKMANAGEMENT",
);
const INTUNE: (Uuid, &str) = (uuid!("c1ec4a95-1f05-45b3-a911-aa3fa01094f5"), "INTUNE_A");
const AAD_P1: (Uuid, &str) = (uuid!("41781fb2-bc02-4b7c-bd55-b576c07bb09d"), "AAD_PREMIUM");
const AAD_P2: (Uuid, &str) = (
    uuid!("eec0eb4f-6444-4f95-aba0-50c24d67f998"),
    "AAD_PREMIUM_P2",
);
const RMS: (Uuid, &str) = (
    uuid!("bea4c11e-220a-4e6d-8eb8-8ea15d019f90"),
    "RMS_S_ENTERPRISE",
);
const RMS_P1: (Uuid, &str) = (
    uuid!("6c57d4b6-3b23-47a5-9bc9-69f17b4947b3"),
    "RMS_S_PREMIUM",
);
const MFA: (Uuid, &str) = (uuid!("8a256a2b-b617-496d-b51b-e76466e88db0"), "MFA_PREMIUM");
const DEFENDER: (Uuid, &str) = (
    uuid!("f20fedf3-f3c3-43c3-8267-2bfdd51c0939"),
    "ATP_ENTERPRISE",
);
const WINDOWS: (Uuid, &str) = (
    uuid!("21b439ba-a0ca-424f-a6cc-52f954a5b111"),
    "WIN10_PRO_ENT_SUB",
);
const FLOW_P2: (Uuid, &str) = (
    uuid!("76846ad7-7776-4c40-a281-a386362dd1b9"),
    "FLOW_O365_P2",
);
const FLOW_VIRAL: (Uuid, &str) = (
    uuid!("50e68c76-46c6-4674-81f9-75456511b170"),
    "FLOW_P2_VIRAL",
);
const BI_P2: (Uuid, &str) = (uuid!("70d33638-9c74-4d01-bfd3-562de28bd4ba"), "BI_AZURE_P2");
const VISIO: (Uuid, &str) = (
    uuid!("663a804f-1c30-4ff0-9915-9db84f0d1cea"),
    "VISIO_CLIENT_SUBSCRIPTION",
);
const VISIO_WEB: (Uuid, &str) = (uuid!("2bdbaf8f-738f-4ac7-9234-3c3ee2ce7d0f"), "VISIOONLINE");
const ONEDRIVE: (Uuid, &str) = (
    uuid!("da792a53-cbc0-4184-a10d-e544dd34b3c1"),
    "ONEDRIVE_BASIC",
);

/// Seats of the subscription that is used up, when there are enough users.
const VISIO_SEATS: usize = 5;

/// Plans that apply to the company, not to users.
const COMPANY: [Uuid; 1] = [FOUNDATION.0];

/// The subscriptions, seats to fit the number of users.
pub(super) fn all(plan: &Plan) -> Vec<SeedSku> {
    let many = u32::try_from(plan.users).unwrap_or(u32::MAX / 2) + 25;
    let visio = u32::try_from(visio_holders(plan).count()).unwrap_or_default();
    let e3 = [
        EXCHANGE, SHAREPOINT, OFFICE_WEB, TEAMS, OFFICE, SKYPE, YAMMER, SWAY, PLANNER, FLOW_P2,
        INTUNE, AAD_P1, RMS, RMS_P1, MFA, WINDOWS,
    ];
    let mut e5 = e3.to_vec();
    e5.extend([AAD_P2, DEFENDER, BI_P2]);
    vec![
        sku(
            uuid!("06ebc4ee-1bb5-47dd-8120-11324bc54e06"),
            "SPE_E5",
            many,
            0,
            &e5,
        ),
        sku(
            uuid!("05e9a617-0261-4cee-bb44-138d3ef5d965"),
            "SPE_E3",
            many,
            0,
            &e3,
        ),
        sku(
            uuid!("6fd2c87f-b296-42f0-b197-1e91e994b900"),
            "ENTERPRISEPACK",
            many,
            0,
            &[
                EXCHANGE, SHAREPOINT, OFFICE_WEB, TEAMS, OFFICE, SKYPE, YAMMER, SWAY, PLANNER,
                FLOW_P2, RMS,
            ],
        ),
        sku(
            uuid!("84a661c4-e949-4bd2-a560-ed7766fcaf2b"),
            "AAD_PREMIUM_P2",
            many,
            0,
            &[AAD_P1, AAD_P2, MFA, FOUNDATION],
        ),
        sku(
            uuid!("f30db892-07e9-47e9-837c-80727f46fd3d"),
            "FLOW_FREE",
            many.max(10_000),
            0,
            &[FOUNDATION, FLOW_VIRAL],
        ),
        sku(
            uuid!("f8a1db68-be16-40ed-86d5-cb42ce701560"),
            "POWER_BI_PRO",
            many,
            0,
            &[FOUNDATION, BI_P2],
        ),
        // Every seat is taken: the next assignment is refused.
        sku(
            uuid!("c5928f49-12ba-48f7-ada3-0d743a3601d5"),
            "VISIOCLIENT",
            visio,
            0,
            &[FOUNDATION, ONEDRIVE, VISIO, VISIO_WEB],
        ),
        // Suspended: listed, with seats, but none can be assigned.
        sku(
            uuid!("efccb6f7-5641-4e0e-bd10-b4976e1bf68e"),
            "EMS",
            0,
            25,
            &[AAD_P1, INTUNE, RMS_P1, MFA, FOUNDATION],
        ),
        // Nobody has it, and none who has an enterprise subscription can: the plans exclude theirs.
        sku(
            uuid!("18181a46-0d4e-45cd-891e-60aabd171b4e"),
            "STANDARDPACK",
            many,
            0,
            &[
                EXCHANGE_P1,
                SHAREPOINT_P1,
                OFFICE_WEB,
                TEAMS,
                SKYPE,
                YAMMER,
                SWAY,
                PLANNER,
            ],
        ),
    ]
}

fn sku(id: Uuid, name: &str, enabled: u32, suspended: u32, plans: &[(Uuid, &str)]) -> SeedSku {
    SeedSku {
        sku_id: id,
        part_number: name.to_owned(),
        enabled,
        suspended,
        warning: 0,
        plans: plans
            .iter()
            .map(|(id, name)| SeedPlan {
                id: *id,
                name: (*name).to_owned(),
                for_users: !COMPANY.contains(id),
            })
            .collect(),
    }
}

/// Whether the user gets `SPE_E3` through the licensing group.
pub(super) fn by_group(plan: &Plan, number: usize) -> bool {
    number % 4 == 1 && !user::is_guest(plan, number)
}

fn visio_holders(plan: &Plan) -> impl Iterator<Item = usize> {
    (0..plan.users)
        .filter(|n| n.is_multiple_of(4) && !user::is_guest(plan, *n))
        .take(VISIO_SEATS)
}

/// Whether the user has an Exchange licence, and so a mailbox.
pub(super) fn has_mailbox(plan: &Plan, number: usize) -> bool {
    !user::is_guest(plan, number) && number % 4 != 3
}

/// The licences that a user has directly.
pub(super) fn direct(plan: &Plan, number: usize) -> Vec<SeedLicense> {
    if user::is_guest(plan, number) {
        return Vec::new();
    }
    let plain = |sku| SeedLicense {
        sku,
        disabled_plans: Vec::new(),
    };
    let mut list = Vec::new();
    match number % 4 {
        0 => list.push(plain(SPE_E5)),
        // The group gives SPE_E3 to these; one in four of them has it directly as well.
        1 if number % 16 == 1 => list.push(plain(SPE_E3)),
        2 => list.push(SeedLicense {
            sku: ENTERPRISEPACK,
            disabled_plans: if number % 8 == 2 {
                vec![SWAY.0, YAMMER.0]
            } else {
                Vec::new()
            },
        }),
        3 if number % 8 == 3 => list.push(plain(FLOW_FREE)),
        _ => {}
    }
    if number % 20 == 2 {
        list.push(plain(AAD_PREMIUM_P2));
    }
    if number.is_multiple_of(6) {
        list.push(plain(POWER_BI_PRO));
    }
    // The holders are the first few that qualify: the search ends after a handful of numbers.
    if number < 64 * VISIO_SEATS && visio_holders(plan).any(|holder| holder == number) {
        list.push(plain(VISIOCLIENT));
    }
    list
}
