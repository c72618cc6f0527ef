//! What one kustomization says: its entries, generators and patches, and what those patches match
//! and give.

pub(in crate::kube) mod codes;
pub(in crate::kube) mod generator;
pub(in crate::kube) mod kustomization;
pub(in crate::kube) mod manifests;
pub(in crate::kube) mod patch;
pub(in crate::kube) mod patch_data;
pub(in crate::kube) mod patched;
pub(in crate::kube) mod selector;
