//! Floor 4: the use cases. Each decides with pure code (scim, resources, translation) and acts
//! through the floor below (graph, store). Reading has one face, [`read`], and so has writing,
//! [`write::perform`].

pub mod access;
pub mod audit;
pub mod bulk;
pub mod changes;
pub mod error;
pub mod events;
pub mod licence;
pub mod memory;
pub mod names;
mod offload;
pub mod photo;
pub mod read;
pub mod recent;
pub mod relations;
pub mod replica;
pub mod rights;
pub mod role_groups;
pub mod seal;
pub mod seen;
pub mod tokens;
pub mod write;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio_util::task::TaskTracker;

use crate::{
    base::clock::SharedClock,
    delivery, graph,
    resources::ResourceType,
    scim::{
        Document, links, patch, projection::Projection, resource::InputRules,
        schema::ResourceSchema,
    },
    store::Store,
    translation::{Mapping, document},
};

pub use error::Error;
use offload::offload;

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
    /// What happens to a write of which no audit row can be stored.
    pub trail: audit::Trail,
    /// What bulk requests may take.
    pub bulk: bulk::Limits,
    /// Leniencies of PATCH.
    pub patch: patch::Options,
}

/// One resource type as this tenant offers it: the declaration and the compiled rules.
pub struct MappedType {
    /// What it is.
    pub kind: &'static ResourceType,
    /// How it is mapped.
    pub mapping: Arc<Mapping>,
    /// Places of the mapped relations: in the mapping, and in the declaration.
    relations: Vec<(usize, usize)>,
    /// Chooses nothing but the id.
    only_id: Projection,
    defaults: read::Defaults,
    /// What the replica holds of it.
    pub(crate) shape: Arc<replica::shape::Shape>,
    /// The same without some relations, for tokens that may not read them.
    views: Mutex<HashMap<Vec<usize>, Arc<Self>>>,
}

impl MappedType {
    /// A resource type with its rules.
    pub fn new(kind: &'static ResourceType, mapping: Mapping) -> Self {
        let relations: Vec<(usize, usize)> = mapping
            .relations()
            .iter()
            .enumerate()
            .filter_map(|(row, r)| {
                let of_that_name = |d: &&dyn crate::resources::Relation| d.name() == r.relation;
                Some((row, kind.relations.iter().position(of_that_name)?))
            })
            .collect();
        let only_id = Projection::parse(Some("id"), None, mapping.schema()).unwrap_or_default();
        let rows = relations
            .iter()
            .map(|&(row, at)| (&mapping.relations()[row], kind.relations[at]));
        let shape = Arc::new(replica::shape::Shape::of(kind, &mapping, rows));
        Self {
            kind,
            shape,
            mapping: Arc::new(mapping),
            relations,
            only_id,
            defaults: read::Defaults::default(),
            views: Mutex::default(),
        }
    }

    /// The same without the relations at those places.
    fn without(&self, hidden: &[usize]) -> Arc<Self> {
        let mut views = self.views.lock().unwrap_or_else(PoisonError::into_inner);
        let view = views.entry(hidden.to_vec()).or_insert_with(|| {
            let shown = self.relations.iter().enumerate();
            let shown = shown.filter(|(i, _)| !hidden.contains(i));
            Arc::new(Self {
                kind: self.kind,
                shape: Arc::clone(&self.shape),
                mapping: Arc::clone(&self.mapping),
                relations: shown.map(|(_, &places)| places).collect(),
                only_id: self.only_id.clone(),
                defaults: read::Defaults::default(),
                views: Mutex::default(),
            })
        });
        Arc::clone(view)
    }

    /// The schemas of the resource type.
    pub fn schema(&self) -> &ResourceSchema {
        self.mapping.schema()
    }

    /// The mapped relations.
    fn related(&self) -> impl Iterator<Item = read::Related<'_>> {
        (0..self.relations.len()).filter_map(|i| self.relation(i))
    }

    /// One of [`Self::related`], by its place.
    fn relation(&self, i: usize) -> Option<read::Related<'_>> {
        let &(row, declared) = self.relations.get(i)?;
        Some(read::Related {
            row: &self.mapping.relations()[row],
            relation: self.kind.relations[declared],
        })
    }
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
    pub types: Vec<Arc<MappedType>>,
    /// The local copy of the directory.
    pub replica: replica::Replica,
    /// What was written moments ago.
    pub recent: recent::Recent,
    /// Which objects Graph has shown.
    pub seen: seen::Seen,
    /// Which groups may hold directory roles.
    pub role_groups: role_groups::RoleGroups,
    /// Who writes to what.
    pub queue: write::Queue,
    /// Whether it has Privileged Identity Management.
    pub licence: licence::Licence,
    /// Names that are listed seldom.
    pub names: names::Names,
    /// Relations that were read moments ago.
    pub relations: relations::RecentRelations,
    /// Where the last pages of lists ended.
    pub pages: read::Pages,
    /// Closes what clients carry.
    pub seal: seal::Seal,
    /// Signs security events.
    pub event_keys: events::Keys,
    /// Who is told of changes.
    pub receiver: Option<delivery::Receiver>,
}

