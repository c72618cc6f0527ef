//! Hashes that charts write already, and that follow nothing: a template that renders nothing is
//! included, such as one from another chart, or one whose content moved.

use std::fmt::Write as _;

use kubewright_model::finding::{NoFix, Severity};
use kubewright_model::kube::charts::rendered::Document;
use kubewright_model::kube::charts::{Chart, ChartCode};
use kubewright_model::text;
use kubewright_model::text::{Field, Path as At, Text};
use serde_yaml::Value;
use sha2::{Digest as _, Sha256};

use super::prove::{annotations, identity, value};
use crate::pipeline::report::Reported;

/// With which code a workload is left alone that has a checksum of its chart.
const LEFT_ALONE: &str = "foreign-checksum";
/// How many digits a hash is cut to at least.
const DIGITS: usize = 16;

/// Whether a value is the hash of a template that renders nothing, be it cut.
fn of_nothing(hash: &str) -> bool {
    let blank = |lines: usize| {
        let digest = Sha256::digest("\n".repeat(lines).as_bytes());
        let mut hex = String::new();
        for byte in digest {
            let _ = write!(hex, "{byte:02x}");
        }
        hex.starts_with(hash)
    };
    hash.len() >= DIGITS && (0..4).any(blank)
}

/// Turns the remark that a workload has a checksum of its chart into a warning, where all that it
/// has is the hash of nothing.
pub(super) fn judge(finding: &mut Reported, chart: &Chart, documents: &[Document<'_>]) {
    let Some(resource) = &finding.resource else {
        return;
    };
    if !(finding.fix.as_ref()).is_err_and(|reason| reason.code == LEFT_ALONE) {
        return;
    }
    let who = (resource.kind.clone(), resource.name.clone());
    let all: Vec<(&Document<'_>, Value)> = documents
        .iter()
        .filter_map(|document| Some((document, value(document)?)))
        .collect();
    let Some((_, workload)) = all.iter().find(|(_, value)| identity(value) == who) else {
        return;
    };
    let checksums = annotations(workload).into_iter().flatten();
    let checksums: Vec<(&str, &str)> = checksums
        .filter_map(|(key, value)| Some((key.as_str()?, value.as_str()?)))
        .filter(|(key, _)| key.contains("checksum"))
        .collect();
    let Some((key, _)) = checksums.first() else {
        return;
    };
    if !checksums.iter().all(|(_, hash)| of_nothing(hash)) {
        return;
    }
    let message = finding.message.to_string();
    let read = |name: &str| {
        let mut words = message.split([' ', ',']);
        words.any(|word| word == name)
    };
    let made = all.iter().filter(|(_, value)| {
        let (kind, name) = identity(value);
        kind == "ConfigMap" && read(&name)
    });
    let files: Vec<Text> = made
        .filter_map(|(document, _)| chart.source(document.source))
        .map(|path| text![At(&path)])
        .collect();
    finding.severity = Severity::Warning;
    finding.message = text![
        who.0.as_str(),
        " ",
        who.1.as_str(),
        " has the hash of nothing in ",
        Field(key),
        ": the template that it includes renders nothing, and a change of what the pods read \
         restarts none of them"
    ];
    let text = if files.is_empty() {
        text!["have it include the template that makes what the pods read"]
    } else {
        text![
            "have it include ",
            Text::list(files),
            ", which makes what the pods read"
        ]
    };
    finding.fix = Err(NoFix::new(ChartCode::HashOfNothing, text));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blank_templates_have_known_hashes() {
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert!(of_nothing(empty) && of_nothing(&empty[..20]));
        assert!(!of_nothing(&empty[..4]) && !of_nothing(&"0".repeat(64)));
    }
}
