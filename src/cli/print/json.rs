//! For programs: one JSON object. Keys may be added, none changes meaning.

use std::collections::BTreeSet;

use kubewright_model::finding::{Applicability, Severity};
use serde_json::{Value, json};

use super::mask::Mask;
use super::{Paths, neutral};
use crate::pipeline::identity::fingerprints;
use crate::pipeline::report::{
    FileFate, Outcome, Place, Report, Reported, ReportedFix, ResourceName, Restart,
};

/// Version of the format.
const VERSION: u32 = 1;

/// The report as JSON, with a line break at its end.
pub fn render(report: &Report, paths: &Paths) -> String {
    let mask = Mask::of(report);
    let changed: BTreeSet<&str> = report.files.iter().map(|f| f.path.as_str()).collect();
    let all: BTreeSet<&str> = report
        .read
        .iter()
        .map(String::as_str)
        .chain(changed.iter().copied())
        .collect();
    let files: Vec<Value> = all
        .iter()
        .map(|p| json!({"path": paths.shown(p), "changed": changed.contains(p)}))
        .collect();
    let skipped: Vec<Value> = (report.skipped.iter())
        .map(|s| json!({"path": paths.shown(&s.path), "document": s.document, "reasonCode": s.code, "reason": paths.whole(&s.text)}))
        .collect();
    let restarts =
        |all: &[Restart]| -> Vec<Value> { all.iter().map(|r| restart(r, paths)).collect() };
    let marks = fingerprints(&report.findings);
    let findings: Vec<Value> = (report.findings.iter().zip(&marks))
        .map(|(f, mark)| finding(f, mark, paths, &mask))
        .collect();
    let whole = json!({
        "version": VERSION,
        "findings": findings,
        "files": files,
        "skipped": skipped,
        "restarts": restarts(&report.restarts),
        "changeRestarts": restarts(&report.change_restarts),
        "summary": summary(report),
    });
    neutral::json(&whole)
}

fn restart(restart: &Restart, paths: &Paths) -> Value {
    let costs: Vec<Value> = (restart.costs.iter())
        .map(|cost| json!({"code": cost.code, "text": cost.text}))
        .collect();
    let reads: Vec<Value> = (restart.reads.iter())
        .map(|read| json!({"kind": read.kind, "name": read.name}))
        .collect();
    json!({
        "path": paths.shown(&restart.path),
        "resource": resource(&restart.resource),
        "strategy": restart.strategy.as_str(),
        "replicas": restart.replicas,
        "costs": costs,
        "reads": reads,
    })
}

fn finding(finding: &Reported, fingerprint: &str, paths: &Paths, mask: &Mask) -> Value {
    let related: Vec<Value> = (finding.related.iter())
        .map(|(at, text)| {
            let mut place = place(at, paths);
            if let Value::Object(map) = &mut place {
                map.insert("message".into(), json!(paths.whole(text)));
            }
            place
        })
        .collect();
    let reason = finding.fix.as_ref().err();
    json!({
        "transform": finding.transform,
        "severity": finding.severity.as_str(),
        "message": paths.whole(&finding.message),
        "path": paths.shown(&finding.place.path),
        "line": finding.place.line,
        "column": finding.place.column,
        "start": finding.place.start,
        "end": finding.place.end,
        "resource": finding.resource.as_ref().map(resource),
        "key": finding.key,
        "fingerprint": fingerprint,
        "related": related,
        "notes": finding.notes.iter().map(|note| paths.whole(note)).collect::<Vec<_>>(),
        "outcome": match finding.outcome {
            Outcome::Applied => "applied",
            Outcome::Cured => "cured",
            Outcome::Left => "left",
        },
        "reasonCode": reason.map(|r| r.code),
        "reason": reason.map(|r| paths.whole(&r.lines())),
        "fix": finding.fix.as_ref().ok().map(|f| fix(f, finding.outcome == Outcome::Applied, paths, mask)),
    })
}

fn place(place: &Place, paths: &Paths) -> Value {
    json!({"path": paths.shown(&place.path), "line": place.line, "column": place.column})
}

fn resource(name: &ResourceName) -> Value {
    json!({"apiVersion": name.api_version, "kind": name.kind, "namespace": name.namespace, "name": name.name})
}

fn fix(fix: &ReportedFix, applied: bool, paths: &Paths, mask: &Mask) -> Value {
    let edits: Vec<Value> = (fix.edits.iter())
        .map(|e| {
            let content = mask.text(&e.content);
            let mut edit = json!({"path": paths.shown(&e.path), "start": e.start, "end": e.end, "content": content});
            if let Value::Object(map) = &mut edit {
                if content != e.content {
                    map.insert("masked".into(), json!(true));
                }
                match e.file {
                    FileFate::Stays => {}
                    FileFate::Created => _ = map.insert("created".into(), json!(true)),
                    FileFate::Deleted => _ = map.insert("deleted".into(), json!(true)),
                }
            }
            edit
        })
        .collect();
    json!({
        "title": paths.whole(&fix.title),
        "applicability": fix.applicability.as_str(),
        "applied": applied,
        "edits": edits,
        "lostComments": fix.lost_comments.iter().map(|c| mask.text(c)).collect::<Vec<_>>(),
    })
}

fn summary(report: &Report) -> Value {
    let severity = |s| report.findings.iter().filter(|f| f.severity == s).count();
    let outcome = |o| report.findings.iter().filter(|f| f.outcome == o).count();
    let left_unsafe = |f: &&Reported| {
        f.outcome == Outcome::Left
            && f.fix
                .as_ref()
                .is_ok_and(|fix| fix.applicability == Applicability::Unsafe)
    };
    json!({
        "files": report.read.len() + report.unread(),
        "changed": report.files.len(),
        "errors": severity(Severity::Error),
        "warnings": severity(Severity::Warning),
        "infos": severity(Severity::Info),
        "applied": outcome(Outcome::Applied),
        "cured": outcome(Outcome::Cured),
        "left": outcome(Outcome::Left),
        "unsafe": report.findings.iter().filter(left_unsafe).count(),
        "suppressed": report.suppressed,
        "past": report.past,
        "baseline": report.baseline,
    })
}
