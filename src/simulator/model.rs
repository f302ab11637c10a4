//! What a row of the table of entity sets says: what a path holds, how it may be queried, what
//! leads on from it, and which functions change it.

use serde_json::Value;

use super::directory::{Directory, Items, Kind, Reader, Slot};
use super::errors::SimError;
use super::options::Options;
use super::request::{SimRequest, SimResponse};

/// A request that reads.
#[derive(Clone, Copy)]
pub struct View<'a> {
    /// The state, as far as the request sees it.
    pub dir: Reader<'a>,
    /// The table of entity sets.
    pub sets: Sets,
    /// The switches.
    pub options: &'a Options,
    /// The request.
    pub request: &'a SimRequest,
}

/// A request that changes.
pub struct Ctx<'a> {
    /// The state.
    pub dir: &'a mut Directory,
    /// The table of entity sets.
    pub sets: Sets,
    /// The switches.
    pub options: &'a Options,
    /// The request.
    pub request: &'a SimRequest,
}

impl Ctx<'_> {
    /// The same, to read what is there now.
    pub fn view(&self) -> View<'_> {
        View {
            dir: self.dir.present(),
            sets: self.sets,
            options: self.options,
            request: self.request,
        }
    }
}

type Answer = Result<SimResponse, SimError>;
/// A function on a set.
pub type OnSet = fn(&mut Ctx<'_>) -> Answer;
/// A function on an object.
pub type OnObject = fn(&mut Ctx<'_>, Slot) -> Answer;
/// A function on an object and another that it relates to.
pub type OnPair = fn(&mut Ctx<'_>, Slot, Slot) -> Result<(), SimError>;
/// The objects that a relation leads to, beyond a slot.
pub type Follow = for<'a> fn(Reader<'a>, Slot, Option<Slot>) -> Items<'a>;

/// What a set holds.
#[derive(Clone, Copy, Debug)]
pub enum Holds {
    /// Objects of one kind.
    One(Kind),
    /// Directory objects of any kind.
    Any,
    /// Documents that are computed.
    Documents(fn(Reader<'_>) -> Vec<Value>),
    /// Nothing: only what its functions make.
    Nothing,
}

/// How a list comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paging {
    /// 100 to a page, at most 999.
    Pages,
    /// All at once; `$top` is refused.
    Whole,
    /// There is no list.
    Never,
}

/// What `$filter` may say.
#[derive(Clone, Copy, Debug)]
pub enum Filtering {
    /// What the table of query rules says.
    Facts,
    /// `eq` on these properties, by default.
    Only(&'static [&'static str]),
    /// Nothing, and no other OData option but `$select`.
    None,
}

/// An entity set.
#[derive(Debug)]
pub struct EntitySet {
    /// Its path.
    pub path: &'static [&'static str],
    /// What it holds.
    pub holds: Holds,
    /// Its name in `@odata.context`.
    pub context: &'static str,
    /// How its list comes.
    pub paging: Paging,
    /// What `$filter` may say.
    pub filter: Filtering,
    /// Keys besides the id.
    pub keys: &'static [&'static str],
    /// `POST set`
    pub create: Option<OnSet>,
    /// `PATCH set/key`
    pub update: Option<OnObject>,
    /// `DELETE set/key`
    pub delete: Option<OnObject>,
    /// `POST set/name`
    pub actions: &'static [(&'static str, OnSet)],
    /// What leads on from an object.
    pub parts: &'static [Part],
}

/// What a segment behind an object means.
#[derive(Debug)]
pub struct Part {
    /// The segment.
    pub name: &'static str,
    /// Its meaning.
    pub what: What,
}

/// The meaning of a segment behind an object.
#[derive(Debug)]
pub enum What {
    /// Related objects.
    Links(Links),
    /// Documents that are computed: their context and themselves.
    Documents(fn(Reader<'_>, Slot) -> Vec<Value>),
    /// `POST`: does something.
    Action(OnObject),
    /// A resource with ways of its own.
    Special {
        /// `GET`, with the segments behind.
        read: fn(&View<'_>, Slot, &[String]) -> Answer,
        /// All else.
        change: fn(&mut Ctx<'_>, Slot, &[String]) -> Answer,
    },
}

/// A relation as Graph shows it.
#[derive(Debug)]
pub struct Links {
    /// The related objects.
    pub items: Follow,
    /// What they are, where the relation says so; else directory objects of any kind.
    pub holds: Option<Kind>,
    /// At most one.
    pub single: bool,
    /// Whether a cast needs the advanced parameters.
    pub transitive: bool,
    /// How the list comes.
    pub paging: Paging,
    /// `POST …/$ref`, or `PUT …/$ref` of a single one.
    pub add: Option<OnPair>,
    /// `DELETE …/$ref`
    pub remove: Option<OnPair>,
}

impl EntitySet {
    /// A part by its segment, without case.
    pub fn part(&self, name: &str) -> Option<&'static Part> {
        let parts: &'static [Part] = self.parts;
        parts
            .iter()
            .find(|part| part.name.eq_ignore_ascii_case(name))
    }

    /// Whether this is the recycle bin.
    pub fn is_recycle_bin(&self) -> bool {
        self.path.last() == Some(&"deletedItems")
    }
}

/// The table of entity sets.
#[derive(Clone, Copy)]
pub struct Sets(pub &'static [EntitySet]);

impl Sets {
    /// The set that lists a kind.
    pub fn of(self, kind: Kind) -> Option<&'static EntitySet> {
        self.0
            .iter()
            .find(|set| matches!(set.holds, Holds::One(k) if k == kind))
    }
}

impl std::fmt::Debug for Sets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let paths = self.0.iter().map(|set| set.path.join("/"));
        f.debug_list().entries(paths).finish()
    }
}

impl std::fmt::Debug for Ctx<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ctx").finish_non_exhaustive()
    }
}
