//! What Secrets keep: no finding, but no output shows it either, where a change lies beside it.

use kubewright_model::finding::Hidden;
use kubewright_model::kube::{Resource, Workspace};
use kubewright_model::yaml::Node;

use super::{entries, hidden_in, values};
use crate::binary;

/// The credentials of a Secret, as `stringData` has them and as base64.
pub(super) fn hidden(workspace: &Workspace, resource: &Resource) -> Vec<Hidden> {
    let mut all: Vec<Hidden> = entries(workspace, resource, "stringData")
        .iter()
        .flat_map(hidden_in)
        .collect();
    let data = workspace
        .node(resource.id)
        .and_then(|node| node.get("data"));
    for (key, value) in data.into_iter().flat_map(Node::entries) {
        let (Some(key), Some(encoded)) = (key.text(), value.as_str()) else {
            continue;
        };
        // What is not base64 was meant to be, and stands there in clear.
        let decoded = binary::decode(encoded).and_then(|bytes| String::from_utf8(bytes).ok());
        let text = decoded.as_deref().unwrap_or(encoded);
        if values::find(key, text).is_some() {
            all.extend(
                encoded
                    .lines()
                    .filter(|line| !line.trim().is_empty())
                    .map(|line| Hidden {
                        text: line.trim().to_owned(),
                        mask: format!("…({})", line.trim().chars().count()),
                    }),
            );
        }
    }
    all
}
