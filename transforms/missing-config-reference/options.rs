//! The options of `missing-config-reference`.

use serde::Deserialize;

/// The table `[transforms.missing-config-reference]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Options {
    /// Whether it runs.
    pub(crate) enabled: bool,
    /// Globs of names that something outside of the workspace makes: `ConfigMap/name`,
    /// `Secret/name`.
    #[serde(deserialize_with = "crate::settings::globs")]
    pub(crate) external: Vec<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            enabled: true,
            external: Vec::new(),
        }
    }
}
