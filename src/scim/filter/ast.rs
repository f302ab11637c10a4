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
}
