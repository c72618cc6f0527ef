//! How the registry is spoken to: credentials, plain HTTP, TLS.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};

use libtest_mimic::Failed;
use serde_json::json;
use tempfile::TempDir;

use super::{deployment, holds, lock, lock_as, web, workspace};
use crate::parts::Parts;
use crate::served::{LOGIN, Log, Served, base64, http, requested};
use crate::support::{TrialResult, ensure, run};

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
        &["are an identity token, and it names no token service that takes one; log in with"],
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
    holds(&lock_as(dir.path(), &[], 0, trusting)?, &["1 read"])?;
    // By a proxy, and past it.
    let (proxy, asked) = proxy()?;
    for (direct, by_proxy) in [("elsewhere.example", true), ("0.0.0.0", false)] {
        let _ = fs::remove_file(dir.path().join("kubewright.lock"));
        let said = lock_as(dir.path(), &[], 0, |command| {
            trusting(command);
            command
                .env("HTTPS_PROXY", format!("http://127.0.0.1:{proxy}"))
                .env("NO_PROXY", direct);
        })?;
        holds(&said, &["1 read"])?;
        let asked = std::mem::take(&mut *asked.lock().map_err(|_| "a thread failed")?);
        let host = format!("0.0.0.0:{}", registry.port);
        ensure(asked.contains(&host) == by_proxy, || {
            format!("NO_PROXY={direct}: the proxy was asked for {asked:?}")
        })?;
    }
    let nowhere = lock_as(dir.path(), &["--upgrade"], 1, |command| {
        trusting(command);
        command.env("HTTPS_PROXY", "http://127.0.0.1:1");
    })?;
    holds(&nowhere, &["0.0.0.0:", " cannot be reached: "])
}

/// A proxy that connects whoever asks with whom they ask for; its port, and what was asked for.
fn proxy() -> Result<(u16, Log<String>), Failed> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let log = asked.clone();
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let log = log.clone();
            std::thread::spawn(move || tunnel(client, &log));
        }
    });
    Ok((port, asked))
}

fn tunnel(mut client: TcpStream, log: &Mutex<Vec<String>>) -> Option<()> {
    let mut request = Vec::new();
    let mut byte = [0];
    while !request.ends_with(b"\r\n\r\n") {
        client.read_exact(&mut byte).ok()?;
        request.push(byte[0]);
    }
    let request = String::from_utf8(request).ok()?;
    let host = request.strip_prefix("CONNECT ")?.split(' ').next()?;
    log.lock().ok()?.push(host.to_owned());
    let mut server = TcpStream::connect(host).ok()?;
    client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").ok()?;
    let (mut from, mut to) = (client.try_clone().ok()?, server.try_clone().ok()?);
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut from, &mut to);
        let _ = to.shutdown(std::net::Shutdown::Both);
    });
    let _ = std::io::copy(&mut server, &mut client);
    let _ = client.shutdown(std::net::Shutdown::Both);
    Some(())
}

/// An identity token is changed into one that pulls, as registries such as Azure's want it.
pub(crate) fn exchanges_identity_tokens() -> TrialResult {
    let image = web();
    let parts = Arc::new(Parts::of(&image));
    let port = Arc::new(Mutex::new(0));
    let known = port.clone();
    let bound = requested(move |request| {
        let port = *known.lock().ok()?;
        let told = |status: &str, headers: &str, body: &str| {
            Some(http(status, headers, body).into_bytes())
        };
        if request.starts_with("POST /oauth2/token ") {
            let form = request.rsplit("\r\n\r\n").next().unwrap_or_default();
            let fields = [
                "grant_type=refresh_token",
                "service=test.example",
                "scope=repository%3Ateam%2Fweb%3Apull",
                "refresh_token=identity",
            ];
            return if fields
                .iter()
                .all(|field| form.split('&').any(|f| f == *field))
            {
                told("200 OK", "", r#"{"access_token": "granted"}"#)
            } else {
                told("400 Bad Request", "", r#"{"error": "invalid_grant"}"#)
            };
        }
        if request
            .to_lowercase()
            .contains("authorization: bearer granted")
        {
            return Some(parts.answer(request));
        }
        let challenge = format!(
            "WWW-Authenticate: Bearer realm=\"http://127.0.0.1:{port}/oauth2/token\",service=\"test.example\"\r\n"
        );
        told("401 Unauthorized", &challenge, "")
    })?;
    *port.lock().map_err(|_| "a thread failed")? = bound;
    let name = format!("127.0.0.1:{bound}/team/web:1");
    let dir = workspace(&[("web.yaml", deployment("web", &name, "/app/app.conf", ""))])?;
    let config = tempfile::tempdir()?;
    let lock = |token: &str, status: i32| {
        let auths = json!({ "auths": { format!("127.0.0.1:{bound}"): { "identitytoken": token, "auth": "" } } });
        fs::write(config.path().join("config.json"), auths.to_string())?;
        lock_as(dir.path(), &["--timeout", "2"], status, |command| {
            command.env("DOCKER_CONFIG", config.path());
        })
    };
    holds(
        &lock("too-old", 1)?,
        &[
            "does not accept the credentials",
            "`docker login 127.0.0.1:",
        ],
    )?;
    holds(&lock("identity", 0)?, &["1 read"])
}
