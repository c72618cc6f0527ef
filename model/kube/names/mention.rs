//! Where else a name stands: in text that nothing of the graph reads.
//!
//! A reference that nobody knows breaks in silence when its name changes. So before a name changes
//! every text file of the root is searched for it as a word: scripts, Makefiles, workflows, values
//! and templates of charts, and what kustomize hands to a chart. What the workspace has read and
//! explained (references, definitions, labels, patches) is no mention.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;

use super::unknown_words::{self, holds_word};
use crate::kube::object::apply_set::SetId;
use crate::kube::object::reference::Target;
use crate::kube::object::resource::{FileId, ResourceId};
use crate::kube::source::file::SourceFile;
use crate::kube::workspace::Workspace;
use crate::yaml::{Node, holds};

/// A line that holds a name as a word.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mention {
    /// Path of the file relative to the root.
    pub path: String,
    /// Its line, from 1.
    pub line: usize,
    /// What reads it.
    pub by: Reader,
}

/// What reads a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reader {
    /// A kustomization that the sets are gathered through: it hands the text to a chart or a
    /// plugin.
    Kustomization,
    /// A program, as far as can be told: a script, the values of a chart, a workflow, a command in
    /// a document.
    Program,
    /// Nobody but people.
    People,
}

/// What a search came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mentions {
    /// The first line of each file, those of programs first.
    pub found: Vec<Mention>,
    /// Text files that were too large to be searched.
    pub left_out: usize,
    /// Whether there was anything beside the manifests to search.
    pub searched: bool,
}

/// Fields of a kustomization that are read as what they are, or name something else.
const READ: &[&str] = &[
    "apiVersion",
    "bases",
    "buildMetadata",
    "commonLabels",
    "components",
    "configurations",
    "crds",
    "generatorOptions",
    "images",
    "kind",
    "labels",
    "metadata",
    "namePrefix",
    "nameSuffix",
    "namespace",
    "openapi",
    "patches",
    "patchesJson6902",
    "patchesStrategicMerge",
    "replacements",
    "replicas",
    "resources",
    "sortOptions",
    "vars",
];

/// Fields of a chart or a generator of a kustomization that name something else.
const OTHER_NAMES: &[&str] = &[
    "apiVersions",
    "envs",
    "files",
    "name",
    "namespace",
    "releaseName",
    "repo",
    "valuesFile",
    "version",
];

/// Endings of files that people read.
const PROSE: &[&str] = &[
    "adoc", "asciidoc", "htm", "html", "markdown", "md", "org", "rst", "txt",
];

/// Words of a line of prose that is to be typed, or applied.
const COMMANDS: &[&str] = &["helm ", "kubectl", "kustomize ", "oc "];

impl Workspace {
    /// Where else the name stands, in text that nothing of the graph reads, when it changes in
    /// these sets: in unread files and documents of the workspace, in what other resources hold
    /// without referring to it, and in all text files of the root
    /// ([`Options::texts`](crate::kube::Options::texts)).
    pub fn mentions(&self, sets: &[SetId], to: Target, name: &str) -> Mentions {
        of(self, sets, to, name)
    }
}

/// All mentions of a name outside of what the sets hold; `sets` are those in which the name
/// changes.
fn of(workspace: &Workspace, sets: &[SetId], to: Target, name: &str) -> Mentions {
    let mut whole: BTreeMap<usize, Option<BTreeSet<usize>>> = BTreeMap::new();
    let read = read_by_kustomize(workspace);
    let skipped = workspace
        .skipped
        .iter()
        .filter(|s| !read.contains(&s.file))
        .map(|s| (s.file, s.document));
    for (file, document) in skipped.chain(workspace.broken.iter().map(|b| (b.file, b.document))) {
        match document {
            None => _ = whole.insert(file.0 as usize, None),
            Some(document) => {
                if let Some(documents) = whole
                    .entry(file.0 as usize)
                    .or_insert_with(|| Some(BTreeSet::new()))
                {
                    documents.insert(document);
                }
            }
        }
    }
    let members: BTreeSet<ResourceId> = sets
        .iter()
        .flat_map(|s| &workspace.set(*s).members)
        .map(|m| m.resource)
        .collect();
    let in_workspace = workspace
        .files
        .par_iter()
        .enumerate()
        .filter(|(_, file)| holds(&file.text, name))
        .filter_map(|(at, file)| {
            let unread = whole.get(&at);
            let lines = match unread {
                Some(None) => first_line(&file.path, &file.text, name, 0),
                _ => unread_documents(file, unread.and_then(Option::as_ref), name),
            };
            let reach = || {
                sets.iter()
                    .filter_map(|s| workspace.set_index(*s))
                    .any(|s| s.reach.contains(&file.id))
            };
            let of_kustomization = || {
                let offset = in_kustomization(workspace, file, name)?;
                let by = if reach() {
                    Reader::Kustomization
                } else {
                    Reader::Program
                };
                Some(Mention {
                    path: file.path.clone(),
                    line: file.position(offset).0,
                    by,
                })
            };
            let of_resources = || {
                let others = workspace
                    .resources_of(file.id)
                    .iter()
                    .filter(|r| !members.contains(&r.id));
                let found = others
                    .flat_map(|r| unknown_words::of_resource(workspace, r.id, to, name))
                    .map(|(_, location)| location.span.start);
                Some(Mention {
                    path: file.path.clone(),
                    line: file.position(found.min()?).0,
                    by: Reader::Program,
                })
            };
            of_kustomization().or(lines).or_else(of_resources)
        });
    let mut found: Vec<Mention> = in_workspace.collect();
    let mut mentions = Mentions::default();
    if let Some(texts) = workspace.options.texts.as_ref() {
        let surroundings = texts.read();
        let beside = surroundings
            .texts
            .par_iter()
            .filter(|(path, text)| holds(text, name) && workspace.file_at(path).is_none());
        found.extend(
            beside
                .filter_map(|(path, text)| first_line(path, text, name, 0))
                .collect::<Vec<_>>(),
        );
        mentions.searched = true;
        mentions.left_out = surroundings.left_out.len();
    }
    found.sort_by(|a, b| (a.by, a).cmp(&(b.by, b)));
    mentions.found = found;
    mentions
}

