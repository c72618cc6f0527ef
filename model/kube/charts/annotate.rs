//! Where in a template an annotation of the pods can stand.
//!
//! A place is a proposal: it is worth something when the chart, rendered with it, differs by the
//! annotation alone. So what a place costs to be sure of is not asked here, and a template that is
//! written in a way that is not known gives no place, with the reason.

use super::actions::{Block, Opener, blocks, number_behind, only_actions};
use super::{ChartCode, merged};

const MAY_BE_EMPTY: &str = "an action writes its annotations, and may write none";

/// A place for annotations of the pods.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spot {
    /// Lines of the template that are replaced, from 0.
    from: usize,
    to: usize,
    /// What takes their place, around the entries.
    above: Vec<String>,
    below: Vec<String>,
    /// Blanks before an entry.
    indent: usize,
    /// The dot is not that of the template: in `range` or `with`.
    pub rebound: bool,
    /// The text of the annotations that are there.
    pub there: String,
    /// The line of `template:`, from 0.
    pub line: usize,
    /// Mappings of annotations that are written beside the entries, as expressions: an entry is
    /// left out where one of them has its key.
    pub merged: Vec<String>,
}

/// Why a template has no place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Obstacle {
    /// Its code.
    pub code: ChartCode,
    /// For the user.
    pub text: String,
}

impl Spot {
    /// The template with entries in that place, each a line of YAML.
    pub fn apply(&self, template: &str, entries: &[String]) -> String {
        let end = if template.contains("\r\n") {
            "\r\n"
        } else {
            "\n"
        };
        let lines: Vec<&str> = template.split_inclusive('\n').collect();
        let mut out: String = lines[..self.from].concat();
        let blanks = " ".repeat(self.indent);
        let entry = |entry: &String| merged::guarded(entry, &self.merged);
        let indented = |line: String| format!("{blanks}{line}");
        let new = (self.above.iter().cloned())
            .chain(entries.iter().flat_map(entry).map(indented))
            .chain(self.below.iter().cloned());
        for line in new {
            out.push_str(&line);
            out.push_str(end);
        }
        out + &lines[self.to..].concat()
    }
}

