//! What a subscription is about.

use uuid::Uuid;

use crate::simulator::directory::journal::What;
use crate::simulator::directory::{Directory, Kind, Relation, guid};

/// What a subscription is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resource {
    /// Users or groups.
    pub kind: Kind,
    /// One of them.
    pub id: Option<Uuid>,
    /// Only its links of this kind.
    pub relation: Option<Relation>,
}

impl Resource {
    /// `/users`, `users/{id}`, `groups/{id}/members`, …
    pub fn parse(text: &str) -> Option<Self> {
        let segments: Vec<String> = text
            .split('/')
            .filter(|s| !s.is_empty())
            .map(str::to_ascii_lowercase)
            .collect();
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        let kind = match *segments.first()? {
            "users" => Kind::User,
            "groups" => Kind::Group,
            _ => return None,
        };
        let (id, relation) = match (kind, &segments[1..]) {
            (_, []) => (None, None),
            (_, [id]) => (Some(*id), None),
            (Kind::Group, [id, "members"]) => (Some(*id), Some(Relation::Member)),
            (Kind::Group, [id, "owners"]) => (Some(*id), Some(Relation::Owner)),
            _ => return None,
        };
        let id = match id {
            None => None,
            Some(id) => Some(guid(id)?),
        };
        Some(Self { kind, id, relation })
    }

    /// Whether a change concerns it.
    pub fn concerns(self, dir: &Directory, what: &What) -> bool {
        let object = dir.object(what.slot());
        let link = match what {
            What::Linked(relation, ..) | What::Unlinked(relation, ..) => Some(*relation),
            What::Cut(..) => return false,
            _ => None,
        };
        object.kind == self.kind
            && self.id.is_none_or(|id| id == object.id)
            && self.relation.is_none_or(|relation| link == Some(relation))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resources() {
        let id = "11111111-2222-3333-4444-555555555555";
        for (text, fits) in [
            ("/users", true),
            ("groups", true),
            (&format!("/Users/{id}"), true),
            (&format!("groups/{id}/members"), true),
            (&format!("groups/{id}/owners"), true),
            (&format!("users/{id}/members"), false),
            ("users/a@b.c", false),
            ("applications", false),
            ("", false),
        ] {
            assert_eq!(Resource::parse(text).is_some(), fits, "{text}");
        }
    }
}
