//! `strategy = "versioned"`: the name of a ConfigMap holds the hash of its content, it is immutable,
//! and every reader follows the name.
//!
//! A hash in an annotation restarts the pods, but what still runs (an old `ReplicaSet` that is
//! rolled back to, the stable half of a canary) reads the new content all the same. Under another
//! name the old content stays. The hash is kustomize's, so that a name that is right is known as
//! one; the rename is that of `configmap-name-collision`, with all that speaks against it. What
//! keeps its name is hashed.

use std::collections::BTreeSet;

use kubewright_model::finding::{Applicability, Change, Finding, Fix, Location, Severity};
use kubewright_model::kube::{Applier, Evidence, Resource, ResourceId, Rollout, Target, Workspace};
use kubewright_model::text;
use kubewright_model::text::Text;
use kubewright_model::yaml::{Node, Place, Value};

use super::name_hash::is_immutable;
use super::{META, left, name_hash};
use crate::Context;
use crate::configmap_name_collision::renaming;

/// Old revisions that controllers keep when nothing is said
/// (<https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#revision-history-limit>).
const REVISIONS: i64 = 10;

/// What was renamed before, and holds something else by now.
pub(super) fn outdated(cx: &Context<'_>) -> BTreeSet<ResourceId> {
    let (ws, secrets) = (cx.workspace, cx.settings.missing_config_hash.secrets);
    let may_be = |r: &&Resource| {
        (r.target() == Some(Target::ConfigMap) || (r.target() == Some(Target::Secret) && secrets))
            && name_hash::without_hash(&r.name).is_some()
    };
    let named = ws.resources().iter().filter(may_be).map(|r| r.id);
    named
        .filter(|id| ws.node(*id).is_some_and(is_immutable) && !name_hash::is_hashed(ws, *id))
        .collect()
}

/// The finding, with the rename; or why the resource keeps its name.
pub(super) fn finding(cx: &Context<'_>, id: ResourceId) -> Result<Finding, Text> {
    let ws = cx.workspace;
    let resource = ws.resource(id);
    let node = ws.node(id).ok_or("its file cannot be read")?;
    let base = name_hash::without_hash(&resource.name).filter(|_| is_immutable(node));
    if is_immutable(node) && base.is_none() {
        return Err("it is immutable already, under a name of another kind".into());
    }
    if let Some(what) = ws.content_touched(id) {
        return Err(text![what, " changes its content behind the file"]);
    }
    let hash = name_hash::hash_of(ws, id).ok_or("a value is no string")?;
    let name = format!("{}-{hash}", base.unwrap_or(&resource.name));
    let target = resource.target().ok_or("it is no ConfigMap or Secret")?;
    if ws.definitions(target, &name).next().is_some() {
        return Err(text![&name, " is there already"]);
    }
    let mut renaming = renaming::rename(ws, id, &name)?;
    if renaming.readers.is_empty() {
        return Err("nothing that is applied with it reads it".into());
    }
    let immutable = match node.get("immutable") {
        Some(value) if value.as_bool() == Some(true) => None,
        Some(value) => Some(value.set(&Value::Bool(true))),
        None => Some(node.insert(Place::Last, "immutable", &Value::Bool(true))),
    };
    if let Some(edit) = immutable.transpose().map_err(|refusal| refusal.text)? {
        renaming.changes.push(Change::Edit(resource.file, edit));
    }
    let (edits, unhashed) = left::without(cx, id, &renaming.readers);
    renaming.changes.extend(edits);
    let readers: Vec<&Resource> = renaming.readers.iter().map(|id| ws.resource(*id)).collect();
    let who = Text::list(readers.iter().map(|reader| reader.display()));
    let (severity, message) = if base.is_some() {
        let text = text![
            resource.display(),
            " is immutable, and its content is not that of its name any more: the API server \
             refuses the change"
        ];
        (Severity::Error, text)
    } else {
        let text = text![
            who.clone(),
            if readers.len() > 1 {
                " read "
            } else {
                " reads "
            },
            resource.display(),
            " under a name that stays: a change of it restarts no pod, and what still runs, or is \
             rolled back to, reads the new content"
        ];
        (Severity::Warning, text)
    };
    let mut notes = old_one(ws, resource, &readers);
    notes.append(&mut renaming.notes);
    let place = node.path(&["metadata", "name"]).unwrap_or(node);
    let place = Location::of(resource.file, place);
    Ok(META
        .finding(severity, place, message)
        .about(id)
        .notes(notes)
        .fix(Ok(Fix {
            title: title(ws, resource, name, (who, &unhashed)),
            applicability: Applicability::Unsafe,
            changes: renaming.changes,
            claims: renaming.claims,
        })))
}

