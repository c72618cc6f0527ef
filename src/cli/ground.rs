//! Where a run stands: working directory, PATHs, root, git work tree, configuration.
//!
//! The root is the directory of the nearest `kubewright.toml` at or above what was asked for, not
//! beyond the top of the git work tree; else that top; else the common directory of the PATHs, and
//! then the PATHs are read, and the files beside those that are files.

use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result, anyhow, bail};
use kubewright_model::kube::Texts;

use super::config::{Config, FILE_NAME};
use super::files::{self, Request, Tree};
use super::input_stream::InputStream;
use super::lockfile::{self, Lock};
use super::print::{Paths, between};
use super::terminal::Terminal;
use super::texts::Below;
use super::write::{self, Recovered, TreeLock};

/// Where a run stands; all paths absolute and without symbolic links.
pub(super) struct Ground {
    pub(super) cwd: PathBuf,
    pub(super) paths: Vec<PathBuf>,
    pub(super) root: PathBuf,
    pub(super) git_top: Option<PathBuf>,
    /// There is a root of its own: everything below it is read.
    pub(super) whole: bool,
    /// The configuration.
    pub(super) file: Option<PathBuf>,
    /// The directory of the configuration.
    directory: PathBuf,
    /// With the facts of the lock.
    pub(super) config: Config,
    /// `kubewright.lock` at the root, and its text.
    pub(super) lock: Option<(Lock, String)>,
}

