//! Markdown for a terminal: bold, colours, lists and tables that fit its width.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};
use textwrap::core::display_width;

use super::wrap;

const HEADING: Style = AnsiColor::Green.on_default().bold();
const CODE: Style = AnsiColor::Cyan.on_default();
const BOLD: Style = Style::new().bold();
/// What stands between two columns of a table.
const GAP: usize = 2;
/// No column is narrower, where it has as much.
const NARROWEST: usize = 12;

/// The page, no line but those of code wider than `width`.
pub(in crate::cli) fn render(markdown: &str, width: usize) -> String {
    let mut page = Page {
        out: String::new(),
        inline: String::new(),
        indent: 0,
        marker: None,
        lists: Vec::new(),
        in_code: false,
        rows: Vec::new(),
        width,
    };
    for event in Parser::new_ext(markdown, Options::ENABLE_TABLES) {
        page.take(event);
    }
    let mut out = page.out.trim_end().to_owned();
    out.push('\n');
    out
}

/// A line of plain text, wrapped; what follows is indented like it.
pub(in crate::cli) fn plain(line: &str, width: usize) -> Vec<String> {
    let indent = line.len() - line.trim_start_matches([' ', '=']).len();
    let next = " ".repeat(indent.max(2) + 2);
    wrap::lines(line.trim_end(), Some(width), "  ", &next)
}

/// A text, wrapped; its lines after the first are indented.
pub(in crate::cli) fn hanging(text: &str, width: usize, indent: usize) -> String {
    let next = " ".repeat(indent);
    let lines = text.lines();
    let lines = lines.flat_map(|line| wrap::lines(line, Some(width), "", &next));
    lines.map(|line| line + "\n").collect()
}

struct Page {
    out: String,
    /// Text since the last block.
    inline: String,
    indent: usize,
    /// What stands before the first line of an item.
    marker: Option<String>,
    /// The next number of each list around, of those that count.
    lists: Vec<Option<u64>>,
    in_code: bool,
    rows: Vec<Vec<String>>,
    width: usize,
}

impl Page {
    fn take(&mut self, event: Event<'_>) {
        match event {
            Event::Start(tag) => self.start(&tag),
            Event::End(tag) => self.end(tag),
            Event::Text(text) if self.in_code => {
                for line in text.lines() {
                    let _ = writeln!(self.out, "{:indent$}{line}", "", indent = self.indent + 4);
                }
            }
            Event::Text(text) => self.inline.push_str(&text),
            Event::Code(text) => {
                let _ = write!(self.inline, "{CODE}{text}{CODE:#}");
            }
            Event::SoftBreak | Event::HardBreak => self.inline.push(' '),
            Event::Rule => self.out.push('\n'),
            _ => {}
        }
    }

    fn start(&mut self, tag: &Tag<'_>) {
        match tag {
            Tag::Heading { .. } => {
                let _ = write!(self.inline, "{HEADING}");
            }
            Tag::Strong => {
                let _ = write!(self.inline, "{BOLD}");
            }
            Tag::CodeBlock(_) => {
                self.block();
                self.in_code = true;
            }
            Tag::List(first) => {
                self.block();
                self.lists.push(*first);
            }
            Tag::Item => {
                let marker = match self.lists.last_mut() {
                    Some(Some(number)) => {
                        *number += 1;
                        format!("{}. ", *number - 1)
                    }
                    _ => "- ".to_owned(),
                };
                self.marker = Some(marker);
                self.indent += 2;
            }
            Tag::BlockQuote(_) => self.indent += 2,
            Tag::Table(_) => self.rows.clear(),
            Tag::TableHead | Tag::TableRow => self.rows.push(Vec::new()),
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Heading(_) => {
                let _ = write!(self.inline, "{HEADING:#}");
                self.block();
                self.out.push('\n');
            }
            TagEnd::Paragraph => {
                self.block();
                self.out.push('\n');
            }
            TagEnd::Strong => {
                let _ = write!(self.inline, "{BOLD:#}");
            }
            TagEnd::CodeBlock => {
                self.in_code = false;
                self.out.push('\n');
            }
            TagEnd::Item => {
                self.block();
                self.indent -= 2;
            }
            TagEnd::List(_) => {
                self.lists.pop();
                if self.lists.is_empty() {
                    self.out.push('\n');
                }
            }
            TagEnd::BlockQuote(_) => self.indent = self.indent.saturating_sub(2),
            TagEnd::TableCell => {
                let cell = std::mem::take(&mut self.inline);
                if let Some(row) = self.rows.last_mut() {
                    row.push(cell);
                }
            }
            TagEnd::Table => self.table(),
            _ => {}
        }
    }

    /// Writes the text since the last block.
    fn block(&mut self) {
        let text = std::mem::take(&mut self.inline);
        let text = text.trim();
        if text.is_empty() {
            return;
        }
        let next = " ".repeat(self.indent);
        let first = match self.marker.take() {
            Some(marker) => format!("{}{marker}", " ".repeat(self.indent.saturating_sub(2))),
            None => next.clone(),
        };
        for line in wrap::lines(text, Some(self.width), &first, &next) {
            let _ = writeln!(self.out, "{line}");
        }
    }

    fn table(&mut self) {
        let rows = std::mem::take(&mut self.rows);
        let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
        let natural = |column: usize| {
            let cells = rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| display_width(cell)).max().unwrap_or(0)
        };
        let mut widths: Vec<usize> = (0..columns).map(natural).collect();
        let room = self.width.saturating_sub(GAP * columns.saturating_sub(1));
        while widths.iter().sum::<usize>() > room {
            match widths.iter_mut().max() {
                Some(widest) if *widest > NARROWEST => *widest -= 1,
                _ => break,
            }
        }
        for (number, row) in rows.iter().enumerate() {
            let cells: Vec<Vec<String>> = row
                .iter()
                .zip(&widths)
                .map(|(cell, width)| {
                    let options = textwrap::Options::new((*width).max(1))
                        .word_splitter(textwrap::WordSplitter::NoHyphenation);
                    let lines = textwrap::wrap(cell, options).into_iter();
                    lines.map(std::borrow::Cow::into_owned).collect()
                })
                .collect();
            let height = cells.iter().map(Vec::len).max().unwrap_or(0);
            for line in 0..height {
                let mut written = String::new();
                for (cell, width) in cells.iter().zip(&widths) {
                    let text = cell.get(line).map_or("", String::as_str);
                    let padding = width.saturating_sub(display_width(text)) + GAP;
                    let style = if number == 0 { BOLD } else { Style::new() };
                    let _ = write!(written, "{style}{text}{style:#}{:padding$}", "");
                }
                self.out.push_str(written.trim_end());
                self.out.push('\n');
            }
        }
        self.out.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_fits() {
        let long = "a sentence that goes on for longer than the line of the terminal has room";
        let page = render(
            &format!(
                "# Title\n\nSome *text* and `code`.\n\n| code | why |\n|---|---|\n| `x` | {long} \
                 |\n\n- one\n- two\n"
            ),
            50,
        );
        let plain = anstream::adapter::strip_str(&page).to_string();
        assert!(
            plain.lines().all(|line| display_width(line) <= 50),
            "{plain}"
        );
        assert_eq!(
            plain,
            "Title\n\nSome text and code.\n\ncode  why\nx     a sentence that goes on for longer \
             than the\n      line of the terminal has room\n\n- one\n- two\n"
        );
    }
}
