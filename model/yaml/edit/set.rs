//! Giving a node another value in the same place.

use std::ops::Range;

use super::emit::{self, Slot, Style, Written};
use super::layout::Layout;
use super::{Plan, Refusal, Splice, flow, guard};
use crate::yaml::document::node::Node;
use crate::yaml::document::tree::{Kind, ScalarStyle};
use crate::yaml::document::value::Value;

/// Plans `value` in the place of `node`.
pub(super) fn plan(node: Node<'_>, value: &Value) -> Result<Plan, Refusal> {
    let layout = Layout::new(node.file());
    if node.parent().is_some_and(Node::in_flow) {
        return flow::set(layout, node, value);
    }
    let style = layout.style(node);
    let plan = match node.kind() {
        Kind::Scalar(old) if old.is_block() => Block {
            layout,
            node,
            style,
        }
        .over_block_scalar(value),
        _ if node.is_block() => Block {
            layout,
            node,
            style,
        }
        .over_collection(value),
        _ => Block {
            layout,
            node,
            style,
        }
        .over_inline(value),
    }?;
    Ok(plan)
}

/// A scalar on one line in the style of the scalar `old`, where it can be written so.
pub(super) fn scalar(old: Node<'_>, value: &Value, style: &Style) -> String {
    let in_flow = old.in_flow();
    if let (Value::Str(text), Kind::Scalar(kind)) = (value, old.kind())
        && !style.json
    {
        match kind {
            ScalarStyle::SingleQuoted => {
                if let Some(quoted) = emit::single_quoted(text) {
                    return quoted;
                }
            }
            ScalarStyle::DoubleQuoted => return emit::double_quoted(text),
            ScalarStyle::Plain
                if emit::is_plain_with_spaces(text, in_flow) && !old.is_missing() =>
            {
                return text.clone();
            }
            _ => {}
        }
    }
    style.flow(value, in_flow)
}

struct Block<'a> {
    layout: Layout<'a>,
    node: Node<'a>,
    style: Style,
}

