//! Whether a patch may change one reference of a resource, or what it demands.
//!
//! [`Touch`] says which fields a patch may change, all items of a list alike. Here the items are
//! told apart: a strategic-merge patch that adds a volume leaves the others, and one that repeats a
//! reference as it is changes nothing.

use super::kustomize_changes::plain_path;
use crate::kube::kustomize::patch::{self, Patch};
use crate::kube::object::kustomization::{Touch, TouchKind};
use crate::kube::object::location::Location;
use crate::kube::object::resource::{FileId, ResourceId};
use crate::kube::workspace::Workspace;
use crate::yaml::{Kind, Node};

impl Workspace {
    /// Whether a touch of a resource may change the scalar `node` of it, which is a name, or what
    /// stands beside that name. A patch that states the same name itself is a use of its own
    /// ([`Workspace::uses_outside`]) and no change.
    pub fn overrides(&self, id: ResourceId, touch: &Touch, node: Node<'_>) -> bool {
        let Some(root) = self.node(id) else {
            return true;
        };
        let beside = node
            .parent()
            .filter(|p| p.is_mapping() && *p != root)
            .unwrap_or(node);
        if !touch.affects(&plain_path(root, beside)) && !mounts(touch) {
            return false;
        }
        let built = self
            .index
            .details
            .iter()
            .flat_map(|d| &d.patches)
            .chain(self.index.source_settings.iter().flat_map(|o| &o.patches));
        let mut patches = built.filter(|p| p.location == touch.location);
        match patches.next() {
            Some(patch) if touch.is_patch() && !patch.documents.is_empty() => {
                by_patch(patch, root, node)
            }
            _ => true,
        }
    }
}

/// Whether the touch may change how volumes are mounted, which decides what they demand.
fn mounts(touch: &Touch) -> bool {
    touch
        .paths
        .as_ref()
        .is_none_or(|paths| paths.iter().any(|p| p.contains("volumeMounts")))
}

fn by_patch(patch: &Patch, root: Node<'_>, node: Node<'_>) -> bool {
    let mut way = Vec::new();
    let mut at = node;
    while at != root {
        way.push(at);
        let Some(parent) = at.parent() else {
            return true;
        };
        at = parent;
    }
    way.reverse();
    patch.documents.iter().any(|document| {
        let document_root = document.node();
        if document.selector.is_none() {
            return document_root.items().any(|op| by_operation(op, root, node));
        }
        merges_over(document_root, &way) || remounts(document_root, &way)
    })
}

/// Whether a strategic-merge patch has something to say about the end of the way.
fn merges_over(patch: Node<'_>, way: &[Node<'_>]) -> bool {
    let Some((next, rest)) = way.split_first() else {
        return true;
    };
    if patch
        .entries()
        .any(|(k, _)| k.text().is_none_or(|t| t.starts_with('$')))
    {
        return true;
    }
    if patch.is_mapping() {
        let Some(key) = next.key().and_then(Node::text) else {
            return true;
        };
        if rest.is_empty() {
            // The mapping around the name: what it states of the same name is a use of its own.
            let same = patch.get(key).is_some_and(|n| n.text() == next.text());
            return !same && patch.entries().next().is_some();
        }
        return patch.get(key).is_some_and(|inner| merges_over(inner, rest));
    }
    if !patch.is_sequence() {
        return true;
    }
    let list = next
        .parent()
        .and_then(Node::key)
        .and_then(Node::text)
        .unwrap_or_default();
    let Some(field) = patch
        .items()
        .next()
        .and_then(|first| patch::merge_key(list, |key| first.get(key).is_some()))
    else {
        return true;
    };
    let value = |item: Node<'_>| item.get(field).and_then(Node::text).map(str::to_owned);
    patch
        .items()
        .filter(|item| value(*item).is_none() || value(*item) == value(*next))
        .any(|item| merges_over(item, rest))
}

/// Whether a strategic-merge patch mounts the volume on the way through a subPath: that demands a
/// key.
fn remounts(patch: Node<'_>, way: &[Node<'_>]) -> bool {
    let volume = way
        .iter()
        .find(|n| n.parent().and_then(Node::key).and_then(Node::text) == Some("volumes"));
    let Some(name) = volume.and_then(|v| v.get("name")).and_then(Node::text) else {
        return false;
    };
    let lists = patch.descendants().filter(|n| {
        matches!(n.kind(), Kind::Sequence(_))
            && n.key().and_then(Node::text) == Some("volumeMounts")
    });
    let mut mounts = lists
        .flat_map(Node::items)
        .filter(|m| m.get("name").and_then(Node::text) == Some(name));
    mounts.any(|m| m.get("subPath").is_some() || m.get("subPathExpr").is_some())
}

/// Whether an operation of a JSON patch may: one that appends to a list does not, and neither does
/// one that writes the same name.
fn by_operation(op: Node<'_>, root: Node<'_>, node: Node<'_>) -> bool {
    let text = |key: &str| op.get(key).and_then(Node::text).unwrap_or_default();
    let path = text("path");
    if text("op") == "add" && path.ends_with("/-") {
        return false;
    }
    let plain = |pointer: &str| {
        let fields = pointer
            .split('/')
            .filter(|s| !s.is_empty() && *s != "-" && !s.bytes().all(|b| b.is_ascii_digit()));
        fields
            .map(|s| s.replace("~1", "/").replace("~0", "~"))
            .collect::<Vec<_>>()
            .join(".")
    };
    let (own, changed) = (plain_path(root, node), plain(path));
    let touch = |path: String| Touch {
        location: Location {
            file: FileId(0),
            span: 0..0,
        },
        what: TouchKind::Patch,
        paths: Some(vec![path]),
        by_index: false,
    };
    if own == changed && op.get("value").and_then(Node::text) == node.text() {
        return false;
    }
    let beside = node
        .parent()
        .filter(|p| p.is_mapping())
        .map_or(own.clone(), |p| plain_path(root, p));
    touch(changed.clone()).affects(&beside)
        || changed.contains("volumeMounts")
        || touch(plain(text("from"))).affects(&beside)
}
