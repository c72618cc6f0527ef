//! A copy of what kustomizations read, in which edits are tried. The user's tree is never written.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write as _;
use std::path::Path;

use ignore::WalkBuilder;

/// A copy of some directories of a tree.
#[derive(Debug)]
pub(super) struct Copy {
    directory: tempfile::TempDir,
}

impl Copy {
    /// Copies directories, relative to `root`, with all that is in them but for what git ignores,
    /// which is another one on every machine. A file of a kustomization lies in its directory or
    /// below, or kustomize does not read it.
    pub(super) fn of(
        root: &Path,
        directories: &BTreeSet<String>,
        in_git: bool,
    ) -> std::io::Result<Self> {
        let directory = tempfile::tempdir()?;
        let inside = |path: &str| {
            let mut above = directories.iter().filter(|other| *other != path);
            above.any(|other| other.is_empty() || path.starts_with(&format!("{other}/")))
        };
        for path in directories.iter().filter(|path| !inside(path)) {
            copy(&root.join(path), &directory.path().join(path), in_git)?;
        }
        Ok(Self { directory })
    }

    pub(super) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Gives files other texts; without one a file goes.
    pub(super) fn write(&self, texts: &BTreeMap<String, Option<String>>) -> std::io::Result<()> {
        for (path, text) in texts {
            let path = self.path().join(path);
            // What is written must not go through a link.
            if path.symlink_metadata().is_ok() {
                fs::remove_file(&path)?;
            }
            if let Some(text) = text {
                if let Some(above) = path.parent() {
                    fs::create_dir_all(above)?;
                }
                fs::File::create(&path)?.write_all(text.as_bytes())?;
            }
        }
        Ok(())
    }
}

fn copy(from: &Path, to: &Path, in_git: bool) -> std::io::Result<()> {
    fs::create_dir_all(to)?;
    let entries = WalkBuilder::new(from)
        .hidden(false)
        .ignore(false)
        .git_global(false)
        .git_exclude(false)
        .require_git(false)
        .parents(in_git)
        .filter_entry(|entry| entry.file_name() != ".git")
        .build();
    for entry in entries {
        let entry = entry.map_err(std::io::Error::other)?;
        let Ok(below) = entry.path().strip_prefix(from) else {
            continue;
        };
        let Some(kind) = entry.file_type().filter(|_| entry.depth() > 0) else {
            continue;
        };
        let target = to.join(below);
        if kind.is_dir() {
            fs::create_dir_all(&target)?;
        } else if kind.is_symlink() {
            // As a link: kustomize does not follow one that leads out of its directory.
            link(entry.path(), &target)?;
        } else if kind.is_file() {
            fs::copy(entry.path(), &target)?;
        }
    }
    Ok(())
}

#[cfg(unix)]
fn link(from: &Path, to: &Path) -> std::io::Result<()> {
    std::os::unix::fs::symlink(fs::read_link(from)?, to)
}

#[cfg(not(unix))]
fn link(from: &Path, to: &Path) -> std::io::Result<()> {
    if from.is_file() {
        fs::copy(from, to)?;
    }
    Ok(())
}