fn title(
    ws: &Workspace,
    resource: &Resource,
    name: String,
    (readers, bare): (Text, &[ResourceId]),
) -> Text {
    let mut title = text![
        "rename ",
        resource.display(),
        " to ",
        name,
        ", make it immutable"
    ];
    if bare.is_empty() {
        title.push(text![", and point ", readers, " at it"]);
    } else {
        let hash = if bare.len() > 1 { "hashes" } else { "hash" };
        title.push(text![
            ", point ",
            readers,
            " at it, and remove the config ",
            hash,
            " of ",
            Text::list(bare.iter().map(|id| ws.resource(*id).display())),
            ", which the name replaces"
        ]);
    }
    title
}

/// What becomes of the object of the old name: who reads it still, and what deletes it.
pub(super) fn old_one(ws: &Workspace, resource: &Resource, readers: &[&Resource]) -> Vec<Text> {
    let kept = readers.iter().filter_map(|reader| {
        let template = ws.pod_templates(reader.id);
        let rolls = Rollout::Rolls;
        template.first().filter(|t| t.carrier.rollout == rolls)?;
        let limit = ws.node(reader.id)?.path(&["spec", "revisionHistoryLimit"]);
        Some(limit.and_then(Node::as_int).unwrap_or(REVISIONS))
    });
    let old = resource.display();
    let mut notes = Vec::new();
    if let Some(most) = kept.max() {
        notes.push(text![
            &old,
            " stays in the cluster as it is: a rollback, and pods of the revision before, read \
             it; as many old ones are of use as there are old revisions (revisionHistoryLimit: ",
            most.to_string(),
            ")"
        ]);
    }
    let appliers = ws.sets_of(resource.id).into_iter().flat_map(|id| {
        let set = ws.set(id);
        // Where several meet in a set, each prunes what it applies itself.
        let parts = ws.positions(id, resource.id);
        let mut own: Vec<&Applier> = parts.filter_map(|at| set.applier_of(at)).collect();
        if own.is_empty() {
            own.extend(&set.appliers);
        }
        own.into_iter().map(move |applier| (set.evidence, applier))
    });
    let mut pruned: BTreeSet<(bool, &str)> = BTreeSet::new();
    for (evidence, applier) in appliers.filter(|(_, applier)| renaming::prunes(ws, applier)) {
        let flux = evidence == Evidence::Flux
            || ws
                .resource(applier.resource)
                .api_version
                .contains("fluxcd.io");
        pruned.insert((flux, &applier.name));
    }
    for (flux, name) in &pruned {
        let keep = if *flux {
            "kustomize.toolkit.fluxcd.io/prune: disabled"
        } else {
            "argocd.argoproj.io/sync-options: Prune=false"
        };
        notes.push(text![
            *name,
            " prunes: it deletes ",
            &old,
            " when it no longer finds it in git, and a rollback then finds nothing; to keep it, \
             write the annotation `",
            keep,
            "` into it and have that applied before this change"
        ]);
    }
    if pruned.is_empty() {
        let namespace = resource
            .namespace
            .as_ref()
            .map_or_else(String::new, |n| format!(" -n {n}"));
        notes.push(text![
            "nothing in sight prunes it; once no revision reads it any more, `kubectl delete ",
            resource.kind.to_lowercase(),
            " ",
            &resource.name,
            namespace,
            "` does, or `kubectl apply --prune`"
        ]);
    }
    notes
}
