//! What a ConfigMap or Secret has for keys, and what may change it, or a node of any resource, on
//! the way to the cluster.

use std::collections::{BTreeMap, BTreeSet};

use super::kustomize_changes::plain_path;
use crate::finding::Location;
use crate::kube::names::resolve::keys_of;
use crate::kube::object::apply_set::{ApplySet, Member, SetId};
use crate::kube::object::kustomization::{OutsideUseKind, Touch};
use crate::kube::object::reference::Target;
use crate::kube::object::resource::{FileId, ResourceId};
use crate::kube::source::read::is_encrypted;
use crate::kube::workspace::Workspace;
use crate::yaml::Node;

/// A ConfigMap or Secret in a file that SOPS encrypted: names and keys stay readable in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encrypted {
    /// What it is.
    pub to: Target,
    /// `metadata.name`
    pub name: String,
    /// `metadata.namespace`
    pub namespace: Option<String>,
    /// The keys of `data`, `stringData` and `binaryData`.
    pub keys: BTreeSet<String>,
    /// Where the name stands.
    pub location: Location,
    /// The document in its file.
    pub document: usize,
}

/// Kinds whose pods kustomize knows to refer to ConfigMaps and Secrets, by group. Source:
/// <https://github.com/kubernetes-sigs/kustomize/blob/master/api/internal/konfig/builtinpluginconsts/namereference.go>.
const NAME_REFERENCES: &[(&str, &str)] = &[
    ("", "Pod"),
    ("", "PodTemplate"),
    ("apps", "Deployment"),
    ("extensions", "Deployment"),
    ("apps", "ReplicaSet"),
    ("extensions", "ReplicaSet"),
    ("apps", "DaemonSet"),
    ("extensions", "DaemonSet"),
    ("apps", "StatefulSet"),
    ("batch", "Job"),
    ("batch", "CronJob"),
];

impl Workspace {
    /// A resource as part of an apply set; the first time where it is part of it several times.
    pub fn member(&self, set: SetId, id: ResourceId) -> Option<&Member> {
        let position = self.set_index(set)?.positions(id).next()?;
        self.sets.get(set.0 as usize)?.members.get(position)
    }

    /// Whether kustomize, on the way of a resource into a set, rewrites the names of ConfigMaps and
    /// Secrets that its pods refer to. It does so in the kinds of its table alone, unless a
    /// kustomization adds others (`configurations`, `crds`) or transforms as it likes.
    pub fn follows_names(&self, set: SetId, id: ResourceId) -> bool {
        let resource = self.resource(id);
        if NAME_REFERENCES.contains(&(resource.group(), resource.kind.as_str())) {
            return true;
        }
        let way = self
            .member(set, id)
            .map(|member| member.through.as_slice())
            .unwrap_or_default();
        let adds = ["configurations", "crds", "transformers"];
        way.iter()
            .filter_map(|file| self.kustomization_node(*file))
            .any(|node| adds.iter().any(|field| node.get(field).is_some()))
    }

    /// Dotted path of a node of a resource without list indices:
    /// `spec.template.spec.volumes.configMap.name`.
    pub fn field_path(&self, id: ResourceId, node: Node<'_>) -> Option<String> {
        Some(plain_path(self.node(id)?, node))
    }

    /// The first thing that may change a node of a resource between its file and the cluster.
    pub fn touched(&self, id: ResourceId, node: Node<'_>) -> Option<Touch> {
        let path = plain_path(self.node(id)?, node);
        self.touches(id)
            .iter()
            .find(|touch| touch.affects(&path))
            .cloned()
    }

