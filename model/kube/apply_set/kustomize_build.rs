//! Building kustomizations as far as sets need it: which resources and generated objects come out,
//! under which names and namespaces.
//!
//! The order is kustomize's (`api/internal/target/kusttarget.go`): resources, generators,
//! components, and then what changes all of it. A component changes what its parent gathered before
//! it. What a base gathers is kept, since many overlays share it.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::generator_failure::{self, Failure};
use crate::kube::kustomize::kustomization::ResourceEntry;
use crate::kube::kustomize::manifests::Manifests;
use crate::kube::kustomize::patch::{self, Patch};
use crate::kube::kustomize::selector::Seen;
use crate::kube::object::apply_set::{EncryptedMember, Generated, Member};
use crate::kube::object::kustomization::Kustomization;
use crate::kube::object::resource::{FileId, ResourceId};
use crate::kube::source::encrypted::Encrypted;

/// Kustomizations nest less deep than this; deeper ones make a hole.
const MAX_DEPTH: usize = 64;
/// Members of a set; more make a hole.
const MAX_MEMBERS: usize = 200_000;
/// Kinds whose names `namePrefix` leaves alone (kustomize's `PrefixTransformer`).
const KEEP_NAME: &[&str] = &["CustomResourceDefinition", "APIService", "Namespace"];

/// Something on its way through kustomizations: a resource, or a generator.
#[derive(Debug, Clone)]
pub(in crate::kube) struct Part<T> {
    pub what: T,
    pub namespace: Option<String>,
    pub prefix: String,
    pub suffix: String,
    /// Innermost first.
    pub through: Vec<FileId>,
}

/// A generator: its kustomization and its position there.
pub(in crate::kube) type Made = (FileId, usize);

impl<T> Part<T> {
    fn new(what: T, namespace: Option<&str>) -> Self {
        let namespace = namespace.map(str::to_owned);
        Self {
            what,
            namespace,
            prefix: String::new(),
            suffix: String::new(),
            through: Vec::new(),
        }
    }

    fn pass(&mut self, file: FileId, around: &Around) {
        if let Some(namespace) = &around.namespace {
            self.namespace = Some(namespace.clone());
        }
        self.prefix.insert_str(0, &around.prefix);
        self.suffix.push_str(&around.suffix);
        self.through.push(file);
    }

    fn outermost_first(&self) -> Vec<FileId> {
        self.through.iter().rev().copied().collect()
    }
}

/// What a kustomization puts around everything it gathers.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::kube) struct Around {
    pub namespace: Option<String>,
    pub prefix: String,
    pub suffix: String,
}

impl Around {
    fn of(kustomization: &Kustomization) -> Self {
        let Kustomization {
            namespace,
            prefix,
            suffix,
            ..
        } = kustomization;
        Self {
            namespace: namespace.clone(),
            prefix: prefix.clone(),
            suffix: suffix.clone(),
        }
    }
}

/// How who has a kustomization built changes it: fields that are set take the place of its own, as
/// `kustomize edit set` does.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::kube) struct Overrides {
    pub namespace: Option<String>,
    pub prefix: Option<String>,
    pub suffix: Option<String>,
    pub components: Vec<FileId>,
}

impl Overrides {
    fn apply(&self, around: &mut Around) {
        around.namespace = self.namespace.clone().or_else(|| around.namespace.take());
        around.prefix = self
            .prefix
            .clone()
            .unwrap_or_else(|| std::mem::take(&mut around.prefix));
        around.suffix = self
            .suffix
            .clone()
            .unwrap_or_else(|| std::mem::take(&mut around.suffix));
    }
}

/// What comes out of a kustomization.
#[derive(Debug)]
pub(in crate::kube) struct BuildOutput {
    pub members: Vec<Member>,
    pub generated: Vec<Generated>,
    pub encrypted: Vec<EncryptedMember>,
    /// What went in, and is deleted on the way.
    pub gone: Vec<Member>,
    pub failures: BTreeSet<Failure>,
}

/// What a kustomization gathers.
#[derive(Debug, Clone, Default)]
pub(in crate::kube) struct Gathered {
    pub resources: Vec<Part<ResourceId>>,
    pub generated: Vec<Part<Made>>,
    /// Numbers of what SOPS encrypted.
    encrypted: Vec<Part<usize>>,
    /// What a patch deletes.
    gone: Vec<Part<ResourceId>>,
    pub holes: BTreeSet<String>,
    /// Generators that cannot be carried out: the build fails.
    pub failures: BTreeSet<Failure>,
    /// All kustomizations it is gathered through.
    pub reach: BTreeSet<FileId>,
    /// How deep those nest.
    depth: usize,
}

