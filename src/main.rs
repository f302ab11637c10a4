//! The `entra-scim` binary: parses arguments and calls [`entra_scim::cli`].

/// Gives memory back to the system when a load has gone; the C library's keeps it.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> std::process::ExitCode {
    entra_scim::cli::main()
}
