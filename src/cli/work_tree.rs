//! `--require-clean`: whether git knows of changes that are not committed.
//!
//! The only process that `fix` starts. A work tree may be anybody's: what its configuration would
//! have git run for a mere question (a file system monitor, hooks) is switched off, and git gets no
//! more of the environment than it takes to be found and to find its user's configuration.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

/// What git may know of the environment.
const ENVIRONMENT: [&str; 7] = [
    "PATH",
    "HOME",
    "XDG_CONFIG_HOME",
    "USERPROFILE",
    "SYSTEMROOT",
    "TMPDIR",
    "TEMP",
];

/// What git sees of the environment: what it needs to find itself, and its own configuration.
pub(super) fn environment() -> impl Iterator<Item = (&'static str, OsString)> {
    ENVIRONMENT
        .into_iter()
        .filter_map(|name| Some((name, std::env::var_os(name)?)))
}
/// How many paths a message names.
const NAMED: usize = 10;

/// Refuses where something at or below the root is changed or new, and not committed.
pub(super) fn require_clean(root: &Path, git_top: Option<&Path>) -> Result<()> {
    if git_top.is_none() {
        bail!(
            "--require-clean: this is no git work tree, and nobody can tell what is committed; \
             nothing was written"
        );
    }
    let mut command = Command::new("git");
    command
        .args(["--no-optional-locks", "-c", "core.fsmonitor=false"])
        .args(["-c", "core.hooksPath=/dev/null", "status"])
        .args(["--porcelain=v1", "-z", "--untracked-files=all", "--", "."])
        .current_dir(root)
        .env_clear()
        .envs(environment())
        .stdin(Stdio::null());
    let output = command
        .output()
        .context("--require-clean: cannot run git; nothing was written")?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!(
            "--require-clean: git status failed; nothing was written: {}",
            said.trim()
        );
    }
    let dirty = dirty(&output.stdout);
    if dirty.is_empty() {
        return Ok(());
    }
    let more = dirty.len().saturating_sub(NAMED);
    let mut named = dirty.into_iter().take(NAMED).collect::<Vec<_>>().join(", ");
    if more > 0 {
        let _ = write!(named, " and {more} more");
    }
    bail!(
        "--require-clean: not committed: {named}; nothing was written. Commit or stash them (`git \
         stash -u`)"
    )
}

/// The paths of `git status --porcelain=v1 -z`; a path that was renamed from follows on its own.
fn dirty(status: &[u8]) -> Vec<String> {
    let mut paths = Vec::new();
    let mut entries = status.split(|b| *b == 0).filter(|entry| !entry.is_empty());
    while let Some(entry) = entries.next() {
        let (kind, path) = entry.split_at(entry.len().min(3));
        if kind.iter().take(2).any(|k| matches!(k, b'R' | b'C')) {
            entries.next();
        }
        let path = String::from_utf8_lossy(path);
        let shown = path
            .chars()
            .map(|c| if c.is_control() { '\u{fffd}' } else { c });
        paths.push(shown.collect());
    }
    paths
}
