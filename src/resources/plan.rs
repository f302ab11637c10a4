//! A write as a plan: the Graph calls, in order, before any is made.

use std::fmt;

use serde_json::{Value, json};

use crate::odata::request::{Request, segment};

/// Which refusal of Graph means that the wanted state is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tolerates {
    /// None: every refusal is a failure.
    Nothing,
    /// "already exist": the reference that is to be added is there.
    AlreadyThere,
    /// "do not exist", 404: the reference that is to be removed is not there.
    NotThere,
}

/// What a call does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Makes the object itself.
    Create,
    /// Deletes the object itself.
    Delete,
    /// Sets properties.
    Set,
    /// Adds to a relation.
    Add,
    /// Takes out of a relation.
    Remove,
    /// Takes an earlier call back.
    Undo,
}

/// What a call is for: told to people, and to what has to react to its failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Purpose {
    /// The relation; none when it is about the object itself.
    pub relation: Option<&'static str>,
    /// What is done.
    pub verb: Verb,
    /// What it is done with: ids of far ends, or names of properties.
    pub ids: Vec<String>,
}

/// No text names more ids than this.
const NAMED: usize = 10;

/// "a, b, c and 17 more"
pub fn some_of(names: &[String]) -> String {
    let shown = names[..names.len().min(NAMED)].join(", ");
    match names.len().saturating_sub(NAMED) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = match self.verb {
            Verb::Create => "create",
            Verb::Delete => "delete",
            Verb::Set => "set",
            Verb::Add => "add",
            Verb::Remove => "remove",
            Verb::Undo => "take back",
        };
        if let Some(relation) = self.relation {
            write!(f, "{relation}: ")?;
        }
        f.write_str(verb)?;
        match self.ids.len() {
            0 => Ok(()),
            n if n > NAMED => write!(f, " {n}"),
            _ => write!(f, " {}", self.ids.join(", ")),
        }
    }
}

/// How a call that was carried out is taken back.
#[derive(Clone, Debug, PartialEq)]
pub enum Inverse {
    /// Not at all.
    None,
    /// By these.
    Calls(Vec<GraphCall>),
    /// By deleting what it made: the `id` of its answer below its own path.
    DeleteMade,
}

/// A call that does many things at once, and that Graph refuses as a whole when one of them is so
/// already.
#[derive(Clone, Debug, PartialEq)]
pub enum Bulk {
    /// Adds references.
    References {
        /// `/groups/{id}/members`
        navigation: String,
        /// Root of Graph, version included.
        graph_url: String,
    },
    /// Can be had as these.
    Parts(Vec<GraphCall>),
}

/// One Graph call of a plan.
#[derive(Clone, Debug, PartialEq)]
pub struct GraphCall {
    /// The request.
    pub request: Request,
    /// Writes to one object must not run side by side (Graph answers with a concurrency
    /// violation): calls with the same key are chained, in order.
    pub serial_key: String,
    /// What it is for.
    pub purpose: Purpose,
    /// Which refusal is success.
    pub tolerates: Tolerates,
    /// How it is taken back.
    pub inverse: Inverse,
    /// It takes away what was made moments ago: that Graph knows of no such thing means only that
    /// it does not know of it yet.
    pub is_hasty: bool,
    /// Set when it adds many at once.
    pub bulk: Option<Bulk>,
}

/// The URL of a directory object, as references name it.
pub fn reference(graph_url: &str, id: &str) -> Value {
    json!({ "@odata.id": format!("{graph_url}/directoryObjects/{id}") })
}

impl GraphCall {
    /// A call that tolerates no refusal and cannot be taken back.
    pub fn new(request: Request, serial_key: impl Into<String>, purpose: Purpose) -> Self {
        Self {
            request,
            serial_key: serial_key.into(),
            purpose,
            tolerates: Tolerates::Nothing,
            inverse: Inverse::None,
            is_hasty: false,
            bulk: None,
        }
    }

    /// The same call, tolerating a refusal.
    pub fn tolerating(self, tolerates: Tolerates) -> Self {
        Self { tolerates, ..self }
    }

