//! `static-pod-kube-proxy`: kube-proxy run as a static pod.

use kubewright_model::finding::{Applicability, Finding};

use crate::{Context, Meta, Transform};

/// See the page of the transform.
pub(crate) struct StaticPodKubeProxy;

static META: Meta = Meta {
    name: "static-pod-kube-proxy",
    summary: "kube-proxy run as a static pod",
    applicability: Applicability::Unsafe,
    since: "0.1.0",
    docs: include_str!("README.md"),
};

impl Transform for StaticPodKubeProxy {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn check(&self, cx: &Context<'_>) -> Vec<Finding> {
        let _ = cx;
        Vec::new()
    }
}
