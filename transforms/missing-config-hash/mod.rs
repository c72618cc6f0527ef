//! `missing-config-hash`: pod templates that read configuration and carry no hash of it, or a stale one.

use kubewright_model::finding::{Applicability, Finding};

use crate::{Context, Meta, Transform};

/// See the page of the transform.
pub(crate) struct MissingConfigHash;

static META: Meta = Meta {
    name: "missing-config-hash",
    summary: "pod templates that read configuration and carry no hash of it, or a stale one",
    applicability: Applicability::Safe,
    since: "0.1.0",
    docs: include_str!("README.md"),
};

impl Transform for MissingConfigHash {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn check(&self, cx: &Context<'_>) -> Vec<Finding> {
        let _ = cx;
        Vec::new()
    }
}
