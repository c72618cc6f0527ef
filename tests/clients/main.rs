//! Promise: real clients agree. What kubewright writes is read by kustomize, git and a strict schema
//! validator, and those that run kubewright (kustomize, kpt, Helm, kubectl, pre-commit) take what
//! it gives them. One module a client.
//!
//! A client that is missing is skipped by name; with `KUBEWRIGHT_REQUIRE_CLIENTS=1` it fails.

#![expect(clippy::disallowed_methods, reason = "tests read and write files")]

mod git;
mod kustomize;
mod schema;
#[path = "../support/mod.rs"]
mod support;

use std::fs;
use std::path::{Path, PathBuf};

use libtest_mimic::Arguments;
use support::Outcome;

fn main() {
    let arguments = Arguments::from_args();
    let trials = [git::trials(), schema::trials(), kustomize::trials()];
    libtest_mimic::run(&arguments, trials.into_iter().flatten().collect()).exit();
}

/// A path of the project.
fn project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn examples() -> PathBuf {
    project("examples")
}

/// Writes files below a folder.
fn write(folder: &Path, files: &[(&str, &str)]) -> Outcome {
    for (path, text) in files {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().ok_or("no parent")?)?;
        fs::write(path, text)?;
    }
    Ok(())
}
