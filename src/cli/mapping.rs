//! `mapping`: looks at rule files.

use std::{path::PathBuf, process::ExitCode};

use anyhow::Context;
use clap::{Args as ClapArgs, Subcommand};
use serde_json::{Value, json};

use super::{output, rules};
use crate::{
    config::MappingSource,
    resources::ResourceType,
    translation::{Mapping, report},
};

#[derive(Debug, ClapArgs)]
pub(super) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Checks the rules: faults and lints with file and line, and which attributes of
    /// Microsoft's own mapping are not covered.
    Check {
        #[command(flatten)]
        which: Which,
        /// Prints JSON, one rule file per line.
        #[arg(long)]
        json: bool,
    },
    /// Shows every row: SCIM path, Graph property, direction, filters that Graph answers,
    /// permission.
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
    /// Takes one object through the rules, both ways: what a client sees, what a create sends to
    /// Graph, and what comes back of that.
    Preview {
        #[command(flatten)]
        which: Which,
        /// The resource type, such as Users.
        #[arg(long = "type", value_name = "TYPE", default_value = "Users")]
        kind: String,
        /// A file with one object in JSON: a SCIM resource if it has `schemas`, else a Graph
        /// entity.
        #[arg(long, value_name = "FILE")]
        file: PathBuf,
        /// Prints JSON: `scim`, `graph` and `back`.
        #[arg(long)]
        json: bool,
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
        Action::Check { which, json } => return check(&which.mapping, *json),
        Action::Show { which, kind, json } => {
            let rules = rules::compile(&which.mapping, None)?;
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
            file,
            json,
        } => {
            let rules = rules::compile(&which.mapping, None)?;
            let (_, mapping) = find(&rules, kind)?;
            let preview =
                report::preview(mapping, &read(file)?, "https://gateway.example/scim/v2")?;
            if *json {
                let (scim, graph, back) = (&preview.scim, &preview.graph, &preview.back);
                let whole = json!({"scim": scim, "graph": graph, "back": back});
                output::print(&whole.to_string())?;
            } else {
                output::print(&preview.to_string())?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Exit code 2 when a file cannot be used; lints alone are no failure.
fn check(source: &MappingSource, as_json: bool) -> anyhow::Result<ExitCode> {
    let mut usable = true;
    for file in rules::files(source)? {
        let check = report::check(&file);
        usable &= check.is_ok();
        if as_json {
            let errors: Vec<String> = match &check.mapping {
                Ok(_) => Vec::new(),
                Err(errors) => errors.iter().map(ToString::to_string).collect(),
            };
            let line = json!({
                "file": check.file, "ok": check.is_ok(), "errors": errors,
                "warnings": check.warnings, "uncovered": check.uncovered,
            });
            output::print(&line.to_string())?;
        } else {
            output::print(check.to_string().trim_end())?;
        }
    }
    Ok(if usable {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(2)
    })
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
    let table = report::show(mapping);
    if as_json {
        for line in &table.lines {
            let mut row = line.json();
            row["type"] = kind.name.into();
            output::print(&row.to_string())?;
        }
        return Ok(());
    }
    output::print(&format!("# {} -> {}", kind.endpoint, mapping.entity()))?;
    output::print(&table.to_string())?;
    Ok(())
}

fn read(path: &PathBuf) -> anyhow::Result<Value> {
    let text =
        std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{} is not JSON", path.display()))
}
