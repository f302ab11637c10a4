//! What the program is made of: licences, banned crates and sources, by the lists of `deny.toml`.

use std::{collections::BTreeSet, process::Command};

use serde_json::Value;

/// What is wrong with a crate.
fn faults(package: &Value, lists: &toml::Table) -> Vec<String> {
    let name = package["name"].as_str().unwrap_or_default();
    let texts = |value: &toml::Value| -> BTreeSet<String> {
        let list = value.as_array().cloned().unwrap_or_default();
        list.iter()
            .filter_map(|v| v.as_str().map(str::to_owned))
            .collect()
    };
    let allowed = texts(&lists["licenses"]["allow"]);
    let mut faults = Vec::new();
    let licence = package["license"].as_str().unwrap_or_default();
    let fits = spdx::Expression::parse_mode(licence, spdx::ParseMode::LAX)
        .is_ok_and(|expression| expression.evaluate(|term| allowed.contains(&term.to_string())));
    if !fits {
        faults.push(format!("{name}: licence '{licence}' is not allowed"));
    }
    let banned = lists["bans"]["deny"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    if banned.iter().any(|ban| ban["crate"].as_str() == Some(name)) {
        faults.push(format!("{name} is banned"));
    }
    let registries = texts(&lists["sources"]["allow-registry"]);
    if let Some(source) = package["source"].as_str()
        && !registries
            .iter()
            .any(|known| source == format!("registry+{known}"))
    {
        faults.push(format!("{name} comes from {source}"));
    }
    faults
}

fn lists() -> toml::Table {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/deny.toml");
    std::fs::read_to_string(path).unwrap().parse().unwrap()
}

#[test]
fn licences_bans_and_sources() {
    let output = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--format-version",
            "1",
            "--locked",
            "--all-features",
        ])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    assert!(packages.len() > 100, "{} crates", packages.len());
    let lists = lists();
    let wrong: Vec<String> = packages.iter().flat_map(|p| faults(p, &lists)).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_does_not_fit_is_seen() {
    let lists = lists();
    let source = "registry+https://github.com/rust-lang/crates.io-index";
    for (name, licence, source, count) in [
        ("good", "MIT OR Apache-2.0", source, 0),
        ("good", "MIT/GPL-3.0", source, 0),
        ("both", "MIT AND GPL-3.0-only", source, 1),
        ("none", "", source, 1),
        ("openssl", "Apache-2.0", source, 1),
        ("elsewhere", "MIT", "git+https://example.com/x", 1),
    ] {
        let package = serde_json::json!({"name": name, "license": licence, "source": source});
        assert_eq!(faults(&package, &lists).len(), count, "{name} {licence}");
    }
}
