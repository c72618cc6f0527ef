//! Images of a registry, over HTTPS; plain HTTP only for this machine's own addresses and for
//! registries that the user names.
//!
//! A registry of this machine, or one that is named, is asked over HTTPS first, as container
//! runtimes do. Requests are made one after the other; several images are read at a time by several
//! [`Registry`]s.

mod credentials;
mod errors;
mod mirrors;

use std::cell::OnceCell;
use std::io::{self, Read};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use futures_util::{Stream, StreamExt as _};
use kubewright_model::kube::images::Question;
use oci_client::client::{ClientConfig, ClientProtocol};
use oci_client::errors::OciDistributionError;
use oci_client::secrets::RegistryAuth;
use oci_client::{Client, Reference, RegistryOperation};
use tokio::runtime::Runtime;

pub(super) use credentials::Credentials;
use errors::Asked;
pub(super) use mirrors::Mirrors;

use super::failure::Failure;
use super::image_source::{Blob, Found, ImageSource, Pin, follow};
use super::manifest::{MAX_DOCUMENT, digest};

/// The manifests that are understood.
const ACCEPTED: [&str; 4] = [
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.docker.distribution.manifest.v2+json",
];
/// A proxy that nobody can run: what would go out in the clear goes there.
const NOWHERE: &str = "http://127.0.0.1:0";
/// Addresses that no proxy and no encryption is needed for.
const LOOPBACK: &str = "localhost,127.0.0.0/8,::1";

/// How registries are talked to.
#[derive(Debug)]
pub(super) struct Options {
    /// Registries, `host[:port]`, that plain HTTP may be spoken with.
    pub(super) insecure: Vec<String>,
    /// How long to wait for an answer, and for each further part of it.
    pub(super) timeout: Duration,
    pub(super) credentials: Credentials,
    pub(super) mirrors: Mirrors,
}

/// Reads images from their registries.
pub(super) struct Registry {
    options: Arc<Options>,
    runtime: Runtime,
    https: OnceCell<Client>,
    http: OnceCell<Client>,
}

/// A repository that has let us in.
struct Session<'a> {
    client: &'a Client,
    auth: RegistryAuth,
    asked: Asked,
}

impl Registry {
    /// # Errors
    /// When the machine cannot run it.
    pub(super) fn new(options: Arc<Options>) -> Result<Self> {
        // Another one may be there already, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("cannot start the network client")?;
        Ok(Self {
            options,
            runtime,
            https: OnceCell::new(),
            http: OnceCell::new(),
        })
    }

    /// The client of a protocol.
    fn client(&self, secure: bool) -> Result<&Client, Failure> {
        let cell = if secure { &self.https } else { &self.http };
        if let Some(client) = cell.get() {
            return Ok(client);
        }
        let (https_proxy, no_proxy) = proxies();
        let hosts = self.options.insecure.iter().map(|registry| host(registry));
        let plain: Vec<&str> = [LOOPBACK]
            .into_iter()
            .chain(hosts)
            .chain(no_proxy.as_deref())
            .collect();
        let config = ClientConfig {
            protocol: if secure {
                ClientProtocol::Https
            } else {
                ClientProtocol::Http
            },
            platform_resolver: None,
            read_timeout: Some(self.options.timeout),
            connect_timeout: Some(self.options.timeout),
            user_agent: concat!("kubewright/", env!("CARGO_PKG_VERSION")),
            // Redirects and token services may lead to plain HTTP, which carries credentials in the
            // clear.
            http_proxy: Some(NOWHERE.into()),
            https_proxy,
            no_proxy: Some(plain.join(",")),
            ..ClientConfig::default()
        };
        let client = Client::try_from(config).map_err(|error| {
            Failure::new(
                format!(
                    "no secure connection can be made: {}",
                    errors::deepest(&error)
                ),
                "install the package ca-certificates",
            )
        })?;
        Ok(cell.get_or_init(|| client))
    }

