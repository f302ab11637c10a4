//! Floor 2: what each resource type is, as pure declarations.
//!
//! A resource type is one room: `users.rs`, `groups.rs`, … declare the SCIM endpoint, the Graph
//! collection, the rule file, the relations and the operations. Everything above is generic over
//! [`ResourceType`]. To add one: a file here, a line in [`ALL`], a rule file in each preset.

pub mod change;
pub mod edge;
pub mod entitlements;
pub mod groups;
pub mod licenses;
pub mod plan;
pub mod references;
pub mod relation;
pub mod role_assignments;
mod role_schedules;
pub mod roles;
pub mod skus;
pub mod units;
pub mod users;

use serde_json::{Map, Value};

use crate::scim::{Document, error::Error};

pub use edge::{Edge, EdgeKind, Held, Side};
pub use plan::{GraphCall, Inverse, Purpose, Tolerates, Verb};
pub use relation::{Candidates, Relation};

/// Every resource type that this server offers, in the order of `/ResourceTypes`.
pub static ALL: &[&ResourceType] = &[
    &users::USERS,
    &groups::GROUPS,
    &roles::ROLES,
    &licenses::LICENSES,
    &units::UNITS,
];

/// How a collection is listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listing {
    /// Graph filters, counts and pages it.
    Paged,
    /// Graph gives the whole (small) list and no query options that are worth using; every
    /// filter and sort is evaluated here.
    Whole,
}

/// How one object is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// `GET collection/{id}`
    Path,
    /// The object of the whole list whose property has the value of `id`.
    Property(&'static str),
}

/// Which write operations a resource type has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operations {
    /// `POST /Type`
    pub create: bool,
    /// `PUT /Type/{id}`
    pub replace: bool,
    /// `PATCH /Type/{id}`
    pub patch: bool,
    /// `DELETE /Type/{id}`
    pub delete: bool,
}

/// What a PATCH answers when the client names no attributes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PatchAnswer {
    /// 200 and the resource: it has been read anyway.
    Resource,
    /// 204: a change of members never loads the group.
    NoContent,
}

/// What a create needs from outside: everything here is decided by the caller, so that the
/// preparation stays pure.
#[derive(Clone, Debug)]
pub struct CreateContext {
    /// A random password for accounts that come without one.
    pub password: String,
    /// A short random suffix for names that must not collide.
    pub suffix: String,
}

/// A property by which a new object can be found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity<'a> {
    /// The property and its value.
    pub by: (&'static str, &'a str),
    /// Whether Graph lets it be taken once only.
    pub is_unique: bool,
}

impl<'a> Identity<'a> {
    /// By a property of the body of the create.
    pub fn by(body: &'a Map<String, Value>, name: &'static str, is_unique: bool) -> Option<Self> {
        let value = body.get(name)?.as_str()?;
        Some(Self {
            by: (name, value),
            is_unique,
        })
    }
}

/// What is special to one resource type beside its rows and relations.
pub trait Special: Sync {
    /// Completes the body of a create: what Graph requires and the client need not say.
    ///
    /// # Errors
    /// `invalidValue` when something that cannot be made up is missing.
    fn prepare_create(
        &self,
        _body: &mut Map<String, Value>,
        _document: &Document,
        _context: &CreateContext,
    ) -> Result<(), Error> {
        Ok(())
    }

    /// By what a created object can be found when Graph's answer was lost.
    fn identity<'a>(&self, _body: &'a Map<String, Value>) -> Option<Identity<'a>> {
        None
    }

    /// Whether Graph changes other mapped properties of its own when `body` is written, so that
    /// they must be read again.
    fn derives(&self, _body: &Map<String, Value>) -> bool {
        false
    }

    /// Graph properties that [`Special::guard_update`] and [`Special::guard_relation`] look at.
    fn guard_properties(&self) -> &'static [&'static str] {
        &[]
    }

    /// Refuses an update of `entity` by `body` that Graph would refuse for a known reason.
    ///
    /// # Errors
    /// `mutability` with the reason.
    fn guard_update(&self, _entity: &Value, _body: &Map<String, Value>) -> Result<(), Error> {
        Ok(())
    }

    /// Refuses a change of a relation of `entity` for a known reason.
    ///
    /// # Errors
    /// `mutability` with the reason.
    fn guard_relation(&self, _entity: &Value, _relation: &str) -> Result<(), Error> {
        Ok(())
    }
}

