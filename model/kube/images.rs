//! Facts about container images, which a manifest does not state.

use serde::Deserialize;

/// One of `[[images]]` in `kubewright.toml`: the user's word about images.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ImageFacts {
    /// Pattern over the normalised image reference; `*` crosses no `/`.
    #[serde(default, rename = "match")]
    pub pattern: String,
    /// Absolute path of a POSIX shell; `""` or absent: unknown; `"none"`: the image has none.
    pub shell: Option<String>,
    /// User the image runs as: a name or a number; `root` and `0` are root.
    pub user: Option<String>,
    /// ENTRYPOINT; absent: unknown; empty: the image has none.
    pub entrypoint: Option<Vec<String>>,
    /// CMD; absent in stated facts: none.
    pub cmd: Option<Vec<String>>,
}
