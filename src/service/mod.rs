//! Floor 4: the use cases. Each decides with pure code (scim, resources, translation) and acts
//! through the floor below (graph, store).

pub mod audit;
pub mod error;
mod execute;
mod fetch;
pub mod list;
pub mod photo;
pub mod read;
pub mod recent;
pub mod rights;
pub mod tokens;
pub mod write;

use std::time::Duration;

use crate::{
    base::clock::SharedClock,
    graph,
    resources::{self, Relation, ResourceType},
    scim::{patch, resource::InputRules, schema::ResourceSchema},
    store::Store,
    translation::{Mapping, RelationRow},
};

pub use error::Error;
pub use fetch::location;

/// Bounds and choices of the use cases.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How long one SCIM request may take, Graph's throttling included.
    pub deadline: Duration,
    /// `count` when the client says none.
    pub default_page: usize,
    /// The largest `count`; more is lowered to it, as RFC 7644 §3.4.2.4 allows.
    pub max_page: usize,
    /// How many objects may be read for one query that Graph answers only in part.
    pub scan_limit: usize,
    /// What to do with attributes that no schema has.
    pub input: InputRules,
    /// Leniencies of PATCH.
    pub patch: patch::Options,
}

/// One resource type as this tenant offers it: the declaration and the compiled rules.
pub struct Room {
    /// What it is.
    pub kind: &'static ResourceType,
    /// How it is mapped.
    pub mapping: Mapping,
}

impl Room {
    /// The schemas of the resource type.
    pub fn schema(&self) -> &ResourceSchema {
        self.mapping.schema()
    }

    /// The mapped relations.
    fn relations(&self) -> impl Iterator<Item = Related<'_>> {
        self.mapping.relations().iter().filter_map(|row| {
            self.kind
                .relation(&row.relation)
                .map(|relation| Related { row, relation })
        })
    }
}

/// A relation with the row that maps it.
#[derive(Clone, Copy)]
struct Related<'a> {
    row: &'a RelationRow,
    relation: &'static dyn Relation,
}

/// One tenant: its Graph and its resource types.
pub struct Tenant {
    /// The name in URLs.
    pub name: String,
    /// The client, with the tenant's credential.
    pub graph: graph::Client,
    /// Root of Graph with version, no slash at the end: for references in bodies.
    pub graph_url: String,
    /// What the gateway is for here.
    pub rights: rights::Rights,
    /// In the order of `/ResourceTypes`.
    pub rooms: Vec<Room>,
    /// What was written moments ago.
    pub recent: recent::Recent,
}

impl Tenant {
    /// The room whose endpoint has that name, in any case: `users`.
    pub fn room(&self, endpoint: &str) -> Option<&Room> {
        self.rooms
            .iter()
            .find(|r| r.kind.endpoint[1..].eq_ignore_ascii_case(endpoint))
    }
}

/// Everything that serves requests.
pub struct App {
    /// The tenants; the first one named `default` is served at the short base path.
    pub tenants: Vec<Tenant>,
    /// Tokens and audit.
    pub store: Store,
    /// Time.
    pub clock: SharedClock,
    /// Bounds and choices.
    pub settings: Settings,
}

impl App {
    /// The tenant of that name.
    pub fn tenant(&self, name: &str) -> Option<&Tenant> {
        self.tenants.iter().find(|t| t.name == name)
    }
}

/// What one request carries through the use cases.
pub struct Context<'a> {
    /// Settings, store, clock.
    pub app: &'a App,
    /// Where.
    pub tenant: &'a Tenant,
    /// What.
    pub room: &'a Room,
    /// Public URL of the SCIM base, no slash at the end: for `meta.location` and `$ref`.
    pub base_url: &'a str,
    /// Deadline, lane and counters of the Graph calls.
    pub call: graph::Call,
    /// `Prefer: dry-run`: plan, do not act.
    pub dry_run: bool,
}

/// What a write gives.
pub enum Written {
    /// The resource as it is now.
    Resource(crate::scim::Document),
    /// Done, nothing to show.
    Done,
    /// The Graph calls that would be made.
    Plan(Vec<resources::GraphCall>),
}
