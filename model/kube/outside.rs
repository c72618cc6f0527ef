//! Uses of a name by things that are no resources: patches, their targets, replacements, vars and generators.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::field_reference;
use super::kustomization::Details;
use super::kustomize::{Kustomization, OutsideUse, OutsideUseKind};
use super::patch::Body;
use super::pod;
use super::reference::Target;
use super::resource::{FileId, Hints, Identity, Resource, ResourceId};
use super::selector::{Pattern, Selector};
use super::workspace::Workspace;
use crate::finding::Location;
use crate::yaml::{Kind, Node};

/// All uses of a name in the kustomizations that the definition `of` meets, or in all.
pub(super) fn uses(workspace: &Workspace, of: Option<ResourceId>, to: Target, name: &str) -> Vec<OutsideUse> {
    // What passes through a kustomization can be patched there; what is built with it can be referred to from a patch beside it.
    let (through, reach) = if let Some(id) = of {
        let sets = super::index::sets_met(workspace, id);
        let reach = sets.iter().filter_map(|s| workspace.set_index(*s)).flat_map(|s| s.reach.iter().copied()).collect();
        (workspace.way(id).through, reach)
    } else {
        let all: BTreeSet<FileId> = workspace.kustomizations.iter().map(|k| k.file).collect();
        (all.clone(), all)
    };
    let mut found = Vec::new();
    for file in &reach {
        let Some(kustomization) = workspace.kustomization(*file) else { continue };
        let Some((details, node)) = workspace.details(*file).zip(workspace.kustomization_node(*file)) else { continue };
        let mut finder = Finder { workspace, kustomization, to, name, found: &mut found };
        finder.patch_references(details);
        finder.vars(node);
        if through.contains(file) {
            finder.patches(details);
            finder.generators();
            finder.replacements(node);
        }
    }
    found.sort_by(|a, b| (&a.location, a.what as u8).cmp(&(&b.location, b.what as u8)));
    found.dedup();
    found
}

struct Finder<'a, 'f> {
    workspace: &'a Workspace,
    kustomization: &'a Kustomization,
    to: Target,
    name: &'a str,
    found: &'f mut Vec<OutsideUse>,
}

impl<'a> Finder<'a, '_> {
    fn push(&mut self, location: Location, what: OutsideUseKind) {
        self.found.push(OutsideUse { location, what });
    }

    /// Patches of the object, and targets that name it.
    fn patches(&mut self, details: &Details) {
        for patch in &details.patches {
            if let Some(target) = patch.target.as_ref().filter(|t| self.named_by(&t.selector)) {
                let location = target.name.clone().unwrap_or_else(|| patch.location.clone());
                self.push(location, OutsideUseKind::PatchTarget);
            }
            for body in &patch.bodies {
                let root = body.node();
                let is_it = body.selector.as_ref().is_some_and(|s| self.named_by(s));
                if let Some(name) = root.path(&["metadata", "name"]).filter(|_| is_it) {
                    self.push(body.location(name, patch), OutsideUseKind::Patch);
                }
            }
        }
    }

    /// Whether a selector states this name, or an expression that fits it.
    fn named_by(&self, selector: &Selector) -> bool {
        !matches!(selector.name, Pattern::Any) && selector.may_name(self.to.kind(), self.name)
    }

    /// Patches of other objects that write a reference to the name.
    fn patch_references(&mut self, details: &Details) {
        for patch in &details.patches {
            for body in &patch.bodies {
                for node in self.references(body) {
                    self.push(body.location(node, patch), OutsideUseKind::PatchReference);
                }
            }
        }
    }

    fn references<'b>(&self, body: &'b Body) -> Vec<Node<'b>> {
        let root = body.node();
        if !root.source().contains(self.name) {
            return Vec::new();
        }
        let Some(resource) = partial(root) else {
            // A JSON patch writes values without saying what they are: any that equals the name may be a reference.
            let scalars = root.descendants().filter(|n| matches!(n.kind(), Kind::Scalar(_)) && n.text() == Some(self.name));
            return scalars.collect();
        };
        let mut found = Vec::new();
        for template in pod::templates(&resource, root) {
            found.extend(template.references().iter().filter(|r| r.to == self.to && r.name == self.name).map(|r| r.node));
        }
        let fields = field_reference::of_resource(&resource, root, &self.workspace.options.references);
        found.extend(fields.iter().filter(|r| r.to == self.to && r.name == self.name).map(|r| r.node));
        found
    }

    fn generators(&mut self) {
        let (to, name) = (self.to, self.name);
        for generator in self.kustomization.generators.iter().filter(|g| g.to == to && g.name == name) {
            self.push(generator.location.clone(), OutsideUseKind::Generator);
        }
    }

    fn replacements(&mut self, node: Node<'a>) {
        for (file, replacement) in self.workspace.replacements(self.kustomization, node) {
            let targets = replacement.get("targets").into_iter().flat_map(Node::items);
            let selected = targets.flat_map(|t| t.get("select").into_iter().chain(t.get("reject").into_iter().flat_map(Node::items)));
            for chosen in replacement.get("source").into_iter().chain(selected) {
                if self.named_by(&Selector::of(chosen)) {
                    self.push(Location::of(file, chosen.get("name").unwrap_or(chosen)), OutsideUseKind::Replacement);
                }
            }
        }
    }

    fn vars(&mut self, node: Node<'a>) {
        for object in node.get("vars").into_iter().flat_map(Node::items).filter_map(|v| v.get("objref")) {
            let text = |key: &str| object.get(key).and_then(Node::text);
            if text("kind") == Some(self.to.kind()) && text("name") == Some(self.name) {
                self.push(Location::of(self.kustomization.file, object.get("name").unwrap_or(object)), OutsideUseKind::Replacement);
            }
        }
    }
}

/// A strategic-merge patch, taken as the resource that it patches.
fn partial(root: Node<'_>) -> Option<Resource> {
    let text = |key: &str| root.get(key).and_then(Node::text).map(str::to_owned);
    let identity = Identity {
        document: 0,
        item: None,
        node: root.id(),
        bytes: (0, 0),
        hints: Hints::default(),
        api_version: text("apiVersion")?,
        kind: text("kind")?,
        namespace: None,
        name: String::new(),
    };
    Some(Resource { id: ResourceId(u32::MAX), file: FileId(u32::MAX), identity: Arc::new(identity) })
}
