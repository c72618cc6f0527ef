//! Images that lie on the disk, for whoever reaches no registry: `--from`.

mod oci;
mod saved;

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use super::source::Source;

/// An archive, as it is typed.
#[derive(Debug, Clone)]
pub enum Archive {
    /// `oci:DIR`: an OCI image layout.
    Oci(PathBuf),
    /// `docker-archive:FILE`: what `docker save` writes.
    Docker(PathBuf),
}

impl std::str::FromStr for Archive {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        match text.split_once(':') {
            Some((_, "")) | None => Err("`oci:DIR` or `docker-archive:FILE` is expected".into()),
            Some(("oci", path)) => Ok(Self::Oci(path.into())),
            Some(("docker-archive", path)) => Ok(Self::Docker(path.into())),
            Some((kind, _)) => Err(format!("`{kind}` is neither `oci` nor `docker-archive`")),
        }
    }
}

/// Opens an archive; a relative path starts from `cwd`.
///
/// # Errors
/// When it is none.
pub(super) fn open(archive: &Archive, cwd: &Path) -> Result<Box<dyn Source + Send + Sync>> {
    let (opened, shown): (
        std::result::Result<Box<dyn Source + Send + Sync>, String>,
        _,
    ) = match archive {
        Archive::Oci(path) => (
            oci::Layout::open(&cwd.join(path)).map(|l| Box::new(l) as _),
            format!("oci:{}", path.display()),
        ),
        Archive::Docker(path) => (
            saved::Saved::open(&cwd.join(path)).map(|s| Box::new(s) as _),
            format!("docker-archive:{}", path.display()),
        ),
    };
    match opened {
        Ok(source) => Ok(source),
        Err(why) => bail!("{shown}: {why}"),
    }
}