impl Tenant {
    /// The resource type whose endpoint has that name, in any case: `users`.
    pub fn resource_type(&self, endpoint: &str) -> Option<&Arc<MappedType>> {
        self.types
            .iter()
            .find(|t| t.kind.endpoint[1..].eq_ignore_ascii_case(endpoint))
    }
}

/// Everything that serves requests.
pub struct App {
    /// The tenants; the first one named `default` is served at the short base path.
    pub tenants: Vec<Arc<Tenant>>,
    /// Tokens and audit.
    pub store: Store,
    /// Sign-ins that have an audit row.
    pub sign_ins: audit::SignIns,
    /// Room for answers.
    pub memory: memory::Memory,
    /// Time.
    pub clock: SharedClock,
    /// Bounds and choices.
    pub settings: Settings,
    /// Writes under way: each goes on to its end, also when its client has gone.
    pub writes: TaskTracker,
}

impl App {
    /// The tenant of that name.
    pub fn tenant(&self, name: &str) -> Option<&Arc<Tenant>> {
        self.tenants.iter().find(|t| t.name == name)
    }

    /// Leaves an audit row of a sign-in, good or refused: one an hour for each token, and one for
    /// all tokens that nobody knows.
    pub async fn note_sign_in(
        &self,
        tenant: &str,
        authenticated: &Result<tokens::Caller, tokens::Refusal>,
    ) {
        let tenant = match authenticated {
            Ok(caller) => caller.tenant.as_str(),
            Err(_) => tenant,
        };
        // Whatever is asked for, rows are of tenants that there are.
        if self.tenant(tenant).is_none() {
            return;
        }
        let now = self.clock.now();
        let (token, refusal) = match authenticated {
            Ok(caller) => (Some((&*caller.token_id, &*caller.name)), None),
            Err(tokens::Refusal::Store(_)) => return,
            Err(refusal) => (
                refusal.token().map(|id| (id, "refused")),
                Some(refusal.to_string()),
            ),
        };
        let sign_ins = &self.sign_ins;
        sign_ins
            .note(&self.store, now, tenant, token, refusal)
            .await;
    }

    /// Waits until the writes under way have ended: before the process does.
    pub async fn drain(&self) {
        self.writes.close();
        let time = self.settings.deadline + Duration::from_secs(5);
        if tokio::time::timeout(time, self.writes.wait())
            .await
            .is_err()
        {
            tracing::error!(
                writes = self.writes.len(),
                "writes were cut off by the shutdown"
            );
        }
    }
}

/// What one request carries through the use cases.
#[derive(Clone)]
pub struct Context {
    /// Settings, store, clock.
    pub app: Arc<App>,
    /// The `x-request-id` of the answer.
    pub request_id: Arc<str>,
    /// Who asks.
    pub caller: Arc<tokens::Caller>,
    /// Where.
    pub tenant: Arc<Tenant>,
    /// What.
    pub mapped: Arc<MappedType>,
    /// Public URL of the SCIM base, no slash at the end: for `meta.location` and `$ref`.
    pub base_url: Arc<str>,
    /// Deadline, lane and counters of the Graph calls.
    pub call: graph::Call,
    /// `Prefer: dry-run`: plan, do not act.
    pub dry_run: bool,
    /// What was written, until it is recorded in the replica.
    pub made: replica::Made,
    /// What the client said and what is not kept.
    pub ignored: Ignored,
}

/// The names of what a body says and what is taken without being kept.
#[derive(Clone, Debug, Default)]
pub struct Ignored(Arc<Mutex<Vec<String>>>);

impl Ignored {
    /// Adds names.
    fn note(&self, names: Vec<String>) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for name in names {
            if !all.contains(&name) {
                all.push(name);
            }
        }
    }

    /// All of them.
    pub fn names(&self) -> Vec<String> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl Context {
    /// The resource type.
    pub fn kind(&self) -> &'static ResourceType {
        self.mapped.kind
    }

    /// Its rules.
    pub fn mapping(&self) -> &Mapping {
        &self.mapped.mapping
    }

    /// Its schemas.
    pub fn schema(&self) -> &ResourceSchema {
        self.mapped.schema()
    }

    /// The URL of one resource.
    pub fn location(&self, id: &str) -> String {
        format!("{}{}", self.base_url, document::location(self.kind(), id))
    }

    /// A finished document as the client gets it: projected, its links complete.
    fn shown(&self, doc: Document, projection: &Projection) -> Document {
        let mut shown = projection.apply(doc, self.schema());
        links::absolute(&mut shown, &self.base_url, self.schema());
        shown
    }
}
