//! Values, keys and items in block context for the scanner.

use memchr::memchr;

use super::scan::{Anchor, MAX_DEPTH, MAX_KEY, Open, Pending, Scanner};
use super::scan_bytes::begins_plain;
use super::scan_flow::Flow;
use super::scan_scalar::{Plain, Token};
use crate::yaml::document::tree::{Collection, Kind, NO_MARK, NodeId, ScalarStyle, u32_of};

impl Scanner<'_> {
    /// A value at `at` in column `column`: `fresh` when it is the first token of its line or
    /// follows a dash, so that a block collection may begin.
    pub(in crate::yaml) fn value(
        &mut self,
        at: usize,
        column: usize,
        mark: u32,
        anchor: Option<Anchor>,
        fresh: bool,
    ) -> Option<usize> {
        if begins_plain(self.bytes, at) {
            let Plain { end, key } = self.plain(at)?;
            if key {
                self.mapping(at, end, column, mark, anchor, fresh)?;
                return self.plain_pair(at, end);
            }
            return self.plain_value(at, end, mark, anchor);
        }
        if self.is_dash(at) {
            if !fresh {
                return None;
            }
            self.open(Kind::Sequence(Collection::Block), at, column, mark, anchor)?;
            return self.item(at, column);
        }
        self.indicated(at, column, mark, anchor, fresh)
    }

    /// Opens the block mapping whose first key stands at `at`.
    #[inline]
    fn mapping(
        &mut self,
        at: usize,
        end: usize,
        column: usize,
        mark: u32,
        anchor: Option<Anchor>,
        fresh: bool,
    ) -> Option<()> {
        // An anchor on the line of a key would be the key's.
        if !fresh
            || end - at > MAX_KEY
            || anchor.is_some_and(|a| !self.text[a.get() as usize..at].contains('\n'))
        {
            return None;
        }
        self.open(Kind::Mapping(Collection::Block), at, column, mark, anchor)
    }

    /// A plain value whose first line is given.
    #[expect(
        clippy::inline_always,
        reason = "saves 4 % of all instructions: two of three values come here"
    )]
    #[inline(always)]
    fn plain_value(
        &mut self,
        at: usize,
        end: usize,
        mark: u32,
        anchor: Option<Anchor>,
    ) -> Option<usize> {
        // A scalar document: the complete planner decides.
        let around = self.around()?;
        let next = if self.bytes.get(end) == Some(&b'\n') {
            Some(end + 1)
        } else {
            self.next_line_of(end)
        };
        if let Some(next) = next
            && self.goes_on(next, around)?
        {
            let token = self.folded(at..end, around)?;
            return self.scalar(token, mark, anchor);
        }
        let id = self.push(Kind::Scalar(ScalarStyle::Plain), at, end, mark);
        self.name(id, anchor);
        self.grow(u32_of(end));
        next.or_else(|| self.rest(end))
    }

    fn scalar(&mut self, token: Token, mark: u32, anchor: Option<Anchor>) -> Option<usize> {
        let end = token.range.end;
        let id = self.push(Kind::Scalar(token.style), token.range.start, end, mark);
        if let Some(text) = token.decoded {
            self.decoded.push((NodeId(id), text));
        }
        self.name(id, anchor);
        self.grow(u32_of(end));
        self.rest(end)
    }

    /// A value that begins with an indicator.
    fn indicated(
        &mut self,
        at: usize,
        column: usize,
        mark: u32,
        anchor: Option<Anchor>,
        fresh: bool,
    ) -> Option<usize> {
        match self.bytes[at] {
            b'&' => {
                if anchor.is_some() || self.stack.is_empty() {
                    return None;
                }
                let end = self.word(at)?;
                self.behind(end, mark, Anchor::new(u32_of(at)))
            }
            b'*' => {
                if anchor.is_some() || self.stack.is_empty() {
                    return None;
                }
                let end = self.word(at)?;
                if self.is_colon(end) {
                    return None;
                }
                let id = self.push(Kind::Alias, at, end, mark);
                self.alias(id, at, end)?;
                self.grow(u32_of(end));
                self.rest(end)
            }
            b'|' | b'>' => {
                if self.stack.is_empty() {
                    return None;
                }
                self.block_scalar(at, mark, anchor)
            }
            b'[' | b'{' => {
                let parent = self.stack.last().map_or(NO_MARK, |o| o.id);
                let indent = self.stack.last().map(|o| o.indent);
                let id = u32_of(self.nodes.len());
                if parent == NO_MARK {
                    self.root(id);
                }
                // Inside, the name is the collection's own, which an alias must not stand in.
                if let Some(name) = anchor.and_then(|a| self.anchor_name(a)) {
                    self.named.remove(name);
                }
                let end = Flow::new(self, indent).collection(at, parent, mark)?;
                self.name(id, anchor);
                self.grow(u32_of(end));
                self.rest(end)
            }
            _ => {
                let token = self.quoted(at)?;
                let end = token.range.end;
                if self.is_colon(end) {
                    self.mapping(at, end, column, mark, anchor, fresh)?;
                    return self.pair(token);
                }
                self.scalar(token, mark, anchor)
            }
        }
    }

    /// End of an anchor or alias at `at`.
    pub(in crate::yaml) fn word(&self, at: usize) -> Option<usize> {
        let mut end = at + 1;
        while self
            .bytes
            .get(end)
            .is_some_and(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
        {
            end += 1;
        }
        (end > at + 1
            && matches!(
                self.bytes.get(end),
                None | Some(b' ' | b'\n' | b'\r' | b',' | b']' | b'}')
            ))
        .then_some(end)
    }

    pub(in crate::yaml) fn alias(&mut self, id: u32, at: usize, end: usize) -> Option<()> {
        let name = &self.text[at + 1..end];
        let target = *self.named.get(name)?;
        if self.stack.iter().any(|o| o.id == target.0) {
            return None;
        }
        self.aliases.push((NodeId(id), target));
        Some(())
    }

    /// What stands behind an indicator, or behind the anchor that follows it, on the same line.
    fn behind(&mut self, after: usize, mark: u32, anchor: Option<Anchor>) -> Option<usize> {
        let mut next = after;
        while self.bytes.get(next) == Some(&b' ') {
            next += 1;
        }
        if begins_plain(self.bytes, next) {
            let Plain { end, key } = self.plain(next)?;
            // No mapping begins on the line of a key.
            return if key {
                None
            } else {
                self.plain_value(next, end, mark, anchor)
            };
        }
        match self.bytes.get(next) {
            None | Some(b'\n' | b'\r' | b'#') => {
                self.stack.last_mut()?.pending = Some(Pending {
                    mark,
                    missing: u32_of(after),
                    anchor,
                });
                self.rest(after)
            }
            Some(b'\t') => None,
            Some(_) => self.value(next, 0, mark, anchor, false),
        }
    }

    #[inline]
    fn open(
        &mut self,
        kind: Kind,
        at: usize,
        indent: usize,
        mark: u32,
        anchor: Option<Anchor>,
    ) -> Option<()> {
        if self.stack.len() >= MAX_DEPTH {
            return None;
        }
        let id = self.push(kind, at, at, mark);
        self.name(id, anchor);
        self.stack.push(Open {
            id,
            sequence: matches!(kind, Kind::Sequence(_)),
            indent,
            pending: None,
            end: u32_of(at),
        });
        Some(())
    }

    /// A sequence item whose dash stands at `at`.
    pub(in crate::yaml) fn item(&mut self, at: usize, indent: usize) -> Option<usize> {
        let mut next = at + 1;
        while self.bytes.get(next) == Some(&b' ') {
            next += 1;
        }
        match self.bytes.get(next) {
            None | Some(b'\n' | b'\r' | b'#') => {
                self.stack.last_mut()?.pending = Some(Pending {
                    mark: u32_of(at),
                    missing: u32_of(at + 1),
                    anchor: None,
                });
                self.rest(at + 1)
            }
            Some(b'\t') => None,
            Some(_) => self.value(next, indent + (next - at), u32_of(at), None, true),
        }
    }

    /// A mapping entry whose key stands at `at`.
    pub(in crate::yaml) fn entry(&mut self, at: usize) -> Option<usize> {
        if begins_plain(self.bytes, at) {
            let Plain { end, key } = self.plain(at)?;
            if !key || end - at > MAX_KEY {
                return None;
            }
            return self.plain_pair(at, end);
        }
        let token = self.quoted(at)?;
        if !self.is_colon(token.range.end) || token.range.len() > MAX_KEY {
            return None;
        }
        self.pair(token)
    }

    /// Whether the token that ends at `at` is a key.
    pub(in crate::yaml) fn is_colon(&self, mut at: usize) -> bool {
        while self.bytes.get(at) == Some(&b' ') {
            at += 1;
        }
        self.bytes.get(at) == Some(&b':')
            && matches!(self.bytes.get(at + 1), None | Some(b' ' | b'\n' | b'\r'))
    }

    /// A key and what follows it on its line.
    fn pair(&mut self, key: Token) -> Option<usize> {
        if memchr(b'\n', &self.bytes[key.range.clone()]).is_some() {
            return None;
        }
        let id = self.push(
            Kind::Scalar(key.style),
            key.range.start,
            key.range.end,
            NO_MARK,
        );
        if let Some(text) = key.decoded {
            self.decoded.push((NodeId(id), text));
        }
        self.behind_key(key.range.end)
    }

    fn plain_pair(&mut self, at: usize, end: usize) -> Option<usize> {
        self.push(Kind::Scalar(ScalarStyle::Plain), at, end, NO_MARK);
        self.behind_key(end)
    }

    fn behind_key(&mut self, mut colon: usize) -> Option<usize> {
        while self.bytes[colon] == b' ' {
            colon += 1;
        }
        self.behind(colon + 1, u32_of(colon), None)
    }
}
