//! How the CPU time of a change of members grows with their number: `cargo bench --bench members`.
//! Gateway and simulated tenant run in this one process; a ratio near 1 is linear growth.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    dead_code,
    reason = "a program that prints; it stands on the tests' harness and uses a part of it"
)]

#[path = "../tests/common/aloud.rs"]
mod aloud;
#[path = "../tests/it/support/mod.rs"]
mod support;

use serde_json::{Value, json};
use support::app::{App, Options, patch_op};

const SIZES: [usize; 3] = [10_000, 20_000, 40_000];

/// User and system time of this process, in seconds.
fn cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let after = stat.rsplit(')').next().unwrap();
    let fields: Vec<&str> = after.split_whitespace().collect();
    let ticks = |at: usize| fields[at].parse::<u64>().unwrap();
    (ticks(11) + ticks(12)) as f64 / 100.0
}

fn elements(ids: &[String]) -> Value {
    ids.iter().map(|id| json!({"value": id})).collect()
}

#[tokio::main]
async fn main() {
    println!(
        "| members | add all: CPU s, per member | replace by 10, planned: CPU s, per member |"
    );
    println!("|---|---|---|");
    let mut first: Option<(f64, f64)> = None;
    for size in SIZES {
        let (add, replace) = measure(size).await;
        let (a, r) = (add / size as f64, replace / size as f64);
        let (a0, r0) = *first.get_or_insert((a, r));
        println!(
            "| {size} | {add:.2}, ×{:.2} | {replace:.2}, ×{:.2} |",
            a / a0,
            r / r0
        );
    }
}

/// A tenant of its own for each size: the quota of writes starts full.
async fn measure(size: usize) -> (f64, f64) {
    let app = App::with(Options {
        users: size + 50,
        groups: 2,
        deadline_secs: 55,
        ..Options::default()
    })
    .await;
    let users = app.sim_user_ids().await;
    let path = {
        let group = app
            .post("/Groups", &json!({"displayName": "Measured"}))
            .await
            .expect_status(201);
        format!("/Groups/{}", group.body["id"].as_str().unwrap())
    };
    let operation = |op: &str, ids: &[String]| {
        patch_op(json!([{"op": op, "path": "members", "value": elements(ids)}]))
    };
    let add = operation("add", &users[..size]);
    let start = cpu();
    app.patch(&path, &add).await.expect_status(204);
    let added = cpu() - start;
    let replace = operation("replace", &users[size..size + 10]);
    let start = cpu();
    app.request("PATCH", &path, Some(&replace), &[("prefer", "dry-run")])
        .await
        .expect_status(200);
    (added, cpu() - start)
}