/// The blanks before the text of a line.
fn indent(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

/// A line that holds YAML: not blank, no comment, not only actions.
fn literal(line: &str) -> bool {
    let text = line.trim();
    !text.is_empty() && !text.starts_with('#') && !only_actions(line)
}

/// Whether a line is that key, whatever value is behind it.
fn is_key(line: &str, key: &str) -> bool {
    line.trim()
        .strip_prefix(key)
        .is_some_and(|rest| rest.starts_with(':'))
}

/// What stands behind the key of a line.
fn value(line: &str) -> &str {
    line.split_once(':').map_or("", |(_, value)| value.trim())
}

/// The lines of what is below a key: up to the next line of YAML that is not deeper.
fn body(lines: &[&str], key: usize) -> std::ops::Range<usize> {
    let depth = indent(lines[key]);
    let behind = lines.iter().enumerate().skip(key + 1);
    let end = behind
        .filter(|(_, line)| literal(line))
        .find(|(_, line)| indent(line) <= depth)
        .map_or(lines.len(), |(at, _)| at);
    key + 1..end
}

/// All places of a template, in their order, and why the pod templates without one have none. A pod
/// template may have several places, which are proposals for the same.
pub fn spots(template: &str) -> (Vec<Spot>, Vec<Obstacle>) {
    let lines: Vec<&str> = template.lines().collect();
    let Some(blocks) = blocks(template) else {
        let text = "its actions do not match: an end is missing".to_owned();
        return (
            Vec::new(),
            vec![Obstacle {
                code: ChartCode::TemplateShape,
                text,
            }],
        );
    };
    let (mut spots, mut obstacles) = (Vec::new(), Vec::new());
    for (at, line) in lines.iter().enumerate() {
        if is_key(line, "template") && literal(line) {
            match of_template(&lines, &blocks, at) {
                Ok(found) => spots.extend(found),
                Err(obstacle) => obstacles.push(obstacle),
            }
        }
    }
    if spots.is_empty() && obstacles.is_empty() {
        obstacles.push(included(&lines, "the workload"));
    }
    (spots, obstacles)
}

/// What is written elsewhere, by the name of the helper that has it where one is called.
fn included(lines: &[&str], what: &str) -> Obstacle {
    let calls = lines.iter().filter_map(|line| {
        let rest = ["include \"", "template \""]
            .iter()
            .find_map(|call| line.split_once(call))?
            .1;
        rest.split('"').next()
    });
    let small = |name: &&str| {
        ["name", "labels", "Labels", "chart", "Name"]
            .iter()
            .any(|word| name.ends_with(word))
    };
    let text = match calls.into_iter().find(|name| !small(name)) {
        Some(helper) => format!("{what} is written by the helper {helper}, which is not edited"),
        None => format!("{what} is not written in it"),
    };
    Obstacle {
        code: ChartCode::TemplateIncluded,
        text,
    }
}

fn of_template(lines: &[&str], blocks: &[Block], at: usize) -> Result<Vec<Spot>, Obstacle> {
    let within = body(lines, at);
    let metadata = within
        .clone()
        .find(|line| literal(lines[*line]) && is_key(lines[*line], "metadata"));
    let depth = within
        .clone()
        .filter(|line| literal(lines[*line]))
        .map(|line| indent(lines[line]))
        .min();
    let Some(metadata) = metadata.filter(|line| Some(indent(lines[*line])) == depth) else {
        let what = "the metadata of the pod template";
        return Err(included(&lines[at..within.end], what));
    };
    let rebound = blocks
        .iter()
        .any(|block| block.opener != Opener::If && block.lines.contains(&metadata));
    let inside = body(lines, metadata);
    let first = inside.clone().find(|line| literal(lines[*line]));
    let column = first.map_or_else(
        || {
            let stated = lines[inside.clone()]
                .iter()
                .find_map(|l| number_behind(l, "indent"));
            stated.unwrap_or(indent(lines[metadata]) + 2)
        },
        |line| indent(lines[line]),
    );
    let is_own = |line: &usize| {
        let text = lines[*line];
        literal(text) && indent(text) == column && is_key(text, "annotations")
    };
    let found: Vec<usize> = inside.clone().filter(is_own).collect();
    let blanks = " ".repeat(column);
    let key = format!("{blanks}annotations:");
    let none = Spot {
        from: metadata + 1,
        to: metadata + 1,
        above: vec![key.clone()],
        below: Vec::new(),
        indent: column + 2,
        rebound,
        there: String::new(),
        line: at,
        merged: Vec::new(),
    };
    let annotations = match found.as_slice() {
        [] if value(lines[metadata]).is_empty() => {
            if lines[inside].iter().any(|line| may_write(line, column)) {
                let text = "an action writes a part of the metadata of its pods, and may write \
                            annotations";
                return Err(shape(text));
            }
            return Ok(vec![none]);
        }
        [] => {
            return Err(shape(
                "the metadata of the pod template is made by an action",
            ));
        }
        [one] => *one,
        _ => return Err(shape("there are annotations of the pods in several places")),
    };
    let mut around: Vec<&Block> = blocks
        .iter()
        .filter(|b| b.lines.contains(&annotations) && b.lines.start > metadata)
        .collect();
    let written = &lines[annotations..body(lines, annotations).end.min(inside.end)];
    let around_it = around.pop();
    let opened = around_it.map(|block| lines[block.lines.start]);
    let merged = merged::mappings(written, opened)
        .map_err(|said| shape(&format!("beside it {said}, this one among them")))?;
    let spot = Spot {
        there: written.join("\n"),
        merged,
        ..none
    };
    match (around_it, around.is_empty()) {
        (None, _) => match open(lines, annotations, &key, &spot) {
            none if none.is_empty() => Err(shape(MAY_BE_EMPTY)),
            found => Ok(found),
        },
        (Some(block), true) => conditional(lines, block, annotations, &key, spot).map(|s| vec![s]),
        (Some(_), false) => Err(shape(
            "its annotations stand in conditions within conditions",
        )),
    }
}

/// Whether a line is an action that may write keys in that column.
fn may_write(line: &str, column: usize) -> bool {
    let writes = ["toYaml", "include", "tpl ", "template ", "indent"]
        .iter()
        .any(|word| line.contains(word));
    only_actions(line)
        && writes
        && number_behind(line, "indent").is_none_or(|indent| indent <= column)
}

fn shape(text: &str) -> Obstacle {
    Obstacle {
        code: ChartCode::TemplateShape,
        text: text.to_owned(),
    }
}

/// `annotations:` is always there: an entry more, or the first one above an action that may give
/// none.
fn open(lines: &[&str], at: usize, key: &str, spot: &Spot) -> Vec<Spot> {
    let below = body(lines, at);
    let written = value(lines[at]);
    let depth = below
        .clone()
        .find(|line| literal(lines[*line]))
        .map(|line| indent(lines[line]));
    let action = below.clone().find(|line| only_actions(lines[*line]));
    let stated = |line: &str| number_behind(line, "indent");
    let guess = indent(lines[at]) + 2;
    let mut spots = Vec::new();
    if written.is_empty() || written.starts_with('#') {
        let indent = depth
            .or_else(|| action.and_then(|line| stated(lines[line])))
            .unwrap_or(guess);
        let alone = action.filter(|line| depth.is_none() && lines[*line].contains("toYaml "));
        let Some(action) = alone else {
            return vec![Spot {
                from: at + 1,
                to: at + 1,
                above: Vec::new(),
                indent,
                ..spot.clone()
            }];
        };
        // With an empty mapping it writes `{}`, which must not stand behind an entry, whether or
        // not a set of values is at hand that has one.
        if let Some(guarded) = guarded(lines[action], indent) {
            let between = lines[at + 1..action].iter().map(|l| (*l).to_owned());
            spots.push(Spot {
                from: at + 1,
                to: action + 1,
                above: Vec::new(),
                below: between.chain(guarded).collect(),
                indent,
                ..spot.clone()
            });
        }
    } else if written == "{}" {
        spots.push(Spot {
            from: at,
            to: at + 1,
            above: vec![key.to_owned()],
            indent: guess,
            ..spot.clone()
        });
    } else if let Some(guarded) = guarded(written, stated(written).unwrap_or(guess)) {
        spots.push(Spot {
            from: at,
            to: at + 1,
            above: vec![key.to_owned()],
            below: guarded,
            indent: stated(written).unwrap_or(guess),
            ..spot.clone()
        });
    }
    spots
}

/// An action that gives a mapping, which must not be written behind an entry when it is empty.
fn guarded(action: &str, indent: usize) -> Option<Vec<String>> {
    let inside = action.trim().strip_prefix("{{")?.strip_suffix("}}")?;
    let inside = inside.trim_matches('-').trim();
    let (value, rest) = inside.strip_prefix("toYaml ")?.split_once('|')?;
    let value = value.trim();
    if value.starts_with('(') || rest.contains('|') || !rest.contains("indent") {
        return None;
    }
    let blanks = " ".repeat(indent);
    Some(vec![
        format!("{blanks}{{{{- with {value} }}}}"),
        format!("{blanks}{{{{- toYaml . | nindent {indent} }}}}"),
        format!("{blanks}{{{{- end }}}}"),
    ])
}

/// `annotations:` stands in a condition of its own: it moves out, above the condition.
fn conditional(
    lines: &[&str],
    block: &Block,
    at: usize,
    key: &str,
    spot: Spot,
) -> Result<Spot, Obstacle> {
    let alone = lines[block.lines.start + 1..at].iter().all(|l| !literal(l));
    let depth = indent(lines[at]);
    let inside = &lines[at + 1..block.lines.end - 1];
    let others = inside
        .iter()
        .any(|line| literal(line) && indent(line) <= depth);
    if block.has_else || block.opener == Opener::Range || !alone || others {
        return Err(shape(
            "its annotations share a condition with something else",
        ));
    }
    if !value(lines[at]).is_empty() {
        return Err(shape(
            "its annotations are written in one line, in a condition",
        ));
    }
    let condition = lines[block.lines.start].trim();
    let condition = condition.trim_start_matches("{{").trim_end_matches("}}");
    let condition = condition.trim_matches('-').trim();
    let sure = |line: &&&str| {
        let guarded = guarded(line, 0).map(|guarded| guarded[0].clone());
        let of = |value: &str| guarded.as_deref() == Some(&format!("{{{{- with {value} }}}}"));
        (block.opener == Opener::With && of("."))
            || condition
                .strip_prefix("if ")
                .is_some_and(|value| of(value.trim()))
            || condition
                .strip_prefix("with ")
                .is_some_and(|value| of(value.trim()))
    };
    let writes = |line: &&&str| only_actions(line) && line.contains("toYaml ");
    let entries = inside.iter().any(|line| literal(line));
    if !entries && inside.iter().filter(writes).any(|line| !sure(&line)) {
        return Err(shape(MAY_BE_EMPTY));
    }
    let first = inside.iter().find(|line| literal(line)).map(|l| indent(l));
    let stated = || inside.iter().find_map(|l| number_behind(l, "indent"));
    let above = &lines[block.lines.start..at];
    Ok(Spot {
        from: block.lines.start,
        to: at + 1,
        above: vec![key.to_owned()],
        below: above.iter().map(|l| (*l).to_owned()).collect(),
        indent: first.or_else(stated).unwrap_or(depth + 2),
        ..spot
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(template: &str) -> String {
        let (spots, obstacles) = spots(template);
        let spot = spots.first().unwrap_or_else(|| panic!("{obstacles:?}"));
        spot.apply(template, &["checksum/config: x".to_owned()])
    }

    #[test]
    fn annotations_move_out_of_their_condition() {
        let template = "spec:\n  template:\n    metadata:\n      {{- with .Values.podAnnotations \
                        }}\n      annotations:\n        {{- toYaml . | nindent 8 }}\n      {{- \
                        end }}\n      labels:\n        a: b\n    spec:\n";
        let after = "spec:\n  template:\n    metadata:\n      annotations:\n        {{- if not (hasKey (default dict .Values.podAnnotations) \"checksum/config\") }}\n        checksum/config: x\n        {{- end }}\n      {{- with .Values.podAnnotations }}\n        {{- toYaml . | nindent 8 }}\n      {{- end }}\n      labels:\n        a: b\n    spec:\n";
        assert_eq!(first(template), after);
    }

    #[test]
    fn annotations_are_made_where_there_are_none() {
        let template =
            "spec:\n  template:\n    metadata:\n      labels:\n        a: b\n    spec:\n";
        let after = "spec:\n  template:\n    metadata:\n      annotations:\n        \
                     checksum/config: x\n      labels:\n        a: b\n    spec:\n";
        assert_eq!(first(template), after);
    }

    #[test]
    fn an_action_that_may_be_empty_gets_a_guard() {
        let template = "spec:\n  template:\n    metadata:\n      annotations: {{- toYaml \
                        .Values.a | nindent 8 }}\n    spec:\n";
        let after = "spec:\n  template:\n    metadata:\n      annotations:\n        {{- if not (hasKey (default dict .Values.a) \"checksum/config\") }}\n        checksum/config: x\n        {{- end }}\n        {{- with .Values.a }}\n        {{- toYaml . | nindent 8 }}\n        {{- end }}\n    spec:\n";
        assert_eq!(first(template), after);
    }

    #[test]
    fn what_a_helper_writes_is_named() {
        let (spots, obstacles) =
            spots("spec:\n  template:\n    {{- include \"x.pod\" . | nindent 4 }}\n");
        assert!(spots.is_empty());
        assert_eq!(obstacles[0].code, ChartCode::TemplateIncluded);
        assert!(obstacles[0].text.contains("x.pod"), "{obstacles:?}");
    }
}
