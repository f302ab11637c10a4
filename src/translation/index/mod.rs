//! Which values of a resource type are indexed, what their keys are, and which part of a filter
//! keys can answer. Pure; the store only compares bytes.

mod condition;
pub mod key;
mod plan;

pub use condition::{Compiled, Condition, EdgeTest, RelationPlace, compile};
pub use key::Test;
pub use plan::{Entry, IndexPlan, Leaf, UNKEYED};
