//! Writing values as YAML text in the style of their surroundings.
//!
//! A value in block style has a *head*, which stands behind `key:` or `-` on the same line, and a
//! *tail*, the lines below with their line breaks in front. Strings are plain only where YAML 1.1
//! and YAML 1.2 readers agree that they are strings.

use std::fmt::Write;

use crate::yaml::document::resolve::{Resolved, resolve_plain};
use crate::yaml::document::value::Value;

/// What follows the place that is written to: it decides whether the last scalar may be a block
/// scalar.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::yaml) struct Below {
    /// A line break stands behind the place.
    pub line_break: bool,
    /// The next line is blank.
    pub blank: bool,
    /// Columns of white space on the widest blank line right below.
    pub width: usize,
    /// Deepest indentation of the comment lines right below.
    pub comment: Option<usize>,
}

/// How values are written at one place.
#[derive(Debug, Clone)]
pub(in crate::yaml) struct Style {
    pub eol: &'static str,
    /// Columns from a mapping to the mapping in one of its values.
    pub step: usize,
    /// Columns from a mapping to the dashes in one of its values.
    pub dash: usize,
    /// Strings and keys are double-quoted always.
    pub json: bool,
    /// Between key and value in flow style.
    pub colon: String,
    /// Between items in flow style.
    pub comma: String,
    pub below: Below,
}

/// A value in block style.
#[derive(Debug, Clone, Default)]
pub(in crate::yaml) struct Written {
    /// On the line of the indicator; empty for a block collection below a key.
    pub head: String,
    /// Lines below, each with its line break in front.
    pub tail: String,
}

/// Where a value in block style stands.
#[derive(Debug, Clone, Copy)]
pub(in crate::yaml) enum Slot {
    /// Behind a key at this column.
    Key(usize),
    /// Behind an indicator; what is written begins at `column`, `parent` is the column of the
    /// indicator.
    Item { parent: usize, column: usize },
}

impl Style {
    /// Whether the value takes lines of its own in block style.
    pub(in crate::yaml) fn is_block_collection(value: &Value) -> bool {
        match value {
            Value::Seq(items) => !items.is_empty(),
            Value::Map(entries) => !entries.is_empty(),
            _ => false,
        }
    }

    /// Writes `value` for `slot`; `last` tells that nothing of ours follows it.
    pub(in crate::yaml) fn write(&self, value: &Value, slot: Slot, last: bool) -> Written {
        let mut out = Written::default();
        match value {
            Value::Map(entries) if !entries.is_empty() => {
                let column = match slot {
                    Slot::Key(key) => key + self.step,
                    Slot::Item { column, .. } => column,
                };
                for (i, (key, value)) in entries.iter().enumerate() {
                    let text = self.entry(key, value, column, last && i + 1 == entries.len());
                    self.line(&mut out, slot, i, column, &text);
                }
            }
            Value::Seq(items) if !items.is_empty() => {
                let column = match slot {
                    Slot::Key(key) => key + self.dash,
                    Slot::Item { column, .. } => column,
                };
                for (i, item) in items.iter().enumerate() {
                    let text = self.item(item, column, last && i + 1 == items.len());
                    self.line(&mut out, slot, i, column, &text);
                }
            }
            Value::Str(text) if text.contains('\n') && !self.json => {
                let (parent, column) = match slot {
                    Slot::Key(key) => (key, key + self.step),
                    Slot::Item { parent, column } => (parent, column),
                };
                out = self
                    .literal(text, parent, column, last)
                    .unwrap_or_else(|| Written {
                        head: double_quoted(text),
                        tail: String::new(),
                    });
            }
            _ => out.head = self.flow(value, false),
        }
        out
    }

    fn line(&self, out: &mut Written, slot: Slot, index: usize, column: usize, text: &Written) {
        if index == 0 && matches!(slot, Slot::Item { .. }) {
            out.head.push_str(&text.head);
        } else {
            out.tail.push_str(self.eol);
            push_spaces(&mut out.tail, column);
            out.tail.push_str(&text.head);
        }
        out.tail.push_str(&text.tail);
    }

