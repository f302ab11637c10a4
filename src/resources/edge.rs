//! An edge: one relation between two objects, such as a membership, a licence or a role
//! assignment. The same edge is seen from both of its ends: `members` of a group and `groups` of a
//! user are one kind of edge.

use serde_json::{Map, Value};

use crate::scim::datetime;

/// What an edge says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EdgeKind {
    /// A group (from) has a member (to).
    Member,
    /// A group (from) has an owner (to).
    Owner,
    /// A user (from) reports to a manager (to).
    Manager,
    /// A principal (from) holds a role (to).
    Role,
    /// A user or group (from) holds a licence (to).
    Licence,
    /// An administrative unit (from) contains an object (to).
    Unit,
}

/// The end of an edge that a relation belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// The relation lists where edges lead to: `members` of a group.
    From,
    /// The relation lists where edges come from: `groups` of a user.
    To,
}

/// How an edge is held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Held {
    /// Until it is taken away.
    #[default]
    Permanent,
    /// For a time (Privileged Identity Management).
    Active,
    /// May be activated (Privileged Identity Management).
    Eligible,
    /// Through a group or by nesting: changed elsewhere.
    Inherited,
}

/// An own change of an edge that Graph does not show yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pending {
    /// It was added, or changed.
    Added,
    /// It was removed.
    Removed,
}

/// One end: an object by its id, with what is known of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct End {
    /// The Graph id; of a role its definition id, of a licence its SKU id.
    pub id: String,
    /// Its name.
    pub display: Option<String>,
    /// What it is: `User`, `Group`, `ServicePrincipal`, …
    pub kind: Option<&'static str>,
}

impl End {
    /// An end of which only the id is known.
    pub fn of(id: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            ..Self::default()
        }
    }

    /// The directory object that Graph listed: its type is in `@odata.type`.
    pub fn of_directory_object(item: &Value) -> Option<Self> {
        let odata_type = item
            .get("@odata.type")
            .and_then(Value::as_str)
            .unwrap_or_default();
        Some(Self {
            id: item.get("id")?.as_str()?.to_owned(),
            display: text(item, "displayName"),
            kind: Some(object_kind(odata_type)),
        })
    }
}

/// What a directory object is called in `type`.
fn object_kind(odata_type: &str) -> &'static str {
    super::ALL
        .iter()
        .find(|kind| kind.odata_type.is_some_and(|known| known == odata_type))
        .map_or_else(|| foreign_kind(odata_type), |kind| kind.name)
}

/// Directory objects that are no resource types here.
fn foreign_kind(odata_type: &str) -> &'static str {
    match odata_type {
        "#microsoft.graph.servicePrincipal" => "ServicePrincipal",
        "#microsoft.graph.device" => "Device",
        "#microsoft.graph.orgContact" => "Contact",
        _ => "Object",
    }
}

/// One edge.
#[derive(Clone, Debug, PartialEq)]
pub struct Edge {
    /// What it says.
    pub kind: EdgeKind,
    /// Where it starts.
    pub from: End,
    /// Where it leads.
    pub to: End,
    /// Where a role holds: `/`, an administrative unit, an application, …
    pub scope: Option<String>,
    /// How it is held.
    pub held: Held,
    /// When it begins, as Graph writes it.
    pub start: Option<String>,
    /// When it ends, as Graph writes it.
    pub end: Option<String>,
    /// Service plans of a licence that are switched off, in lower case, sorted; `None` when a
    /// client did not say.
    pub disabled_plans: Option<Vec<String>>,
    /// The group through which it is inherited.
    pub via: Option<String>,
    /// Graph's id of the edge itself, where it has one: a role assignment, or its schedule.
    pub id: Option<String>,
    /// The eligibility that is active now; it ends by itself.
    pub activated_from: Option<String>,
    /// What a client said of an assignment that Graph does not keep with it.
    pub asked: Option<Asked>,
    /// State and error of a licence assignment.
    pub state: Option<String>,
    /// Why a licence assignment is in error.
    pub error: Option<String>,
    /// What was done to it here moments ago, where Graph does not say so yet: whoever plans against
    /// it has to make sure.
    pub pending: Option<Pending>,
}

