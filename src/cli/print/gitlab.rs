//! A code quality report, which GitLab shows in merge requests.

use kubewright_model::finding::Severity;
use serde_json::{Value, json};

use super::neutral;
use super::run::{Problem, Run};

/// A JSON list, one object a finding.
pub(crate) fn render(run: &Run<'_>) -> String {
    let all: Vec<Value> = run.problems().iter().map(|p| issue(run, p)).collect();
    neutral::json(&json!(all))
}

fn issue(run: &Run<'_>, problem: &Problem<'_>) -> Value {
    let finding = problem.finding;
    let said = format!("{} ({})", run.say(&finding.message), run.advice(finding));
    json!({
        "description": neutral::line(&said),
        "check_name": finding.transform,
        "fingerprint": problem.fingerprint,
        "severity": match finding.severity {
            Severity::Error => "critical",
            Severity::Warning => "major",
            Severity::Info => "info",
        },
        "location": {
            "path": problem.path,
            "lines": {"begin": problem.start.line, "end": problem.end.line},
        },
    })
}
