//! The options of `configmap-name-collision`.

use serde::Deserialize;

/// The table `[transforms.configmap-name-collision]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Options {
    /// Whether it runs.
    pub(crate) enabled: bool,
    /// Globs of files whose definition keeps its name.
    #[serde(deserialize_with = "crate::settings::globs")]
    pub(crate) keep: Vec<String>,
    /// What is done about a collision.
    pub(crate) strategy: Remedy,
}

/// What `configmap-name-collision` does about a collision.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Remedy {
    /// All definitions but one get a name of their own.
    #[default]
    Suffix,
    /// One definition gets the keys of all.
    Merge,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            enabled: true,
            keep: Vec::new(),
            strategy: Remedy::default(),
        }
    }
}
