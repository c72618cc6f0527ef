//! What a name stands for in an apply set (semantics b.7 and, for kustomize, its name reference transformer).
//!
//! Names are compared as they are written in the sources, since kustomize finds the object of a reference by its original name. Where
//! prefixes leave several candidates, it takes those that got the same prefixes and suffixes as the resource that refers to them.

use super::reference::Target;
use super::resource::ResourceId;
use super::sets::{ApplySet, Member, Resolution, SetId};
use super::workspace::Workspace;
use crate::yaml::Node;

/// kustomize's annotation for resources that get a hash suffix as if they were generated.
const NEEDS_HASH: &str = "kustomize.config.k8s.io/needs-hash";

impl Workspace {
    /// What the name `name` in resource `from` stands for in apply set `set`.
    pub fn resolve(&self, set: SetId, from: ResourceId, to: Target, name: &str) -> Resolution {
        self.resolve_in(set, from, to, name, None)
    }

    /// As [`Workspace::resolve`], for a reference that states a namespace beside the name.
    pub fn resolve_in(&self, set: SetId, from: ResourceId, to: Target, name: &str, namespace: Option<&str>) -> Resolution {
        let (Some(apply_set), Some(index)) = (super::index::set(self, set), self.set_index(set)) else { return Resolution::Missing };
        let consumer = index.positions(from).next().and_then(|p| apply_set.members.get(p));
        let wanted = match namespace {
            Some(explicit) => Some(explicit.to_owned()),
            None => match consumer {
                Some(member) => member.namespace.clone(),
                None => self.resources.get(from.0 as usize).and_then(|r| r.namespace.clone()),
            },
        };
        if let Some(generated) = self.generated(set, to, name, wanted.as_deref()) {
            return generated;
        }
        let mut candidates = index.definitions(self, apply_set, to, name);
        if candidates.is_empty() {
            // A name that already carries the prefix: kustomize leaves it, the cluster finds it.
            candidates = index.named(apply_set, to, name);
        } else if candidates.len() > 1
            && let Some(consumer) = consumer.filter(|m| !m.through.is_empty())
        {
            let affixes = self.affixes(consumer);
            let same: Vec<&Member> = candidates.iter().copied().filter(|c| self.affixes(c) == affixes).collect();
            if !same.is_empty() {
                candidates = same;
            }
        }
        let ids = |list: Vec<&Member>| {
            let mut ids: Vec<ResourceId> = Vec::new();
            for member in list {
                if !ids.contains(&member.resource) {
                    ids.push(member.resource);
                }
            }
            ids
        };
        let same = ids(candidates.iter().copied().filter(|c| c.namespace == wanted).collect());
        match (same.as_slice(), same.last()) {
            ([one], _) => self.hashed(*one, apply_set).unwrap_or(Resolution::One(*one)),
            (_, Some(_)) => Resolution::Several(same),
            _ => {
                let maybe = ids(candidates.into_iter().filter(|c| c.namespace.is_none() || wanted.is_none()).collect());
                if maybe.is_empty() { Resolution::Missing } else { Resolution::Uncertain(maybe) }
            }
        }
    }

    /// Whether a generator of a kustomization of the set makes that name, or changes it. The name carries a hash when all generators of it
    /// want one and the first of them makes the object: one that merges into a plain resource leaves its name (kustomize
    /// `Resource.CopyMergeMetaDataFieldsFrom`).
    fn generated(&self, set: SetId, to: Target, name: &str, namespace: Option<&str>) -> Option<Resolution> {
        let mut kustomization = None;
        let (mut made, mut hashed) = (false, true);
        for (file, at) in self.set_index(set)?.generators.get(&(to, name.to_owned()))? {
            let from = self.kustomization(*file)?;
            let generator = from.generators.get(*at)?;
            let own = from.namespace.as_deref().or(generator.namespace.as_deref());
            if own.is_some() && namespace.is_some() && own != namespace {
                continue;
            }
            made |= generator.behavior == "create";
            hashed &= generator.hash_suffix;
            kustomization = Some(*file);
        }
        kustomization.map(|kustomization| Resolution::Generated { hash_suffix: made && hashed, kustomization })
    }

    /// A plain resource of a kustomization that asks for a hash suffix.
    fn hashed(&self, id: ResourceId, set: &ApplySet) -> Option<Resolution> {
        let annotation = self.node(id)?.path(&["metadata", "annotations", NEEDS_HASH]).and_then(Node::text);
        if annotation != Some("true") {
            return None;
        }
        let position = self.set_index(set.id)?.positions(id).next()?;
        let kustomization = *set.members.get(position)?.through.last()?;
        Some(Resolution::Generated { hash_suffix: true, kustomization })
    }

    /// Prefixes and suffixes that a member gets, outermost first.
    fn affixes(&self, member: &Member) -> Vec<(&str, &str)> {
        let all = member.through.iter().filter_map(|file| self.kustomization(*file));
        all.map(|k| (k.prefix.as_str(), k.suffix.as_str())).filter(|(p, s)| !p.is_empty() || !s.is_empty()).collect()
    }

    /// `data` and `binaryData` keys of a ConfigMap, or `data` and `stringData` keys of a Secret, sorted.
    pub fn data_keys(&self, id: ResourceId) -> Vec<String> {
        let Some(node) = self.node(id) else { return Vec::new() };
        let fields = ["data", "binaryData", "stringData"].iter().filter_map(|f| node.get(f));
        let mut keys: Vec<String> = fields.flat_map(keys_of).collect();
        keys.sort();
        keys.dedup();
        keys
    }
}

/// The keys of a mapping, those merged into it (`<<`) too.
fn keys_of(node: Node<'_>) -> Vec<String> {
    let mut keys = Vec::new();
    let mut open = vec![(node, 0)];
    // Aliases may merge the same mapping over and over: no ConfigMap needs so many.
    for _ in 0..1000 {
        let Some((node, depth)) = open.pop() else { break };
        for (key, value) in node.entries() {
            let Some(text) = key.text() else { continue };
            if text == "<<" && key.as_str().is_some() && key.source() == "<<" {
                if depth < 8 && open.len() < 1000 {
                    open.extend(
                        if value.is_sequence() { value.items().collect() } else { vec![value] }.into_iter().map(|n| (n, depth + 1)),
                    );
                }
            } else {
                keys.push(text.to_owned());
            }
        }
    }
    keys
}
