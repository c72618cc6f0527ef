//! Writing: all files of a run, or none, even when the process is killed.
//!
//! Every new text is staged in a temporary file beside its target and flushed to the disk, and so
//! are the names of these files. Then all that was read is compared with what stands there now:
//! another program may have written in the meantime. Then the journal `.kubewright-journal` at the
//! root names all that is about to happen; from here on the run is as good as done. Each staged
//! file is renamed over its target, the directories are flushed, the journal removed.
//!
//! A rename that fails takes the run back: the old texts are staged, a journal of the way back
//! takes the place of the first one, and they are renamed likewise. A run that finds a journal does
//! what it says before anything else, provided that every target is what the journal says: the text
//! before, or already the one after.

mod fault;
mod journal;
mod kept;
mod lock;
mod stage;

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result, anyhow, bail};

pub(super) use journal::{Recovered, recover};
pub(super) use kept::{forget, taken_back};
pub(super) use lock::TreeLock;

use crate::pipeline::report::FileChange;
use journal::Step;
use stage::{Staged, State, digest, stage, sweep, sync_directory};

/// What to write.
pub(super) struct Plan<'a> {
    /// Directory that paths are relative to; without symbolic links.
    pub(super) root: &'a Path,
    pub(super) changes: &'a [FileChange],
    /// Keeps other runs away.
    pub(super) lock: &'a TreeLock,
    /// All that the changes rest on, as it was read: path and text.
    pub(super) read: &'a [(String, Arc<str>)],
    /// Keep what is replaced for `kubewright undo`.
    pub(super) keep: bool,
    /// A file, and the patch that takes everything back.
    pub(super) patch: Option<(PathBuf, String)>,
}

/// Writes all changes.
///
/// # Errors
/// Then nothing was written, or the message says that the next run finishes it.
pub(super) fn write(plan: &Plan<'_>) -> Result<()> {
    let Plan { root, changes, .. } = plan;
    let paths = changes.iter().map(|change| &change.path);
    let paths = paths.chain(plan.read.iter().map(|(path, _)| path));
    let directories = paths.filter_map(|path| Path::new(path).parent());
    for directory in directories.chain([Path::new("")]).collect::<BTreeSet<_>>() {
        sweep(&root.join(directory), plan.lock.is_alone());
    }
    if changes.is_empty() {
        return Ok(());
    }
    let mut run = Run::stage(root, changes, &[]).map_err(Unstaged::context)?;
    run.prepare(plan)?;
    // One rename is atomic by itself.
    if run.steps.len() > 1
        && let Err(error) = journal::keep(root, &run.steps, false)
    {
        journal::discard(root);
        run.clean();
        return Err(error.context("cannot write the journal; nothing was written"));
    }
    run.outlive();
    let Some((failed, error)) = run.carry_out() else {
        if run.steps.len() > 1 {
            journal::remove(root).context("everything was written, and the journal is left")?;
        }
        if plan.keep {
            kept::settle(root);
        }
        return Ok(());
    };
    let step = run
        .steps
        .get(failed)
        .map_or("a file", |s| &s.target)
        .to_owned();
    match run.take_back(root, changes, failed) {
        Ok(()) => {
            run.clean();
            if plan.keep {
                kept::forget_next(root);
            }
            Err(error.context(format!("cannot replace {step}; nothing was written")))
        }
        Err(_) => Err(error.context(format!(
            "cannot replace {step}, nor take back what was written; the next run with --write will \
             try to finish ({} tells what is left)",
            root.join(journal::JOURNAL).display()
        ))),
    }
}

/// A change that could not be staged.
struct Unstaged {
    path: String,
    error: anyhow::Error,
}

impl Unstaged {
    fn context(self) -> anyhow::Error {
        let Self { path, error } = self;
        error.context(format!("cannot write {path}; nothing was written"))
    }
}

/// The steps of a run, and what it has staged for them.
struct Run<'a> {
    root: &'a Path,
    steps: Vec<Step>,
    /// What stood at the targets: a file that goes may have to come back.
    old: Vec<Option<fs::Metadata>>,
    staged: Vec<Staged>,
    /// Directories that were made, the topmost first.
    made: Vec<PathBuf>,
}

impl<'a> Run<'a> {
    /// Stages all changes; `old` is what stood at their targets once, where nothing does now.
    fn stage(
        root: &'a Path,
        changes: &[FileChange],
        old: &[Option<fs::Metadata>],
    ) -> Result<Self, Unstaged> {
        let mut run = Self {
            root,
            steps: Vec::new(),
            old: Vec::new(),
            staged: Vec::new(),
            made: Vec::new(),
        };
        for (number, change) in changes.iter().enumerate() {
            let target = root.join(&change.path);
            let once = old.get(number).and_then(Option::as_ref);
            run.old.push(fs::symlink_metadata(&target).ok());
            let staged = match change.after.as_deref() {
                Some(text) => stage(&target, text, once).map(Some),
                None => stage::without_links(&target).map(|()| None),
            };
            let staged = match staged {
                Ok(staged) => staged,
                Err(error) => {
                    run.clean();
                    let path = change.path.clone();
                    return Err(Unstaged { path, error });
                }
            };
            let name = staged.as_ref().map(|s| relative(root, &s.file));
            let hash = |text: &Option<Arc<str>>| text.as_deref().map(|t| digest(t.as_bytes()));
            run.steps.push(Step {
                target: change.path.clone(),
                staged: name,
                before: hash(&change.before),
                after: hash(&change.after),
            });
            if let Some(staged) = staged {
                run.made.extend(staged.made.iter().cloned());
                run.staged.push(staged);
            }
        }
        Ok(run)
    }

