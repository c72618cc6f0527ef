//! Writing: all files of a run, or none, even when the process is killed.
//!
//! Every new text is staged in a temporary file beside its target and flushed to the disk. Then
//! each target is compared with what was read: another program may have written in the meantime.
//! Then the journal `.kubewright-journal` at the root names all that is about to happen; from here
//! on the run is as good as done. Each staged file is renamed over its target, the journal removed.
//! A run that finds a journal finishes the renames first, provided that every target is what the
//! journal says: the old text, or already the new one.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tempfile::{NamedTempFile, TempPath};

use super::files::plain;
use crate::pipeline::report::FileChange;

/// Name of the journal, at the root.
const JOURNAL: &str = ".kubewright-journal";
/// How names of staged files begin and end.
const STAGED: (&str, &str) = (".kubewright-", ".staged");
/// How the name of a journal ends that is not complete.
const JOURNAL_DRAFT: &str = ".journal";
/// Age from which a staged file that no journal names is nobody's.
const STALE: Duration = Duration::from_secs(10 * 60);

/// What a run is about to do.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Journal {
    version: u32,
    steps: Vec<Step>,
}

/// One file of a run. Paths are relative to the root.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Step {
    target: String,
    /// The file that takes the place of the target; absent when the target goes.
    staged: Option<String>,
    /// SHA-256 of the target before; absent when there was none.
    before: Option<String>,
}

/// Writes all changes.
///
/// # Errors
/// Then nothing was written, or the message says that the next run finishes it.
pub(super) fn write(root: &Path, changes: &[FileChange]) -> Result<()> {
    let mut steps = Vec::new();
    let mut staged = Vec::new();
    let targets = changes.iter().map(|change| root.join(&change.path));
    let directories: BTreeSet<PathBuf> = targets
        .filter_map(|t| t.parent().map(Path::to_path_buf))
        .chain([root.to_path_buf()])
        .collect();
    for directory in &directories {
        sweep(directory);
    }
    for change in changes {
        let target = root.join(&change.path);
        let file = change
            .after
            .as_deref()
            .map(|text| stage(&target, text))
            .transpose();
        let file =
            file.with_context(|| format!("cannot write {}; nothing was written", change.path))?;
        let name = file.as_ref().map(|f| relative(root, f)).transpose()?;
        steps.push(Step {
            target: change.path.clone(),
            staged: name,
            before: change.before.as_deref().map(|t| digest(t.as_bytes())),
        });
        staged.extend(file);
    }
    for (step, change) in steps.iter().zip(changes) {
        let now = state(&root.join(&step.target))
            .with_context(|| format!("cannot read {}", change.path))?;
        if now != step.before {
            bail!(
                "{} was changed by another program in the meantime; nothing was written",
                change.path
            );
        }
    }
    // One rename is atomic by itself.
    let journal = root.join(JOURNAL);
    if steps.len() > 1 {
        let text = serde_json::to_string_pretty(&Journal {
            version: 1,
            steps: steps.clone(),
        })?;
        keep_journal(&journal, &text).context("cannot write the journal; nothing was written")?;
    }
    // The journal names the staged files: they must outlive this process now.
    for file in staged {
        file.keep().context("cannot keep a staged file")?;
    }
    if let [only] = steps.as_slice() {
        return finish(root, only).with_context(|| {
            let _ = only.staged.as_ref().map(|s| fs::remove_file(root.join(s)));
            format!("cannot replace {}; nothing was written", only.target)
        });
    }
    for step in &steps {
        finish(root, step).with_context(|| {
            format!(
                "cannot replace {}; the next run will try to finish ({} tells what is left)",
                step.target,
                journal.display()
            )
        })?;
    }
    if !steps.is_empty() {
        fs::remove_file(&journal).context("cannot remove the journal")?;
    }
    Ok(())
}

/// Finishes what an interrupted run began, if this one may write; the number of files, or `None`
/// when there is nothing to finish.
///
/// # Errors
/// When this run may not write, the journal cannot be read, or a file was changed since.
pub(super) fn recover(root: &Path, write: bool) -> Result<Option<usize>> {
    let path = root.join(JOURNAL);
    if !write && path.exists() {
        bail!(
            "an interrupted run left {}: run with --write to finish it first",
            path.display()
        );
    }
    let text = match read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
    };
    let hint = || {
        format!(
            "an interrupted run left {}, which cannot be finished; look at the files it names and remove it",
            path.display()
        )
    };
    let journal: Journal = serde_json::from_slice(&text).with_context(hint)?;
    if journal.version != 1 || !journal.steps.iter().all(harmless) {
        bail!("{}", hint());
    }
    let left: Vec<&Step> = journal.steps.iter().filter(|s| open(root, s)).collect();
    for step in &left {
        if state(&root.join(&step.target)).with_context(hint)? != step.before {
            bail!("{}: {} was changed since", hint(), step.target);
        }
    }
    for step in &left {
        finish(root, step).with_context(|| format!("cannot replace {}", step.target))?;
    }
    fs::remove_file(&path).context("cannot remove the journal")?;
    Ok(Some(left.len()))
}

