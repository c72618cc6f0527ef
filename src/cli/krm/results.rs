//! Findings as the results of a KRM function.

use kubewright_model::finding::Severity;
use kubewright_model::yaml::{File, Node};
use serde_json::{Map, Value, json};

use super::super::print::Paths;
use super::workspace::ItemFiles;
use crate::pipeline::report::{Outcome, Report, Reported};

/// What is said of one finding.
pub(super) struct Said {
    /// For people, on standard error.
    pub(super) line: String,
    /// For the program that runs the function.
    pub(super) result: Value,
}

/// All findings, in their order; `check`: nothing was changed.
pub(super) fn of(report: &Report, item_files: &ItemFiles, check: bool) -> Vec<Said> {
    // What is no path is shown as it is.
    let paths = Paths::default();
    let said = |finding| of_finding(finding, item_files, &paths, check);
    report.findings.iter().map(said).collect()
}

fn of_finding(finding: &Reported, item_files: &ItemFiles, paths: &Paths, check: bool) -> Said {
    let fixed = !check && finding.outcome != Outcome::Left;
    let severity = if fixed {
        Severity::Info
    } else {
        finding.severity
    };
    let message = paths.whole(&finding.message);
    let (outcome, what) = match (&finding.fix, finding.outcome) {
        (_, Outcome::Cured) if fixed => ("cured", "cured by another fix of this run".to_owned()),
        (Ok(fix), _) => {
            let word = if fixed { "fixed" } else { "fix" };
            let text = paths.whole(&fix.title);
            let outcome = if fixed { "applied" } else { "left" };
            (
                outcome,
                format!("{word} ({}): {text}", fix.applicability.as_str()),
            )
        }
        (Err(reason), _) => (
            "left",
            format!("no fix ({}): {}", reason.code, paths.whole(&reason.lines())),
        ),
    };
    let mut result = Map::new();
    result.insert("message".into(), json!(format!("{message}; {what}")));
    result.insert("severity".into(), json!(severity.as_str()));
    if let Some(resource) = &finding.resource {
        let mut reference = Map::new();
        reference.insert("apiVersion".into(), json!(resource.api_version));
        reference.insert("kind".into(), json!(resource.kind));
        if let Some(namespace) = &resource.namespace {
            reference.insert("namespace".into(), json!(namespace));
        }
        reference.insert("name".into(), json!(resource.name));
        result.insert("resourceRef".into(), reference.into());
        if let Some(field) = field(item_files, finding) {
            result.insert("field".into(), field);
        }
    }
    let mut place = String::new();
    if let Some(item) = item_files.item_at(&finding.place.path, finding.place.start)
        && let Some(path) = &item.path
    {
        result.insert(
            "file".into(),
            json!({"path": path, "index": item.index.unwrap_or(0)}),
        );
        place = format!("{path}: ");
    }
    let mut tags = Map::new();
    tags.insert("transform".into(), json!(finding.transform));
    tags.insert("outcome".into(), json!(outcome));
    match &finding.fix {
        Ok(fix) => tags.insert("applicability".into(), json!(fix.applicability.as_str())),
        Err(reason) => tags.insert("reasonCode".into(), json!(reason.code)),
    };
    result.insert("tags".into(), tags.into());
    let word = severity.as_str();
    let line = format!(
        "{place}{word}[{}]: {message}\n  = {what}\n",
        finding.transform
    );
    Said {
        line,
        result: result.into(),
    }
}

/// The field that a finding points at, and what stands there.
fn field(item_files: &ItemFiles, finding: &Reported) -> Option<Value> {
    let file = item_files.file(&finding.place.path)?;
    let root = file.root(file.document_at(finding.place.start))?;
    let holds = |node: &Node<'_>| {
        let span = node.span();
        span.start <= finding.place.start && finding.place.start < span.end.max(span.start + 1)
    };
    let node = root.descendants().filter(holds).last()?;
    let path = path(file, node)?;
    // What a Secret holds is not repeated.
    let told = finding.resource.as_ref().is_none_or(|r| r.kind != "Secret");
    let value = node
        .text()
        .filter(|text| told && !text.contains('\n') && node.key().is_some());
    Some(match value {
        Some(value) => json!({"path": path, "currentValue": value}),
        None => json!({"path": path}),
    })
}

/// `spec.template.spec.containers[0].image`; `None` at the root.
fn path(file: &File, node: Node<'_>) -> Option<String> {
    let mut segments: Vec<String> = Vec::new();
    let mut at = node;
    while let Some(parent) = at.parent() {
        if parent.is_sequence() {
            segments.push(format!("[{}]", at.position()?));
        } else {
            // A key stands for its entry.
            let key = at.key().unwrap_or(at);
            let text = key.text()?;
            segments.push(if text.contains(['.', '/']) {
                format!("[{text}]")
            } else {
                text.into()
            });
        }
        at = file.node(parent.id());
    }
    segments.reverse();
    let mut whole = String::new();
    for segment in segments {
        if !whole.is_empty() && !segment.starts_with('[') {
            whole.push('.');
        }
        whole.push_str(&segment);
    }
    (!whole.is_empty()).then_some(whole)
}
