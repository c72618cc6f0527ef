//! The annotations of a pod template that hold hashes: one for all that it reads, or with
//! `per-source = true` one for each ConfigMap and Secret.
//!
//! All annotations of either form are the transform's own, so that what stands there in the other
//! form, or for something that is read no more, is known and goes.

use std::collections::BTreeSet;

use kubewright_model::kube::Target;
use kubewright_model::yaml::{Edit, Node, Place, Refusal, Value};

use super::canon::{self, Section};
use super::reads::Reading;
use super::{Names, Options};

/// What an annotation's key may have behind its `/`
/// (<https://kubernetes.io/docs/concepts/overview/working-with-objects/annotations/#syntax-and-character-set>).
const LONGEST: usize = 63;
/// Characters of a name that is longer, in front of a digest of all of it.
const SHORTENED: usize = 52;
/// Digits of that digest.
const DIGITS: usize = 10;

/// A hash that belongs on a pod template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mark {
    /// The annotation.
    pub key: String,
    /// Its value.
    pub hash: String,
    /// What it covers.
    pub of: Names,
}

impl Options {
    /// The hashes for what is read, in the form that the options ask for.
    pub(super) fn hashes(&self, reading: &Reading) -> Vec<Mark> {
        if self.per_source {
            self.one_each(reading)
        } else {
            vec![self.one_for_all(reading)]
        }
    }

    /// The same in the form that they do not ask for.
    pub(super) fn hashes_otherwise(&self, reading: &Reading) -> Vec<Mark> {
        if self.per_source {
            vec![self.one_for_all(reading)]
        } else {
            self.one_each(reading)
        }
    }

    fn one_for_all(&self, reading: &Reading) -> Mark {
        Mark {
            key: self.annotation.clone(),
            hash: canon::hash(&reading.sections),
            of: reading.names.clone(),
        }
    }

    /// An optional source that does not exist has none: it gets one when it comes, and that is a
    /// change of the pod template.
    fn one_each(&self, reading: &Reading) -> Vec<Mark> {
        let there = reading.sections.iter().filter(|s| s.keys.is_some());
        let mark = |(section, (to, name)): (&Section, &(Target, String))| Mark {
            key: self.key_of(*to, name),
            hash: canon::hash(std::slice::from_ref(section)),
            of: vec![(*to, name.clone())],
        };
        there.zip(&reading.names).map(mark).collect()
    }

    /// The annotation for a ConfigMap or Secret.
    pub(crate) fn annotation_of(&self, to: Target, name: &str) -> String {
        if self.per_source {
            self.key_of(to, name)
        } else {
            self.annotation.clone()
        }
    }

    /// `configmap.config-hash.kubewright.dev/settings`
    fn key_of(&self, to: Target, name: &str) -> String {
        let known = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        let ends = [name.chars().next(), name.chars().next_back()];
        let is_whole = name.len() <= LONGEST
            && name.chars().all(known)
            && ends
                .iter()
                .all(|c| c.is_some_and(|c| c.is_ascii_alphanumeric()));
        let prefix = self.prefix_of(to);
        if is_whole {
            return format!("{prefix}/{name}");
        }
        let begin: String = name.chars().filter(|c| known(*c)).take(SHORTENED).collect();
        let begin = begin.trim_matches(|c: char| !c.is_ascii_alphanumeric());
        let digest = canon::hex(&canon::digest(name.as_bytes()));
        let digest: String = digest.chars().take(DIGITS).collect();
        let dash = if begin.is_empty() { "" } else { "-" };
        format!("{prefix}/{begin}{dash}{digest}")
    }

    /// `configmap.config-hash.kubewright.dev`
    pub(super) fn prefix_of(&self, to: Target) -> String {
        prefix(&self.annotation, to)
    }

