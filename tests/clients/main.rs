//! Promise: real clients agree. What kubewright writes is read by kustomize, git and a strict schema
//! validator, and those that run kubewright (kustomize, kpt, Helm, kubectl, pre-commit) take what
//! it gives them. One module a client.
//!
//! A client that is missing is skipped by name; with `KUBEWRIGHT_REQUIRE_CLIENTS=1` it fails.

#![expect(clippy::disallowed_methods, reason = "tests read and write files")]

mod builds;
mod cases;
mod chart_corpus;
mod charts;
mod git;
mod gitops;
mod helm;
mod krm;
mod kubectl;
mod kustomizations;
mod kustomize;
mod pre_commit;
mod schema;
#[path = "../support/mod.rs"]
mod support;

use std::fs;
use std::path::{Path, PathBuf};

use libtest_mimic::{Arguments, Failed};
use std::process::Command;

use support::TrialResult;

/// The program under test.
const PROGRAM: &str = env!("CARGO_BIN_EXE_kubewright");

/// A ConfigMap and a Deployment that reads it, without a hash; with comments.
const WEB: &str = "\
# What the page says.
apiVersion: v1
kind: ConfigMap
metadata:
  name: greeting
data:
  text: hello # to all
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  selector:
    matchLabels: {app: web}
  template:
    metadata:
      labels: {app: web}
    spec:
      containers:
        # The page.
        - name: web
          image: registry.example.com/web:1.0
          envFrom:
            - configMapRef: {name: greeting}
";

fn main() {
    let arguments = Arguments::from_args();
    let trials = [
        builds::trials(),
        charts::trials(),
        chart_corpus::trials(),
        git::trials(),
        schema::trials(),
        kustomizations::trials(),
        kustomize::trials(),
        krm::trials(),
        kubectl::trials(),
        helm::trials(),
        gitops::trials(),
        pre_commit::trials(),
    ];
    libtest_mimic::run(&arguments, trials.into_iter().flatten().collect()).exit();
}

/// A path of the project.
fn project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn examples() -> PathBuf {
    project("examples")
}

/// A client that finds kubewright, and what is in these folders, on its PATH.
fn with_program(client: &str, folders: &[&Path]) -> Result<Command, Failed> {
    let program = Path::new(PROGRAM).parent();
    let given = std::env::var_os("PATH").unwrap_or_default();
    let given = std::env::split_paths(&given).collect::<Vec<_>>();
    let folders = program.into_iter().chain(folders.iter().copied());
    let folders = folders.chain(given.iter().map(PathBuf::as_path));
    let mut command = Command::new(client);
    command.env("PATH", std::env::join_paths(folders)?);
    Ok(command)
}

/// Writes files below a folder.
fn write(folder: &Path, files: &[(&str, &str)]) -> TrialResult {
    for (path, text) in files {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().ok_or("no parent")?)?;
        fs::write(path, text)?;
    }
    Ok(())
}
