//! Mappings that a template merges into annotations.
//!
//! A user's own annotations may have the key of an entry that is written beside them, and a
//! mapping with a key twice is refused by Flux, kustomize and `kubectl --validate=strict`. So an
//! entry has to ask each of the mappings first, and what they are is read here.

use super::actions::{contents, literals, number_behind};

/// What surrounds a line: an action that other lines depend on.
#[derive(Debug)]
enum Around {
    /// `if`, and what else leaves the dot alone.
    Same,
    /// `with`: the dot, and the variable if it has one, is this.
    Dot {
        value: String,
        variable: Option<String>,
    },
    /// `range`: keys of this mapping.
    Keys {
        value: String,
        key: Option<String>,
        item: Option<String>,
    },
}

/// The mappings that are written below a line of `annotations:`, as expressions for the place of
/// that line. `opened` is the action of the block around the line, when the entry goes above it.
///
/// # Errors
/// What is written in a way that cannot be asked.
pub(super) fn mappings(lines: &[&str], opened: Option<&str>) -> Result<Vec<String>, String> {
    let mut around: Vec<Around> = Vec::new();
    for action in opened.into_iter().flat_map(contents) {
        open(&action, &mut around)?;
    }
    let fixed = around.len();
    let mut found: Vec<String> = Vec::new();
    let depth = lines
        .first()
        .map_or(0, |line| line.len() - line.trim_start().len());
    for (number, line) in lines.iter().enumerate() {
        let mut pieces = literals(line).into_iter();
        let mut keyed = line.trim_start().starts_with('#');
        for action in contents(line) {
            // Behind a colon stands a value; but `annotations: {{ … }}` writes keys.
            let piece = pieces.next().unwrap_or_default();
            keyed |= number > 0 && piece.contains(':');
            if open(&action, &mut around)? {
                continue;
            }
            if action == "end" {
                if around.len() <= fixed {
                    return Ok(found);
                }
                around.pop();
                continue;
            }
            let silent = action.starts_with("/*") || action.starts_with("else");
            let elsewhere = number_behind(&action, "indent").is_some_and(|deep| deep <= depth);
            if keyed || silent || elsewhere || declares(&action) {
                continue;
            }
            let mapping = mapping(&action, &around)
                .ok_or_else(|| format!("`{}` may write any annotation", action.trim()))?;
            if !found.contains(&mapping) {
                found.push(mapping);
            }
        }
    }
    Ok(found)
}

/// Whether an action only gives a variable a value.
pub(super) fn declares(action: &str) -> bool {
    let name = action.split_whitespace().next().unwrap_or_default();
    let rest = action[name.len()..].trim_start();
    name.starts_with('$') && (rest.starts_with(":=") || rest.starts_with("= "))
}

/// Notes what an action opens, if it opens something.
fn open(action: &str, around: &mut Vec<Around>) -> Result<bool, String> {
    let (word, rest) = action
        .split_once(char::is_whitespace)
        .unwrap_or((action, ""));
    let (variables, value) = match rest.split_once(":=") {
        Some((variables, value)) => (variables, value.trim()),
        None => ("", rest.trim()),
    };
    let mut names = variables.split(',').map(|name| name.trim().to_owned());
    let mut name = || names.next().filter(|name| !name.is_empty());
    let unclear = || format!("`{action}` is not understood");
    let opened = match word {
        "if" => Around::Same,
        "with" => Around::Dot {
            variable: name(),
            value: at_the_top(value, around).ok_or_else(unclear)?,
        },
        "range" => {
            let (key, item) = (name(), name());
            Around::Keys {
                value: at_the_top(value, around).ok_or_else(unclear)?,
                key: key.filter(|_| item.is_some()),
                item,
            }
        }
        "define" | "block" => return Err(unclear()),
        _ => return Ok(false),
    };
    around.push(opened);
    Ok(true)
}

/// The mapping whose keys an action writes.
fn mapping(action: &str, around: &[Around]) -> Option<String> {
    if action.starts_with("template ") {
        return None;
    }
    if let Some(Around::Keys { value, key, .. }) =
        around.iter().rev().find(|a| !matches!(a, Around::Same))
    {
        let key = key.as_deref()?;
        let written = action.strip_suffix("| quote").unwrap_or(action).trim();
        return (written == key).then(|| asked(value));
    }
    let indented = action.rsplit_once('|').filter(|(_, last)| {
        ["nindent", "indent"].contains(&last.split_whitespace().next().unwrap_or_default())
            && number_behind(last, "indent").is_some()
    });
    let written = indented.map_or(action, |(written, _)| written).trim();
    let written = at_the_top(written, around)?;
    let whole = |value: &str| {
        let inside = value.strip_prefix('(').and_then(|v| v.strip_suffix(')'));
        simple(value) || inside.is_some_and(|inside| !inside.contains(['(', ')']))
    };
    Some(match written.strip_prefix("toYaml ").map(str::trim) {
        Some(value) if whole(value) => asked(value),
        _ => format!("({written} | fromYaml)"),
    })
}

/// A mapping that may not be there.
fn asked(value: &str) -> String {
    format!("(default dict {value})")
}

/// A field or a variable.
fn simple(value: &str) -> bool {
    !value.is_empty() && !value.contains([' ', '|', '"'])
}

