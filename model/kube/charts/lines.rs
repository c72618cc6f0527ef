//! Which line of a template made a line of a document.
//!
//! Lines of both are aligned in their order: a line of the document fits a line of the template
//! whose literal pieces it has, and the alignment is taken that has most of them. What no line
//! fits was made by an action (`toYaml`, `include`) that stands between those that do.

use super::actions::{literals, only_actions};

/// Beyond that many pairs of lines, each line is looked for by itself.
const MOST: usize = 4_000_000;

/// For each line of a document the line of the template that made it, from 0; `None` where nothing
/// of it is in the template.
pub fn origins(document: &str, template: &str) -> Vec<Option<usize>> {
    let made: Vec<&str> = document.lines().collect();
    let lines: Vec<&str> = template.lines().collect();
    let pieces: Vec<Vec<&str>> = lines.iter().map(|line| pieces(line)).collect();
    let mut found = if made.len() * lines.len() > MOST {
        let best = |line: &&str| {
            let fits = pieces.iter().enumerate().map(|(at, p)| (fit(line, p), at));
            fits.filter(|(weight, _)| *weight > 0)
                .max_by_key(|(weight, at)| (*weight, std::cmp::Reverse(*at)))
        };
        let by_itself = made.iter().map(best);
        by_itself.map(|found| found.map(|(_, at)| at)).collect()
    } else {
        align(&made, &pieces)
    };
    let fitting = found.clone();
    for (number, origin) in found.iter_mut().enumerate() {
        if origin.is_some() {
            continue;
        }
        let above = fitting[..number].iter().rev().find_map(|o| *o);
        let below = fitting[number..].iter().find_map(|o| *o);
        let (from, to) = (
            above.map_or(0, |at| at + 1),
            below
                .unwrap_or(lines.len())
                .max(above.map_or(0, |at| at + 1)),
        );
        let between = lines.get(from..to).unwrap_or_default();
        let makes = |line: &&str| {
            only_actions(line)
                && ["toYaml", "include", "tpl", "template", "indent"]
                    .iter()
                    .any(|word| line.contains(word))
        };
        *origin = between.iter().position(makes).map(|at| from + at).or(above);
    }
    found
}

/// The literal pieces of a line without the blanks around it.
fn pieces(line: &str) -> Vec<&str> {
    literals(line.trim())
}

/// How well a line of a document fits the pieces of a line of a template; 0 when it does not.
fn fit(line: &str, pieces: &[&str]) -> usize {
    let line = line.trim();
    let (Some(first), Some(last)) = (pieces.first(), pieces.last()) else {
        return 0;
    };
    let weight: usize = pieces.iter().map(|piece| piece.trim().len()).sum();
    if weight == 0 {
        return 0;
    }
    if pieces.len() == 1 {
        // As it stands: more than any line that is made in part.
        return if line == first.trim() {
            2 * weight + 1
        } else {
            0
        };
    }
    let first = if pieces.len() > 1 {
        first.trim_start()
    } else {
        first
    };
    let Some(mut rest) = line.strip_prefix(first.trim_end()) else {
        return 0;
    };
    for piece in &pieces[1..pieces.len() - 1] {
        let Some(at) = rest.find(piece.trim()) else {
            return 0;
        };
        rest = &rest[at + piece.trim().len()..];
    }
    if rest.ends_with(last.trim()) {
        weight
    } else {
        0
    }
}

/// The alignment with the greatest weight; of equal ones the one nearest to the start.
fn align(made: &[&str], pieces: &[Vec<&str>]) -> Vec<Option<usize>> {
    let (rows, columns) = (made.len(), pieces.len());
    let width = columns + 1;
    let mut best = vec![0_usize; (rows + 1) * width];
    let mut fits = vec![0_usize; rows * columns];
    for row in (0..rows).rev() {
        for column in (0..columns).rev() {
            let weight = fit(made[row], &pieces[column]);
            fits[row * columns + column] = weight;
            let taken = if weight > 0 {
                weight + best[(row + 1) * width + column + 1]
            } else {
                0
            };
            let left = best[(row + 1) * width + column].max(best[row * width + column + 1]);
            best[row * width + column] = taken.max(left);
        }
    }
    let mut found = vec![None; rows];
    let (mut row, mut column) = (0, 0);
    while row < rows && column < columns {
        let here = best[row * width + column];
        let weight = fits[row * columns + column];
        if weight > 0 && here == weight + best[(row + 1) * width + column + 1] {
            found[row] = Some(column);
            row += 1;
            column += 1;
        } else if here == best[(row + 1) * width + column] {
            row += 1;
        } else {
            column += 1;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_from_the_lines_that_fit() {
        let template = "kind: A\nmetadata:\n  name: {{ .n }}-x\n  labels:\n    {{- include \"l\" \
                        . | nindent 4 }}\nspec:\n  name: {{ .m }}\n";
        let made =
            "kind: A\nmetadata:\n  name: web-x\n  labels:\n    a: b\n    c: d\nspec:\n  name: y\n";
        assert_eq!(origins(made, template), [0, 1, 2, 3, 4, 4, 5, 6].map(Some));
    }
}
