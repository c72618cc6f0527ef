//! What is known beyond the set itself: makers, traces, definitions elsewhere, where a file lies.
//! Asked only when something is missing.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::{BTreeMap, BTreeSet};

use globset::{Glob, GlobSet, GlobSetBuilder};
use kubewright_model::kube::purpose::{self, Purpose};
use kubewright_model::kube::{
    Encrypted, Evidence, FileId, Generator, Resolution, Resource, ResourceId, SetId, Target, Touch,
    Workspace,
};

use super::makers::{self, Maker, Makers};
use super::traces::Traces;
use super::wanted::{Place, Wanted};
use super::{Gap, Gaps, near};
use crate::Context;

/// Names by set.
type Names<'a> = BTreeMap<(SetId, Target), BTreeSet<&'a str>>;

/// Objects by the keys that they hold.
type Holders = BTreeMap<String, Vec<ResourceId>>;

/// Comparisons of names in a run: more than any repository needs, less than a second.
const MOST_COMPARISONS: usize = 4_000_000;
/// Holders of one key that are looked at.
const MOST_HOLDERS: usize = 100;

/// All of it.
pub(super) struct Facts<'a, 'g> {
    pub(super) cx: &'a Context<'a>,
    pub(super) gaps: &'g Gaps<'a>,
    makers: OnceCell<Makers>,
    traces: OnceCell<Traces>,
    beside: OnceCell<Traces>,
    definitions: OnceCell<BTreeMap<Target, BTreeMap<&'a str, Vec<ResourceId>>>>,
    encrypted: OnceCell<Vec<Encrypted>>,
    external: GlobSet,
    tallies: OnceCell<(Names<'a>, Names<'a>)>,
    holders: RefCell<BTreeMap<(SetId, Target), Holders>>,
    installers: RefCell<BTreeMap<SetId, Option<ResourceId>>>,
    /// How many names may still be compared.
    comparisons: Cell<usize>,
}

/// Kinds that install what no manifest shows, beside those that leave a set open.
const INSTALLERS: &[(&str, &str)] = &[
    ("HelmRelease", "helm.fluxcd.io"),
    ("GitRepo", "fleet.cattle.io"),
    ("App", "kappctrl.k14s.io"),
    ("Subscription", "operators.coreos.com"),
];

impl<'a, 'g> Facts<'a, 'g> {
    pub(super) fn new(cx: &'a Context<'a>, gaps: &'g Gaps<'a>) -> Self {
        let mut external = GlobSetBuilder::new();
        for glob in cx
            .settings
            .missing_config_reference
            .external
            .iter()
            .filter_map(|g| Glob::new(g).ok())
        {
            external.add(glob);
        }
        Self {
            cx,
            gaps,
            makers: OnceCell::new(),
            traces: OnceCell::new(),
            beside: OnceCell::new(),
            definitions: OnceCell::new(),
            encrypted: OnceCell::new(),
            external: external.build().unwrap_or_default(),
            tallies: OnceCell::new(),
            holders: RefCell::default(),
            installers: RefCell::default(),
            comparisons: Cell::new(MOST_COMPARISONS),
        }
    }

