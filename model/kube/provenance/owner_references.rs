//! Who owns a resource, as `metadata.ownerReferences` says in what comes from a cluster.

use crate::kube::object::resource::{Resource, ResourceId};
use crate::kube::workspace::Workspace;
use crate::yaml::{Node, Word};

/// Without it a document has no owner.
static OWNER_REFERENCES: Word = Word::new("ownerReferences");

impl Workspace {
    /// Kind and name of the controller that made a resource and goes on to write it
    /// (<https://kubernetes.io/docs/concepts/overview/working-with-objects/owners-dependents/>).
    pub fn controller(&self, id: ResourceId) -> Option<(&str, &str)> {
        let node = if self.may_hold(id, &OWNER_REFERENCES) {
            self.node(id)?
        } else {
            return None;
        };
        let owners = node.path(&["metadata", "ownerReferences"])?.items();
        let mut controllers =
            owners.filter(|owner| owner.get("controller").and_then(Node::as_bool) == Some(true));
        let owner = controllers.next()?;
        Some((
            owner.get("kind").and_then(Node::text)?,
            owner.get("name").and_then(Node::text)?,
        ))
    }

    /// The resource of the input that controls another one: its `ReplicaSet`, or the Deployment
    /// behind that.
    pub fn controlled_by(&self, id: ResourceId) -> Option<&Resource> {
        let (kind, name) = self.controller(id)?;
        let namespace = &self.resource(id).namespace;
        let mut found = self.resources().iter().filter(|r| {
            r.id != id && r.kind == kind && r.name == name && r.namespace == *namespace
        });
        found.next()
    }
}
