//! Facts of Graph v1.0, read from the JSON tables beside this file: types and properties
//! (`schema.json`, from the published CSDL), query rules (`filters.json`, from the
//! advanced-queries page), costs (the throttling page).

mod cost;
mod defaults;
mod rules;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

pub use cost::{Cost, cost};
pub use defaults::default_properties;
pub use rules::{
    FilterRule, Support, count_rule, filter_paths, filter_rule, orderby, per_object_only,
    searchable,
};

/// The type of a property, or of a collection's items.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "OData's own names")]
pub enum Kind {
    String,
    Boolean,
    Int32,
    Int64,
    Double,
    DateTimeOffset,
    Date,
    TimeOfDay,
    Duration,
    Guid,
    Binary,
    Stream,
    /// An enumeration type, by name.
    Enum(String),
    /// A complex type, by name.
    Complex(String),
}

impl Kind {
    fn from_name(name: &str) -> Self {
        match name {
            "Edm.String" => Self::String,
            "Edm.Boolean" => Self::Boolean,
            "Edm.Int16" | "Edm.Int32" | "Edm.Byte" => Self::Int32,
            "Edm.Int64" => Self::Int64,
            "Edm.Double" | "Edm.Single" | "Edm.Decimal" => Self::Double,
            "Edm.DateTimeOffset" => Self::DateTimeOffset,
            "Edm.Date" => Self::Date,
            "Edm.TimeOfDay" => Self::TimeOfDay,
            "Edm.Duration" => Self::Duration,
            "Edm.Guid" => Self::Guid,
            "Edm.Binary" => Self::Binary,
            "Edm.Stream" => Self::Stream,
            _ if RAW.enums.contains_key(name) => Self::Enum(name.to_owned()),
            _ => Self::Complex(name.to_owned()),
        }
    }

    /// The type's name as Graph's messages show it.
    pub fn name(&self) -> String {
        match self {
            Self::Enum(name) | Self::Complex(name) => format!("microsoft.graph.{name}"),
            simple => format!("Edm.{simple:?}"),
        }
    }
}

/// A structural property.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Property {
    /// Its name.
    pub name: String,
    /// Its type, or the type of its items.
    pub kind: Kind,
    /// Whether it is a collection.
    pub collection: bool,
    /// Whether null is a value of it.
    pub nullable: bool,
}

/// A navigation property.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Navigation {
    /// Its name.
    pub name: String,
    /// The entity type it leads to.
    pub target: String,
    /// Whether it leads to many.
    pub collection: bool,
}

/// An entity type with all that it inherits.
#[derive(Clone, Debug)]
pub struct EntityType {
    name: String,
    properties: BTreeMap<String, Property>,
    navigations: BTreeMap<String, Navigation>,
    open: bool,
}

impl EntityType {
    /// `user`, `group`, …
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A property by its exact name.
    pub fn property(&self, name: &str) -> Option<&Property> {
        self.properties.get(name)
    }

    /// All properties, by name.
    pub fn properties(&self) -> impl Iterator<Item = &Property> {
        self.properties.values()
    }

    /// All navigation properties, by name.
    pub fn navigations(&self) -> impl Iterator<Item = &Navigation> {
        self.navigations.values()
    }

    /// The type that it derives from.
    pub fn base(&self) -> Option<&str> {
        RAW.entities.get(&self.name)?.base.as_deref()
    }

    /// A navigation property by its exact name.
    pub fn navigation(&self, name: &str) -> Option<&Navigation> {
        self.navigations.get(name)
    }

    /// Whether it takes properties that its type does not declare (directory extensions).
    pub fn is_open(&self) -> bool {
        self.open
    }
}

/// A complex type with all that it inherits.
#[derive(Clone, Debug)]
pub struct ComplexType {
    name: String,
    properties: BTreeMap<String, Property>,
    open: bool,
}

impl ComplexType {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A property by its exact name.
    pub fn property(&self, name: &str) -> Option<&Property> {
        self.properties.get(name)
    }

    /// All properties, by name.
    pub fn properties(&self) -> impl Iterator<Item = &Property> {
        self.properties.values()
    }

    /// Whether it takes properties that its type does not declare.
    pub fn is_open(&self) -> bool {
        self.open
    }
}

#[derive(Deserialize)]
struct RawSchema {
    entities: BTreeMap<String, RawType>,
    complex: BTreeMap<String, RawType>,
    enums: BTreeMap<String, Vec<String>>,
    operations: Vec<RawOperation>,
}

#[derive(Deserialize)]
struct RawOperation {
    name: String,
}

#[derive(Deserialize)]
struct RawType {
    base: Option<String>,
    #[serde(default)]
    open: bool,
    #[serde(default)]
    properties: BTreeMap<String, RawProperty>,
    #[serde(default, alias = "navigation")]
    navigations: BTreeMap<String, RawNavigation>,
}

#[derive(Deserialize)]
struct RawProperty {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default = "yes")]
    nullable: bool,
}

#[derive(Deserialize)]
struct RawNavigation {
    #[serde(rename = "type")]
    kind: String,
}

fn yes() -> bool {
    true
}

#[expect(
    clippy::expect_used,
    reason = "the table is compiled in; a test reads it whole"
)]
static RAW: LazyLock<RawSchema> = LazyLock::new(|| {
    serde_json::from_str(include_str!("schema.json")).expect("schema.json is well-formed")
});

