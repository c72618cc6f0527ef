//! Where else a path is named: in the container, in the rest of the pod, in the configuration that
//! is applied with it.

use std::borrow::Cow;

use kubewright_model::kube::images::ANNOTATION;
use kubewright_model::yaml::Node;

use super::mounts::{self, Mount, name};
use super::pod::{Own, Pod};
use crate::binary;

/// Directories that programs read as a whole, by convention; so are those whose name ends in `.d`.
const SCANNED: &[&str] = &[
    "certs",
    "dashboards",
    "datasources",
    "extensions",
    "initdb",
    "jobs",
    "mappings",
    "migration",
    "migrations",
    "modules",
    "pipeline",
    "pipelines",
    "playbooks",
    "plugins",
    "policies",
    "policy",
    "provisioning",
    "resources",
    "rules",
    "schemas",
    "scripts",
    "sql",
    "templates",
];

/// What may stand before a path in the value of an option or variable
/// (<https://docs.spring.io/spring-boot/reference/features/external-config.html>).
const SCHEMES: [&str; 4] = ["optional:file://", "optional:file:", "file://", "file:"];

/// A string that the container runs or has in its environment, which is the path, or a flag with
/// the path as its value; the path may be a URL of a file.
pub(super) struct Token<'a> {
    pub(super) node: Node<'a>,
    /// What stands before the path.
    pub(super) flag: &'a str,
    /// It is the first word of the command: the program itself.
    pub(super) program: bool,
}

/// Where `command`, `args` and the literal values of `env` name the path of a mount by itself.
pub(super) fn tokens<'a>(own: &Own<'a>, mount: &Mount<'_>) -> Vec<Token<'a>> {
    let container = own.container.node;
    let list = |key: &str| container.get(key).map(Node::items).into_iter().flatten();
    let command = list("command")
        .enumerate()
        .map(|(index, node)| (node, index == 0, true));
    let args = list("args").map(|node| (node, false, true));
    let env = list("env")
        .filter_map(|entry| entry.get("value"))
        .map(|node| (node, false, false));
    let token = |(node, program, word): (Node<'a>, bool, bool)| {
        Some(Token {
            node,
            flag: before_path(node.as_str()?, mount, word)?,
            program,
        })
    };
    command.chain(args).chain(env).filter_map(token).collect()
}

/// What stands before the path of a mount in a string that names it by itself; a `word` may be a
/// flag and its value.
pub(super) fn before_path<'t>(text: &'t str, mount: &Mount<'_>, word: bool) -> Option<&'t str> {
    let flag = match text.split_once('=') {
        Some((flag, _)) if word && flag.starts_with('-') => flag.len() + 1,
        _ => 0,
    };
    let value = text.get(flag..)?;
    let scheme = SCHEMES.iter().find(|scheme| value.starts_with(**scheme));
    let at = flag + scheme.map_or(0, |scheme| scheme.len());
    let path = text.get(at..)?;
    let is_path = path == mount.written || mount.path.as_deref() == Some(path);
    is_path.then(|| text.get(..at)).flatten()
}

/// Where else the pod or the configuration applied with it has `path`, in whatever form, apart from
/// these nodes and from mounts and volumes.
pub(super) fn elsewhere(
    pod: &Pod<'_>,
    own: &Own<'_>,
    path: &str,
    apart: &[Token<'_>],
) -> Option<String> {
    let mine = own.container.node;
    let is_apart = |node: Node<'_>| apart.iter().any(|token| token.node == node);
    let named = |node: Node<'_>| node.text().is_some_and(|text| text.contains(path));
    for (key, value) in mine.entries() {
        let key = key.text().unwrap_or("");
        if key != "volumeMounts" && value.descendants().any(|n| named(n) && !is_apart(n)) {
            return Some(format!("{key} of the container"));
        }
    }
    for other in pod
        .containers
        .iter()
        .filter(|other| other.container.node != mine)
    {
        // One that mounts something there itself means its own file.
        let its_own = other.mounts.iter().any(|m| m.path.as_deref() == Some(path));
        let texts = other
            .container
            .node
            .entries()
            .filter(|(key, _)| key.text() != Some("volumeMounts"));
        if !its_own && texts.flat_map(|(_, value)| value.descendants()).any(named) {
            return Some(format!("the container {}", other.container.name));
        }
    }
    let notes = pod
        .template
        .node
        .path(&["metadata", "annotations"])
        .map(Node::entries)
        .into_iter()
        .flatten();
    let notes = notes.filter(|(key, _)| key.text() != Some(ANNOTATION));
    if let Some((key, _)) = notes.into_iter().find(|(_, value)| named(*value)) {
        return Some(format!("the annotation {}", key.text().unwrap_or("")));
    }
    configuration(pod, |text| text.contains(path))
}

/// Whether a string of the container has the name of the file at `path` without the path.
pub(super) fn named_by_name(own: &Own<'_>, path: &str) -> bool {
    let fields = own
        .container
        .node
        .entries()
        .filter(|(key, _)| !matches!(key.text(), Some("volumeMounts" | "image" | "name")));
    let texts = fields
        .flat_map(|(_, value)| value.descendants())
        .filter_map(Node::text);
    texts
        .into_iter()
        .any(|text| text.replace(path, "").contains(name(path)))
}

/// A ConfigMap or Secret applied with the workload of which a value is `wanted`.
pub(super) fn configuration(pod: &Pod<'_>, wanted: impl Fn(&str) -> bool) -> Option<String> {
    let workspace = pod.cx.workspace;
    for set in workspace.sets_of(pod.id) {
        for member in &workspace.set(set).members {
            let resource = workspace.resource(member.resource);
            let Some(node) = workspace.node(member.resource) else {
                continue;
            };
            for field in ["data", "stringData", "binaryData"] {
                let encoded =
                    field == "binaryData" || (field == "data" && resource.kind == "Secret");
                let values = node.get(field).map(Node::entries).into_iter().flatten();
                let fits = |(_, value): (Node<'_>, Node<'_>)| {
                    let Some(text) = value.text() else {
                        return false;
                    };
                    let text = if encoded {
                        binary::decode(text)
                            .map(|bytes| Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()))
                    } else {
                        Some(Cow::Borrowed(text))
                    };
                    text.is_some_and(|text| wanted(&text))
                };
                if matches!(resource.kind.as_str(), "ConfigMap" | "Secret")
                    && values.into_iter().any(fits)
                {
                    return Some(format!("{} {}", resource.kind, resource.name));
                }
            }
        }
    }
    None
}

