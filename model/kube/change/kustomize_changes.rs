//! What changes a resource between its file and the cluster: every kustomization on its way, and
//! Flux behind them.
//!
//! The question is always "may it": a touch too many costs a fix, a touch too few breaks a promise.

use std::sync::Arc;

use crate::kube::kustomize::kustomization::Details;
use crate::kube::kustomize::patch::{self, Patch};
use crate::kube::kustomize::selector::{Seen, Selector};
use crate::kube::object::kustomization::{Kustomization, Touch, TouchKind};
use crate::kube::object::location::Location;
use crate::kube::object::resource::{FileId, ResourceId};
use crate::kube::pod::CONTAINER_LISTS;
use crate::kube::reference::field_reference::path_of;
use crate::kube::source::paths::join;
use crate::kube::workspace::Workspace;
use crate::yaml::{self, Kind, Node};

impl Workspace {
    /// What kustomize may change in a resource on its way to the cluster, from any root that
    /// reaches it.
    pub fn touches(&self, id: ResourceId) -> Arc<[Touch]> {
        self.index.asked.touches(id, || touches(self, id))
    }
}

/// All touches of a resource.
fn touches(workspace: &Workspace, id: ResourceId) -> Vec<Touch> {
    let Some(node) = workspace.node(id) else {
        return Vec::new();
    };
    let resource = workspace.resource(id);
    let way = workspace.way(id);
    let seen = Seen {
        resource,
        node,
        names: way.names,
        namespaces: way.namespaces,
        relabelled: way.relabelled,
    };
    let mut found = Vec::new();
    for file in &way.through {
        Toucher {
            workspace,
            file: *file,
            seen: &seen,
        }
        .changes(&mut found);
    }
    for overlay in workspace
        .index
        .source_settings
        .iter()
        .filter(|o| o.covers(&workspace.files, resource, &way.through))
    {
        overlay.touches(workspace, &seen, &mut found);
    }
    found.sort_by(|a, b| {
        (&a.location, a.what.name(), &a.paths).cmp(&(&b.location, b.what.name(), &b.paths))
    });
    found.dedup();
    found
}

/// Finds what one mapping of settings changes in one resource.
pub(in crate::kube) struct Toucher<'a> {
    pub workspace: &'a Workspace,
    /// The file that holds the mapping.
    pub file: FileId,
    pub seen: &'a Seen<'a>,
}

impl<'a> Toucher<'a> {
    /// What the kustomization of the file changes.
    pub(in crate::kube) fn changes(&self, found: &mut Vec<Touch>) {
        let parts = || {
            Some((
                self.workspace.kustomization(self.file)?,
                self.workspace.details(self.file)?,
            ))
        };
        if let (Some((kustomization, details)), Some(node)) =
            (parts(), self.workspace.kustomization_node(self.file))
        {
            self.kustomization(kustomization, details, node, found);
        }
    }

    fn kustomization(
        &self,
        kustomization: &Kustomization,
        details: &Details,
        node: Node<'a>,
        found: &mut Vec<Touch>,
    ) {
        let resource = self.seen.resource;
        patches(&details.patches, self.seen, found);
        for item in node.get("transformers").into_iter().flat_map(Node::items) {
            found.push(touch(
                self.at(item),
                TouchKind::Transformer,
                self.transformer(kustomization, item),
            ));
        }
        self.images(node, found);
        self.replicas(node, found);
        self.labels(node, found);
        self.replacements(kustomization, node, found);
        self.configurations(kustomization, node, found);
        if let Some(target) = resource.target() {
            for generator in kustomization
                .generators
                .iter()
                .filter(|g| g.to == target && self.seen.names.contains(&g.name))
            {
                let paths = ["binaryData", "data", "stringData"]
                    .map(str::to_owned)
                    .to_vec();
                found.push(touch(
                    generator.location.clone(),
                    TouchKind::Generator,
                    Some(paths),
                ));
            }
        }
        for item in node.get("vars").into_iter().flat_map(Node::items) {
            let Some(name) = item.get("name").and_then(Node::text) else {
                continue;
            };
            let paths = scalar_paths(self.seen.node, &format!("$({name})"));
            if !paths.is_empty() {
                found.push(touch(self.at(item), TouchKind::Vars, Some(paths)));
            }
        }
    }

    pub(in crate::kube) fn at(&self, node: Node<'_>) -> Location {
        Location::of(self.file, node)
    }

    pub(in crate::kube) fn images(&self, node: Node<'a>, found: &mut Vec<Touch>) {
        let items: Vec<Node<'a>> = ["images", "imageTags"]
            .iter()
            .filter_map(|k| node.get(k))
            .flat_map(Node::items)
            .collect();
        if items.is_empty() {
            return;
        }
        let images = images_of(self.seen.node);
        for item in items {
            // Argo CD writes `name=new:tag`, or the new image alone.
            let short = item.text().map(|t| {
                t.split_once('=')
                    .map_or_else(|| repository(t), |(name, _)| name)
            });
            let name = short
                .or_else(|| item.get("name")?.text())
                .unwrap_or_default();
            let mut paths: Vec<String> = images
                .iter()
                .filter(|(image, _)| repository(image) == name)
                .map(|(_, path)| path.clone())
                .collect();
            paths.sort();
            paths.dedup();
            if !paths.is_empty() {
                found.push(touch(self.at(item), TouchKind::Images, Some(paths)));
            }
        }
    }

