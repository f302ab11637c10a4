//! The rule files that come with the server, compiled in.

use super::RuleFile;

/// A preset's rule files: (stem, text).
type Files = &'static [(&'static str, &'static str)];

macro_rules! preset {
    ($name:literal) => {
        (
            $name,
            &[
                (
                    "users",
                    include_str!(concat!("../../config/mapping/", $name, "/users.toml")),
                ),
                (
                    "groups",
                    include_str!(concat!("../../config/mapping/", $name, "/groups.toml")),
                ),
                (
                    "roles",
                    include_str!(concat!("../../config/mapping/", $name, "/roles.toml")),
                ),
                (
                    "licenses",
                    include_str!(concat!("../../config/mapping/", $name, "/licenses.toml")),
                ),
            ],
        )
    };
}

static PRESETS: &[(&str, Files)] = &[preset!("standard"), preset!("iga-flat")];

/// The names of the presets.
pub fn names() -> impl Iterator<Item = &'static str> {
    PRESETS.iter().map(|(name, _)| *name)
}

/// A rule file of a preset, by the stem that the resource type names: `file("standard", "users")`.
pub fn file(preset: &str, stem: &str) -> Option<RuleFile> {
    let (name, files) = PRESETS.iter().find(|(name, _)| *name == preset)?;
    let (stem, text) = files.iter().find(|(known, _)| *known == stem)?;
    Some(RuleFile {
        name: format!("config/mapping/{name}/{stem}.toml"),
        text: (*text).to_owned(),
    })
}

/// All rule files of a preset.
pub fn files(preset: &str) -> Option<Vec<RuleFile>> {
    let (_, files) = PRESETS.iter().find(|(name, _)| *name == preset)?;
    Some(
        files
            .iter()
            .filter_map(|(stem, _)| file(preset, stem))
            .collect(),
    )
}
