//! A Graphviz graph: every text is a quoted string, in which quotes and backslashes are escaped.

use std::fmt::Write as _;

use super::Graph;
use super::drawing::{Shape, frames};
use crate::cli::print::steers;

pub(in crate::cli) fn render(graph: &Graph) -> String {
    let mut out = String::from(
        "digraph kubewright {\n  rankdir=LR;\n  node [fontname=\"sans-serif\"];\n  edge \
         [fontname=\"sans-serif\"];\n",
    );
    for (number, frame) in frames(graph).iter().enumerate() {
        let style = if frame.open { "dashed" } else { "solid" };
        let _ = writeln!(
            out,
            "  subgraph cluster_{number} {{\n    label={};\n    style={style};",
            quoted(&frame.title)
        );
        if frame.nodes.is_empty() {
            // A frame around nothing is not drawn.
            let _ = writeln!(out, "    empty{number} [shape=point, style=invis];");
        }
        for node in &frame.nodes {
            let look = match node.shape {
                Shape::Reader => "shape=box",
                Shape::Source => "shape=cylinder",
                Shape::Missing => "shape=cylinder, style=dashed, color=red",
                Shape::Rest => "shape=plaintext",
            };
            let _ = writeln!(
                out,
                "    {} [label={}, {look}];",
                node.id,
                quoted(&node.label)
            );
        }
        for arrow in &frame.arrows {
            let look = if arrow.dashed { ", style=dashed" } else { "" };
            let _ = writeln!(
                out,
                "    {} -> {} [label={}{look}];",
                arrow.from,
                arrow.to,
                quoted(std::slice::from_ref(&arrow.label))
            );
        }
        out.push_str("  }\n");
    }
    out.push_str("}\n");
    out
}

/// Lines as one string.
fn quoted(lines: &[String]) -> String {
    let escaped = |line: &String| {
        let mut out = String::new();
        for c in line.chars() {
            match c {
                '"' | '\\' => out.extend(['\\', c]),
                // Entities are read in labels.
                '&' => out.push_str("&amp;"),
                c if steers(c) => out.push('\u{fffd}'),
                c => out.push(c),
            }
        }
        out
    };
    format!(
        "\"{}\"",
        lines.iter().map(escaped).collect::<Vec<_>>().join("\\n")
    )
}

#[cfg(test)]
mod tests {
    #[test]
    fn no_name_ends_a_string() {
        assert_eq!(
            super::quoted(&["a\"b\\".into(), "c\n".into()]),
            "\"a\\\"b\\\\\\nc\u{fffd}\""
        );
    }
}
