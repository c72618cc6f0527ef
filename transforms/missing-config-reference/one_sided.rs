//! Names that only one side states a namespace for: the reader, or the definition. They meet if
//! whoever applies them says that namespace, as by `kubectl -n`; without it the other side is in
//! `default`.

use std::collections::BTreeSet;

use kubewright_model::finding::{Finding, NoFix, Severity};
use kubewright_model::kube::{Resource, ResourceId, SetId, Workspace};
use kubewright_model::text;
use kubewright_model::text::Named;

use super::codes::Code;
use super::evidence::Facts;
use super::wanted::Wanted;
use super::{META, objects, say};

/// A reference, and the definition that it may mean.
pub(super) struct OneSided<'a> {
    resource: &'a Resource,
    wanted: Wanted<'a>,
    set: SetId,
    definition: ResourceId,
    /// The namespace of the reader, and that of the definition.
    namespaces: (Option<String>, Option<String>),
}

impl<'a> OneSided<'a> {
    /// The reference, where a set that is applied as a whole, or one file, has a single definition
    /// of it.
    pub(super) fn of(
        workspace: &Workspace,
        set: SetId,
        resource: &'a Resource,
        wanted: &Wanted<'a>,
        ids: &[ResourceId],
    ) -> Option<Self> {
        let [definition] = ids else { return None };
        let together =
            workspace.set(set).closed || workspace.resource(*definition).file == resource.file;
        let reader = workspace.member(set, resource.id)?.namespace.clone();
        let theirs = workspace.member(set, *definition)?.namespace.clone();
        // Without a namespace it is `default`, unless somebody says another one.
        let same = reader.as_deref().or(theirs.as_deref()) == Some("default");
        let one = Self {
            resource,
            wanted: wanted.clone(),
            set,
            definition: *definition,
            namespaces: (reader, theirs),
        };
        (together && wanted.is_in_pods() && wanted.namespace.is_none() && !same).then_some(one)
    }
}

/// The findings, one for each name that a resource reads.
pub(super) fn judge(facts: &Facts<'_, '_>, all: &[OneSided<'_>]) -> Vec<Finding> {
    let mut said = BTreeSet::new();
    let new = all
        .iter()
        .filter(|one| said.insert((one.resource.id, one.wanted.to, one.wanted.name)));
    new.filter(|one| {
        !facts.gaps.is_lost(one.resource.id, &one.wanted)
            && !facts.is_made(one.resource, &one.wanted, one.set)
    })
    .filter_map(|one| finding(facts, one))
    .collect()
}

fn finding(facts: &Facts<'_, '_>, one: &OneSided<'_>) -> Option<Finding> {
    let (kind, to, name) = (&one.resource.kind, one.wanted.to.kind(), one.wanted.name);
    let (stated, who, bare) = match &one.namespaces {
        (Some(reader), None) => (
            reader,
            text![Named::new(kind, &one.resource.name)],
            text!["the ", &to],
        ),
        (None, Some(theirs)) => (theirs, text![&to, " ", &name], text!["the ", kind]),
        _ => return None,
    };
    let exempt = !super::is_configured(facts.workspace(), one.set)
        && (facts.tests(one.resource.file).is_some()
            || facts.examples(one.resource.file).is_some()
            || facts.is_base(one.set));
    let message = text![
        Named::new(kind, &one.resource.name),
        " reads ",
        Named::new(to, name),
        ", and only ",
        who,
        " states a namespace (",
        stated,
        "): applied without `-n ",
        stated,
        "`, ",
        &bare,
        " is in another one",
        say::comes(&one.wanted)
    ];
    Some(
        META.finding(
            if exempt {
                Severity::Info
            } else {
                Severity::Warning
            },
            one.wanted.place.at.clone(),
            message,
        )
        .related(objects::place(facts, one.definition).map(|at| (at, text![Named::new(to, name)])))
        .about(one.resource.id)
        .subject("one-sided", [to, name])
        .fix(Err(NoFix::new(
            Code::NamespaceOnOneSide,
            format!("write `namespace: {stated}` into the metadata of {bare} too"),
        ))),
    )
}
