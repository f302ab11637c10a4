//! The groups of a tenant that may hold directory roles. Who is in one may have a role, so they are
//! guarded as roles are. Whether a group is one is decided when it is made, and never changes
//! (`isAssignableToRole`), and a tenant has at most 500 of them.

use std::{
    collections::HashSet,
    sync::{Mutex, PoisonError},
};

use serde_json::{Map, Value};
use time::{Duration, OffsetDateTime};

use super::{Context, Error, access, read::live::object, tokens::Access};
use crate::{
    odata::request::Request,
    resources::{Edge, EdgeKind, Relation, Side},
};

/// The property that makes one.
pub(super) const PROPERTY: &str = "isAssignableToRole";
/// How long a list of them is shown from; writes look at the group itself.
const LIFETIME: Duration = Duration::MINUTE;
/// How many groups are known not to be one; beyond it, all are forgotten.
const CAPACITY: usize = 100_000;
const PAGE: usize = 999;

/// What is known of one tenant's groups.
#[derive(Debug, Default)]
pub struct RoleGroups {
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    /// Ids in lower case.
    assignable: HashSet<String>,
    /// Ids, in lower case, of groups that are none.
    plain: HashSet<String>,
    listed: Option<OffsetDateTime>,
}

impl RoleGroups {
    fn with<T>(&self, act: impl FnOnce(&mut Known) -> T) -> T {
        act(&mut self.known.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether the group is known to be one.
    pub(super) fn has(&self, id: &str) -> bool {
        let id = id.to_ascii_lowercase();
        self.with(|known| known.assignable.contains(&id))
    }

    /// Learns from a group that was read or made.
    pub(super) fn learn(&self, id: &str, is_assignable: bool) {
        let id = id.to_ascii_lowercase();
        self.with(|known| {
            if is_assignable {
                known.assignable.insert(id);
                return;
            }
            if known.plain.len() >= CAPACITY {
                known.plain.clear();
            }
            known.plain.insert(id);
        });
    }

    fn told(&self, id: &str) -> Option<bool> {
        let id = id.to_ascii_lowercase();
        self.with(|known| {
            let assignable = known.assignable.contains(&id);
            (assignable || known.plain.contains(&id)).then_some(assignable)
        })
    }

    fn is_due(&self, now: OffsetDateTime) -> bool {
        self.with(|known| known.listed.is_none_or(|at| now - at >= LIFETIME))
    }
}

/// Whether an entity says that it is a group that may hold directory roles.
pub(super) fn is_one(entity: &Value) -> bool {
    entity
        .get(PROPERTY)
        .and_then(Value::as_bool)
        .unwrap_or(false)
}

/// Whether edges of that kind lead to a group: its members and owners.
fn is_of_group(kind: EdgeKind) -> bool {
    matches!(kind, EdgeKind::Member | EdgeKind::Owner)
}

/// Makes sure that the list is at hand before edges of those kinds are shown to a caller who may
/// not see all of them.
///
/// # Errors
/// When Graph cannot be asked: nothing is shown rather than too much.
pub(super) async fn prepare(
    cx: &Context,
    mut kinds: impl Iterator<Item = EdgeKind>,
) -> Result<(), Error> {
    if cx.hides_role_groups() && kinds.any(is_of_group) {
        refresh(cx).await?;
    }
    Ok(())
}

/// Reads the list if it is too old.
///
/// # Errors
/// When Graph cannot be asked.
pub(super) async fn refresh(cx: &Context) -> Result<(), Error> {
    let groups = &cx.tenant.role_groups;
    let now = cx.app.clock.now();
    if !groups.is_due(now) {
        return Ok(());
    }
    let request = Request::get("/groups")
        .option("$filter", format!("{PROPERTY} eq true"))
        .select(["id"])
        .top(PAGE);
    let limit = cx.app.settings.scan_limit;
    let listed = cx.tenant.graph.collect(&cx.call, &request, limit).await?;
    let ids: Vec<String> = listed
        .iter()
        .filter_map(|group| group.get("id")?.as_str().map(str::to_ascii_lowercase))
        .collect();
    groups.with(|known| {
        known.assignable.extend(ids);
        known.listed = Some(now);
    });
    Ok(())
}

/// Takes out the edges of groups that may hold directory roles, where the caller may not see them.
pub(super) fn conceal(cx: &Context, edges: &mut Vec<Edge>) {
    if cx.hides_role_groups() && edges.first().is_some_and(|edge| is_of_group(edge.kind)) {
        edges.retain(|edge| !cx.tenant.role_groups.has(&edge.from.id));
    }
}

/// Takes out of the objects whose relation holds `value` those that only such an edge makes one.
pub(super) fn conceal_matches(
    cx: &Context,
    edge: (EdgeKind, Side),
    value: &str,
    entities: &mut Vec<Value>,
) {
    if !cx.hides_role_groups() || !is_of_group(edge.0) {
        return;
    }
    let groups = &cx.tenant.role_groups;
    match edge.1 {
        Side::From => {
            entities.retain(|group| object::id_of(cx, group).is_none_or(|id| !groups.has(&id)));
        }
        Side::To if groups.has(value) => entities.clear(),
        Side::To => {}
    }
}

fn may_write(cx: &Context) -> bool {
    let grant = &cx.caller.grant;
    grant.allows(Access::Write, access::ROLE_GROUPS)
}

/// Refuses to change who is in the group, or rules it, if it may hold directory roles and the
/// caller may not give roles. `entity` is the group, where it has been read with [`PROPERTY`].
///
/// # Errors
/// 403; and when Graph cannot be asked.
pub(super) async fn guard(
    cx: &Context,
    id: &str,
    entity: Option<&Value>,
    relation: &dyn Relation,
) -> Result<(), Error> {
    let (kind, side) = relation.edge();
    if !is_of_group(kind) || side != Side::From || may_write(cx) {
        return Ok(());
    }
    let assignable = match entity {
        Some(entity) => is_one(entity),
        None => ask(cx, id).await?,
    };
    if assignable {
        return Err(cx.refuse_role_group(&format!("change the {} of", relation.name())));
    }
    Ok(())
}

/// Refuses to delete the object if it is a group that may hold directory roles: all that are in it
/// would lose them.
///
/// # Errors
/// As [`guard`].
pub(super) async fn guard_deletion(cx: &Context, id: &str) -> Result<(), Error> {
    let relations = cx.kind().relations;
    let is_group = relations
        .iter()
        .any(|r| r.edge() == (EdgeKind::Member, Side::From));
    if is_group && !may_write(cx) && ask(cx, id).await? {
        return Err(cx.refuse_role_group("delete"));
    }
    Ok(())
}

/// Refuses to make a group that may hold directory roles.
///
/// # Errors
/// 403.
pub(super) fn guard_properties(cx: &Context, entity: &Map<String, Value>) -> Result<(), Error> {
    let assignable = entity.get(PROPERTY).and_then(Value::as_bool);
    if assignable == Some(true) && !may_write(cx) {
        return Err(cx.refuse_role_group("create"));
    }
    Ok(())
}

/// Whether the group is one, by Graph's word; one that it does not know is not written to.
async fn ask(cx: &Context, id: &str) -> Result<bool, Error> {
    let groups = &cx.tenant.role_groups;
    if let Some(known) = groups.told(id) {
        return Ok(known);
    }
    if !crate::resources::is_object_id(id) {
        return Err(object::not_found(cx, id).into());
    }
    let request = Request::get(cx.kind().object_path(id)).select(["id", PROPERTY]);
    match cx.tenant.graph.send(&cx.call, &request).await {
        Ok(reply) => {
            let assignable = is_one(&reply.body);
            groups.learn(id, assignable);
            Ok(assignable)
        }
        // One that was made here moments ago was learned then.
        Err(error) => Err(object::missing(cx, id, error)),
    }
}
