//! Graph paths through Graph's types.

use crate::{
    odata::facts::{self, EntityType, Kind},
    scim::schema::Type,
    translation::path::PathStep,
};

/// What a Graph path leads to.
pub(super) struct Leaf {
    pub kind: Kind,
    /// Whether the declared type is known; else the row's `type` decides.
    pub declared: bool,
    /// Whether it ends at a collection whose items are meant.
    pub ends_in_collection: bool,
}

/// Properties that no schema declares: directory extensions (`extension_{appId}_name`) and
/// schema extensions (`ext…_name`).
fn is_extension_property(name: &str) -> bool {
    let mut parts = name.splitn(3, '_');
    match (parts.next(), parts.next(), parts.next()) {
        (Some("extension"), Some(app), Some(rest)) => {
            app.len() == 32 && app.bytes().all(|b| b.is_ascii_hexdigit()) && !rest.is_empty()
        }
        (Some(prefix), Some(rest), _) => {
            prefix.len() == 11 && prefix.starts_with("ext") && !rest.is_empty()
        }
        _ => false,
    }
}

/// Follows a path through the declared types.
///
/// # Errors
/// Where it leaves them.
pub(super) fn leaf(entity: &'static EntityType, steps: &[PathStep]) -> Result<Leaf, String> {
    let mut owner = entity.name().to_owned();
    let mut current: Option<(Kind, bool)> = None;
    let mut declared = true;
    for step in steps {
        match (step, &mut current) {
            (PathStep::Member(name), None) => {
                current = match entity.property(name) {
                    Some(property) => Some((property.kind.clone(), property.collection)),
                    None if entity.navigation(name).is_some() => {
                        return Err(format!(
                            "'{name}' of {owner} is a relation: use a [[relation]] row"
                        ));
                    }
                    None if entity.is_open() && is_extension_property(name) => {
                        declared = false;
                        Some((Kind::String, false))
                    }
                    None => return Err(format!("Graph's {owner} has no property '{name}'")),
                };
            }
            (PathStep::Member(name), Some((_, true))) => {
                return Err(format!(
                    "'{owner}' is a collection: write [*] or [0] before '.{name}'"
                ));
            }
            (PathStep::Member(name), Some((Kind::Complex(complex), false))) => {
                let found = facts::complex(complex);
                let property = found.and_then(|c| c.property(name));
                current = match property {
                    Some(property) => Some((property.kind.clone(), property.collection)),
                    // Below an open type nothing is declared, so anything may follow.
                    None if found.is_some_and(facts::ComplexType::is_open) => {
                        declared = false;
                        Some((Kind::Complex(complex.clone()), false))
                    }
                    None => return Err(format!("Graph's {complex} has no property '{name}'")),
                };
            }
            // Below a name that no type declares anything may follow.
            (PathStep::Member(_), Some((Kind::String, false)))
            | (PathStep::Index(_) | PathStep::Each, Some((_, false)))
                if !declared => {}
            (PathStep::Member(name), Some((kind, false))) => {
                return Err(format!("{} has no property '{name}'", kind.name()));
            }
            (PathStep::Index(_) | PathStep::Each, Some((_, collection @ true))) => {
                *collection = false;
            }
            (PathStep::Index(_) | PathStep::Each, _) => {
                return Err(format!("'{owner}' is not a collection"));
            }
        }
        if let PathStep::Member(name) = step {
            owner.clone_from(name);
        }
    }
    let (kind, collection) = current.unwrap_or((Kind::String, false));
    Ok(Leaf {
        kind: if declared { kind } else { Kind::String },
        declared,
        ends_in_collection: collection,
    })
}

/// The Graph type that a row's own `type` stands for.
pub(super) fn kind_of(kind: Type) -> Kind {
    match kind {
        Type::Boolean => Kind::Boolean,
        Type::Integer => Kind::Int64,
        Type::Decimal => Kind::Double,
        Type::DateTime => Kind::DateTimeOffset,
        Type::Binary => Kind::Binary,
        Type::String | Type::Reference | Type::Complex => Kind::String,
    }
}
