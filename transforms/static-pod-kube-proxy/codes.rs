//! The codes of the reasons why there is no fix. Each has a row on the page, and a case.

kubewright_model::codes! {
    /// Why this transform makes no fix.
    pub(super) enum Code {
        ConfigMap = "config-map",
        Converted = "converted",
        CopiedToNodes = "copied-to-nodes",
        DaemonsetExists = "daemonset-exists",
        DnsPolicy = "dns-policy",
        EnvTaken = "env-taken",
        GeneratorOwned = "generator-owned",
        InList = "in-list",
        InsideText = "inside-text",
        KubernetesVersion = "kubernetes-version",
        KustomizePatch = "kustomize-patch",
        LocalApiserver = "local-apiserver",
        NoKubeconfig = "no-kubeconfig",
        NodeValueElsewhere = "node-value-elsewhere",
        OtherContainers = "other-containers",
        Placeholder = "placeholder",
        ServiceAccount = "service-account",
        SeveralAddresses = "several-addresses",
        SeveralCopies = "several-copies",
        ShellUnclear = "shell-unclear",
        TargetExists = "target-exists",
    }
}
