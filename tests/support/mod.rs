//! What the tests that run the program share: the binary, copies of folders, clients that may be
//! missing.
#![allow(dead_code, reason = "each test file uses a part")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use libtest_mimic::{Failed, Trial};

/// Result of a trial.
pub(crate) type TrialResult = Result<(), Failed>;

/// Whether missing clients fail instead of being skipped.
pub(crate) fn clients_required() -> bool {
    std::env::var_os("KUBEWRIGHT_REQUIRE_CLIENTS").is_some_and(|v| v == "1")
}

/// A trial that needs something of the machine: skipped, and said so, when it is missing; failed
/// when clients are required.
pub(crate) fn needing(
    missing: Option<&str>,
    name: &str,
    run: impl FnOnce() -> TrialResult + Send + 'static,
) -> Trial {
    match missing {
        None => Trial::test(name, run),
        Some(what) if clients_required() => {
            let message = format!("{what} is required");
            Trial::test(name, move || Err(message.into()))
        }
        Some(what) => {
            Trial::test(format!("{name} (skipped: no {what})"), run).with_ignored_flag(true)
        }
    }
}

/// `Some(name)` when `program` does not start with `args`.
pub(crate) fn missing<'a>(name: &'a str, program: &str, args: &[&str]) -> Option<&'a str> {
    let found = Command::new(program)
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    (!found.is_ok_and(|s| s.success())).then_some(name)
}

/// The program under test.
pub(crate) fn kubewright(dir: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kubewright"));
    command
        .current_dir(dir)
        .args(args)
        .env_remove("CLICOLOR_FORCE")
        .env("NO_COLOR", "1");
    command
}

/// Runs to the end and asks for one of the exit statuses.
pub(crate) fn run(command: &mut Command, statuses: &[i32]) -> Result<Output, Failed> {
    let output = command.output()?;
    match output.status.code() {
        Some(code) if statuses.contains(&code) => Ok(output),
        code => Err(format!(
            "{command:?} ended with {code:?}\n{}\n{}",
            String::from_utf8_lossy(&output.stdout)
                .chars()
                .take(2000)
                .collect::<String>(),
            String::from_utf8_lossy(&output.stderr)
                .chars()
                .take(2000)
                .collect::<String>()
        )
        .into()),
    }
}

/// Runs with text on standard input.
pub(crate) fn pipe(
    command: &mut Command,
    input: &[u8],
    statuses: &[i32],
) -> Result<Output, Failed> {
    use std::io::Write as _;
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let mut stdin = child.stdin.take().ok_or("no standard input")?;
    let input = input.to_vec();
    let writer = std::thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output()?;
    // A program that stops reading early has said why on standard error.
    let _ = writer.join();
    match output.status.code() {
        Some(code) if statuses.contains(&code) => Ok(output),
        code => Err(format!(
            "{command:?} ended with {code:?}\n{}",
            String::from_utf8_lossy(&output.stderr)
        )
        .into()),
    }
}

/// An empty scratch directory that is a git work tree.
pub(crate) fn work_tree() -> Result<tempfile::TempDir, Failed> {
    let dir = tempfile::tempdir()?;
    run(
        Command::new("git")
            .args(["init", "-q"])
            .current_dir(dir.path()),
        &[0],
    )?;
    Ok(dir)
}

/// A copy of a folder in a scratch directory, as a git work tree of its own.
pub(crate) fn scratch(from: &Path) -> Result<tempfile::TempDir, Failed> {
    let dir = work_tree()?;
    copy(from, dir.path())?;
    Ok(dir)
}

/// Copies a folder without its `.git`.
pub(crate) fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            if entry.file_name() != ".git" {
                copy(&entry.path(), &target)?;
            }
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

/// All files below a folder, without `.git`, by path.
pub(crate) fn tree(dir: &Path) -> std::io::Result<BTreeMap<PathBuf, Vec<u8>>> {
    fn walk(
        root: &Path,
        dir: &Path,
        found: &mut BTreeMap<PathBuf, Vec<u8>>,
    ) -> std::io::Result<()> {
        for entry in fs::read_dir(dir)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                if entry.file_name() != ".git" {
                    walk(root, &entry.path(), found)?;
                }
            } else {
                let path = entry.path();
                found.insert(
                    path.strip_prefix(root).unwrap_or(&path).to_path_buf(),
                    fs::read(&path)?,
                );
            }
        }
        Ok(())
    }
    let mut found = BTreeMap::new();
    walk(dir, dir, &mut found)?;
    Ok(found)
}

/// Fails with the message unless the condition holds.
pub(crate) fn ensure(holds: bool, message: impl FnOnce() -> String) -> TrialResult {
    if holds { Ok(()) } else { Err(message().into()) }
}
