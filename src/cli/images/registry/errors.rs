//! What a registry's answers mean to whoever runs the program.

use std::error::Error;
use std::io;
use std::sync::Arc;

use oci_client::errors::{DigestError, OciDistributionError, OciEnvelope, OciErrorCode};

use super::{Options, host, loopback};
use crate::cli::images::failure::{Failure, deepest};

/// What to do about an image that is not there.
pub(super) const MISSING: &str = "check the name and the tag of the image";

/// What was asked, and of whom.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) registry: String,
    /// Credentials were sent.
    pub(super) known: bool,
    /// It has let us in.
    pub(super) entered: bool,
    pub(super) options: Arc<Options>,
}

impl Asked {
    pub(super) fn failure(&self, error: &OciDistributionError) -> Failure {
        match error {
            OciDistributionError::RequestError(error) => self.unanswered(error),
            OciDistributionError::UnauthorizedError { .. } => self.denied(),
            OciDistributionError::AuthenticationFailure(reason) => match serde_json::from_str::<
                OciEnvelope,
            >(reason)
            {
                Ok(envelope) if has(&envelope, &OciErrorCode::Toomanyrequests) => self.limited(),
                _ => self.denied(),
            },
            OciDistributionError::RegistryError { envelope, .. } => self.said(envelope),
            OciDistributionError::ServerError { code, message, .. } => self.status(*code, message),
            OciDistributionError::ImageManifestNotFoundError(_) => self.missing(),
            OciDistributionError::DigestError(error) => Failure::corrupt(format!(
                "{} answers with something else: {error}",
                self.registry
            )),
            OciDistributionError::RegistryTokenDecodeError(_) => {
                self.strange("its token service answers with no token")
            }
            other => self.strange(&deepest(other)),
        }
    }

    /// What is wrong with an answer of a client of our own.
    pub(super) fn unanswered(&self, error: &reqwest::Error) -> Failure {
        let url = error.url().map(ToString::to_string);
        self.request(
            error,
            error.is_timeout(),
            error.is_connect(),
            url.as_deref(),
        )
    }

    /// An answer that is no success, with its body.
    pub(super) fn refused(&self, status: u16, body: &[u8]) -> Failure {
        match serde_json::from_slice::<OciEnvelope>(body) {
            _ if status == 401 => self.denied(),
            Ok(envelope) if (400..500).contains(&status) && !envelope.errors.is_empty() => {
                self.said(&envelope)
            }
            _ => self.status(status, &String::from_utf8_lossy(body)),
        }
    }

