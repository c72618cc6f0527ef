//! Pod templates: where each kind carries its pods, and their containers and volumes.
//!
//! [`CARRIERS`] is the whole knowledge of kinds; everything below walks its paths. References of a
//! template are read in `references`.

pub(in crate::kube) mod references;
pub(in crate::kube) mod rollout;

use crate::kube::object::reference::{Reference, Target};
use crate::kube::object::resource::{Hints, Identity, Resource, ResourceId};
use crate::yaml::Node;

/// What a changed pod template does to running pods
/// (docs/kubernetes.md#what-a-template-change-rolls).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rollout {
    /// The controller replaces pods by itself.
    Rolls,
    /// The next run takes it: CronJob and the like.
    NextRun,
    /// Accepted, running pods stay as they are: `ReplicaSet`, `ReplicationController`,
    /// `PodTemplate`.
    Untouched,
    /// The field is immutable, the object must be recreated: Job.
    Immutable,
    /// The pod itself must be recreated: Pod.
    Recreate,
}

/// A kind that carries pod templates.
#[derive(Debug)]
pub struct Carrier {
    /// Kind.
    pub kind: &'static str,
    /// API groups it is recognised in, without version; `""` is the core group; `*` takes any.
    pub groups: &'static [&'static str],
    /// Path from the resource to the mapping that holds `metadata` and `spec` of the pod; empty for
    /// Pod. `[]` behind a segment goes through a sequence, `*` through all values of a mapping.
    pub template: &'static [&'static str],
    /// What a change does.
    pub rollout: Rollout,
}

impl Carrier {
    /// Whether a resource is of this row.
    fn is_of(&self, resource: &Identity) -> bool {
        self.kind == resource.kind
            && self
                .groups
                .iter()
                .any(|group| *group == "*" || *group == resource.group())
    }
}

const fn row(
    kind: &'static str,
    groups: &'static [&'static str],
    template: &'static [&'static str],
    rollout: Rollout,
) -> Carrier {
    Carrier {
        kind,
        groups,
        template,
        rollout,
    }
}

const APPS: &[&str] = &["apps", "extensions", "apps.kruise.io"];
const KRUISE: &[&str] = &["apps.kruise.io"];
const KNATIVE: &[&str] = &["serving.knative.dev"];
const ARGO: &[&str] = &["argoproj.io"];
const AGONES: &[&str] = &["agones.dev"];
const KUBEFLOW: &[&str] = &["kubeflow.org"];
const SPEC_TEMPLATE: &[&str] = &["spec", "template"];

