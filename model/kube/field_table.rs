//! Fields outside of pod templates that name a ConfigMap or Secret, as data (semantics b.3 and b.5).
//!
//! A row that holds for any kind has `*` as its kind. Rows that b.5 marks as unsafe to rename are [`Certainty::Probable`].

use super::reference::Certainty;
use super::reference::Target::{self, ConfigMap, Secret};

/// How a scalar holds names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// The whole scalar is the name.
    Name,
    /// `ns/name`, or several with commas.
    Words,
}

/// A field that names a ConfigMap or Secret.
#[derive(Debug, Clone, Copy)]
pub(super) struct Field {
    /// Kinds that have it.
    pub kinds: &'static [&'static str],
    /// Their API group; `*` takes any.
    pub group: &'static str,
    /// Path of the scalar, in the notation of [`super::Carrier::template`].
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

const fn field(kinds: &'static [&'static str], group: &'static str, path: &'static [&'static str], to: Target) -> Field {
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

const fn annotation(kinds: &'static [&'static str], path: &'static [&'static str], to: Target) -> Field {
    Field { form: Form::Words, ..field(kinds, "*", path, to) }
}

impl Field {
    const fn namespace(self, key: &'static str) -> Self {
        Self { namespace: Some(key), ..self }
    }
    const fn key(self, key: &'static str) -> Self {
        Self { key: Some((key, None)), ..self }
    }
    const fn key_or(self, key: &'static str, default: &'static str) -> Self {
        Self { key: Some((key, Some(default))), ..self }
    }
    const fn of_kind(self) -> Self {
        Self { when: Some(("kind", self.to.kind())), ..self }
    }
    const fn of_kind_or_none(self) -> Self {
        Self { or_absent: true, ..self.of_kind() }
    }
    const fn probable(self) -> Self {
        Self { certainty: Certainty::Probable, ..self }
    }
}

const ANY: &[&str] = &["*"];
const GATEWAY_GROUP: &str = "gateway.networking.k8s.io";
const PV: &[&str] = &["PersistentVolume"];
const CLASS: &[&str] = &["StorageClass", "VolumeSnapshotClass"];
const FLUX_SOURCES: &[&str] = &["GitRepository", "HelmRepository", "OCIRepository", "Bucket", "HelmChart"];
const FLUX_NOTIFIERS: &[&str] = &["Provider", "Receiver"];
const PROMETHEUS: &[&str] = &["Prometheus", "PrometheusAgent", "Alertmanager", "ThanosRuler"];
const WORKFLOWS: &[&str] = &["Workflow", "WorkflowTemplate", "ClusterWorkflowTemplate"];

