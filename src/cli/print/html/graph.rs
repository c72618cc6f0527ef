//! Who reads which ConfigMap or Secret, a picture for each apply set: readers on the left, what is
//! read on the right. Each box leads to its row in the list below the picture, which says the same
//! in words, and each row back to its box.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::super::relations::Graph;
use super::super::relations::drawing::{Arrow, Frame, Node, Shape, frames};
use super::super::text::number;
use super::escape::line;

/// Boxes and arrows of one set beyond which the list alone is given: nobody takes in more.
const BOXES: usize = 400;
const ARROWS: usize = 1500;
/// Sets in which something is read that are open when the page is.
const OPEN: usize = 3;
/// Pixels.
const WIDTH: usize = 380;
const HEIGHT: usize = 44;
const STEP: usize = 56;
const GAP: usize = 150;
/// Characters that a box has room for.
const LETTERS: usize = 50;

/// Appends an index of the sets and a picture of each.
pub(super) fn write(out: &mut String, graph: &Graph) {
    let frames = frames(graph);
    if frames.len() > 1 {
        out.push_str("<details class=\"index\"><summary>All apply sets</summary><ul>");
        for (at, frame) in frames.iter().enumerate() {
            let name = frame.title.first().map_or("", String::as_str);
            let _ = write!(
                out,
                "<li><a href=\"#set{at}\">{}</a> <span class=\"dim\">{}</span></li>",
                line(name),
                number(boxes(frame).count(), "box").replace("boxs", "boxes")
            );
        }
        out.push_str("</ul></details>");
    }
    let mut drawn = 0;
    for (at, frame) in frames.iter().enumerate() {
        drawn += usize::from(!frame.arrows.is_empty());
        set(out, at, frame, !frame.arrows.is_empty() && drawn <= OPEN);
    }
    apart(out, "In no apply set", graph);
}

fn apart(out: &mut String, title: &str, graph: &Graph) {
    if !graph.unreached.is_empty() {
        let n = number(graph.unreached.len(), "resource");
        let _ = write!(out, "<details><summary>{title}: {n}</summary><ul>");
        for object in &graph.unreached {
            let what = line(&format!("{} {}", object.kind, object.name));
            let place = line(&format!("{}:{}", object.at.path, object.at.line));
            let _ = write!(out, "<li>{what} <code>{place}</code></li>");
        }
        out.push_str("</ul></details>");
    }
    if !graph.broken.is_empty() {
        let n = number(graph.broken.len(), "file");
        let _ = write!(out, "<details><summary>Not YAML: {n}</summary><ul>");
        for path in &graph.broken {
            let _ = write!(out, "<li><code>{}</code></li>", line(path));
        }
        out.push_str("</ul></details>");
    }
}

fn boxes(frame: &Frame) -> impl Iterator<Item = &Node> {
    frame.nodes.iter().filter(|n| n.shape != Shape::Rest)
}

fn set(out: &mut String, at: usize, frame: &Frame, open: bool) {
    let mut title = frame.title.iter();
    let name = line(title.next().map_or("", String::as_str));
    let open = if open { " open" } else { "" };
    let why: Vec<String> = title.map(|said| line(said)).collect();
    let class = if frame.open {
        " class=\"set holes\""
    } else {
        " class=\"set\""
    };
    let _ = write!(
        out,
        "<details{class} id=\"set{at}\"{open}><summary><h3>{name}</h3> <span \
         class=\"dim\">{}</span></summary>",
        why.join("; ")
    );
    let columns = Columns::of(frame);
    let large = columns.places.len() > BOXES || frame.arrows.len() > ARROWS;
    if frame.arrows.is_empty() {
        out.push_str("<p class=\"dim\">Nothing in it reads a ConfigMap or Secret.</p>");
    } else if large {
        out.push_str("<p class=\"dim\">Too large for a picture; the list says it all.</p>");
    } else {
        picture(out, frame, &columns, &name);
    }
    list(out, frame, !large && !frame.arrows.is_empty());
    for rest in frame.nodes.iter().filter(|n| n.shape == Shape::Rest) {
        let _ = write!(out, "<p class=\"dim\">{}.</p>", line(&rest.label.join(" ")));
    }
    out.push_str("</details>");
}

