//! Looks for uses of the name that a rename would break: text that no reference explains, kustomize patches and replacements,
//! consumers elsewhere in the workspace.

use kubewright_model::kube::{Evidence, OutsideUseKind, PodTemplate, Resolution, Resource, ResourceId, Target, Touch, Workspace};
use kubewright_model::yaml::Node;

use super::Reason;
use super::demand::Demands;
use super::group::{Collision, Relation, relate};

/// Scalars that hold the name as a word and are no reference.
pub(super) fn unexplained(ws: &Workspace, collision: &Collision<'_>) -> Option<Reason> {
    let found = collision.sets.iter().flat_map(|set| ws.unexplained_uses(*set, collision.to, collision.name));
    let (id, location) = found.min_by_key(|(_, location)| location.clone())?;
    let file = ws.file(location.file);
    let line = file.yaml.as_deref().map_or(1, |yaml| yaml.position(location.span.start).0);
    let who = ws.resource(id).display();
    Some(Reason::new(
        "unexplained-use",
        format!("{who} mentions {} at {}:{line}, and that is no known reference", collision.name, file.path),
    ))
}

/// Keys from the root to the node, `[]` for an item.
fn path_of<'a>(node: Node<'a>, root: Node<'a>) -> Vec<&'a str> {
    let mut path = Vec::new();
    let mut at = node;
    while at != root
        && let Some(parent) = at.parent()
    {
        path.push(at.key().and_then(Node::text).unwrap_or("[]"));
        at = parent;
    }
    path.reverse();
    path
}

/// Uses by kustomize, and changes that kustomize makes to what the rename rests on.
pub(super) fn outside(ws: &Workspace, collision: &Collision<'_>, demands: &Demands<'_>) -> Option<Reason> {
    for definition in &collision.definitions {
        let resource = ws.resource(definition.id);
        if let Some(found) = ws.uses_outside(Some(definition.id), collision.to, &resource.name).first() {
            let what = match found.what {
                OutsideUseKind::Patch => "a patch changes it",
                OutsideUseKind::PatchTarget => "a patch has it as its target",
                OutsideUseKind::PatchReference => "a patch of a workload refers to it",
                OutsideUseKind::Replacement => "a replacement or variable takes it as its source or target",
                OutsideUseKind::Generator => "a generator has the same name",
            };
            return Some(Reason::new("outside-use", format!("{what} ({})", ws.file(found.location.file).path)));
        }
        let changed = |touch: &&Touch| ["data", "binaryData"].iter().any(|path| touch.affects(path));
        if let Some(touch) = ws.touches(definition.id).iter().find(changed) {
            return Some(Reason::new("outside-use", format!("{} changes the definition on its way to the cluster", touch.what)));
        }
    }
    for consumer in &demands.consumers {
        let touches = ws.touches(consumer.resource.id);
        let Some(root) = ws.node(consumer.resource.id) else { continue };
        for node in &consumer.uses {
            let path = path_of(*node, root).into_iter().filter(|s| *s != "[]").collect::<Vec<_>>().join(".");
            if let Some(touch) = touches.iter().find(|t| t.affects(&path)) {
                let who = consumer.resource.display();
                return Some(Reason::new("outside-use", format!("{} may change {path} of {who} on its way to the cluster", touch.what)));
            }
        }
    }
    elsewhere(ws, collision)
}

/// A definition or a consumer in an apply set that the collision is no part of.
fn elsewhere(ws: &Workspace, collision: &Collision<'_>) -> Option<Reason> {
    let weaker = |evidence: Evidence| evidence == Evidence::Directory && collision.evidence < Evidence::Directory;
    for definition in &collision.definitions {
        let other =
            ws.sets_of(definition.id).into_iter().map(|s| ws.set(s)).find(|s| !collision.sets.contains(&s.id) && !weaker(s.evidence));
        if let Some(set) = other {
            return Some(Reason::new("outside-use", format!("{} is also part of {}", ws.file(definition.file).path, set.name)));
        }
    }
    let inside = |id: ResourceId| collision.sets.iter().any(|s| ws.set(*s).members.iter().any(|m| m.resource == id));
    ws.resources().iter().filter(|r| refers(ws, r, collision.to, collision.name, collision.namespace) && !inside(r.id)).find_map(
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
