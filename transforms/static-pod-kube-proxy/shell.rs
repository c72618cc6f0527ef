//! The words of a shell script, as far as they can be told without running it.
//!
//! A static kube-proxy is often started with `sh -c 'exec kube-proxy --flags
//! 1>>/var/log/kube-proxy.log 2>&1'`. This reader splits such a string into simple commands and
//! their words, leaves redirections out, and gives up ([`None`]) on what it does not understand:
//! here documents, nested substitutions, template statements, open quotes.

use std::ops::Range;

/// The simple commands of `script`, each as the byte ranges of its words.
pub(super) fn commands(script: &str) -> Option<Vec<Vec<Range<usize>>>> {
    let bytes = script.as_bytes();
    let mut all = Vec::new();
    let mut words: Vec<Range<usize>> = Vec::new();
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let next = bytes.get(at + 1).copied();
        match byte {
            b' ' | b'\t' | b'\r' => at += 1,
            b'\\' if next == Some(b'\n') => at += 2,
            b'\\' if next == Some(b'\r') && bytes.get(at + 2) == Some(&b'\n') => at += 3,
            b'#' => at = script[at..].find('\n').map_or(bytes.len(), |n| at + n),
            b'<' if next == Some(b'<') => return None,
            b'<' | b'>' => at = redirection(script, at)?,
            b'&' if next == Some(b'>') => at = redirection(script, at + 1)?,
            b'\n' | b';' | b'|' | b'&' | b'(' | b')' => {
                all.push(std::mem::take(&mut words));
                at += 1;
            }
            _ => {
                let end = word(script, at)?;
                let descriptor = matches!(bytes.get(end), Some(b'<' | b'>'))
                    && bytes[at..end].iter().all(u8::is_ascii_digit);
                if !descriptor {
                    words.push(at..end);
                }
                at = end;
            }
        }
    }
    all.push(words);
    all.retain(|words| !words.is_empty());
    Some(all)
}

/// The text of a word without the quotes around it.
pub(super) fn bare(raw: &str) -> &str {
    for quote in ['"', '\''] {
        if let Some(inner) = raw.strip_prefix(quote).and_then(|r| r.strip_suffix(quote)) {
            return inner;
        }
    }
    raw
}

/// Behind the redirection whose `<` or `>` stands at `at`.
fn redirection(script: &str, at: usize) -> Option<usize> {
    let rest = &script[at..];
    let target = rest.trim_start_matches(['<', '>', '&', '|']);
    let target = target.trim_start_matches([' ', '\t']);
    word(script, script.len() - target.len())
}

/// Behind the word that begins at `at`.
fn word(script: &str, at: usize) -> Option<usize> {
    let bytes = script.as_bytes();
    let mut at = at;
    while let Some(byte) = bytes.get(at) {
        let rest = &script[at..];
        at += match byte {
            b' ' | b'\t' | b'\r' | b'\n' | b';' | b'|' | b'&' | b'(' | b')' | b'<' | b'>' => break,
            b'{' if rest.starts_with("{%") => return None,
            b'{' if rest.starts_with("{{") => rest.find("}}")? + 2,
            b'\'' => rest[1..].find('\'')? + 2,
            b'"' => double_quoted(rest)?,
            b'$' if rest.starts_with("$(") => substitution(rest)?,
            b'$' if rest.starts_with("${") => rest.find('}')? + 1,
            b'`' => rest[1..].find('`')? + 2,
            b'\\' => 1 + rest[1..].chars().next()?.len_utf8(),
            _ => rest.chars().next()?.len_utf8(),
        };
    }
    Some(at)
}

/// Length of the double-quoted string at the start of `rest`.
fn double_quoted(rest: &str) -> Option<usize> {
    let mut at = 1;
    loop {
        let tail = rest.get(at..)?;
        at += match tail.chars().next()? {
            '"' => return Some(at + 1),
            '\\' => 1 + tail[1..].chars().next()?.len_utf8(),
            '`' => return None,
            '$' if tail.starts_with("$(") => substitution(tail)?,
            other => other.len_utf8(),
        };
    }
}

/// Length of the `$(…)` at the start of `rest`.
fn substitution(rest: &str) -> Option<usize> {
    let end = rest.find(')')?;
    let inner = &rest[2..end];
    (!inner.contains(['(', '"', '\'', '`', '\n'])).then_some(end + 1)
}

#[cfg(test)]
mod tests {
    use super::{bare, commands};

    fn words(script: &str) -> Option<Vec<Vec<&str>>> {
        Some(
            commands(script)?
                .into_iter()
                .map(|c| c.into_iter().map(|r| &script[r]).collect())
                .collect(),
        )
    }

    #[test]
    fn redirections_are_no_words() {
        let script = "exec kube-proxy --v=2 --a=\"b c\" 1>>/var/log/kube-proxy.log 2>&1";
        assert_eq!(
            words(script),
            Some(vec![vec!["exec", "kube-proxy", "--v=2", "--a=\"b c\""]])
        );
        assert_eq!(
            words("a &> b; c > d 2>/dev/null e"),
            Some(vec![vec!["a"], vec!["c", "e"]])
        );
    }

    #[test]
    fn commands_end_at_operators() {
        assert_eq!(
            words("a && b | c\nd # e f\ng"),
            Some(vec![vec!["a"], vec!["b"], vec!["c"], vec!["d"], vec!["g"]])
        );
        assert_eq!(words("a \\\n  b"), Some(vec![vec!["a", "b"]]));
    }

    #[test]
    fn substitutions_and_placeholders_are_part_of_a_word() {
        assert_eq!(
            words("p --h=$(hostname -f) --i={{ ip }} x"),
            Some(vec![vec!["p", "--h=$(hostname -f)", "--i={{ ip }}", "x"]])
        );
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for script in [
            "cat <<EOF",
            "a 'b",
            "a \"b",
            "a $(b \"c\")",
            "a {% if x %}",
            "a `b",
        ] {
            assert_eq!(words(script), None, "{script}");
        }
    }

    #[test]
    fn quotes_around_a_word_go() {
        assert_eq!(
            (bare("'a'"), bare("\"a\""), bare("a"), bare("--b='a'")),
            ("a", "a", "a", "--b='a'")
        );
    }
}
