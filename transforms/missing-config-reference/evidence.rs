//! What is known beyond the set itself: makers, traces, definitions elsewhere, where a file lies. Asked only when something is missing.

use std::cell::OnceCell;
use std::collections::BTreeMap;

use globset::{Glob, GlobSet, GlobSetBuilder};
use kubewright_model::kube::{Encrypted, Evidence, FileId, Generator, Resolution, Resource, ResourceId, SetId, Target, Workspace};
use kubewright_model::yaml::Node;

use super::Gaps;
use super::makers::{self, Maker, Makers};
use super::traces::Traces;
use super::wanted::Wanted;
use crate::Context;

/// All of it.
pub(super) struct Facts<'a, 'g> {
    pub(super) cx: &'a Context<'a>,
    pub(super) gaps: &'g Gaps<'a>,
    makers: OnceCell<Makers>,
    traces: OnceCell<Traces>,
    definitions: OnceCell<BTreeMap<Target, BTreeMap<&'a str, Vec<ResourceId>>>>,
    encrypted: OnceCell<Vec<Encrypted>>,
    external: GlobSet,
}

/// Directories of input for tests.
const TESTS: &[&str] = &["e2e", "fixture", "fixtures", "test", "testdata", "tests", "__tests__"];
/// Directories of manifests that somebody adapts before they are applied.
const EXAMPLES: &[&str] = &["doc", "docs", "example", "examples", "sample", "samples", "template", "templates", "tutorial", "tutorials"];
/// Directories of kustomizations that others build upon.
const BASES: &[&str] = &["base", "bases"];

impl<'a, 'g> Facts<'a, 'g> {
    pub(super) fn new(cx: &'a Context<'a>, gaps: &'g Gaps<'a>) -> Self {
        let mut external = GlobSetBuilder::new();
        for glob in cx.settings.missing_config_reference.external.iter().filter_map(|g| Glob::new(g).ok()) {
            external.add(glob);
        }
        Self {
            cx,
            gaps,
            makers: OnceCell::new(),
            traces: OnceCell::new(),
            definitions: OnceCell::new(),
            encrypted: OnceCell::new(),
            external: external.build().unwrap_or_default(),
        }
    }

