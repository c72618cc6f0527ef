//! Where a resource comes from, which decides whether an edit of its file lasts.

pub(in crate::kube) mod aside;
pub(in crate::kube) mod built_from;
pub(in crate::kube) mod generated;
pub(in crate::kube) mod outputs;
pub(in crate::kube) mod owner_references;
pub mod purpose;