/// What goes with the request of a client, and not into the edge.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Asked {
    /// Whether the client said how and until when it is to be held.
    pub says_how: bool,
    /// Why.
    pub justification: Option<String>,
    /// The ticket that allows it.
    pub ticket: Option<String>,
}

/// What makes two edges of one relation the same.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EdgeKey {
    /// The far end's id, in lower case.
    pub far: String,
    /// Where it holds.
    pub scope: Option<String>,
    /// Through which group, in lower case.
    pub via: Option<String>,
    /// Inherited edges are never the ones that a client adds, and who may take a role may have it
    /// too: held for good and for a time are the same.
    pub held: Held,
}

impl Edge {
    /// A permanent edge between two objects.
    pub fn new(kind: EdgeKind, from: End, to: End) -> Self {
        Self {
            kind,
            from,
            to,
            scope: None,
            held: Held::Permanent,
            start: None,
            end: None,
            disabled_plans: None,
            via: None,
            id: None,
            activated_from: None,
            asked: None,
            state: None,
            error: None,
            pending: None,
        }
    }

    /// A permanent edge whose near end, seen from `side`, is the object `near`.
    pub fn seen(kind: EdgeKind, side: Side, near: &str, far: End) -> Self {
        match side {
            Side::From => Self::new(kind, End::of(near), far),
            Side::To => Self::new(kind, far, End::of(near)),
        }
    }

    /// The other end, as the relation on `side` lists it.
    pub fn far(&self, side: Side) -> &End {
        match side {
            Side::From => &self.to,
            Side::To => &self.from,
        }
    }

    /// The end that has the relation.
    pub fn near(&self, side: Side) -> &End {
        match side {
            Side::From => &self.from,
            Side::To => &self.to,
        }
    }

    /// What tells this edge from the others of a relation on `side`.
    pub fn key(&self, side: Side) -> EdgeKey {
        EdgeKey {
            far: self.far(side).id.to_ascii_lowercase(),
            scope: self.scope.clone(),
            via: self.via.as_deref().map(str::to_ascii_lowercase),
            held: match self.held {
                Held::Active => Held::Permanent,
                held => held,
            },
        }
    }

    /// Whether `seen`, which has the same key, is held in another way or until another time.
    pub fn is_held_otherwise(&self, seen: &Self) -> bool {
        let moment = |text: &Option<String>| text.as_deref().and_then(datetime::instant);
        self.kind == EdgeKind::Role
            && (self.held != seen.held || moment(&self.end) != moment(&seen.end))
    }

    /// The SCIM element that shows the edge in a relation on `side`; `$ref` is relative.
    pub fn element(&self, side: Side) -> Value {
        let far = self.far(side);
        let mut element = Map::new();
        element.insert("value".into(), far.id.clone().into());
        if let Some(endpoint) = self.endpoint(side) {
            element.insert("$ref".into(), format!("{endpoint}/{}", far.id).into());
        }
        if let Some(display) = &far.display {
            let name = if self.kind == EdgeKind::Manager {
                "displayName"
            } else {
                "display"
            };
            element.insert(name.into(), display.clone().into());
        }
        let how = self.how(side);
        let kind = if self.type_says_how(side) {
            how
        } else {
            far.kind.filter(|_| self.kind != EdgeKind::Manager)
        };
        if let Some(kind) = kind {
            element.insert("type".into(), kind.into());
        }
        if let Some(plans) = self.disabled_plans.as_ref().filter(|p| !p.is_empty()) {
            element.insert("disabledPlans".into(), plans.clone().into());
        }
        for (name, value) in [
            ("scope", &self.scope),
            ("assignmentId", &self.id),
            ("assignedByGroup", &self.via),
            ("state", &self.state),
            ("error", &self.error),
            ("start", &self.start),
            ("end", &self.end),
            ("activatedFrom", &self.activated_from),
        ] {
            if let Some(value) = value {
                element.insert(name.into(), value.clone().into());
            }
        }
        let tells = match self.kind {
            EdgeKind::Role => true,
            EdgeKind::Licence => side == Side::To,
            _ => false,
        };
        if tells && let Some(how) = how {
            element.insert("assignment".into(), how.into());
        }
        Value::Object(element)
    }

