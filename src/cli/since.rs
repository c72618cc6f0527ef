//! `--since`: what was found already where the history of a revision and that of HEAD part.
//!
//! The files of that commit are put into a directory of their own and judged as any work tree is,
//! by their own `kubewright.toml` and `kubewright.lock`. A finding that both states have is not
//! what the change brought, wherever its lines are now; one that only the work tree has is,
//! wherever it surfaces.

use anyhow::{Context as _, Result, bail};
use kubewright_model::kube::{Options, Workspace};

use super::args::FixArgs;
use super::git::Repository;
use super::ground::Ground;
use super::print::touched::Touched;
use super::selection;
use super::terminal::Terminal;
use crate::pipeline::identity::{By, KnownFinding};
use crate::pipeline::{Known, Pipeline, UnsafeFixes};

/// An older state of the files.
pub(super) struct Past {
    /// What was found in it.
    pub(super) known: Known,
    /// Its files; `None` when there were none.
    pub(super) workspace: Option<Workspace>,
    /// Where the work tree differs from it.
    pub(super) touched: Touched,
}

/// The state of the files that `rev` and HEAD have in common.
pub(super) fn past(
    args: &FixArgs,
    rev: &str,
    ground: &Ground,
    terminal: &Terminal,
) -> Result<Past> {
    let Some(top) = &ground.git_top else {
        bail!("--since needs the history of git, and this is no work tree of it");
    };
    let repository = Repository { top };
    let base = repository.merge_base(rev)?;
    let touched = repository.touched(&base)?;
    let below = ground.root.strip_prefix(top).unwrap_or(&ground.root);
    let scratch = tempfile::tempdir().context("a temporary directory is needed")?;
    let home = scratch.path().canonicalize()?;
    repository.export(&base, below, &home)?;
    let root = home.join(below);
    let (mut entries, mut files) = (Vec::new(), None);
    // A directory that the change made holds nothing older.
    if root.is_dir() {
        let old = match Ground::of_past(ground, args.config.as_deref(), &home, &root) {
            Ok(old) => old,
            Err(error) => {
                terminal.warning(&format!(
                    "the configuration before the change is not understood, this one is taken for \
                     it: {error:#}"
                ));
                ground.moved(&home, &root)
            }
        };
        let tree = old.read_past()?;
        let options = Options {
            texts: Some(old.texts()),
            ..old.config.options.clone()
        };
        let workspace = Workspace::new(tree.inputs, options);
        let pipeline = Pipeline {
            transforms: selection::selected(args, &old.config)?,
            settings: &old.config.settings,
            unsafe_fixes: UnsafeFixes::None,
        };
        entries = pipeline.entries(&workspace);
        entries.extend(tree.unread.iter().map(KnownFinding::from));
        files = Some(workspace);
    }
    let known = Known {
        by: By::Past,
        entries,
    };
    Ok(Past {
        known,
        workspace: files,
        touched,
    })
}
