//! Findings that say the same of many resources: one ConfigMap that forty workloads read is one
//! paragraph.

use std::collections::BTreeMap;

use super::{Paths, brief};
use crate::pipeline::report::{Outcome, Reported};

/// How much of a finding is shown, and so must be the same where several are shown as one.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Extent {
    /// What is wrong, and what can be done.
    Brief,
    /// All, with other places.
    Full,
}

/// The findings, those that say the same of at least `many` resources together, in the place of the
/// first.
pub(super) fn groups<'r>(
    findings: &[&'r Reported],
    (many, shown): (usize, Extent),
    paths: &Paths,
) -> Vec<Vec<&'r Reported>> {
    let mut alike: BTreeMap<Vec<String>, Vec<usize>> = BTreeMap::new();
    for (at, finding) in findings.iter().enumerate() {
        if let Some(said) = said(finding, shown, paths) {
            alike.entry(said).or_default().push(at);
        }
    }
    let mut together: BTreeMap<usize, &[usize]> = BTreeMap::new();
    for members in alike.values().filter(|members| members.len() >= many) {
        together.extend(members.iter().map(|at| (*at, &**members)));
    }
    let mut groups = Vec::new();
    for (at, finding) in findings.iter().enumerate() {
        match together.get(&at) {
            None => groups.push(vec![*finding]),
            Some(members) if members.first() == Some(&at) => {
                let members = members.iter().filter_map(|at| findings.get(*at));
                groups.push(members.copied().collect());
            }
            Some(_) => {}
        }
    }
    groups
}

/// All that is shown of a finding, but for which resource it is about; `None` where that is part of
/// it.
fn said(finding: &Reported, shown: Extent, paths: &Paths) -> Option<Vec<String>> {
    let resource = finding.resource.as_ref()?;
    let message = paths.whole(&finding.message);
    let rest = message.strip_prefix(&format!("{} {} ", resource.kind, resource.name));
    let rest = rest.or((shown == Extent::Brief).then_some(&*message))?;
    let fix = match &finding.fix {
        Ok(fix) => {
            let mut fix_said = vec![
                fix.applicability.as_str().to_owned(),
                paths.whole(&fix.title),
            ];
            fix_said.extend(fix.lost_comments.iter().cloned());
            fix_said.join("\n")
        }
        Err(reason) => {
            // What would tell more of all of them is the same, be it of other images or paths.
            let texts = [&reason.text].into_iter().chain(&reason.more);
            let command = brief::command(texts, paths).filter(|_| shown == Extent::Brief);
            let told = command.unwrap_or_else(|| paths.whole(&reason.lines()));
            format!("{}\n{told}", reason.code)
        }
    };
    let outcome = match finding.outcome {
        Outcome::Applied => "applied",
        Outcome::Cured => "cured",
        Outcome::Left => "left",
    };
    let mut said = vec![
        finding.transform.to_owned(),
        finding.severity.as_str().to_owned(),
        outcome.to_owned(),
        rest.to_owned(),
        fix,
    ];
    said.extend(finding.notes.iter().map(|note| paths.whole(note)));
    let related = finding.related.iter().filter(|_| shown == Extent::Full);
    for (place, text) in related {
        let (line, column) = (place.line, place.column);
        said.push(format!(
            "{}:{line}:{column}: {}",
            place.path,
            paths.whole(text)
        ));
    }
    Some(said)
}
