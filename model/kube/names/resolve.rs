//! What a name stands for in an apply set (docs/kubernetes.md#namespace-defaults and, for
//! kustomize, its name reference transformer).
//!
//! Names are compared as they are written in the sources, since kustomize finds the object of a
//! reference by its original name. Where prefixes leave several candidates, it takes those that got
//! the same prefixes and suffixes as the resource that refers to them.

use std::collections::BTreeSet;

use crate::kube::object::apply_set::{ApplySet, Generated, Member, Resolution, SetId};
use crate::kube::object::kustomization::GeneratedKeys;
use crate::kube::object::reference::Target;
use crate::kube::object::resource::{FileId, ResourceId};
use crate::kube::source::encrypted::keys_of;
use crate::kube::workspace::Workspace;
use crate::kube::workspace::set_index::SetIndex;
use crate::yaml::{Node, Word};

/// kustomize's annotation for resources that get a hash suffix as if they were generated.
static NEEDS_HASH: Word = Word::new("kustomize.config.k8s.io/needs-hash");

/// Annotations of hooks.
static HOOKS: [Word; 2] = [
    Word::new("helm.sh/hook"),
    Word::new("argocd.argoproj.io/hook"),
];

impl Workspace {
    /// What the name `name` in resource `from` stands for in apply set `set`.
    pub fn resolve(&self, set: SetId, from: ResourceId, to: Target, name: &str) -> Resolution {
        self.resolve_in(set, from, to, name, None)
    }

    /// As [`Workspace::resolve`], for a reference that states a namespace beside the name.
    pub fn resolve_in(
        &self,
        set: SetId,
        from: ResourceId,
        to: Target,
        name: &str,
        namespace: Option<&str>,
    ) -> Resolution {
        let Some((apply_set, index, consumer)) = self.consumer(set, from) else {
            return Resolution::Missing;
        };
        let wanted = self.namespace_of(from, consumer, namespace);
        if let Some(generated) = self.generated(set, consumer, to, name, wanted.as_deref()) {
            return generated;
        }
        let mut candidates = index.definitions(&self.resources, apply_set, to, name);
        if candidates.is_empty() {
            // A name that already carries the prefix: kustomize leaves it, the cluster finds it.
            candidates = index.named(apply_set, to, name);
        } else if candidates.len() > 1
            && let Some(consumer) = consumer.filter(|m| !m.through.is_empty())
        {
            let affixes = self.affixes(&consumer.through);
            let same: Vec<&Member> = candidates
                .iter()
                .copied()
                .filter(|c| self.affixes(&c.through) == affixes)
                .collect();
            if !same.is_empty() {
                candidates = same;
            }
        }
        if candidates.len() > 1 && !self.is_hook(from) {
            // A hook may define the same object as the release, before it (Helm 4 renders both into
            // one stream).
            let released: Vec<&Member> = candidates
                .iter()
                .copied()
                .filter(|c| !self.is_hook(c.resource))
                .collect();
            if !released.is_empty() {
                candidates = released;
            }
        }
        let ids = |list: Vec<&Member>| {
            let mut seen = BTreeSet::new();
            list.into_iter()
                .map(|member| member.resource)
                .filter(|id| seen.insert(*id))
                .collect::<Vec<ResourceId>>()
        };
        let same = ids(candidates
            .iter()
            .copied()
            .filter(|c| c.namespace == wanted)
            .collect());
        match (same.as_slice(), same.last()) {
            ([one], _) => self
                .hashed(*one, apply_set)
                .unwrap_or(Resolution::One(*one)),
            (_, Some(_)) => Resolution::Several(same),
            _ => {
                let maybe = ids(candidates
                    .into_iter()
                    .filter(|c| c.namespace.is_none() || wanted.is_none())
                    .collect());
                if maybe.is_empty() {
                    Resolution::Missing
                } else {
                    Resolution::Uncertain(maybe)
                }
            }
        }
    }

    /// Whether a generator of a kustomization of the set makes that name, or changes it. The name
    /// carries a hash when all generators of it want one and the first of them makes the object:
    /// one that merges into a plain resource leaves its name (kustomize
    /// `Resource.CopyMergeMetaDataFieldsFrom`).
    fn generated(
        &self,
        set: SetId,
        from: Option<&Member>,
        to: Target,
        name: &str,
        namespace: Option<&str>,
    ) -> Option<Resolution> {
        let mut kustomization = None;
        let (mut made, mut hashed) = (false, true);
        for generated in self.generators_of(set, from, to, name, namespace) {
            let generator = self.generator(generated)?;
            made |= generator.behavior == "create";
            hashed &= generator.hash_suffix;
            kustomization = Some(generated.kustomization);
        }
        kustomization.map(|kustomization| Resolution::Generated {
            hash_suffix: made && hashed,
            kustomization,
        })
    }

