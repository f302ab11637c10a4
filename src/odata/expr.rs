//! `$filter` expressions as a tree; [`std::fmt::Display`] prints the text and does all escaping.

use std::fmt;

/// A comparison operator. Graph directory objects know no others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "OData's own names")]
pub enum Op {
    Eq,
    Ne,
    Ge,
    Le,
    Gt,
    Lt,
}

/// A string function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "OData's own names")]
pub enum Function {
    StartsWith,
    EndsWith,
    Contains,
}

/// A literal.
#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    /// `null`
    Null,
    /// `true`, `false`
    Bool(bool),
    /// A number.
    Int(i64),
    /// `'text'`
    String(String),
    /// A date, a GUID, an enum member: printed bare.
    Bare(String),
}

/// A filter expression. A path is `property`, `property/sub`, or inside a lambda `x` or `x/sub`.
#[derive(Clone, Debug, PartialEq)]
pub enum Expr {
    /// `path op literal`
    Compare(String, Op, Literal),
    /// `startsWith(path,'text')`
    Call(Function, String, String),
    /// `path in ('a','b')`
    In(String, Vec<Literal>),
    /// `path/any(x:inner)`; inner paths start with the variable.
    Any(String, String, Box<Expr>),
    /// `path/all(x:inner)`
    All(String, String, Box<Expr>),
    /// `path/$count op n`
    Count(String, Op, i64),
    /// `a and b`
    And(Box<Expr>, Box<Expr>),
    /// `a or b`
    Or(Box<Expr>, Box<Expr>),
    /// `not(a)`
    Not(Box<Expr>),
}

impl Expr {
    /// `path eq 'text'`
    pub fn eq(path: impl Into<String>, text: impl Into<String>) -> Self {
        Self::Compare(path.into(), Op::Eq, Literal::String(text.into()))
    }
}

impl Op {
    /// `eq`, `ne`, …
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Eq => "eq",
            Self::Ne => "ne",
            Self::Ge => "ge",
            Self::Le => "le",
            Self::Gt => "gt",
            Self::Lt => "lt",
        }
    }
}

impl Function {
    /// `startsWith`, `endsWith`, `contains`
    pub fn as_str(self) -> &'static str {
        match self {
            Self::StartsWith => "startsWith",
            Self::EndsWith => "endsWith",
            Self::Contains => "contains",
        }
    }
}

impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool(b) => write!(f, "{b}"),
            Self::Int(n) => write!(f, "{n}"),
            Self::String(s) => write!(f, "'{}'", s.replace('\'', "''")),
            Self::Bare(s) => f.write_str(s),
        }
    }
}

impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let group = |e: &Self, f: &mut fmt::Formatter<'_>| match e {
            Self::Or(..) => write!(f, "({e})"),
            _ => write!(f, "{e}"),
        };
        match self {
            Self::Compare(path, op, value) => write!(f, "{path} {} {value}", op.as_str()),
            Self::Call(function, path, text) => {
                write!(
                    f,
                    "{}({path},{})",
                    function.as_str(),
                    Literal::String(text.clone())
                )
            }
            Self::In(path, values) => {
                let list: Vec<String> = values.iter().map(ToString::to_string).collect();
                write!(f, "{path} in ({})", list.join(","))
            }
            Self::Any(path, var, inner) => write!(f, "{path}/any({var}:{inner})"),
            Self::All(path, var, inner) => write!(f, "{path}/all({var}:{inner})"),
            Self::Count(path, op, n) => write!(f, "{path}/$count {} {n}", op.as_str()),
            Self::And(a, b) => {
                group(a, f)?;
                f.write_str(" and ")?;
                group(b, f)
            }
            Self::Or(a, b) => write!(f, "{a} or {b}"),
            Self::Not(a) => write!(f, "not({a})"),
        }
    }
}
