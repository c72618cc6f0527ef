//! Scalars that hold a name without being a known reference (docs/kubernetes.md#names-in-words):
//! arguments, scripts, data of other ConfigMaps, annotations.
//!
//! Words at places that name something else (labels, containers, images, paths) are explained by
//! their place.

use std::collections::BTreeSet;

use rayon::prelude::*;

use super::other_uses;
use crate::kube::object::apply_set::SetId;
use crate::kube::object::location::Location;
use crate::kube::object::reference::{Certainty, Target};
use crate::kube::object::resource::{FileId, Resource, ResourceId};
use crate::kube::workspace::Workspace;
use crate::yaml::{Kind, Node, NodeId, holds};

/// Keys whose scalars never name a ConfigMap or Secret.
const OTHER_VALUES: &[&str] = &[
    "apiVersion",
    "claimName",
    "hostname",
    "image",
    "imagePullPolicy",
    "ingressClassName",
    "key",
    "kind",
    "mountPath",
    "namespace",
    "nodeName",
    "path",
    "priorityClassName",
    "runtimeClassName",
    "schedulerName",
    "serviceAccount",
    "serviceAccountName",
    "serviceName",
    "storageClassName",
    "subPath",
    "subdomain",
    "topologyKey",
    "volumeName",
    "workingDir",
];

/// Keys below which all scalars are labels.
const LABELS: &[&str] = &[
    "commonLabels",
    "labels",
    "matchExpressions",
    "matchLabels",
    "nodeSelector",
    "selector",
];

/// Mappings with free keys, which explain nothing.
const FREE_KEYS: &[&str] = &["annotations", "binaryData", "data", "stringData"];

/// Lists whose items have names of their own kind.
const NAMED_ITEMS: &[&str] = &[
    "containers",
    "env",
    "ephemeralContainers",
    "initContainers",
    "ports",
    "volumeDevices",
    "volumeMounts",
    "volumes",
];

impl Workspace {
    /// Scalars of the set's resources (values, not keys, not comments) that hold `name` as a whole
    /// word (bounded by anything but `[A-Za-z0-9.-]`) and are no known reference nor the
    /// `metadata.name` of a definition: unexplained uses. Resources that may hold values for a
    /// chart (Argo CD `Application`s, `HelmRelease`s) are searched wherever they are.
    pub fn unexplained_uses(
        &self,
        set: SetId,
        to: Target,
        name: &str,
    ) -> Vec<(ResourceId, Location)> {
        uses(self, set, to, name)
    }

    /// As [`Workspace::unexplained_uses`], in the patches of the kustomizations that the set is
    /// gathered through.
    pub fn unexplained_in_patches(&self, set: SetId, to: Target, name: &str) -> Vec<Location> {
        in_patches(self, set, to, name)
    }
}

/// All unexplained uses of a name in a set, by resource and place.
fn uses(workspace: &Workspace, set: SetId, to: Target, name: &str) -> Vec<(ResourceId, Location)> {
    let (Some(apply_set), false) = (workspace.sets.get(set.0 as usize), name.is_empty()) else {
        return Vec::new();
    };
    let mut ids: BTreeSet<ResourceId> = apply_set.members.iter().map(|m| m.resource).collect();
    ids.extend(
        workspace
            .resources
            .iter()
            .filter(|r| installs_charts(r))
            .map(|r| r.id),
    );
    let ids: Vec<ResourceId> = ids.into_iter().collect();
    ids.into_par_iter()
        .flat_map_iter(|id| of_resource(workspace, id, to, name))
        .collect()
}

/// Whether a resource may hold values for a chart, which is rendered out of sight and may name
/// anything.
fn installs_charts(resource: &Resource) -> bool {
    matches!(
        (resource.kind.as_str(), resource.group()),
        ("Application" | "ApplicationSet", "argoproj.io")
            | ("HelmRelease", "helm.toolkit.fluxcd.io")
            | ("HelmChart" | "HelmChartConfig", "helm.cattle.io")
    )
}

