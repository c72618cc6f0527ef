//! The options of `missing-config-hash`.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

/// The table `[transforms.missing-config-hash]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Options {
    /// Whether it runs.
    pub(crate) enabled: bool,
    /// Key of the annotation: a qualified name that nobody else writes.
    #[serde(deserialize_with = "annotation_key")]
    pub(crate) annotation: String,
    /// Hash Secrets too. The hash of a guessable value can be turned back into it by anyone who may
    /// read pods.
    pub(crate) secrets: bool,
    /// Move what is read in front of its first reader, where one file has both.
    pub(crate) order: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            enabled: true,
            annotation: "kubewright.dev/config-hash".into(),
            secrets: false,
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
