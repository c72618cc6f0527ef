//! The lines around a place of a text that is not YAML: what one would read there, had it parsed.

/// More characters than that of a line are not repeated in a sentence.
const SHOWN: usize = 50;

/// A line of a text, without its line break.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line<'t> {
    whole: &'t str,
    pub(super) start: usize,
    pub(super) text: &'t str,
}

/// A key with its colon, and what stands behind it on its line.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pair<'t> {
    /// Where in the line the key begins.
    pub(super) at: usize,
    pub(super) key: &'t str,
    pub(super) value: &'t str,
}

impl<'t> Line<'t> {
    /// The line that holds a byte of a text.
    pub(super) fn at(whole: &'t str, mut offset: usize) -> Self {
        offset = offset.min(whole.len());
        while !whole.is_char_boundary(offset) {
            offset -= 1;
        }
        let mut start = whole[..offset].rfind('\n').map_or(0, |at| at + 1);
        if whole[start..].starts_with('\u{feff}') && start == 0 {
            start = '\u{feff}'.len_utf8();
        }
        let end = whole[start..]
            .find('\n')
            .map_or(whole.len(), |at| start + at);
        Self {
            whole,
            start,
            text: whole[start..end].trim_end_matches('\r'),
        }
    }

    /// The line below.
    pub(super) fn below(self) -> Option<Self> {
        let end = self.start + self.whole[self.start..].find('\n')?;
        Some(Self::at(self.whole, end + 1))
    }

    /// The lines of the same document above that hold more than a comment, the nearest first.
    pub(super) fn above(self) -> impl Iterator<Item = Self> {
        let before = |line: &Self| (line.start > 0).then(|| Self::at(line.whole, line.start - 1));
        // The first line of a text with a byte order mark begins behind it.
        let before = move |line: &Self| before(line).filter(|other| other.start < line.start);
        std::iter::successors(before(&self), before)
            .take_while(|line| !line.text.starts_with("---"))
            .filter(|line| !line.content().is_empty() && !line.content().starts_with('#'))
    }

    /// How many spaces it begins with.
    pub(super) fn indentation(self) -> usize {
        self.text.len() - self.text.trim_start_matches(' ').len()
    }

    /// The text between its indentation and the white space at its end.
    pub(super) fn content(self) -> &'t str {
        self.text.trim()
    }

    /// Where the first tab of its indentation stands in the text.
    pub(super) fn tab(self) -> Option<usize> {
        let blank = self.text.len() - self.text.trim_start_matches([' ', '\t']).len();
        let tab = self.text[..blank].find('\t')?;
        // A line of nothing but white space may hold tabs.
        (blank < self.text.len()).then_some(self.start + tab)
    }

    /// Whether it begins an item of a list.
    pub(super) fn is_item(self) -> bool {
        self.content() == "-" || self.content().starts_with("- ")
    }

    /// Where in the line stands what is not indentation, nor the dash of an item.
    pub(super) fn node(self) -> usize {
        let mut at = self.indentation();
        while let Some(rest) = self.text.get(at..).and_then(|t| t.strip_prefix("- ")) {
            at += 2 + rest.len() - rest.trim_start_matches(' ').len();
        }
        at
    }

    /// Its first key, if it has one.
    pub(super) fn pair(self) -> Option<Pair<'t>> {
        let at = self.node();
        let text = self.text.get(at..)?;
        let colon = match quoted(text) {
            Some(end) => text[end..].starts_with(':').then_some(end)?,
            None if text.starts_with(['"', '\'', '#', '[', '{']) => return None,
            None => text
                .find(": ")
                .or_else(|| text.trim_end().strip_suffix(':').map(str::len))?,
        };
        Some(Pair {
            at,
            key: &text[..colon],
            value: uncommented(&text[colon + 1..]),
        })
    }

    /// A key whose colon is not followed by white space: where the colon stands in the line.
    pub(super) fn tight_colon(self) -> Option<usize> {
        let at = self.node();
        let text = self.text.get(at..)?;
        let key = text.find(|c: char| !c.is_ascii_alphanumeric() && !"_-./".contains(c))?;
        let value = text[key..].strip_prefix(':')?;
        let is_key = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        let is_value = !value.starts_with("//") && !value.starts_with(char::is_whitespace);
        (is_key && is_value && !value.is_empty() && self.pair().is_none()).then_some(at + key)
    }

    /// Where in the line a quote opens that does not close there.
    pub(super) fn open_quote(self) -> Option<usize> {
        let mut at = self.indentation();
        let mut begins = true;
        while let Some(c) = self.text[at..].chars().next() {
            if begins && matches!(c, '"' | '\'') {
                match quoted(&self.text[at..]) {
                    Some(length) => at += length,
                    None => return Some(at),
                }
                begins = false;
                continue;
            }
            if c == '#' && self.text[..at].ends_with(' ') {
                return None;
            }
            begins = matches!(c, ' ' | '[' | '{' | ',');
            at += c.len_utf8();
        }
        None
    }

    /// Where in the line a bracket opens that does not close there.
    pub(super) fn open_bracket(self) -> Option<usize> {
        let value = self.pair().map_or(self.node(), |pair| {
            let behind = pair.at + pair.key.len() + 1;
            let rest = &self.text[behind..];
            behind + rest.len() - rest.trim_start().len()
        });
        let text = self.text.get(value..)?;
        if !text.starts_with(['[', '{']) {
            return None;
        }
        let count = |of: [char; 2]| text.matches(of).count();
        (count(['[', '{']) > count([']', '}'])).then_some(value)
    }
}

/// The length of a text in quotes at the start of a line's rest; `None` where none opens, or the
/// one that opens does not close on this line.
fn quoted(text: &str) -> Option<usize> {
    let quote = text.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let mut chars = text.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' if quote == '"' => _ = chars.next(),
            '\'' if quote == '\'' && chars.peek().is_some_and(|(_, next)| *next == '\'') => {
                chars.next();
            }
            c if c == quote => return Some(at + 1),
            _ => {}
        }
    }
    None
}

/// A value without the comment behind it, and without white space around it.
pub(super) fn uncommented(value: &str) -> &str {
    value.find(" #").map_or(value, |at| &value[..at]).trim()
}

/// A text as a scalar in single quotes.
pub(super) fn in_quotes(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// A text as a sentence repeats it.
pub(super) fn shown(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((at, _)) => format!("`{}…`", &text[..at]),
        None => format!("`{text}`"),
    }
}

/// `1 space`, `4 spaces`.
pub(super) fn spaces(number: usize) -> String {
    match number {
        0 => "no spaces".to_owned(),
        1 => "1 space".to_owned(),
        n => format!("{n} spaces"),
    }
}
