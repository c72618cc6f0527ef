//! What the workspace keeps beside what it shows: the maps that make questions cheap, and the
//! answers that were given before.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::Workspace;
use super::set_index::{SetIndex, run_of};
use crate::kube::apply_set::plan::Plan;
use crate::kube::gitops::settings::SourceSettings;
use crate::kube::kustomize::kustomization::Details;
use crate::kube::object::apply_set::{ApplySet, SetId};
use crate::kube::object::kustomization::{OutsideUse, Touch};
use crate::kube::object::reference::Target;
use crate::kube::object::resource::{FileId, ResourceId};
use crate::kube::pod::PodTemplate;
use crate::kube::source::builds::Build;
use crate::kube::source::command_outputs::Output;
use crate::kube::source::read::Read;
use crate::parallel;

/// What the workspace keeps beside what it shows.
#[derive(Debug, Clone, Default)]
pub(in crate::kube) struct Index {
    /// Parallel to the files.
    pub reads: Vec<Read>,
    /// Parallel to the kustomizations.
    pub details: Arc<Vec<Details>>,
    /// Parallel to the sets.
    pub sets: Arc<Vec<SetIndex>>,
    /// Resources and the sets they are part of, in this order.
    pub memberships: Arc<Vec<(ResourceId, SetId)>>,
    /// The sets that each resource went into, and was deleted on the way.
    pub gone_from: Arc<BTreeMap<ResourceId, Vec<SetId>>>,
    /// What Argo CD and Flux change in what they apply.
    pub source_settings: Arc<Vec<SourceSettings>>,
    /// ConfigMaps and Secrets in order of kind and name; made when it is first asked for.
    pub definitions: Arc<OnceLock<Vec<(Target, ResourceId)>>>,
    /// Directories that another tool fills, and the file that says so; made when it is first asked
    /// for.
    pub synced: Arc<OnceLock<Vec<(String, String)>>>,
    /// What commands of the repository write; read when a project of jsonnet, CUE or KCL is seen.
    pub outputs: Arc<OnceLock<Vec<Output>>>,
    /// The file of Nix by which nixidy makes the manifests, if one does; read when a file is named as
    /// it names them.
    pub nixidy: Arc<OnceLock<Option<String>>>,
    /// From which Dockerfiles images are built; read when a fact of an image is missing.
    pub builds: Arc<OnceLock<Vec<Build>>>,
    /// Which resources refer to a name; made when it is first asked for.
    pub references: Arc<OnceLock<References>>,
    /// What the sets are made of, kept for the next keystroke.
    pub plan: Planned,
    /// What was asked before about the ways of resources through kustomizations, of which there may
    /// be hundreds.
    pub asked: Arc<Asked>,
}

/// The plan of the sets; made when it is first asked for.
#[derive(Debug, Clone, Default)]
pub(in crate::kube) struct Planned {
    /// Shared with workspaces that followed.
    of: Arc<OnceLock<Option<Plan>>>,
    /// Files that have other texts by now, with which the sets are the same but for names.
    since: BTreeSet<FileId>,
}

impl Planned {
    /// The plan of a workspace that is made of `plan` and all that is known.
    pub(super) fn new(plan: Option<Plan>) -> Self {
        Self {
            of: Arc::new(OnceLock::from(plan)),
            since: BTreeSet::new(),
        }
    }

    pub(super) fn prepare(&self, plan: impl FnOnce() -> Option<Plan>) {
        self.of.get_or_init(plan);
    }

    /// What is known when those files change, and all that have changed since it was made.
    pub(in crate::kube) fn before<'a>(
        &self,
        texts: impl Iterator<Item = &'a FileId>,
    ) -> Option<(&Plan, BTreeSet<FileId>)> {
        let plan = self.of.get()?.as_ref()?;
        Some((plan, self.and(texts)))
    }

    /// What is known after those files have changed. A plan that is not made yet will be one of
    /// the workspace that it is made for.
    pub(super) fn after<'a>(&self, texts: impl Iterator<Item = &'a FileId>) -> Self {
        if self.of.get().is_none() {
            return Self::default();
        }
        Self {
            of: Arc::clone(&self.of),
            since: self.and(texts),
        }
    }

    fn and<'a>(&self, texts: impl Iterator<Item = &'a FileId>) -> BTreeSet<FileId> {
        let mut all = self.since.clone();
        all.extend(texts);
        all
    }
}

