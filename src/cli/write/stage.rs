//! New texts beside their targets, and what stands at a target now.

use std::fs::{self, Metadata};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use sha2::{Digest as _, Sha256};
use tempfile::{NamedTempFile, TempPath};

use super::fault;
use crate::cli::files::plain;

/// How names of staged files begin and end.
pub(super) const STAGED: (&str, &str) = (".kubewright-", ".staged");
/// How the name of a journal ends that is not complete.
pub(super) const JOURNAL_DRAFT: &str = ".journal";
/// Age from which a staged file that no journal names is nobody's.
const STALE: Duration = Duration::from_secs(10 * 60);

/// What stands at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum State {
    Absent,
    /// A file, by the SHA-256 of what it holds.
    File(String),
    /// A directory, a symbolic link, a device: nothing that a run writes.
    Other,
}

impl State {
    /// What stands at `path`, which is not followed if it is a link.
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        match fs::symlink_metadata(path) {
            Ok(found) if found.is_file() => Ok(Self::File(digest(&read(path)?))),
            Ok(_) => Ok(Self::Other),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::Absent),
            Err(error) => Err(error),
        }
    }

    /// Whether it is what a digest says, or nothing where there is none.
    pub(super) fn is(&self, digest: Option<&str>) -> bool {
        match (self, digest) {
            (Self::File(now), Some(digest)) => now == digest,
            (Self::Absent, None) => true,
            _ => false,
        }
    }
}

/// Refuses a target that is reached through a symbolic link, so that nothing outside of the root is
/// written. The root itself has none on its way.
pub(super) fn without_links(target: &Path) -> Result<()> {
    let above = target.ancestors().skip(1);
    for directory in above {
        match directory.canonicalize() {
            Ok(real) if real == directory => return Ok(()),
            Ok(_) => bail!("{} is reached through a symbolic link", target.display()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                if fs::symlink_metadata(directory).is_ok() {
                    bail!("{} leads nowhere", directory.display());
                }
            }
            Err(error) => bail!("{}", plain(&error)),
        }
    }
    Ok(())
}

/// A text that waits beside its target.
pub(super) struct Staged {
    pub(super) file: TempPath,
    /// Directories that were made for it, the topmost first.
    pub(super) made: Vec<PathBuf>,
}

/// Writes `text` into a file beside `target`, with the permissions and the owner of what stands
/// there, or of `old`.
pub(super) fn stage(target: &Path, text: &str, old: Option<&Metadata>) -> Result<Staged> {
    without_links(target)?;
    let directory = target
        .parent()
        .context("the file system's root is no file")?;
    let current = match fs::symlink_metadata(target) {
        Ok(found) if !found.is_file() => bail!("it is no file any more"),
        // Replacing a file asks nothing of its own permissions: ask as an editor that writes into
        // it would.
        Ok(found) => match fs::OpenOptions::new().write(true).open(target) {
            Ok(_) => Some(found),
            Err(error) => bail!("{}", plain(&error)),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => bail!("{}", plain(&error)),
    };
    let made: Vec<PathBuf> = directory
        .ancestors()
        .take_while(|d| !d.exists())
        .map(Path::to_path_buf)
        .collect();
    fault::step()?;
    fs::create_dir_all(directory)?;
    let mut builder = tempfile::Builder::new();
    builder.prefix(STAGED.0).suffix(STAGED.1);
    // What a new file allows is up to the umask, as with any editor; temporary files are private by
    // default.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = builder.tempfile_in(directory)?;
    fault::step()?;
    // Its own `Write` puts the path, which nobody knows, around errors.
    file.as_file_mut().write_all(text.as_bytes())?;
    if let Some(old) = current.as_ref().or(old) {
        own(&file, old);
        file.as_file().set_permissions(old.permissions())?;
    }
    fault::step()?;
    file.as_file().sync_all()?;
    Ok(Staged {
        file: file.into_temp_path(),
        made: made.into_iter().rev().collect(),
    })
}

/// Gives the file the owner of the one that it replaces, where that is allowed.
#[cfg(unix)]
fn own(file: &NamedTempFile, old: &Metadata) {
    use std::os::unix::fs::{MetadataExt as _, fchown};
    // Only root may give files away; for anyone else owner and file belong together already.
    let _ = fchown(file.as_file(), Some(old.uid()), Some(old.gid()));
}

#[cfg(not(unix))]
fn own(_: &NamedTempFile, _: &Metadata) {}

/// Removes what a run left that was killed before its journal stood. Where other runs cannot be kept
/// away, files of one that is going on are younger.
pub(super) fn sweep(directory: &Path, alone: bool) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let name = name.to_str().unwrap_or("");
        let ours = name.starts_with(STAGED.0)
            && (name.ends_with(STAGED.1) || name.ends_with(JOURNAL_DRAFT));
        let modified = || entry.metadata().and_then(|m| m.modified()).ok();
        let stale = || modified().and_then(|at| at.elapsed().ok()) > Some(STALE);
        if ours && (alone || stale()) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// Flushes a directory, so that the names in it last.
#[cfg(unix)]
pub(super) fn sync_directory(directory: &Path) -> io::Result<()> {
    use io::ErrorKind::{InvalidInput, PermissionDenied, Unsupported};
    fault::step()?;
    match fs::File::open(directory).and_then(|opened| opened.sync_all()) {
        // One that may not be listed, or lies where directories are not flushed.
        Err(error) if matches!(error.kind(), InvalidInput | PermissionDenied | Unsupported) => {
            Ok(())
        }
        other => other,
    }
}

#[cfg(not(unix))]
pub(super) fn sync_directory(_: &Path) -> io::Result<()> {
    fault::step()
}

#[expect(
    clippy::disallowed_methods,
    reason = "what is replaced is compared with what was read"
)]
pub(super) fn read(path: &Path) -> io::Result<Vec<u8>> {
    fs::read(path)
}

pub(super) fn digest(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    Sha256::digest(bytes)
        .iter()
        .fold(String::new(), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        })
}