impl Gathered {
    /// What comes out, as parts of a set.
    pub(in crate::kube) fn finish(&self, manifests: &Manifests<'_>) -> BuildOutput {
        let member = |part: &Part<ResourceId>| {
            let resource = manifests.resources.get(part.what.0 as usize)?;
            let name = if resource.name.is_empty() || KEEP_NAME.contains(&resource.kind.as_str()) {
                resource.name.clone()
            } else {
                format!("{}{}{}", part.prefix, resource.name, part.suffix)
            };
            Some(Member {
                resource: part.what,
                namespace: part.namespace.clone(),
                name,
                through: part.outermost_first(),
            })
        };
        let generated = |part: &Part<Made>| {
            let (kustomization, generator) = part.what;
            let at = manifests
                .kustomizations
                .binary_search_by_key(&kustomization, |k| k.file)
                .ok()?;
            let name = &manifests
                .kustomizations
                .get(at)?
                .generators
                .get(generator)?
                .name;
            let name = format!("{}{name}{}", part.prefix, part.suffix);
            Some(Generated {
                kustomization,
                generator,
                namespace: part.namespace.clone(),
                name,
                through: part.outermost_first(),
            })
        };
        let encrypted = |part: &Part<usize>| {
            let Encrypted {
                to,
                name,
                location,
                document,
                ..
            } = manifests.encrypted.get(part.what)?;
            let (to, file, document) = (*to, location.file, *document);
            let name = format!("{}{name}{}", part.prefix, part.suffix);
            Some(EncryptedMember {
                to,
                file,
                document,
                namespace: part.namespace.clone(),
                name,
                through: part.outermost_first(),
            })
        };
        BuildOutput {
            encrypted: self.encrypted.iter().filter_map(encrypted).collect(),
            members: self.resources.iter().filter_map(member).collect(),
            generated: self.generated.iter().filter_map(generated).collect(),
            gone: self.gone.iter().filter_map(member).collect(),
            failures: self.failures.clone(),
        }
    }

    fn add(&mut self, inner: &Self) {
        self.holes.extend(inner.holes.iter().cloned());
        self.failures.extend(inner.failures.iter().cloned());
        self.reach.extend(inner.reach.iter().copied());
        let room = MAX_MEMBERS.saturating_sub(self.resources.len().max(self.generated.len()));
        self.resources
            .extend(inner.resources.iter().take(room).cloned());
        self.generated
            .extend(inner.generated.iter().take(room).cloned());
        self.encrypted
            .extend(inner.encrypted.iter().take(room).cloned());
        self.gone.extend(inner.gone.iter().take(room).cloned());
        if inner.resources.len() > room || inner.generated.len() > room {
            self.holes.insert("it has too many resources".to_owned());
        }
    }
}

/// Builds kustomizations.
pub(in crate::kube) struct Gatherer<'a> {
    manifests: &'a Manifests<'a>,
    memo: BTreeMap<FileId, Rc<Gathered>>,
    /// Components cannot be kept: their work is bounded instead.
    steps: usize,
    /// Whether what comes out may depend on what was built first.
    bounded: bool,
}

impl<'a> Gatherer<'a> {
    pub(in crate::kube) fn new(manifests: &'a Manifests<'a>) -> Self {
        Self {
            manifests,
            memo: BTreeMap::new(),
            steps: 64 * manifests.kustomizations.len() + 1000,
            bounded: false,
        }
    }

    /// As [`Gatherer::new`], with so many steps left.
    pub(in crate::kube) fn with_steps(manifests: &'a Manifests<'a>, steps: usize) -> Self {
        let new = Self::new(manifests);
        Self { steps, ..new }
    }

    /// Whether kustomizations go round in circles, nest as deep as is followed or are more than are
    /// built: what is built depends on what was built before.
    pub(in crate::kube) fn is_bounded(&self) -> bool {
        self.bounded || self.steps == 0
    }

    /// How many more kustomizations may be built.
    pub(in crate::kube) fn steps(&self) -> usize {
        self.steps
    }

    /// What a kustomization gathers.
    pub(in crate::kube) fn build(&mut self, file: FileId) -> Rc<Gathered> {
        self.gather(file, &[])
    }

    /// What it gathers when it is changed first.
    pub(in crate::kube) fn build_with(
        &mut self,
        file: FileId,
        overrides: &Overrides,
    ) -> Rc<Gathered> {
        if *overrides == Overrides::default() {
            return self.build(file);
        }
        Rc::new(self.accumulate(file, Gathered::default(), &[], Some(overrides)))
    }

    fn gather(&mut self, file: FileId, stack: &[FileId]) -> Rc<Gathered> {
        if let Some(known) = self.memo.get(&file) {
            return Rc::clone(known);
        }
        let gathered = Rc::new(self.accumulate(file, Gathered::default(), stack, None));
        self.memo.insert(file, Rc::clone(&gathered));
        gathered
    }