    /// Whether an annotation is one of the transform, in either form.
    pub(super) fn is_own(&self, key: &str) -> bool {
        let of = |to| {
            let rest = key.strip_prefix(&*self.prefix_of(to));
            rest.is_some_and(|rest| rest.starts_with('/'))
        };
        key == self.annotation
            || (key.starts_with("configmap.") && of(Target::ConfigMap))
            || (key.starts_with("secret.") && of(Target::Secret))
    }

    /// Whether a pod template carries a hash, in either form.
    pub(crate) fn carried_by(&self, template: Node<'_>) -> bool {
        !Written::of(template, self).is_empty()
    }
}

/// What stands in front of the name in the annotations that are made of `annotation`: a DNS
/// subdomain.
pub(super) fn prefix(annotation: &str, to: Target) -> String {
    let (domain, name) = match annotation.split_once('/') {
        Some((domain, name)) => (Some(domain), name),
        None => (None, annotation),
    };
    let letter = |c: char| match c.to_ascii_lowercase() {
        '_' => '-',
        c => c,
    };
    let name: String = name.chars().map(letter).collect();
    let kind = to.kind().to_ascii_lowercase();
    domain.map_or_else(
        || format!("{kind}.{name}"),
        |domain| format!("{kind}.{name}.{domain}"),
    )
}

/// The annotations of the transform that stand on a pod template, with their values.
#[derive(Debug, Clone, Default)]
pub(super) struct Written<'a>(Vec<(&'a str, Node<'a>)>);

impl<'a> Written<'a> {
    /// Those of a pod template.
    pub(super) fn of(template: Node<'a>, options: &Options) -> Self {
        let map = template.path(&["metadata", "annotations"]);
        let entries = map.into_iter().flat_map(Node::entries);
        let own = entries.filter_map(|(key, value)| Some((key.text()?, value)));
        Self(own.filter(|(key, _)| options.is_own(key)).collect())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn get(&self, key: &str) -> Option<Node<'a>> {
        let found = self.0.iter().find(|(own, _)| *own == key);
        found.map(|(_, value)| *value)
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = &'a str> {
        self.0.iter().map(|(key, _)| *key)
    }

    /// Values that are a hash, or were meant to be one.
    pub(super) fn values(&self) -> impl Iterator<Item = &'a str> {
        let texts = self.0.iter().filter_map(|(_, value)| value.text());
        texts.filter(|text| !text.is_empty())
    }

    /// Whether that hash stands there.
    pub(super) fn has(&self, mark: &Mark) -> bool {
        self.get(&mark.key).and_then(Node::text) == Some(&*mark.hash)
    }

    /// Whether another one does.
    pub(super) fn is_stale(&self, mark: &Mark) -> bool {
        let text = self.get(&mark.key).and_then(Node::text);
        text.is_some_and(|text| !text.is_empty() && text != mark.hash)
    }

    /// Whether these hashes stand there, and no other ones.
    pub(super) fn are(&self, marks: &[Mark]) -> bool {
        self.0.len() == marks.len() && marks.iter().all(|mark| self.has(mark))
    }

    /// Annotations that are none of these.
    pub(super) fn besides(&self, marks: &[Mark]) -> Vec<&'a str> {
        let other = |key: &&str| marks.iter().all(|mark| mark.key != *key);
        self.keys().filter(other).collect()
    }
}

/// The edits that have a pod template carry these hashes and no other ones: into the annotations,
/// or with them, or with the metadata. An empty `{}` gives way to a block.
pub(super) fn edits(
    template: Node<'_>,
    written: &Written<'_>,
    marks: &[Mark],
) -> Result<Vec<Edit>, Refusal> {
    let set = marks.iter().map(|mark| (&*mark.key, &*mark.hash)).collect();
    let removed = written.besides(marks).into_iter().collect();
    changes(template, written, &set, &removed)
}

