//! Fields of custom resources that name a ConfigMap or Secret, as data (paths as in the CRD schemas
//! of each project).
//!
//! Whole pod templates are [`CARRIERS`](crate::kube::CARRIERS); what a CRD embeds of core/v1 is
//! found by its shape in the groups of [`EMBEDDING_GROUPS`]. A name that is also a path inside a
//! container is [`Certainty::Probable`](crate::kube::Certainty): a rename would move files.

use super::field_table::{Field, field};
use crate::kube::object::reference::Target::{ConfigMap, Secret};

const GATEWAY: &str = "gateway.networking.k8s.io";
const ARGO: &str = "argoproj.io";
const STRIMZI: &str = "kafka.strimzi.io";
const PROMETHEUS: &str = "monitoring.coreos.com";
const VICTORIA: &str = "operator.victoriametrics.com";
const SPARK: &str = "sparkoperator.k8s.io";
const CNPG: &str = "postgresql.cnpg.io";
const EXTERNAL: &str = "external-secrets.io";

const PROMETHEUS_SERVERS: &[&str] = &[
    "Prometheus",
    "PrometheusAgent",
    "Alertmanager",
    "ThanosRuler",
];
const VICTORIA_SERVERS: &[&str] = &[
    "VMAgent",
    "VMAlert",
    "VMAlertmanager",
    "VMAuth",
    "VMSingle",
    "VLogs",
    "VLAgent",
    "VLSingle",
    "VTSingle",
];
const POLICIES: &[&str] = &["Policy", "ClusterPolicy"];
const STORES: &[&str] = &["SecretStore", "ClusterSecretStore"];

