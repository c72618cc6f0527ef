//! Programs that write the manifest of kube-proxy themselves, told by what only they write, and
//! paths that a provisioner copies to nodes.

use std::net::IpAddr;

use kubewright_model::yaml::Node;

use super::recognise::proxy;

/// A program that writes the manifest again whatever is done to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Owner {
    /// Its name.
    pub(super) name: &'static str,
    /// What configures kube-proxy there.
    pub(super) instead: &'static str,
}

const KOPS: Owner = Owner {
    name: "kops' nodeup",
    instead: "spec.kubeProxy of the kops Cluster",
};
const RKE2: Owner = Owner {
    name: "RKE2's agent",
    instead: "kube-proxy-arg in /etc/rancher/rke2/config.yaml",
};
const GKE: Owner = Owner {
    name: "GKE's node image",
    instead: "the settings of the cluster and its node pools",
};

/// Directories of RKE2 on a node.
const RKE2_PATHS: &[&str] = &["/var/lib/rancher/rke2/", "/etc/rancher/rke2/"];

/// Directories that are copied to nodes: the kubelet's, and those of tools that set machines up.
const ON_NODES: &[&str] = &[
    "pod-manifests",
    "pod_manifests",
    "static-pods",
    "static_pods",
    "staticpods",
    "static-pod",
    "static-manifests",
    "static_manifests",
    "kubelet",
    "kubelet.d",
    "etc",
    "ansible",
    "puppet",
    "salt",
    "chef",
    "cookbooks",
    "ignition",
    "butane",
    "matchbox",
    "cloud-init",
    "cloud-config",
    "user-data",
    "userdata",
    "provision",
    "provisioning",
    "provisioner",
    "bootstrap",
    "machineconfig",
    "machineconfigs",
    "inventory",
    "hosts",
    "machines",
    "packer",
    "rootfs",
    "node",
    "nodes",
    "worker",
    "workers",
    "minion",
    "minions",
    "master",
    "masters",
    "controller",
    "controllers",
    "control-plane",
    "controlplane",
];

/// Who writes the manifest of this pod, by a sign that only the owner leaves: RKE2
/// (`pkg/podtemplate`), kops (`nodeup/pkg/model/kube_proxy.go`), GKE (its registry and the suffix
/// of its versions).
pub(super) fn owner(pod: Node<'_>, path: &str) -> Option<Owner> {
    let label = |key: &str| pod.path(&["metadata", "labels", key]).and_then(Node::text);
    let container = proxy(pod)?;
    let image = container.get("image").and_then(Node::text).unwrap_or("");
    if label("kubernetes.io/managed-by") == Some("nodeup") {
        return Some(KOPS);
    }
    let hash = container.get("env").is_some_and(|env| {
        env.items()
            .any(|e| e.get("name").and_then(Node::text) == Some("FILE_HASH"))
    });
    let labels = label("component") == Some("kube-proxy") && label("tier") == Some("control-plane");
    let uses = |part: &str| {
        pod.get("spec").is_some_and(|s| {
            s.descendants()
                .filter_map(Node::text)
                .any(|t| t.contains(part))
        })
    };
    let tag = image.rsplit_once(':').map_or("", |(_, tag)| tag);
    if (hash && labels)
        || tag.contains("-rke2r")
        || image.contains("rancher/hardened-kubernetes")
        || RKE2_PATHS.iter().any(|p| uses(p))
        || format!("/{path}").contains("/rancher/rke2/")
    {
        return Some(RKE2);
    }
    (image.starts_with("gke.gcr.io/") || tag.contains("-gke.")).then_some(GKE)
}

/// The part of a path that says that the file is copied to nodes.
pub(super) fn copied_to_nodes(path: &str) -> Option<&str> {
    let parts: Vec<&str> = path.split('/').collect();
    let (_, directories) = parts.split_last()?;
    if directories
        .windows(3)
        .any(|w| w == ["etc", "kubernetes", "manifests"])
    {
        return Some("etc/kubernetes/manifests");
    }
    if directories
        .windows(3)
        .any(|w| matches!(w, ["roles" | "modules", _, "files" | "templates"]))
    {
        return Some("files of a role");
    }
    let named = |part: &&&str| {
        ON_NODES.contains(&part.to_lowercase().as_str()) || part.parse::<IpAddr>().is_ok()
    };
    directories.iter().find(named).copied()
}

#[cfg(test)]
mod tests {
    use super::copied_to_nodes;

    #[test]
    fn paths_that_are_copied_to_nodes() {
        for path in [
            "etc/kubernetes/manifests/p.yaml",
            "ansible/p.yaml",
            "roles/node/files/p.yaml",
            "10.0.0.3/p.yaml",
            "x/Worker/p.yaml",
        ] {
            assert!(copied_to_nodes(path).is_some(), "{path}");
        }
        for path in [
            "manifests/kube-proxy.yaml",
            "kubernetes/manifests/p.yaml",
            "static/all.yaml",
            "node.yaml",
            "roles/files/p.yaml",
        ] {
            assert_eq!(copied_to_nodes(path), None, "{path}");
        }
    }
}
