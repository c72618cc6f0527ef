//! The options of the transforms: the tables `[transforms.<name>]` of `kubewright.toml`.

use kubewright_model::kube::images::{ImageFacts, LockedImage};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

/// Options of all transforms.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Settings {
    /// `[transforms.invalid-field]`
    pub invalid_field: InvalidField,
    /// `[transforms.configmap-name-collision]`
    pub configmap_name_collision: Collision,
    /// `[transforms.subpath-configmap-mount]`
    pub subpath_configmap_mount: SubPath,
    /// `[transforms.static-pod-kube-proxy]`
    pub static_pod_kube_proxy: StaticPod,
    /// `[transforms.missing-config-hash]`
    pub missing_config_hash: ConfigHash,
    /// `[transforms.missing-config-reference]`
    pub missing_config_reference: MissingReference,
    /// `[[images]]`: not part of the `[transforms]` table, filled in by the reader of the
    /// configuration.
    #[serde(skip)]
    pub images: Vec<ImageFacts>,
    /// `kubewright.lock`: not part of the configuration, filled in beside it.
    #[serde(skip)]
    pub lock: Vec<LockedImage>,
}

impl Settings {
    /// Whether the transform of that name runs when nobody selects it.
    pub fn enabled(&self, name: &str) -> bool {
        match name {
            "invalid-field" => self.invalid_field.enabled,
            "configmap-name-collision" => self.configmap_name_collision.enabled,
            "subpath-configmap-mount" => self.subpath_configmap_mount.enabled,
            "static-pod-kube-proxy" => self.static_pod_kube_proxy.enabled,
            "missing-config-hash" => self.missing_config_hash.enabled,
            "missing-config-reference" => self.missing_config_reference.enabled,
            _ => true,
        }
    }
}

/// Options of `invalid-field`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct InvalidField {
    /// Whether it runs.
    pub enabled: bool,
}

impl Default for InvalidField {
    fn default() -> Self {
        Self { enabled: true }
    }
}

/// Options of `configmap-name-collision`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Collision {
    /// Whether it runs.
    pub enabled: bool,
    /// Globs of files whose definition keeps its name.
    #[serde(deserialize_with = "globs")]
    pub keep: Vec<String>,
    /// What is done about a collision.
    pub strategy: Remedy,
}

/// What `configmap-name-collision` does about a collision.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Remedy {
    /// All definitions but one get a name of their own.
    #[default]
    Suffix,
    /// One definition gets the keys of all.
    Merge,
}

impl Default for Collision {
    fn default() -> Self {
        Self {
            enabled: true,
            keep: Vec::new(),
            strategy: Remedy::default(),
        }
    }
}

/// Options of `subpath-configmap-mount`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct SubPath {
    /// Whether it runs.
    pub enabled: bool,
    /// Directory under which the new volumes are mounted.
    #[serde(deserialize_with = "absolute")]
    pub mount_root: String,
    /// The strategies that may be used; among them the least invasive one that is proven is taken.
    pub strategies: Vec<Strategy>,
    /// Directories, in whatever image, that hold nothing but what the pod mounts there, that no
    /// program writes into, and none reads as a whole: the user's word.
    #[serde(deserialize_with = "all_absolute")]
    pub owned_dirs: Vec<String>,
}

/// A way to do without a subPath, the least invasive first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Strategy {
    /// A directory of the volume is mounted whole where it was.
    Directory,
    /// A file joins the volume that is mounted at its directory already.
    Join,
    /// The directory that the files lie in becomes a volume with just these files.
    OwnDirectory,
    /// The volume is mounted elsewhere, and the words that name the file name it there.
    RePoint,
    /// The volume is mounted elsewhere, and the entrypoint links the file into place.
    Link,
}

impl Strategy {
    /// All of them, the least invasive first.
    pub const ALL: [Self; 5] = [
        Self::Directory,
        Self::Join,
        Self::OwnDirectory,
        Self::RePoint,
        Self::Link,
    ];

    /// The name in the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Directory => "directory",
            Self::Join => "join",
            Self::OwnDirectory => "own-directory",
            Self::RePoint => "re-point",
            Self::Link => "link",
        }
    }
}

impl Default for SubPath {
    fn default() -> Self {
        Self {
            enabled: true,
            mount_root: "/etc/kubewright".into(),
            strategies: Strategy::ALL.to_vec(),
            owned_dirs: Vec::new(),
        }
    }
}

/// An absolute path below `/`.
fn absolute<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    directory(String::deserialize(deserializer)?)
}

/// Absolute paths below `/`.
fn all_absolute<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    Vec::<String>::deserialize(deserializer)?
        .into_iter()
        .map(directory)
        .collect()
}

fn directory<E: serde::de::Error>(path: String) -> Result<String, E> {
    let plain = path
        .strip_prefix('/')
        .is_some_and(|rest| !rest.is_empty() && rest.split('/').all(|s| !matches!(s, "." | "..")));
    if plain {
        Ok(path)
    } else {
        Err(E::custom(format!(
            "`{path}` is no absolute path of a directory, such as \"/etc/kubewright\""
        )))
    }
}