/// The table.
pub(in crate::kube) const CUSTOM_FIELDS: &[Field] = &[
    // Gateway API; the listener's frontendValidation moved to spec.tls.frontend
    field(
        &["GatewayClass"],
        GATEWAY,
        &["spec", "parametersRef", "name"],
        ConfigMap,
    )
    .of_kind()
    .namespace("namespace"),
    field(
        &["Gateway"],
        GATEWAY,
        &["spec", "infrastructure", "parametersRef", "name"],
        ConfigMap,
    )
    .of_kind(),
    field(
        &["Gateway"],
        GATEWAY,
        &[
            "spec",
            "listeners[]",
            "tls",
            "frontendValidation",
            "caCertificateRefs[]",
            "name",
        ],
        ConfigMap,
    )
    .of_kind()
    .namespace("namespace"),
    field(
        &["Gateway"],
        GATEWAY,
        &["spec", "listeners[]", "tls", "certificateRefs[]", "name"],
        Secret,
    )
    .of_kind_or_none()
    .namespace("namespace"),
    field(
        &["Gateway"],
        GATEWAY,
        &[
            "spec",
            "tls",
            "frontend",
            "default",
            "validation",
            "caCertificateRefs[]",
            "name",
        ],
        ConfigMap,
    )
    .of_kind()
    .namespace("namespace"),
    field(
        &["Gateway"],
        GATEWAY,
        &[
            "spec",
            "tls",
            "frontend",
            "default",
            "validation",
            "caCertificateRefs[]",
            "name",
        ],
        Secret,
    )
    .of_kind()
    .namespace("namespace"),
    field(
        &["Gateway"],
        GATEWAY,
        &[
            "spec",
            "tls",
            "frontend",
            "perPort[]",
            "tls",
            "validation",
            "caCertificateRefs[]",
            "name",
        ],
        ConfigMap,
    )
    .of_kind()
    .namespace("namespace"),
    field(
        &["Gateway"],
        GATEWAY,
        &["spec", "tls", "backend", "clientCertificateRef", "name"],
        Secret,
    )
    .of_kind_or_none()
    .namespace("namespace"),
    field(
        &["BackendTLSPolicy"],
        GATEWAY,
        &["spec", "validation", "caCertificateRefs[]", "name"],
        ConfigMap,
    )
    .of_kind(),
    field(
        &["BackendTLSPolicy"],
        GATEWAY,
        &["spec", "validation", "caCertificateRefs[]", "name"],
        Secret,
    )
    .of_kind(),
    // k6 operator
    field(
        &["TestRun", "K6"],
        "k6.io",
        &["spec", "script", "configMap", "name"],
        ConfigMap,
    )
    .key("file"),
    // KEDA; a ClusterTriggerAuthentication reads the operator's namespace
    field(
        &["TriggerAuthentication"],
        "keda.sh",
        &["spec", "configMapTargetRef[]", "name"],
        ConfigMap,
    )
    .key("key"),
    field(
        &["TriggerAuthentication"],
        "keda.sh",
        &["spec", "secretTargetRef[]", "name"],
        Secret,
    )
    .key("key"),
    // Tekton
    field(
        &["TaskRun", "PipelineRun"],
        "tekton.dev",
        &["spec", "workspaces[]", "configMap", "name"],
        ConfigMap,
    ),
    field(
        &["TaskRun", "PipelineRun"],
        "tekton.dev",
        &["spec", "workspaces[]", "secret", "secretName"],
        Secret,
    ),
    // Strimzi
    field(
        &["KafkaConnector"],
        STRIMZI,
        &["spec", "alterOffsets", "fromConfigMap", "name"],
        ConfigMap,
    ),
    field(
        &["KafkaMirrorMaker2"],
        STRIMZI,
        &[
            "spec",
            "mirrors[]",
            "*",
            "alterOffsets",
            "fromConfigMap",
            "name",
        ],
        ConfigMap,
    ),
    // trust-manager reads its own namespace, which a cluster-wide Bundle does not say
    field(
        &["Bundle"],
        "trust.cert-manager.io",
        &["spec", "sources[]", "configMap", "name"],
        ConfigMap,
    )
    .key("key"),
    field(
        &["Bundle"],
        "trust.cert-manager.io",
        &["spec", "sources[]", "secret", "name"],
        Secret,
    )
    .key("key"),
    // cert-manager; all other fields of its group are `*SecretRef`
    field(
        &["Issuer", "ClusterIssuer"],
        "cert-manager.io",
        &["spec", "ca", "secretName"],
        Secret,
    ),
    // External Secrets
    field(
        &["ExternalSecret"],
        EXTERNAL,
        &[
            "spec",
            "target",
            "template",
            "templateFrom[]",
            "configMap",
            "name",
        ],
        ConfigMap,
    ),
    field(
        &["ExternalSecret"],
        EXTERNAL,
        &[
            "spec",
            "target",
            "template",
            "templateFrom[]",
            "secret",
            "name",
        ],
        Secret,
    ),
    field(
        &["PushSecret"],
        EXTERNAL,
        &["spec", "selector", "secret", "name"],
        Secret,
    ),
    field(
        STORES,
        EXTERNAL,
        &["spec", "provider", "*", "caProvider", "name"],
        ConfigMap,
    )
    .of_type()
    .namespace("namespace")
    .key("key"),
    field(
        STORES,
        EXTERNAL,
        &["spec", "provider", "*", "caProvider", "name"],
        Secret,
    )
    .of_type()
    .namespace("namespace")
    .key("key"),
    // Prometheus Operator and its kin: the name is also a directory inside the container
    field(
        PROMETHEUS_SERVERS,
        PROMETHEUS,
        &["spec", "configMaps[]"],
        ConfigMap,
    )
    .probable(),
    field(
        PROMETHEUS_SERVERS,
        PROMETHEUS,
        &["spec", "secrets[]"],
        Secret,
    )
    .probable(),
    field(
        PROMETHEUS_SERVERS,
        PROMETHEUS,
        &["spec", "configSecret"],
        Secret,
    ),
    field(
        VICTORIA_SERVERS,
        VICTORIA,
        &["spec", "configMaps[]"],
        ConfigMap,
    )
    .probable(),
    field(VICTORIA_SERVERS, VICTORIA, &["spec", "secrets[]"], Secret).probable(),
    field(
        &["OpenTelemetryCollector"],
        "opentelemetry.io",
        &["spec", "configmaps[]", "name"],
        ConfigMap,
    )
    .probable(),
    // Spark operator
    field(
        &["SparkApplication"],
        SPARK,
        &["spec", "*", "configMaps[]", "name"],
        ConfigMap,
    ),
    field(
        &["SparkApplication"],
        SPARK,
        &["spec", "*", "secrets[]", "name"],
        Secret,
    ),
    field(
        &["SparkApplication"],
        SPARK,
        &["spec", "*", "envSecretKeyRefs", "*", "name"],
        Secret,
    )
    .key("key"),
    field(
        &["SparkApplication"],
        SPARK,
        &["spec", "sparkConfigMap"],
        ConfigMap,
    ),
    field(
        &["SparkApplication"],
        SPARK,
        &["spec", "hadoopConfigMap"],
        ConfigMap,
    ),
    field(
        &["ScheduledSparkApplication"],
        SPARK,
        &["spec", "template", "*", "configMaps[]", "name"],
        ConfigMap,
    ),
    field(
        &["ScheduledSparkApplication"],
        SPARK,
        &["spec", "template", "*", "secrets[]", "name"],
        Secret,
    ),
    field(
        &["ScheduledSparkApplication"],
        SPARK,
        &["spec", "template", "sparkConfigMap"],
        ConfigMap,
    ),
    field(
        &["ScheduledSparkApplication"],
        SPARK,
        &["spec", "template", "hadoopConfigMap"],
        ConfigMap,
    ),
    // CloudNativePG
    field(
        &["Cluster"],
        CNPG,
        &["spec", "monitoring", "customQueriesConfigMap[]", "name"],
        ConfigMap,
    )
    .key("key"),
    field(
        &["Cluster"],
        CNPG,
        &["spec", "monitoring", "customQueriesSecret[]", "name"],
        Secret,
    )
    .key("key"),
    field(
        &["Cluster"],
        CNPG,
        &[
            "spec",
            "bootstrap",
            "initdb",
            "*",
            "configMapRefs[]",
            "name",
        ],
        ConfigMap,
    )
    .key("key"),
    field(
        &["Cluster"],
        CNPG,
        &["spec", "bootstrap", "initdb", "*", "secretRefs[]", "name"],
        Secret,
    )
    .key("key"),
    field(
        &["Cluster"],
        CNPG,
        &["spec", "bootstrap", "*", "secret", "name"],
        Secret,
    ),
    field(
        &["Cluster"],
        CNPG,
        &["spec", "superuserSecret", "name"],
        Secret,
    ),
    // Grafana operator
    field(
        &["GrafanaDashboard", "GrafanaAlertRuleGroup"],
        "grafana.integreatly.org",
        &["spec", "configMapRef", "name"],
        ConfigMap,
    )
    .key("key"),
    // Kyverno
    field(
        POLICIES,
        "kyverno.io",
        &["spec", "rules[]", "context[]", "configMap", "name"],
        ConfigMap,
    )
    .namespace("namespace"),
    // Cluster API
    field(
        &["ClusterResourceSet"],
        "addons.cluster.x-k8s.io",
        &["spec", "resources[]", "name"],
        ConfigMap,
    )
    .of_kind(),
    field(
        &["ClusterResourceSet"],
        "addons.cluster.x-k8s.io",
        &["spec", "resources[]", "name"],
        Secret,
    )
    .of_kind(),
    // OpenShift
    field(
        &["BuildConfig", "Build"],
        "build.openshift.io",
        &["spec", "source", "configMaps[]", "configMap", "name"],
        ConfigMap,
    ),
    field(
        &["BuildConfig", "Build"],
        "build.openshift.io",
        &["spec", "source", "secrets[]", "secret", "name"],
        Secret,
    ),
    field(
        &["Route"],
        "route.openshift.io",
        &["spec", "tls", "externalCertificate", "name"],
        Secret,
    ),
    // Traefik
    field(
        &["IngressRoute", "IngressRouteTCP"],
        "*",
        &["spec", "tls", "secretName"],
        Secret,
    ),
    field(
        &["TLSStore"],
        "*",
        &["spec", "defaultCertificate", "secretName"],
        Secret,
    ),
];

