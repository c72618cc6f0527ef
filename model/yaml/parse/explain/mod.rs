//! What is wrong with a text that is not YAML, and what to write instead.
//!
//! A parser says where its grammar had no way on. Whoever wrote the text made a mistake on this
//! line or on one above it: the commonest ones are looked for there, and told in their words. Where
//! none is found, the words of the parser stay.

mod indentation;
mod lines;

use granit_parser::ErrorKind;

use lines::{Line, in_quotes, shown, uncommented};

/// What is wrong, where, and what to do.
#[derive(Debug)]
pub(super) struct Explanation {
    /// Byte offset in the text.
    pub(super) offset: usize,
    pub(super) message: String,
    pub(super) help: String,
}

impl Explanation {
    fn new(offset: usize, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self {
            offset,
            message: message.into(),
            help: help.into(),
        }
    }
}

/// What an error of the parser at a byte of a text comes from; `None` where its words must do.
pub(super) fn explain(text: &str, kind: &ErrorKind, offset: usize) -> Option<Explanation> {
    let line = Line::at(text, offset);
    let mut offset = offset.clamp(line.start, line.start + line.text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    conflict(line)
        .or_else(|| tab(line, kind))
        .or_else(|| by_kind(text, line, kind, offset))
}

fn by_kind(text: &str, line: Line<'_>, kind: &ErrorKind, offset: usize) -> Option<Explanation> {
    use ErrorKind as E;
    match kind {
        E::MappingValueNotAllowed => colon(line, offset),
        E::SimpleKeyExpected => no_colon(line, offset),
        E::InvalidQuotedScalarIndent
        | E::UnclosedQuotedScalar
        | E::DocumentIndicatorInQuotedScalar => open_quote(line, offset),
        E::InvalidTrailingSingleQuotedScalar | E::InvalidTrailingDoubleQuotedScalar => {
            Some(behind_quote(line, offset))
        }
        E::UnclosedFlowCollection { open } => Some(open_bracket(*open, offset)),
        E::MismatchedFlowCollectionEnd { open, close } => Some(Explanation::new(
            offset,
            format!("`{open}` is closed by `{close}`"),
            format!("write `{}` where it ends", closing(*open)),
        )),
        E::MisplacedFlowCollectionEnd => Some(Explanation::new(
            offset,
            "this bracket closes none that is open",
            "remove it; if it belongs to a text, put the whole value in quotes",
        )),
        E::ExpectedFlowMappingSeparator
        | E::ExpectedFlowSequenceSeparator
        | E::InvalidColonPlacement
        | E::InvalidFlowScalarIndent => Some(within_brackets(line, kind, offset)),
        E::UnknownAnchor => alias(text, offset),
        E::MissingAnchorOrAliasName => name_missing(line, offset),
        E::UnknownQuotedScalarEscape | E::InvalidQuotedScalarHexEscape => escape(text, offset),
        E::InvalidLowSurrogateHexEscape
        | E::InvalidLowSurrogate
        | E::MissingLowSurrogate
        | E::UnpairedLowSurrogate
        | E::InvalidUnicodeEscape => Some(Explanation::new(
            offset,
            "an escape in this text in double quotes is no character",
            "write the character itself, or `\\U` and the 8 hexadecimal digits of its number",
        )),
        E::UnexpectedCharacter { character } => character_not_allowed(line, *character, offset),
        E::UnexpectedEofBlockMapping
            if text.get(offset..).is_some_and(|rest| rest.starts_with(',')) =>
        {
            character_not_allowed(line, ',', offset)
        }
        E::BlockSequenceEntryNotAllowed => Some(Explanation::new(
            offset,
            "a list cannot begin on the line of its key",
            "begin it on the next line, indented below the key; \
             if it is text, put the value in quotes",
        )),
        E::InvalidBlockScalarHeader | E::ZeroBlockScalarIndent => Some(Explanation::new(
            offset,
            "text follows the `|` or `>` that begins a block of text",
            "begin the text on the next line, indented below the key; \
             if this is the value, put it in quotes",
        )),
        E::ExpectedBlockMappingKey
        | E::ExpectedBlockSequenceEntry
        | E::ExpectedDocumentStart
        | E::InvalidIndentation
        | E::InvalidBlockScalarIndent => {
            behind_bracket(line, offset).or_else(|| indentation::explain(line, offset))
        }
        _ => None,
    }
}

/// The marks that git leaves where it could not merge.
fn conflict(line: Line<'_>) -> Option<Explanation> {
    let is_mark = |line: &Line<'_>| {
        ["<<<<<<< ", ">>>>>>> "]
            .iter()
            .any(|mark| line.text.starts_with(mark))
            || line.text == "======="
    };
    let mark = std::iter::once(line).chain(line.above()).find(is_mark)?;
    Some(Explanation::new(
        mark.start,
        "the mark of a merge conflict",
        "decide between the two sides, and remove the lines `<<<<<<<`, `=======` and `>>>>>>>`",
    ))
}

