//! The tables that are compiled in are the fact files, where those are at hand.

use std::path::{Path, PathBuf};

use serde_json::Value;

/// The directory of the fact files about Graph.
pub fn directory() -> Option<PathBuf> {
    crate::aloud::beside("a check against the fact files", "graph")
}

fn json(path: &Path) -> Value {
    let text = std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

#[test]
fn tables_are_the_fact_files() {
    let Some(shared) = directory() else { return };
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/odata/facts");
    for name in ["schema.json", "filters.json"] {
        // Not assert_eq: nobody reads a hundred kilobytes twice.
        assert!(
            json(&own.join(name)) == json(&shared.join(name)),
            "src/odata/facts/{name} is not what the fact file of that name says"
        );
    }
}
