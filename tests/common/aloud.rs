//! What a test needs and this machine may lack.

use std::io::Write as _;
use std::path::{Path, PathBuf};

/// Says that a check is not made, and why: an error where every check must be made (`CI=true`).
///
/// Elsewhere it is written past the test harness, which shows what a test prints only when that
/// test fails: a check that is not made must not look like one that passed.
#[track_caller]
pub fn not_run(check: &str, why: &str) {
    assert!(
        std::env::var("CI").as_deref() != Ok("true"),
        "NOT RUN, but CI=true: {check}: {why}"
    );
    // Nothing is to be done when even the terminal is gone.
    let _ = writeln!(std::io::stderr(), "\n*** NOT RUN: {check}: {why} ***");
}

/// A file or folder below `shared/` beside the repository (or where `ENTRA_SCIM_FACTS` says):
/// facts about Graph and recordings, which are not part of the repository.
#[track_caller]
pub fn beside(check: &str, path: &str) -> Option<PathBuf> {
    let shared = std::env::var_os("ENTRA_SCIM_FACTS").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"),
        PathBuf::from,
    );
    let path = shared.join(path);
    if path.exists() {
        return Some(path);
    }
    not_run(check, &format!("there is no {}", path.display()));
    None
}