impl Block<'_> {
    /// Column of the key of a mapping value; `None` for items and roots.
    fn key_column(&self) -> Result<Option<usize>, Refusal> {
        match (self.node.key(), self.node.parent()) {
            (Some(_), Some(mapping)) => self.layout.column(mapping.span().start).map(Some),
            _ => Ok(None),
        }
    }

    /// Column of the indicator that an item, or a value on a line of its own, is written behind.
    fn item_slot(&self) -> Result<Slot, Refusal> {
        let start = self.node.span().start;
        match (self.node.parent(), self.node.mark()) {
            (Some(_), Some(mark)) => {
                let parent = if self.node.key().is_some() {
                    self.key_column()?.unwrap_or(0)
                } else {
                    self.layout.column(mark)?
                };
                let column = if self.node.is_missing() {
                    parent + 2
                } else {
                    self.layout.column(start)?
                };
                Ok(Slot::Item { parent, column })
            }
            _ if self.layout.prefix(start).is_empty() => Ok(Slot::Item {
                parent: 0,
                column: 0,
            }),
            _ => Err(guard::LAYOUT),
        }
    }

    fn written(&mut self, value: &Value, slot: Slot, tail: usize) -> Written {
        self.style.below = self.layout.below(tail);
        match value {
            Value::Str(text) if !text.contains('\n') => Written {
                head: scalar(self.node, value, &self.style),
                tail: String::new(),
            },
            _ => self.style.write(value, slot, true),
        }
    }

    /// Over a flow collection, a scalar that is no block scalar, or a missing value.
    fn over_inline(mut self, value: &Value) -> Result<Plan, Refusal> {
        let (layout, node) = (self.layout, self.node);
        let span = node.span();
        let line_break = layout.trailing(span.end)?;
        let mut plan = Plan {
            lost: layout.comments(&span),
            ..Plan::default()
        };
        let key = self.key_column()?;
        let indicator = node.mark().map_or(span.start, |m| m + 1);
        let below_key = key.is_some() && layout.has_break(indicator..span.start);
        let slot = match key {
            Some(column) if !below_key => Slot::Key(column),
            _ if node.parent().is_none() && !Style::is_block_collection(value) => Slot::Item {
                parent: 0,
                column: 0,
            },
            _ => self.item_slot()?,
        };
        let text = if node.parent().is_none() && !Style::is_block_collection(value) {
            Written {
                head: scalar(node, value, &self.style),
                tail: String::new(),
            }
        } else {
            self.written(value, slot, line_break)
        };
        let space = node.is_missing() && !layout.text[..span.start].ends_with([' ', '\n']);
        let span = layout.over_blanks(node);
        if text.head.is_empty() {
            plan.splices.push(Splice::delete(indicator..span.end));
        } else {
            plan.splices.push(Splice::replace(
                span,
                format!("{}{}", if space { " " } else { "" }, text.head),
            ));
        }
        plan.splices.push(Splice::insert(line_break, text.tail));
        Ok(plan)
    }

    fn over_block_scalar(mut self, value: &Value) -> Result<Plan, Refusal> {
        let (layout, node) = (self.layout, self.node);
        let span = node.span();
        let header_break = layout.line_break(span.start).min(span.end);
        let header = &layout.text[span.start..header_break];
        let token = span.start..span.start + header.find([' ', '\t']).unwrap_or(header.len());
        let indicator = node.mark().map_or(span.start, |m| m + 1);
        let slot = match self.key_column()? {
            Some(column) if !layout.has_break(indicator..span.start) => Slot::Key(column),
            Some(_) => self.item_slot()?,
            None => match self.item_slot() {
                Ok(slot) => slot,
                Err(_) if !Style::is_block_collection(value) => Slot::Item {
                    parent: 0,
                    column: 0,
                },
                Err(refusal) => return Err(refusal),
            },
        };
        self.style.below = layout.below(span.end);
        let (parent, column) = match slot {
            Slot::Key(column) => (column, column + self.style.step),
            Slot::Item { parent, column } => (parent, column),
        };
        let text = match value {
            Value::Str(text) => {
                let content = layout.text[header_break..span.end]
                    .lines()
                    .skip(1)
                    .find(|l| !l.trim().is_empty());
                let old = content.map(|l| l.len() - l.trim_start_matches(' ').len());
                let explicit = token.len() > 1 && header.bytes().any(|b| b.is_ascii_digit());
                let column = old.filter(|c| *c > parent && !explicit).unwrap_or(column);
                self.style
                    .literal(text, parent, column, true)
                    .filter(|_| node.parent().is_some())
                    .unwrap_or_else(|| Written {
                        head: self.style.string(text, false),
                        tail: String::new(),
                    })
            }
            _ => self.style.write(value, slot, true),
        };
        let mut plan = Plan::default();
        let head = if text.head.is_empty() {
            indicator..token.end
        } else {
            token
        };
        plan.splices.push(Splice::replace(head, text.head));
        plan.splices
            .push(Splice::replace(header_break..span.end, text.tail));
        Ok(plan)
    }

    fn over_collection(mut self, value: &Value) -> Result<Plan, Refusal> {
        let (layout, node) = (self.layout, self.node);
        let span = node.span();
        let end = layout.trailing(span.end)?;
        if layout.last_leaf(node).is_missing() && layout.text[..span.end].ends_with('\n') {
            // A value that is missing behind a block scalar that is a key: the last line break is
            // within the collection.
            return Err(guard::LAYOUT);
        }
        let mark = node.mark();
        let below_mark = mark.filter(|m| layout.has_break(*m..span.start));
        let Some(mark) = below_mark else {
            let slot = self.item_slot()?;
            let text = self.written(value, slot, end);
            let one_line = !layout.has_break(span.clone()) && text.tail.is_empty();
            let range = span.start..if one_line { span.end } else { end };
            return Ok(replace(
                layout,
                range,
                format!("{}{}", text.head, text.tail),
            ));
        };
        let slot = if let Some(column) = self.key_column()? {
            Slot::Key(column)
        } else {
            let dash = layout.column(mark)?;
            Slot::Item {
                parent: dash,
                column: dash + 2,
            }
        };
        let text = self.written(value, slot, end);
        let first = layout.trailing(mark + 1)?;
        let mut from = first;
        if text.head.is_empty() {
            from = layout.break_before(span.start).ok_or(guard::LAYOUT)?;
        }
        let mut plan = replace(layout, from.max(first)..end, text.tail);
        if !text.head.is_empty() {
            plan.splices
                .insert(0, Splice::insert(mark + 1, format!(" {}", text.head)));
        }
        Ok(plan)
    }
}

fn replace(layout: Layout<'_>, range: Range<usize>, text: String) -> Plan {
    let lost = layout.comments(&range);
    Plan {
        splices: vec![Splice::replace(range, text)],
        lost,
    }
}
