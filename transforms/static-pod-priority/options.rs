//! The options of `static-pod-priority`.

use serde::Deserialize;

/// The table `[transforms.static-pod-priority]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Options {
    /// Whether it runs.
    pub(crate) enabled: bool,
    /// Namespaces whose DaemonSets are judged.
    pub(crate) namespaces: Vec<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            enabled: true,
            namespaces: vec!["kube-system".to_owned()],
        }
    }
}
