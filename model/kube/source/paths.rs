//! Paths relative to the root, and files by path.

use super::file::SourceFile;
use crate::kube::object::resource::FileId;

/// Directory (empty for the root) and name of a path.
pub(in crate::kube) fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}

/// Whether a path ends with this extension.
pub(in crate::kube) fn has_extension(path: &str, extension: &str) -> bool {
    split(path)
        .1
        .rsplit_once('.')
        .is_some_and(|(_, e)| e.eq_ignore_ascii_case(extension))
}

/// Whether kustomize takes a file of this path for a kustomization.
pub(in crate::kube) fn is_kustomization_name(path: &str) -> bool {
    matches!(
        split(path).1,
        "kustomization.yaml" | "kustomization.yml" | "Kustomization"
    )
}

/// `relative` seen from `directory`, without `.` and `..`; `None` when it leads out of the root.
pub(in crate::kube) fn join(directory: &str, relative: &str) -> Option<String> {
    if relative.starts_with('/') {
        return None;
    }
    let mut segments: Vec<&str> = Vec::new();
    for segment in directory.split('/').chain(relative.split('/')) {
        match segment {
            "" | "." => {}
            ".." => {
                segments.pop()?;
            }
            _ => segments.push(segment),
        }
    }
    Some(segments.join("/"))
}

/// Files by path.
#[derive(Clone, Copy)]
pub(in crate::kube) struct Paths<'a>(pub &'a [SourceFile]);

impl<'a> Paths<'a> {
    /// The file at a path.
    pub(in crate::kube) fn file(self, path: &str) -> Option<FileId> {
        self.0
            .binary_search_by(|f| f.path.as_str().cmp(path))
            .ok()
            .and_then(|i| self.0.get(i))
            .map(|f| f.id)
    }

    /// The kustomization of a directory.
    pub(in crate::kube) fn kustomization(self, directory: &str) -> Option<FileId> {
        ["kustomization.yaml", "kustomization.yml", "Kustomization"]
            .iter()
            .find_map(|name| self.file(&join(directory, name)?))
    }

    /// The files at or below a directory.
    pub(in crate::kube) fn below(
        self,
        directory: &str,
    ) -> impl Iterator<Item = &'a SourceFile> + use<'a> {
        let inside = if directory.is_empty() {
            String::new()
        } else {
            format!("{directory}/")
        };
        let start = self
            .0
            .partition_point(|f| f.path.as_str() < inside.as_str());
        self.0
            .get(start..)
            .unwrap_or_default()
            .iter()
            .take_while(move |f| f.path.starts_with(&inside))
    }

    /// The files of a directory, without what is below.
    pub(in crate::kube) fn directory(self, directory: &str) -> impl Iterator<Item = FileId> {
        self.below(directory)
            .filter(move |f| split(&f.path).0 == directory)
            .map(|f| f.id)
    }
}

/// Whether a file holds flags of a kubelet and is no manifest: a drop-in or unit of systemd, or the
/// variables that one of these reads
/// (<https://kubernetes.io/docs/setup/production-environment/tools/kubeadm/kubelet-integration/>).
pub fn is_kubelet_setting(path: &str) -> bool {
    let (directory, name) = split(path);
    let parent = split(directory).1;
    match name {
        "kubelet.service" | "kubelet.env" | "kubeadm-flags.env" => true,
        "kubelet" => matches!(parent, "default" | "sysconfig"),
        _ => parent == "kubelet.service.d" && has_extension(name, "conf"),
    }
}

/// Words in the path of a text that sets a node up, or that holds the manifest of a static pod.
const NODE: &[&str] = &[
    "cloud-config",
    "cloud-init",
    "cloud_config",
    "cloudconfig",
    "ignition",
    "kube-proxy",
    "kube_proxy",
    "kubeproxy",
    "static-pod",
    "static_pod",
    "user-data",
    "user_data",
    "userdata",
];

/// Whether a file sets nodes up and is no manifest itself: Ignition, and by the words of its name
/// Terraform, Butane, a template of Ansible or a script.
pub fn is_node_setting(path: &str) -> bool {
    let (directory, name) = split(path);
    let words = [split(directory).1, name].map(str::to_ascii_lowercase);
    let named = || {
        NODE.iter()
            .any(|w| words.iter().any(|word| word.contains(w)))
    };
    has_extension(name, "ign")
        || (["bu", "fcc", "j2", "sh", "tf", "tftpl", "tmpl", "tpl"]
            .iter()
            .any(|extension| has_extension(name, extension))
            && named())
}