    pub(super) fn workspace(&self) -> &'a Workspace {
        self.cx.workspace
    }

    /// Whether the user says that it is made elsewhere, or the platform makes it.
    pub(super) fn is_external(&self, wanted: &Wanted<'_>) -> bool {
        makers::by_platform(wanted.to, wanted.name)
            || self.is_named_external(wanted.to.kind(), wanted.name)
    }

    /// Whether the user says that it is made elsewhere.
    pub(super) fn is_named_external(&self, kind: &str, name: &str) -> bool {
        self.external.is_match(format!("{kind}/{name}"))
    }

    /// Whether it is known who makes what a set lacks.
    pub(super) fn is_made(&self, resource: &Resource, wanted: &Wanted<'_>, set: SetId) -> bool {
        self.is_external(wanted)
            || self.maker(resource, wanted, set).is_some()
            || self
                .encrypted(
                    wanted,
                    set,
                    self.namespace(resource, wanted, set).as_deref(),
                )
                .is_some()
    }

    /// How many of the names that pods of a set ask for it has, or somebody makes, and how many
    /// not.
    pub(super) fn tally(&self, set: SetId, to: Target) -> (usize, usize) {
        let tallies = self.tallies.get_or_init(|| {
            let mut present = self.gaps.present.clone();
            let mut absent: BTreeMap<(SetId, Target), BTreeSet<&str>> = BTreeMap::new();
            for gap in &self.gaps.objects {
                let Some(wanted) = gap.wanted.iter().find(|w| w.is_in_pods()) else {
                    continue;
                };
                for (set, _) in &gap.sets {
                    let names = if self.is_made(gap.resource, wanted, *set) {
                        &mut present
                    } else {
                        &mut absent
                    };
                    names
                        .entry((*set, wanted.to))
                        .or_default()
                        .insert(wanted.name);
                }
            }
            (present, absent)
        });
        let count =
            |names: &BTreeMap<_, BTreeSet<&str>>| names.get(&(set, to)).map_or(0, BTreeSet::len);
        (count(&tallies.0), count(&tallies.1))
    }

    /// ConfigMaps of a set by the keys that they hold.
    pub(super) fn holders(&self, set: SetId, to: Target, key: &str) -> Vec<ResourceId> {
        let mut known = self.holders.borrow_mut();
        let holders = known.entry((set, to)).or_insert_with(|| {
            let mut holders = Holders::new();
            for member in &self.workspace().set(set).members {
                if self.workspace().resource(member.resource).target() == Some(to) {
                    for key in self.workspace().data_keys(member.resource) {
                        holders.entry(key).or_default().push(member.resource);
                    }
                }
            }
            holders
        });
        holders
            .get(key)
            .into_iter()
            .flatten()
            .take(MOST_HOLDERS)
            .copied()
            .collect()
    }

    /// The nearest candidates, as long as there is time to compare.
    pub(super) fn nearest_names<'n>(&self, name: &str, candidates: &[&'n str]) -> Vec<&'n str> {
        let left = self.comparisons.get();
        self.comparisons.set(left.saturating_sub(candidates.len()));
        if left < candidates.len() {
            Vec::new()
        } else {
            near::nearest(name, candidates.iter().copied())
        }
    }

    /// A resource of the set that installs what no manifest shows.
    pub(super) fn installer(&self, set: SetId) -> Option<ResourceId> {
        let ws = self.workspace();
        let installs = |id: &ResourceId| {
            let resource = ws.resource(*id);
            INSTALLERS.contains(&(resource.kind.as_str(), resource.group()))
        };
        let mut known = self.installers.borrow_mut();
        *known.entry(set).or_insert_with(|| {
            ws.set(set)
                .members
                .iter()
                .map(|m| m.resource)
                .find(installs)
        })
    }

    /// Something that makes the object in the namespace in which the resource looks for it.
    pub(super) fn maker(
        &self,
        resource: &Resource,
        wanted: &Wanted<'_>,
        set: SetId,
    ) -> Option<&Maker> {
        self.all_makers(resource, wanted, set).into_iter().next()
    }

    /// All that make it: several may fill one object, each with keys of its own.
    pub(super) fn all_makers(
        &self,
        resource: &Resource,
        wanted: &Wanted<'_>,
        set: SetId,
    ) -> Vec<&Maker> {
        let makers = self.makers.get_or_init(|| makers::all(self.workspace()));
        let Some(all) = makers.get(&(wanted.to, wanted.name.to_owned())) else {
            return Vec::new();
        };
        let namespace = self.namespace(resource, wanted, set);
        let here = |maker: &Maker| {
            let member = self.workspace().member(set, maker.id);
            let own = member.map_or_else(
                || &self.workspace().resource(maker.id).namespace,
                |m| &m.namespace,
            );
            may_equal(own.as_deref(), namespace.as_deref())
        };
        all.iter()
            .filter(|maker| maker.anywhere || here(maker))
            .collect()
    }

    /// The file in which a command makes the object; the files beside the manifests are read when
    /// those do not.
    pub(super) fn created(&self, wanted: &Wanted<'_>) -> Option<&str> {
        let beside = || {
            self.beside
                .get_or_init(|| Traces::beside(self.workspace()))
                .created(wanted.to, wanted.name)
        };
        self.traces()
            .created(wanted.to, wanted.name)
            .or_else(beside)
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
        let has = |set: &SetId| {
            ws.resolve_in(*set, resource.id, wanted.to, wanted.name, wanted.namespace)
                != Resolution::Missing
        };
        ws.sets_of(resource.id).into_iter().find(has)
    }

    /// The file of the definition of a name that lies nearest to another file, among those of a
    /// namespace.
    pub(super) fn nearest(
        &self,
        wanted: &Wanted<'_>,
        namespace: Option<&str>,
        file: FileId,
    ) -> Option<FileId> {
        let ws = self.workspace();
        let defined = self
            .definitions(wanted.to, wanted.name)
            .iter()
            .map(|id| ws.resource(*id));
        let fitting = defined.filter(|r| may_equal(r.namespace.as_deref(), namespace));
        Some(ws.nearest(file, fitting)?.file)
    }

    /// Every definition of a name in the workspace.
    pub(super) fn definitions(&self, to: Target, name: &str) -> &[ResourceId] {
        let all = self.definitions.get_or_init(|| {
            let mut all: BTreeMap<Target, BTreeMap<&str, Vec<ResourceId>>> = BTreeMap::new();
            for resource in self.workspace().resources() {
                if let Some(to) = resource.target() {
                    all.entry(to)
                        .or_default()
                        .entry(resource.name.as_str())
                        .or_default()
                        .push(resource.id);
                }
            }
            all
        });
        all.get(&to)
            .and_then(|names| names.get(name))
            .map_or(&[], Vec::as_slice)
    }

    /// The kustomization whose generator makes the name.
    pub(super) fn generator(&self, to: Target, name: &str) -> Option<FileId> {
        let made = |g: &Generator| g.to == to && g.name == name;
        self.workspace()
            .kustomizations()
            .iter()
            .find(|k| k.generators.iter().any(made))
            .map(|k| k.file)
    }

    /// What SOPS encrypted of that name: that of the set, else one in the same namespace.
    pub(super) fn encrypted(
        &self,
        wanted: &Wanted<'_>,
        set: SetId,
        namespace: Option<&str>,
    ) -> Option<&Encrypted> {
        let same = |e: &&Encrypted| e.to == wanted.to && e.name == wanted.name;
        let here = || {
            self.all_encrypted()
                .iter()
                .filter(same)
                .find(|e| may_equal(e.namespace.as_deref(), namespace))
        };
        self.encrypted_of(set).find(same).or_else(here)
    }

    /// The keys of all definitions of a name, encrypted ones too; `None` when there are none.
    pub(super) fn keys_of(&self, to: Target, name: &str) -> Option<BTreeSet<String>> {
        let ids = self.definitions(to, name);
        let encrypted: Vec<&Encrypted> = self
            .all_encrypted()
            .iter()
            .filter(|e| e.to == to && e.name == name)
            .collect();
        let plain = ids.iter().flat_map(|id| self.workspace().data_keys(*id));
        let keys = plain
            .chain(encrypted.iter().flat_map(|e| e.keys.iter().cloned()))
            .collect();
        (!ids.is_empty() || !encrypted.is_empty()).then_some(keys)
    }

    /// What SOPS encrypted of a set. Which namespace a kustomization gives it does not show, so
    /// that it may be any.
    pub(super) fn encrypted_of(&self, set: SetId) -> impl Iterator<Item = &Encrypted> {
        let files = self.gaps.encrypted.get(&set);
        self.all_encrypted()
            .iter()
            .filter(move |e| files.is_some_and(|files| files.contains(&e.location.file)))
    }

    fn all_encrypted(&self) -> &[Encrypted] {
        self.encrypted.get_or_init(|| self.workspace().encrypted())
    }

    /// Whether all that a set has is known.
    pub(super) fn is_closed(&self, set: SetId) -> bool {
        self.gaps.is_closed(self.workspace(), set)
    }

    /// The namespace that a reference looks in, in a set; `None` may be any.
    pub(super) fn namespace(
        &self,
        resource: &Resource,
        wanted: &Wanted<'_>,
        set: SetId,
    ) -> Option<String> {
        if let Some(explicit) = wanted.namespace {
            return Some(explicit.to_owned());
        }
        let member = self.workspace().member(set, resource.id);
        member.map_or_else(|| resource.namespace.clone(), |m| m.namespace.clone())
    }

    /// Whether a resource is part of a set.
    pub(super) fn is_in(&self, id: ResourceId, set: SetId) -> bool {
        self.workspace().sets_of(id).contains(&set)
    }

    /// The directory for tests that a file lies in. Standard input lies nowhere.
    pub(super) fn tests(&self, file: FileId) -> Option<&'a str> {
        self.below(file, &[Purpose::TestData])
    }

    /// The directory of examples that a file lies in.
    pub(super) fn examples(&self, file: FileId) -> Option<&'a str> {
        self.below(file, &[Purpose::Examples, Purpose::Templates])
    }

    fn below(&self, file: FileId, wanted: &[Purpose]) -> Option<&'a str> {
        purpose::directory_above(&self.workspace().file(file).path, wanted)
    }

    /// Whether a set is a kustomization that is there to be built upon.
    pub(super) fn is_base(&self, set: SetId) -> bool {
        let set = self.workspace().set(set);
        set.evidence == Evidence::Kustomization
            && set
                .name
                .split('/')
                .any(|segment| purpose::of_directory(segment) == Some(Purpose::Bases))
    }

    /// What may change a reference on the way to the cluster, behind the patches that are known.
    pub(super) fn touched(&self, gap: &Gap<'_>, place: &Place<'_>) -> Option<&'static str> {
        let touches = self.workspace().touches(gap.resource.id);
        let path = place.path(self.workspace(), gap.resource);
        let open = |touch: &Touch| !touch.is_patch() || !gap.built;
        touches
            .iter()
            .find(|touch| open(touch) && touch.affects(&path))
            .map(|touch| touch.what.name())
    }
}

/// Whether two namespaces may be the same: an absent one may be any.
pub(super) fn may_equal(a: Option<&str>, b: Option<&str>) -> bool {
    a.is_none() || b.is_none() || a == b
}
