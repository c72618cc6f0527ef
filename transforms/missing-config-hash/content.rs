//! What a ConfigMap or Secret holds: the bytes of each key as the kubelet hands them to a pod.
//!
//! The values are those of the parsed document: quotes, block style, comments and the order of keys leave no trace. What the API server
//! would not take (a number, a broken base64) has no bytes and is refused.

use std::collections::BTreeMap;

use kubewright_model::finding::NoFix;
use kubewright_model::kube::{Resource, ResourceId, Workspace};
use kubewright_model::yaml::{Node, Resolved};

use super::canon::{self, Digest};

/// The content of a ConfigMap or Secret.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Content {
    /// All keys.
    pub values: BTreeMap<String, Value>,
    /// `immutable: true`
    pub immutable: bool,
    /// Why the cluster holds something else than the file.
    pub elsewhere: Option<&'static str>,
    /// Its reader reloads it: a Corefile with the `reload` plugin (coredns.io/plugins/reload).
    pub reloads: bool,
}

/// The value of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Value {
    /// Of its bytes.
    pub digest: Digest,
    /// It stands in `binaryData`, which `envFrom` does not read.
    pub binary: bool,
    /// All of it is a placeholder of another tool.
    pub placeholder: bool,
}

/// The addon manager creates such an object when it is missing and leaves it alone afterwards
/// (kubernetes/kubernetes `cluster/addons/addon-manager`).
const ADDON_MODE: &str = "addonmanager.kubernetes.io/mode";

/// How a field holds its values.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Text,
    Base64,
    Binary,
}

/// Fields by kind, a later one winning over an earlier one (Secret `stringData` over `data`).
const FIELDS: &[(&str, &str, Form)] = &[
    ("ConfigMap", "data", Form::Text),
    ("ConfigMap", "binaryData", Form::Binary),
    ("Secret", "data", Form::Base64),
    ("Secret", "stringData", Form::Text),
];

/// The content of a resource.
pub(super) fn of(workspace: &Workspace, id: ResourceId) -> Result<Content, NoFix> {
    let resource = workspace.resource(id);
    let Some(node) = workspace.node(id) else { return Ok(Content::default()) };
    let mut content = Content { immutable: node.get("immutable").and_then(Node::as_bool) == Some(true), ..Content::default() };
    for (kind, field, form) in FIELDS {
        let Some(map) = node.get(field).filter(|n| *kind == resource.kind && !n.is_null()) else { continue };
        if !map.is_mapping() {
            return Err(unreadable(resource, field, "is no mapping"));
        }
        for (key, value) in map.entries() {
            let key = key.text().filter(|key| *key != "<<").ok_or_else(|| unreadable(resource, field, "has a key that is no string"))?;
            let text = text(value).ok_or_else(|| unreadable(resource, key, "is no string"))?;
            let digest = match form {
                Form::Text => canon::digest(text.as_bytes()),
                Form::Base64 | Form::Binary => {
                    canon::digest(&canon::base64(text).ok_or_else(|| unreadable(resource, key, "is not base64"))?)
                }
            };
            content.reloads |= key == "Corefile" && text.lines().any(|line| line.split_whitespace().next() == Some("reload"));
            let value = Value { digest, binary: *form == Form::Binary, placeholder: is_placeholder(text) };
            content.values.insert(key.to_owned(), value);
        }
    }
    let mode = node.path(&["metadata", "labels", ADDON_MODE]).and_then(Node::text);
    content.elsewhere = match mode {
        Some("EnsureExists") => Some("its addon manager mode EnsureExists leaves later changes to the cluster"),
        _ if content.values.is_empty() => Some("the file holds no key of it"),
        _ => None,
    };
    Ok(content)
}

fn unreadable(resource: &Resource, what: &str, why: &str) -> NoFix {
    NoFix::new("unreadable-data", format!("{what} of {} {} {why}: the API server would refuse it", resource.kind, resource.name))
}

/// The string that the API server reads: dates are strings to it, nothing is the empty string, numbers and booleans are errors.
fn text(node: Node<'_>) -> Option<&str> {
    if node.target().tag().is_some_and(|tag| !matches!(tag, "!!str" | "!")) {
        return None;
    }
    match node.resolved()? {
        Resolved::Str | Resolved::Timestamp => node.text(),
        Resolved::Null => Some(""),
        Resolved::Bool(_) | Resolved::Int(_) | Resolved::Float => None,
    }
}

/// What reaches the pod is decided elsewhere: `{{ … }}` or `${…}` and nothing else, or an action on what a renderer of manifests offers. Any
/// other `{{` is content: of Alertmanager templates, of dashboards.
fn is_placeholder(text: &str) -> bool {
    let actions = text.split("{{").skip(1).filter_map(|rest| rest.split("}}").next());
    if actions.flat_map(str::split_whitespace).any(|word| RENDERED.iter().any(|root| word.starts_with(root))) {
        return true;
    }
    let text = text.trim();
    let within = |open: &str, close: &str| {
        text.strip_prefix(open).and_then(|t| t.strip_suffix(close)).is_some_and(|t| !t.contains(open) && !t.contains(close))
    };
    within("{{", "}}") || within("${", "}")
}

/// The roots of what Helm, and tools that template in its manner, offer.
const RENDERED: &[&str] = &[".Values.", "$.Values.", ".Release.", "$.Release.", ".Chart.", "$.Chart.", ".Config.", "$.Config."];

#[cfg(test)]
mod tests {
    use super::is_placeholder;

    #[test]
    fn only_a_value_that_is_nothing_else_is_a_placeholder() {
        assert!(is_placeholder("{{ .Values.config }}\n"));
        assert!(is_placeholder("${CONFIG}"));
        assert!(!is_placeholder("url: ${HOST}"));
        assert!(!is_placeholder("{{a}} of {{b}}"));
        assert!(!is_placeholder("{\"a\": {}}"));
        assert!(is_placeholder("id: {{ .Config.ClusterName }}\n{{ range $i, $r := .Config.Roles -}}\n{{ end }}"));
        assert!(!is_placeholder("{{ .GroupLabels.SortedPairs.Values | join }} {{ with .Values }}x{{ end }}"));
    }
}
