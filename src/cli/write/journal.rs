//! The journal: what a run is about to do, and how the next one finishes it.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Component, Path};

use anyhow::{Context as _, Result, anyhow, bail};
use serde::{Deserialize, Serialize};

use super::stage::{JOURNAL_DRAFT, STAGED, State, read, sync_directory, without_links};
use super::{fault, kept};

/// Name of the journal, at the root.
pub(super) const JOURNAL: &str = ".kubewright-journal";
/// The form that is written and read.
const VERSION: u32 = 2;
/// A journal of a million files is smaller.
const MAX_BYTES: u64 = 512 * 1024 * 1024;

/// What a run is about to do.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Journal {
    version: u32,
    /// The run takes back what another one did in part.
    back: bool,
    steps: Vec<Step>,
}

/// One file of a run. Paths are relative to the root.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Step {
    pub(super) target: String,
    /// The file that takes the place of the target; absent when the target goes.
    pub(super) staged: Option<String>,
    /// SHA-256 of the target before; absent when there was none.
    pub(super) before: Option<String>,
    /// SHA-256 of the target after; absent when it goes.
    pub(super) after: Option<String>,
}

/// What became of an unfinished run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cli) enum Recovered {
    /// It was finished: so many files were written.
    Finished(usize),
    /// It was taken back: so many files were written.
    TakenBack(usize),
}

/// Writes the journal, in one rename, and in place of one that is there.
pub(super) fn keep(root: &Path, steps: &[Step], back: bool) -> Result<()> {
    let text = serde_json::to_string_pretty(&Journal {
        version: VERSION,
        back,
        steps: steps.to_vec(),
    })?;
    fault::step()?;
    let mut file = tempfile::Builder::new()
        .prefix(STAGED.0)
        .suffix(JOURNAL_DRAFT)
        .tempfile_in(root)?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    fault::step()?;
    file.persist(root.join(JOURNAL)).map_err(|e| e.error)?;
    Ok(sync_directory(root)?)
}

/// Removes the journal: the run is done.
pub(super) fn remove(root: &Path) -> io::Result<()> {
    fault::step()?;
    fs::remove_file(root.join(JOURNAL))?;
    sync_directory(root)
}

/// Removes a journal of which nothing was carried out.
pub(super) fn discard(root: &Path) {
    let _ = fs::remove_file(root.join(JOURNAL));
}

/// Finishes what an interrupted run began, if this one may write; `None` when there is nothing to
/// finish.
///
/// # Errors
/// When this run may not write, the journal cannot be read, or a file was changed since.
pub(in crate::cli) fn recover(root: &Path, write: bool) -> Result<Option<Recovered>> {
    let path = root.join(JOURNAL);
    let Ok(found) = fs::symlink_metadata(&path) else {
        return Ok(None);
    };
    let shown = path.display();
    if !write {
        bail!("an interrupted run left {shown}: run with --write to finish it first");
    }
    let hint = |what: &str| {
        anyhow!(
            "an interrupted run left {shown}, which cannot be finished: {what}; look at the files \
             it names and remove it"
        )
    };
    if !found.is_file() || found.len() > MAX_BYTES {
        return Err(hint("it is not what kubewright writes"));
    }
    let text = read(&path).with_context(|| format!("cannot read {shown}"))?;
    let journal: Journal = serde_json::from_slice(&text).map_err(|e| hint(&e.to_string()))?;
    if journal.version != VERSION || !journal.steps.iter().all(harmless) {
        return Err(hint("it is not what kubewright writes"));
    }
    let mut left = Vec::new();
    let mut trouble = None;
    for step in &journal.steps {
        match wants(root, step).map_err(|e| hint(&format!("{}: {e:#}", step.target)))? {
            Wants::Nothing => {}
            Wants::Rename => left.push(step),
            Wants::Help(why) => {
                trouble.get_or_insert((step, why));
                left.push(step);
            }
        }
    }
    // Of a run that came no further than to its journal nothing is there to be finished.
    let begun = left.len() < journal.steps.len();
    let written = match trouble {
        None => {
            for step in &left {
                step.carry_out(root)
                    .with_context(|| format!("cannot replace {}", step.target))?;
            }
            left.len()
        }
        Some(_) if !begun && !journal.back => 0,
        Some((step, why)) => return Err(hint(&format!("{} {why}", step.target))),
    };
    for directory in directories(root, &journal.steps) {
        sync_directory(&directory).context("cannot flush a directory")?;
    }
    // What the run staged and did not come to use.
    for staged in journal.steps.iter().filter_map(|s| s.staged.as_ref()) {
        let _ = fs::remove_file(root.join(staged));
    }
    remove(root).context("cannot remove the journal")?;
    Ok(Some(if journal.back || trouble.is_some() {
        kept::forget_next(root);
        Recovered::TakenBack(written)
    } else {
        kept::settle(root);
        Recovered::Finished(written)
    }))
}

/// What a step still wants.
enum Wants {
    Nothing,
    Rename,
    /// Somebody changed a file since.
    Help(&'static str),
}

fn wants(root: &Path, step: &Step) -> Result<Wants> {
    let target = root.join(&step.target);
    without_links(&target)?;
    let now = State::of(&target)?;
    if now.is(step.after.as_deref()) {
        return Ok(Wants::Nothing);
    }
    if !now.is(step.before.as_deref()) {
        return Ok(Wants::Help("was changed since"));
    }
    let staged = step.staged.as_ref().map(|s| State::of(&root.join(s)));
    Ok(match staged.transpose()? {
        Some(staged) if !staged.is(step.after.as_deref()) => Wants::Help("has lost its new text"),
        _ => Wants::Rename,
    })
}

/// The directories of all targets, once each.
pub(super) fn directories(root: &Path, steps: &[Step]) -> Vec<std::path::PathBuf> {
    let targets = steps.iter().map(|s| root.join(&s.target));
    let mut all: Vec<_> = targets
        .filter_map(|t| t.parent().map(Path::to_path_buf))
        .collect();
    all.sort();
    all.dedup();
    all
}

/// Whether a step stays below the root and takes its text from a file that we staged beside the
/// target.
fn harmless(step: &Step) -> bool {
    let ours = |p: &str| {
        let name = Path::new(p)
            .file_name()
            .and_then(|n| n.to_str())
            .unwrap_or("");
        name.starts_with(STAGED.0)
            && name.ends_with(STAGED.1)
            && Path::new(p).parent() == Path::new(&step.target).parent()
    };
    below(&step.target)
        && step.staged.as_deref().is_none_or(|s| below(s) && ours(s))
        && step.staged.is_some() == step.after.is_some()
}

/// Whether a relative path stays below the directory that it starts from, and out of `.git`.
pub(super) fn below(path: &str) -> bool {
    !path.is_empty()
        && Path::new(path)
            .components()
            .all(|c| matches!(c, Component::Normal(name) if !name.eq_ignore_ascii_case(".git")))
}

impl Step {
    /// Renames the staged file over the target, or removes the target.
    pub(super) fn carry_out(&self, root: &Path) -> io::Result<()> {
        fault::step()?;
        let target = root.join(&self.target);
        match &self.staged {
            Some(staged) => fs::rename(root.join(staged), &target),
            None => fs::remove_file(&target),
        }
    }
}
