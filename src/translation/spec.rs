//! A rule file as written: TOML with unknown keys refused, every value with its place.

use std::{fmt, ops::Range};

use serde::Deserialize;
use toml::Spanned;

use crate::scim::schema::{Returned, Type, Uniqueness};

/// One rule file: its name, as errors show it, and its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleFile {
    /// Shown in errors; usually the path.
    pub name: String,
    /// The TOML text.
    pub text: String,
}

/// What is wrong in a rule file, and where. Displays as `file:line:column: message`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct RuleError {
    /// The rule file's name.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// What is wrong, and what would be right.
    pub message: String,
}

impl fmt::Display for RuleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            file,
            line,
            column,
            message,
        } = self;
        write!(f, "{file}:{line}:{column}: {message}")
    }
}

impl RuleFile {
    /// The line and column (both from 1) of a byte offset.
    pub fn position(&self, offset: usize) -> (usize, usize) {
        let before = self.text.get(..offset).unwrap_or(&self.text);
        let line = before.matches('\n').count() + 1;
        let start = before.rfind('\n').map_or(0, |at| at + 1);
        (line, before[start..].chars().count() + 1)
    }

    /// An error at `span`.
    pub fn error(&self, span: &Range<usize>, message: impl Into<String>) -> RuleError {
        let (line, column) = self.position(span.start);
        RuleError {
            file: self.name.clone(),
            line,
            column,
            message: message.into(),
        }
    }

    /// Reads the TOML.
    ///
    /// # Errors
    /// Bad syntax, an unknown key, a value of the wrong type: with its place.
    pub fn parse(&self) -> Result<Spec, RuleError> {
        toml::from_str(&self.text)
            .map_err(|error| self.error(&error.span().unwrap_or(0..0), error.message()))
    }
}

/// The rules of one resource type, as written.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// The SCIM resource type's name: `User`.
    pub resource: String,
    /// The SCIM endpoint: `/Users`.
    pub endpoint: String,
    /// The core schema's URN.
    pub schema: String,
    /// What the core schema describes.
    #[serde(default)]
    pub description: String,
    /// The Graph entity type: `user`.
    pub entity: Spanned<String>,
    /// Graph permissions that rows need unless they say otherwise.
    #[serde(default)]
    pub permissions: Permissions,
    /// The schema extensions that rows may use.
    #[serde(default)]
    pub extension: Vec<ExtensionSpec>,
    /// The attribute rows.
    #[serde(default)]
    pub attribute: Vec<AttributeSpec>,
    /// The relation rows.
    #[serde(default)]
    pub relation: Vec<RelationSpec>,
}

/// The Graph permissions that suffice for most rows of a file.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Permissions {
    /// For reading.
    #[serde(default)]
    pub read: String,
    /// For writing.
    #[serde(default)]
    pub write: String,
}

/// A schema extension.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExtensionSpec {
    /// Its URN.
    pub urn: Spanned<String>,
    /// Its short name.
    pub name: String,
    /// What it describes.
    #[serde(default)]
    pub description: String,
}

/// Which way values go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Direction {
    /// Read and written: `readWrite`.
    #[default]
    Both,
    /// Only read: `readOnly`.
    Read,
    /// Only written: `writeOnly`, never returned.
    Write,
    /// Written at creation, then only read: `immutable`.
    Create,
}

impl Direction {
    /// `both`, `read`, `write`, `create`
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Both => "both",
            Self::Read => "read",
            Self::Write => "write",
            Self::Create => "create",
        }
    }
}

/// [`Type`] as rule files spell it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum TypeName {
    String,
    Boolean,
    Decimal,
    Integer,
    DateTime,
    Binary,
    Reference,
}

impl From<TypeName> for Type {
    fn from(name: TypeName) -> Self {
        match name {
            TypeName::String => Self::String,
            TypeName::Boolean => Self::Boolean,
            TypeName::Decimal => Self::Decimal,
            TypeName::Integer => Self::Integer,
            TypeName::DateTime => Self::DateTime,
            TypeName::Binary => Self::Binary,
            TypeName::Reference => Self::Reference,
        }
    }
}

/// [`Returned`] as rule files spell it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ReturnedName {
    Always,
    Never,
    Default,
    Request,
}

impl From<ReturnedName> for Returned {
    fn from(name: ReturnedName) -> Self {
        match name {
            ReturnedName::Always => Self::Always,
            ReturnedName::Never => Self::Never,
            ReturnedName::Default => Self::Default,
            ReturnedName::Request => Self::Request,
        }
    }
}

/// [`Uniqueness`] as rule files spell it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum UniquenessName {
    None,
    Server,
    Global,
}

impl From<UniquenessName> for Uniqueness {
    fn from(name: UniquenessName) -> Self {
        match name {
            UniquenessName::None => Self::None,
            UniquenessName::Server => Self::Server,
            UniquenessName::Global => Self::Global,
        }
    }
}

/// One attribute row.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct AttributeSpec {
    /// Where the value stands in the SCIM resource (JSONPath).
    pub scim: Spanned<String>,
    /// Where it stands in the Graph entity (JSONPath). Without it the attribute is known but
    /// unset, and writing it is refused.
    pub graph: Option<Spanned<String>>,
    /// Which way it goes.
    #[serde(default)]
    pub direction: Direction,
    /// A named transform.
    pub transform: Option<Spanned<String>>,
    /// The value of the `constant` transform.
    pub value: Option<Spanned<toml::Value>>,
    /// The domain of the `qualifiedName` transform.
    pub domain: Option<Spanned<String>>,
    /// Its prefix.
    pub prefix: Option<Spanned<String>>,
    /// The SCIM type, where Graph's does not say it.
    #[serde(rename = "type")]
    pub kind: Option<Spanned<TypeName>>,
    /// Whether a resource must have it.
    #[serde(default)]
    pub required: bool,
    /// Whether string comparison heeds case.
    #[serde(default)]
    pub case_exact: bool,
    /// When it is returned.
    pub returned: Option<ReturnedName>,
    /// How unique it is.
    pub uniqueness: Option<UniquenessName>,
    /// Whether Graph lets it be set to null.
    #[serde(default = "yes")]
    pub clearable: bool,
    /// Whether filters and sorts of it are answered by an index of the replica.
    #[serde(default)]
    pub index: bool,
    /// Suggested values.
    #[serde(default)]
    pub canonical: Vec<String>,
    /// What a reference may point to.
    #[serde(default)]
    pub reference: Vec<String>,
    /// The Graph permission that this row needs beyond the file's.
    pub permission: Option<String>,
    /// Where the row comes from.
    pub source: Option<String>,
    /// For `/Schemas`.
    pub description: Option<String>,
}

fn yes() -> bool {
    true
}

/// How a relation is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Shape {
    /// A multi-valued complex attribute: `members`.
    Elements,
    /// One complex value: the enterprise extension's `manager`.
    Single,
    /// One plain id.
    Value,
}

/// One relation row.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct RelationSpec {
    /// The relation's name.
    pub relation: Spanned<String>,
    /// Where it stands in the SCIM resource (JSONPath, members only).
    pub scim: Spanned<String>,
    /// How it is shown.
    pub shape: Shape,
    /// Overrides the relation's own `returned`.
    pub returned: Option<ReturnedName>,
    /// The Graph permission that it needs.
    pub permission: Option<String>,
    /// For `/Schemas`.
    pub description: Option<String>,
}