/// Globs, each of which can be read.
fn globs<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let globs = Vec::<String>::deserialize(deserializer)?;
    match globs
        .iter()
        .find_map(|glob| Some((glob, globset::Glob::new(glob).err()?)))
    {
        Some((glob, error)) => Err(D::Error::custom(format!(
            "`{glob}` is no glob: {}",
            error.kind()
        ))),
        None => Ok(globs),
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

/// Options of `static-pod-kube-proxy`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct StaticPod {
    /// Whether it runs.
    pub enabled: bool,
    /// Convert the file in place instead of writing the DaemonSet beside it.
    pub replace: bool,
    /// Put the gate label `node.kubernetes.io/kube-proxy-ds-ready` into the node selector.
    pub gate_label: bool,
    /// The minor version of Kubernetes that the DaemonSet is for, 14 of `"1.14"`; else the tag of
    /// the image says it.
    #[serde(deserialize_with = "kubernetes_minor")]
    pub kubernetes_version: Option<u32>,
    /// The API server for a kube-proxy whose `--master` is the node itself.
    #[serde(deserialize_with = "endpoint")]
    pub api_server: Option<String>,
}

impl Default for StaticPod {
    fn default() -> Self {
        Self {
            enabled: true,
            replace: false,
            gate_label: true,
            kubernetes_version: None,
            api_server: None,
        }
    }
}

/// An address of an API server. That of the Service `kubernetes` works only after kube-proxy does.
fn endpoint<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let host = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"))
        .unwrap_or("");
    let host = host.split(['/', ':']).next().unwrap_or("");
    if host.is_empty() || text.contains(char::is_whitespace) {
        return Err(D::Error::custom(format!(
            "`{text}` is no address of an API server, such as \"https://api.example.com:6443\""
        )));
    }
    if host == "kubernetes" || host.starts_with("kubernetes.default") {
        return Err(D::Error::custom(format!(
            "`{text}` is the Service kubernetes, which works only after kube-proxy does"
        )));
    }
    Ok(Some(text))
}

/// The minor version in `1.14`, `v1.14` or `1.14.3`; a string, because the number 1.30 is 1.3.
fn kubernetes_minor<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    let text = String::deserialize(deserializer)?;
    match minor_version(&text) {
        Some(minor) => Ok(Some(minor)),
        None => Err(D::Error::custom(format!(
            "`{text}` is no version of Kubernetes, such as \"1.30\""
        ))),
    }
}

/// The minor version of Kubernetes that a text such as `v1.14.3-build.1` begins with.
pub(crate) fn minor_version(text: &str) -> Option<u32> {
    let rest = text.strip_prefix('v').unwrap_or(text).strip_prefix("1.")?;
    let digits = rest
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(rest.len());
    let (minor, rest) = rest.split_at_checked(digits)?;
    // `1.9beta` and `1.9a` are tags of something else.
    let ends = rest.is_empty() || rest.starts_with(['.', '-', '_', '+']);
    ends.then(|| minor.parse().ok()).flatten()
}

/// Options of `missing-config-hash`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct ConfigHash {
    /// Whether it runs.
    pub enabled: bool,
    /// Key of the annotation: a qualified name that nobody else writes.
    #[serde(deserialize_with = "annotation_key")]
    pub annotation: String,
    /// Hash Secrets too. The hash of a guessable value can be turned back into it by anyone who may
    /// read pods.
    pub secrets: bool,
}

impl Default for ConfigHash {
    fn default() -> Self {
        Self {
            enabled: true,
            annotation: "kubewright.dev/config-hash".into(),
            secrets: false,
        }
    }
}

/// Options of `missing-config-reference`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct MissingReference {
    /// Whether it runs.
    pub enabled: bool,
    /// Globs of names that something outside of the workspace makes: `ConfigMap/name`,
    /// `Secret/name`.
    #[serde(deserialize_with = "globs")]
    pub external: Vec<String>,
}

impl Default for MissingReference {
    fn default() -> Self {
        Self {
            enabled: true,
            external: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::StaticPod;

    #[test]
    fn versions_and_endpoints() {
        let read = |key: &str, value: serde_json::Value| {
            serde_json::from_value::<StaticPod>(serde_json::json!({ key: value }))
        };
        for (text, minor) in [("1.30", 30), ("v1.9.6", 9)] {
            assert_eq!(
                read("kubernetes-version", text.into())
                    .ok()
                    .and_then(|s| s.kubernetes_version),
                Some(minor),
                "{text}"
            );
        }
        // The number 1.30 would be 1.3.
        for wrong in [
            serde_json::json!(1.30),
            "30".into(),
            "1".into(),
            "latest".into(),
        ] {
            assert!(
                read("kubernetes-version", wrong.clone()).is_err(),
                "{wrong}"
            );
        }
        for right in ["https://api.example.com:6443", "https://127.0.0.1:6443"] {
            assert!(read("api-server", right.into()).is_ok(), "{right}");
        }
        for wrong in [
            "api.example.com",
            "https://",
            "https://kubernetes.default.svc",
            "https://kubernetes",
        ] {
            assert!(read("api-server", wrong.into()).is_err(), "{wrong}");
        }
    }
}
