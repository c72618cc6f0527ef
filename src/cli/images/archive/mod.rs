//! Images that lie on the disk, for whoever reaches no registry: `--from`.

mod oci;
mod saved;

use std::path::Path;

use anyhow::{Result, bail};

use super::image_source::ImageSource;
use crate::cli::args::Archive;

/// Opens an archive; a relative path starts from `cwd`.
///
/// # Errors
/// When it is none.
pub(super) fn open(archive: &Archive, cwd: &Path) -> Result<Box<dyn ImageSource + Send + Sync>> {
    let (opened, shown): (
        std::result::Result<Box<dyn ImageSource + Send + Sync>, String>,
        _,
    ) = match archive {
        Archive::Oci(path) => (
            oci::Layout::open(&cwd.join(path)).map(|l| Box::new(l) as _),
            format!("oci:{}", path.display()),
        ),
        Archive::Docker(path) if path.as_os_str() == "-" => (
            saved::Saved::piped().map(|s| Box::new(s) as _),
            "standard input".to_owned(),
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
