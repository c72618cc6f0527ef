//! What the configuration leaves out: workloads that do not ask for a hash, and ConfigMaps and
//! Secrets that shall not restart anything.

use globset::{Glob, GlobSet, GlobSetBuilder};
use kubewright_model::finding::NoFix;
use kubewright_model::yaml::Node;

use super::Options;
use super::codes::Code;
use super::consumed::ConsumedConfig;

impl Options {
    /// Whether the workload or its pod template asks for a hash, where only those get one that do:
    /// by an annotation or a label, whatever its value is but for `false`.
    pub(super) fn chosen(&self, workload: Node<'_>, template: Node<'_>) -> Result<(), NoFix> {
        let Some(key) = &self.opt_in else {
            return Ok(());
        };
        let asks = |node: Node<'_>| {
            ["annotations", "labels"].iter().any(|field| {
                let value = node.path(&["metadata", field, key.as_str()]);
                value.is_some_and(|value| value.text() != Some("false"))
            })
        };
        if asks(workload) || asks(template) {
            return Ok(());
        }
        let text = format!(
            "it asks for no hash: `opt-in` wants an annotation or a label {key}, with any value \
             but false"
        );
        Err(NoFix::new(Code::NotOptedIn, text))
    }

    /// Leaves out the sources that the globs of `exclude` name.
    pub(super) fn leave_out(&self, sources: &mut Vec<ConsumedConfig<'_>>) {
        if self.exclude.is_empty() {
            return;
        }
        let mut globs = GlobSetBuilder::new();
        // Each was found to be one when it was read.
        for glob in self.exclude.iter().filter_map(|glob| Glob::new(glob).ok()) {
            globs.add(glob);
        }
        let globs = globs.build().unwrap_or_else(|_| GlobSet::empty());
        sources.retain(|source| !globs.is_match(format!("{}/{}", source.to.kind(), source.name)));
    }
}
