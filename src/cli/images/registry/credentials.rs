//! Credentials, as Docker keeps them: `config.json` below `DOCKER_CONFIG` or `~/.docker`, and the
//! `docker-credential-*` helpers that it names. These are the only programs that kubewright starts.

use std::collections::HashMap;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::mpsc::channel;
use std::time::Duration;

use docker_credential::{CredentialRetrievalError, DockerCredential, get_credential_from_reader};
use oci_client::secrets::RegistryAuth;

use crate::cli::files::plain;
use crate::cli::images::failure::Failure;

/// How Docker calls its own registry where it keeps credentials.
const DOCKER_HUB: &str = "https://index.docker.io/v1/";

/// What a registry, or its token service, is told.
#[derive(Debug, Clone)]
pub(super) enum Credential {
    /// Nothing, or a user and a password.
    Plain(RegistryAuth),
    /// A token that the token service changes into one for an image (`docker login` of registries
    /// with an identity of their own, such as Azure's; helpers give it with the user `<token>`).
    Identity(String),
}

/// Credentials by registry, each asked for once.
#[derive(Debug)]
pub(in crate::cli::images) struct Credentials {
    known: Mutex<HashMap<String, Result<Credential, Failure>>>,
    /// How long a helper may take.
    patience: Duration,
}

impl Credentials {
    pub(in crate::cli::images) fn new(patience: Duration) -> Self {
        Self {
            known: Mutex::default(),
            patience,
        }
    }

    /// What a registry is told; anonymous when there is nothing to tell.
    pub(super) fn of(&self, registry: &str) -> Result<Credential, Failure> {
        // Held while a helper runs: it may ask its user something, and shall do so once.
        let mut known = self
            .known
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        known
            .entry(registry.to_owned())
            .or_insert_with(|| self.ask(registry))
            .clone()
    }

    fn ask(&self, registry: &str) -> Result<Credential, Failure> {
        let server = if registry == "docker.io" {
            DOCKER_HUB
        } else {
            registry
        }
        .to_owned();
        let failure = |what: String| {
            Failure::new(what, format!("`docker login {registry}` writes them anew"))
        };
        let Some(file) = config_file() else {
            return Ok(Credential::Plain(RegistryAuth::Anonymous));
        };
        let shown = file.display().to_string();
        let text = match read(&file) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Ok(Credential::Plain(RegistryAuth::Anonymous));
            }
            Err(error) => {
                return Err(failure(format!(
                    "{shown} cannot be read: {}",
                    plain(&error)
                )));
            }
        };
        let (sender, receiver) = channel();
        std::thread::spawn(move || {
            sender.send(get_credential_from_reader(text.as_slice(), &server))
        });
        match receiver.recv_timeout(self.patience) {
            Ok(Ok(DockerCredential::UsernamePassword(user, password))) => {
                Ok(Credential::Plain(RegistryAuth::Basic(user, password)))
            }
            Ok(Ok(DockerCredential::IdentityToken(token))) => Ok(Credential::Identity(token)),
            Ok(Err(
                CredentialRetrievalError::ConfigNotFound
                | CredentialRetrievalError::NoCredentialConfigured,
            )) => Ok(Credential::Plain(RegistryAuth::Anonymous)),
            Ok(Err(CredentialRetrievalError::HelperFailure { stdout, .. }))
                if stdout.contains("credentials not found") =>
            {
                Ok(Credential::Plain(RegistryAuth::Anonymous))
            }
            Ok(Err(CredentialRetrievalError::HelperFailure {
                helper,
                stdout,
                stderr,
            })) => {
                let said = [stdout.trim(), stderr.trim()].join(" ");
                Err(failure(format!(
                    "{helper} gives no credentials for {registry}: {}",
                    said.trim()
                )))
            }
            Ok(Err(error)) => Err(failure(format!(
                "{shown} gives no credentials for {registry}: {error}"
            ))),
            Err(_) => Err(failure(format!(
                "the credential helper for {registry} does not answer within {} s",
                self.patience.as_secs()
            ))),
        }
    }
}

/// Docker's configuration.
fn config_file() -> Option<PathBuf> {
    let set = |name: &str| {
        std::env::var_os(name)
            .filter(|v| !v.is_empty())
            .map(PathBuf::from)
    };
    let directory = set("DOCKER_CONFIG")
        .or_else(|| Some(set("HOME").or_else(|| set("USERPROFILE"))?.join(".docker")))?;
    Some(directory.join("config.json"))
}

#[expect(
    clippy::disallowed_methods,
    reason = "the command line reads Docker's configuration"
)]
fn read(file: &std::path::Path) -> std::io::Result<Vec<u8>> {
    std::fs::read(file)
}
