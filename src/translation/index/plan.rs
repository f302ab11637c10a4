//! The attributes of a mapping that are indexed, and the entries of one document.

use std::collections::BTreeMap;

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::key;
use crate::{
    scim::{
        Document,
        attr::AttrPath,
        resource,
        schema::{Attribute, Type},
    },
    translation::Mapping,
};

/// Marks objects with a value that has no key: the index does not speak for them.
pub const UNKEYED: i64 = i64::MIN;

/// An indexed attribute or sub-attribute.
#[derive(Clone, Debug, PartialEq)]
pub struct Leaf {
    /// Its canonical path.
    pub path: AttrPath,
    /// Names it in the index: a digest of the path and of how it is compared.
    pub attr: i64,
    /// Names, in the index, the one value that it is sorted by; `None`: its sorts have no index.
    pub sort: Option<i64>,
    /// Its definition.
    pub definition: Attribute,
    /// Whether there may be more than one value.
    pub many: bool,
}

/// One row of the index.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// [`Leaf::attr`] or [`Leaf::sort`].
    pub attr: i64,
    /// The value's key, or [`key::ABSENT`].
    pub key: Vec<u8>,
    /// Which element of a multi-valued attribute.
    pub element: i64,
}

/// All indexed attributes of a mapping.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct IndexPlan {
    leaves: Vec<Leaf>,
}

fn digest(path: &AttrPath, definition: &Attribute, purpose: &str) -> i64 {
    let text = format!(
        "{path}|{:?}|{}|{purpose}",
        definition.kind,
        key::is_exact(definition)
    );
    let hash = Sha256::digest(text.as_bytes());
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&hash[..8]);
    i64::from_be_bytes(bytes)
}

impl IndexPlan {
    /// The attributes whose rows say `index = true`. Of a multi-valued complex attribute `value`
    /// and `type` are indexed, which value paths name.
    pub fn of(mapping: &Mapping) -> Self {
        let schema = mapping.schema();
        let mut leaves: BTreeMap<AttrPath, Leaf> = BTreeMap::new();
        for row in mapping.rows().iter().filter(|row| row.index) {
            let path = row.place().path();
            let Ok(found) = schema.resolve(&path) else {
                continue;
            };
            let Some(attribute) = found.attribute else {
                continue;
            };
            let mut add = |path: AttrPath, definition: &Attribute| {
                if definition.kind == Type::Complex {
                    return;
                }
                let many = attribute.multi_valued || definition.multi_valued;
                let attr = digest(&path, definition, "value");
                let sort = match path.sub.as_deref() {
                    _ if !many => Some(attr),
                    None | Some("value") => Some(digest(&path, definition, "sort")),
                    Some(_) => None,
                };
                let leaf = Leaf {
                    path: path.clone(),
                    attr,
                    sort,
                    definition: definition.clone(),
                    many,
                };
                leaves.insert(path, leaf);
            };
            if attribute.multi_valued && attribute.kind == Type::Complex {
                for name in ["value", "type"] {
                    if let Some(sub) = attribute.sub(name) {
                        add(found.path.with_sub(name), sub);
                    }
                }
            } else if let Some(definition) = found.leaf() {
                add(found.path.clone(), definition);
            }
        }
        Self {
            leaves: leaves.into_values().collect(),
        }
    }

    /// The indexed attributes.
    pub fn leaves(&self) -> &[Leaf] {
        &self.leaves
    }

    /// The indexed attribute at a canonical path. A complex multi-valued one stands for its
    /// `value`.
    pub fn leaf(&self, path: &AttrPath) -> Option<&Leaf> {
        let exact = self.leaves.iter().find(|leaf| leaf.path == *path);
        exact.or_else(|| {
            let value = path.with_sub("value");
            self.leaves
                .iter()
                .find(|leaf| path.sub.is_none() && leaf.path == value)
        })
    }

    /// The entries of a document; [`UNKEYED`] among them when one of its values has no key.
    pub fn entries(&self, doc: &Document) -> Vec<Entry> {
        let mut entries = Vec::with_capacity(self.leaves.len());
        let mut whole = true;
        for leaf in &self.leaves {
            whole &= leaf_entries(leaf, doc, &mut entries);
        }
        if !whole {
            entries.push(absent(UNKEYED));
        }
        entries.sort_unstable();
        entries.dedup();
        entries
    }
}

fn leaf_entries(leaf: &Leaf, doc: &Document, into: &mut Vec<Entry>) -> bool {
    let mut whole = true;
    let sub = leaf.path.sub.as_deref();
    let found = resource::get(doc, &leaf.path.without_sub());
    let elements: &[Value] = match found {
        None => &[],
        Some(Value::Array(elements)) => elements,
        Some(single) => std::slice::from_ref(single),
    };
    for (place, element) in elements.iter().enumerate() {
        let value = match sub {
            None => Some(element),
            Some(sub) => element.get(sub),
        };
        let values: &[Value] = match value {
            None => &[],
            Some(Value::Array(values)) => values,
            Some(single) => std::slice::from_ref(single),
        };
        for value in values {
            let key = key::of_value(value, &leaf.definition);
            let Some(key) = key.filter(|key| key.len() <= key::LONGEST) else {
                whole &= value.is_null();
                continue;
            };
            into.push(Entry {
                attr: leaf.attr,
                key,
                element: i64::try_from(place).unwrap_or(i64::MAX),
            });
        }
    }
    if let Some(sort) = leaf.sort {
        match sorted_by(elements, sub, leaf) {
            // One value, and it is there already.
            Some(_) if sort == leaf.attr => {}
            Some(key) => into.push(Entry {
                attr: sort,
                key,
                element: 0,
            }),
            None => into.push(absent(sort)),
        }
    }
    whole
}

/// The value that a multi-valued attribute is sorted by: that of the primary element, else of the
/// first ([`crate::scim::sort`]).
fn sorted_by(elements: &[Value], sub: Option<&str>, leaf: &Leaf) -> Option<Vec<u8>> {
    let primary = |element: &&Value| element.get("primary") == Some(&Value::Bool(true));
    let element = elements.iter().find(primary).or_else(|| elements.first())?;
    let value = match sub {
        None => element,
        Some(sub) => element.get(sub)?,
    };
    let value = match value {
        Value::Array(values) => values.first()?,
        single => single,
    };
    key::of_value(value, &leaf.definition).filter(|key| key.len() <= key::LONGEST)
}

fn absent(attr: i64) -> Entry {
    Entry {
        attr,
        key: key::ABSENT.to_vec(),
        element: 0,
    }
}
