//! Looks for uses of the name that a rename would break: text that no reference explains, kustomize
//! patches and replacements, consumers elsewhere in the workspace.

use kubewright_model::kube::{
    Mentions, PodTemplate, Reader, Resolution, Resource, ResourceId, SetId, Target, Workspace,
};
use kubewright_model::text;
use kubewright_model::text::{Path, Text};

use super::codes::Code;
use super::demand::Demands;
use super::group::{Collision, Relation, relate};
use super::{Reason, outside};
use crate::say;

/// How many files a note names.
const MAX_PLACES: usize = 3;

/// Scalars that hold the name as a word and are no reference.
pub(super) fn unexplained(ws: &Workspace, collision: &Collision<'_>) -> Option<Reason> {
    let in_set = |set: &SetId| ws.unexplained_uses(*set, collision.to, collision.name);
    let in_resources = collision
        .sets
        .iter()
        .flat_map(in_set)
        .map(|(id, location)| (location, ws.resource(id).display().into()));
    let in_patches = collision
        .sets
        .iter()
        .flat_map(|set| ws.unexplained_in_patches(*set, collision.to, collision.name));
    let found = in_resources.chain(in_patches.map(|location| (location, Text::from("a patch"))));
    let (location, who) = found.min_by_key(|(location, _)| location.clone())?;
    let file = ws.file(location.file);
    let line = file.position(location.span.start).0;
    let text = text![
        who,
        " mentions ",
        &collision.name,
        " at ",
        Path(&file.path),
        ":",
        line,
        ", in a field that is not known to refer to it: declare the field in `[[references]]`"
    ];
    Some(Reason::new(Code::UnexplainedUse, text))
}

/// What a kustomization of the sets hands on to a chart or a plugin, which is rendered out of
/// sight.
pub(super) fn handed_on(collision: &Collision<'_>, mentions: &Mentions) -> Option<Reason> {
    let found = mentions
        .found
        .iter()
        .find(|m| m.by == Reader::Kustomization)?;
    let text = text![
        Path(&found.path),
        ":",
        found.line,
        " holds ",
        &collision.name,
        " in what kustomize hands to a chart or a plugin, and what that renders is not in sight"
    ];
    Some(Reason::new(Code::UnexplainedUse, text))
}

/// What was searched for the name beside the manifests, and what came of it.
pub(super) fn searched(name: &str, mentions: &Mentions) -> Vec<Text> {
    let places = |by: &dyn Fn(Reader) -> bool| {
        let found: Vec<Text> = mentions
            .found
            .iter()
            .filter(|m| by(m.by))
            .map(|m| text![Path(&m.path), ":", m.line])
            .collect();
        let more = found.len().saturating_sub(MAX_PLACES);
        let shown = found.get(..MAX_PLACES.min(found.len())).unwrap_or_default();
        let shown = Text::joined(shown, ", ");
        (!found.is_empty()).then(|| {
            if more > 0 {
                text![shown, " and ", more, " more files"]
            } else {
                shown
            }
        })
    };
    let graph = "Roles, arguments, scripts, patches and replacements in the manifests";
    let left_out = match mentions.left_out {
        0 => String::new(),
        n => format!("; {n} very large text files were not searched"),
    };
    let mut notes = Vec::new();
    if let Some(places) = places(&|by| by != Reader::People) {
        notes.push(text![
            "the name ",
            name,
            " stands in ",
            places,
            " too, and stays there: whoever reads it gets the definition that keeps the name; look \
             there before you apply this",
            left_out
        ]);
    } else if mentions.searched {
        notes.push(text![
            "all that means the name is changed: ",
            graph,
            " were searched, and all text files below the root that .gitignore leaves",
            left_out
        ]);
    } else {
        notes.push(text![
            "all that means the name is changed: ",
            graph,
            " were searched, files beside what was given were not"
        ]);
    }
    if let Some(places) = places(&|by| by == Reader::People) {
        notes.push(text![
            places,
            " speaks of ",
            name,
            ": nothing reads it there, but a person may"
        ]);
    }
    notes
}

/// Changes that kustomize makes to the references that the rename rests on.
pub(super) fn changed(ws: &Workspace, demands: &Demands<'_>) -> Option<Reason> {
    for consumer in &demands.consumers {
        let touches = ws.touches(consumer.resource.id);
        for (node, _) in &consumer.uses {
            if let Some(touch) = touches
                .iter()
                .find(|t| ws.overrides(consumer.resource.id, t, *node))
            {
                let who = consumer.resource.display();
                let text = format!(
                    "{} may change a reference of {who} on its way to the cluster",
                    touch.what.name()
                );
                return Some(Reason::new(Code::OutsideUse, text));
            }
        }
    }
    None
}

/// A definition or a consumer in an apply set that the collision is no part of.
pub(super) fn elsewhere(ws: &Workspace, collision: &Collision<'_>) -> Option<Reason> {
    for definition in &collision.definitions {
        let other = outside::sets_of(ws, definition)
            .into_iter()
            .map(|s| ws.set(s))
            .find(|s| !collision.sets.contains(&s.id));
        if let Some(set) = other {
            return Some(Reason::new(
                Code::OutsideUse,
                text![
                    Path(&ws.file(definition.file).path),
                    " is also part of ",
                    say::set_name(set)
                ],
            ));
        }
    }
    let namespace = collision.namespace.as_deref();
    consumers_elsewhere(
        ws,
        (collision.to, collision.name, namespace),
        &collision.sets,
    )
}

/// A consumer that is part of none of the sets, and finds no definition in its own.
pub(super) fn consumers_elsewhere(
    ws: &Workspace,
    (to, name, namespace): (Target, &str, Option<&str>),
    sets: &[SetId],
) -> Option<Reason> {
    let inside = |id: ResourceId| ws.sets_of(id).iter().any(|s| sets.contains(s));
    let referring = ws.referring(to, name).iter().map(|id| ws.resource(*id));
    referring
        .filter(|r| refers(ws, r, to, name, namespace) && !inside(r.id))
        .find_map(|resource| {
            let mut resolved = ws
                .sets_of(resource.id)
                .into_iter()
                .map(|set| ws.resolve(set, resource.id, to, name));
            let missing =
                resolved.all(|r| matches!(r, Resolution::Missing | Resolution::Uncertain(_)));
            missing.then(|| {
                let text = text![
                    resource.display(),
                    " in ",
                    Path(&ws.file(resource.file).path),
                    " may mean it too"
                ];
                Reason::new(Code::OutsideUse, text)
            })
        })
}

/// Whether a resource refers to the name in what may be the namespace.
pub(super) fn refers(
    ws: &Workspace,
    resource: &Resource,
    to: Target,
    name: &str,
    namespace: Option<&str>,
) -> bool {
    let near = |explicit: Option<&str>| {
        relate(explicit.or(resource.namespace.as_deref()), namespace) != Relation::Different
    };
    ws.pod_templates(resource.id)
        .iter()
        .flat_map(PodTemplate::references)
        .any(|r| r.to == to && r.name == name && near(None))
        || ws
            .field_references(resource.id)
            .iter()
            .any(|f| f.to == to && f.name == name && near(f.namespace))
}
