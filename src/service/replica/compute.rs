//! What becomes of one object when a page shows it: pure, so that it can be done on a thread of its
//! own while nothing is held but its inputs.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use super::{
    super::MappedType,
    body::{self, Held},
    guard::{AGREED, Guard},
    rows::{kind_of, to_edge, to_row},
    shape::comes_along,
};
use crate::{
    resources::{EdgeKind, Side},
    scim::Document,
    store::replica::{EdgeRow, ObjectRow, relation_name},
    translation::index::Entry,
};

/// An object that a page shows, with what is known of it.
pub(crate) struct Work {
    pub(crate) id: String,
    /// As Graph shows it, in the order of [`super::shape::Shape::select`].
    pub(crate) entity: Map<String, Value>,
    pub(crate) known: Option<ObjectRow>,
    /// Its edges, of the relations that come along or are in the document; removed ones too.
    pub(crate) edges: Vec<EdgeRow>,
}

/// The moments of a computation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Times {
    /// In microseconds.
    pub(crate) now: i64,
    /// How long own writes are guarded at most.
    pub(crate) longest: i64,
    /// The snapshot that shows the object; 0 for none.
    pub(crate) generation: i64,
}

/// What is to be stored.
pub(crate) struct Ready {
    pub(crate) row: ObjectRow,
    pub(crate) outcome: Outcome,
    /// Its keys.
    pub(crate) entries: Vec<Entry>,
    pub(crate) put_edges: Vec<EdgeRow>,
    pub(crate) remove_edges: Vec<EdgeRow>,
    /// Whether something older than an own write was shown.
    pub(crate) stale: bool,
    /// Whether what others show of it is new.
    pub(crate) renamed: bool,
}

/// What became of an object.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Outcome {
    /// It is new.
    Created,
    /// These attributes changed.
    Updated(Vec<String>),
    /// Something that no answer shows.
    Inner,
    /// It is as it was.
    Same,
}

/// The names of objects, by id.
pub(crate) type Names = HashMap<String, String>;

/// Works one object out. `names` are those of the far ends of edges that come along.
pub(crate) fn compute(of: &MappedType, work: Work, names: &Names, times: Times) -> Ready {
    let Work {
        id,
        mut entity,
        known,
        edges,
    } = work;
    let mut guard = Guard::parse(known.as_ref().and_then(|known| known.guard.as_deref()));
    let mut stale = guard.lay_over(&mut entity, times.now, times.longest);
    let entity = Value::Object(entity);
    let change = along(of, &id, &entity, edges, names, times);
    stale |= change.stale;
    let attributes = body::attributes(&of.mapping, &entity);
    let entries = of.shape.index.entries(&attributes);
    let body = finished(of, attributes, &change.now);
    let name = shown_name(&entity);
    let renamed = known.as_ref().is_none_or(|known| known.name != name);
    let outcome = match &known {
        None => Outcome::Created,
        Some(known) => outcome(known, &body),
    };
    let (written, old_modified, generation) = known.as_ref().map_or((0, 0, 0), |known| {
        (known.written, known.modified, known.generation)
    });
    let entity = entity.to_string();
    let inner = known
        .as_ref()
        .is_some_and(|known| known.entity != entity || known.guard != guard.text());
    let outcome = match outcome {
        Outcome::Same if inner => Outcome::Inner,
        other => other,
    };
    let modified = match outcome {
        Outcome::Created | Outcome::Updated(_) => times.now.max(old_modified + 1),
        _ => old_modified,
    };
    Ready {
        entries,
        row: ObjectRow {
            id,
            name,
            entity,
            body: body.text,
            links: body.links,
            created: body.created,
            modified,
            generation: if times.generation > 0 {
                times.generation.max(generation)
            } else {
                // Shown now, by whatever: no snapshot that began before may miss it.
                times.now.max(generation)
            },
            written,
            guard: guard.text(),
        },
        outcome,
        put_edges: change.put,
        remove_edges: change.remove,
        stale,
        renamed,
    }
}

/// What others show of an object.
pub(crate) fn shown_name(entity: &Value) -> Option<String> {
    entity
        .get("displayName")
        .and_then(Value::as_str)
        .map(str::to_owned)
}

fn outcome(known: &ObjectRow, body: &body::Body) -> Outcome {
    if known.body == body.text && known.created == body.created && known.links == body.links {
        return Outcome::Same;
    }
    let parse = |text: &str| -> Document { serde_json::from_str(text).unwrap_or_default() };
    let names = body::differences(&parse(&known.body), &parse(&body.text));
    Outcome::Updated(names)
}

/// The finished text with the edges that are in it.
pub(crate) fn finished(of: &MappedType, attributes: Document, edges: &[EdgeRow]) -> body::Body {
    let held: Vec<Held<'_>> = of
        .related()
        .filter(|related| super::shape::kept(related.relation) == super::shape::Kept::InDocument)
        .map(|related| {
            let (kind, side) = related.relation.edge();
            let edges = edges
                .iter()
                .filter(|row| !row.removed && row.relation == relation_name(kind))
                .map(|row| to_edge(row, kind, side))
                .collect();
            Held {
                row: related.row,
                side,
                edges,
            }
        })
        .collect();
    body::finish(&of.mapping, attributes, &held)
}

