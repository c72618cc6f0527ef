//! What a finding says of the hashes of a pod template: what is wrong with them, and what the fix
//! does.

use kubewright_model::text;
use kubewright_model::text::{Text, Verbatim};
use kubewright_model::yaml::Node;

use super::consumed::{self, list};
use super::hashes::Mark;
use super::reads::Reading;
use super::{Case, Names};

/// What is wrong with the hashes that stand there, or lack.
pub(super) struct Wrong {
    /// The hazard, for the subject of the finding.
    pub hazard: &'static str,
    /// One sentence.
    pub message: Text,
}

/// What is wrong with a pod template that does not carry these hashes, and no others.
pub(super) fn wrong(case: &Case<'_>, reading: &Reading, marks: &[Mark]) -> Wrong {
    let (subject, written) = (case.subject(), &case.written);
    if written.is_empty() {
        let (read, them) = (list(&reading.names), them(&reading.names));
        let behind = [", and a change of ", them, " restarts no pod"].concat();
        return Wrong {
            hazard: "absent",
            message: text![subject, " reads ", read, behind],
        };
    }
    if written.values().next().is_none() {
        let read = list(&reading.names);
        return Wrong {
            hazard: "empty",
            message: text![
                subject,
                " asks for a config hash and has none yet: a change of ",
                read,
                " restarts no pod"
            ],
        };
    }
    let options = &case.cx.settings.missing_config_hash;
    let otherwise = options.hashes_otherwise(reading);
    for form in [marks, &otherwise] {
        let old: Vec<&Mark> = form.iter().filter(|mark| written.is_stale(mark)).collect();
        if !old.is_empty() {
            return Wrong {
                hazard: "stale",
                message: stale(subject.into(), &old, None),
            };
        }
    }
    if otherwise.iter().any(|mark| written.has(mark)) {
        let forms = [
            " carries a config hash for each ConfigMap and Secret, and the configuration asks for \
             one for all (`per-source = false`)",
            " carries one config hash for all that it reads, and the configuration asks for one \
             for each ConfigMap and Secret (`per-source = true`)",
        ];
        return Wrong {
            hazard: "form",
            message: text![subject, forms[usize::from(options.per_source)]],
        };
    }
    let lacks = |mark: &&Mark| written.get(&mark.key).is_none_or(is_empty);
    let bare = names(marks.iter().filter(lacks));
    if !bare.is_empty() {
        let behind = [
            " without a hash of ",
            them(&bare),
            ": a change of ",
            them(&bare),
        ]
        .concat();
        return Wrong {
            hazard: "absent",
            message: text![subject, " reads ", list(&bare), behind, " restarts no pod"],
        };
    }
    Wrong {
        hazard: "left",
        message: left(case, &written.besides(marks)),
    }
}

/// `Deployment web carries a stale hash of ConfigMap settings: it changed, and no pod restarts for
/// it`, or where it does.
pub(super) fn stale(subject: Text, old: &[&Mark], place: Option<Text>) -> Text {
    let of = names(old.iter().copied());
    let (hash, changed) = match (old.len(), of.len()) {
        (_, 1) => (" carries a stale hash of ", ": it changed"),
        (1, _) => (" carries a stale hash of ", ": one of them changed"),
        _ => (" carries stale hashes of ", ": they changed"),
    };
    let place = place.map_or_else(Text::new, |place| text![" in ", place]);
    text![
        subject,
        hash,
        list(&of),
        place,
        changed,
        ", and no pod restarts for it"
    ]
}

/// Hashes of what is read no more, or left out.
pub(super) fn left(case: &Case<'_>, keys: &[&str]) -> Text {
    let options = &case.cx.settings.missing_config_hash;
    let read = consumed::all(case.template);
    let is_read = |key: &&str| {
        read.iter()
            .any(|s| options.annotation_of(s.to, s.name) == **key)
    };
    let what = match (keys.iter().all(is_read), keys.len()) {
        (true, 1) => ", a hash of what the configuration leaves out",
        (true, _) => ", hashes of what the configuration leaves out",
        (false, 1) => ", a hash of what it does not read",
        (false, _) => ", hashes of what it does not read",
    };
    let keys = Text::list(keys.iter().map(|key| text![Verbatim(key)]));
    text![case.subject(), " carries ", keys, what]
}

/// What the fix does.
pub(super) fn title(case: &Case<'_>, marks: &[Mark]) -> Text {
    let written = &case.written;
    let (old, new): (Vec<&Mark>, Vec<&Mark>) = (marks.iter())
        .filter(|mark| !written.has(mark))
        .partition(|mark| written.get(&mark.key).is_some());
    let mut parts = Vec::new();
    if !old.is_empty() {
        parts.push(text!["update the ", hash_of(&old)]);
    }
    if !new.is_empty() {
        parts.push(text!["write the ", hash_of(&new), " to the pod template"]);
    }
    let gone = written.besides(marks);
    if !gone.is_empty() {
        let keys = Text::list(gone.iter().map(|key| text![Verbatim(key)]));
        parts.push(text!["remove ", keys]);
    }
    Text::joined(parts, ", ")
}

/// `hash of ConfigMaps a and b`, or `hashes` where each has its own.
fn hash_of(marks: &[&Mark]) -> Text {
    let hash = if marks.len() > 1 {
        "hashes of "
    } else {
        "hash of "
    };
    text![hash, list(&names(marks.iter().copied()))]
}

fn names<'m>(marks: impl Iterator<Item = &'m Mark>) -> Names {
    marks.flat_map(|mark| mark.of.iter().cloned()).collect()
}

fn them(names: &Names) -> &'static str {
    if names.len() > 1 { "them" } else { "it" }
}

fn is_empty(node: Node<'_>) -> bool {
    node.text().is_none_or(str::is_empty)
}
