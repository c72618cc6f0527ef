//! Text of manifests between tags and in attributes: no markup, and no character that acts.

use std::fmt::Write as _;

use kubewright_model::text::{Part, Text};

use super::super::Paths;
use super::super::neutral;

/// More names than that are cut; so many are shown then.
const LISTED: (usize, usize) = (8, 5);

/// A text on one line, for an element or an attribute in double quotes.
pub(super) fn line(text: &str) -> String {
    markup(&neutral::line_kept(text))
}

/// Lines for an element that keeps blanks and breaks.
pub(super) fn lines(text: &str) -> String {
    markup(&neutral::lines(text))
}

fn markup(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// A text by its parts: what is typed or written in files as code, and a line break where it has
/// one.
pub(super) fn said(text: &Text, paths: &Paths) -> String {
    let (most, shown) = LISTED;
    let mut out = String::new();
    for part in text.parts() {
        match part {
            Part::Path(path) => code(&mut out, &paths.shown(path)),
            Part::Command(command) => code(&mut out, &paths.whole(command)),
            Part::Field(text) | Part::Code(text) => code(&mut out, text),
            Part::List(list) => out += &said(&list.cut(most, shown), paths),
            part => {
                let text = paths.brief(&Text::from(part.clone()));
                let broken: Vec<String> = text.split('\n').map(with_code).collect();
                out += &broken.join("<br>");
            }
        }
    }
    out
}

/// A line in which what stands between backquotes is code.
fn with_code(text: &str) -> String {
    let (mut out, mut rest) = (String::new(), text);
    while let Some((before, after)) = rest.split_once('`') {
        let Some((typed, after)) = after.split_once('`') else {
            break;
        };
        out += &line(before);
        code(&mut out, typed);
        rest = after;
    }
    out + &line(rest)
}

fn code(out: &mut String, text: &str) {
    let _ = write!(out, "<code>{}</code>", line(text));
}

#[cfg(test)]
mod tests {
    #[test]
    fn nothing_is_markup_and_nothing_acts() {
        assert_eq!(
            super::line("<a b=\"c\" d='e'>&\n\u{202e}\u{1b}[1m"),
            "&lt;a b=&quot;c&quot; d=&#39;e&#39;&gt;&amp; \u{fffd}\u{fffd}[1m"
        );
        assert_eq!(super::lines("a\tb\r\nc\0"), "a\tb\nc\u{fffd}");
        assert_eq!(
            super::with_code("a `<b> c` reads `d"),
            "a <code>&lt;b&gt; c</code> reads `d"
        );
    }
}
