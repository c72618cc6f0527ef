//! Static pods inside another text: the `content: |` of a cloud-config, a key of a ConfigMap, the
//! `data:` URL of an Ignition file, a here document of Terraform or of a script, a template of
//! Ansible. They are found and said, never edited.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kubewright_model::finding::Location;
use kubewright_model::kube::{SourceFile, Workspace, is_node_setting};
use kubewright_model::yaml::{File, Node};

use super::places;
use super::recognise::{containers, is_host_proxy};

/// The line of a manifest that says what it is.
const POD: &str = "kind: Pod";

/// A text that holds the manifest of a static kube-proxy.
#[derive(Debug, Clone)]
pub(super) struct Inside<'a> {
    /// The file it stands in.
    pub(super) file: &'a SourceFile,
    /// Where.
    pub(super) at: Location,
    /// What a reader calls that place: a field, or a line.
    pub(super) place: String,
}

/// All of them in the files that may be edited.
pub(super) fn all(workspace: &Workspace) -> Vec<Inside<'_>> {
    let mut found = Vec::new();
    let named = |text: &str| text.contains("kube-proxy") || text.contains("hyperkube");
    for file in workspace
        .files()
        .iter()
        .filter(|f| f.editable)
        .filter(|f| (named(&f.text) && f.text.contains("Pod")) || f.text.contains("data:"))
    {
        let Some(yaml) = file.yaml.as_deref() else {
            found.extend(in_text(file));
            continue;
        };
        for at in 0..yaml.documents().len() {
            let scalars = yaml
                .root(at)
                .into_iter()
                .flat_map(Node::descendants)
                .filter(|n| n.is_scalar());
            let holding = scalars.filter(|n| {
                n.text().is_some_and(|t| match data_url(t) {
                    Some(content) => named(&content) && holds_pod(&content),
                    None => t.contains('\n') && named(t) && holds_pod(t),
                })
            });
            found.extend(holding.map(|node| Inside {
                file,
                at: Location::of(file.id, node.key().unwrap_or(node)),
                place: places::place(node),
            }));
        }
    }
    found
}

/// The first static kube-proxy in a file that is no YAML, or is not read as such.
fn in_text(file: &SourceFile) -> Option<Inside<'_>> {
    if !is_node_setting(&file.path) {
        return None;
    }
    let text: &str = &file.text;
    let written = || {
        let mut start = 0;
        let lines: Vec<&str> = text.lines().collect();
        text.split_inclusive('\n')
            .enumerate()
            .find_map(|(at, line)| {
                let here = start + (line.len() - line.trim_start().len());
                start += line.len();
                let pod = line.trim() == POD && is_pod(&document(lines.get(at..)?));
                pod.then(|| here..here + POD.len())
            })
    };
    let encoded = || {
        text.match_indices("data:").find_map(|(at, _)| {
            let url = text.get(at..)?;
            let end = url.find(|c: char| c.is_whitespace() || "\"'<>\\".contains(c));
            let url = url.get(..end.unwrap_or(url.len()))?;
            let content = data_url(url).filter(|content| holds_pod(content))?;
            (!content.is_empty()).then(|| at..at + "data:".len())
        })
    };
    let span = written().or_else(encoded)?;
    let line = text.get(..span.start)?.matches('\n').count() + 1;
    Some(Inside {
        file,
        at: Location {
            file: file.id,
            span,
        },
        place: format!("line {line}"),
    })
}

/// What a `data:` URL holds: Ignition writes files so, with `%` or in base64. Not those that are
/// compressed.
fn data_url(text: &str) -> Option<String> {
    let (kind, content) = text.strip_prefix("data:")?.split_once(',')?;
    let bytes = if kind.ends_with(";base64") {
        STANDARD.decode(content.trim()).ok()?
    } else {
        let mut bytes = Vec::with_capacity(content.len());
        let mut rest = content.bytes();
        while let Some(byte) = rest.next() {
            bytes.push(match byte {
                b'%' => {
                    let digits = [rest.next()?, rest.next()?];
                    u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?
                }
                other => other,
            });
        }
        bytes
    };
    String::from_utf8(bytes).ok()
}

/// Whether a text is a manifest, or a script or stream with one in it, of a pod on the host network
/// that runs kube-proxy.
fn holds_pod(text: &str) -> bool {
    if let Ok(file) = File::parse(text.to_owned())
        && (0..file.documents().len())
            .filter_map(|at| file.root(at))
            .any(Node::is_mapping)
    {
        let pods = (0..file.documents().len()).filter_map(|at| file.root(at));
        return pods
            .filter(|p| p.get("kind").and_then(Node::text) == Some("Pod"))
            .any(|p| containers(p).count() > 0 && is_host_proxy(p));
    }
    // A here document of a script, or a template: from the line that says Pod to the end of the
    // document.
    let lines: Vec<&str> = text.lines().collect();
    let starts = lines
        .iter()
        .enumerate()
        .filter(|(_, l)| l.trim() == POD)
        .map(|(at, _)| at);
    starts
        .map(|at| document(lines.get(at..).unwrap_or_default()))
        .any(|document| is_pod(&document))
}

/// Whether a manifest, from the line that says Pod on, is one of a static kube-proxy.
fn is_pod(document: &str) -> bool {
    match File::parse(document.to_owned()) {
        Ok(file) => file.root(0).is_some_and(is_host_proxy),
        Err(_) => document.contains("hostNetwork: true") && document.lines().any(starts_proxy),
    }
}

/// The lines of one document, the first of which it begins with, without their indentation.
fn document(lines: &[&str]) -> String {
    let indent = lines.first().map_or(0, |l| l.len() - l.trim_start().len());
    let inner = |line: &&&str| {
        let text = line.trim();
        let marker = text == "---"
            || (!text.is_empty() && text.bytes().all(|b| b.is_ascii_uppercase() || b == b'_'));
        !marker && (text.is_empty() || line.len() - line.trim_start().len() >= indent)
    };
    let lines = lines
        .iter()
        .take_while(inner)
        .map(|l| l.get(indent..).unwrap_or("").to_owned() + "\n");
    lines.collect()
}

/// Whether a line is the word of a command that starts kube-proxy.
fn starts_proxy(line: &str) -> bool {
    let word = line.trim().trim_start_matches(['-', ' ', '[', '"', '\'']);
    let word = word
        .split(|c: char| c.is_whitespace() || "\"',]".contains(c))
        .next()
        .unwrap_or("");
    matches!(word.rsplit('/').next(), Some("kube-proxy" | "hyperkube"))
}
