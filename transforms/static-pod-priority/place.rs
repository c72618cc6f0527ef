//! What says that the kubelet runs a pod from a file, without the API server
//! (docs/kubernetes.md#mirror-pods).

use kubewright_model::kube::{Evidence, Resource, Workspace};
use kubewright_model::text;
use kubewright_model::text::{Field, Path, Text};
use kubewright_model::yaml::Node;

/// Directories from which kubelets run pods, in the habits of those who set them up: RKE2 and k3s
/// have `agent/pod-manifests`, others name what it is.
const DIRECTORIES: &[&str] = &[
    "pod-manifests",
    "pod_manifests",
    "static-manifests",
    "static_manifests",
    "static-pod",
    "static-pods",
    "static_pods",
    "staticpods",
];

const NODE_CRITICAL: &str = super::NODE_CRITICAL.0;
const CLUSTER_CRITICAL: &str = super::CLUSTER_CRITICAL.0;

/// What says that a pod is static, if anything does and nothing speaks against it.
pub(super) fn evidence(
    workspace: &Workspace,
    resource: &Resource,
    pod: Node<'_>,
    known: bool,
) -> Option<Text> {
    if cannot_be_static(pod) || is_applied(workspace, resource) {
        return None;
    }
    let annotation = |key: &str| {
        pod.path(&["metadata", "annotations", key])
            .and_then(Node::text)
    };
    if annotation("kubernetes.io/config.source").is_some_and(|source| source == "file")
        || annotation("kubernetes.io/config.mirror").is_some()
    {
        return Some(text![
            "annotation ",
            Field("kubernetes.io/config.source"),
            " says so"
        ]);
    }
    let path = &workspace.file(resource.file).path;
    if path.ends_with(".manifest") {
        return Some(text!["the name of ", Path(path), " is one of static pods"]);
    }
    if in_directory(path) {
        return Some(text![Path(path), " lies where kubelets look"]);
    }
    let host = pod.path(&["spec", "hostNetwork"]).and_then(Node::as_bool) == Some(true);
    let system = resource.namespace.as_deref() == Some("kube-system");
    if !(host && system) {
        return None;
    }
    // Nobody applies a pod of these classes by itself: what the API server runs has a workload.
    let class = pod
        .path(&["spec", "priorityClassName"])
        .and_then(Node::text);
    let critical = class.is_some_and(|class| matches!(class, NODE_CRITICAL | CLUSTER_CRITICAL));
    (known || critical).then(|| "it runs on the host network in kube-system".into())
}

/// Whether the pod has what a static pod must not have, or somebody else makes it.
fn cannot_be_static(pod: Node<'_>) -> bool {
    let spec = |key: &str| pod.path(&["spec", key]);
    let account = ["serviceAccountName", "serviceAccount"]
        .into_iter()
        .filter_map(|key| spec(key)?.text())
        .any(|name| !name.is_empty());
    let volumes = spec("volumes").into_iter().flat_map(Node::items);
    let from_api = |volume: Node<'_>| {
        ["configMap", "secret", "persistentVolumeClaim", "projected"]
            .iter()
            .any(|source| volume.get(source).is_some())
    };
    let owners = pod
        .path(&["metadata", "ownerReferences"])
        .into_iter()
        .flat_map(Node::items);
    let mut owners = owners.filter_map(|owner| owner.get("kind")?.text());
    account || volumes.into_iter().any(from_api) || owners.any(|kind| kind != "Node")
}

/// Whether something applies the file through the API server.
fn is_applied(workspace: &Workspace, resource: &Resource) -> bool {
    workspace.sets_of(resource.id).into_iter().any(|set| {
        !matches!(
            workspace.set(set).evidence,
            Evidence::Directory | Evidence::Stream
        )
    })
}

fn in_directory(path: &str) -> bool {
    let parts: Vec<&str> = path.split('/').collect();
    let directories = parts
        .split_last()
        .map_or(&[][..], |(_, directories)| directories);
    directories
        .windows(3)
        .any(|w| w == ["etc", "kubernetes", "manifests"])
        || directories
            .iter()
            .any(|d| DIRECTORIES.contains(&d.to_lowercase().as_str()))
}

#[cfg(test)]
mod tests {
    use super::in_directory;

    #[test]
    fn directories_of_kubelets() {
        for path in ["etc/kubernetes/manifests/a.yaml", "x/static-pods/a.yaml"] {
            assert!(in_directory(path), "{path}");
        }
        for path in [
            "kubernetes/manifests/a.yaml",
            "static-pods.yaml",
            "manifests/a.yaml",
        ] {
            assert!(!in_directory(path), "{path}");
        }
    }
}