    /// Finds the protocol, and gets the permission to pull.
    fn session(&self, reference: &Reference) -> Result<Session<'_>, Failure> {
        let registry = reference.resolve_registry();
        let auth = self.options.credentials.of(reference.registry())?;
        let known = auth != RegistryAuth::Anonymous;
        let may_be_plain = loopback(registry)
            || self
                .options
                .insecure
                .iter()
                .any(|r| r == registry || r == reference.registry());
        let asked = Asked {
            registry: registry.to_owned(),
            known,
            entered: false,
            options: self.options.clone(),
        };
        let entered = |client| Session {
            client,
            auth: auth.clone(),
            asked: Asked {
                entered: true,
                ..asked.clone()
            },
        };
        let auth_by = |client: &Client| {
            self.patiently(client.auth(reference, &auth, RegistryOperation::Pull))
        };
        let https = self.client(true)?;
        match auth_by(https) {
            Ok(_) => Ok(entered(https)),
            Err(Trouble::Error(OciDistributionError::RequestError(error)))
                if may_be_plain && error.is_connect() && !error.is_timeout() =>
            {
                let http = self.client(false)?;
                auth_by(http).map_err(|error| error.tell(&asked))?;
                Ok(entered(http))
            }
            Err(error) => Err(error.tell(&asked)),
        }
    }

    /// Waits for an answer, and not for ever, however slowly it comes.
    fn patiently<T>(
        &self,
        answer: impl Future<Output = Result<T, OciDistributionError>>,
    ) -> Result<T, Trouble> {
        let limit = self.options.timeout * 4;
        match self
            .runtime
            .block_on(async { tokio::time::timeout(limit, answer).await })
        {
            Ok(answer) => answer.map_err(Trouble::Error),
            Err(_) => Err(Trouble::Slow),
        }
    }

    /// Reads a manifest or an index.
    fn document(&self, session: &Session<'_>, reference: &Reference) -> Result<Vec<u8>, Failure> {
        let pulled = self.patiently(session.client.pull_manifest_raw(
            reference,
            &session.auth,
            &ACCEPTED,
        ));
        let (bytes, _) = pulled.map_err(|error| error.tell(&session.asked))?;
        if bytes.len() as u64 > MAX_DOCUMENT {
            return Err(Failure::odd(format!(
                "its manifest has more than {} MiB",
                MAX_DOCUMENT >> 20
            )));
        }
        Ok(bytes.to_vec())
    }
}

/// Why there is no answer.
enum Trouble {
    Error(OciDistributionError),
    Slow,
}

impl Trouble {
    fn tell(&self, asked: &Asked) -> Failure {
        match self {
            Self::Error(error) => asked.failure(error),
            Self::Slow => asked.too_slow(),
        }
    }
}

impl Registry {
    /// What `read` finds at the first of the places of an image that has it. A mirror that fails is
    /// passed over, and named if the registry itself fails, too.
    fn anywhere<T>(
        &self,
        question: &Question,
        read: impl Fn(&Reference) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let reference = reference(question)?;
        let places = self.options.mirrors.places(&reference);
        let mut failed: Vec<String> = Vec::new();
        for (at, place) in places.iter().enumerate() {
            match read(&place.of(&reference)) {
                Ok(found) => return Ok(found),
                Err(failure) if at + 1 == places.len() => {
                    let mirrors = failed.concat();
                    return Err(Failure::new(failure.what + &mirrors, failure.todo));
                }
                Err(failure) => failed.push(format!(" (mirror: {})", failure.what)),
            }
        }
        read(&reference)
    }

    fn find_at(
        &self,
        reference: &Reference,
        question: &Question,
        pin: Option<&Pin>,
    ) -> Result<Option<Found>, Failure> {
        let session = self.session(reference)?;
        let pinned = pin.filter(|pin| !pin.of_config);
        let first = pinned.map_or_else(
            || reference.clone(),
            |pin| reference.clone_with_digest(pin.digest.clone()),
        );
        let bytes = self
            .document(&session, &first)
            .map_err(|failure| match pinned {
                Some(pin) if failure.todo == errors::MISSING => Failure::new(
                    format!(
                        "{} does not have {} any more, as which it is locked",
                        reference.registry(),
                        pin.digest
                    ),
                    "`kubewright images lock --upgrade` takes what the tag names now",
                ),
                _ => failure,
            })?;
        if let Some(promised) = first.digest()
            && promised != digest(&bytes)
        {
            return Err(Failure::corrupt(format!(
                "the manifest {promised} is damaged: its digest is {}",
                digest(&bytes)
            )));
        }
        let found = follow(question, bytes, |d| {
            self.document(&session, &reference.clone_with_digest(d.digest.clone()))
        })?;
        if let Some(pin) =
            pin.filter(|pin| pin.of_config && found.config.digest.as_ref() != Some(&pin.digest))
        {
            return Err(Failure::new(
                format!(
                    "it is locked as the image with the configuration {}, and the registry has \
                     another one",
                    pin.digest
                ),
                "`kubewright images lock --upgrade` takes that one",
            ));
        }
        Ok(Some(found))
    }

