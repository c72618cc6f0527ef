//! The `kubewright` program: see [`kubewright::cli`].

use std::process::ExitCode;

/// Many threads make many small objects that live as long as the run: glibc asks the system for
/// each page of them.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    kubewright::cli::main()
}