/// A tab in front of the line where the parser stopped, or of the next one.
fn tab(line: Line<'_>, kind: &ErrorKind) -> Option<Explanation> {
    use ErrorKind as E;
    let near = match kind {
        E::TabNotAllowed
        | E::TabInBlockIndentation
        | E::TabInIndentation
        | E::TabInPlainScalar
        | E::TabAtBlockScalarStart => line.tab().or_else(|| line.below()?.tab()),
        E::ExpectedBlockMappingKey
        | E::ExpectedBlockSequenceEntry
        | E::MappingValueNotAllowed
        | E::SimpleKeyExpected
        | E::UnexpectedCharacter { character: '\t' } => line.tab(),
        _ => None,
    };
    Some(Explanation::new(
        near?,
        "a tab in the indentation: YAML is indented by spaces only",
        "write spaces instead, as many as its neighbours have",
    ))
}

/// A colon with white space behind it that makes no key.
fn colon(line: Line<'_>, offset: usize) -> Option<Explanation> {
    if line.text.starts_with("---") {
        return Some(Explanation::new(
            offset,
            "a key on the line of `---`",
            "begin the document on the line below the `---`",
        ));
    }
    let at = offset - line.start;
    match line.pair() {
        Some(pair) if pair.at + pair.key.len() < at => {
            if pair.value.starts_with(['"', '\'']) {
                return Some(behind_quote(line, offset));
            }
            let what = if line.text[at..].trim_end() == ":" {
                "must not end with `:`"
            } else {
                "must not hold `: `"
            };
            Some(Explanation::new(
                offset,
                format!("a value without quotes {what}"),
                put_in_quotes(pair.key, pair.value),
            ))
        }
        _ => indentation::below_a_value(line, offset),
    }
}

/// A line of text where a key must stand.
fn no_colon(line: Line<'_>, offset: usize) -> Option<Explanation> {
    if let Some(found) = tight_colon(line) {
        return Some(found);
    }
    let text = uncommented(line.text.get(line.node()..)?);
    Some(Explanation::new(
        offset,
        format!("a key must stand here, and {} has no `:`", shown(text)),
        "write a key, a colon, a space and the value; text that belongs to the value above \
         is indented deeper than its key",
    ))
}

/// A key whose colon is part of it, for lack of a space.
fn tight_colon(line: Line<'_>) -> Option<Explanation> {
    let colon = line.tight_colon()?;
    let (key, value) = (
        &line.text[line.node()..colon],
        uncommented(&line.text[colon + 1..]),
    );
    Some(Explanation::new(
        line.start + colon,
        format!("no space behind the colon of `{key}`"),
        format!("write {}", shown(&format!("{key}: {value}"))),
    ))
}

/// The quote of a text whose end was not found.
fn open_quote(line: Line<'_>, offset: usize) -> Option<Explanation> {
    let opens = |line: Line<'_>| {
        let at = line.open_quote()?;
        Some((line.start + at, line.text[at..].chars().next()?))
    };
    // The line where the parser stopped may begin another text.
    let before = (line.start + line.indentation() < offset).then_some(line);
    let (at, quote) = before.into_iter().chain(line.above()).find_map(opens)?;
    Some(Explanation::new(
        at,
        "the quote that opens here is not closed",
        format!("write {quote} where the value ends"),
    ))
}

/// Text behind the quote that closes a value.
fn behind_quote(line: Line<'_>, offset: usize) -> Explanation {
    let double = line.text[..(offset - line.start).min(line.text.len())]
        .trim_end_matches(|c| !matches!(c, '"' | '\''))
        .ends_with('"');
    let inside = if double {
        "a quote inside a value in double quotes is written \\\""
    } else {
        "a quote inside a value in single quotes is written twice, as in 'it''s'"
    };
    Explanation {
        offset,
        message: "text follows the quote that closes the value".to_owned(),
        help: format!("put the whole value in quotes; {inside}"),
    }
}

/// Text behind the bracket that closes a value.
fn behind_bracket(line: Line<'_>, offset: usize) -> Option<Explanation> {
    let before = line.text.get(..offset - line.start)?.trim_end();
    if !before.ends_with([']', '}']) {
        return None;
    }
    Some(Explanation::new(
        offset,
        "text follows the bracket that closes the value",
        "remove it; if the brackets belong to a text, put the whole value in quotes",
    ))
}

