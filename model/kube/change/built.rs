//! A resource as it is built: behind the patches of the kustomizations on its way into a set, and
//! of Argo CD and Flux behind them.
//!
//! What a patch brings is judged like what the file holds, where it is written. Only patches are
//! carried out; whatever else changes a resource ([`Workspace::touches`]) is still to be asked.

use std::collections::BTreeSet;

use super::kustomize_changes::plain_path;
use crate::kube::gitops::settings::SourceSettings;
use crate::kube::kustomize::patch::{self, Patch};
use crate::kube::kustomize::patched::{Origin, Value, Writer, apply};
use crate::kube::kustomize::selector::Seen;
use crate::kube::object::apply_set::{Member, SetId};
use crate::kube::object::kustomization::Touch;
use crate::kube::object::reference::FieldReference;
use crate::kube::object::resource::{Resource, ResourceId};
use crate::kube::pod::{self, PodTemplate};
use crate::kube::reference::field_reference;
use crate::kube::source::lazy_file::LazyFile;
use crate::kube::workspace::Workspace;
use crate::yaml::{self, Node, NodeId};

/// What the patches on the way into a set make of a resource.
#[derive(Debug, Clone)]
pub enum Build {
    /// Nothing else.
    Same,
    /// Another text.
    Changed(Built),
    /// It is not known: a patch is not understood, or may be about another resource.
    Unknown,
}

/// The changed text of a resource.
#[derive(Debug, Clone)]
pub struct Built {
    resource: Resource,
    yaml: LazyFile,
    /// Scalars of the tree in order, and where each is written.
    origins: Vec<(NodeId, Origin)>,
}

impl Built {
    /// The mapping.
    pub fn node(&self) -> Option<Node<'_>> {
        self.yaml.root(0)
    }

    /// As [`Workspace::pod_templates`].
    pub fn pod_templates(&self) -> Vec<PodTemplate<'_>> {
        self.node()
            .map(|root| pod::templates(&self.resource, root))
            .unwrap_or_default()
    }

    /// As [`Workspace::field_references`].
    pub fn field_references(&self, workspace: &Workspace) -> Vec<FieldReference<'_>> {
        let declared = &workspace.options.references;
        self.node()
            .map(|root| field_reference::of_resource(&self.resource, root, declared))
            .unwrap_or_default()
    }

    /// Where a scalar is written.
    pub fn origin(&self, node: Node<'_>) -> Option<&Origin> {
        let at = self
            .origins
            .binary_search_by_key(&node.id(), |(id, _)| *id)
            .ok()?;
        self.origins.get(at).map(|(_, origin)| origin)
    }

    /// Dotted path of a node without list indices, as [`Touch::paths`](crate::kube::Touch) has it.
    pub fn path(&self, node: Node<'_>) -> String {
        self.node()
            .map(|root| plain_path(root, node))
            .unwrap_or_default()
    }
}

/// Parts of the fields that have to do with references. A patch without any of them brings none.
const FIELDS: &[&str] = &[
    "onfigMap",
    "ecret",
    "erviceAccount",
    "env",
    "olume",
    "Path",
    "ontainers",
    "items",
    "template",
    "alues",
    "tls",
    "$",
];

impl Workspace {
    /// A resource as the patches on its way into a set leave it.
    pub fn built(&self, set: SetId, id: ResourceId) -> Build {
        let Some(member) = self.member(set, id) else {
            return Build::Same;
        };
        let overlays: Vec<&SourceSettings> = self.settings_of(set, member).collect();
        let any = |patches: &[Patch]| !patches.is_empty();
        let patched = member
            .through
            .iter()
            .any(|file| self.details(*file).is_some_and(|d| any(&d.patches)));
        if !patched && !overlays.iter().any(|o| any(&o.patches)) {
            return Build::Same;
        }
        self.build_of(member, &overlays).unwrap_or(Build::Unknown)
    }

    /// The first thing besides patches that may change one of the fields of a resource on its way
    /// into a set.
    pub fn changed_besides_patches(
        &self,
        set: SetId,
        id: ResourceId,
        fields: &[impl AsRef<str>],
    ) -> Option<Touch> {
        let through = self.member(set, id).map(|member| &member.through);
        let on_the_way = |touch: &&Touch| {
            self.kustomization(touch.location.file).is_none()
                || through.is_some_and(|files| files.contains(&touch.location.file))
        };
        self.touches(id)
            .iter()
            .filter(|touch| !touch.is_patch() && on_the_way(touch))
            .find(|touch| fields.iter().any(|field| touch.affects(field.as_ref())))
            .cloned()
    }

