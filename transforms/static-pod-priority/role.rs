//! What the program of a pod is to its node, told by what runs: the command, the image, and the
//! names of the container and the pod.

use kubewright_model::yaml::Node;

/// What a pod is to its node, or to the cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// What stops on the node without it.
    Critical(&'static str),
    /// It collects logs or measurements.
    LogAgent,
}

/// Programs that people run as static pods, by name, and what stops without them.
const STATIC: &[(&str, &str)] = &[
    ("kube-apiserver", API_SERVER),
    ("apiserver", API_SERVER),
    ("kube-controller-manager", CONTROL_PLANE),
    ("controller-manager", CONTROL_PLANE),
    ("cloud-controller-manager", CONTROL_PLANE),
    ("kube-scheduler", CONTROL_PLANE),
    ("scheduler", CONTROL_PLANE),
    ("etcd", API_SERVER),
    ("etcd-manager", API_SERVER),
    ("kube-vip", ADDRESS),
    ("keepalived", ADDRESS),
    ("haproxy", ADDRESS),
    ("nginx-proxy", ADDRESS),
    ("kube-proxy", SERVICES),
    ("konnectivity-server", API_SERVER),
];
const API_SERVER: &str = "the API server does not answer";
const CONTROL_PLANE: &str = "the control plane does nothing from this node";
const ADDRESS: &str = "the node does not reach the API server at its address";
const SERVICES: &str = "Services do not answer on the node";

/// Programs of DaemonSets, by the name of a container or the last part of an image.
const AGENTS: &[(&str, &str)] = &[
    ("amazon-k8s-cni", NETWORK),
    ("antrea-agent", NETWORK),
    ("aws-node", NETWORK),
    ("calico-node", NETWORK),
    ("cilium-agent", NETWORK),
    ("flannel", NETWORK),
    ("kindnet-cni", NETWORK),
    ("kindnetd", NETWORK),
    ("kube-flannel", NETWORK),
    ("kube-multus", NETWORK),
    ("kube-router", NETWORK),
    ("ovnkube-node", NETWORK),
    ("weave-kube", NETWORK),
    ("kube-proxy", SERVICES),
    ("k8s-dns-node-cache", DNS),
    ("node-cache", DNS),
    ("cloud-node-manager", "the cloud does not know the node"),
    ("csi-node-driver-registrar", VOLUMES),
    ("node-driver-registrar", VOLUMES),
];
const NETWORK: &str = "pods get no network on the node";
const DNS: &str = "names are not resolved on the node";
const VOLUMES: &str = "volumes are not mounted on the node";

/// Parts of the names of programs that collect logs or measurements.
const LOG_AGENTS: &[&str] = &[
    "datadog-agent",
    "filebeat",
    "fluent-bit",
    "fluentbit",
    "fluentd",
    "grafana-alloy",
    "metricbeat",
    "node-exporter",
    "promtail",
    "splunk-forwarder",
    "vector-agent",
];

/// What a static pod is to its node.
pub(super) fn of_static(pod: Node<'_>, name: &str) -> Option<Role> {
    let words = containers(pod).flat_map(|container| {
        let words = ["command", "args"]
            .into_iter()
            .flat_map(move |key| words(container, key));
        names(container).into_iter().flatten().chain(words)
    });
    let mut all: Vec<&str> = words.collect();
    all.push(name);
    found(&all, STATIC)
}

/// What a DaemonSet of node agents is to its nodes, by its pod template.
pub(super) fn of_agent(pod: Node<'_>, name: &str) -> Option<Role> {
    let mut all: Vec<&str> = containers(pod)
        .flat_map(|c| names(c).into_iter().flatten())
        .collect();
    // The image of Calico's agent is named `node`.
    let calico = |c: Node<'_>| text(c, "image").contains("calico/node");
    if containers(pod).any(calico) {
        return Some(Role::Critical(NETWORK));
    }
    let hyperkube = |c: &Node<'_>| last_part(text(*c, "image")).starts_with("hyperkube");
    let runs = containers(pod).filter(hyperkube);
    all.extend(runs.flat_map(|c| {
        ["command", "args"]
            .into_iter()
            .flat_map(move |k| words(c, k))
    }));
    all.push(name);
    found(&all, AGENTS)
}

