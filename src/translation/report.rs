//! Printable reports on mappings: lints, the table of rows, and one object mapped both ways.

use std::fmt;

use serde_json::{Value, json};

use super::{
    Mapping, RuleError, RuleFile, hold,
    push_down::{Operand, operators},
    row::Row,
};
use crate::{
    odata::facts::Support,
    scim::{
        Document,
        error::Error,
        links,
        resource::{self, InputRules, Unknown},
        urn,
    },
};

/// The mapping that Microsoft publishes for its own Entra SCIM API, by schema.
static MICROSOFT: &str = include_str!("microsoft-mapping.json");

/// What checking a rule file found.
#[derive(Clone, Debug)]
pub struct Check {
    /// The rule file's name.
    pub file: String,
    /// The compiled mapping, or what is wrong.
    pub mapping: Result<Mapping, Vec<RuleError>>,
    /// What is legal and perhaps not meant.
    pub warnings: Vec<String>,
    /// Attributes of Microsoft's own mapping that no row covers, as `schema:attribute`.
    pub uncovered: Vec<String>,
}

impl Check {
    /// Whether the file can be used.
    pub fn is_ok(&self) -> bool {
        self.mapping.is_ok()
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.mapping {
            Ok(mapping) => writeln!(
                f,
                "{}: {} attribute rows, {} relations",
                self.file,
                mapping.rows().len(),
                mapping.relations().len()
            )?,
            Err(errors) => {
                for error in errors {
                    writeln!(f, "error: {error}")?;
                }
            }
        }
        for warning in &self.warnings {
            writeln!(f, "warning: {warning}")?;
        }
        for attribute in &self.uncovered {
            writeln!(
                f,
                "note: {}: Microsoft's mapping has {attribute}",
                self.file
            )?;
        }
        Ok(())
    }
}

/// Checks a rule file: errors, and where there are none, lints.
pub fn check(file: &RuleFile) -> Check {
    let mapping = Mapping::compile(file);
    let (warnings, uncovered) = match &mapping {
        Ok(mapping) => (warnings(file, mapping), uncovered(mapping)),
        Err(_) => (Vec::new(), Vec::new()),
    };
    Check {
        file: file.name.clone(),
        mapping,
        warnings,
        uncovered,
    }
}

fn warnings(file: &RuleFile, mapping: &Mapping) -> Vec<String> {
    let mut found = Vec::new();
    let mut warn = |line: usize, text: String| found.push(format!("{}:{line}: {text}", file.name));
    for writers in &mapping.writers {
        let rows: Vec<&Row> = writers
            .iter()
            .filter_map(|i| mapping.rows.get(*i))
            .collect();
        if let [first, rest @ ..] = rows.as_slice() {
            for row in rest {
                warn(
                    row.line,
                    format!(
                        "'{}' and '{}' (line {}) are one Graph property: a client that sends both \
                         must send the same",
                        row.written, first.written, first.line
                    ),
                );
            }
        }
    }
    for row in mapping.rows() {
        if row.graph.is_none() && row.is_read() && row.direction != super::Direction::Read {
            warn(
                row.line,
                format!("'{}' has no Graph property: it stays unset", row.written),
            );
        }
    }
    let parts: Vec<&Row> = mapping
        .rows()
        .iter()
        .filter(|row| {
            row.is_written()
                && row
                    .graph
                    .as_ref()
                    .is_some_and(|g| g.root() == "employeeOrgData")
        })
        .collect();
    if let [only] = parts.as_slice() {
        warn(
            only.line,
            format!(
                "'{}' is written without the other part of employeeOrgData, which Graph then clears",
                only.written
            ),
        );
    }
    found
}

