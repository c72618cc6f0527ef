//! The entrypoint that links files into place and then becomes the command that stood there before.
//!
//! The script is the second word of `sh -c`; the old command and arguments follow it as `"$0"
//! "$@"`, so that the program gets the same words, process id and signals. The kubelet expands
//! `command` and `args` alike, so words of the manifest move as they are; in what is written anew,
//! and in words of the image, which the kubelet never expanded, every `$` is doubled.

use kubewright_model::finding::NoFix;
use kubewright_model::yaml::{Edit, Node, Place, Value};

use super::mounts::parent;

/// The first words of the script; a second run knows its own wrapper by them.
const MARKER: &str = ": kubewright:link;";
/// What the script ends in.
const EXEC: &str = "exec \"$0\" \"$@\"";

/// A symbolic link to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Link {
    /// What it points to.
    pub(super) source: String,
    /// Where it stands.
    pub(super) target: String,
}

/// Where the words come from that the container runs.
#[derive(Debug, Clone)]
pub(super) enum Program<'a> {
    /// `command` is a wrapper of ours already: its script.
    Wrapped(Node<'a>),
    /// `command` and `args` of the manifest.
    Manifest {
        /// `command`
        command: Node<'a>,
        /// `args`
        args: Option<Node<'a>>,
    },
    /// ENTRYPOINT of the image, then `args` of the manifest or else CMD.
    Image {
        /// ENTRYPOINT
        entrypoint: Vec<String>,
        /// `args`
        args: Option<Node<'a>>,
        /// CMD
        cmd: Vec<String>,
    },
}

