//! What a patch changes in a ConfigMap or Secret.

use std::collections::BTreeSet;

use super::patch::PatchDocument;
use crate::yaml::Node;

/// What a patch of a ConfigMap or Secret sets.
pub(in crate::kube) struct PatchData {
    pub keys: BTreeSet<String>,
    /// It adds or replaces whole values of keys, or touches no data at all.
    pub plain: bool,
}

impl PatchData {
    pub(in crate::kube) fn of(document: &PatchDocument) -> Self {
        let mut content = Self {
            keys: BTreeSet::new(),
            plain: true,
        };
        let root = document.node();
        if document.selector.is_some() {
            content.plain = !root.descendants().any(|n| {
                n.is_null()
                    || n.key()
                        .and_then(Node::text)
                        .is_some_and(|k| k.starts_with('$'))
            });
            for (key, value) in ["data", "binaryData", "stringData"]
                .iter()
                .filter_map(|f| root.get(f))
                .flat_map(Node::entries)
            {
                content.plain &= value.is_scalar();
                content.keys.extend(key.text().map(str::to_owned));
            }
            return content;
        }
        for op in root.items() {
            let text = |key: &str| op.get(key).and_then(Node::text).unwrap_or_default();
            let (verb, path) = (text("op"), text("path"));
            let mut segments = path.split('/').skip(1);
            if !matches!(segments.next(), Some("data" | "binaryData" | "stringData")) {
                content.plain &= path.starts_with("/metadata/labels")
                    || path.starts_with("/metadata/annotations");
                continue;
            }
            match (segments.next(), segments.next()) {
                (Some(key), None)
                    if matches!(verb, "add" | "replace")
                        && op.get("value").is_some_and(Node::is_scalar) =>
                {
                    content
                        .keys
                        .insert(key.replace("~1", "/").replace("~0", "~"));
                }
                _ => content.plain = false,
            }
        }
        content
    }
}