    pub(in crate::kube) fn replicas(&self, node: Node<'a>, found: &mut Vec<Touch>) {
        if !matches!(
            self.seen.resource.kind.as_str(),
            "Deployment" | "ReplicaSet" | "ReplicationController" | "StatefulSet"
        ) {
            return;
        }
        for item in node.get("replicas").into_iter().flat_map(Node::items) {
            if item
                .get("name")
                .and_then(Node::text)
                .is_some_and(|n| self.seen.names.contains(n))
            {
                found.push(touch(
                    self.at(item),
                    TouchKind::Replicas,
                    Some(vec!["spec.replicas".to_owned()]),
                ));
            }
        }
    }

    /// `commonLabels`, `commonAnnotations` and `labels`.
    pub(in crate::kube) fn labels(&self, node: Node<'a>, found: &mut Vec<Touch>) {
        if let Some(labels) = node.get("commonLabels").filter(|l| l.is_mapping()) {
            found.push(touch(
                self.at(labels),
                TouchKind::CommonLabels,
                Some(self.label_paths(labels, "labels", true, true)),
            ));
        }
        if let Some(annotations) = node.get("commonAnnotations").filter(|l| l.is_mapping()) {
            found.push(touch(
                self.at(annotations),
                TouchKind::CommonAnnotations,
                Some(self.label_paths(annotations, "annotations", false, true)),
            ));
        }
        for item in node.get("labels").into_iter().flat_map(Node::items) {
            let Some(pairs) = item.get("pairs") else {
                continue;
            };
            let flag = |key: &str| item.get(key).and_then(Node::as_bool) == Some(true);
            let (selectors, templates) = (
                flag("includeSelectors"),
                flag("includeSelectors") || flag("includeTemplates"),
            );
            let mut paths = self.label_paths(pairs, "labels", selectors, templates);
            for fields in item
                .get("fields")
                .or_else(|| item.get("fieldSpecs"))
                .into_iter()
                .flat_map(Node::items)
            {
                paths.extend(
                    fields
                        .get("path")
                        .and_then(Node::text)
                        .map(|p| p.replace('/', ".")),
                );
            }
            found.push(touch(self.at(item), TouchKind::Labels, Some(paths)));
        }
    }

    pub(in crate::kube) fn label_paths(
        &self,
        pairs: Node<'_>,
        field: &str,
        selectors: bool,
        templates: bool,
    ) -> Vec<String> {
        let mut around = vec![format!("metadata.{field}")];
        if templates && self.seen.resource.target().is_none() {
            let templates = self.workspace.pod_templates(self.seen.resource.id);
            let metadata = templates
                .iter()
                .filter_map(|t| Some(plain_path(self.seen.node, t.node)).filter(|p| !p.is_empty()));
            around.extend(metadata.map(|path| format!("{path}.metadata.{field}")));
        }
        if selectors {
            around.extend([
                "spec.selector".to_owned(),
                "spec.selector.matchLabels".to_owned(),
                "spec.jobTemplate.spec.selector".to_owned(),
            ]);
        }
        let keys: Vec<&str> = pairs.entries().filter_map(|(k, _)| k.text()).collect();
        let mut paths: Vec<String> = around
            .iter()
            .flat_map(|a| keys.iter().map(move |k| format!("{a}.{k}")))
            .collect();
        paths.sort();
        paths
    }

    /// Targets of `replacements`, inline or in a file.
    fn replacements(&self, kustomization: &Kustomization, node: Node<'a>, found: &mut Vec<Touch>) {
        for (file, replacement) in self.workspace.replacements(kustomization, node) {
            for target in replacement.get("targets").into_iter().flat_map(Node::items) {
                if target
                    .get("select")
                    .is_some_and(|s| !Selector::of(s).may_choose(self.seen))
                {
                    continue;
                }
                let mut by_index = false;
                let mut paths: Vec<String> = Vec::new();
                for field in target.get("fieldPaths").into_iter().flat_map(Node::items) {
                    paths.push(field_path(field.text().unwrap_or_default(), &mut by_index));
                }
                if paths.is_empty() {
                    paths.push("metadata.name".to_owned());
                }
                let paths = paths.iter().all(|p| !p.is_empty()).then_some(paths);
                found.push(Touch {
                    by_index,
                    ..touch(Location::of(file, target), TouchKind::Replacement, paths)
                });
            }
        }
    }

    /// What an item of `transformers` changes: built-in ones that only set labels or annotations
    /// say where, others may do anything.
    fn transformer(&self, kustomization: &Kustomization, item: Node<'_>) -> Option<Vec<String>> {
        let yaml = self.yaml_at(kustomization, item)?;
        let mut roots = (0..yaml.documents().len())
            .filter_map(|i| yaml.root(i))
            .filter(|r| !r.is_null());
        let known = roots.all(|root| {
            let text = |key: &str| root.get(key).and_then(Node::text).unwrap_or_default();
            text("apiVersion") == "builtin"
                && matches!(text("kind"), "LabelTransformer" | "AnnotationsTransformer")
        });
        known.then(|| self.spec_paths(yaml))
    }