    /// `key: value` for a mapping at `column`.
    pub(in crate::yaml) fn entry(
        &self,
        key: &str,
        value: &Value,
        column: usize,
        last: bool,
    ) -> Written {
        let mut written = self.write(value, Slot::Key(column), last);
        let space = if written.head.is_empty() { "" } else { " " };
        written.head = format!("{}:{space}{}", self.key(key), written.head);
        written
    }

    /// `- value` for a sequence with its dashes at `column`.
    pub(in crate::yaml) fn item(&self, value: &Value, column: usize, last: bool) -> Written {
        let mut written = self.write(
            value,
            Slot::Item {
                parent: column,
                column: column + 2,
            },
            last,
        );
        written.head.insert_str(0, "- ");
        written
    }

    /// A literal block scalar (`|`), where it can hold `text`.
    pub(in crate::yaml) fn literal(
        &self,
        text: &str,
        parent: usize,
        column: usize,
        last: bool,
    ) -> Option<Written> {
        let body = text.trim_end_matches('\n');
        let breaks = text.len() - body.len();
        let last_line = body.rsplit('\n').next().unwrap_or("");
        let below = &self.below;
        if body.is_empty()
            || last_line.trim().is_empty()
            || !text.chars().all(|c| c == '\n' || printable(c))
            || column <= parent
            || (last
                && (!below.line_break
                    || below.comment.is_some_and(|c| c >= column)
                    || (breaks > 1 && below.blank)))
            || (last && below.width > column)
        {
            return None;
        }
        let mut head = "|".to_owned();
        let first = body.split('\n').find(|l| !l.is_empty()).unwrap_or("");
        if first.starts_with([' ', '\t']) {
            if column - parent > 9 {
                return None;
            }
            head.push_str(&(column - parent).to_string());
        }
        match breaks {
            0 => head.push('-'),
            1 => {}
            _ => head.push('+'),
        }
        let mut tail = String::new();
        for line in body.split('\n') {
            tail.push_str(self.eol);
            if !line.is_empty() {
                push_spaces(&mut tail, column);
                tail.push_str(line);
            }
        }
        for _ in 1..breaks {
            tail.push_str(self.eol);
        }
        Some(Written { head, tail })
    }

    /// A key.
    pub(in crate::yaml) fn key(&self, key: &str) -> String {
        self.string(key, false)
    }

    /// A string on one line.
    pub(in crate::yaml) fn string(&self, text: &str, flow: bool) -> String {
        if !self.json && is_safe_plain(text, flow) {
            text.to_owned()
        } else {
            double_quoted(text)
        }
    }

    /// `value` on one line; `flow` tells that it stands inside brackets.
    pub(in crate::yaml) fn flow(&self, value: &Value, flow: bool) -> String {
        match value {
            Value::Null => "null".to_owned(),
            Value::Bool(b) => b.to_string(),
            Value::Int(n) => n.to_string(),
            Value::Str(text) => self.string(text, flow),
            Value::Quoted(text) => double_quoted(text),
            Value::Seq(items) => {
                // As manifests write command lines: one quoting for all items.
                let item = |i: &Value| {
                    if let Value::Str(text) = i {
                        double_quoted(text)
                    } else {
                        self.flow(i, true)
                    }
                };
                let items: Vec<_> = items.iter().map(item).collect();
                format!("[{}]", items.join(&self.comma))
            }
            Value::Map(entries) => {
                let entries: Vec<_> = entries.iter().map(|(k, v)| self.flow_entry(k, v)).collect();
                format!("{{{}}}", entries.join(&self.comma))
            }
            Value::Flow(value) => self.flow(value, flow),
        }
    }

    /// `key: value` on one line inside braces.
    pub(in crate::yaml) fn flow_entry(&self, key: &str, value: &Value) -> String {
        format!(
            "{}{}{}",
            self.string(key, true),
            self.colon,
            self.flow(value, true)
        )
    }

