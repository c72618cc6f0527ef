//! Files that lie in a repository and are not edited by default: copies of what is kept elsewhere,
//! and what is not deployed as it stands.
//!
//! One judgement for all transforms. Whoever asks for such a directory, and nothing else, means it;
//! a stream lies nowhere.

use super::outputs;
use super::purpose::{self, Purpose};
use crate::kube::object::resource::{FileId, ResourceId};
use crate::kube::workspace::Workspace;
use crate::text;
use crate::text::{Path, Text};
use crate::yaml::Node;

crate::codes! {
    /// Why a file is not edited unless it is asked for.
    pub enum AsideCode {
        Example = "example",
        GeneratedFile = "generated-file",
        Template = "template",
        TestFixture = "test-fixture",
        VendoredFile = "vendored-file",
    }
}

/// A file that is not edited unless it is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Aside {
    /// Its code.
    pub code: AsideCode,
    /// For the user.
    pub text: Text,
}

const SYNCED: &str = "an edit is lost when it is synced again; change it where it comes from, or \
                      patch it from outside";

const SOURCE: &str = "fix its source, or filter its output";

impl Workspace {
    /// Why a file is not edited unless it is asked for, by where it lies.
    pub fn aside(&self, file: FileId) -> Option<Aside> {
        if self.options().stream {
            return None;
        }
        self.aside_at(&self.file(file).path)
    }

    /// As [`Workspace::aside`], for a file that may not be there yet.
    pub fn aside_at(&self, path: &str) -> Option<Aside> {
        if self.options().stream {
            return None;
        }
        let asked = |inside: &str| {
            !self.options().by_change
                && !self
                    .files()
                    .iter()
                    .any(|file| file.editable && !file.path.starts_with(inside))
        };
        let synced = self.index.synced.get_or_init(|| synced(self));
        if let Some((directory, by)) = synced.iter().find(|(directory, _)| {
            let inside = format!("{directory}/");
            path.starts_with(&inside) && !asked(&inside)
        }) {
            return Some(Aside {
                code: AsideCode::VendoredFile,
                text: text![
                    Path(by),
                    " fetches what lies below ",
                    Path(directory),
                    "/: ",
                    SYNCED
                ],
            });
        }
        let in_directory = path.match_indices('/').find_map(|(end, _)| {
            let (directory, inside) = (path.get(..end)?, path.get(..=end)?);
            let purpose = purpose::of_directory(directory.rsplit('/').next()?)?;
            let (code, why) = reason(purpose)?;
            (!asked(inside)).then(|| Aside {
                code,
                text: text!["it lies below ", Path(directory), "/: ", why],
            })
        });
        in_directory.or_else(|| {
            let (code, why) = reason(Purpose::TestData)?;
            (purpose::is_named_as_test(path) && !asked(path)).then(|| Aside {
                code,
                text: text!["its name begins with `test_`: ", why],
            })
        })
    }

    /// Why a resource is not edited unless it is asked for: its file's reason, or that its document
    /// says who writes it.
    pub fn aside_of(&self, id: ResourceId) -> Option<Aside> {
        if self.options().stream {
            return None;
        }
        let file = self.file(self.resource(id).file);
        self.aside(file.id)
            .or_else(|| {
                let sign = self.generated_by(id)?;
                Some(Aside {
                    code: AsideCode::GeneratedFile,
                    text: text!["the file is written by another tool (", sign, "); ", SOURCE],
                })
            })
            .or_else(|| {
                let (program, by) = outputs::maker(self, &file.path)?;
                Some(Aside {
                    code: AsideCode::GeneratedFile,
                    text: text![
                        "the file is written by ",
                        program,
                        " (",
                        Path(&by),
                        "); ",
                        SOURCE
                    ],
                })
            })
            .or_else(|| {
                let project = outputs::kluctl(self, &file.path, &file.text)?;
                Some(Aside {
                    code: AsideCode::Template,
                    text: text![
                        "kluctl renders the file as a template (",
                        Path(&project),
                        "): what it says is not what is applied"
                    ],
                })
            })
    }
}

/// Code and words for which files of such a directory are not edited.
fn reason(purpose: Purpose) -> Option<(AsideCode, &'static str)> {
    Some(match purpose {
        Purpose::Copies => (AsideCode::VendoredFile, SYNCED),
        Purpose::TestData => (AsideCode::TestFixture, "input of tests is left as it is"),
        Purpose::Examples => (
            AsideCode::Example,
            "a fix would be stale as soon as somebody adapts it",
        ),
        Purpose::Templates => (
            AsideCode::Example,
            "a fix would be stale as soon as somebody fills it in",
        ),
        Purpose::Bases => return None,
    })
}

/// Directories below which vendir puts what it fetches, with the file that says so. What is marked
/// `manual` it leaves alone.
fn synced(workspace: &Workspace) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for file in workspace.files() {
        let (above, name) = crate::kube::source::paths::split(&file.path);
        if !matches!(name, "vendir.yml" | "vendir.yaml") {
            continue;
        }
        let Some(yaml) = file.yaml.as_deref() else {
            continue;
        };
        for root in (0..yaml.documents().len()).filter_map(|document| yaml.root(document)) {
            for directory in root.get("directories").into_iter().flat_map(Node::items) {
                for content in directory
                    .get("contents")
                    .into_iter()
                    .flat_map(Node::items)
                    .filter(|content| content.get("manual").is_none())
                {
                    let parts = [above, text(directory), text(content)];
                    let joined: Vec<&str> = parts
                        .iter()
                        .flat_map(|part| part.split('/'))
                        .filter(|s| !matches!(*s, "" | "."))
                        .collect();
                    if !joined.is_empty() {
                        found.push((joined.join("/"), file.path.clone()));
                    }
                }
            }
        }
    }
    found.extend(submodules(workspace));
    found
}

/// The directories of git submodules (<https://git-scm.com/docs/gitmodules>).
fn submodules(workspace: &Workspace) -> Vec<(String, String)> {
    const FILE: &str = ".gitmodules";
    let bytes = workspace
        .options()
        .texts
        .as_ref()
        .and_then(|texts| texts.bytes(FILE));
    let text = String::from_utf8(bytes.unwrap_or_default()).unwrap_or_default();
    let paths = text.lines().filter_map(|line| line.split_once('='));
    let paths = paths.filter(|(key, _)| key.trim() == "path");
    paths
        .map(|(_, path)| (path.trim().trim_matches('/').to_owned(), FILE.to_owned()))
        .collect()
}

/// The `path` of a mapping.
fn text(node: Node<'_>) -> &str {
    node.get("path").and_then(Node::text).unwrap_or_default()
}
