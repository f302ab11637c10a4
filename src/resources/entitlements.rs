//! Licences: `entitlements` of a user or group, and the holders of a licence.
//!
//! Both ends change through the `assignLicense` action of the user or group; a licence that is
//! inherited from a group is told apart and cannot be removed from the user.

use serde_json::{Value, json};

use super::{
    edge::{Edge, EdgeKind, End, Held, Side, text},
    plan::{Bulk, GraphCall, Inverse, Purpose, Tolerates, Verb},
    references::{element_attributes, elements},
    relation::{Calls, Change, Relation, Subject, element_object_id, element_value},
    skus,
};
use crate::{
    odata::request::{Request, segment},
    scim::{
        error::Error,
        schema::{Attribute, Mutability, Type},
    },
};

const PAGE: usize = 999;

/// `entitlements` of users (with inheritance) or of groups.
pub struct Entitlements {
    /// `/users` or `/groups`.
    pub collection: &'static str,
}

fn licence_attributes() -> Vec<Attribute> {
    let read_only = |mut attribute: Attribute| {
        attribute.mutability = Mutability::ReadOnly;
        attribute
    };
    let mut disabled = Attribute::new(
        "disabledPlans",
        Type::String,
        "Ids of the service plans that are switched off.",
    );
    disabled.multi_valued = true;
    vec![
        disabled,
        read_only(Attribute::new(
            "assignedByGroup",
            Type::String,
            "Id of the group that the licence is inherited from.",
        )),
        read_only(Attribute::new(
            "state",
            Type::String,
            "Active, ActiveWithError, Disabled, Error.",
        )),
        read_only(Attribute::new(
            "error",
            Type::String,
            "Why the assignment is in error.",
        )),
    ]
}

/// The switched-off plans that an element or a Graph licence names; `None` when it does not say.
fn disabled_plans(element: &Value) -> Option<Vec<String>> {
    let named = element.get("disabledPlans").filter(|p| !p.is_null())?;
    let one = std::slice::from_ref(named);
    let mut plans: Vec<String> = named
        .as_array()
        .map_or(one, Vec::as_slice)
        .iter()
        .filter_map(Value::as_str)
        .map(str::to_ascii_lowercase)
        .collect();
    plans.sort();
    plans.dedup();
    Some(plans)
}

/// The licence that a value names: a SKU id, or a well-known part number.
fn sku_of(value: &str) -> Option<String> {
    if super::is_object_id(value) {
        return Some(value.to_ascii_lowercase());
    }
    skus::by_part_number(value).map(str::to_owned)
}

/// An `assignLicense` action: what is added, with its switched-off plans, and what is removed.
fn assign(collection: &str, id: &str, add: &[&Edge], remove: &[&str]) -> Request {
    let added: Vec<Value> = add
        .iter()
        .map(|edge| {
            let plans = edge.disabled_plans.clone().unwrap_or_default();
            json!({ "skuId": edge.to.id, "disabledPlans": plans })
        })
        .collect();
    let body = json!({ "addLicenses": added, "removeLicenses": remove });
    Request::post(format!("{collection}/{}/assignLicense", segment(id)), body)
}

/// The call that adds and removes licences of one holder at once: licences that exclude each other
/// can be exchanged only so.
fn exchange(
    relation: &'static str,
    collection: &str,
    holder: &str,
    change: &Change,
    shown: Vec<String>,
) -> GraphCall {
    let add: Vec<&Edge> = change.add.iter().collect();
    let remove: Vec<&str> = change.remove.iter().map(|e| e.to.id.as_str()).collect();
    let made: Vec<&str> = change
        .add
        .iter()
        .filter(|new| !change.replaced.iter().any(|old| old.to.id == new.to.id))
        .map(|new| new.to.id.as_str())
        .collect();
    let before: Vec<&Edge> = change.remove.iter().chain(&change.replaced).collect();
    let verb = if add.is_empty() {
        Verb::Remove
    } else {
        Verb::Add
    };
    let call = |add: &[&Edge], remove: &[&str]| {
        let purpose = Purpose {
            relation: Some(relation),
            verb,
            ids: shown.clone(),
        };
        GraphCall::new(assign(collection, holder, add, remove), holder, purpose)
            .tolerating(Tolerates::NotThere)
    };
    let undone = |call: GraphCall, add: &[&Edge], remove: &[&str]| {
        let back = assign(collection, holder, add, remove);
        let back = GraphCall::new(back, holder, call.purpose.clone());
        call.undone_by(Inverse::Calls(vec![back.tolerating(Tolerates::NotThere)]))
    };
    let mut parts = Vec::new();
    if add.len() + remove.len() > 1 {
        if !add.is_empty() {
            let replaced: Vec<&Edge> = change.replaced.iter().collect();
            parts.push(undone(call(&add, &[]), &replaced, &made));
        }
        for edge in &change.remove {
            parts.push(undone(call(&[], &[&edge.to.id]), &[edge], &[]));
        }
    }
    GraphCall {
        bulk: (!parts.is_empty()).then_some(Bulk::Parts(parts)),
        ..undone(call(&add, &remove), &before, &made)
    }
}

