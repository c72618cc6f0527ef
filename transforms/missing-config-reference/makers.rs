//! Who makes a ConfigMap or Secret that is not in the manifests: custom resources that name their
//! output, the platform, replicators.
//!
//! [`MAKERS`] is what is known of kinds; everything else is left to [`super::traces`].

use std::collections::{BTreeMap, BTreeSet};

use kubewright_model::kube::{Resource, ResourceId, Target, Workspace, walk};
use kubewright_model::yaml::{Node, Word};

/// A kind whose objects make ConfigMaps or Secrets.
#[derive(Clone, Copy)]
struct Row {
    kind: &'static str,
    /// API group; `*` takes any.
    group: &'static str,
    /// Fields that hold the name. Where none does, the name of the object itself is used.
    names: &'static [&'static [&'static str]],
    to: &'static [Target],
    /// It makes them in other namespaces than its own.
    anywhere: bool,
}

const fn row(
    kind: &'static str,
    group: &'static str,
    names: &'static [&'static [&'static str]],
    to: &'static [Target],
) -> Row {
    Row {
        kind,
        group,
        names,
        to,
        anywhere: false,
    }
}

const fn anywhere(row: Row) -> Row {
    Row {
        anywhere: true,
        ..row
    }
}

impl Row {
    /// Whether an object that `holds` such words may name its output; one of a kind that names it
    /// in annotations alone mostly does not.
    fn may_name(&self, holds: impl Fn(&Word) -> bool) -> bool {
        let fields = self.names.iter().any(|path| !path.contains(&"annotations"));
        self.names.is_empty() || fields || holds(&SERVING_CERTIFICATE)
    }
}

const CONFIG_MAP: &[Target] = &[Target::ConfigMap];
const SECRET: &[Target] = &[Target::Secret];
const BOTH: &[Target] = &[Target::ConfigMap, Target::Secret];

/// Kinds that name what they make (their API references).
const MAKERS: &[Row] = &[
    row(
        "ExternalSecret",
        "external-secrets.io",
        &[&["spec", "target", "name"]],
        SECRET,
    ),
    row("ExternalSecret", "kubernetes-client.io", &[], SECRET),
    anywhere(row(
        "ClusterExternalSecret",
        "external-secrets.io",
        &[
            &["spec", "externalSecretSpec", "target", "name"],
            &["spec", "externalSecretName"],
        ],
        SECRET,
    )),
    row(
        "SealedSecret",
        "bitnami.com",
        &[&["spec", "template", "metadata", "name"]],
        SECRET,
    ),
    row("Certificate", "*", &[&["spec", "secretName"]], SECRET),
    anywhere(row(
        "ClusterIssuer",
        "cert-manager.io",
        &[&["spec", "acme", "privateKeySecretRef", "name"]],
        SECRET,
    )),
    row(
        "Issuer",
        "cert-manager.io",
        &[&["spec", "acme", "privateKeySecretRef", "name"]],
        SECRET,
    ),
    anywhere(row("Bundle", "trust.cert-manager.io", &[], BOTH)),
    row(
        "SecretProviderClass",
        "*",
        &[&["spec", "secretObjects[]", "secretName"]],
        SECRET,
    ),
    row(
        "SopsSecret",
        "isindir.github.com",
        &[
            &["spec", "secretTemplates[]", "name"],
            &["spec", "secret_templates[]", "name"],
        ],
        SECRET,
    ),
    row(
        "VaultStaticSecret",
        "secrets.hashicorp.com",
        &[&["spec", "destination", "name"]],
        SECRET,
    ),
    row(
        "VaultDynamicSecret",
        "secrets.hashicorp.com",
        &[&["spec", "destination", "name"]],
        SECRET,
    ),
    row(
        "VaultPKISecret",
        "secrets.hashicorp.com",
        &[&["spec", "destination", "name"]],
        SECRET,
    ),
    row(
        "HCPVaultSecretsApp",
        "secrets.hashicorp.com",
        &[&["spec", "destination", "name"]],
        SECRET,
    ),
    row("VaultSecret", "*", &[&["spec", "name"]], SECRET),
    row("OnePasswordItem", "onepassword.com", &[], SECRET),
    row(
        "InfisicalSecret",
        "secrets.infisical.com",
        &[&["spec", "managedSecretReference", "secretName"]],
        SECRET,
    ),
    anywhere(row(
        "DopplerSecret",
        "secrets.doppler.com",
        &[&["spec", "managedSecret", "name"]],
        SECRET,
    )),
    row(
        "BitwardenSecret",
        "k8s.bitwarden.com",
        &[&["spec", "secretName"]],
        SECRET,
    ),
    row(
        "AzureKeyVaultSecret",
        "spv.no",
        &[&["spec", "output", "secret", "name"]],
        SECRET,
    ),
    row(
        "AzureKeyVaultSecret",
        "spv.no",
        &[&["spec", "output", "configMap", "name"]],
        CONFIG_MAP,
    ),
    row("KafkaUser", "kafka.strimzi.io", &[], SECRET),
    row("ObjectBucketClaim", "objectbucket.io", &[], BOTH),
    row(
        "Service",
        "",
        &[&[
            "metadata",
            "annotations",
            "service.beta.openshift.io/serving-cert-secret-name",
        ]],
        SECRET,
    ),
    row(
        "Service",
        "",
        &[&[
            "metadata",
            "annotations",
            "service.alpha.openshift.io/serving-cert-secret-name",
        ]],
        SECRET,
    ),
];

/// How the annotations among [`MAKERS`] end.
static SERVING_CERTIFICATE: Word = Word::new("openshift.io/serving-cert-secret-name");

/// Annotations by which cert-manager makes the certificates of an Ingress or Gateway.
const CERTIFICATE_ANNOTATIONS: &[&str] = &[
    "cert-manager.io/cluster-issuer",
    "cert-manager.io/issuer",
    "certmanager.k8s.io/cluster-issuer",
    "certmanager.k8s.io/issuer",
    "kubernetes.io/tls-acme",
];

/// Parts of annotations by which another tool copies an object into other namespaces.
static COPIED: [Word; 6] = [
    Word::new("replicator."),
    Word::new("reflector."),
    Word::new("kubed."),
    Word::new("config-syncer."),
    Word::new("kopy."),
    Word::new("clustersecret."),
];

static ANNOTATIONS: Word = Word::new("annotations");

/// Something that makes an object of a name.
#[derive(Debug, Clone)]
pub(super) struct Maker {
    /// The resource that makes it, or has it made.
    pub(super) id: ResourceId,
    /// It makes it in other namespaces than its own.
    pub(super) anywhere: bool,
    /// The keys that the object will have, if they are known.
    pub(super) keys: Option<BTreeSet<String>>,
}

/// Makers by what they make.
pub(super) type Makers = BTreeMap<(Target, String), Vec<Maker>>;

/// All makers of a workspace.
pub(super) fn all(workspace: &Workspace) -> Makers {
    let mut makers = Makers::new();
    for resource in workspace.resources() {
        let holds = |word: &Word| workspace.may_hold(resource.id, word);
        let of_kind = |r: &&Row| {
            r.kind == resource.kind
                && matches!(r.group, "*") | (r.group == resource.group())
                && r.may_name(holds)
        };
        let copied = resource
            .target()
            .filter(|_| holds(&ANNOTATIONS) && COPIED.iter().any(holds));
        let certified = matches!(resource.kind.as_str(), "Ingress" | "Gateway");
        if copied.is_none() && !certified && !MAKERS.iter().any(|row| of_kind(&row)) {
            continue;
        }
        let Some(node) = workspace.node(resource.id) else {
            continue;
        };
        for row in MAKERS.iter().filter(of_kind) {
            for (name, keys) in made(row, resource, node) {
                for to in row.to {
                    let maker = Maker {
                        id: resource.id,
                        anywhere: row.anywhere,
                        keys: keys.clone(),
                    };
                    makers
                        .entry((*to, name.to_owned()))
                        .or_default()
                        .push(maker);
                }
            }
        }
        for name in certificates(resource, node) {
            let maker = Maker {
                id: resource.id,
                anywhere: false,
                keys: None,
            };
            makers
                .entry((Target::Secret, name.to_owned()))
                .or_default()
                .push(maker);
        }
        if let Some(to) = copied
            && annotations(node).any(|key| COPIED.iter().any(|part| key.contains(part.text())))
        {
            let maker = Maker {
                id: resource.id,
                anywhere: true,
                keys: None,
            };
            makers
                .entry((to, resource.name.clone()))
                .or_default()
                .push(maker);
        }
    }
    makers
}

fn annotations(node: Node<'_>) -> impl Iterator<Item = &str> {
    node.path(&["metadata", "annotations"])
        .into_iter()
        .flat_map(Node::entries)
        .filter_map(|(key, _)| key.text())
}

/// Names, and keys where they are known, of what an object makes.
fn made<'a>(
    row: &Row,
    resource: &'a Resource,
    node: Node<'a>,
) -> Vec<(&'a str, Option<BTreeSet<String>>)> {
    let keys = match row.kind {
        "ExternalSecret" if row.group == "external-secrets.io" => external_keys(node),
        "SealedSecret" => sealed_keys(node),
        _ => None,
    };
    // The first field that is there decides.
    for path in row.names {
        let names: Vec<&str> = walk(node, path)
            .into_iter()
            .filter_map(Node::text)
            .filter(|name| !name.is_empty())
            .collect();
        if !names.is_empty() {
            return names.into_iter().map(|name| (name, keys.clone())).collect();
        }
    }
    // What names its output in annotations or lists makes none without them.
    let own = !row
        .names
        .iter()
        .any(|path| path.contains(&"annotations") || path.iter().any(|s| s.ends_with("[]")));
    if own {
        vec![(resource.name.as_str(), keys)]
    } else {
        Vec::new()
    }
}

/// external-secrets: the keys of `data`, or those of a template, which takes their place unless it
/// merges.
fn external_keys(node: Node<'_>) -> Option<BTreeSet<String>> {
    let spec = node.get("spec")?;
    let template = spec.path(&["target", "template"]);
    let filled = |node: Option<Node<'_>>| {
        node.is_some_and(|n| n.items().next().is_some() || n.entries().next().is_some())
    };
    let names = |list: Option<Node<'_>>| {
        list.into_iter()
            .flat_map(Node::entries)
            .filter_map(|(k, _)| k.text())
            .map(str::to_owned)
            .collect()
    };
    if filled(template.and_then(|t| t.get("templateFrom"))) {
        return None;
    }
    if filled(template.and_then(|t| t.get("data")))
        && template?.get("mergePolicy").and_then(Node::text) != Some("Merge")
    {
        return Some(names(template?.get("data")));
    }
    if filled(spec.get("dataFrom")) || !filled(spec.get("data")) {
        return None;
    }
    let mut keys: BTreeSet<String> = walk(spec, &["data[]", "secretKey"])
        .into_iter()
        .filter_map(Node::text)
        .map(str::to_owned)
        .collect();
    keys.extend(names(template.and_then(|t| t.get("data"))));
    Some(keys)
}

