//! Promise: bad input gets the right message and exit status, and nothing is half-written.

#![expect(clippy::disallowed_methods, reason = "tests read and write files")]

mod arguments;
mod configuration;
mod files;
mod globs;
mod streams;
#[path = "../support/mod.rs"]
mod support;
mod system;

use std::fs;
use std::path::Path;
use std::process::{Output, Stdio};

use support::{kubewright, pipe};

const POD: &str = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: a\nspec:\n  containers: []\n";

const WORKLOAD: &str = include_str!("../../examples/incident-2-two-configurations/app.yaml");

fn folder(files: &[(&str, &[u8])]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a scratch directory");
    for (path, bytes) in files {
        let path = dir.path().join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
        fs::write(path, bytes).expect("a file");
    }
    dir
}

fn run(dir: &Path, args: &[&str]) -> Output {
    kubewright(dir, args)
        .stdin(Stdio::null())
        .output()
        .expect("the program starts")
}

/// Runs, and asks for an exit status and a part of what is said on either output; `what` is
/// `stdout` or `stderr`.
#[track_caller]
fn says(output: &Output, status: i32, what: &str, part: &str) {
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    let text = if what == "stdout" { &out } else { &err };
    assert!(
        text.contains(part),
        "{what} lacks {part:?}:\n--- stdout\n{out}\n--- stderr\n{err}"
    );
    assert_eq!(
        output.status.code(),
        Some(status),
        "\n--- stdout\n{out}\n--- stderr\n{err}"
    );
}

fn filter(input: &[u8], args: &[&str]) -> Output {
    let dir = folder(&[]);
    let mut all = vec!["fix"];
    all.extend(args);
    all.push("-");
    pipe(&mut kubewright(dir.path(), &all), input, &[0, 1, 2]).expect("the program starts")
}
