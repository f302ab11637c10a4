//! `mapping`: looks at rule files.

use std::{path::PathBuf, process::ExitCode};

use anyhow::{Context, bail};
use clap::{Args as ClapArgs, Subcommand};
use serde_json::{Value, json};

use super::{output, rules};
use crate::{
    config::MappingSource,
    resources::ResourceType,
    scim::resource::{self, InputRules, Unknown},
    translation::{GraphPath, Mapping, Transform},
};

#[derive(Debug, ClapArgs)]
pub(super) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Checks the rules; every fault is told with file, line and column.
    Check {
        #[command(flatten)]
        which: Which,
    },
    /// Shows every row: SCIM path, direction, Graph property, transform, permission.
    Show {
        #[command(flatten)]
        which: Which,
        /// Only this resource type, such as Users.
        #[arg(long = "type", value_name = "TYPE")]
        kind: Option<String>,
        /// Prints JSON, one row per line.
        #[arg(long)]
        json: bool,
    },
    /// Takes one object through the rules: a Graph entity to SCIM, or a SCIM resource to the body
    /// of a create.
    Preview {
        #[command(flatten)]
        which: Which,
        /// The resource type, such as Users.
        #[arg(long = "type", value_name = "TYPE", default_value = "Users")]
        kind: String,
        /// A file with a Graph entity in JSON, to be shown as SCIM.
        #[arg(
            long,
            value_name = "FILE",
            conflicts_with = "scim",
            required_unless_present = "scim"
        )]
        graph: Option<PathBuf>,
        /// A file with a SCIM resource in JSON, to be shown as Graph's body.
        #[arg(long, value_name = "FILE")]
        scim: Option<PathBuf>,
    },
}

#[derive(Debug, ClapArgs)]
struct Which {
    /// standard, iga-flat, or a folder of rule files.
    #[arg(default_value = "standard", value_parser = MappingSource::parse)]
    mapping: MappingSource,
}

pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    match &args.action {
        Action::Check { which } => {
            for (kind, mapping) in rules::compile(&which.mapping)? {
                output::print(&format!(
                    "{}: {} attribute rows, {} relations",
                    kind.name,
                    mapping.rows().len(),
                    mapping.relations().len()
                ))?;
            }
        }
        Action::Show { which, kind, json } => {
            let rules = rules::compile(&which.mapping)?;
            match kind {
                Some(name) => {
                    let (kind, mapping) = find(&rules, name)?;
                    show(kind, mapping, *json)?;
                }
                None => {
                    for (kind, mapping) in &rules {
                        show(kind, mapping, *json)?;
                    }
                }
            }
        }
        Action::Preview {
            which,
            kind,
            graph,
            scim,
        } => {
            let rules = rules::compile(&which.mapping)?;
            let (_, mapping) = find(&rules, kind)?;
            let shown = match (graph, scim) {
                (Some(path), _) => {
                    Value::Object(mapping.to_scim(&read(path)?, "https://gateway.example/scim/v2"))
                }
                (None, Some(path)) => to_graph(mapping, &read(path)?)?,
                (None, None) => bail!("give --graph or --scim"),
            };
            output::print(&serde_json::to_string_pretty(&shown)?)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn find<'a>(
    rules: &'a [(&'static ResourceType, Mapping)],
    name: &str,
) -> anyhow::Result<&'a (&'static ResourceType, Mapping)> {
    rules
        .iter()
        .find(|(kind, _)| {
            kind.name.eq_ignore_ascii_case(name)
                || kind
                    .endpoint
                    .trim_start_matches('/')
                    .eq_ignore_ascii_case(name)
        })
        .with_context(|| {
            let known: Vec<&str> = rules
                .iter()
                .map(|(kind, _)| kind.endpoint.trim_start_matches('/'))
                .collect();
            format!(
                "there is no resource type {name:?}; there are {}",
                known.join(", ")
            )
        })
}

fn show(kind: &ResourceType, mapping: &Mapping, as_json: bool) -> anyhow::Result<()> {
    if !as_json {
        output::print(&format!("# {} -> {}", kind.endpoint, mapping.entity()))?;
    }
    for row in mapping.rows() {
        let graph = row.graph.as_ref().map(GraphPath::to_string);
        let transform = transform(&row.transform);
        let line = if as_json {
            json!({
                "type": kind.name, "scim": row.written, "direction": row.direction.as_str(),
                "graph": graph, "transform": transform, "permission": row.permission,
            })
            .to_string()
        } else {
            format!(
                "{:8}{}  <>  {}{}{}",
                row.direction.as_str(),
                row.written,
                graph.as_deref().unwrap_or("(unset)"),
                if transform.is_empty() {
                    String::new()
                } else {
                    format!("  | {transform}")
                },
                if row.permission.is_empty() {
                    String::new()
                } else {
                    format!("  ({})", row.permission)
                },
            )
        };
        output::print(&line)?;
    }
    for relation in mapping.relations() {
        let line = if as_json {
            json!({
                "type": kind.name, "scim": relation.path.to_string(),
                "relation": relation.relation, "permission": relation.permission,
            })
            .to_string()
        } else {
            format!("relation {}  <>  {}", relation.path, relation.relation)
        };
        output::print(&line)?;
    }
    Ok(())
}

fn read(path: &PathBuf) -> anyhow::Result<Value> {
    let text =
        std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{} is not JSON", path.display()))
}

fn to_graph(mapping: &Mapping, body: &Value) -> anyhow::Result<Value> {
    let rules = InputRules {
        unknown: Unknown::Refuse,
    };
    let schema = mapping.schema();
    let input = resource::normalize(body, schema, &rules)?;
    resource::require(&input.document, schema)?;
    Ok(Value::Object(mapping.to_graph(
        None,
        &input.document,
        &input.cleared,
    )?))
}

/// The transform's name, empty when values are taken as they are.
fn transform(transform: &Transform) -> String {
    match transform {
        Transform::Identity => String::new(),
        Transform::Constant(value) => format!("constant {value}"),
        other => Transform::names()
            .find(|name| Transform::named(name).as_ref() == Some(other))
            .map(str::to_owned)
            .unwrap_or_default(),
    }
}
