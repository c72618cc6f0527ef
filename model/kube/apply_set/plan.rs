//! What sets are made of before they meet, kept from one keystroke to the next.
//!
//! A draft depends on who applies it, on the paths of files, on the kustomizations it is gathered
//! through with what these name, and on the files it takes as they are. Where none of that has
//! changed it is taken over; what meets is decided anew each time. Where kustomizations go round in
//! circles or nest as deep as is followed, a draft depends on which other one was made first, and
//! nothing is kept.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::bundle::{self, shown};
use super::kustomize_build::{Gatherer, Overrides};
use super::{Built, Draft, charts, configured, directories, number, same_cluster, without};
use crate::kube::apply_set::generator_failure::FailureReason;
use crate::kube::gitops::applier::{self, Applied, Appliers};
use crate::kube::gitops::repository::local;
use crate::kube::kustomize::kustomization::{Details, ResourceEntry};
use crate::kube::kustomize::manifests::Manifests;
use crate::kube::object::apply_set::Evidence;
use crate::kube::object::kustomization::Kustomization;
use crate::kube::object::resource::{FileId, Resource, ResourceId};
use crate::kube::source::options::Options;

/// What is kept of drafts.
#[derive(Debug, Clone)]
pub(in crate::kube) struct Plan {
    appliers: Appliers,
    /// Parallel to what is applied.
    sources: Vec<Arc<Draft>>,
    /// Kustomizations that nobody else builds.
    roots: BTreeMap<FileId, Arc<Draft>>,
    /// Kustomizations of the workspace, and how many more may be built for all drafts.
    kustomizations: usize,
    steps: usize,
}

/// The state that a plan is of, and what has changed since: texts, and neither which files there
/// are nor what the user declared.
#[derive(Clone, Copy)]
pub(in crate::kube) struct Before<'a> {
    pub plan: &'a Plan,
    pub changed: &'a BTreeSet<FileId>,
    pub resources: &'a [Resource],
    pub kustomizations: &'a [Kustomization],
    pub details: &'a [Details],
}

/// All drafts, in order.
struct Drafts {
    configured: Vec<Draft>,
    sources: Vec<Arc<Draft>>,
    roots: BTreeMap<FileId, Arc<Draft>>,
    rest: Vec<Draft>,
    appliers: Appliers,
}

impl Drafts {
    /// What is kept of them; nothing where they depend on their order.
    fn plan(&self, manifests: &Manifests<'_>, gatherer: &Gatherer<'_>) -> Option<Plan> {
        let Self {
            sources,
            roots,
            appliers,
            ..
        } = self;
        let of_order = gatherer.is_bounded() || applier::reads_files(manifests, |_| true);
        (!of_order).then(|| Plan {
            appliers: appliers.clone(),
            sources: sources.clone(),
            roots: roots.clone(),
            kustomizations: manifests.kustomizations.len(),
            steps: gatherer.steps(),
        })
    }

    /// The sets.
    fn meet(self, manifests: &Manifests<'_>) -> (Vec<Built>, Vec<Applied>) {
        let applied = self.appliers.applied;
        let mut drafts = self.configured;
        let first = drafts.len();
        let kept = self.sources.into_iter().chain(self.roots.into_values());
        drafts.extend(kept.map(Arc::unwrap_or_clone));
        drafts.extend(self.rest);
        let drafts = same_cluster::meet(manifests, drafts, &applied, first);
        (number(drafts), applied)
    }
}

/// All apply sets, and what has them applied.
pub(in crate::kube) fn build(
    manifests: &Manifests<'_>,
    options: &Options,
) -> (Vec<Built>, Vec<Applied>) {
    let mut gatherer = Gatherer::new(manifests);
    let appliers = applier::all(manifests);
    drafts(manifests, options, &mut gatherer, appliers, None).meet(manifests)
}

/// What is kept for [`build_after`]; nothing where each change may change all of it.
pub(in crate::kube) fn plan(manifests: &Manifests<'_>, options: &Options) -> Option<Plan> {
    let mut gatherer = Gatherer::new(manifests);
    let appliers = applier::all(manifests);
    let drafts = drafts(manifests, options, &mut gatherer, appliers, None);
    drafts.plan(manifests, &gatherer)
}

/// As [`build`], with what is known from before, and with the plan for what comes next.
pub(in crate::kube) fn build_after(
    manifests: &Manifests<'_>,
    options: &Options,
    before: Before<'_>,
) -> (Vec<Built>, Vec<Applied>, Option<Plan>) {
    if let Some((drafts, gatherer)) = drafts_after(manifests, options, before) {
        let plan = drafts.plan(manifests, &gatherer);
        let (built, applied) = drafts.meet(manifests);
        return (built, applied, plan);
    }
    let mut gatherer = Gatherer::new(manifests);
    let appliers = applier::all(manifests);
    let drafts = drafts(manifests, options, &mut gatherer, appliers, None);
    let plan = drafts.plan(manifests, &gatherer);
    let (built, applied) = drafts.meet(manifests);
    (built, applied, plan)
}