/// An expression as it has to be written outside of the blocks around it.
fn at_the_top(expression: &str, around: &[Around]) -> Option<String> {
    let dot = around.iter().rev().find(|a| !matches!(a, Around::Same));
    let mut out = String::new();
    let mut end = 0;
    for (at, token) in tokens(expression) {
        out.push_str(&expression[end..at]);
        end = at + token.len();
        let named = around.iter().rev().find_map(|one| match one {
            Around::Dot { value, variable } if variable.as_deref() == Some(token) => {
                Some(Some(value))
            }
            Around::Keys { key, item, .. } => {
                let own = [key, item].into_iter().flatten().any(|name| name == token);
                own.then_some(None)
            }
            _ => None,
        });
        let value = match (named, dot) {
            (Some(value), _) => value?,
            (None, Some(Around::Keys { .. })) if token.starts_with('.') => return None,
            (None, Some(Around::Dot { value, .. })) if token.starts_with('.') => value,
            _ => {
                out.push_str(token);
                continue;
            }
        };
        // The dot itself has no name. A field of what may not be there needs parentheses.
        match (named.is_none() && token != ".", value.as_str()) {
            (true, ".") => out.push_str(token),
            (true, "$") => out.extend(["$", token]),
            (true, value) => out.extend(["(", value, ")", token]),
            (false, value) if simple(value) => out.push_str(value),
            (false, value) => out.extend(["(", value, ")"]),
        }
    }
    Some(out + &expression[end..])
}

/// The words of an expression that are not in quotes, with their places.
pub(super) fn tokens(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut found = Vec::new();
    let mut start = None;
    let mut quote = None;
    for (at, c) in text.char_indices() {
        let ends = quote.is_some() || matches!(c, ' ' | '\t' | '(' | ')' | '|' | ',' | '"' | '`');
        if ends && let Some(from) = start.take() {
            found.push((from, &text[from..at]));
        }
        match quote {
            Some(open) if c == open => quote = None,
            None if matches!(c, '"' | '`') => quote = Some(c),
            None if !ends => start = start.or(Some(at)),
            _ => {}
        }
    }
    found.extend(start.map(|from| (from, &text[from..])));
    found.into_iter()
}

/// An entry that is left out where one of the mappings has its key.
pub(super) fn guarded(entry: &str, mappings: &[String]) -> Vec<String> {
    let key = entry.split(": ").next().unwrap_or_default();
    let asked: Vec<String> = mappings
        .iter()
        .map(|mapping| format!("hasKey {mapping} \"{key}\""))
        .collect();
    let condition = match asked.as_slice() {
        [] => return vec![entry.to_owned()],
        [one] => one.clone(),
        more => format!("or ({})", more.join(") (")),
    };
    vec![
        format!("{{{{- if not ({condition}) }}}}"),
        entry.to_owned(),
        "{{- end }}".to_owned(),
    ]
}

/// The values that an expression names, as paths below `.Values`.
pub fn value_paths(expression: &str) -> Vec<String> {
    let mut found = Vec::new();
    // `(.Values.a).b` is `.Values.a.b` where there is an `a`.
    let mut flat = expression.to_owned();
    while let Some(end) = flat.find(").") {
        let open = flat[..end].rfind('(').unwrap_or(0);
        if flat[open..end].contains(' ') {
            break;
        }
        flat.remove(end);
        flat.remove(open);
    }
    for (_, token) in tokens(&flat) {
        let token = token.strip_prefix('$').unwrap_or(token);
        if let Some(path) = token.strip_prefix(".Values.")
            && !path.is_empty()
            && !found.iter().any(|known| known == path)
        {
            found.push(path.to_owned());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str, opened: Option<&str>) -> Result<Vec<String>, String> {
        mappings(&text.lines().collect::<Vec<_>>(), opened)
    }

    #[test]
    fn mappings_are_named_for_the_place_of_the_entry() {
        let with = of(
            "annotations:\n  {{- toYaml . | nindent 8 }}\n{{- end }}\n",
            Some("{{- with .Values.podAnnotations }}"),
        );
        assert_eq!(with.unwrap(), ["(default dict .Values.podAnnotations)"]);
        let several = of(
            "annotations:\n  a: {{ .b }}\n  {{- with .Values.g }}{{- tpl (toYaml .x) $ | nindent \
             2 }}{{- end }}\n  {{- range $k, $v := .Values.p }}\n  {{ $k }}: {{ $v }}\n  {{- end \
             }}\n",
            None,
        );
        assert_eq!(
            several.unwrap(),
            [
                "(tpl (toYaml (.Values.g).x) $ | fromYaml)",
                "(default dict .Values.p)"
            ]
        );
        assert!(of("annotations:\n  {{ template \"x\" . }}\n", None).is_err());
    }

    #[test]
    fn an_entry_asks_every_mapping() {
        let all = ["(default dict .a)".to_owned(), "$b".to_owned()];
        assert_eq!(
            guarded("k/x: v", &all)[0],
            "{{- if not (or (hasKey (default dict .a) \"k/x\") (hasKey $b \"k/x\")) }}"
        );
        assert_eq!(value_paths("(default dict ($.Values.a).b)"), ["a.b"]);
    }
}
