//! Schemas (RFC 7643 §7) as values: what `/Schemas` publishes and what all else checks against.

use serde::Serialize;

use super::{attr::AttrPath, error::Error, vocabulary};

/// The type of an attribute's value. RFC 7643 §2.3
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the names are RFC 7643 §7's")]
pub enum Type {
    String,
    Boolean,
    Decimal,
    Integer,
    DateTime,
    Binary,
    Reference,
    Complex,
}

/// Who may change an attribute. RFC 7643 §7
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the names are RFC 7643 §7's")]
pub enum Mutability {
    ReadOnly,
    ReadWrite,
    Immutable,
    WriteOnly,
}

/// When an attribute is returned. RFC 7643 §7
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the names are RFC 7643 §7's")]
pub enum Returned {
    Always,
    Never,
    Default,
    Request,
}

/// How unique a value is. RFC 7643 §7
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the names are RFC 7643 §7's")]
pub enum Uniqueness {
    None,
    Server,
    Global,
}

/// One attribute definition; serialises to the form of RFC 7643 §7.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Attribute {
    /// Name, in the spelling that answers use.
    pub name: String,
    /// Value type.
    #[serde(rename = "type")]
    pub kind: Type,
    /// Whether the value is an array.
    pub multi_valued: bool,
    /// For people.
    pub description: String,
    /// Whether a resource must have it.
    pub required: bool,
    /// Suggested values, such as `work` and `home`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub canonical_values: Vec<String>,
    /// Whether string comparison heeds case.
    pub case_exact: bool,
    /// Who may change it.
    pub mutability: Mutability,
    /// When it is returned.
    pub returned: Returned,
    /// How unique its values are.
    pub uniqueness: Uniqueness,
    /// What a reference may point to.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reference_types: Vec<String>,
    /// Sub-attributes of a complex attribute (never complex themselves).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sub_attributes: Vec<Attribute>,
    /// Of a multi-valued attribute for which the server decides what is `primary`: the `type` of
    /// the element that it is, so that a PATCH of `[primary eq true]` means one element, be it
    /// there or not. Not published.
    #[serde(skip)]
    pub primary_type: Option<String>,
    /// What a client sends for it is taken, and not kept: it is made of other attributes, or
    /// nothing holds it. Not published.
    #[serde(skip)]
    pub unkept: bool,
}

impl Attribute {
    /// A single-valued, optional, readWrite, default-returned attribute without sub-attributes.
    pub fn new(name: impl Into<String>, kind: Type, description: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            kind,
            multi_valued: false,
            description: description.into(),
            required: false,
            canonical_values: Vec::new(),
            case_exact: false,
            mutability: Mutability::ReadWrite,
            returned: Returned::Default,
            uniqueness: Uniqueness::None,
            reference_types: Vec::new(),
            sub_attributes: Vec::new(),
            primary_type: None,
            unkept: false,
        }
    }

    /// The sub-attribute of that name, in any case.
    pub fn sub(&self, name: &str) -> Option<&Self> {
        self.sub_attributes
            .iter()
            .find(|a| a.name.eq_ignore_ascii_case(name))
    }
}

/// One schema: the core one of a resource type, or an extension.
#[derive(Clone, Debug, PartialEq)]
pub struct Schema {
    /// The URN.
    pub id: String,
    /// Short name (`User`, `EnterpriseUser`).
    pub name: String,
    /// For people.
    pub description: String,
    /// Its attributes, in the order in which answers list them.
    pub attributes: Vec<Attribute>,
}

impl Schema {
    /// The attribute of that name, in any case.
    pub fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.attributes
            .iter()
            .find(|a| a.name.eq_ignore_ascii_case(name))
    }
}

/// The schemas of one resource type: the core one (with the common attributes `id`, `externalId`
/// and `meta` resolved implicitly) and its extensions.
#[derive(Clone, Debug, PartialEq)]
pub struct ResourceSchema {
    /// `User`, `Group`, …: `meta.resourceType`.
    pub name: String,
    /// `/Users`, `/Groups`, …
    pub endpoint: String,
    /// The core schema.
    pub core: Schema,
    /// The extensions, in the order in which answers list them.
    pub extensions: Vec<Schema>,
    /// The common attributes of RFC 7643 §3.1 (`schemas`, `id`, `externalId`, `meta`).
    pub common: Vec<Attribute>,
}

/// An attribute path found in a schema, in the schema's spelling.
#[derive(Clone, Debug, PartialEq)]
pub struct Resolved<'a> {
    /// Canonical path: `urn` is `None` for core and common attributes, the URN for an extension.
    pub path: AttrPath,
    /// The attribute (not the sub-attribute). For a bare extension URN: `None`.
    pub attribute: Option<&'a Attribute>,
    /// The sub-attribute, when the path has one.
    pub sub: Option<&'a Attribute>,
}

impl<'a> Resolved<'a> {
    /// The definition that the whole path ends at: the sub-attribute if there is one.
    pub fn leaf(&self) -> Option<&'a Attribute> {
        self.sub.or(self.attribute)
    }
}

