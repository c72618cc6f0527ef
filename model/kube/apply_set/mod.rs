//! Building apply sets, strongest evidence first.
//!
//! A file that is part of a configured set is judged only through configured sets; one that a
//! kustomization gathers only through the kustomizations that are built and reach it; what Argo CD
//! or Flux takes as it is only through them; what is left makes a candidate set for each directory.

pub(in crate::kube) mod bundle;
pub(in crate::kube) mod generator_failure;
pub(in crate::kube) mod kustomize_build;
pub(in crate::kube) mod plan;
pub(in crate::kube) mod same_cluster;

use std::collections::{BTreeMap, BTreeSet};

use crate::kube::gitops::applier::Applied;
use crate::kube::kustomize::manifests::Manifests;
use crate::kube::object::apply_set::{Applier, ApplySet, Evidence, Member, Part, SetId};
use crate::kube::object::resource::FileId;
use crate::kube::source::file::SourceFile;
use crate::kube::source::options::{ApplySetSpec, Options};
use crate::kube::source::paths::split;
use bundle::{Bundle, Namespace, in_walk_order, raw, shown};
use generator_failure::Failure;
use kustomize_build::{Gatherer, Overrides};

/// A set and the kustomizations it was gathered through.
pub(in crate::kube) struct Built {
    pub set: ApplySet,
    pub reach: BTreeSet<FileId>,
    /// What went in and was deleted on the way.
    pub gone: Vec<Member>,
    /// Generators with which its build fails.
    pub failures: Vec<Failure>,
}

/// A set on its way.
#[derive(Debug, Clone)]
pub(in crate::kube) struct Draft {
    pub name: String,
    pub evidence: Evidence,
    pub appliers: Vec<Applier>,
    pub cluster: Option<String>,
    pub bundle: Bundle,
    /// What each of several appliers brings.
    pub parts: Vec<Part>,
}

impl Draft {
    pub(in crate::kube) fn new(name: &str, evidence: Evidence, bundle: Bundle) -> Self {
        Self {
            name: name.to_owned(),
            evidence,
            appliers: Vec::new(),
            cluster: None,
            bundle,
            parts: Vec::new(),
        }
    }
}

/// What is read from standard input is one set.
fn stream(manifests: &Manifests<'_>) -> Vec<Built> {
    let holes: BTreeSet<String> = manifests.unreadable.values().cloned().collect();
    let bundle = Bundle {
        members: manifests.resources.iter().map(raw).collect(),
        holes,
        ..Bundle::default()
    };
    number(vec![Draft::new("<stdin>", Evidence::Stream, bundle)])
}

/// All apply sets, and what has them applied.
pub(in crate::kube) fn build(
    manifests: &Manifests<'_>,
    options: &Options,
) -> (Vec<Built>, Vec<Applied>) {
    if options.stream {
        return (stream(manifests), Vec::new());
    }
    plan::build(manifests, options)
}

/// The sets of the configuration, and the files that belong to them.
fn configured<'o>(
    manifests: &Manifests<'_>,
    options: &'o Options,
    gatherer: &mut Gatherer<'_>,
) -> (BTreeMap<FileId, &'o str>, Vec<Draft>) {
    let mut configured: BTreeMap<FileId, &str> = BTreeMap::new();
    let mut drafts: Vec<Draft> = Vec::new();
    for spec in &options.apply_sets {
        let files = matched(manifests.files, spec);
        configured.extend(files.iter().map(|f| (*f, spec.name.as_str())));
        let mut bundle = configured_bundle(manifests, gatherer, &files);
        if files.is_empty() {
            bundle.holes.insert("its paths name no file".to_owned());
        }
        bundle.place(Namespace::Default(spec.namespace.as_deref()));
        // What is applied to one cluster meets there.
        match drafts
            .iter_mut()
            .find(|d| d.cluster.is_some() && d.cluster == spec.cluster)
        {
            Some(known) => {
                known.name = format!("{}, {}", known.name, spec.name);
                known.bundle.add(bundle);
            }
            None => drafts.push(Draft {
                cluster: spec.cluster.clone(),
                ..Draft::new(&spec.name, Evidence::Config, bundle)
            }),
        }
    }
    (configured, drafts)
}