    /// The generators that a reference means, from the inside out.
    pub(in crate::kube) fn generators_of(
        &self,
        set: SetId,
        from: Option<&Member>,
        to: Target,
        name: &str,
        namespace: Option<&str>,
    ) -> Vec<&Generated> {
        let (Some(apply_set), Some(index)) = (
            crate::kube::workspace::index::set(self, set),
            self.set_index(set),
        ) else {
            return Vec::new();
        };
        let key = (to, name.to_owned());
        let positions = index
            .generators
            .get(&key)
            .or_else(|| index.generators_by_name.get(&key));
        let fits = |g: &&Generated| {
            g.namespace.is_none() || namespace.is_none() || g.namespace.as_deref() == namespace
        };
        let found: Vec<&Generated> = positions
            .into_iter()
            .flatten()
            .filter_map(|p| apply_set.generated.get(*p))
            .filter(fits)
            .collect();
        let several = found
            .windows(2)
            .any(|pair| matches!(pair, [a, b] if a.name != b.name));
        let Some(from) = from.filter(|m| several && !m.through.is_empty()) else {
            return found;
        };
        let affixes = self.affixes(&from.through);
        let same: Vec<&Generated> = found
            .iter()
            .copied()
            .filter(|g| self.affixes(&g.through) == affixes)
            .collect();
        if same.is_empty() { found } else { same }
    }

    /// A set with its index, and what resource `from` is in it.
    pub(in crate::kube) fn consumer(
        &self,
        set: SetId,
        from: ResourceId,
    ) -> Option<(&ApplySet, &SetIndex, Option<&Member>)> {
        let (apply_set, index) = (
            crate::kube::workspace::index::set(self, set)?,
            self.set_index(set)?,
        );
        let position = index.positions(from).next();
        let consumer = position.and_then(|p| apply_set.members.get(p));
        Some((apply_set, index, consumer))
    }

    /// The namespace that a reference in `from` means: the one that it states, else that of
    /// `from` itself, which is `consumer` in the set.
    pub(in crate::kube) fn namespace_of(
        &self,
        from: ResourceId,
        consumer: Option<&Member>,
        stated: Option<&str>,
    ) -> Option<String> {
        match (stated, consumer) {
            (Some(stated), _) => Some(stated.to_owned()),
            (None, Some(member)) => member.namespace.clone(),
            (None, None) => self.resources.get(from.0 as usize)?.namespace.clone(),
        }
    }

    /// The keys of what the name `name` in resource `from` stands for, when generators make it or
    /// add to it ([`Resolution::Generated`]). `namespace` is one that the reference states beside
    /// the name.
    pub fn generated_keys(
        &self,
        set: SetId,
        from: ResourceId,
        to: Target,
        name: &str,
        namespace: Option<&str>,
    ) -> Option<GeneratedKeys> {
        let (apply_set, index, consumer) = self.consumer(set, from)?;
        let namespace = self.namespace_of(from, consumer, namespace);
        let generators = self.generators_of(set, consumer, to, name, namespace.as_deref());
        let mut keys = GeneratedKeys {
            known: BTreeSet::new(),
            complete: true,
        };
        // A plain resource that is asked to be hashed, or one that a generator adds to.
        let definitions = index.definitions(&self.resources, apply_set, to, name);
        let same =
            |m: &&&Member| m.namespace.is_none() || namespace.is_none() || m.namespace == namespace;
        for member in definitions.iter().filter(same) {
            keys.known.extend(self.data_keys(member.resource));
        }
        if generators.is_empty() && keys.known.is_empty() && definitions.is_empty() {
            return None;
        }
        for generator in generators.into_iter().filter_map(|g| self.generator(g)) {
            if generator.behavior == "replace" {
                keys = GeneratedKeys {
                    known: BTreeSet::new(),
                    complete: true,
                };
            }
            keys.known.extend(generator.keys.known.iter().cloned());
            keys.complete &= generator.keys.complete;
        }
        Some(keys)
    }

    /// A plain resource of a kustomization that asks for a hash suffix.
    fn hashed(&self, id: ResourceId, set: &ApplySet) -> Option<Resolution> {
        let node = if self.may_hold(id, &NEEDS_HASH) {
            self.node(id)?
        } else {
            return None;
        };
        let annotation = node
            .path(&["metadata", "annotations", NEEDS_HASH.text()])
            .and_then(Node::text);
        if annotation != Some("true") {
            return None;
        }
        let position = self.set_index(set.id)?.positions(id).next()?;
        let kustomization = *set.members.get(position)?.through.last()?;
        Some(Resolution::Generated {
            hash_suffix: true,
            kustomization,
        })
    }

    /// Whether a resource is applied on its own, before, after or instead of the others: a hook of
    /// Helm or Argo CD.
    pub fn is_hook(&self, id: ResourceId) -> bool {
        if !HOOKS.iter().any(|hook| self.may_hold(id, hook)) {
            return false;
        }
        let annotations = self
            .node(id)
            .and_then(|n| n.path(&["metadata", "annotations"]));
        annotations.is_some_and(|a| HOOKS.iter().any(|hook| a.get(hook.text()).is_some()))
    }

    /// Prefixes and suffixes of kustomizations, in order.
    fn affixes(&self, through: &[FileId]) -> Vec<(&str, &str)> {
        let all = through.iter().filter_map(|file| self.kustomization(*file));
        all.map(|k| (k.prefix.as_str(), k.suffix.as_str()))
            .filter(|(p, s)| !p.is_empty() || !s.is_empty())
            .collect()
    }

    /// `data` and `binaryData` keys of a ConfigMap, or `data` and `stringData` keys of a Secret,
    /// sorted.
    pub fn data_keys(&self, id: ResourceId) -> Vec<String> {
        let Some(node) = self.node(id) else {
            return Vec::new();
        };
        let fields = ["data", "binaryData", "stringData"]
            .iter()
            .filter_map(|f| node.get(f));
        let mut keys: Vec<String> = fields.flat_map(keys_of).collect();
        keys.sort();
        keys.dedup();
        keys
    }
}
