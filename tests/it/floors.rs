//! The architecture as a test: who may use whom, and which crate stays on which floor.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// Each module with the modules that it may use. Below its own floor, or beside it where a reason
/// is given.
const FLOORS: &[(&str, &[&str])] = &[
    ("base", &[]),
    ("odata", &["base"]),
    ("scim", &["base"]),
    // resources and translation are one floor: rules name relations, friendly SKU names are facts
    // of a resource type.
    ("resources", &["base", "scim", "odata"]),
    ("translation", &["base", "scim", "odata", "resources"]),
    ("credential", &["base"]),
    // the Graph client asks the credential for its token
    ("graph", &["base", "odata", "credential"]),
    ("store", &["base", "scim"]),
    // a double that shared the client's types would share its misunderstandings
    ("simulator", &["base", "odata"]),
    (
        "service",
        &[
            "base",
            "scim",
            "odata",
            "resources",
            "translation",
            "graph",
            "store",
            "credential",
        ],
    ),
    (
        "http",
        &[
            "base",
            "scim",
            "odata",
            "resources",
            "translation",
            "graph",
            "store",
            "service",
        ],
    ),
    (
        "config",
        &[
            "base",
            "scim",
            "odata",
            "resources",
            "translation",
            "graph",
            "store",
            "credential",
            "service",
            "http",
            "simulator",
        ],
    ),
    (
        "cli",
        &[
            "base",
            "scim",
            "odata",
            "resources",
            "translation",
            "graph",
            "store",
            "credential",
            "service",
            "http",
            "simulator",
            "config",
        ],
    ),
];

/// A crate, and the modules that alone may use it.
const BANS: &[(&str, &[&str])] = &[
    ("sqlx", &["store"]),
    // the simulator delivers change notifications to webhooks on this machine
    ("reqwest", &["graph", "credential", "cli", "simulator"]),
    ("axum", &["http", "simulator"]),
    ("azure_identity", &["credential"]),
    ("azure_core", &["credential"]),
    (
        "tokio",
        &[
            "graph",
            "store",
            "credential",
            "simulator",
            "service",
            "http",
            "cli",
            "config",
        ],
    ),
    ("figment", &["config"]),
    ("clap", &["cli"]),
    ("anyhow", &["cli", "config"]),
];

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn files(dir: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, into);
        } else if path.extension().is_some_and(|e| e == "rs") {
            into.push(path);
        }
    }
}

/// The code of a file: no comments, and not its tests (they may build what is above them).
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    let text = text
        .split("#[cfg(test)]")
        .next()
        .unwrap_or_default()
        .to_owned();
    text.lines()
        .map(|l| l.split("//").next().unwrap_or_default())
        .collect::<Vec<_>>()
        .join("\n")
}

/// The modules named right after each `crate::`, grouped imports included.
fn used(code: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (at, _) in code.match_indices("crate::") {
        let before = code[..at].chars().next_back();
        if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '$') {
            continue;
        }
        let rest = &code[at + "crate::".len()..];
        if !rest.starts_with('{') {
            found.insert(name(rest));
            continue;
        }
        let mut depth = 0;
        let mut at_start = true;
        for (i, c) in rest.char_indices() {
            match c {
                '{' => {
                    depth += 1;
                    at_start = depth == 1;
                }
                '}' => {
                    depth -= 1;
                    if depth == 0 {
                        break;
                    }
                }
                ',' if depth == 1 => at_start = true,
                c if at_start && (c.is_alphabetic() || c == '_') => {
                    found.insert(name(&rest[i..]));
                    at_start = false;
                }
                _ => {}
            }
        }
    }
    found
}

fn name(text: &str) -> String {
    text.chars()
        .take_while(|c| c.is_alphanumeric() || *c == '_')
        .collect()
}

/// (module, path below src, code)
fn modules() -> Vec<(String, String, String)> {
    let mut paths = Vec::new();
    files(&source(), &mut paths);
    assert!(paths.len() > 20, "the sources were not found");
    paths
        .iter()
        .map(|path| {
            let relative = path
                .strip_prefix(source())
                .unwrap()
                .to_string_lossy()
                .into_owned();
            let module = relative
                .split('/')
                .next()
                .unwrap()
                .trim_end_matches(".rs")
                .to_owned();
            (module, relative, code(path))
        })
        .filter(|(module, ..)| module != "lib" && module != "main")
        .collect()
}

#[test]
fn dependencies_point_down() {
    let mut wrong = Vec::new();
    for (module, path, code) in modules() {
        let Some((_, allowed)) = FLOORS.iter().find(|(name, _)| *name == module) else {
            wrong.push(format!("{path}: module '{module}' stands on no floor"));
            continue;
        };
        for other in used(&code) {
            if other != module && !allowed.contains(&other.as_str()) {
                wrong.push(format!("{path}: uses {other}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn crates_stay_on_their_floor() {
    let mut wrong = Vec::new();
    for (module, path, code) in modules() {
        for (krate, allowed) in BANS {
            let uses =
                code.contains(&format!("{krate}::")) || code.contains(&format!("use {krate}"));
            if uses && !allowed.contains(&module.as_str()) {
                wrong.push(format!("{path}: uses {krate}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_scanner_sees_what_it_should() {
    let code = "use crate::{a::B, c::{d, e::F}, g};\nfn x() { crate::h::i(); pubcrate::no(); }";
    let expected: BTreeSet<String> = ["a", "c", "g", "h"].map(str::to_owned).into();
    assert_eq!(used(code), expected);
}