    /// The same call, with the way to take it back.
    pub fn undone_by(self, inverse: Inverse) -> Self {
        Self { inverse, ..self }
    }

    /// The same call, if it is too early for Graph to know what it takes away.
    pub fn hasty(self, is_hasty: bool) -> Self {
        Self { is_hasty, ..self }
    }

    /// Adds one reference to `navigation` (`/groups/{id}/members`).
    pub fn add_reference(
        navigation: &str,
        graph_url: &str,
        id: &str,
        serial_key: &str,
        relation: &'static str,
    ) -> Self {
        let back = Self::removing(navigation, id, serial_key, relation);
        Self::adding(navigation, graph_url, id, serial_key, relation)
            .undone_by(Inverse::Calls(vec![back]))
    }

    /// Removes one reference from `navigation`. `binds`: many can be added back in one call.
    pub fn remove_reference(
        navigation: &str,
        graph_url: &str,
        id: &str,
        serial_key: &str,
        relation: &'static str,
        binds: bool,
    ) -> Self {
        let back = Self {
            bulk: binds.then(|| Bulk::References {
                navigation: navigation.to_owned(),
                graph_url: graph_url.to_owned(),
            }),
            ..Self::adding(navigation, graph_url, id, serial_key, relation)
        };
        Self::removing(navigation, id, serial_key, relation).undone_by(Inverse::Calls(vec![back]))
    }

    fn adding(
        navigation: &str,
        graph_url: &str,
        id: &str,
        serial_key: &str,
        relation: &'static str,
    ) -> Self {
        let request = Request::post(format!("{navigation}/$ref"), reference(graph_url, id));
        Self::new(request, serial_key, Purpose::edge(relation, Verb::Add, id))
            .tolerating(Tolerates::AlreadyThere)
    }

    fn removing(navigation: &str, id: &str, serial_key: &str, relation: &'static str) -> Self {
        let request = Request::delete(format!("{navigation}/{}/$ref", segment(id)));
        let purpose = Purpose::edge(relation, Verb::Remove, id);
        Self::new(request, serial_key, purpose).tolerating(Tolerates::NotThere)
    }

    /// Adds up to twenty references in one PATCH of the object at `object`.
    pub fn add_references(
        object: &str,
        relation: &'static str,
        graph_url: &str,
        ids: &[&str],
        serial_key: &str,
    ) -> Self {
        let navigation = format!("{object}/{relation}");
        let links: Vec<String> = ids
            .iter()
            .map(|id| format!("{graph_url}/directoryObjects/{id}"))
            .collect();
        let body = json!({ format!("{relation}@odata.bind"): links });
        let purpose = Purpose {
            relation: Some(relation),
            verb: Verb::Add,
            ids: ids.iter().map(|id| (*id).to_owned()).collect(),
        };
        let back = ids
            .iter()
            .map(|id| Self::removing(&navigation, id, serial_key, relation))
            .collect();
        Self {
            bulk: Some(Bulk::References {
                navigation,
                graph_url: graph_url.to_owned(),
            }),
            ..Self::new(Request::patch(object, body), serial_key, purpose)
                .tolerating(Tolerates::AlreadyThere)
                .undone_by(Inverse::Calls(back))
        }
    }

    /// The same one by one: what a bulk that Graph refused as a whole becomes. A call that is no
    /// bulk stays as it is.
    pub fn singles(&self) -> Vec<Self> {
        match (&self.bulk, self.purpose.relation) {
            (
                Some(Bulk::References {
                    navigation,
                    graph_url,
                }),
                Some(relation),
            ) => self
                .purpose
                .ids
                .iter()
                .map(|id| Self {
                    bulk: self.bulk.clone(),
                    ..Self::add_reference(navigation, graph_url, id, &self.serial_key, relation)
                })
                .collect(),
            (Some(Bulk::Parts(parts)), _) => parts.clone(),
            _ => vec![self.clone()],
        }
    }