/// All carriers: the API's own kinds, and custom resources that hold a whole pod template. A kind
/// with several paths has several rows.
pub const CARRIERS: &[Carrier] = &[
    // Core kinds; old groups have the same paths.
    row("Pod", &[""], &[], Rollout::Recreate),
    row("PodTemplate", &[""], &["template"], Rollout::Untouched),
    row(
        "Deployment",
        &["apps", "extensions"],
        SPEC_TEMPLATE,
        Rollout::Rolls,
    ),
    row(
        "ReplicaSet",
        &["apps", "extensions"],
        SPEC_TEMPLATE,
        Rollout::Untouched,
    ),
    row("StatefulSet", APPS, SPEC_TEMPLATE, Rollout::Rolls),
    row("DaemonSet", APPS, SPEC_TEMPLATE, Rollout::Rolls),
    row(
        "ReplicationController",
        &[""],
        SPEC_TEMPLATE,
        Rollout::Untouched,
    ),
    row(
        "Job",
        &["batch", "extensions"],
        SPEC_TEMPLATE,
        Rollout::Immutable,
    ),
    row(
        "CronJob",
        &["batch"],
        &["spec", "jobTemplate", "spec", "template"],
        Rollout::NextRun,
    ),
    row(
        "ScheduledJob",
        &["batch"],
        &["spec", "jobTemplate", "spec", "template"],
        Rollout::NextRun,
    ),
    // Argo Rollouts.
    row("Rollout", ARGO, SPEC_TEMPLATE, Rollout::Rolls),
    row(
        "Experiment",
        ARGO,
        &["spec", "templates[]", "template"],
        Rollout::Immutable,
    ),
    row(
        "AnalysisTemplate",
        ARGO,
        &["spec", "metrics[]", "provider", "job", "spec", "template"],
        Rollout::NextRun,
    ),
    row(
        "ClusterAnalysisTemplate",
        ARGO,
        &["spec", "metrics[]", "provider", "job", "spec", "template"],
        Rollout::NextRun,
    ),
    // OpenKruise.
    row("CloneSet", KRUISE, SPEC_TEMPLATE, Rollout::Rolls),
    row("BroadcastJob", KRUISE, SPEC_TEMPLATE, Rollout::Immutable),
    row(
        "AdvancedCronJob",
        KRUISE,
        &["spec", "template", "*", "spec", "template"],
        Rollout::NextRun,
    ),
    row(
        "UnitedDeployment",
        KRUISE,
        &["spec", "template", "*", "spec", "template"],
        Rollout::Rolls,
    ),
    // Knative Serving.
    row("Service", KNATIVE, SPEC_TEMPLATE, Rollout::Rolls),
    row("Configuration", KNATIVE, SPEC_TEMPLATE, Rollout::Rolls),
    row("Revision", KNATIVE, &[], Rollout::Immutable),
    // OpenShift; its first releases had no API group.
    row(
        "DeploymentConfig",
        &["apps.openshift.io", ""],
        SPEC_TEMPLATE,
        Rollout::Rolls,
    ),
    // KEDA.
    row(
        "ScaledJob",
        &["keda.sh"],
        &["spec", "jobTargetRef", "template"],
        Rollout::NextRun,
    ),
    // Batch and machine learning.
    row(
        "JobSet",
        &["jobset.x-k8s.io"],
        &["spec", "replicatedJobs[]", "template", "spec", "template"],
        Rollout::Immutable,
    ),
    row(
        "LeaderWorkerSet",
        &["leaderworkerset.x-k8s.io"],
        &["spec", "leaderWorkerTemplate", "leaderTemplate"],
        Rollout::Rolls,
    ),
    row(
        "LeaderWorkerSet",
        &["leaderworkerset.x-k8s.io"],
        &["spec", "leaderWorkerTemplate", "workerTemplate"],
        Rollout::Rolls,
    ),
    row(
        "Job",
        &["batch.volcano.sh"],
        &["spec", "tasks[]", "template"],
        Rollout::Immutable,
    ),
    row(
        "TFJob",
        KUBEFLOW,
        &["spec", "tfReplicaSpecs", "*", "template"],
        Rollout::Immutable,
    ),
    row(
        "PyTorchJob",
        KUBEFLOW,
        &["spec", "pytorchReplicaSpecs", "*", "template"],
        Rollout::Immutable,
    ),
    row(
        "MPIJob",
        KUBEFLOW,
        &["spec", "mpiReplicaSpecs", "*", "template"],
        Rollout::Immutable,
    ),
    row(
        "XGBoostJob",
        KUBEFLOW,
        &["spec", "xgbReplicaSpecs", "*", "template"],
        Rollout::Immutable,
    ),
    row(
        "PaddleJob",
        KUBEFLOW,
        &["spec", "paddleReplicaSpecs", "*", "template"],
        Rollout::Immutable,
    ),
    // Agones.
    row("GameServer", AGONES, SPEC_TEMPLATE, Rollout::Recreate),
    row(
        "GameServerSet",
        AGONES,
        &["spec", "template", "spec", "template"],
        Rollout::Untouched,
    ),
    row(
        "Fleet",
        AGONES,
        &["spec", "template", "spec", "template"],
        Rollout::Rolls,
    ),
];

/// A pod template of a resource.
#[derive(Debug, Clone, Copy)]
pub struct PodTemplate<'a> {
    /// The resource that carries it.
    pub resource: ResourceId,
    /// Its kind's row.
    pub carrier: &'static Carrier,
    /// The mapping with `metadata` and `spec`: the template, or the Pod itself.
    pub node: Node<'a>,
    /// `spec`.
    pub spec: Node<'a>,
}

/// Where a container stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContainerKind {
    /// `initContainers`
    Init,
    /// `containers`
    Main,
    /// `ephemeralContainers`
    Ephemeral,
}

/// The lists of containers of a pod spec, in canonical order.
pub(in crate::kube) const CONTAINER_LISTS: &[(&str, ContainerKind)] = &[
    ("initContainers", ContainerKind::Init),
    ("containers", ContainerKind::Main),
    ("ephemeralContainers", ContainerKind::Ephemeral),
];

/// A container of a pod template.
#[derive(Debug, Clone, Copy)]
pub struct Container<'a> {
    /// Where it stands.
    pub kind: ContainerKind,
    /// Its mapping.
    pub node: Node<'a>,
    /// Its name; empty when it has none.
    pub name: &'a str,
}

