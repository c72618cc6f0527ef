//! An edit of what a template makes as an edit of the template, where the lines concerned are
//! literal text there, or of the values, where a value is written as it is.

use std::ops::Range;

use super::actions::literals;
use crate::yaml::{File, Node};

/// Where the lines of a text start, and where the text ends.
fn starts(text: &str) -> Vec<usize> {
    let ends = text.match_indices('\n').map(|(at, _)| at + 1);
    let mut starts: Vec<usize> = std::iter::once(0).chain(ends).collect();
    if starts.last() != Some(&text.len()) {
        starts.push(text.len());
    }
    starts
}

/// The number of the line that has an offset.
fn line_of(starts: &[usize], offset: usize) -> usize {
    starts.partition_point(|start| *start <= offset) - 1
}

/// An edit of a document as one of its template: which bytes get which text. `origins` is which
/// line of the template made each line ([`super::lines::origins`]).
///
/// # Errors
/// Which line is not literal text, from 0, of the document.
pub fn in_template(
    document: &str,
    template: &str,
    origins: &[Option<usize>],
    (edit, content): (&Range<usize>, &str),
) -> Result<(Range<usize>, String), usize> {
    let (made, lines) = (starts(document), starts(template));
    let own = |line: usize| -> Option<usize> {
        let origin = origins.get(line).copied().flatten()?;
        (lines.len() > origin + 1).then_some(origin)
    };
    let literal = |line: usize| -> Option<usize> {
        let origin = own(line)?;
        let rendered = document.get(made[line]..*made.get(line + 1)?)?;
        let text = template.get(lines[origin]..lines[origin + 1])?;
        (rendered.trim_end() == text.trim_end()).then_some(origin)
    };
    let first = line_of(&made, edit.start);
    let column = edit.start - made[first];
    if edit.is_empty() {
        if column == 0 {
            // Behind the line above, as what is inserted belongs to it more often than not.
            if let Some(above) = first.checked_sub(1).and_then(literal) {
                return Ok((lines[above + 1]..lines[above + 1], content.to_owned()));
            }
            let at = literal(first).map(|own| lines[own]).ok_or(first)?;
            return Ok((at..at, content.to_owned()));
        }
        let end = made.get(first + 1).map_or(document.len(), |end| end - 1);
        if edit.start == end
            && let Some(origin) = own(first)
        {
            let at = lines[origin] + template[lines[origin]..].find('\n').ok_or(first)?;
            return Ok((at..at, content.to_owned()));
        }
    }
    let mut last = line_of(&made, edit.end);
    if made[last] == edit.end && last > first {
        last -= 1;
    }
    let end = *made.get(last + 1).ok_or(last)?;
    let mut found = Vec::new();
    for line in first..=last {
        let origin = own(line).ok_or(line)?;
        if found.last().is_some_and(|above| above + 1 != origin) {
            return Err(line);
        }
        found.push(origin);
    }
    let old = |line: usize| document[made[line]..made[line + 1]].trim_end_matches('\n');
    let written = |line: usize| {
        let origin = found[line - first];
        template[lines[origin]..lines[origin + 1]].trim_end_matches('\n')
    };
    let whole = format!(
        "{}{content}{}",
        &document[made[first]..edit.start],
        &document[edit.end..end]
    );
    // What an action has a part in is written by the same action, in its new place.
    let mut left: Vec<usize> = (first..=last).filter(|l| literal(*l).is_none()).collect();
    let mut new = String::new();
    for line in whole.split_inclusive('\n') {
        let text = line.trim_end_matches('\n');
        let same = left.iter().position(|l| old(*l).trim() == text.trim());
        match same {
            Some(at) => {
                let kept = written(left.remove(at));
                let blanks = text.len() - text.trim_start().len();
                new.push_str(&text[..blanks]);
                new.push_str(kept.trim_start());
                new.push_str(&line[text.len()..]);
            }
            None => new.push_str(line),
        }
    }
    if let Some(line) = left.first() {
        return Err(*line);
    }
    let (from, to) = (found.first().ok_or(first)?, found.last().ok_or(first)?);
    Ok((lines[*from]..lines[*to + 1], new))
}

