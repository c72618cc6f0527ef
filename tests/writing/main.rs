//! Promise: all files of a run are written, or none, whatever happens to the program, the disk or
//! the files meanwhile; and the last run can be taken back.
//!
//! Faults are put into the program with `KUBEWRIGHT_FAULT`, which builds with debug assertions
//! know (`src/cli/write/fault.rs`); tests that need it pass over other builds.
//! `KUBEWRIGHT_KILLS=N` is the length of the kill loop.

#![expect(clippy::disallowed_methods, reason = "tests read and write files")]
#![cfg(unix)]

mod disk;
mod faults;
mod journals;
mod kills;
mod meanwhile;
#[path = "../support/mod.rs"]
mod support;
mod undo;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use support::kubewright;

const WORKLOAD: &str = include_str!("../../examples/incident-2-two-configurations/app.yaml");
const PROXY: &str =
    include_str!("../../examples/incident-4-static-kube-proxy/manifests/kube-proxy.yaml");

/// All files below a directory, by path.
type Tree = BTreeMap<String, String>;

/// A tree in which a run changes files in several directories and makes one.
fn project(workloads: usize) -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a scratch directory");
    let write = |path: &str, text: &str| {
        let path = dir.path().join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
        fs::write(path, text).expect("a file");
    };
    write("kubewright.toml", "");
    write("manifests/kube-proxy.yaml", PROXY);
    for number in 0..workloads {
        let text = WORKLOAD.replace("calculator", &format!("calculator-{number}"));
        write(&format!("app-{}/{number}.yaml", number % 3), &text);
    }
    dir
}

const FIX: [&str; 3] = ["fix", "--write", "--unsafe-fixes"];

/// A run with its own place for what can be undone.
fn command(dir: &Path, args: &[&str]) -> Command {
    let mut command = kubewright(dir, args);
    command
        .env("XDG_STATE_HOME", state(dir))
        .stdin(Stdio::null());
    command
}

/// The place of the project that a directory is of.
fn state(dir: &Path) -> PathBuf {
    let top = dir.ancestors().find(|d| d.join("kubewright.toml").exists());
    let name = top
        .unwrap_or(dir)
        .file_name()
        .expect("a name")
        .to_string_lossy();
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name.trim_start_matches('.'))
}

fn run(dir: &Path, args: &[&str]) -> Output {
    command(dir, args).output().expect("the program starts")
}

/// All files below a directory but those of git; links are not followed.
fn files(dir: &Path) -> Tree {
    fn walk(root: &Path, dir: &Path, found: &mut Tree) {
        for entry in fs::read_dir(dir).expect("a directory").flatten() {
            let (path, kind) = (entry.path(), entry.file_type().expect("a kind"));
            let name = path
                .strip_prefix(root)
                .expect("below")
                .display()
                .to_string();
            if kind.is_dir() && entry.file_name() != ".git" {
                walk(root, &path, found);
            } else if kind.is_symlink() {
                let to = fs::read_link(&path).expect("a link");
                found.insert(name, format!("-> {}", to.display()));
            } else if kind.is_file() {
                // One that another program removes meanwhile is none.
                let text = fs::read_to_string(&path);
                found.extend(text.ok().map(|text| (name, text)));
            }
        }
    }
    let mut found = Tree::new();
    walk(dir, dir, &mut found);
    found
}

/// What the tree is after a run that nothing disturbs.
fn fixed(workloads: usize) -> Tree {
    let dir = project(workloads);
    let output = run(dir.path(), &FIX);
    let _ = fs::remove_dir_all(state(dir.path()));
    assert!(output.status.code() < Some(2), "{output:?}");
    files(dir.path())
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Whether the program can be told to fail at a step.
fn has_faults() -> bool {
    cfg!(debug_assertions)
}
