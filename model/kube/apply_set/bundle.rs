//! Bundles: what one build or one directory gives. Apply sets are made of them.

use std::collections::{BTreeMap, BTreeSet};

use super::generator_failure::Failure;
use super::kustomize_build::{BuildOutput, Gatherer, Overrides};
use crate::glob;
use crate::kube::gitops::applier::{Depth, Fill, Layout};
use crate::kube::kustomize::manifests::Manifests;
use crate::kube::object::apply_set::{EncryptedMember, Evidence, Generated, Member};
use crate::kube::object::resource::{FileId, Resource};
use crate::kube::source::file::SourceFile;
use crate::kube::source::paths::{has_extension, join, split};
use crate::yaml::Node;

/// Members and what is known of them.
#[derive(Debug, Clone, Default)]
pub(in crate::kube) struct Bundle {
    pub members: Vec<Member>,
    pub generated: Vec<Generated>,
    pub encrypted: Vec<EncryptedMember>,
    /// What a patch deletes on the way.
    pub gone: Vec<Member>,
    pub holes: BTreeSet<String>,
    /// Generators with which a build fails.
    pub failures: BTreeSet<Failure>,
    /// The kustomizations it is gathered through.
    pub reach: BTreeSet<FileId>,
    /// The kustomizations that are built as they stand.
    pub built: BTreeSet<FileId>,
    /// Files that are taken as they are.
    pub files: BTreeSet<FileId>,
}

/// The namespace that objects get.
#[derive(Debug, Clone, Copy)]
pub(in crate::kube) enum Namespace<'a> {
    /// Those without one.
    Default(Option<&'a str>),
    /// All.
    Override(Option<&'a str>),
}

impl Namespace<'_> {
    fn set(self, namespace: &mut Option<String>) {
        match self {
            Self::Default(Some(to)) if namespace.is_none() => *namespace = Some(to.to_owned()),
            Self::Override(Some(to)) => *namespace = Some(to.to_owned()),
            _ => {}
        }
    }
}

impl Bundle {
    /// Puts all into a namespace.
    pub(in crate::kube) fn place(&mut self, namespace: Namespace<'_>) {
        self.members
            .iter_mut()
            .for_each(|m| namespace.set(&mut m.namespace));
        self.generated
            .iter_mut()
            .for_each(|g| namespace.set(&mut g.namespace));
        self.encrypted
            .iter_mut()
            .for_each(|e| namespace.set(&mut e.namespace));
    }

    /// Adds another one behind it.
    pub(in crate::kube) fn add(&mut self, other: Self) {
        self.members.extend(other.members);
        self.generated.extend(other.generated);
        self.encrypted.extend(other.encrypted);
        self.gone.extend(other.gone);
        self.holes.extend(other.holes);
        self.failures.extend(other.failures);
        self.reach.extend(other.reach);
        self.built.extend(other.built);
        self.files.extend(other.files);
    }

    /// One that holds nothing that is known.
    pub(in crate::kube) fn hole(text: String) -> Self {
        Self {
            holes: BTreeSet::from([text]),
            ..Self::default()
        }
    }

    /// Takes a file as it is.
    pub(in crate::kube) fn take(&mut self, manifests: &Manifests<'_>, file: FileId) {
        self.files.insert(file);
        self.holes.extend(manifests.unreadable.get(&file).cloned());
        self.members.extend(manifests.of_file(file).iter().map(raw));
        let encrypted = manifests
            .encrypted
            .get(manifests.encrypted_of(file))
            .unwrap_or_default();
        self.encrypted
            .extend(encrypted.iter().map(|e| EncryptedMember {
                to: e.to,
                file,
                document: e.document,
                namespace: e.namespace.clone(),
                name: e.name.clone(),
                through: Vec::new(),
            }));
    }
}

/// A resource as it is written.
pub(in crate::kube) fn raw(resource: &Resource) -> Member {
    Member {
        resource: resource.id,
        namespace: resource.namespace.clone(),
        name: resource.name.clone(),
        through: Vec::new(),
    }
}

/// What a kustomization gives.
pub(in crate::kube) fn kustomization(
    manifests: &Manifests<'_>,
    builder: &mut Gatherer<'_>,
    file: FileId,
    overrides: &Overrides,
) -> Bundle {
    let gathered = builder.build_with(file, overrides);
    let BuildOutput {
        members,
        generated,
        encrypted,
        gone,
        failures,
    } = gathered.finish(manifests);
    let (holes, reach) = (gathered.holes.clone(), gathered.reach.clone());
    let (built, files) = (BTreeSet::from([file]), BTreeSet::new());
    Bundle {
        members,
        generated,
        encrypted,
        gone,
        holes,
        failures,
        reach,
        built,
        files,
    }
}

/// What an applier finds in a directory.
pub(in crate::kube) struct Directory<'a> {
    pub path: &'a str,
    pub layout: &'a Layout,
    pub tool: Evidence,
    pub overrides: Overrides,
}

