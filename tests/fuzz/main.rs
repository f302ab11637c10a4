//! Parsers that meet outside input, fed with what nobody would send. A minute of two cores; longer with
//! `ENTRA_SCIM_FUZZ_SECS` (for each target) and `ENTRA_SCIM_FUZZ_TARGET` (one of them).

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests may panic, and say what they did"
)]

mod mutator;
mod targets;

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    time::{Duration, Instant},
};

use mutator::Mutator;
use targets::{TARGETS, Target};

/// No input of the longest kind takes longer, on a machine that others use as well.
const SLOWEST: Duration = Duration::from_secs(5);

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn fuzz(target: &Target, time: Duration) {
    let seed = variable("ENTRA_SCIM_FUZZ_SEED").and_then(|text| text.parse().ok());
    let seed = seed.unwrap_or(1);
    let mut mutator = Mutator::new(seed, target.corpus, target.words);
    let start = Instant::now();
    let (mut runs, mut taken) = (0_u64, 0_u64);
    while start.elapsed() < time {
        let input = mutator.next();
        let text = String::from_utf8_lossy(&input).into_owned();
        let began = Instant::now();
        let outcome = catch_unwind(AssertUnwindSafe(|| (target.run)(&text)));
        let took = began.elapsed();
        let Ok(good) = outcome else {
            panic!("{}: seed {seed}, run {runs}: {text:?}", target.name);
        };
        assert!(took < SLOWEST, "{}: {took:?} for {text:?}", target.name);
        runs += 1;
        if good {
            taken += 1;
            if taken % 16 == 0 {
                mutator.keep(input);
            }
        }
    }
    println!("{}: {runs} inputs, {taken} taken, seed {seed}", target.name);
    assert!(taken > 0, "{}: nothing was ever taken", target.name);
}

#[test]
fn no_parser_breaks() {
    let only = variable("ENTRA_SCIM_FUZZ_TARGET");
    let secs = variable("ENTRA_SCIM_FUZZ_SECS").and_then(|text| text.parse().ok());
    let time = Duration::from_secs(secs.unwrap_or(30));
    let chosen = TARGETS
        .iter()
        .filter(|t| only.as_ref().is_none_or(|only| t.name == only));
    std::thread::scope(|scope| {
        let running: Vec<_> = chosen
            .map(|target| (target, scope.spawn(move || fuzz(target, time))))
            .collect();
        for (target, thread) in running {
            assert!(thread.join().is_ok(), "{}: see above", target.name);
        }
    });
}
