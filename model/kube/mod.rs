//! The graph of Kubernetes resources in a workspace: resources, pod templates, references and apply
//! sets.
//!
//! [`Workspace::new`] reads all files given, text only, and indexes them. Everything a transform
//! asks is answered from here: which resources there are, what pod templates they carry
//! ([`Workspace::pod_templates`]), what those refer to ([`PodTemplate::references`],
//! [`Workspace::references_to`]), what is applied together ([`ApplySet`]), and what kustomize would
//! change on the way ([`Workspace::touches`], [`Workspace::uses_outside`]).
//!
//! # Floors
//!
//! Read downwards: a room imports only from rooms below it (`tests/floors.rs` holds that).
//!
//! | floor | what it knows |
//! |---|---|
//! | `provenance` | where a resource comes from, which decides whether an edit of its file lasts |
//! | `installed` | which pods come of the values that charts of repositories are installed with |
//! | `change` | what changes a resource between its file and the cluster, and what comes out |
//! | `names` | what a name stands for in an apply set, and where else it stands |
//! | `charts` | which Helm charts there are, with which values, and what their templates say |
//! | `workspace` | all files of a pass and what they hold; the passes |
//! | `apply_set` | what is applied together, and under which names and namespaces |
//! | `gitops` | what Argo CD and Flux apply, and with which settings of their own |
//! | `kustomize` | what one kustomization says: entries, generators, patches |
//! | `reference` | references outside of pod templates: tables of fields, and reading by them |
//! | `source` | from text to documents and resources; what is left alone and why |
//! | `images` | what images bring, as the user, the lock file or the table of images says |
//! | `pod` | pod templates, their containers, volumes and references; rollouts |
//! | `object` | what all others speak of: resources, references, apply sets; data only |
//!
//! Questions of a transform are methods of [`Workspace`], each in the room that answers it.
//!
//! # What it costs
//!
//! Of each file a run reads, all is parsed, and of each document the [`Identity`] is kept, of
//! most no tree; that, the apply sets and the kustomizations are all that a run pays for
//! documents in which nothing is found. Everything else is made when it is asked for, and only for
//! what it is asked about. To keep it so:
//! - an analysis is a function of a resource, or a map in `Index` behind a `OnceLock`; never a
//!   field that every resource gets;
//! - before it takes a node of a resource it asks the text for a word without which there is
//!   nothing to find ([`Workspace::may_hold`], [`Workspace::may_refer`]): trees are parsed again
//!   for those who look at them ([`LazyFile`]);
//! - it takes names as they stand in the text (`&str`) and sorts positions, not copies of strings.

mod apply_set;
mod change;
pub mod charts;
mod gitops;
pub mod images;
pub mod installed;
mod kustomize;
mod names;
mod object;
mod pod;
mod provenance;
mod reference;
mod source;
#[cfg(test)]
mod tests;
mod workspace;

pub use apply_set::generator_failure::{Failure, FailureReason};
pub use change::built::{Build, Built};
pub use change::generator_content::{GeneratedContent, Unknown};
pub use change::renamed::Renamed;
pub use kustomize::codes::BuildCode;
pub use kustomize::generator::{GeneratorSource, generator_sources};
pub use kustomize::patched::Origin;
pub use names::mention::{Mention, Mentions, Reader};
pub use object::apply_set::{
    Applier, ApplySet, EncryptedMember, Evidence, Generated, Member, Part, Resolution, SetId,
};
pub use object::kustomization::{
    GeneratedKeys, Generator, Kustomization, OutsideUse, OutsideUseKind, Touch, TouchKind,
};
pub use object::location::Location;
pub use object::reference::{Certainty, Demand, FieldReference, Keys, Reference, Site, Target};
pub use object::resource::{FileId, Identity, Resource, ResourceId};
pub use pod::rollout::Hold;
pub use pod::{CARRIERS, Carrier, Container, ContainerKind, PodTemplate, Rollout, walk};
pub use provenance::aside::{Aside, AsideCode};
pub use provenance::purpose;
pub use source::encrypted::Encrypted;
pub use source::file::{Broken, Input, SkipCode, Skipped, SourceFile};
pub use source::invalid::{Invalid, Problem};
pub use source::lazy_file::LazyFile;
pub use source::options::{ApplySetSpec, Options, PathGlob, ReferenceSpec, Surroundings, Texts};
pub use source::paths::{is_kubelet_setting, is_node_setting};
pub use workspace::Workspace;
