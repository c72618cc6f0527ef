//! The text of the Secret.

use kubewright_model::finding::NoFix;
use kubewright_model::yaml::{File, Node, Place, Value, verify};

use super::CredentialEntry;
use super::codes::Code;
use super::split::Split;

/// What kubectl writes itself.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// A Secret of the same namespace, labels and annotations as the ConfigMap, with these entries.
pub(super) fn text(split: &Split<'_>, entries: &[&CredentialEntry<'_>]) -> Result<String, NoFix> {
    let mut metadata = vec![("name".to_owned(), Value::str(&split.name))];
    if let Some(namespace) = &split.resource.namespace {
        metadata.push(("namespace".to_owned(), Value::str(namespace)));
    }
    for field in ["labels", "annotations"] {
        let mapping = split
            .node
            .path(&["metadata", field])
            .and_then(Node::to_value);
        if let Some(Value::Map(mut pairs)) = mapping {
            pairs.retain(|(key, _)| key != LAST_APPLIED);
            if !pairs.is_empty() {
                metadata.push((field.to_owned(), Value::Map(pairs)));
            }
        }
    }
    let data = entries
        .iter()
        .map(|entry| (entry.name, Value::str(entry.text)));
    let mut fields = vec![
        ("kind", Value::str("Secret")),
        ("metadata", Value::Map(metadata)),
        ("type", Value::str("Opaque")),
        ("stringData", Value::map(data)),
    ];
    if split.node.get("immutable").and_then(Node::as_bool) == Some(true) {
        fields.push(("immutable", Value::Bool(true)));
    }
    let mut text = "apiVersion: v1\n".to_owned();
    for (key, value) in fields {
        text = inserted(text, key, &value)?;
    }
    Ok(text)
}

/// The text with a further entry, proven as every edit is.
fn inserted(text: String, key: &str, value: &Value) -> Result<String, NoFix> {
    let refuse = || NoFix::new(Code::NoPlace, "the Secret cannot be written as YAML");
    let file = File::parse(text).map_err(|_| refuse())?;
    let root = file.root(0).ok_or_else(refuse)?;
    let edit = root.insert(Place::Last, key, value)?;
    Ok(verify::apply(&file, &[&edit])?)
}