    pub(super) fn workspace(&self) -> &'a Workspace {
        self.cx.workspace
    }

    /// Whether the user says that it is made elsewhere.
    pub(super) fn is_external(&self, wanted: &Wanted<'_>) -> bool {
        self.external.is_match(format!("{}/{}", wanted.to.kind(), wanted.name))
    }

    /// Something that makes the object in the namespace in which the resource looks for it.
    pub(super) fn maker(&self, resource: &Resource, wanted: &Wanted<'_>, set: SetId) -> Option<&Maker> {
        let makers = self.makers.get_or_init(|| makers::all(self.workspace()));
        let all = makers.get(&(wanted.to, wanted.name.to_owned()))?;
        let namespace = self.namespace(resource, wanted, set);
        let here = |maker: &Maker| {
            let member = self.workspace().set(set).members.iter().find(|m| m.resource == maker.id);
            let own = member.map_or_else(|| &self.workspace().resource(maker.id).namespace, |m| &m.namespace);
            may_equal(own.as_deref(), namespace.as_deref())
        };
        all.iter().find(|maker| maker.anywhere || here(maker))
    }

    pub(super) fn traces(&self) -> &Traces {
        self.traces.get_or_init(|| {
            let wanted = self.gaps.objects.iter().filter_map(|gap| gap.first());
            Traces::find(self.workspace(), &wanted.map(|w| w.name).collect())
        })
    }

    /// Another apply set of the resource, built upon the same base, that has the name.
    pub(super) fn other_overlay(&self, resource: &Resource, wanted: &Wanted<'_>) -> Option<SetId> {
        let ws = self.workspace();
        let has = |set: &SetId| ws.resolve_in(*set, resource.id, wanted.to, wanted.name, wanted.namespace) != Resolution::Missing;
        ws.sets_of(resource.id).into_iter().find(has)
    }

    /// The file of the definition of a name that lies nearest to another file, among those of a namespace.
    pub(super) fn nearest(&self, wanted: &Wanted<'_>, namespace: Option<&str>, file: FileId) -> Option<FileId> {
        let ws = self.workspace();
        let path = ws.file(file).path.as_str();
        let shared = |other: FileId| ws.file(other).path.split('/').zip(path.split('/')).take_while(|(a, b)| a == b).count();
        let defined = self.definitions(wanted.to, wanted.name).iter().map(|id| ws.resource(*id));
        let fitting = defined.filter(|r| may_equal(r.namespace.as_deref(), namespace)).map(|r| r.file);
        fitting.max_by_key(|other| (shared(*other), std::cmp::Reverse(*other)))
    }

    /// Every definition of a name in the workspace.
    pub(super) fn definitions(&self, to: Target, name: &str) -> &[ResourceId] {
        let all = self.definitions.get_or_init(|| {
            let mut all: BTreeMap<Target, BTreeMap<&str, Vec<ResourceId>>> = BTreeMap::new();
            for resource in self.workspace().resources() {
                if let Some(to) = resource.target() {
                    all.entry(to).or_default().entry(resource.name.as_str()).or_default().push(resource.id);
                }
            }
            all
        });
        all.get(&to).and_then(|names| names.get(name)).map_or(&[], Vec::as_slice)
    }

    /// The kustomization whose generator makes the name.
    pub(super) fn generator(&self, to: Target, name: &str) -> Option<FileId> {
        let made = |g: &Generator| g.to == to && g.name == name;
        self.workspace().kustomizations().iter().find(|k| k.generators.iter().any(made)).map(|k| k.file)
    }

    /// A file encrypted by SOPS that holds it.
    pub(super) fn encrypted(&self, wanted: &Wanted<'_>, namespace: Option<&str>) -> Option<FileId> {
        let all = self.encrypted.get_or_init(|| self.workspace().encrypted());
        let same = |e: &&Encrypted| e.to == wanted.to && e.name == wanted.name && may_equal(e.namespace.as_deref(), namespace);
        all.iter().find(same).map(|e| e.file)
    }

    /// The namespace that a reference looks in, in a set; `None` may be any.
    pub(super) fn namespace(&self, resource: &Resource, wanted: &Wanted<'_>, set: SetId) -> Option<String> {
        if let Some(explicit) = wanted.namespace {
            return Some(explicit.to_owned());
        }
        let member = self.workspace().set(set).members.iter().find(|m| m.resource == resource.id);
        member.map_or_else(|| resource.namespace.clone(), |m| m.namespace.clone())
    }

    /// Whether a resource is part of a set.
    pub(super) fn is_in(&self, id: ResourceId, set: SetId) -> bool {
        self.workspace().sets_of(id).contains(&set)
    }

    /// The directory for tests that a file lies in. Standard input lies nowhere.
    pub(super) fn tests(&self, file: FileId) -> Option<&'a str> {
        self.below(file, TESTS)
    }

    /// The directory of examples that a file lies in.
    pub(super) fn examples(&self, file: FileId) -> Option<&'a str> {
        self.below(file, EXAMPLES)
    }

    fn below(&self, file: FileId, names: &[&str]) -> Option<&'a str> {
        let path = self.workspace().file(file).path.as_str();
        path.rsplit('/').skip(1).find(|segment| names.contains(&segment.to_ascii_lowercase().as_str()))
    }

    /// Whether a set is a kustomization that is there to be built upon.
    pub(super) fn is_base(&self, set: SetId) -> bool {
        let set = self.workspace().set(set);
        set.evidence == Evidence::Kustomization && set.name.split('/').any(|segment| BASES.contains(&segment))
    }

    /// What may change a reference on the way to the cluster.
    pub(super) fn touched(&self, resource: &Resource, node: Node<'_>) -> Option<&'static str> {
        self.workspace().touched(resource.id, node).map(|touch| touch.what)
    }
}

/// Whether two namespaces may be the same: an absent one may be any.
pub(super) fn may_equal(a: Option<&str>, b: Option<&str>) -> bool {
    a.is_none() || b.is_none() || a == b
}
