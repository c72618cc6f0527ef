//! Secrets by a keyed hash: without the key nobody can try guesses of a password against the
//! annotation.
//!
//! The key comes from an environment variable, which the command line reads; it is neither stored
//! nor shown. Without it the hash cannot be told, and a workload that reads Secrets is left alone.

use std::fmt;

use hmac::{Hmac, KeyInit as _, Mac as _};
use kubewright_model::finding::NoFix;
use kubewright_model::kube::Target;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use sha2::Sha256;

use super::canon::{Digest, Section, hex};
use super::codes::Code;
use super::consumed::ConsumedConfig;
use super::{Options, Reading};

/// The key of the hash. Nothing prints it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Key(Vec<u8>);

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key")
    }
}

impl Options {
    /// Whether Secrets enter the hash.
    pub(crate) fn hashes_secrets(&self) -> bool {
        self.secrets || self.secrets_key_from.is_some()
    }

    /// Takes the key from the environment; an empty value is none.
    pub(crate) fn take_key(&mut self, variable: impl Fn(&str) -> Option<Vec<u8>>) {
        let value = self.secrets_key_from.as_deref().and_then(variable);
        self.key = value.filter(|value| !value.is_empty()).map(Key);
    }

    /// Whether the hash of these sources can be told.
    pub(super) fn has_key_for(&self, sources: &[ConsumedConfig<'_>]) -> Result<(), NoFix> {
        let secret = sources.iter().any(|source| source.to == Target::Secret);
        match &self.secrets_key_from {
            Some(variable) if secret && self.key.is_none() => Err(NoFix::new(
                Code::NoKey,
                format!(
                    "the environment variable {variable}, which holds the key for hashes of \
                     Secrets, is not set: the annotation is left as it is"
                ),
            )),
            _ => Ok(()),
        }
    }

    /// The reading with the values of Secrets by the keyed hash, where there is a key.
    pub(super) fn keyed(&self, mut reading: Reading) -> Reading {
        if let Some(key) = &self.key {
            key.apply(&mut reading.sections);
        }
        reading
    }
}

impl Key {
    fn apply(&self, sections: &mut [Section]) {
        let secrets = sections.iter_mut().filter(|s| s.to == Target::Secret);
        let values = secrets.filter_map(|section| section.keys.as_mut());
        for digest in values.flat_map(|keys| keys.values_mut()).flatten() {
            *digest = self.of(digest);
        }
    }

    /// HMAC-SHA256 of the digest of a value, in hexadecimal as `sha256sum` prints it.
    fn of(&self, digest: &Digest) -> Digest {
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.0) else {
            return [0; 32]; // HMAC takes keys of any length.
        };
        mac.update(hex(digest).as_bytes());
        mac.finalize().into_bytes().into()
    }
}

/// The name of an environment variable
/// (<https://pubs.opengroup.org/onlinepubs/9799919799/basedefs/V1_chap08.html>).
pub(super) fn variable<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<String>, D::Error> {
    let name = String::deserialize(deserializer)?;
    let letters = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if name.is_empty()
        || name.starts_with(|c: char| c.is_ascii_digit())
        || !name.chars().all(letters)
    {
        // What stands here by mistake may be the key itself.
        return Err(D::Error::custom(
            "this is no name of an environment variable; expected the name of the one that holds \
             the key, such as \"KUBEWRIGHT_SECRETS_KEY\", and not the key",
        ));
    }
    Ok(Some(name))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::missing_config_hash::canon::{self, digest};

    /// The vector of the page, which was computed with `openssl dgst`.
    #[test]
    fn secrets_are_hashed_with_the_key() {
        let section = |to, key: &str, value: &[u8]| Section {
            to,
            keys: Some(BTreeMap::from([(key.to_owned(), Some(digest(value)))])),
        };
        let mut sections = vec![
            section(Target::ConfigMap, "a", b"1"),
            section(Target::Secret, "p", b"x"),
        ];
        let plain = canon::hash(&sections);
        Key(b"key".to_vec()).apply(&mut sections);
        let keyed = canon::hash(&sections);
        assert_ne!(plain, keyed);
        assert!(
            include_str!("README.md").contains(&format!("`{keyed}`")),
            "{keyed}"
        );
    }

    #[test]
    fn the_key_is_not_shown() {
        let mut options = Options {
            secrets_key_from: Some("NAME".to_owned()),
            ..Options::default()
        };
        options.take_key(|name| Some(format!("value of {name}").into_bytes()));
        let shown = format!("{options:?}");
        assert!(options.key.is_some() && !shown.contains("value"), "{shown}");
        options.take_key(|_| Some(Vec::new()));
        assert_eq!(options.key, None);
    }
}
