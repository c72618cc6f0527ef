//! SARIF 2.1.0, which code scanning services and editors read.
//!
//! Columns count Unicode scalar values, ends are exclusive. All replacements of a fix are in
//! coordinates of the original text; an insertion deletes an empty region.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use kubewright_model::finding::Severity;
use serde_json::{Value, json};

use super::neutral;
use super::run::{HOME, Position, Problem, Run, VERSION, link_of, page_of, summary_of};
use crate::pipeline::report::{FileFate, Place, ReportedEdit, ReportedFix};

const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// One log of one run.
pub(crate) fn render(run: &Run<'_>) -> String {
    let problems = run.problems();
    let rules: Vec<&str> = run.rules().into_iter().collect();
    let results: Vec<Value> = problems.iter().map(|p| result(run, &rules, p)).collect();
    neutral::json(&json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "kubewright",
                "version": VERSION,
                "semanticVersion": VERSION,
                "informationUri": HOME,
                "rules": rules.iter().map(|name| rule(&problems, name)).collect::<Vec<_>>(),
            }},
            "columnKind": "unicodeCodePoints",
            "originalUriBaseIds": {"%SRCROOT%": {"description": {"text": "the top of the repository"}}},
            "results": results,
        }],
    }))
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "note",
    }
}

fn rule(problems: &[Problem<'_>], name: &str) -> Value {
    let found = problems.iter().map(|p| p.finding);
    let severities = found.filter(|f| f.transform == name).map(|f| f.severity);
    let worst = severities.max().unwrap_or(Severity::Warning);
    let summary = summary_of(name);
    let link = link_of(name);
    let mut help = json!({"text": format!("{summary}: see {link}")});
    if let (Some(page), Value::Object(help)) = (page_of(name), &mut help) {
        help.insert("markdown".into(), json!(page));
    }
    json!({
        "id": name,
        "name": name,
        "shortDescription": {"text": summary},
        "fullDescription": {"text": summary},
        "helpUri": link,
        "help": help,
        "defaultConfiguration": {"level": level(worst)},
        "properties": {"tags": ["kubernetes", "configuration"], "problem.severity": match worst {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Info => "recommendation",
        }},
    })
}

fn result(run: &Run<'_>, rules: &[&str], problem: &Problem<'_>) -> Value {
    let finding = problem.finding;
    let place = location(&problem.path, &region(problem.start, problem.end));
    let mut related: Vec<Value> = Vec::new();
    for (at, text) in finding
        .related
        .iter()
        .filter(|(at, _)| *at != finding.place)
    {
        let mut other = location(&run.top.shown(&at.path), &start_of(at));
        if let Value::Object(other) = &mut other {
            other.insert("id".into(), json!(related.len() + 1));
            other.insert(
                "message".into(),
                json!({"text": neutral::lines(&run.say(text))}),
            );
        }
        related.push(other);
    }
    let fix = run.offered(finding);
    let resource = finding.resource.as_ref();
    json!({
        "ruleId": finding.transform,
        "ruleIndex": rules.iter().position(|name| *name == finding.transform),
        "level": level(finding.severity),
        "message": {"text": neutral::lines(&run.account(finding))},
        "locations": [place],
        "relatedLocations": related,
        "partialFingerprints": {
            "primaryLocationLineHash": problem.fingerprint,
            "kubewright/v1": problem.fingerprint,
        },
        "fixes": fix.map(|fix| of_fix(run, fix)).into_iter().collect::<Vec<_>>(),
        "properties": {
            "applicability": finding.fix.as_ref().ok().map(|fix| fix.applicability.as_str()),
            "reasonCode": finding.fix.as_ref().err().map(|reason| reason.code),
            "resource": resource.map(|r| json!({
                "apiVersion": r.api_version, "kind": r.kind, "namespace": r.namespace, "name": r.name,
            })),
        },
    })
}

fn location(path: &str, region: &Value) -> Value {
    json!({"physicalLocation": {"artifactLocation": artifact(path), "region": region}})
}

fn artifact(path: &str) -> Value {
    json!({"uri": neutral::uri(path), "uriBaseId": "%SRCROOT%"})
}

fn region(start: Position, end: Position) -> Value {
    json!({
        "startLine": start.line,
        "startColumn": start.column,
        "endLine": end.line,
        "endColumn": end.column,
    })
}

fn start_of(place: &Place) -> Value {
    json!({"startLine": place.line, "startColumn": place.column})
}

fn of_fix(run: &Run<'_>, fix: &ReportedFix) -> Value {
    let mut files: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for edit in &joined(&fix.edits) {
        if let Some((start, end)) = run.range(edit) {
            files
                .entry(edit.path.clone())
                .or_default()
                .push(replacement(&region(start, end), edit));
        }
    }
    let changes: Vec<Value> = files
        .into_iter()
        .map(|(path, replacements)| {
            json!({"artifactLocation": artifact(&run.top.shown(&path)), "replacements": replacements})
        })
        .collect();
    let mut title = run.say(&fix.title);
    let gone = fix.edits.iter().filter(|e| e.file == FileFate::Deleted);
    let gone: Vec<String> = gone.map(|e| run.top.shown(&e.path)).collect();
    if !gone.is_empty() {
        let _ = write!(title, " (and delete {})", gone.join(", "));
    }
    let applicability = fix.applicability.as_str();
    json!({
        "description": {"text": neutral::lines(&format!("{applicability}: {title}"))},
        "artifactChanges": changes,
    })
}

/// Edits in their order, those that touch as one: two insertions in one place would leave it to the
/// reader which comes first.
fn joined(edits: &[ReportedEdit]) -> Vec<ReportedEdit> {
    let mut edits = edits.to_vec();
    edits.sort_by(|a, b| (&a.path, a.start, a.end).cmp(&(&b.path, b.start, b.end)));
    let mut all: Vec<ReportedEdit> = Vec::new();
    for edit in edits {
        match all.last_mut() {
            Some(last) if last.path == edit.path && last.end == edit.start => {
                last.end = edit.end;
                last.content += &edit.content;
            }
            _ => all.push(edit),
        }
    }
    all
}

fn replacement(region: &Value, edit: &ReportedEdit) -> Value {
    let mut value = json!({"deletedRegion": region});
    if let (false, Value::Object(value)) = (edit.content.is_empty(), &mut value) {
        value.insert("insertedContent".into(), json!({"text": edit.content}));
    }
    value
}
