//! What the last run replaced, kept for `kubewright undo`.
//!
//! It lies in the state directory of the user, one file a root, and not in the tree: nothing has to
//! be ignored, and what a manifest held (it may be a Secret) is for this user alone. Where there is
//! no such directory nothing is kept.

use std::ffi::OsString;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use serde::{Deserialize, Serialize};

use super::journal::below;
use super::stage::{State, digest, read};
use crate::pipeline::report::FileChange;

const VERSION: u32 = 1;
/// How many roots are remembered.
const ROOTS: usize = 64;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Record {
    version: u32,
    root: String,
    files: Vec<Kept>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    path: String,
    /// The text before; absent when the run made the file.
    before: Option<String>,
    /// SHA-256 of what the run left; absent when it removed the file.
    after: Option<String>,
}

/// Keeps what a run is about to replace; it counts when [`settle`] is called.
pub(super) fn keep(root: &Path, changes: &[FileChange]) -> std::io::Result<()> {
    let Some(path) = file(root, "next") else {
        return Ok(());
    };
    let files = changes.iter().map(|change| Kept {
        path: change.path.clone(),
        before: change.before.as_deref().map(str::to_owned),
        after: change.after.as_deref().map(|t| digest(t.as_bytes())),
    });
    let record = Record {
        version: VERSION,
        root: root.to_string_lossy().into_owned(),
        files: files.collect(),
    };
    let directory = path.parent().unwrap_or(&path);
    private(directory)?;
    prune(directory);
    // Temporary files are private.
    let mut draft = tempfile::NamedTempFile::new_in(directory)?;
    draft.write_all(&serde_json::to_vec(&record)?)?;
    draft.as_file().sync_all()?;
    draft.persist(&path).map_err(|e| e.error)?;
    Ok(())
}

/// The run is done: it is the last one now.
pub(super) fn settle(root: &Path) {
    if let (Some(next), Some(last)) = (file(root, "next"), file(root, "json")) {
        let _ = fs::rename(next, last);
    }
}

/// The run was not done.
pub(super) fn forget_next(root: &Path) {
    let _ = file(root, "next").map(fs::remove_file);
}

/// The last run was taken back.
pub(in crate::cli) fn forget(root: &Path) {
    let _ = file(root, "json").map(fs::remove_file);
}

/// The changes that take back the last run at this root; `None` when none is kept.
///
/// # Errors
/// When a file is not any more what that run left.
pub(in crate::cli) fn taken_back(root: &Path) -> Result<Option<Vec<FileChange>>> {
    let Some(path) = file(root, "json") else {
        return Ok(None);
    };
    let bytes = match read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            return Err(error).with_context(|| format!("cannot read {}", path.display()));
        }
    };
    let record: Record = serde_json::from_slice(&bytes)
        .ok()
        .filter(|r: &Record| r.version == VERSION && r.files.iter().all(|f| below(&f.path)))
        .with_context(|| format!("{} is not what kubewright writes", path.display()))?;
    let mut changes = Vec::new();
    let mut touched = Vec::new();
    for kept in record.files {
        let target = root.join(&kept.path);
        if !State::of(&target)?.is(kept.after.as_deref()) {
            touched.push(kept.path);
            continue;
        }
        let now = match &kept.after {
            Some(_) => Some(String::from_utf8(read(&target)?).context("it is not UTF-8")?),
            None => None,
        };
        changes.push(FileChange {
            path: kept.path,
            before: now.map(Arc::from),
            after: kept.before.map(Arc::from),
        });
    }
    if !touched.is_empty() {
        bail!(
            "changed since the last run, which cannot be taken back as a whole: {}; nothing was \
             written",
            touched.join(", ")
        );
    }
    Ok(Some(changes))
}

/// Where the last run at a root is kept.
fn file(root: &Path, extension: &str) -> Option<PathBuf> {
    let name = digest(root.as_os_str().as_encoded_bytes());
    let name = format!("{}.{extension}", name.get(..32)?);
    Some(directory()?.join("kubewright").join("undo").join(name))
}

/// The state directory of the user, as the XDG Base Directory Specification has it.
fn directory() -> Option<PathBuf> {
    let given = |name: &str| -> Option<PathBuf> {
        let value: OsString = std::env::var_os(name)?;
        Some(PathBuf::from(value)).filter(|path| path.is_absolute())
    };
    given("XDG_STATE_HOME")
        .or_else(|| given("LOCALAPPDATA"))
        .or_else(|| Some(given("HOME")?.join(".local").join("state")))
}

/// Makes a directory that only the user may enter.
fn private(directory: &Path) -> std::io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(directory)
}

/// Removes the oldest where there are too many.
fn prune(directory: &Path) {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let mut all: Vec<_> = entries
        .filter_map(|e| Some((e.metadata().ok()?.modified().ok()?, e.path())))
        .collect();
    all.sort();
    let many = all.len().saturating_sub(ROOTS);
    for (_, path) in all.into_iter().take(many) {
        let _ = fs::remove_file(path);
    }
}
