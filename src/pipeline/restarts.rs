//! What applying the changed manifests restarts: pod templates whose value is another one than
//! before.

use std::collections::BTreeMap;

use kubewright_model::kube::{Build, FileId, Hold, PodTemplate, ResourceId, Rollout, Workspace};
use kubewright_model::yaml::{Node, Value};

use super::impact::{self, Cost, Read, Surroundings};
use super::positions::Positions;
use super::report::{FileChange, ResourceName};

/// How pods are replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Strategy {
    /// One after another, by the controller.
    Rolling,
    /// All stopped before new ones start: `strategy.type: Recreate` of a Deployment.
    Recreate,
    /// Not before someone deletes them: `updateStrategy.type: OnDelete`.
    OnDelete,
    /// The object must be deleted and applied again: bare Pods, Jobs.
    Recreated,
}

impl Strategy {
    /// The word used in every output format.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rolling => "rolling",
            Self::Recreate => "Recreate",
            Self::OnDelete => "OnDelete",
            Self::Recreated => "recreated",
        }
    }
}

/// A workload whose pods are replaced when the result is applied.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Restart {
    /// Path of its file, relative to the root.
    pub path: String,
    /// The workload.
    pub resource: ResourceName,
    /// How.
    pub strategy: Strategy,
    /// Number of pods, the smallest where an autoscaler decides; `None` where the manifests do not
    /// say it.
    pub replicas: Option<i64>,
    /// What that takes with it.
    pub costs: Vec<Cost>,
    /// What its new pods read, by kind and name: workloads that share one restart together when it
    /// changes.
    pub reads: Vec<Read>,
}

/// Restarts by path and position.
pub(super) fn restarts(
    original: &Workspace,
    (now, positions): (&Workspace, &Positions),
    files: &[FileChange],
) -> Vec<Restart> {
    let changed: Vec<&str> = files.iter().map(|f| f.path.as_str()).collect();
    let differs = |path: &str| changed.binary_search(&path).is_ok();
    // A file without resources may be a kustomization, or a patch of one.
    let patched = |ws: &Workspace| {
        let mut files = ws.files().iter().filter(|f| differs(&f.path));
        files.any(|file| ws.resources_of(file.id).is_empty())
    };
    let patched = patched(original) || patched(now);
    let in_changed = |ws: &Workspace| -> Vec<ResourceId> {
        ws.resources()
            .iter()
            .filter(|r| differs(&ws.file(r.file).path) || (patched && is_built(ws, r.id)))
            .map(|r| r.id)
            .collect()
    };
    let before = in_changed(original);
    let after = Index::new(now, positions, &in_changed(now));
    let mut count: BTreeMap<(FileId, &str, &str), usize> = BTreeMap::new();
    for r in before.iter().map(|id| original.resource(*id)) {
        *count.entry((r.file, &r.kind, &r.name)).or_default() += 1;
    }
    let mut restarts = Vec::new();
    let mut surroundings = None;
    for id in before {
        let old = templates(original, id);
        let Some(strategy) = strategy(original, id).filter(|_| !old.is_empty()) else {
            continue;
        };
        let r = original.resource(id);
        let several = count
            .get(&(r.file, &*r.kind, &*r.name))
            .is_some_and(|n| *n > 1);
        let Some(twin) = after.twin(original, id, several) else {
            continue;
        };
        if old != templates(now, twin) {
            let resource = original.resource(id);
            let impact = surroundings
                .get_or_insert_with(|| Surroundings::new(original))
                .impact(id, strategy);
            restarts.push(Restart {
                path: original.file(resource.file).path.clone(),
                resource: resource.into(),
                strategy,
                replicas: impact.replicas,
                costs: impact.costs,
                reads: impact::reads(now, twin),
            });
        }
    }
    restarts
}

/// What a changed pod template of this resource restarts.
pub(super) fn restart_of(workspace: &Workspace, id: ResourceId) -> Option<Restart> {
    let strategy = strategy(workspace, id)?;
    let impact = Surroundings::new(workspace).impact(id, strategy);
    let resource = workspace.resource(id);
    Some(Restart {
        path: workspace.file(resource.file).path.clone(),
        resource: resource.into(),
        strategy,
        replicas: impact.replicas,
        costs: impact.costs,
        reads: impact::reads(workspace, id),
    })
}

