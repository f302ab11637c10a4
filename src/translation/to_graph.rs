//! Writing: what has to be sent to Graph so that a resource becomes as wanted.

use serde_json::{Map, Value};

use super::{
    Mapping, hold::RowValues, path::PathStep, row::Row, spec::Direction, transform::Transform,
};
use crate::{
    odata::facts,
    scim::{Document, attr::AttrPath, error::Error},
};

/// Complex properties whose parts Graph wants together: sending one alone clears the others, and a
/// create with one alone is refused.
/// Source: user-update, "employeeOrgData".
const SENT_WHOLE: &[&str] = &["employeeOrgData"];
/// The complex property whose other parts go along when a password is set, so that its reset
/// and the flags are one decision.
const PASSWORD: &str = "passwordProfile";
/// Open complex property whose parts need `@odata.type`.
const SECURITY_ATTRIBUTES: &str = "customSecurityAttributes";

/// A property that is a resource of its own: read by its own sub-request and merged into the
/// entity under `property` before [`Mapping::to_scim`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SideResource {
    /// The entity's property.
    pub property: String,
    /// The path below the object: `mailboxSettings`.
    pub path: String,
}

/// Where a part of a write goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WriteTarget {
    /// The object, with all else.
    Object,
    /// The object, in a PATCH of its own.
    Alone,
    /// A side resource.
    Side(SideResource),
}

/// What becomes of one row.
#[derive(Debug)]
enum Change {
    Same,
    Set(Value),
    Cleared { explicitly: bool },
}

impl Mapping {
    /// The side resource of that name, if the resource type has it.
    pub(super) fn side_resource(&self, property: &str) -> Option<SideResource> {
        let known = self.kind?.side_resources;
        known.contains(&property).then(|| SideResource {
            property: property.to_owned(),
            path: property.to_owned(),
        })
    }

    /// The Graph properties to send: all that have a value for a create (`before` is `None`),
    /// else those that change. Properties that are written as a whole are complete; relations
    /// and read-only rows are ignored.
    ///
    /// `after` is a canonical document; `cleared` lists what the client unassigned explicitly.
    /// What is merely missing in `after` is cleared too, except where Graph refuses to clear a
    /// property (`clearable = false`): there it is kept.
    ///
    /// # Errors
    /// `invalidValue`: a value that Graph has no place for, two attributes of one property that
    /// disagree, an explicit clear that Graph refuses. `mutability`: an immutable or read-only
    /// value that changes. Each names the attribute and says why.
    pub fn to_graph(
        &self,
        before: Option<&Document>,
        after: &Document,
        cleared: &[AttrPath],
    ) -> Result<Map<String, Value>, Error> {
        let new = self.hold(after);
        let old = before.map_or_else(|| self.hold_nothing(), |doc| self.hold(doc));
        new.refuse_strays(&old)?;
        self.refuse_unwritable(&new, &old, before.is_some())?;
        let mut body = Map::new();
        for writers in &self.writers {
            let write = self.write_property(writers, &new, &old, cleared)?;
            if let Some((row, value)) = write {
                put(row, value, &mut body);
            }
        }
        self.complete(&new, &mut body)?;
        Ok(body)
    }

    /// The attributes (with sub-attribute) that have a value in `before` and none in `after`,
    /// elements told apart by their rows. For a PATCH all of them were removed on purpose: pass
    /// them to [`Self::to_graph`] as `cleared`, so that what Graph cannot clear is refused and
    /// not kept in silence.
    pub fn removed(&self, before: &Document, after: &Document) -> Vec<AttrPath> {
        let (old, new) = (self.hold(before), self.hold(after));
        self.rows
            .iter()
            .enumerate()
            .filter(|(index, _)| !old.values(*index).is_empty() && new.values(*index).is_empty())
            .map(|(_, row)| row.place().path())
            .collect()
    }

    /// Splits a body by the requests that it takes, in the order in which to send them: the
    /// object, then what Graph wants in a PATCH of its own, then side resources.
    pub fn write_parts(&self, body: Map<String, Value>) -> Vec<(WriteTarget, Map<String, Value>)> {
        let (mut object, mut alone, mut sides) = (Map::new(), Map::new(), Vec::new());
        for (name, value) in body {
            match (self.side_resource(&name), value) {
                (Some(side), Value::Object(parts)) => sides.push((WriteTarget::Side(side), parts)),
                (_, value) if facts::per_object_only(&self.entity, &name) => {
                    alone.insert(name, value);
                }
                (_, value) => {
                    object.insert(name, value);
                }
            }
        }
        let mut parts = Vec::new();
        if !object.is_empty() {
            parts.push((WriteTarget::Object, object));
        }
        if !alone.is_empty() {
            parts.push((WriteTarget::Alone, alone));
        }
        parts.extend(sides);
        parts
    }

