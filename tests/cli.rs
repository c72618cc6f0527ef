//! Promise: what the documentation shows is what the program prints, to the byte, and formats, exit
//! statuses and messages stay what they are.
//!
//! The `console` blocks of README.md, of `docs/` and of the examples are run at the top of the project, the
//! sessions `tests/cli/<name>.md` in `tests/cli/<name>.in/`, or in a copy of it where
//! `<name>.out/` says what its files are afterwards. A session is what a terminal shows:
//!
//! - `$ ` and a command, which the shell runs;
//! - `? ` and its exit status, where that is not 0;
//! - what it prints, standard error included, and an empty line.
//!
//! `BLESS=1` (`cargo bless`) writes the statuses, the outputs and the files.
#![expect(
    clippy::disallowed_methods,
    reason = "a test reads and writes its sessions"
)]

use std::fmt::Write as _;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use libtest_mimic::{Arguments, Failed, Trial};

mod support;
use support::{TrialResult, copy, ensure, tree};

fn main() {
    let arguments = Arguments::from_args();
    let home = Path::new(env!("CARGO_MANIFEST_DIR"));
    let documents = [home.to_owned()]
        .into_iter()
        .chain(entries(&home.join("examples")))
        .map(|folder| folder.join("README.md"))
        .chain(entries(&home.join("docs")))
        .filter(|document| document.extension().is_some_and(|e| e == "md") && document.exists());
    let mut trials: Vec<Trial> = documents
        .map(|document| {
            let name = document.strip_prefix(home).unwrap_or(&document);
            let name = name.display().to_string();
            Trial::test(name, move || session(&document, home))
        })
        .collect();
    for entry in entries(&home.join("tests/cli")) {
        let name = entry.file_name().unwrap_or_default().to_string_lossy();
        let name = format!("tests/cli/{name}");
        let run = move || match entry.extension().and_then(|e| e.to_str()) {
            Some("md") => in_its_folder(&entry),
            Some("in" | "out") => ensure(entry.with_extension("md").exists(), || {
                format!("{} belongs to no session", entry.display())
            }),
            _ => Err(format!("{} is no session", entry.display()).into()),
        };
        trials.push(Trial::test(name, run));
    }
    libtest_mimic::run(&arguments, trials).exit();
}

/// What lies in a folder, in order.
fn entries(folder: &Path) -> Vec<PathBuf> {
    let listed = fs::read_dir(folder).into_iter().flatten();
    let mut entries: Vec<_> = listed.filter_map(|e| Some(e.ok()?.path())).collect();
    entries.sort();
    entries
}

fn blessing() -> bool {
    std::env::var("BLESS").is_ok_and(|v| v == "1")
}

fn in_its_folder(document: &Path) -> TrialResult {
    let (given, wanted) = (
        document.with_extension("in"),
        document.with_extension("out"),
    );
    if !wanted.exists() {
        let home = Path::new(env!("CARGO_MANIFEST_DIR"));
        return session(document, if given.exists() { &given } else { home });
    }
    let scratch = tempfile::tempdir()?;
    copy(&given, scratch.path())?;
    session(document, scratch.path())?;
    let (found, expected) = (tree(scratch.path())?, tree(&wanted)?);
    if found != expected && blessing() {
        fs::remove_dir_all(&wanted)?;
        return Ok(copy(scratch.path(), &wanted)?);
    }
    ensure(found == expected, || {
        let names = found.keys().chain(expected.keys());
        let differ = names.filter(|name| found.get(*name) != expected.get(*name));
        let differ: std::collections::BTreeSet<_> = differ.collect();
        format!("other files than in {}: {differ:?}", wanted.display())
    })
}

/// Runs all commands of a document in a folder.
fn session(document: &Path, folder: &Path) -> TrialResult {
    let text = fs::read_to_string(document)?;
    let actual = replay(&text, folder)?;
    if actual != text && blessing() {
        return Ok(fs::write(document, actual)?);
    }
    ensure(actual == text, || {
        let diff = similar::TextDiff::from_lines(&text, &actual);
        let diff = diff.unified_diff().context_radius(3).to_string();
        format!("{} shows something else:\n{diff}", document.display())
    })
}

/// The document with what its commands print now.
fn replay(document: &str, folder: &Path) -> Result<String, Failed> {
    let mut out = String::new();
    let mut fence = None;
    for line in document.lines() {
        match fence {
            None => {
                let ticks = line.len() - line.trim_start_matches('`').len();
                if ticks >= 3 {
                    let runs = matches!(&line[ticks..], "" | "console");
                    fence = Some((&line[..ticks], runs));
                }
            }
            Some((end, _)) if line == end => fence = None,
            Some((_, true)) => {
                if let Some(command) = line.strip_prefix("$ ") {
                    let _ = writeln!(out, "{line}\n{}", run(command, folder)?);
                }
                continue;
            }
            Some((_, false)) => {}
        }
        out.push_str(line);
        out.push('\n');
    }
    Ok(out)
}

/// The exit status where it is not 0, and what the command prints on either output, in the order
/// in which it does.
fn run(command: &str, folder: &Path) -> Result<String, Failed> {
    let program = Path::new(env!("CARGO_BIN_EXE_kubewright"));
    let directories = std::env::var_os("PATH").unwrap_or_default();
    let directories = program
        .parent()
        .map(Path::to_owned)
        .into_iter()
        .chain(std::env::split_paths(&directories));
    let (mut reader, writer) = std::io::pipe()?;
    let mut shell = Command::new("sh");
    shell
        .args(["-c", command])
        .current_dir(folder)
        .env("PATH", std::env::join_paths(directories)?)
        .env_remove("CLICOLOR_FORCE")
        .env_remove("COLUMNS")
        .env("NO_COLOR", "1")
        .stdin(Stdio::null())
        .stdout(writer.try_clone()?)
        .stderr(writer);
    let mut child = shell.spawn()?;
    // It holds the writing end of the pipe, which would never close.
    drop(shell);
    let mut printed = String::new();
    reader.read_to_string(&mut printed)?;
    let status = child.wait()?.code();
    Ok(match status {
        Some(0) => printed,
        Some(status) => format!("? {status}\n{printed}"),
        None => return Err(format!("`{command}` was killed").into()),
    })
}
