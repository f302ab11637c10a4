//! Microsoft's own Graph SDK for JavaScript, unchanged, against the simulator.

use std::path::Path;
use std::process::{Command, Output};

use entra_scim::simulator::settings::Settings;

use crate::sim::Sim;

/// Why the SDK cannot run here, if it cannot.
fn obstacle(directory: &Path) -> Option<String> {
    let node = Command::new("node").arg("--version").output();
    if !node.is_ok_and(|node| node.status.success()) {
        return Some("there is no node".to_owned());
    }
    if !directory.join("node_modules").is_dir() {
        return Some("its packages are not installed: `npm ci --prefix tests/sdk`".to_owned());
    }
    None
}

#[tokio::test]
async fn the_sdk_works_unchanged() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sdk");
    if let Some(obstacle) = obstacle(&directory) {
        crate::aloud::not_run("Graph's SDK against the simulator", &obstacle);
        return;
    }
    let sim = Sim::start(Settings::default()).await;
    let ready = serde_json::to_string(&sim.running.ready).unwrap();
    // The simulator answers on this thread meanwhile.
    let run = move || -> std::io::Result<Output> {
        Command::new("node")
            .arg("check.mjs")
            .current_dir(&directory)
            .env("SIM_READY", ready)
            .output()
    };
    let output = tokio::task::spawn_blocking(run).await.unwrap().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    println!("{said}");
    assert!(
        output.status.success(),
        "{said}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    // A script that stops halfway says nothing wrong.
    assert!(said.matches("ok    ").count() >= 12, "{said}");
}
