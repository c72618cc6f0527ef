//! Fields outside of pod templates that name a ConfigMap or Secret, as data: Kubernetes' own kinds
//! and annotations (docs/kubernetes.md#fields-outside-of-pods). Those of custom resources are in
//! [`super::custom_fields`].
//!
//! A row that holds for any kind has `*` as its kind.

use crate::kube::object::reference::Certainty;
use crate::kube::object::reference::Target::{self, ConfigMap, Secret};

/// How a scalar holds names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::kube) enum Form {
    /// The whole scalar is the name.
    Name,
    /// `ns/name`, or several with commas.
    Words,
}

/// A field that names a ConfigMap or Secret.
#[derive(Debug, Clone, Copy)]
pub(in crate::kube) struct Field {
    /// Kinds that have it.
    pub kinds: &'static [&'static str],
    /// Their API group; `*` takes any.
    pub group: &'static str,
    /// Path of the scalar, in the notation of [`crate::kube::Carrier::template`].
    pub path: &'static [&'static str],
    /// What is named.
    pub to: Target,
    /// How.
    pub form: Form,
    /// Key beside the name that holds the namespace.
    pub namespace: Option<&'static str>,
    /// Key beside the name that holds the data key, and its default.
    pub key: Option<(&'static str, Option<&'static str>)>,
    /// Only when this key beside the name holds this value.
    pub when: Option<(&'static str, &'static str)>,
    /// The key of `when` may be absent.
    pub or_absent: bool,
    /// Whether it may be rewritten.
    pub certainty: Certainty,
}

pub(in crate::kube) const fn field(
    kinds: &'static [&'static str],
    group: &'static str,
    path: &'static [&'static str],
    to: Target,
) -> Field {
    Field {
        kinds,
        group,
        path,
        to,
        form: Form::Name,
        namespace: None,
        key: None,
        when: None,
        or_absent: false,
        certainty: Certainty::Known,
    }
}

const fn annotation(
    kinds: &'static [&'static str],
    path: &'static [&'static str],
    to: Target,
) -> Field {
    Field {
        form: Form::Words,
        ..field(kinds, "*", path, to)
    }
}

impl Field {
    pub(in crate::kube) const fn namespace(self, key: &'static str) -> Self {
        Self {
            namespace: Some(key),
            ..self
        }
    }
    pub(in crate::kube) const fn key(self, key: &'static str) -> Self {
        Self {
            key: Some((key, None)),
            ..self
        }
    }
    pub(in crate::kube) const fn key_or(self, key: &'static str, default: &'static str) -> Self {
        Self {
            key: Some((key, Some(default))),
            ..self
        }
    }
    pub(in crate::kube) const fn of_kind(self) -> Self {
        Self {
            when: Some(("kind", self.to.kind())),
            ..self
        }
    }
    pub(in crate::kube) const fn of_kind_or_none(self) -> Self {
        Self {
            or_absent: true,
            ..self.of_kind()
        }
    }
    pub(in crate::kube) const fn of_type(self) -> Self {
        Self {
            when: Some(("type", self.to.kind())),
            ..self
        }
    }
    pub(in crate::kube) const fn probable(self) -> Self {
        Self {
            certainty: Certainty::Probable,
            ..self
        }
    }
}

const ANY: &[&str] = &["*"];
const PV: &[&str] = &["PersistentVolume"];
const CLASS: &[&str] = &["StorageClass", "VolumeSnapshotClass"];

