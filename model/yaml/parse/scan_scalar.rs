//! Scalars for the scanner: plain, quoted, and over several lines.

use std::ops::Range;

use memchr::{memchr, memchr2, memchr3};

use super::scan::Scanner;
use super::scan_bytes::{past_spaces, plain_stop};
use crate::yaml::document::tree::ScalarStyle;

/// A scalar or a key on one line.
pub(in crate::yaml) struct Token {
    pub(in crate::yaml) style: ScalarStyle,
    pub(in crate::yaml) range: Range<usize>,
    pub(in crate::yaml) decoded: Option<Box<str>>,
}

/// A plain scalar on one line.
pub(in crate::yaml) struct Plain {
    pub(in crate::yaml) end: usize,
    /// Whether a colon makes it a key.
    pub(in crate::yaml) key: bool,
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

impl Scanner<'_> {
    /// A quoted scalar.
    pub(in crate::yaml) fn quoted(&mut self, at: usize) -> Option<Token> {
        match self.bytes[at] {
            b'"' => self.double_quoted(at),
            b'\'' => self.single_quoted(at),
            _ => None,
        }
    }

    /// The plain scalar at `at` on one line, without the white space behind it.
    #[expect(
        clippy::inline_always,
        reason = "saves 4 % of all instructions: nearly all keys and most values come here"
    )]
    #[inline(always)]
    pub(in crate::yaml) fn plain(&self, at: usize) -> Option<Plain> {
        let end = plain_stop(self.bytes, at);
        // Nearly all end at once, with nothing in front of the colon or the line break.
        let ends = match self.bytes.get(end..end + 2) {
            Some([b':', b' ' | b'\n']) => Some(true),
            Some([b'\n', _]) => Some(false),
            _ => None,
        };
        match ends {
            Some(key) if end > at && !is_blank(self.bytes[end - 1]) => Some(Plain { end, key }),
            _ => self.plain_from(at, end),
        }
    }

    /// The plain scalar at `at`, which does not end before `end`.
    #[cold]
    fn plain_from(&self, at: usize, mut end: usize) -> Option<Plain> {
        let mut tab = usize::MAX;
        loop {
            match self.bytes.get(end) {
                Some(b':')
                    if !matches!(
                        self.bytes.get(end + 1),
                        None | Some(b' ' | b'\t' | b'\n' | b'\r')
                    ) => {}
                Some(b'#') if end == at || !is_blank(self.bytes[end - 1]) => {}
                Some(b'\t') => tab = tab.min(end),
                _ => break,
            }
            end = plain_stop(self.bytes, end + 1);
        }
        while end > at && is_blank(self.bytes[end - 1]) {
            end -= 1;
        }
        (end > at && tab >= end).then(|| Plain {
            end,
            key: self.is_colon(end),
        })
    }

    pub(in crate::yaml) fn single_quoted(&mut self, at: usize) -> Option<Token> {
        let mut text = Folded::new();
        let mut from = at + 1;
        loop {
            let hit = from + memchr2(b'\'', b'\n', &self.bytes[from..])?;
            if from == at + 1 && self.bytes[hit] == b'\'' && self.bytes.get(hit + 1) != Some(&b'\'')
            {
                return Some(Token {
                    style: ScalarStyle::SingleQuoted,
                    range: at..hit + 1,
                    decoded: None,
                });
            }
            if self.bytes[hit] == b'\n' {
                text.push(&self.text[from..hit]);
                from = self.fold(hit, &mut text)?;
            } else if self.bytes.get(hit + 1) == Some(&b'\'') {
                text.push(&self.text[from..=hit]);
                text.touched = true;
                from = hit + 2;
            } else {
                text.push(&self.text[from..hit]);
                return Some(Token {
                    style: ScalarStyle::SingleQuoted,
                    range: at..hit + 1,
                    decoded: text.finish(),
                });
            }
        }
    }

    pub(in crate::yaml) fn double_quoted(&mut self, at: usize) -> Option<Token> {
        let mut text = Folded::new();
        let mut from = at + 1;
        loop {
            let hit = from + memchr3(b'"', b'\\', b'\n', &self.bytes[from..])?;
            if from == at + 1 && self.bytes[hit] == b'"' {
                return Some(Token {
                    style: ScalarStyle::DoubleQuoted,
                    range: at..hit + 1,
                    decoded: None,
                });
            }
            text.push(&self.text[from..hit]);
            match self.bytes[hit] {
                b'"' => {
                    return Some(Token {
                        style: ScalarStyle::DoubleQuoted,
                        range: at..hit + 1,
                        decoded: text.finish(),
                    });
                }
                b'\\' if matches!(self.bytes.get(hit + 1), Some(b'\n' | b'\r')) => {
                    text.hold();
                    from = self.escaped_break(hit + 1)?;
                }
                b'\\' => {
                    let (c, next) = self.escape(hit + 1)?;
                    text.push_escaped(c);
                    from = next;
                }
                _ => from = self.fold(hit, &mut text)?,
            }
        }
    }

    /// Folds the line breaks from the one at `at` on; returns where the text goes on.
    fn fold(&mut self, at: usize, text: &mut Folded) -> Option<usize> {
        let mut breaks = 0;
        let mut at = at;
        while self.bytes.get(at) == Some(&b'\n') {
            breaks += 1;
            let line = at + 1;
            at = line;
            while self.bytes.get(at) == Some(&b' ') {
                at += 1;
            }
            if self.bytes.get(at) == Some(&b'\r') {
                at += 1;
            }
            if self.bytes.get(at) != Some(&b'\n')
                && (matches!(self.bytes.get(at), None | Some(b'\t')) || !self.deeper(line, at))
            {
                return None;
            }
        }
        text.break_lines(breaks);
        Some(at)
    }

    /// An escaped line break joins its lines; the white space in front of the next one goes. Blank
    /// lines are left to the complete planner.
    fn escaped_break(&mut self, at: usize) -> Option<usize> {
        let line = self.next_line(at);
        let mut next = line;
        while self.bytes.get(next) == Some(&b' ') {
            next += 1;
        }
        (!matches!(self.bytes.get(next), None | Some(b'\n' | b'\r' | b'\t'))
            && self.deeper(line, next))
        .then_some(next)
    }

    /// Whether a line of a quoted scalar may begin at `first`: deeper than the collection around
    /// it, and never in the first column.
    fn deeper(&mut self, line: usize, first: usize) -> bool {
        let around = self.around();
        (first > line && around.is_none_or(|n| first - line > n))
            || around.is_some_and(|n| !self.too_shallow(line, first, n))
    }

    /// Decodes the escape whose letter stands at `at`; returns it with where the text goes on.
    /// Surrogates are left to the complete planner.
    fn escape(&self, at: usize) -> Option<(char, usize)> {
        let digits = match *self.bytes.get(at)? {
            b'n' => return Some(('\n', at + 1)),
            b't' => return Some(('\t', at + 1)),
            b'r' => return Some(('\r', at + 1)),
            b'0' => return Some(('\0', at + 1)),
            b'e' => return Some(('\u{1b}', at + 1)),
            c @ (b'"' | b'\\' | b'/' | b' ') => return Some((char::from(c), at + 1)),
            b'x' => 2,
            b'u' => 4,
            b'U' => 8,
            _ => return None,
        };
        let hex = self.text.get(at + 1..at + 1 + digits)?;
        if !hex.bytes().all(|b| b.is_ascii_hexdigit()) {
            return None;
        }
        Some((
            char::from_u32(u32::from_str_radix(hex, 16).ok()?)?,
            at + 1 + digits,
        ))
    }

    /// The start of the next line when nothing but white space stands in front of it.
    #[cold]
    pub(in crate::yaml) fn next_line_of(&self, mut at: usize) -> Option<usize> {
        while self.bytes.get(at).is_some_and(|b| is_blank(*b)) {
            at += 1;
        }
        match self.bytes.get(at) {
            Some(b'\n') => Some(at + 1),
            Some(b'\r') => Some(at + 2),
            _ => None,
        }
    }

    /// Whether a plain value in block context may go on in the line at `next`: it does as long as
    /// lines stand deeper than the collection around it.
    #[inline]
    pub(in crate::yaml) fn goes_on(&self, next: usize, around: usize) -> Option<bool> {
        let first = past_spaces(self.bytes, next);
        match self.bytes.get(first) {
            Some(b) if *b > b'#' => Some(first - next > around),
            Some(b'\t') => None,
            None | Some(b'#') => Some(false),
            Some(b'\n' | b'\r') => Some(true),
            Some(_) => Some(first - next > around),
        }
    }

    /// A plain value with further lines, or with blank lines behind it.
    #[cold]
    pub(in crate::yaml) fn folded(&self, range: Range<usize>, around: usize) -> Option<Token> {
        let mut end = range.end;
        let mut text = Folded::new();
        loop {
            let mut breaks = 0;
            let mut at = self.line_end(end);
            if !self.text[end..at]
                .trim_start_matches([' ', '\t'])
                .is_empty()
            {
                break;
            }
            while at < self.bytes.len() {
                let next = self.next_line(at);
                breaks += 1;
                let mut first = next;
                while self.bytes.get(first) == Some(&b' ') {
                    first += 1;
                }
                match self.bytes.get(first) {
                    None | Some(b'#') => return Some(text.token(range.start..end)),
                    Some(b'\n' | b'\r') => at = first,
                    Some(b'\t') => return None,
                    Some(_) if first - next <= around => return Some(text.token(range.start..end)),
                    Some(_) => {
                        let mut stop = self.line_end(first);
                        while matches!(self.bytes[stop - 1], b' ' | b'\t') {
                            stop -= 1;
                        }
                        let line = &self.text[first..stop];
                        if line.contains(": ")
                            || line.ends_with(':')
                            || line.contains(" #")
                            || memchr(b'\t', line.as_bytes()).is_some()
                        {
                            return None;
                        }
                        if !text.touched {
                            text.push(&self.text[range.clone()]);
                        }
                        text.break_lines(breaks);
                        text.push(line);
                        end = stop;
                        break;
                    }
                }
            }
            if at >= self.bytes.len() {
                break;
            }
        }
        Some(text.token(range.start..end))
    }
}

