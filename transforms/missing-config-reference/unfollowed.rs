//! Names that a kustomization changes (`namePrefix`, `nameSuffix`, the hash of a generator) while
//! it leaves the reference to them as it is: kustomize rewrites references in the kinds that it
//! knows alone, and within one namespace.

use kubewright_model::finding::{Finding, NoFix, Severity};
use kubewright_model::kube::{Renamed, Resolution, Resource, ResourceId, SetId, Workspace};
use kubewright_model::text;
use kubewright_model::text::{Named, Text, Verbatim};

use super::META;
use super::codes::Code;
use super::wanted::Wanted;

/// A reference that the build leaves behind.
pub(super) struct Unfollowed<'a> {
    resource: &'a Resource,
    wanted: Wanted<'a>,
    sets: Vec<SetId>,
    becomes: Renamed,
    /// kustomize knows the field, and looks in another namespace.
    known: bool,
}

impl<'a> Unfollowed<'a> {
    /// The reference, when the build changes the name and not the reference.
    pub(super) fn of(
        workspace: &Workspace,
        set: SetId,
        resource: &'a Resource,
        wanted: &Wanted<'a>,
        resolution: &Resolution,
    ) -> Option<Self> {
        if !wanted.is_in_pods() || *resolution == Resolution::Missing {
            return None;
        }
        let hashed = matches!(
            resolution,
            Resolution::Generated {
                hash_suffix: true,
                ..
            }
        );
        let becomes = workspace.renamed(set, resource.id, wanted.to, wanted.name, hashed)?;
        let known = workspace.follows_names(set, resource.id);
        (!known || !becomes.meets() || !becomes.together).then(|| Self {
            resource,
            wanted: wanted.clone(),
            sets: vec![set],
            becomes,
            known,
        })
    }

    /// Whether it is this reference of this resource.
    pub(super) fn is(&self, id: ResourceId, wanted: &Wanted<'_>) -> bool {
        (self.resource.id, self.wanted.to, self.wanted.name) == (id, wanted.to, wanted.name)
    }

    /// Adds one to others: a name is reported once for a resource, with all sets in which it is
    /// lost in the same way.
    pub(super) fn add_to(self, all: &mut Vec<Self>) {
        let same = |other: &&mut Self| {
            let name = (other.resource.id, other.wanted.to, other.wanted.name);
            name == (self.resource.id, self.wanted.to, self.wanted.name)
                && other.becomes == self.becomes
        };
        match all.iter_mut().find(same) {
            Some(known) if known.sets.contains(&self.sets[0]) => {}
            Some(known) => known.sets.extend(self.sets),
            None => all.push(self),
        }
    }
}

/// The finding about a reference that the build leaves behind.
pub(super) fn judge(workspace: &Workspace, lost: &Unfollowed<'_>) -> Finding {
    let Unfollowed {
        resource,
        wanted,
        sets,
        becomes,
        known,
    } = lost;
    let (kind, name, to) = (&resource.kind, wanted.name, wanted.to.kind());
    let sets: Vec<Text> = sets
        .iter()
        .map(|set| crate::say::set(workspace, *set))
        .collect();
    let (fix, related) = if !becomes.together {
        (other_build(lost), Vec::new())
    } else if *known {
        other_namespace(workspace, lost)
    } else {
        (unknown_field(workspace, lost), Vec::new())
    };
    META.finding(
        Severity::Error,
        wanted.place.at.clone(),
        text![
            Named::new(kind, &resource.name),
            " reads ",
            Named::new(to, name),
            ", which ",
            Text::list(&sets),
            " ",
            if sets.len() == 1 { "builds" } else { "build" },
            " as ",
            &becomes.name,
            ", and the reference stays: its pods do not start"
        ],
    )
    .related(related)
    .about(resource.id)
    .subject("unfollowed", [to, name])
    .fix(Err(fix))
}

fn unknown_field(workspace: &Workspace, lost: &Unfollowed<'_>) -> NoFix {
    let (kind, to) = (&lost.resource.kind, lost.wanted.to.kind());
    let path = lost
        .wanted
        .place
        .path(workspace, lost.resource)
        .replace('.', "/");
    let fields = format!("[{{kind: {kind}, path: {path}}}]");
    let configuration =
        format!("{{nameReference: [{{kind: {to}, version: v1, fieldSpecs: {fields}}}]}}");
    let text = text![
        "kustomize does not know that a ",
        kind,
        " refers to a ",
        to,
        "; name a file under `configurations` of the kustomization, with: ",
        Verbatim(&configuration)
    ];
    NoFix::new(Code::NameNotFollowed, text)
}

fn other_build(lost: &Unfollowed<'_>) -> NoFix {
    let (name, becomes) = (lost.wanted.name, &lost.becomes.name);
    let cure = if becomes.contains('<') {
        format!("set disableNameSuffixHash for {name}")
    } else {
        format!("read {becomes}")
    };
    let text = format!(
        "the two are built by kustomizations of their own, and neither build sees the other: \
         {cure}, or put both into one"
    );
    NoFix::new(Code::NameOfAnotherBuild, text)
}

fn other_namespace(
    workspace: &Workspace,
    lost: &Unfollowed<'_>,
) -> (NoFix, Vec<(kubewright_model::finding::Location, Text)>) {
    let Unfollowed {
        resource,
        wanted,
        sets,
        becomes,
        ..
    } = lost;
    let (kind, to) = (&resource.kind, wanted.to.kind());
    let place = |namespace: &Option<String>| {
        namespace
            .as_ref()
            .map_or_else(|| "no namespace".to_owned(), |n| format!("namespace {n}"))
    };
    let what = if becomes.definition.is_some() {
        to.to_owned()
    } else {
        format!("generator of the {to}")
    };
    let advice = match (&becomes.reader, &becomes.namespace) {
        (Some(reader), _) => format!("write `namespace: {reader}` at the {what}"),
        (None, Some(theirs)) => format!("give the {kind} the namespace {theirs} too"),
        (None, None) => String::new(),
    };
    let text = format!(
        "kustomize follows a name within one namespace, and in the build the {kind} has {} and the \
         {to} has {}: {advice}",
        place(&becomes.reader),
        place(&becomes.namespace),
    );
    let generator = || {
        let mut made = sets
            .iter()
            .flat_map(|set| &workspace.set(*set).generated)
            .filter_map(|made| workspace.generator(made));
        made.find(|g| g.to == wanted.to && g.name == wanted.name)
            .map(|g| g.location.clone())
    };
    let definition = becomes
        .definition
        .and_then(|id| super::objects::name_of(workspace, id));
    let at = if becomes.definition.is_some() {
        definition
    } else {
        generator()
    };
    (
        NoFix::new(Code::NamespaceNotFollowed, text),
        at.map(|at| (at, text!["the ", what])).into_iter().collect(),
    )
}
