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

/// The user whose password is an identity token, at registries of Azure.
/// (<https://learn.microsoft.com/azure/container-registry/container-registry-authentication>)
const TOKEN_USER: &str = "00000000-0000-0000-0000-000000000000";

/// Whether a registry is one of Azure, which takes identity tokens in the place of passwords.
fn of_azure(registry: &str) -> bool {
    [".azurecr.io", ".azurecr.cn", ".azurecr.us"]
        .iter()
        .any(|domain| registry.ends_with(domain))
}

/// Credentials by registry, each asked for once.
#[derive(Debug)]
pub(in crate::cli::images) struct Credentials {
    known: Mutex<HashMap<String, Result<RegistryAuth, Failure>>>,
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
    pub(super) fn of(&self, registry: &str) -> Result<RegistryAuth, Failure> {
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

    fn ask(&self, registry: &str) -> Result<RegistryAuth, Failure> {
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
            return Ok(RegistryAuth::Anonymous);
        };
        let shown = file.display().to_string();
        let text = match read(&file) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Ok(RegistryAuth::Anonymous);
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
                Ok(RegistryAuth::Basic(user, password))
            }
            Ok(Ok(DockerCredential::IdentityToken(token))) if of_azure(registry) => {
                Ok(RegistryAuth::Basic(TOKEN_USER.to_owned(), token))
            }
            Ok(Ok(DockerCredential::IdentityToken(_))) => Err(Failure::new(
                format!(
                    "the credentials for {registry} are an identity token, which only Docker \
                     itself can use"
                ),
                format!(
                    "log in with a user name and a password or access token: `docker login \
                     {registry}`"
                ),
            )),
            Ok(Err(
                CredentialRetrievalError::ConfigNotFound
                | CredentialRetrievalError::NoCredentialConfigured,
            )) => Ok(RegistryAuth::Anonymous),
            Ok(Err(CredentialRetrievalError::HelperFailure { stdout, .. }))
                if stdout.contains("credentials not found") =>
            {
                Ok(RegistryAuth::Anonymous)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registries_of_azure_are_known_by_their_domain() {
        assert!(of_azure("team.azurecr.io") && of_azure("team.azurecr.cn"));
        assert!(!of_azure("azurecr.io") && !of_azure("team.azurecr.io.example.com"));
    }
}