/// Fields of Kubernetes' own kinds, and annotations.
pub(in crate::kube) const FIELDS: &[Field] = &[
    // core
    field(
        &["Node"],
        "",
        &["spec", "configSource", "configMap", "name"],
        ConfigMap,
    )
    .namespace("namespace")
    .key("kubeletConfigKey"),
    field(&["ServiceAccount"], "", &["secrets[]", "name"], Secret),
    field(
        &["ServiceAccount"],
        "",
        &["imagePullSecrets[]", "name"],
        Secret,
    ),
    field(PV, "", &["spec", "azureFile", "secretName"], Secret).namespace("secretNamespace"),
    field(PV, "", &["spec", "cephfs", "secretRef", "name"], Secret).namespace("namespace"),
    field(PV, "", &["spec", "cinder", "secretRef", "name"], Secret).namespace("namespace"),
    field(PV, "", &["spec", "flexVolume", "secretRef", "name"], Secret).namespace("namespace"),
    field(PV, "", &["spec", "iscsi", "secretRef", "name"], Secret).namespace("namespace"),
    field(PV, "", &["spec", "rbd", "secretRef", "name"], Secret).namespace("namespace"),
    field(PV, "", &["spec", "scaleIO", "secretRef", "name"], Secret).namespace("namespace"),
    field(PV, "", &["spec", "storageos", "secretRef", "name"], Secret).namespace("namespace"),
    field(
        PV,
        "",
        &["spec", "csi", "controllerPublishSecretRef", "name"],
        Secret,
    )
    .namespace("namespace"),
    field(
        PV,
        "",
        &["spec", "csi", "nodeStageSecretRef", "name"],
        Secret,
    )
    .namespace("namespace"),
    field(
        PV,
        "",
        &["spec", "csi", "nodePublishSecretRef", "name"],
        Secret,
    )
    .namespace("namespace"),
    field(
        PV,
        "",
        &["spec", "csi", "controllerExpandSecretRef", "name"],
        Secret,
    )
    .namespace("namespace"),
    field(
        PV,
        "",
        &["spec", "csi", "nodeExpandSecretRef", "name"],
        Secret,
    )
    .namespace("namespace"),
    // storage.k8s.io, snapshot.storage.k8s.io: keys of the CSI external sidecars, then in-tree ones
    field(
        CLASS,
        "*",
        &["parameters", "csi.storage.k8s.io/provisioner-secret-name"],
        Secret,
    )
    .namespace("csi.storage.k8s.io/provisioner-secret-namespace"),
    field(
        CLASS,
        "*",
        &[
            "parameters",
            "csi.storage.k8s.io/controller-publish-secret-name",
        ],
        Secret,
    )
    .namespace("csi.storage.k8s.io/controller-publish-secret-namespace"),
    field(
        CLASS,
        "*",
        &["parameters", "csi.storage.k8s.io/node-stage-secret-name"],
        Secret,
    )
    .namespace("csi.storage.k8s.io/node-stage-secret-namespace"),
    field(
        CLASS,
        "*",
        &["parameters", "csi.storage.k8s.io/node-publish-secret-name"],
        Secret,
    )
    .namespace("csi.storage.k8s.io/node-publish-secret-namespace"),
    field(
        CLASS,
        "*",
        &[
            "parameters",
            "csi.storage.k8s.io/controller-expand-secret-name",
        ],
        Secret,
    )
    .namespace("csi.storage.k8s.io/controller-expand-secret-namespace"),
    field(
        CLASS,
        "*",
        &["parameters", "csi.storage.k8s.io/node-expand-secret-name"],
        Secret,
    )
    .namespace("csi.storage.k8s.io/node-expand-secret-namespace"),
    field(
        CLASS,
        "*",
        &["parameters", "csi.storage.k8s.io/snapshotter-secret-name"],
        Secret,
    )
    .namespace("csi.storage.k8s.io/snapshotter-secret-namespace"),
    field(
        CLASS,
        "*",
        &[
            "parameters",
            "csi.storage.k8s.io/snapshotter-list-secret-name",
        ],
        Secret,
    )
    .namespace("csi.storage.k8s.io/snapshotter-list-secret-namespace"),
    field(CLASS, "*", &["parameters", "secretRef"], Secret),
    field(CLASS, "*", &["parameters", "adminSecretName"], Secret).namespace("adminSecretNamespace"),
    field(CLASS, "*", &["parameters", "userSecretName"], Secret).namespace("userSecretNamespace"),
    field(CLASS, "*", &["parameters", "secretName"], Secret).namespace("secretNamespace"),
    // networking.k8s.io
    field(&["Ingress"], "*", &["spec", "tls[]", "secretName"], Secret),
    field(
        &["IngressClass"],
        "networking.k8s.io",
        &["spec", "parameters", "name"],
        ConfigMap,
    )
    .of_kind()
    .namespace("namespace"),
    field(
        &["IngressClass"],
        "networking.k8s.io",
        &["spec", "parameters", "name"],
        Secret,
    )
    .of_kind()
    .namespace("namespace"),
    annotation(
        &["Ingress"],
        &[
            "metadata",
            "annotations",
            "ingress.kubernetes.io/auth-secret",
        ],
        Secret,
    ),
    annotation(
        &["Ingress"],
        &[
            "metadata",
            "annotations",
            "ingress.kubernetes.io/auth-tls-secret",
        ],
        Secret,
    ),
    annotation(
        &["Ingress"],
        &[
            "metadata",
            "annotations",
            "nginx.ingress.kubernetes.io/auth-secret",
        ],
        Secret,
    ),
    annotation(
        &["Ingress"],
        &[
            "metadata",
            "annotations",
            "nginx.ingress.kubernetes.io/auth-tls-secret",
        ],
        Secret,
    ),
    annotation(
        &["Ingress"],
        &[
            "metadata",
            "annotations",
            "nginx.ingress.kubernetes.io/proxy-ssl-secret",
        ],
        Secret,
    ),
    annotation(
        &["Ingress"],
        &[
            "metadata",
            "annotations",
            "nginx.ingress.kubernetes.io/fastcgi-params-configmap",
        ],
        ConfigMap,
    ),
    annotation(
        &["Ingress"],
        &[
            "metadata",
            "annotations",
            "nginx.ingress.kubernetes.io/auth-proxy-set-headers",
        ],
        ConfigMap,
    ),
    annotation(
        &["Ingress"],
        &[
            "metadata",
            "annotations",
            "nginx.ingress.kubernetes.io/custom-headers",
        ],
        ConfigMap,
    ),
    // admissionregistration.k8s.io: a ConfigMap only when the policy's paramKind says so
    field(
        &[
            "ValidatingAdmissionPolicyBinding",
            "MutatingAdmissionPolicyBinding",
        ],
        "*",
        &["spec", "paramRef", "name"],
        ConfigMap,
    )
    .namespace("namespace")
    .probable(),
    // Reloader, on the workload
    annotation(
        ANY,
        &["metadata", "annotations", RELOADER_CONFIGMAPS],
        ConfigMap,
    ),
    annotation(ANY, &["metadata", "annotations", RELOADER_SECRETS], Secret),
];