fn found(names: &[&str], table: &[(&str, &'static str)]) -> Option<Role> {
    let critical = names.iter().find_map(|name| {
        let (_, stops) = table.iter().find(|(known, _)| known == name)?;
        Some(Role::Critical(stops))
    });
    let logs = || {
        names
            .iter()
            .any(|name| LOG_AGENTS.iter().any(|part| name.contains(part)))
    };
    critical.or_else(|| logs().then_some(Role::LogAgent))
}

/// Whether a static pod runs kube-proxy.
pub(super) fn is_proxy(pod: Node<'_>) -> bool {
    containers(pod).any(|container| {
        let all: Vec<&str> = ["command", "args"]
            .into_iter()
            .flat_map(|key| words(container, key))
            .collect();
        let hyperkube = all.contains(&"hyperkube") && all.contains(&"proxy");
        hyperkube
            || all
                .iter()
                .any(|word| matches!(*word, "kube-proxy" | "kube-proxy.exe"))
            || names(container)
                .into_iter()
                .flatten()
                .any(|name| name == "kube-proxy")
    })
}

/// The minor version of Kubernetes that the tag of one of its own images says.
pub(super) fn kubernetes_minor(pod: Node<'_>) -> Option<u32> {
    const OWN: &[&str] = &[
        "hyperkube",
        "kube-apiserver",
        "kube-controller-manager",
        "kube-proxy",
        "kube-scheduler",
    ];
    containers(pod).find_map(|container| {
        let image = text(container, "image").split('@').next()?;
        let (_, tag) = image.rsplit('/').next()?.split_once(':')?;
        let own = OWN.contains(&last_part(image));
        let rest = tag.strip_prefix('v').unwrap_or(tag).strip_prefix("1.")?;
        let digits = rest.split(|c: char| !c.is_ascii_digit()).next()?;
        digits.parse().ok().filter(|_| own)
    })
}

fn containers(pod: Node<'_>) -> impl Iterator<Item = Node<'_>> {
    pod.path(&["spec", "containers"])
        .into_iter()
        .flat_map(Node::items)
}

fn text<'a>(container: Node<'a>, key: &str) -> &'a str {
    container.get(key).and_then(Node::text).unwrap_or_default()
}

/// The name of a container and that of its image.
fn names(container: Node<'_>) -> [Option<&str>; 2] {
    ["name", "image"].map(|key| Some(last_part(text(container, key))).filter(|n| !n.is_empty()))
}

/// The name of an image, without registry, tag and architecture.
fn last_part(image: &str) -> &str {
    let last = image.split('@').next().unwrap_or(image);
    let last = last.rsplit('/').next().unwrap_or(last);
    let name = last.split(':').next().unwrap_or(last);
    ["-amd64", "-arm64", "-arm", "-ppc64le", "-s390x"]
        .iter()
        .find_map(|suffix| name.strip_suffix(suffix))
        .unwrap_or(name)
}

/// The last parts of the words of a command, those of a shell script included; flags are none.
fn words<'a>(container: Node<'a>, key: &str) -> impl Iterator<Item = &'a str> {
    let items = container.get(key).into_iter().flat_map(Node::items);
    let words = items
        .filter_map(Node::text)
        .flat_map(|text| text.split(|c: char| c.is_whitespace() || "\"';|&()".contains(c)));
    words
        .filter(|word| !word.starts_with('-') && !word.contains('='))
        .filter_map(|word| word.rsplit('/').next())
        .filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::last_part;

    #[test]
    fn names_of_images() {
        for (image, name) in [
            (
                "registry.k8s.io/kube-apiserver-amd64:v1.14.3",
                "kube-apiserver",
            ),
            ("localhost:5000/etcd", "etcd"),
            ("haproxy:2.1", "haproxy"),
            ("ghcr.io/kube-vip/kube-vip@sha256:00", "kube-vip"),
        ] {
            assert_eq!(last_part(image), name, "{image}");
        }
    }
}
