//! What rows must be to each other.

use std::collections::HashMap;

use toml::Spanned;

use super::Compiler;
use crate::translation::{
    path::{GraphPath, PathStep},
    row::{ElementKind, RelationRow, Row},
};

impl Compiler<'_> {
    /// What rows must be to each other.
    pub(super) fn check_pairs(&mut self, rows: &[Row], relations: &[RelationRow]) {
        let mut places: HashMap<String, usize> = HashMap::new();
        for (row, spec) in rows.iter().zip(&self.spec.attribute) {
            let key = format!("{:?}", row.place()).to_ascii_lowercase();
            if let Some(first) = places.insert(key, row.line) {
                let message = format!("'{}' is mapped already, in line {first}", row.written);
                self.errors
                    .push(self.file.error(&spec.scim.span(), message));
            }
        }
        for (relation, spec) in relations.iter().zip(&self.spec.relation) {
            let taken = rows.iter().find(|r| r.place().attr() == relation.path);
            let twice = relations
                .iter()
                .find(|r| r.path == relation.path && r.line < relation.line);
            let first = taken.map(|r| r.line).or(twice.map(|r| r.line));
            if let Some(first) = first {
                let message = format!("'{}' is mapped already, in line {first}", relation.path);
                self.errors
                    .push(self.file.error(&spec.scim.span(), message));
            }
        }
        if !rows
            .iter()
            .any(|r| r.written.trim_start_matches(['$', '.']) == "id" && r.graph.is_some())
        {
            let message = "no row maps scim = \"id\"";
            self.errors
                .push(self.file.error(&self.spec.entity.span(), message));
        }
        for (index, (row, spec)) in rows.iter().zip(&self.spec.attribute).enumerate() {
            let Some(path) = row.graph.as_ref().filter(|_| row.is_written()) else {
                continue;
            };
            let before = rows.iter().take(index).filter(|r| r.is_written());
            for other in before {
                let Some(theirs) = other.graph.as_ref().filter(|g| g.root() == path.root()) else {
                    continue;
                };
                let same = theirs.to_string() == path.to_string();
                let reason = if same && other.transform != row.transform {
                    "with another transform, so the two can never agree"
                } else if same && (row.multi || path.steps() != theirs.steps()) {
                    "and lists have one writer only"
                } else if !same && (is_whole(path) || is_whole(theirs)) {
                    "and one of the two replaces the whole list"
                } else {
                    continue;
                };
                let message = format!(
                    "Graph property '{}' is written already by '{}' in line {}, {reason}",
                    path.root(),
                    other.written,
                    other.line
                );
                let span = spec.graph.as_ref().map_or(0..0, Spanned::span);
                self.errors.push(self.file.error(&span, message));
            }
        }
    }

    pub(super) fn check_element_kinds(&mut self, rows: &[Row], element_kinds: &[ElementKind]) {
        for element_kind in element_kinds.iter().filter(|s| s.many && s.rows.len() > 1) {
            for index in element_kind.rows.iter().skip(1) {
                let Some(spec) = self.spec.attribute.get(*index) else {
                    continue;
                };
                let line = element_kind
                    .rows
                    .first()
                    .and_then(|i| rows.get(*i))
                    .map_or(0, |r| r.line);
                let message = format!(
                    "elements with {} come from a list (line {line}): no other row can fill them",
                    element_kind.describe()
                );
                self.errors
                    .push(self.file.error(&spec.scim.span(), message));
            }
        }
    }
}

/// Whether writing the path replaces a list.
fn is_whole(path: &GraphPath) -> bool {
    path.steps()
        .is_some_and(|steps| steps.iter().any(|s| !matches!(s, PathStep::Member(_))))
}
