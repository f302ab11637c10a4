//! One target, by `ENTRA_SCIM_FUZZ_TARGET`, fed by libFuzzer:
//! `ENTRA_SCIM_FUZZ_TARGET=patch cargo +nightly fuzz run --fuzz-dir tests/fuzz/coverage parsers`

#![no_main]

#[path = "../targets.rs"]
mod targets;

use std::sync::LazyLock;

use targets::{TARGETS, Target};

static TARGET: LazyLock<&Target> = LazyLock::new(|| {
    let name = std::env::var("ENTRA_SCIM_FUZZ_TARGET").unwrap_or_else(|_| "filter".to_owned());
    let found = TARGETS.iter().find(|target| target.name == name);
    found.expect("ENTRA_SCIM_FUZZ_TARGET names no target")
});

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    (TARGET.run)(&String::from_utf8_lossy(data));
});