/// What happens to the edges that come along with an object.
struct Along {
    /// All its edges then.
    now: Vec<EdgeRow>,
    put: Vec<EdgeRow>,
    remove: Vec<EdgeRow>,
    stale: bool,
}

fn along(
    of: &MappedType,
    id: &str,
    entity: &Value,
    edges: Vec<EdgeRow>,
    names: &Names,
    times: Times,
) -> Along {
    let mut result = Along {
        now: Vec::with_capacity(edges.len()),
        put: Vec::new(),
        remove: Vec::new(),
        stale: false,
    };
    let relations = of.kind.relations.iter().copied();
    let coming: Vec<_> = relations
        .filter(|r| r.edge().1 == Side::From && comes_along(*r))
        .collect();
    let (mine, others): (Vec<EdgeRow>, Vec<EdgeRow>) = edges.into_iter().partition(|row| {
        coming
            .iter()
            .any(|relation| relation_name(relation.edge().0) == row.relation)
    });
    result.now = others;
    let mut mine: HashMap<(String, String, String), EdgeRow> = mine
        .into_iter()
        .map(|row| {
            (
                (row.relation.clone(), row.to.clone(), row.part.clone()),
                row,
            )
        })
        .collect();
    for relation in coming {
        for mut edge in relation.edges(id, entity, &[]) {
            edge.from.kind = Some(of.kind.name);
            if let Some(name) = names.get(&edge.to.id.to_ascii_lowercase()) {
                edge.to.display = Some(name.clone());
            }
            let display = edge.to.display.clone();
            let mut row = to_row(&edge, 0, 0);
            row.far_name = display;
            let key = (row.relation.clone(), row.to.clone(), row.part.clone());
            let Some(known) = mine.remove(&key) else {
                result.put.push(row.clone());
                result.now.push(row);
                continue;
            };
            let guarded = known.written > 0 && times.now - known.written < times.longest;
            if guarded && (known.removed || disagrees(&known, &row)) {
                result.stale = true;
                result.now.push(known);
                continue;
            }
            row.written = known.written;
            row.far_name = row.far_name.or_else(|| known.far_name.clone());
            if known.removed || known.detail != row.detail || known.to_kind != row.to_kind {
                result.put.push(row.clone());
            }
            result.now.push(row);
        }
    }
    let mut left: Vec<EdgeRow> = mine.into_values().collect();
    left.sort_by(|a, b| (&a.relation, &a.to, &a.part).cmp(&(&b.relation, &b.to, &b.part)));
    for row in left {
        let age = times.now - row.written;
        if row.removed {
            // Graph agrees.
            if age >= AGREED {
                result.remove.push(row);
            }
        } else if row.written > 0 && age < times.longest {
            result.stale = true;
            result.now.push(row);
        } else {
            result.remove.push(row);
        }
    }
    // As the store gives them: an edge's place does not depend on when it came.
    result
        .now
        .sort_by(|a, b| (&a.relation, &a.to, &a.part).cmp(&(&b.relation, &b.to, &b.part)));
    result
}

/// Whether Graph shows an edge that was written here otherwise: other service plans.
fn disagrees(known: &EdgeRow, shown: &EdgeRow) -> bool {
    let plans = |row: &EdgeRow| {
        let kind = kind_of(row).unwrap_or(EdgeKind::Licence);
        to_edge(row, kind, Side::From).disabled_plans
    };
    match (plans(known), plans(shown)) {
        (Some(known), shown) => known != shown.unwrap_or_default(),
        (None, _) => false,
    }
}

/// Keeps of an entity what the replica holds, in its order, without what is unset.
pub(crate) fn canonical(
    of: &MappedType,
    mut entity: Value,
    edges: &[EdgeRow],
) -> Map<String, Value> {
    let mut kept = Map::new();
    let Some(shown) = entity.as_object_mut() else {
        return kept;
    };
    for name in &of.shape.select {
        if let Some(value) = shown.remove(name)
            && !is_unset(&value)
        {
            kept.insert(name.clone(), value);
        }
    }
    for relation in of.kind.relations {
        if relation.expand().is_none() {
            continue;
        }
        let name = relation.name();
        let value = match shown.remove(&format!("{name}@delta")) {
            // One that went and one that came may stand in any order.
            Some(Value::Array(items)) => items
                .into_iter()
                .rfind(|item| item.get("@removed").is_none()),
            Some(_) => None,
            None => match shown.remove(name) {
                Some(value) => Some(value),
                // A delta page says nothing of what did not change.
                None => edges
                    .iter()
                    .find(|row| !row.removed && row.relation == relation_name(relation.edge().0))
                    .map(|row| json!({"id": row.to, "displayName": row.far_name})),
            },
        };
        if let Some(Value::Object(far)) = value
            && let Some(id) = far.get("id")
        {
            let mut short = Map::new();
            short.insert("id".to_owned(), id.clone());
            if let Some(display) = far.get("displayName").filter(|name| !name.is_null()) {
                short.insert("displayName".to_owned(), display.clone());
            }
            kept.insert(name.to_owned(), Value::Object(short));
        }
    }
    kept
}

fn is_unset(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}

/// An entity as it is stored.
pub(crate) fn parse(row: &ObjectRow) -> Value {
    serde_json::from_str(&row.entity).unwrap_or_default()
}
