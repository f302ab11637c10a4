//! Licences: `entitlements` of a user or group, and the holders of a licence.
//!
//! Both ends change through the `assignLicense` action of the user or group; a licence that is
//! inherited from a group is told apart and cannot be removed from the user.

use serde_json::{Map, Value, json};

use super::{
    edge::{Edge, text},
    plan::GraphCall,
    references::{element_attributes, elements},
    relation::{Candidates, Change, Relation, Target, element_value},
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

fn disabled_plans(element: &Value) -> Vec<String> {
    let mut plans: Vec<String> = element
        .get("disabledPlans")
        .and_then(Value::as_array)
        .map(|plans| {
            plans
                .iter()
                .filter_map(Value::as_str)
                .map(str::to_ascii_lowercase)
                .collect()
        })
        .unwrap_or_default();
    plans.sort();
    plans.dedup();
    plans
}

fn put_plans(extra: &mut Map<String, Value>, source: &Value) {
    let plans = disabled_plans(source);
    if !plans.is_empty() {
        extra.insert("disabledPlans".into(), plans.into());
    }
}

/// The licence that an element names: a SKU id, or a well-known part number.
fn sku_of(element: &Value) -> Result<String, Error> {
    let value = element_value(element, "entitlements")?;
    if super::is_object_id(value) {
        return Ok(value.to_ascii_lowercase());
    }
    skus::by_part_number(value)
        .map(str::to_owned)
        .ok_or_else(|| {
            Error::invalid_value(format!(
                "'{value}' is neither a SKU id nor a known SKU part number"
            ))
        })
}

fn assign_call(
    collection: &str,
    id: &str,
    add: &[(String, Vec<String>)],
    remove: &[String],
) -> GraphCall {
    let added: Vec<Value> = add
        .iter()
        .map(|(sku, plans)| json!({ "skuId": sku, "disabledPlans": plans }))
        .collect();
    let body = json!({ "addLicenses": added, "removeLicenses": remove });
    let request = Request::post(format!("{collection}/{}/assignLicense", segment(id)), body);
    GraphCall::new(
        request,
        id,
        format!(
            "licences of {id}: assign {}, remove {}",
            add.len(),
            remove.len()
        ),
    )
}

impl Entitlements {
    fn of_user(entity: &Value) -> Vec<Edge> {
        let states = entity
            .get("licenseAssignmentStates")
            .and_then(Value::as_array);
        states
            .into_iter()
            .flatten()
            .filter_map(|state| {
                let sku = text(state, "skuId")?;
                let by_group = text(state, "assignedByGroup");
                let kind = if by_group.is_some() {
                    "inherited"
                } else {
                    "direct"
                };
                let mut extra = Map::new();
                put_plans(&mut extra, state);
                if let Some(group) = by_group {
                    extra.insert("assignedByGroup".into(), group.into());
                }
                for name in ["state", "error"] {
                    if let Some(value) = text(state, name).filter(|v| v != "None") {
                        extra.insert(name.into(), value.into());
                    }
                }
                Some(Self::edge(sku, kind, extra))
            })
            .collect()
    }

    fn of_assigned(entity: &Value) -> Vec<Edge> {
        let assigned = entity.get("assignedLicenses").and_then(Value::as_array);
        assigned
            .into_iter()
            .flatten()
            .filter_map(|licence| {
                let mut extra = Map::new();
                put_plans(&mut extra, licence);
                Some(Self::edge(text(licence, "skuId")?, "direct", extra))
            })
            .collect()
    }

    fn edge(sku: String, kind: &str, extra: Map<String, Value>) -> Edge {
        Edge {
            display: skus::friendly_name(&sku).map(str::to_owned),
            value: sku,
            kind: Some(kind.to_owned()),
            endpoint: Some("/Licenses"),
            extra,
        }
    }
}

impl Relation for Entitlements {
    fn name(&self) -> &'static str {
        "entitlements"
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

    fn edges(&self, _id: &str, entity: &Value, _lists: &[Vec<Value>]) -> Vec<Edge> {
        let mut edges = Self::of_user(entity);
        // A licence without an assignment state is still a licence.
        for edge in Self::of_assigned(entity) {
            if !edges
                .iter()
                .any(|e| e.value.eq_ignore_ascii_case(&edge.value))
            {
                edges.push(edge);
            }
        }
        edges
    }

    fn needs_current(&self) -> bool {
        true
    }

    fn same(&self, edge: &Edge, element: &Value) -> bool {
        edge.kind.as_deref() != Some("inherited")
            && sku_of(element).is_ok_and(|sku| sku.eq_ignore_ascii_case(&edge.value))
    }

    fn unchanged(&self, edge: &Edge, element: &Value, whole: bool) -> bool {
        !whole && element.get("disabledPlans").is_none()
            || disabled_plans(&Value::Object(edge.extra.clone())) == disabled_plans(element)
    }

    fn check_removal(&self, edge: &Edge) -> Result<(), Error> {
        match edge.extra.get("assignedByGroup").and_then(Value::as_str) {
            Some(group) => Err(Error::mutability(format!(
                "licence {} is inherited from group {group}: remove it from the group, or the user from the group",
                edge.value
            ))),
            None => Ok(()),
        }
    }

    fn is_own(&self, edge: &Edge) -> bool {
        edge.kind.as_deref() != Some("inherited")
    }

    fn plan(&self, target: &Target<'_>, change: &Change) -> Result<Vec<GraphCall>, Error> {
        let mut add = Vec::new();
        for element in &change.add {
            add.push((sku_of(element)?, disabled_plans(element)));
        }
        let remove: Vec<String> = change.remove.iter().map(|e| e.value.clone()).collect();
        if add.is_empty() && remove.is_empty() {
            return Ok(Vec::new());
        }
        if self.collection == "/users" && !add.is_empty() {
            let located = target
                .entity
                .is_none_or(|e| e.get("usageLocation").and_then(Value::as_str).is_some());
            if !located {
                return Err(Error::invalid_value(
                    "a licence can be assigned only to a user with a usageLocation: set it first, or in the same request",
                ));
            }
        }
        Ok(vec![assign_call(self.collection, target.id, &add, &remove)])
    }
}

/// The holders of a licence: users and groups.
pub struct Holders;

impl Holders {
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

    fn edge(item: &Value, kind: &str, endpoint: &'static str, assignment: &Edge) -> Option<Edge> {
        let mut extra = assignment.extra.clone();
        let how = assignment.kind.clone().unwrap_or_else(|| "direct".into());
        extra.insert("assignment".into(), how.into());
        Some(Edge {
            value: text(item, "id")?,
            display: text(item, "displayName"),
            kind: Some(kind.to_owned()),
            endpoint: Some(endpoint),
            extra,
        })
    }
}

impl Relation for Holders {
    fn name(&self) -> &'static str {
        "members"
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
        let held = |edges: Vec<Edge>| {
            edges
                .into_iter()
                .filter(|e| e.value.eq_ignore_ascii_case(id))
        };
        let entitlements = Entitlements {
            collection: "/users",
        };
        let of_users = users.iter().flat_map(|user| {
            held(entitlements.edges("", user, &[]))
                .filter_map(|a| Self::edge(user, "User", "/Users", &a))
                .collect::<Vec<_>>()
        });
        let of_groups = groups.iter().flat_map(|group| {
            held(Entitlements::of_assigned(group))
                .filter_map(|a| Self::edge(group, "Group", "/Groups", &a))
                .collect::<Vec<_>>()
        });
        of_users.chain(of_groups).collect()
    }

    fn candidates(&self, _value: &str) -> Option<Candidates> {
        None
    }

    fn needs_current(&self) -> bool {
        true
    }

    fn needs_kinds(&self) -> bool {
        true
    }

    fn same(&self, edge: &Edge, element: &Value) -> bool {
        self.is_own(edge)
            && element
                .get("value")
                .and_then(Value::as_str)
                .is_some_and(|v| v.eq_ignore_ascii_case(&edge.value))
    }

    fn unchanged(&self, edge: &Edge, element: &Value, whole: bool) -> bool {
        Entitlements {
            collection: "/users",
        }
        .unchanged(edge, element, whole)
    }

    fn check_removal(&self, edge: &Edge) -> Result<(), Error> {
        match edge.extra.get("assignedByGroup").and_then(Value::as_str) {
            Some(group) => Err(Error::mutability(format!(
                "{} holds the licence through group {group}: remove it from the group, or the user from the group",
                edge.value
            ))),
            None => Ok(()),
        }
    }

    fn is_own(&self, edge: &Edge) -> bool {
        edge.extra.get("assignment").and_then(Value::as_str) != Some("inherited")
    }

    fn plan(&self, target: &Target<'_>, change: &Change) -> Result<Vec<GraphCall>, Error> {
        let sku = target.id.to_ascii_lowercase();
        let collection = |kind: Option<&str>, id: &str| match kind {
            Some("User") => Ok("/users"),
            Some("Group") => Ok("/groups"),
            _ => Err(Error::invalid_value(format!(
                "'{id}' is neither a user nor a group"
            ))),
        };
        let mut calls = Vec::new();
        for element in &change.add {
            let id = super::relation::element_object_id(element, "members")?;
            let collection = collection(element.get("type").and_then(Value::as_str), id)?;
            calls.push(assign_call(
                collection,
                id,
                &[(sku.clone(), disabled_plans(element))],
                &[],
            ));
        }
        for edge in &change.remove {
            let collection = collection(edge.kind.as_deref(), &edge.value)?;
            calls.push(assign_call(
                collection,
                &edge.value,
                &[],
                std::slice::from_ref(&sku),
            ));
        }
        Ok(calls)
    }
}
