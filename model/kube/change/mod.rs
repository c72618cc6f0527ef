//! What changes a resource between its file and the cluster, and what comes out.

pub(in crate::kube) mod built;
pub(in crate::kube) mod built_images;
pub(in crate::kube) mod content;
pub(in crate::kube) mod generator_content;
pub(in crate::kube) mod gitops_changes;
pub(in crate::kube) mod kustomize_changes;
pub(in crate::kube) mod patched_reference;
pub(in crate::kube) mod renamed;