impl ResourceSchema {
    /// The common attributes of every resource: `schemas`, `id`, `externalId`, `meta`.
    /// RFC 7643 §3.1
    pub fn common_attributes() -> Vec<Attribute> {
        let read_only = |name: &str, kind, text: &str| Attribute {
            mutability: Mutability::ReadOnly,
            ..Attribute::new(name, kind, text)
        };
        let mut schemas = read_only("schemas", Type::Reference, "The schemas in use.");
        schemas.multi_valued = true;
        schemas.case_exact = true;
        schemas.returned = Returned::Always;
        schemas.reference_types = vec!["uri".into()];
        let mut id = read_only("id", Type::String, "The Graph object id.");
        id.case_exact = true;
        id.returned = Returned::Always;
        id.uniqueness = Uniqueness::Global;
        let mut meta = read_only("meta", Type::Complex, "About the resource.");
        let mut version = read_only("version", Type::String, "Weak entity tag.");
        version.case_exact = true;
        let mut resource_type = read_only("resourceType", Type::String, "The resource type.");
        resource_type.case_exact = true;
        let mut location = read_only("location", Type::Reference, "The resource's own URL.");
        location.case_exact = true;
        location.reference_types = vec!["uri".into()];
        meta.sub_attributes = vec![
            resource_type,
            read_only("created", Type::DateTime, "When the resource was created."),
            read_only(
                "lastModified",
                Type::DateTime,
                "When the present state was first seen.",
            ),
            location,
            version,
        ];
        let mut external_id = Attribute::new(
            "externalId",
            Type::String,
            "The client's own name of the resource; nothing holds it here.",
        );
        external_id.case_exact = true;
        external_id.unkept = true;
        vec![schemas, id, external_id, meta]
    }

    /// Whether RFC 7643 defines the attribute, be it mapped or not: a client that fills it has made
    /// no mistake.
    pub fn is_defined(&self, path: &AttrPath) -> bool {
        let defined = |schema: &str| {
            vocabulary::attribute(schema, &path.attr).is_some_and(|(_, subs)| {
                let known = |sub: &String| {
                    subs.is_some_and(|subs| {
                        subs.iter().any(|known| known.eq_ignore_ascii_case(sub))
                    })
                };
                path.sub.as_ref().is_none_or(known)
            })
        };
        match &path.urn {
            Some(urn) => defined(urn),
            None => {
                defined(&self.core.id)
                    || self
                        .extensions
                        .iter()
                        .any(|extension| defined(&extension.id))
            }
        }
    }

    /// The extension with that URN, in any case.
    pub fn extension(&self, urn: &str) -> Option<&Schema> {
        self.extensions
            .iter()
            .find(|s| s.id.eq_ignore_ascii_case(urn))
    }

    /// Finds a path in the schemas and gives it the schema's spelling.
    ///
    /// Accepted: bare and core-URN-qualified core attributes, extension attributes by URN (with
    /// `:` or, as Entra's inbound sync writes, `.` before the attribute), a bare extension URN,
    /// and, when no core attribute has that name and exactly one extension does, the bare name
    /// of an extension attribute (Entra sends `manager` so).
    ///
    /// # Errors
    /// `invalidPath`, naming the path, when there is no such attribute.
    pub fn resolve(&self, path: &AttrPath) -> Result<Resolved<'_>, Error> {
        let unknown = || {
            Error::invalid_path(format!(
                "'{path}' is not an attribute of resource type {}",
                self.name
            ))
        };
        let Some(urn) = &path.urn else {
            let core = self.core.attribute(&path.attr).or_else(|| {
                self.common
                    .iter()
                    .find(|a| a.name.eq_ignore_ascii_case(&path.attr))
            });
            if let Some(attribute) = core {
                return Self::settle(None, attribute, path.sub.as_deref()).ok_or_else(unknown);
            }
            let mut found = self
                .extensions
                .iter()
                .filter_map(|s| s.attribute(&path.attr).map(|a| (s, a)));
            return match (found.next(), found.next()) {
                (Some((schema, attribute)), None) => {
                    Self::settle(Some(&schema.id), attribute, path.sub.as_deref())
                        .ok_or_else(unknown)
                }
                _ => Err(unknown()),
            };
        };
        if urn.eq_ignore_ascii_case(&self.core.id) {
            return self.resolve(&AttrPath {
                urn: None,
                ..path.clone()
            });
        }
        if let Some(schema) = self.extension(urn) {
            let attribute = schema.attribute(&path.attr).ok_or_else(unknown)?;
            return Self::settle(Some(&schema.id), attribute, path.sub.as_deref())
                .ok_or_else(unknown);
        }
        self.resolve_whole(&path.to_string()).ok_or_else(unknown)
    }

    /// The forms in which the last `:` is not where the attribute begins: a bare extension URN,
    /// and the dot form `urn:…:User.manager[.value]`.
    fn resolve_whole(&self, text: &str) -> Option<Resolved<'_>> {
        for schema in std::iter::once(&self.core).chain(&self.extensions) {
            let Some(head) = text.get(..schema.id.len()) else {
                continue;
            };
            if !head.eq_ignore_ascii_case(&schema.id) {
                continue;
            }
            let urn = (schema.id != self.core.id).then_some(&schema.id);
            let rest = &text[schema.id.len()..];
            if rest.is_empty() {
                let path = AttrPath {
                    urn: Some(schema.id.clone()),
                    attr: String::new(),
                    sub: None,
                };
                return Some(Resolved {
                    path,
                    attribute: None,
                    sub: None,
                });
            }
            if let Some(rest) = rest.strip_prefix('.') {
                let (attr, sub) = rest
                    .split_once('.')
                    .map_or((rest, None), |(a, s)| (a, Some(s)));
                if let Some(attribute) = schema.attribute(attr) {
                    return Self::settle(urn, attribute, sub);
                }
            }
        }
        None
    }

    fn settle<'a>(
        urn: Option<&String>,
        attribute: &'a Attribute,
        sub: Option<&str>,
    ) -> Option<Resolved<'a>> {
        let sub = match sub {
            None => None,
            Some(name) => Some(attribute.sub(name)?),
        };
        let path = AttrPath {
            urn: urn.cloned(),
            attr: attribute.name.clone(),
            sub: sub.map(|s| s.name.clone()),
        };
        Some(Resolved {
            path,
            attribute: Some(attribute),
            sub,
        })
    }
}
