//! What keeps a changed pod template from reaching all pods by itself.

use std::fmt;

use super::config_change_rolls;
use crate::kube::object::resource::Resource;
use crate::yaml::Node;

/// Why a changed pod template does not replace all pods by itself. The text of it follows a colon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hold {
    /// `spec.paused` of a Deployment, Argo Rollout or `CloneSet`.
    Paused,
    /// `spec.updateStrategy.rollingUpdate.partition`: pods of a lower ordinal keep the old template
    /// (<https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/#partitions>).
    Partition {
        /// The first ordinal that is replaced.
        from: i64,
        /// As many as there are pods, or more.
        all: bool,
    },
    /// The steps of a canary pause
    /// (<https://argo-rollouts.readthedocs.io/en/stable/features/canary/>).
    Canary {
        /// Not for a time, but until somebody promotes it.
        waits: bool,
    },
    /// A blue-green rollout that waits for somebody
    /// (<https://argo-rollouts.readthedocs.io/en/stable/features/bluegreen/>).
    Promotion,
    /// A `DeploymentConfig` without the trigger `ConfigChange`.
    NoTrigger,
    /// All traffic of a Knative Service goes to revisions that are named
    /// (<https://knative.dev/docs/serving/traffic-management/>).
    Pinned,
}

impl Hold {
    /// What holds a changed template of this workload back.
    pub fn of(resource: &Resource, workload: Node<'_>) -> Option<Self> {
        let spec = |path: &[&str]| workload.get("spec")?.path(path);
        let number = |path: &[&str]| spec(path).and_then(Node::as_int);
        if spec(&["paused"]).and_then(Node::as_bool) == Some(true) {
            return Some(Self::Paused);
        }
        let partition = number(&["updateStrategy", "rollingUpdate", "partition"])
            .or_else(|| number(&["updateStrategy", "partition"]));
        if let Some(from) = partition.filter(|partition| *partition > 0) {
            return Some(Self::Partition {
                from,
                all: from >= number(&["replicas"]).unwrap_or(1),
            });
        }
        let steps = spec(&["strategy", "canary", "steps"])
            .into_iter()
            .flat_map(Node::items);
        let pauses: Vec<Node<'_>> = steps.filter_map(|step| step.get("pause")).collect();
        if !pauses.is_empty() {
            return Some(Self::Canary {
                waits: pauses
                    .iter()
                    .any(|pause| pause.get("duration").is_none_or(Node::is_null)),
            });
        }
        if spec(&["strategy", "blueGreen", "autoPromotionEnabled"]).and_then(Node::as_bool)
            == Some(false)
        {
            return Some(Self::Promotion);
        }
        if resource.kind == "DeploymentConfig" && !config_change_rolls(workload) {
            return Some(Self::NoTrigger);
        }
        let takes_traffic =
            |target: &Node<'_>| target.get("percent").and_then(Node::as_int) != Some(0);
        let mut traffic = spec(&["traffic"])
            .into_iter()
            .flat_map(Node::items)
            .filter(takes_traffic)
            .peekable();
        let knative = resource.group() == "serving.knative.dev" && traffic.peek().is_some();
        (knative && traffic.all(|target| target.get("revisionName").is_some()))
            .then_some(Self::Pinned)
    }

    /// Whether no pod at all is replaced until somebody acts.
    pub fn holds_all(self) -> bool {
        match self {
            Self::Partition { all, .. } => all,
            Self::Canary { .. } => false,
            Self::Paused | Self::Promotion | Self::NoTrigger | Self::Pinned => true,
        }
    }
}

impl fmt::Display for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Paused => f.write_str("it is paused: pods are replaced once it resumes"),
            Self::Partition { from, .. } => write!(
                f,
                "partition {from}: pods below that ordinal keep the old content"
            ),
            Self::Canary { waits: true } => f.write_str(
                "its canary pauses: the other pods are replaced once somebody promotes it",
            ),
            Self::Canary { waits: false } => {
                f.write_str("its canary pauses: the other pods are replaced after that")
            }
            Self::Promotion => f.write_str(
                "autoPromotionEnabled is false: the new pods take over once somebody promotes them",
            ),
            Self::NoTrigger => {
                f.write_str("it has no trigger ConfigChange: `oc rollout latest` rolls it out")
            }
            Self::Pinned => f.write_str(
                "its traffic is pinned to a revision: the new one serves nobody until `traffic` \
                 names it",
            ),
        }
    }
}