    /// Field specs that `configurations` add for this kind.
    fn configurations(
        &self,
        kustomization: &Kustomization,
        node: Node<'a>,
        found: &mut Vec<Touch>,
    ) {
        for item in node.get("configurations").into_iter().flat_map(Node::items) {
            let paths = self
                .yaml_at(kustomization, item)
                .map(|yaml| self.spec_paths(yaml));
            if paths.as_ref().is_none_or(|p| !p.is_empty()) {
                found.push(touch(
                    self.at(item),
                    TouchKind::TransformerConfiguration,
                    paths,
                ));
            }
        }
    }

    fn yaml_at(&self, kustomization: &Kustomization, item: Node<'_>) -> Option<&'a yaml::File> {
        self.workspace
            .file_at(&join(&kustomization.directory, item.text()?)?)?
            .yaml
            .as_deref()
    }

    /// Paths of all field specs (`{path, kind}`) of a file that are about this kind.
    fn spec_paths(&self, yaml: &yaml::File) -> Vec<String> {
        let mappings = (0..yaml.documents().len())
            .filter_map(|i| yaml.root(i))
            .flat_map(Node::descendants);
        let mine = |spec: &Node<'_>| {
            spec.get("kind")
                .and_then(Node::text)
                .is_none_or(|k| k == self.seen.resource.kind)
        };
        let specs = mappings
            .filter(|n| matches!(n.kind(), Kind::Mapping(_)))
            .filter(mine);
        let mut paths: Vec<String> = specs
            .filter_map(|s| s.get("path")?.text())
            .map(|p| p.replace("[]", "").replace('/', "."))
            .collect();
        paths.sort();
        paths.dedup();
        paths
    }
}

pub(in crate::kube) fn touch(
    location: Location,
    what: TouchKind,
    paths: Option<Vec<String>>,
) -> Touch {
    Touch {
        location,
        what,
        paths,
        by_index: false,
    }
}

pub(in crate::kube) fn patches(patches: &[Patch], seen: &Seen<'_>, found: &mut Vec<Touch>) {
    for patch in patches {
        if let Some(changed) = patch::changes(patch, seen) {
            let by_index = changed.by_index;
            found.push(Touch {
                by_index,
                ..touch(patch.location.clone(), TouchKind::Patch, changed.paths)
            });
        }
    }
}

/// Path of a node without list indices.
pub(in crate::kube) fn plain_path(root: Node<'_>, node: Node<'_>) -> String {
    path_of(root, node).replace("[]", "")
}

/// Images of all containers of a resource, with their paths.
fn images_of(root: Node<'_>) -> Vec<(&str, String)> {
    let mut found = Vec::new();
    for mapping in root
        .descendants()
        .filter(|n| matches!(n.kind(), Kind::Mapping(_)))
    {
        for list in CONTAINER_LISTS
            .iter()
            .filter_map(|(key, _)| mapping.get(key))
        {
            for image in list.items().filter_map(|c| c.get("image")) {
                found.extend(image.text().map(|text| (text, plain_path(root, image))));
            }
        }
    }
    found
}

/// An image without tag and digest.
pub(in crate::kube) fn repository(image: &str) -> &str {
    let image = image.split_once('@').map_or(image, |(name, _)| name);
    match image.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => name,
        _ => image,
    }
}

/// Paths of the scalars that hold `text`.
fn scalar_paths(root: Node<'_>, text: &str) -> Vec<String> {
    if !root.source().contains(text) {
        return Vec::new();
    }
    let scalars = root
        .descendants()
        .filter(|n| matches!(n.kind(), Kind::Scalar(_)));
    let mut paths: Vec<String> = scalars
        .filter(|n| n.text().is_some_and(|t| t.contains(text)))
        .map(|n| plain_path(root, n))
        .collect();
    paths.sort();
    paths.dedup();
    paths
}

/// A `fieldPath` of a replacement (`a.[k=v].b`, `a\.b`, `a.0`) as a dotted path without list items.
fn field_path(written: &str, by_index: &mut bool) -> String {
    let mut segments: Vec<String> = vec![String::new()];
    let mut escaped = false;
    let mut bracket = false;
    for c in written.chars() {
        let last = segments.len() - 1;
        match c {
            '\\' if !escaped => escaped = true,
            '.' if !escaped && !bracket => segments.push(String::new()),
            _ => {
                bracket = (bracket || c == '[') && c != ']';
                if let Some(segment) = segments.get_mut(last) {
                    segment.push(c);
                }
                escaped = false;
            }
        }
    }
    let mut path: Vec<String> = Vec::new();
    for segment in segments {
        if !segment.is_empty() && segment.bytes().all(|b| b.is_ascii_digit()) {
            *by_index = true;
        } else if !segment.is_empty()
            && segment != "*"
            && !(segment.starts_with('[') && segment.ends_with(']'))
        {
            path.push(segment);
        }
    }
    path.join(".")
}
