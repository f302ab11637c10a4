//! The recorded exchanges with the real service, replayed against the simulator over its socket:
//! a fresh tenant per scenario, ids mapped as they come up.

#![expect(clippy::unwrap_used, reason = "a test that reports what it found")]

#[path = "../common/aloud.rs"]
mod aloud;
mod compare;
mod differences;
mod errors;
mod names;
mod recording;
mod scenario;

use std::collections::BTreeMap;

use differences::Excuses;
use recording::{Exchange, folder};
use scenario::{Outcome, Tenant};

/// How many exchanges are compared; all of them must match.
const COMPARED: u32 = 562;

/// Why the others are not, and how many.
const LEFT_OUT: [(&str, u32); 3] = [
    (
        "it addresses what an exchange before it would have made",
        14,
    ),
    ("it lists only objects that only the recorded tenant had", 3),
    ("it names an object that only the recorded tenant had", 8),
];

/// How many errors are provoked; all of them must be recorded so.
const PRODUCED: usize = 20;

#[tokio::test]
async fn the_recorded_exchanges() {
    let Some(folder) = folder() else { return };
    let mut scenarios: BTreeMap<String, Vec<Exchange>> = BTreeMap::new();
    for exchange in recording::exchanges(&folder) {
        scenarios
            .entry(exchange.source.clone())
            .or_default()
            .push(exchange);
    }
    let (mut compared, mut matched) = (0_u32, 0_u32);
    let mut left_out: BTreeMap<String, u32> = BTreeMap::new();
    let mut excuses = Excuses::default();
    for (source, mut exchanges) in scenarios {
        exchanges.sort_by_key(|e| e.seq);
        let mut tenant = Tenant::start(&exchanges).await;
        for exchange in &exchanges {
            match tenant.replay(exchange).await {
                Outcome::LeftOut(why) => *left_out.entry(why).or_default() += 1,
                Outcome::Compared(mut found) => {
                    compared += 1;
                    found.retain(|mismatch| !excuses.excuse(exchange, mismatch));
                    matched += u32::from(found.is_empty());
                    if !found.is_empty() {
                        println!(
                            "MISMATCH {source} #{} {} {}",
                            exchange.seq, exchange.method, exchange.url
                        );
                    }
                    for mismatch in found.iter().take(12) {
                        println!("    {mismatch}");
                    }
                }
            }
        }
        tenant.stop().await;
    }
    println!("matched {matched} of {compared} comparable exchanges");
    for (reason, times) in excuses.by_reason() {
        println!("deliberate {times}: {reason}");
    }
    assert_eq!(matched, compared, "see the mismatches above");
    assert_eq!(compared, COMPARED, "left out: {left_out:?}");
    assert_eq!(
        left_out,
        LEFT_OUT.map(|(why, times)| (why.to_owned(), times)).into()
    );
    assert_eq!(excuses.astray(), Vec::<String>::new());
}

#[tokio::test]
async fn the_recorded_errors() {
    let Some(folder) = folder() else { return };
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
    assert_eq!(wrong, 0, "{} error bodies are recorded", known.len());
    assert_eq!(produced.len(), PRODUCED);
}
