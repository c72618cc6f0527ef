//! Patches of kustomizations: strategic-merge patches and JSON patches, in files and inline.
//!
//! A patch is read into the fields it may change: dotted paths without list indices.

use super::selector::{Seen, Selector};
use crate::kube::object::location::Location;
use crate::kube::object::resource::FileId;
use crate::kube::source::lazy_file::LazyFile;
use crate::kube::source::paths::{Paths, join};
use crate::yaml::{self, Kind, Node, NodeId};

/// How deep a patch is read; what lies deeper counts as changed as a whole.
const MAX_DEPTH: usize = 64;

/// One patch of a kustomization.
#[derive(Debug, Clone)]
pub(in crate::kube) struct Patch {
    /// Where the kustomization names it.
    pub location: Location,
    /// `target`; without one the documents say what they patch.
    pub target: Option<Target>,
    /// Its documents; none when it cannot be read.
    pub documents: Vec<PatchDocument>,
}

impl Patch {
    /// Whether it deletes what it is about.
    pub(in crate::kube) fn deletes(&self) -> bool {
        self.documents.iter().any(PatchDocument::deletes)
    }
}

/// Whether a patch deletes a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::kube) enum Deletion {
    No,
    /// It chooses by labels, or by something that is not understood.
    Possible,
    Certain,
}

/// The `target` of a patch.
#[derive(Debug, Clone)]
pub(in crate::kube) struct Target {
    pub selector: Selector,
    /// Where its `name` stands.
    pub name: Option<Location>,
}

/// A document of a patch.
#[derive(Debug, Clone)]
pub(in crate::kube) struct PatchDocument {
    yaml: LazyFile,
    root: NodeId,
    /// What it says it patches; `None` for a JSON patch.
    pub selector: Option<Selector>,
    /// The file, when the text is not inline.
    pub file: Option<FileId>,
}

impl PatchDocument {
    /// Its root.
    pub(in crate::kube) fn node(&self) -> Node<'_> {
        self.yaml.node(self.root)
    }

    /// Whether it is a strategic-merge patch that deletes the whole object.
    fn deletes(&self) -> bool {
        self.selector.is_some() && self.node().get("$patch").and_then(Node::text) == Some("delete")
    }

    /// Whether it may change labels or annotations of the resource itself, by which later patches
    /// select.
    pub(in crate::kube) fn relabels(&self) -> bool {
        let node = self.node();
        if self.selector.is_some() {
            let own = |field: &&str| node.path(&["metadata", field]).is_some();
            return node.get("$patch").is_some() || ["labels", "annotations"].iter().any(own);
        }
        let pointers = node
            .items()
            .flat_map(|op| ["path", "from"].map(|key| op.get(key)))
            .flatten();
        pointers
            .map(|pointer| pointer.text().unwrap_or_default())
            .any(|path| path.trim_matches('/').is_empty() || path.starts_with("/metadata"))
    }
}

/// Where the texts of patches come from.
#[derive(Clone, Copy)]
pub(in crate::kube) struct PatchReader<'a> {
    pub files: Paths<'a>,
    pub directory: &'a str,
    /// The file that declares the patches.
    pub file: FileId,
}

