//! The diagnostic format of reviewdog, as one object or a line a diagnostic.
//!
//! A suggestion applies to the file of its diagnostic alone: a fix of several files is one
//! diagnostic a file, each with all that the fix does there as whole lines. Columns count bytes,
//! ends are exclusive.

use std::fmt::Write as _;

use kubewright_model::finding::Severity;
use serde_json::{Value, json};

use super::neutral;
use super::run::{HOME, Position, Problem, Run, Suggestion, link_of};

/// One object.
pub(crate) fn render(run: &Run<'_>) -> String {
    neutral::json(&json!({
        "source": {"name": "kubewright", "url": HOME},
        "diagnostics": diagnostics(run),
    }))
}

/// A line a diagnostic.
pub(crate) fn render_lines(run: &Run<'_>) -> String {
    diagnostics(run).iter().map(neutral::json_line).collect()
}

fn diagnostics(run: &Run<'_>) -> Vec<Value> {
    let problems = run.problems();
    problems
        .iter()
        .flat_map(|problem| of(run, problem))
        .collect()
}

fn of(run: &Run<'_>, problem: &Problem<'_>) -> Vec<Value> {
    let finding = problem.finding;
    let (mut own, mut others) = (Vec::new(), Vec::new());
    for suggestion in run.suggestions(finding) {
        if suggestion.path == problem.path {
            own.push(suggested(&suggestion));
        } else {
            others.push(suggestion);
        }
    }
    let mut message = run.account(finding);
    if !others.is_empty() {
        let paths: Vec<_> = others.iter().map(|s| s.path.as_str()).collect();
        let paths = paths.join(", ");
        let _ = write!(
            message,
            "\nThe fix changes {paths} too: apply all of it, or nothing."
        );
    }
    let range = json!({"start": position(problem.start), "end": position(problem.end)});
    let mut all = vec![diagnostic(problem, &message, &problem.path, &range, &own)];
    for other in others {
        let message = format!(
            "part of the fix of {}:{}, {}: apply all of it, or nothing.\n{}",
            problem.path,
            problem.start.line,
            run.say(&finding.message),
            run.advice(finding)
        );
        let range = range_of(&other);
        let suggestions = [suggested(&other)];
        all.push(diagnostic(
            problem,
            &message,
            &other.path,
            &range,
            &suggestions,
        ));
    }
    all
}

fn diagnostic(
    problem: &Problem<'_>,
    message: &str,
    path: &str,
    range: &Value,
    suggestions: &[Value],
) -> Value {
    let rule = problem.finding.transform;
    json!({
        "message": neutral::lines(message),
        "location": {"path": path, "range": range},
        "severity": match problem.finding.severity {
            Severity::Error => "ERROR",
            Severity::Warning => "WARNING",
            Severity::Info => "INFO",
        },
        "code": {"value": rule, "url": link_of(rule)},
        "suggestions": suggestions,
    })
}

fn position(position: Position) -> Value {
    json!({"line": position.line, "column": position.byte})
}

fn range_of(suggestion: &Suggestion) -> Value {
    let (first, last) = suggestion.lines;
    json!({"start": {"line": first}, "end": {"line": last}})
}

fn suggested(suggestion: &Suggestion) -> Value {
    json!({"range": range_of(suggestion), "text": suggestion.text})
}
