//! What a graph shows, in the words of the user: paths as they are shown, names as they are
//! applied.

pub(in crate::cli) mod about;
pub(in crate::cli) mod dot;
pub(in crate::cli) mod drawing;
pub(in crate::cli) mod mermaid;

use std::collections::BTreeSet;

use kubewright_model::kube::{
    ApplySet, Certainty, Evidence, FieldReference, Generated, Keys, Member, PodTemplate, Reference,
    Resolution, Resource, Target, Workspace,
};
use kubewright_model::yaml::Node;

use super::Paths;

/// All sets, and what is in none.
pub(in crate::cli) struct Graph {
    pub(in crate::cli) sets: Vec<Set>,
    /// Resources that nothing that is built leads to.
    pub(in crate::cli) unreached: Vec<Object>,
    /// Files that are not YAML.
    pub(in crate::cli) broken: Vec<String>,
}

/// A place in a file.
#[derive(Clone)]
pub(in crate::cli) struct At {
    pub(in crate::cli) path: String,
    pub(in crate::cli) line: usize,
}

/// A resource as it is written.
#[derive(Clone)]
pub(in crate::cli) struct Object {
    pub(in crate::cli) at: At,
    pub(in crate::cli) api_version: String,
    pub(in crate::cli) kind: String,
    pub(in crate::cli) namespace: Option<String>,
    pub(in crate::cli) name: String,
}

/// An apply set.
#[derive(Clone)]
pub(in crate::cli) struct Set {
    pub(in crate::cli) name: String,
    pub(in crate::cli) evidence: Evidence,
    pub(in crate::cli) appliers: Vec<Applier>,
    pub(in crate::cli) cluster: Option<String>,
    pub(in crate::cli) holes: Vec<String>,
    pub(in crate::cli) members: Vec<Part>,
    pub(in crate::cli) generated: Vec<Made>,
    pub(in crate::cli) reads: Vec<Read>,
}

/// What has a set applied.
#[derive(Clone)]
pub(in crate::cli) struct Applier {
    pub(in crate::cli) object: Object,
    /// Its name, or that of the application an `ApplicationSet` makes.
    pub(in crate::cli) name: String,
    pub(in crate::cli) cluster: Option<String>,
    pub(in crate::cli) namespace: Option<String>,
}

/// A resource of a set.
#[derive(Clone)]
pub(in crate::cli) struct Part {
    pub(in crate::cli) object: Object,
    /// As it is applied.
    pub(in crate::cli) namespace: Option<String>,
    pub(in crate::cli) name: String,
    /// Kustomizations, outermost first.
    pub(in crate::cli) through: Vec<String>,
}

/// What a kustomize generator makes or changes.
#[derive(Clone)]
pub(in crate::cli) struct Made {
    pub(in crate::cli) at: At,
    pub(in crate::cli) kind: &'static str,
    pub(in crate::cli) namespace: Option<String>,
    pub(in crate::cli) name: String,
    pub(in crate::cli) behavior: String,
    pub(in crate::cli) hash_suffix: bool,
    pub(in crate::cli) keys: BTreeSet<String>,
    pub(in crate::cli) keys_complete: bool,
}

/// A reference to a ConfigMap or Secret.
#[derive(Clone)]
pub(in crate::cli) struct Read {
    /// Position in `members`.
    pub(in crate::cli) from: usize,
    pub(in crate::cli) at: At,
    pub(in crate::cli) kind: &'static str,
    pub(in crate::cli) name: String,
    pub(in crate::cli) optional: bool,
    /// It only looks like a reference.
    pub(in crate::cli) probable: bool,
    pub(in crate::cli) keys: Want,
    pub(in crate::cli) state: &'static str,
    /// Positions in `members`, in order of application.
    pub(in crate::cli) to: Vec<usize>,
    /// Positions in `generated`.
    pub(in crate::cli) made: Vec<usize>,
}

/// Which keys are read.
#[derive(PartialEq, Eq, PartialOrd, Ord, Clone)]
pub(in crate::cli) enum Want {
    /// None: the object is named, or mounted nowhere.
    None,
    These(BTreeSet<String>),
    AllData,
    All,
}