/// Whether a client names the switched-off plans that the edge has.
fn unchanged(edge: &Edge, named: &Edge, whole: bool) -> bool {
    let now = edge.disabled_plans.as_deref().unwrap_or_default();
    match &named.disabled_plans {
        None => !whole || now.is_empty(),
        Some(plans) => now == plans.as_slice(),
    }
}

impl Entitlements {
    /// The licences of a user or group by its entity, as edges from it.
    fn held(id: &str, entity: &Value) -> Vec<Edge> {
        let list = |name: &str| {
            entity
                .get(name)
                .and_then(Value::as_array)
                .map(Vec::as_slice)
                .unwrap_or_default()
        };
        let mut edges: Vec<Edge> = list("licenseAssignmentStates")
            .iter()
            .filter_map(|state| {
                let said = |name| text(state, name).filter(|v| v != "None");
                let via = text(state, "assignedByGroup");
                Some(Edge {
                    held: if via.is_some() {
                        Held::Inherited
                    } else {
                        Held::Permanent
                    },
                    via,
                    state: said("state"),
                    error: said("error"),
                    ..Self::licence(id, state)?
                })
            })
            .collect();
        // A licence without an assignment state is still a licence.
        for licence in list("assignedLicenses") {
            if let Some(edge) = Self::licence(id, licence)
                && !edges
                    .iter()
                    .any(|e| e.to.id.eq_ignore_ascii_case(&edge.to.id))
            {
                edges.push(edge);
            }
        }
        edges
    }

    fn licence(id: &str, licence: &Value) -> Option<Edge> {
        let sku = text(licence, "skuId")?;
        let far = End {
            display: skus::friendly_name(&sku).map(str::to_owned),
            id: sku,
            kind: None,
        };
        Some(Edge {
            disabled_plans: disabled_plans(licence),
            ..Edge::seen(EdgeKind::Licence, Side::From, id, far)
        })
    }
}

impl Relation for Entitlements {
    fn name(&self) -> &'static str {
        "entitlements"
    }

    fn edge(&self) -> (EdgeKind, Side) {
        (EdgeKind::Licence, Side::From)
    }

    fn attribute(&self) -> Attribute {
        let mut subs = element_attributes(&["direct", "inherited"], &["License"]);
        subs.extend(licence_attributes());
        elements("entitlements", "Licences: SKU ids.", subs)
    }

    fn own_properties(&self) -> &'static [&'static str] {
        if self.collection == "/users" {
            &["assignedLicenses", "licenseAssignmentStates"]
        } else {
            &["assignedLicenses"]
        }
    }

    fn edges(&self, id: &str, entity: &Value, _lists: &[Vec<Value>]) -> Vec<Edge> {
        Self::held(id, entity)
    }

    fn needs_current(&self) -> bool {
        true
    }

    fn named(&self, near: &str, element: &Value) -> Result<Edge, Error> {
        let value = element_value(element, "entitlements")?;
        let sku = sku_of(value).ok_or_else(|| {
            let shown: String = value.chars().take(100).collect();
            Error::invalid_value(format!(
                "'{shown}' is neither a SKU id nor a known SKU part number"
            ))
        })?;
        Ok(Edge {
            disabled_plans: disabled_plans(element),
            ..Edge::seen(EdgeKind::Licence, Side::From, near, End::of(sku))
        })
    }

    fn far_id(&self, value: &str) -> String {
        sku_of(value).unwrap_or_else(|| value.to_ascii_lowercase())
    }

    fn unchanged(&self, edge: &Edge, named: &Edge, whole: bool) -> bool {
        unchanged(edge, named, whole)
    }

    fn check_removal(&self, edge: &Edge) -> Result<(), Error> {
        match &edge.via {
            Some(group) => Err(Error::mutability(format!(
                "licence {} is inherited from group {group}: remove it from the group, or the user from the group",
                edge.to.id
            ))),
            None => Ok(()),
        }
    }

    fn plan(&self, subject: &Subject<'_>, change: &Change) -> Result<Calls, Error> {
        if change.add.is_empty() && change.remove.is_empty() {
            return Ok(Calls::default());
        }
        if self.collection == "/users" && !change.add.is_empty() {
            let located = subject
                .entity
                .is_none_or(|e| e.get("usageLocation").and_then(Value::as_str).is_some());
            if !located {
                return Err(Error::invalid_value(
                    "a licence can be assigned only to a user with a usageLocation: set it first, or in the same request",
                ));
            }
        }
        let named = change.add.iter().chain(&change.remove);
        let shown = named.map(|e| e.to.id.clone()).collect();
        let call = exchange("entitlements", self.collection, subject.id, change, shown);
        Ok(if change.add.is_empty() {
            Calls {
                removes: vec![call],
                ..Calls::default()
            }
        } else {
            Calls {
                adds: vec![call],
                ..Calls::default()
            }
        })
    }
}

