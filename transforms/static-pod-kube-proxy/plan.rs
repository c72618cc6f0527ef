//! What the reader is told beside the diff: what the conversion rests on, and the order in which to
//! move a cluster over.

use kubewright_model::kube::{FileId, Workspace};
use kubewright_model::text;
use kubewright_model::text::{Path, Text, Verbatim};
use kubewright_model::yaml::Node;

use super::command::{self, Call, Reading};
use super::convert::GATE;
use super::flags::BIND;
use super::recognise::{containers, is_placeholder, local_master, proxy};
use super::version::Target;

/// Flags that kube-proxy no longer has, with the version that took them out: it does not start with
/// them (kubernetes/kubernetes#78294,
/// #78344, #78399, #112133).
const REMOVED: &[(&str, u32)] = &[
    ("resource-container", 16),
    ("cleanup-iptables", 16),
    ("conntrack-max", 16),
    ("udp-timeout", 26),
];
/// The lowest priority of a pod that the kubelet spares.
const CRITICAL: i64 = 2_000_000_000;

/// Kustomizations that gather the pod's file, by path: they do not know the new one.
pub(super) fn gathered(workspace: &Workspace, file: FileId) -> Vec<Text> {
    let naming = workspace
        .kustomizations()
        .iter()
        .filter(|k| k.resources.contains(&file));
    naming
        .map(|k| {
            text![
                Path(&workspace.file(k.file).path),
                " gathers the pod; name the DaemonSet there instead once the nodes are moved"
            ]
        })
        .collect()
}

/// Remarks about the pod itself.
pub(super) fn remarks(pod: Node<'_>, version: &Target, server: Option<&str>) -> Vec<Text> {
    let mut notes = Vec::new();
    let Some(container) = containers(pod).next() else {
        return notes;
    };
    let Reading::Proxy(call) = command::read(container) else {
        return notes;
    };
    endpoint(pod, container, &call, server, &mut notes);
    let ignored = call.flag("config").is_some() && !version.override_beside_config();
    if ignored {
        notes.push(
            "--hostname-override does nothing beside --config before Kubernetes 1.12 (kubeadm#857): each node has the name of hostnameOverride \
             in its own file, else its hostname; look that these are the names of the nodes"
                .into(),
        );
    } else if let Some(flag) = call
        .flag("hostname-override")
        .filter(|f| !f.value.starts_with('$'))
    {
        notes.push(text![
            Verbatim(&format!("--hostname-override={}", flag.value)),
            " was the name of one node; it is now that of the node a pod runs on"
        ]);
    }
    if let Some(flag) = call
        .flag("hostname-override")
        .filter(|f| !ignored && is_printed(f.value))
    {
        notes.push(text![
            Verbatim(&format!("--hostname-override={}", flag.value)),
            " was what a command prints; it is now the name of the node"
        ]);
    }
    if call.flag("config").is_some() {
        let ignored: Vec<String> = BIND
            .iter()
            .filter(|b| call.flag(b).is_some())
            .map(|b| format!("--{b}"))
            .collect();
        if !ignored.is_empty() {
            notes.push(text![
                ignored.join(", "),
                " left as written: ignored beside --config"
            ]);
        }
    }
    for (name, since) in REMOVED.iter().filter(|(name, _)| call.flag(name).is_some()) {
        notes.push(text![
            Verbatim(&format!("--{name}")),
            " ",
            version.removed(*since)
        ]);
    }
    if call.flag("port").is_some() {
        notes.push(
            "--port is no flag of today's kube-proxy: take it out when you change the image".into(),
        );
    }
    if call
        .flag("proxy-mode")
        .is_some_and(|f| f.value == "userspace")
    {
        notes.push(text![
            "--proxy-mode=userspace ",
            version.removed(26),
            "; iptables does its work"
        ]);
    }
    for word in call.others() {
        if word.contains(">>") || word.starts_with(['>', '1', '2']) && word.contains('>') {
            notes.push(text![
                Verbatim(word),
                " is an argument here, not a redirection: there is no shell"
            ]);
        } else if word.starts_with('$') || is_placeholder(word) {
            notes.push(text![
                "flags that come from ",
                Verbatim(word),
                " were not looked at"
            ]);
        }
    }
    image(container, &mut notes);
    notes
}

/// Whether a shell runs a command for a value: `$(hostname -f)`, not `$(NODE_NAME)`.
fn is_printed(value: &str) -> bool {
    value.contains('`')
        || (value.contains("$(") && value.contains(|c: char| c.is_ascii_lowercase() || c == ' '))
}