/// The table.
pub(super) const FIELDS: &[Field] = &[
    // core
    field(&["Node"], "", &["spec", "configSource", "configMap", "name"], ConfigMap).namespace("namespace").key("kubeletConfigKey"),
    field(&["ServiceAccount"], "", &["secrets[]", "name"], Secret),
    field(&["ServiceAccount"], "", &["imagePullSecrets[]", "name"], Secret),
    field(PV, "", &["spec", "azureFile", "secretName"], Secret).namespace("secretNamespace"),
    field(PV, "", &["spec", "cephfs", "secretRef", "name"], Secret).namespace("namespace"),
    field(PV, "", &["spec", "cinder", "secretRef", "name"], Secret).namespace("namespace"),
    field(PV, "", &["spec", "flexVolume", "secretRef", "name"], Secret).namespace("namespace"),
    field(PV, "", &["spec", "iscsi", "secretRef", "name"], Secret).namespace("namespace"),
    field(PV, "", &["spec", "rbd", "secretRef", "name"], Secret).namespace("namespace"),
    field(PV, "", &["spec", "scaleIO", "secretRef", "name"], Secret).namespace("namespace"),
    field(PV, "", &["spec", "storageos", "secretRef", "name"], Secret).namespace("namespace"),
    field(PV, "", &["spec", "csi", "controllerPublishSecretRef", "name"], Secret).namespace("namespace"),
    field(PV, "", &["spec", "csi", "nodeStageSecretRef", "name"], Secret).namespace("namespace"),
    field(PV, "", &["spec", "csi", "nodePublishSecretRef", "name"], Secret).namespace("namespace"),
    field(PV, "", &["spec", "csi", "controllerExpandSecretRef", "name"], Secret).namespace("namespace"),
    field(PV, "", &["spec", "csi", "nodeExpandSecretRef", "name"], Secret).namespace("namespace"),
    // storage.k8s.io, snapshot.storage.k8s.io: keys of the CSI external sidecars, then in-tree ones
    field(CLASS, "*", &["parameters", "csi.storage.k8s.io/provisioner-secret-name"], Secret)
        .namespace("csi.storage.k8s.io/provisioner-secret-namespace"),
    field(CLASS, "*", &["parameters", "csi.storage.k8s.io/controller-publish-secret-name"], Secret)
        .namespace("csi.storage.k8s.io/controller-publish-secret-namespace"),
    field(CLASS, "*", &["parameters", "csi.storage.k8s.io/node-stage-secret-name"], Secret)
        .namespace("csi.storage.k8s.io/node-stage-secret-namespace"),
    field(CLASS, "*", &["parameters", "csi.storage.k8s.io/node-publish-secret-name"], Secret)
        .namespace("csi.storage.k8s.io/node-publish-secret-namespace"),
    field(CLASS, "*", &["parameters", "csi.storage.k8s.io/controller-expand-secret-name"], Secret)
        .namespace("csi.storage.k8s.io/controller-expand-secret-namespace"),
    field(CLASS, "*", &["parameters", "csi.storage.k8s.io/node-expand-secret-name"], Secret)
        .namespace("csi.storage.k8s.io/node-expand-secret-namespace"),
    field(CLASS, "*", &["parameters", "csi.storage.k8s.io/snapshotter-secret-name"], Secret)
        .namespace("csi.storage.k8s.io/snapshotter-secret-namespace"),
    field(CLASS, "*", &["parameters", "adminSecretName"], Secret).namespace("adminSecretNamespace"),
    field(CLASS, "*", &["parameters", "userSecretName"], Secret).namespace("userSecretNamespace"),
    field(CLASS, "*", &["parameters", "secretName"], Secret).namespace("secretNamespace"),
    // networking.k8s.io
    field(&["Ingress"], "*", &["spec", "tls[]", "secretName"], Secret),
    field(&["IngressClass"], "networking.k8s.io", &["spec", "parameters", "name"], ConfigMap).of_kind().namespace("namespace"),
    field(&["IngressClass"], "networking.k8s.io", &["spec", "parameters", "name"], Secret).of_kind().namespace("namespace"),
    annotation(&["Ingress"], &["metadata", "annotations", "nginx.ingress.kubernetes.io/auth-secret"], Secret),
    annotation(&["Ingress"], &["metadata", "annotations", "nginx.ingress.kubernetes.io/auth-tls-secret"], Secret),
    annotation(&["Ingress"], &["metadata", "annotations", "nginx.ingress.kubernetes.io/proxy-ssl-secret"], Secret),
    annotation(&["Ingress"], &["metadata", "annotations", "nginx.ingress.kubernetes.io/fastcgi-params-configmap"], ConfigMap),
    annotation(&["Ingress"], &["metadata", "annotations", "nginx.ingress.kubernetes.io/auth-proxy-set-headers"], ConfigMap),
    annotation(&["Ingress"], &["metadata", "annotations", "nginx.ingress.kubernetes.io/custom-headers"], ConfigMap),
    // admissionregistration.k8s.io: a ConfigMap only when the policy's paramKind says so
    field(&["ValidatingAdmissionPolicyBinding", "MutatingAdmissionPolicyBinding"], "*", &["spec", "paramRef", "name"], ConfigMap)
        .namespace("namespace")
        .probable(),
    // Gateway API
    field(&["GatewayClass"], GATEWAY_GROUP, &["spec", "parametersRef", "name"], ConfigMap).of_kind().namespace("namespace"),
    field(&["Gateway"], GATEWAY_GROUP, &["spec", "infrastructure", "parametersRef", "name"], ConfigMap).of_kind(),
    field(&["Gateway"], GATEWAY_GROUP, &["spec", "listeners[]", "tls", "frontendValidation", "caCertificateRefs[]", "name"], ConfigMap)
        .of_kind()
        .namespace("namespace"),
    field(&["Gateway"], GATEWAY_GROUP, &["spec", "listeners[]", "tls", "certificateRefs[]", "name"], Secret)
        .of_kind_or_none()
        .namespace("namespace"),
    field(&["BackendTLSPolicy"], GATEWAY_GROUP, &["spec", "validation", "caCertificateRefs[]", "name"], ConfigMap).of_kind(),
    field(&["BackendTLSPolicy"], GATEWAY_GROUP, &["spec", "validation", "caCertificateRefs[]", "name"], Secret).of_kind(),
    // Reloader: on the workload, or on its pods
    annotation(ANY, &["metadata", "annotations", "configmap.reloader.stakater.com/reload"], ConfigMap),
    annotation(ANY, &["metadata", "annotations", "secret.reloader.stakater.com/reload"], Secret),
    annotation(ANY, &["spec", "template", "metadata", "annotations", "configmap.reloader.stakater.com/reload"], ConfigMap),
    annotation(ANY, &["spec", "template", "metadata", "annotations", "secret.reloader.stakater.com/reload"], Secret),
    // k6 operator
    field(&["TestRun", "K6"], "k6.io", &["spec", "script", "configMap", "name"], ConfigMap).key("file"),
    // Flux
    field(&["HelmRelease"], "helm.toolkit.fluxcd.io", &["spec", "valuesFrom[]", "name"], ConfigMap)
        .of_kind()
        .key_or("valuesKey", "values.yaml"),
    field(&["HelmRelease"], "helm.toolkit.fluxcd.io", &["spec", "valuesFrom[]", "name"], Secret)
        .of_kind()
        .key_or("valuesKey", "values.yaml"),
    field(&["HelmRelease"], "helm.toolkit.fluxcd.io", &["spec", "kubeConfig", "configMapRef", "name"], ConfigMap),
    field(&["HelmRelease"], "helm.toolkit.fluxcd.io", &["spec", "kubeConfig", "secretRef", "name"], Secret),
    field(&["Kustomization"], "kustomize.toolkit.fluxcd.io", &["spec", "postBuild", "substituteFrom[]", "name"], ConfigMap).of_kind(),
    field(&["Kustomization"], "kustomize.toolkit.fluxcd.io", &["spec", "postBuild", "substituteFrom[]", "name"], Secret).of_kind(),
    field(&["Kustomization"], "kustomize.toolkit.fluxcd.io", &["spec", "kubeConfig", "configMapRef", "name"], ConfigMap),
    field(&["Kustomization"], "kustomize.toolkit.fluxcd.io", &["spec", "kubeConfig", "secretRef", "name"], Secret),
    field(&["Kustomization"], "kustomize.toolkit.fluxcd.io", &["spec", "decryption", "secretRef", "name"], Secret),
    field(FLUX_SOURCES, "source.toolkit.fluxcd.io", &["spec", "secretRef", "name"], Secret),
    field(FLUX_SOURCES, "source.toolkit.fluxcd.io", &["spec", "certSecretRef", "name"], Secret),
    field(FLUX_SOURCES, "source.toolkit.fluxcd.io", &["spec", "proxySecretRef", "name"], Secret),
    field(FLUX_SOURCES, "source.toolkit.fluxcd.io", &["spec", "verify", "secretRef", "name"], Secret),
    field(FLUX_NOTIFIERS, "notification.toolkit.fluxcd.io", &["spec", "secretRef", "name"], Secret),
    // KEDA
    field(&["TriggerAuthentication"], "keda.sh", &["spec", "configMapTargetRef[]", "name"], ConfigMap).key("key"),
    field(&["TriggerAuthentication"], "keda.sh", &["spec", "secretTargetRef[]", "name"], Secret).key("key"),
    // Argo CD
    field(&["ApplicationSet"], "argoproj.io", &["spec", "generators[]", "plugin", "configMapRef", "name"], ConfigMap),
    field(&["ApplicationSet"], "argoproj.io", &["spec", "generators[]", "clusterDecisionResource", "configMapRef"], ConfigMap),
    // Argo Workflows; what it embeds of core/v1 is found by shape
    field(WORKFLOWS, "argoproj.io", &["spec", "artifactRepositoryRef", "configMap"], ConfigMap).key("key"),
    field(WORKFLOWS, "argoproj.io", &["spec", "templates[]", "memoize", "cache", "configMap", "name"], ConfigMap),
    field(&["CronWorkflow"], "argoproj.io", &["spec", "workflowSpec", "artifactRepositoryRef", "configMap"], ConfigMap).key("key"),
    field(&["CronWorkflow"], "argoproj.io", &["spec", "workflowSpec", "templates[]", "memoize", "cache", "configMap", "name"], ConfigMap),
    // Tekton
    field(&["TaskRun", "PipelineRun"], "tekton.dev", &["spec", "workspaces[]", "configMap", "name"], ConfigMap),
    field(&["TaskRun", "PipelineRun"], "tekton.dev", &["spec", "workspaces[]", "secret", "secretName"], Secret),
    // Strimzi
    field(&["KafkaConnector"], "kafka.strimzi.io", &["spec", "alterOffsets", "fromConfigMap", "name"], ConfigMap),
    // trust-manager
    field(&["Bundle"], "trust.cert-manager.io", &["spec", "sources[]", "configMap", "name"], ConfigMap).key("key"),
    field(&["Bundle"], "trust.cert-manager.io", &["spec", "sources[]", "secret", "name"], Secret).key("key"),
    // Prometheus Operator: the name is also a path inside the container
    field(PROMETHEUS, "monitoring.coreos.com", &["spec", "configMaps[]"], ConfigMap).probable(),
    field(PROMETHEUS, "monitoring.coreos.com", &["spec", "secrets[]"], Secret).probable(),
    field(PROMETHEUS, "monitoring.coreos.com", &["spec", "configSecret"], Secret).probable(),
];

/// API groups whose CRDs embed types of core/v1 (`EnvVar`, `EnvFromSource`, `Volume`): what has their shape is a reference there.
pub(super) const EMBEDDING_GROUPS: &[&str] = &["argoproj.io", "kafka.strimzi.io", "monitoring.coreos.com", "tekton.dev", "k6.io"];

/// Kinds of the core group; other kinds of version `v1` are of `OpenShift` before it had API groups.
pub(super) const CORE_KINDS: &[&str] = &[
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
pub(super) const BUILT_IN_GROUPS: &[&str] = &[
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

/// Fields that name what their resource makes, not what it reads: kind, group, path.
pub(super) const OUTPUTS: &[(&str, &str, &[&str])] = &[("Certificate", "cert-manager.io", &["spec", "secretName"])];
