//! How the registry is spoken to: credentials, plain HTTP, TLS.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use libtest_mimic::Failed;
use serde_json::json;
use tempfile::TempDir;

use super::{deployment, holds, lock, lock_as, web, workspace};
use crate::served::{LOGIN, Served, base64};
use crate::support::{TrialResult, run};

/// A workspace whose image a registry with a login has, and what Docker knows of its users.
struct Docker<'a> {
    workspace: &'a Path,
    config: TempDir,
    /// A directory of PATH.
    helpers: TempDir,
}

impl Docker<'_> {
    /// Locks with this `config.json`.
    fn lock(&self, config: &serde_json::Value, status: i32) -> Result<String, Failed> {
        fs::write(self.config.path().join("config.json"), config.to_string())?;
        let _ = fs::remove_file(self.workspace.join("kubewright.lock"));
        let path = std::env::var("PATH").unwrap_or_default();
        lock_as(self.workspace, &["--timeout", "2"], status, |command| {
            command
                .env("DOCKER_CONFIG", self.config.path())
                .env("PATH", format!("{}:{path}", self.helpers.path().display()));
        })
    }

    /// Adds a credential helper.
    fn helper(&self, name: &str, script: &str) -> Result<(), Failed> {
        let file = self
            .helpers
            .path()
            .join(format!("docker-credential-{name}"));
        fs::write(&file, format!("#!/bin/sh\n{script}\n"))?;
        Ok(fs::set_permissions(
            &file,
            fs::Permissions::from_mode(0o755),
        )?)
    }
}

pub(crate) fn shows_credentials() -> TrialResult {
    let registry = Served::with_login()?;
    registry.push("team/web", "1", &web())?;
    let host = format!("127.0.0.1:{}", registry.port);
    let dir = workspace(&[(
        "web.yaml",
        deployment("web", &registry.name("team/web:1"), "/app/app.conf", ""),
    )])?;
    let login = format!("`docker login {host}` writes the credentials that are used");
    holds(
        &lock(dir.path(), &[], 1)?,
        &[&format!(
            "{host} lets nobody read this image without credentials, or does not have it; {login}"
        )],
    )?;
    let docker = Docker {
        workspace: dir.path(),
        config: tempfile::tempdir()?,
        helpers: tempfile::tempdir()?,
    };
    holds(
        &docker.lock(
            &json!({ "auths": { &host: { "auth": base64(LOGIN.as_bytes()) } } }),
            0,
        )?,
        &["1 read"],
    )?;
    holds(
        &docker.lock(
            &json!({ "auths": { &host: { "auth": base64(b"web:wrong") } } }),
            1,
        )?,
        &[&format!("{host} does not accept the credentials"), &login],
    )?;
    holds(
        &docker.lock(
            &json!({ "auths": { "elsewhere": { "auth": base64(LOGIN.as_bytes()) } } }),
            1,
        )?,
        &["lets nobody read"],
    )?;
    asks_credential_helpers(&docker, &host)?;
    fs::write(docker.config.path().join("config.json"), "{")?;
    let broken = lock_as(dir.path(), &[], 1, |command| {
        _ = command.env("DOCKER_CONFIG", docker.config.path());
    })?;
    holds(
        &broken,
        &[&format!("config.json gives no credentials for {host}: ")],
    )
}

fn asks_credential_helpers(docker: &Docker<'_>, host: &str) -> TrialResult {
    docker.helper(
        "good",
        &format!(
            "[ \"$1\" = get ] && [ \"$(cat)\" = {host} ] && echo '{{\"Username\": \"web\", \
             \"Secret\": \"U*U\"}}'"
        ),
    )?;
    holds(
        &docker.lock(&json!({ "credHelpers": { host: "good" } }), 0)?,
        &["1 read"],
    )?;
    holds(
        &docker.lock(&json!({ "auths": { host: {} }, "credsStore": "good" }), 0)?,
        &["1 read"],
    )?;
    docker.helper(
        "empty",
        "cat >/dev/null; echo 'credentials not found in native keychain'; exit 1",
    )?;
    holds(
        &docker.lock(&json!({ "credsStore": "empty" }), 1)?,
        &["lets nobody read"],
    )?;
    docker.helper(
        "locked",
        "cat >/dev/null; echo 'the keychain is locked' >&2; exit 1",
    )?;
    holds(
        &docker.lock(&json!({ "credsStore": "locked" }), 1)?,
        &[&format!(
            "docker-credential-locked gives no credentials for {host}: the keychain is locked; \
             `docker login"
        )],
    )?;
    docker.helper(
        "token",
        "cat >/dev/null; echo '{\"Username\": \"<token>\", \"Secret\": \"x\"}'",
    )?;
    holds(
        &docker.lock(&json!({ "credsStore": "token" }), 1)?,
        &["are an identity token, which only Docker itself can use; log in with"],
    )?;
    docker.helper("silent", "exec sleep 6")?;
    holds(
        &docker.lock(&json!({ "credsStore": "silent" }), 1)?,
        &[&format!(
            "the credential helper for {host} does not answer within 2 s"
        )],
    )?;
    holds(
        &docker.lock(&json!({ "credsStore": "nowhere" }), 1)?,
        &[&format!("config.json gives no credentials for {host}: ")],
    )
}

/// `0.0.0.0` leads to this machine, and is no address of the loopback interface.
pub(crate) fn speaks_plain_http_with_named_registries() -> TrialResult {
    let registry = Served::start()?;
    registry.push("team/web", "1", &web())?;
    let host = format!("0.0.0.0:{}", registry.port);
    let dir = workspace(&[(
        "web.yaml",
        deployment("web", &format!("{host}/team/web:1"), "/app/app.conf", ""),
    )])?;
    holds(
        &lock(dir.path(), &[], 1)?,
        &[&format!("{host} cannot be reached: ")],
    )?;
    holds(
        &lock(dir.path(), &["--insecure-registry", "0.0.0.0:1"], 1)?,
        &[&format!("{host} cannot be reached: ")],
    )?;
    holds(
        &lock(dir.path(), &["--insecure-registry", &host], 0)?,
        &["1 read"],
    )
}

pub(crate) fn speaks_https() -> TrialResult {
    let keys = tempfile::tempdir()?;
    let at = |name: &str| keys.path().join(name).display().to_string();
    let make = [
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=test",
    ];
    let mut command = Command::new("openssl");
    command.args(make).args([
        "-addext",
        "subjectAltName=IP:127.0.0.1,IP:0.0.0.0",
        "-addext",
        "basicConstraints=critical,CA:FALSE",
        "-keyout",
        &at("key"),
        "-out",
        &at("cert"),
    ]);
    run(&mut command, &[0])?;
    let plain = Served::start()?;
    plain.push("team/web", "1", &web())?;
    let registry = plain.over_tls(&at("cert"), &at("key"))?;
    let name = format!("0.0.0.0:{}/team/web:1", registry.port);
    let dir = workspace(&[("web.yaml", deployment("web", &name, "/app/app.conf", ""))])?;
    let untrusted = lock(dir.path(), &[], 1)?;
    holds(
        &untrusted,
        &[
            &format!(
                "the certificate of 0.0.0.0:{} is not trusted: ",
                registry.port
            ),
            "SSL_CERT_FILE",
        ],
    )?;
    let trusting = |command: &mut Command| {
        _ = command
            .env("SSL_CERT_FILE", at("cert"))
            .env("DOCKER_CONFIG", keys.path());
    };
    holds(&lock_as(dir.path(), &[], 0, trusting)?, &["1 read"])
}
