//! The rule files that come with the server, compiled in: each stands beside its resource type.

use super::RuleFile;
use crate::resources::{self, Rules};

/// The presets, in the order in which they are shown.
const PRESETS: &[&str] = &["standard", "iga-flat"];

/// The names of the presets.
pub fn names() -> impl Iterator<Item = &'static str> {
    PRESETS.iter().copied()
}

/// A rule file of a preset, by the stem that the resource type names: `file("standard", "users")`.
pub fn file(preset: &str, stem: &str) -> Option<RuleFile> {
    let kind = resources::ALL.iter().find(|kind| kind.rules.stem == stem)?;
    of(&kind.rules, preset)
}

/// The file of a resource type in a preset.
pub fn of(rules: &Rules, preset: &str) -> Option<RuleFile> {
    let (name, text) = rules.presets.iter().find(|(name, _)| *name == preset)?;
    Some(RuleFile {
        name: format!("config/mapping/{name}/{}.toml", rules.stem),
        text: (*text).to_owned(),
    })
}

/// All rule files of a preset.
pub fn files(preset: &str) -> Option<Vec<RuleFile>> {
    PRESETS.contains(&preset).then(|| {
        resources::ALL
            .iter()
            .filter_map(|kind| of(&kind.rules, preset))
            .collect()
    })
}
