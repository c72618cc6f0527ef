//! The order of application: a hash that `kubectl` sends before its content is a lie, because the
//! pods that it starts may still read the old content
//! (docs/kubernetes.md#configmap-before-its-reader).
//!
//! Kustomize, Argo CD, Flux and Helm send ConfigMaps and Secrets first, whatever the files say.
//! With the option `order`, a definition that stands behind its readers moves in front of the first
//! of them, where one file has both.

use std::collections::BTreeMap;

use kubewright_model::finding::{Applicability, Change, Finding, Fix, Location, NoFix, Severity};
use kubewright_model::kube::{Resource, ResourceId, Target, Workspace};
use kubewright_model::text;
use kubewright_model::text::{Path, Text};

use super::codes::Code;
use super::reads::{Behind, Reading};
use super::{Case, META};
use crate::Context;

/// Readers by the definition that `kubectl` sends after them; each carries a hash, or gets one.
pub(super) struct Order<'c> {
    cx: &'c Context<'c>,
    late: BTreeMap<ResourceId, Vec<ResourceId>>,
}

impl<'c> Order<'c> {
    pub(super) fn new(cx: &'c Context<'c>) -> Self {
        Self {
            cx,
            late: BTreeMap::new(),
        }
    }

    /// Takes note of what a workload with a hash reads and is applied after it.
    pub(super) fn take(&mut self, case: &Case<'_>, reading: &Reading, finding: Option<&Finding>) {
        let gets_one = finding.is_some_and(|finding| finding.fix.is_ok());
        if !self.cx.settings.missing_config_hash.order || (case.written.is_empty() && !gets_one) {
            return;
        }
        for id in late(reading) {
            let readers = self.late.entry(id).or_default();
            if !readers.contains(&case.resource.id) {
                readers.push(case.resource.id);
            }
        }
    }

    /// One finding for each definition.
    pub(super) fn findings(&self) -> Vec<Finding> {
        let of = |(id, readers): (&ResourceId, &Vec<ResourceId>)| self.finding(*id, readers);
        self.late.iter().map(of).collect()
    }

    fn finding(&self, id: ResourceId, readers: &[ResourceId]) -> Finding {
        let workspace = self.cx.workspace;
        let late = workspace.resource(id);
        let readers: Vec<&Resource> = readers.iter().map(|r| workspace.resource(*r)).collect();
        let (whose, new) = match readers.as_slice() {
            [_] => ("whose hash covers it", "the new hash"),
            _ => ("whose hashes cover it", "the new hashes"),
        };
        let message = text![
            "kubectl applies ",
            late.display(),
            " after ",
            Text::list(readers.iter().map(|r| r.display())),
            ", ",
            whose,
            ": pods with ",
            new,
            " may start with the old content and keep it"
        ];
        let mut related: Vec<(Location, Text)> = Vec::new();
        for reader in &readers {
            if let Some(place) = named(workspace, reader) {
                related.push((place, reader.display().into()));
            }
        }
        let place = named(workspace, late).unwrap_or(Location {
            file: late.file,
            span: 0..0,
        });
        META.finding(Severity::Warning, place, message)
            .about(id)
            .related(related)
            .fix(self.fix(late, &readers))
    }

    fn fix(&self, late: &Resource, readers: &[&Resource]) -> Result<Fix, NoFix> {
        let workspace = self.cx.workspace;
        let here = readers.iter().filter(|r| r.file == late.file);
        let Some(first) = here.min_by_key(|r| r.document) else {
            let reader = readers.first().copied().unwrap_or(late);
            return Err(NoFix::new(
                Code::AppliedLater,
                other_files(workspace, late, reader),
            ));
        };
        let others = || {
            workspace
                .resources_of(late.file)
                .iter()
                .filter(|r| r.id != late.id)
        };
        let stays = |why: &str| {
            let text = format!(
                "{why}: apply {} first, from a file of its own",
                late.display()
            );
            Err(NoFix::new(Code::OrderKept, text))
        };
        if first.document >= late.document || others().any(|r| r.document == late.document) {
            return stays("it is one item of a list, which is applied as a whole");
        }
        if others().any(|r| r.kind == late.kind && r.name == late.name) {
            return stays("the file defines the name several times, and the last one counts");
        }
        let between = first.document..late.document;
        let needs = |r: &&Resource| {
            between.contains(&r.document)
                && r.kind == "Namespace"
                && late.namespace.as_deref() == Some(&*r.name)
        };
        if let Some(namespace) = others().find(needs) {
            return stays(&format!(
                "{} stands behind {} as well",
                namespace.display(),
                first.display()
            ));
        }
        let yaml = workspace.file(late.file).yaml.as_deref();
        let Some(yaml) = yaml else {
            return stays("the file is not read as YAML");
        };
        Ok(Fix {
            title: text![
                "move ",
                late.display(),
                " in front of ",
                first.display(),
                ", its first reader"
            ],
            applicability: Applicability::Safe,
            changes: vec![Change::Edit(
                late.file,
                yaml.move_document(late.document, first.document)?,
            )],
            claims: vec![late.id],
        })
    }
}

/// What is to be said of sources that are applied after the workload, where they stay there.
pub(super) fn notes(case: &Case<'_>, reading: &Reading) -> Vec<Text> {
    let workspace = case.workspace();
    if case.cx.settings.missing_config_hash.order {
        return Vec::new();
    }
    let late = late(reading).map(|id| workspace.resource(id));
    late.map(|late| {
        let what = text![
            "kubectl applies ",
            case.subject(),
            " before ",
            late.display(),
            ": new pods may start with the old content and keep it; "
        ];
        let how = if late.file == case.resource.file {
            text![
                "`order = true` in [transforms.missing-config-hash] moves ",
                late.display(),
                " in front"
            ]
        } else {
            other_files(workspace, late, case.resource)
        };
        text![what, how]
    })
    .collect()
}

/// The order that works, where two files have the two.
fn other_files(workspace: &Workspace, late: &Resource, reader: &Resource) -> Text {
    let path = |resource: &Resource| workspace.file(resource.file).path.clone();
    text![
        "kubectl takes the files of a directory in alphabetical order: rename ",
        Path(&path(late)),
        " so that it comes first, or `",
        Text::command(text![
            "kubectl apply -f ",
            Path(&path(late)),
            " -f ",
            Path(&path(reader))
        ]),
        "`"
    ]
}

/// The definitions that are applied after the workload.
fn late(reading: &Reading) -> impl Iterator<Item = ResourceId> {
    let all = reading.behind.iter().zip(&reading.names);
    all.filter(|(_, name)| reading.early.contains(name))
        .filter_map(|(behind, _)| match behind {
            Behind::Resource(id) => Some(*id),
            Behind::Generator(_) => None,
        })
}

/// Whether a finding is one of the order, which is about what is read and not about who reads it.
pub(super) fn is_about(workspace: &Workspace, finding: &Finding) -> bool {
    let kind = |id| workspace.resource(id).kind.as_str();
    finding
        .resource
        .is_some_and(|id| [Target::ConfigMap.kind(), Target::Secret.kind()].contains(&kind(id)))
}

/// Where a resource says its name.
fn named(workspace: &Workspace, resource: &Resource) -> Option<Location> {
    let node = workspace.node(resource.id)?;
    let name = node.path(&["metadata", "name"]).unwrap_or(node);
    Some(Location::of(resource.file, name))
}
