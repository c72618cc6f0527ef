//! What a name stands for in an apply set, and where else it stands: what a rename has to follow.

pub(in crate::kube) mod generators;
pub(in crate::kube) mod mention;
mod nearest;
pub(in crate::kube) mod other_uses;
pub(in crate::kube) mod resolve;
pub(in crate::kube) mod unknown_words;
