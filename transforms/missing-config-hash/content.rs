//! What a ConfigMap or Secret holds: the bytes of each key as the kubelet hands them to a pod.
//!
//! The values are those of the parsed document: quotes, block style, comments and the order of keys
//! leave no trace. What the API server would not take (a number, a broken base64) has no bytes and
//! is refused.

use std::collections::{BTreeMap, BTreeSet};

use kubewright_model::finding::NoFix;
use kubewright_model::kube::{GeneratedContent, Resource, ResourceId, Workspace};
use kubewright_model::text;
use kubewright_model::text::{Field, Named};
use kubewright_model::yaml::{Node, Resolved};

use super::canon::{self, Digest};
use super::codes::Code;
use super::placeholder::{has_variable, is_placeholder, is_substituted};
use crate::binary;

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
    /// Why it is not yet what reaches the pod.
    pub unfilled: Option<Unfilled>,
    /// The program that reads it watches it.
    pub watched: bool,
}

/// Why a value is not yet there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unfilled {
    /// Another tool fills it in.
    Placeholder,
    /// YAML reads nothing: all that stands behind the key is a comment, or not even that.
    Nothing,
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
    of_node(workspace, id, workspace.node(id))
}

/// The content of a resource that a mapping holds: its own, or one that comes of it.
pub(super) fn of_node(
    workspace: &Workspace,
    id: ResourceId,
    node: Option<Node<'_>>,
) -> Result<Content, NoFix> {
    let resource = workspace.resource(id);
    let Some(node) = node else {
        return Ok(Content::default());
    };
    let mut content = Content {
        immutable: node.get("immutable").and_then(Node::as_bool) == Some(true),
        ..Content::default()
    };
    let whole = &workspace.file(resource.file).text;
    // A variable that the file sets somewhere is one for the program to expand.
    let named = |name: &str| {
        whole
            .match_indices(name)
            .any(|(at, _)| stands_alone(whole, at, name.len()))
    };
    let substituted = resource.of_template || is_substituted(whole);
    for (kind, field, form) in FIELDS {
        let Some(map) = node
            .get(field)
            .filter(|n| *kind == resource.kind && !n.is_null())
        else {
            continue;
        };
        if !map.is_mapping() {
            return Err(unreadable(resource, field, "is no mapping"));
        }
        let mut seen = BTreeSet::new();
        for (key, value) in map.entries() {
            let key = key
                .text()
                .filter(|key| *key != "<<")
                .ok_or_else(|| unreadable(resource, field, "has a key that is no string"))?;
            let text = text(value).ok_or_else(|| unreadable(resource, key, "is no string"))?;
            let digest = match form {
                Form::Text => canon::digest(text.as_bytes()),
                Form::Base64 | Form::Binary => canon::digest(
                    &binary::decode(text)
                        .ok_or_else(|| unreadable(resource, key, "is not base64"))?,
                ),
            };
            content.reloads |= reloads(key, text);
            let filled_in = || {
                *form != Form::Binary
                    && (is_placeholder(text, named) || (substituted && has_variable(text)))
            };
            let unfilled = if value.is_null() {
                Some(Unfilled::Nothing)
            } else {
                filled_in().then_some(Unfilled::Placeholder)
            };
            let value = Value {
                digest,
                binary: *form == Form::Binary,
                unfilled,
                watched: is_watched(text),
            };
            content.values.insert(key.to_owned(), value);
            if !seen.insert(key) {
                let text = text![
                    Field(key),
                    " of ",
                    Named::new(&resource.kind, &resource.name),
                    " stands there twice: the last one counts, or the object is refused"
                ];
                return Err(NoFix::new(Code::UnreadableData, text));
            }
        }
    }
    let mode = node
        .path(&["metadata", "labels", ADDON_MODE])
        .and_then(Node::text);
    content.elsewhere = match mode {
        Some("EnsureExists") => {
            Some("its addon manager mode EnsureExists leaves later changes to the cluster")
        }
        _ if content.values.is_empty() => Some("the file holds no key of it"),
        _ => None,
    };
    Ok(content)
}

/// The content of what generators make, on top of the resource that they add to.
pub(super) fn of_generated(generated: &GeneratedContent, onto: Content) -> Content {
    let mut content = Content {
        immutable: generated.immutable,
        elsewhere: None,
        ..onto
    };
    for (key, bytes) in &generated.values {
        let text = std::str::from_utf8(bytes);
        let filled_in = |text: &str| {
            let named = |name: &str| {
                text.match_indices(name)
                    .any(|(at, _)| stands_alone(text, at, name.len()))
            };
            is_placeholder(text, named) || (is_substituted(text) && has_variable(text))
        };
        content.reloads |= text.is_ok_and(|text| reloads(key, text));
        let value = Value {
            digest: canon::digest(bytes),
            binary: text.is_err(),
            unfilled: text.is_ok_and(filled_in).then_some(Unfilled::Placeholder),
            watched: text.is_ok_and(is_watched),
        };
        content.values.insert(key.clone(), value);
    }
    content
}

/// A Corefile with the plugin `reload`.
fn reloads(key: &str, text: &str) -> bool {
    key == "Corefile"
        && text
            .lines()
            .any(|line| line.split_whitespace().next() == Some("reload"))
}

fn unreadable(resource: &Resource, what: &str, why: &str) -> NoFix {
    NoFix::new(
        Code::UnreadableData,
        text![
            &what,
            " of ",
            Named::new(&resource.kind, &resource.name),
            " ",
            &why,
            ": the API server would refuse it"
        ],
    )
}

/// The string that the API server reads: dates are strings to it, nothing is the empty string,
/// numbers and booleans are errors.
fn text(node: Node<'_>) -> Option<&str> {
    if node
        .target()
        .tag()
        .is_some_and(|tag| !matches!(tag, "!!str" | "!"))
    {
        return None;
    }
    match node.resolved()? {
        Resolved::Str | Resolved::Timestamp => node.text(),
        Resolved::Null => Some(""),
        Resolved::Bool(_) | Resolved::Int(_) | Resolved::Float => None,
    }
}

/// Whether a name at that place of a text is a word, and not in `${…}`.
fn stands_alone(text: &str, at: usize, length: usize) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '$' | '{');
    let before = text.get(..at).and_then(|before| before.chars().next_back());
    let after = text
        .get(at + length..)
        .and_then(|after| after.chars().next());
    !before.is_some_and(word) && !after.is_some_and(word)
}

/// Settings by which a logging library reads its file again: log4j2's `monitorInterval`
/// (<https://logging.apache.org/log4j/2.x/manual/configuration.html#configuration-attribute-monitorInterval>)
/// and logback's `scan` (<https://logback.qos.ch/manual/configuration.html#autoScan>).
fn is_watched(text: &str) -> bool {
    let squeezed = |text: &str| {
        text.chars()
            .filter(|c| !c.is_whitespace() && !matches!(c, '"' | '\''))
            .collect::<String>()
    };
    let mut lines = text
        .lines()
        .filter(|line| line.contains("monitorInterval") || line.contains("scan"));
    lines.any(|line| {
        let line = squeezed(line);
        let after = line
            .split_once("monitorInterval")
            .map(|(_, rest)| rest.trim_start_matches(['=', ':']));
        let interval = after
            .and_then(|rest| rest.chars().next())
            .is_some_and(|c| matches!(c, '1'..='9'));
        interval || (line.contains("<configuration") && line.contains("scan=true"))
    })
}
