//! What a picture of the graph shows: who reads which ConfigMap or Secret. Other members are only
//! counted.

use std::collections::{BTreeMap, BTreeSet};

use super::{Graph, Read, Set, Want, because, qualified};

/// A set as a frame around its nodes.
pub(in crate::cli) struct Frame {
    /// Lines.
    pub(in crate::cli) title: Vec<String>,
    pub(in crate::cli) open: bool,
    pub(in crate::cli) nodes: Vec<Node>,
    pub(in crate::cli) arrows: Vec<Arrow>,
}

/// A box.
pub(in crate::cli) struct Node {
    pub(in crate::cli) id: String,
    /// Lines.
    pub(in crate::cli) label: Vec<String>,
    pub(in crate::cli) shape: Shape,
}

/// What a box stands for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::cli) enum Shape {
    /// A resource that reads.
    Reader,
    /// A ConfigMap or Secret.
    Source,
    /// One that is not in the set.
    Missing,
    /// Members that are not shown.
    Rest,
}

/// From who reads to what is read.
pub(in crate::cli) struct Arrow {
    pub(in crate::cli) from: String,
    pub(in crate::cli) to: String,
    pub(in crate::cli) label: String,
    /// Nothing says for certain that it is meant.
    pub(in crate::cli) dashed: bool,
}

/// A frame for each set.
pub(in crate::cli) fn frames(graph: &Graph) -> Vec<Frame> {
    graph
        .sets
        .iter()
        .enumerate()
        .map(|(number, set)| frame(number, set))
        .collect()
}

fn frame(number: usize, set: &Set) -> Frame {
    let member = |at: usize| format!("s{number}m{at}");
    let generated = |at: usize| format!("s{number}g{at}");
    let mut title = vec![set.name.clone(), because(set.evidence).to_owned()];
    title.extend(set.holes.iter().map(|hole| format!("open: {hole}")));
    let mut frame = Frame {
        title,
        open: !set.holes.is_empty(),
        nodes: Vec::new(),
        arrows: Vec::new(),
    };
    let readers: BTreeSet<usize> = set.reads.iter().map(|r| r.from).collect();
    let read: BTreeSet<usize> = set
        .reads
        .iter()
        .flat_map(|r| r.to.iter().copied())
        .collect();
    let mut rest = 0;
    for (at, part) in set.members.iter().enumerate() {
        let source = part.object.api_version == "v1"
            && matches!(part.object.kind.as_str(), "ConfigMap" | "Secret");
        if !source && !readers.contains(&at) && !read.contains(&at) {
            rest += 1;
            continue;
        }
        let what = format!(
            "{} {}",
            part.object.kind,
            qualified(part.namespace.as_deref(), &part.name)
        );
        let place = format!("{}:{}", part.object.at.path, part.object.at.line);
        let shape = if source { Shape::Source } else { Shape::Reader };
        frame.nodes.push(Node {
            id: member(at),
            label: vec![what, place],
            shape,
        });
    }
    for (at, made) in set.generated.iter().enumerate() {
        let what = format!(
            "{} {}",
            made.kind,
            qualified(made.namespace.as_deref(), &made.name)
        );
        let place = format!("{}:{} ({})", made.at.path, made.at.line, made.behavior);
        frame.nodes.push(Node {
            id: generated(at),
            label: vec![what, place],
            shape: Shape::Source,
        });
    }
    let mut missing: BTreeMap<(&str, &str), String> = BTreeMap::new();
    for read in &set.reads {
        let mut targets: Vec<String> = read
            .to
            .iter()
            .map(|at| member(*at))
            .chain(read.made.iter().map(|at| generated(*at)))
            .collect();
        if targets.is_empty() {
            let next = format!("s{number}x{}", missing.len());
            let id = missing
                .entry((read.kind, &read.name))
                .or_insert_with(|| next.clone());
            if *id == next {
                let label = vec![
                    format!("{} {}", read.kind, read.name),
                    "not in the set".to_owned(),
                ];
                frame.nodes.push(Node {
                    id: next,
                    label,
                    shape: Shape::Missing,
                });
            }
            targets.push(id.clone());
        }
        let dashed = read.probable || read.optional || read.state == "uncertain";
        for to in targets {
            frame.arrows.push(Arrow {
                from: member(read.from),
                to,
                label: label(read),
                dashed,
            });
        }
    }
    if rest > 0 {
        let what = format!("{rest} more, which read nothing");
        frame.nodes.push(Node {
            id: format!("s{number}rest"),
            label: vec![what],
            shape: Shape::Rest,
        });
    }
    frame
}

fn label(read: &Read) -> String {
    let keys = match &read.keys {
        Want::None => "names".to_owned(),
        Want::These(keys) => keys.iter().cloned().collect::<Vec<_>>().join(", "),
        Want::AllData => "all of data".to_owned(),
        Want::All => "all".to_owned(),
    };
    if read.optional {
        format!("{keys} (optional)")
    } else {
        keys
    }
}
