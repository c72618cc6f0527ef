//! The next version of a chart that is changed, and what its `Chart.yaml` says of it.

use crate::yaml::{File, Node};

/// Where Artifact Hub looks for what a version changes
/// (<https://artifacthub.io/docs/topics/annotations/helm/>).
const CHANGES: &str = "artifacthub.io/changes";

/// A `Chart.yaml` with the next patch version, and with the changes of that version where it lists
/// some: those of the version before stand in its own release. Comments stay.
///
/// `None` where the version is not three numbers.
pub fn raised(chart: &str, changes: &[String]) -> Option<String> {
    let file = File::parse(chart).ok()?;
    let root = file.root(0)?;
    let version = root.get("version")?;
    let next = next(version.text()?)?;
    let span = version.span();
    let written = &chart[span.clone()];
    let quote = written.chars().next().filter(|c| matches!(c, '"' | '\''));
    let quote = quote.map_or_else(String::new, |c| c.to_string());
    let mut edits = vec![(span, format!("{quote}{next}{quote}"))];
    if let Some(listed) = root.path(&["annotations", CHANGES]) {
        edits.extend(listed_anew(chart, listed, changes));
    }
    edits.sort_by_key(|(span, _)| std::cmp::Reverse(span.start));
    let mut text = chart.to_owned();
    for (span, new) in edits {
        text.replace_range(span, &new);
    }
    Some(text)
}

/// The version behind one: `1.2.3` and `v1.2.3` have one, `1.2.3-rc.1` is left to people.
fn next(version: &str) -> Option<String> {
    let (rest, patch) = version.rsplit_once('.')?;
    let plain = rest.trim_start_matches('v').split('.');
    let numbers = plain.clone().count() == 2
        && plain
            .clone()
            .all(|n| !n.is_empty() && n.chars().all(|c| c.is_ascii_digit()));
    let patch: u64 = patch.parse().ok()?;
    numbers.then(|| format!("{rest}.{}", patch.checked_add(1).unwrap_or(patch)))
}

/// The list, which is a text in a block, with other entries in the way of its own.
fn listed_anew(
    chart: &str,
    listed: Node<'_>,
    changes: &[String],
) -> Option<(std::ops::Range<usize>, String)> {
    let span = listed.span();
    let written = chart.get(span.clone())?;
    if !written.starts_with('|') {
        return None;
    }
    let (head, body) = written.split_once('\n')?;
    let first = body.lines().find(|line| !line.trim().is_empty())?;
    let blanks = &first[..first.len() - first.trim_start().len()];
    let kinds = body
        .lines()
        .any(|line| line.trim_start().starts_with("- kind:"));
    let entry = |change: &String| {
        if kinds {
            format!("{blanks}- kind: fixed\n{blanks}  description: {change:?}\n")
        } else {
            format!("{blanks}- {change:?}\n")
        }
    };
    let entries: String = changes.iter().map(entry).collect();
    let ends = if written.ends_with('\n') {
        entries.as_str()
    } else {
        entries.trim_end_matches('\n')
    };
    Some((span, format!("{head}\n{ends}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_chart_gets_the_next_version() {
        let chart = "name: a\nversion: 1.2.9 # released by hand\nannotations:\n  \
                     artifacthub.io/changes: |\n    - kind: added\n      description: old\n  b: \
                     c\n";
        let raised = raised(chart, &["new: one".to_owned()]).unwrap();
        assert_eq!(
            raised,
            "name: a\nversion: 1.2.10 # released by hand\nannotations:\n  artifacthub.io/changes: \
             |\n    - kind: fixed\n      description: \"new: one\"\n  b: c\n"
        );
        assert_eq!(next("v1.0.0").as_deref(), Some("v1.0.1"));
        assert_eq!(next("1.0.0-rc.1"), None);
        assert_eq!(next("1.0"), None);
    }
}
