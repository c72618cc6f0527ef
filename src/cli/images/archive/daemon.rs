//! Images that Docker or Podman has, from its socket: `GET /images/{name}/get` of the Docker Engine
//! API, which both serve, gives what `docker save` writes.
//!
//! Nothing is started for it, and no other machine is asked. An image is saved whole, into a file
//! that goes when the next one is read.

use std::collections::HashMap;
use std::io::{ErrorKind, Read, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::ThreadId;
use std::time::Duration;

use kubewright_model::kube::images::{Question, normalise};
use tempfile::NamedTempFile;

use super::saved::Saved;
use crate::cli::args::Engine;
use crate::cli::files::plain;
use crate::cli::images::failure::{Failure, deepest};
use crate::cli::images::image_source::{Blob, Found, ImageSource, Pin};

/// The most bytes of an error that a daemon tells.
const MAX_ERROR: usize = 64 << 10;

pub(super) struct Daemon {
    engine: Engine,
    socket: PathBuf,
    /// The one image that is read, as [`normalise`] has it; all that are asked for otherwise.
    only: Option<String>,
    /// How long it may keep silent.
    patience: Duration,
    /// What each thread has saved last: it reads one image at a time.
    saved: Mutex<HashMap<ThreadId, Arc<Saved>>>,
}

impl Daemon {
    /// Finds the socket, and whether anybody listens there.
    pub(super) fn open(engine: Engine, image: &str, patience: Duration) -> Result<Self, String> {
        let only = match image {
            "" => None,
            image => Some(normalise(image).ok_or_else(|| format!("`{image}` is no image"))?),
        };
        // The client wants one, though nothing is encrypted; there may be one already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let socket = socket(engine)?;
        let shown = socket.display();
        if let Err(error) = UnixStream::connect(&socket) {
            let todo = match error.kind() {
                ErrorKind::PermissionDenied => format!(
                    "run it as a user who may, or save the image as one: `sudo {} save IMAGE | \
                     kubewright images lock --from docker-archive:-`",
                    engine.program()
                ),
                _ => format!(
                    "start it, or name its socket in the environment variable {}: unix:///PATH",
                    engine.variable()
                ),
            };
            return Err(format!(
                "nobody answers at {shown}: {}; {todo}",
                plain(&error)
            ));
        }
        Ok(Self {
            engine,
            socket,
            only,
            patience,
            saved: Mutex::default(),
        })
    }

    fn failure(&self, what: &str, todo: impl Into<String>) -> Failure {
        let name = self.engine.name();
        Failure::new(format!("{name} {what}"), todo)
    }

    /// Saves an image into a file; `None` when the daemon does not have it.
    fn save(&self, image: &str) -> Result<Option<NamedTempFile>, Failure> {
        if !is_reference(image) {
            return Ok(None);
        }
        let again = "try again";
        let broken = |error: &reqwest::Error| {
            if error.is_timeout() {
                let seconds = self.patience.as_secs();
                return self.failure(
                    &format!("does not answer within {seconds} s"),
                    "try again, or wait longer: `kubewright images lock --timeout 300`",
                );
            }
            self.failure(
                &format!("broke off while it saved the image: {}", deepest(error)),
                again,
            )
        };
        let start = |error: String| self.failure(&format!("cannot be asked: {error}"), again);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| start(plain(&error)))?;
        let client = reqwest::Client::builder()
            .unix_socket(self.socket.as_path())
            .no_proxy()
            .read_timeout(self.patience)
            .build()
            .map_err(|error| start(deepest(&error)))?;
        let kept = |error: std::io::Error| {
            Failure::new(
                format!(
                    "the image cannot be kept while it is read: {}",
                    plain(&error)
                ),
                "make room where temporary files lie, or name another place in TMPDIR",
            )
        };
        let mut file = NamedTempFile::new().map_err(kept)?;
        // The host is that of HTTP alone: the socket is where it goes.
        let url = format!("http://localhost/images/{image}/get");
        runtime.block_on(async {
            let mut answer = client
                .get(url)
                .send()
                .await
                .map_err(|error| broken(&error))?;
            let status = answer.status();
            if status.is_success() {
                while let Some(bytes) = answer.chunk().await.map_err(|error| broken(&error))? {
                    file.write_all(&bytes).map_err(kept)?;
                }
                return Ok(Some(file));
            }
            let mut text = Vec::new();
            while text.len() < MAX_ERROR
                && let Ok(Some(bytes)) = answer.chunk().await
            {
                text.extend_from_slice(&bytes);
            }
            let said = message(&text);
            let missing = ["no such image", "does not exist", "not known", "not found"];
            let lower = said.to_lowercase();
            if status.as_u16() == 404 || missing.iter().any(|words| lower.contains(words)) {
                return Ok(None);
            }
            let what = format!(
                "does not give the image: status {}, {said}",
                status.as_u16()
            );
            let by_hand = format!("ask it by hand: `{} save {image}`", self.engine.program());
            Err(self.failure(what.trim_end_matches(", "), by_hand))
        })
    }
}