    /// All that comes before the first rename, but the journal.
    fn prepare(&mut self, plan: &Plan<'_>) -> Result<()> {
        let prepared = self.prepared(plan);
        if prepared.is_err() {
            self.clean();
        }
        prepared
    }

    fn prepared(&self, plan: &Plan<'_>) -> Result<()> {
        self.flush()
            .context("cannot flush a directory; nothing was written")?;
        self.unchanged(plan.read)?;
        if let Some((path, text)) = &plan.patch {
            let kept = fs::File::create(path).and_then(|mut file| {
                file.write_all(text.as_bytes())?;
                // Pipes and terminals cannot be flushed to a disk.
                let _ = file.sync_all();
                Ok(())
            });
            kept.with_context(|| format!("cannot write {}; nothing was written", path.display()))?;
        }
        // A run that can be undone is better than one that cannot, and either is better than none.
        if plan.keep && kept::keep(self.root, plan.changes).is_err() {
            forget(self.root);
        }
        Ok(())
    }

    /// Compares all that was read, and all targets, with what stands there now.
    fn unchanged(&self, read: &[(String, Arc<str>)]) -> Result<()> {
        let read = read
            .iter()
            .map(|(path, text)| (path, Some(digest(text.as_bytes()))));
        let targets = self.steps.iter().map(|s| (&s.target, s.before.clone()));
        for (path, expected) in read.chain(targets) {
            let now = State::of(&self.root.join(path));
            let now = now.with_context(|| format!("cannot read {path}; nothing was written"))?;
            same(path, now.is(expected.as_deref()))
                .map_err(|e| anyhow!("{e}; nothing was written"))?;
        }
        Ok(())
    }

    /// Flushes the directories of the targets, and those above new ones.
    fn flush(&self) -> std::io::Result<()> {
        let above = self.made.iter().filter_map(|made| made.parent());
        let above = above.map(Path::to_path_buf);
        let mut all = above.chain(journal::directories(self.root, &self.steps));
        all.try_for_each(|directory| sync_directory(&directory))
    }

    /// The journal names the staged files: they must outlive this process now.
    fn outlive(&mut self) {
        for staged in self.staged.drain(..) {
            let _ = staged.file.keep();
        }
    }

    /// Renames all; the number of the step that failed, and why.
    fn carry_out(&self) -> Option<(usize, anyhow::Error)> {
        for (number, step) in self.steps.iter().enumerate() {
            let done = State::of(&self.root.join(&step.target))
                .map_err(anyhow::Error::from)
                .and_then(|now| same(&step.target, now.is(step.before.as_deref())))
                .and_then(|()| Ok(step.carry_out(self.root)?));
            if let Err(error) = done {
                return Some((number, error));
            }
        }
        self.flush()
            .err()
            .map(|error| (self.steps.len(), error.into()))
    }

    /// Takes back the first `done` steps.
    fn take_back(&self, root: &Path, changes: &[FileChange], done: usize) -> Result<()> {
        let back: Vec<FileChange> = changes
            .iter()
            .take(done)
            .map(|change| FileChange {
                path: change.path.clone(),
                before: change.after.clone(),
                after: change.before.clone(),
            })
            .collect();
        if !back.is_empty() {
            let mut run = Run::stage(root, &back, &self.old).map_err(|e| e.error)?;
            run.outlive();
            run.flush()?;
            journal::keep(root, &run.steps, true)?;
            if let Some((_, error)) = run.carry_out() {
                return Err(error);
            }
        }
        if self.steps.len() > 1 || !back.is_empty() {
            journal::remove(root)?;
        }
        Ok(())
    }

    /// Removes what was staged and made and is of no use any more.
    fn clean(&mut self) {
        self.staged.clear();
        for staged in self.steps.iter().filter_map(|s| s.staged.as_ref()) {
            let _ = fs::remove_file(self.root.join(staged));
        }
        for made in self.made.iter().rev() {
            let _ = fs::remove_dir(made);
        }
    }
}

fn same(path: &str, same: bool) -> Result<()> {
    if !same {
        bail!("{path} was changed by another program in the meantime");
    }
    Ok(())
}

/// Path relative to the root, for the journal. Paths of a report are UTF-8, and so are our names.
fn relative(root: &Path, path: &Path) -> String {
    let below = path.strip_prefix(root).unwrap_or(path);
    below.to_string_lossy().into_owned()
}
