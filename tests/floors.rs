//! Promise: the code has floors, as the tables at the heads of `src/lib.rs`, `model/kube/mod.rs`
//! and `model/yaml/mod.rs` state them; what stands on one imports only from floors below it. No
//! transform imports another.
//!
//! Paths are read from the text of each file, in `use` and elsewhere; tests may import as they
//! like.

#![expect(clippy::disallowed_methods, reason = "tests read files")]

use std::fs;
use std::path::{Path, PathBuf};

/// Crates by folder.
const CRATES: [(&str, &str); 3] = [
    ("src", "kubewright"),
    ("transforms", "kubewright_transforms"),
    ("model", "kubewright_model"),
];

/// Tables of floors: the file that states it, and the module that its rows are in.
const TABLES: [(&str, &str); 3] = [
    ("src/lib.rs", "kubewright"),
    ("model/kube/mod.rs", "kubewright_model::kube"),
    ("model/yaml/mod.rs", "kubewright_model::yaml"),
];

/// Transforms that import another one, and why.
const BETWEEN_TRANSFORMS: [(&str, &str, &str); 3] = [
    (
        "invalid_config_data",
        "missing_config_hash",
        "base64 of binaryData",
    ),
    (
        "subpath_configmap_mount",
        "missing_config_reference",
        "says nothing of a pod that does not start: the other one reports it",
    ),
    (
        "subpath_configmap_mount",
        "missing_config_hash",
        "base64 of binaryData",
    ),
];

/// A path in the code of a module.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Import {
    /// `file:line`
    at: String,
    /// The module that holds it.
    from: String,
    /// What it names, from its crate down.
    to: String,
}

/// Floors, the topmost first; each a module.
struct Floors {
    stated_in: &'static str,
    parent: &'static str,
    modules: Vec<String>,
}

impl Floors {
    /// The rows of the first table of a file's documentation whose heading begins with "floor".
    fn read(stated_in: &'static str, parent: &'static str) -> Self {
        let text = fs::read_to_string(root().join(stated_in)).expect("the file of a table");
        let rows = text
            .lines()
            .map_while(|line| line.strip_prefix("//!"))
            .map(str::trim)
            .skip_while(|line| !line.starts_with("| floor "))
            .skip(2)
            .take_while(|line| line.starts_with('|'));
        let name = |row: &str| -> String {
            let cell = row.split('|').nth(1).expect("a cell").trim();
            let name = cell.trim_matches(['[', ']', '`']);
            if name.starts_with("kubewright_") {
                name.to_owned()
            } else {
                format!("{parent}::{name}")
            }
        };
        Self {
            stated_in,
            parent,
            modules: rows.map(name).collect(),
        }
    }

    /// The floor that a path leads to, counted from the top.
    fn of(&self, path: &str) -> Option<usize> {
        self.modules.iter().position(|module| within(path, module))
    }

