//! Schemas out of rows: what `/Schemas` publishes is what the rows do.

use super::{
    path::Place,
    row::{ElementKind, RelationRow, Row},
    spec::{Shape, Spec},
};
use crate::scim::{
    attr::AttrPath,
    schema::{Attribute, Mutability, ResourceSchema, Returned, Schema, Type},
    urn, vocabulary,
};

/// Whether RFC 7643 knows the attribute in another spelling or shape.
///
/// # Errors
/// What the RFC has.
pub(super) fn check_defined(schema: &str, place: &Place) -> Result<(), String> {
    let table = vocabulary::attributes(schema);
    if table.is_empty() {
        return Ok(());
    }
    let attr = place.attr().attr;
    let Some((name, subs)) = table.iter().find(|(n, _)| n.eq_ignore_ascii_case(&attr)) else {
        return if schema == urn::ENTERPRISE_USER {
            let known: Vec<&str> = table.iter().map(|(n, _)| *n).collect();
            Err(format!(
                "'{attr}' is not an attribute of the enterprise extension ({}): \
                 use an extension of your own",
                known.join(", ")
            ))
        } else {
            Ok(())
        };
    };
    if *name != attr {
        return Err(format!("RFC 7643 spells '{attr}' as '{name}'"));
    }
    match (subs, place.sub()) {
        (None, Some(_)) => Err(format!("'{name}' is not complex in RFC 7643")),
        (Some(subs), None) => Err(format!(
            "'{name}' is complex in RFC 7643: name one of {}",
            subs.join(", ")
        )),
        (Some(subs), Some(sub)) if !subs.contains(&sub) => Err(format!(
            "'{name}' has no sub-attribute '{sub}' in RFC 7643: {}",
            subs.join(", ")
        )),
        (Some(_), Some(_)) if *name != "name" && matches!(place, Place::Plain(_)) => Err(format!(
            "'{name}' is multi-valued in RFC 7643: write {name}[?@.type=='work'].sub"
        )),
        (None, None) | (Some(_), Some(_)) => Ok(()),
    }
}

/// The schemas that the rows make, relations included.
pub(super) fn derive(
    spec: &Spec,
    rows: &[Row],
    element_kinds: &[ElementKind],
    relations: &[RelationRow],
) -> Result<ResourceSchema, Vec<(usize, String)>> {
    let mut schema = ResourceSchema {
        name: spec.resource.clone(),
        endpoint: spec.endpoint.clone(),
        core: Schema {
            id: spec.schema.clone(),
            name: spec.resource.clone(),
            description: spec.description.clone(),
            attributes: Vec::new(),
        },
        extensions: spec
            .extension
            .iter()
            .map(|extension| Schema {
                id: extension.urn.get_ref().clone(),
                name: extension.name.clone(),
                description: extension.description.clone(),
                attributes: Vec::new(),
            })
            .collect(),
        common: ResourceSchema::common_attributes(),
    };
    let mut errors = Vec::new();
    for (index, row) in rows.iter().enumerate() {
        if let Err(message) = add(&mut schema, row) {
            errors.push((index, message));
        }
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    for element_kind in element_kinds
        .iter()
        .filter(|element_kind| element_kind.is_primary)
    {
        let kind = element_kind
            .equalities
            .iter()
            .find(|(name, _)| name == "type");
        let attributes = attributes_of(&mut schema, &element_kind.attr);
        if let Some(attribute) = attributes
            .iter_mut()
            .find(|a| a.name == element_kind.attr.attr)
        {
            attribute.primary_type = kind.and_then(|(_, v)| v.as_str()).map(str::to_owned);
        }
    }
    for row in relations {
        attributes_of(&mut schema, &row.path).push(row.attribute.clone());
    }
    for attribute in schema
        .extensions
        .iter_mut()
        .chain([&mut schema.core])
        .flat_map(|s| &mut s.attributes)
    {
        settle(attribute);
    }
    Ok(schema)
}

/// The attributes of the schema that a path is in. The caller has checked that the URN is known.
fn attributes_of<'a>(schema: &'a mut ResourceSchema, path: &AttrPath) -> &'a mut Vec<Attribute> {
    let ResourceSchema {
        core, extensions, ..
    } = schema;
    let extension = path
        .urn
        .as_ref()
        .and_then(|urn| extensions.iter_mut().find(|s| s.id == *urn));
    &mut extension.unwrap_or(core).attributes
}