impl Graph {
    /// Of the files asked for: a set counts when a part of it stands in one of them.
    pub(in crate::cli) fn of(workspace: &Workspace, paths: &Paths) -> Self {
        let view = View { workspace, paths };
        let asked = |resource: &Resource| workspace.file(resource.file).editable;
        let sets = workspace
            .sets()
            .iter()
            .filter(|set| view.is_asked(set))
            .map(|set| view.set(set))
            .collect();
        let lost = workspace
            .resources()
            .iter()
            .filter(|r| asked(r) && workspace.sets_of(r.id).is_empty());
        let broken = workspace
            .broken()
            .iter()
            .filter(|b| workspace.file(b.file).editable);
        Self {
            sets,
            unreached: lost.map(|r| view.object(r)).collect(),
            broken: broken
                .map(|b| paths.shown(&workspace.file(b.file).path))
                .collect(),
        }
    }
}

/// The text of a namespace; what has none may be in any.
pub(in crate::cli) fn qualified(namespace: Option<&str>, name: &str) -> String {
    namespace.map_or_else(
        || name.to_owned(),
        |namespace| format!("{namespace}/{name}"),
    )
}

/// Why members are taken to be applied together.
pub(in crate::cli) const fn because(evidence: Evidence) -> &'static str {
    match evidence {
        Evidence::Config => "[[apply-sets]] in kubewright.toml says so",
        Evidence::Kustomization => "one kustomization is built",
        Evidence::ArgoCd => "Argo CD applies it",
        Evidence::Flux => "Flux applies it",
        Evidence::Helm => "it is a Helm chart",
        Evidence::Stream => "it is standard input",
        Evidence::Directory => "it lies in one directory, which proves nothing",
    }
}

/// The word for programs.
pub(in crate::cli) const fn word(evidence: Evidence) -> &'static str {
    match evidence {
        Evidence::Config => "config",
        Evidence::Kustomization => "kustomization",
        Evidence::ArgoCd => "argo-cd",
        Evidence::Flux => "flux",
        Evidence::Helm => "helm",
        Evidence::Stream => "stream",
        Evidence::Directory => "directory",
    }
}

struct View<'a> {
    workspace: &'a Workspace,
    paths: &'a Paths,
}

impl<'a> View<'a> {
    fn is_asked(&self, set: &ApplySet) -> bool {
        let asked = |file| self.workspace.file(file).editable;
        let empty = set.members.is_empty() && set.generated.is_empty();
        let chart = || {
            self.workspace
                .files()
                .iter()
                .any(|f| f.editable && f.path.ends_with("Chart.yaml") && below(&set.name, &f.path))
        };
        set.members.iter().any(|m| {
            asked(self.workspace.resource(m.resource).file) || m.through.iter().any(|f| asked(*f))
        }) || set.generated.iter().any(|g| asked(g.kustomization))
            || set
                .appliers
                .iter()
                .any(|a| asked(self.workspace.resource(a.resource).file))
            || empty
                && (set.evidence == Evidence::Config || set.evidence == Evidence::Helm && chart())
    }

    fn at(&self, resource: &Resource, node: Option<Node<'a>>) -> At {
        let file = self.workspace.file(resource.file);
        let name = || {
            self.workspace
                .node(resource.id)
                .map(|n| n.path(&["metadata", "name"]).unwrap_or(n))
        };
        let offset = node.or_else(name).map_or(0, |n| n.span().start);
        At {
            path: self.paths.shown(&file.path),
            line: file.position(offset).0,
        }
    }

    fn object(&self, resource: &Resource) -> Object {
        Object {
            at: self.at(resource, None),
            api_version: resource.api_version.clone(),
            kind: resource.kind.clone(),
            namespace: resource.namespace.clone(),
            name: resource.name.clone(),
        }
    }

    fn set(&self, set: &ApplySet) -> Set {
        let mut reads: Vec<Read> = set
            .members
            .iter()
            .enumerate()
            .flat_map(|(at, member)| self.reads(set, at, member))
            .collect();
        reads.sort_by(|a, b| {
            (a.from, a.kind, &a.name, &a.keys, a.at.line)
                .cmp(&(b.from, b.kind, &b.name, &b.keys, b.at.line))
        });
        reads.dedup_by(|b, a| {
            (a.from, a.kind, &a.name, &a.keys, a.optional)
                == (b.from, b.kind, &b.name, &b.keys, b.optional)
        });
        let applier = |a: &kubewright_model::kube::Applier| Applier {
            object: self.object(self.workspace.resource(a.resource)),
            name: a.name.clone(),
            cluster: a.cluster.clone(),
            namespace: a.namespace.clone(),
        };
        Set {
            name: set.name.clone(),
            evidence: set.evidence,
            appliers: set.appliers.iter().map(applier).collect(),
            cluster: set.cluster.clone(),
            holes: set.holes.clone(),
            members: set.members.iter().map(|m| self.part(m)).collect(),
            generated: set.generated.iter().filter_map(|g| self.made(g)).collect(),
            reads,
        }
    }

