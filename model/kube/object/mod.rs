//! What everything else speaks of: resources, references to ConfigMaps and Secrets, apply sets, and
//! what a kustomization makes and changes. Data only: nothing here reads a document.

pub(in crate::kube) mod apply_set;
pub(in crate::kube) mod kustomization;
pub(in crate::kube) mod location;
pub(in crate::kube) mod reference;
pub(in crate::kube) mod resource;
