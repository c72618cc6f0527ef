//! Recognises definitions that are not ours to rename: names and namespaces that programs look up,
//! immutable objects, objects that another tool owns or generates.

use kubewright_model::kube::{Resource, Workspace};
use kubewright_model::text;
use kubewright_model::text::{Named, Path, Text};
use kubewright_model::yaml::Node;

use super::Reason;
use super::codes::Code;
use super::group::{Collision, Definition};
use super::objects::Origin;

/// Names that a program looks up by itself (docs/kubernetes.md#names-in-words); `*` at the end
/// stands for the rest.
const FIXED_NAMES: &[&str] = &[
    "aks-*",
    "ama-*",
    "amazon-vpc-cni",
    "argo-cd-*",
    "argocd-*",
    "aws-auth",
    "aws-logging",
    "calico-config",
    "canal-config",
    "cilium-config",
    "cluster-config-v1",
    "cluster-info",
    "cluster-monitoring-config",
    "cluster-settings",
    "container-azm-ms-agentconfig",
    "coredns",
    "coredns-*",
    "extension-apiserver-authentication",
    "feature-flags",
    "feature-flags-*",
    "ingress-controller-leader*",
    "ingress-nginx-controller",
    "istio",
    "istio-*",
    "kube-dns",
    "kube-dns-*",
    "kube-flannel-cfg",
    "kube-proxy",
    "kube-proxy-*",
    "kube-root-ca.crt",
    "kubeadm-config",
    "kubelet-config*",
    "linkerd-config*",
    "local-path-config",
    "longhorn-*",
    "nginx-configuration",
    "node-local-dns",
    "nodelocaldns",
    "openshift-*",
    "rook-ceph-*",
    "rook-config-override",
    "tcp-services",
    "tekton-*",
    "udp-services",
    "user-workload-monitoring-config",
    "workflow-controller-configmap",
];

/// Names of Knative and Tekton, which read them in their own namespace: any `config-*` there, and
/// these wherever they stand.
const SERVING_NAMES: &[&str] = &[
    "config-artifact-bucket",
    "config-artifact-pvc",
    "config-autoscaler",
    "config-br-*",
    "config-certmanager",
    "config-contour",
    "config-defaults",
    "config-defaults-*",
    "config-deployment",
    "config-domain",
    "config-events",
    "config-features",
    "config-gateway",
    "config-gc",
    "config-imc-*",
    "config-istio",
    "config-kafka-*",
    "config-kourier",
    "config-kreference-mapping",
    "config-leader-election",
    "config-leader-election-*",
    "config-logging",
    "config-logging-*",
    "config-network",
    "config-observability",
    "config-observability-*",
    "config-ping-*",
    "config-registry-cert",
    "config-spire",
    "config-sugar",
    "config-tracing",
    "config-trusted-resources",
    "config-wait-exponential-backoff",
    "pipelines-info",
    "triggers-info",
];

/// Namespaces that a platform fills.
const PLATFORM_NAMESPACES: &[&str] = &[
    "argocd",
    "calico-*",
    "cert-manager",
    "cilium*",
    "flux-system",
    "gatekeeper-system",
    "istio-*",
    "knative-*",
    "kube-*",
    "linkerd*",
    "longhorn-system",
    "metallb-system",
    "olm",
    "openshift-*",
    "rook-ceph*",
    "tekton-*",
    "tigera-*",
];

/// Labels and annotations that say who owns an object; a key that ends with `/` stands for all keys
/// below it.
const OWNERS: &[(&str, &str)] = &[
    ("helm.sh/", "Helm"),
    ("meta.helm.sh/", "Helm"),
    ("kustomize.toolkit.fluxcd.io/", "Flux"),
    ("helm.toolkit.fluxcd.io/", "Flux"),
    ("argocd.argoproj.io/tracking-id", "Argo CD"),
    ("olm.owner", "the Operator Lifecycle Manager"),
];

fn matches(name: &str, list: &[&str]) -> bool {
    list.iter().any(|p| {
        p.strip_suffix('*')
            .map_or(*p == name, |start| name.starts_with(start))
    })
}

/// Whether any of the names, as written and as applied, is one that programs look up.
pub(super) fn fixed(collision: &Collision<'_>) -> Option<Reason> {
    let namespace = collision.namespace.as_deref().unwrap_or_default();
    let serving = |d: &Definition<'_>| {
        ["knative", "tekton"]
            .iter()
            .any(|w| namespace.contains(w) || labels(d.node).any(|(_, v)| v.contains(w)))
    };
    for definition in &collision.definitions {
        let name = definition.own_name();
        if matches(name, FIXED_NAMES)
            || matches(name, SERVING_NAMES)
            || (name.starts_with("config-") && serving(definition))
        {
            return Some(Reason::new(
                Code::FixedName,
                text![
                    "programs look ",
                    Named::new(collision.to.kind(), name),
                    " up by its name, which must stay: put all keys into one definition"
                ],
            ));
        }
    }
    matches(namespace, PLATFORM_NAMESPACES).then(|| {
        Reason::new(
            Code::PlatformNamespace,
            format!(
                "programs of the platform look names of namespace {namespace} up, which must \
                 stay: put all keys into one definition"
            ),
        )
    })
}

