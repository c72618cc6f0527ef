//! `subpath-configmap-mount`: ConfigMap and Secret volumes mounted through subPath, which a running pod never sees change.

use kubewright_model::finding::{Applicability, Finding};

use crate::{Context, Meta, Transform};

/// See the page of the transform.
pub(crate) struct SubPathConfigMapMount;

static META: Meta = Meta {
    name: "subpath-configmap-mount",
    summary: "ConfigMap and Secret volumes mounted through subPath, which a running pod never sees change",
    applicability: Applicability::Safe,
    since: "0.1.0",
    docs: include_str!("README.md"),
};

impl Transform for SubPathConfigMapMount {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn check(&self, cx: &Context<'_>) -> Vec<Finding> {
        let _ = cx;
        Vec::new()
    }
}