    fn open_at<'a>(
        &'a self,
        reference: &Reference,
        blob: &Blob,
    ) -> Result<Box<dyn Read + 'a>, Failure> {
        let session = self.session(reference)?;
        let digest = blob.digest.as_deref().unwrap_or_default();
        let pulled = self.patiently(session.client.pull_blob_stream(reference, digest));
        let stream = pulled.map_err(|error| error.tell(&session.asked))?.stream;
        Ok(Box::new(Body {
            runtime: &self.runtime,
            stream: stream.fuse(),
            chunk: None,
            asked: session.asked,
        }))
    }
}

impl ImageSource for Registry {
    fn find(&self, question: &Question, pin: Option<&Pin>) -> Result<Option<Found>, Failure> {
        self.anywhere(question, |at| self.find_at(at, question, pin))
    }

    fn open<'a>(&'a self, question: &Question, blob: &Blob) -> Result<Box<dyn Read + 'a>, Failure> {
        self.anywhere(question, |at| self.open_at(at, blob))
    }
}

fn reference(question: &Question) -> Result<Reference, Failure> {
    question.image.parse().map_err(|error| {
        Failure::new(
            format!("this is no image reference: {error}"),
            "correct the image of the container",
        )
    })
}

/// The body of an answer, as a reader.
struct Body<'a, S, B> {
    runtime: &'a Runtime,
    stream: S,
    chunk: Option<(B, usize)>,
    asked: Asked,
}

impl<S: Stream<Item = io::Result<B>> + Unpin, B: AsRef<[u8]>> Read for Body<'_, S, B> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if let Some((chunk, at)) = &mut self.chunk {
                let left = chunk.as_ref().get(*at..).unwrap_or_default();
                if !left.is_empty() {
                    let read = left.len().min(buffer.len());
                    for (to, from) in buffer.iter_mut().zip(left) {
                        *to = *from;
                    }
                    *at += read;
                    return Ok(read);
                }
            }
            match self.runtime.block_on(self.stream.next()) {
                None => return Ok(0),
                Some(Ok(chunk)) => self.chunk = Some((chunk, 0)),
                Some(Err(error)) => return Err(self.asked.broken(&error).into()),
            }
        }
    }
}

/// `host` of `host[:port]`.
fn host(registry: &str) -> &str {
    match registry.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => {
            host.trim_start_matches('[').trim_end_matches(']')
        }
        _ => registry,
    }
}

/// Whether a registry is this machine itself.
fn loopback(registry: &str) -> bool {
    let host = host(registry);
    host == "localhost"
        || host
            .parse()
            .is_ok_and(|address: std::net::IpAddr| address.is_loopback())
}

/// The proxy for HTTPS, and the hosts that need none, as the environment says.
fn proxies() -> (Option<String>, Option<String>) {
    let first = |names: &[&str]| {
        names
            .iter()
            .find_map(std::env::var_os)
            .and_then(|v| v.into_string().ok())
            .filter(|v| !v.is_empty())
    };
    let proxy = first(&["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"]);
    let direct = if proxy.is_some() {
        first(&["NO_PROXY", "no_proxy"])
    } else {
        None
    };
    (proxy, direct)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_has_several_names() {
        for registry in [
            "localhost",
            "localhost:5000",
            "127.0.0.1:5000",
            "127.8.0.1",
            "[::1]:5000",
        ] {
            assert!(loopback(registry), "{registry}");
        }
        for registry in [
            "localhost.example.com",
            "127.0.0.1.example.com:5000",
            "10.0.0.1",
            "registry",
            "docker.io",
        ] {
            assert!(!loopback(registry), "{registry}");
        }
    }
}