impl PatchReader<'_> {
    /// All patches of a kustomization.
    pub(in crate::kube) fn patches(self, node: Node<'_>) -> Vec<Patch> {
        let mut found = Vec::new();
        for key in ["patches", "patchesJson6902", "patchesStrategicMerge"] {
            for item in node.get(key).into_iter().flat_map(Node::items) {
                found.push(self.patch(item));
            }
        }
        found
    }

    /// One item: a mapping with `patch` or `path`, or a scalar that is one of them.
    fn patch(self, item: Node<'_>) -> Patch {
        let text = if item.is_mapping() {
            item.get("patch").or_else(|| item.get("path"))
        } else {
            Some(item)
        };
        let inline = item.is_mapping() && item.get("patch").is_some()
            || item.text().is_some_and(|t| t.contains('\n'));
        let target = item.get("target").filter(|t| t.is_mapping());
        Patch {
            location: Location::of(self.file, text.unwrap_or(item)),
            target: target.map(|t| Target {
                selector: Selector::of(t),
                name: t.get("name").map(|n| Location::of(self.file, n)),
            }),
            documents: text
                .and_then(Node::text)
                .map(|t| self.documents(t, inline))
                .unwrap_or_default(),
        }
    }

    fn documents(self, text: &str, inline: bool) -> Vec<PatchDocument> {
        let (yaml, file) = if inline {
            (yaml::File::parse(text).ok().map(LazyFile::from), None)
        } else {
            let id = join(self.directory, text).and_then(|path| self.files.file(&path));
            (
                id.and_then(|id| self.files.0.get(id.0 as usize))
                    .and_then(|f| f.yaml.clone()),
                id,
            )
        };
        let Some(yaml) = yaml else { return Vec::new() };
        let roots: Vec<(NodeId, Option<Selector>)> = (0..yaml.documents().len())
            .filter_map(|i| yaml.root(i))
            .filter(|r| !r.is_null())
            .map(|r| (r.id(), r.is_mapping().then(|| Selector::of_patch(r))))
            .collect();
        roots
            .into_iter()
            .map(|(root, selector)| PatchDocument {
                yaml: yaml.clone(),
                root,
                selector,
                file,
            })
            .collect()
    }
}

/// Fields that a patch may change; `None` is anything.
#[derive(Debug, Default)]
pub(in crate::kube) struct Changed {
    pub paths: Option<Vec<String>>,
    pub by_index: bool,
}

/// What a patch may change in a resource; `None` when it is certainly not about it.
pub(in crate::kube) fn changes(patch: &Patch, seen: &Seen<'_>) -> Option<Changed> {
    if patch
        .target
        .as_ref()
        .is_some_and(|t| !t.selector.may_choose(seen))
    {
        return None;
    }
    if patch.documents.is_empty() {
        return Some(Changed::default());
    }
    let mut all = Changed {
        paths: Some(Vec::new()),
        by_index: false,
    };
    let mut hit = false;
    for document in &patch.documents {
        // With a target, the names in the patch do not matter.
        if patch.target.is_none()
            && document
                .selector
                .as_ref()
                .is_some_and(|s| !s.may_choose(seen))
        {
            continue;
        }
        hit = true;
        let one = if document.selector.is_some() {
            merge(document.node(), seen.node)
        } else {
            json(document.node())
        };
        all.by_index |= one.by_index;
        all.paths = match (all.paths, one.paths) {
            (Some(mut paths), Some(more)) => {
                paths.extend(more);
                Some(paths)
            }
            _ => None,
        };
    }
    if let Some(paths) = &mut all.paths {
        paths.sort();
        paths.dedup();
    }
    hit.then_some(all)
}

/// Whether a patch deletes a resource.
pub(in crate::kube) fn deletes(patch: &Patch, seen: &Seen<'_>) -> Deletion {
    let by = |selector: &Selector| match (selector.may_choose(seen), selector.is_exact()) {
        (false, _) => Deletion::No,
        (true, true) => Deletion::Certain,
        (true, false) => Deletion::Possible,
    };
    let chosen = |document: &PatchDocument| match &patch.target {
        Some(target) => by(&target.selector),
        None => document.selector.as_ref().map_or(Deletion::No, by),
    };
    // Certain is the greatest.
    patch
        .documents
        .iter()
        .filter(|b| b.deletes())
        .map(chosen)
        .max()
        .unwrap_or(Deletion::No)
}

/// The leaf fields of a strategic-merge patch.
fn merge(document: Node<'_>, resource: Node<'_>) -> Changed {
    let mut paths = Vec::new();
    if document.get("$patch").is_some() {
        return Changed::default();
    }
    for (key, value) in document.entries() {
        match key.text() {
            Some("apiVersion" | "kind") => {}
            Some("metadata") => {
                for (key, value) in value
                    .entries()
                    .filter(|(k, _)| !matches!(k.text(), Some("name" | "namespace")))
                {
                    leaf(
                        &format!("metadata.{}", key.text().unwrap_or_default()),
                        value,
                        resource.path(&["metadata"]),
                        key,
                        &mut paths,
                        0,
                    );
                }
            }
            Some(name) => leaf(name, value, Some(resource), key, &mut paths, 0),
            None => return Changed::default(),
        }
    }
    Changed {
        paths: Some(paths),
        by_index: false,
    }
}

