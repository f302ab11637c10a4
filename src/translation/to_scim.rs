//! Reading: a Graph entity as a SCIM resource.

use serde_json::Value;

use super::{
    Mapping, ReadStep,
    path::{self, Place},
    row::{ElementKind, Row},
    transform::{Context, Transform},
};
use crate::scim::{Document, resource};

impl Mapping {
    /// The resource that the rows make of a Graph entity: `id`, the attributes and (when a row
    /// says so) `meta.created`; no relations, no `schemas`, nothing else of `meta`. Attributes
    /// without a value are left out.
    ///
    /// Links to this server are relative to the SCIM base, for
    /// [`crate::scim::links::absolute`] to complete.
    pub fn to_scim(&self, entity: &Value) -> Document {
        let context = Context { entity };
        let mut doc = Document::new();
        for step in &self.steps {
            match step {
                ReadStep::Plain(index) => {
                    let Some(row) = self.rows.get(*index) else {
                        continue;
                    };
                    let Place::Plain(path) = row.place() else {
                        continue;
                    };
                    let mut values = read(row, context);
                    if row.multi {
                        if !values.is_empty() {
                            resource::set(&mut doc, path, Value::Array(values));
                        }
                    } else if !values.is_empty() {
                        resource::set(&mut doc, path, values.swap_remove(0));
                    }
                }
                ReadStep::ElementKind(index) => {
                    if let Some(element_kind) = self.element_kinds.get(*index) {
                        let elements = self.elements_of_kind(element_kind, context);
                        append(&mut doc, &element_kind.attr, elements);
                    }
                }
                ReadStep::Each(attr, rows) => {
                    let elements = self.each(rows, context);
                    append(&mut doc, attr, elements);
                }
            }
        }
        doc
    }

    fn elements_of_kind(&self, element_kind: &ElementKind, context: Context<'_>) -> Vec<Value> {
        let rows = element_kind
            .rows
            .iter()
            .filter_map(|index| self.rows.get(*index));
        let finish = |mut element: Document| {
            for (name, value) in &element_kind.equalities {
                element.insert(name.clone(), value.clone());
            }
            Value::Object(element)
        };
        if element_kind.many {
            let values = rows.flat_map(|row| {
                let sub = row.place().sub().unwrap_or("value");
                read(row, context)
                    .into_iter()
                    .map(move |value| (sub, value))
            });
            let mut elements: Vec<Value> = Vec::new();
            for (sub, value) in values {
                let mut element = Document::new();
                element.insert(sub.to_owned(), value);
                let element = finish(element);
                // RFC 7643 §2.4: the same (type, value) pair only once.
                if !elements.contains(&element) {
                    elements.push(element);
                }
            }
            return elements;
        }
        let mut element = Document::new();
        let mut is_there = false;
        for row in rows.filter(|row| row.is_read()) {
            if let (Some(value), Some(sub)) =
                (read(row, context).into_iter().next(), row.place().sub())
            {
                is_there |= !matches!(row.transform, Transform::Constant(_));
                element.insert(sub.to_owned(), value);
            }
        }
        if is_there {
            vec![finish(element)]
        } else {
            Vec::new()
        }
    }

    /// Lists side by side: the n-th item of each row's list fills the n-th element.
    fn each(&self, rows: &[usize], context: Context<'_>) -> Vec<Value> {
        let mut elements: Vec<Document> = Vec::new();
        for row in rows.iter().filter_map(|index| self.rows.get(*index)) {
            let (Some(path), Some(sub)) = (&row.graph, row.place().sub()) else {
                continue;
            };
            let Some((items, below)) = path.items(context.entity) else {
                continue;
            };
            elements.resize_with(elements.len().max(items.len()), Document::new);
            for (element, item) in elements.iter_mut().zip(items) {
                let mut found = None;
                path::walk(item, below, &mut |value| {
                    found = found.take().or_else(|| row.transform.read(value, context));
                });
                if let Some(value) = found {
                    element.insert(sub.to_owned(), value);
                }
            }
        }
        elements
            .into_iter()
            .filter(|element| !element.is_empty())
            .map(Value::Object)
            .collect()
    }
}

/// The SCIM values of a row.
fn read(row: &Row, context: Context<'_>) -> Vec<Value> {
    let mut values = Vec::new();
    if let Some(path) = &row.graph {
        path.visit(
            context.entity,
            &mut |value| match row.transform.read(value, context) {
                Some(Value::Array(list)) if row.transform.makes_list() => values.extend(list),
                Some(value) => values.push(value),
                None => {}
            },
        );
    } else if let Transform::Constant(value) = &row.transform {
        values.push(value.clone());
    }
    values
}

fn append(doc: &mut Document, attr: &crate::scim::attr::AttrPath, elements: Vec<Value>) {
    if elements.is_empty() {
        return;
    }
    let mut list = match resource::get(doc, attr) {
        Some(Value::Array(_)) => {
            let container = match &attr.urn {
                None => Some(&mut *doc),
                Some(urn) => doc.get_mut(urn).and_then(Value::as_object_mut),
            };
            match container.and_then(|c| c.get_mut(&attr.attr)) {
                Some(Value::Array(list)) => std::mem::take(list),
                _ => Vec::new(),
            }
        }
        _ => Vec::new(),
    };
    list.extend(elements);
    resource::set(doc, attr, Value::Array(list));
}
