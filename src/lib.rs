//! kubewright finds configuration hazards in Kubernetes manifests and rewrites them in place,
//! showing every change as a diff.
//!
//! The table of floors, read downwards; nothing points up:
//!
//! | floor | what it knows |
//! |---|---|
//! | [`cli`] | disk, terminal, clock, arguments: the only code that touches them |
//! | [`pipeline`] | check, select, apply, repeat until quiet: text in, report out |
//! | [`typed`] | whether a document still means the same to the Kubernetes API types |
//! | `kubewright_transforms` | what to find and how to rewrite it, one folder a transform |
//! | `kubewright_model::finding` | findings, fixes, edits |
//! | `kubewright_model::kube` | resources, pod templates, references, apply sets |
//! | `kubewright_model::yaml` | lossless documents: parse, navigate, edit, verify |
//! | `kubewright_model::text` | sentences for the reader, made of parts |
//! | `kubewright_model::script` | what a shell script does with a file |

pub mod cli;
pub mod pipeline;
pub mod typed;
