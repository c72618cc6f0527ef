//! Building apply sets (semantics f.3), strongest evidence first.
//!
//! A file that is part of a configured set is judged only through configured sets; one that a kustomization gathers only through the
//! kustomization roots that reach it; what is left makes a candidate set for each directory.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use globset::{Glob, GlobMatcher};

use super::kustomization::{Details, Entry};
use super::kustomize::Kustomization;
use super::read::split;
use super::resource::{FileId, Resource, ResourceId};
use super::sets::{ApplySet, Evidence, Member, SetId};
use super::workspace::{ApplySetSpec, Options, SourceFile};

/// Kustomizations nest less deep than this; deeper ones make a hole.
const MAX_DEPTH: usize = 64;
/// Members of a set; more make a hole.
const MAX_MEMBERS: usize = 200_000;
/// Kinds whose names `namePrefix` leaves alone (kustomize's `PrefixTransformer`).
const KEEP_NAME: &[&str] = &["CustomResourceDefinition", "APIService", "Namespace"];

/// What sets are built from.
pub(super) struct Parts<'a> {
    pub files: &'a [SourceFile],
    pub resources: &'a [Resource],
    /// Files that should hold resources but cannot be read, and why.
    pub unreadable: &'a BTreeMap<FileId, String>,
    pub kustomizations: &'a [Kustomization],
    pub details: &'a [Details],
}

/// A set and the kustomizations it was gathered through.
pub(super) struct Built {
    pub set: ApplySet,
    pub reach: BTreeSet<FileId>,
}

/// All apply sets.
pub(super) fn build(parts: &Parts<'_>, options: &Options) -> Vec<Built> {
    let mut sets = Vec::new();
    if options.stream {
        let members = parts.resources.iter().map(|r| raw(r, None)).collect();
        let holes: BTreeSet<String> = parts.unreadable.values().cloned().collect();
        push(&mut sets, "<stdin>", Evidence::Stream, members, holes, BTreeSet::new());
        return sets;
    }
    let steps = 64 * parts.kustomizations.len() + 1000;
    let mut gatherer = Gatherer { parts, memo: BTreeMap::new(), steps };
    let mut configured: BTreeMap<FileId, &str> = BTreeMap::new();
    for spec in &options.apply_sets {
        let files = matched(parts.files, spec);
        configured.extend(files.iter().map(|f| (*f, spec.name.as_str())));
        let (members, holes, reach) = configured_set(parts, &mut gatherer, &files, spec.namespace.as_deref());
        push(&mut sets, &spec.name, Evidence::Config, members, holes, reach);
    }
    for kustomization in parts.kustomizations.iter().filter(|k| k.root && !configured.contains_key(&k.file)) {
        let build = gatherer.gather(kustomization.file, &[]);
        let mut holes = build.holes.clone();
        let mut members = Vec::new();
        for part in &build.parts {
            match parts.resources.get(part.resource.0 as usize).and_then(|r| configured.get(&r.file)) {
                Some(name) => {
                    holes.insert(format!("a part of it belongs to apply set {name}"));
                }
                None => members.extend(part.member(parts.resources)),
            }
        }
        let name = if kustomization.directory.is_empty() { "." } else { &kustomization.directory };
        push(&mut sets, name, Evidence::Kustomization, members, holes, build.reach.clone());
    }
    let listed: BTreeSet<FileId> = parts.kustomizations.iter().flat_map(|k| k.resources.iter().copied()).collect();
    let mut directories: BTreeMap<&str, Vec<Member>> = BTreeMap::new();
    for resource in parts.resources {
        if configured.contains_key(&resource.file) || listed.contains(&resource.file) {
            continue;
        }
        if let Some(file) = parts.files.get(resource.file.0 as usize) {
            directories.entry(split(&file.path).0).or_default().push(raw(resource, None));
        }
    }
    for (directory, members) in directories {
        let holes = BTreeSet::from(["nothing says that a directory is applied as a whole".to_owned()]);
        push(&mut sets, if directory.is_empty() { "." } else { directory }, Evidence::Directory, members, holes, BTreeSet::new());
    }
    sets
}

fn push(sets: &mut Vec<Built>, name: &str, evidence: Evidence, members: Vec<Member>, holes: BTreeSet<String>, reach: BTreeSet<FileId>) {
    let id = SetId(u32::try_from(sets.len()).unwrap_or(u32::MAX));
    let closed = holes.is_empty();
    let set = ApplySet { id, name: name.to_owned(), evidence, members, closed, holes: holes.into_iter().collect() };
    sets.push(Built { set, reach });
}

/// A resource as it is written.
fn raw(resource: &Resource, namespace: Option<&str>) -> Member {
    Member {
        resource: resource.id,
        namespace: resource.namespace.clone().or_else(|| namespace.map(str::to_owned)),
        name: resource.name.clone(),
        through: Vec::new(),
    }
}

/// The files of a configured set: in the order of globs, then by path.
fn matched(files: &[SourceFile], spec: &ApplySetSpec) -> Vec<FileId> {
    let globs: Vec<GlobMatcher> = spec.paths.iter().filter_map(|p| Some(Glob::new(p).ok()?.compile_matcher())).collect();
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    for glob in &globs {
        found.extend(files.iter().filter(|f| glob.is_match(&f.path) && seen.insert(f.id)).map(|f| f.id));
    }
    found
}

type Collected = (Vec<Member>, BTreeSet<String>, BTreeSet<FileId>);

