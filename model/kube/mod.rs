//! The graph of Kubernetes resources in a workspace: resources, pod templates, references and apply
//! sets.
//!
//! [`Workspace::new`] reads all files given, text only, and indexes them. Everything a transform
//! asks is answered from here: which resources there are, what pod templates they carry
//! ([`Workspace::pod_templates`]), what those refer to ([`PodTemplate::references`],
//! [`Workspace::references_to`]), what is applied together ([`ApplySet`]), and what kustomize would
//! change on the way ([`Workspace::touches`], [`Workspace::uses_outside`]).
//!
//! What it costs. Of each file a run reads, all is parsed, and of each document the [`Identity`] is
//! kept, of most no tree; that, the apply sets and the kustomizations are all that a run pays for
//! documents in which nothing is found. Everything else is made when it is asked for, and only for
//! what it is asked about. To keep it so:
//! - an analysis is a function of a resource, or a map in `Index` behind a `OnceLock`; never a
//!   field that every resource gets;
//! - before it takes a node of a resource it asks the text for a word without which there is
//!   nothing to find ([`Workspace::may_hold`], [`Workspace::may_refer`]): trees are parsed again
//!   for those who look at them ([`Tree`]);
//! - it takes names as they stand in the text (`&str`) and sorts positions, not copies of strings.

mod application_set;
mod applier;
mod apply_set;
mod argo;
mod aside;
mod built;
mod content;
mod custom_fields;
mod field_reference;
mod field_table;
mod flux;
mod follow;
mod gather;
mod generated;
mod generation;
mod generator;
mod generator_content;
mod hold;
mod image_table;
pub mod images;
mod index;
mod invalid;
mod kustomization;
mod kustomize;
mod meeting;
mod mention;
mod nearest;
mod outside;
mod overlay;
mod overrides;
mod owners;
mod patch;
mod patched;
mod pod;
mod pod_reference;
mod read;
mod reference;
mod repository;
mod resolve;
mod resource;
mod selector;
mod sets;
mod template;
#[cfg(test)]
mod tests;
mod touch;
mod tree;
mod unexplained;
mod unit;
mod workspace;

pub use aside::Aside;
pub use built::{Build, Built};
pub use content::Encrypted;
pub use follow::Renamed;
pub use generation::{Failure, FailureReason};
pub use generator_content::{GeneratedContent, Unknown};
pub use hold::Hold;
pub use invalid::{Invalid, Problem};
pub use kustomize::{GeneratedKeys, Generator, Kustomization, OutsideUse, OutsideUseKind, Touch};
pub use mention::{Mention, Mentions, Reader, Surroundings, Texts};
pub use patched::Origin;
pub use pod::{CARRIERS, Carrier, Container, ContainerKind, PodTemplate, Rollout, walk};
pub use reference::{Certainty, Demand, FieldReference, Keys, Reference, Site, Target};
pub use resource::{FileId, Identity, Resource, ResourceId};
pub use sets::{
    Applier, ApplySet, EncryptedMember, Evidence, Generated, Member, Part, Resolution, SetId,
};
pub use tree::Tree;
pub use workspace::{
    ApplySetSpec, Broken, Input, Options, PathGlob, ReferenceSpec, Skipped, SourceFile, Workspace,
};
