//! What a release has to be after an edit of its chart: what the fixes make of it.

use kubewright_model::kube::charts::Values;
use kubewright_model::kube::charts::rendered::{Document, documents};
use kubewright_model::text::Text;
use serde_yaml::Value;

use super::prove::{identity, value};
use super::seen::RELEASE;
use crate::pipeline::report::ReportedEdit;

/// How many digits a hash is cut to at least.
const DIGITS: usize = 8;

/// A release as it has to be.
pub(super) struct Expected {
    pub(super) set: usize,
    /// With which values, where they are not those of the set.
    pub(super) values: Option<Values>,
    pub(super) text: String,
}

impl Expected {
    /// A release with edits.
    pub(super) fn new<'a>(
        set: usize,
        values: Option<Values>,
        rendered: &str,
        edits: impl IntoIterator<Item = &'a ReportedEdit>,
    ) -> Self {
        Self {
            set,
            values,
            text: applied(rendered, edits),
        }
    }
}

/// A release with the edits of its fixes; as it is where they do not fit together.
pub(super) fn applied<'a>(
    rendered: &str,
    edits: impl IntoIterator<Item = &'a ReportedEdit>,
) -> String {
    let own = edits.into_iter().filter(|edit| edit.path == RELEASE);
    let mut edits: Vec<&ReportedEdit> = own.collect();
    edits.sort_by_key(|edit| (edit.start, edit.end));
    edits.dedup();
    let mut after = String::new();
    let mut at = 0;
    for edit in edits {
        let Some(kept) = rendered.get(at..edit.start) else {
            return rendered.to_owned();
        };
        after.push_str(kept);
        after.push_str(&edit.content);
        at = edit.end;
    }
    after + rendered.get(at..).unwrap_or_default()
}

/// What of a release is not as it has to be; nothing where all is. What is another one at every
/// render does not count.
pub(super) fn same(expected: &str, made: &str, again: &str) -> Option<Text> {
    let (expected, made, again) = (documents(expected), documents(made), documents(again));
    if expected.len() != made.len() || made.len() != again.len() {
        return Some("there are other documents".into());
    }
    for ((old, new), second) in expected.iter().zip(&made).zip(&again) {
        if old.text == new.text && old.source == new.source {
            continue;
        }
        let (a, b) = (value(old), value(new));
        let alike = a.is_some() && a.map(without_hashes) == b.map(without_hashes);
        if alike && old.source == new.source && new.text == second.text {
            continue;
        }
        if new.text != second.text && old.source == new.source && !alike {
            let stable = stable_part(old, new, second);
            if stable {
                continue;
            }
        }
        let (kind, name) = value(new).map(|v| identity(&v)).unwrap_or_default();
        return Some(format!("{kind} {name}").into());
    }
    None
}

/// Whether the lines in which a document differs from what it has to be are those that are other
/// ones at every render.
fn stable_part(old: &Document<'_>, new: &Document<'_>, second: &Document<'_>) -> bool {
    let lines = |document: &Document<'_>| -> Vec<String> {
        document.text.lines().map(str::to_owned).collect()
    };
    let (old, new, second) = (lines(old), lines(new), lines(second));
    old.len() == new.len()
        && new.len() == second.len()
        && (0..old.len()).all(|at| old[at] == new[at] || new[at] != second[at])
}

/// A document without the hashes in the annotations of its pods: those of a template that is edited
/// are other ones.
fn without_hashes(mut document: Value) -> Value {
    let annotations = document
        .get_mut("spec")
        .and_then(|s| s.get_mut("template"))
        .and_then(|t| t.get_mut("metadata"))
        .and_then(|m| m.get_mut("annotations"))
        .and_then(Value::as_mapping_mut);
    for (key, value) in annotations.into_iter().flatten() {
        let named = key.as_str().is_some_and(|key| key.contains("checksum"));
        let hash = |text: &str| text.len() >= DIGITS && text.chars().all(|c| c.is_ascii_hexdigit());
        if named && value.as_str().is_some_and(hash) {
            *value = Value::Null;
        }
    }
    document
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_random_does_not_count() {
        let document = |text: &str| format!("---\n# Source: a/templates/b.yaml\n{text}");
        let release = |a: &str, b: &str| document(&format!("a: {a}\nb: {b}\n"));
        let (old, new) = (release("1", "x"), release("1", "y"));
        assert_eq!(same(&old, &old, &old), None);
        assert!(same(&old, &new, &new).is_some());
        assert_eq!(same(&old, &new, &release("1", "z")), None);
    }
}