/// Decoded text of a scalar; lines are folded as YAML 1.2, 6.5 says.
struct Folded {
    text: String,
    /// Bytes that white space trimming at a line break must not touch: they were escaped.
    kept: usize,
    /// Whether the text differs from the source between the quotes.
    touched: bool,
}

impl Folded {
    fn new() -> Self {
        Self {
            text: String::new(),
            kept: 0,
            touched: false,
        }
    }

    fn push(&mut self, text: &str) {
        self.text.push_str(text);
    }

    fn push_escaped(&mut self, c: char) {
        self.text.push(c);
        self.kept = self.text.len();
        self.touched = true;
    }

    /// White space up to here is content.
    fn hold(&mut self) {
        self.kept = self.text.len();
        self.touched = true;
    }

    fn break_lines(&mut self, breaks: usize) {
        let trimmed = self
            .text
            .trim_end_matches([' ', '\t', '\r'])
            .len()
            .max(self.kept);
        self.text.truncate(trimmed);
        if breaks == 1 {
            self.text.push(' ');
        } else {
            self.text.extend(std::iter::repeat_n('\n', breaks - 1));
        }
        self.kept = self.text.len();
        self.touched = true;
    }

    fn finish(self) -> Option<Box<str>> {
        self.touched.then(|| self.text.into())
    }

    fn token(self, range: Range<usize>) -> Token {
        Token {
            style: ScalarStyle::Plain,
            range,
            decoded: self.finish(),
        }
    }
}