    /// An answer that breaks off.
    pub(super) fn broken(&self, error: &io::Error) -> Failure {
        let inner = error.get_ref().map(|e| e as &(dyn Error + 'static));
        if let Some(damage) = inner.and_then(|e| e.downcast_ref::<DigestError>()) {
            return Failure::corrupt(match damage {
                DigestError::VerificationError { expected, actual } => {
                    format!("the blob {expected} is damaged: its digest is {actual}")
                }
                other => format!("a blob cannot be checked: {other}"),
            });
        }
        let cause = inner.map_or_else(|| error.to_string(), deepest);
        if cause.contains("timed out") {
            return self.too_slow();
        }
        Failure::new(
            format!(
                "{} broke off in the middle of a layer: {cause}",
                self.registry
            ),
            "try again",
        )
    }

    pub(super) fn too_slow(&self) -> Failure {
        let seconds = self.options.timeout.as_secs();
        Failure::new(
            format!("{} does not answer within {seconds} s", self.registry),
            "try again, or wait longer: `kubewright images lock --timeout 300`",
        )
    }

    fn request(
        &self,
        error: &(dyn Error + 'static),
        slow: bool,
        connect: bool,
        url: Option<&str>,
    ) -> Failure {
        if slow {
            return self.too_slow();
        }
        let cause = deepest(error);
        // What goes out in the clear goes nowhere, except to these.
        let allowed = |name: &str| {
            name == self.registry
                || loopback(name)
                || self.options.insecure.iter().any(|r| host(r) == host(name))
        };
        let elsewhere = url
            .and_then(|u| u.strip_prefix("http://"))
            .and_then(|u| u.split('/').next());
        if let Some(host) = elsewhere.filter(|name| connect && !allowed(name)) {
            return Failure::new(
                format!(
                    "{} sends on to {host} over plain HTTP, which is not spoken",
                    self.registry
                ),
                format!(
                    "if that is meant, `kubewright images lock --insecure-registry {host}` allows \
                     it"
                ),
            );
        }
        if cause.to_lowercase().contains("certificate") {
            return Failure::new(
                format!(
                    "the certificate of {} is not trusted: {cause}",
                    self.registry
                ),
                "name the file of its authority in the environment variable SSL_CERT_FILE",
            );
        }
        // Where a redirect leads the client does not say.
        if connect && self.entered {
            return Failure::new(
                format!(
                    "{} sends on to a place that cannot be reached, or over plain HTTP alone, \
                     which is not spoken: {cause}",
                    self.registry
                ),
                "check the network; if plain HTTP is meant, `kubewright images lock \
                 --insecure-registry HOST` allows it",
            );
        }
        let todo = "check the name and the network; without one, `docker save IMAGE | kubewright images \
                    lock --from docker-archive:-` reads it from this machine";
        Failure::new(
            format!("{} cannot be reached: {cause}", self.registry),
            todo,
        )
    }

    fn said(&self, envelope: &OciEnvelope) -> Failure {
        let any = |codes: &[OciErrorCode]| codes.iter().any(|code| has(envelope, code));
        if any(&[OciErrorCode::Toomanyrequests]) {
            self.limited()
        } else if any(&[OciErrorCode::Denied, OciErrorCode::Unauthorized]) {
            self.denied()
        } else if any(&[
            OciErrorCode::ManifestUnknown,
            OciErrorCode::NameUnknown,
            OciErrorCode::NotFound,
            OciErrorCode::BlobUnknown,
            OciErrorCode::ManifestBlobUnknown,
        ]) {
            self.missing()
        } else {
            let texts: Vec<&str> = envelope
                .errors
                .iter()
                .map(|e| e.message.as_str())
                .filter(|m| !m.is_empty())
                .collect();
            self.strange(&texts.join(", "))
        }
    }

    fn status(&self, code: u16, message: &str) -> Failure {
        match code {
            429 => self.limited(),
            401 | 403 => self.denied(),
            404 => self.missing(),
            500.. => Failure::new(
                format!("{} is in trouble itself: status {code}", self.registry),
                "try again later",
            ),
            _ => self.strange(
                format!("status {code} {}", message.lines().next().unwrap_or("")).trim_end(),
            ),
        }
    }

    fn limited(&self) -> Failure {
        let registry = &self.registry;
        let login = if self.known {
            ""
        } else {
            ", or log in, which allows more: `docker login`"
        };
        Failure::new(
            format!("{registry} limits how much is pulled, and the limit is reached"),
            format!("try again later{login}"),
        )
    }

    fn denied(&self) -> Failure {
        let registry = &self.registry;
        let what = if self.known {
            format!(
                "{registry} does not accept the credentials, or does not let them read this image"
            )
        } else {
            format!(
                "{registry} lets nobody read this image without credentials, or does not have it"
            )
        };
        Failure::new(
            what,
            format!("`docker login {registry}` writes the credentials that are used"),
        )
    }

    fn missing(&self) -> Failure {
        Failure::new(format!("{} does not have it", self.registry), MISSING)
    }

    pub(super) fn strange(&self, what: &str) -> Failure {
        Failure::new(
            format!("{} is not understood: {what}", self.registry),
            "is it a container registry?",
        )
    }
}

/// Whether an answer is not what its digest says, rather than cut off.
pub(super) fn is_damage(error: &io::Error) -> bool {
    let inner = error.get_ref();
    inner.is_some_and(|inner| inner.downcast_ref::<DigestError>().is_some())
}

fn has(envelope: &OciEnvelope, code: &OciErrorCode) -> bool {
    envelope.errors.iter().any(|e| e.code == *code)
}
