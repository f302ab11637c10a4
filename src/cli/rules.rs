//! The rule files of a mapping, found and compiled.

use std::fmt;

use crate::{
    config::{MappingSource, UserNames},
    resources::{self, ResourceType},
    translation::{Mapping, Qualified, RuleError, RuleFile, presets},
};

/// The preset that a folder without a file for some resource type falls back to.
const FALLBACK: &str = "standard";

/// Everything that is wrong with the rule files.
#[derive(Debug, thiserror::Error)]
pub(super) struct Errors(pub(super) Vec<String>);

impl fmt::Display for Errors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the mapping rules are not usable:")?;
        for error in &self.0 {
            write!(f, "\n  {error}")?;
        }
        Ok(())
    }
}

/// The compiled rules of every resource type, in the order of [`resources::ALL`].
///
/// # Errors
/// Everything that is wrong in all files, each with file, line and column.
pub(super) fn compile(
    source: &MappingSource,
    names: Option<&UserNames>,
) -> Result<Vec<(&'static ResourceType, Mapping)>, Errors> {
    let mut compiled = Vec::new();
    let mut wrong = strangers(source);
    let names = names.and_then(|names| {
        Qualified::new(&names.prefix, &names.domain)
            .map_err(|why| wrong.push(format!("user_name_domain, user_name_prefix: {why}")))
            .ok()
    });
    for &kind in resources::ALL {
        match file(source, kind) {
            Ok(file) => match Mapping::compile(&file) {
                Ok(mapping) => {
                    let mapping = match &names {
                        Some(names) => mapping.with_user_names(names),
                        None => mapping,
                    };
                    compiled.push((kind, mapping));
                }
                Err(errors) => wrong.extend(errors.iter().map(RuleError::to_string)),
            },
            Err(error) => wrong.push(error),
        }
    }
    if wrong.is_empty() {
        Ok(compiled)
    } else {
        Err(Errors(wrong))
    }
}

/// The rule files of every resource type, read and not yet compiled.
///
/// # Errors
/// Files that cannot be read, and files that no resource type reads.
pub(super) fn files(source: &MappingSource) -> Result<Vec<RuleFile>, Errors> {
    let mut files = Vec::new();
    let mut wrong = strangers(source);
    for &kind in resources::ALL {
        match file(source, kind) {
            Ok(file) => files.push(file),
            Err(error) => wrong.push(error),
        }
    }
    if wrong.is_empty() {
        Ok(files)
    } else {
        Err(Errors(wrong))
    }
}

/// The rule file of one resource type.
fn file(source: &MappingSource, kind: &ResourceType) -> Result<RuleFile, String> {
    let preset = |name: &str| {
        presets::of(&kind.rules, name)
            .ok_or_else(|| format!("the mapping {name} has no rules for {}", kind.name))
    };
    match source {
        MappingSource::Preset(name) => preset(name),
        MappingSource::Folder(folder) => {
            let path = folder.join(format!("{}.toml", kind.rules.stem));
            match std::fs::read_to_string(&path) {
                Ok(text) => Ok(RuleFile {
                    name: path.display().to_string(),
                    text,
                }),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => preset(FALLBACK),
                Err(error) => Err(format!("{}: {error}", path.display())),
            }
        }
    }
}

/// Complains about files that no resource type reads: most likely a name with a typing error.
fn strangers(source: &MappingSource) -> Vec<String> {
    let MappingSource::Folder(folder) = source else {
        return Vec::new();
    };
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) => return vec![format!("{}: {error}", folder.display())],
    };
    let mut strangers: Vec<String> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|ext| ext == "toml"))
        .filter(|path| {
            let stem = path.file_stem().unwrap_or_default();
            !resources::ALL.iter().any(|kind| stem == kind.rules.stem)
        })
        .map(|path| format!("{}: no resource type reads this file", path.display()))
        .collect();
    strangers.sort();
    strangers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preset_compiles() {
        for preset in MappingSource::PRESETS {
            let rules = compile(&MappingSource::Preset(preset), None).unwrap();
            assert_eq!(rules.len(), resources::ALL.len(), "{preset}");
        }
        let known: Vec<&str> = presets::names().collect();
        assert_eq!(known, MappingSource::PRESETS);
    }

    #[test]
    fn a_folder_overrides_by_resource_type_and_everything_wrong_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let source = MappingSource::Folder(folder.path().to_owned());
        let text = presets::file("iga-flat", "users").unwrap().text;
        std::fs::write(folder.path().join("users.toml"), &text).unwrap();
        std::fs::write(folder.path().join("notes.txt"), "x").unwrap();
        assert_eq!(compile(&source, None).unwrap().len(), resources::ALL.len());

        std::fs::write(folder.path().join("user.toml"), &text).unwrap();
        std::fs::write(folder.path().join("groups.toml"), "nonsense = 1").unwrap();
        let error = compile(&source, None).err().unwrap().to_string();
        assert!(error.contains("user.toml: no resource type"), "{error}");
        assert!(error.contains("groups.toml:1:1: "), "{error}");
    }
}
