//! The transforms of kubewright.
//!
//! A transform looks at the whole workspace and says what it finds; it is pure and total: it never
//! fails, never writes. One folder each, named for the pattern it finds; its `README.md` is its
//! only page. [`ALL`] lists them in the order in which fixes are applied: names first, hashes last.

use kubewright_model::finding::{
    Applicability, Finding, FindingBuilder, Hidden, Location, NoFix, Severity,
};
use kubewright_model::kube::Workspace;
use kubewright_model::kube::images::Question;
use kubewright_model::text::Text;

mod binary;
mod hidden;
mod say;
mod settings;

#[path = "configmap-name-collision/mod.rs"]
mod configmap_name_collision;
#[path = "invalid-config-data/mod.rs"]
mod invalid_config_data;
#[path = "invalid-field/mod.rs"]
mod invalid_field;
#[path = "kubelet-eviction-defaults/mod.rs"]
mod kubelet_eviction_defaults;
#[path = "missing-config-hash/mod.rs"]
mod missing_config_hash;
#[path = "missing-config-reference/mod.rs"]
mod missing_config_reference;
#[path = "probe-depends-on-service/mod.rs"]
mod probe_depends_on_service;
#[path = "secret-in-configmap/mod.rs"]
mod secret_in_configmap;
#[path = "static-pod-kube-proxy/mod.rs"]
mod static_pod_kube_proxy;
#[path = "static-pod-priority/mod.rs"]
mod static_pod_priority;
#[path = "subpath-configmap-mount/mod.rs"]
mod subpath_configmap_mount;

// What a new transform starts from is built and run by the tests, so that it works.
#[cfg(test)]
#[path = "_skeleton/mod.rs"]
mod skeleton;

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
    /// The codes with which it says why there is no fix, besides those that are the same for all
    /// transforms.
    pub codes: &'static [&'static str],
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

/// An option of a transform that is a list of globs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GlobOption {
    /// Its key in the table of the transform.
    pub name: &'static str,
    /// What its globs are matched with.
    pub of: GlobOf,
}

/// What globs are matched with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GlobOf {
    /// Paths of files.
    Files,
    /// `ConfigMap/name` or `Secret/name` of what is referred to.
    References,
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

/// What a person does around a fix, outside of the manifests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// For reading, Markdown.
    pub page: String,
    /// The same as a shell script that stops before each step.
    pub script: String,
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
    /// [`Meta::isolated`] with these options.
    fn is_isolated(&self, _settings: &Settings) -> bool {
        self.meta().isolated
    }

    /// What has to be done in the cluster so that the fixes take effect without harm, `None` where
    /// there is nothing to do: what `kubewright explain NAME --plan` prints. `shown` writes paths as
    /// the reader has them. An error says why there is no plan.
    fn plan(
        &self,
        _cx: &Context<'_>,
        _shown: &dyn Fn(&Text) -> String,
    ) -> Option<Result<Plan, NoFix>> {
        None
    }
    /// What no output may show besides what its findings hide. Where it does not run, that is what
    /// they would hide, too: what other transforms find and change shows no more than beside it.
    fn hides(&self, _workspace: &Workspace, _runs: bool) -> Vec<Hidden> {
        Vec::new()
    }
    /// What would have to be known of the container images of the workspace to decide findings:
    /// what `kubewright images lock` asks.
    fn questions(&self, _cx: &Context<'_>) -> Vec<Question> {
        Vec::new()
    }
    /// Its options that hold globs: the user is told of a glob that matches nothing.
    fn globs(&self) -> &'static [GlobOption] {
        &[]
    }
}

settings::transforms! {
    invalid_field::InvalidField,
    configmap_name_collision::ConfigMapNameCollision,
    secret_in_configmap::SecretInConfigMap,
    subpath_configmap_mount::SubPathConfigMapMount,
    static_pod_kube_proxy::StaticPodKubeProxy,
    static_pod_priority::StaticPodPriority,
    kubelet_eviction_defaults::KubeletEvictionDefaults,
    missing_config_hash::MissingConfigHash,
    missing_config_reference::MissingConfigReference,
    probe_depends_on_service::ProbeDependsOnService,
    invalid_config_data::InvalidConfigData,
}

#[cfg(test)]
mod tests {
    use kubewright_model::kube::{Input, Options};

    use super::*;

    /// The name of a transform is that of its module, and so that of its table, which switches it
    /// off.
    #[test]
    fn every_transform_can_be_switched_off() {
        for name in ALL.iter().map(|t| t.meta().name) {
            let off = serde_json::json!({name: {"enabled": false}});
            let settings: Settings =
                serde_json::from_value(off).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert!(
                Settings::default().enabled(name) && !settings.enabled(name),
                "the table of another transform switches {name} off"
            );
        }
    }

    #[test]
    fn the_skeleton_works() {
        let input = Input {
            path: "app.yaml".into(),
            text: include_str!("_skeleton/cases/immutable/before/app.yaml").into(),
            editable: true,
        };
        let found = skeleton::PatternName.check(&Context {
            workspace: &Workspace::new(vec![input], Options::default()),
            settings: &Settings::default(),
            running: &[],
        });
        let codes: Vec<_> = found
            .iter()
            .map(|f| f.fix.as_ref().err().map(|reason| reason.code))
            .collect();
        assert_eq!(codes, [None, Some("immutable")]);
        assert!(skeleton::Options::default().enabled);
        assert_eq!(skeleton::PatternName.meta().codes, ["immutable"]);
    }
}
