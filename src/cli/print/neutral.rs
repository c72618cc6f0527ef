//! Text of manifests, made harmless: nothing in it moves a cursor, turns the direction of writing,
//! or ends what a format puts around it.

use std::fmt::Write as _;

use serde_json::Value;

/// Whether a character does something instead of showing something. A line break does not count.
pub(crate) fn acts(c: char) -> bool {
    c != '\n' && c.is_control()
        || matches!(
            c,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
        )
        || matches!(c, '\u{2066}'..='\u{2069}' | '\u{fff9}'..='\u{fffb}' | '\u{fffe}' | '\u{ffff}')
}

/// A text of several lines.
pub(crate) fn lines(text: &str) -> String {
    let text = text.replace("\r\n", "\n");
    let harmless = |c: char| {
        if acts(c) && c != '\t' {
            char::REPLACEMENT_CHARACTER
        } else {
            c
        }
    };
    text.chars().map(harmless).collect()
}

/// A text on one line.
pub(crate) fn line(text: &str) -> String {
    lines(text.trim_end()).replace(['\n', '\t'], " ")
}

/// A line of a text, with the blanks at its end.
pub(crate) fn line_kept(text: &str) -> String {
    lines(text).replace(['\n', '\t'], " ")
}

/// JSON, in which no character acts; with a line break at its end.
pub(crate) fn json(value: &Value) -> String {
    escaped(&format!("{value:#}\n"))
}

/// JSON on one line.
pub(crate) fn json_line(value: &Value) -> String {
    escaped(&format!("{value}\n"))
}

/// Characters that act stand in strings alone, where an escape means the same.
fn escaped(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        if acts(c) {
            let _ = write!(out, "\\u{:04x}", u32::from(c));
        } else {
            out.push(c);
        }
    }
    out
}

/// XML text, or the value of an attribute.
pub(crate) fn xml(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in lines(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' => out.push_str("&#10;"),
            '\t' => out.push_str("&#9;"),
            c => out.push(c),
        }
    }
    out
}

/// A path as a relative reference (RFC 3986).
pub(crate) fn uri(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for b in path.bytes() {
        match b {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'/' | b'-' | b'.' | b'_' | b'~' => {
                out.push(char::from(b));
            }
            b => _ = write!(out, "%{b:02X}"),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_acts() {
        assert_eq!(
            line("a\u{1b}[31mb\r\nc\u{202e}d\n"),
            "a\u{fffd}[31mb c\u{fffd}d"
        );
        assert_eq!(
            xml("<a b=\"c\">&\u{0}\n"),
            "&lt;a b=&quot;c&quot;&gt;&amp;\u{fffd}&#10;"
        );
        assert_eq!(uri("a b/ü.yaml"), "a%20b/%C3%BC.yaml");
        let text = json_line(&Value::String("\u{9b}\u{202e}\u{1b}".into()));
        assert_eq!(text, "\"\\u009b\\u202e\\u001b\"\n");
    }
}
