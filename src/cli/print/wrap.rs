//! Text that fits the width of a terminal.

use std::fmt::Write as _;
use std::path::{Component, Path};

use anstyle::Style;
use textwrap::{Options, WordSplitter};

/// How wide lines may be; `None` where they are as long as what they say.
pub(super) type Width = Option<usize>;

/// Narrower terminals are written for as if they had that many columns.
const LEAST: usize = 40;

/// The lines of a text, the first behind `first`, the others behind `next`.
pub(super) fn lines(text: &str, width: Width, first: &str, next: &str) -> Vec<String> {
    let Some(width) = width else {
        return vec![format!("{first}{text}")];
    };
    let width = width.max(LEAST);
    let (text, longest) = kept_together(text);
    let options = Options::new(width)
        .initial_indent(first)
        .subsequent_indent(next)
        .break_words(longest + next.len() <= width)
        .word_splitter(WordSplitter::NoHyphenation);
    let wrapped = textwrap::wrap(&text, options).into_iter();
    wrapped.map(|line| line.replace(KEPT, " ")).collect()
}

/// Stands for a blank at which no line ends.
const KEPT: char = '\u{a0}';

/// The text with what stands between backquotes as one word, and how wide the widest of those is. A
/// command that is cut in two cannot be copied, and one wider than the line is left to the terminal.
fn kept_together(text: &str) -> (String, usize) {
    let mut longest = 0;
    let parts = text.split('`').enumerate().map(|(number, part)| {
        if number % 2 == 0 || part.contains('\n') {
            return part.to_owned();
        }
        longest = longest.max(textwrap::core::display_width(part) + 2);
        part.replace(' ', &KEPT.to_string())
    });
    let parts: Vec<String> = parts.collect();
    // Of an odd number of backquotes the last one closes nothing.
    if parts.len().is_multiple_of(2) {
        return (text.to_owned(), 0);
    }
    (parts.join("`"), longest)
}

/// The same, no more than `most` lines; what is cut ends with `…`.
pub(super) fn at_most(
    most: usize,
    text: &str,
    width: Width,
    first: &str,
    next: &str,
) -> Vec<String> {
    let mut all = lines(text, width, first, next);
    if all.len() > most.max(1) {
        all.truncate(most.max(1));
        if let Some(last) = all.last_mut() {
            let room = width.unwrap_or(usize::MAX).max(LEAST) - 2;
            while textwrap::core::display_width(last) > room {
                match last.rfind(' ') {
                    Some(at) => last.truncate(at),
                    None => _ = last.pop(),
                }
            }
            let kept = last.trim_end().trim_end_matches([',', ';', ':']).len();
            last.truncate(kept);
            last.push_str(" …");
        }
    }
    all
}

/// A text that a terminal opens where it leads; the text alone where it cannot.
pub(super) fn link(text: &str, to: Option<&str>) -> String {
    match to {
        Some(to) => format!("\u{1b}]8;;{to}\u{1b}\\{text}\u{1b}]8;;\u{1b}\\"),
        None => text.to_owned(),
    }
}

/// The address of a file on this machine.
pub(super) fn file_url(path: &Path) -> String {
    let mut url = "file://".to_owned();
    for part in path.components() {
        let part = match part {
            Component::RootDir => continue,
            other => other.as_os_str().to_string_lossy(),
        };
        url.push('/');
        for byte in part.bytes() {
            if byte.is_ascii_alphanumeric() || b"-._~:@+".contains(&byte) {
                url.push(char::from(byte));
            } else {
                let _ = write!(url, "%{byte:02X}");
            }
        }
    }
    url
}

/// A word at the beginning of a line in a style.
pub(super) fn styled_start(line: &str, start: &str, style: Style) -> String {
    match line.split_once(start) {
        Some((before, rest)) => format!("{before}{style}{start}{style:#}{rest}"),
        None => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_is_wider_than_the_terminal() {
        let text = "the container does not run as root, and \
                    a_word_that_is_longer_than_the_whole_width_of_the_line";
        for line in lines(text, Some(40), "  no fix: ", "    ") {
            assert!(textwrap::core::display_width(&line) <= 40, "{line}");
        }
        let cut = at_most(2, text, Some(40), "  ", "    ");
        assert_eq!(cut.len(), 2);
        assert!(cut[1].ends_with(" …"), "{cut:?}");
        assert!(textwrap::core::display_width(&cut[1]) <= 40, "{cut:?}");
    }

    #[test]
    fn a_command_stays_on_one_line() {
        let text = "what has to be true first: `kubewright explain a --plan b.yaml`, and then";
        assert_eq!(
            lines(text, Some(50), "", "  "),
            [
                "what has to be true first:",
                "  `kubewright explain a --plan b.yaml`, and then"
            ]
        );
        let long = format!("see `{} b`", "a".repeat(60));
        assert_eq!(
            lines(&long, Some(40), "", "  ")[1],
            format!("  `{} b`", "a".repeat(60))
        );
        assert_eq!(lines("one ` alone", Some(40), "", ""), ["one ` alone"]);
    }

    #[test]
    fn an_address_is_escaped() {
        assert_eq!(
            file_url(Path::new("/a b/c#.yaml")),
            "file:///a%20b/c%23.yaml"
        );
    }
}
