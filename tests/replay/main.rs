//! The recorded exchanges with the real service, replayed against the simulator over its socket:
//! a fresh tenant per scenario, ids mapped as they come up.

#![expect(clippy::unwrap_used, reason = "a test that reports what it found")]

mod compare;
mod differences;
mod errors;
mod names;
mod recording;
mod scenario;

use std::collections::BTreeMap;

use recording::{Exchange, folder};
use scenario::{Outcome, Tenant};

/// The part of the comparable exchanges that must match.
const REQUIRED: f64 = 0.98;

#[tokio::test]
async fn the_recorded_exchanges() {
    let Some(folder) = folder() else {
        println!("NOT RUN: ../shared/graph/recordings is absent, nothing was replayed");
        return;
    };
    let mut scenarios: BTreeMap<String, Vec<Exchange>> = BTreeMap::new();
    for exchange in recording::exchanges(&folder) {
        scenarios
            .entry(exchange.source.clone())
            .or_default()
            .push(exchange);
    }
    let only = std::env::var("REPLAY_ONLY").ok();
    let (mut compared, mut matched) = (0_u32, 0_u32);
    let mut left_out: BTreeMap<String, u32> = BTreeMap::new();
    let mut explained: BTreeMap<&str, u32> = BTreeMap::new();
    for (source, mut exchanges) in scenarios {
        if only.as_ref().is_some_and(|only| !source.contains(only)) {
            continue;
        }
        exchanges.sort_by_key(|e| e.seq);
        let mut tenant = Tenant::start(&exchanges).await;
        for exchange in &exchanges {
            match tenant.replay(exchange).await {
                Outcome::LeftOut(why) => *left_out.entry(why).or_default() += 1,
                Outcome::Compared(found) => {
                    compared += 1;
                    let (known, unknown): (Vec<_>, Vec<_>) = found
                        .into_iter()
                        .partition(|m| differences::reason(exchange, m).is_some());
                    for mismatch in &known {
                        let reason = differences::reason(exchange, mismatch).unwrap_or_default();
                        *explained.entry(reason).or_default() += 1;
                    }
                    matched += u32::from(unknown.is_empty());
                    if !unknown.is_empty() {
                        println!(
                            "MISMATCH {source} #{} {} {}",
                            exchange.seq, exchange.method, exchange.url
                        );
                    }
                    for mismatch in unknown.iter().take(12) {
                        println!("    {mismatch}");
                    }
                }
            }
        }
        tenant.stop().await;
    }
    println!("matched {matched} of {compared} comparable exchanges");
    for (why, times) in &left_out {
        println!("left out {times}: {why}");
    }
    for (reason, times) in &explained {
        println!("deliberate {times}: {reason}");
    }
    let share = f64::from(matched) / f64::from(compared.max(1));
    assert!(share >= REQUIRED, "only {matched} of {compared} match");
}

#[tokio::test]
async fn the_recorded_errors() {
    let Some(folder) = folder() else {
        println!("NOT RUN: ../shared/graph/recordings is absent, no error was produced");
        return;
    };
    let known = recording::errors(&folder);
    let produced = errors::produce().await;
    let mut wrong = 0;
    for one in &produced {
        let found = known.iter().any(|k| {
            k.code == one.code
                && errors::same_text(&k.message, &one.message)
                && k.status.is_none_or(|s| s == one.status)
        });
        if !found {
            wrong += 1;
            println!(
                "MISMATCH {}: {} {} {}",
                one.what, one.status, one.code, one.message
            );
        }
    }
    println!(
        "{} of {} produced errors are recorded so; {} error bodies are recorded",
        produced.len() - wrong,
        produced.len(),
        known.len()
    );
    assert_eq!(wrong, 0);
}
