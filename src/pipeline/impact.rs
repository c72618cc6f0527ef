//! What a restart costs: how many pods there are, what of the strategy, the volumes and the budgets
//! takes them away for a while or holds the rollout up, and what the pods read.
//!
//! Only what the manifests show is said: where a kustomization may change a field, nothing is said
//! of it.

use std::collections::BTreeSet;

use kubewright_model::kube::{Hold, Keys, PodTemplate, Resource, ResourceId, Workspace};
use kubewright_model::yaml::Node;

use super::restarts::Strategy;

/// What replacing the pods of a workload takes with it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cost {
    /// Stable code: `all-pods-down`, `volume-of-one-node`, `disruption-budget`, `nodes-at-once` or
    /// `held-back`.
    pub code: &'static str,
    /// For the user; its subject is the workload.
    pub text: String,
}

/// A ConfigMap or Secret that pods read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Read {
    /// `ConfigMap` or `Secret`.
    pub kind: &'static str,
    /// Its name, as it is referenced.
    pub name: String,
}

/// What there is to say of one workload.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Impact {
    /// Number of pods, at least; `None` where the manifest does not say it.
    pub(super) replicas: Option<i64>,
    pub(super) costs: Vec<Cost>,
}

/// What the pods of a workload read.
pub(super) fn reads(workspace: &Workspace, id: ResourceId) -> Vec<Read> {
    let templates = workspace.pod_templates(id);
    let references = templates.iter().flat_map(PodTemplate::references);
    let reads: BTreeSet<Read> = references
        .filter(|reference| reference.demand.reads != Keys::None)
        .map(|reference| Read {
            kind: reference.to.kind(),
            name: reference.name.to_owned(),
        })
        .collect();
    reads.into_iter().collect()
}

/// What else in the workspace bears on a rollout.
pub(super) struct Surroundings<'w> {
    workspace: &'w Workspace,
    budgets: Vec<&'w Resource>,
    claims: Vec<&'w Resource>,
    scalers: Vec<&'w Resource>,
}

