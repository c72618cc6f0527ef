//! The codes of the reasons why there is no fix. Each has a row on the page, and a case.

pub(super) const CODES: &[&str] = &[
    "converted",
    "copied-to-nodes",
    "daemonset-exists",
    "dns-policy",
    "env-taken",
    "generator-owned",
    "in-list",
    "inside-text",
    "kubernetes-version",
    "kustomize-patch",
    "local-apiserver",
    "no-kubeconfig",
    "node-value-elsewhere",
    "other-containers",
    "placeholder",
    "several-addresses",
    "several-copies",
    "shell-unclear",
    "target-exists",
];
