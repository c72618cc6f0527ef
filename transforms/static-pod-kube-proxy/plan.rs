//! What the reader is told beside the diff: what the conversion rests on, and the order in which to move a cluster over.

use kubewright_model::kube::{FileId, Workspace};
use kubewright_model::yaml::Node;

use super::command::{self, Call, Reading};
use super::convert::GATE;
use super::flags::BIND;
use super::recognise::{containers, is_placeholder};
use super::version::Target;

/// Flags that kube-proxy no longer has: it does not start with them.
const REMOVED: &[&str] = &["resource-container", "port"];

/// Kustomizations that gather the pod's file, by path: they do not know the new one.
pub(super) fn gathered(workspace: &Workspace, file: FileId) -> Vec<String> {
    let naming = workspace.kustomizations().iter().filter(|k| k.resources.contains(&file));
    naming
        .map(|k| format!("{} gathers the pod; name the DaemonSet there instead once the nodes are moved", workspace.file(k.file).path))
        .collect()
}

/// Remarks about the pod itself.
pub(super) fn remarks(pod: Node<'_>, target: &Target) -> Vec<String> {
    let mut notes = Vec::new();
    let Some(container) = containers(pod).next() else { return notes };
    let Reading::Proxy(call) = command::read(container) else { return notes };
    endpoint(pod, container, &call, &mut notes);
    let ignored = call.flag("config").is_some() && !target.override_beside_config();
    if ignored {
        notes.push(
            "--hostname-override does nothing beside --config before Kubernetes 1.12 (kubeadm#857): each node has the name of hostnameOverride \
             in its own file, else its hostname; look that these are the names of the nodes"
                .to_owned(),
        );
    } else if let Some(flag) = call.flag("hostname-override").filter(|f| !f.value.starts_with('$')) {
        notes.push(format!("--hostname-override={} was the name of one node; it is now that of the node a pod runs on", flag.value));
    }
    if call.flag("config").is_some() {
        let ignored: Vec<String> = BIND.iter().filter(|b| call.flag(b).is_some()).map(|b| format!("--{b}")).collect();
        if !ignored.is_empty() {
            notes.push(format!("{} left as written: ignored beside --config", ignored.join(", ")));
        }
    }
    for name in REMOVED.iter().filter(|name| call.flag(name).is_some()) {
        notes.push(format!("--{name} was removed from kube-proxy; take it out when you change the image"));
    }
    for word in call.others() {
        if word.contains(">>") || word.starts_with(['>', '1', '2']) && word.contains('>') {
            notes.push(format!("{word} is an argument here, not a redirection: there is no shell"));
        } else if word.starts_with('$') || is_placeholder(word) {
            notes.push(format!("flags that come from {word} were not looked at"));
        }
    }
    image(container, &mut notes);
    notes
}

fn endpoint(pod: Node<'_>, container: Node<'_>, call: &Call<'_>, notes: &mut Vec<String>) {
    for name in ["kubeconfig", "config"] {
        let Some(flag) = call.flag(name).filter(|f| !f.value.is_empty()) else { continue };
        let place = match host_path(pod, container, flag.value) {
            Some(path) => format!("{path} must exist on every node where a pod starts"),
            None => format!("{} lies on no hostPath volume that could be found", flag.value),
        };
        notes.push(format!(
            "--{name}: {place}, and its API server must not be the address of Service kubernetes, which works only after kube-proxy"
        ));
    }
    if let Some(master) = call.flag("master").filter(|m| m.value.starts_with("http:")) {
        notes.push(format!("--master={}: the API server has no insecure port since Kubernetes 1.24", master.value));
    }
}

/// Where on the node the file at `path` in the container lies.
fn host_path(pod: Node<'_>, container: Node<'_>, path: &str) -> Option<String> {
    let mounts = container.get("volumeMounts")?.items();
    let (mount, volume) = mounts
        .filter_map(|m| Some((m.get("mountPath")?.text()?.trim_end_matches('/'), m.get("name")?.text()?)))
        .filter(|(at, _)| path.strip_prefix(at).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
        .max_by_key(|(at, _)| at.len())?;
    let volume = pod.path(&["spec", "volumes"])?.items().find(|v| v.get("name").and_then(Node::text) == Some(volume))?;
    let base = volume.path(&["hostPath", "path"])?.text()?;
    Some(format!("{}{}", base.trim_end_matches('/'), path.get(mount.len()..)?))
}

fn image(container: Node<'_>, notes: &mut Vec<String>) {
    let image = container.get("image").and_then(Node::text).unwrap_or("");
    for arch in ["amd64", "arm64", "arm", "ppc64le", "s390x"] {
        if image.contains(&format!("-{arch}:")) || image.ends_with(&format!("-{arch}")) {
            notes.push(format!("image {image} is for {arch}: on nodes of another architecture the pod does not start"));
            return;
        }
    }
}

/// The order of the move. `file` is what holds the DaemonSet afterwards, `None` in a stream.
pub(super) fn migration(pod: &str, file: Option<&str>, gate: bool) -> Vec<String> {
    let what = file.map_or("apply the stream".to_owned(), |f| format!("`kubectl apply -f {f}`"));
    let mirror = format!("wait until its mirror pod is gone (`kubectl -n kube-system get pod {pod}-<node>`)");
    let remove = "move the static manifest out of the kubelet's staticPodPath; a new name in that directory is not enough, the kubelet reads every file \
                  that does not begin with a dot";
    let mut plan = if gate {
        vec![
            format!("migration 1: {what}; no pod starts before its node has the label {GATE}=true"),
            format!("migration 2: node by node, {remove}"),
            format!("migration 3: {mirror}"),
            format!("migration 4: `kubectl label node <node> {GATE}=true`; the DaemonSet's pod starts"),
            "migration 5: stop whatever copies the static manifest to nodes".to_owned(),
        ]
    } else {
        vec![
            format!("migration 1: on every node, {remove}"),
            format!("migration 2: {mirror}"),
            format!("migration 3: {what}; without the gate label a pod starts on every node at once"),
            "migration 4: stop whatever copies the static manifest to nodes".to_owned(),
        ]
    };
    plan.push("two kube-proxies on one node rewrite the same rules: never label a node whose static pod still runs".to_owned());
    plan.push(
        "never `kubectl apply -f` the directory of a static manifest, which makes an ordinary Pod; keep the DaemonSet in a directory that is applied"
            .to_owned(),
    );
    plan.push(
        "instead of moving, the static pod can be kept from eviction with priorityClassName: system-node-critical and priority: 2000001000"
            .to_owned(),
    );
    plan
}
