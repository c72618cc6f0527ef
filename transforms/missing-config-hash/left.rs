//! Hashes that stand there and cover nothing: a name says what they said, or nothing is read.

use std::collections::BTreeMap;

use kubewright_model::finding::{Applicability, Change, Finding, NoFix, Severity};
use kubewright_model::kube::{FileId, PodTemplate, Resource, ResourceId, Target};
use kubewright_model::text;
use kubewright_model::text::{Text, Verbatim};

use super::codes::Code;
use super::hashes::{self, Written};
use super::options::Strategy;
use super::reads::{Behind, Reading};
use super::{Case, consumed, message, overlay};
use crate::Context;

/// Files that hold an annotation of the transform.
pub(super) struct Files<'c> {
    cx: &'c Context<'c>,
    known: BTreeMap<FileId, bool>,
}

impl<'c> Files<'c> {
    pub(super) fn new(cx: &'c Context<'c>) -> Self {
        Self {
            cx,
            known: BTreeMap::new(),
        }
    }

    /// Whether a resource with pods may carry one: its file does.
    pub(super) fn may_carry(&mut self, resource: &Resource) -> bool {
        let ws = self.cx.workspace;
        let options = &self.cx.settings.missing_config_hash;
        let held = || {
            let text = &ws.file(resource.file).text;
            let each = [Target::ConfigMap, Target::Secret].map(|to| options.prefix_of(to));
            text.contains(&options.annotation) || each.iter().any(|prefix| text.contains(prefix))
        };
        ws.carries_pods(resource.id) && *self.known.entry(resource.file).or_insert_with(held)
    }
}

/// A hash on a pod template that reads nothing, wherever it is built.
pub(super) fn of_nothing(case: &Case<'_>) -> Option<Finding> {
    let read = consumed::all(case.template);
    if case.written.values().next().is_none() || !read.is_empty() || !is_as_written(case) {
        return None;
    }
    let keys: Vec<&str> = case.written.keys().collect();
    let names = Text::list(keys.iter().map(|key| text![Verbatim(key)]));
    let message = text![
        case.subject(),
        " carries ",
        names,
        ", and reads neither a ConfigMap nor a Secret"
    ];
    Some(finding(case, message))
}

/// A hash on a pod template all of whose configuration has names that change with its content.
pub(super) fn by_names(case: &Case<'_>, reason: &NoFix) -> Option<Finding> {
    let strategy = case.cx.settings.missing_config_hash.strategy;
    if strategy != Strategy::Versioned
        || !reason.is(Code::GeneratedName)
        || case.written.is_empty()
        || !is_as_written(case)
    {
        return None;
    }
    let message = text![
        case.subject(),
        " carries a config hash that covers nothing: ",
        &reason.text
    ];
    Some(finding(case, message))
}

/// Whether the cluster gets the pod template of the file.
fn is_as_written(case: &Case<'_>) -> bool {
    case.wanted().is_ok()
        && case.untouched().is_ok()
        && case.survives().is_ok()
        && overlay::annotations(case).next().is_none()
        && !case.workspace().sets_of(case.resource.id).is_empty()
}

fn finding(case: &Case<'_>, message: Text) -> Finding {
    let fix = case.mend(message::title(case, &[]), &[], Applicability::Safe);
    let mut finding = case.finding(Severity::Warning, message, fix);
    finding.subject.hazard = "left";
    finding
}

/// What becomes of the hashes of those who read a resource whose name is going to change with its
/// content: it is no part of them any more. Who loses all of it, too.
pub(super) fn without(
    cx: &Context<'_>,
    id: ResourceId,
    readers: &[ResourceId],
) -> (Vec<Change>, Vec<ResourceId>) {
    let (mut changes, mut bare) = (Vec::new(), Vec::new());
    for reader in readers {
        let resource = cx.workspace.resource(*reader);
        for template in cx.workspace.pod_templates(*reader) {
            let Some((edits, none)) = on_template(cx, resource, &template, id) else {
                continue;
            };
            changes.extend(edits);
            if none && !bare.contains(reader) {
                bare.push(*reader);
            }
        }
    }
    (changes, bare)
}

fn on_template(
    cx: &Context<'_>,
    resource: &Resource,
    template: &PodTemplate<'_>,
    id: ResourceId,
) -> Option<(Vec<Change>, bool)> {
    let options = &cx.settings.missing_config_hash;
    if Written::of(template.node, options).is_empty() {
        return None;
    }
    let sources = consumed::consumed(template, options);
    let case = Case::new(
        cx,
        resource,
        cx.workspace.node(resource.id)?,
        template,
        &sources,
    );
    let rest = case.read().ok()?.without(&Behind::Resource(id));
    let marks = if rest.behind.is_empty() {
        Vec::new()
    } else {
        options.hashes(&rest)
    };
    let edits = hashes::edits(template.node, &case.written, &marks).ok()?;
    let edits = edits
        .into_iter()
        .map(|edit| Change::Edit(resource.file, edit));
    Some((edits.collect(), marks.is_empty()))
}

impl Reading {
    /// What is read besides.
    fn without(mut self, gone: &Behind) -> Self {
        let is_gone: Vec<bool> = self.behind.iter().map(|behind| behind == gone).collect();
        let mut of_section = is_gone.iter();
        // Those that do not exist have nothing behind them.
        (self.sections).retain(|s| s.keys.is_none() || of_section.next() != Some(&true));
        let mut of_name = is_gone.iter();
        self.names.retain(|_| of_name.next() != Some(&true));
        self.behind.retain(|behind| behind != gone);
        self
    }
}
