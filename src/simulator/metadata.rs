//! `$metadata` and the service document: what the types and the entity sets are, for clients that read
//! it before anything else. As much as the facts of `odata::facts` hold; all else is left out.

use std::fmt::Write as _;
use std::sync::LazyLock;

use serde_json::{Value, json};

use super::model::{Holds, Sets};
use crate::odata::facts::{self, EntityType, Kind, Property};

/// The service document at `base`, the address of a version.
pub fn service_document(sets: Sets, base: &str) -> Value {
    let all: Vec<Value> = top_level(sets)
        .map(|name| json!({"name": name, "kind": "EntitySet", "url": name}))
        .collect();
    json!({"@odata.context": format!("{base}/$metadata"), "value": all})
}

fn top_level(sets: Sets) -> impl Iterator<Item = &'static str> {
    sets.0.iter().filter_map(|set| match set.path {
        [name] => Some(*name),
        _ => None,
    })
}

/// The CSDL document.
pub fn csdl(sets: Sets) -> String {
    static TYPES: LazyLock<String> = LazyLock::new(types);
    let mut text = String::from(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?><edmx:Edmx Version=\"4.0\" \
         xmlns:edmx=\"http://docs.oasis-open.org/odata/ns/edmx\"><edmx:DataServices>\
         <Schema Namespace=\"microsoft.graph\" Alias=\"graph\" \
         xmlns=\"http://docs.oasis-open.org/odata/ns/edm\">",
    );
    text.push_str(&TYPES);
    text.push_str("<EntityContainer Name=\"GraphService\">");
    for set in sets.0.iter().filter(|set| set.path.len() == 1) {
        let entity = match set.holds {
            Holds::One(kind) => kind.entity(),
            Holds::Any => "directoryObject",
            Holds::Documents(_) => super::operations::documents::entity_name(set),
            Holds::Nothing => "invitation",
        };
        if facts::entity(entity).is_some() {
            let name = set.path[0];
            write(
                &mut text,
                format_args!(
                    "<EntitySet Name=\"{name}\" EntityType=\"microsoft.graph.{entity}\"/>"
                ),
            );
        }
    }
    text.push_str("</EntityContainer></Schema></edmx:DataServices></edmx:Edmx>");
    text
}

fn write(text: &mut String, parts: std::fmt::Arguments<'_>) {
    // A string takes everything.
    let _ = text.write_fmt(parts);
}

fn types() -> String {
    let mut text = String::new();
    for (name, members) in facts::enumerations() {
        write(&mut text, format_args!("<EnumType Name=\"{name}\">"));
        for (number, member) in members.iter().enumerate() {
            write(
                &mut text,
                format_args!("<Member Name=\"{member}\" Value=\"{number}\"/>"),
            );
        }
        text.push_str("</EnumType>");
    }
    for complex in facts::complexes() {
        let open = if complex.is_open() {
            " OpenType=\"true\""
        } else {
            ""
        };
        let name = complex.name();
        write(
            &mut text,
            format_args!("<ComplexType Name=\"{name}\"{open}>"),
        );
        complex.properties().for_each(|p| property(&mut text, p));
        text.push_str("</ComplexType>");
    }
    facts::entities().for_each(|entity| entity_type(&mut text, entity));
    text
}

/// An entity type with what it does not inherit.
fn entity_type(text: &mut String, entity: &EntityType) {
    let base = entity.base().and_then(facts::entity);
    let name = entity.name();
    write(text, format_args!("<EntityType Name=\"{name}\""));
    if let Some(base) = base {
        write(
            text,
            format_args!(" BaseType=\"microsoft.graph.{}\"", base.name()),
        );
    }
    text.push_str(if entity.is_open() {
        " OpenType=\"true\">"
    } else {
        ">"
    });
    if base.is_none() && entity.property("id").is_some() {
        text.push_str("<Key><PropertyRef Name=\"id\"/></Key>");
    }
    let inherits = |name: &str| base.is_some_and(|base| base.property(name).is_some());
    entity
        .properties()
        .filter(|p| !inherits(&p.name))
        .for_each(|p| property(text, p));
    for navigation in entity.navigations() {
        let inherited = base.is_some_and(|base| base.navigation(&navigation.name).is_some());
        if inherited || facts::entity(&navigation.target).is_none() {
            continue;
        }
        let target = format!("microsoft.graph.{}", navigation.target);
        let target = collection(navigation.collection, &target);
        let name = &navigation.name;
        write(
            text,
            format_args!("<NavigationProperty Name=\"{name}\" Type=\"{target}\"/>"),
        );
    }
    text.push_str("</EntityType>");
}

fn property(text: &mut String, property: &Property) {
    let known = match &property.kind {
        Kind::Complex(name) => facts::complex(name).is_some(),
        _ => true,
    };
    let kind = if known {
        property.kind.name()
    } else {
        "Edm.Untyped".to_owned()
    };
    let kind = collection(property.collection, &kind);
    let nullable = if property.nullable {
        ""
    } else {
        " Nullable=\"false\""
    };
    let name = &property.name;
    write(
        text,
        format_args!("<Property Name=\"{name}\" Type=\"{kind}\"{nullable}/>"),
    );
}

fn collection(is: bool, kind: &str) -> String {
    if is {
        format!("Collection({kind})")
    } else {
        kind.to_owned()
    }
}
