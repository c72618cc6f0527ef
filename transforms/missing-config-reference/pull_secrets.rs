//! Secrets with which pods pull images. They are mostly made by hand, and pods start without them
//! where the image is there: only a Secret for it that nobody names speaks of a slip, or a set
//! that has all others.

use kubewright_model::finding::{NoFix, Severity};
use kubewright_model::kube::{ResourceId, SetId, Target};
use kubewright_model::text;
use kubewright_model::text::Named;

use super::codes::Code;
use super::evidence::{Facts, may_equal};
use super::wanted::{How, Place, Wanted};
use super::{Gap, Verdict, is_configured, objects, rewrite};

/// The types of Secrets for registries (`SecretTypeDockerConfigJson`, `SecretTypeDockercfg` in
/// pkg/apis/core).
const TYPES: &[&str] = &["kubernetes.io/dockerconfigjson", "kubernetes.io/dockercfg"];

/// What is thought of one that a set lacks and that nothing is known to make.
pub(super) fn verdict(
    facts: &Facts<'_, '_>,
    gap: &Gap<'_>,
    wanted: &Wanted<'_>,
    set: SetId,
    namespace: Option<&str>,
) -> Option<Verdict> {
    if wanted.how != How::PullSecret {
        return None;
    }
    let ws = facts.workspace();
    let configured = is_configured(ws, set);
    if !configured && facts.examples(gap.resource.file).is_some() {
        return None;
    }
    let members = ws.set(set).members.iter();
    let of_registry: Vec<ResourceId> = members
        .filter(|m| may_equal(m.namespace.as_deref(), namespace))
        .map(|m| m.resource)
        .filter(|id| ws.resource(*id).target() == Some(Target::Secret))
        .filter(|id| {
            let of = ws.node(*id).and_then(|node| node.get("type")?.text());
            of.is_some_and(|of| TYPES.contains(&of))
        })
        .collect();
    let free: Vec<ResourceId> = of_registry
        .iter()
        .copied()
        .filter(|id| {
            let name = &ws.resource(*id).name;
            ws.references_to(set, Target::Secret, name).is_empty()
        })
        .collect();
    if let ([one], true) = (free.as_slice(), of_registry.len() == 1) {
        let name = &ws.resource(*one).name;
        let meant = Named::new("Secret", name);
        let places: Vec<&Place<'_>> = gap.wanted.iter().map(|w| &w.place).collect();
        let fix = rewrite(gap.resource, &places, name, text!["name ", &meant]);
        let at = objects::place(facts, *one);
        let related = at.map(|at| {
            (
                at,
                text![&meant, " is for a registry, and nothing names it"],
            )
        });
        return Some(Verdict {
            severity: Severity::Warning,
            fix,
            notes: Vec::new(),
            related: related.into_iter().collect(),
        });
    }
    configured.then(|| {
        Verdict::no_fix(
            Severity::Warning,
            NoFix::new(Code::NotDefined, "nothing in the workspace makes it"),
        )
    })
}