/// Attributes of Microsoft's mapping of this resource type that no row and no relation covers.
fn uncovered(mapping: &Mapping) -> Vec<String> {
    let Ok(Value::Object(table)) = serde_json::from_str(MICROSOFT) else {
        return Vec::new();
    };
    let mut missing = Vec::new();
    for (schema, rows) in &table {
        let core = mapping.schema().core.id.as_str();
        let is_ours = schema == core
            || (schema == urn::ENTERPRISE_USER && core == urn::USER)
            || schema
                .strip_prefix("urn:ietf:params:scim:schemas:extension:Microsoft:Entra:2.0:")
                .is_some_and(|name| name == mapping.schema().name);
        for row in rows.as_array().into_iter().flatten().filter(|_| is_ours) {
            let Some(attribute) = row.get("scim").and_then(Value::as_str) else {
                continue;
            };
            let path = json_path(attribute);
            let urn = (schema != core).then_some(schema.as_str());
            let covered = mapping.rows().iter().any(|row| {
                let place = row.place().attr();
                place.urn.as_deref() == urn && tail(&row.written, urn) == path
            }) || mapping.relations().iter().any(|relation| {
                relation.path.urn.as_deref() == urn
                    && attribute.strip_suffix(".value") == Some(&relation.path.attr)
            });
            if !covered {
                missing.push(format!("{schema}:{attribute}"));
            }
        }
    }
    missing
}

/// The row's path below its schema container.
fn tail<'a>(written: &'a str, urn: Option<&str>) -> &'a str {
    match urn {
        None => written,
        Some(urn) => written
            .strip_prefix(&format!("['{urn}']"))
            .map_or(written, |rest| rest.trim_start_matches('.')),
    }
}

/// `emails[type eq "work" and primary eq true].value` as the JSONPath of a row.
fn json_path(attribute: &str) -> String {
    let Some((attr, rest)) = attribute.split_once('[') else {
        return attribute.to_owned();
    };
    let (filter, sub) = rest.split_once(']').unwrap_or((rest, ""));
    let parts: Vec<String> = filter
        .split(" and ")
        .map(|part| format!("@.{}", part.replace(" eq ", "==").replace('"', "'")))
        .collect();
    format!("{attr}[?{}]{sub}", parts.join(" && "))
}

/// The rows of a mapping as a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// One line per row.
    pub lines: Vec<Line>,
}

/// One line of a [`Table`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The SCIM attribute, as the rule file writes it.
    pub attribute: String,
    /// The Graph property, with its transform; `relation` for a relation, empty when unset.
    pub graph: String,
    /// `both`, `read`, `write`, `create`.
    pub direction: &'static str,
    /// The operators that Graph answers; those in brackets take an advanced query.
    pub filter: String,
    /// The Graph permission that it needs.
    pub permission: String,
}

impl Line {
    /// The line as a JSON object.
    pub fn json(&self) -> Value {
        json!({
            "attribute": self.attribute,
            "graph": self.graph,
            "direction": self.direction,
            "filter": self.filter,
            "permission": self.permission,
        })
    }
}

const HEADINGS: [&str; 5] = ["attribute", "Graph", "direction", "filter", "permission"];

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cells: Vec<[&str; 5]> = std::iter::once(HEADINGS)
            .chain(self.lines.iter().map(|line| {
                [
                    line.attribute.as_str(),
                    line.graph.as_str(),
                    line.direction,
                    line.filter.as_str(),
                    line.permission.as_str(),
                ]
            }))
            .collect();
        let width = |column: usize| {
            cells
                .iter()
                .map(|row| row[column].chars().count())
                .max()
                .unwrap_or(0)
        };
        let widths: Vec<usize> = (0..HEADINGS.len()).map(width).collect();
        for row in &cells {
            let padded: Vec<String> = row
                .iter()
                .zip(&widths)
                .map(|(cell, width)| format!("{cell:width$}"))
                .collect();
            writeln!(f, "{}", padded.join("  ").trim_end())?;
        }
        Ok(())
    }
}