/// Answers by resource.
#[derive(Debug, Default)]
pub(in crate::kube) struct Asked {
    touches: Mutex<BTreeMap<ResourceId, Arc<[Touch]>>>,
    content: Mutex<BTreeMap<ResourceId, Option<&'static str>>>,
    uses: Mutex<BTreeMap<Named, Arc<[OutsideUse]>>>,
}

/// A name in sets.
type Named = (Vec<SetId>, Target, String);

/// The answer for a resource, from `known` or from `ask`.
fn remembered<K: Ord, T: Clone>(
    known: &Mutex<BTreeMap<K, T>>,
    id: K,
    ask: impl FnOnce() -> T,
) -> T {
    let lock = || known.lock().unwrap_or_else(PoisonError::into_inner);
    let found = lock().get(&id).cloned();
    found.unwrap_or_else(|| {
        let answer = ask();
        lock().insert(id, answer.clone());
        answer
    })
}

impl Asked {
    pub(in crate::kube) fn touches(
        &self,
        id: ResourceId,
        ask: impl FnOnce() -> Vec<Touch>,
    ) -> Arc<[Touch]> {
        remembered(&self.touches, id, || ask().into())
    }

    pub(in crate::kube) fn uses(
        &self,
        name: Named,
        ask: impl FnOnce() -> Vec<OutsideUse>,
    ) -> Arc<[OutsideUse]> {
        remembered(&self.uses, name, || ask().into())
    }

    pub(in crate::kube) fn content(
        &self,
        id: ResourceId,
        ask: impl FnOnce() -> Option<&'static str>,
    ) -> Option<&'static str> {
        remembered(&self.content, id, ask)
    }
}

/// Resources that refer to a name.
pub(in crate::kube) type References = BTreeMap<(Target, String), Vec<ResourceId>>;

/// Which of the sets a resource belongs to is looked up, never searched.
pub(in crate::kube) fn sets_of(
    workspace: &Workspace,
    id: ResourceId,
) -> impl Iterator<Item = SetId> {
    run_of(&workspace.index.memberships, |(resource, _)| {
        resource.cmp(&id)
    })
    .iter()
    .map(|(_, set)| *set)
}

/// As [`sets_of`], with those that a resource went into and was deleted from: what is said of it
/// there must keep its name.
pub(in crate::kube) fn sets_met(workspace: &Workspace, id: ResourceId) -> Vec<SetId> {
    let mut sets: Vec<SetId> = sets_of(workspace, id).collect();
    sets.extend(
        workspace
            .index
            .gone_from
            .get(&id)
            .into_iter()
            .flatten()
            .copied(),
    );
    sets
}

/// The apply set of a number, if it is one of this pass.
pub(in crate::kube) fn set(workspace: &Workspace, id: SetId) -> Option<&ApplySet> {
    workspace.sets.get(id.0 as usize)
}

/// The ConfigMaps or Secrets of a name.
pub(in crate::kube) fn definitions<'a>(
    workspace: &'a Workspace,
    to: Target,
    name: &str,
) -> &'a [(Target, ResourceId)] {
    let name_of = |id: ResourceId| {
        workspace
            .resources
            .get(id.0 as usize)
            .map_or("", |resource| &resource.name)
    };
    let all = workspace.index.definitions.get_or_init(|| {
        let mut all: Vec<_> = workspace
            .resources
            .iter()
            .filter_map(|resource| Some((resource.target()?, resource.id)))
            .collect();
        all.sort_by(|a, b| (a.0, name_of(a.1)).cmp(&(b.0, name_of(b.1))));
        all
    });
    run_of(all, |(target, id)| (*target, name_of(*id)).cmp(&(to, name)))
}

/// Which resources refer to which names.
pub(in crate::kube) fn references(workspace: &Workspace) -> References {
    let names = parallel::map(&workspace.resources, |resource| {
        (resource.id, names_of(workspace, resource.id))
    });
    let mut all = References::new();
    for (id, names) in names {
        for name in names {
            all.entry(name).or_default().push(id);
        }
    }
    all
}

/// The names that a resource refers to.
pub(super) fn names_of(workspace: &Workspace, id: ResourceId) -> BTreeSet<(Target, String)> {
    let in_pods = workspace.pod_templates(id);
    let in_pods = in_pods
        .iter()
        .flat_map(PodTemplate::references)
        .map(|r| (r.to, r.name.to_owned()));
    let in_fields = workspace
        .field_references(id)
        .into_iter()
        .map(|r| (r.to, r.name.to_owned()));
    in_pods.chain(in_fields).collect()
}
