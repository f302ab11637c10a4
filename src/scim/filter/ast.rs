//! The filter as a tree.

use crate::scim::attr::AttrPath;

/// A comparison operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are RFC 7644 §3.4.2.2's")]
pub enum CompareOp {
    Eq,
    Ne,
    Co,
    Sw,
    Ew,
    Gt,
    Ge,
    Lt,
    Le,
}

/// A comparison value.
#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    /// `null`
    Null,
    /// `true`, `false`
    Bool(bool),
    /// A JSON number.
    Number(serde_json::Number),
    /// A JSON string, unescaped.
    String(String),
}

/// A filter. Inside a value path, attribute paths are sub-attributes of the path's attribute and
/// stand in [`AttrPath::attr`] with neither URN nor sub.
#[derive(Clone, Debug, PartialEq)]
pub enum Filter {
    /// `attr op value`
    Compare(AttrPath, CompareOp, Literal),
    /// `attr pr`
    Present(AttrPath),
    /// `attr[filter]`: one element satisfies the whole of it.
    ValuePath(AttrPath, Box<Filter>),
    /// `a and b`
    And(Box<Filter>, Box<Filter>),
    /// `a or b`
    Or(Box<Filter>, Box<Filter>),
    /// `not (a)`
    Not(Box<Filter>),
}

impl Filter {
    /// Adds the attribute paths that the filter looks at, outermost ones only.
    pub fn paths<'a>(&'a self, into: &mut Vec<&'a AttrPath>) {
        match self {
            Self::Compare(path, ..) | Self::Present(path) | Self::ValuePath(path, _) => {
                into.push(path);
            }
            Self::And(a, b) | Self::Or(a, b) => {
                a.paths(into);
                b.paths(into);
            }
            Self::Not(a) => a.paths(into),
        }
    }

    /// Whether the filter looks at the attribute at `path` (canonical), at a part of it or at
    /// what it is part of: so that what is costly to make is only made when it is asked for.
    pub fn looks_at(&self, path: &AttrPath) -> bool {
        match self {
            Self::Compare(own, ..) | Self::Present(own) | Self::ValuePath(own, _) => {
                own.overlaps(path)
            }
            Self::And(a, b) | Self::Or(a, b) => a.looks_at(path) || b.looks_at(path),
            Self::Not(a) => a.looks_at(path),
        }
    }

    /// The parts that all have to hold, in their order.
    pub fn conjuncts(&self) -> Vec<&Self> {
        fn collect<'a>(filter: &'a Filter, into: &mut Vec<&'a Filter>) {
            if let Filter::And(a, b) = filter {
                collect(a, into);
                collect(b, into);
            } else {
                into.push(filter);
            }
        }
        let mut parts = Vec::new();
        collect(self, &mut parts);
        parts
    }

    /// The parts joined by `and`; `None` of none, which everything satisfies.
    pub fn all_of<'a>(parts: impl IntoIterator<Item = &'a Self>) -> Option<Self> {
        let joined = |a, b| Self::And(Box::new(a), Box::new(b));
        parts.into_iter().cloned().reduce(joined)
    }
}
