//! Flags of the kubelet in texts: words of a command, drop-ins of systemd, scripts, user data.

use std::ops::Range;

use super::thresholds::{Given, begins_with_signal};

const HARD: &str = "eviction-hard";

/// The flag with its value, and where it stands in the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Flag {
    pub(super) range: Range<usize>,
    pub(super) given: Given,
}

/// No value of the flag is longer.
const LONGEST: usize = 1024;

/// All of them in a text, those in comments left out.
pub(super) fn all(text: &str) -> Vec<Flag> {
    let mut found = Vec::new();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let code = line.get(..comment(line)).unwrap_or(line);
        for (at, _) in code.match_indices(HARD) {
            let before = code.get(..at).unwrap_or_default();
            if before.ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_') {
                continue;
            }
            let dashes = if before.ends_with("--") { 2 } else { 0 };
            let Some((value, end)) = value(text, start + at + HARD.len()) else {
                continue;
            };
            let range = start + at - dashes..end;
            found.extend(Given::of_flag(&value).map(|given| Flag { range, given }));
        }
        start += line.len();
    }
    found
}

/// Where the comment of a line begins, or its end.
fn comment(line: &str) -> usize {
    let begins = line.trim_start();
    if begins.starts_with(['#', ';']) || begins.starts_with("//") {
        return 0;
    }
    line.find(" #").unwrap_or(line.len())
}

/// The value behind the name of a flag, or of a key, and where it ends.
fn value(text: &str, at: usize) -> Option<(String, usize)> {
    let quotes = ['"', '\''];
    let rest = text.get(at..)?.trim_start_matches(quotes);
    let rest = rest.strip_prefix(['=', ':', ' '])?;
    let rest = rest.trim_start_matches([' ', '\\']);
    let quote = rest.chars().next().filter(|c| quotes.contains(c));
    let inner = quote.map_or(rest, |_| &rest[1..]);
    if !begins_with_signal(inner) {
        return None;
    }
    let ends = |c: char| c.is_whitespace() || quotes.contains(&c) || c == ';';
    let mut ends = inner.char_indices().take(LONGEST).filter(|(_, c)| ends(*c));
    let length = match ends.next() {
        Some((end, _)) => end,
        None if inner.len() <= LONGEST => inner.len(),
        None => return None,
    };
    // `\u003c` and `&lt;` are `<` in JSON and XML.
    let raw = inner.get(..length)?.trim_end_matches('\\');
    let value = raw
        .replace("\\u003c", "<")
        .replace("\\u003C", "<")
        .replace("&lt;", "<");
    Some((value, text.len() - inner.len() + raw.len()))
}

/// The number of a flag in a text: `--image-gc-high-threshold=70`.
pub(super) fn number(text: &str, name: &str) -> Option<i64> {
    let (_, rest) = text.rsplit_once(name)?;
    let rest = rest.trim_start_matches(|c: char| "=: \"',[]".contains(c));
    let digits = rest
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(rest.len());
    rest.get(..digits)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{all, number};

    #[test]
    fn flags_in_texts() {
        for text in [
            "--eviction-hard=memory.available<5%",
            "kubelet --eviction-hard memory.available<5% --v=2",
            "KUBELET_ARGS=\"--eviction-hard='memory.available<5%' --v=2\"",
            "Environment=\"A=--eviction-hard=memory.available<5% \\\n  --v=2\"",
            "{\"eviction-hard\": \"memory.available\\u003c5%\"}",
            "eviction-hard=memory.available<5%",
        ] {
            let values: Vec<_> = all(text).into_iter().map(|f| f.given.flag()).collect();
            assert_eq!(values, ["memory.available<5%"], "{text}");
        }
        for text in [
            "# --eviction-hard=memory.available<5%",
            "v=2 # --eviction-hard=memory.available<5%",
            "--eviction-hard=$HARD",
            "--eviction-hard-x=memory.available<5%",
            "flag --eviction-hard is described elsewhere",
        ] {
            assert_eq!(all(text), [], "{text}");
        }
    }

    #[test]
    fn numbers_of_flags() {
        let name = "image-gc-high-threshold";
        assert_eq!(number("--image-gc-high-threshold=70 --v=2", name), Some(70));
        assert_eq!(number("image-gc-high-threshold: \"70\"", name), Some(70));
        assert_eq!(number("--v=2", name), None);
    }
}
