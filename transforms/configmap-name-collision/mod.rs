//! `configmap-name-collision`: ConfigMaps of one name that meet in one apply set with different data.

use kubewright_model::finding::{Applicability, Finding};

use crate::{Context, Meta, Transform};

/// See the page of the transform.
pub(crate) struct ConfigMapNameCollision;

static META: Meta = Meta {
    name: "configmap-name-collision",
    summary: "ConfigMaps of one name that meet in one apply set with different data",
    applicability: Applicability::Safe,
    since: "0.1.0",
    docs: include_str!("README.md"),
};

impl Transform for ConfigMapNameCollision {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn check(&self, cx: &Context<'_>) -> Vec<Finding> {
        let _ = cx;
        Vec::new()
    }
}
