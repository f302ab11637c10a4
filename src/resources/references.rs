//! Relations that Graph keeps as references: members and owners of a group, the manager of a
//! user, and the read-only inverse, a user's groups.

use serde_json::{Map, Value, json};

use super::{
    edge::{Edge, EdgeKind, End, Held, Side, text},
    plan::{GraphCall, Inverse, Purpose, Tolerates, Verb},
    relation::{Calls, Candidates, Change, Relation, Subject, element_object_id},
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
    reference.mutability = Mutability::Immutable;
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

/// Many references from an object: `members` or `owners` of a group.
pub struct References {
    /// Collection of the objects that have them: `/groups`.
    pub of: &'static str,
    /// Relation and navigation property.
    pub name: &'static str,
    /// What its edges say.
    pub kind: EdgeKind,
    /// For `/Schemas`.
    pub description: &'static str,
    /// Whether Graph adds up to 20 in one PATCH (`members@odata.bind`); owners go one by one.
    pub binds_on_patch: bool,
    /// Whether Graph takes up to 20 with the create of the object.
    pub binds_on_create: bool,
    /// What Graph calls the objects that have them, in a cast.
    pub cast: &'static str,
    /// The navigation from a member or owner to its groups.
    pub inverse: &'static str,
    /// Collections in which that member or owner may be found.
    pub inverse_of: &'static [&'static str],
}

/// `members` of a group.
pub static MEMBERS: References = References {
    of: "/groups",
    name: "members",
    kind: EdgeKind::Member,
    description: "Members: users, groups, service principals, devices.",
    binds_on_patch: true,
    binds_on_create: true,
    cast: "microsoft.graph.group",
    inverse: "memberOf",
    inverse_of: &["users", "groups", "servicePrincipals"],
};

/// `owners` of a group.
pub static OWNERS: References = References {
    of: "/groups",
    name: "owners",
    kind: EdgeKind::Owner,
    description: "Owners: users and service principals.",
    binds_on_patch: false,
    binds_on_create: true,
    cast: "microsoft.graph.group",
    inverse: "ownedObjects",
    inverse_of: &["users", "servicePrincipals"],
};

impl References {
    fn object(&self, id: &str) -> String {
        format!("{}/{}", self.of, segment(id))
    }

    fn adds(&self, subject: &Subject<'_>, ids: &[&str]) -> Vec<GraphCall> {
        let object = self.object(subject.id);
        if self.binds_on_patch {
            return ids
                .chunks(BIND_LIMIT)
                .map(|chunk| {
                    GraphCall::add_references(
                        &object,
                        self.name,
                        subject.graph_url,
                        chunk,
                        subject.id,
                    )
                })
                .collect();
        }
        let navigation = format!("{object}/{}", self.name);
        ids.iter()
            .map(|id| {
                GraphCall::add_reference(&navigation, subject.graph_url, id, subject.id, self.name)
            })
            .collect()
    }
}