fn endpoint(
    pod: Node<'_>,
    container: Node<'_>,
    call: &Call<'_>,
    server: Option<&str>,
    notes: &mut Vec<Text>,
) {
    for name in ["kubeconfig", "config"] {
        let Some(flag) = call.flag(name).filter(|f| !f.value.is_empty()) else {
            continue;
        };
        let place = if let Some(path) = host_path(pod, container, flag.value) {
            text![
                Verbatim(&path),
                " must exist on every node where a pod starts"
            ]
        } else {
            text![
                Verbatim(flag.value),
                " lies on no hostPath volume that could be found"
            ]
        };
        notes.push(text![Verbatim(&format!("--{name}")), ": ", place, ", and its API server must not be the address of Service kubernetes, which works only after kube-proxy"]);
    }
    let replaced = server.is_some() && local_master(call).is_some();
    if let Some(master) = call
        .flag("master")
        .filter(|m| !replaced && m.value.starts_with("http:"))
    {
        notes.push(text![
            Verbatim(&format!("--master={}", master.value)),
            ": the API server has no insecure port since Kubernetes 1.24"
        ]);
    }
}

/// Where on the node the file at `path` in the container lies.
fn host_path(pod: Node<'_>, container: Node<'_>, path: &str) -> Option<String> {
    let mounts = container.get("volumeMounts")?.items();
    let (mount, volume) = mounts
        .filter_map(|m| {
            Some((
                m.get("mountPath")?.text()?.trim_end_matches('/'),
                m.get("name")?.text()?,
            ))
        })
        .filter(|(at, _)| {
            path.strip_prefix(at)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
        .max_by_key(|(at, _)| at.len())?;
    let volume = pod
        .path(&["spec", "volumes"])?
        .items()
        .find(|v| v.get("name").and_then(Node::text) == Some(volume))?;
    let base = volume.path(&["hostPath", "path"])?.text()?;
    Some(format!(
        "{}{}",
        base.trim_end_matches('/'),
        path.get(mount.len()..)?
    ))
}

fn image(container: Node<'_>, notes: &mut Vec<Text>) {
    let image = container.get("image").and_then(Node::text).unwrap_or("");
    for arch in ["amd64", "arm64", "arm", "ppc64le", "s390x"] {
        if image.contains(&format!("-{arch}:")) || image.ends_with(&format!("-{arch}")) {
            notes.push(text![
                "image ",
                Verbatim(image),
                " is for ",
                arch,
                ": on nodes of another architecture the pod does not start"
            ]);
            return;
        }
    }
}

/// What the order of the move depends on.
#[derive(Debug)]
pub(super) struct Move<'a> {
    /// The pod as it is.
    pub(super) pod: Node<'a>,
    /// What holds the DaemonSet afterwards, `None` in a stream.
    pub(super) file: Option<&'a str>,
    /// Whether the DaemonSet waits for the gate label.
    pub(super) gate: bool,
    /// The version of Kubernetes.
    pub(super) version: &'a Target,
}

impl Move<'_> {
    /// The order of the move.
    pub(super) fn steps(&self) -> Vec<Text> {
        let apply = self.file.map_or(Text::from("apply the stream"), |f| {
            text!["`", Text::command(text!["kubectl apply -f ", Path(f)]), "`"]
        });
        let stop = "stop whatever copies the static manifest to nodes, else it comes back".into();
        let remove = "move the static manifest out of the kubelet's staticPodPath; a new name in that directory is not enough, the kubelet reads \
                      every file that does not begin with a dot";
        let mut plan: Vec<Text> = vec![stop];
        if self.gate {
            plan.push(text![
                apply,
                "; no pod starts before its node has the label ",
                GATE,
                "=true"
            ]);
            plan.push(text!["node by node, ", remove]);
            plan.push(self.wait());
            plan.push(text![
                "`kubectl label node <node> ",
                GATE,
                "=true`; the DaemonSet's pod starts"
            ]);
            plan.push(text![
                "after the last node, take ",
                GATE,
                " out of nodeSelector and apply again, or start every kubelet with --node-labels=",
                GATE,
                "=true: \
                 a node that joins later, or registers again, has no label and so no kube-proxy"
            ]);
        } else {
            plan.push(text!["on every node, ", remove]);
            plan.push(self.wait());
            plan.push(text![
                apply,
                "; without the gate label a pod starts on every node at once"
            ]);
        }
        let mut plan: Vec<Text> = plan
            .into_iter()
            .enumerate()
            .map(|(at, step)| text!["migration ", at + 1, ": ", step])
            .collect();
        let never = if self.gate {
            "never label a node whose static pod still runs"
        } else {
            "apply only when no static pod runs any more"
        };
        plan.push(text![
            "two kube-proxies on one node rewrite the same rules: ",
            never
        ]);
        plan.push(
            "never `kubectl apply -f` the directory of a static manifest, which makes an ordinary Pod; keep the DaemonSet in a directory that is \
             applied"
                .into(),
        );
        plan
    }

    fn wait(&self) -> Text {
        let namespace = self
            .pod
            .path(&["metadata", "namespace"])
            .and_then(Node::text)
            .unwrap_or("default");
        let container = proxy(self.pod)
            .and_then(|c| c.get("name")?.text())
            .unwrap_or("kube-proxy");
        let left = if self.version.is_before(20) {
            format!("`docker ps --filter name=k8s_{container}_`")
        } else {
            format!("`crictl ps --name {container}`")
        };
        // Every cluster has these namespaces; in another the mirror pod cannot be made until it
        // exists.
        let absent = match namespace {
            "kube-system" | "default" => String::new(),
            _ => format!(
                "; where namespace {namespace} does not exist there is no mirror pod, look at the node"
            ),
        };
        text![
            "wait until its mirror pod is gone (`kubectl -n ",
            namespace,
            " get pod ",
            mirror(self.pod),
            "`) and no container is left on the node (",
            left,
            ")",
            absent
        ]
    }
}