/// Sealed Secrets: the keys of `encryptedData` and of the template.
fn sealed_keys(node: Node<'_>) -> Option<BTreeSet<String>> {
    let encrypted = node
        .path(&["spec", "encryptedData"])
        .filter(|n| n.is_mapping())?;
    let templated = node
        .path(&["spec", "template", "data"])
        .into_iter()
        .flat_map(Node::entries);
    Some(
        encrypted
            .entries()
            .chain(templated)
            .filter_map(|(k, _)| k.text())
            .map(str::to_owned)
            .collect(),
    )
}

/// Secrets that cert-manager makes because of an annotation.
fn certificates<'a>(resource: &Resource, node: Node<'a>) -> Vec<&'a str> {
    let path: &[&str] = match resource.kind.as_str() {
        "Ingress" => &["spec", "tls[]", "secretName"],
        "Gateway" => &["spec", "listeners[]", "tls", "certificateRefs[]", "name"],
        _ => return Vec::new(),
    };
    if !annotations(node).any(|key| CERTIFICATE_ANNOTATIONS.contains(&key)) {
        return Vec::new();
    }
    walk(node, path)
        .into_iter()
        .filter_map(Node::text)
        .collect()
}

/// Names that every namespace has, made by the platform: the root CA of the cluster, of
/// `OpenShift`'s services and of Istio.
const EVERYWHERE: &[&str] = &[
    "istio-ca-root-cert",
    "kube-root-ca.crt",
    "openshift-service-ca.crt",
];