    /// What may give a ConfigMap or Secret other content than its file has, for messages.
    pub fn content_touched(&self, id: ResourceId) -> Option<&'static str> {
        self.index.asked.content(id, || self.content_changes(id))
    }

    fn content_changes(&self, id: ResourceId) -> Option<&'static str> {
        let resource = self.resource(id);
        let data = ["data", "binaryData", "stringData"];
        if let Some(touch) = self
            .touches(id)
            .iter()
            .find(|touch| data.iter().any(|path| touch.affects(path)))
        {
            return Some(touch.what);
        }
        let uses = self.uses_outside(Some(id), resource.target()?, &resource.name);
        uses.iter()
            .any(|u| u.what == OutsideUseKind::Generator)
            .then_some("a generator")
    }

    /// The keys whose values can become variables (core/v1: `data` of a ConfigMap, `data` and
    /// `stringData` of a Secret); not sorted.
    pub fn text_keys(&self, id: ResourceId) -> Vec<String> {
        let Some(node) = self.node(id) else {
            return Vec::new();
        };
        ["data", "stringData"]
            .iter()
            .filter_map(|field| node.get(field))
            .flat_map(keys_of)
            .collect()
    }

    /// The ConfigMaps and Secrets of files that are left alone because SOPS encrypted them.
    pub fn encrypted(&self) -> Vec<Encrypted> {
        self.encrypted_files()
            .into_iter()
            .flat_map(|file| self.encrypted_in(file).0)
            .collect()
    }

    /// Sets that are closed but for files of which SOPS leaves in clear all that is asked here,
    /// each with those files.
    pub fn closed_but_for_encrypted(&self) -> BTreeMap<SetId, Vec<FileId>> {
        let mut holes = BTreeMap::new();
        for file in self.encrypted_files() {
            if self.encrypted_in(file).1 {
                let path = &self.file(file).path;
                holes.insert(unreadable(path, SOPS), file);
                holes.insert(unreadable(&format!("a document of {path}"), SOPS), file);
            }
        }
        let files = |set: &ApplySet| {
            set.holes
                .iter()
                .map(|hole| holes.get(hole).copied())
                .collect::<Option<Vec<_>>>()
        };
        self.sets
            .iter()
            .filter(|set| !set.closed)
            .filter_map(|set| Some((set.id, files(set)?)))
            .collect()
    }

    fn encrypted_files(&self) -> BTreeSet<FileId> {
        self.skipped
            .iter()
            .filter(|s| s.code == "sops")
            .map(|s| s.file)
            .collect()
    }

    /// What an encrypted file defines, and whether that is all that is left alone in it.
    fn encrypted_in(&self, file: FileId) -> (Vec<Encrypted>, bool) {
        let Some(yaml) = self
            .files
            .get(file.0 as usize)
            .and_then(|f| f.yaml.as_deref())
        else {
            return (Vec::new(), false);
        };
        let read = |document: usize, root: Node<'_>| {
            let text = |path: &[&str]| root.path(path).and_then(Node::text);
            let to = [Target::ConfigMap, Target::Secret]
                .into_iter()
                .find(|t| text(&["kind"]) == Some(t.kind()))?;
            let name = root.path(&["metadata", "name"])?;
            let keys = ["data", "stringData", "binaryData"]
                .into_iter()
                .filter_map(|field| root.get(field))
                .flat_map(keys_of);
            Some(Encrypted {
                to,
                name: name.text()?.to_owned(),
                namespace: text(&["metadata", "namespace"]).map(str::to_owned),
                keys: keys.collect(),
                location: Location::of(file, name),
                document,
            })
        };
        let skipped = self.skipped.iter().filter(|s| s.file == file);
        let whole = skipped.clone().any(|s| s.document.is_none());
        let roots = (0..yaml.documents().len())
            .filter_map(|at| Some((at, yaml.root(at)?)))
            .filter(|(_, root)| !root.is_null());
        let left = roots.filter(|(_, root)| whole || is_encrypted(*root));
        let found: Vec<Option<Encrypted>> = left
            .map(|(at, root)| is_encrypted(root).then(|| read(at, root)).flatten())
            .collect();
        let all = found.iter().all(Option::is_some)
            && (whole || skipped.clone().all(|s| s.code == "sops"));
        (found.into_iter().flatten().collect(), all)
    }
}

/// Why SOPS files are left alone.
pub(in crate::kube) const SOPS: &str = "encrypted by SOPS, whose MAC covers every value";

/// Why a set is not closed that has such a file.
pub(in crate::kube) fn unreadable(what: &str, why: &str) -> String {
    format!("{what} cannot be read: {why}")
}
