//! A Mermaid flowchart. In labels everything but plain characters is written as an entity code
//! (`#35;`), so that no name can end one.

use std::fmt::Write as _;

use super::Graph;
use super::drawing::{Shape, frames};
use crate::cli::print::steers;

pub(in crate::cli) fn render(graph: &Graph) -> String {
    let mut out = String::from("flowchart LR\n");
    for (number, frame) in frames(graph).iter().enumerate() {
        let _ = writeln!(out, "  subgraph s{number}[\"{}\"]", lines(&frame.title));
        for node in &frame.nodes {
            let label = lines(&node.label);
            let _ = match node.shape {
                Shape::Reader => writeln!(out, "    {}[\"{label}\"]", node.id),
                Shape::Source => writeln!(out, "    {}[(\"{label}\")]", node.id),
                Shape::Missing => writeln!(out, "    {}[(\"{label}\")]:::missing", node.id),
                Shape::Rest => writeln!(out, "    {}([\"{label}\"])", node.id),
            };
        }
        for arrow in &frame.arrows {
            let line = if arrow.dashed { "-.->" } else { "-->" };
            let _ = writeln!(
                out,
                "    {} {line}|\"{}\"| {}",
                arrow.from,
                escaped(&arrow.label),
                arrow.to
            );
        }
        out.push_str("  end\n");
        if frame.open {
            let _ = writeln!(out, "  style s{number} stroke-dasharray: 5 5");
        }
    }
    out.push_str("  classDef missing stroke:#c00,stroke-dasharray: 3 3\n");
    out
}

fn lines(lines: &[String]) -> String {
    lines
        .iter()
        .map(|l| escaped(l))
        .collect::<Vec<_>>()
        .join("<br/>")
}

fn escaped(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            'A'..='Z' | 'a'..='z' | '0'..='9' | ' ' | '.' | '/' | ':' | ',' | '-' | '_' => {
                out.push(c);
            }
            c if steers(c) => out.push('\u{fffd}'),
            c => _ = write!(out, "#{};", u32::from(c)),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    #[test]
    fn no_name_ends_a_label() {
        assert_eq!(
            super::escaped("a\"]; b-->c <x>\n"),
            "a#34;#93;#59; b--#62;c #60;x#62;\u{fffd}"
        );
    }
}