    /// The node that an origin means.
    pub fn node_at(&self, origin: &Origin) -> Option<Node<'_>> {
        let (file, node) = origin.node?;
        Some(self.file(file).yaml.as_deref()?.node(node))
    }

    /// What Argo CD or Flux changes in a member, where they have the set applied.
    fn settings_of<'a>(
        &'a self,
        set: SetId,
        member: &'a Member,
    ) -> impl Iterator<Item = &'a SourceSettings> {
        let appliers = &self.set(set).appliers;
        let through: BTreeSet<_> = member.through.iter().copied().collect();
        let mine = move |o: &&SourceSettings| {
            appliers.iter().any(|a| a.resource == o.resource)
                && o.covers(&self.files, self.resource(member.resource), &through)
        };
        self.index.source_settings.iter().filter(mine)
    }

    fn build_of(&self, member: &Member, overlays: &[&SourceSettings]) -> Option<Build> {
        let (resource, node) = (self.resource(member.resource), self.node(member.resource)?);
        let names = BTreeSet::from([resource.name.clone()]);
        let namespaces = resource.namespace.iter().cloned().collect();
        let mut seen = Seen {
            resource,
            node,
            names,
            namespaces,
            relabelled: false,
        };
        let mut value = None;
        let (mut prefix, mut suffix) = (String::new(), String::new());
        for (at, file) in member.through.iter().rev().enumerate() {
            let (kustomization, details) = self.kustomization(*file).zip(self.details(*file))?;
            Self::carry_out(&details.patches, &mut seen, &mut value)?;
            if at + 1 == member.through.len() {
                Self::carry_out_settings(overlays, &mut seen, &mut value)?;
            }
            prefix.insert_str(0, &kustomization.prefix);
            suffix.push_str(&kustomization.suffix);
            seen.names
                .insert(format!("{prefix}{}{suffix}", resource.name));
            if !seen.namespaces.is_empty() {
                seen.namespaces.extend(kustomization.namespace.clone());
            }
            let labels = [
                "commonLabels",
                "labels",
                "commonAnnotations",
                "transformers",
            ];
            seen.relabelled |= self
                .kustomization_node(*file)
                .is_some_and(|node| labels.iter().any(|key| node.get(key).is_some()));
        }
        if member.through.is_empty() {
            Self::carry_out_settings(overlays, &mut seen, &mut value)?;
        }
        let Some(value) = value else {
            return Some(Build::Same);
        };
        let (mut text, mut origins) = (String::new(), Vec::new());
        value.write(&mut text, &mut origins);
        let yaml = LazyFile::from(yaml::File::parse(text).ok()?);
        let scalars: Vec<NodeId> = yaml
            .root(0)?
            .descendants()
            .filter(|n| n.is_scalar() && !is_key(*n))
            .map(Node::id)
            .collect();
        if scalars.len() != origins.len() {
            return None;
        }
        Some(Build::Changed(Built {
            resource: resource.clone(),
            yaml,
            origins: scalars.into_iter().zip(origins).collect(),
        }))
    }

    /// The patches of one applier; which of several is the last is not known.
    fn carry_out_settings(
        overlays: &[&SourceSettings],
        seen: &mut Seen<'_>,
        value: &mut Option<Value>,
    ) -> Option<()> {
        let patched: Vec<_> = overlays
            .iter()
            .filter(|o| o.patches.iter().any(|p| patch::changes(p, seen).is_some()))
            .collect();
        match patched.as_slice() {
            [] => Some(()),
            [one] => Self::carry_out(&one.patches, seen, value),
            _ => None,
        }
    }

    /// Carries out the patches that are about the resource.
    fn carry_out(patches: &[Patch], seen: &mut Seen<'_>, value: &mut Option<Value>) -> Option<()> {
        let custom = |group: &str| group.contains('.') && !group.ends_with(".k8s.io");
        for patch in patches {
            if patch::changes(patch, seen).is_none() {
                continue;
            }
            // A target that chooses by what may be added on the way is not certain to mean it.
            let guessed = seen.relabelled
                && patch
                    .target
                    .as_ref()
                    .is_some_and(|t| !t.selector.is_label_free());
            if guessed || patch.documents.is_empty() {
                return None;
            }
            seen.relabelled |= patch.documents.iter().any(patch::PatchDocument::relabels);
            for document in &patch.documents {
                let meant = patch.target.is_some()
                    || document
                        .selector
                        .as_ref()
                        .is_some_and(|s| s.may_choose(seen));
                let source = document.node().source();
                // Where a list has changed, later pointers mean other items. What a ConfigMap or
                // Secret holds may stand under any name.
                let concerns = seen.resource.target().is_some()
                    || FIELDS.iter().any(|field| source.contains(field));
                if !meant || !concerns {
                    continue;
                }
                let known = match value.take() {
                    Some(known) => known,
                    None => Value::of(seen.node, Writer::File(seen.resource.file))?,
                };
                apply(
                    value.insert(known),
                    document,
                    &patch.location,
                    !custom(seen.resource.group()),
                )?;
            }
        }
        Some(())
    }
}

/// Whether a node is the key of a mapping.
fn is_key(node: Node<'_>) -> bool {
    node.parent()
        .is_some_and(|parent| parent.entries().any(|(key, _)| key == node))
}
