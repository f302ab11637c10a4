//! SCIM filters, RFC 7644 §3.4.2.2: text to tree ([`parse`]), tree against a schema ([`check`]),
//! tree against documents ([`Matcher`]), and tree to text (`Display`).
//!
//! ```
//! use entra_scim::scim::filter;
//! let tree = filter::parse(r#"userName sw "a" and not(title pr)"#)?;
//! assert_eq!(tree.to_string(), r#"userName sw "a" and not (title pr)"#);
//! # Ok::<(), entra_scim::scim::error::Error>(())
//! ```

mod ast;
mod check;
mod eval;
mod lexer;
mod parser;
mod print;

pub use ast::{CompareOp, Filter, Literal};
pub(crate) use check::{boolean, type_name};
pub use check::{check, check_within};
pub(crate) use eval::compare_numbers;
pub use eval::{Matcher, matches};
pub use parser::{MAX_DEPTH, MAX_LENGTH, MAX_TERMS, Path, parse, parse_path};

#[cfg(test)]
mod tests;
