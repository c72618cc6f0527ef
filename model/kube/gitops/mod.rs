//! What Argo CD and Flux apply: which repositories and directories, and with which settings of
//! their own.

pub(in crate::kube) mod application_set;
pub(in crate::kube) mod applier;
pub(in crate::kube) mod argo_cd;
pub(in crate::kube) mod flux;
pub(in crate::kube) mod repository;
pub(in crate::kube) mod settings;
