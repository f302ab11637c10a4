//! The tables that are compiled in are the fact files, where those are at hand.

use std::path::{Path, PathBuf};

use serde_json::Value;

/// The directory of the fact files about Graph: beside the repository, or where the environment
/// says. `None` is said aloud.
pub fn directory() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared");
    let shared = std::env::var_os("ENTRA_SCIM_FACTS").map_or(beside, PathBuf::from);
    let graph = shared.join("graph");
    if graph.is_dir() {
        return Some(graph);
    }
    eprintln!(
        "NOT CHECKED against the fact files: there is no {}",
        graph.display()
    );
    None
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
