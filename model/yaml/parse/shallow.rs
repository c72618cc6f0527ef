//! Quoted scalars and flow collections whose lines stand no deeper than the block collection around
//! them.
//!
//! YAML 1.2 asks for deeper lines (8.1, `s-flow-line-prefix`), and so do the parsers here. libyaml,
//! and with it kubectl, does not look at the indentation between quotes or brackets
//! (`yaml_parser_scan_flow_scalar` and `yaml_parser_unroll_indent` of
//! <https://github.com/yaml/libyaml/blob/master/src/scanner.c>): only a `---` or `...` in the first
//! column ends a line there.
//!
//! White space at the start of such a line is no content: the parsers are given a text in which
//! those lines stand deep enough, and places in it are taken back to the text itself. Whether a
//! line does stand between quotes or brackets is asked of the tree that came out.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use super::plan;
use super::scan;
use crate::yaml::document::node::Node;
use crate::yaml::document::tree::{File, Kind, NO_MARK, ScalarStyle, u32_of};

/// Lines that the planner may stumble over.
const MAX_STUMBLES: usize = 16;
/// Spaces before a line of which is not known how many it lacks.
const DEEP: usize = 100;

/// Spaces that a line lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::yaml) struct Lack {
    /// First byte of the line.
    pub line: usize,
    /// How many more it needs.
    pub spaces: usize,
}

/// The tree of a text that the complete planner reads only with deeper lines; `None` when it does
/// not read it then either.
pub(in crate::yaml) fn parse(text: &Arc<str>) -> Option<File> {
    let mut lacks = Vec::new();
    for chunk in chunks(text) {
        let found = scan::shallow(text.get(chunk.clone())?);
        lacks.extend(found.into_iter().map(|lack| Lack {
            line: chunk.start + lack.line,
            ..lack
        }));
    }
    let (mut file, back) = planned(text, &mut lacks)?;
    for node in &mut file.nodes {
        for place in [&mut node.start, &mut node.end, &mut node.mark] {
            if *place != NO_MARK {
                *place = u32_of(back.of(*place as usize));
            }
        }
    }
    let range = |range: &Range<usize>| back.of(range.start)..back.of(range.end);
    for document in &mut file.documents {
        (document.start, document.end) = (back.of(document.start), back.of(document.end));
        document.marker = document.marker.as_ref().map(range);
    }
    file.comments
        .iter_mut()
        .for_each(|comment| *comment = range(comment));
    file.props
        .iter_mut()
        .for_each(|(_, at)| *at = u32_of(back.of(*at as usize)));
    file.text = Arc::clone(text);
    let between: BTreeSet<usize> = lines(&file).map(|lack| lack.line).collect();
    lacks
        .iter()
        .all(|lack| between.contains(&lack.line))
        .then_some(file)
}

/// The tree of the text with deeper lines. Where the scanner did not get far enough to see a line,
/// the planner stumbles over it.
fn planned(text: &str, lacks: &mut Vec<Lack>) -> Option<(File, Back)> {
    for _ in 0..=MAX_STUMBLES {
        let deeper: Arc<str> = Arc::from(deepened(text, 0..text.len(), lacks)?);
        let back = Back::new(lacks);
        let stop = match plan::granit(&deeper) {
            Ok(file) => return Some((file, back)),
            Err(stop) => stop,
        };
        let at = back.of(stop.offset);
        let line = at - column(text, at);
        let place = lacks.partition_point(|lack| lack.line < line);
        if !stop.message.contains("indentation")
            || is_marker(text, line)
            || lacks.get(place).is_some_and(|lack| lack.line == line)
        {
            return None;
        }
        lacks.insert(place, Lack { line, spaces: DEEP });
    }
    None
}

/// A part of the text of a file with all lines between quotes and brackets deep enough for every
/// parser; `None` when they are as it is.
pub(in crate::yaml) fn deep(file: &File, part: Range<usize>) -> Option<String> {
    let lacks: Vec<Lack> = lines(file)
        .filter(|lack| part.contains(&lack.line))
        .collect();
    if lacks.is_empty() {
        None
    } else {
        deepened(file.readable(), part, &lacks)
    }
}

