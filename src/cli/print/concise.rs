//! One line a finding, as editors and `grep` take them.

use std::fmt::Write as _;

use super::run::Run;
use super::{neutral, text};

/// All findings, in the order of their places.
pub(crate) fn render(run: &Run<'_>) -> String {
    let mut out = String::new();
    for problem in run.problems() {
        text::head(&mut out, problem.finding, &run.view());
        let mut said = run.advice(problem.finding);
        if let Some(first) = said.lines().next() {
            said = first.to_owned();
        }
        let _ = writeln!(out, " ({})", neutral::line(&said));
    }
    out
}