/// A ConfigMap or Secret that the pod names and whose content is not known.
pub(super) fn unread(pod: &Pod<'_>) -> Option<String> {
    let unknown = pod
        .references
        .iter()
        .find(|r| pod.objects.known(r.to, r.name).keys.is_none())?;
    Some(format!("{} {}", unknown.to.kind(), unknown.name))
}

/// A sign that a program reads all of `directory`, where the files at `paths` are mounted; `words`
/// are those of the image.
pub(super) fn scanned(
    pod: &Pod<'_>,
    own: &Own<'_>,
    directory: &str,
    paths: &[&str],
    words: &[&str],
) -> Option<String> {
    let by_convention =
        |segment: &&str| segment.strip_suffix(".d").is_some() || SCANNED.contains(segment);
    if let Some(segment) = directory.split('/').find(by_convention) {
        return Some(format!("directories named {segment} are read as a whole"));
    }
    let container = own.container.node;
    let fields = container
        .entries()
        .filter(|(key, _)| key.text() != Some("volumeMounts"))
        .map(|(_, value)| value);
    let texts: Vec<&str> = fields
        .flat_map(Node::descendants)
        .filter_map(Node::text)
        .chain(words.iter().copied())
        .collect();
    let names: Vec<&str> = paths.iter().map(|path| name(path)).collect();
    if texts
        .iter()
        .any(|text| names_directory(text, directory, &names))
    {
        return Some("the directory, or one above it, is named in the container".to_owned());
    }
    if let Some(by) = configuration(pod, |text| names_directory(text, directory, &names)) {
        return Some(format!("the directory, or one above it, is named in {by}"));
    }
    let told = |path: &&&str| texts.iter().any(|text| text.contains(**path));
    let silent: Vec<&str> = paths
        .iter()
        .filter(|path| !told(path))
        .map(|path| name(path))
        .collect();
    let extension = |name: &str| {
        name.rsplit_once('.')
            .map(|(_, extension)| extension.to_owned())
    };
    let alike = silent.iter().enumerate().find(|(i, name)| {
        silent
            .iter()
            .skip(i + 1)
            .any(|other| extension(other) == extension(name))
    });
    alike.map(|_| {
        format!("several files of one kind lie in {directory}, and nothing names each of them")
    })
}

/// Whether a text names a directory, or one above it, other than by one of these files in it.
fn names_directory(text: &str, directory: &str, files: &[&str]) -> bool {
    let mut above = directory;
    while above != "/" {
        for (at, _) in text.match_indices(above) {
            let before = text.get(..at).and_then(|t| t.chars().next_back());
            let rest = text.get(at + above.len()..).unwrap_or("");
            let whole = !before.is_some_and(|c| in_path(c) || c == '/')
                && !rest.chars().next().is_some_and(in_path);
            let inside = rest.strip_prefix('/').map_or("", |rest| {
                rest.split(|c: char| !in_path(c)).next().unwrap_or("")
            });
            let file = if above == directory {
                files.contains(&inside)
            } else {
                !inside.is_empty() && !inside.contains('*')
            };
            if whole && !file {
                return true;
            }
        }
        above = mounts::parent(above);
    }
    false
}

/// Whether a character continues a name in a path; a full stop or comma may also end a sentence.
fn in_path(c: char) -> bool {
    c.is_alphanumeric()
        || matches!(
            c,
            '_' | '-' | '.' | '$' | '(' | ')' | '{' | '}' | '*' | '+' | '@' | '%'
        )
}

#[cfg(test)]
mod tests {
    use super::names_directory;

    #[test]
    fn a_directory_is_named_apart_from_its_files() {
        let named = |text: &str| names_directory(text, "/etc/app/conf", &["a.yml"]);
        assert!(
            named("/etc/app/conf")
                && named("--dir=/etc/app/conf/")
                && named("/etc/app/conf/*.yml")
                && named("-r /etc/app/conf,x")
        );
        assert!(
            named("/etc/app/") && named("root=/etc"),
            "a directory above is read with all below it"
        );
        assert!(
            !named("/etc/app/conf/a.yml")
                && !named("-c=/etc/app/conf/a.yml -v")
                && !named("/etc/app/config")
        );
        assert!(!named("/etc/app/other") && !named("/my/etc/app/conf") && !named("/etc/apps"));
    }
}