/// The name of the pod's mirror: the kubelet appends the name of the node, and a dump has it
/// already.
fn mirror(pod: Node<'_>) -> String {
    let name = pod
        .path(&["metadata", "name"])
        .and_then(Node::text)
        .unwrap_or("kube-proxy");
    let mut owners = pod
        .path(&["metadata", "ownerReferences"])
        .into_iter()
        .flat_map(Node::items);
    let owner = owners
        .find(|o| o.get("kind").and_then(Node::text) == Some("Node"))
        .and_then(|o| o.get("name")?.text());
    let marked = pod
        .path(&["metadata", "annotations", "kubernetes.io/config.mirror"])
        .is_some();
    let node = pod
        .path(&["spec", "nodeName"])
        .and_then(Node::text)
        .or(owner);
    match node.and_then(|node| name.strip_suffix(node)?.strip_suffix('-')) {
        Some(base) => format!("{base}-<node>"),
        None if marked => name.to_owned(),
        None => format!("{name}-<node>"),
    }
}

/// What keeps the static pod from eviction, and what is missing for it.
pub(super) fn protection(pod: Node<'_>, version: &Target) -> Option<Text> {
    let class = pod
        .path(&["spec", "priorityClassName"])
        .and_then(Node::text)
        .filter(|c| !c.is_empty());
    let number = pod.path(&["spec", "priority"]).and_then(Node::as_int);
    let spared = version.spares_static_pods();
    match (class, number) {
        (Some("system-node-critical" | "system-cluster-critical"), None) => {
            let number = if class == Some("system-node-critical") { 2_000_001_000 } else { CRITICAL };
            let then = if spared { "a graceful shutdown of the node stops it with ordinary pods" } else { "the kubelet may evict it" };
            Some(text!["priorityClassName: ", class.unwrap_or(""), " without priority does nothing for the priority of a static pod: nothing resolves the class of a pod that \
                 comes from a file, and ", then, "; add priority: ", number.to_string(), " to the static pod"])
        }
        // The admission of the API server computes 0 for a mirror pod without a class
        // (kubernetes/kubernetes#136705).
        (None, Some(number)) if number != 0 && version.counts_priority() => Some(text!["priority: ", number.to_string(), " without priorityClassName: the API server refuses the mirror pod, so kubectl shows no kube-proxy on the node; add \
             priorityClassName: system-node-critical and priority: 2000001000 to the static pod"]),
        _ if spared || is_protected(pod, version) => None,
        _ if !version.counts_priority() && has_critical_annotation(pod) => Some(
            "scheduler.alpha.kubernetes.io/critical-pod keeps the static pod from eviction only where the kubelet has the feature gate \
             ExperimentalCriticalPodAnnotation"
                .into(),
        ),
        _ if !version.counts_priority() => Some(
            "instead of moving, the static pod can be kept from eviction with the annotation scheduler.alpha.kubernetes.io/critical-pod: \"\", \
             in namespace kube-system, by kubelets with the feature gate ExperimentalCriticalPodAnnotation"
                .into(),
        ),
        _ => Some(
            "instead of moving, the static pod can be kept from eviction with priorityClassName: system-node-critical and priority: 2000001000"
                .into(),
        ),
    }
}

/// Whether the kubelet spares the pod for its priority.
pub(super) fn is_protected(pod: Node<'_>, version: &Target) -> bool {
    version.counts_priority()
        && pod
            .path(&["spec", "priority"])
            .and_then(Node::as_int)
            .is_some_and(|n| n >= CRITICAL)
}

fn has_critical_annotation(pod: Node<'_>) -> bool {
    let namespace = pod.path(&["metadata", "namespace"]).and_then(Node::text);
    namespace == Some("kube-system")
        && pod
            .path(&[
                "metadata",
                "annotations",
                "scheduler.alpha.kubernetes.io/critical-pod",
            ])
            .is_some()
}
