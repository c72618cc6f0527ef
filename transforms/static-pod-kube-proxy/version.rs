//! The version of Kubernetes that a DaemonSet is written for, and what that version knows.
//!
//! The option `kubernetes-version` says it, else the tag of the image that kube-proxy comes from:
//! kube-proxy is never newer than its API server, and as old as the kubelets or older. Where
//! neither says anything, the newest is assumed and the finding says so.

use kubewright_model::finding::NoFix;

use super::codes::Code;
use kubewright_model::yaml::Node;

/// The oldest version whose DaemonSets roll out updates and whose pods have tolerations as a field.
const OLDEST: u32 = 6;
/// The newest version that a DaemonSet's text depends on.
const NEWEST: u32 = 16;

/// The version a DaemonSet is written for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    /// 14 of 1.14; `None` when nothing says it.
    minor: Option<u32>,
    /// What says it, or says nothing.
    source: String,
}

impl Target {
    /// The version that the settings state, else that of the image.
    pub(super) fn new(stated: Option<u32>, image: Option<&str>) -> Self {
        let image = image.unwrap_or("");
        match (stated, of_image(image)) {
            (Some(minor), _) => Self {
                minor: Some(minor),
                source: "kubernetes-version in the configuration".to_owned(),
            },
            (None, minor) => Self {
                minor,
                source: format!("image {image}"),
            },
        }
    }

    fn at_least(&self, minor: u32) -> bool {
        self.minor.is_none_or(|m| m >= minor)
    }

    /// `1.14`, for messages.
    pub(super) fn name(&self) -> String {
        match self.minor {
            Some(minor) => format!("1.{minor}"),
            None => format!("1.{NEWEST} and later"),
        }
    }

    /// Whether it is known and before 1.`minor`.
    pub(super) fn is_before(&self, minor: u32) -> bool {
        !self.at_least(minor)
    }

    /// The API version of RBAC: `v1` came with 1.8.
    pub(super) fn rbac(&self) -> &'static str {
        if self.at_least(8) {
            "rbac.authorization.k8s.io/v1"
        } else {
            "rbac.authorization.k8s.io/v1beta1"
        }
    }

    /// The API version of DaemonSets: `apps/v1` came with 1.9, `apps/v1beta2` with 1.8.
    pub(super) fn daemon_set(&self) -> &'static str {
        match self.minor {
            Some(..8) => "extensions/v1beta1",
            Some(8) => "apps/v1beta2",
            _ => "apps/v1",
        }
    }

    /// Whether kubelets set `kubernetes.io/os` and `kubernetes.io/arch` on their nodes.
    pub(super) fn stable_node_labels(&self) -> bool {
        self.at_least(14)
    }

    /// The label that kubeadm and others give nodes of the control plane: `master` before 1.20.
    pub(super) fn control_plane_label(&self) -> &'static str {
        if self.at_least(20) {
            "node-role.kubernetes.io/control-plane"
        } else {
            "node-role.kubernetes.io/master"
        }
    }

    /// Whether pods have the field `priorityClassName`.
    pub(super) fn has_priority_class(&self) -> bool {
        self.at_least(8)
    }

    /// Whether priority classes count without a feature gate.
    pub(super) fn counts_priority(&self) -> bool {
        self.at_least(11)
    }

    /// Whether the annotation of critical pods means something: it is gone since 1.16.
    pub(super) fn knows_critical_annotation(&self) -> bool {
        self.is_before(16)
    }

    /// Whether the kubelet is known never to evict a static pod: since 1.16.
    pub(super) fn spares_static_pods(&self) -> bool {
        self.minor.is_some_and(|m| m >= 16)
    }

    /// Whether `--hostname-override` counts beside `--config` (kubeadm#857).
    pub(super) fn override_beside_config(&self) -> bool {
        self.at_least(12)
    }

    /// Refuses versions that the conversion does not know.
    pub(super) fn obstacle(&self) -> Option<NoFix> {
        self.is_before(OLDEST).then(|| {
            let text = format!(
                "{} is Kubernetes {}, whose DaemonSets roll out nothing and whose pods have no \
                 tolerations; write the DaemonSet after an update, or state kubernetes-version if \
                 the cluster is newer",
                self.source,
                self.name()
            );
            NoFix::new(Code::KubernetesVersion, text)
        })
    }

    /// Refuses when a variable for the node's address is needed and there is none.
    pub(super) fn host_address(&self, place: &str, address: &str) -> Result<(), NoFix> {
        if self.at_least(7) {
            return Ok(());
        }
        let text = format!(
            "{place} names {address}, the address of one node, and {} is Kubernetes {}: the field \
             status.hostIP, which stands for the address of each node, came with 1.7; state \
             kubernetes-version if the API server is newer",
            self.source,
            self.name()
        );
        Err(NoFix::new(Code::KubernetesVersion, text))
    }

    /// Why a DaemonSet starts no pods in this version.
    pub(super) fn fault(&self, set: Node<'_>) -> Option<String> {
        let label = set.path(&[
            "spec",
            "template",
            "spec",
            "nodeSelector",
            "kubernetes.io/os",
        ]);
        let api = set.get("apiVersion").and_then(Node::text).unwrap_or("");
        if label.is_some() && !self.stable_node_labels() {
            return Some(format!(
                "matches no node: kubernetes.io/os is set since Kubernetes 1.14, and {} is {}",
                self.source,
                self.name()
            ));
        }
        let unknown =
            (api == "apps/v1" && self.is_before(9)) || (api == "apps/v1beta2" && self.is_before(8));
        unknown.then(|| {
            format!(
                "is refused: {api} is not known to Kubernetes {} ({})",
                self.name(),
                self.source
            )
        })
    }

    /// What the reader has to know about the version.
    pub(super) fn note(&self) -> Option<String> {
        let Some(minor) = self.minor else {
            return Some(format!(
                "{} says no version: the newest Kubernetes is assumed (apps/v1 needs 1.9, the \
                 node label kubernetes.io/os 1.14, and flags are those of today); for an older \
                 cluster set kubernetes-version in [transforms.static-pod-kube-proxy]",
                self.source
            ));
        };
        if minor >= 14 {
            return None;
        }
        let label = "the node label beta.kubernetes.io/os, which kubelets set before 1.14";
        let priority = match (self.has_priority_class(), self.counts_priority()) {
            (false, _) => "; its pods have no priorityClassName",
            (true, false) => "; its priority classes need the feature gate PodPriority",
            (true, true) => "",
        };
        Some(format!(
            "{} is Kubernetes {}: the DaemonSet is {} with {label}{priority}; for a newer cluster \
             set kubernetes-version in [transforms.static-pod-kube-proxy]",
            self.source,
            self.name(),
            self.daemon_set()
        ))
    }
}

