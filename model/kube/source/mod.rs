//! From text to documents and resources: which files are read, what each document is, and what is
//! left alone and why.

pub(in crate::kube) mod builds;
pub(in crate::kube) mod command_outputs;
pub(in crate::kube) mod encrypted;
pub(in crate::kube) mod file;
pub(in crate::kube) mod invalid;
pub(in crate::kube) mod lazy_file;
pub(in crate::kube) mod options;
pub(in crate::kube) mod paths;
pub(in crate::kube) mod read;
pub(in crate::kube) mod text_template;
