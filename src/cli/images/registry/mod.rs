//! Images of a registry, over HTTPS; plain HTTP only for this machine's own addresses and for
//! registries that the user names.
//!
//! A registry of this machine, or one that is named, is asked over HTTPS first, as container
//! runtimes do. Requests are made one after the other; several images are read at a time by several
//! [`Registry`]s.

mod body;
mod credentials;
mod errors;
mod identity;
mod mirrors;
mod raw;

use std::cell::OnceCell;
use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use kubewright_model::kube::images::Question;
use oci_client::client::{BlobResponse, ClientConfig, ClientProtocol};
use oci_client::errors::OciDistributionError;
use oci_client::secrets::RegistryAuth;
use oci_client::{Client, Reference, RegistryOperation};
use tokio::runtime::Runtime;

use body::{Body, Opened};
use credentials::Credential;
pub(super) use credentials::Credentials;
use errors::Asked;
pub(super) use mirrors::Mirrors;
use raw::Raw;

use super::failure::{Failure, deepest};
use super::image_source::{Blob, Found, ImageSource, Pin, follow};
use super::manifest::digest;

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
    https: OnceCell<Clients>,
    http: OnceCell<Clients>,
}

/// The clients of a protocol.
struct Clients {
    oci: Client,
    /// For what the other one reads without end.
    raw: Raw,
}

/// A repository that has let us in.
struct Session<'a> {
    clients: &'a Clients,
    auth: RegistryAuth,
    /// What the token service gave.
    token: Option<String>,
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

    /// The clients of a protocol.
    fn clients(&self, secure: bool) -> Result<&Clients, Failure> {
        let cell = if secure { &self.https } else { &self.http };
        if let Some(clients) = cell.get() {
            return Ok(clients);
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
        let insecure = |error: String| {
            Failure::new(
                format!("no secure connection can be made: {error}"),
                "install the package ca-certificates",
            )
        };
        let raw = Raw::new(&config).map_err(|error| insecure(deepest(&error)))?;
        let oci = Client::try_from(config).map_err(|error| insecure(deepest(&error)))?;
        Ok(cell.get_or_init(|| Clients { oci, raw }))
    }

    /// Finds the protocol, and gets the permission to pull.
    fn session(&self, reference: &Reference) -> Result<Session<'_>, Failure> {
        let registry = reference.resolve_registry();
        let credential = self.options.credentials.of(reference.registry())?;
        let known = !matches!(credential, Credential::Plain(RegistryAuth::Anonymous));
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
        let enter = |clients| self.enter(clients, reference, &credential, &asked);
        let https = self.clients(true)?;
        match enter(https) {
            Err(Trouble::Error(OciDistributionError::RequestError(error)))
                if may_be_plain && error.is_connect() && !error.is_timeout() =>
            {
                enter(self.clients(false)?)
            }
            entered => entered,
        }
        .map_err(|trouble| trouble.tell(&asked))
    }

    fn enter<'s>(
        &'s self,
        clients: &'s Clients,
        reference: &Reference,
        credential: &Credential,
        asked: &Asked,
    ) -> Result<Session<'s>, Trouble> {
        let limit = self.options.timeout * 4;
        let token = identity::token(&clients.raw, reference, credential, asked);
        let token = self
            .runtime
            .block_on(async { tokio::time::timeout(limit, token).await })
            .unwrap_or(Err(Trouble::Slow))?;
        let auth = match (token, credential) {
            (Some(token), _) => RegistryAuth::Bearer(token),
            (None, Credential::Plain(auth)) => auth.clone(),
            (None, Credential::Identity(_)) => RegistryAuth::Anonymous,
        };
        // Without credentials the client asks for nothing by itself.
        let token = match &auth {
            RegistryAuth::Anonymous => None,
            auth => self.patiently(clients.oci.auth(reference, auth, RegistryOperation::Pull))?,
        };
        Ok(Session {
            clients,
            auth,
            token,
            asked: Asked {
                entered: true,
                ..asked.clone()
            },
        })
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
        let Session {
            clients,
            auth,
            token,
            asked,
        } = session;
        let name = reference.digest().or(reference.tag()).unwrap_or("latest");
        let path = format!("{}/manifests/{name}", reference.repository());
        let request = clients.raw.get(reference.resolve_registry(), &path);
        let request = match (token, auth) {
            (Some(token), _) | (None, RegistryAuth::Bearer(token)) => request.bearer_auth(token),
            (None, RegistryAuth::Basic(user, password)) => request.basic_auth(user, Some(password)),
            (None, RegistryAuth::Anonymous) => request,
        };
        let request = request.header("Accept", ACCEPTED.join(", "));
        let limit = self.options.timeout * 4;
        let answer = raw::small(request, "its manifest", asked);
        let answer = async { tokio::time::timeout(limit, answer).await };
        let (status, body) = self
            .runtime
            .block_on(answer)
            .unwrap_or_else(|_| Err(asked.too_slow()))?;
        match status {
            200 => Ok(body),
            status => Err(asked.refused(status, &body)),
        }
    }
}

/// Why there is no answer.
enum Trouble {
    Error(OciDistributionError),
    Slow,
    Told(Failure),
}

impl Trouble {
    fn tell(self, asked: &Asked) -> Failure {
        match &self {
            Self::Error(error) => asked.failure(error),
            Self::Slow => asked.too_slow(),
            Self::Told(failure) => failure.clone(),
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
        from: u64,
    ) -> Result<Box<dyn Read + 'a>, Failure> {
        let first = self.session(reference)?;
        let digest = blob.digest.clone().unwrap_or_default();
        let reference = reference.clone();
        let asked = first.asked.clone();
        let open = move |offset: u64| {
            // A token may be too old by the time that an answer breaks off.
            let anew = (offset != from)
                .then(|| self.session(&reference))
                .transpose()?;
            let session = anew.as_ref().unwrap_or(&first);
            let client = &session.clients.oci;
            if offset == 0 {
                let whole = client.pull_blob_stream(&reference, digest.as_str());
                let whole = self.patiently(whole);
                return Ok(Opened {
                    stream: whole.map_err(|error| error.tell(&session.asked))?.stream,
                    offset: 0,
                });
            }
            let part = client.pull_blob_stream_partial(&reference, digest.as_str(), offset, None);
            let part = self
                .patiently(part)
                .map_err(|error| error.tell(&session.asked))?;
            Ok(match part {
                BlobResponse::Partial(part) => Opened {
                    stream: part.stream,
                    offset,
                },
                BlobResponse::Full(whole) => Opened {
                    stream: whole.stream,
                    offset: 0,
                },
            })
        };
        Ok(Box::new(Body::new(&self.runtime, asked, open, from)?))
    }
}

impl ImageSource for Registry {
    fn find(&self, question: &Question, pin: Option<&Pin>) -> Result<Option<Found>, Failure> {
        self.anywhere(question, |at| self.find_at(at, question, pin))
    }

    fn open<'a>(&'a self, question: &Question, blob: &Blob) -> Result<Box<dyn Read + 'a>, Failure> {
        self.anywhere(question, |at| self.open_at(at, blob, 0))
    }

    fn open_from<'a>(
        &'a self,
        question: &Question,
        blob: &Blob,
        offset: u64,
    ) -> Result<Option<Box<dyn Read + 'a>>, Failure> {
        self.anywhere(question, |at| self.open_at(at, blob, offset))
            .map(Some)
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
