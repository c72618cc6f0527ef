//! What the conversion of a pod rests on: what has to be true on the nodes, what kube-proxy does
//! not start with, what keeps the static pod from eviction.

use kubewright_model::text;
use kubewright_model::text::Text;
use kubewright_model::yaml::Node;

use super::command::{self, Call, Reading};
use super::flags::BIND;
use super::options::Options;
use super::outdated;
use super::recognise::{containers, is_placeholder, local_master};
use super::version::Target;

/// The lowest priority of a pod that the kubelet spares.
const CRITICAL: i64 = 2_000_000_000;

/// What is to be known of a pod before its DaemonSet is applied.
#[derive(Debug, Default)]
pub(super) struct Remarks {
    /// What keeps kube-proxy from starting, or from doing what is written.
    pub(super) faults: Vec<Text>,
    /// What has to be true, and what becomes different.
    pub(super) notes: Vec<Text>,
}

/// Remarks about the pod itself.
pub(super) fn remarks(pod: Node<'_>, version: &Target, settings: &Options) -> Remarks {
    let mut remarks = Remarks::default();
    let Some(container) = containers(pod).next() else {
        return remarks;
    };
    let Reading::Proxy(call) = command::read(container) else {
        return remarks;
    };
    let Remarks { faults, notes } = &mut remarks;
    endpoint(pod, container, &call, settings, notes);
    let ignored = call.flag("config").is_some() && !version.override_beside_config();
    if ignored {
        notes.push(
            "--hostname-override does nothing beside --config before Kubernetes 1.12 \
             (kubeadm#857): each node has the name of hostnameOverride in its own file, else its \
             hostname; look that these are the names of the nodes"
                .into(),
        );
    } else if let Some(flag) = call
        .flag("hostname-override")
        .filter(|f| !f.value.starts_with('$'))
    {
        notes.push(text![
            "--hostname-override=",
            &flag.value,
            " was the name of one node; it is now that of the node a pod runs on"
        ]);
    }
    if let Some(flag) = call
        .flag("hostname-override")
        .filter(|f| !ignored && is_printed(f.value))
    {
        notes.push(text![
            "--hostname-override=",
            &flag.value,
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
    let left = outdated::left(&call, version);
    faults.extend(left.now);
    notes.extend(left.later);
    if call.flag("port").is_some() {
        faults.push(
            "kube-proxy does not start with --port, which is no flag of it: take it out".into(),
        );
    }
    for word in call.others() {
        if word.contains(">>") || word.starts_with(['>', '1', '2']) && word.contains('>') {
            faults.push(text![
                word,
                " is an argument here, not a redirection: there is no shell"
            ]);
        } else if word.starts_with('$') || is_placeholder(word) {
            notes.push(text!["flags that come from ", word, " were not looked at"]);
        }
    }
    image(container, faults);
    remarks
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
    settings: &Options,
    notes: &mut Vec<Text>,
) {
    for name in named(settings) {
        let Some(flag) = call.flag(name).filter(|f| !f.value.is_empty()) else {
            continue;
        };
        let place = match host_path(pod, container, flag.value) {
            Some(path) => format!("{path} must exist on every node where a pod starts"),
            None => format!(
                "{} lies on no hostPath volume that could be found",
                flag.value
            ),
        };
        notes.push(text![
            "--",
            name,
            ": ",
            place,
            ", and its API server must not be the address of Service kubernetes, which works only \
             after kube-proxy"
        ]);
    }
    let stated = settings.api_server.is_some();
    let replaced = settings.service_account || (stated && local_master(call).is_some());
    if let Some(master) = call
        .flag("master")
        .filter(|m| !replaced && m.value.starts_with("http:"))
    {
        notes.push(text![
            "--master=",
            &master.value,
            ": the API server has no insecure port since Kubernetes 1.24"
        ]);
    }
}

/// The flags that name files on the node: a ServiceAccount has its own kubeconfig.
fn named(settings: &Options) -> &'static [&'static str] {
    if settings.service_account {
        &["config"]
    } else {
        &["kubeconfig", "config"]
    }
}

/// The files on the node that kube-proxy is given.
pub(super) fn needs(pod: Node<'_>, settings: &Options) -> Vec<String> {
    let Some(container) = containers(pod).next() else {
        return Vec::new();
    };
    let Reading::Proxy(call) = command::read(container) else {
        return Vec::new();
    };
    named(settings)
        .iter()
        .filter_map(|name| host_path(pod, container, call.flag(name)?.value))
        .collect()
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
                image,
                " is for ",
                arch,
                ": on nodes of another architecture the pod does not start"
            ]);
            return;
        }
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
            let number = if class == Some("system-node-critical") {
                2_000_001_000
            } else {
                CRITICAL
            };
            let then = if spared {
                "a graceful shutdown of the node stops it with ordinary pods"
            } else {
                "the kubelet may evict it"
            };
            Some(text![
                "priorityClassName: ",
                class.unwrap_or(""),
                " without priority does nothing for the priority of a static pod: nothing resolves \
                 the class of a pod that comes from a file, and ",
                then,
                "; add priority: ",
                number.to_string(),
                " to the static pod"
            ])
        }
        // The admission of the API server computes 0 for a mirror pod without a class
        // (kubernetes/kubernetes#136705).
        (None, Some(number)) if number != 0 && version.counts_priority() => Some(text![
            "priority: ",
            number.to_string(),
            " without priorityClassName: the API server refuses the mirror pod, so kubectl shows \
             no kube-proxy on the node; add priorityClassName: system-node-critical and priority: \
             2000001000 to the static pod"
        ]),
        _ if spared || is_protected(pod, version) => None,
        _ if !version.counts_priority() && has_critical_annotation(pod) => Some(
            "scheduler.alpha.kubernetes.io/critical-pod keeps the static pod from eviction only \
             where the kubelet has the feature gate ExperimentalCriticalPodAnnotation"
                .into(),
        ),
        _ if !version.counts_priority() => Some(
            "instead of moving, the static pod can be kept from eviction with the annotation \
             scheduler.alpha.kubernetes.io/critical-pod: \"\", in namespace kube-system, by \
             kubelets with the feature gate ExperimentalCriticalPodAnnotation"
                .into(),
        ),
        _ => Some(
            "instead of moving, the static pod can be kept from eviction with priorityClassName: \
             system-node-critical and priority: 2000001000"
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