impl<'w> Surroundings<'w> {
    pub(super) fn new(workspace: &'w Workspace) -> Self {
        let of = |group: &str, kind: &str| -> Vec<&'w Resource> {
            let all = workspace.resources().iter();
            all.filter(|r| r.kind == kind && r.group() == group)
                .collect()
        };
        Self {
            workspace,
            budgets: of("policy", "PodDisruptionBudget"),
            claims: of("", "PersistentVolumeClaim"),
            scalers: of("autoscaling", "HorizontalPodAutoscaler"),
        }
    }

    /// What replacing the pods of a workload by `strategy` costs.
    pub(super) fn impact(&self, id: ResourceId, strategy: Strategy) -> Impact {
        let workspace = self.workspace;
        let (Some(node), templates) = (workspace.node(id), workspace.pod_templates(id)) else {
            return Impact::default();
        };
        let Some(template) = templates.first() else {
            return Impact::default();
        };
        let touches = workspace.touches(id);
        let workload = Workload {
            resource: workspace.resource(id),
            node,
            template,
            is_final: &|field| !touches.iter().any(|touch| touch.affects(field)),
        };
        let replicas = self.replicas(&workload);
        let mut costs = Vec::new();
        if matches!(strategy, Strategy::Rolling | Strategy::Recreate) {
            let away = workload.away(strategy, replicas);
            costs.extend(all_pods_down(strategy, replicas, away));
            costs.extend(self.volume_of_one_node(&workload, strategy, away));
            costs.extend(self.disruption_budget(&workload, replicas, away));
            costs.extend(workload.nodes_at_once());
            let hold = Hold::of(workload.resource, node);
            costs.extend(hold.map(|hold| Cost {
                code: "held-back",
                text: hold.to_string(),
            }));
        }
        Impact { replicas, costs }
    }

    /// The number of pods, or the smallest one where an autoscaler decides.
    fn replicas(&self, workload: &Workload<'_>) -> Option<i64> {
        let per_node = workload.resource.kind == "DaemonSet";
        let one_by_default = ["Deployment", "StatefulSet"].contains(&&*workload.resource.kind);
        if per_node || !(workload.is_final)("spec.replicas") {
            return None;
        }
        let targets = |scaler: &&&Resource| {
            let target = self
                .workspace
                .node(scaler.id)
                .and_then(|node| node.path(&["spec", "scaleTargetRef"]));
            let says = |field: &str| target.and_then(|t| t.get(field)).and_then(Node::text);
            says("kind") == Some(&workload.resource.kind)
                && says("name") == Some(&workload.resource.name)
                && self.together(workload.resource, scaler)
        };
        if let Some(scaler) = self.scalers.iter().find(targets) {
            let node = self.workspace.node(scaler.id)?;
            let least = node.path(&["spec", "minReplicas"]);
            return Some(least.and_then(Node::as_int).unwrap_or(1));
        }
        match workload.node.path(&["spec", "replicas"]) {
            Some(written) => written.as_int(),
            None => one_by_default.then_some(1),
        }
    }

    /// A new pod that waits for a volume of the old one, which stays until the new one is ready.
    fn volume_of_one_node(
        &self,
        workload: &Workload<'_>,
        strategy: Strategy,
        away: Option<i64>,
    ) -> Option<Cost> {
        let rolls =
            ["Deployment", "DeploymentConfig", "Rollout"].contains(&&*workload.resource.kind);
        if strategy != Strategy::Rolling || !rolls || away != Some(0) {
            return None;
        }
        let volumes = workload.template.volumes();
        let names = volumes
            .iter()
            .filter_map(|v| v.path(&["persistentVolumeClaim", "claimName"])?.text());
        for name in names {
            let mut found = self
                .claims
                .iter()
                .filter(|claim| claim.name == name && self.together(workload.resource, claim));
            let Some(claim) = found.next().and_then(|claim| self.workspace.node(claim.id)) else {
                continue;
            };
            let modes: Vec<&str> = claim
                .path(&["spec", "accessModes"])
                .into_iter()
                .flat_map(Node::items)
                .filter_map(Node::text)
                .collect();
            let (mode, where_) = match modes.as_slice() {
                ["ReadWriteOncePod"] => ("ReadWriteOncePod", "a new pod"),
                ["ReadWriteOnce"] => ("ReadWriteOnce", "a new pod on another node"),
                _ => continue,
            };
            return Some(Cost {
                code: "volume-of-one-node",
                text: format!(
                    "PersistentVolumeClaim {name} is {mode}: {where_} waits for the old one, \
                     which stays until the new one is ready"
                ),
            });
        }
        None
    }

    /// A budget that allows no pod to be away, while the rollout takes some away.
    fn disruption_budget(
        &self,
        workload: &Workload<'_>,
        replicas: Option<i64>,
        away: Option<i64>,
    ) -> Option<Cost> {
        if away == Some(0) {
            return None;
        }
        let labels = workload.template.node.path(&["metadata", "labels"])?;
        let fits = |budget: &&&Resource| {
            let selector = self
                .workspace
                .node(budget.id)
                .and_then(|node| node.path(&["spec", "selector"]));
            let Some(selector) = selector else {
                return false;
            };
            let wanted = selector.get("matchLabels");
            let plain = selector
                .entries()
                .all(|(key, _)| key.text() == Some("matchLabels"));
            let holds = |(key, value): (Node<'_>, Node<'_>)| {
                let label = key.text().and_then(|key| labels.get(key));
                label.and_then(Node::text) == value.text()
            };
            plain
                && wanted.is_some_and(|wanted| wanted.entries().all(holds))
                && self.together(workload.resource, budget)
        };
        let budget = self.budgets.iter().find(fits)?;
        let node = self.workspace.node(budget.id)?;
        let field = |name: &str| node.path(&["spec", name]);
        let none_away =
            field("maxUnavailable").is_some_and(|most| matches!(most.text(), Some("0" | "0%")));
        let all_there = field("minAvailable").is_some_and(|least| {
            least.text() == Some("100%")
                || least
                    .as_int()
                    .zip(replicas)
                    .is_some_and(|(least, all)| least >= all)
        });
        (none_away || all_there).then(|| Cost {
            code: "disruption-budget",
            text: format!(
                "PodDisruptionBudget {} allows no pod to be away, and a rollout does not ask it",
                budget.name
            ),
        })
    }

    /// Whether both are applied into one namespace, as far as the manifests say.
    fn together(&self, workload: &Resource, other: &Resource) -> bool {
        let sets = self.workspace.sets_of(workload.id);
        workload.namespace == other.namespace
            && self
                .workspace
                .sets_of(other.id)
                .iter()
                .any(|set| sets.contains(set))
    }
}

