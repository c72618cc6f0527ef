//! Pods that mount volumes for other pods, such as the node plugins of CSI drivers: a mount that a
//! process of theirs serves (FUSE) ends with that process, and the pods that use it fail until they
//! are replaced, too (<https://kubernetes-csi.github.io/docs/deploying.html>,
//! <https://github.com/ceph/ceph-csi/issues/703>).

use kubewright_model::kube::PodTemplate;
use kubewright_model::text;
use kubewright_model::text::Text;
use kubewright_model::yaml::Node;

/// What a restart of these pods may do to the mounts of others, where a container passes mounts
/// below the directory of the kubelet on to the node.
pub(super) fn note(template: &PodTemplate<'_>) -> Option<Text> {
    let volumes = template.volumes();
    let host_path = |name: &str| {
        let volume = (volumes.iter())
            .find(|volume| volume.get("name").and_then(Node::text) == Some(name))?;
        volume.path(&["hostPath", "path"])?.text()
    };
    let containers = template.containers();
    let container = containers.iter().find(|container| {
        let mounts = container.node.get("volumeMounts");
        mounts.into_iter().flat_map(Node::items).any(|mount| {
            let field = |name| mount.get(name).and_then(Node::text);
            field("mountPropagation") == Some("Bidirectional")
                && field("name")
                    .and_then(host_path)
                    .is_some_and(|path| path.contains("kubelet"))
        })
    })?;
    Some(text![
        "container ",
        container.name,
        " mounts volumes for the other pods of its node: where it serves them itself (FUSE), its \
         restart ends those mounts, and their pods fail until they are replaced"
    ])
}
