//! Names that carry kustomize's hash of the content: in what a build prints, a change of the
//! content is a change of the name already.
//!
//! The hash is that of kustomize's `api/hasher/hasher.go` (docs/kubernetes.md#suffix-hashes):
//! SHA-256 over the object as Go's `encoding/json` writes it, without its name.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use kubewright_model::kube::{ResourceId, Target, Workspace};
use kubewright_model::yaml::{Node, Resolved};

use super::canon;

/// Letters that kustomize writes, for sixteen digits without vowels and what is taken for a digit.
const ALPHABET: [char; 16] = [
    'g', 'h', '2', 'k', '4', '5', '6', '7', '8', '9', 'm', 'b', 'c', 'd', 't', 'f',
];
/// Characters of the hash in a name.
const LENGTH: usize = 10;

/// Annotations by which kustomize tells functions that it will put the hash behind the name
/// (docs/kubernetes.md#suffix-hashes), with their value.
const WILL_BE_HASHED: [(&str, &str); 2] = [
    ("internal.config.kubernetes.io/needsHashSuffix", "enabled"),
    ("kustomize.config.k8s.io/needs-hash", "true"),
];

/// Whether the name of a ConfigMap or Secret ends with the hash of what it holds, or will.
pub(super) fn is_hashed(workspace: &Workspace, id: ResourceId) -> bool {
    if workspace.node(id).is_some_and(will_be_hashed) {
        return true;
    }
    let name = &workspace.resource(id).name;
    without_hash(name).is_some() && hash_of(workspace, id).is_some_and(|own| name.ends_with(&own))
}

/// The hash of what a ConfigMap or Secret holds.
pub(super) fn hash_of(workspace: &Workspace, id: ResourceId) -> Option<String> {
    let to = workspace.resource(id).target()?;
    Some(of(&encode(workspace.node(id)?, to)?))
}

/// A name without what may be a hash at its end.
pub(super) fn without_hash(name: &str) -> Option<&str> {
    let (base, hash) = name.rsplit_once('-')?;
    (hash.len() == LENGTH && hash.chars().all(|c| ALPHABET.contains(&c))).then_some(base)
}

/// Whether the API server refuses a change of what it holds.
pub(super) fn is_immutable(node: Node<'_>) -> bool {
    node.get("immutable").and_then(Node::as_bool) == Some(true)
}

fn will_be_hashed(node: Node<'_>) -> bool {
    let Some(annotations) = node.path(&["metadata", "annotations"]) else {
        return false;
    };
    let said =
        |(key, value): (&str, &str)| annotations.get(key).and_then(Node::text) == Some(value);
    WILL_BE_HASHED.into_iter().any(said)
}

fn of(json: &str) -> String {
    let digits = canon::digest(json.as_bytes())
        .into_iter()
        .flat_map(|byte| [byte >> 4, byte & 0xf]);
    digits
        .take(LENGTH)
        .filter_map(|digit| ALPHABET.get(usize::from(digit)))
        .collect()
}

/// The object as kustomize hashes it; `None` where a value is no string.
fn encode(node: Node<'_>, to: Target) -> Option<String> {
    // kustomize looks the name up by a path that no object has, so that it is empty in what is
    // hashed.
    let mut fields = BTreeMap::from([
        ("data", map(node.get("data"))?),
        ("kind", quoted(to.kind())),
        ("name", quoted("")),
    ]);
    match to {
        Target::ConfigMap => {
            if let Some(binary) = node.get("binaryData") {
                fields.insert("binaryData", map(Some(binary))?);
            }
        }
        Target::Secret => {
            fields.insert(
                "type",
                quoted(node.get("type").and_then(Node::text).unwrap_or_default()),
            );
            if let Some(strings) = node.get("stringData") {
                fields.insert("stringData", map(Some(strings))?);
            }
        }
    }
    let fields: Vec<String> = fields
        .iter()
        .map(|(key, value)| format!("{}:{value}", quoted(key)))
        .collect();
    Some(format!("{{{}}}", fields.join(",")))
}

/// A mapping of strings; an absent one is the empty string.
fn map(node: Option<Node<'_>>) -> Option<String> {
    let Some(node) = node.filter(|node| !node.is_null()) else {
        return Some(quoted(""));
    };
    let mut entries = BTreeMap::new();
    for (key, value) in node.entries() {
        let string = matches!(value.resolved()?, Resolved::Str | Resolved::Timestamp);
        entries.insert(key.text()?, value.text().filter(|_| string)?);
    }
    let entries: Vec<String> = entries
        .iter()
        .map(|(key, value)| format!("{}:{}", quoted(key), quoted(value)))
        .collect();
    Some(format!("{{{}}}", entries.join(",")))
}

/// A string as Go's `encoding/json` writes it, which escapes what HTML would read, too.
fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            '\u{8}' => quoted.push_str("\\b"),
            '\u{c}' => quoted.push_str("\\f"),
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' | '\0'..='\u{1f}' => {
                _ = write!(quoted, "\\u{:04x}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names that kustomize 5.8.2 gave.
    #[test]
    fn hashes_are_those_of_kustomize() {
        let text = |value: &str| format!(r#"{{"data":{value},"kind":"ConfigMap","name":""}}"#);
        let data = format!(
            "{{{}:{},{}:{}}}",
            quoted("A"),
            quoted("1"),
            quoted("B"),
            quoted("<x>&é")
        );
        assert_eq!(of(&text(&data)), "585b9h92b4");
        let empty = r#"{"data":"","kind":"ConfigMap","name":""}"#;
        assert_eq!(of(empty), "6ct58987ht");
        let binary = r#"{"binaryData":{"b.bin":"/wAB"},"data":"","kind":"ConfigMap","name":""}"#;
        assert_eq!(of(binary), "9dcgf2k646");
        let secret = r#"{"data":{"P":"eA=="},"kind":"Secret","name":"","type":"Opaque"}"#;
        assert_eq!(of(secret), "d292k9tbmg");
    }
}
