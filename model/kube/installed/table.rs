//! The charts that are known by their values, as data. Each row names where its chart can be read.
//!
//! A row is for fields that name objects which the chart does not make. What a chart makes of its
//! own values it hashes itself, or it is to be mended there.

use super::chart::KnownChart;
use super::listed::{Listed, Read};
use crate::kube::object::reference::Target::{ConfigMap, Secret};

/// How the values of a chart are read.
#[derive(Debug)]
pub(super) enum Shape {
    /// bjw-s app-template.
    AppTemplate,
    /// By fields.
    Listed(&'static [Listed]),
}

const POD_ANNOTATIONS: &[&str] = &["podAnnotations"];
const EXTRA_VOLUMES: Read = Read::Volumes(&["extraVolumes"]);
const EXTRA_MOUNTS: Read = Read::Mounts(&["extraVolumeMounts"]);
const PROMETHEUS: &[&str] = &["prometheus-community"];

/// The charts.
pub(super) static CHARTS: &[KnownChart] = &[
    KnownChart {
        name: "app-template",
        repositories: &["bjw-s"],
        source: "https://github.com/bjw-s-labs/helm-charts/tree/main/charts/library/common",
        shape: Shape::AppTemplate,
    },
    KnownChart {
        name: "external-dns",
        repositories: &["kubernetes-sigs"],
        source: "https://github.com/kubernetes-sigs/external-dns/tree/master/charts/external-dns",
        shape: Shape::Listed(&[Listed {
            kind: "Deployment",
            image: "registry.k8s.io/external-dns/external-dns",
            own: Some(&["deploymentAnnotations"]),
            annotations: POD_ANNOTATIONS,
            reads: &[
                Read::Env(&["env"]),
                Read::EnvFrom(&["envFrom"]),
                EXTRA_VOLUMES,
                EXTRA_MOUNTS,
            ],
            reloads: None,
        }]),
    },
    KnownChart {
        name: "fluent-bit",
        repositories: &["fluent.github.io", "fluent/helm-charts"],
        source: "https://github.com/fluent/helm-charts/tree/main/charts/fluent-bit",
        shape: Shape::Listed(&[Listed {
            kind: "DaemonSet",
            image: "fluent/fluent-bit",
            own: None,
            annotations: POD_ANNOTATIONS,
            reads: &[
                Read::Env(&["env"]),
                Read::EnvFrom(&["envFrom"]),
                Read::Files(&["existingConfigMap"], "/fluent-bit/etc/conf"),
                EXTRA_VOLUMES,
                EXTRA_MOUNTS,
            ],
            reloads: Some(&["hotReload", "enabled"]),
        }]),
    },
    KnownChart {
        name: "grafana",
        repositories: &["grafana"],
        source: "https://github.com/grafana-community/helm-charts/tree/main/charts/grafana",
        shape: Shape::Listed(&[Listed {
            kind: "Deployment",
            image: "grafana/grafana",
            own: Some(&["annotations"]),
            annotations: POD_ANNOTATIONS,
            reads: &[
                Read::Variables(&["envFromSecret"], Secret),
                Read::VariablesEach(&["envFromSecrets"], Secret),
                Read::VariablesEach(&["envFromConfigMaps"], ConfigMap),
                Read::Each(&["extraConfigmapMounts"], "configMap", ConfigMap),
                Read::Each(&["extraSecretMounts"], "secretName", Secret),
            ],
            reloads: None,
        }]),
    },
    KnownChart {
        name: "nginx",
        repositories: &["bitnami"],
        source: "https://github.com/bitnami/charts/tree/main/bitnami/nginx",
        shape: Shape::Listed(&[Listed {
            kind: "Deployment",
            image: "bitnami/nginx",
            own: Some(&["commonAnnotations"]),
            annotations: POD_ANNOTATIONS,
            reads: &[
                Read::Env(&["extraEnvVars"]),
                Read::Variables(&["extraEnvVarsCM"], ConfigMap),
                Read::Variables(&["extraEnvVarsSecret"], Secret),
                Read::Files(
                    &["existingServerBlockConfigmap"],
                    "/opt/bitnami/nginx/conf/server_blocks",
                ),
                EXTRA_VOLUMES,
                EXTRA_MOUNTS,
            ],
            reloads: None,
        }]),
    },
    KnownChart {
        name: "oauth2-proxy",
        repositories: &["oauth2-proxy"],
        source: "https://github.com/oauth2-proxy/manifests/tree/main/helm/oauth2-proxy",
        shape: Shape::Listed(&[Listed {
            kind: "Deployment",
            image: "quay.io/oauth2-proxy/oauth2-proxy",
            own: None,
            annotations: POD_ANNOTATIONS,
            reads: &[
                Read::Env(&["extraEnv"]),
                Read::Files(&["config", "existingConfig"], "/etc/oauth2_proxy"),
                EXTRA_VOLUMES,
                EXTRA_MOUNTS,
            ],
            reloads: None,
        }]),
    },
    KnownChart {
        name: "prometheus-blackbox-exporter",
        repositories: PROMETHEUS,
        source: "https://github.com/prometheus-community/helm-charts/tree/main/charts/prometheus-blackbox-exporter",
        shape: Shape::Listed(&[Listed {
            kind: "Deployment",
            image: "quay.io/prometheus/blackbox-exporter",
            own: None,
            annotations: POD_ANNOTATIONS,
            reads: &[Read::Each(
                &["extraConfigmapMounts"],
                "configMap",
                ConfigMap,
            )],
            reloads: None,
        }]),
    },
    KnownChart {
        name: "prometheus-modbus-exporter",
        repositories: PROMETHEUS,
        source: "https://github.com/prometheus-community/helm-charts/tree/main/charts/prometheus-modbus-exporter",
        shape: Shape::Listed(&[Listed {
            kind: "Deployment",
            image: "richih/modbus_exporter",
            own: None,
            annotations: POD_ANNOTATIONS,
            reads: &[Read::Files(&["configMapFile"], "/etc/modbus_exporter")],
            reloads: Some(&["configReloaderSidecar", "enable"]),
        }]),
    },
    KnownChart {
        name: "prometheus-snmp-exporter",
        repositories: PROMETHEUS,
        source: "https://github.com/prometheus-community/helm-charts/tree/main/charts/prometheus-snmp-exporter",
        shape: Shape::Listed(&[Listed {
            kind: "Deployment",
            image: "quay.io/prometheus/snmp-exporter",
            own: None,
            annotations: POD_ANNOTATIONS,
            reads: &[Read::Each(
                &["extraConfigmapMounts"],
                "configMap",
                ConfigMap,
            )],
            reloads: Some(&["configmapReload", "enabled"]),
        }]),
    },
    KnownChart {
        name: "prometheus-statsd-exporter",
        repositories: PROMETHEUS,
        source: "https://github.com/prometheus-community/helm-charts/tree/main/charts/prometheus-statsd-exporter",
        shape: Shape::Listed(&[Listed {
            kind: "Deployment",
            image: "prom/statsd-exporter",
            own: None,
            annotations: POD_ANNOTATIONS,
            reads: &[Read::Key(
                &["statsd", "mappingConfigMapName"],
                &["statsd", "mappingConfigMapKey"],
                "statsd.mappingConf",
            )],
            reloads: None,
        }]),
    },
    KnownChart {
        name: "vector",
        repositories: &["vector.dev", "vectordotdev"],
        source: "https://github.com/vectordotdev/helm-charts/tree/develop/charts/vector",
        shape: Shape::Listed(&[Listed {
            kind: "StatefulSet",
            image: "timberio/vector",
            own: None,
            annotations: POD_ANNOTATIONS,
            reads: &[
                Read::Env(&["env"]),
                Read::EnvFrom(&["envFrom"]),
                Read::Files(&["existingConfigMaps"], "/etc/vector"),
                EXTRA_VOLUMES,
                EXTRA_MOUNTS,
            ],
            reloads: None,
        }]),
    },
];
