//! What a registry gave once is not asked for again.

use std::fs;

use crate::served::Served;
use crate::support::{TrialResult, ensure};
use crate::{deployment, holds, lock_as, web, workspace};

/// The layers are gone from the registry, and the image is read all the same; also the damaged one
/// of the cache is noticed.
pub(crate) fn layers_are_kept() -> TrialResult {
    let registry = Served::start()?;
    let image = web();
    registry.push("team/web", "1", &image)?;
    let name = registry.name("team/web:1");
    let dir = workspace(&[("web.yaml", deployment("web", &name, "/app/app.conf", ""))])?;
    let cache = tempfile::tempdir()?;
    let lock = |more: &[&str], status: i32| {
        let _ = fs::remove_file(dir.path().join("kubewright.lock"));
        lock_as(dir.path(), more, status, |command| {
            command
                .env("XDG_CACHE_HOME", cache.path())
                .env("DOCKER_CONFIG", dir.path().join("nobody"));
        })
    };
    holds(&lock(&[], 0)?, &["1 read"])?;
    for layer in &image.layers {
        fs::remove_file(registry.stored(&crate::image::digest(layer)))?;
    }
    holds(&lock(&[], 0)?, &["1 read"])?;
    holds(
        &lock(&["--cache-limit", "0"], 1)?,
        &["0 read, 0 kept, 1 failed"],
    )?;
    // What was damaged on the disk is noticed, and deleted.
    let kept = cache.path().join("kubewright/blobs");
    let top = image.layers.last().ok_or("no layer")?;
    let top = kept.join(crate::image::digest(top).trim_start_matches("sha256:"));
    fs::write(&top, "damage")?;
    holds(&lock(&[], 1)?, &["0 read, 0 kept, 1 failed"])?;
    ensure(!top.exists(), || "what is damaged is left".into())
}
