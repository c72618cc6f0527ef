//! Which resources run kube-proxy, and what speaks against turning one into a DaemonSet.
//!
//! A static kube-proxy is a Pod on the host network whose command starts kube-proxy and whose place
//! says that it is no ordinary pod: a directory of manifests, namespace kube-system, or its name. A
//! dump of its mirror pod counts; a pod that a controller owns does not.

use std::net::IpAddr;

use kubewright_model::finding::NoFix;
use kubewright_model::kube::{Resource, Workspace};
use kubewright_model::text;
use kubewright_model::text::{Text, Verbatim};
use kubewright_model::yaml::Node;

use super::codes::Code;
use super::command::{self, Call, Flag, Reading};
use super::options::Options;

/// Label and annotation values, names and addresses with one of these in them are filled in by
/// something else.
const PLACEHOLDERS: &[&str] = &["{{", "${", "<%", "%(", "__", "<", "@"];

/// Whether the resource is a pod on the host network that starts kube-proxy, and that no controller
/// owns.
pub(super) fn runs_proxy(workspace: &Workspace, resource: &Resource) -> bool {
    if resource.kind != "Pod" || resource.api_version != "v1" {
        return false;
    }
    workspace.node(resource.id).is_some_and(is_host_proxy)
}

/// Whether a pod on the host network starts kube-proxy, and no controller owns it.
pub(super) fn is_host_proxy(pod: Node<'_>) -> bool {
    let owners = pod.path(&["metadata", "ownerReferences"]);
    let owned = owners.is_some_and(|o| {
        o.items()
            .any(|o| o.get("kind").and_then(Node::text) != Some("Node"))
    });
    let host = pod.path(&["spec", "hostNetwork"]).and_then(Node::as_bool) == Some(true);
    host && !owned && containers(pod).any(|c| !matches!(command::read(c), Reading::Other))
}

/// Whether the place of such a pod says that the kubelet runs it from a file, or an API server
/// beside kube-proxy, which nothing else can start.
pub(super) fn is_static(workspace: &Workspace, resource: &Resource) -> bool {
    let path = &workspace.file(resource.file).path;
    ["manifests", "static", "kube-proxy"]
        .iter()
        .any(|part| path.contains(part))
        || resource.namespace.as_deref() == Some("kube-system")
        || resource.name.starts_with("kube-proxy")
        || workspace
            .node(resource.id)
            .is_some_and(super::fleet::runs_api_server)
}

/// Whether the resource is a DaemonSet that runs kube-proxy, or has its name.
pub(super) fn is_daemon_set(workspace: &Workspace, resource: &Resource) -> bool {
    let runs = || {
        let template = workspace
            .node(resource.id)
            .and_then(|n| n.path(&["spec", "template"]));
        template.is_some_and(|t| containers(t).any(|c| !matches!(command::read(c), Reading::Other)))
    };
    resource.kind == "DaemonSet" && (resource.name == "kube-proxy" || runs())
}

