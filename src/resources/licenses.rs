//! Licences: the tenant's subscribed SKUs, with their holders.

use super::{
    Key, Listing, Operations, PatchAnswer, ResourceType, Rules, Special, entitlements::Holders,
};

/// `/Licenses`: subscribed SKUs. Bought and cancelled elsewhere, so only holders are written.
pub static LICENSES: ResourceType = ResourceType {
    name: "License",
    endpoint: "/Licenses",
    rules: Rules {
        stem: "licenses",
        presets: &[
            (
                "standard",
                include_str!("../../config/mapping/standard/licenses.toml"),
            ),
            (
                "iga-flat",
                include_str!("../../config/mapping/iga-flat/licenses.toml"),
            ),
        ],
    },
    odata_type: None,
    collection: "/subscribedSkus",
    id_property: "skuId",
    listing: Listing::Whole,
    key: Key::Property("skuId"),
    operations: Operations {
        create: false,
        replace: false,
        patch: true,
        delete: false,
    },
    patch_answer: PatchAnswer::NoContent,
    relations: &[&Holders],
    side_resources: &[],
    has_photo: false,
    special: &Licenses,
};

struct Licenses;

impl Special for Licenses {}