/// The edits that write some annotations and remove others.
pub(super) fn changes(
    template: Node<'_>,
    written: &Written<'_>,
    set: &BTreeSet<(&str, &str)>,
    removed: &BTreeSet<&str>,
) -> Result<Vec<Edit>, Refusal> {
    let mut edits = Vec::new();
    let mut new = Vec::new();
    for (key, hash) in set {
        match written.get(key) {
            Some(node) if node.text() == Some(hash) => {}
            Some(node) => edits.push(node.set(&Value::str(*hash))?),
            None => new.push((*key, *hash)),
        }
    }
    let gone: Vec<Node<'_>> = removed.iter().filter_map(|key| written.get(key)).collect();
    let map = template.path(&["metadata", "annotations"]);
    let only_own = map.is_some_and(|map| map.entries().count() == gone.len());
    if let Some(map) = map.filter(|_| only_own && !gone.is_empty() && new.is_empty()) {
        edits.push(map.remove()?);
        return Ok(edits);
    }
    // What comes takes the place of what goes.
    let taken = gone.len().min(new.len());
    let behind = new.split_off(taken);
    for ((key, hash), node) in new.into_iter().zip(&gone) {
        edits.push(node.rename_key(key)?);
        if node.text() != Some(hash) {
            edits.push(node.set(&Value::str(hash))?);
        }
    }
    for node in gone.into_iter().skip(taken) {
        edits.push(node.remove()?);
    }
    if !behind.is_empty() {
        let behind = behind
            .into_iter()
            .map(|(key, hash)| (key, Value::quoted(hash)));
        edits.extend(insert(template, &behind.collect::<Vec<_>>())?);
    }
    Ok(edits)
}

fn insert(template: Node<'_>, new: &[(&str, Value)]) -> Result<Vec<Edit>, Refusal> {
    let empty = |node: Node<'_>| node.is_mapping() && node.entries().next().is_none();
    let all = || Value::map(new.iter().cloned());
    let one = match template.get("metadata") {
        None => template.insert(
            Place::First,
            "metadata",
            &Value::map([("annotations", all())]),
        ),
        Some(metadata) if empty(metadata) => metadata.set(&Value::map([("annotations", all())])),
        Some(metadata) => match metadata.get("annotations") {
            None => metadata.insert(Place::Last, "annotations", &all()),
            Some(map) if empty(map) => map.set(&all()),
            Some(map) => {
                let each = new
                    .iter()
                    .map(|(key, value)| map.insert(Place::Last, key, value));
                return each.collect();
            }
        },
    };
    Ok(vec![one?])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(annotation: &str) -> Options {
        Options {
            annotation: annotation.into(),
            per_source: true,
            ..Options::default()
        }
    }

    #[test]
    fn each_source_has_an_annotation_of_its_name() {
        let options = options("kubewright.dev/config-hash");
        let key = |name| options.annotation_of(Target::ConfigMap, name);
        assert_eq!(key("web"), "configmap.config-hash.kubewright.dev/web");
        assert_eq!(
            options.annotation_of(Target::Secret, "db.eu"),
            "secret.config-hash.kubewright.dev/db.eu"
        );
        let (long, other) = ("a".repeat(70), format!("{}b", "a".repeat(69)));
        assert_ne!(key(&long), key(&other));
        for name in [&long, &other, "-", "a/b", &"x.".repeat(40)] {
            let (_, behind) = key(name)
                .split_once('/')
                .map(|(p, n)| (p.to_owned(), n.to_owned()))
                .unwrap();
            assert!(behind.len() <= LONGEST && !behind.contains('/'), "{behind}");
            assert!(options.is_own(&key(name)));
        }
    }

    #[test]
    fn annotations_of_others_are_theirs() {
        let options = options("Config_Hash");
        assert_eq!(
            options.annotation_of(Target::Secret, "db"),
            "secret.config-hash/db"
        );
        assert!(options.is_own("Config_Hash") && options.is_own("configmap.config-hash/a"));
        for key in [
            "config-hash",
            "configmap.config-hash",
            "configmap.config-hash.io/a",
        ] {
            assert!(!options.is_own(key), "{key}");
        }
    }
}