impl Relation for References {
    fn name(&self) -> &'static str {
        self.name
    }

    fn edge(&self) -> (EdgeKind, Side) {
        (self.kind, Side::From)
    }

    fn attribute(&self) -> Attribute {
        let subs = element_attributes(
            &["User", "Group", "ServicePrincipal", "Device", "Contact"],
            &["User", "Group"],
        );
        elements(self.name, self.description, subs)
    }

    fn lists(&self, id: &str) -> Vec<Request> {
        let path = format!("{}/{}", self.object(id), self.name);
        vec![Request::get(path).select(["id", "displayName"]).top(PAGE)]
    }

    fn edges(&self, id: &str, _entity: &Value, lists: &[Vec<Value>]) -> Vec<Edge> {
        lists
            .iter()
            .flatten()
            .filter_map(End::of_directory_object)
            .map(|far| Edge::seen(self.kind, Side::From, id, far))
            .collect()
    }

    fn candidates(&self, value: &str) -> Option<Candidates> {
        let id = segment(value);
        let list = |collection: &str| {
            Request::get(format!("/{collection}/{id}/{}/{}", self.inverse, self.cast)).top(PAGE)
        };
        Some(Candidates::Objects(
            self.inverse_of.iter().map(|c| list(c)).collect(),
        ))
    }

    fn plan(&self, subject: &Subject<'_>, change: &Change) -> Result<Calls, Error> {
        let adds: Vec<&str> = change.add.iter().map(|e| e.to.id.as_str()).collect();
        let navigation = format!("{}/{}", self.object(subject.id), self.name);
        let removes = change
            .remove
            .iter()
            .map(|edge| edge.to.id.as_str())
            // What is no object id cannot be a member: nothing to remove.
            .filter(|id| super::is_object_id(id))
            .map(|id| {
                GraphCall::remove_reference(
                    &navigation,
                    subject.graph_url,
                    id,
                    subject.id,
                    self.name,
                    self.binds_on_patch,
                )
            })
            .collect();
        Ok(Calls {
            adds: self.adds(subject, &adds),
            removes,
        })
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
        let free = if self.binds_on_create {
            BIND_LIMIT.saturating_sub(bound).min(elements.len())
        } else {
            0
        };
        let all_ids = elements
            .iter()
            .all(|e| element_object_id(e, self.name).is_ok());
        if free == 0 || !all_ids {
            return;
        }
        let links: Vec<Value> = elements
            .drain(..free)
            .filter_map(|e| {
                e["value"]
                    .as_str()
                    .map(|id| format!("{graph_url}/directoryObjects/{id}").into())
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

    fn edge(&self) -> (EdgeKind, Side) {
        (EdgeKind::Manager, Side::From)
    }

    fn attribute(&self) -> Attribute {
        let mut value = Attribute::new("value", Type::String, "Id of the manager.");
        value.case_exact = true;
        let mut reference = Attribute::new("$ref", Type::Reference, "URL of the manager.");
        reference.reference_types = vec!["User".into()];
        reference.case_exact = true;
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

    fn edges(&self, id: &str, entity: &Value, _lists: &[Vec<Value>]) -> Vec<Edge> {
        let manager = entity.get("manager").filter(|m| m.is_object());
        let far = manager.and_then(|manager| {
            Some(End {
                id: text(manager, "id")?,
                display: text(manager, "displayName"),
                kind: Some("User"),
            })
        });
        far.map(|far| Edge::seen(EdgeKind::Manager, Side::From, id, far))
            .into_iter()
            .collect()
    }

    fn candidates(&self, value: &str) -> Option<Candidates> {
        let path = format!("/users/{}/directReports", segment(value));
        Some(Candidates::Ids(
            vec![Request::get(path).select(["id"]).top(PAGE)],
            "id",
        ))
    }

    fn plan(&self, subject: &Subject<'_>, change: &Change) -> Result<Calls, Error> {
        let path = format!("/users/{}/manager/$ref", segment(subject.id));
        let set = |id: &str| {
            let body = json!({ "@odata.id": format!("{}/users/{id}", subject.graph_url) });
            let purpose = Purpose::edge("manager", Verb::Add, id);
            GraphCall::new(Request::put(path.clone(), body), subject.id, purpose)
        };
        let clear = |id: &str| {
            let purpose = Purpose::edge("manager", Verb::Remove, id);
            GraphCall::new(Request::delete(path.clone()), subject.id, purpose)
                .tolerating(Tolerates::NotThere)
        };
        let old = change.remove.first().map(|edge| edge.to.id.as_str());
        let mut calls = Calls::default();
        if let Some(new) = change.add.last() {
            let id = new.to.id.as_str();
            let back = old.map_or_else(|| clear(id), set);
            calls
                .adds
                .push(set(id).undone_by(Inverse::Calls(vec![back])));
        } else if let Some(old) = old {
            calls
                .removes
                .push(clear(old).undone_by(Inverse::Calls(vec![set(old)])));
        }
        Ok(calls)
    }
}

/// The groups that a user is in: direct ones and, through nesting, indirect ones. Read-only.
pub struct MemberOf;

impl Relation for MemberOf {
    fn name(&self) -> &'static str {
        "groups"
    }

    fn edge(&self) -> (EdgeKind, Side) {
        (EdgeKind::Member, Side::To)
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

    fn edges(&self, id: &str, _entity: &Value, lists: &[Vec<Value>]) -> Vec<Edge> {
        let [direct, transitive] = lists else {
            return Vec::new();
        };
        let direct_ids: std::collections::HashSet<&str> =
            direct.iter().filter_map(|g| g["id"].as_str()).collect();
        let indirect = transitive
            .iter()
            .filter(|g| g["id"].as_str().is_some_and(|id| !direct_ids.contains(id)));
        let edge = |item: &Value, held| {
            let group = End {
                id: text(item, "id")?,
                display: text(item, "displayName"),
                kind: Some("Group"),
            };
            Some(Edge {
                held,
                ..Edge::seen(EdgeKind::Member, Side::To, id, group)
            })
        };
        direct
            .iter()
            .filter_map(|g| edge(g, Held::Permanent))
            .chain(indirect.filter_map(|g| edge(g, Held::Inherited)))
            .collect()
    }

    fn candidates(&self, value: &str) -> Option<Candidates> {
        let path = format!(
            "/groups/{}/transitiveMembers/microsoft.graph.user",
            segment(value)
        );
        Some(Candidates::Ids(
            vec![Request::get(path).select(["id"]).top(PAGE).advanced()],
            "id",
        ))
    }

    fn plan(&self, _subject: &Subject<'_>, _change: &Change) -> Result<Calls, Error> {
        Err(Error::mutability(
            "'groups' is read-only: change the members of the group instead",
        ))
    }
}
