//! Names that become the same only by a prefix or suffix of kustomize: `web` behind
//! `user-service-` and `service-web` behind `user-`
//! (<https://github.com/argoproj/argo-cd/issues/8811>).
//!
//! Each name is one of its own in the files, so who means which is known. One of the sources gets a
//! suffix, and what is applied is two names again.

use kubewright_model::finding::{Applicability, Change, Fix};
use kubewright_model::kube::{
    Certainty, Evidence, Resolution, Resource, ResourceId, SetId, Target, Workspace,
};
use kubewright_model::text;
use kubewright_model::yaml::{Node, Value};

use super::codes::Code;
use super::group::{Collision, Definition};
use super::{Plan, Reason, fix, uses};

/// Directories that tell nothing of what lies in them.
const GENERIC: &[&str] = &[
    "app",
    "apps",
    "base",
    "bases",
    "config",
    "deploy",
    "k8s",
    "kubernetes",
    "kustomize",
    "manifests",
    "overlays",
    "resources",
];

/// Whether the definitions have different names in their files.
pub(super) fn is_so(collision: &Collision<'_>) -> bool {
    let mut names = collision.definitions.iter().map(Definition::own_name);
    let first = names.next();
    names.any(|name| Some(name) != first)
}

/// A suffix on the name of the one that is not live, or else of the other one.
pub(super) fn plan(ws: &Workspace, collision: &Collision<'_>) -> Plan {
    if collision.definitions.len() != 2 {
        return Err(refused("the names of more than two"));
    }
    let (fix, renamed) = match rename(ws, collision, 0) {
        Ok(fix) => (fix, 0),
        Err(reason) => (rename(ws, collision, 1).map_err(|_| reason)?, 1),
    };
    let kept = 1 - renamed;
    let mut notes = vec![fix::together(ws, collision)];
    let old = collision.definitions.get(renamed).map(Definition::own_name);
    let mentions = ws.mentions(&collision.sets, collision.to, old.unwrap_or_default());
    if let Some(reason) = uses::handed_on(collision, &mentions) {
        return Err(reason);
    }
    notes.extend(uses::searched(old.unwrap_or_default(), &mentions));
    // Where kustomize builds both, it fails, and none of them was applied.
    if collision.evidence != Evidence::Kustomization {
        notes.push(text![
            collision.to.kind(),
            " ",
            &collision.applied,
            " stays in the cluster and holds what ",
            collision.place(ws, kept),
            " defines from the next apply on"
        ]);
    }
    Ok((fix, notes, kept))
}

fn refused(what: &str) -> Reason {
    Reason::new(
        Code::PrefixedName,
        format!(
            "{what} become the same only by a prefix or suffix of kustomize: give one of the \
             sources another name"
        ),
    )
}

fn rename(ws: &Workspace, collision: &Collision<'_>, at: usize) -> Result<Fix, Reason> {
    let (to, applied) = (collision.to, collision.applied.as_str());
    let no = || refused("the names");
    let why = |text: &str| {
        Reason::new(
            Code::PrefixedName,
            format!(
                "the names become the same only by a prefix or suffix of kustomize, and {text}: \
                 give one of the sources another name by hand"
            ),
        )
    };
    let definition = collision.definitions.get(at).ok_or_else(no)?;
    let id = definition
        .id()
        .ok_or_else(|| why("a generator makes one of them"))?;
    let resource = ws.resource(id);
    let old = resource.name.as_str();
    if !ws.uses_outside(Some(id), to, old).is_empty() {
        return Err(why("a patch, a replacement or a generator names it"));
    }
    if let Some(who) = ws.referring(to, applied).first() {
        let who = ws.resource(*who).display();
        return Err(why(&format!("{who} writes {applied} out")));
    }
    let mentioned = |set: &SetId| {
        [old, applied]
            .iter()
            .any(|name| !ws.unexplained_uses(*set, to, name).is_empty())
            || !ws.unexplained_in_patches(*set, to, old).is_empty()
    };
    let sets = ws.sets_of(id);
    if sets.iter().any(mentioned) {
        return Err(why("the name stands where it is no known reference"));
    }
    let new = new_name(ws, collision, at, resource).ok_or_else(no)?;
    let set_name = |node: Node<'_>| node.set(&Value::str(new.clone())).map_err(Reason::from);
    let mut changes = vec![Change::Edit(definition.file, set_name(definition.name)?)];
    let mut claims: Vec<ResourceId> = collision
        .definitions
        .iter()
        .filter_map(Definition::id)
        .collect();
    for reader in ws.referring(to, old) {
        if !means(ws, *reader, id, to, old).ok_or_else(|| why("a reader may mean either"))? {
            continue;
        }
        let file = ws.resource(*reader).file;
        for template in ws.pod_templates(*reader) {
            for reference in template.references() {
                if reference.to == to && reference.name == old {
                    changes.push(Change::Edit(file, set_name(reference.node)?));
                }
            }
        }
        for field in ws.field_references(*reader) {
            if field.to == to && field.name == old {
                if field.part.is_some() || field.certainty != Certainty::Known {
                    return Err(why("a field names it in another way"));
                }
                changes.push(Change::Edit(file, set_name(field.node)?));
            }
        }
        claims.push(*reader);
    }
    Ok(Fix {
        title: text![
            "rename ",
            resource.display(),
            " to ",
            &new,
            " and the references to it, so that kustomize no longer makes ",
            applied,
            " of both"
        ],
        applicability: Applicability::Unsafe,
        changes,
        claims,
    })
}

/// Whether a reader means the definition; `None` where it may.
fn means(
    ws: &Workspace,
    reader: ResourceId,
    definition: ResourceId,
    to: Target,
    name: &str,
) -> Option<bool> {
    let mut all =
        ws.sets_of(reader)
            .into_iter()
            .map(|set| match ws.resolve(set, reader, to, name) {
                Resolution::One(id) => Some(id == definition),
                Resolution::Missing => Some(false),
                _ => None,
            });
    let Some(first) = all.next() else {
        return Some(false);
    };
    let first = first?;
    all.all(|other| other == Some(first)).then_some(first)
}

/// The name with what tells its directory from that of the other one.
fn new_name(
    ws: &Workspace,
    collision: &Collision<'_>,
    at: usize,
    resource: &Resource,
) -> Option<String> {
    let path = |at: usize| Some(ws.file(collision.definitions.get(at)?.file).path.as_str());
    let other = path(1 - at)?;
    let is_label = |word: &str| {
        word.bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            && !word.starts_with('-')
            && !word.ends_with('-')
    };
    let directories = path(at)?.rsplit('/').skip(1);
    let telling = directories.filter(|word| {
        !word.is_empty()
            && is_label(word)
            && !GENERIC.contains(word)
            && *word != resource.name
            && !other.split('/').any(|same| same == *word)
    });
    let free =
        |name: &String| name.len() <= 63 && ws.definitions(collision.to, name).next().is_none();
    telling
        .map(|word| format!("{}-{word}", resource.name))
        .chain([format!("{}-2", resource.name)])
        .find(free)
}
