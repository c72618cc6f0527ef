//! Block scalars for the scanner.

use std::mem;

use super::scan::{Anchor, Scanner};
use super::scan_bytes::past_spaces;
use crate::yaml::document::tree::{Kind, NodeId, ScalarStyle, u32_of};

impl Scanner<'_> {
    /// The block scalar whose header stands at `header`; returns the start of the line behind it.
    pub(in crate::yaml) fn block_scalar(
        &mut self,
        header: usize,
        mark: u32,
        anchor: Option<Anchor>,
    ) -> Option<usize> {
        let literal = self.bytes[header] == b'|';
        let (mut chomp, mut explicit, mut at) = (0_u8, 0_usize, header + 1);
        while let Some(b) = self.bytes.get(at) {
            match b {
                b'+' | b'-' if chomp == 0 => chomp = *b,
                b'1'..=b'9' if explicit == 0 => explicit = usize::from(b - b'0'),
                b' ' | b'\n' | b'\r' => break,
                _ => return None,
            }
            at += 1;
        }
        let header_end = at;
        let mut at = self.rest(at)?;
        let parent = self.around()?;
        let mut indent = if explicit > 0 {
            Some(parent + explicit)
        } else {
            None
        };
        let mut content = BlockContent::new(literal, mem::take(&mut self.lines));
        let mut end = header_end;
        let mut blank_deepest = 0;
        loop {
            if at >= self.bytes.len() {
                break;
            }
            let line_end = self.line_end(at);
            let text = past_spaces(self.bytes, at);
            let spaces = text - at;
            let blank = text == line_end;
            match indent {
                _ if blank && indent.is_none_or(|n| spaces <= n) => {
                    blank_deepest = blank_deepest.max(spaces);
                    content.blank();
                    if chomp == b'+' {
                        end = line_end;
                    }
                }
                None if spaces > parent => {
                    if blank_deepest > spaces || self.bytes[text] == b'\t' {
                        return None;
                    }
                    indent = Some(spaces);
                    content.line(&self.text[text..line_end]);
                    end = line_end;
                }
                Some(n) if spaces >= n => {
                    content.line(&self.text[at + n..line_end]);
                    end = line_end;
                }
                _ => {
                    if self.bytes[text] == b'\t' || (spaces > parent && self.bytes[text] != b'#') {
                        return None;
                    }
                    break;
                }
            }
            let next = self.next_line(line_end);
            if next == line_end && (chomp == b'+' || blank) {
                return None;
            }
            at = next;
        }
        if !content.any {
            return None;
        }
        let id = self.push(
            Kind::Scalar(if literal {
                ScalarStyle::Literal
            } else {
                ScalarStyle::Folded
            }),
            header,
            end,
            mark,
        );
        self.name(id, anchor);
        // The reader of kubectl adds no line break that the text does not have.
        let chomp = if end == self.bytes.len() { b'-' } else { chomp };
        let text = content.finish(chomp);
        self.decoded.push((NodeId(id), text.as_str().into()));
        self.lines = text;
        self.grow(u32_of(end));
        Some(at)
    }
}

/// The decoded text of a block scalar (YAML 1.2, 8.1).
struct BlockContent {
    literal: bool,
    text: String,
    /// Line breaks of blank lines since the last line of content.
    blanks: usize,
    any: bool,
    spaced: bool,
}

impl BlockContent {
    /// A text in the room of one that is needed no more.
    fn new(literal: bool, mut text: String) -> Self {
        text.clear();
        Self {
            literal,
            text,
            blanks: 0,
            any: false,
            spaced: false,
        }
    }

    fn blank(&mut self) {
        self.blanks += 1;
    }

    fn line(&mut self, line: &str) {
        let spaced = line.starts_with([' ', '\t']);
        if self.any {
            if self.literal || self.spaced || spaced {
                self.text.push('\n');
            } else if self.blanks == 0 {
                self.text.push(' ');
            }
        }
        self.flush_blanks();
        self.text.push_str(line);
        self.any = true;
        self.spaced = spaced;
    }

    fn flush_blanks(&mut self) {
        for _ in 0..self.blanks {
            self.text.push('\n');
        }
        self.blanks = 0;
    }

    fn finish(mut self, chomp: u8) -> String {
        if self.any && chomp != b'-' {
            self.text.push('\n');
        }
        if chomp == b'+' {
            self.flush_blanks();
        }
        self.text
    }
}
