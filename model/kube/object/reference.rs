//! References to ConfigMaps and Secrets: where they stand, what they name and which keys they
//! demand.

use std::collections::BTreeSet;
use std::ops::Range;

use crate::yaml::Node;

/// What is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Target {
    /// A ConfigMap.
    ConfigMap,
    /// A Secret.
    Secret,
}

impl Target {
    /// The kind.
    pub const fn kind(self) -> &'static str {
        match self {
            Self::ConfigMap => "ConfigMap",
            Self::Secret => "Secret",
        }
    }
}

/// Where a reference of a pod template stands.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Site<'a> {
    /// `volumes[].configMap` or `.secret`
    Volume {
        /// The item of `volumes`.
        volume: Node<'a>,
        /// The `configMap` or `secret` mapping.
        source: Node<'a>,
    },
    /// `volumes[].projected.sources[].configMap` or `.secret`
    Projected {
        /// The item of `volumes`.
        volume: Node<'a>,
        /// The `configMap` or `secret` mapping.
        source: Node<'a>,
    },
    /// `env[].valueFrom.configMapKeyRef` or `.secretKeyRef`
    Env {
        /// The container.
        container: Node<'a>,
        /// The item of `env`.
        entry: Node<'a>,
    },
    /// `envFrom[].configMapRef` or `.secretRef`
    EnvFrom {
        /// The container.
        container: Node<'a>,
        /// The item of `envFrom`.
        entry: Node<'a>,
    },
    /// Any other field of the pod spec: `imagePullSecrets`, `secretRef` of a volume type that the
    /// kubelet hands to a driver.
    Other,
}

/// Which keys a reference reads, in effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Keys {
    /// None: the volume is not mounted, or the object as such is used.
    None,
    /// Exactly these.
    Some(BTreeSet<String>),
    /// All of `data`, not `binaryData`: `envFrom`.
    AllData,
    /// All of `data` and `binaryData`: a whole volume.
    All,
}

/// What a reference needs and reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Demand {
    /// Keys without which the pod does not start or gets an empty directory: `items`,
    /// `configMapKeyRef.key`, subPath without items.
    pub required: BTreeSet<String>,
    /// The required keys must be in `data` (`configMapKeyRef`, `envFrom`); else `binaryData` will
    /// do.
    pub data_only: bool,
    /// Keys whose content reaches the pod.
    pub reads: Keys,
}

/// Whether a field is known to be a reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Certainty {
    /// In the table, or declared by the user.
    Known,
    /// Looks like one (`configMapRef` in an unknown kind): blocks a rename, is never rewritten.
    Probable,
}

/// A reference in a pod template.
#[derive(Debug, Clone)]
pub struct Reference<'a> {
    /// What is named.
    pub to: Target,
    /// The name.
    pub name: &'a str,
    /// The scalar that holds it.
    pub node: Node<'a>,
    /// `optional: true`
    pub optional: bool,
    /// Keys.
    pub demand: Demand,
    /// Where.
    pub site: Site<'a>,
}

/// A reference outside of pod templates.
#[derive(Debug, Clone)]
pub struct FieldReference<'a> {
    /// What is named.
    pub to: Target,
    /// The name.
    pub name: &'a str,
    /// The scalar that holds it.
    pub node: Node<'a>,
    /// The bytes of the scalar's text that are the name, when there is more (`ns/name`, `a,b`);
    /// `None` when all of it is.
    pub part: Option<Range<usize>>,
    /// An explicit namespace beside it.
    pub namespace: Option<&'a str>,
    /// Keys it demands.
    pub required: BTreeSet<String>,
    /// Whether it is known to be a reference.
    pub certainty: Certainty,
    /// Dotted path of the field, for messages.
    pub path: String,
}
