//! The finished resource: attributes, relations, `schemas`, `meta`. Pure, so that a request and a
//! synchronisation make the same document of the same state.

use serde_json::{Map, Value};

use super::{Mapping, RelationRow};
use crate::{
    odata::request::segment,
    resources::{Edge, ResourceType, Side},
    scim::{Document, etag, resource},
};

/// What is known of one relation of the object.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    /// Where it stands in the resource.
    pub row: &'a RelationRow,
    /// The end of its edges that the object is.
    pub side: Side,
    /// All its edges.
    pub edges: &'a [Edge],
}

impl Mapping {
    /// The document of the object that `entity` and its relations describe; links are relative to
    /// the SCIM base, nothing is projected.
    ///
    /// `complete`: it holds all that a default answer holds. Only then has it a `meta.version`, so
    /// that a version always speaks of the same thing.
    pub fn document(
        &self,
        kind: &ResourceType,
        entity: &Value,
        relations: &[Known<'_>],
        complete: bool,
    ) -> Document {
        let mut doc = self.to_scim(entity);
        for known in relations {
            let elements = known.edges.iter().map(|e| e.element(known.side)).collect();
            self.put_relation(&mut doc, known.row, elements);
        }
        let id = entity
            .get(kind.id_property)
            .and_then(Value::as_str)
            .unwrap_or_default();
        self.finish(kind, &mut doc, id, complete);
        doc
    }

    /// Puts `schemas` and `meta` in place.
    pub fn finish(&self, kind: &ResourceType, doc: &mut Document, id: &str, complete: bool) {
        let created = doc
            .remove("meta")
            .and_then(|mut m| m.get_mut("created").map(Value::take));
        resource::set_schemas(doc, self.schema());
        let version = complete.then(|| etag::of(doc));
        let mut meta = Map::new();
        meta.insert("resourceType".into(), kind.name.into());
        if let Some(created) = created {
            meta.insert("created".into(), created);
        }
        meta.insert("location".into(), location(kind, id).into());
        if let Some(version) = version {
            meta.insert("version".into(), version.into());
        }
        doc.insert("meta".into(), Value::Object(meta));
    }
}

/// Where the resource is, relative to the SCIM base.
pub fn location(kind: &ResourceType, id: &str) -> String {
    format!("{}/{}", kind.endpoint, segment(id))
}
