//! Changes behind the gateway's back, as another administrator would make them.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use time::Duration;

use super::held::{Control, Refused};
use super::views::find;
use crate::base::clock::SharedClock;
use crate::odata::facts;
use crate::simulator::directory::{Directory, Holder, Kind, Relation, State as Life};
use crate::simulator::layers::throttle::Throttle;
use crate::simulator::notifications::desk::Orders;
use crate::simulator::options::{Habits, RolePolicy};
use crate::simulator::seed::seeded;

/// Body of `POST /_sim/changes`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Changes {
    changes: Vec<Change>,
}

/// One change. Keys are object ids, or user principal names.
#[derive(Debug, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case", deny_unknown_fields)]
enum Change {
    /// A new user or group; its properties as Graph has them.
    Create {
        kind: NewKind,
        properties: Map<String, Value>,
    },
    /// Sets properties; null clears.
    Patch {
        id: String,
        properties: Map<String, Value>,
    },
    /// Into the recycle bin.
    Delete { id: String },
    /// Out of the recycle bin.
    Restore { id: String },
    /// Gone for good.
    Purge { id: String },
    /// A member of a group.
    AddMember { group: String, member: String },
    /// No longer one.
    RemoveMember { group: String, member: String },
    /// An owner of a group.
    AddOwner { group: String, owner: String },
    /// No longer one.
    RemoveOwner { group: String, owner: String },
    /// A user's manager; null takes it away.
    SetManager { id: String, manager: Option<String> },
    /// The holder of an eligibility activates it for a while.
    Activate {
        principal: String,
        role: String,
        #[serde(default = "everywhere")]
        scope: String,
        minutes: i64,
    },
}

