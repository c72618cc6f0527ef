//! A name of a custom resource that several directories define, each with other data: which one is
//! applied with the resource is not said.
//!
//! What pods read is said by the transform that writes hashes; the reader here has no pods of its
//! own, and its operator takes whichever definition is there.

use kubewright_model::finding::{Finding, NoFix};
use kubewright_model::kube::{Evidence, Resolution, Resource, ResourceId, SetId, Workspace};
use kubewright_model::text;
use kubewright_model::text::{Named, Path, Text};
use kubewright_model::yaml::Node;

use super::codes::Code;
use super::evidence::{Facts, may_equal};
use super::objects::place;
use super::wanted::{Place, View, Wanted};
use super::{Gap, Hazard, Held, Verdict, finding};

/// The definitions that are named; a reader looks the others up.
const MAX_NAMES: usize = 3;

/// The findings about all custom resources that nothing but a directory holds together with others.
pub(super) fn judge(facts: &Facts<'_, '_>) -> Vec<Finding> {
    let ws = facts.workspace();
    let mut found = Vec::new();
    for resource in ws.resources() {
        // Kinds of an API group with a domain of its own are custom, or nearly so.
        if !ws.pod_templates(resource.id).is_empty() || !resource.group().contains('.') {
            continue;
        }
        let [set] = ws.sets_of(resource.id)[..] else {
            continue;
        };
        if ws.set(set).evidence != Evidence::Directory {
            continue;
        }
        let view = View {
            workspace: ws,
            resource,
            built: None,
        };
        for want in view.of_fields() {
            let missing = ws.resolve_in(set, resource.id, want.to, want.name, want.namespace);
            if missing == Resolution::Missing
                && let Some(verdict) = verdict(facts, resource, &want)
            {
                found.extend(finding_about(resource, set, want, verdict));
            }
        }
    }
    found
}

fn finding_about<'a>(
    resource: &'a Resource,
    set: SetId,
    want: Wanted<'a>,
    verdict: Verdict,
) -> Option<Finding> {
    let message = text![
        Named::new(&resource.kind, &resource.name),
        " names ",
        Named::new(want.to.kind(), want.name),
        ", which several directories define"
    ];
    let gap = Gap {
        resource,
        wanted: vec![want],
        keys: Vec::new(),
        sets: vec![(set, Held::default())],
        built: true,
    };
    let places: Vec<&Place<'_>> = gap.wanted.iter().map(|w| &w.place).collect();
    finding(&gap, Hazard::Scattered, &places, message, verdict)
}

fn verdict(facts: &Facts<'_, '_>, resource: &Resource, wanted: &Wanted<'_>) -> Option<Verdict> {
    let ws = facts.workspace();
    let namespace = wanted.namespace.or(resource.namespace.as_deref());
    let all = facts.definitions(wanted.to, wanted.name);
    let here = |id: &ResourceId| may_equal(ws.resource(*id).namespace.as_deref(), namespace);
    let ids: Vec<ResourceId> = all.iter().copied().filter(here).collect();
    let first = data(ws, *ids.first()?);
    if ids.iter().all(|id| data(ws, *id) == first) {
        return None;
    }
    let paths: Vec<&str> = ids
        .iter()
        .map(|id| ws.file(ws.resource(*id).file).path.as_str())
        .collect();
    let named = paths
        .iter()
        .take(MAX_NAMES)
        .map(|path| Text::from(Path(path)));
    let more = match paths.len().saturating_sub(MAX_NAMES) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let text = text![
        Text::joined(named, if paths.len() == 2 { " and " } else { ", " }),
        more,
        " define it with different data, and nothing says which of them is applied with it: say \
         so in [[apply-sets]]"
    ];
    let mut verdict = Verdict::remark(NoFix::new(Code::SeveralDefinitions, text));
    let display = text![Named::new(wanted.to.kind(), wanted.name)];
    let places = ids.iter().filter_map(|id| place(facts, *id));
    verdict.related = places
        .take(MAX_NAMES)
        .map(|at| (at, display.clone()))
        .collect();
    Some(verdict)
}

/// What a definition holds, as it is written.
fn data(workspace: &Workspace, id: ResourceId) -> Vec<Option<&str>> {
    let node = workspace.node(id);
    let field = |name: &str| node.and_then(|node| node.get(name)).map(Node::source);
    ["data", "binaryData", "stringData"]
        .into_iter()
        .map(field)
        .collect()
}
