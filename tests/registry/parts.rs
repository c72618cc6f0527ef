//! Answers that are not what they promise: broken off, endless, from the middle on.

use std::collections::BTreeMap;
use std::fs;
use std::sync::{Arc, Mutex};

use libtest_mimic::{Failed, Trial};
use serde_json::json;

use crate::image::{Image, MANIFEST, Stored, archive, base, digest, image};
use crate::served::{Log, http, requested};
use crate::support::{TrialResult, ensure};
use crate::{deployment, holds, lock, lock_as, workspace};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        Trial::test("parts/goes_on_where_it_broke_off", goes_on),
        Trial::test("parts/goes_on_in_the_next_run", goes_on_later),
        Trial::test("parts/gives_up", gives_up),
        Trial::test("parts/bounds", bounds),
        Trial::test("parts/grants_tokens", grants_tokens),
    ]
}

/// One image, as a registry has it under any name.
pub(crate) struct Parts {
    manifest: Vec<u8>,
    blobs: BTreeMap<String, Vec<u8>>,
}

impl Parts {
    pub(crate) fn of(image: &Image) -> Self {
        let blobs = image.layers.iter().chain([&image.config]);
        Self {
            manifest: image.manifest.clone(),
            blobs: blobs.map(|blob| (digest(blob), blob.clone())).collect(),
        }
    }

    /// The whole of what is asked for.
    pub(crate) fn answer(&self, request: &str) -> Vec<u8> {
        let path = request.split(' ').nth(1).unwrap_or_default();
        match (path, self.blob(path)) {
            ("/v2/", _) => whole("", b"{}"),
            (_, Some(blob)) => whole("", blob),
            _ if path.contains("/manifests/") => {
                whole(&format!("Content-Type: {MANIFEST}\r\n"), &self.manifest)
            }
            _ => http("400 Bad Request", "", "").into_bytes(),
        }
    }

    fn blob(&self, path: &str) -> Option<&[u8]> {
        let (_, digest) = path.split_once("/blobs/")?;
        self.blobs.get(digest).map(Vec::as_slice)
    }
}

fn whole(headers: &str, body: &[u8]) -> Vec<u8> {
    answer("200 OK", headers, body, body.len())
}

fn answer(status: &str, headers: &str, body: &[u8], length: usize) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 {status}\r\nConnection: close\r\n{headers}Content-Length: {length}\r\n\r\n"
    );
    [head.as_bytes(), body].concat()
}

/// An image with one layer that is larger than what is read at once.
fn large() -> Image {
    let content = format!("644 0 srv/data : {}", "0123456789abcdef".repeat(40_000));
    let top = archive(&["app/", "app/run.sh : #!/bin/sh", &content]);
    image(
        "amd64",
        &json!({ "Entrypoint": ["/app/run.sh"] }),
        &[(Stored::Plain, base()), (Stored::Plain, top)],
    )
}

/// Where a request wants a blob to begin.
fn range(request: &str) -> Option<usize> {
    let lower = request.to_lowercase();
    let from = lower
        .lines()
        .find_map(|line| line.strip_prefix("range: bytes="))?;
    from.split('-').next()?.parse().ok()
}

/// A registry that breaks off in the middle of the large layer; what it does with ranges, and the
/// offsets it was asked for.
fn breaking(
    ranged: impl Fn(&[u8], usize) -> Vec<u8> + Send + Sync + 'static,
) -> Result<(u16, Log<usize>), Failed> {
    let parts = Parts::of(&large());
    let offsets = Arc::new(Mutex::new(Vec::new()));
    let log = offsets.clone();
    let port = requested(move |request| {
        let path = request.split(' ').nth(1).unwrap_or_default();
        let Some(blob) = parts.blob(path).filter(|blob| blob.len() > 100_000) else {
            return Some(parts.answer(request));
        };
        Some(match range(request) {
            None => answer("200 OK", "", blob.get(..blob.len() / 2)?, blob.len()),
            Some(from) => {
                log.lock().ok()?.push(from);
                ranged(blob, from)
            }
        })
    })?;
    Ok((port, offsets))
}

fn partial(blob: &[u8], from: usize, to: usize) -> Vec<u8> {
    let last = blob.len() - 1;
    let headers = format!("Content-Range: bytes {from}-{last}/{}\r\n", blob.len());
    let body = blob.get(from..to.min(blob.len())).unwrap_or_default();
    answer("206 Partial Content", &headers, body, blob.len() - from)
}

fn locked_from(port: u16, status: i32) -> Result<String, Failed> {
    let name = format!("127.0.0.1:{port}/team/web:1");
    let dir = workspace(&[("web.yaml", deployment("web", &name, "/app/app.conf", ""))])?;
    lock(dir.path(), &["--timeout", "2"], status)
}

fn goes_on() -> TrialResult {
    // Piece by piece.
    let (port, offsets) = breaking(|blob, from| partial(blob, from, from + 200_000))?;
    holds(&locked_from(port, 0)?, &["1 read"])?;
    let asked = offsets.lock().map_err(|_| "a thread failed")?.clone();
    ensure(
        asked.len() >= 2 && asked.is_sorted() && asked[0] > 100_000,
        || format!("asked for {asked:?}"),
    )?;
    // One that knows no ranges gives it anew.
    let (port, _) = breaking(|blob, _| whole("", blob))?;
    holds(&locked_from(port, 0)?, &["1 read"])?;
    // One that goes on with something else.
    let (port, _) = breaking(|blob, from| {
        let other = vec![b'x'; blob.len()];
        partial(&other, from, other.len())
    })?;
    holds(&locked_from(port, 1)?, &["is damaged: its digest is"])
}

