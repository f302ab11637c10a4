//! One target, by `ENTRA_SCIM_FUZZ_TARGET`, fed by libFuzzer:
//! `ENTRA_SCIM_FUZZ_TARGET=patch cargo +nightly fuzz run --fuzz-dir tests/fuzz/coverage parsers`

#![no_main]

#[path = "../mutator.rs"]
mod mutator;
#[path = "../targets.rs"]
mod targets;

use std::sync::LazyLock;

use mutator::Mutator;
use targets::{TARGETS, Target};

static TARGET: LazyLock<&Target> = LazyLock::new(|| {
    let name = std::env::var("ENTRA_SCIM_FUZZ_TARGET").unwrap_or_else(|_| "filter".to_owned());
    let found = TARGETS.iter().find(|target| target.name == name);
    found.expect("ENTRA_SCIM_FUZZ_TARGET names no target")
});

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    (TARGET.run)(&String::from_utf8_lossy(data));
});

// A fourth of the inputs comes from the kept corpus and the words of the grammar.
libfuzzer_sys::fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    if seed % 4 != 0 {
        return libfuzzer_sys::fuzzer_mutate(data, size, max_size);
    }
    let mut mutator = Mutator::new(seed.into(), TARGET.corpus, TARGET.words);
    if let Ok(input) = std::str::from_utf8(&data[..size]) {
        mutator.keep(input.as_bytes().to_vec());
    }
    let input = mutator.next();
    let length = input.len().min(max_size);
    data[..length].copy_from_slice(&input[..length]);
    length
});