fn closing(open: char) -> char {
    if open == '[' { ']' } else { '}' }
}

fn open_bracket(open: char, offset: usize) -> Explanation {
    let what = if open == '[' { "list" } else { "mapping" };
    Explanation::new(
        offset,
        format!("the bracket `{open}` that opens here is not closed"),
        format!(
            "write `{}` where the {what} ends; if `{open}` begins a text, put the value in quotes",
            closing(open)
        ),
    )
}

/// What is neither an entry between brackets nor their end.
fn within_brackets(line: Line<'_>, kind: &ErrorKind, offset: usize) -> Explanation {
    let opens = |line: Line<'_>| {
        let at = line.open_bracket()?;
        Some((line.start + at, line.text[at..].chars().next()?))
    };
    if let Some((at, open)) = line.above().find_map(opens) {
        return open_bracket(open, at);
    }
    let close = if *kind == ErrorKind::ExpectedFlowSequenceSeparator {
        ']'
    } else {
        '}'
    };
    Explanation::new(
        offset,
        format!("neither `,` nor `{close}` behind an entry within brackets"),
        "part the entries by `,`; put a value with `: ` or `, ` in quotes",
    )
}

/// The name of an alias or anchor at the start of a text, without its mark.
fn name(text: &str) -> &str {
    let name = text.get(1..).unwrap_or_default();
    let end = name.find(|c: char| c.is_whitespace() || ",[]{}".contains(c));
    &name[..end.unwrap_or(name.len())]
}

fn alias(text: &str, offset: usize) -> Option<Explanation> {
    let name = name(text.get(offset..)?);
    Some(Explanation::new(
        offset,
        format!("`*{name}` is an alias, and no anchor `&{name}` stands above it"),
        format!(
            "write `&{name}` before the value that it stands for; if it is text, put it in \
             quotes: {}",
            in_quotes(&format!("*{name}"))
        ),
    ))
}

fn name_missing(line: Line<'_>, offset: usize) -> Option<Explanation> {
    let value = uncommented(line.text.get(offset - line.start..)?);
    let (mark, what) = match value.chars().next()? {
        '*' => ('*', "an alias"),
        '&' => ('&', "an anchor"),
        _ => return None,
    };
    Some(Explanation::new(
        offset,
        format!("a value that begins with `{mark}` is {what}, and its name is missing"),
        format!("if it is text, put it in quotes: {}", in_quotes(value)),
    ))
}

/// The first escape of a text in double quotes that YAML does not know.
fn escape(text: &str, offset: usize) -> Option<Explanation> {
    let mut chars = text.get(offset..)?.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        if c != '\\' {
            continue;
        }
        let (_, escaped) = chars.next()?;
        let digits = match escaped {
            'x' => 2,
            'u' => 4,
            'U' => 8,
            c if "0abt\tnvfre \"/\\N_LP\r\n".contains(c) => continue,
            _ => 0,
        };
        let behind = text[offset + at..].chars().skip(2).take(digits);
        if digits > 0 && behind.filter(char::is_ascii_hexdigit).count() == digits {
            continue;
        }
        let message = match digits {
            0 => format!("`\\{escaped}` is no escape that double quotes know"),
            n => format!("`\\{escaped}` in double quotes takes {n} hexadecimal digits"),
        };
        return Some(Explanation::new(
            offset + at,
            message,
            format!(
                "write `\\\\{escaped}` for a backslash, or put the value in single quotes, \
                 where a backslash is itself"
            ),
        ));
    }
    None
}

/// A character that may not stand here without quotes, or not at all.
fn character_not_allowed(line: Line<'_>, character: char, offset: usize) -> Option<Explanation> {
    if character.is_control() {
        let code = u32::from(character);
        let escape = if code <= 0xFF {
            format!("\\x{code:02X}")
        } else {
            format!("\\u{code:04X}")
        };
        return Some(Explanation::new(
            offset,
            format!("the control character U+{code:04X}, which YAML does not allow"),
            format!("remove it; if it is meant, write {escape} in double quotes"),
        ));
    }
    if !matches!(character, '@' | '`' | '%' | ',') {
        return None;
    }
    let value = uncommented(line.text.get(offset - line.start..)?);
    let what = if line.start == offset {
        "a line"
    } else {
        "a value without quotes"
    };
    Some(Explanation::new(
        offset,
        format!("{what} must not begin with {character}"),
        format!("put the value in quotes: {}", in_quotes(value)),
    ))
}

/// How to write a value that is text.
fn put_in_quotes(key: &str, value: &str) -> String {
    format!("put the value in quotes: {key}: {}", in_quotes(value))
}
