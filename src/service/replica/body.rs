//! The finished document as text: all but what is joined when it is read and `meta`, with the
//! places of its links, so that an answer is put together from copies.

use serde_json::{Map, Value};

use crate::{
    resources::{Edge, ResourceType, Side},
    scim::{Document, attr::AttrPath, links, projection::Projection, resource},
    translation::{Mapping, RelationRow, document},
};

/// A finished text.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Body {
    /// One JSON object.
    pub(crate) text: String,
    /// Where links begin: four bytes each, big endian.
    pub(crate) links: Vec<u8>,
    /// `meta.created`
    pub(crate) created: Option<String>,
}

/// Edges of one relation of the object.
pub(crate) struct Held<'a> {
    /// Where it stands.
    pub(crate) row: &'a RelationRow,
    /// The end that the object is.
    pub(crate) side: Side,
    /// Its edges.
    pub(crate) edges: Vec<Edge>,
}

/// All attributes of an entity, those that are returned on request too, and `meta.created`.
pub(crate) fn attributes(mapping: &Mapping, entity: &Value) -> Document {
    mapping.to_scim(entity)
}

/// The finished text of an entity's attributes.
pub(crate) fn finish(mapping: &Mapping, attributes: Document, relations: &[Held<'_>]) -> Body {
    let schema = mapping.schema();
    let mut doc = attributes;
    let created = doc
        .remove("meta")
        .and_then(|mut meta| meta.get_mut("created").map(Value::take))
        .and_then(|created| created.as_str().map(str::to_owned));
    let mut doc = Projection::all().apply(doc, schema);
    for held in relations {
        let elements = held
            .edges
            .iter()
            .map(|edge| edge.element(held.side))
            .collect();
        mapping.put_relation(&mut doc, held.row, elements);
    }
    resource::set_schemas(&mut doc, schema);
    // What nobody can guess stands before links, for as long as it takes to find them.
    let token = uuid::Uuid::new_v4().simple().to_string();
    links::absolute(&mut doc, &token, schema);
    let marked = Value::Object(doc).to_string();
    let mut text = String::with_capacity(marked.len());
    let mut places = Vec::new();
    for (i, part) in marked.split(token.as_str()).enumerate() {
        if i > 0 {
            let at = u32::try_from(text.len()).unwrap_or(u32::MAX);
            places.extend_from_slice(&at.to_be_bytes());
        }
        text.push_str(part);
    }
    Body {
        text,
        links: places,
        created,
    }
}

/// Adds `body` to `into` with `base` before each link, up to its last brace.
pub(crate) fn open(text: &str, places: &[u8], base: &str, into: &mut Vec<u8>) {
    let text = text.strip_suffix('}').unwrap_or(text);
    let mut from = 0;
    for place in places.chunks_exact(4) {
        let at = place
            .iter()
            .fold(0_usize, |at, byte| at << 8 | usize::from(*byte));
        if let Some(part) = text.get(from..at) {
            into.extend_from_slice(part.as_bytes());
            into.extend_from_slice(base.as_bytes());
            from = at;
        }
    }
    into.extend_from_slice(text.get(from..).unwrap_or_default().as_bytes());
}

/// The entity tag of a state: objects change their moment with every change of theirs.
pub(crate) fn version(modified: i64) -> String {
    format!("W/\"{modified:x}\"")
}

/// The moment as `meta.lastModified` has it.
pub(crate) fn moment(micros: i64) -> String {
    let at = time::OffsetDateTime::from_unix_timestamp_nanos(i128::from(micros) * 1000);
    at.ok()
        .and_then(|at| {
            at.format(&time::format_description::well_known::Rfc3339)
                .ok()
        })
        .unwrap_or_default()
}

/// `meta` of an object.
pub(crate) fn meta(
    kind: &ResourceType,
    id: &str,
    created: Option<&str>,
    modified: i64,
    base: &str,
) -> Value {
    let mut meta = Map::new();
    meta.insert("resourceType".into(), kind.name.into());
    if let Some(created) = created {
        meta.insert("created".into(), created.into());
    }
    meta.insert("lastModified".into(), moment(modified).into());
    meta.insert(
        "location".into(),
        format!("{base}{}", document::location(kind, id)).into(),
    );
    meta.insert("version".into(), version(modified).into());
    Value::Object(meta)
}

/// The names of the attributes in which two documents differ: top-level ones, those of extensions
/// with their URN.
pub(crate) fn differences(old: &Document, new: &Document) -> Vec<String> {
    let mut names = Vec::new();
    let all = old
        .keys()
        .chain(new.keys().filter(|name| !old.contains_key(*name)));
    for name in all {
        let (a, b) = (old.get(name), new.get(name));
        if a == b || matches!(name.as_str(), "schemas" | "meta") {
            continue;
        }
        let empty = Map::new();
        let inner = |value: Option<&Value>| match value {
            Some(Value::Object(object)) => Some(object.clone()),
            None => Some(empty.clone()),
            Some(_) => None,
        };
        match (name.starts_with("urn:"), inner(a), inner(b)) {
            (true, Some(a), Some(b)) => {
                let keys = a.keys().chain(b.keys().filter(|key| !a.contains_key(*key)));
                for key in keys.filter(|key| a.get(*key) != b.get(*key)) {
                    let path = AttrPath {
                        urn: Some(name.clone()),
                        attr: key.clone(),
                        sub: None,
                    };
                    names.push(path.to_string());
                }
            }
            _ => names.push(name.clone()),
        }
    }
    names
}