static ENTITIES: LazyLock<BTreeMap<String, EntityType>> = LazyLock::new(|| {
    RAW.entities
        .keys()
        .map(|name| {
            let mut entity = EntityType {
                name: name.clone(),
                properties: BTreeMap::new(),
                navigations: BTreeMap::new(),
                open: false,
            };
            for raw in lineage(&RAW.entities, name) {
                entity.open |= raw.open;
                entity.properties.extend(properties(raw));
                entity.navigations.extend(navigations(raw));
            }
            (name.clone(), entity)
        })
        .collect()
});

static COMPLEX: LazyLock<BTreeMap<String, ComplexType>> = LazyLock::new(|| {
    RAW.complex
        .keys()
        .map(|name| {
            let mut complex = ComplexType {
                name: name.clone(),
                properties: BTreeMap::new(),
                open: false,
            };
            for raw in lineage(&RAW.complex, name) {
                complex.open |= raw.open;
                complex.properties.extend(properties(raw));
            }
            (name.clone(), complex)
        })
        .collect()
});

fn lineage<'a>(types: &'a BTreeMap<String, RawType>, name: &'a str) -> Vec<&'a RawType> {
    let mut line = Vec::new();
    let mut next = Some(name);
    while let Some(raw) = next.and_then(|n| types.get(n)) {
        line.push(raw);
        next = raw.base.as_deref();
    }
    line
}

fn collection(kind: &str) -> (&str, bool) {
    kind.strip_prefix("Collection(")
        .and_then(|inner| inner.strip_suffix(')'))
        .map_or((kind, false), |inner| (inner, true))
}

fn properties(raw: &RawType) -> impl Iterator<Item = (String, Property)> {
    raw.properties.iter().map(|(name, property)| {
        let (kind, collection) = collection(&property.kind);
        let property = Property {
            name: name.clone(),
            kind: Kind::from_name(kind),
            collection,
            nullable: property.nullable,
        };
        (name.clone(), property)
    })
}

fn navigations(raw: &RawType) -> impl Iterator<Item = (String, Navigation)> {
    raw.navigations.iter().map(|(name, navigation)| {
        let (target, collection) = collection(&navigation.kind);
        let navigation = Navigation {
            name: name.clone(),
            target: target.to_owned(),
            collection,
        };
        (name.clone(), navigation)
    })
}

/// An entity type by name (`user`), with inherited properties.
pub fn entity(name: &str) -> Option<&'static EntityType> {
    ENTITIES.get(name)
}

/// All entity types.
pub fn entities() -> impl Iterator<Item = &'static EntityType> {
    ENTITIES.values()
}

/// A complex type by name (`passwordProfile`), with inherited properties.
pub fn complex(name: &str) -> Option<&'static ComplexType> {
    COMPLEX.get(name)
}

/// An action or function by its name in any case, as the schema spells it.
pub fn operation(name: &str) -> Option<&'static str> {
    let mut all = RAW.operations.iter().map(|operation| &operation.name);
    all.find(|known| known.eq_ignore_ascii_case(name))
        .map(String::as_str)
}

/// All complex types.
pub fn complexes() -> impl Iterator<Item = &'static ComplexType> {
    COMPLEX.values()
}

/// All enumeration types with their members.
pub fn enumerations() -> impl Iterator<Item = (&'static str, &'static [String])> {
    RAW.enums
        .iter()
        .map(|(name, members)| (name.as_str(), members.as_slice()))
}

/// The members of an enumeration type.
pub fn enumeration(name: &str) -> Option<&'static [String]> {
    RAW.enums.get(name).map(Vec::as_slice)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_inherit() {
        let user = entity("user").unwrap();
        for (name, kind, collection, nullable) in [
            ("id", Kind::String, false, false),
            ("deletedDateTime", Kind::DateTimeOffset, false, true),
            ("accountEnabled", Kind::Boolean, false, true),
            ("businessPhones", Kind::String, true, false),
            (
                "passwordProfile",
                Kind::Complex("passwordProfile".into()),
                false,
                true,
            ),
            ("deviceEnrollmentLimit", Kind::Int32, false, false),
        ] {
            let expected = Property {
                name: name.into(),
                kind,
                collection,
                nullable,
            };
            assert_eq!(user.property(name), Some(&expected));
        }
        assert!(user.is_open() && user.property("nope").is_none());
        let manager = user.navigation("manager").unwrap();
        assert_eq!(
            (manager.target.as_str(), manager.collection),
            ("directoryObject", false)
        );
        assert!(
            entity("group")
                .unwrap()
                .navigation("members")
                .unwrap()
                .collection
        );
        assert_eq!(
            entity("group")
                .unwrap()
                .property("accessType")
                .unwrap()
                .kind,
            Kind::Enum("groupAccessType".into())
        );
        assert!(
            complex("employeeOrgData")
                .unwrap()
                .property("division")
                .is_some()
        );
        assert!(
            enumeration("groupAccessType")
                .unwrap()
                .contains(&"private".to_owned())
        );
    }

    #[test]
    fn default_properties_exist() {
        // On the wire, though the published CSDL does not declare them.
        const UNDECLARED: [(&str, &str); 4] = [
            ("organization", "directorySizeQuota"),
            ("organization", "isMultipleDataLocationsForServicesEnabled"),
            ("group", "creationOptions"),
            ("servicePrincipal", "createdDateTime"),
        ];
        for entity in entities() {
            for name in default_properties(entity.name()) {
                assert!(
                    entity.property(name).is_some() || UNDECLARED.contains(&(entity.name(), name)),
                    "{} {name}",
                    entity.name()
                );
            }
        }
        assert_eq!(default_properties("user").len(), 11);
    }
}
