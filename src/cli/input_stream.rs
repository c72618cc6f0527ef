//! What a PATH gives that can be read once: standard input, a pipe, a device.

use std::fmt;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use super::files;

/// Where a stream comes from.
#[derive(Debug)]
pub(super) enum Source {
    /// `-` or `/dev/stdin`.
    Standard,
    /// A path that is neither a file nor a directory: a pipe, a device.
    Path(PathBuf),
}

impl Source {
    /// What a PATH is; `None` for a file or directory.
    pub(super) fn of(path: &Path) -> Option<Self> {
        if path == Path::new("-") || path == Path::new("/dev/stdin") {
            return Some(Self::Standard);
        }
        // Of what a link of `/dev/fd` leads to: a pipe has no path of its own.
        let kind = path.metadata().ok()?.file_type();
        (!kind.is_file() && !kind.is_dir()).then(|| Self::Path(path.into()))
    }

    /// The stream among the PATHs, which is read alone.
    pub(super) fn among(paths: &[PathBuf]) -> Result<Option<Self>> {
        let Some((path, source)) = paths.iter().find_map(|p| Some((p, Self::of(p)?))) else {
            return Ok(None);
        };
        if paths.len() > 1 {
            bail!(
                "{} is a stream and cannot be mixed with other PATHs",
                path.display()
            );
        }
        Ok(Some(source))
    }

    pub(super) fn bytes(&self) -> std::io::Result<Vec<u8>> {
        match self {
            Self::Standard => {
                let mut bytes = Vec::new();
                std::io::stdin().lock().read_to_end(&mut bytes)?;
                Ok(bytes)
            }
            Self::Path(path) => files::bytes(path),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Standard => f.write_str("standard input"),
            Self::Path(path) => path.display().fmt(f),
        }
    }
}
