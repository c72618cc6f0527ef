//! Paths in sentences. Transforms name files as the workspace knows them, relative to the root; a
//! reader who stands elsewhere wants them as all other paths are shown.

use std::collections::BTreeSet;

use super::Paths;
use crate::pipeline::report::{Report, Reported};

/// What stands around a path in a sentence.
const AROUND: &[char] = &[' ', ',', ';', '(', ')', '\'', '"', '`', '\n'];

/// Writes the paths of `known` files in all sentences of a report as `paths` shows them.
pub fn reword<'a>(report: &mut Report, paths: &Paths, known: impl Iterator<Item = &'a str>) {
    if !paths.moved() {
        return;
    }
    let known: BTreeSet<&str> = known.collect();
    let change = |text: &mut String| *text = sentence(text, paths, &known);
    for Reported {
        message,
        related,
        notes,
        fix,
        ..
    } in &mut report.findings
    {
        change(message);
        for (_, text) in related {
            change(text);
        }
        notes.iter_mut().for_each(change);
        match fix {
            Ok(fix) => change(&mut fix.title),
            Err(reason) => change(&mut reason.text),
        }
    }
    report
        .skipped
        .iter_mut()
        .for_each(|skipped| change(&mut skipped.text));
}

fn sentence(text: &str, paths: &Paths, known: &BTreeSet<&str>) -> String {
    let mut out = String::new();
    for piece in text.split_inclusive(AROUND) {
        let word = piece.strip_suffix(AROUND).unwrap_or(piece);
        // A path may have a line behind it, or end a sentence.
        let plain = word.trim_end_matches(['.', ':']);
        let path = match plain.rsplit_once(':') {
            Some((path, line)) if !line.is_empty() && line.bytes().all(|b| b.is_ascii_digit()) => {
                path
            }
            _ => plain,
        };
        if known.contains(path) {
            out.push_str(&paths.shown(path));
            out.push_str(piece.get(path.len()..).unwrap_or_default());
        } else {
            out.push_str(piece);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn only_whole_paths_are_reworded() {
        let paths = Paths::new(Path::new("/r"), Path::new("/r/a"), None);
        let known = BTreeSet::from(["a/x.yaml", "b/y.yaml"]);
        let say = |text: &str| sentence(text, &paths, &known);
        assert_eq!(
            say("only the definition in b/y.yaml:4 holds it"),
            "only the definition in ../b/y.yaml:4 holds it"
        );
        assert_eq!(say("a/x.yaml and b/y.yaml."), "x.yaml and ../b/y.yaml.");
        assert_eq!(
            say("(a/x.yaml); key a/x.yaml.bak, ca/x.yaml"),
            "(x.yaml); key a/x.yaml.bak, ca/x.yaml"
        );
    }
}
