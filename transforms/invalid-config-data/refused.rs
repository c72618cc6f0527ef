//! What the API server refuses of data: `ValidateConfigMap` and `ValidateSecret` of
//! <https://github.com/kubernetes/kubernetes/blob/master/pkg/apis/core/validation/validation.go>.

use std::collections::BTreeMap;

use kubewright_model::finding::{Finding, Location, NoFix};
use kubewright_model::kube::Target;
use kubewright_model::text;
use kubewright_model::text::{Field, Verbatim};

use super::codes::Code;
use super::{Entry, Object, filled};
use crate::binary;

/// Bytes of all values of a ConfigMap or Secret (`MaxSecretSize`).
const MAX_BYTES: usize = 1024 * 1024;
/// Bytes of a key (`IsConfigMapKey`).
const MAX_KEY: usize = 253;

/// What is refused of an object.
pub(super) fn findings(object: &Object<'_>) -> Vec<Finding> {
    let mut findings: Vec<Finding> = object
        .entries
        .iter()
        .flat_map(|entry| [invalid_key(object, entry), not_base64(object, entry)])
        .flatten()
        .collect();
    findings.extend(in_both(object));
    findings.extend(too_large(object));
    findings
}

/// What comes of all of them.
const REFUSED: &str = ": the API server refuses it";

fn invalid_key(object: &Object<'_>, entry: &Entry<'_>) -> Option<Finding> {
    let key = entry.key.text().filter(|key| *key != "<<")?;
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    let (what, todo) = if let Some(wrong) = key.chars().find(|c| !allowed(*c)) {
        if filled::is_template(key) {
            return None;
        }
        let what = match wrong {
            _ if key.trim() != key => ", which begins or ends with white space".to_owned(),
            ' ' => ", which holds a space".to_owned(),
            wrong => format!(", which holds `{wrong}`"),
        };
        let todo = if wrong == '/' {
            "name the key without directories, and give the volume `items` with that path"
        } else {
            "use letters, digits, `-`, `_` and `.` alone, in what reads it too"
        };
        (what, todo)
    } else if key.is_empty() {
        (", which is empty".to_owned(), "give it a name")
    } else if key == "." || key.starts_with("..") {
        (
            ", which no file may have for a name".to_owned(),
            "give it another name",
        )
    } else if key.len() > MAX_KEY {
        (
            format!(", which has more than {MAX_KEY} characters"),
            "give it a shorter name",
        )
    } else {
        return None;
    };
    let message = text![
        object.resource.display(),
        " has the key `",
        key,
        "` in ",
        entry.field,
        what,
        REFUSED
    ];
    let place = Location::of(object.resource.file, entry.key);
    let mut finding = object.finding(place, key, message, NoFix::new(Code::InvalidKey, todo));
    finding.hidden = object.hidden(entry);
    Some(finding)
}

fn not_base64(object: &Object<'_>, entry: &Entry<'_>) -> Option<Finding> {
    let (key, value) = (entry.key.text()?, entry.value.as_str()?);
    let is_filled = || filled::is_template(value) || filled::is_to_do(value);
    if !entry.encoded || binary::decode(value).is_some() || is_filled() {
        return None;
    }
    let message = text![
        object.resource.display(),
        " has ",
        Field(key),
        " in ",
        entry.field,
        ", and its value is not base64",
        REFUSED
    ];
    let plain = match object.to {
        Target::ConfigMap => "data",
        Target::Secret => "stringData",
    };
    let todo = text![
        "encode it with ",
        Verbatim("base64 -w0"),
        ", or write it as it is below ",
        Field(plain)
    ];
    // The value may be the secret itself: it is not to be shown.
    let place = Location::of(object.resource.file, entry.key);
    let mut finding = object.finding(place, key, message, NoFix::new(Code::Base64, todo));
    finding.hidden = object.hidden(entry);
    Some(finding)
}

/// Of a ConfigMap, a key in `data` and in `binaryData`; of a Secret `stringData` wins over `data`.
fn in_both(object: &Object<'_>) -> Vec<Finding> {
    if object.to == Target::Secret {
        return Vec::new();
    }
    let mut first: BTreeMap<&str, &Entry<'_>> = BTreeMap::new();
    let mut findings = Vec::new();
    for entry in &object.entries {
        let Some(key) = entry.key.text() else {
            continue;
        };
        let before = *first.entry(key).or_insert(entry);
        if before.field == entry.field {
            continue;
        }
        let message = text![
            object.resource.display(),
            " has the key ",
            Field(key),
            " in ",
            before.field,
            " and in ",
            entry.field,
            REFUSED
        ];
        let place = Location::of(object.resource.file, entry.key);
        let mut finding = object.finding(
            place,
            key,
            message,
            NoFix::new(Code::KeyInBoth, "remove the one that is not meant"),
        );
        let other = Location::of(object.resource.file, before.key);
        finding.related.push((other, "the other one".into()));
        findings.push(finding);
    }
    findings
}

fn too_large(object: &Object<'_>) -> Option<Finding> {
    let bytes = |entry: &Entry<'_>| {
        let text = entry.value.text().unwrap_or_default();
        if entry.encoded {
            binary::decode(text).map_or(0, |bytes| bytes.len())
        } else {
            text.len()
        }
    };
    // Where a Secret has a key in both, `stringData` alone is kept.
    let mut sizes: BTreeMap<&str, (usize, &Entry<'_>)> = BTreeMap::new();
    for entry in &object.entries {
        sizes.insert(entry.key.text().unwrap_or_default(), (bytes(entry), entry));
    }
    let all: usize = sizes.values().map(|(size, _)| size).sum();
    let (key, (size, entry)) = sizes.iter().max_by_key(|(_, (size, _))| *size)?;
    if all <= MAX_BYTES {
        return None;
    }
    let message = text![
        object.resource.display(),
        " has ",
        all,
        " bytes of values, more than 1 MiB (1048576)",
        REFUSED
    ];
    let todo = text![
        Field(key),
        " alone has ",
        *size,
        ": put it into an object of its own, a volume or the image"
    ];
    let place = Location::of(object.resource.file, entry.key);
    let mut finding = object.finding(place, "", message, NoFix::new(Code::TooLarge, todo));
    finding.hidden = object.hidden(entry);
    Some(finding)
}