/// The table of a mapping's rows and relations.
pub fn show(mapping: &Mapping) -> Table {
    let rows = mapping.rows().iter().map(|row| {
        let graph = row
            .graph
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default();
        let plain = matches!(
            row.transform,
            super::Transform::Identity | super::Transform::DateTime
        );
        Line {
            attribute: row.written.clone(),
            graph: if plain {
                graph
            } else {
                format!("{graph} | {}", row.transform.name())
                    .trim_start()
                    .to_owned()
            },
            direction: row.direction.as_str(),
            filter: filter(row, mapping.target(row).as_ref()),
            permission: row.permission.clone(),
        }
    });
    let relations = mapping.relations().iter().map(|relation| Line {
        attribute: relation.path.to_string(),
        graph: format!("relation {}", relation.relation),
        direction: match relation.attribute.mutability {
            crate::scim::schema::Mutability::ReadOnly => "read",
            _ => "both",
        },
        filter: "value eq".to_owned(),
        permission: relation.permission.clone(),
    });
    Table {
        lines: rows.chain(relations).collect(),
    }
}

fn filter(row: &Row, target: Option<&Operand>) -> String {
    let Some(target) = target.filter(|_| row.is_read()) else {
        return String::new();
    };
    let default = operators(row, target, |support| support != Support::AdvancedOnly);
    let advanced = operators(row, target, |support| support == Support::AdvancedOnly);
    let mut parts = default
        .iter()
        .map(|name| (*name).to_owned())
        .collect::<Vec<_>>();
    if !advanced.is_empty() {
        parts.push(format!("[{}]", advanced.join(", ")));
    }
    parts.join(", ").replace(", [", " [")
}

/// One object mapped one way and back.
#[derive(Clone, Debug, PartialEq)]
pub struct Preview {
    /// The SCIM resource.
    pub scim: Value,
    /// The body of a create, from the resource.
    pub graph: Value,
    /// What Graph would give back as a resource, from that body.
    pub back: Value,
}

impl fmt::Display for Preview {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "SCIM {:#}\n", self.scim)?;
        writeln!(f, "Graph {:#}\n", self.graph)?;
        writeln!(f, "SCIM again {:#}", self.back)
    }
}

/// Maps an object both ways: a SCIM resource if it has `schemas`, a Graph entity else.
///
/// # Errors
/// What a create with that resource would be refused for.
pub fn preview(mapping: &Mapping, object: &Value, base_url: &str) -> Result<Preview, Error> {
    let schema = mapping.schema();
    let shown = |mut doc: Document| {
        resource::set_schemas(&mut doc, schema);
        links::absolute(&mut doc, base_url, schema);
        Value::Object(doc)
    };
    let is_scim = object.get("schemas").is_some();
    let scim = if is_scim {
        object.clone()
    } else {
        shown(mapping.to_scim(object))
    };
    let rules = InputRules {
        unknown: Unknown::Refuse,
    };
    let mut input = resource::normalize(&scim, schema, &rules)?;
    for relation in mapping.relations() {
        mapping.take_relation(&mut input.document, relation);
    }
    if !is_scim {
        drop_read_only(mapping, &mut input.document);
    }
    let body = mapping.to_graph(None, &input.document, &input.cleared)?;
    let graph = Value::Object(body);
    let back = shown(mapping.to_scim(&graph));
    Ok(Preview { scim, graph, back })
}

/// Takes out the elements that are read-only in Entra ID: showing what would create an equal
/// object is no attempt to write them.
fn drop_read_only(mapping: &Mapping, doc: &mut Document) {
    for element_kind in &mapping.element_kinds {
        if mapping
            .rows_of_kind(element_kind)
            .any(|(_, row)| row.is_written())
        {
            continue;
        }
        if let Some(Value::Array(mut elements)) = resource::remove(doc, &element_kind.attr) {
            elements.retain(|element| !hold::fits(element_kind, element));
            if !elements.is_empty() {
                resource::set(doc, &element_kind.attr, Value::Array(elements));
            }
        }
    }
}
