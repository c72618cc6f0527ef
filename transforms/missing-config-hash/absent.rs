//! What a set does not have, and where it is instead.

use kubewright_model::finding::NoFix;
use kubewright_model::kube::{Resource, SetId, Workspace};
use kubewright_model::text;
use kubewright_model::text::{Path, Text};

use super::codes::Code;
use super::consumed::{ConsumedConfig, list};
use super::reads::Reading;
use crate::say;

/// Why there is nothing to hash.
pub(super) fn nothing_read(
    workspace: &Workspace,
    set: SetId,
    workload: &Resource,
    sources: &[ConsumedConfig<'_>],
    reading: &Reading,
) -> NoFix {
    if reading.by_name.is_empty() {
        return NoFix::new(
            Code::ConfigNotInSet,
            absent(
                workspace,
                set,
                workload,
                &sources.iter().collect::<Vec<_>>(),
            ),
        );
    }
    let each = if reading.by_name.len() > 1 {
        "each name of"
    } else {
        "the name of"
    };
    NoFix::new(
        Code::GeneratedName,
        text![
            each,
            " ",
            list(&reading.by_name),
            " carries a hash of its content"
        ],
    )
}

pub(super) fn absent(
    workspace: &Workspace,
    set: SetId,
    workload: &Resource,
    sources: &[&ConsumedConfig<'_>],
) -> Text {
    let labels: Vec<_> = sources.iter().map(|source| source.label()).collect();
    let are = if labels.len() > 1 { " are" } else { " is" };
    let mut text = text![
        list(&labels),
        are,
        " not among what is applied with it (",
        say::set(workspace, set),
        ")"
    ];
    if let Some(resource) = sources
        .iter()
        .find_map(|s| defined_elsewhere(workspace, workload, s))
    {
        text.push(text![
            "; ",
            Path(&workspace.file(resource.file).path),
            " has one: say in [[apply-sets]] if both are applied together"
        ]);
    }
    text
}

/// A definition that may be meant, though nothing says that it is applied with the workload.
pub(super) fn defined_elsewhere<'a>(
    workspace: &'a Workspace,
    workload: &Resource,
    source: &ConsumedConfig<'_>,
) -> Option<&'a Resource> {
    let same_place = |r: &Resource| {
        r.namespace.is_none() || workload.namespace.is_none() || r.namespace == workload.namespace
    };
    let all = workspace.definitions(source.to, source.name);
    let fitting = all.filter(|r| r.api_version == "v1" && same_place(r));
    workspace.nearest(workload.file, fitting)
}