    /// Adds what a kustomization gathers to `into`, then changes all of it.
    fn accumulate(
        &mut self,
        file: FileId,
        mut into: Gathered,
        stack: &[FileId],
        overrides: Option<&Overrides>,
    ) -> Gathered {
        let manifests = self.manifests;
        let Ok(index) = manifests
            .kustomizations
            .binary_search_by_key(&file, |k| k.file)
        else {
            into.holes.extend(manifests.unreadable.get(&file).cloned());
            return into;
        };
        let (Some(kustomization), Some(details)) = (
            manifests.kustomizations.get(index),
            manifests.details.get(index),
        ) else {
            return into;
        };
        if stack.contains(&file) || stack.len() >= MAX_DEPTH || self.steps == 0 {
            self.bounded = true;
            into.holes.insert(format!(
                "kustomization {} refers to itself, or nests too deep",
                kustomization.directory
            ));
            return into;
        }
        self.steps -= 1;
        let stack: Vec<FileId> = stack.iter().copied().chain([file]).collect();
        into.reach.insert(file);
        into.holes.extend(kustomization.holes.iter().cloned());
        for entry in &details.entries {
            match entry {
                ResourceEntry::File(file) => {
                    into.holes.extend(manifests.unreadable.get(file).cloned());
                    into.resources.extend(
                        manifests
                            .of_file(*file)
                            .iter()
                            .map(|r| Part::new(r.id, r.namespace.as_deref())),
                    );
                    let namespace = |number: usize| {
                        manifests
                            .encrypted
                            .get(number)
                            .and_then(|e| e.namespace.as_deref())
                    };
                    into.encrypted.extend(
                        manifests
                            .encrypted_of(*file)
                            .map(|number| Part::new(number, namespace(number))),
                    );
                }
                ResourceEntry::Base(base) => {
                    let inner = self.gather(*base, &stack);
                    into.depth = into.depth.max(inner.depth + 1);
                    into.add(&inner);
                }
            }
        }
        for (at, generator) in kustomization.generators.iter().enumerate() {
            into.failures.extend(generator_failure::failure(
                manifests, &into, file, at, generator,
            ));
            into.generated
                .push(Part::new((file, at), generator.namespace.as_deref()));
        }
        let more = overrides.map_or(&[][..], |o| o.components.as_slice());
        for component in details.components.iter().chain(more) {
            let depth = std::mem::take(&mut into.depth);
            into = self.accumulate(*component, into, &stack, None);
            into.depth = depth.max(into.depth + 1);
        }
        self.bounded |= into.depth >= MAX_DEPTH;
        for patch in details.patches.iter().filter(|p| p.deletes()) {
            delete(manifests, patch, &mut into);
        }
        let mut around = Around::of(kustomization);
        if let Some(overrides) = overrides {
            overrides.apply(&mut around);
        }
        into.resources
            .iter_mut()
            .for_each(|part| part.pass(file, &around));
        into.gone
            .iter_mut()
            .for_each(|part| part.pass(file, &around));
        into.generated
            .iter_mut()
            .for_each(|part| part.pass(file, &around));
        into.encrypted
            .iter_mut()
            .for_each(|part| part.pass(file, &around));
        into
    }
}

/// Takes out what a patch deletes. Whom a selector by labels means is not certain here, so that
/// what it may mean stays, with a hole.
fn delete(manifests: &Manifests<'_>, patch: &Patch, into: &mut Gathered) {
    let mut unsure = false;
    let verdict = |part: &Part<ResourceId>| {
        let found = manifests
            .resources
            .get(part.what.0 as usize)
            .and_then(|r| Some((r, manifests.node(r)?)));
        let Some((resource, node)) = found else {
            return patch::Deletion::No;
        };
        let names = BTreeSet::from([
            resource.name.clone(),
            format!("{}{}{}", part.prefix, resource.name, part.suffix),
        ]);
        let namespaces = part
            .namespace
            .iter()
            .chain(&resource.namespace)
            .cloned()
            .collect();
        patch::deletes(
            patch,
            &Seen {
                resource,
                node,
                names,
                namespaces,
                relabelled: true,
            },
        )
    };
    for part in std::mem::take(&mut into.resources) {
        let verdict = verdict(&part);
        unsure |= verdict == patch::Deletion::Possible;
        if verdict == patch::Deletion::Certain {
            into.gone.push(part);
        } else {
            into.resources.push(part);
        }
    }
    if unsure {
        into.holes
            .insert("a patch deletes what a selector chooses".to_owned());
    }
}