impl Ground {
    /// Of files and directories.
    pub(super) fn of(asked: &[PathBuf], config: Option<&Path>) -> Result<Self> {
        let cwd = working_directory()?;
        let mut paths = Vec::new();
        let mut missing = Vec::new();
        for path in asked {
            if InputStream::of(path).is_some() {
                bail!(
                    "{} is a stream, and images are those of files and directories; fix and graph \
                     read streams",
                    path.display()
                );
            }
            match cwd.join(path).canonicalize() {
                Ok(found) if leads_out(&cwd.join(path), &found) => bail!(
                    "{} leads out of its git work tree, to {}: name that itself if it is meant",
                    path.display(),
                    found.display()
                ),
                Ok(found) => match found.is_dir().then(|| found.read_dir()) {
                    Some(Err(error)) => {
                        bail!("cannot read {}: {}", path.display(), files::plain(&error))
                    }
                    _ => paths.push(found),
                },
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                    missing.push(path.display().to_string());
                }
                Err(error) => bail!("{}: {}", path.display(), files::plain(&error)),
            }
        }
        if !missing.is_empty() {
            bail!("no such file or directory: {}", missing.join(", "));
        }
        let common = common_directory(&paths).unwrap_or_else(|| cwd.clone());
        Self::at(config, cwd, paths, &common)
    }

    /// Of a stream: that of the working directory.
    pub(super) fn of_stream(config: Option<&Path>) -> Result<Self> {
        let cwd = working_directory()?;
        let start = cwd.clone();
        Self::at(config, cwd, Vec::new(), &start)
    }

    /// Which files are read.
    pub(super) fn request(&self) -> Request<'_> {
        Request {
            root: &self.root,
            paths: &self.paths,
            whole: self.whole,
            ignore: &self.config.ignore,
            in_git: self.git_top.is_some(),
        }
    }

    /// Reads all files; says where there are none.
    pub(super) fn read(&self, terminal: &Terminal) -> Result<Tree> {
        let tree = match files::read(&self.request()) {
            Ok(tree) => tree,
            Err(files::Unreadable { path, error }) => {
                bail!(
                    "cannot read {}: {}",
                    between(&self.cwd, &path),
                    files::plain(&error)
                )
            }
        };
        for directory in &tree.barren {
            terminal.warning(&format!(
                "no manifests found in {}",
                between(&self.cwd, directory)
            ));
        }
        Ok(tree)
    }

    /// Keeps runs apart that write to this tree; one that reads waits for them.
    pub(super) fn lock(&self, write: bool, terminal: &Terminal) -> TreeLock {
        let top = self.git_top.as_ref().unwrap_or(&self.root);
        TreeLock::take(top, write, || {
            let shown = between(&self.cwd, top);
            terminal.warning(&format!(
                "waiting for another kubewright that writes to {shown}"
            ));
        })
    }

    /// Finishes or takes back a run that was interrupted, and says so.
    ///
    /// # Errors
    /// When there is one, and this run may not write or cannot.
    pub(super) fn recover(&self, write: bool, terminal: &Terminal) -> Result<()> {
        let (what, files) = match write::recover(&self.root, write)? {
            None => return Ok(()),
            Some(Recovered::Finished(files)) => ("finished", files),
            Some(Recovered::TakenBack(files)) => ("taken back", files),
        };
        terminal.warning(&format!(
            "an interrupted run was {what} first: {files} files written"
        ));
        Ok(())
    }

    /// Reads all files for a command that has no findings: what cannot be read is said at once.
    pub(super) fn read_aloud(&self, terminal: &Terminal) -> Result<Tree> {
        let tree = self.read(terminal)?;
        let shown = self.shown();
        for unread in &tree.unread {
            let path = shown.shown(&unread.place.path);
            terminal.warning(&format!("{path}: {}", unread.message));
        }
        Ok(tree)
    }

    /// The text files beside the manifests: those below the root, or else those that are read with
    /// the PATHs.
    pub(super) fn texts(&self) -> Arc<dyn Texts> {
        let (directories, files): (Vec<_>, Vec<_>) = if self.whole {
            (vec![self.root.clone()], Vec::new())
        } else {
            self.paths.iter().cloned().partition(|p| p.is_dir())
        };
        let beside = files.iter().filter_map(|f| f.parent().map(Path::to_owned));
        let below = Below::new(&self.root, directories, self.git_top.is_some());
        Arc::new(below.and_files_in(beside.collect()))
    }

    fn at(asked: Option<&Path>, cwd: PathBuf, paths: Vec<PathBuf>, start: &Path) -> Result<Self> {
        let git_top = start
            .ancestors()
            .find(|d| d.join(".git").exists())
            .map(Path::to_path_buf);
        let inside = |d: &&Path| git_top.as_ref().is_none_or(|top| d.starts_with(top));
        let nearest = start
            .ancestors()
            .take_while(inside)
            .map(|d| d.join(FILE_NAME))
            // What is there and no file is refused below, and not passed over.
            .find(|f| f.symlink_metadata().is_ok_and(|found| !found.is_dir()));
        if let (None, Some(file)) = (asked, &nearest) {
            // It comes with the tree, and was not asked for.
            let top = git_top.as_deref().or(file.parent()).unwrap_or(file);
            files::own(file, top).map_err(|e| {
                anyhow!("cannot read {}: {}", between(&cwd, file), files::plain(&e))
            })?;
        }
        let file = match asked {
            Some(file) => Some(
                cwd.join(file)
                    .canonicalize()
                    .with_context(|| format!("cannot read {}", file.display()))?,
            ),
            None => nearest.clone(),
        };
        let directory_of = |f: &Option<PathBuf>| {
            f.as_ref()
                .and_then(|f| f.parent())
                .filter(|d| start.starts_with(d))
                .map(Path::to_path_buf)
        };
        let own = directory_of(&file)
            .or_else(|| directory_of(&nearest))
            .or_else(|| git_top.clone());
        let directory = file.as_ref().and_then(|f| f.parent());
        let directory = directory.map(Path::to_path_buf).unwrap_or_default();
        let mut config = match &file {
            Some(file) => Config::load(file, &between(&cwd, file))?,
            None => Config::default(),
        };
        config.settings.take_environment(|name| {
            std::env::var_os(name).map(std::ffi::OsString::into_encoded_bytes)
        });
        let whole = own.is_some();
        config.options.partial = !whole && paths.iter().any(|path| path.is_file());
        let root = own.unwrap_or_else(|| start.to_path_buf());
        // Those above the root are read as well; those below are findings.
        if let Some(top) = &git_top {
            let mut above = root.ancestors().skip(1).take_while(|d| d.starts_with(top));
            if let Some(error) = above.find_map(|d| files::bad_ignore_file(d, top)) {
                bail!("cannot read {}: {error}", between(&cwd, top));
            }
        }
        let locked = root.join(lockfile::FILE_NAME);
        let lock = Lock::load(
            &locked,
            git_top.as_deref().unwrap_or(&root),
            &between(&cwd, &locked),
        )?;
        config.settings.lock = lock
            .as_ref()
            .map(|(lock, _)| lock.facts())
            .unwrap_or_default();
        Ok(Self {
            cwd,
            paths,
            root,
            git_top,
            whole,
            file,
            directory,
            config,
            lock,
        })
    }

    /// Of an older state of the files of `now`, which stands at `home` with its root at `root`.
    ///
    /// # Errors
    /// When its configuration is not understood.
    pub(super) fn of_past(
        now: &Self,
        config: Option<&Path>,
        home: &Path,
        root: &Path,
    ) -> Result<Self> {
        // A directory of git's own ends the way up, as in the work tree.
        std::fs::create_dir_all(home.join(".git"))?;
        let config = config.map(|file| now.cwd.join(file));
        let mut old = Self::at(config.as_deref(), home.into(), vec![root.into()], root)?;
        (old.root, old.whole) = (root.into(), true);
        Ok(old)
    }

    /// As it is, at another place.
    pub(super) fn moved(&self, home: &Path, root: &Path) -> Self {
        Self {
            cwd: home.into(),
            paths: vec![root.into()],
            root: root.into(),
            git_top: Some(home.into()),
            whole: true,
            file: None,
            directory: root.into(),
            config: self.config.clone(),
            lock: None,
        }
    }

    /// Reads all files, and says nothing of it.
    pub(super) fn read_past(&self) -> Result<Tree> {
        let request = Request {
            root: &self.root,
            paths: &self.paths,
            whole: self.whole,
            ignore: &self.config.ignore,
            in_git: true,
        };
        files::read(&request).map_err(|error| {
            anyhow::anyhow!(
                "cannot read {}: {}",
                error.path.display(),
                files::plain(&error.error)
            )
        })
    }

    /// The file of accepted findings, as it is shown: what was typed, else what the configuration
    /// says, relative to its file.
    pub(super) fn baseline(&self, typed: Option<&Path>) -> Option<PathBuf> {
        let written = || {
            let file = self.directory.join(self.config.baseline.as_deref()?);
            Some(between(&self.cwd, &file).into())
        };
        typed.map(Path::to_owned).or_else(written)
    }

    /// A program as it was typed: a path is one from the working directory, a name is one on PATH.
    pub(super) fn program(&self, typed: &Path) -> PathBuf {
        if typed.components().count() > 1 {
            self.cwd.join(typed)
        } else {
            typed.to_path_buf()
        }
    }

    /// How paths are shown.
    pub(super) fn shown(&self) -> Paths {
        Paths::new(&self.root, &self.cwd, self.git_top.as_deref())
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "paths are typed relative to the working directory"
)]
pub(super) fn working_directory() -> Result<PathBuf> {
    std::env::current_dir()
        .and_then(|d| d.canonicalize())
        .context("the working directory cannot be found")
}

/// Whether a path that was typed is one of a git work tree, and what it stands for is not: a link
/// of a repository is no word of its user.
fn leads_out(typed: &Path, found: &Path) -> bool {
    let mut plain = PathBuf::new();
    for part in typed.components() {
        match part {
            Component::ParentDir => _ = plain.pop(),
            Component::CurDir => {}
            other => plain.push(other),
        }
    }
    let mut above = plain.parent().into_iter().flat_map(Path::ancestors);
    // What a link leads to may be a work tree itself.
    above.any(|d| {
        let top = d.join(".git").exists().then(|| d.canonicalize());
        top.is_some_and(|top| top.is_ok_and(|top| !found.starts_with(top)))
    })
}

/// The deepest directory that holds all paths.
fn common_directory(paths: &[PathBuf]) -> Option<PathBuf> {
    let directories = paths.iter().filter_map(|p| {
        if p.is_dir() {
            Some(p.as_path())
        } else {
            p.parent()
        }
    });
    directories.map(Path::to_path_buf).reduce(|a, b| {
        a.ancestors()
            .find(|d| b.starts_with(d))
            .map(Path::to_path_buf)
            .unwrap_or_default()
    })
}
