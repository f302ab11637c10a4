//! Licences: the tenant's subscribed SKUs, with their holders.

use super::{Key, Listing, Operations, PatchAnswer, ResourceType, Special, licences::Holders};

/// `/Licenses`: subscribed SKUs. Bought and cancelled elsewhere, so only holders are written.
pub static LICENSES: ResourceType = ResourceType {
    name: "License",
    endpoint: "/Licenses",
    rules: "licenses",
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
    special: &Licenses,
};

struct Licenses;

impl Special for Licenses {}