/// Whether a definition is immutable or belongs to another tool.
pub(super) fn owned(ws: &Workspace, definition: &Definition<'_>) -> Option<Reason> {
    let resource = ws.resource(definition.id()?);
    if definition.node.get("immutable").and_then(Node::as_bool) == Some(true) {
        return Some(Reason::new(
            Code::Immutable,
            text![
                resource.display(),
                " in ",
                Path(&ws.file(definition.file).path),
                " is immutable"
            ],
        ));
    }
    written_elsewhere(ws, resource)
}

/// Whether SOPS encrypted a definition. It signs the whole file, the name too.
pub(super) fn encrypted(ws: &Workspace, collision: &Collision<'_>) -> Option<Reason> {
    let definition = collision
        .definitions
        .iter()
        .find(|d| matches!(d.origin, Origin::Encrypted(..)))?;
    let path = &ws.file(definition.file).path;
    let text = text![
        "SOPS encrypted ",
        Path(path),
        " and signs all of it, so the name is changed with `",
        Text::command(text!["sops edit ", Path(path)]),
        "`, and the references with it"
    ];
    Some(Reason::new(Code::Encrypted, text))
}

/// Kinds whose objects make a ConfigMap or Secret of their own name.
const MAKERS: &[&str] = &[
    "Bundle",
    "ClusterExternalSecret",
    "ExternalSecret",
    "KafkaUser",
    "ObjectBucketClaim",
    "OnePasswordItem",
    "SealedSecret",
];

/// Whether a custom resource of the sets makes an object of that name too.
pub(super) fn made(ws: &Workspace, collision: &Collision<'_>) -> Option<Reason> {
    let members = collision
        .sets
        .iter()
        .flat_map(|set| &ws.set(*set).members)
        .map(|m| ws.resource(m.resource));
    let maker = members
        .into_iter()
        .find(|r| r.name == collision.name && MAKERS.contains(&r.kind.as_str()))?;
    let text = text![
        maker.display(),
        " makes a ",
        collision.to.kind(),
        " of that name too"
    ];
    Some(Reason::new(Code::OwnedElsewhere, text))
}

/// Whether another tool writes the resource.
pub(super) fn written_elsewhere(ws: &Workspace, resource: &Resource) -> Option<Reason> {
    owner(ws, resource).map(|owner| {
        if ws.is_hook(resource.id) {
            let text = text![
                resource.display(),
                " in ",
                Path(&ws.file(resource.file).path),
                " is a hook: ",
                owner,
                " applies it before or after all else, writes it over the plain object of its \
                 name, and may delete that with the hook; give the hook a name of its own in what \
                 renders it"
            ];
            return Reason::new(Code::OwnedElsewhere, text);
        }
        let text = text![
            resource.display(),
            " in ",
            Path(&ws.file(resource.file).path),
            " belongs to ",
            owner
        ];
        Reason::new(Code::OwnedElsewhere, text)
    })
}

/// Types of Secrets that something in the cluster fills or looks for by name.
const OWNED_TYPES: &[(&str, &str)] = &[
    (
        "bootstrap.kubernetes.io/token",
        "the bootstrap of the cluster",
    ),
    ("helm.sh/release.v1", "Helm"),
    (
        "kubernetes.io/service-account-token",
        "the token controller",
    ),
];

/// Who else writes this resource.
fn owner(ws: &Workspace, resource: &Resource) -> Option<&'static str> {
    let node = ws.node(resource.id)?;
    let kind = node.get("type").and_then(Node::text);
    if let Some((_, owner)) = OWNED_TYPES
        .iter()
        .find(|(t, _)| resource.kind == "Secret" && kind == Some(t))
    {
        return Some(owner);
    }
    if node
        .path(&["metadata", "ownerReferences"])
        .is_some_and(|n| n.items().next().is_some())
    {
        return Some("its owner in the cluster");
    }
    for (key, value) in labels(node) {
        if key == "app.kubernetes.io/managed-by" && value.eq_ignore_ascii_case("helm") {
            return Some("Helm");
        }
        let owns = |pattern: &str| {
            if pattern.ends_with('/') {
                key.starts_with(pattern)
            } else {
                key == pattern
            }
        };
        if let Some((_, owner)) = OWNERS.iter().find(|(pattern, _)| owns(pattern)) {
            return Some(owner);
        }
    }
    let generated = !ws.options().stream && ws.generated_by(resource.id).is_some();
    generated.then_some("the generator of its file")
}

/// Labels and annotations.
fn labels(node: Node<'_>) -> impl Iterator<Item = (&str, &str)> {
    let pairs = |field| {
        node.path(&["metadata", field])
            .into_iter()
            .flat_map(Node::entries)
    };
    pairs("labels")
        .chain(pairs("annotations"))
        .filter_map(|(k, v)| Some((k.text()?, v.text()?)))
}
