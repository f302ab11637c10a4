//! Relations that Graph keeps as references: members and owners of a group, the manager of a
//! user, and the read-only inverse, a user's groups.

use serde_json::{Map, Value, json};

use super::{
    edge::{Edge, text},
    plan::{GraphCall, Tolerates},
    relation::{Candidates, Change, Relation, Target, element_object_id},
};
use crate::{
    odata::request::{Request, segment},
    scim::{
        error::Error,
        schema::{Attribute, Mutability, Type},
    },
};

/// Graph takes at most so many references in one `members@odata.bind`.
pub const BIND_LIMIT: usize = 20;

/// Largest page that Graph gives of directory objects.
const PAGE: usize = 999;

/// The sub-attributes `value`, `$ref`, `display`, `type` that all relations share.
pub(super) fn element_attributes(types: &[&str], reference_types: &[&str]) -> Vec<Attribute> {
    let mut value = Attribute::new("value", Type::String, "Id of the other end.");
    value.case_exact = true;
    value.required = true;
    value.mutability = Mutability::Immutable;
    let mut reference = Attribute::new("$ref", Type::Reference, "URL of the other end.");
    reference.case_exact = true;
    reference.mutability = Mutability::ReadOnly;
    reference.reference_types = reference_types.iter().map(|t| (*t).to_owned()).collect();
    let mut display = Attribute::new("display", Type::String, "Name of the other end.");
    display.mutability = Mutability::ReadOnly;
    let mut kind = Attribute::new(
        "type",
        Type::String,
        "What the other end is, or how it is held.",
    );
    kind.mutability = Mutability::Immutable;
    kind.canonical_values = types.iter().map(|t| (*t).to_owned()).collect();
    vec![value, reference, display, kind]
}

/// A multi-valued complex attribute.
pub(super) fn elements(name: &str, text: &str, sub_attributes: Vec<Attribute>) -> Attribute {
    Attribute {
        multi_valued: true,
        sub_attributes,
        ..Attribute::new(name, Type::Complex, text)
    }
}

/// Many references from a group: `members` or `owners`.
pub struct References {
    /// Relation and navigation property.
    pub name: &'static str,
    /// For `/Schemas`.
    pub description: &'static str,
    /// Whether Graph adds up to 20 in one PATCH (`members@odata.bind`); owners go one by one.
    pub binds_on_patch: bool,
    /// The navigation from a member or owner to its groups.
    pub inverse: &'static str,
    /// Collections in which that member or owner may be found.
    pub inverse_of: &'static [&'static str],
}

impl References {
    fn id_reference(graph_url: &str, id: &str) -> String {
        format!("{graph_url}/directoryObjects/{id}")
    }

    fn adds(&self, target: &Target<'_>, ids: &[&str]) -> Vec<GraphCall> {
        let group = format!("/groups/{}", segment(target.id));
        if self.binds_on_patch {
            return ids
                .chunks(BIND_LIMIT)
                .map(|chunk| {
                    let links: Vec<String> = chunk
                        .iter()
                        .map(|id| Self::id_reference(target.graph_url, id))
                        .collect();
                    let body = json!({ format!("{}@odata.bind", self.name): links });
                    let what = format!("{}: add {}", self.name, chunk.len());
                    GraphCall {
                        bulk_add: chunk.iter().map(|id| (*id).to_owned()).collect(),
                        ..GraphCall::new(Request::patch(group.clone(), body), target.id, what)
                            .tolerating(Tolerates::AlreadyThere)
                    }
                })
                .collect();
        }
        ids.iter()
            .map(|id| {
                let body = json!({ "@odata.id": Self::id_reference(target.graph_url, id) });
                let request = Request::post(format!("{group}/{}/$ref", self.name), body);
                GraphCall::new(request, target.id, format!("{}: add {id}", self.name))
                    .tolerating(Tolerates::AlreadyThere)
            })
            .collect()
    }
}

