//! Images that an engine of this machine has, from its socket.

use std::process::Command;

use libtest_mimic::{Failed, Trial};
use serde_json::json;
use tar::{Builder, Header};
use tempfile::TempDir;

use crate::image::{Image, digest};
use crate::served::{http, on_socket};
use crate::support::TrialResult;
use crate::{deployment, holds, lock_as, locked, web, workspace};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        Trial::test("daemon/docker", docker),
        Trial::test("daemon/podman", podman),
        Trial::test("daemon/trouble", trouble),
        Trial::test("daemon/nobody", nobody),
    ]
}

/// What `docker save` writes of an image.
fn saved(name: &str, image: &Image) -> Result<Vec<u8>, Failed> {
    let mut archive = Builder::new(Vec::new());
    let mut member = |name: &str, content: &[u8]| {
        let mut header = Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        archive.append_data(&mut header, name, content)
    };
    let mut layers = Vec::new();
    for (at, layer) in image.archives.iter().enumerate() {
        layers.push(format!("{at}/layer.tar"));
        member(&format!("{at}/layer.tar"), layer)?;
    }
    member("config.json", &image.config)?;
    let manifest = json!([{ "Config": "config.json", "RepoTags": [name], "Layers": layers }]);
    member("manifest.json", manifest.to_string().as_bytes())?;
    Ok(archive.into_inner()?)
}

/// An answer in pieces, with its end or without.
fn chunked(body: &[u8], ends: bool) -> Vec<u8> {
    let mut answer =
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n".to_vec();
    for piece in body.chunks(5000) {
        answer.extend(format!("{:x}\r\n", piece.len()).into_bytes());
        answer.extend(piece);
        answer.extend(b"\r\n");
    }
    if ends {
        answer.extend(b"0\r\n\r\n");
    }
    answer
}

/// A workspace with an image, and a socket whose daemon answers for it.
struct Engine {
    dir: TempDir,
    sockets: TempDir,
}

impl Engine {
    fn new(
        answer: impl Fn(&str) -> Option<Vec<u8>> + Send + Sync + 'static,
    ) -> Result<Self, Failed> {
        let image = |name: &str| deployment("web", name, "/app/app.conf", "");
        let dir = workspace(&[("web.yaml", image("example.com/team/web:1"))])?;
        let sockets = tempfile::tempdir()?;
        on_socket(&sockets.path().join("engine.sock"), move |request| {
            answer(request.split(' ').nth(1).unwrap_or_default())
        })?;
        Ok(Self { dir, sockets })
    }

    fn lock(&self, from: &str, variable: &str, status: i32) -> Result<String, Failed> {
        let host = format!("unix://{}/engine.sock", self.sockets.path().display());
        self.with(from, status, |command| {
            command.env(variable, host);
        })
    }

    fn with(
        &self,
        from: &str,
        status: i32,
        set: impl FnOnce(&mut Command),
    ) -> Result<String, Failed> {
        let words = ["--from", from, "--timeout", "2"];
        lock_as(self.dir.path(), &words, status, |command| {
            for name in ["DOCKER_HOST", "CONTAINER_HOST", "XDG_RUNTIME_DIR"] {
                command.env_remove(name);
            }
            command.env("HOME", self.dir.path());
            set(command);
        })
    }
}

const WEB: &str = "/images/example.com/team/web:1/get";

fn missing() -> Vec<u8> {
    let said = r#"{"message":"No such image: example.com/team/web:1"}"#;
    http("404 Not Found", "", said).into_bytes()
}

fn docker() -> TrialResult {
    let image = web();
    let config = digest(&image.config);
    let archive = saved("example.com/team/web:1", &image)?;
    let engine = Engine::new(move |path| match path {
        WEB => Some(chunked(&archive, true)),
        _ => Some(missing()),
    })?;
    let said = engine.lock("docker-daemon:", "DOCKER_HOST", 0)?;
    holds(
        &said,
        &["1 read, 0 kept, 0 failed; kubewright.lock written"],
    )?;
    let text = locked(engine.dir.path())?;
    holds(
        &text,
        &[&format!("digest = \"{config}\"\nof-config = true\n")],
    )?;
    std::fs::remove_file(engine.dir.path().join("kubewright.lock"))?;
    let one = engine.lock("docker-daemon:example.com/team/web:1", "DOCKER_HOST", 0)?;
    holds(&one, &["1 read"])?;
    std::fs::remove_file(engine.dir.path().join("kubewright.lock"))?;
    // Another one is not what is asked for.
    let other = engine.lock("docker-daemon:example.com/other:1", "DOCKER_HOST", 1)?;
    holds(
        &other,
        &["the Docker daemon does not have it under this name"],
    )
}