/// The drafts, of which those are taken over that are what they were; `None` where that is not
/// certain of any.
fn drafts_after<'m>(
    manifests: &'m Manifests<'m>,
    options: &Options,
    before: Before<'_>,
) -> Option<(Drafts, Gatherer<'m>)> {
    let plan = before.plan;
    if plan.kustomizations != manifests.kustomizations.len() {
        return None;
    }
    let changed = changed(manifests, before);
    let before = Before {
        changed: &changed,
        ..before
    };
    let numbers = Numbers::new(manifests, before);
    let now = |id| numbers.now(id);
    let was = before.resources;
    let (appliers, from) = applier::after(manifests, &plan.appliers, &changed, now, was)?;
    let known = KnownDrafts {
        plan,
        from,
        touched: touched(manifests, before),
        changed: before.changed,
        numbers,
    };
    let mut gatherer = Gatherer::with_steps(manifests, plan.steps);
    let drafts = drafts(manifests, options, &mut gatherer, appliers, Some(&known));
    (!gatherer.is_bounded()).then_some((drafts, gatherer))
}

fn drafts<'m>(
    manifests: &'m Manifests<'m>,
    options: &Options,
    gatherer: &mut Gatherer<'m>,
    appliers: Appliers,
    known: Option<&KnownDrafts<'_>>,
) -> Drafts {
    let (configured_files, configured) = configured(manifests, options, gatherer);
    let mut sources = Vec::with_capacity(appliers.applied.len());
    for (at, applied) in appliers.applied.iter().enumerate() {
        let kept = known.and_then(|known| known.source(manifests, at, applied));
        sources.push(kept.unwrap_or_else(|| {
            let mut draft = same_cluster::draft(manifests, gatherer, applied, &appliers.own);
            without(manifests, &mut draft.bundle, &configured_files);
            Arc::new(draft)
        }));
    }
    let mut used: BTreeSet<FileId> = sources
        .iter()
        .flat_map(|d| d.bundle.built.iter().chain(&d.bundle.files).copied())
        .collect();
    let is_root = |k: &&Kustomization| {
        k.root && !configured_files.contains_key(&k.file) && !used.contains(&k.file)
    };
    let mut roots = BTreeMap::new();
    for kustomization in manifests.kustomizations.iter().filter(is_root) {
        let file = kustomization.file;
        let kept = known.and_then(|known| known.root(file));
        let draft = kept.unwrap_or_else(|| {
            let none = Overrides::default();
            let bundle = bundle::kustomization(manifests, gatherer, file, &none);
            let name = shown(&kustomization.directory);
            let mut draft = Draft::new(name, Evidence::Kustomization, bundle);
            without(manifests, &mut draft.bundle, &configured_files);
            Arc::new(draft)
        });
        roots.insert(file, draft);
    }
    let all = manifests.kustomizations.iter();
    used.extend(all.flat_map(|k| k.resources.iter().copied()));
    used.extend(configured_files.keys().copied());
    let mut rest = charts(manifests);
    rest.extend(directories(manifests, &used));
    Drafts {
        configured,
        sources,
        roots,
        rest,
        appliers,
    }
}

/// The kustomizations that have changed, or name something that has, with what has changed itself.
fn touched(manifests: &Manifests<'_>, before: Before<'_>) -> BTreeSet<FileId> {
    let is_changed = |file: &FileId| before.changed.contains(file);
    let all_same = std::ptr::eq(manifests.kustomizations, before.kustomizations)
        && std::ptr::eq(manifests.details, before.details);
    let was = |kustomization: &Kustomization, details: &Details| {
        let at = before.kustomizations;
        let Ok(at) = at.binary_search_by_key(&kustomization.file, |k| k.file) else {
            return false;
        };
        let of = before.kustomizations.get(at).zip(before.details.get(at));
        of.is_some_and(|(old, known)| {
            let gathers = |d: &Details| (d.entries.clone(), d.components.clone());
            old == kustomization && gathers(known) == gathers(details)
        })
    };
    let all = manifests.kustomizations.iter().zip(manifests.details);
    let touched = all.filter(|(kustomization, details)| {
        let entry = |entry: &ResourceEntry| match entry {
            ResourceEntry::File(file) | ResourceEntry::Base(file) => is_changed(file),
        };
        details.entries.iter().any(entry)
            || details.components.iter().any(is_changed)
            || details.configuration.iter().any(is_changed)
            || details.sources.iter().any(is_changed)
            || details.read.iter().any(is_changed)
            || !(all_same || was(kustomization, details))
    });
    let files = touched.map(|(kustomization, _)| kustomization.file);
    files.chain(before.changed.iter().copied()).collect()
}

/// The files that have changed, with those that are resources by the word of a kustomization that
/// has, or are none by it.
fn changed(manifests: &Manifests<'_>, before: Before<'_>) -> BTreeSet<FileId> {
    let uses = |all: &[Details]| -> BTreeSet<(FileId, bool)> {
        let of = all.iter().filter(|d| before.changed.contains(&d.file));
        let uses = of.flat_map(|details| {
            let resources = details.entries.iter().filter_map(|entry| match entry {
                ResourceEntry::File(file) => Some((*file, true)),
                ResourceEntry::Base(_) => None,
            });
            resources.chain(details.read.iter().map(|file| (*file, false)))
        });
        uses.collect()
    };
    let (was, is) = (uses(before.details), uses(manifests.details));
    let others = was.symmetric_difference(&is).map(|(file, _)| *file);
    others.chain(before.changed.iter().copied()).collect()
}