/// Where boxes stand: those that read on the left, what is read on the right, near its readers.
struct Columns<'a> {
    left: Vec<&'a Node>,
    right: Vec<&'a Node>,
    /// Column and row by id.
    places: BTreeMap<&'a str, (usize, usize)>,
}

impl<'a> Columns<'a> {
    fn of(frame: &'a Frame) -> Self {
        let reads: BTreeSet<&str> = frame.arrows.iter().map(|a| a.from.as_str()).collect();
        let is_left = |node: &&Node| node.shape == Shape::Reader && reads.contains(&*node.id);
        let (left, mut right): (Vec<&Node>, Vec<&Node>) = boxes(frame).partition(is_left);
        let row: BTreeMap<&str, usize> = (left.iter().enumerate())
            .map(|(at, node)| (node.id.as_str(), at))
            .collect();
        let mut readers: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for arrow in &frame.arrows {
            let at = row.get(arrow.from.as_str()).copied().unwrap_or_default();
            readers.entry(&arrow.to).or_default().push(at);
        }
        // Thousandths of the mean row of its readers; what nobody reads comes last.
        right.sort_by_key(|node| {
            readers.get(node.id.as_str()).map_or(usize::MAX, |rows| {
                rows.iter().sum::<usize>() * 1000 / rows.len().max(1)
            })
        });
        let mut places = BTreeMap::new();
        for (column, nodes) in [&left, &right].into_iter().enumerate() {
            let rows = nodes.iter().enumerate();
            places.extend(rows.map(|(row, node)| (node.id.as_str(), (column, row))));
        }
        Self {
            left,
            right,
            places,
        }
    }
}

fn corner(place: (usize, usize)) -> (usize, usize) {
    (1 + place.0 * (WIDTH + GAP), 6 + place.1 * STEP)
}

fn picture(out: &mut String, frame: &Frame, columns: &Columns<'_>, name: &str) {
    let rows = columns.left.len().max(columns.right.len());
    let (width, height) = (2 * WIDTH + GAP + 2, rows * STEP + 4);
    let _ = write!(
        out,
        "<div class=\"picture\"><svg viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
         height=\"{height}\" role=\"group\" aria-label=\"Who reads what in {name}\">"
    );
    for arrow in &frame.arrows {
        curve(out, arrow, columns);
    }
    for node in columns.left.iter().chain(&columns.right) {
        drawn(out, node, columns, frame);
    }
    out.push_str("</svg></div>");
}

fn curve(out: &mut String, arrow: &Arrow, columns: &Columns<'_>) {
    let place = |id: &str| columns.places.get(id).copied();
    let (Some(from), Some(to)) = (place(&arrow.from), place(&arrow.to)) else {
        return;
    };
    let ((x1, y1), (x2, y2)) = (corner(from), corner(to));
    let (y1, y2) = (y1 + HEIGHT / 2, y2 + HEIGHT / 2);
    // What reads another of its own column goes out and back on the right side.
    let (x1, end, bend) = if to.0 > from.0 {
        (x1 + WIDTH, x2, x2 - GAP / 2)
    } else {
        (x1 + WIDTH, x2 + WIDTH, x2 + WIDTH + GAP / 3)
    };
    let dashed = if arrow.dashed { " class=\"maybe\"" } else { "" };
    let _ = write!(
        out,
        "<path{dashed} data-from=\"{}\" data-to=\"{}\" d=\"M{x1} {y1}C{} {y1} {bend} {y2} {end} \
         {y2}\"><title>{}</title></path>",
        arrow.from,
        arrow.to,
        x1 + GAP / 2,
        line(&arrow.label)
    );
}

