//! Images that lie on this machine, for whoever reaches no registry: `--from`.

#[cfg(all(unix, feature = "registry"))]
mod daemon;
mod oci;
mod saved;

use std::path::Path;
use std::time::Duration;

use anyhow::{Result, bail};

use super::image_source::ImageSource;
use crate::cli::args::{Archive, Engine};

/// Opens an archive; a relative path starts from `cwd`, and a daemon may be silent for `patience`.
///
/// # Errors
/// When it is none.
pub(super) fn open(
    archive: &Archive,
    cwd: &Path,
    patience: Duration,
) -> Result<Box<dyn ImageSource + Send + Sync>> {
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
        Archive::Daemon(engine, image) => (
            daemon(*engine, image, patience),
            if image.is_empty() {
                engine.prefix().to_owned()
            } else {
                format!("{}:{image}", engine.prefix())
            },
        ),
    };
    match opened {
        Ok(source) => Ok(source),
        Err(why) => bail!("{shown}: {why}"),
    }
}

#[cfg(all(unix, feature = "registry"))]
fn daemon(
    engine: Engine,
    image: &str,
    patience: Duration,
) -> std::result::Result<Box<dyn ImageSource + Send + Sync>, String> {
    daemon::Daemon::open(engine, image, patience).map(|d| Box::new(d) as _)
}

#[cfg(not(all(unix, feature = "registry")))]
fn daemon(
    engine: Engine,
    _: &str,
    _: Duration,
) -> std::result::Result<Box<dyn ImageSource + Send + Sync>, String> {
    Err(format!(
        "this kubewright asks no daemon; `{} save IMAGE | kubewright images lock --from \
         docker-archive:-` reads what it has",
        engine.program()
    ))
}