/// The rule files of a resource type.
pub struct Rules {
    /// Stem of the file: `users` for `users.toml`.
    pub stem: &'static str,
    /// The text in each preset.
    pub presets: &'static [(&'static str, &'static str)],
}

/// The declaration of one resource type.
pub struct ResourceType {
    /// `User`, `Group`, …: `meta.resourceType` and the name in `/ResourceTypes`.
    pub name: &'static str,
    /// `/Users`, …
    pub endpoint: &'static str,
    /// Its mapping, as it comes with the server.
    pub rules: Rules,
    /// `@odata.type` of its objects in lists of directory objects; none when they are none.
    pub odata_type: Option<&'static str>,
    /// Graph collection: `/users`, …
    pub collection: &'static str,
    /// The Graph property that holds the SCIM `id`.
    pub id_property: &'static str,
    /// How it is listed.
    pub listing: Listing,
    /// How one is read.
    pub key: Key,
    /// What may be written.
    pub operations: Operations,
    /// What PATCH answers.
    pub patch_answer: PatchAnswer,
    /// Relations to other objects.
    pub relations: &'static [&'static dyn Relation],
    /// Properties that are resources of their own below an object: `mailboxSettings`.
    pub side_resources: &'static [&'static str],
    /// Whether its objects have a picture at `/{id}/photo`.
    pub has_photo: bool,
    /// The rest.
    pub special: &'static dyn Special,
}

impl std::fmt::Debug for ResourceType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ResourceType")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl ResourceType {
    /// The relation of that name.
    pub fn relation(&self, name: &str) -> Option<&'static dyn Relation> {
        self.relations.iter().copied().find(|r| r.name() == name)
    }

    /// Path of one object below the collection.
    pub fn object_path(&self, id: &str) -> String {
        format!("{}/{}", self.collection, crate::odata::request::segment(id))
    }
}

/// The resource type with that SCIM name.
pub fn by_name(name: &str) -> Option<&'static ResourceType> {
    ALL.iter()
        .copied()
        .find(|t| t.name.eq_ignore_ascii_case(name))
}

/// What a directory object is called in `type`, from what a client calls it in any case.
pub fn object_type(text: &str) -> Option<&'static str> {
    let served = ALL
        .iter()
        .filter(|t| t.odata_type.is_some())
        .map(|t| t.name);
    served
        .chain(["ServicePrincipal", "Device", "Contact"])
        .find(|name| name.eq_ignore_ascii_case(text))
}

/// Whether `text` has the form of a Graph object id.
pub fn is_object_id(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(i, b)| match i {
            8 | 13 | 18 | 23 => b == b'-',
            _ => b.is_ascii_hexdigit(),
        })
}

/// Whether the object is mastered in on-premises Active Directory.
fn is_synced(entity: &Value) -> bool {
    entity
        .get("onPremisesSyncEnabled")
        .and_then(Value::as_bool)
        .unwrap_or(false)
}

/// Refuses what only on-premises Active Directory may change.
fn guard_synced(entity: &Value, body: &Map<String, Value>, writable: &[&str]) -> Result<(), Error> {
    if !is_synced(entity) {
        return Ok(());
    }
    let refused: Vec<&str> = body
        .keys()
        .map(String::as_str)
        .filter(|k| !writable.contains(k))
        .collect();
    if refused.is_empty() {
        return Ok(());
    }
    Err(Error::mutability(format!(
        "the object is synchronised from on-premises Active Directory, which masters {}: change it there",
        refused.join(", ")
    )))
}
