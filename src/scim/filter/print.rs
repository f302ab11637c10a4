//! A tree to the shortest text that parses to it again.

use std::fmt::{self, Display, Formatter};

use super::{CompareOp, Filter, Literal};

impl CompareOp {
    /// The operator as the RFC writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Eq => "eq",
            Self::Ne => "ne",
            Self::Co => "co",
            Self::Sw => "sw",
            Self::Ew => "ew",
            Self::Gt => "gt",
            Self::Ge => "ge",
            Self::Lt => "lt",
            Self::Le => "le",
        }
    }

    /// The operator of that name, in any case.
    pub fn parse(word: &str) -> Option<Self> {
        [
            Self::Eq,
            Self::Ne,
            Self::Co,
            Self::Sw,
            Self::Ew,
            Self::Gt,
            Self::Ge,
            Self::Lt,
            Self::Le,
        ]
        .into_iter()
        .find(|op| op.as_str().eq_ignore_ascii_case(word))
    }
}

impl Display for CompareOp {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Display for Literal {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool(value) => write!(f, "{value}"),
            Self::Number(value) => write!(f, "{value}"),
            // The Display of a JSON value is its text, quotes and escapes included.
            Self::String(value) => write!(f, "{}", serde_json::Value::from(value.as_str())),
        }
    }
}

impl Display for Filter {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let child = |f: &mut Formatter<'_>, child: &Self, bare: bool| {
            if bare {
                write!(f, "{child}")
            } else {
                write!(f, "({child})")
            }
        };
        match self {
            Self::Compare(path, op, literal) => write!(f, "{path} {op} {literal}"),
            Self::Present(path) => write!(f, "{path} pr"),
            Self::ValuePath(path, inner) => write!(f, "{path}[{inner}]"),
            Self::Not(inner) => write!(f, "not ({inner})"),
            // Both operators parse to the left, so an equal operator on the right needs
            // parentheses to come back on the right.
            Self::And(left, right) => {
                child(f, left, !matches!(**left, Self::Or(..)))?;
                f.write_str(" and ")?;
                child(f, right, !matches!(**right, Self::Or(..) | Self::And(..)))
            }
            Self::Or(left, right) => {
                child(f, left, true)?;
                f.write_str(" or ")?;
                child(f, right, !matches!(**right, Self::Or(..)))
            }
        }
    }
}