const RELOADER_CONFIGMAPS: &str = "configmap.reloader.stakater.com/reload";
const RELOADER_SECRETS: &str = "secret.reloader.stakater.com/reload";

/// Annotations of pods, wherever a kind carries its pod templates: the key, and what its words
/// name.
pub(in crate::kube) const POD_ANNOTATIONS: &[(&str, Target)] = &[
    (RELOADER_CONFIGMAPS, ConfigMap),
    (RELOADER_SECRETS, Secret),
    // Vault Agent Injector
    ("vault.hashicorp.com/agent-configmap", ConfigMap),
    ("vault.hashicorp.com/tls-secret", Secret),
];

/// Kinds of the core group; other kinds of version `v1` are of `OpenShift` before it had API
/// groups.
pub(in crate::kube) const CORE_KINDS: &[&str] = &[
    "Binding",
    "ComponentStatus",
    "ConfigMap",
    "Endpoints",
    "Event",
    "LimitRange",
    "Namespace",
    "Node",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "Pod",
    "PodTemplate",
    "ReplicationController",
    "ResourceQuota",
    "Secret",
    "Service",
    "ServiceAccount",
];

/// API groups of Kubernetes itself beside the core group: all their references are in the table.
pub(in crate::kube) const BUILT_IN_GROUPS: &[&str] = &[
    "admissionregistration.k8s.io",
    "apiextensions.k8s.io",
    "apiregistration.k8s.io",
    "apps",
    "authentication.k8s.io",
    "authorization.k8s.io",
    "autoscaling",
    "batch",
    "certificates.k8s.io",
    "coordination.k8s.io",
    "discovery.k8s.io",
    "events.k8s.io",
    "extensions",
    "flowcontrol.apiserver.k8s.io",
    "networking.k8s.io",
    "node.k8s.io",
    "policy",
    "rbac.authorization.k8s.io",
    "resource.k8s.io",
    "scheduling.k8s.io",
    "storage.k8s.io",
];
