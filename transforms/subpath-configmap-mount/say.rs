//! What is said about mounts: messages, notes, and what to state about an image.

use kubewright_model::finding::NoFix;
use kubewright_model::kube::images::{self, ImageFacts, Stated, StatedBy};
use kubewright_model::text;
use kubewright_model::text::{Named, Path, Text, Verbatim};
use kubewright_model::yaml::Node;

use super::codes::Code;
use super::decide::Decision;
use super::facts::Facts;
use super::file::File;
use super::link;
use super::options::Strategy;
use super::pod::{Own, Pod};

/// What is wrong with these mounts.
pub(super) fn message(decisions: &[&Decision<'_>]) -> Text {
    let mut names: Vec<Named> = Vec::new();
    for decision in decisions {
        let name = decision.source.display();
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let verb = if names.len() == 1 { "is" } else { "are" };
    text![
        Text::list(names),
        " ",
        verb,
        " mounted through subPath; a running pod never sees a change"
    ]
}

/// Who states facts.
pub(super) fn source(stated: &Stated) -> String {
    match &stated.by {
        StatedBy::Annotation => format!("annotation {}", images::ANNOTATION),
        StatedBy::Config => format!("kubewright.toml ([[images]] {})", stated.facts.pattern),
        StatedBy::Lock(digest) => format!("kubewright.lock ({digest})"),
        StatedBy::Dockerfile(built) => format!("{}:{}", built.dockerfile, built.line),
        StatedBy::Table(_) => "built-in table".to_owned(),
    }
}

/// What is known from a place that proves nothing, and why it does not.
pub(super) fn guessed(by: &StatedBy, facts: Text) -> (Text, Text) {
    match by {
        StatedBy::Dockerfile(built) => (
            text![
                Path(&built.dockerfile),
                format!(":{}: ", built.line),
                Verbatim(&built.instruction),
                " (",
                Path(&built.named_by),
                " builds the image from it): ",
                facts
            ],
            text![
                "that the image was built from ",
                Path(&built.dockerfile),
                " as it is now"
            ],
        ),
        StatedBy::Table(source) => (
            text!["known from the built-in table (", source, "): ", facts],
            "what the built-in table says, because tags move".into(),
        ),
        StatedBy::Annotation | StatedBy::Config | StatedBy::Lock(_) => (facts, Text::default()),
    }
}

/// The user that an image runs as.
pub(super) fn user(stated: &Stated) -> String {
    stated
        .facts
        .user
        .as_deref()
        .map(|user| {
            if user == "root" {
                user.to_owned()
            } else {
                format!("user {user}")
            }
        })
        .unwrap_or_default()
}

/// What is not stated of an image.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Unknown {
    Entrypoint,
    Shell,
}

/// That shell or ENTRYPOINT are not stated, and how to state them.
pub(super) fn unknown(pod: &Pod<'_>, own: &Own<'_>, facts: &Facts, what: Unknown) -> NoFix {
    let written = own.container.node.get("image").and_then(Node::text);
    let image = shown(pod, own, written.unwrap_or(""));
    let image = image.as_str();
    let entrypoint = what == Unknown::Entrypoint;
    if entrypoint && facts.differ() {
        return NoFix::new(
            Code::EntrypointUnknown,
            text![
                "the container has no command, and its images start different programs, of which \
                 one link can start only one: ",
                Verbatim(image)
            ],
        );
    }
    let (code, why) = match (pod.image_changes(own), entrypoint) {
        (true, true) => (
            Code::ImageRewritten,
            text![
                "the container has no command, so a link would have to start what the image \
                 starts, and kustomize may replace the image ",
                Verbatim(image)
            ],
        ),
        (true, false) => (
            Code::ImageRewritten,
            text![
                "kustomize may replace the image ",
                Verbatim(image),
                ": whether it has a shell is not known"
            ],
        ),
        (false, true) => (
            Code::EntrypointUnknown,
            text![
                "the container has no command, so a link would have to start what the image ",
                Verbatim(image),
                " starts (ENTRYPOINT and CMD), which is not known here"
            ],
        ),
        (false, false) => (
            Code::ShellUnknown,
            text![
                "nothing states that the image ",
                Verbatim(image),
                " has a shell"
            ],
        ),
    };
    let wanted = facts.wanted(!entrypoint);
    let mut no_fix = NoFix::new(code, why);
    no_fix
        .more
        .push(to_state(pod, own, &wanted, facts.locked()));
    if entrypoint {
        let inspect = "and its entrypoint and cmd, as `docker image inspect` shows them";
        no_fix.more.push(inspect.into());
    }
    no_fix
}

/// The image of a container, as the manifest has it, or as kustomize does.
fn shown(pod: &Pod<'_>, own: &Own<'_>, written: &str) -> String {
    let built = pod.images(own).unwrap_or_default();
    let same = |image: String| built.len() == 1 && built.contains(&image);
    if built.is_empty() || images::normalise(written).is_some_and(same) {
        return written.to_owned();
    }
    let built: Vec<&str> = built.iter().map(String::as_str).collect();
    format!("{} (which kustomize gives it)", built.join(" or "))
}

/// How the fix would be proven.
pub(super) fn to_prove(
    pod: &Pod<'_>,
    own: &Own<'_>,
    facts: &Facts,
    strategy: Strategy,
    files: &[&File<'_>],
) -> Option<Text> {
    match strategy {
        Strategy::OwnDirectory => {
            let directory = files.first().map_or("/", |f| f.directory());
            Some(text![
                "if ",
                directory,
                " holds nothing but what the pod mounts there, and no program writes into it or \
                 reads it as a whole, owned-dirs = [\"",
                directory,
                "\"] in kubewright.toml states it"
            ])
        }
        Strategy::Link => {
            // Only what would be enough is worth asking for.
            let wanted = facts.wanted(own.container.node.get("command").is_some());
            let enough = link::rewrite(pod, own, &facts.with(&wanted), files)
                .is_ok_and(|(_, basis)| basis.proven());
            enough.then(|| to_state(pod, own, &wanted, facts.locked()))
        }
        Strategy::LinkedDirectory | Strategy::Copy => None,
        _ if facts.locked() => None,
        _ => Some(text![lock(), " reads what the image has"]),
    }
}

/// The command that asks the image.
pub(super) fn lock() -> Text {
    text!["`", Text::command("kubewright images lock"), "`"]
}

/// What to write into `kubewright.toml`, or into the annotation where kustomize may replace the
/// image, so that the fix is proven.
fn to_state(pod: &Pod<'_>, own: &Own<'_>, wanted: &ImageFacts, locked: bool) -> Text {
    let built = pod.images(own).unwrap_or_default();
    let list = |words: &Option<Vec<String>>| words.as_ref().map(|words| format!("{words:?}"));
    let text = |word: &Option<String>| word.as_ref().map(|word| format!("{word:?}"));
    let fields = [
        ("shell", text(&wanted.shell)),
        ("user", text(&wanted.user)),
        ("entrypoint", list(&wanted.entrypoint)),
        ("cmd", list(&wanted.cmd)),
        ("handled-paths", list(&wanted.handled_paths)),
    ];
    let fields = || {
        fields
            .iter()
            .filter_map(|(name, value)| Some((name, value.as_ref()?)))
    };
    if built.first().is_some() {
        let lines: Vec<String> = fields()
            .map(|(name, value)| format!("\n{name} = {value}"))
            .collect();
        let lines = lines.concat();
        let lock = if locked {
            Text::new()
        } else {
            text![lock(), " reads what the image has; or "]
        };
        let tables: Vec<String> = built
            .iter()
            .map(|image| format!("\n[[images]]\nmatch = \"{image}\"{lines}"))
            .collect();
        let tables = tables.concat();
        text![lock, "state it in kubewright.toml, if it is so:", tables]
    } else {
        let fields: Vec<String> = fields()
            .map(|(name, value)| format!("\"{name}\": {value}"))
            .collect();
        let facts = format!(
            r#"'{{"{}": {{{}}}}}'"#,
            own.container.name,
            fields.join(", ")
        );
        text![
            "state in the pod template's annotations what the image has, if it is so:\n",
            images::ANNOTATION,
            ": ",
            facts
        ]
    }
}