    /// The endpoint at which the far end is served, if it is.
    fn endpoint(&self, side: Side) -> Option<&'static str> {
        let name = match (self.kind, side) {
            (EdgeKind::Role, Side::From) => "Role",
            (EdgeKind::Licence, Side::From) => "License",
            (EdgeKind::Manager, _) => "User",
            (EdgeKind::Member | EdgeKind::Owner, Side::To) => "Group",
            (EdgeKind::Unit, Side::To) => "AdministrativeUnit",
            _ => self.far(side).kind?,
        };
        super::by_name(name).map(|kind| kind.endpoint)
    }

    /// Whether `type` says how the edge is held, rather than what the far end is.
    fn type_says_how(&self, side: Side) -> bool {
        matches!(
            (self.kind, side),
            (EdgeKind::Role | EdgeKind::Licence, Side::From) | (EdgeKind::Member, Side::To)
        )
    }

    fn how(&self, side: Side) -> Option<&'static str> {
        match (self.kind, self.held) {
            (EdgeKind::Role, Held::Permanent) => Some("permanent"),
            (EdgeKind::Role, Held::Active) => Some("active"),
            (EdgeKind::Role, Held::Eligible) => Some("eligible"),
            (EdgeKind::Licence | EdgeKind::Role, Held::Inherited) => Some("inherited"),
            (EdgeKind::Licence, _) => Some("direct"),
            (EdgeKind::Member, Held::Inherited) if side == Side::To => Some("indirect"),
            (EdgeKind::Member, _) if side == Side::To => Some("direct"),
            _ => None,
        }
    }
}

/// The string property `name` of `item`, when it has one.
pub fn text(item: &Value, name: &str) -> Option<String> {
    item.get(name).and_then(Value::as_str).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_edge_is_shown_from_both_ends() {
        let end = |id: &str, kind| End {
            id: id.into(),
            display: Some(id.to_uppercase()),
            kind,
        };
        let member = Edge::new(
            EdgeKind::Member,
            end("g", Some("Group")),
            end("u", Some("User")),
        );
        assert_eq!(
            member.element(Side::From),
            json!({"value": "u", "$ref": "/Users/u", "display": "U", "type": "User"})
        );
        assert_eq!(
            member.element(Side::To),
            json!({"value": "g", "$ref": "/Groups/g", "display": "G", "type": "direct"})
        );
        let role = Edge {
            scope: Some("/".into()),
            id: Some("a1".into()),
            ..Edge::new(EdgeKind::Role, end("u", Some("User")), end("r", None))
        };
        assert_eq!(
            role.element(Side::From),
            json!({"value": "r", "$ref": "/Roles/r", "display": "R", "type": "permanent",
                "scope": "/", "assignmentId": "a1", "assignment": "permanent"})
        );
        assert_eq!(
            role.element(Side::To),
            json!({"value": "u", "$ref": "/Users/u", "display": "U", "type": "User",
                "scope": "/", "assignmentId": "a1", "assignment": "permanent"})
        );
        let manager = Edge::new(EdgeKind::Manager, end("u", None), end("m", Some("User")));
        assert_eq!(
            manager.element(Side::From),
            json!({"value": "m", "$ref": "/Users/m", "displayName": "M"})
        );
    }

    #[test]
    fn objects_that_are_not_served_have_no_reference() {
        let device = json!({"@odata.type": "#microsoft.graph.device", "id": "d"});
        let far = End::of_directory_object(&device).unwrap();
        let edge = Edge::seen(EdgeKind::Member, Side::From, "g", far);
        assert_eq!(
            edge.element(Side::From),
            json!({"value": "d", "type": "Device"})
        );
    }
}