/// Files of patches and replacements, whose uses of the name are known.
fn read_by_kustomize(workspace: &Workspace) -> BTreeSet<FileId> {
    let patches = workspace
        .index
        .details
        .iter()
        .flat_map(|d| &d.patches)
        .flat_map(|p| &p.documents)
        .filter_map(|b| b.file);
    let root = |file: FileId| {
        let yaml = workspace.file(file).yaml.as_deref()?;
        (0..yaml.documents().len()).find_map(|at| yaml.root(at).filter(|r| r.is_mapping()))
    };
    let replacements = workspace
        .kustomizations
        .iter()
        .filter_map(|k| Some(workspace.replacements(k, root(k.file)?)));
    patches
        .chain(replacements.flatten().map(|(file, _)| file))
        .collect()
}

/// The first line that a program reads, else the first one.
fn first_line(path: &str, text: &str, name: &str, before: usize) -> Option<Mention> {
    let prose = path
        .rsplit_once('.')
        .is_some_and(|(_, ending)| PROSE.iter().any(|p| ending.eq_ignore_ascii_case(p)));
    let mut first = None;
    for (number, line) in text
        .lines()
        .enumerate()
        .filter(|(_, line)| holds_word(line, name))
    {
        let by = if prose && !COMMANDS.iter().any(|c| line.contains(c)) {
            Reader::People
        } else {
            Reader::Program
        };
        let mention = Mention {
            path: path.to_owned(),
            line: before + number + 1,
            by,
        };
        if by == Reader::Program {
            return Some(mention);
        }
        first.get_or_insert(mention);
    }
    first
}

/// Documents of a manifest that are left alone.
fn unread_documents(
    file: &SourceFile,
    unread: Option<&BTreeSet<usize>>,
    name: &str,
) -> Option<Mention> {
    let yaml = file.yaml.as_deref()?;
    unread?
        .iter()
        .filter_map(|document| yaml.documents().get(*document))
        .find_map(|document| {
            let region = document.region();
            first_line(
                &file.path,
                file.text.get(region.clone())?,
                name,
                file.position(region.start).0.saturating_sub(1),
            )
        })
}

/// The first byte of a scalar that a kustomization hands on without reading it.
fn in_kustomization(workspace: &Workspace, file: &SourceFile, name: &str) -> Option<usize> {
    workspace.kustomization(file.id)?;
    let yaml = file.yaml.as_deref()?;
    let root =
        (0..yaml.documents().len()).find_map(|at| yaml.root(at).filter(|r| r.is_mapping()))?;
    let unread = root
        .entries()
        .filter(|(key, _)| !READ.contains(&key.text().unwrap_or_default()));
    let mut places: Vec<usize> = Vec::new();
    for (_, value) in unread {
        let items: Vec<Node<'_>> = if value.is_sequence() {
            value.items().collect()
        } else {
            vec![value]
        };
        for item in items {
            let fields = item
                .entries()
                .filter(|(key, _)| !OTHER_NAMES.contains(&key.text().unwrap_or_default()));
            let parts: Vec<Node<'_>> = if item.is_mapping() {
                fields.map(|(_, part)| part).collect()
            } else {
                vec![item]
            };
            let scalars = parts
                .into_iter()
                .flat_map(Node::descendants)
                .filter(|n| n.is_scalar());
            places.extend(
                scalars
                    .filter(|n| n.text().is_some_and(|t| holds_word(t, name)))
                    .map(|n| n.span().start),
            );
        }
    }
    places.into_iter().min()
}