/// Unexplained uses in the patches of the kustomizations that a set is gathered through.
fn in_patches(workspace: &Workspace, set: SetId, to: Target, name: &str) -> Vec<Location> {
    let mut found = Vec::new();
    let reach = workspace.set_index(set).into_iter().flat_map(|s| &s.reach);
    let built = reach
        .filter_map(|file| workspace.details(*file))
        .flat_map(|d| &d.patches);
    for patch in built.chain(
        workspace
            .index
            .source_settings
            .iter()
            .flat_map(|o| &o.patches),
    ) {
        for document in patch
            .documents
            .iter()
            .filter(|b| b.node().source().contains(name))
        {
            let file = document.file.unwrap_or(patch.location.file);
            let known = other_uses::known_in(workspace, document);
            let mut search = Search {
                file,
                to,
                name,
                known,
                found: Vec::new(),
            };
            search.value(document.node(), "", "");
            // Spans of an inline patch are not those of its file.
            found.extend(search.found.into_iter().map(|l| {
                if document.file.is_some() {
                    l
                } else {
                    patch.location.clone()
                }
            }));
        }
    }
    found
}

/// Unexplained uses in one resource.
pub(in crate::kube) fn of_resource(
    workspace: &Workspace,
    id: ResourceId,
    to: Target,
    name: &str,
) -> Vec<(ResourceId, Location)> {
    if !workspace
        .file(workspace.resource(id).file)
        .text
        .get(workspace.resource(id).span())
        .is_some_and(|text| holds(text, name))
    {
        return Vec::new();
    }
    let Some(root) = workspace.node(id) else {
        return Vec::new();
    };
    let file = workspace.resource(id).file;
    let mut known: BTreeSet<NodeId> = BTreeSet::new();
    for template in workspace.pod_templates(id) {
        known.extend(template.references().iter().map(|r| r.node.id()));
    }
    let fields = workspace.field_references(id);
    known.extend(
        fields
            .iter()
            .filter(|r| r.certainty == Certainty::Known)
            .map(|r| r.node.id()),
    );
    let mut search = Search {
        file,
        to,
        name,
        known,
        found: Vec::new(),
    };
    search.value(root, "", "");
    // Patches of Argo CD and Flux are read as such.
    let patches = workspace
        .index
        .source_settings
        .iter()
        .filter(|o| o.resource == id)
        .flat_map(|o| &o.patches);
    let read: Vec<&Location> = patches
        .flat_map(|p| {
            [
                Some(&p.location),
                p.target.as_ref().and_then(|t| t.name.as_ref()),
            ]
        })
        .flatten()
        .collect();
    search
        .found
        .into_iter()
        .filter(|l| !read.contains(&l))
        .map(|location| (id, location))
        .collect()
}

struct Search<'a> {
    file: FileId,
    to: Target,
    name: &'a str,
    known: BTreeSet<NodeId>,
    found: Vec<Location>,
}

impl Search<'_> {
    /// Looks below `top`; `key` is the key in front of it and `outer` the one around that.
    fn value(&mut self, top: Node<'_>, key: &str, outer: &str) {
        let mut open = vec![(top, key, outer)];
        while let Some((node, key, outer)) = open.pop() {
            match node.kind() {
                Kind::Alias => {}
                Kind::Mapping(_) => {
                    let other = self.names_another_kind(node);
                    let free = FREE_KEYS.contains(&key);
                    for (k, v) in node.entries() {
                        let k = k.text().unwrap_or_default();
                        if free || !(LABELS.contains(&k) || (k == "name" && other)) {
                            open.push((v, k, key));
                        }
                    }
                }
                // Items stand for their list.
                Kind::Sequence(_) => open.extend(node.items().map(|item| (item, key, outer))),
                Kind::Scalar(_) => {
                    let named = key == "name"
                        && (matches!(outer, "metadata" | "service")
                            || NAMED_ITEMS.contains(&outer));
                    let elsewhere =
                        !FREE_KEYS.contains(&outer) && (OTHER_VALUES.contains(&key) || named);
                    let explained = elsewhere || self.known.contains(&node.id());
                    if !explained && node.text().is_some_and(|t| holds_word(t, self.name)) {
                        self.found.push(Location::of(self.file, node));
                    }
                }
            }
        }
        self.found.sort();
    }

    /// `{kind: Role, name: x}` names no ConfigMap.
    fn names_another_kind(&self, mapping: Node<'_>) -> bool {
        mapping.get("name").is_some()
            && mapping
                .get("kind")
                .and_then(Node::text)
                .is_some_and(|k| k != self.to.kind())
    }
}

/// Whether `text` holds `word` bounded by anything but `[A-Za-z0-9.-]`.
pub(in crate::kube) fn holds_word(text: &str, word: &str) -> bool {
    let inner =
        |b: Option<&u8>| b.is_some_and(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-'));
    let bytes = text.as_bytes();
    text.match_indices(word).any(|(at, _)| {
        !inner(at.checked_sub(1).and_then(|i| bytes.get(i))) && !inner(bytes.get(at + word.len()))
    })
}
