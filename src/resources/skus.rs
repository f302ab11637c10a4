//! Names of well-known licence SKUs.
//!
//! Source: "Product names and service plan identifiers for licensing", Microsoft Learn.

/// (SKU id, part number, product name)
const SKUS: &[(&str, &str, &str)] = &[
    (
        "06ebc4ee-1bb5-47dd-8120-11324bc54e06",
        "SPE_E5",
        "Microsoft 365 E5",
    ),
    (
        "05e9a617-0261-4cee-bb44-138d3ef5d965",
        "SPE_E3",
        "Microsoft 365 E3",
    ),
];

/// The product name of a SKU id, in any case.
pub fn friendly_name(sku_id: &str) -> Option<&'static str> {
    SKUS.iter()
        .find(|(id, ..)| id.eq_ignore_ascii_case(sku_id))
        .map(|(.., name)| *name)
}

/// The SKU id of a part number, in any case.
pub fn by_part_number(part_number: &str) -> Option<&'static str> {
    SKUS.iter()
        .find(|(_, part, _)| part.eq_ignore_ascii_case(part_number))
        .map(|(id, ..)| *id)
}
