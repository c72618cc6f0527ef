//! Comments that are about the static pod: they say where its file is copied to, which is wrong of
//! a DaemonSet.

use std::ops::Range;

use kubewright_model::yaml::{File, Node};

/// Words that alone say that a comment is about a static pod.
const STATIC: &[&str] = &[
    "static pod",
    "static-pod",
    "staticpod",
    "static manifest",
    "static kube-proxy",
    "manifest-path",
    "/etc/kubernetes/manifests",
    "kubelet reads",
    "kubelet watches",
    "kubelet picks",
    "kubelet runs",
    "kubelet starts",
];
/// What is done with the file of a static pod.
const DONE: &[&str] = &[
    "copied",
    "copies",
    "copy",
    "installed",
    "installs",
    "placed",
    "distributed",
    "synced",
    "rsync",
    "scp",
    "pushed",
    "put",
    "dropped",
    "written",
    "rendered",
];
/// And where to.
const TO: &[&str] = &[
    "node", "nodes", "host", "hosts", "master", "masters", "worker", "workers", "minion",
    "minions", "machine", "machines", "server", "servers", "kubelet",
];

/// Takes the comments about the static pod out of a text; what is left, and the comments.
pub(super) fn without_static(text: &str) -> (String, Vec<String>) {
    let (Ok(file), mut rest) = (File::parse(text.to_owned()), text.to_owned()) else {
        return (text.to_owned(), Vec::new());
    };
    let mut gone = Vec::new();
    let paragraphs = paragraphs(&file);
    for paragraph in paragraphs
        .iter()
        .rev()
        .filter(|p| is_static(&words_of(text, p)))
    {
        for range in paragraph.iter().rev() {
            rest.replace_range(line(text, range), "");
            let comment = text.get(range.clone()).unwrap_or("").trim_end();
            if !comment.trim_matches(['#', ' ']).is_empty() {
                gone.push(comment.to_owned());
            }
        }
    }
    gone.reverse();
    // A `#` that was part of a value after all would have changed it.
    let value = |file: &File| file.root(0).and_then(Node::to_value);
    match File::parse(rest.clone()) {
        Ok(new) if value(&new) == value(&file) => (rest, gone),
        _ => (text.to_owned(), Vec::new()),
    }
}

/// Whether a text says that it is about a static pod.
pub(super) fn is_static(text: &str) -> bool {
    let text = text.to_lowercase();
    if text.contains("copyright") || text.contains("licen") {
        return false;
    }
    let has = |list: &[&str]| {
        text.split(|c: char| !c.is_alphanumeric())
            .any(|word| list.contains(&word))
    };
    STATIC.iter().any(|s| text.contains(s)) || (has(DONE) && has(TO))
}

/// Whether a comment of the text is about the static pod.
pub(super) fn speaks_of_static(text: &str) -> bool {
    !without_static(text).1.is_empty()
}

fn words_of(text: &str, paragraph: &[Range<usize>]) -> String {
    let lines = paragraph.iter().filter_map(|range| text.get(range.clone()));
    lines
        .map(|l| l.trim_start_matches('#').trim())
        .collect::<Vec<_>>()
        .join(" ")
}

/// The comments of a file, those on lines right below each other as one, to an empty one.
fn paragraphs(file: &File) -> Vec<Vec<Range<usize>>> {
    let text = file.text();
    let scalars: Vec<Range<usize>> = file
        .root(0)
        .into_iter()
        .flat_map(Node::descendants)
        .filter(|n| n.is_scalar())
        .map(Node::span)
        .collect();
    let mut all: Vec<Vec<Range<usize>>> = Vec::new();
    let mut joins = false;
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let end = start + line.trim_end_matches(['\r', '\n']).len();
        match comment(text, start..end, &scalars) {
            Some(at) => {
                let alone = text
                    .get(start..at)
                    .is_some_and(|before| before.trim().is_empty());
                let empty = text
                    .get(at..end)
                    .is_some_and(|c| c.trim_matches(['#', ' ']).is_empty());
                match all.last_mut() {
                    Some(last) if joins && alone => last.push(at..end),
                    _ => all.push(std::iter::once(at..end).collect()),
                }
                joins = alone && !empty;
            }
            None => joins = false,
        }
        start += line.len();
    }
    all
}

/// Where the comment of a line begins: a `#` behind a blank, in no scalar.
fn comment(text: &str, line: Range<usize>, scalars: &[Range<usize>]) -> Option<usize> {
    let source = text.get(line.clone())?;
    source
        .match_indices('#')
        .map(|(at, _)| line.start + at)
        .find(|at| {
            let blank = text
                .get(..*at)
                .is_none_or(|before| before.is_empty() || before.ends_with([' ', '\t', '\n']));
            let before = scalars.partition_point(|s| s.start <= *at);
            let inside = before
                .checked_sub(1)
                .and_then(|n| scalars.get(n))
                .is_some_and(|s| s.end > *at);
            blank && !inside
        })
}

/// What goes with a comment: its line when it has one, else the blanks before it.
fn line(text: &str, comment: &Range<usize>) -> Range<usize> {
    let before = text.get(..comment.start).unwrap_or("");
    let kept = before.trim_end_matches([' ', '\t']);
    if kept.is_empty() || kept.ends_with('\n') {
        let rest = text.get(comment.end..).unwrap_or("");
        let end = rest.find('\n').map_or(text.len(), |n| comment.end + n + 1);
        return kept.len()..end;
    }
    kept.len()..comment.end
}

#[cfg(test)]
mod tests {
    use super::{is_static, without_static};

    #[test]
    fn comments_about_the_static_pod() {
        for text in [
            "copied to every node by Ansible",
            "The kubelet runs it as a static pod",
            "Installed by the node role; one copy for every node",
        ] {
            assert!(is_static(text), "{text}");
        }
        for text in [
            "must exist on every node",
            "kubeconfig and client certificate",
            "You may obtain a copy of the License",
            "iptables of the node itself",
        ] {
            assert!(!is_static(text), "{text}");
        }
    }

    #[test]
    fn only_they_go() {
        let text = "# This file is copied\n# to every node.\n#\n# the network team\na: 'x # \
                    copied to nodes'\nb: |\n  # copied to nodes\nc: 1 # copied to nodes\nd: 2 # \
                    two\n";
        let (rest, gone) = without_static(text);
        assert_eq!(
            rest,
            "# the network team\na: 'x # copied to nodes'\nb: |\n  # copied to nodes\nc: 1\nd: 2 \
             # two\n"
        );
        assert_eq!(
            gone,
            [
                "# This file is copied",
                "# to every node.",
                "# copied to nodes"
            ]
        );
    }
}