/// Names that kubeadm, the API server and clouds make.
const PLATFORM: &[&str] = &[
    "aws-auth",
    "cluster-info",
    "coredns",
    "extension-apiserver-authentication",
    "kube-proxy",
    "kubeadm-config",
    "kubelet-config",
];

/// Names that operators give to what they make at run time, `*` for the rest of a name.
const OPERATORS: &[(Target, &str)] = &[
    // Rook: `EndpointConfigMapName` and the secrets of
    // <https://github.com/rook/rook/tree/master/pkg/operator/ceph>.
    (Target::ConfigMap, "rook-ceph-mon-endpoints"),
    (Target::ConfigMap, "rook-config-override"),
    (Target::Secret, "rook-ceph-mon"),
    (Target::Secret, "rook-ceph-*-keyring"),
    (Target::Secret, "rook-csi-*"),
    // Strimzi: <https://strimzi.io/docs/operators/latest/configuring.html>, list of resources of a
    // cluster.
    (Target::Secret, "*-cluster-ca-cert"),
    (Target::Secret, "*-clients-ca-cert"),
    // Elastic Cloud on Kubernetes:
    // <https://www.elastic.co/docs/deploy-manage/security/k8s-https-settings>.
    (Target::Secret, "*-es-elastic-user"),
    (Target::Secret, "*-es-http-certs-public"),
    (Target::Secret, "*-kb-http-certs-public"),
    // Crunchy Postgres:
    // <https://access.crunchydata.com/documentation/postgres-operator/latest/tutorials/basic-setup/connect-cluster>.
    (Target::Secret, "*-pguser-*"),
    // Zalando Postgres: `{username}.{cluster}.credentials.postgresql.acid.zalan.do` and shorter
    // templates.
    (Target::Secret, "*.credentials.postgresql.acid.zalan.do"),
    (Target::Secret, "*.credentials"),
    // CloudNativePG: <https://cloudnative-pg.io/documentation/current/applications/>.
    (Target::Secret, "*-superuser"),
    // Cluster API: <https://cluster-api.sigs.k8s.io/developer/providers/contracts/control-plane>.
    (Target::Secret, "*-kubeconfig"),
    // Linkerd: <https://linkerd.io/2/tasks/generate-certificates/>.
    (Target::ConfigMap, "linkerd-identity-trust-roots"),
    // Prometheus Operator: `configName` and `TLSAssetsSecretName`.
    (Target::ConfigMap, "prometheus-*-rulefiles-*"),
    (Target::Secret, "prometheus-*-tls-assets*"),
];

