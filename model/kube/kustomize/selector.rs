//! Which resources a kustomize patch, replacement or target is about.
//!
//! Selectors are regular expressions anchored on both sides (kustomize's `SelectorRegex`). They are
//! asked "may it be this one?": what cannot be told apart matches, because a missed patch is worse
//! than one too many.

use std::collections::BTreeSet;

use regex_automata::meta::Regex;

use crate::kube::object::resource::Resource;
use crate::yaml::Node;

/// How many bytes a compiled expression has at most.
const LARGEST: usize = 1024 * 1024;

/// An anchored regular expression.
#[derive(Debug, Clone)]
pub(in crate::kube) enum Pattern {
    /// Not given, or not understood: matches everything.
    Any,
    /// Without metacharacters.
    Literal(String),
    /// With.
    Expression(Box<Regex>),
}

impl Pattern {
    fn of(node: Option<Node<'_>>) -> Self {
        let Some(text) = node.and_then(Node::text).filter(|t| !t.is_empty()) else {
            return Self::Any;
        };
        if text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'/' | b':'))
        {
            return Self::Literal(text.to_owned());
        }
        // An expression that does not compile makes kustomize fail; it may be meant for anything.
        // So may one that is small to write and large to compile.
        Regex::builder()
            .configure(Regex::config().nfa_size_limit(Some(LARGEST)))
            .build(&format!("^(?:{text})$"))
            .map_or(Self::Any, |regex| Self::Expression(Box::new(regex)))
    }

    /// Whether it matches all of `text`.
    pub(in crate::kube) fn matches(&self, text: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Literal(literal) => literal == text,
            Self::Expression(regex) => regex.is_match(text),
        }
    }
}

/// Fields by which resources are chosen.
#[derive(Debug, Clone)]
pub(in crate::kube) struct Selector {
    group: Pattern,
    version: Pattern,
    kind: Pattern,
    /// Also asked by who looks for uses of a name.
    pub name: Pattern,
    namespace: Pattern,
    labels: Option<String>,
    annotations: Option<String>,
}

/// A resource as it may look on its way through kustomizations.
#[derive(Debug)]
pub(in crate::kube) struct Seen<'a> {
    /// The resource.
    pub resource: &'a Resource,
    /// Its mapping.
    pub node: Node<'a>,
    /// All names it has on the way.
    pub names: BTreeSet<String>,
    /// All namespaces it has on the way; empty when it is not known.
    pub namespaces: BTreeSet<String>,
    /// Labels and annotations may be added on the way.
    pub relabelled: bool,
}

impl Selector {
    /// The selector of a `target` or `select` mapping.
    pub(in crate::kube) fn of(node: Node<'_>) -> Self {
        let text = |key: &str| {
            node.get(key)
                .and_then(Node::text)
                .filter(|t| !t.is_empty())
                .map(str::to_owned)
        };
        Self {
            group: Pattern::of(node.get("group")),
            version: Pattern::of(node.get("version")),
            kind: Pattern::of(node.get("kind")),
            name: Pattern::of(node.get("name")),
            namespace: Pattern::of(node.get("namespace")),
            labels: text("labelSelector"),
            annotations: text("annotationSelector"),
        }
    }

    /// Selects by what a strategic-merge patch says about itself.
    pub(in crate::kube) fn of_patch(root: Node<'_>) -> Self {
        let literal = |text: Option<&str>| {
            text.filter(|t| !t.is_empty())
                .map_or(Pattern::Any, |t| Pattern::Literal(t.to_owned()))
        };
        let api_version = root.get("apiVersion").and_then(Node::text);
        let group = match api_version.map(|v| v.split_once('/').map_or("", |(group, _)| group)) {
            Some(group) => Pattern::Literal(group.to_owned()),
            None => Pattern::Any,
        };
        Self {
            group,
            version: Pattern::Any,
            kind: literal(root.get("kind").and_then(Node::text)),
            name: literal(root.path(&["metadata", "name"]).and_then(Node::text)),
            namespace: literal(root.path(&["metadata", "namespace"]).and_then(Node::text)),
            labels: None,
            annotations: None,
        }
    }

    /// Whether it may choose this resource.
    pub(in crate::kube) fn may_choose(&self, seen: &Seen<'_>) -> bool {
        let resource = seen.resource;
        let version = resource.api_version.rsplit('/').next().unwrap_or_default();
        self.group.matches(resource.group())
            && self.version.matches(version)
            && self.kind.matches(&resource.kind)
            && (seen.names.is_empty() || seen.names.iter().any(|n| self.name.matches(n)))
            && (seen.namespaces.is_empty()
                || seen.namespaces.iter().any(|n| self.namespace.matches(n)))
            && self.may_be_labelled(seen)
    }

    fn may_be_labelled(&self, seen: &Seen<'_>) -> bool {
        if seen.relabelled {
            return true;
        }
        let fits = |selector: &Option<String>, field: &str| {
            selector.as_deref().is_none_or(|s| {
                s.split(',')
                    .all(|term| may_hold(term.trim(), seen.node.path(&["metadata", field])))
            })
        };
        fits(&self.labels, "labels") && fits(&self.annotations, "annotations")
    }

    /// Whether it chooses by kind and name alone, both understood.
    pub(in crate::kube) fn is_exact(&self) -> bool {
        let given = |pattern: &Pattern| !matches!(pattern, Pattern::Any);
        given(&self.kind)
            && given(&self.name)
            && self.labels.is_none()
            && self.annotations.is_none()
    }

    /// Whether it chooses by nothing that is added on the way.
    pub(in crate::kube) fn is_label_free(&self) -> bool {
        self.labels.is_none() && self.annotations.is_none()
    }

    /// Whether it may choose an object of this kind and name.
    pub(in crate::kube) fn may_name(&self, kind: &str, name: &str) -> bool {
        self.kind.matches(kind)
            && (self.group.matches("") || self.group.matches("core"))
            && self.name.matches(name)
    }
}

impl Selector {
    /// Whether it chooses that object and no other, by kind and name without an expression.
    pub(in crate::kube) fn is_exactly(&self, kind: &str, name: &str) -> bool {
        let literal =
            |pattern: &Pattern, text: &str| matches!(pattern, Pattern::Literal(l) if l == text);
        literal(&self.kind, kind) && literal(&self.name, name)
    }
}

/// Whether one term of a label selector may hold; set-based terms are not told apart.
fn may_hold(term: &str, labels: Option<Node<'_>>) -> bool {
    let value = |key: &str| labels.and_then(|l| l.get(key.trim())).and_then(Node::text);
    if term.contains(['(', ')', ' ']) && !term.contains('=') {
        return true;
    }
    if let Some((key, wanted)) = term.split_once("!=") {
        return value(key) != Some(wanted.trim());
    }
    if let Some((key, wanted)) = term.split_once('=') {
        return value(key) == Some(wanted.trim_start_matches('=').trim());
    }
    match term.strip_prefix('!') {
        Some(key) => value(key).is_none(),
        None => term.is_empty() || value(term).is_some(),
    }
}