/// Words of a new text that only actions have written: they may be others with other values.
pub fn of_actions<'a>(content: &'a str, document: &str, template: &str) -> Option<&'a str> {
    let ends = |c: char| !(c.is_alphanumeric() || "-_./".contains(c));
    let words = content.split(ends).filter(|word| word.len() > 1);
    let written = |text: &str, word: &str| text.split(ends).any(|other| other == word);
    let literal: String =
        template
            .lines()
            .flat_map(literals)
            .fold(String::new(), |mut all, piece| {
                all.push_str(piece);
                all.push('\n');
                all
            });
    words
        .into_iter()
        .find(|word| written(document, word) && !written(&literal, word))
}

/// The value that a path of values has as a text, where it is written once: below the path, as the
/// value of a key, when the path is not that of the text itself.
pub fn in_values(values: &str, path: &str, key: &str, old: &str) -> Option<Range<usize>> {
    let file = File::parse(values).ok()?;
    let parts: Vec<&str> = path.split('.').collect();
    let node = file.root(0)?.path(&parts)?;
    let mut found = Vec::new();
    if node.text().is_some() {
        found.extend((node.text() == Some(old)).then(|| node.span()));
    } else {
        below(node, key, old, &mut found);
    }
    match found.as_slice() {
        [one] => Some(one.clone()),
        _ => None,
    }
}

fn below(node: Node<'_>, key: &str, old: &str, found: &mut Vec<Range<usize>>) {
    for item in node.items() {
        below(item, key, old, found);
    }
    for (name, value) in node.entries() {
        if name.text() == Some(key) && value.text() == Some(old) {
            found.push(value.span());
        }
        below(value, key, old, found);
    }
}

#[cfg(test)]
mod tests {
    use super::super::lines::origins;
    use super::*;

    #[test]
    fn literal_lines_are_edited_in_the_template() {
        let template = "a: {{ .x }}\n{{- if .y }}\nb:\n  c: d\n{{- end }}\n";
        let document = "a: 1\nb:\n  c: d\n";
        let lines = origins(document, template);
        let at = |edit: Range<usize>| in_template(document, template, &lines, (&edit, "new"));
        let d = document.find('d').unwrap();
        let (found, new) = at(d..d + 1).unwrap();
        assert_eq!((&template[found], &*new), ("  c: d\n", "  c: new\n"));
        assert_eq!(at(3..4), Err(0));
        assert_eq!(
            of_actions("web: shop-x", "name: shop-x\n", "name: {{ .n }}-x\n"),
            Some("shop-x")
        );
        assert_eq!(of_actions("subPath: new", document, template), None);
    }

    #[test]
    fn a_line_of_an_action_moves_with_its_action() {
        let template = "v:\n  a:\n    name: {{ .n }}-x\n";
        let document = "v:\n  a:\n    name: web-x\n";
        let lines = origins(document, template);
        let edit = 3..document.len();
        let content = "  b:\n  - a:\n      name: web-x\n";
        let (range, new) = in_template(document, template, &lines, (&edit, content)).unwrap();
        assert_eq!(&template[range], "  a:\n    name: {{ .n }}-x\n");
        assert_eq!(new, "  b:\n  - a:\n      name: {{ .n }}-x\n");
    }

    #[test]
    fn a_value_is_found_where_it_is_written_once() {
        let values = "a:\n  - b: x # why\n    c: y\nd: x\n";
        assert_eq!(
            in_values(values, "a", "b", "x").map(|r| &values[r]),
            Some("x")
        );
        assert_eq!(
            in_values(values, "d", "e", "x").map(|r| &values[r]),
            Some("x")
        );
        assert_eq!(in_values(values, "a", "c", "x"), None);
    }
}
