//! Looks for uses of the name that a rename would break: text that no reference explains, kustomize patches and replacements,
//! consumers elsewhere in the workspace.

use kubewright_model::kube::{Evidence, PodTemplate, Resolution, Resource, ResourceId, SetId, Target, Workspace};

use super::demand::Demands;
use super::group::{Collision, Relation, relate};
use super::{Reason, outside};

/// Scalars that hold the name as a word and are no reference.
pub(super) fn unexplained(ws: &Workspace, collision: &Collision<'_>) -> Option<Reason> {
    let in_set = |set: &SetId| ws.unexplained_uses(*set, collision.to, collision.name);
    let in_resources = collision.sets.iter().flat_map(in_set).map(|(id, location)| (location, ws.resource(id).display()));
    let in_patches = collision.sets.iter().flat_map(|set| ws.unexplained_in_patches(*set, collision.to, collision.name));
    let found = in_resources.chain(in_patches.map(|location| (location, "a patch".to_owned())));
    let (location, who) = found.min_by_key(|(location, _)| location.clone())?;
    let file = ws.file(location.file);
    let line = file.position(location.span.start).0;
    let text = format!("{who} mentions {} at {}:{line}, and that is no known reference", collision.name, file.path);
    Some(Reason::new("unexplained-use", text))
}

/// Changes that kustomize makes to the references that the rename rests on.
pub(super) fn changed(ws: &Workspace, demands: &Demands<'_>) -> Option<Reason> {
    for consumer in &demands.consumers {
        let touches = ws.touches(consumer.resource.id);
        for (node, _) in &consumer.uses {
            if let Some(touch) = touches.iter().find(|t| ws.overrides(consumer.resource.id, t, *node)) {
                let who = consumer.resource.display();
                let text = format!("{} may change a reference of {who} on its way to the cluster", touch.what);
                return Some(Reason::new("outside-use", text));
            }
        }
    }
    None
}

/// A definition or a consumer in an apply set that the collision is no part of.
pub(super) fn elsewhere(ws: &Workspace, collision: &Collision<'_>) -> Option<Reason> {
    let weaker = |evidence: Evidence| evidence == Evidence::Directory && collision.evidence < Evidence::Directory;
    for definition in &collision.definitions {
        let other = outside::sets_of(ws, collision, definition)
            .into_iter()
            .map(|s| ws.set(s))
            .find(|s| !collision.sets.contains(&s.id) && !weaker(s.evidence));
        if let Some(set) = other {
            return Some(Reason::new("outside-use", format!("{} is also part of {}", ws.file(definition.file).path, set.name)));
        }
    }
    let inside = |id: ResourceId| collision.sets.iter().any(|s| ws.set(*s).members.iter().any(|m| m.resource == id));
    ws.resources().iter().filter(|r| refers(ws, r, collision.to, collision.name, collision.namespace.as_deref()) && !inside(r.id)).find_map(
        |resource| {
            let mut resolved = ws.sets_of(resource.id).into_iter().map(|set| ws.resolve(set, resource.id, collision.to, collision.name));
            let missing = resolved.all(|r| matches!(r, Resolution::Missing | Resolution::Uncertain(_)));
            missing.then(|| {
                let text = format!("{} in {} may mean it too", resource.display(), ws.file(resource.file).path);
                Reason::new("outside-use", text)
            })
        },
    )
}

/// Whether a resource refers to the name in what may be the namespace.
pub(super) fn refers(ws: &Workspace, resource: &Resource, to: Target, name: &str, namespace: Option<&str>) -> bool {
    let near = |explicit: Option<&str>| relate(explicit.or(resource.namespace.as_deref()), namespace) != Relation::Different;
    ws.pod_templates(resource.id).iter().flat_map(PodTemplate::references).any(|r| r.to == to && r.name == name && near(None))
        || ws.field_references(resource.id).iter().any(|f| f.to == to && f.name == name && near(f.namespace))
}
