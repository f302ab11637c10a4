//! The `entra-scim` binary: parses arguments and calls [`entra_scim::cli`].

fn main() -> std::process::ExitCode {
    entra_scim::cli::main()
}