impl<'a> PodTemplate<'a> {
    /// The name that a Knative Service or Configuration gives its revision. Under that name the
    /// template cannot change any more: the webhook refuses it
    /// (<https://knative.dev/docs/serving/revisions/>, `ValidateRevisionName` of
    /// `pkg/apis/serving/v1` in knative/serving).
    pub fn named_revision(&self) -> Option<&'a str> {
        let knative = self.carrier.groups == KNATIVE
            && matches!(self.carrier.kind, "Service" | "Configuration");
        let name = self.node.path(&["metadata", "name"]).filter(|_| knative)?;
        name.text().filter(|name| !name.is_empty())
    }

    /// All containers: init containers, containers, ephemeral containers.
    pub fn containers(&self) -> Vec<Container<'a>> {
        containers_of(self.spec)
    }

    /// The items of `volumes`.
    pub fn volumes(&self) -> Vec<Node<'a>> {
        volumes_of(self.spec)
    }

    /// The volume of that name.
    pub fn volume(&self, name: &str) -> Option<Node<'a>> {
        self.volumes()
            .into_iter()
            .find(|v| v.get("name").and_then(Node::text) == Some(name))
    }

    /// An annotation of the pod (of the template's `metadata`, not of the workload's).
    pub fn annotation(&self, key: &str) -> Option<Node<'a>> {
        self.node.path(&["metadata", "annotations", key])
    }

    /// All references to ConfigMaps and Secrets in canonical order, which does not depend on the
    /// order of mapping keys: for each init container, container and ephemeral container its
    /// `envFrom`, then its `env`; then the volumes with their sources in order; then the rest
    /// (`imagePullSecrets`, `secretRef` of other volume types).
    pub fn references(&self) -> Vec<Reference<'a>> {
        references::of_spec(self.spec)
    }
}

/// The containers of a pod spec.
pub(in crate::kube) fn containers_of(spec: Node<'_>) -> Vec<Container<'_>> {
    let mut containers = Vec::new();
    for (list, kind) in CONTAINER_LISTS {
        for node in spec
            .get(list)
            .into_iter()
            .flat_map(Node::items)
            .filter(|n| n.is_mapping())
        {
            containers.push(Container {
                kind: *kind,
                node,
                name: node.get("name").and_then(Node::text).unwrap_or_default(),
            });
        }
    }
    containers
}

/// The volumes of a pod spec.
pub(in crate::kube) fn volumes_of(spec: Node<'_>) -> Vec<Node<'_>> {
    spec.get("volumes")
        .into_iter()
        .flat_map(Node::items)
        .filter(|n| n.is_mapping())
        .collect()
}

/// What the text of a resource says about its pod templates.
pub(in crate::kube) fn hints(resource: &Identity, text: &str) -> Hints {
    let pods = CARRIERS.iter().any(|carrier| carrier.is_of(resource));
    let names = |to: Target| pods && references::word(to).is_in(text);
    Hints {
        pods,
        config_maps: names(Target::ConfigMap),
        secrets: names(Target::Secret),
    }
}

/// The pod templates that a resource carries, in document order.
pub(in crate::kube) fn templates<'a>(resource: &Resource, root: Node<'a>) -> Vec<PodTemplate<'a>> {
    let mut found = Vec::new();
    for carrier in CARRIERS.iter().filter(|c| c.is_of(resource)) {
        for node in walk(root, carrier.template) {
            if let Some(spec) = node.get("spec").filter(|s| s.is_mapping()) {
                found.push(PodTemplate {
                    resource: resource.id,
                    carrier,
                    node,
                    spec,
                });
            }
        }
    }
    found.sort_by_key(|t| t.node.id());
    found
}

/// All nodes at the end of a path; `[]` behind a segment goes through a sequence, `*` through all
/// values of a mapping.
pub fn walk<'a>(root: Node<'a>, path: &[&str]) -> Vec<Node<'a>> {
    let mut nodes = vec![root];
    for segment in path {
        let mut next = Vec::new();
        for node in nodes {
            if *segment == "*" {
                next.extend(node.entries().map(|(_, v)| v));
            } else if let Some(key) = segment.strip_suffix("[]") {
                next.extend(node.get(key).into_iter().flat_map(Node::items));
            } else {
                next.extend(node.get(segment));
            }
        }
        nodes = next;
    }
    nodes
}

/// Whether a `DeploymentConfig` rolls when its template changes: by a trigger `ConfigChange`, which
/// it has when it names no triggers at all. Source:
/// <https://docs.openshift.com/container-platform/latest/applications/deployments/managing-deployment-processes.html>.
pub(in crate::kube) fn config_change_rolls(deployment_config: Node<'_>) -> bool {
    let triggers = deployment_config
        .path(&["spec", "triggers"])
        .filter(|t| t.is_sequence());
    triggers.is_none_or(|t| {
        t.items()
            .any(|t| t.get("type").and_then(Node::text) == Some("ConfigChange"))
    })
}