/// The holders of a licence: users and groups.
pub struct Holders;

impl Holders {
    fn call(edge: &Edge, change: &Change) -> Result<GraphCall, Error> {
        let holder = &edge.from.id;
        let collection = match edge.from.kind {
            Some("User") => "/users",
            Some("Group") => "/groups",
            _ => {
                return Err(Error::invalid_value(format!(
                    "'{holder}' is neither a user nor a group"
                )));
            }
        };
        let shown = vec![holder.clone()];
        Ok(exchange("members", collection, holder, change, shown))
    }

    fn list(collection: &str, sku: Option<&str>) -> Request {
        let properties: &[&str] = if collection == "/users" {
            &[
                "id",
                "displayName",
                "assignedLicenses",
                "licenseAssignmentStates",
            ]
        } else {
            &["id", "displayName", "assignedLicenses"]
        };
        let filter = match sku {
            Some(sku) => format!("assignedLicenses/any(a:a/skuId eq {sku})"),
            None => "assignedLicenses/$count ne 0".to_owned(),
        };
        Request::get(collection)
            .select(properties)
            .option("$filter", filter)
            .top(PAGE)
            .advanced()
    }

    /// The licence `sku` of the object `item`, as edges to it.
    fn of_holder<'a>(
        item: &'a Value,
        kind: &'static str,
        sku: &'a str,
    ) -> impl Iterator<Item = Edge> + 'a {
        let holder = text(item, "id").map(|id| End {
            id,
            display: text(item, "displayName"),
            kind: Some(kind),
        });
        holder.into_iter().flat_map(move |holder| {
            let edges = Entitlements::held(&holder.id, item).into_iter();
            edges
                .filter(|e| e.to.id.eq_ignore_ascii_case(sku))
                .map(move |edge| Edge {
                    from: holder.clone(),
                    ..edge
                })
        })
    }
}

impl Relation for Holders {
    fn name(&self) -> &'static str {
        "members"
    }

    fn edge(&self) -> (EdgeKind, Side) {
        (EdgeKind::Licence, Side::To)
    }

    fn attribute(&self) -> Attribute {
        let mut subs = element_attributes(&["User", "Group"], &["User", "Group"]);
        let mut assignment = Attribute::new("assignment", Type::String, "direct or inherited.");
        assignment.mutability = Mutability::ReadOnly;
        assignment.canonical_values = vec!["direct".into(), "inherited".into()];
        subs.push(assignment);
        subs.extend(licence_attributes());
        elements("members", "Users and groups that hold the licence.", subs)
    }

    fn lists(&self, id: &str) -> Vec<Request> {
        vec![
            Self::list("/users", Some(id)),
            Self::list("/groups", Some(id)),
        ]
    }

    fn shared_lists(&self) -> Option<Vec<Request>> {
        Some(vec![
            Self::list("/users", None),
            Self::list("/groups", None),
        ])
    }

    fn edges(&self, id: &str, _entity: &Value, lists: &[Vec<Value>]) -> Vec<Edge> {
        let [users, groups] = lists else {
            return Vec::new();
        };
        let of_users = users.iter().flat_map(|u| Self::of_holder(u, "User", id));
        let of_groups = groups.iter().flat_map(|g| Self::of_holder(g, "Group", id));
        of_users.chain(of_groups).collect()
    }

    fn needs_current(&self) -> bool {
        true
    }

    fn needs_kinds(&self) -> bool {
        true
    }

    fn named(&self, near: &str, element: &Value) -> Result<Edge, Error> {
        let id = element_object_id(element, "members")?;
        let kind = element.get("type").and_then(Value::as_str);
        let holder = End {
            kind: kind.and_then(super::object_type),
            ..End::of(id)
        };
        Ok(Edge {
            disabled_plans: disabled_plans(element),
            ..Edge::seen(EdgeKind::Licence, Side::To, near, holder)
        })
    }

    fn unchanged(&self, edge: &Edge, named: &Edge, whole: bool) -> bool {
        unchanged(edge, named, whole)
    }

    fn check_removal(&self, edge: &Edge) -> Result<(), Error> {
        match &edge.via {
            Some(group) => Err(Error::mutability(format!(
                "{} holds the licence through group {group}: remove it from the group, or the user from the group",
                edge.from.id
            ))),
            None => Ok(()),
        }
    }

    fn plan(&self, _subject: &Subject<'_>, change: &Change) -> Result<Calls, Error> {
        let mut calls = Calls::default();
        for edge in &change.add {
            let old = change
                .replaced
                .iter()
                .filter(|old| old.from.id.eq_ignore_ascii_case(&edge.from.id));
            let one = Change {
                add: vec![edge.clone()],
                replaced: old.cloned().collect(),
                ..Change::default()
            };
            calls.adds.push(Self::call(edge, &one)?);
        }
        for edge in &change.remove {
            let one = Change {
                remove: vec![edge.clone()],
                ..Change::default()
            };
            calls.removes.push(Self::call(edge, &one)?);
        }
        Ok(calls)
    }
}
