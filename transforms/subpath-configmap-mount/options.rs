//! The options of `subpath-configmap-mount`.

use serde::{Deserialize, Deserializer};

/// The table `[transforms.subpath-configmap-mount]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Options {
    /// Whether it runs.
    pub(crate) enabled: bool,
    /// Directory under which the new volumes are mounted.
    #[serde(deserialize_with = "absolute")]
    pub(crate) mount_root: String,
    /// The strategies that may be used; among them the least invasive one that is proven is taken.
    pub(crate) strategies: Vec<Strategy>,
    /// Directories, in whatever image, that hold nothing but what the pod mounts there, that no
    /// program writes into, and none reads as a whole: the user's word.
    #[serde(deserialize_with = "all_absolute")]
    pub(crate) owned_dirs: Vec<String>,
    /// Files, or directories with all below them, that a program writes: they are copied, or stay.
    #[serde(deserialize_with = "all_absolute")]
    pub(crate) written_files: Vec<String>,
}

/// A way to do without a subPath, the least invasive first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Strategy {
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
    /// The directory becomes an emptyDir, which an init container fills with what the image has
    /// there, and with the link.
    LinkedDirectory,
    /// An init container copies the file into a writable directory.
    Copy,
}

impl Strategy {
    /// All of them, the least invasive first.
    pub(crate) const ALL: [Self; 7] = [
        Self::Directory,
        Self::Join,
        Self::OwnDirectory,
        Self::RePoint,
        Self::Link,
        Self::LinkedDirectory,
        Self::Copy,
    ];

    /// The name in the configuration.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Directory => "directory",
            Self::Join => "join",
            Self::OwnDirectory => "own-directory",
            Self::RePoint => "re-point",
            Self::Link => "link",
            Self::LinkedDirectory => "linked-directory",
            Self::Copy => "copy",
        }
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            enabled: true,
            mount_root: "/etc/kubewright".into(),
            strategies: Strategy::ALL.to_vec(),
            owned_dirs: Vec::new(),
            written_files: Vec::new(),
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
