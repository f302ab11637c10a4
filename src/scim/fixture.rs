//! Schemas for the tests of this floor.

use serde_json::Value;

use super::{
    Document,
    schema::{Attribute, Mutability, ResourceSchema, Returned, Schema, Type},
    urn,
};

fn plain(name: &str, kind: Type) -> Attribute {
    Attribute::new(name, kind, "")
}

fn read_only(attribute: Attribute) -> Attribute {
    Attribute {
        mutability: Mutability::ReadOnly,
        ..attribute
    }
}

fn exact(attribute: Attribute) -> Attribute {
    Attribute {
        case_exact: true,
        ..attribute
    }
}

fn required(attribute: Attribute) -> Attribute {
    Attribute {
        required: true,
        ..attribute
    }
}

fn complex(name: &str, many: bool, subs: Vec<Attribute>) -> Attribute {
    Attribute {
        multi_valued: many,
        sub_attributes: subs,
        ..plain(name, Type::Complex)
    }
}

fn typed_list(name: &str, value: Type) -> Attribute {
    complex(
        name,
        true,
        vec![
            plain("value", value),
            plain("display", Type::String),
            plain("type", Type::String),
            plain("primary", Type::Boolean),
        ],
    )
}

fn strings(names: &[&str]) -> Vec<Attribute> {
    names.iter().map(|n| plain(n, Type::String)).collect()
}

fn refers_to(types: &[&str]) -> Attribute {
    Attribute {
        reference_types: types.iter().map(|t| (*t).to_owned()).collect(),
        ..plain("$ref", Type::Reference)
    }
}

fn references(name: &str) -> Attribute {
    complex(
        name,
        true,
        vec![
            exact(Attribute {
                mutability: Mutability::Immutable,
                ..plain("value", Type::String)
            }),
            read_only(exact(refers_to(&["User", "Group"]))),
            read_only(plain("display", Type::String)),
            Attribute {
                mutability: Mutability::Immutable,
                ..plain("type", Type::String)
            },
        ],
    )
}

/// A User with the enterprise extension, and attributes of every kind.
pub(crate) fn user() -> ResourceSchema {
    let mut password = plain("password", Type::String);
    password.mutability = Mutability::WriteOnly;
    password.returned = Returned::Never;
    let mut photos = typed_list("photos", Type::Reference);
    photos.returned = Returned::Request;
    let mut addresses = complex(
        "addresses",
        true,
        strings(&[
            "formatted",
            "streetAddress",
            "locality",
            "region",
            "postalCode",
            "country",
            "type",
        ]),
    );
    addresses
        .sub_attributes
        .push(plain("primary", Type::Boolean));
    let mut groups = read_only(references("groups"));
    groups.returned = Returned::Request;
    let mut tags = plain("tags", Type::String);
    tags.multi_valued = true;
    let mut hired = plain("hireDate", Type::DateTime);
    hired.mutability = Mutability::Immutable;
    let mut roles = typed_list("roles", Type::String);
    roles.sub_attributes.push(plain("scope", Type::String));
    let mut plans = plain("plans", Type::String);
    plans.multi_valued = true;
    roles.sub_attributes.push(plans);
    let manager = complex(
        "manager",
        false,
        vec![
            exact(plain("value", Type::String)),
            exact(refers_to(&["User"])),
            read_only(plain("displayName", Type::String)),
        ],
    );
    let mut enterprise = strings(&["employeeNumber", "costCenter", "department"]);
    enterprise.push(manager);
    ResourceSchema {
        name: "User".into(),
        endpoint: "/Users".into(),
        core: Schema {
            id: urn::USER.into(),
            name: "User".into(),
            description: String::new(),
            attributes: vec![
                required(plain("userName", Type::String)),
                exact(plain("externalId", Type::String)),
                complex(
                    "name",
                    false,
                    strings(&["formatted", "familyName", "givenName", "middleName"]),
                ),
                plain("displayName", Type::String),
                plain("nickName", Type::String),
                plain("title", Type::String),
                plain("profileUrl", Type::Reference),
                plain("preferredLanguage", Type::String),
                plain("active", Type::Boolean),
                password,
                typed_list("emails", Type::String),
                typed_list("phoneNumbers", Type::String),
                addresses,
                groups,
                roles,
                photos,
                typed_list("x509Certificates", Type::Binary),
                tags,
                plain("logins", Type::Integer),
                plain("score", Type::Decimal),
                hired,
            ],
        },
        extensions: vec![Schema {
            id: urn::ENTERPRISE_USER.into(),
            name: "EnterpriseUser".into(),
            description: String::new(),
            attributes: enterprise,
        }],
        common: ResourceSchema::common_attributes(),
    }
}

/// A Group.
pub(crate) fn group() -> ResourceSchema {
    ResourceSchema {
        name: "Group".into(),
        endpoint: "/Groups".into(),
        core: Schema {
            id: urn::GROUP.into(),
            name: "Group".into(),
            description: String::new(),
            attributes: vec![
                required(plain("displayName", Type::String)),
                exact(plain("externalId", Type::String)),
                references("members"),
                references("owners"),
            ],
        },
        extensions: Vec::new(),
        common: ResourceSchema::common_attributes(),
    }
}

/// The object of a JSON literal.
pub(crate) fn doc(value: Value) -> Document {
    value.as_object().expect("an object").clone()
}
