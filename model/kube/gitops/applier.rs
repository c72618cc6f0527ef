//! Resources that have other files applied: Argo CD `Application`s and `ApplicationSet`s, Flux
//! `Kustomization`s.
//!
//! Each is read into what it applies ([`Source`]) and where ([`Place`]). Fields may be templates:
//! what cannot be filled in is not known, and not guessed.

use std::collections::{BTreeMap, BTreeSet};

use super::repository::{Claim, Own, address, revision};
use super::{application_set, argo_cd, flux};
use crate::kube::kustomize::manifests::Manifests;
use crate::kube::object::apply_set::{Applier, Evidence};
use crate::kube::object::resource::{FileId, Resource, ResourceId};
use crate::yaml::{Node, NodeId, Word};

/// A generator of Argo CD that reads files of any kind.
static FILES: Word = Word::new("files");

/// One thing that has files applied.
#[derive(Debug, Clone)]
pub(in crate::kube) struct Applied {
    pub applier: Applier,
    /// [`Evidence::ArgoCd`] or [`Evidence::Flux`].
    pub tool: Evidence,
    /// Where it applies, when that is known: what another one applies there too meets it.
    pub place: Option<Place>,
    pub sources: Vec<Source>,
}

/// A cluster, and the namespace that objects get there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::kube) struct Place {
    pub cluster: String,
    pub namespace: Option<String>,
}

/// One source of an [`Applied`].
#[derive(Debug, Clone)]
pub(in crate::kube) struct Source {
    pub claim: Claim,
    pub content: Content,
    /// The mapping that changes what is built: `kustomize` of an Argo CD source, `spec` of a Flux
    /// `Kustomization`.
    pub settings: Option<NodeId>,
}

/// What a source holds.
#[derive(Debug, Clone)]
pub(in crate::kube) enum Content {
    /// The directory that is claimed.
    Directory(Layout),
    /// Something that is not read here; for messages: "Helm chart x".
    Opaque(String),
}

/// How far down a directory is read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::kube) enum Depth {
    /// Its own files.
    #[default]
    Flat,
    /// All files below, too.
    Recursive,
    /// All files below, and kustomizations there are built.
    Nested,
}

/// How a directory is read that is no kustomization.
#[derive(Debug, Clone, Default)]
pub(in crate::kube) struct Layout {
    pub depth: Depth,
    /// Take nothing for a kustomization, not even the directory itself.
    pub plain: bool,
    /// Globs of paths relative to the directory.
    pub include: Option<String>,
    pub exclude: Option<String>,
    /// Files may be left out that are counted in here.
    pub filtered: bool,
}

/// All that has files applied.
#[derive(Debug, Clone, Default)]
pub(in crate::kube) struct Appliers {
    /// By resource.
    pub applied: Vec<Applied>,
    /// What is taken for the workspace's own repository.
    pub own: Own,
    /// What `own` is judged by, with the files that say so.
    claims: Vec<(FileId, Claim)>,
}

/// All that has files applied.
pub(in crate::kube) fn all(manifests: &Manifests<'_>) -> Appliers {
    let found = with_spec(manifests, manifests.resources.iter());
    let urls = flux::urls(manifests);
    let claims = claims(manifests, &found, &urls);
    let own = Own::of(claims.iter().map(|(_, claim)| claim), manifests.paths());
    let applied = applied(manifests, &own, found, &urls);
    Appliers {
        applied,
        own,
        claims,
    }
}

