//! Reading: OData query options held against Graph's rules, and run over the directory.

mod columns;
pub mod filter;
pub mod list;
pub mod options;
mod predicate;
pub mod project;
mod search;
mod sight;
pub mod spelling;
mod token;
pub mod values;

#[cfg(test)]
mod index_tests;
#[cfg(test)]
mod tests;