    /// `value` in flow style, one entry or item a line, `indent` being that of the line it starts
    /// on and `unit` one level more.
    pub(in crate::yaml) fn pretty(&self, value: &Value, indent: &str, unit: &str) -> String {
        let inner = format!("{indent}{unit}");
        let eol = self.eol;
        match value {
            Value::Seq(items) if !items.is_empty() => {
                let items: Vec<_> = items
                    .iter()
                    .map(|i| format!("{eol}{inner}{}", self.pretty(i, &inner, unit)))
                    .collect();
                format!("[{}{eol}{indent}]", items.join(","))
            }
            Value::Map(entries) if !entries.is_empty() => {
                let entries: Vec<_> = entries
                    .iter()
                    .map(|(k, v)| format!("{eol}{inner}{}", self.pretty_entry(k, v, &inner, unit)))
                    .collect();
                format!("{{{}{eol}{indent}}}", entries.join(","))
            }
            _ => self.flow(value, true),
        }
    }

    /// `key: value` inside braces, one entry a line.
    pub(in crate::yaml) fn pretty_entry(
        &self,
        key: &str,
        value: &Value,
        indent: &str,
        unit: &str,
    ) -> String {
        format!(
            "{}{}{}",
            self.string(key, true),
            self.colon,
            self.pretty(value, indent, unit)
        )
    }
}

pub(in crate::yaml) fn push_spaces(out: &mut String, count: usize) {
    out.extend(std::iter::repeat_n(' ', count));
}

/// Whether `c` can stand in a scalar as it is, in every version of YAML, without being a line break
/// in one of them.
fn printable(c: char) -> bool {
    matches!(c, '\t' | ' '..='~' | '\u{a0}'..='\u{2027}' | '\u{202a}'..='\u{d7ff}' | '\u{e000}'..='\u{fefe}' | '\u{ff00}'..='\u{fffd}' | '\u{10000}'..)
}

/// Whether YAML 1.1 and YAML 1.2 readers agree that the plain scalar `text` is this string.
pub(in crate::yaml) fn is_safe_plain(text: &str, flow: bool) -> bool {
    let bytes = text.as_bytes();
    let Some(first) = bytes.first() else {
        return false;
    };
    let body = bytes.iter().enumerate().all(|(i, b)| match b {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'_' | b'.' | b'/' | b'-' => true,
        b':' => !flow && bytes.get(i + 1).is_some_and(u8::is_ascii_alphanumeric),
        b'=' | b'@' | b'+' => i > 0,
        _ => false,
    });
    (first.is_ascii_alphabetic() || *first == b'/')
        && body
        && !is_word(text)
        && resolve_plain(text) == Resolved::Str
}

/// Whether a plain scalar that is kept plain by [`Node::set`](crate::yaml::Node::set) may hold
/// `text`: spaces are fine there.
pub(in crate::yaml) fn is_plain_with_spaces(text: &str, flow: bool) -> bool {
    !text.is_empty()
        && !text.starts_with(' ')
        && !text.ends_with(' ')
        && !text.contains("  ")
        && text.split(' ').enumerate().all(|(i, w)| {
            is_safe_plain(w, flow) || (i > 0 && is_safe_plain(&format!("x{w}"), flow))
        })
        && resolve_plain(text) == Resolved::Str
        && !is_word(text)
}

/// The words that some version of YAML reads as null or as a boolean.
fn is_word(text: &str) -> bool {
    const WORDS: [&str; 9] = ["y", "n", "yes", "no", "on", "off", "true", "false", "null"];
    WORDS.iter().any(|w| text.eq_ignore_ascii_case(w))
}

/// `'…'`, where that can hold `text` on one line.
pub(in crate::yaml) fn single_quoted(text: &str) -> Option<String> {
    text.chars()
        .all(printable)
        .then(|| format!("'{}'", text.replace('\'', "''")))
}

/// `"…"` on one line; what it escapes is written as JSON writes it.
pub(in crate::yaml) fn double_quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if printable(c) => out.push(c),
            c => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
        }
    }
    out.push('"');
    out
}