    /// This and `other` as one call, if they add references to the same object.
    fn joined_with(&self, other: &Self) -> Option<Self> {
        let relation = self.purpose.relation?;
        let Some(Bulk::References {
            navigation,
            graph_url,
        }) = &self.bulk
        else {
            return None;
        };
        let ids: Vec<&str> = self
            .purpose
            .ids
            .iter()
            .chain(&other.purpose.ids)
            .map(String::as_str)
            .collect();
        let object = navigation.strip_suffix(relation)?.strip_suffix('/')?;
        (self.bulk == other.bulk && ids.len() <= super::references::BIND_LIMIT)
            .then(|| Self::add_references(object, relation, graph_url, &ids, &self.serial_key))
    }

    /// The call as a value that a person can read: what a dry run returns.
    pub fn printable(&self) -> Value {
        let mut call = json!({
            "method": self.request.method.as_str(),
            "url": self.request.url(),
            "purpose": self.purpose.to_string(),
        });
        if let Some(body) = &self.request.body {
            call["body"] = redact(body);
        }
        call
    }
}

/// Additions of single references that can go twenty to a call do so again; all else stays, in
/// order.
pub fn regrouped(calls: Vec<GraphCall>) -> Vec<GraphCall> {
    let mut out: Vec<GraphCall> = Vec::with_capacity(calls.len());
    for call in calls {
        let joined = out.last().and_then(|last| last.joined_with(&call));
        match (joined, out.last_mut()) {
            (Some(joined), Some(last)) => *last = joined,
            _ => out.push(call),
        }
    }
    out
}

impl Purpose {
    /// About one edge of a relation.
    pub fn edge(relation: &'static str, verb: Verb, id: &str) -> Self {
        Self {
            relation: Some(relation),
            verb,
            ids: vec![id.to_owned()],
        }
    }

    /// About the object itself.
    pub fn object(verb: Verb) -> Self {
        Self {
            relation: None,
            verb,
            ids: Vec::new(),
        }
    }
}

/// A copy of a request body without passwords.
fn redact(body: &Value) -> Value {
    match body {
        Value::Object(map) => Value::Object(
            map.iter()
                .map(|(k, v)| {
                    let hidden = k.eq_ignore_ascii_case("password");
                    (
                        k.clone(),
                        if hidden { "(hidden)".into() } else { redact(v) },
                    )
                })
                .collect(),
        ),
        Value::Array(items) => items.iter().map(redact).collect(),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dry_run_shows_no_password() {
        let body = json!({"passwordProfile": {"password": "s3cret", "forceChangePasswordNextSignIn": true}});
        let call = GraphCall::new(
            Request::patch("/users/x", body),
            "x",
            Purpose::object(Verb::Set),
        );
        let printed = call.printable().to_string();
        assert!(!printed.contains("s3cret"), "{printed}");
        assert!(printed.contains("forceChangePasswordNextSignIn"));
    }

    #[test]
    fn a_refused_bulk_becomes_singles_and_each_has_its_inverse() {
        let bulk =
            GraphCall::add_references("/groups/g", "members", "http://h/v1.0", &["a", "b"], "g");
        let singles = bulk.singles();
        let shown: Vec<String> = singles
            .iter()
            .map(|c| format!("{} {}", c.request.method.as_str(), c.request.url()))
            .collect();
        assert_eq!(shown, ["POST /groups/g/members/$ref"; 2]);
        assert_eq!(regrouped(singles), std::slice::from_ref(&bulk));
        let Inverse::Calls(back) = &bulk.inverse else {
            panic!("{bulk:?}");
        };
        let back: Vec<String> = back.iter().map(|c| c.request.url()).collect();
        assert_eq!(
            back,
            ["/groups/g/members/a/$ref", "/groups/g/members/b/$ref"]
        );
    }

    #[test]
    fn long_lists_are_told_by_their_number() {
        let ids: Vec<String> = (0..25).map(|i| i.to_string()).collect();
        assert!(some_of(&ids).ends_with("9 and 15 more"));
        let purpose = Purpose {
            relation: Some("members"),
            verb: Verb::Add,
            ids,
        };
        assert_eq!(purpose.to_string(), "members: add 25");
    }
}
