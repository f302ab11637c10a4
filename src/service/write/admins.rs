//! Who can sign in as an administrator is one: a password of somebody who holds a directory role
//! is set only by who may give roles. Entra ID asks the same of the gateway's own application
//! (a directory role beyond its permissions); this asks it of the gateway's client.

use super::super::{
    Context, Error,
    access::{self, ROLE_GROUPS},
    role_groups,
    tokens::Access,
};
use crate::{
    resources::{EdgeKind, Relation},
    scim::error::Error as ScimError,
};

/// Refuses to set the password of an object that holds a directory role, itself or through a
/// group, when the caller may not change roles.
///
/// # Errors
/// 403; and when Graph cannot be asked.
pub(super) async fn guard_password(cx: &Context, id: &str) -> Result<(), Error> {
    let grant = &cx.caller.grant;
    if grant.allows(Access::Write, ROLE_GROUPS) || !holds_role(cx, id).await? {
        return Ok(());
    }
    Err(ScimError::forbidden(format!(
        "the token '{}' may not set the password of a holder of directory roles: it needs the scope write:{ROLE_GROUPS}",
        cx.caller.name
    ))
    .into())
}

async fn holds_role(cx: &Context, id: &str) -> Result<bool, Error> {
    role_groups::refresh(cx).await?;
    let of_roles = |r: &&dyn Relation| matches!(r.edge().0, EdgeKind::Role | EdgeKind::Member);
    for relation in cx.kind().relations.iter().copied().filter(of_roles) {
        let requests = relation.lists(id);
        let mut lists = Vec::with_capacity(requests.len());
        for list in cx.tenant.graph.collect_many(&cx.call, requests).await? {
            lists.push(list?);
        }
        let mut edges = relation.edges(id, &serde_json::Value::Null, &lists);
        let (kind, side) = relation.edge();
        let now = cx.app.clock.now();
        let own = &cx.tenant.recent.edges;
        // Given here a moment ago, and not shown by Graph yet.
        own.overlay(kind, side, id, relation.is_single(), &mut edges, now);
        let gives_role = |kind: EdgeKind, group: &str| {
            access::granted_by(kind) == ROLE_GROUPS || cx.tenant.role_groups.has(group)
        };
        if edges
            .iter()
            .any(|edge| gives_role(edge.kind, &edge.from.id))
        {
            return Ok(true);
        }
    }
    Ok(false)
}
