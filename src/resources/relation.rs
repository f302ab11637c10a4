//! What a relation is: how its edges are read from Graph and how changes of them are written.

use serde_json::Value;

use super::{edge::Edge, plan::GraphCall};
use crate::{
    odata::request::Request,
    scim::{error::Error, schema::Attribute},
};

/// The object whose relation is planned to change.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// Its SCIM id.
    pub id: &'a str,
    /// Its Graph entity, when it has been read.
    pub entity: Option<&'a Value>,
    /// Root of Graph, version included, without a slash at the end: references are written with
    /// the configured origin, so that national clouds work.
    pub graph_url: &'a str,
}

/// The net change of a relation: nothing is in both lists.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Change {
    /// Elements to add, as SCIM elements with at least `value`.
    pub add: Vec<Value>,
    /// Edges to remove: from the current list when it was read, else with `value` alone.
    pub remove: Vec<Edge>,
}

/// Where the objects are found whose relation holds a given value (`members.value eq "x"`).
#[derive(Clone, Debug, PartialEq)]
pub enum Candidates {
    /// A Graph list of the objects themselves; the next request is tried when Graph knows no
    /// object of that id in the collection of the one before.
    Objects(Vec<Request>),
    /// A Graph list whose property of that name holds their ids.
    Ids(Request, &'static str),
}

/// A relation of a resource type; pure.
pub trait Relation: Sync {
    /// The name that rule files use.
    fn name(&self) -> &'static str;

    /// The multi-valued complex attribute with its sub-attributes.
    fn attribute(&self) -> Attribute;

    /// Whether it holds at most one edge.
    fn is_single(&self) -> bool {
        false
    }

    /// Graph properties of the object itself that [`Relation::edges`] needs.
    fn own_properties(&self) -> &'static [&'static str] {
        &[]
    }

    /// `$expand` that brings the edges along with the object: (navigation, nested options for one
    /// object, nested options for an advanced list).
    fn expand(&self) -> Option<(&'static str, &'static str)> {
        None
    }

    /// Lists to read, whole, for the edges of one object.
    fn lists(&self, _id: &str) -> Vec<Request> {
        Vec::new()
    }

    /// One set of lists that serves the edges of every object, when that is cheaper for more
    /// than one.
    fn shared_lists(&self) -> Option<Vec<Request>> {
        None
    }

    /// The edges of the object, from its entity and the lists (in the order asked for; with
    /// [`Relation::shared_lists`] the lists hold other objects' edges too).
    fn edges(&self, id: &str, entity: &Value, lists: &[Vec<Value>]) -> Vec<Edge>;

    /// Where to look for the objects whose relation holds `value`; `None`: only by reading all.
    fn candidates(&self, _value: &str) -> Option<Candidates> {
        None
    }

    /// Whether a change can be planned only against the current edges.
    fn needs_current(&self) -> bool {
        false
    }

    /// Whether added values must be known to be users or groups (`type` in each element).
    fn needs_kinds(&self) -> bool {
        false
    }

    /// What makes two edges the same.
    fn same(&self, a: &Edge, element: &Value) -> bool {
        element
            .get("value")
            .and_then(Value::as_str)
            .is_some_and(|v| v.eq_ignore_ascii_case(&a.value))
    }

    /// Whether `element` says nothing new about the edge that is [`Relation::same`]. A `whole`
    /// element (of a replaced list) says also by what it leaves out.
    fn unchanged(&self, _edge: &Edge, _element: &Value, _whole: bool) -> bool {
        true
    }

    /// Whether an edge may be removed by a client; the reason if not.
    ///
    /// # Errors
    /// `mutability` with the reason.
    fn check_removal(&self, _edge: &Edge) -> Result<(), Error> {
        Ok(())
    }

    /// Whether "replace all" and "remove all" concern the edge (an inherited licence stays).
    fn is_own(&self, _edge: &Edge) -> bool {
        true
    }

    /// The calls that make the change.
    ///
    /// # Errors
    /// `invalidValue` or `mutability` for what Graph could only refuse.
    fn plan(&self, target: &Target<'_>, change: &Change) -> Result<Vec<GraphCall>, Error>;

    /// Takes part in the create of the object: may move some of the elements into `body`, and
    /// leaves in `elements` those that need a follow-up call.
    fn bind_on_create(
        &self,
        _body: &mut serde_json::Map<String, Value>,
        _elements: &mut Vec<Value>,
        _graph_url: &str,
    ) {
    }
}

/// The `value` of an element.
///
/// # Errors
/// `invalidValue` when it has none.
pub fn element_value<'a>(element: &'a Value, relation: &str) -> Result<&'a str, Error> {
    element
        .get("value")
        .and_then(Value::as_str)
        .filter(|v| !v.is_empty())
        .ok_or_else(|| {
            Error::invalid_value(format!("each element of '{relation}' needs a 'value'"))
        })
}

/// The `value` of an element, which must be a Graph object id.
///
/// # Errors
/// `invalidValue` naming what was given.
pub fn element_object_id<'a>(element: &'a Value, relation: &str) -> Result<&'a str, Error> {
    let value = element_value(element, relation)?;
    if super::is_object_id(value) {
        Ok(value)
    } else {
        Err(Error::invalid_value(format!(
            "'{value}' in '{relation}' is not the id of a directory object"
        )))
    }
}