fn everywhere() -> String {
    "/".to_owned()
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum NewKind {
    User,
    Group,
}

/// `POST /_sim/changes`: makes changes in order, up to the first that cannot be made. Answers the
/// ids of the objects that changed.
pub async fn apply(
    State(control): State<Control>,
    Json(body): Json<Changes>,
) -> Result<Json<Value>, Refused> {
    let mut directory = control.graph.write();
    let mut ids = Vec::new();
    for change in body.changes {
        ids.push(make(&mut directory, change)?);
    }
    Ok(Json(json!({"ids": ids})))
}

fn make(directory: &mut Directory, change: Change) -> Result<String, Refused> {
    match change {
        Change::Create { kind, properties } => create(directory, kind, &properties),
        Change::Patch { id, properties } => {
            let slot = find(directory, &id)?;
            check(directory.object(slot).kind, &properties)?;
            directory.set(
                slot,
                properties
                    .iter()
                    .map(|(name, value)| (name.as_str(), value)),
            );
            Ok(directory.id_text(slot))
        }
        Change::Delete { id } => {
            let slot = find(directory, &id)?;
            let id = directory.id_text(slot);
            directory.set_state(slot, Life::Deleted);
            Ok(id)
        }
        Change::Restore { id } => {
            let slot = find(directory, &id)?;
            directory.set_state(slot, Life::Live);
            Ok(directory.id_text(slot))
        }
        Change::Purge { id } => {
            let slot = find(directory, &id)?;
            let id = directory.id_text(slot);
            directory.unassign_all(slot);
            directory.purge(slot);
            Ok(id)
        }
        Change::AddMember { group, member } => {
            edge(directory, Relation::Member, &group, &member, true)
        }
        Change::RemoveMember { group, member } => {
            edge(directory, Relation::Member, &group, &member, false)
        }
        Change::AddOwner { group, owner } => edge(directory, Relation::Owner, &group, &owner, true),
        Change::RemoveOwner { group, owner } => {
            edge(directory, Relation::Owner, &group, &owner, false)
        }
        Change::Activate {
            principal,
            role,
            scope,
            minutes,
        } => {
            let holder = Holder {
                principal: find(directory, &principal)?,
                role: find(directory, &role)?,
                scope,
            };
            let minutes = Duration::minutes(minutes.clamp(5, 24 * 60));
            directory
                .activate_eligibility(&holder, minutes)
                .ok_or_else(|| Refused::unknown("eligibility of that kind"))
        }
        Change::SetManager { id, manager } => {
            let slot = find(directory, &id)?;
            let new = manager.map(|key| find(directory, &key)).transpose()?;
            let old: Vec<_> = directory
                .edges(Relation::Manager)
                .targets(slot, None)
                .collect();
            for manager in old {
                directory.unlink(Relation::Manager, slot, manager);
            }
            if let Some(manager) = new {
                directory.link(Relation::Manager, slot, manager);
            }
            Ok(directory.id_text(slot))
        }
    }
}

fn create(
    directory: &mut Directory,
    kind: NewKind,
    properties: &Map<String, Value>,
) -> Result<String, Refused> {
    let (kind, required): (Kind, &[&str]) = match kind {
        NewKind::User => (Kind::User, &["displayName", "userPrincipalName"]),
        NewKind::Group => (Kind::Group, &["displayName"]),
    };
    check(kind, properties)?;
    for name in required {
        if !properties.get(*name).is_some_and(Value::is_string) {
            return Err(Refused::bad(format!("`{name}` is missing")));
        }
    }
    let mut all = Map::new();
    all.insert("createdDateTime".to_owned(), directory.now_text());
    if kind == Kind::User {
        all.insert("accountEnabled".to_owned(), json!(true));
        all.insert("userType".to_owned(), json!("Member"));
    } else {
        all.insert("mailEnabled".to_owned(), json!(false));
        all.insert("securityEnabled".to_owned(), json!(true));
        all.insert("renewedDateTime".to_owned(), directory.now_text());
    }
    all.extend(properties.clone());
    let id = directory.new_id();
    let slot = directory.insert(
        kind,
        id,
        all.iter().map(|(name, value)| (name.as_str(), value)),
    );
    Ok(directory.id_text(slot))
}

/// A misspelt property would be stored and never seen.
fn check(kind: Kind, properties: &Map<String, Value>) -> Result<(), Refused> {
    let entity = facts::entity(kind.entity());
    for name in properties.keys() {
        let known = entity.is_some_and(|entity| entity.property(name).is_some());
        if name == "id" || !(known || name.starts_with("extension_")) {
            return Err(Refused::bad(format!(
                "`{name}` is no property of {} that can be set",
                kind.entity()
            )));
        }
    }
    Ok(())
}

fn edge(
    directory: &mut Directory,
    relation: Relation,
    from: &str,
    to: &str,
    add: bool,
) -> Result<String, Refused> {
    let (from, to) = (find(directory, from)?, find(directory, to)?);
    if directory.object(from).kind != Kind::Group {
        return Err(Refused::bad(format!(
            "{} is no group",
            directory.id_text(from)
        )));
    }
    if add {
        directory.link(relation, from, to);
    } else {
        directory.unlink(relation, from, to);
    }
    Ok(directory.id_text(from))
}

/// `POST /_sim/reset`: the tenant and Resource Manager as they were seeded; counters at nought,
/// limits and lags as at the start, no faults, no churn, notifications on time, no application that
/// signs in but the gateway's, as it was at the start, all tokens revoked. The clock stays where it is.
pub async fn reset(State(control): State<Control>) -> Result<StatusCode, Refused> {
    let plan = Arc::clone(&control.plan);
    let clock: SharedClock = control.clock.clone();
    if let Some(churn) = control
        .churn
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
        .take()
    {
        churn.abort();
    }
    *control.desk.open() = Orders::default();
    let mut fresh = tokio::task::spawn_blocking(move || seeded(&plan, clock))
        .await
        .map_err(|e| Refused::failed(e.to_string()))?;
    fresh.set_lags(control.lags);
    fresh.start_journal();
    *control.graph.write() = fresh;
    control.graph.set_delta_habits(Habits::default());
    control.graph.set_role_policy(RolePolicy::default());
    control
        .passage
        .faults
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
        .clear();
    control.passage.counters.reset();
    control
        .passage
        .set_throttle(Throttle::new(control.throttle));
    control.arm.reset();
    let lifetime = Duration::try_from(control.token_lifetime);
    control
        .identity
        .set_lifetime(lifetime.unwrap_or(Duration::HOUR));
    control.identity.forget_registrations();
    control
        .identity
        .register(control.registration.as_ref().clone());
    control.identity.revoke_all();
    Ok(StatusCode::NO_CONTENT)
}
