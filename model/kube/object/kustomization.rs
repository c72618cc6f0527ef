//! Kustomizations: what they gather, and what they change on the way.

use std::collections::BTreeSet;
use std::ops::Range;

use super::location::Location;
use super::reference::Target;
use super::resource::FileId;

/// A `kustomization.yaml`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kustomization {
    /// Its file.
    pub file: FileId,
    /// Its directory, relative to the root; empty for the root itself.
    pub directory: String,
    /// Kind `Component`.
    pub component: bool,
    /// No other kustomization of the workspace refers to it.
    pub root: bool,
    /// Files of resources, in order.
    pub resources: Vec<FileId>,
    /// Kustomizations it refers to (`resources`, `bases`, `components`), in order.
    pub bases: Vec<FileId>,
    /// `namespace`
    pub namespace: Option<String>,
    /// `namePrefix`
    pub prefix: String,
    /// `nameSuffix`
    pub suffix: String,
    /// `configMapGenerator` and `secretGenerator`.
    pub generators: Vec<Generator>,
    /// References that lead out of the workspace, or cannot be read.
    pub holes: Vec<String>,
}

/// An item of `configMapGenerator` or `secretGenerator`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Generator {
    /// What it makes.
    pub to: Target,
    /// `name`
    pub name: String,
    /// `namespace`
    pub namespace: Option<String>,
    /// `behavior`: `create`, `merge` or `replace`.
    pub behavior: String,
    /// Whether the name gets a content hash.
    pub hash_suffix: bool,
    /// The keys it writes.
    pub keys: GeneratedKeys,
    /// Where `name` stands.
    pub location: Location,
}

/// Keys that generators write.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GeneratedKeys {
    /// Those that are known.
    pub known: BTreeSet<String>,
    /// There are no others: no file of variables that is not part of the workspace, no item that
    /// cannot be read.
    pub complete: bool,
}

/// Something that changes a resource between its file and the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Touch {
    /// Where it is declared.
    pub location: Location,
    /// What.
    pub what: TouchKind,
    /// Dotted field paths without list indices that it changes
    /// (`spec.template.spec.containers.image`); `None`: anything.
    pub paths: Option<Vec<String>>,
    /// It addresses list items by index (JSON patch).
    pub by_index: bool,
}

/// What changes a resource on its way to the cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TouchKind {
    /// An item of `commonAnnotations`.
    CommonAnnotations,
    /// An item of `commonLabels`.
    CommonLabels,
    /// `commonMetadata` of a Flux `Kustomization`.
    CommonMetadata,
    /// A generator of the same name.
    Generator,
    /// An item of `images`.
    Images,
    /// An item of `labels`.
    Labels,
    /// A strategic-merge or JSON patch.
    Patch,
    /// `postBuild` of a Flux `Kustomization`.
    PostBuild,
    /// A target of `replacements`.
    Replacement,
    /// An item of `replicas`.
    Replicas,
    /// An item of `transformers`.
    Transformer,
    /// An item of `configurations`.
    TransformerConfiguration,
    /// An item of `vars`.
    Vars,
}

impl TouchKind {
    /// Its name in messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::CommonAnnotations => "commonAnnotations",
            Self::CommonLabels => "commonLabels",
            Self::CommonMetadata => "commonMetadata",
            Self::Generator => "a generator",
            Self::Images => "images",
            Self::Labels => "labels",
            Self::Patch => "a patch",
            Self::PostBuild => "Flux post-build substitution",
            Self::Replacement => "a replacement",
            Self::Replicas => "replicas",
            Self::Transformer => "a transformer",
            Self::TransformerConfiguration => "a transformer configuration",
            Self::Vars => "vars",
        }
    }
}

impl Touch {
    /// Whether it is a patch, which [`Workspace::built`](crate::kube::Workspace::built) carries
    /// out.
    pub fn is_patch(&self) -> bool {
        self.what == TouchKind::Patch
    }

    /// Whether it may change a field at or below, or above, `path`.
    pub fn affects(&self, path: &str) -> bool {
        let covers = |a: &str, b: &str| {
            a == b || (b.starts_with(a) && b.as_bytes().get(a.len()) == Some(&b'.'))
        };
        self.paths
            .as_ref()
            .is_none_or(|paths| paths.iter().any(|p| covers(p, path) || covers(path, p)))
    }
}

/// A use of a name by something that is no resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutsideUse {
    /// The scalar that holds the name; of an inline patch the scalar that holds the patch.
    pub location: Location,
    /// What.
    pub what: OutsideUseKind,
    /// Where it is declared: the patch as [`Touch::location`] has it, the replacement, variable or
    /// generator.
    pub declared: Location,
    /// The bytes of the name in the text of the inline patch at `location`.
    pub inline: Option<Range<usize>>,
    /// The scalar is nothing but the name, it means no other object, and `keys` are all keys that
    /// it is about.
    pub exact: bool,
    /// Keys of data that it demands, takes or sets.
    pub keys: BTreeSet<String>,
}

/// What uses a name outside of resources.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutsideUseKind {
    /// A strategic-merge or JSON patch of that object.
    Patch,
    /// `patches[].target`
    PatchTarget,
    /// A patch of a workload that refers to it.
    PatchReference,
    /// `replacements` or `vars`
    Replacement,
    /// A generator of that name (`behavior: merge`, `replace` or a second definition).
    Generator,
}