/// The pieces of a text that `---` at the start of a line parts.
pub(in crate::yaml) fn chunks(text: &str) -> impl Iterator<Item = Range<usize>> {
    let begins = |at: usize| {
        is_marker(text, at) && text.get(at..).is_some_and(|rest| rest.starts_with("---"))
    };
    let lines = memchr::memchr_iter(b'\n', text.as_bytes()).map(|at| at + 1);
    let mut starts = std::iter::once(0)
        .chain(lines.filter(move |at| begins(*at)))
        .peekable();
    std::iter::from_fn(move || {
        let start = starts.next()?;
        Some(start..starts.peek().copied().unwrap_or(text.len()))
    })
}

/// Whether a line begins or ends a document, whatever stands around it (YAML 1.2, rule 206,
/// `c-forbidden`).
pub(in crate::yaml) fn is_marker(text: &str, line: usize) -> bool {
    let behind = text.get(line..).and_then(|rest| {
        rest.strip_prefix("---")
            .or_else(|| rest.strip_prefix("..."))
    });
    behind.is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\r', '\n']))
}

/// `part` of `text` with the spaces that its lines lack; `None` when it would be more white space
/// than text.
fn deepened(text: &str, part: Range<usize>, lacks: &[Lack]) -> Option<String> {
    let more: usize = lacks.iter().map(|lack| lack.spaces).sum();
    if more > text.len().max(4096) {
        return None;
    }
    let mut out = String::with_capacity(part.len() + more);
    let mut at = part.start;
    for lack in lacks {
        out.push_str(text.get(at..lack.line)?);
        out.extend(std::iter::repeat_n(' ', lack.spaces));
        at = lack.line;
    }
    out.push_str(text.get(at..part.end)?);
    Some(out)
}

/// The lines of a file between quotes or brackets that stand no deeper than what is around them,
/// ascending.
fn lines(file: &File) -> impl Iterator<Item = Lack> {
    let roots = (0..file.documents().len()).filter_map(|at| file.root(at));
    let outermost = |node: &Node<'_>| {
        let flow = match node.kind() {
            Kind::Scalar(ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted) => true,
            kind => is_flow(kind),
        };
        flow && node.parent().is_some_and(|parent| !is_flow(parent.kind()))
    };
    roots
        .flat_map(Node::descendants)
        .filter(outermost)
        .flat_map(|node| {
            let text = file.text();
            let around = node
                .parent()
                .map_or(0, |parent| column(text, parent.span().start));
            let breaks = memchr::memchr_iter(b'\n', node.source().as_bytes())
                .map(move |at| node.span().start + at + 1);
            breaks.filter_map(move |line| {
                let rest = text.get(line..)?;
                let spaces = rest.len() - rest.trim_start_matches(' ').len();
                let blank = rest.get(spaces..)?.starts_with(['\n', '\r', '\t']);
                (spaces <= around && !blank).then(|| Lack {
                    line,
                    spaces: around + 1 - spaces,
                })
            })
        })
}

fn is_flow(kind: Kind) -> bool {
    use crate::yaml::document::tree::Collection::{Flow, FlowPair};
    matches!(
        kind,
        Kind::Sequence(Flow | FlowPair) | Kind::Mapping(Flow | FlowPair)
    )
}

/// Bytes between the start of the line and `at`.
fn column(text: &str, at: usize) -> usize {
    at - memchr::memrchr(b'\n', text.get(..at).unwrap_or_default().as_bytes()).map_or(0, |n| n + 1)
}

/// The way back from a text with deeper lines.
struct Back {
    /// Of each deeper line: where its spaces begin there, where they end, and by how much what
    /// follows is shifted.
    shifts: Vec<(usize, usize, usize)>,
}

impl Back {
    fn new(lacks: &[Lack]) -> Self {
        let mut sum = 0;
        let shift = |lack: &Lack| {
            let from = lack.line + sum;
            sum += lack.spaces;
            (from, from + lack.spaces, sum)
        };
        Self {
            shifts: lacks.iter().map(shift).collect(),
        }
    }

    fn of(&self, at: usize) -> usize {
        let before = self.shifts.partition_point(|(from, ..)| *from < at);
        match before.checked_sub(1).and_then(|last| self.shifts.get(last)) {
            Some((_, to, sum)) => at.max(*to) - sum,
            None => at,
        }
    }
}

/// What the verifier is given for a part of a file: first as it is, then with deeper lines.
pub(in crate::yaml) fn readings(
    file: &File,
    part: Range<usize>,
) -> impl Iterator<Item = Cow<'_, str>> {
    let plain = file.readable().get(part.clone()).map(Cow::Borrowed);
    plain
        .into_iter()
        .chain(std::iter::once_with(move || deep(file, part).map(Cow::Owned)).flatten())
}