/// As [`all`], with what is known of files that have not changed; `now` gives the new number of
/// a resource. With it, for each its position in what is known. `None` where something has changed
/// on which all of them depend.
pub(in crate::kube) fn after(
    manifests: &Manifests<'_>,
    known: &Appliers,
    changed: &BTreeSet<FileId>,
    now: impl Fn(ResourceId) -> Option<ResourceId>,
    was: &[Resource],
) -> Option<(Appliers, Vec<Option<usize>>)> {
    let of_changed = || changed.iter().flat_map(|file| manifests.of_file(*file));
    let is_changed = |id: ResourceId| {
        let of = was.get(id.0 as usize);
        of.is_none_or(|resource| changed.contains(&resource.file))
    };
    let mut before = was.iter().filter(|r| changed.contains(&r.file));
    if before.any(flux::is_repository)
        || of_changed().any(flux::is_repository)
        || reads_files(manifests, |file| changed.contains(&file))
    {
        return None;
    }
    let found = with_spec(manifests, of_changed());
    let urls = if found.iter().any(|(r, _)| tool(r) == Some(Evidence::Flux)) {
        flux::urls(manifests)
    } else {
        flux::Urls::new()
    };
    let new = claims(manifests, &found, &urls);
    let old = known
        .claims
        .iter()
        .filter(|(file, _)| changed.contains(file));
    let same = old.eq(&new);
    let kept = known
        .claims
        .iter()
        .filter(|(file, _)| !changed.contains(file));
    let claims: Vec<(FileId, Claim)> = kept.cloned().chain(new).collect();
    let is_own = || Own::of(claims.iter().map(|(_, claim)| claim), manifests.paths());
    if !same && is_own() != known.own {
        return None;
    }
    let mut all: Vec<(Applied, Option<usize>)> = Vec::with_capacity(known.applied.len());
    for (at, one) in known.applied.iter().enumerate() {
        if is_changed(one.applier.resource) {
            continue;
        }
        let mut one = one.clone();
        one.applier.resource = now(one.applier.resource)?;
        all.push((one, Some(at)));
    }
    let new = applied(manifests, &known.own, found, &urls);
    all.extend(new.into_iter().map(|one| (one, None)));
    all.sort_by_key(|(one, _)| one.applier.resource);
    let (applied, from) = all.into_iter().unzip();
    let own = known.own.clone();
    let appliers = Appliers {
        applied,
        own,
        claims,
    };
    Some((appliers, from))
}

/// Whether an `ApplicationSet` of some files may read files for what they say.
pub(in crate::kube) fn reads_files(manifests: &Manifests<'_>, of: impl Fn(FileId) -> bool) -> bool {
    let reads = |resource: &Resource| {
        let file = manifests.files.get(resource.file.0 as usize);
        let yaml = file.and_then(|file| file.yaml.as_ref());
        yaml.is_some_and(|yaml| yaml.may_hold(resource.span(), &FILES))
    };
    let mut sets = manifests.resources.iter();
    sets.any(|r| r.kind == "ApplicationSet" && of(r.file) && reads(r))
}

/// Those of some resources that have files applied.
fn with_spec<'a>(
    manifests: &Manifests<'a>,
    resources: impl Iterator<Item = &'a Resource>,
) -> Vec<(&'a Resource, Node<'a>)> {
    let kinds = |resource: &&Resource| tool(resource).is_some();
    let with_spec = |resource| Some((resource, manifests.node(resource)?.get("spec")?));
    resources.filter(kinds).filter_map(with_spec).collect()
}

