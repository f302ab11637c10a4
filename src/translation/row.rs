//! The compiled rows.

use serde_json::Value;

use super::{
    path::{GraphPath, Place, ScimPath},
    spec::{Direction, Shape},
    transform::Transform,
};
use crate::{
    odata::facts::Kind,
    scim::{
        attr::AttrPath,
        schema::{Attribute, Mutability, Returned, Type, Uniqueness},
    },
};

/// One compiled attribute row.
#[derive(Clone, Debug)]
pub struct Row {
    /// Its place in SCIM, in the row's own spelling.
    pub scim: ScimPath,
    /// The SCIM path as written.
    pub written: String,
    /// Its place in Graph. `None`: known, but unset and not writable.
    pub graph: Option<GraphPath>,
    /// The type of Graph's value (of one item, for a collection).
    pub graph_kind: Kind,
    /// Which way values go.
    pub direction: Direction,
    /// How values are changed on the way.
    pub transform: Transform,
    /// The SCIM type.
    pub kind: Type,
    /// Whether there is a list of values on the SCIM side.
    pub multi: bool,
    /// Whether a resource must have it.
    pub required: bool,
    /// Whether string comparison heeds case.
    pub case_exact: bool,
    /// When it is returned.
    pub returned: Returned,
    /// How unique it is.
    pub uniqueness: Uniqueness,
    /// Whether Graph lets it be set to null.
    pub clearable: bool,
    /// Whether filters and sorts of it are answered by an index of the replica.
    pub index: bool,
    /// Suggested values.
    pub canonical: Vec<String>,
    /// What a reference may point to.
    pub reference: Vec<String>,
    /// The Graph permissions that it needs.
    pub permission: String,
    /// For `/Schemas`.
    pub description: String,
    /// Where the row comes from.
    pub source: Option<String>,
    /// Its line in the rule file.
    pub line: usize,
}

impl Row {
    /// Its place in SCIM.
    pub fn place(&self) -> &Place {
        self.scim.place()
    }

    /// Whether values are read from Graph.
    pub fn is_read(&self) -> bool {
        self.direction != Direction::Write
    }

    /// Whether values may be written to Graph (at least once).
    pub fn is_written(&self) -> bool {
        self.direction != Direction::Read && self.graph.is_some()
    }

    /// The mutability that the direction means.
    pub fn mutability(&self) -> Mutability {
        match self.direction {
            Direction::Both => Mutability::ReadWrite,
            Direction::Read => Mutability::ReadOnly,
            Direction::Write => Mutability::WriteOnly,
            Direction::Create => Mutability::Immutable,
        }
    }

    /// The Graph properties that reading it takes.
    pub fn properties(&self) -> impl Iterator<Item = &str> {
        self.graph
            .iter()
            .map(GraphPath::root)
            .chain(self.transform.also_reads().iter().copied())
    }

    /// The attribute definition of the value itself, under `name`.
    pub fn attribute(&self, name: &str, multi_valued: bool) -> Attribute {
        Attribute {
            multi_valued,
            required: self.required,
            canonical_values: self.canonical.clone(),
            case_exact: self.case_exact,
            mutability: self.mutability(),
            returned: self.returned,
            uniqueness: self.uniqueness,
            reference_types: self.reference.clone(),
            unkept: self.transform.is_derived(),
            ..Attribute::new(name, self.kind, self.description.clone())
        }
    }
}

/// The rows that together make one kind of element of a multi-valued attribute: all that name
/// the same attribute with the same equalities.
#[derive(Clone, Debug)]
pub struct ElementKind {
    /// The multi-valued attribute.
    pub attr: AttrPath,
    /// What tells its elements from others.
    pub equalities: Vec<(String, Value)>,
    /// Indexes of its rows.
    pub rows: Vec<usize>,
    /// Whether there may be more than one such element.
    pub many: bool,
    /// Whether this is the one element that is the primary one, said so or not: the one that is
    /// meant when nothing tells it from the others.
    pub is_primary: bool,
}

impl ElementKind {
    /// `type 'work'`, for messages.
    pub fn describe(&self) -> String {
        let parts: Vec<String> = self
            .equalities
            .iter()
            .filter(|(name, _)| name != "primary")
            .map(|(name, value)| match value.as_str() {
                Some(text) => format!("{name} '{text}'"),
                None => format!("{name} {value}"),
            })
            .collect();
        parts.join(" and ")
    }

    /// Whether `sub` is one of the names that the equalities fix.
    pub fn fixes(&self, sub: &str) -> bool {
        self.equalities.iter().any(|(name, _)| name == sub)
    }
}

/// One compiled relation row.
#[derive(Clone, Debug)]
pub struct RelationRow {
    /// `manager`, `members`, …
    pub relation: String,
    /// Where it stands in the resource.
    pub path: AttrPath,
    /// How it is shown there.
    pub shape: Shape,
    /// Its definition.
    pub attribute: Attribute,
    /// The Graph permission that it needs.
    pub permission: String,
    /// Its line in the rule file.
    pub line: usize,
}
