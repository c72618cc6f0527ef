//! The `kubewright` program: see [`kubewright::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    kubewright::cli::main()
}
