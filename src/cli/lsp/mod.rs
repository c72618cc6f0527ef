//! `kubewright lsp`: a language server over whole apply sets. The text of the editor counts, saved
//! or not.
//!
//! One thread answers, in the order of the questions, from a workspace that takes over what did
//! not change. Findings, which need all transforms, are made beside it, when nothing was typed for
//! a moment. `lsp-server` is the transport of rust-analyzer and ruff: no runtime, and the order of
//! messages is kept, which the text of the editor depends on.

mod answers;
mod at_once;
mod complete;
mod findings;
mod lenses;
mod names;
mod place;
mod rename;
mod server;
mod state;
mod work;

pub(super) use server::lsp;