/// Kustomizations among the files are built, the other files are taken as they are.
fn configured_set(parts: &Parts<'_>, gatherer: &mut Gatherer<'_>, files: &[FileId], namespace: Option<&str>) -> Collected {
    let wanted: BTreeSet<FileId> = files.iter().copied().collect();
    let inner: BTreeSet<FileId> =
        parts.kustomizations.iter().filter(|k| wanted.contains(&k.file)).flat_map(|k| k.bases.iter().copied()).collect();
    let (mut holes, mut reach) = (BTreeSet::new(), BTreeSet::new());
    let mut members_of: BTreeMap<FileId, Vec<Member>> = BTreeMap::new();
    let mut covered = BTreeSet::new();
    for kustomization in parts.kustomizations.iter().filter(|k| wanted.contains(&k.file) && !inner.contains(&k.file) && !k.component) {
        let build = gatherer.gather(kustomization.file, &[]);
        holes.extend(build.holes.iter().cloned());
        reach.extend(build.reach.iter().copied());
        covered.extend(parts.kustomizations.iter().filter(|k| build.reach.contains(&k.file)).flat_map(|k| k.resources.iter().copied()));
        let members = build.parts.iter().filter_map(|p| p.member(parts.resources)).map(|mut m| {
            m.namespace = m.namespace.or_else(|| namespace.map(str::to_owned));
            m
        });
        members_of.insert(kustomization.file, members.collect());
    }
    let mut members = Vec::new();
    for file in files {
        if let Some(gathered) = members_of.remove(file) {
            members.extend(gathered);
        } else if !covered.contains(file) {
            holes.extend(parts.unreadable.get(file).cloned());
            members.extend(parts.of_file(*file).iter().map(|r| raw(r, namespace)));
        }
    }
    (members, holes, reach)
}

impl Parts<'_> {
    /// The resources of a file.
    fn of_file(&self, file: FileId) -> &[Resource] {
        let start = self.resources.partition_point(|r| r.file < file);
        let end = self.resources.partition_point(|r| r.file <= file);
        self.resources.get(start..end).unwrap_or_default()
    }
}

/// A resource on its way through kustomizations.
#[derive(Debug, Clone)]
struct Part {
    resource: ResourceId,
    namespace: Option<String>,
    prefix: String,
    suffix: String,
    /// Innermost first.
    through: Vec<FileId>,
}

impl Part {
    fn member(&self, resources: &[Resource]) -> Option<Member> {
        let resource = resources.get(self.resource.0 as usize)?;
        let name = if resource.name.is_empty() || KEEP_NAME.contains(&resource.kind.as_str()) {
            resource.name.clone()
        } else {
            format!("{}{}{}", self.prefix, resource.name, self.suffix)
        };
        let through = self.through.iter().rev().copied().collect();
        Some(Member { resource: self.resource, namespace: self.namespace.clone(), name, through })
    }
}

#[derive(Debug, Clone, Default)]
struct Gathered {
    parts: Vec<Part>,
    holes: BTreeSet<String>,
    reach: BTreeSet<FileId>,
}

/// Builds kustomizations; what a base gathers is kept, since many overlays share it.
struct Gatherer<'a> {
    parts: &'a Parts<'a>,
    memo: BTreeMap<FileId, Rc<Gathered>>,
    /// Components cannot be kept: their work is bounded instead.
    steps: usize,
}

impl Gatherer<'_> {
    fn gather(&mut self, file: FileId, stack: &[FileId]) -> Rc<Gathered> {
        if let Some(known) = self.memo.get(&file) {
            return Rc::clone(known);
        }
        let gathered = Rc::new(self.accumulate(file, Gathered::default(), stack));
        self.memo.insert(file, Rc::clone(&gathered));
        gathered
    }

    /// Adds what a kustomization gathers to `into`, then changes all of it: a component changes what its parent gathered before it.
    fn accumulate(&mut self, file: FileId, mut into: Gathered, stack: &[FileId]) -> Gathered {
        let Ok(index) = self.parts.kustomizations.binary_search_by_key(&file, |k| k.file) else {
            into.holes.extend(self.parts.unreadable.get(&file).cloned());
            return into;
        };
        let (Some(kustomization), Some(details)) = (self.parts.kustomizations.get(index), self.parts.details.get(index)) else {
            return into;
        };
        if stack.contains(&file) || stack.len() >= MAX_DEPTH || self.steps == 0 {
            into.holes.insert(format!("kustomization {} refers to itself, or nests too deep", kustomization.directory));
            return into;
        }
        self.steps -= 1;
        let stack: Vec<FileId> = stack.iter().copied().chain([file]).collect();
        into.reach.insert(file);
        into.holes.extend(kustomization.holes.iter().cloned());
        for entry in &details.entries {
            match entry {
                Entry::File(file) => {
                    into.holes.extend(self.parts.unreadable.get(file).cloned());
                    into.parts.extend(self.parts.of_file(*file).iter().map(|r| Part {
                        resource: r.id,
                        namespace: r.namespace.clone(),
                        prefix: String::new(),
                        suffix: String::new(),
                        through: Vec::new(),
                    }));
                }
                Entry::Base(base) => {
                    let inner = self.gather(*base, &stack);
                    into.holes.extend(inner.holes.iter().cloned());
                    into.reach.extend(inner.reach.iter().copied());
                    let room = MAX_MEMBERS.saturating_sub(into.parts.len());
                    into.parts.extend(inner.parts.iter().take(room).cloned());
                    if inner.parts.len() > room {
                        into.holes.insert("it has too many resources".to_owned());
                    }
                }
            }
        }
        for component in &details.components {
            into = self.accumulate(*component, into, &stack);
        }
        for part in &mut into.parts {
            if let Some(namespace) = &kustomization.namespace {
                part.namespace = Some(namespace.clone());
            }
            part.prefix.insert_str(0, &kustomization.prefix);
            part.suffix.push_str(&kustomization.suffix);
            part.through.push(file);
        }
        into
    }
}
