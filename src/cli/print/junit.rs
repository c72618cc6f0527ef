//! `JUnit` XML, which Jenkins, GitLab and others show as tests: a file is a suite, a finding a test
//! that fails, and a file without findings a test that passes.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use kubewright_model::finding::Severity;

use super::neutral::{line, xml};
use super::run::{Problem, Run};

/// All files that were looked at.
pub(crate) fn render(run: &Run<'_>) -> String {
    let problems = run.problems();
    let mut files: BTreeMap<String, Vec<&Problem<'_>>> = BTreeMap::new();
    for path in &run.report.read {
        files.entry(run.top.shown(path)).or_default();
    }
    for problem in &problems {
        files.entry(problem.path.clone()).or_default().push(problem);
    }
    let tests: usize = files.values().map(|found| found.len().max(1)).sum();
    let failures = problems.iter().filter(|p| fails(p)).count();
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let _ = writeln!(
        out,
        "<testsuites name=\"kubewright\" tests=\"{tests}\" failures=\"{failures}\" errors=\"0\">"
    );
    for (path, found) in &files {
        suite(&mut out, run, path, found);
    }
    out.push_str("</testsuites>\n");
    out
}

fn fails(problem: &Problem<'_>) -> bool {
    problem.finding.severity >= Severity::Warning
}

fn suite(out: &mut String, run: &Run<'_>, path: &str, found: &[&Problem<'_>]) {
    let (path, failures) = (xml(path), found.iter().filter(|p| fails(p)).count());
    let _ = writeln!(
        out,
        "  <testsuite name=\"{path}\" tests=\"{}\" failures=\"{failures}\" errors=\"0\" \
         skipped=\"0\">",
        found.len().max(1)
    );
    if found.is_empty() {
        let _ = writeln!(
            out,
            "    <testcase name=\"no findings\" classname=\"{path}\" file=\"{path}\"/>"
        );
    }
    for problem in found {
        let finding = problem.finding;
        let about = match &finding.resource {
            Some(resource) => format!("{} {}, {}", resource.kind, resource.name, finding.key),
            None => finding.key.clone(),
        };
        let mut name = format!("{}: {about}", finding.transform);
        if let Some((_, number)) = problem
            .fingerprint
            .split_once(':')
            .filter(|(_, n)| *n != "1")
        {
            let _ = write!(name, " ({number})");
        }
        let _ = writeln!(
            out,
            "    <testcase name=\"{}\" classname=\"{path}\" file=\"{path}\" line=\"{}\">",
            xml(&line(&name)),
            problem.start.line
        );
        let said = format!(
            "{}:{}:{}: {}",
            problem.path,
            problem.start.line,
            problem.start.column,
            run.account(finding)
        );
        let _ = if fails(problem) {
            writeln!(
                out,
                "      <failure type=\"{}\" message=\"{}\">{}</failure>",
                finding.severity.as_str(),
                xml(&line(&run.say(&finding.message))),
                xml(&said)
            )
        } else {
            writeln!(out, "      <system-out>{}</system-out>", xml(&said))
        };
        out.push_str("    </testcase>\n");
    }
    out.push_str("  </testsuite>\n");
}