impl Relation for References {
    fn name(&self) -> &'static str {
        self.name
    }

    fn attribute(&self) -> Attribute {
        let subs = element_attributes(
            &["User", "Group", "ServicePrincipal", "Device", "Contact"],
            &["User", "Group"],
        );
        elements(self.name, self.description, subs)
    }

    fn lists(&self, id: &str) -> Vec<Request> {
        let path = format!("/groups/{}/{}", segment(id), self.name);
        vec![Request::get(path).select(["id", "displayName"]).top(PAGE)]
    }

    fn edges(&self, _id: &str, _entity: &Value, lists: &[Vec<Value>]) -> Vec<Edge> {
        lists
            .iter()
            .flatten()
            .filter_map(Edge::from_directory_object)
            .collect()
    }

    fn candidates(&self, value: &str) -> Option<Candidates> {
        let id = segment(value);
        let list = |collection: &str| {
            Request::get(format!(
                "/{collection}/{id}/{}/microsoft.graph.group",
                self.inverse
            ))
            .top(PAGE)
        };
        Some(Candidates::Objects(
            self.inverse_of.iter().map(|c| list(c)).collect(),
        ))
    }

    fn plan(&self, target: &Target<'_>, change: &Change) -> Result<Vec<GraphCall>, Error> {
        let mut adds = Vec::with_capacity(change.add.len());
        for element in &change.add {
            adds.push(element_object_id(element, self.name)?);
        }
        let mut calls = self.adds(target, &adds);
        for edge in &change.remove {
            let id = &edge.value;
            if !super::is_object_id(id) {
                continue; // what is no object id cannot be a member: nothing to remove
            }
            let path = format!(
                "/groups/{}/{}/{}/$ref",
                segment(target.id),
                self.name,
                segment(id)
            );
            calls.push(
                GraphCall::new(
                    Request::delete(path),
                    target.id,
                    format!("{}: remove {id}", self.name),
                )
                .tolerating(Tolerates::NotThere),
            );
        }
        Ok(calls)
    }

    fn bind_on_create(
        &self,
        body: &mut Map<String, Value>,
        elements: &mut Vec<Value>,
        graph_url: &str,
    ) {
        let bound: usize = body
            .iter()
            .filter(|(k, _)| k.ends_with("@odata.bind"))
            .filter_map(|(_, v)| v.as_array())
            .map(Vec::len)
            .sum();
        let room = BIND_LIMIT.saturating_sub(bound).min(elements.len());
        let all_ids = elements
            .iter()
            .all(|e| element_object_id(e, self.name).is_ok());
        if room == 0 || !all_ids {
            return;
        }
        let links: Vec<Value> = elements
            .drain(..room)
            .filter_map(|e| {
                e["value"]
                    .as_str()
                    .map(|id| Self::id_reference(graph_url, id).into())
            })
            .collect();
        body.insert(format!("{}@odata.bind", self.name), links.into());
    }
}

/// The manager of a user.
pub struct Manager;

