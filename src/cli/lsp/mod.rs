//! `kubewright lsp`: a language server over whole apply sets. The text of the editor counts, saved
//! or not.
//!
//! One thread answers, in the order of the questions, from a workspace that takes over what did
//! not change. Findings, which need all transforms, are made beside it, when nothing was typed for
//! a moment. Messages are those of `lsp-server`, as in rust-analyzer and ruff: no runtime, and their
//! order is kept, which the text of the editor depends on.

mod answers;
mod at_once;
mod begin;
mod complete;
mod findings;
mod lenses;
mod names;
mod place;
mod rename;
mod server;
mod state;
mod transport;
mod work;

pub(super) use server::lsp;
#[cfg(fuzzing)]
pub(super) use {server::serve, transport::start};