/// Whether a step is still to be done: its staged file waits, or its target waits to go.
fn open(root: &Path, step: &Step) -> bool {
    match &step.staged {
        Some(staged) => root.join(staged).exists(),
        None => root.join(&step.target).exists(),
    }
}

/// Whether a step stays below the root and takes its text from a file that we staged beside the
/// target.
fn harmless(step: &Step) -> bool {
    let below = |p: &str| {
        Path::new(p)
            .components()
            .all(|c| matches!(c, Component::Normal(_)))
    };
    let ours = |p: &str| {
        let name = Path::new(p)
            .file_name()
            .and_then(|n| n.to_str())
            .unwrap_or("");
        name.starts_with(STAGED.0)
            && name.ends_with(STAGED.1)
            && Path::new(p).parent() == Path::new(&step.target).parent()
    };
    below(&step.target) && step.staged.as_deref().is_none_or(|s| below(s) && ours(s))
}

fn finish(root: &Path, step: &Step) -> io::Result<()> {
    let target = root.join(&step.target);
    match &step.staged {
        Some(staged) => fs::rename(root.join(staged), &target)?,
        None => fs::remove_file(&target)?,
    }
    sync_directory(&target)
}

/// Removes what a run left that was killed before its journal stood; files of a run that is going
/// on are younger.
fn sweep(directory: &Path) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let name = name.to_str().unwrap_or("");
        let ours = name.starts_with(STAGED.0)
            && (name.ends_with(STAGED.1) || name.ends_with(JOURNAL_DRAFT));
        let age = entry
            .metadata()
            .and_then(|m| m.modified())
            .ok()
            .and_then(|at| at.elapsed().ok());
        if ours && age.is_some_and(|age| age > STALE) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// Writes a file that is no manifest of the run, whole or not at all.
///
/// # Errors
/// Then it is as it was.
pub(super) fn write_file(path: &Path, text: &str) -> Result<()> {
    let staged = stage(path, text)?;
    staged.persist(path).map_err(|e| e.error)?;
    Ok(())
}

/// Writes `text` into a file beside `target`, with its permissions and owner.
fn stage(target: &Path, text: &str) -> Result<TempPath> {
    let directory = target
        .parent()
        .context("the file system's root is no file")?;
    let old = match fs::metadata(target) {
        // Replacing a file asks nothing of its own permissions: ask as an editor that writes into
        // it would.
        Ok(old) => match fs::OpenOptions::new().write(true).open(target) {
            Ok(_) => Some(old),
            Err(error) => bail!("{}", plain(&error)),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => bail!("{}", plain(&error)),
    };
    fs::create_dir_all(directory)?;
    let mut builder = tempfile::Builder::new();
    builder.prefix(STAGED.0).suffix(STAGED.1);
    // What a new file allows is up to the umask, as with any editor; temporary files are private by
    // default.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = builder.tempfile_in(directory)?;
    file.write_all(text.as_bytes())?;
    if let Some(old) = old {
        own(&file, &old);
        file.as_file().set_permissions(old.permissions())?;
    }
    file.as_file().sync_all()?;
    Ok(file.into_temp_path())
}

/// Gives the file the owner of the one that it replaces, where that is allowed.
#[cfg(unix)]
fn own(file: &NamedTempFile, old: &fs::Metadata) {
    use std::os::unix::fs::{MetadataExt as _, fchown};
    // Only root may give files away; for anyone else owner and file belong together already.
    let _ = fchown(file.as_file(), Some(old.uid()), Some(old.gid()));
}

#[cfg(not(unix))]
fn own(_: &NamedTempFile, _: &fs::Metadata) {}

fn keep_journal(path: &Path, text: &str) -> io::Result<()> {
    let directory = path.parent().unwrap_or(path);
    let mut file = tempfile::Builder::new()
        .prefix(STAGED.0)
        .suffix(JOURNAL_DRAFT)
        .tempfile_in(directory)?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|e| e.error)?;
    sync_directory(path)
}

#[cfg(unix)]
fn sync_directory(file: &Path) -> io::Result<()> {
    match file.parent() {
        Some(directory) => File::open(directory)?.sync_all(),
        None => Ok(()),
    }
}

#[cfg(not(unix))]
fn sync_directory(_: &Path) -> io::Result<()> {
    Ok(())
}

/// Path relative to the root, for the journal.
fn relative(root: &Path, path: &TempPath) -> Result<String> {
    let path: PathBuf = path
        .strip_prefix(root)
        .map_or_else(|_| path.to_path_buf(), Path::to_path_buf);
    path.to_str()
        .map(str::to_owned)
        .context("a path is not UTF-8")
}

/// Digest of what stands at the path; `None` when nothing does.
fn state(path: &Path) -> io::Result<Option<String>> {
    match read(path) {
        Ok(bytes) => Ok(Some(digest(&bytes))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "what is replaced is compared with what was read"
)]
fn read(path: &Path) -> io::Result<Vec<u8>> {
    fs::read(path)
}

fn digest(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    Sha256::digest(bytes)
        .iter()
        .fold(String::new(), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        })
}
