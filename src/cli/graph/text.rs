//! For reading: a paragraph for each set.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};

use super::super::print::relations::{Applier, Graph, Read, Set, Want, because, qualified};
use super::super::print::text::printable;

const BOLD: Style = Style::new().bold();
const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Yellow.on_default();

pub(in crate::cli) fn render(graph: &Graph) -> String {
    let mut out = String::new();
    for set in &graph.sets {
        paragraph(set, &mut out);
        out.push('\n');
    }
    if !graph.unreached.is_empty() {
        let _ = writeln!(
            out,
            "{BOLD}in no set{BOLD:#}: no kustomization that is built by itself leads to it"
        );
        for object in &graph.unreached {
            let name = qualified(object.namespace.as_deref(), &object.name);
            let _ = writeln!(
                out,
                "  {} {}  {}:{}",
                printable(&object.kind),
                printable(&name),
                printable(&object.at.path),
                object.at.line
            );
        }
        out.push('\n');
    }
    for path in &graph.broken {
        let _ = writeln!(out, "{BAD}not YAML{BAD:#}: {}", printable(path));
    }
    let closed = graph.sets.iter().filter(|s| s.holes.is_empty()).count();
    let sets = graph.sets.len();
    let _ = writeln!(
        out,
        "{sets} {}, {closed} closed",
        if sets == 1 { "apply set" } else { "apply sets" }
    );
    out
}

fn paragraph(set: &Set, out: &mut String) {
    let _ = writeln!(
        out,
        "{BOLD}{}{BOLD:#}: {}",
        printable(&set.name),
        because(set.evidence)
    );
    for applier in &set.appliers {
        let _ = writeln!(out, "  applied by {}", applied_by(applier));
    }
    if let Some(cluster) = &set.cluster {
        let _ = writeln!(out, "  cluster {}", printable(cluster));
    }
    if set.holes.is_empty() {
        let _ = writeln!(
            out,
            "  {GOOD}closed{GOOD:#}: nothing else is applied with it"
        );
    }
    for hole in &set.holes {
        let _ = writeln!(out, "  {BAD}open{BAD:#}: {}", printable(hole));
    }
    for (at, member) in set.members.iter().enumerate() {
        let object = &member.object;
        let name = qualified(member.namespace.as_deref(), &member.name);
        let _ = write!(
            out,
            "  {} {}  {}:{}",
            printable(&object.kind),
            printable(&name),
            printable(&object.at.path),
            object.at.line
        );
        if member.through.len() > 1 {
            let _ = write!(
                out,
                " through {}",
                member
                    .through
                    .iter()
                    .map(|p| printable(p))
                    .collect::<Vec<_>>()
                    .join(", ")
            );
        }
        out.push('\n');
        for read in set.reads.iter().filter(|r| r.from == at) {
            let _ = writeln!(out, "    {}", reads(set, read));
        }
    }
    for made in &set.generated {
        let name = qualified(made.namespace.as_deref(), &made.name);
        let hash = if made.hash_suffix {
            ", with a hash behind the name"
        } else {
            ""
        };
        let keys = made
            .keys
            .iter()
            .map(|k| printable(k))
            .chain((!made.keys_complete).then(|| "…".to_owned()))
            .collect::<Vec<_>>()
            .join(", ");
        let _ = writeln!(
            out,
            "  {} {}  {}:{} ({}{hash}: {keys})",
            made.kind,
            printable(&name),
            printable(&made.at.path),
            made.at.line,
            printable(&made.behavior)
        );
    }
}

fn applied_by(applier: &Applier) -> String {
    let object = &applier.object;
    let mut text = format!(
        "{} {}",
        object.kind,
        if applier.name.is_empty() {
            &object.name
        } else {
            &applier.name
        }
    );
    if let Some(namespace) = &applier.namespace {
        let _ = write!(text, " to namespace {namespace}");
    }
    if let Some(cluster) = &applier.cluster {
        let _ = write!(text, " of cluster {cluster}");
    }
    format!(
        "{}  {}:{}",
        printable(&text),
        printable(&object.at.path),
        object.at.line
    )
}

fn reads(set: &Set, read: &Read) -> String {
    let verb = match &read.keys {
        Want::None => "names",
        _ => "reads",
    };
    let what = match &read.keys {
        Want::None => String::new(),
        Want::These(keys) => format!(" ({})", keys.iter().cloned().collect::<Vec<_>>().join(", ")),
        Want::AllData => " (all of data)".to_owned(),
        Want::All => " (all)".to_owned(),
    };
    let flags = [(read.optional, ", optional"), (read.probable, ", perhaps")]
        .iter()
        .filter(|(set, _)| *set)
        .map(|(_, t)| *t)
        .collect::<String>();
    let places = |all: &[usize]| {
        let places = all
            .iter()
            .filter_map(|at| set.members.get(*at))
            .map(|m| format!("{}:{}", m.object.at.path, m.object.at.line));
        places.collect::<Vec<_>>().join(", ")
    };
    let end = match read.state {
        "one" => places(&read.to),
        "several" => format!("{}; the last one is live", places(&read.to)),
        "uncertain" => format!(
            "perhaps {}: only one side states a namespace",
            places(&read.to)
        ),
        "generated" => {
            let made = read
                .made
                .iter()
                .filter_map(|at| set.generated.get(*at))
                .map(|g| format!("{}:{}", g.at.path, g.at.line));
            format!("made by {}", made.collect::<Vec<_>>().join(", "))
        }
        _ => "not in the set".to_owned(),
    };
    printable(&format!(
        "{verb} {} {}{what}{flags} -> {end}",
        read.kind, read.name
    ))
}