fn add(schema: &mut ResourceSchema, row: &Row) -> Result<(), String> {
    let path = row.place().attr();
    if path.urn.is_none() {
        match (path.attr.as_str(), row.place().sub()) {
            // Said by the common attributes already.
            ("id", None) | ("meta", Some("created")) => return Ok(()),
            ("schemas" | "meta" | "id", _) => {
                return Err(format!(
                    "'{}' is filled by the server: only id and meta.created may be mapped",
                    row.written
                ));
            }
            ("externalId", None) => {
                // RFC 7643 §3.1: a common attribute, which is not listed in the schema.
                let named = |attribute: &Attribute| attribute.name == "externalId";
                schema.common.retain(|attribute| !named(attribute));
                schema.common.insert(2, row.attribute("externalId", false));
                return Ok(());
            }
            _ => {}
        }
    }
    let attributes = attributes_of(schema, &path);
    let Some(sub) = row.place().sub() else {
        if attributes.iter().any(|a| a.name == path.attr) {
            return Err(format!("'{}' is complex in another row", path.attr));
        }
        attributes.push(row.attribute(&path.attr, row.multi));
        return Ok(());
    };
    let is_list = !matches!(row.place(), Place::Plain(_));
    let position = attributes.iter().position(|a| a.name == path.attr);
    let position = position.unwrap_or_else(|| {
        let description = format!(
            "Made of the sub-attributes that Entra has of '{}'.",
            path.attr
        );
        attributes.push(Attribute {
            multi_valued: is_list,
            ..Attribute::new(&path.attr, Type::Complex, description)
        });
        attributes.len() - 1
    });
    let Some(attribute) = attributes.get_mut(position) else {
        return Ok(());
    };
    if attribute.kind != Type::Complex || attribute.multi_valued != is_list {
        return Err(format!("'{}' has another shape in another row", path.attr));
    }
    add_sub(attribute, row.attribute(sub, row.multi && !is_list))?;
    if let Place::Element { equalities, .. } = row.place() {
        for (name, value) in equalities {
            let kind = if value.is_boolean() {
                Type::Boolean
            } else {
                Type::String
            };
            let mut fixed = Attribute::new(name, kind, "Tells the elements apart.");
            fixed.canonical_values = value.as_str().map(str::to_owned).into_iter().collect();
            if name == "primary" {
                continue;
            }
            add_sub(attribute, fixed)?;
        }
    }
    Ok(())
}

/// Adds a sub-attribute, or widens the one that is there.
fn add_sub(attribute: &mut Attribute, new: Attribute) -> Result<(), String> {
    let Some(old) = attribute
        .sub_attributes
        .iter_mut()
        .find(|s| s.name == new.name)
    else {
        attribute.sub_attributes.push(new);
        return Ok(());
    };
    if old.kind != new.kind || old.multi_valued != new.multi_valued {
        return Err(format!(
            "'{}.{}' has another type in another row",
            attribute.name, new.name
        ));
    }
    for value in new.canonical_values {
        if !old.canonical_values.contains(&value) {
            old.canonical_values.push(value);
        }
    }
    if old.mutability != new.mutability {
        old.mutability = Mutability::ReadWrite;
    }
    if old.returned != new.returned {
        old.returned = Returned::Default;
    }
    old.case_exact &= new.case_exact;
    old.unkept &= new.unkept;
    old.required &= new.required;
    Ok(())
}

/// Completes a complex attribute that rows made: what all its sub-attributes are, it is.
fn settle(attribute: &mut Attribute) {
    let is_relation = attribute.sub("$ref").is_some();
    if attribute.kind != Type::Complex || is_relation {
        return;
    }
    let all = |test: &dyn Fn(&Attribute) -> bool, attribute: &Attribute| {
        attribute
            .sub_attributes
            .iter()
            .filter(|s| s.name != "type")
            .all(test)
    };
    for mutability in [
        Mutability::ReadOnly,
        Mutability::Immutable,
        Mutability::WriteOnly,
    ] {
        if all(&|s| s.mutability == mutability, attribute) {
            attribute.mutability = mutability;
        }
    }
    for returned in [Returned::Request, Returned::Never] {
        if all(&|s| s.returned == returned, attribute) {
            attribute.returned = returned;
        }
    }
    if attribute.mutability == Mutability::ReadOnly {
        for sub in &mut attribute.sub_attributes {
            sub.mutability = Mutability::ReadOnly;
        }
    }
    // Entra has no say about which value is primary: the mapping decides, so what a client sends
    // is ignored, as RFC 7644 §3.3 has it for readOnly.
    let typed = attribute.multi_valued && attribute.sub("type").is_some();
    if typed && attribute.sub("primary").is_none() {
        attribute.sub_attributes.push(Attribute {
            mutability: Mutability::ReadOnly,
            unkept: true,
            ..Attribute::new(
                "primary",
                Type::Boolean,
                "Whether it is the preferred value; decided by the mapping.",
            )
        });
    }
    if typed && attribute.sub("value").is_some() && attribute.sub("display").is_none() {
        attribute.sub_attributes.push(Attribute {
            mutability: Mutability::ReadOnly,
            unkept: true,
            ..Attribute::new("display", Type::String, "For people; Entra stores none.")
        });
    }
}

/// The definition of a relation in the shape that its row asks for.
pub(super) fn relation(mut attribute: Attribute, path: &AttrPath, shape: Shape) -> Attribute {
    attribute.name.clone_from(&path.attr);
    match shape {
        Shape::Elements => attribute,
        Shape::Single => Attribute {
            multi_valued: false,
            ..attribute
        },
        Shape::Value => Attribute {
            kind: Type::String,
            multi_valued: false,
            case_exact: true,
            sub_attributes: Vec::new(),
            ..attribute
        },
    }
}