/// Whether the platform, or an operator, makes something of that name.
pub(super) fn by_platform(to: Target, name: &str) -> bool {
    (to == Target::ConfigMap && (EVERYWHERE.contains(&name) || PLATFORM.contains(&name)))
        || OPERATORS
            .iter()
            .any(|(kind, pattern)| *kind == to && fits(pattern, name))
}

/// Whether a name is that of a pattern; each `*` stands for at least one character.
fn fits(pattern: &str, name: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else {
        return pattern == name;
    };
    let Some(tail) = name.strip_prefix(start) else {
        return false;
    };
    if rest.is_empty() {
        return !tail.is_empty();
    }
    tail.char_indices()
        .skip(1)
        .any(|(at, _)| tail.get(at..).is_some_and(|tail| fits(rest, tail)))
}

/// Parts of labels and annotations of a ConfigMap or Secret that something fills in the cluster.
const FILLED: &[&str] = &["inject", "replicat", "reflect", "generat", "copy", "merge"];

/// Whether the cluster may hold other keys than the file of a definition: it has none there, or
/// something fills it in.
pub(super) fn is_filled(node: Node<'_>) -> bool {
    let has_keys = ["data", "binaryData", "stringData"]
        .iter()
        .any(|f| node.get(f).is_some_and(|m| m.entries().next().is_some()));
    let marks = ["labels", "annotations"]
        .into_iter()
        .filter_map(|f| node.path(&["metadata", f]))
        .flat_map(Node::entries);
    let token =
        node.get("type").and_then(Node::text) == Some("kubernetes.io/service-account-token");
    let by_tool = marks.filter_map(|(key, _)| key.text()).any(|key| {
        FILLED
            .iter()
            .any(|part| key.to_ascii_lowercase().contains(part))
    });
    !has_keys || token || by_tool
}
