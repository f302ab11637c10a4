//! The two ways to the terminal: results on standard output, talk on standard error.

use std::io::Write;

/// Prints a line of the result.
///
/// # Errors
/// When nobody reads it any more.
pub(super) fn print(line: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}

/// Says something to the operator.
#[expect(clippy::print_stderr, reason = "this is what standard error is for")]
pub(super) fn complain(line: &str) {
    eprintln!("{line}");
}