/// Adds the leaves below `value`, whose key `key` stands in the mapping that corresponds to
/// `around` in the resource.
fn leaf(
    path: &str,
    value: Node<'_>,
    around: Option<Node<'_>>,
    key: Node<'_>,
    paths: &mut Vec<String>,
    depth: usize,
) {
    let there = around.and_then(|a| a.get(key.text().unwrap_or_default()));
    node(path, value, there, paths, depth);
}

fn node(
    path: &str,
    value: Node<'_>,
    there: Option<Node<'_>>,
    paths: &mut Vec<String>,
    depth: usize,
) {
    let deep = depth >= MAX_DEPTH;
    let directive = |k: Node<'_>| k.text().is_none_or(|t| t.starts_with('$'));
    if deep || value.kind() == Kind::Alias || value.entries().any(|(k, _)| directive(k)) {
        paths.push(path.to_owned());
    } else if value.is_mapping() && value.entries().next().is_some() {
        for (key, inner) in value.entries() {
            leaf(
                &format!("{path}.{}", key.text().unwrap_or_default()),
                inner,
                there,
                key,
                paths,
                depth + 1,
            );
        }
    } else if let Some(field) = value
        .items()
        .next()
        .and_then(|first| merge_key(path, |key| first.get(key).is_some()))
    {
        for item in value.items() {
            let name = item.get(field).and_then(Node::text);
            let same = there
                .into_iter()
                .flat_map(Node::items)
                .find(|i| name.is_some() && i.get(field).and_then(Node::text) == name);
            if same.is_none() || item.entries().any(|(k, _)| directive(k)) {
                // An item of its own, or one that goes: the list changes.
                paths.push(path.to_owned());
                continue;
            }
            for (key, inner) in item.entries().filter(|(k, _)| k.text() != Some(field)) {
                leaf(
                    &format!("{path}.{}", key.text().unwrap_or_default()),
                    inner,
                    same,
                    key,
                    paths,
                    depth + 1,
                );
            }
        }
    } else {
        paths.push(path.to_owned());
    }
}

/// The key by which items of a list are merged (`patchMergeKey` in core/v1), when an item `has` it;
/// `None` for lists that are replaced.
pub(in crate::kube) fn merge_key(path: &str, has: impl Fn(&str) -> bool) -> Option<&'static str> {
    let key = match path.rsplit('.').next()? {
        "volumeMounts" => "mountPath",
        "volumeDevices" => "devicePath",
        "ports" if has("containerPort") => "containerPort",
        "ports" => "port",
        "containers"
        | "initContainers"
        | "ephemeralContainers"
        | "volumes"
        | "env"
        | "imagePullSecrets"
        | "secrets" => "name",
        _ => return None,
    };
    has(key).then_some(key)
}

/// The paths of a JSON patch.
fn json(document: Node<'_>) -> Changed {
    let mut changed = Changed {
        paths: Some(Vec::new()),
        by_index: false,
    };
    for op in document.items() {
        let moved = (op.get("op").and_then(Node::text) == Some("move"))
            .then(|| op.get("from"))
            .flatten();
        for pointer in op.get("path").into_iter().chain(moved) {
            let mut path = Vec::new();
            for segment in pointer
                .text()
                .unwrap_or_default()
                .split('/')
                .filter(|s| !s.is_empty())
            {
                if segment == "-" || segment.bytes().all(|b| b.is_ascii_digit()) {
                    changed.by_index = true;
                } else {
                    path.push(segment.replace("~1", "/").replace("~0", "~"));
                }
            }
            if path.is_empty() {
                changed.paths = None;
            } else if let Some(paths) = &mut changed.paths {
                paths.push(path.join("."));
            }
        }
    }
    changed
}