/// What a directory gives to who has it applied.
pub(in crate::kube) fn directory(
    manifests: &Manifests<'_>,
    gatherer: &mut Gatherer<'_>,
    wanted: &Directory<'_>,
) -> Bundle {
    let Directory {
        path, layout, tool, ..
    } = wanted;
    let paths = manifests.paths();
    let own = paths.kustomization(path).filter(|_| !layout.plain);
    let chart = chart(manifests, path) && !layout.plain && *tool == Evidence::ArgoCd;
    match own {
        Some(_) if chart => {
            return Bundle::hole(format!(
                "{} is a kustomization and a Helm chart",
                shown(path)
            ));
        }
        Some(file) => return kustomization(manifests, gatherer, file, &wanted.overrides),
        None if chart => {
            return Bundle::hole(format!("Helm chart {} is not rendered", shown(path)));
        }
        None => {}
    }
    let mut bundle = Bundle::default();
    let glob = |text: &Option<String>| Some(glob::compile(text.as_deref()?, false));
    let (include, exclude) = (glob(&layout.include), glob(&layout.exclude));
    if layout.filtered
        || [&include, &exclude]
            .iter()
            .any(|g| matches!(g, Some(Err(_))))
    {
        bundle
            .holes
            .insert(format!("which files of {} count is not known", shown(path)));
    }
    let mut built = BTreeMap::new();
    for file in in_walk_order(paths.below(path)) {
        let relative = file
            .path
            .get(path.len()..)
            .unwrap_or_default()
            .trim_start_matches('/');
        let wanted_kind = ["yaml", "yml"].iter().any(|e| has_extension(relative, e))
            || (*tool == Evidence::ArgoCd && has_extension(relative, "json"));
        let fits = |glob: &Option<Result<globset::GlobSet, String>>, absent| match glob {
            Some(Ok(glob)) => glob.is_match(relative),
            _ => absent,
        };
        let inner = split(relative).0;
        if (layout.depth == Depth::Flat && !inner.is_empty())
            || !wanted_kind
            || !fits(&include, true)
            || fits(&exclude, false)
        {
            continue;
        }
        if let Some((directory, nested)) =
            nested(manifests, path, inner).filter(|_| layout.depth == Depth::Nested)
        {
            if built.insert(directory, nested).is_none() && !manifests.is_component(nested) {
                bundle.add(kustomization(
                    manifests,
                    gatherer,
                    nested,
                    &Overrides::default(),
                ));
            }
        } else if manifests.kustomization(file.id).is_none() {
            bundle.take(manifests, file.id);
        }
    }
    bundle
}

/// The first kustomization on the way down from a directory to what is below it.
fn nested(manifests: &Manifests<'_>, top: &str, below: &str) -> Option<(String, FileId)> {
    let mut directory = top.to_owned();
    for segment in below.split('/').filter(|s| !s.is_empty()) {
        directory = join(&directory, segment)?;
        if let Some(file) = manifests.paths().kustomization(&directory) {
            return Some((directory, file));
        }
    }
    None
}

/// Whether a directory holds a Helm chart.
pub(in crate::kube) fn chart(manifests: &Manifests<'_>, directory: &str) -> bool {
    join(directory, "Chart.yaml").is_some_and(|p| manifests.paths().file(&p).is_some())
}

/// A directory for messages.
pub(in crate::kube) fn shown(directory: &str) -> &str {
    if directory.is_empty() { "." } else { directory }
}

/// As `filepath.Walk` goes, which kubectl and Argo CD use: by the names in each directory, and what
/// is below `a` before `a.yaml`.
pub(in crate::kube) fn in_walk_order<'a>(
    files: impl Iterator<Item = &'a SourceFile>,
) -> Vec<&'a SourceFile> {
    let mut files: Vec<&SourceFile> = files.collect();
    files.sort_by(|a, b| a.path.split('/').cmp(b.path.split('/')));
    files
}

/// The settings that change a kustomization when it is built for an applier, with holes for what is
/// not known.
pub(in crate::kube) fn overrides(
    manifests: &Manifests<'_>,
    settings: Option<Node<'_>>,
    tool: Evidence,
    path: &str,
    fill: &Fill,
    holes: &mut BTreeSet<String>,
) -> Overrides {
    let Some(settings) = settings else {
        return Overrides::default();
    };
    let mut get = |key: &str| {
        let filled = fill.text(settings.get(key));
        if filled == crate::kube::gitops::applier::Filled::Unknown {
            holes.insert(format!("{key} is not known"));
        }
        filled.known()
    };
    let namespace = get(if tool == Evidence::Flux {
        "targetNamespace"
    } else {
        "namespace"
    });
    let mut changes = Overrides {
        namespace,
        prefix: get("namePrefix"),
        suffix: get("nameSuffix"),
        components: Vec::new(),
    };
    for item in settings.get("components").into_iter().flat_map(Node::items) {
        let directory = item.text().and_then(|t| join(path, t));
        match directory.and_then(|d| manifests.paths().kustomization(&d)) {
            Some(component) => changes.components.push(component),
            None => {
                _ = holes.insert(format!(
                    "component {} is not there",
                    item.text().unwrap_or_default()
                ));
            }
        }
    }
    changes
}