    /// What is wrong with an import, if anything is.
    fn against(&self, import: &Import) -> Option<String> {
        let Import { at, from, to } = import;
        let floor = self.of(from)?;
        let wrong = match self.of(to) {
            Some(other) if other >= floor => return None,
            Some(other) => format!(
                "{} stands above {}",
                self.modules[other], self.modules[floor]
            ),
            None if !within(to, self.parent) || to == self.parent => return None,
            None => format!(
                "{to} is on no floor; within {} import from the floor that has it",
                self.parent
            ),
        };
        Some(format!("{at}: {wrong} (table in {})", self.stated_in))
    }
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Whether a path is a module or leads into it.
fn within(path: &str, module: &str) -> bool {
    path.strip_prefix(module)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

/// All files of code below a folder, by path.
fn code(folder: &Path, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> = fs::read_dir(folder)
        .expect("a folder of code")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    entries.sort();
    for path in entries {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if path.is_dir() {
            if !matches!(&*name, "tests" | "cases") {
                code(&path, found);
            }
        } else if name.ends_with(".rs") && !name.ends_with("tests.rs") {
            found.push(path);
        }
    }
}

/// The module of a file, from the name of its crate down.
fn module(krate: &str, path: &str) -> String {
    let path = path.trim_end_matches(".rs").replace('-', "_");
    let mut segments: Vec<&str> = path.split('/').collect();
    if matches!(segments.last(), Some(&("mod" | "lib" | "main"))) {
        segments.pop();
    }
    segments.insert(0, krate);
    segments.join("::")
}

/// Text without its comments, and without the tests that stand at its end; lines keep their number.
fn bare(text: &str) -> String {
    let mut bare = String::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        if line == "#[cfg(test)]" && lines.peek().is_some_and(|next| next.ends_with('{')) {
            break;
        }
        let comment = line
            .match_indices("//")
            .find(|(at, _)| !line[..*at].ends_with(':'))
            .map_or(line.len(), |(at, _)| at);
        bare.push_str(&line[..comment]);
        bare.push('\n');
    }
    bare
}

/// All paths of a text that begin at a crate, at `self` or at `super`, with the byte of their end.
fn paths(text: &str) -> Vec<(usize, Vec<String>)> {
    let mut found = Vec::new();
    let word = |c: char| c.is_alphanumeric() || c == '_';
    let starts = ["crate", "self", "super"]
        .into_iter()
        .chain(CRATES.map(|(_, name)| name));
    for start in starts {
        for (at, _) in text.match_indices(&format!("{start}::")) {
            let before = text[..at].chars().next_back();
            if before.is_none_or(|c| !word(c) && c != ':') {
                path(text, at, &[], &mut found);
            }
        }
    }
    found
}

/// Reads one path, or a group of paths, that begins at a byte; gives the byte behind it.
fn path(
    text: &str,
    mut at: usize,
    above: &[String],
    found: &mut Vec<(usize, Vec<String>)>,
) -> usize {
    let mut path = above.to_vec();
    loop {
        at += text[at..].len() - text[at..].trim_start().len();
        let rest = &text[at..];
        if rest.starts_with('{') {
            at += 1;
            loop {
                at = self::path(text, at, &path, found);
                let Some(next) = text[at..].find([',', '}']) else {
                    return text.len();
                };
                at += next + 1;
                if text[..at].ends_with('}') {
                    return at;
                }
            }
        }
        let length = rest
            .find(|c: char| !c.is_alphanumeric() && c != '_')
            .unwrap_or(rest.len());
        if length > 0 {
            path.push(rest[..length].to_owned());
            at += length;
        }
        if length == 0 || !text[at..].starts_with("::") {
            if path.len() > above.len() || rest.starts_with('*') {
                found.push((at, path));
            }
            return at;
        }
        at += 2;
    }
}

/// A path as its crate has it; `None` for one that leads out of the crate.
fn absolute(path: &[String], krate: &str, module: &str) -> Option<String> {
    let mut whole: Vec<&str> = Vec::new();
    for (number, segment) in path.iter().enumerate() {
        match (number, segment.as_str()) {
            (0, "crate") => whole.push(krate),
            (0, "self") => whole.extend(module.split("::")),
            (0, "super") => {
                whole.extend(module.split("::"));
                whole.pop()?;
            }
            (_, "super") => {
                whole.pop()?;
            }
            (_, "self") => {}
            (_, name) => whole.push(name),
        }
    }
    Some(whole.join("::"))
}

/// The imports of a text.
fn imports_of(text: &str, krate: &str, module: &str, shown: &str) -> Vec<Import> {
    let text = bare(text);
    let import = |(end, path): (usize, Vec<String>)| {
        let line = text[..end].lines().count();
        Some(Import {
            at: format!("{shown}:{line}"),
            from: module.to_owned(),
            to: absolute(&path, krate, module)?,
        })
    };
    paths(&text).into_iter().filter_map(import).collect()
}

/// The imports of all code.
fn imports() -> Vec<Import> {
    let mut found = Vec::new();
    for (folder, krate) in CRATES {
        let mut files = Vec::new();
        code(&root().join(folder), &mut files);
        for file in files {
            let text = fs::read_to_string(&file).expect("a file of code");
            let relative = file.strip_prefix(root()).expect("a path below the root");
            let shown = relative.to_string_lossy().replace('\\', "/");
            let inside = shown.strip_prefix(folder).unwrap_or(&shown);
            let module = module(krate, inside.trim_start_matches('/'));
            found.extend(imports_of(&text, krate, &module, &shown));
        }
    }
    found
}

fn tables() -> Vec<Floors> {
    TABLES
        .into_iter()
        .map(|(file, parent)| Floors::read(file, parent))
        .collect()
}

#[test]
fn a_floor_imports_from_floors_below_it() {
    let imports = imports();
    let tables = tables();
    let wrong: Vec<String> = tables
        .iter()
        .flat_map(|floors| imports.iter().filter_map(|import| floors.against(import)))
        .collect();
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[test]
fn every_folder_is_on_a_floor() {
    for floors in tables() {
        assert!(floors.modules.len() > 1, "no table in {}", floors.stated_in);
        let folder = root().join(floors.stated_in);
        let folder = folder.parent().expect("a folder");
        for entry in fs::read_dir(folder).expect("a folder of code") {
            let path = entry.expect("an entry").path();
            let name = path.file_stem().unwrap_or_default().to_string_lossy();
            let code = path.is_dir() || path.extension().is_some_and(|e| e == "rs");
            if !code || matches!(&*name, "mod" | "lib" | "main" | "tests") {
                continue;
            }
            let module = format!("{}::{name}", floors.parent);
            assert!(
                floors.modules.contains(&module),
                "{module} is missing in the table of {}",
                floors.stated_in
            );
        }
    }
}

#[test]
fn no_transform_imports_another() {
    let folders: Vec<String> = fs::read_dir(root().join("transforms"))
        .expect("the transforms")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.join("README.md").is_file())
        .map(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.replace('-', "_")
        })
        .collect();
    let of = |path: &str| {
        let name = path.strip_prefix("kubewright_transforms::")?;
        let folder = name.split("::").next()?;
        folders.iter().find(|known| *known == folder)
    };
    let mut stated: Vec<_> = BETWEEN_TRANSFORMS.to_vec();
    let mut wrong = Vec::new();
    for import in imports() {
        let (Some(from), Some(to)) = (of(&import.from), of(&import.to)) else {
            continue;
        };
        stated.retain(|(a, b, _)| (*a, *b) != (from.as_str(), to.as_str()));
        let known = BETWEEN_TRANSFORMS
            .iter()
            .any(|(a, b, _)| (*a, *b) == (from.as_str(), to.as_str()));
        if from != to && !known {
            wrong.push(format!("{}: {from} imports {to}", import.at));
        }
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
    assert!(stated.is_empty(), "stated, but not so any more: {stated:?}");
}

#[test]
fn paths_are_found_wherever_they_stand() {
    let text = "\
use crate::kube::{
    pod::{self, walk}, // crate::comment
    source::*,
};
/// [`crate::doc`]
fn f() { super::object::new(); let x = kubewright_model::yaml::Node::text; }
#[cfg(test)]
mod tests {
    use crate::test;
}
";
    let found = imports_of(
        text,
        "kubewright_model",
        "kubewright_model::kube::names",
        "f.rs",
    );
    let mut found: Vec<_> = found
        .into_iter()
        .map(|import| (import.at, import.to))
        .collect();
    found.sort();
    let expected = [
        ("f.rs:2", "kubewright_model::kube::pod"),
        ("f.rs:2", "kubewright_model::kube::pod::walk"),
        ("f.rs:3", "kubewright_model::kube::source"),
        ("f.rs:6", "kubewright_model::kube::object::new"),
        ("f.rs:6", "kubewright_model::yaml::Node::text"),
    ];
    let expected = expected.map(|(at, to)| (at.to_owned(), to.to_owned()));
    assert_eq!(found, expected);
}

#[test]
fn an_import_from_above_is_told_with_its_line() {
    let tables = tables();
    let against = |module: &str, text: &str| {
        let krate = module.split("::").next().unwrap_or_default();
        let found = imports_of(text, krate, module, "f.rs");
        let wrong = found
            .iter()
            .flat_map(|import| tables.iter().filter_map(|t| t.against(import)));
        wrong.collect::<Vec<_>>().join("\n")
    };
    let up = against(
        "kubewright_model::kube::pod",
        "\nuse crate::kube::workspace::Workspace;\n",
    );
    assert!(up.starts_with("f.rs:2: "), "{up}");
    assert!(up.contains("kube::workspace stands above"), "{up}");
    let door = against("kubewright_model::kube::pod", "use crate::kube::Workspace;");
    assert!(door.contains("is on no floor"), "{door}");
    let program = against("kubewright::pipeline", "use crate::cli::fix;");
    assert!(
        program.contains("kubewright::cli stands above"),
        "{program}"
    );
    let down = "use crate::kube::object::resource::FileId;\nuse crate::yaml::Node;";
    assert_eq!(against("kubewright_model::kube::pod", down), "");
}
