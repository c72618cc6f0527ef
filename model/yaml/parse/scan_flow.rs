//! Flow collections for the scanner: JSON, and the short lists and mappings of manifests.

use super::scan::{MAX_KEY, Scanner};
use super::scan_scalar::Token;
use crate::yaml::document::tree::{Collection, Kind, NO_MARK, NodeId, ScalarStyle, u32_of};

/// Nesting beyond which the complete planner decides.
const MAX_DEPTH: usize = 100;

/// A flow collection being scanned.
pub(in crate::yaml) struct Flow<'s, 't> {
    scanner: &'s mut Scanner<'t>,
    /// Indentation of the block collection around it: lines must stand deeper.
    around: Option<usize>,
    depth: usize,
}

impl<'s, 't> Flow<'s, 't> {
    /// A flow collection inside a block collection of that indentation; `None` for the root of a
    /// document.
    pub(in crate::yaml) fn new(scanner: &'s mut Scanner<'t>, around: Option<usize>) -> Self {
        Self {
            scanner,
            around,
            depth: 0,
        }
    }

    /// The collection whose bracket stands at `at`; returns one past its closing bracket.
    pub(in crate::yaml) fn collection(
        &mut self,
        at: usize,
        parent: u32,
        mark: u32,
    ) -> Option<usize> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return None;
        }
        let mapping = self.scanner.bytes[at] == b'{';
        let kind = if mapping {
            Kind::Mapping(Collection::Flow)
        } else {
            Kind::Sequence(Collection::Flow)
        };
        let id = self.scanner.node(kind, at..at + 1, mark, parent);
        let close = if mapping { b'}' } else { b']' };
        let mut at = self.skip(at + 1)?;
        loop {
            if self.scanner.bytes.get(at) == Some(&close) {
                break;
            }
            at = if mapping {
                self.entry(at, id)?
            } else {
                self.item(at, id)?
            };
            at = self.skip(at)?;
            match self.scanner.bytes.get(at) {
                Some(b',') => at = self.skip(at + 1)?,
                Some(b) if *b == close => break,
                _ => return None,
            }
        }
        let count = u32_of(self.scanner.nodes.len());
        let node = &mut self.scanner.nodes[id as usize];
        node.subtree = count;
        node.end = u32_of(at + 1);
        self.depth -= 1;
        Some(at + 1)
    }

    fn item(&mut self, at: usize, parent: u32) -> Option<usize> {
        if matches!(self.scanner.bytes.get(at), Some(b'[' | b'{')) {
            let end = self.collection(at, parent, NO_MARK)?;
            return (self.scanner.bytes.get(self.spaces(end)) != Some(&b':')).then_some(end);
        }
        if self.scanner.bytes.get(at) == Some(&b'*') {
            return self.alias(at, parent, NO_MARK);
        }
        let token = self.token(at)?;
        if self.scanner.bytes.get(self.spaces(token.range.end)) == Some(&b':') {
            // A single pair without braces.
            return None;
        }
        Some(self.scalar(token, parent, NO_MARK))
    }

    fn entry(&mut self, at: usize, parent: u32) -> Option<usize> {
        let (end, plain) = if matches!(self.scanner.bytes.get(at), Some(b'[' | b'{')) {
            (self.collection(at, parent, NO_MARK)?, false)
        } else {
            let key = self.token(at)?;
            let plain = key.style == ScalarStyle::Plain;
            (self.scalar(key, parent, NO_MARK), plain)
        };
        if end - at > MAX_KEY || self.scanner.text[at..end].contains('\n') {
            return None;
        }
        let colon = self.spaces(end);
        match self.scanner.bytes.get(colon)? {
            b':' => {}
            b',' | b'}' => return Some(self.missing(end, parent, NO_MARK)),
            _ => return None,
        }
        if plain
            && !matches!(
                self.scanner.bytes.get(colon + 1),
                Some(b' ' | b'\n' | b'\r')
            )
        {
            return None;
        }
        let at = self.skip_colon(colon + 1)?;
        match self.scanner.bytes.get(at)? {
            b'[' | b'{' => self.collection(at, parent, u32_of(colon)),
            b'*' => self.alias(at, parent, u32_of(colon)),
            b',' | b'}' => Some(self.missing(colon + 1, parent, u32_of(colon))),
            _ => {
                let token = self.token(at)?;
                if self.scanner.bytes.get(self.spaces(token.range.end)) == Some(&b':') {
                    return None;
                }
                Some(self.scalar(token, parent, u32_of(colon)))
            }
        }
    }

    /// A value that is not written.
    fn missing(&mut self, at: usize, parent: u32, mark: u32) -> usize {
        self.scanner
            .node(Kind::Scalar(ScalarStyle::Plain), at..at, mark, parent);
        at
    }

    /// White space behind a colon: the value stands on the same line.
    fn skip_colon(&self, at: usize) -> Option<usize> {
        let at = self.spaces(at);
        (!matches!(
            self.scanner.bytes.get(at),
            None | Some(b'\n' | b'\r' | b'\t' | b'#')
        ))
        .then_some(at)
    }

    fn alias(&mut self, at: usize, parent: u32, mark: u32) -> Option<usize> {
        let end = self.scanner.word(at)?;
        if self.scanner.bytes.get(self.spaces(end)) == Some(&b':') {
            return None;
        }
        let id = self.scanner.node(Kind::Alias, at..end, mark, parent);
        self.scanner.alias(id, at, end)?;
        Some(end)
    }

    fn scalar(&mut self, token: Token, parent: u32, mark: u32) -> usize {
        let end = token.range.end;
        let id = self
            .scanner
            .node(Kind::Scalar(token.style), token.range, mark, parent);
        if let Some(text) = token.decoded {
            self.scanner.decoded.push((NodeId(id), text));
        }
        end
    }

    fn spaces(&self, mut at: usize) -> usize {
        while self.scanner.bytes.get(at) == Some(&b' ') {
            at += 1;
        }
        at
    }

    /// White space, line breaks and comments between tokens.
    fn skip(&mut self, mut at: usize) -> Option<usize> {
        loop {
            match self.scanner.bytes.get(at)? {
                b' ' | b'\r' => at += 1,
                b'\n' => {
                    let line = at + 1;
                    at = self.spaces(line);
                    let next = *self.scanner.bytes.get(at)?;
                    if at == line
                        && (next == b'-' || next == b'.')
                        && self
                            .around
                            .is_none_or(|n| self.scanner.too_shallow(line, at, n))
                    {
                        return None;
                    }
                    // A bracket may close in the column of the collection around.
                    if let Some(around) = self.around
                        && at - line <= around
                        && !matches!(next, b'\n' | b'\r' | b'#')
                        && !(at - line == around && matches!(next, b']' | b'}'))
                        && self.scanner.too_shallow(line, at, around)
                    {
                        return None;
                    }
                }
                b'#' if matches!(self.scanner.bytes[at - 1], b' ' | b'\n') => {
                    let end = self.scanner.line_end(at);
                    self.scanner.comments.push(at..end);
                    at = end;
                }
                // JSON is indented by tabs too.
                b'\t' if self.around.is_none() => at += 1,
                b'\t' => return None,
                _ => return Some(at),
            }
        }
    }

    fn token(&mut self, at: usize) -> Option<Token> {
        let bytes = self.scanner.bytes;
        match *bytes.get(at)? {
            b'"' => self.scanner.double_quoted(at),
            b'\'' => self.scanner.single_quoted(at),
            b',' | b'[' | b']' | b'{' | b'}' | b'#' | b'&' | b'*' | b'!' | b'|' | b'>' | b'%'
            | b'@' | b'`' | b'?' | b':' => None,
            b'-' if !bytes
                .get(at + 1)
                .is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'-' || *b == b'.') =>
            {
                None
            }
            _ => {
                let mut end = at;
                loop {
                    match bytes.get(end)? {
                        b',' | b'[' | b']' | b'{' | b'}' | b'\n' | b'\r' => break,
                        b'\t' => return None,
                        b':' if matches!(
                            bytes.get(end + 1)?,
                            b' ' | b'\n' | b'\r' | b',' | b'[' | b']' | b'{' | b'}' | b'\t'
                        ) =>
                        {
                            break;
                        }
                        b'#' if bytes[end - 1] == b' ' => break,
                        _ => end += 1,
                    }
                }
                let stop = end;
                while bytes[end - 1] == b' ' {
                    end -= 1;
                }
                // A plain scalar may go on in the next line unless an indicator follows.
                if matches!(bytes[stop], b'\n' | b'\r' | b'#') {
                    let mut next = stop;
                    while matches!(bytes.get(next), Some(b' ' | b'\n' | b'\r'))
                        || (bytes.get(next) == Some(&b'\t') && self.around.is_none())
                    {
                        next += 1;
                    }
                    if bytes[stop] != b'#'
                        && !matches!(bytes.get(next), Some(b',' | b']' | b'}' | b'#'))
                    {
                        return None;
                    }
                }
                Some(Token {
                    style: ScalarStyle::Plain,
                    range: at..end,
                    decoded: None,
                })
            }
        }
    }
}