struct Workload<'a> {
    resource: &'a Resource,
    node: Node<'a>,
    template: &'a PodTemplate<'a>,
    /// Whether no kustomization may change a field.
    is_final: &'a dyn Fn(&str) -> bool,
}

impl Workload<'_> {
    fn spec(&self, path: &[&str]) -> Option<Node<'_>> {
        self.node.get("spec")?.path(path)
    }

    /// The most pods that the rollout takes away at a time, before new ones are there; `None` where
    /// that is not known
    /// (<https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#rolling-update-deployment>).
    fn away(&self, strategy: Strategy, replicas: Option<i64>) -> Option<i64> {
        if strategy == Strategy::Recreate {
            return replicas;
        }
        match self.resource.kind.as_str() {
            "StatefulSet" => Some(1),
            "Deployment" if (self.is_final)("spec.strategy") => {
                let field = |name| self.spec(&["strategy", "rollingUpdate", name]);
                // Most of what was written for that group states it, as its default was one pod.
                let default = match self.resource.group() {
                    "extensions" => return None,
                    _ => "25%",
                };
                let away = share(field("maxUnavailable"), default, replicas?, false)?;
                let more = share(field("maxSurge"), default, replicas?, true)?;
                Some(if away == 0 && more == 0 { 1 } else { away })
            }
            _ => None,
        }
    }

    /// A DaemonSet that replaces the pods of several nodes at once
    /// (<https://kubernetes.io/docs/tasks/manage-daemon/update-daemon-set/>).
    fn nodes_at_once(&self) -> Option<Cost> {
        if self.resource.kind != "DaemonSet" || !(self.is_final)("spec.updateStrategy") {
            return None;
        }
        let most = self.spec(&["updateStrategy", "rollingUpdate", "maxUnavailable"])?;
        let text = most.text()?;
        let several = text.ends_with('%') && text != "0%" || most.as_int().is_some_and(|n| n > 1);
        several.then(|| Cost {
            code: "nodes-at-once",
            text: format!(
                "maxUnavailable {text}: so many of the nodes are without its pod at once"
            ),
        })
    }
}

/// That no pod is left for a while.
fn all_pods_down(strategy: Strategy, replicas: Option<i64>, away: Option<i64>) -> Option<Cost> {
    let text = match (strategy, replicas, away) {
        (_, Some(0), _) => return None,
        (Strategy::Recreate, ..) => {
            "its strategy is Recreate: all pods stop before new ones start".to_owned()
        }
        (_, Some(1), Some(1)) => "it has one pod, which stops before the new one starts".into(),
        (_, Some(all), Some(away)) if away >= all => {
            format!("maxUnavailable lets all of its {all} pods go at once")
        }
        _ => return None,
    };
    Some(Cost {
        code: "all-pods-down",
        text,
    })
}

/// A number of pods, or a share of all of them, rounded up or down; `None` where it is neither.
fn share(written: Option<Node<'_>>, default: &str, all: i64, up: bool) -> Option<i64> {
    let text = match written {
        Some(node) if !node.is_null() => node.text()?,
        _ => default,
    };
    let Some(percent) = text.strip_suffix('%') else {
        return text.parse().ok();
    };
    let hundredths = percent.parse::<i64>().ok()?.checked_mul(all)?;
    Some(if up {
        hundredths.checked_add(99)? / 100
    } else {
        hundredths / 100
    })
}
