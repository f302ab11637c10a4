//! PATCH, RFC 7644 §3.5.2: message to operations ([`parse`]), operations on a document
//! ([`apply`]), and what they mean for one relation without its current list
//! ([`relation_delta`]).

mod apply;
mod parse;
mod relation;

use serde_json::Value;

pub use apply::{MAX_LOOKED, apply};
pub use parse::{MAX_OPERATIONS, parse};
pub use relation::{RelationDelta, Step, relation_delta, touches};

use super::{attr::AttrPath, filter::Filter, resource::Unknown};

/// One canonical operation on one attribute.
#[derive(Clone, Debug, PartialEq)]
pub struct Operation {
    /// What is done.
    pub op: Op,
    /// To what.
    pub target: Target,
    /// Add and replace: the canonical value; null unassigns. Remove: `None`, or the elements to
    /// take out (an array, or the object of a single-valued attribute), as Entra, `JumpCloud`
    /// and authentik send it; of a sub-attribute with many values, the values.
    pub value: Option<Value>,
}

/// What an operation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are RFC 7644 §3.5.2's")]
pub enum Op {
    Add,
    Remove,
    Replace,
}

/// Where an operation applies.
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    /// Canonical; its sub-attribute is in [`Self::sub`] when there is a filter.
    pub path: AttrPath,
    /// The value filter, canonical.
    pub filter: Option<Filter>,
    /// The sub-attribute after the value filter.
    pub sub: Option<String>,
}

impl Target {
    /// The attribute with its sub-attribute, be that before or behind a value filter.
    pub fn whole_path(&self) -> AttrPath {
        match &self.sub {
            Some(sub) => self.path.with_sub(sub),
            None => self.path.clone(),
        }
    }
}

/// When a replacement of an element that is not there makes it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CreateOnNoMatch {
    /// Never: `noTarget`.
    Never,
    /// Where the element is one of a `type` that the schema names: it has its place in the
    /// directory, only no value yet. Entra's provisioning service replaces it then. Or that
    /// RFC 7643 names: the client has made no mistake, also where the directory has no place.
    #[default]
    KnownTypes,
    /// Wherever the filter describes an element.
    Always,
}

/// What a message says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Message {
    /// What is to be done.
    pub operations: Vec<Operation>,
    /// What it says and what is not kept, by name: for the client to be told.
    pub ignored: Vec<String>,
}

/// How messages are read and applied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Whether `replace` through a value filter that matches nothing creates the element, where
    /// the RFC demands `noTarget`. `add` always creates it.
    pub create_on_no_match: CreateOnNoMatch,
    /// What happens to unknown attributes.
    pub unknown: Unknown,
}

#[cfg(test)]
mod tests;
