//! What a token may do: the one table of which scope opens what, asked by every way in.
//!
//! A resource type is opened by its own scope (`read:Users`). A relation belongs to what it
//! *grants*, from whichever end it is read or written: whoever may write users may not thereby
//! make one of them an administrator.
//!
//! An attribute that may not be read is not there for its token: it is left out of answers, and
//! naming it (in `attributes`, `filter`, `sortBy`) is refused.

use std::sync::Arc;

use super::{
    Context, Error, MappedType,
    tokens::{Access, Caller, Grant},
};
use crate::{
    resources::{EdgeKind, Relation},
    scim::{
        attr::AttrPath, error::Error as ScimError, filter::Filter, list::ListQuery,
        projection::Projection,
    },
    translation::RelationRow,
};

/// The resource type, by its endpoint, that an edge grants something of.
pub const fn granted_by(kind: EdgeKind) -> &'static str {
    match kind {
        // Who is in a group, or rules it, has what the group gives.
        EdgeKind::Member | EdgeKind::Owner => "Groups",
        EdgeKind::Manager => "Users",
        EdgeKind::Role => "Roles",
        EdgeKind::Licence => "Licenses",
        // Who is in a unit is in reach of its administrators.
        EdgeKind::Unit => "AdministrativeUnits",
    }
}

/// What a member of a group that may hold directory roles gets beside the group.
pub const ROLE_GROUPS: &str = "Roles";

/// Checks that the token covers the access to a resource type (`/Users`).
///
/// # Errors
/// 403, naming the scope that is missing.
pub fn allow(caller: &Caller, access: Access, endpoint: &str) -> Result<(), ScimError> {
    let resource = endpoint.trim_start_matches('/');
    if caller.grant.allows(access, resource) {
        return Ok(());
    }
    Err(refused(
        caller,
        access,
        &format!("{} {resource}", verb(access)),
        resource,
    ))
}

/// Whether the token may read the relation.
fn may_read(grant: &Grant, relation: &dyn Relation) -> bool {
    grant.allows(Access::Read, granted_by(relation.edge().0))
}

/// "The token may not …", with the scope that would let it.
fn refused(caller: &Caller, access: Access, act: &str, resource: &str) -> ScimError {
    let scope = match access {
        Access::Read => "read",
        Access::Write => "write",
    };
    ScimError::forbidden(format!(
        "the token '{}' may not {act}: it needs the scope {scope}:{resource}",
        caller.name
    ))
}

fn verb(access: Access) -> &'static str {
    match access {
        Access::Read => "read",
        Access::Write => "change",
    }
}

impl MappedType {
    /// The resource type as a token sees it: without the relations that it may not read.
    pub fn seen_by(self: &Arc<Self>, grant: &Grant) -> Arc<Self> {
        let hidden = (0..self.relations.len())
            .filter(|&i| {
                self.relation(i)
                    .is_some_and(|r| !may_read(grant, r.relation))
            })
            .collect::<Vec<usize>>();
        if hidden.is_empty() {
            return Arc::clone(self);
        }
        self.without(&hidden)
    }
}

impl Context {
    /// Whether the caller may do that to the relation.
    pub(super) fn may(&self, access: Access, relation: &dyn Relation) -> bool {
        let resource = granted_by(relation.edge().0);
        self.caller.grant.allows(access, resource)
    }

    /// Refuses what the caller may not do to a mapped relation.
    ///
    /// # Errors
    /// 403, naming the scope that is missing.
    pub(super) fn require(&self, access: Access, row: &RelationRow) -> Result<(), Error> {
        let Some(relation) = self.kind().relation(&row.relation) else {
            return Ok(()); // a rule without a relation behind it does nothing
        };
        if self.may(access, relation) {
            return Ok(());
        }
        let resource = granted_by(relation.edge().0);
        let act = format!("{} '{}'", verb(access), row.path);
        Err(refused(&self.caller, access, &act, resource).into())
    }

    /// Whether the caller may not see who is in groups that may hold directory roles.
    pub(super) fn hides_role_groups(&self) -> bool {
        !self.caller.grant.allows(Access::Read, ROLE_GROUPS)
    }

    /// The refusal to `act` on a group that may hold directory roles.
    pub(super) fn refuse_role_group(&self, act: &str) -> Error {
        let act = format!("{act} a group that may hold directory roles");
        refused(&self.caller, Access::Write, &act, ROLE_GROUPS).into()
    }

    /// Refuses to answer with attributes that the caller names and may not read.
    ///
    /// # Errors
    /// 403, naming the scope that is missing.
    pub(super) fn may_show(&self, projection: &Projection) -> Result<(), Error> {
        self.unreadable()
            .filter(|row| projection.names(&row.path))
            .try_for_each(|row| self.require(Access::Read, row))
    }

    /// Refuses a query that names what the caller may not read: its answer would tell it.
    ///
    /// # Errors
    /// 403, naming the scope that is missing.
    pub(super) fn may_ask(&self, query: &ListQuery) -> Result<(), Error> {
        self.may_show(&query.projection)?;
        let mut paths: Vec<&AttrPath> = Vec::new();
        if let Some(filter) = &query.filter {
            Filter::paths(filter, &mut paths);
        }
        paths.extend(&query.sort_by);
        self.unreadable()
            .filter(|row| {
                let same = |p: &&AttrPath| p.urn == row.path.urn && p.attr == row.path.attr;
                paths.iter().any(same)
            })
            .try_for_each(|row| self.require(Access::Read, row))
    }

    /// The mapped relations that the caller may not read.
    pub(super) fn unreadable(&self) -> impl Iterator<Item = &RelationRow> {
        let may = |row: &RelationRow| {
            let relation = self.kind().relation(&row.relation);
            relation.is_none_or(|relation| self.may(Access::Read, relation))
        };
        let rows = self.mapping().relations();
        rows.iter().filter(move |row| !may(row))
    }
}