/// The containers of a pod.
pub(super) fn containers(pod: Node<'_>) -> impl Iterator<Item = Node<'_>> {
    pod.path(&["spec", "containers"])
        .into_iter()
        .flat_map(Node::items)
}

/// Whether a text holds something that is filled in before the manifest is used.
pub(super) fn is_placeholder(text: &str) -> bool {
    PLACEHOLDERS.iter().any(|p| text.contains(p))
}

/// The container that runs kube-proxy.
pub(super) fn proxy(pod: Node<'_>) -> Option<Node<'_>> {
    containers(pod).find(|c| !matches!(command::read(*c), Reading::Other))
}

/// What speaks against the conversion in the pod itself.
pub(super) fn obstacle(pod: Node<'_>, settings: &Options) -> Option<NoFix> {
    let (own, others): (Vec<Node<'_>>, Vec<Node<'_>>) =
        containers(pod).partition(|c| !matches!(command::read(*c), Reading::Other));
    let container = *own.first()?;
    let others: Vec<Text> = own
        .iter()
        .skip(1)
        .chain(&others)
        .map(|c| {
            Verbatim(
                c.get("name")
                    .and_then(Node::text)
                    .unwrap_or("without a name"),
            )
            .into()
        })
        .collect();
    if !others.is_empty() {
        let s = if others.len() == 1 { " " } else { "s " };
        let text = text![
            "container",
            s,
            Text::list(others),
            " would run on every node with kube-proxy; move what is not kube-proxy to a pod of \
             its own"
        ];
        return Some(NoFix::new(Code::OtherContainers, text));
    }
    let call = match command::read(container) {
        Reading::Proxy(call) => call,
        Reading::File(file) => {
            let text = text![
                "kube-proxy is started by the script ",
                Verbatim(file),
                ", a file whose flags are not read here; write kube-proxy and its flags as the \
                 command of the container"
            ];
            return Some(NoFix::new(Code::ShellUnclear, text));
        }
        Reading::Unclear | Reading::Other => {
            return Some(NoFix::new(
                Code::ShellUnclear,
                "the script that starts kube-proxy holds what is not read here (a here document, \
                 a nested substitution, several calls of kube-proxy); write kube-proxy and its \
                 flags as the command of the container",
            ));
        }
    };
    interpreted(pod)
        .or_else(|| endpoint(&call, settings))
        .or_else(|| dns(pod))
}

/// Placeholders in what the conversion has to read.
fn interpreted(pod: Node<'_>) -> Option<NoFix> {
    let fields: [&[&str]; 2] = [
        &["metadata", "namespace"],
        &["metadata", "labels", "k8s-app"],
    ];
    fields.iter().find_map(|path| {
        let text = pod.path(path)?.text()?;
        is_placeholder(text).then(|| placeholder(&path.join("."), text))
    })
}

/// The refusal for a placeholder in `field`.
pub(super) fn placeholder(field: &str, text: &str) -> NoFix {
    NoFix::new(
        Code::Placeholder,
        text![
            field,
            " is ",
            Verbatim(text),
            ", which another tool fills in: convert what that tool renders"
        ],
    )
}

/// Where kube-proxy finds the API server.
fn endpoint(call: &Call<'_>, settings: &Options) -> Option<NoFix> {
    let server = settings.api_server.as_deref();
    if settings.service_account {
        // The kubeconfig that is written names the API server.
        return None;
    }
    if let Some(master) = local_master(call) {
        let kubeconfig = call.flag("kubeconfig").is_some_and(|f| !f.value.is_empty());
        match server {
            None => {
                let text = format!(
                    "--master={} answers only on nodes where an API server, or a proxy to one, \
                     listens; state api-server in [transforms.static-pod-kube-proxy]: an endpoint \
                     that every node reaches, or this one where every node has it",
                    master.value
                );
                return Some(NoFix::new(Code::LocalApiserver, text));
            }
            Some(server) if !kubeconfig && server != master.value => {
                let text = format!(
                    "--master={} asks for no credentials and {server} does; give kube-proxy a \
                     --kubeconfig that is on every node, or set service-account in \
                     [transforms.static-pod-kube-proxy]",
                    master.value
                );
                return Some(NoFix::new(Code::LocalApiserver, text));
            }
            Some(_) => {}
        }
    }
    let known = ["kubeconfig", "master", "config"]
        .iter()
        .any(|name| call.flag(name).is_some_and(|f| !f.value.is_empty()));
    (!known).then(|| {
        let text = "kube-proxy has no --kubeconfig, --master or --config, so it asks Service \
                    kubernetes, which works only after kube-proxy does; give it the --kubeconfig \
                    of the node";
        NoFix::new(Code::NoKubeconfig, text)
    })
}

/// `--master` where it is an address of the node itself.
pub(super) fn local_master<'a>(call: &Call<'a>) -> Option<Flag<'a>> {
    call.flag("master")
        .filter(|master| is_loopback(host(master.value)))
}

/// DNS needs kube-proxy, so kube-proxy must not need DNS in the cluster.
fn dns(pod: Node<'_>) -> Option<NoFix> {
    let policy = pod.path(&["spec", "dnsPolicy"]).and_then(Node::text);
    (policy == Some("ClusterFirstWithHostNet")).then(|| {
        let text = "dnsPolicy is ClusterFirstWithHostNet: kube-proxy would ask a Service that \
                    works only after kube-proxy does; use Default";
        NoFix::new(Code::DnsPolicy, text)
    })
}

/// The host of `http://host:port/path`.
fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    host_of(rest.split('/').next().unwrap_or(rest))
}

/// The host of `host`, `host:port` or `[host]:port`.
pub(super) fn host_of(address: &str) -> &str {
    if let Some(inner) = address.strip_prefix('[') {
        return inner.split(']').next().unwrap_or(inner);
    }
    if address.parse::<IpAddr>().is_ok() {
        return address;
    }
    address.rsplit_once(':').map_or(address, |(host, _)| host)
}

/// `0.0.0.0` as a place to ask is the node itself, too.
fn is_loopback(host: &str) -> bool {
    let own = |ip: IpAddr| ip.is_loopback() || ip.is_unspecified();
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(own)
}