/// What resources are numbered now.
struct Numbers {
    /// By the number before; `None` where no number has changed.
    new: Option<Vec<Option<ResourceId>>>,
}

impl Numbers {
    fn new(manifests: &Manifests<'_>, before: Before<'_>) -> Self {
        let (old, new) = (before.resources, manifests.resources);
        if old.len() == new.len() && old.iter().zip(new).all(|(a, b)| a.file == b.file) {
            return Self { new: None };
        }
        let mut numbers = vec![None; old.len()];
        let mut after = new.chunk_by(|a, b| a.file == b.file).peekable();
        for chunk in old.chunk_by(|a, b| a.file == b.file) {
            let file = |of: &[Resource]| of.first().map(|first| first.file);
            while after.next_if(|of| file(of) < file(chunk)).is_some() {}
            let same = after.next_if(|of| file(of) == file(chunk));
            if file(chunk).is_none_or(|file| before.changed.contains(&file)) {
                continue;
            }
            for (old, new) in chunk.iter().zip(same.into_iter().flatten()) {
                if let Some(number) = numbers.get_mut(old.id.0 as usize) {
                    *number = Some(new.id);
                }
            }
        }
        Self { new: Some(numbers) }
    }

    /// The number of a resource of a file that has not changed.
    fn now(&self, id: ResourceId) -> Option<ResourceId> {
        match &self.new {
            None => Some(id),
            Some(new) => *new.get(id.0 as usize)?,
        }
    }

    /// A draft with the numbers of now.
    fn draft(&self, known: &Arc<Draft>) -> Option<Arc<Draft>> {
        if self.new.is_none() {
            return Some(Arc::clone(known));
        }
        let mut draft = Draft::clone(known);
        for applier in &mut draft.appliers {
            applier.resource = self.now(applier.resource)?;
        }
        let bundle = &mut draft.bundle;
        for member in bundle.members.iter_mut().chain(&mut bundle.gone) {
            member.resource = self.now(member.resource)?;
        }
        let failures = std::mem::take(&mut bundle.failures).into_iter();
        let failures = failures.map(|mut failure| {
            if let FailureReason::Defined(id) = &mut failure.reason {
                *id = self.now(*id)?;
            }
            Some(failure)
        });
        bundle.failures = failures.collect::<Option<_>>()?;
        Some(Arc::new(draft))
    }
}

/// Drafts of before that may be taken over.
struct KnownDrafts<'a> {
    plan: &'a Plan,
    /// For each thing that is applied its position before, if its file has not changed.
    from: Vec<Option<usize>>,
    touched: BTreeSet<FileId>,
    changed: &'a BTreeSet<FileId>,
    numbers: Numbers,
}

impl KnownDrafts<'_> {
    fn same(&self, draft: &Arc<Draft>) -> Option<Arc<Draft>> {
        let bundle = &draft.bundle;
        let is_touched = self.touched.iter().any(|file| bundle.reach.contains(file));
        let is_changed = self.changed.iter().any(|file| bundle.files.contains(file));
        if is_touched || is_changed {
            return None;
        }
        self.numbers.draft(draft)
    }

    /// The draft of what is applied at a position.
    fn source(
        &self,
        manifests: &Manifests<'_>,
        at: usize,
        applied: &Applied,
    ) -> Option<Arc<Draft>> {
        let draft = self.plan.sources.get((*self.from.get(at)?)?)?;
        let reads_changed = applied.sources.iter().any(|source| {
            let path = source.claim.path.as_deref().and_then(local);
            let below = |file: &FileId| {
                let file = manifests.files.get(file.0 as usize);
                file.zip(path.as_deref()).is_some_and(|(file, path)| {
                    let rest = file.path.strip_prefix(path);
                    rest.is_some_and(|rest| path.is_empty() || rest.starts_with('/'))
                })
            };
            self.changed.iter().any(below)
        });
        // A component that is named there and is none leaves no trace but a hole.
        let adds_components = || {
            let resource = manifests.resources.get(applied.applier.resource.0 as usize);
            let file = resource.and_then(|r| manifests.files.get(r.file.0 as usize));
            let yaml = file.and_then(|file| file.yaml.as_deref());
            let mut settings = applied.sources.iter().filter_map(|source| source.settings);
            settings.any(|id| yaml.is_none_or(|yaml| yaml.node(id).get("components").is_some()))
        };
        if reads_changed || adds_components() {
            return None;
        }
        self.same(draft)
    }

    /// The draft of a kustomization that nobody else builds.
    fn root(&self, file: FileId) -> Option<Arc<Draft>> {
        self.same(self.plan.roots.get(&file)?)
    }
}