/// In order of evidence, then by name; those of the configuration as they stand there.
fn number(mut drafts: Vec<Draft>) -> Vec<Built> {
    let key = |d: &Draft| {
        (
            d.evidence,
            if d.evidence == Evidence::Config {
                String::new()
            } else {
                d.name.clone()
            },
        )
    };
    drafts.sort_by_cached_key(key);
    let built = drafts.into_iter().zip(0..).map(|(draft, id)| {
        let Draft {
            name,
            evidence,
            appliers,
            cluster,
            bundle,
            parts,
        } = draft;
        let Bundle {
            members,
            generated,
            encrypted,
            gone,
            holes,
            failures,
            reach,
            ..
        } = bundle;
        let closed = holes.is_empty();
        let holes = holes.into_iter().collect();
        let set = ApplySet {
            id: SetId(id),
            name,
            evidence,
            appliers,
            cluster,
            members,
            generated,
            parts,
            encrypted,
            closed,
            holes,
        };
        Built {
            set,
            reach,
            gone,
            failures: failures.into_iter().collect(),
        }
    });
    built.collect()
}

/// Takes out what belongs to configured sets.
fn without(manifests: &Manifests<'_>, bundle: &mut Bundle, configured: &BTreeMap<FileId, &str>) {
    if configured.is_empty() {
        return;
    }
    let holes = &mut bundle.holes;
    bundle.members.retain(|member| {
        match manifests
            .resources
            .get(member.resource.0 as usize)
            .and_then(|r| configured.get(&r.file))
        {
            Some(name) => {
                holes.insert(format!("a part of it belongs to apply set {name}"));
                false
            }
            None => true,
        }
    });
}

/// The files of a configured set: in the order of its paths, then as kubectl walks.
fn matched(files: &[SourceFile], spec: &ApplySetSpec) -> Vec<FileId> {
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    for path in &spec.paths {
        let hits = files
            .iter()
            .filter(|f| path.matches(&f.path) && seen.insert(f.id));
        found.extend(in_walk_order(hits).into_iter().map(|f| f.id));
    }
    found
}

/// Kustomizations among the files are built, the other files are taken as they are.
fn configured_bundle(
    manifests: &Manifests<'_>,
    gatherer: &mut Gatherer<'_>,
    files: &[FileId],
) -> Bundle {
    let wanted: BTreeSet<FileId> = files.iter().copied().collect();
    let inner: BTreeSet<FileId> = manifests
        .kustomizations
        .iter()
        .filter(|k| wanted.contains(&k.file))
        .flat_map(|k| k.bases.iter().copied())
        .collect();
    let mut bundles: BTreeMap<FileId, Bundle> = BTreeMap::new();
    for kustomization in manifests
        .kustomizations
        .iter()
        .filter(|k| wanted.contains(&k.file) && !inner.contains(&k.file) && !k.component)
    {
        bundles.insert(
            kustomization.file,
            bundle::kustomization(
                manifests,
                gatherer,
                kustomization.file,
                &Overrides::default(),
            ),
        );
    }
    let reach: BTreeSet<FileId> = bundles
        .values()
        .flat_map(|u| u.reach.iter().copied())
        .collect();
    let covered: BTreeSet<FileId> = reach
        .iter()
        .filter_map(|f| manifests.kustomization(*f))
        .flat_map(|k| k.resources.iter().copied())
        .collect();
    let mut bundle = Bundle::default();
    for file in files {
        if let Some(built) = bundles.remove(file) {
            bundle.add(built);
        } else if !covered.contains(file) {
            bundle.take(manifests, *file);
        }
    }
    bundle
}

/// Helm charts: what they install is known to Helm alone.
fn charts(manifests: &Manifests<'_>) -> Vec<Draft> {
    let directories = manifests
        .files
        .iter()
        .map(|f| split(&f.path))
        .filter(|(_, name)| *name == "Chart.yaml");
    let bundle =
        || Bundle::hole("the templates of a Helm chart are not read: render it".to_owned());
    directories
        .map(|(directory, _)| Draft::new(shown(directory), Evidence::Helm, bundle()))
        .collect()
}

/// A candidate for each directory that holds resources of which nothing says how they are applied.
fn directories(manifests: &Manifests<'_>, used: &BTreeSet<FileId>) -> Vec<Draft> {
    let mut directories: BTreeMap<&str, Bundle> = BTreeMap::new();
    for resource in manifests
        .resources
        .iter()
        .filter(|r| !used.contains(&r.file))
    {
        if let Some(file) = manifests.files.get(resource.file.0 as usize) {
            directories
                .entry(split(&file.path).0)
                .or_default()
                .members
                .push(raw(resource));
        }
    }
    let hole = "nothing says that a directory is applied as a whole";
    let candidates = directories.into_iter().map(|(directory, mut bundle)| {
        bundle.holes.insert(hole.to_owned());
        Draft::new(shown(directory), Evidence::Directory, bundle)
    });
    candidates.collect()
}
