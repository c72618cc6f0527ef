//! What a transform of kubewright works on.
//!
//! The floors read downwards: [`finding`] (what is said and changed) stands on [`kube`] (resources,
//! pod templates, references, apply sets), which stands on [`yaml`] (lossless documents: parse,
//! navigate, edit, verify). What is said is a [`mod@text`], with one of the [`mod@codes`];
//! [`script`] reads shell, [`mod@glob`] compiles globs, [`parallel`] shares work out. This crate neither reads nor writes files,
//! knows no terminal, no clock and no environment: text goes in, values and edits come out.

pub mod codes;
pub mod finding;
pub mod glob;
pub mod kube;
pub mod parallel;
pub mod script;
pub mod text;
pub mod yaml;