/// The minor version in the tag of an image of Kubernetes: its name says that it is one.
fn of_image(image: &str) -> Option<u32> {
    let image = image.split('@').next().unwrap_or(image);
    let last = image.rsplit('/').next().unwrap_or(image);
    let (name, tag) = last.split_once(':')?;
    (name.contains("kube") || name.contains("k8s"))
        .then(|| minor_version(tag))
        .flatten()
}

/// The minor version of Kubernetes that a text such as `v1.14.3-build.1` begins with.
pub(super) fn minor_version(text: &str) -> Option<u32> {
    let rest = text.strip_prefix('v').unwrap_or(text).strip_prefix("1.")?;
    let digits = rest
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(rest.len());
    let (minor, rest) = rest.split_at_checked(digits)?;
    // `1.9beta` and `1.9a` are tags of something else.
    let ends = rest.is_empty() || rest.starts_with(['.', '-', '_', '+']);
    ends.then(|| minor.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::{Target, of_image};

    #[test]
    fn versions_of_images() {
        for (image, minor) in [
            ("quay.io/coreos/hyperkube:v1.7.0_coreos.0", Some(7)),
            ("k8s.gcr.io/kube-proxy-amd64:v1.14.3", Some(14)),
            ("localhost:5000/kube-proxy:1.9", Some(9)),
            (
                "registry.example.com/kube-proxy:v1.30.1@sha256:00",
                Some(30),
            ),
            (
                "registry.example.com/kube-proxy:v1.18.9-eksbuild.1",
                Some(18),
            ),
            ("registry.example.com/kube-proxy@sha256:00", None),
            ("registry.example.com/kube-proxy:latest", None),
            ("registry.example.com/kube-proxy", None),
            ("registry.example.com/kube-proxy:v1.9beta", None),
            ("registry.example.com/kube-proxy:{{ version }}", None),
            ("registry.example.com/network:v1.7.0", None),
            ("localhost:5000/kube-proxy", None),
        ] {
            assert_eq!(of_image(image), minor, "{image}");
        }
    }

    #[test]
    fn what_is_stated_counts_more() {
        assert_eq!(
            Target::new(Some(30), Some("kube-proxy:v1.7.0")).daemon_set(),
            "apps/v1"
        );
        assert_eq!(
            Target::new(None, Some("kube-proxy:v1.8.0")).daemon_set(),
            "apps/v1beta2"
        );
        assert_eq!(
            Target::new(None, Some("kube-proxy:v1.6.0")).daemon_set(),
            "extensions/v1beta1"
        );
    }
}
