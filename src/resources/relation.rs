//! What a relation is: how its edges are read from Graph and how changes of them are written.

use serde_json::Value;
use time::OffsetDateTime;

use super::{
    edge::{Edge, EdgeKind, End, Side},
    plan::GraphCall,
};
use crate::{
    odata::request::Request,
    scim::{error::Error, schema::Attribute},
};

/// The object whose relation is planned to change.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// Its SCIM id.
    pub id: &'a str,
    /// Its Graph entity, when it has been read.
    pub entity: Option<&'a Value>,
    /// The moment.
    pub now: OffsetDateTime,
    /// Root of Graph, version included, without a slash at the end: references are written with
    /// the configured origin, so that national clouds work.
    pub graph_url: &'a str,
}

/// The net change of a relation: nothing is in both lists.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Change {
    /// Edges to add.
    pub add: Vec<Edge>,
    /// Edges to remove: from the current list when it was read, else by their far end alone.
    pub remove: Vec<Edge>,
    /// The present state of those in `add` that are there with other properties.
    pub replaced: Vec<Edge>,
}

/// The calls of a change. All additions are made before any removal, so that a refused one leaves
/// the old state.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Calls {
    /// Additions, and changes of what is there.
    pub adds: Vec<GraphCall>,
    /// Removals.
    pub removes: Vec<GraphCall>,
}

/// Where the objects are found whose relation holds a given value (`members.value eq "x"`).
#[derive(Clone, Debug, PartialEq)]
pub enum Candidates {
    /// A Graph list of the objects themselves; the next request is tried when Graph knows no
    /// object of that id in the collection of the one before.
    Objects(Vec<Request>),
    /// Graph lists whose property of that name holds their ids.
    Ids(Vec<Request>, &'static str),
}

/// A relation of a resource type; pure.
pub trait Relation: Sync {
    /// The name that rule files use.
    fn name(&self) -> &'static str;

    /// What its edges say, and from which end.
    fn edge(&self) -> (EdgeKind, Side);

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
    /// object and plain lists, nested options for advanced queries).
    fn expand(&self) -> Option<(&'static str, &'static str)> {
        None
    }

    /// Lists to read for one object, each whole.
    fn lists(&self, _id: &str) -> Vec<Request> {
        Vec::new()
    }

    /// Lists that serve all objects of a page at once, where that is cheaper.
    fn shared_lists(&self) -> Option<Vec<Request>> {
        None
    }

    /// The list that names the far ends, where [`Relation::lists`] does not: small, and changed so
    /// seldom that it may be remembered for a while.
    fn names(&self) -> Option<Request> {
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

    /// Whether added values must be known to be users or groups.
    fn needs_kinds(&self) -> bool {
        false
    }

    /// The edge that an element of a client names, from the object `near`.
    ///
    /// # Errors
    /// `invalidValue` when it names nothing.
    fn named(&self, near: &str, element: &Value) -> Result<Edge, Error> {
        let (kind, side) = self.edge();
        let id = element_object_id(element, self.name())?;
        let far = End {
            kind: element
                .get("type")
                .and_then(Value::as_str)
                .and_then(super::object_type),
            ..End::of(id)
        };
        Ok(Edge::seen(kind, side, near, far))
    }

    /// The far end's id that a removal by `value` means, in lower case.
    fn far_id(&self, value: &str) -> String {
        value.to_ascii_lowercase()
    }

    /// Whether `named` says nothing new about `edge`, which has the same key. In a `whole`
    /// (replaced) list an element says also by what it leaves out.
    fn unchanged(&self, _edge: &Edge, _named: &Edge, _whole: bool) -> bool {
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
    fn is_own(&self, edge: &Edge) -> bool {
        edge.held != super::edge::Held::Inherited
    }

    /// Graph's id of an edge that `request` has made, by its answer.
    fn made_id(&self, _edge: &Edge, _request: &Request, _answer: &Value) -> Option<String> {
        None
    }

    /// The calls that make the change.
    ///
    /// # Errors
    /// `invalidValue` or `mutability` for what Graph could only refuse.
    fn plan(&self, subject: &Subject<'_>, change: &Change) -> Result<Calls, Error>;

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
        let shown: String = value.chars().take(100).collect();
        Err(Error::invalid_value(format!(
            "'{shown}' in '{relation}' is not the id of a directory object"
        )))
    }
}
