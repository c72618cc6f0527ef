//! A diff that a page shows unified or side by side: the same elements, laid out by the style.
//! Words that differ are marked within lines that were changed.

use std::fmt::Write as _;

use similar::{ChangeTag, DiffOp, DiffTag, InlineChange, TextDiff};

use super::escape::{line, lines};

/// Unchanged lines around a change.
const CONTEXT: usize = 3;
/// Lines of a changed block beyond which words are not compared: such a block is written anew.
const COMPARED: usize = 200;

/// Appends the diff of two texts; `first` is the number of their first line.
pub(super) fn write(out: &mut String, before: &str, after: &str, first: usize) {
    let (before, after): (Vec<&str>, Vec<&str>) = (
        before.split_inclusive('\n').collect(),
        after.split_inclusive('\n').collect(),
    );
    let diff = TextDiff::from_slices(&before, &after);
    let groups = diff.grouped_ops(CONTEXT);
    out.push_str("<div class=\"diff\" role=\"region\" aria-label=\"diff\" tabindex=\"0\">");
    for group in groups {
        out.push_str("<div class=\"hunk\">");
        for op in &group {
            block(out, &diff, op, first);
        }
        out.push_str("</div>");
    }
    out.push_str("</div>");
}

/// The added and the removed lines of a change.
pub(super) fn sums(before: &str, after: &str) -> (usize, usize) {
    let diff = TextDiff::from_lines(before, after);
    let mut sums = (0, 0);
    for op in diff.ops() {
        if op.tag() != DiffTag::Equal {
            sums.0 += op.new_range().len();
            sums.1 += op.old_range().len();
        }
    }
    sums
}

fn block(out: &mut String, diff: &TextDiff<'_, '_, str>, op: &DiffOp, first: usize) {
    let small = op.old_range().len() + op.new_range().len() <= COMPARED;
    let (mut old, mut new) = (String::new(), String::new());
    if op.tag() == DiffTag::Replace && small {
        for change in diff.iter_inline_changes(op) {
            let side = match change.tag() {
                ChangeTag::Delete => &mut old,
                ChangeTag::Insert => &mut new,
                ChangeTag::Equal => continue,
            };
            row(side, change.tag(), number(&change, first), &marked(&change));
        }
    } else {
        for change in diff.iter_changes(op) {
            let text = lines(change.value().trim_end_matches(['\n', '\r']));
            let at = |index: Option<usize>| index.map_or(0, |index| index + first);
            if change.tag() != ChangeTag::Insert {
                row(&mut old, change.tag(), at(change.old_index()), &text);
            }
            if change.tag() != ChangeTag::Delete {
                row(&mut new, change.tag(), at(change.new_index()), &text);
            }
        }
    }
    let equal = op.tag() == DiffTag::Equal;
    let class = if equal { "same" } else { "other" };
    let _ = write!(
        out,
        "<div class=\"{class}\"><div class=\"old\"{}>{old}</div><div class=\"new\">{new}</div></div>",
        // The left copy of what is the same on both sides.
        if equal { " aria-hidden=\"true\"" } else { "" }
    );
}

fn number(change: &InlineChange<'_, str>, first: usize) -> usize {
    let index = change.old_index().or_else(|| change.new_index());
    index.map_or(0, |index| index + first)
}

fn row(out: &mut String, tag: ChangeTag, number: usize, text: &str) {
    let (element, sign) = match tag {
        ChangeTag::Equal => ("span", " "),
        ChangeTag::Delete => ("del", "-"),
        ChangeTag::Insert => ("ins", "+"),
    };
    let _ = write!(
        out,
        "<{element}><i>{number}</i><b>{sign}</b>{text}\n</{element}>"
    );
}

fn marked(change: &InlineChange<'_, str>) -> String {
    let mut out = String::new();
    for (emphasized, text) in change.iter_strings_lossy() {
        let text = line(text.trim_end_matches(['\n', '\r']));
        if emphasized && !text.is_empty() {
            let _ = write!(out, "<mark>{text}</mark>");
        } else {
            out.push_str(&text);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    #[test]
    fn words_are_marked_and_markup_is_not_taken() {
        let mut out = String::new();
        super::write(&mut out, "a: 1\nb: <x> two\n", "a: 1\nb: <x> three\n", 7);
        assert!(out.contains("<del><i>8</i><b>-</b>b: &lt;x&gt; <mark>two</mark>\n</del>"));
        assert!(out.contains("<ins><i>8</i><b>+</b>b: &lt;x&gt; <mark>three</mark>\n</ins>"));
        assert_eq!(super::sums("a\nb\n", "a\nc\nd\n"), (2, 1));
    }
}
