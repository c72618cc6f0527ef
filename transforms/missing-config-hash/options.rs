//! The options of `missing-config-hash`.

use kubewright_model::kube::Target;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use super::keyed::Key;
use super::{covers, hashes};

/// The table `[transforms.missing-config-hash]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of the configuration"
)]
pub(crate) struct Options {
    /// Whether it runs.
    pub(crate) enabled: bool,
    /// Key of the annotation: a qualified name that nobody else writes.
    #[serde(deserialize_with = "annotation_key")]
    pub(crate) annotation: String,
    /// An annotation for each ConfigMap and Secret, instead of one for all.
    pub(crate) per_source: bool,
    /// Hash Secrets too. The hash of a guessable value can be turned back into it by anyone who may
    /// read pods.
    pub(crate) secrets: bool,
    /// What is done about configuration that restarts no pod.
    pub(crate) strategy: Strategy,
    /// Hash Secrets too, with a key: the environment variable that holds it.
    #[serde(deserialize_with = "super::keyed::variable")]
    pub(crate) secrets_key_from: Option<String>,
    /// The key, once the command line has read it.
    #[serde(skip)]
    pub(super) key: Option<Key>,
    /// Only workloads that carry an annotation or a label of this key get a hash.
    #[serde(deserialize_with = "optional_key")]
    pub(crate) opt_in: Option<String>,
    /// Globs of what does not enter the hash: `ConfigMap/name`, `Secret/name`.
    #[serde(deserialize_with = "crate::settings::globs")]
    pub(crate) exclude: Vec<String>,
    /// Move what is read in front of its first reader, where one file has both.
    pub(crate) order: bool,
}

/// What `missing-config-hash` does about configuration whose change restarts no pod.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Strategy {
    /// An annotation of the pod template holds a hash of the content.
    #[default]
    Hash,
    /// kustomize generates the ConfigMap, and puts it behind the name.
    Generator,
    /// The name of the ConfigMap holds it, and readers follow the name.
    Versioned,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            enabled: true,
            annotation: "kubewright.dev/config-hash".into(),
            per_source: false,
            secrets: false,
            strategy: Strategy::default(),
            secrets_key_from: None,
            key: None,
            opt_in: None,
            exclude: Vec::new(),
            order: false,
        }
    }
}

/// A key of an annotation as the API takes it, and not one of those that mean something else to
/// kubewright or to Kubernetes.
fn annotation_key<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let key = String::deserialize(deserializer)?;
    let expected = "expected the key of an annotation, such as \"kubewright.dev/config-hash\"";
    if !is_qualified_name(&key) {
        return Err(D::Error::custom(format!(
            "`{key}` is no key of an annotation; {expected}"
        )));
    }
    if hashes::prefix(&key, Target::ConfigMap).len() > PREFIX {
        return Err(D::Error::custom(format!(
            "`{key}` is too long to stand in front of the name of a ConfigMap; {expected}"
        )));
    }
    let prefix = key.split_once('/').map_or("", |(prefix, _)| prefix);
    let reserved = ["kubernetes.io", "k8s.io"]
        .iter()
        .any(|d| prefix == *d || prefix.ends_with(&format!(".{d}")));
    if reserved || TAKEN_ANNOTATIONS.contains(&key.as_str()) {
        return Err(D::Error::custom(format!(
            "the annotation `{key}` has another meaning; {expected}"
        )));
    }
    Ok(key)
}

/// The key of an annotation or a label.
fn optional_key<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let key = String::deserialize(deserializer)?;
    let expected = "expected one such as \"example.com/restart-on-change\"";
    if !is_qualified_name(&key) {
        return Err(D::Error::custom(format!(
            "`{key}` is no key of an annotation or label; {expected}"
        )));
    }
    if covers::by_checksum(&key, "true", &[]) {
        return Err(D::Error::custom(format!(
            "`{key}` reads like a hash that somebody else keeps up; {expected}"
        )));
    }
    Ok(Some(key))
}

/// What may stand in front of the `/` of an annotation.
const PREFIX: usize = 253;

/// Annotations that say something else to kubewright.
const TAKEN_ANNOTATIONS: [&str; 2] = ["kubewright.dev/ignore", "kubewright.dev/image-facts"];

/// A qualified name: an optional DNS subdomain and `/`, then 1 to 63 letters, digits, `-`, `_` and
/// `.`, a letter or digit at both ends. Source:
/// <https://kubernetes.io/docs/concepts/overview/working-with-objects/annotations/#syntax-and-character-set>.
fn is_qualified_name(key: &str) -> bool {
    let ends = |s: &str| {
        [s.chars().next(), s.chars().next_back()]
            .iter()
            .all(|c| c.is_some_and(|c| c.is_ascii_alphanumeric()))
    };
    let label = |s: &str| {
        ends(s)
            && s.chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
    };
    let name = |s: &str| {
        s.len() <= 63
            && ends(s)
            && s.chars()
                .all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
    };
    match key.split_once('/') {
        Some((prefix, rest)) => prefix.len() <= 253 && prefix.split('.').all(label) && name(rest),
        None => name(key),
    }
}
