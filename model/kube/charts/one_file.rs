//! Templates that make a `ConfigMap` and its workload in one file, which cannot include itself
//! (<https://helm.sh/docs/howto/charts_tips_and_tricks/#automatically-roll-deployments>): the
//! expression that all data is made by, and the `ConfigMap` as a file of its own.

use std::ops::Range;

use super::actions::{Block, Opener, blocks, contents, literals, number_behind, only_actions};
use super::merged::{declares, tokens};

/// Lines of the documents of a template, without the lines that part them.
fn documents(lines: &[&str]) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut start = 0;
    for (at, line) in lines.iter().enumerate() {
        if line.trim_end() == "---" {
            found.push(start..at);
            start = at + 1;
        }
    }
    found.push(start..lines.len());
    found
}

/// Whether a line says nothing that a document has.
fn silent(line: &str) -> bool {
    let text = line.trim();
    text.is_empty() || text.starts_with('#') || text == "---" || only_actions(line)
}

/// The expression that makes all data of the document of a line, from 0: the one action below its
/// `data:`. Its dot is that of the template.
pub fn expression(template: &str, line: usize) -> Option<String> {
    let lines: Vec<&str> = template.lines().collect();
    let own = documents(&lines).into_iter().find(|d| d.contains(&line))?;
    let around = |b: &Block| b.lines.start < own.end && b.lines.end > own.start;
    let rebinds = |b: &Block| b.opener != Opener::If;
    if blocks(template)?.iter().any(|b| around(b) && rebinds(b)) {
        return None;
    }
    let text = &lines[own];
    if text.iter().any(|l| l.starts_with("binaryData:")) {
        return None;
    }
    let at = text.iter().position(|l| l.starts_with("data:"))?;
    let below = text[at + 1..].iter();
    let deeper = below.take_while(|l| silent(l) || l.starts_with(' '));
    let mut body: Vec<&str> = deeper.copied().collect();
    let ends = |line: &&str| silent(line) && contents(line).iter().all(|a| a == "end");
    while body.last().is_some_and(ends) {
        body.pop();
    }
    body.retain(|line| !line.trim().is_empty());
    let behind = text[at]["data:".len()..].trim();
    let line = match (behind.is_empty(), body.as_slice()) {
        (false, []) => behind,
        (true, [one]) => one,
        // A key and, as a block, its value.
        (true, [key, value]) if !key.contains("{{") && key.trim_end().ends_with(['|', '-']) => {
            value
        }
        _ => return None,
    };
    let actions = contents(line);
    let [action] = actions.as_slice() else {
        return None;
    };
    let pieces = literals(line);
    let (first, last) = (pieces.first()?.trim(), pieces.last()?.trim());
    let key = first.trim_end_matches(['"', '\'']);
    let whole = key.is_empty() || key.trim_end().ends_with(':');
    if !whole || !last.trim_matches(['"', '\'']).is_empty() {
        return None;
    }
    plain(action)
}

/// An action as an expression that gives a text: without what only indents or quotes it.
fn plain(action: &str) -> Option<String> {
    let opens = ["if ", "with ", "range ", "else", "end", "template ", "/*"];
    if opens.iter().any(|word| action.starts_with(word)) || declares(action) {
        return None;
    }
    let mut written = action.trim();
    while let Some((before, last)) = written.rsplit_once('|') {
        let word = last.trim();
        let indents = ["nindent ", "indent "].iter().any(|w| word.starts_with(w));
        if !(indents && number_behind(word, "indent").is_some()) && word != "quote" {
            break;
        }
        written = before.trim();
    }
    let variable = |(_, token): (usize, &str)| token.starts_with('$') && !token.starts_with("$.");
    if tokens(written).any(|one| variable(one) && one.1 != "$") {
        return None;
    }
    let text = ["toYaml ", "include ", "tpl ", "toJson "]
        .iter()
        .any(|word| written.starts_with(word));
    let ending = if text && !written.contains('|') {
        ""
    } else {
        " | toString"
    };
    Some(format!("{written}{ending}"))
}

/// An expression with the dot of the template for a place where the dot is another one.
pub fn rooted(expression: &str) -> String {
    let mut out = String::new();
    let mut end = 0;
    for (at, token) in tokens(expression) {
        out.push_str(&expression[end..at]);
        end = at + token.len();
        match token {
            "." => out.push('$'),
            _ if token.starts_with('.') => {
                out.push('$');
                out.push_str(token);
            }
            _ => out.push_str(token),
        }
    }
    out + &expression[end..]
}

/// A template in two files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parted {
    /// What stays.
    pub rest: String,
    /// What gets a file of its own.
    pub moved: String,
}