/// Whether a name of a manifest can be that of an image
/// (<https://pkg.go.dev/github.com/distribution/reference#pkg-overview>): one with `..` or `?` would
/// ask the daemon for something else.
fn is_reference(image: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"._-:@".contains(&b);
    let is_part = |part: &str| !matches!(part, "" | "." | "..") && part.bytes().all(allowed);
    image.split('/').all(is_part)
}

/// The message of an error, as the API tells it.
fn message(body: &[u8]) -> String {
    let parsed: Option<serde_json::Value> = serde_json::from_slice(body).ok();
    let told = parsed.as_ref().and_then(|error| {
        let message = error.get("message").or_else(|| error.get("cause"))?;
        message.as_str()
    });
    let text = String::from_utf8_lossy(body);
    let line = told.unwrap_or_else(|| text.lines().next().unwrap_or_default());
    line.trim().chars().take(300).collect()
}

/// Where the daemon listens.
fn socket(engine: Engine) -> Result<PathBuf, String> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    if let Some(host) = set(engine.variable()) {
        let host = host.to_string_lossy().into_owned();
        return host
            .strip_prefix("unix://")
            .map(PathBuf::from)
            .ok_or_else(|| {
                format!(
                    "{} is {host}, and only unix:// is spoken; `{} save IMAGE | kubewright images \
                 lock --from docker-archive:-` reads what it has",
                    engine.variable(),
                    engine.program()
                )
            });
    }
    let below = |name: &str, path: &str| Some(Path::new(&set(name)?).join(path));
    let places = match engine {
        Engine::Docker => [
            Some(PathBuf::from("/var/run/docker.sock")),
            below("XDG_RUNTIME_DIR", "docker.sock"),
            below("HOME", ".docker/run/docker.sock"),
        ],
        Engine::Podman => [
            below("XDG_RUNTIME_DIR", "podman/podman.sock"),
            Some(PathBuf::from("/run/podman/podman.sock")),
            None,
        ],
    };
    let mut places = places.into_iter().flatten();
    let first = places.next();
    let there = first
        .iter()
        .cloned()
        .chain(places)
        .find(|place| place.exists());
    there
        .or(first)
        .ok_or_else(|| "there is no place for its socket".into())
}

impl ImageSource for Daemon {
    fn find(&self, question: &Question, pin: Option<&Pin>) -> Result<Option<Found>, Failure> {
        if self
            .only
            .as_ref()
            .is_some_and(|only| *only != question.image)
        {
            return Ok(None);
        }
        let Some(file) = self.save(&question.image)? else {
            return Ok(None);
        };
        let saved = Saved::kept(file).map_err(|why| {
            self.failure(
                &format!("gives something else than an image: {why}"),
                format!(
                    "`{} save {}` shows what it gives",
                    self.engine.program(),
                    question.image
                ),
            )
        })?;
        let saved = Arc::new(saved);
        let found = saved.find(question, pin)?;
        let mut all = self.saved.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(std::thread::current().id(), saved);
        Ok(found)
    }

    fn open<'a>(&'a self, question: &Question, blob: &Blob) -> Result<Box<dyn Read + 'a>, Failure> {
        let all = self.saved.lock().unwrap_or_else(PoisonError::into_inner);
        let saved = all.get(&std::thread::current().id()).cloned();
        drop(all);
        match saved {
            Some(saved) => saved.read(&blob.member),
            None => Err(self.failure(&format!("has not given {}", question.image), "try again")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{is_reference, message};

    #[test]
    fn names_that_lead_elsewhere_are_no_images() {
        for image in ["docker.io/library/web:1", "localhost:5000/a/b@sha256:0a"] {
            assert!(is_reference(image), "{image}");
        }
        for image in [
            "docker.io/../../containers/web/export?a=:latest",
            "docker.io/a//b:1",
            "docker.io/./b:1",
            "docker.io/a%2f..:1",
            "docker.io/a#b:1",
        ] {
            assert!(!is_reference(image), "{image}");
        }
    }

    #[test]
    fn errors_of_both_engines_are_read() {
        for (body, expected) in [
            (r#"{"message":"No such image: a:1"}"#, "No such image: a:1"),
            (
                r#"{"cause":"image not known","response":404}"#,
                "image not known",
            ),
            ("page not found\nmore", "page not found"),
            ("", ""),
        ] {
            assert_eq!(message(body.as_bytes()), expected);
        }
    }
}
