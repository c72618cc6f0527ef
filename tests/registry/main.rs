//! Promise: `images lock` reads from a real registry what an image is and does, writes it down, and
//! `fix` proves its fixes with it.
//!
//! `docker-registry` is started by the tests on loopback, images are built and pushed by them.
//! Where it is missing, the trials are skipped by name; with `KUBEWRIGHT_REQUIRE_CLIENTS=1` they
//! fail.

#![expect(clippy::disallowed_methods, reason = "tests read and write files")]

mod again;
mod answers;
mod applications;
mod archives;
mod connection;
mod daemon;
mod elsewhere;
mod image;
mod kept;
mod parts;
mod practice;
mod public;
mod read;
mod served;
#[path = "../support/mod.rs"]
mod support;

use std::fs;
use std::path::Path;
use std::process::Command;

use image::{Image, Stored, archive, base, image};
use libtest_mimic::{Arguments, Failed};
use serde_json::json;
use support::{TrialResult, ensure, kubewright, missing, needing, run};

fn main() {
    let arguments = Arguments::from_args();
    let registry = missing("docker-registry", "docker-registry", &["--version"]);
    let openssl = registry.or_else(|| missing("openssl", "openssl", &["version"]));
    let mut trials = vec![
        needing(registry, "locks_and_fixes", read::locks_and_fixes),
        needing(
            registry,
            "reads_what_layers_make",
            read::reads_what_layers_make,
        ),
        needing(
            registry,
            "reads_no_more_layers_than_it_needs",
            read::reads_no_more_than_it_needs,
        ),
        needing(
            registry,
            "chooses_the_platform_of_the_pod",
            read::chooses_the_platform,
        ),
        needing(
            registry,
            "keeps_what_is_locked",
            again::keeps_what_is_locked,
        ),
        needing(
            registry,
            "asks_for_files_of_the_path_alone",
            read::asks_for_files_of_the_path,
        ),
        needing(
            registry,
            "goes_on_when_an_image_fails",
            again::goes_on_when_an_image_fails,
        ),
        needing(
            registry,
            "shows_the_credentials_of_docker",
            connection::shows_credentials,
        ),
        needing(
            registry,
            "speaks_plain_http_with_named_registries_alone",
            connection::speaks_plain_http_with_named_registries,
        ),
        needing(registry, "reads_from_mirrors", elsewhere::mirrors),
        needing(registry, "keeps_layers_by_digest", kept::layers_are_kept),
        needing(openssl, "speaks_https", connection::speaks_https),
    ];
    trials.extend(answers::trials());
    trials.extend(archives::trials());
    trials.extend(practice::trials());
    trials.extend(daemon::trials());
    trials.extend(parts::trials());
    trials.push(libtest_mimic::Trial::test(
        "exchanges_identity_tokens",
        connection::exchanges_identity_tokens,
    ));
    libtest_mimic::run(&arguments, trials).exit();
}

/// A Deployment that mounts one file of a ConfigMap through subPath.
fn deployment(name: &str, image: &str, path: &str, more: &str) -> String {
    format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}-config\ndata:\n  app.conf: a\n---\napiVersion: apps/v1\nkind: Deployment\n\
         metadata:\n  name: {name}\nspec:\n  selector:\n    matchLabels:\n      app: {name}\n  template:\n    metadata:\n      labels:\n        app: {name}\n\
         \x20   spec:\n{more}      containers:\n        - name: app\n          image: {image}\n          volumeMounts:\n            - name: config\n\
         \x20             mountPath: {path}\n              subPath: app.conf\n      volumes:\n        - name: config\n          configMap:\n\
         \x20           name: {name}-config\n"
    )
}

/// A directory with manifests, which is its own root.
fn workspace(files: &[(&str, String)]) -> Result<tempfile::TempDir, Failed> {
    let dir = tempfile::tempdir()?;
    fs::write(dir.path().join("kubewright.toml"), "")?;
    for (name, text) in files {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap_or(dir.path()))?;
        fs::write(path, text)?;
    }
    Ok(dir)
}

/// `images lock` without anybody's credentials; what it says on both outputs.
fn lock(dir: &Path, more: &[&str], status: i32) -> Result<String, Failed> {
    lock_as(dir, more, status, |command| {
        _ = command.env("DOCKER_CONFIG", dir.join("nobody"));
    })
}

fn lock_as(
    dir: &Path,
    more: &[&str],
    status: i32,
    set: impl FnOnce(&mut Command),
) -> Result<String, Failed> {
    let mut command = kubewright(dir, &[&["images", "lock"], more].concat());
    for variable in [
        "HTTPS_PROXY",
        "https_proxy",
        "HTTP_PROXY",
        "http_proxy",
        "ALL_PROXY",
        "all_proxy",
    ] {
        command.env_remove(variable);
    }
    let cache = tempfile::tempdir()?;
    command.env("XDG_CACHE_HOME", cache.path());
    set(&mut command);
    let output = run(&mut command, &[status])?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr))
}

fn locked(dir: &Path) -> Result<String, Failed> {
    Ok(fs::read_to_string(dir.join("kubewright.lock"))?)
}

/// Whether all texts are there.
fn holds(text: &str, expected: &[&str]) -> TrialResult {
    expected
        .iter()
        .try_for_each(|e| ensure(text.contains(e), || format!("not there: {e}\nin:\n{text}")))
}

fn gzip(layers: &[Vec<u8>]) -> Vec<(Stored, Vec<u8>)> {
    layers.iter().map(|l| (Stored::Gzip, l.clone())).collect()
}

/// An image with a shell, an entrypoint script and `/app`.
fn web() -> Image {
    let app = archive(&[
        "app/",
        "app/run.sh : #!/bin/sh",
        "app/app.conf : of the image",
    ]);
    image(
        "amd64",
        &json!({ "Entrypoint": ["/app/run.sh"], "Cmd": ["--port", "80"], "WorkingDir": "/app" }),
        &gzip(&[base(), app]),
    )
}
