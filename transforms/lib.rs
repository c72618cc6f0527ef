//! The transforms of kubewright.
//!
//! A transform looks at the whole workspace and says what it finds; it is pure and total: it never
//! fails, never writes. One folder each, named for the pattern it finds; its `README.md` is its
//! only page. [`ALL`] lists them in the order in which fixes are applied: names first, hashes last.

use kubewright_model::finding::{Applicability, Finding, FindingBuilder, Location, Severity};
use kubewright_model::kube::Workspace;
use kubewright_model::kube::images::Question;
use kubewright_model::text::Text;

mod say;
pub mod settings;

#[path = "configmap-name-collision/mod.rs"]
mod configmap_name_collision;
#[path = "invalid-field/mod.rs"]
mod invalid_field;
#[path = "missing-config-hash/mod.rs"]
mod missing_config_hash;
#[path = "missing-config-reference/mod.rs"]
mod missing_config_reference;
#[path = "static-pod-kube-proxy/mod.rs"]
mod static_pod_kube_proxy;
#[path = "subpath-configmap-mount/mod.rs"]
mod subpath_configmap_mount;

pub use settings::Settings;

/// What a transform says of itself.
#[derive(Debug, Clone, Copy)]
pub struct Meta {
    /// Its name: the pattern it finds, and the name of its folder.
    pub name: &'static str,
    /// One line.
    pub summary: &'static str,
    /// The most its fixes can be.
    pub applicability: Applicability,
    /// Its fixes change nothing that another transform looks at, in whatever resource: after a pass
    /// of such fixes alone, only what made them is asked again.
    pub isolated: bool,
    /// The release it came with.
    pub since: &'static str,
    /// Its page, Markdown.
    pub docs: &'static str,
}

impl Meta {
    /// A finding of this transform in the making.
    pub fn finding(
        &self,
        severity: Severity,
        primary: Location,
        message: impl Into<Text>,
    ) -> FindingBuilder {
        Finding::build(self.name, severity, primary, message)
    }
}

/// What a transform sees.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// All files of this pass.
    pub workspace: &'a Workspace,
    /// The options of all transforms.
    pub settings: &'a Settings,
    /// Names of the transforms that run: one defect is one finding, whoever else could report it.
    pub running: &'a [&'static str],
}

/// Finds one pattern.
pub trait Transform: Send + Sync {
    /// What it is.
    fn meta(&self) -> &'static Meta;
    /// All findings of this pass, with their fixes.
    fn check(&self, cx: &Context<'_>) -> Vec<Finding>;
    /// Whether the fix of a finding keeps up what somebody asked for in that place, so that it is
    /// made in files, too, that are left alone otherwise.
    fn keeps_up(&self, _cx: &Context<'_>, _finding: &Finding) -> bool {
        false
    }
}

/// All transforms in the order in which their fixes are applied.
pub static ALL: &[&dyn Transform] = &[
    &invalid_field::InvalidField,
    &configmap_name_collision::ConfigMapNameCollision,
    &subpath_configmap_mount::SubPathConfigMapMount,
    &static_pod_kube_proxy::StaticPodKubeProxy,
    &missing_config_hash::MissingConfigHash,
    &missing_config_reference::MissingConfigReference,
];

/// What would have to be known of the container images of the workspace to decide findings: what
/// `kubewright images lock` asks.
pub fn image_questions(cx: &Context<'_>) -> Vec<Question> {
    subpath_configmap_mount::questions(cx)
}

/// Whether a shell script writes, moves or removes a file or its directory, or asks whether
/// something is mounted there; `None` where it may.
pub fn script_handles(text: &str, path: &str) -> Option<bool> {
    subpath_configmap_mount::script_handles(text, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each transform has a table in the settings, by its name, that switches it off;
    /// [`Settings::enabled`] asks it.
    #[test]
    fn every_transform_can_be_switched_off() {
        for name in ALL.iter().map(|t| t.meta().name) {
            let off = serde_json::json!({name: {"enabled": false}});
            let settings: Settings =
                serde_json::from_value(off).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert!(
                Settings::default().enabled(name) && !settings.enabled(name),
                "Settings::enabled does not know {name}"
            );
        }
    }
}