fn goes_on_later() -> TrialResult {
    let works = Arc::new(Mutex::new(false));
    let now = works.clone();
    let (port, offsets) = breaking(move |blob, from| {
        if now.lock().is_ok_and(|works| *works) {
            partial(blob, from, blob.len())
        } else {
            http("503 Service Unavailable", "", "").into_bytes()
        }
    })?;
    let name = format!("127.0.0.1:{port}/team/web:1");
    let dir = workspace(&[("web.yaml", deployment("web", &name, "/app/app.conf", ""))])?;
    let cache = tempfile::tempdir()?;
    let lock = |status: i32| {
        lock_as(dir.path(), &["--timeout", "2"], status, |command| {
            command
                .env("XDG_CACHE_HOME", cache.path())
                .env("DOCKER_CONFIG", dir.path().join("nobody"));
        })
    };
    holds(
        &lock(1)?,
        &["broke off in the middle of a layer", "; try again"],
    )?;
    let parts = fs::read_dir(cache.path().join("kubewright/blobs"))?
        .flatten()
        .filter(|entry| entry.path().extension().is_some_and(|e| e == "part"))
        .count();
    ensure(parts == 1, || format!("{parts} parts are kept"))?;
    *works.lock().map_err(|_| "a thread failed")? = true;
    offsets.lock().map_err(|_| "a thread failed")?.clear();
    holds(&lock(0)?, &["1 read"])?;
    let asked = offsets.lock().map_err(|_| "a thread failed")?.clone();
    ensure(asked.len() == 1 && asked[0] > 100_000, || {
        format!("asked for {asked:?}")
    })
}

fn gives_up() -> TrialResult {
    let (port, offsets) = breaking(|blob, from| partial(blob, from, from))?;
    holds(
        &locked_from(port, 1)?,
        &["broke off in the middle of a layer"],
    )?;
    let asked = offsets.lock().map_err(|_| "a thread failed")?.len();
    ensure(asked < 5, || format!("asked {asked} times"))
}

/// What is longer than any manifest is not read to its end.
fn bounds() -> TrialResult {
    let endless: fn() -> Vec<u8> = || answer("200 OK", "", &vec![b' '; 9 << 20], 1 << 40);
    let port = requested(move |request| {
        let root = request.starts_with("GET /v2/ ");
        Some(if root { whole("", b"{}") } else { endless() })
    })?;
    holds(
        &locked_from(port, 1)?,
        &["its manifest has more than 8 MiB"],
    )?;
    let parts = Parts::of(&large());
    let config = digest(&large().config);
    let port = requested(move |request| {
        Some(if request.contains(&config) {
            endless()
        } else {
            parts.answer(request)
        })
    })?;
    holds(
        &locked_from(port, 1)?,
        &["the configuration has more than 8 MiB"],
    )?;
    token_services(endless)
}

/// Neither is what a token service says, be it a token or a reason for none.
fn token_services(endless: fn() -> Vec<u8>) -> TrialResult {
    for status in ["200 OK", "403 Forbidden"] {
        let own = Arc::new(Mutex::new(0));
        let port = own.clone();
        let served = requested(move |request| {
            if request.starts_with("GET /token?") {
                let asked = request.contains("scope=repository%3Ateam%2Fweb%3Apull&service=test");
                let answer = String::from_utf8(endless()).ok()?;
                let answer = answer.replacen("200 OK", status, 1).into_bytes();
                return asked.then_some(answer);
            }
            let port = *port.lock().ok()?;
            let realm = format!(
                "WWW-Authenticate: Bearer realm=\"http://127.0.0.1:{port}/token\",service=\"test\"\r\n"
            );
            Some(http("401 Unauthorized", &realm, "").into_bytes())
        })?;
        *own.lock().map_err(|_| "a thread failed")? = served;
        holds(
            &locked_from(served, 1)?,
            &["the answer of its token service has more than 8 MiB"],
        )?;
    }
    Ok(())
}

/// A token service is asked for a token that lets an anonymous or known user pull, under whichever
/// name it gives it.
fn grants_tokens() -> TrialResult {
    for granted in [
        r#"{"token": "granted"}"#,
        r#"{"token": "granted", "access_token": "granted", "expires_in": 300}"#,
    ] {
        let own = Arc::new(Mutex::new(0));
        let port = own.clone();
        let parts = Parts::of(&large());
        let served = requested(move |request| {
            if request.starts_with("GET /token?") {
                return Some(whole("", granted.as_bytes()));
            }
            if request
                .to_lowercase()
                .contains("authorization: bearer granted")
            {
                return Some(parts.answer(request));
            }
            let port = *port.lock().ok()?;
            let realm = format!(
                "WWW-Authenticate: Basic realm=\"x\"\r\nWWW-Authenticate: Bearer \
                 realm=\"http://127.0.0.1:{port}/token\",service=\"test\"\r\n"
            );
            Some(http("401 Unauthorized", &realm, "").into_bytes())
        })?;
        *own.lock().map_err(|_| "a thread failed")? = served;
        holds(&locked_from(served, 0)?, &["1 read"])?;
    }
    Ok(())
}