/// The script of a wrapper that we wrote.
pub(super) fn recognise(command: Node<'_>) -> Option<Node<'_>> {
    let script = command.at(2)?;
    let text = script.as_str()?;
    (command.at(1)?.as_str() == Some("-c") && is_ours(text)).then_some(script)
}

/// Whether a word is the script of a wrapper that we wrote.
pub(super) fn is_ours(text: &str) -> bool {
    text.starts_with(MARKER) && text.ends_with(EXEC)
}

/// The words of the manifest that the container runs, those of a wrapper of ours left out.
pub(super) fn words(container: Node<'_>) -> Vec<&str> {
    let list = |field: &str| {
        container
            .get(field)
            .map(Node::items)
            .into_iter()
            .flatten()
            .filter_map(Node::as_str)
    };
    let ours = container.get("command").and_then(recognise).is_some();
    list("command")
        .skip(if ours { 3 } else { 0 })
        .chain(list("args"))
        .collect()
}

/// The edits that make `container` link first and then run what it ran before.
pub(super) fn edits(
    container: Node<'_>,
    program: &Program<'_>,
    shell: &str,
    links: &[Link],
) -> Result<Vec<Edit>, NoFix> {
    let words = |text: String| Value::strs([shell.to_owned(), "-c".to_owned(), text]);
    match program {
        Program::Wrapped(script) => {
            let before = script
                .as_str()
                .and_then(|s| s.strip_suffix(EXEC))
                .unwrap_or(MARKER);
            Ok(vec![
                script.set(&Value::str(format!("{before}{}", steps(links))))?,
            ])
        }
        Program::Manifest {
            command,
            args: Some(args),
        } => {
            let old: Vec<Value> = command
                .items()
                .filter_map(Node::as_str)
                .map(Value::str)
                .collect();
            let mut edits = vec![command.set(&styled(words(script(links)), command.in_flow()))?];
            edits.extend(prepend(*args, old)?);
            Ok(edits)
        }
        Program::Manifest {
            command,
            args: None,
        } => {
            let wrapper = styled(words(script(links)), command.in_flow());
            Ok(vec![
                command.rename_key("args")?,
                container.insert(Place::Before(*command), "command", &wrapper)?,
            ])
        }
        Program::Image {
            entrypoint,
            args,
            cmd,
        } => {
            let wrapper = words(script(links));
            let image = |words: &[String]| {
                words
                    .iter()
                    .map(|w| Value::str(doubled(w)))
                    .collect::<Vec<_>>()
            };
            if let Some(args) = args {
                let mut edits = vec![container.insert(
                    Place::Before(*args),
                    "command",
                    &styled(wrapper, args.in_flow()),
                )?];
                // The API leaves an empty list out, and CMD counts
                // (https://github.com/containerd/containerd/blob/main/internal/cri/opts/spec_opts.go).
                let empty = args.items().next().is_none();
                let cmd = if empty { cmd.as_slice() } else { &[] };
                edits.extend(prepend(
                    *args,
                    image(&[entrypoint.as_slice(), cmd].concat()),
                )?);
                return Ok(edits);
            }
            let place = container
                .get("image")
                .filter(|n| n.parent() == Some(container))
                .map_or(Place::Last, Place::After);
            let args = image(&[entrypoint.as_slice(), cmd.as_slice()].concat());
            Ok(vec![
                container.insert(place, "command", &wrapper)?,
                container.insert(place, "args", &Value::Seq(args).flow())?,
            ])
        }
    }
}

/// Puts words before the items of `args`.
fn prepend(args: Node<'_>, words: Vec<Value>) -> Result<Vec<Edit>, NoFix> {
    if args.items().next().is_none() {
        return Ok(vec![args.set(&Value::Seq(words))?]);
    }
    words
        .iter()
        .map(|word| Ok(args.push(Place::First, word)?))
        .collect()
}

fn styled(value: Value, flow: bool) -> Value {
    if flow { value.flow() } else { value }
}

/// The whole script.
fn script(links: &[Link]) -> String {
    format!("{MARKER} {}", steps(links))
}

/// Makes each link and becomes the program; any failure ends the container, so that it never runs
/// without its files. `ln` would make the link inside of a directory that stands at its place, so
/// that ends it too.
fn steps(links: &[Link]) -> String {
    let mut steps = Vec::new();
    let mut made = Vec::new();
    for link in links {
        let directory = parent(&link.target);
        if directory != "/" && !made.contains(&directory) {
            steps.push(format!("mkdir -p {}", quoted(directory)));
            made.push(directory);
        }
        let (source, target) = (quoted(&link.source), quoted(&link.target));
        steps.push(format!(
            "{{ [ -L {target} ] || [ ! -d {target} ]; }} && ln -sfn {source} {target}"
        ));
    }
    steps.push(EXEC.to_owned());
    steps.join(" && ")
}

/// A word for the shell, then for the kubelet.
pub(super) fn quoted(path: &str) -> String {
    let plain = path
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || "/._-+:@%,=".contains(c));
    let word = if plain {
        path.to_owned()
    } else {
        format!("'{}'", path.replace('\'', "'\\''"))
    };
    doubled(&word)
}

/// Text that the kubelet's expansion of `$(NAME)` and `$$` turns back into `text`
/// (`third_party/forked/golang/expansion` of Kubernetes).
pub(super) fn doubled(text: &str) -> String {
    text.replace('$', "$$")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(source: &str, target: &str) -> Link {
        Link {
            source: source.into(),
            target: target.into(),
        }
    }

    #[test]
    fn directories_are_made_once() {
        let links = [
            link("/m/a", "/app/a"),
            link("/m/b", "/app/b"),
            link("/m/c", "/c"),
        ];
        let text = script(&links);
        assert_eq!(
            text,
            ": kubewright:link; mkdir -p /app && { [ -L /app/a ] || [ ! -d /app/a ]; } && ln -sfn \
             /m/a /app/a && { [ -L /app/b ] || [ ! -d /app/b ]; } && ln -sfn /m/b /app/b && { [ \
             -L /c ] || [ ! -d /c ]; } && ln -sfn /m/c /c && exec \"$0\" \"$@\""
        );
    }

    #[test]
    fn paths_pass_shell_and_kubelet() {
        assert_eq!(quoted("/a b/it's"), "'/a b/it'\\''s'");
        assert_eq!(quoted("/a$(HOME)"), "'/a$$(HOME)'");
    }
}