fn claims(
    manifests: &Manifests<'_>,
    found: &[(&Resource, Node<'_>)],
    urls: &flux::Urls,
) -> Vec<(FileId, Claim)> {
    let mut all = Vec::new();
    for (resource, spec) in found {
        let claims = match resource.kind.as_str() {
            "Application" => argo_cd::claims(*spec, &Fill::default()),
            "ApplicationSet" => application_set::claims(manifests, *spec),
            _ => flux::claim_in(resource, *spec, urls).into_iter().collect(),
        };
        all.extend(claims.into_iter().map(|claim| (resource.file, claim)));
    }
    all
}

fn applied(
    manifests: &Manifests<'_>,
    own: &Own,
    found: Vec<(&Resource, Node<'_>)>,
    urls: &flux::Urls,
) -> Vec<Applied> {
    let mut all = Vec::new();
    for (resource, spec) in found {
        match resource.kind.as_str() {
            "Application" => all.push(argo_cd::application(
                resource.id,
                Some(resource.name.clone()),
                spec,
                &Fill::default(),
            )),
            "ApplicationSet" => {
                all.extend(application_set::applications(
                    manifests, own, resource, spec,
                ));
            }
            _ => all.push(flux::kustomization(resource, spec, urls)),
        }
    }
    for applied in &mut all {
        forget_foreign(applied, own, manifests);
    }
    all
}

/// Takes the settings from sources that are not this repository: what they change is not here. An
/// `OCIRepository` or a `Bucket` holds what somebody pushed there, which is this repository only
/// where its path says so.
fn forget_foreign(applied: &mut Applied, own: &Own, manifests: &Manifests<'_>) {
    for source in &mut applied.sources {
        let pushed =
            source.claim.repository == flux::PUSHED && !source.claim.is_here(manifests.paths());
        if pushed || own.is_not(&source.claim, manifests.paths()) {
            source.settings = None;
        }
    }
}

/// Which tool a resource is for, if it has files applied.
pub(in crate::kube) fn tool(resource: &Resource) -> Option<Evidence> {
    match (resource.group(), resource.kind.as_str()) {
        ("argoproj.io", "Application" | "ApplicationSet") => Some(Evidence::ArgoCd),
        ("kustomize.toolkit.fluxcd.io", "Kustomization") => Some(Evidence::Flux),
        _ => None,
    }
}

/// What a text of a template turns into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::kube) enum Filled {
    /// It is not there, or empty.
    Absent,
    Known(String),
    /// It has parts that are not known.
    Unknown,
}

impl Filled {
    pub(in crate::kube) fn known(self) -> Option<String> {
        if let Self::Known(text) = self {
            Some(text)
        } else {
            None
        }
    }
}

/// Parameters of a template.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::kube) struct Fill {
    /// Go templates (`{{ .path.basename }}`), else `{{path.basename}}`.
    pub go: bool,
    /// By the name that the simple form gives them.
    pub parameters: BTreeMap<String, String>,
}

impl Fill {
    /// The text of a node.
    pub(in crate::kube) fn text(&self, node: Option<Node<'_>>) -> Filled {
        let Some(text) = node
            .filter(|n| !n.is_null())
            .and_then(Node::text)
            .filter(|t| !t.is_empty())
        else {
            return Filled::Absent;
        };
        self.fill(text).map_or(Filled::Unknown, Filled::Known)
    }

    /// A text with its parameters filled in; `None` when one is not known.
    pub(in crate::kube) fn fill(&self, text: &str) -> Option<String> {
        let mut filled = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            let (expression, after) = after.split_once("}}")?;
            filled.push_str(before);
            filled.push_str(self.value(expression)?);
            rest = after;
        }
        filled.push_str(rest);
        (!filled.contains("${")).then_some(filled)
    }

    fn value(&self, expression: &str) -> Option<&str> {
        let expression = expression.trim();
        if !self.go {
            return self.parameters.get(expression).map(String::as_str);
        }
        let expression = expression.trim_matches('-').trim();
        let name = match expression.strip_prefix("index .path.segments ") {
            Some(number) => format!("path[{}]", number.trim()),
            // What the simple form calls `path` is `.path.path` here, and `.path` is no text.
            None => match expression.strip_prefix('.')? {
                "path" => return None,
                "path.path" => "path".to_owned(),
                name => name.to_owned(),
            },
        };
        self.parameters.get(&name).map(String::as_str)
    }
}

/// A claim on a directory of a repository.
pub(in crate::kube) fn claim(url: Filled, named: &Filled, path: Filled) -> Claim {
    let revision = match named {
        Filled::Absent => revision(None),
        Filled::Known(text) => revision(Some(text)),
        Filled::Unknown => None,
    };
    Claim {
        repository: url.known().map(|u| address(&u)).unwrap_or_default(),
        revision,
        path: path.known(),
    }
}
