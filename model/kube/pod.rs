//! Pod templates: where each kind carries its pods, and their containers and volumes.

use super::reference::Reference;
use super::resource::ResourceId;
use crate::yaml::Node;

/// What a changed pod template does to running pods (semantics c.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rollout {
    /// The controller replaces pods by itself.
    Rolls,
    /// The next run takes it: CronJob and the like.
    NextRun,
    /// Accepted, running pods stay as they are: ReplicaSet, ReplicationController, PodTemplate.
    Untouched,
    /// The field is immutable, the object must be recreated: Job.
    Immutable,
    /// The pod itself must be recreated: Pod.
    Recreate,
}

/// A kind that carries pod templates.
#[derive(Debug)]
pub struct Carrier {
    /// Kind.
    pub kind: &'static str,
    /// API groups it is recognised in, without version; `""` is the core group; `*` takes any.
    pub groups: &'static [&'static str],
    /// Path from the resource to the mapping that holds `metadata` and `spec` of the pod; empty for Pod. `[]` behind a segment goes
    /// through a sequence, `*` through all values of a mapping.
    pub template: &'static [&'static str],
    /// What a change does.
    pub rollout: Rollout,
}

/// All carriers (semantics b.2 and the whole-template CRDs of b.5).
pub const CARRIERS: &[Carrier] = &[];

/// A pod template of a resource.
#[derive(Debug, Clone, Copy)]
pub struct PodTemplate<'a> {
    /// The resource that carries it.
    pub resource: ResourceId,
    /// Its kind's row.
    pub carrier: &'static Carrier,
    /// The mapping with `metadata` and `spec`: the template, or the Pod itself.
    pub node: Node<'a>,
    /// `spec`.
    pub spec: Node<'a>,
}

/// Where a container stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContainerKind {
    /// `initContainers`
    Init,
    /// `containers`
    Main,
    /// `ephemeralContainers`
    Ephemeral,
}

/// A container of a pod template.
#[derive(Debug, Clone, Copy)]
pub struct Container<'a> {
    /// Where it stands.
    pub kind: ContainerKind,
    /// Its mapping.
    pub node: Node<'a>,
    /// Its name; empty when it has none.
    pub name: &'a str,
}

impl<'a> PodTemplate<'a> {
    /// All containers: init containers, containers, ephemeral containers.
    pub fn containers(&self) -> Vec<Container<'a>> {
        Vec::new()
    }

    /// The items of `volumes`.
    pub fn volumes(&self) -> Vec<Node<'a>> {
        Vec::new()
    }

    /// The volume of that name.
    pub fn volume(&self, name: &str) -> Option<Node<'a>> {
        let _ = name;
        None
    }

    /// An annotation of the pod (of the template's `metadata`, not of the workload's).
    pub fn annotation(&self, key: &str) -> Option<Node<'a>> {
        let _ = key;
        None
    }

    /// All references to ConfigMaps and Secrets in canonical order, which does not depend on the order of mapping keys: for each init
    /// container, container and ephemeral container its `envFrom`, then its `env`; then the volumes with their sources in order; then the rest
    /// (`imagePullSecrets`, `secretRef` of other volume types).
    pub fn references(&self) -> Vec<Reference<'a>> {
        Vec::new()
    }
}
