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
