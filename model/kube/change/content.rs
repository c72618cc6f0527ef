//! What a ConfigMap or Secret has for keys, and what may change it, or a node of any resource, on
//! the way to the cluster.

use super::kustomize_changes::plain_path;
use crate::kube::object::apply_set::{Member, SetId};
use crate::kube::object::kustomization::{OutsideUseKind, Touch};
use crate::kube::object::resource::ResourceId;
use crate::kube::source::encrypted::keys_of;
use crate::kube::workspace::Workspace;
use crate::yaml::Node;

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
            return Some(touch.what.name());
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
}
