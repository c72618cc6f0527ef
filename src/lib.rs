//! kubewright