/// Whether it carries pods, and a kustomization builds it.
fn is_built(workspace: &Workspace, id: ResourceId) -> bool {
    let through = |set| {
        workspace
            .member(set, id)
            .is_some_and(|m| !m.through.is_empty())
    };
    workspace.carries_pods(id) && workspace.sets_of(id).into_iter().any(through)
}

/// The pod templates of its file, and of each set whose patches change it.
fn templates(workspace: &Workspace, id: ResourceId) -> Vec<Option<Value>> {
    let own = workspace.pod_templates(id);
    let values = |templates: &[PodTemplate<'_>]| -> Vec<Option<Value>> {
        templates.iter().map(|t| t.node.to_value()).collect()
    };
    let mut all = values(&own);
    if all.is_empty() {
        return all;
    }
    for set in workspace.sets_of(id) {
        match workspace.built(set, id) {
            Build::Same => all.extend(values(&own)),
            Build::Changed(built) => all.extend(values(&built.pod_templates())),
            Build::Unknown => {}
        }
    }
    all
}

/// How a changed pod template of this resource reaches its pods; `None` when running pods stay or
/// the next run takes it anyway.
fn strategy(workspace: &Workspace, id: ResourceId) -> Option<Strategy> {
    let carrier = workspace.pod_templates(id).first()?.carrier;
    let node = workspace.node(id)?;
    let spec = |path: &[&str]| node.path(path).and_then(Node::text);
    if carrier.rollout == Rollout::Rolls
        && Hold::of(workspace.resource(id), node).is_some_and(Hold::holds_all)
    {
        return None;
    }
    match carrier.rollout {
        Rollout::Rolls if spec(&["spec", "strategy", "type"]) == Some("Recreate") => {
            Some(Strategy::Recreate)
        }
        Rollout::Rolls if spec(&["spec", "updateStrategy", "type"]) == Some("OnDelete") => {
            Some(Strategy::OnDelete)
        }
        Rollout::Rolls => Some(Strategy::Rolling),
        Rollout::Immutable | Rollout::Recreate => Some(Strategy::Recreated),
        Rollout::NextRun | Rollout::Untouched => None,
    }
}

/// Resources of the result by what they are recognised by.
struct Index {
    /// By path, kind, namespace and name.
    here: BTreeMap<(String, String, Option<String>, String), ResourceId>,
    /// By kind, namespace and name; `None` where there are several.
    anywhere: BTreeMap<(String, Option<String>, String), Option<ResourceId>>,
    /// By path, kind, document and item.
    position: BTreeMap<(String, String, usize, Option<usize>), ResourceId>,
}

impl Index {
    fn new(workspace: &Workspace, positions: &Positions, ids: &[ResourceId]) -> Self {
        let mut index = Self {
            here: BTreeMap::new(),
            anywhere: BTreeMap::new(),
            position: BTreeMap::new(),
        };
        for id in ids {
            let r = workspace.resource(*id);
            let path = &workspace.file(r.file).path;
            index.here.insert(
                (
                    path.clone(),
                    r.kind.clone(),
                    r.namespace.clone(),
                    r.name.clone(),
                ),
                *id,
            );
            index
                .anywhere
                .entry((r.kind.clone(), r.namespace.clone(), r.name.clone()))
                .and_modify(|v| *v = None)
                .or_insert(Some(*id));
            index.position.insert(
                (
                    path.clone(),
                    r.kind.clone(),
                    positions.original(path, r.document),
                    r.item,
                ),
                *id,
            );
        }
        index
    }

    /// The resource that `id` of the original has become; `several`: its file has others of its
    /// kind and name.
    fn twin(&self, original: &Workspace, id: ResourceId, several: bool) -> Option<ResourceId> {
        let r = original.resource(id);
        let path = &original.file(r.file).path;
        let position = self
            .position
            .get(&(path.clone(), r.kind.clone(), r.document, r.item))
            .copied();
        // Two resources of one name in one file: their positions tell them apart.
        let here = self
            .here
            .get(&(
                path.clone(),
                r.kind.clone(),
                r.namespace.clone(),
                r.name.clone(),
            ))
            .copied();
        if several && position.is_some() {
            return position;
        }
        here.or_else(|| {
            self.anywhere
                .get(&(r.kind.clone(), r.namespace.clone(), r.name.clone()))
                .copied()
                .flatten()
        })
        .or(position)
    }
}
