//! The tenant as it is, past every delay and rule of Graph.

use axum::Json;
use axum::extract::{Path, State};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::held::{Control, Refused};
use crate::odata::facts;
use crate::simulator::directory::{Directory, GrantError, Kind, Relation, Slot, State as Life};

type Answer = Result<Json<Value>, Refused>;

/// `GET /_sim/state`: objects by type.
pub async fn state(State(control): State<Control>) -> Json<Value> {
    let directory = control.graph.read();
    let mut counts = Map::new();
    for kind in Kind::ALL {
        let [live, deleted] =
            [Life::Live, Life::Deleted].map(|state| directory.count_in(kind, state));
        counts.insert(
            kind.entity().to_owned(),
            json!({"live": live, "deleted": deleted}),
        );
    }
    let skus: Vec<Value> = directory
        .licences
        .skus
        .iter()
        .map(|sku| {
            json!({
                "skuId": sku.id.to_string(),
                "skuPartNumber": sku.part_number,
                "enabled": sku.enabled,
                "suspended": sku.suspended,
                "consumed": sku.consumed,
            })
        })
        .collect();
    Json(json!({
        "tenant_id": directory.tenant.id.to_string(),
        "now": directory.now_text(),
        "objects": counts,
        "skus": skus,
    }))
}

/// An object by id, or a user by name, the recycle bin included.
pub(super) fn find(directory: &Directory, key: &str) -> Result<Slot, Refused> {
    match Uuid::parse_str(key) {
        Ok(id) => directory.find(id),
        Err(_) => directory.find_upn(key).or_else(|| {
            Kind::ALL
                .into_iter()
                .find_map(|kind| directory.find_text(kind, key))
        }),
    }
    .filter(|slot| directory.state(*slot) != Life::Purged)
    .ok_or_else(|| Refused::unknown(key))
}

fn find_kind(directory: &Directory, key: &str, kind: Kind) -> Result<Slot, Refused> {
    let slot = find(directory, key)?;
    if directory.object(slot).kind == kind {
        Ok(slot)
    } else {
        Err(Refused::unknown(&format!("{} {key}", kind.entity())))
    }
}

/// Every stored property that is not null.
fn raw(directory: &Directory, slot: Slot) -> Value {
    let object = directory.object(slot);
    let mut map = Map::new();
    map.insert("@odata.type".to_owned(), json!(object.kind.entity()));
    map.insert("id".to_owned(), json!(directory.id_text(slot)));
    map.insert(
        "deleted".to_owned(),
        json!(directory.state(slot) == Life::Deleted),
    );
    if let Some(entity) = facts::entity(object.kind.entity()) {
        for property in entity.properties() {
            let value = directory.json(slot, &property.name);
            if !value.is_null() && property.name != "id" {
                map.insert(property.name.clone(), value);
            }
        }
    }
    Value::Object(map)
}

/// Ids in order, so that two answers can be compared.
fn ids(directory: &Directory, slots: impl Iterator<Item = Slot>) -> Json<Value> {
    let mut ids: Vec<String> = slots
        .filter(|slot| directory.is_live(*slot))
        .map(|slot| directory.id_text(slot))
        .collect();
    ids.sort_unstable();
    Json(json!(ids))
}

/// `GET /_sim/users/{id}`: a user by id or user principal name.
pub async fn user(State(control): State<Control>, Path(id): Path<String>) -> Answer {
    let directory = control.graph.read();
    let slot = find_kind(&directory, &id, Kind::User)?;
    Ok(Json(raw(&directory, slot)))
}

/// `GET /_sim/groups/{id}`
pub async fn group(State(control): State<Control>, Path(id): Path<String>) -> Answer {
    let directory = control.graph.read();
    let slot = find_kind(&directory, &id, Kind::Group)?;
    Ok(Json(raw(&directory, slot)))
}

/// `GET /_sim/objects/{id}`: any object.
pub async fn object(State(control): State<Control>, Path(id): Path<String>) -> Answer {
    let directory = control.graph.read();
    let slot = find(&directory, &id)?;
    Ok(Json(raw(&directory, slot)))
}

/// `GET /_sim/groups/{id}/members`: ids of direct members.
pub async fn members(State(control): State<Control>, Path(id): Path<String>) -> Answer {
    let directory = control.graph.read();
    let slot = find_kind(&directory, &id, Kind::Group)?;
    let edges = directory.edges(Relation::Member);
    Ok(ids(&directory, edges.targets(slot, None)))
}

/// `GET /_sim/groups/{id}/owners`
pub async fn owners(State(control): State<Control>, Path(id): Path<String>) -> Answer {
    let directory = control.graph.read();
    let slot = find_kind(&directory, &id, Kind::Group)?;
    let edges = directory.edges(Relation::Owner);
    Ok(ids(&directory, edges.targets(slot, None)))
}

/// `GET /_sim/users/{id}/groups`: ids of groups that the user is a direct member of.
pub async fn groups_of(State(control): State<Control>, Path(id): Path<String>) -> Answer {
    let directory = control.graph.read();
    let slot = find_kind(&directory, &id, Kind::User)?;
    let groups = directory
        .edges(Relation::Member)
        .sources(slot, None)
        .filter(|above| directory.object(*above).kind == Kind::Group);
    Ok(ids(&directory, groups))
}

/// `GET /_sim/users/{id}/manager`: the manager's id, or null.
pub async fn manager(State(control): State<Control>, Path(id): Path<String>) -> Answer {
    let directory = control.graph.read();
    let slot = find_kind(&directory, &id, Kind::User)?;
    let manager = directory
        .edges(Relation::Manager)
        .targets(slot, None)
        .find(|slot| directory.is_live(*slot))
        .map(|slot| directory.id_text(slot));
    Ok(Json(json!(manager)))
}

/// `GET /_sim/users/{id}/licenses`: direct and inherited.
pub async fn licenses(State(control): State<Control>, Path(id): Path<String>) -> Answer {
    let directory = control.graph.read();
    let slot = find_kind(&directory, &id, Kind::User)?;
    let list: Vec<Value> = directory
        .licences
        .grants(slot)
        .iter()
        .map(|grant| {
            let sku = directory.licences.sku(grant.sku);
            let disabled: Vec<String> = sku
                .plans_of(grant.disabled)
                .map(|plan| plan.id.to_string())
                .collect();
            json!({
                "skuId": sku.id.to_string(),
                "skuPartNumber": sku.part_number,
                "disabledPlans": disabled,
                "group": grant.group.map(|group| directory.id_text(group)),
                "error": grant.error.map(GrantError::as_str),
            })
        })
        .collect();
    Ok(Json(json!(list)))
}

/// `GET /_sim/roleAssignments`
pub async fn role_assignments(State(control): State<Control>) -> Json<Value> {
    let directory = control.graph.read();
    let list: Vec<Value> = directory
        .all(Kind::RoleAssignment, None)
        .filter(|slot| directory.is_live(*slot))
        .map(|slot| raw(&directory, slot))
        .collect();
    Json(json!(list))
}
