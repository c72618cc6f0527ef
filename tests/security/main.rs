//! Promise: a repository that means harm gets nothing but findings. The threat model is
//! `SECURITY.md`; each of its lines names the test that holds it.

#![expect(clippy::disallowed_methods, reason = "tests read and write files")]
#![cfg(unix)]

mod output;
mod paths;
mod processes;
#[path = "../support/mod.rs"]
mod support;
mod table;

use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use support::kubewright;

/// What no output may ever hold.
const SECRET: &str = "canary-3f1c";

fn project(path: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// A git work tree.
fn tree(files: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a scratch directory");
    fs::create_dir(dir.path().join(".git")).expect("a directory");
    for (path, text) in files {
        let path = dir.path().join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
        fs::write(path, text).expect("a file");
    }
    dir
}

fn fifo(path: &Path) {
    let made = Command::new("mkfifo").arg(path).status();
    assert!(made.expect("mkfifo starts").success());
}

/// Runs, and fails when the end does not come: what opens a pipe that nobody writes to waits
/// forever.
#[track_caller]
fn run(dir: &Path, args: &[&str]) -> Output {
    ends(kubewright(dir, args).env("XDG_STATE_HOME", dir.join(".git/state")))
}

#[track_caller]
fn ends(command: &mut Command) -> Output {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let begun = Instant::now();
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let (out, err) = (all_of(out), all_of(err));
    while child.try_wait().expect("a child").is_none() {
        if begun.elapsed() > Duration::from_secs(60) {
            child.kill().expect("a kill");
            panic!("{command:?} waits for something that it must not open");
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Output {
        status: child.wait().expect("an end"),
        stdout: out.join().expect("an output"),
        stderr: err.join().expect("an output"),
    }
}

/// Reads beside the child, which would wait for room in the pipe.
fn all_of(pipe: Option<impl Read + Send + 'static>) -> std::thread::JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut all = Vec::new();
        let mut pipe = pipe.expect("a pipe");
        pipe.read_to_end(&mut all).expect("what it says");
        all
    })
}

fn both(output: &Output) -> String {
    let (out, err) = (&output.stdout, &output.stderr);
    format!(
        "{}{}",
        String::from_utf8_lossy(out),
        String::from_utf8_lossy(err)
    )
}
