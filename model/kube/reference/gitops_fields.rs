//! Fields of Argo CD's, Argo Workflows' and Flux's resources that name a ConfigMap or Secret, as
//! data (paths as in the CRD schemas of each project).

use super::field_table::{Field, field};
use crate::kube::object::reference::Target::{ConfigMap, Secret};

const HELM: &str = "helm.toolkit.fluxcd.io";
const KUSTOMIZE: &str = "kustomize.toolkit.fluxcd.io";
const SOURCE: &str = "source.toolkit.fluxcd.io";
const NOTIFICATION: &str = "notification.toolkit.fluxcd.io";
const ARGO: &str = "argoproj.io";
const FLUX_SOURCES: &[&str] = &[
    "GitRepository",
    "HelmRepository",
    "OCIRepository",
    "Bucket",
    "HelmChart",
];
const FLUX_NOTIFIERS: &[&str] = &["Provider", "Receiver"];
const WORKFLOWS: &[&str] = &["Workflow", "WorkflowTemplate", "ClusterWorkflowTemplate"];

/// The table.
pub(in crate::kube) const GITOPS_FIELDS: &[Field] = &[
    // Flux
    field(
        &["HelmRelease"],
        HELM,
        &["spec", "valuesFrom[]", "name"],
        ConfigMap,
    )
    .of_kind()
    .key_or("valuesKey", "values.yaml"),
    field(
        &["HelmRelease"],
        HELM,
        &["spec", "valuesFrom[]", "name"],
        Secret,
    )
    .of_kind()
    .key_or("valuesKey", "values.yaml"),
    field(
        &["HelmRelease"],
        HELM,
        &["spec", "kubeConfig", "configMapRef", "name"],
        ConfigMap,
    ),
    field(
        &["HelmRelease"],
        HELM,
        &["spec", "kubeConfig", "secretRef", "name"],
        Secret,
    ),
    field(
        &["HelmRelease"],
        HELM,
        &["spec", "chart", "spec", "verify", "secretRef", "name"],
        Secret,
    ),
    field(
        &["Kustomization"],
        KUSTOMIZE,
        &["spec", "postBuild", "substituteFrom[]", "name"],
        ConfigMap,
    )
    .of_kind(),
    field(
        &["Kustomization"],
        KUSTOMIZE,
        &["spec", "postBuild", "substituteFrom[]", "name"],
        Secret,
    )
    .of_kind(),
    field(
        &["Kustomization"],
        KUSTOMIZE,
        &["spec", "kubeConfig", "configMapRef", "name"],
        ConfigMap,
    ),
    field(
        &["Kustomization"],
        KUSTOMIZE,
        &["spec", "kubeConfig", "secretRef", "name"],
        Secret,
    ),
    field(
        &["Kustomization"],
        KUSTOMIZE,
        &["spec", "decryption", "secretRef", "name"],
        Secret,
    ),
    field(FLUX_SOURCES, SOURCE, &["spec", "secretRef", "name"], Secret),
    field(
        FLUX_SOURCES,
        SOURCE,
        &["spec", "certSecretRef", "name"],
        Secret,
    ),
    field(
        FLUX_SOURCES,
        SOURCE,
        &["spec", "proxySecretRef", "name"],
        Secret,
    ),
    field(
        FLUX_SOURCES,
        SOURCE,
        &["spec", "verify", "secretRef", "name"],
        Secret,
    ),
    field(
        FLUX_NOTIFIERS,
        NOTIFICATION,
        &["spec", "secretRef", "name"],
        Secret,
    ),
    field(
        FLUX_NOTIFIERS,
        NOTIFICATION,
        &["spec", "certSecretRef", "name"],
        Secret,
    ),
    field(
        &["ImageRepository"],
        "image.toolkit.fluxcd.io",
        &["spec", "secretRef", "name"],
        Secret,
    ),
    field(
        &["ImageRepository"],
        "image.toolkit.fluxcd.io",
        &["spec", "certSecretRef", "name"],
        Secret,
    ),
    field(
        &["ImageUpdateAutomation"],
        "image.toolkit.fluxcd.io",
        &["spec", "git", "commit", "signingKey", "secretRef", "name"],
        Secret,
    ),
    // Argo CD
    field(
        &["ApplicationSet"],
        ARGO,
        &["spec", "generators[]", "plugin", "configMapRef", "name"],
        ConfigMap,
    ),
    field(
        &["ApplicationSet"],
        ARGO,
        &[
            "spec",
            "generators[]",
            "clusterDecisionResource",
            "configMapRef",
        ],
        ConfigMap,
    ),
    // Argo Workflows
    field(
        WORKFLOWS,
        ARGO,
        &["spec", "artifactRepositoryRef", "configMap"],
        ConfigMap,
    )
    .key("key"),
    field(
        WORKFLOWS,
        ARGO,
        &[
            "spec",
            "templates[]",
            "memoize",
            "cache",
            "configMap",
            "name",
        ],
        ConfigMap,
    ),
    field(
        WORKFLOWS,
        ARGO,
        &[
            "spec",
            "templateDefaults",
            "memoize",
            "cache",
            "configMap",
            "name",
        ],
        ConfigMap,
    ),
    field(
        &["CronWorkflow"],
        ARGO,
        &["spec", "workflowSpec", "artifactRepositoryRef", "configMap"],
        ConfigMap,
    )
    .key("key"),
    field(
        &["CronWorkflow"],
        ARGO,
        &[
            "spec",
            "workflowSpec",
            "templates[]",
            "memoize",
            "cache",
            "configMap",
            "name",
        ],
        ConfigMap,
    ),
    field(
        &["CronWorkflow"],
        ARGO,
        &[
            "spec",
            "workflowSpec",
            "templateDefaults",
            "memoize",
            "cache",
            "configMap",
            "name",
        ],
        ConfigMap,
    ),
];