/// Takes the documents of some lines, from 0, out of a template.
///
/// # Errors
/// What holds them together.
pub fn part(template: &str, wanted: &[usize]) -> Result<Parted, String> {
    let lines: Vec<&str> = template.split_inclusive('\n').collect();
    let bare: Vec<&str> = template.lines().collect();
    let blocks = blocks(template).ok_or("its actions do not match: an end is missing")?;
    let mut taken: Vec<Range<usize>> = Vec::new();
    for own in documents(&bare) {
        if wanted.iter().any(|line| own.contains(line)) {
            taken.push(whole(&bare, &blocks, own)?);
        }
    }
    let mut bodies = Vec::new();
    for range in &taken {
        let mut around: Vec<&Block> = (blocks.iter())
            .filter(|b| b.lines.start < range.start && b.lines.end > range.end)
            .collect();
        around.sort_by_key(|block| block.lines.start);
        let mut body = String::new();
        for block in &around {
            if block.opener != Opener::If || block.has_else || !single(&bare, block) {
                return Err("it stands in a block with the workload".to_owned());
            }
            body.push_str(lines[block.lines.start]);
        }
        for line in &lines[range.clone()] {
            if line.trim_end() != "---" {
                body.push_str(line);
            }
        }
        for block in around.iter().rev() {
            body.push_str(lines[block.lines.end - 1]);
        }
        bodies.push(body.trim_matches('\n').to_owned() + "\n");
    }
    let stays = |at: &usize| !taken.iter().any(|range| range.contains(at));
    let rest: String = (0..lines.len()).filter(stays).map(|at| lines[at]).collect();
    let moved = bodies.join("---\n");
    let outside = |at: &usize| stays(at) && !blocks.iter().any(|b| b.lines.contains(at));
    let preface = (0..lines.len()).filter(outside).filter(|at| {
        let actions = contents(bare[*at]);
        let used = |action: &String| {
            let name = action.split_whitespace().next().unwrap_or_default();
            let uses = |action: String| tokens(&action).any(|(_, token)| token == name);
            declares(action) && contents(&moved).into_iter().any(uses)
        };
        only_actions(bare[*at]) && actions.iter().any(used)
    });
    let preface: String = preface.map(|at| lines[at]).collect();
    Ok(Parted {
        rest: rest.trim_start_matches('\n').to_owned(),
        moved: preface + &moved,
    })
}

/// Whether a block opens and ends on lines of its own.
fn single(lines: &[&str], block: &Block) -> bool {
    let alone = |line: usize| only_actions(lines[line]) && contents(lines[line]).len() == 1;
    alone(block.lines.start) && alone(block.lines.end - 1)
}

/// The lines of a document with one line that parts it from others, and with blocks that have
/// nothing else.
fn whole(lines: &[&str], blocks: &[Block], own: Range<usize>) -> Result<Range<usize>, String> {
    let mut range = match (own.start, own.end) {
        // What the file begins with, declarations and comments, stays where it is.
        (0, end) if end < lines.len() => {
            let preface = |line: &&str| {
                let actions = contents(line);
                let quiet = |a: &String| declares(a) || a.starts_with("/*");
                line.trim().is_empty()
                    || line.starts_with('#')
                    || only_actions(line) && actions.iter().all(quiet)
            };
            lines.iter().take_while(|line| preface(line)).count()..end + 1
        }
        (0, _) => return Err("there is no line `---` before it".to_owned()),
        (start, end) => start - 1..end,
    };
    let mut grown = true;
    while grown {
        grown = false;
        for block in blocks {
            let (b, r) = (&block.lines, &range);
            let apart = b.end <= r.start || b.start >= r.end;
            let inside = b.start >= r.start && b.end <= r.end;
            let around = b.start < r.start && b.end > r.end;
            if apart || inside || around {
                continue;
            }
            let outside = (b.start..b.end).filter(|line| !r.contains(line));
            if outside.clone().any(|line| !silent(lines[line])) {
                return Err("a block has a part of it and something else".to_owned());
            }
            range = range.start.min(b.start)..range.end.max(b.end);
            grown = true;
        }
    }
    Ok(range)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(text: &str) -> Option<String> {
        expression(&format!("kind: ConfigMap\n{text}---\nkind: A\n"), 0)
    }

    #[test]
    fn all_data_may_be_one_expression() {
        let is = |text: &str, said: &str| assert_eq!(data(text).as_deref(), Some(said), "{text}");
        is(
            "data:\n  {{- toYaml .Values.c | nindent 2 }}\n",
            "toYaml .Values.c",
        );
        is(
            "data:\n  a: {{ .Values.c | quote }}\n",
            ".Values.c | toString",
        );
        is(
            "data:\n  a: |\n    {{- tpl .Values.c . | nindent 4 }}\n",
            "tpl .Values.c .",
        );
        for not in [
            "data:\n  a: x{{ .Values.c }}\n",
            "data:\n  a: {{ .Values.c }}\n  b: c\n",
            "data:\n  a: {{ $x }}\n",
            "data:\n  {{- range .Values.c }}\n  a: b\n  {{- end }}\n",
        ] {
            assert_eq!(data(not), None, "{not}");
        }
        assert_eq!(rooted("tpl .Values.c ."), "tpl $.Values.c $");
    }

    #[test]
    fn a_document_gets_a_file_of_its_own() {
        let template = "{{- $n := .x }}\n{{- if .c }}\nkind: ConfigMap\nname: {{ $n }}\n{{- end \
                        }}\n---\nkind: A\nname: {{ $n }}\n";
        let parted = part(template, &[2]);
        assert_eq!(
            parted.unwrap().rest,
            "{{- $n := .x }}\nkind: A\nname: {{ $n }}\n"
        );
        let template = "{{- $n := .x }}\nkind: A\n---\n{{- if .c }}\nkind: ConfigMap\nname: {{ $n \
                        }}\n{{- end }}\n";
        let parted = part(template, &[4]).unwrap();
        assert_eq!(parted.rest, "{{- $n := .x }}\nkind: A\n");
        assert_eq!(
            parted.moved,
            "{{- $n := .x }}\n{{- if .c }}\nkind: ConfigMap\nname: {{ $n }}\n{{- end }}\n"
        );
        let shared = "{{- range .c }}\nkind: A\n---\nkind: ConfigMap\n{{- end }}\n";
        assert!(part(shared, &[3]).is_err());
    }
}
