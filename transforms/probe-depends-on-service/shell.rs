//! The simple commands of a shell script, as far as they can be told without running it: their
//! words without quotes. Substitutions are commands of their own; variables stay as they are
//! written.

/// The simple commands of a script.
pub(super) fn commands(script: &str) -> Vec<Vec<String>> {
    let mut all = Vec::new();
    split(script, 8, &mut all);
    all.retain(|words| !words.is_empty());
    all
}

/// What is being read.
#[derive(Default)]
struct Line {
    words: Vec<String>,
    word: Option<String>,
}

impl Line {
    fn push(&mut self, text: &str) {
        self.word.get_or_insert_default().push_str(text);
    }

    fn end_word(&mut self) {
        self.words
            .extend(self.word.take().filter(|word| !word.is_empty()));
    }

    fn end(&mut self, all: &mut Vec<Vec<String>>) {
        self.end_word();
        all.push(std::mem::take(&mut self.words));
    }
}

fn split(script: &str, depth: usize, all: &mut Vec<Vec<String>>) {
    let mut line = Line::default();
    let mut rest = script;
    let mut quoted = false;
    while let Some(first) = rest.chars().next() {
        let mut taken = first.len_utf8();
        match first {
            '\\' => {
                let escaped = rest.chars().nth(1);
                taken += escaped.map_or(0, char::len_utf8);
                if escaped != Some('\n') {
                    line.push(rest.get(1..taken).unwrap_or_default());
                }
            }
            '"' => {
                quoted = !quoted;
                line.push("");
            }
            '\'' if !quoted => {
                let inner = rest.get(1..).unwrap_or_default();
                let end = inner.find('\'').unwrap_or(inner.len());
                line.push(inner.get(..end).unwrap_or_default());
                taken = (end + 2).min(rest.len());
            }
            '$' | '`' if substitution(rest).is_some() => {
                let (inner, length) = substitution(rest).unwrap_or_default();
                if depth > 0 {
                    split(inner, depth - 1, all);
                }
                taken = length;
            }
            '$' => {
                taken = variable(rest);
                line.push(rest.get(..taken).unwrap_or_default());
            }
            _ if quoted => line.push(rest.get(..taken).unwrap_or_default()),
            '#' if line.word.is_none() => taken = rest.find('\n').unwrap_or(rest.len()),
            ';' | '&' | '|' | '\n' | '(' | ')' => line.end(all),
            '<' | '>' => line.end_word(),
            _ if first.is_whitespace() => line.end_word(),
            _ => line.push(rest.get(..taken).unwrap_or_default()),
        }
        rest = rest.get(taken..).unwrap_or_default();
    }
    line.end(all);
}

/// The commands inside of `$(…)` or of backquotes at the start of a text, and the length of both.
/// `$(NAME)` is a variable that the kubelet fills in.
fn substitution(rest: &str) -> Option<(&str, usize)> {
    if let Some(inner) = rest.strip_prefix('`') {
        let end = inner.find('`')?;
        return Some((inner.get(..end)?, end + 2));
    }
    let inner = rest.strip_prefix("$(")?;
    let mut open = 1usize;
    let end = inner.char_indices().find_map(|(at, c)| {
        match c {
            '(' => open += 1,
            ')' => open -= 1,
            _ => {}
        }
        (open == 0).then_some(at)
    })?;
    let text = inner.get(..end)?;
    (!is_name(text)).then_some((text, end + 3))
}

/// The length of a variable at the start of a text.
fn variable(rest: &str) -> usize {
    let closed = |open: &str, close: char| {
        rest.starts_with(open)
            .then(|| rest.find(close).map(|end| end + 1))
            .flatten()
    };
    closed("${", '}')
        .or_else(|| closed("$(", ')'))
        .unwrap_or_else(|| {
            let name = rest.get(1..).unwrap_or_default();
            let end = name.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            1 + end.unwrap_or(name.len())
        })
}

fn is_name(text: &str) -> bool {
    let upper = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    !text.is_empty() && text.chars().all(upper)
}

/// A text with the variables of a container in it, where their values are known.
pub(super) fn filled_in(text: &str, value: &dyn Fn(&str) -> Option<String>) -> String {
    let mut filled = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        let (before, behind) = rest.split_at(at);
        filled.push_str(before);
        let length = variable(behind);
        let written = behind.get(..length).unwrap_or_default();
        let name = written.trim_matches(['$', '{', '}', '(', ')']);
        let (name, default) = match name.split_once(":-") {
            Some((name, default)) => (name, Some(default.to_owned())),
            None => (name, None),
        };
        match value(name).or(default) {
            Some(value) => filled.push_str(&value),
            None => filled.push_str(written),
        }
        rest = behind.get(length.max(1)..).unwrap_or_default();
    }
    filled.push_str(rest);
    filled
}

#[cfg(test)]
mod tests {
    use super::{commands, filled_in};

    #[test]
    fn commands_of_scripts() {
        for (script, words) in [
            ("a b; c", vec![vec!["a", "b"], vec!["c"]]),
            (
                "a 'b c' \"d $E\" # f\ng",
                vec![vec!["a", "b c", "d $E"], vec!["g"]],
            ),
            (
                "[ \"$(curl -s http://api)\" = 200 ]",
                vec![vec!["curl", "-s", "http://api"], vec!["[", "=", "200", "]"]],
            ),
            (
                "curl $(API_SERVICE_HOST) >/dev/null 2>&1",
                vec![
                    vec!["curl", "$(API_SERVICE_HOST)", "/dev/null", "2"],
                    vec!["1"],
                ],
            ),
            ("a \\\n b\\ c", vec![vec!["a", "b c"]]),
            ("a \"b", vec![vec!["a", "b"]]),
            ("$(", vec![vec!["$"]]),
        ] {
            assert_eq!(commands(script), words, "{script}");
        }
    }

    #[test]
    fn variables() {
        let value = |name: &str| (name == "A").then(|| "x".to_owned());
        for (text, becomes) in [
            ("http://$A:80/$B", "http://x:80/$B"),
            ("${A}-$(A)-${B}", "x-x-${B}"),
            ("${B:-db}", "db"),
            ("$", "$"),
            ("a$", "a$"),
        ] {
            assert_eq!(filled_in(text, &value), becomes, "{text}");
        }
    }
}