fn drawn(out: &mut String, node: &Node, columns: &Columns<'_>, frame: &Frame) {
    let Some(place) = columns.places.get(node.id.as_str()) else {
        return;
    };
    let (x, y) = corner(*place);
    let class = match node.shape {
        Shape::Reader => "reader",
        Shape::Source => "source",
        Shape::Missing | Shape::Rest => "missing",
    };
    let round = if node.shape == Shape::Reader { 4 } else { 20 };
    let whole = line(&node.label.join(", "));
    let is_near = |a: &&Arrow| a.from == node.id || a.to == node.id;
    let near = number(frame.arrows.iter().filter(is_near).count(), "arrow");
    let _ = write!(
        out,
        "<a href=\"#t-{0}\" id=\"{0}\" class=\"{class}\" aria-label=\"{whole}; \
         {near}\"><title>{whole}</title><rect x=\"{x}\" y=\"{y}\" width=\"{WIDTH}\" \
         height=\"{HEIGHT}\" rx=\"{round}\"/>",
        node.id
    );
    for (at, text) in node.label.iter().take(2).enumerate() {
        let class = if at == 0 { "" } else { " class=\"small\"" };
        let y = y + 18 + at * 17;
        let text = line(&short(text, at == 1));
        let _ = write!(out, "<text{class} x=\"{}\" y=\"{y}\">{text}</text>", x + 14);
    }
    out.push_str("</a>");
}

/// A text that fits into a box: of a place the end counts, of a name its beginning.
fn short(text: &str, end: bool) -> String {
    let n = text.chars().count();
    if n <= LETTERS {
        return text.to_owned();
    }
    if end {
        let tail: String = text.chars().skip(n - LETTERS + 1).collect();
        format!("…{tail}")
    } else {
        let head: String = text.chars().take(LETTERS - 1).collect();
        format!("{head}…")
    }
}

/// The same in words; `drawn`: there are boxes to lead to.
fn list(out: &mut String, frame: &Frame, drawn: bool) {
    let nodes: Vec<&Node> = boxes(frame).collect();
    if nodes.is_empty() {
        return;
    }
    let names: BTreeMap<&str, &Node> = nodes.iter().map(|n| (n.id.as_str(), *n)).collect();
    let mut reads: BTreeMap<&str, Vec<&Arrow>> = BTreeMap::new();
    let mut readers: BTreeMap<&str, Vec<&Arrow>> = BTreeMap::new();
    for arrow in &frame.arrows {
        reads.entry(&arrow.from).or_default().push(arrow);
        readers.entry(&arrow.to).or_default().push(arrow);
    }
    let n = number(nodes.len(), "resource");
    let _ = write!(
        out,
        "<details class=\"words\"><summary>In words: {n}</summary><ul>"
    );
    for node in nodes {
        let name = node.label.first().map_or("", String::as_str);
        let place = node.label.get(1).map_or("", String::as_str);
        let id = &node.id;
        let name = if drawn {
            format!("<a href=\"#{id}\">{}</a>", line(name))
        } else {
            line(name)
        };
        let _ = write!(out, "<li id=\"t-{id}\">{name} <code>{}</code>", line(place));
        let near = [
            ("reads", reads.get(&*node.id)),
            ("is read by", readers.get(&*node.id)),
        ];
        for (verb, arrows) in near {
            let Some(arrows) = arrows else { continue };
            let _ = write!(out, "<br>{verb} ");
            for (at, arrow) in arrows.iter().enumerate() {
                let other = if verb == "reads" {
                    &arrow.to
                } else {
                    &arrow.from
                };
                let label = names.get(other.as_str()).and_then(|n| n.label.first());
                let _ = write!(
                    out,
                    "{}<a href=\"#t-{other}\">{}</a> <span class=\"dim\">({})</span>",
                    if at > 0 { ", " } else { "" },
                    line(label.map_or("", String::as_str)),
                    line(&arrow.label)
                );
            }
        }
        if !reads.contains_key(&*node.id) && !readers.contains_key(&*node.id) {
            out.push_str("<br><span class=\"dim\">nobody here reads it</span>");
        }
        out.push_str("</li>");
    }
    out.push_str("</ul></details>");
}