impl Relation for Manager {
    fn name(&self) -> &'static str {
        "manager"
    }

    fn attribute(&self) -> Attribute {
        let mut value = Attribute::new("value", Type::String, "Id of the manager.");
        value.case_exact = true;
        let mut reference = Attribute::new("$ref", Type::Reference, "URL of the manager.");
        reference.reference_types = vec!["User".into()];
        reference.case_exact = true;
        reference.mutability = Mutability::ReadOnly;
        let mut name = Attribute::new("displayName", Type::String, "Name of the manager.");
        name.mutability = Mutability::ReadOnly;
        elements(
            "manager",
            "The user's manager.",
            vec![value, reference, name],
        )
    }

    fn is_single(&self) -> bool {
        true
    }

    fn expand(&self) -> Option<(&'static str, &'static str)> {
        Some((
            "manager($select=id,displayName)",
            "manager($levels=1;$select=id,displayName)",
        ))
    }

    fn edges(&self, _id: &str, entity: &Value, _lists: &[Vec<Value>]) -> Vec<Edge> {
        let Some(manager) = entity.get("manager").filter(|m| m.is_object()) else {
            return Vec::new();
        };
        let Some(value) = text(manager, "id") else {
            return Vec::new();
        };
        let mut extra = Map::new();
        if let Some(name) = text(manager, "displayName") {
            extra.insert("displayName".into(), name.into());
        }
        vec![Edge {
            value,
            endpoint: Some("/Users"),
            extra,
            ..Edge::default()
        }]
    }

    fn candidates(&self, value: &str) -> Option<Candidates> {
        let path = format!("/users/{}/directReports", segment(value));
        Some(Candidates::Ids(
            Request::get(path).select(["id"]).top(PAGE),
            "id",
        ))
    }

    fn plan(&self, target: &Target<'_>, change: &Change) -> Result<Vec<GraphCall>, Error> {
        let path = format!("/users/{}/manager/$ref", segment(target.id));
        if let Some(element) = change.add.last() {
            let manager = element_object_id(element, "manager")?;
            let body = json!({ "@odata.id": format!("{}/users/{manager}", target.graph_url) });
            return Ok(vec![GraphCall::new(
                Request::put(path, body),
                target.id,
                format!("manager: set {manager}"),
            )]);
        }
        Ok(change
            .remove
            .iter()
            .take(1)
            .map(|_| {
                GraphCall::new(Request::delete(path.clone()), target.id, "manager: remove")
                    .tolerating(Tolerates::NotThere)
            })
            .collect())
    }
}

/// The groups that a user is in: direct ones and, through nesting, indirect ones. Read-only.
pub struct MemberOf;

impl Relation for MemberOf {
    fn name(&self) -> &'static str {
        "groups"
    }

    fn attribute(&self) -> Attribute {
        let mut subs = element_attributes(&["direct", "indirect"], &["Group"]);
        for sub in &mut subs {
            sub.mutability = Mutability::ReadOnly;
            sub.required = false;
        }
        Attribute {
            mutability: Mutability::ReadOnly,
            ..elements(
                "groups",
                "The groups that the user is in; change them at the group.",
                subs,
            )
        }
    }

    fn lists(&self, id: &str) -> Vec<Request> {
        let user = format!("/users/{}", segment(id));
        let list = |navigation: &str| {
            Request::get(format!("{user}/{navigation}/microsoft.graph.group"))
                .select(["id", "displayName"])
                .top(PAGE)
                .advanced()
        };
        vec![list("memberOf"), list("transitiveMemberOf")]
    }

    fn edges(&self, _id: &str, _entity: &Value, lists: &[Vec<Value>]) -> Vec<Edge> {
        let [direct, transitive] = lists else {
            return Vec::new();
        };
        let direct_ids: std::collections::HashSet<&str> =
            direct.iter().filter_map(|g| g["id"].as_str()).collect();
        let indirect = transitive
            .iter()
            .filter(|g| g["id"].as_str().is_some_and(|id| !direct_ids.contains(id)));
        let edge = |item: &Value, kind: &str| {
            Some(Edge {
                value: text(item, "id")?,
                display: text(item, "displayName"),
                kind: Some(kind.to_owned()),
                endpoint: Some("/Groups"),
                extra: Map::new(),
            })
        };
        direct
            .iter()
            .filter_map(|g| edge(g, "direct"))
            .chain(indirect.filter_map(|g| edge(g, "indirect")))
            .collect()
    }

    fn candidates(&self, value: &str) -> Option<Candidates> {
        let path = format!(
            "/groups/{}/transitiveMembers/microsoft.graph.user",
            segment(value)
        );
        Some(Candidates::Ids(
            Request::get(path).select(["id"]).top(PAGE).advanced(),
            "id",
        ))
    }

    fn plan(&self, _target: &Target<'_>, _change: &Change) -> Result<Vec<GraphCall>, Error> {
        Err(Error::mutability(
            "'groups' is read-only: change the members of the group instead",
        ))
    }
}
