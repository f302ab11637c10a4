//! The attributes that RFC 7643 itself defines. Clients fill them whether or not the directory has
//! a place for them.

use super::urn;

/// An attribute of the RFC: its name; `None` for a simple one, its sub-attributes else.
pub type Defined = (&'static str, Option<&'static [&'static str]>);

const VALUE: &[&str] = &["value", "display", "type", "primary", "$ref"];
const ADDRESS: &[&str] = &[
    "formatted",
    "streetAddress",
    "locality",
    "region",
    "postalCode",
    "country",
    "type",
    "primary",
];
const NAME: &[&str] = &[
    "formatted",
    "familyName",
    "givenName",
    "middleName",
    "honorificPrefix",
    "honorificSuffix",
];
/// RFC 7643 §4.1
const USER: &[Defined] = &[
    ("userName", None),
    ("name", Some(NAME)),
    ("displayName", None),
    ("nickName", None),
    ("profileUrl", None),
    ("title", None),
    ("userType", None),
    ("preferredLanguage", None),
    ("locale", None),
    ("timezone", None),
    ("active", None),
    ("password", None),
    ("emails", Some(VALUE)),
    ("phoneNumbers", Some(VALUE)),
    ("ims", Some(VALUE)),
    ("photos", Some(VALUE)),
    ("addresses", Some(ADDRESS)),
    ("groups", Some(VALUE)),
    ("entitlements", Some(VALUE)),
    ("roles", Some(VALUE)),
    ("x509Certificates", Some(VALUE)),
];
/// RFC 7643 §4.2
const GROUP: &[Defined] = &[
    ("displayName", None),
    ("members", Some(&["value", "display", "type", "$ref"])),
];
/// RFC 7643 §4.3
const ENTERPRISE: &[Defined] = &[
    ("employeeNumber", None),
    ("costCenter", None),
    ("organization", None),
    ("division", None),
    ("department", None),
    ("manager", Some(&["value", "displayName", "$ref"])),
];

/// The values of `type` that RFC 7643 §4.1.2 suggests for a list of the core User; none for others.
pub fn types(attribute: &str) -> &'static [&'static str] {
    match attribute {
        "emails" | "addresses" => &["work", "home", "other"],
        "phoneNumbers" => &["work", "home", "mobile", "fax", "pager", "other"],
        "ims" => &["aim", "gtalk", "icq", "xmpp", "msn", "skype", "qq", "yahoo"],
        "photos" => &["photo", "thumbnail"],
        _ => &[],
    }
}

/// The attributes of a schema of the RFC; none for other schemas.
pub fn attributes(schema: &str) -> &'static [Defined] {
    let of = |known: &str| schema.eq_ignore_ascii_case(known);
    if of(urn::USER) {
        USER
    } else if of(urn::GROUP) {
        GROUP
    } else if of(urn::ENTERPRISE_USER) {
        ENTERPRISE
    } else {
        &[]
    }
}

/// The attribute of that name, in any case, of a schema of the RFC.
pub fn attribute(schema: &str, name: &str) -> Option<&'static Defined> {
    attributes(schema)
        .iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_in_any_case_and_only_in_their_schema() {
        for (schema, name, expected) in [
            (urn::USER, "NICKNAME", Some("nickName")),
            (urn::USER, "department", None),
            (urn::ENTERPRISE_USER, "department", Some("department")),
            (urn::GROUP, "members", Some("members")),
            (urn::GROUP, "userName", None),
            ("urn:x", "userName", None),
        ] {
            let found = attribute(schema, name).map(|(name, _)| *name);
            assert_eq!(found, expected, "{schema} {name}");
        }
    }
}
