//! Variables in ConfigMaps that Flux fills in behind the build, and that nothing sets: they become
//! empty, without a word. Source:
//! <https://fluxcd.io/flux/components/kustomize/kustomizations/#post-build-variable-substitution>.

use std::collections::BTreeSet;

use kubewright_model::finding::{Finding, Location, NoFix, Severity};
use kubewright_model::kube::{Resource, Target};
use kubewright_model::text;
use kubewright_model::text::{Named, Text};
use kubewright_model::yaml::Node;

use super::META;
use super::codes::Code;
use super::evidence::Facts;

/// The findings, one for each ConfigMap.
pub(super) fn judge(facts: &Facts<'_, '_>) -> Vec<Finding> {
    let maps = facts
        .workspace()
        .resources()
        .iter()
        .filter(|r| r.target() == Some(Target::ConfigMap));
    maps.filter(|r| {
        facts
            .workspace()
            .may_hold_any(r.id, |text| text.contains("${"))
    })
    .filter_map(|resource| blanked(facts, resource))
    .collect()
}

fn blanked(facts: &Facts<'_, '_>, resource: &Resource) -> Option<Finding> {
    let ws = facts.workspace();
    let values = ws
        .node(resource.id)?
        .get("data")?
        .entries()
        .map(|(_, value)| value);
    let held: Vec<(Node<'_>, Vec<&str>)> = values
        .map(|v| (v, variables(v.text().unwrap_or_default())))
        .filter(|(_, v)| !v.is_empty())
        .collect();
    if held.is_empty() {
        return None;
    }
    for set in ws.sets_of(resource.id) {
        for (owner, build) in ws.post_builds(set, resource.id) {
            // Another kustomization may add to what it sets.
            let patched = ws
                .touches(owner)
                .iter()
                .any(|touch| touch.affects("spec.postBuild"));
            let Some(known) = set_by(facts, build).filter(|known| !patched && !known.is_empty())
            else {
                continue;
            };
            let is_blank = |name: &&&str| !known.contains(**name);
            let Some((node, _)) = held
                .iter()
                .find(|(_, names)| names.iter().any(|name| is_blank(&name)))
            else {
                continue;
            };
            let names: BTreeSet<String> = held
                .iter()
                .flat_map(|(_, n)| n)
                .filter(is_blank)
                .map(|name| format!("${{{name}}}"))
                .collect();
            let owner = ws.resource(owner);
            return Some(
                META.finding(
                    Severity::Warning,
                    Location::of(resource.file, *node),
                    text![
                        Named::new("ConfigMap", &resource.name),
                        " holds ",
                        Text::list(&names),
                        ", which postBuild of Flux Kustomization ",
                        &owner.name,
                        " does not set: Flux writes nothing in its place"
                    ],
                )
                .related(vec![(
                    Location::of(owner.file, build),
                    text!["sets ", Text::list(known)],
                )])
                .about(resource.id)
                .subject("variables", names)
                .fix(Err(NoFix::new(
                    Code::BlankVariable,
                    "set it there, write `$${…}` for text that is to stay, or label the ConfigMap \
                     `kustomize.toolkit.fluxcd.io/substitute: disabled`",
                ))),
            );
        }
    }
    None
}

/// The variables that a `postBuild` sets; `None` when not all of its sources are in the workspace.
fn set_by(facts: &Facts<'_, '_>, build: Node<'_>) -> Option<BTreeSet<String>> {
    let mut known: BTreeSet<String> = build
        .get("substitute")
        .into_iter()
        .flat_map(Node::entries)
        .filter_map(|(key, _)| key.text())
        .map(str::to_owned)
        .collect();
    for source in build
        .get("substituteFrom")
        .into_iter()
        .flat_map(Node::items)
    {
        let text = |key: &str| source.get(key).and_then(Node::text);
        let to = [Target::ConfigMap, Target::Secret]
            .into_iter()
            .find(|to| text("kind") == Some(to.kind()))?;
        known.extend(facts.keys_of(to, text("name")?)?);
    }
    Some(known)
}

/// Variables of a text without a default, as Flux reads them (`github.com/fluxcd/pkg/envsubst`):
/// `$${X}` stays.
fn variables(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices("${") {
        let escaped = text.get(..at).is_some_and(|before| before.ends_with('$'));
        let Some((name, _)) = text.get(at + 2..).and_then(|rest| rest.split_once('}')) else {
            break;
        };
        let identifier = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
            && !name.starts_with(|c: char| c.is_ascii_digit());
        if !escaped && identifier && !name.is_empty() && !found.contains(&name) {
            found.push(name);
        }
    }
    found
}