/// API groups whose CRDs embed types of core/v1 (`EnvVar`, `EnvFromSource`, `Volume`, selectors of
/// keys): what has their shape is a reference there. A group that starts with `.` stands for all
/// groups that end so.
pub(in crate::kube) const EMBEDDING_GROUPS: &[&str] = &[
    ARGO,
    STRIMZI,
    PROMETHEUS,
    VICTORIA,
    SPARK,
    CNPG,
    "k6.io",
    "tekton.dev",
    "triggers.tekton.dev",
    "apps.kruise.io",
    "cert-manager.io",
    EXTERNAL,
    "grafana.integreatly.org",
    "opentelemetry.io",
    ".k8s.elastic.co",
];

/// Groups in which a mapping of `name` and `key` below a field of its own is a selector of a key:
/// of a ConfigMap where the field is named so, else of a Secret (core/v1 `SecretKeySelector`).
pub(in crate::kube) const SELECTOR_GROUPS: &[&str] = &[ARGO, PROMETHEUS, VICTORIA];

/// Fields that name what their resource makes, not what it reads: kind, group, path.
pub(in crate::kube) const OUTPUTS: &[(&str, &str, &[&str])] = &[
    ("Certificate", "cert-manager.io", &["spec", "secretName"]),
    (
        "Issuer",
        "cert-manager.io",
        &["spec", "acme", "privateKeySecretRef", "name"],
    ),
    (
        "ClusterIssuer",
        "cert-manager.io",
        &["spec", "acme", "privateKeySecretRef", "name"],
    ),
    (
        "KafkaConnector",
        STRIMZI,
        &["spec", "listOffsets", "toConfigMap", "name"],
    ),
    (
        "KafkaMirrorMaker2",
        STRIMZI,
        &[
            "spec",
            "mirrors[]",
            "*",
            "listOffsets",
            "toConfigMap",
            "name",
        ],
    ),
];