    fn part(&self, member: &Member) -> Part {
        Part {
            object: self.object(self.workspace.resource(member.resource)),
            namespace: member.namespace.clone(),
            name: member.name.clone(),
            through: member
                .through
                .iter()
                .map(|f| self.paths.shown(&self.workspace.file(*f).path))
                .collect(),
        }
    }

    fn made(&self, generated: &Generated) -> Option<Made> {
        let generator = self.workspace.generator(generated)?;
        let file = self.workspace.file(generated.kustomization);
        let line = file.position(generator.location.span.start).0;
        Some(Made {
            at: At {
                path: self.paths.shown(&file.path),
                line,
            },
            kind: generator.to.kind(),
            namespace: generated.namespace.clone(),
            name: generated.name.clone(),
            behavior: generator.behavior.clone(),
            hash_suffix: generator.hash_suffix,
            keys: generator.keys.known.clone(),
            keys_complete: generator.keys.complete,
        })
    }

    fn reads(&self, set: &ApplySet, from: usize, member: &Member) -> Vec<Read> {
        let workspace = self.workspace;
        let resource = workspace.resource(member.resource);
        let mut found = Vec::new();
        for reference in workspace
            .pod_templates(resource.id)
            .iter()
            .flat_map(PodTemplate::references)
        {
            let Reference {
                to,
                name,
                node,
                optional,
                demand,
                ..
            } = reference;
            let mut read = self.read(set, from, resource, (to, name, None), node);
            (read.optional, read.keys) = (optional, want(demand.reads, demand.required));
            found.push(read);
        }
        for FieldReference {
            to,
            name,
            node,
            namespace,
            required,
            certainty,
            ..
        } in workspace.field_references(resource.id)
        {
            let mut read = self.read(set, from, resource, (to, name, namespace), node);
            read.probable = certainty == Certainty::Probable;
            read.keys = want(Keys::None, required);
            found.push(read);
        }
        found
    }

    fn read(
        &self,
        set: &ApplySet,
        from: usize,
        resource: &Resource,
        what: (Target, &str, Option<&str>),
        node: Node<'a>,
    ) -> Read {
        let (to, name, namespace) = what;
        let (state, ids) = match self
            .workspace
            .resolve_in(set.id, resource.id, to, name, namespace)
        {
            Resolution::One(id) => ("one", vec![id]),
            Resolution::Several(ids) => ("several", ids),
            Resolution::Uncertain(ids) => ("uncertain", ids),
            Resolution::Generated { .. } => ("generated", Vec::new()),
            Resolution::Missing => ("missing", Vec::new()),
        };
        // Nothing is read across namespaces; what has none may be in any.
        let looks_in = namespace.or_else(|| set.members.get(from)?.namespace.as_deref());
        let generates = |g: &Generated| {
            let here =
                g.namespace.is_none() || looks_in.is_none() || g.namespace.as_deref() == looks_in;
            let generator = self.workspace.generator(g);
            here && generator
                .is_some_and(|own| own.to == to && (own.name == name || g.name == name))
        };
        let made = if state == "generated" {
            set.generated
                .iter()
                .enumerate()
                .filter(|(_, g)| generates(g))
                .map(|(at, _)| at)
                .collect()
        } else {
            Vec::new()
        };
        Read {
            from,
            at: self.at(resource, Some(node)),
            kind: to.kind(),
            name: qualified(namespace, name),
            optional: false,
            probable: false,
            keys: Want::None,
            state,
            to: set
                .members
                .iter()
                .enumerate()
                .filter(|(_, m)| ids.contains(&m.resource))
                .map(|(at, _)| at)
                .collect(),
            made,
        }
    }
}

fn want(reads: Keys, required: BTreeSet<String>) -> Want {
    match reads {
        Keys::None if required.is_empty() => Want::None,
        Keys::None => Want::These(required),
        Keys::Some(keys) => Want::These(keys.into_iter().chain(required).collect()),
        Keys::AllData => Want::AllData,
        Keys::All => Want::All,
    }
}

fn below(directory: &str, path: &str) -> bool {
    path.rsplit_once('/').map_or(".", |(d, _)| d) == directory
}