    /// Rows that no write can serve: without a Graph property, immutable, or one kind of element
    /// that is read-only among others that are not.
    fn refuse_unwritable(
        &self,
        new: &RowValues<'_>,
        old: &RowValues<'_>,
        is_update: bool,
    ) -> Result<(), Error> {
        for (index, row) in self.rows.iter().enumerate() {
            let (now, was) = (new.values(index), old.values(index));
            if now.is_empty() || now == was {
                continue;
            }
            let shown = &row.written;
            match row.direction {
                _ if row.graph.is_none() && !matches!(row.transform, Transform::Constant(_)) => {
                    return Err(Error::invalid_value(format!(
                        "'{shown}' cannot be written: no Graph property is mapped; name a \
                         directory extension or extensionAttribute in the mapping"
                    )));
                }
                Direction::Create if is_update && !same_in_graph(row, now, was) => {
                    return Err(Error::mutability(format!(
                        "'{shown}' is immutable: it can only be set when the {} is created",
                        self.schema.name
                    )));
                }
                Direction::Read if self.is_beside_writable(row) => {
                    if let Some(value) = now.iter().find(|value| !was.contains(value)) {
                        return Err(Error::mutability(format!(
                            "'{shown}' is read-only in Entra ID: {value} cannot be added"
                        )));
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Whether the row's attribute has rows that can be written, so that its schema cannot say
    /// `readOnly`.
    fn is_beside_writable(&self, row: &Row) -> bool {
        let path = row.place().path();
        self.rows
            .iter()
            .any(|other| other.is_written() && other.place().path() == path)
    }

    /// What to write into one Graph property: a value, null to clear it, or nothing.
    fn write_property(
        &self,
        writers: &[usize],
        new: &RowValues<'_>,
        old: &RowValues<'_>,
        cleared: &[AttrPath],
    ) -> Result<Option<(&Row, Value)>, Error> {
        let mut set: Option<(&Row, Value)> = None;
        let mut emptied: Option<(&Row, bool)> = None;
        let mut still = false;
        for index in writers {
            let Some(row) = self.rows.get(*index) else {
                continue;
            };
            let (now, was) = (new.values(*index), old.values(*index));
            match change(row, now, was, cleared)? {
                Change::Same => still |= !now.is_empty(),
                Change::Set(value) => match &set {
                    Some((other, theirs)) if *theirs != value => {
                        return Err(disagree(other, row));
                    }
                    _ => set = Some((row, value)),
                },
                Change::Cleared { explicitly } => {
                    let before = emptied.is_some_and(|(_, explicitly)| explicitly);
                    emptied = Some((row, explicitly || before));
                }
            }
        }
        match (set, emptied) {
            (Some((row, _)), Some((other, true))) => Err(disagree(row, other)),
            (Some(write), _) => Ok(Some(write)),
            // Another attribute of the same property still has its value, and nobody asked to
            // clear it.
            (None, Some((_, false))) if still => Ok(None),
            (None, Some((row, explicitly))) => cleared_value(row, explicitly),
            (None, None) => Ok(None),
        }
    }

    /// Adds what Graph wants to be sent together with what changes.
    fn complete(&self, new: &RowValues<'_>, body: &mut Map<String, Value>) -> Result<(), Error> {
        let resets = body
            .get(PASSWORD)
            .is_some_and(|p| p.get("password").is_some());
        for (index, row) in self.rows.iter().enumerate() {
            let Some(path) = row.graph.as_ref().filter(|_| row.is_written()) else {
                continue;
            };
            let root = path.root();
            let whole = SENT_WHOLE.contains(&root) && body.contains_key(root);
            let along = root == PASSWORD && resets;
            let members = path.members().unwrap_or_default();
            let Some(part) = members.get(1) else {
                continue;
            };
            let sent = body.get(root).is_some_and(|sent| sent.get(part).is_some());
            if sent || !(whole || along) {
                continue;
            }
            match graph_value(row, new.values(index)).map_err(|why| refused(row, &why))? {
                Some(value) => put(row, value, body),
                None if whole => put(row, Value::Null, body),
                None => {}
            }
        }
        if let Some(Value::Object(sets)) = body.get_mut(SECURITY_ATTRIBUTES) {
            for set in sets.values_mut().filter_map(Value::as_object_mut) {
                declare_types(set);
            }
        }
        Ok(())
    }
}

/// Graph takes custom security attributes only with their types.
/// Source: "Assign, update, list, or remove custom security attributes".
fn declare_types(set: &mut Map<String, Value>) {
    let mut typed = Map::new();
    typed.insert(
        "@odata.type".to_owned(),
        "#Microsoft.DirectoryServices.CustomSecurityAttributeValue".into(),
    );
    for (name, value) in std::mem::take(set) {
        let kind = match &value {
            Value::Number(_) => Some("#Int32"),
            Value::Array(list) if list.iter().all(Value::is_number) && !list.is_empty() => {
                Some("#Collection(Int32)")
            }
            Value::Array(_) => Some("#Collection(String)"),
            _ => None,
        };
        if let Some(kind) = kind {
            typed.insert(format!("{name}@odata.type"), kind.into());
        }
        typed.insert(name, value);
    }
    *set = typed;
}

fn change(
    row: &Row,
    now: &[&Value],
    was: &[&Value],
    cleared: &[AttrPath],
) -> Result<Change, Error> {
    let value = graph_value(row, now).map_err(|why| refused(row, &why))?;
    match value {
        // What Graph held before may be anything; then it is not the same.
        Some(value) if graph_value(row, was).ok().flatten().as_ref() == Some(&value) => {
            Ok(Change::Same)
        }
        Some(value) => Ok(Change::Set(value)),
        None if was.is_empty() => Ok(Change::Same),
        None => Ok(Change::Cleared {
            explicitly: is_cleared(&row.place().path(), cleared),
        }),
    }
}

fn same_in_graph(row: &Row, now: &[&Value], was: &[&Value]) -> bool {
    matches!(
        (graph_value(row, now), graph_value(row, was)),
        (Ok(now), Ok(was)) if now == was
    )
}

/// What clearing a row means for Graph.
fn cleared_value(row: &Row, explicitly: bool) -> Result<Option<(&Row, Value)>, Error> {
    let keeps = row.direction == Direction::Create;
    if !keeps && (row.clearable || (explicitly && row.multi)) {
        return Ok(Some((row, Value::Null)));
    }
    if !explicitly {
        return Ok(None);
    }
    if keeps {
        return Err(Error::mutability(format!(
            "'{}' is immutable and cannot be cleared",
            row.written
        )));
    }
    Err(Error::invalid_value(format!(
        "'{}' cannot be cleared: Entra ID always keeps a value of {}; send another value, or \
         leave it out",
        row.written,
        row.graph
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default()
    )))
}

fn is_cleared(path: &AttrPath, cleared: &[AttrPath]) -> bool {
    cleared.iter().any(|c| {
        c.urn == path.urn
            && (c.attr.is_empty()
                || (c.attr == path.attr && (c.sub.is_none() || c.sub == path.sub)))
    })
}

fn refused(row: &Row, why: &str) -> Error {
    Error::invalid_value(format!("'{}': {why}", row.written))
}

fn disagree(a: &Row, b: &Row) -> Error {
    Error::invalid_value(format!(
        "'{}' and '{}' are one Graph property ({}) and must agree",
        a.written,
        b.written,
        a.graph
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default()
    ))
}

/// The Graph value of a row's SCIM values: a list for a row that holds many.
fn graph_value(row: &Row, values: &[&Value]) -> Result<Option<Value>, String> {
    if values.is_empty() {
        return Ok(None);
    }
    if row.transform.makes_list() {
        let list = values.iter().map(|v| (*v).clone()).collect();
        return row.transform.write(&Value::Array(list)).map(Some);
    }
    if row.multi {
        let list: Result<Vec<Value>, String> = values
            .iter()
            .map(|value| row.transform.write(value))
            .collect();
        return list.map(|list| Some(Value::Array(list)));
    }
    values
        .first()
        .map(|value| row.transform.write(value))
        .transpose()
}

/// Writes a row's Graph value into the body; null clears.
fn put(row: &Row, value: Value, body: &mut Map<String, Value>) {
    let Some(steps) = row.graph.as_ref().and_then(|path| path.steps()) else {
        return;
    };
    let Some((PathStep::Member(root), rest)) = steps.split_first() else {
        return;
    };
    let element_kind = body.entry(root.clone()).or_insert(Value::Null);
    put_at(element_kind, rest, value);
}

fn put_at(place: &mut Value, steps: &[PathStep], value: Value) {
    let Some((step, rest)) = steps.split_first() else {
        *place = value;
        return;
    };
    match step {
        PathStep::Member(name) => {
            if !place.is_object() {
                *place = Value::Object(Map::new());
            }
            if let Some(object) = place.as_object_mut() {
                put_at(
                    object.entry(name.clone()).or_insert(Value::Null),
                    rest,
                    value,
                );
            }
        }
        PathStep::Index(_) => {
            *place = if value.is_null() {
                Value::Array(Vec::new())
            } else {
                Value::Array(vec![value])
            };
        }
        PathStep::Each if value.is_null() => *place = Value::Array(Vec::new()),
        // The last `[*]` takes the list; one before it is a list of one.
        PathStep::Each if rest.is_empty() => *place = value,
        PathStep::Each => {
            let mut item = Value::Null;
            put_at(&mut item, rest, value);
            *place = Value::Array(vec![item]);
        }
    }
}
