//! Workflow commands: GitHub shows them as annotations of the lines that they name.

use std::fmt::Write as _;

use kubewright_model::finding::Severity;

use super::neutral;
use super::run::{Problem, Run};

/// A command a finding; those in lines of the change first, because a step shows ten of a kind.
pub(crate) fn render(run: &Run<'_>) -> String {
    let mut out = String::new();
    let mut problems = run.problems();
    problems.sort_by_key(|problem| !run.is_touched(problem));
    for problem in problems {
        let command = match problem.finding.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Info => "notice",
        };
        let title = format!("kubewright: {}", problem.finding.transform);
        let message = run.account(problem.finding);
        let _ = writeln!(
            out,
            "::{command} {}title={}::{}",
            place(&problem),
            property(&title),
            data(&message)
        );
    }
    out
}

fn place(problem: &Problem<'_>) -> String {
    let (start, end) = (problem.start, problem.end);
    // A stream is no file of the repository.
    if problem.path.starts_with('<') {
        return String::new();
    }
    let mut place = format!("file={},line={},", property(&problem.path), start.line);
    let _ = write!(place, "endLine={},", end.line);
    // Columns are understood within one line.
    if start.line == end.line {
        let _ = write!(place, "col={},endColumn={},", start.column, end.column);
    }
    place
}

/// The message of a command.
fn data(text: &str) -> String {
    neutral::lines(text.trim_end())
        .replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

/// The value of a property.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    #[test]
    fn nothing_ends_a_command() {
        assert_eq!(super::data("50%\n::error::x"), "50%25%0A::error::x");
        assert_eq!(super::property("a,b:c\r\n"), "a%2Cb%3Ac");
    }
}