fn podman() -> TrialResult {
    let archive = saved("example.com/team/web:1", &web())?;
    let engine = Engine::new(move |path| match path {
        WEB => Some(chunked(&archive, true)),
        _ => None,
    })?;
    let said = engine.lock("podman:", "CONTAINER_HOST", 0)?;
    holds(&said, &["1 read, 0 kept, 0 failed"])
}

fn trouble() -> TrialResult {
    let says = |answer: Vec<u8>, expected: &[&str]| {
        let engine = Engine::new(move |_| Some(answer.clone()))?;
        holds(&engine.lock("docker-daemon:", "DOCKER_HOST", 1)?, expected)
    };
    says(
        missing(),
        &[
            "error: example.com/team/web:1 linux/amd64: the Docker daemon does not have it under \
             this name",
            "`docker pull example.com/team/web:1` gets it",
        ],
    )?;
    let archive = saved("example.com/team/web:1", &web())?;
    let half = archive.get(..archive.len() / 2).unwrap_or_default();
    says(
        chunked(half, false),
        &[
            "the Docker daemon broke off while it saved the image: ",
            "; try again",
        ],
    )?;
    let error = r#"{"message":"error creating snapshot"}"#;
    says(
        http("500 Internal Server Error", "", error).into_bytes(),
        &[
            "the Docker daemon does not give the image: status 500, error creating snapshot; ask \
             it by hand: `docker save example.com/team/web:1`",
        ],
    )?;
    says(
        http("200 OK", "", "<html>").into_bytes(),
        &["the Docker daemon gives something else than an image: "],
    )?;
    let silent = Engine::new(|_| None)?;
    holds(
        &silent.lock("docker-daemon:", "DOCKER_HOST", 1)?,
        &["the Docker daemon does not answer within 2 s"],
    )
}

fn nobody() -> TrialResult {
    let engine = Engine::new(|_| None)?;
    let host = |command: &mut Command, variable: &str, value: &str| {
        command.env(variable, value);
    };
    let gone = engine.with("docker-daemon:", 2, |command| {
        host(command, "DOCKER_HOST", "unix:///nowhere/docker.sock");
    })?;
    holds(
        &gone,
        &[
            "error: docker-daemon: nobody answers at /nowhere/docker.sock: no such file or \
             directory; start it, or name its socket in the environment variable DOCKER_HOST: \
             unix:///PATH",
        ],
    )?;
    let stale = engine.sockets.path().join("stale.sock");
    drop(std::os::unix::net::UnixListener::bind(&stale)?);
    let refused = engine.with("podman:", 2, |command| {
        host(
            command,
            "CONTAINER_HOST",
            &format!("unix://{}", stale.display()),
        );
    })?;
    holds(
        &refused,
        &[
            "stale.sock: connection refused; start it, or name its socket",
            "CONTAINER_HOST",
        ],
    )?;
    let remote = engine.with("docker-daemon:", 2, |command| {
        host(command, "DOCKER_HOST", "tcp://10.0.0.1:2375");
    })?;
    holds(
        &remote,
        &[
            "DOCKER_HOST is tcp://10.0.0.1:2375, and only unix:// is spoken; `docker save IMAGE | \
             kubewright images lock --from docker-archive:-` reads what it has",
        ],
    )?;
    let containerd = engine.with("containerd:example.com/team/web:1", 2, |_| {})?;
    holds(
        &containerd,
        &[
            "`ctr -n k8s.io images export - example.com/team/web:1 | kubewright images lock \
             --from docker-archive:-`",
        ],
    )
}
