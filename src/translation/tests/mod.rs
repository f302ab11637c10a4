//! Tests of the whole: the presets, and rule files that are wrong.

mod attributes;
mod compile;
mod push_down;
mod read;
mod repeat;
mod report;
mod round_trip;
mod superset;
mod write;

use super::{Mapping, RuleFile, presets};

/// A compiled preset file.
pub(super) fn mapping(preset: &str, stem: &str) -> Mapping {
    let file = presets::file(preset, stem).unwrap();
    Mapping::compile(&file).unwrap_or_else(|errors| {
        let list: Vec<String> = errors.iter().map(ToString::to_string).collect();
        panic!("{}", list.join("\n"))
    })
}

/// A mapping of users by rows of one's own.
pub(super) fn users(rows: &str) -> Result<Mapping, Vec<String>> {
    let text = format!(
        r#"resource = "User"
endpoint = "/Users"
schema = "urn:ietf:params:scim:schemas:core:2.0:User"
entity = "user"
[[extension]]
urn = "urn:x:2.0:User"
name = "X"
[[attribute]]
scim = "id"
graph = "id"
direction = "read"
{rows}"#
    );
    let file = RuleFile {
        name: "users.toml".into(),
        text,
    };
    Mapping::compile(&file).map_err(|errors| errors.iter().map(ToString::to_string).collect())
}
