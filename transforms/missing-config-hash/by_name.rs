//! Configuration whose name is to change with its content, as `strategy` asks for it: readers
//! follow the name, and what keeps its name is hashed.

use std::collections::{BTreeMap, BTreeSet};

use kubewright_model::finding::Finding;
use kubewright_model::kube::{PodTemplate, Resource, ResourceId, Target};
use kubewright_model::text;
use kubewright_model::text::Text;

use super::consumed::list;
use super::options::Strategy;
use super::reads::{Behind, Reading};
use super::{Case, consumed, generator, skips, versioned};
use crate::Context;

/// What gets another name, and what keeps its own.
#[derive(Debug, Default)]
pub(super) struct ByName {
    /// One for each that gets another name.
    pub findings: Vec<Finding>,
    renamed: BTreeSet<ResourceId>,
    kept: BTreeMap<ResourceId, Text>,
}

impl ByName {
    /// Looks at everything whose change restarts no pod.
    pub(super) fn find(cx: &Context<'_>) -> Self {
        let mut found = Self::default();
        let ws = cx.workspace;
        let strategy = cx.settings.missing_config_hash.strategy;
        let mut wanted = match strategy {
            Strategy::Hash => return found,
            Strategy::Generator => BTreeSet::new(),
            Strategy::Versioned => versioned::outdated(cx),
        };
        for resource in ws.resources().iter().filter(|r| ws.carries_pods(r.id)) {
            for template in ws.pod_templates(resource.id) {
                wanted.extend(read_by(cx, resource, &template));
            }
        }
        for id in wanted {
            let finding = if strategy == Strategy::Generator {
                generator::finding(ws, id)
            } else {
                versioned::finding(cx, id)
            };
            match finding {
                Ok(finding) => {
                    found.renamed.insert(id);
                    found.findings.push(finding);
                }
                Err(why) => _ = found.kept.insert(id, why),
            }
        }
        found
    }

    /// Whether all that is read gets another name.
    pub(super) fn cover(&self, reading: &Reading) -> bool {
        let renamed = |behind: &Behind| match behind {
            Behind::Resource(id) => self.renamed.contains(id),
            Behind::Generator(_) => false,
        };
        !reading.behind.is_empty() && reading.behind.iter().all(renamed)
    }

    /// Why some of what is read keeps its name.
    pub(super) fn notes(&self, reading: &Reading) -> Vec<Text> {
        let kept = |(name, behind): (&(Target, String), &Behind)| match behind {
            Behind::Resource(id) => Some(text![
                list(std::slice::from_ref(name)),
                " keeps its name: ",
                self.kept.get(id)?
            ]),
            Behind::Generator(_) => None,
        };
        reading
            .names
            .iter()
            .zip(&reading.behind)
            .filter_map(kept)
            .collect()
    }
}

/// The resources that a pod template reads, where a change of them restarts no pod.
fn read_by(cx: &Context<'_>, resource: &Resource, template: &PodTemplate<'_>) -> Vec<ResourceId> {
    let settings = &cx.settings.missing_config_hash;
    let sources = consumed::consumed(template, settings);
    let Some(node) = cx
        .workspace
        .node(resource.id)
        .filter(|_| !sources.is_empty())
    else {
        return Vec::new();
    };
    let case = Case::new(cx, resource, node, template, &sources);
    let Ok(reading) = case.read() else {
        return Vec::new();
    };
    if case.written.is_empty()
        && skips::unwanted(cx.workspace, resource, template, &reading).is_err()
    {
        return Vec::new();
    }
    let of_resource = |behind: &Behind| match behind {
        Behind::Resource(id) => Some(*id),
        Behind::Generator(_) => None,
    };
    reading.behind.iter().filter_map(of_resource).collect()
}
