//! kubewright
pub mod typed;
