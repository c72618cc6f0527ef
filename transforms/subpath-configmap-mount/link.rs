//! The strategy `link`: the volume is mounted elsewhere, and
//! the entrypoint links each file into place.
//!
//! It changes the most, and rests on the most: a shell with `mkdir` and `ln`, a user who may write
//! where the link goes, and the words that the container runs. Blockers that no fact about the
//! image can lift come first, so that nobody is asked for facts in vain.

use kubewright_model::finding::NoFix;
use kubewright_model::kube::Site;
use kubewright_model::kube::images::Shell;
use kubewright_model::text;
use kubewright_model::text::{Field, Text, Verbatim};
use kubewright_model::yaml::Node;

use super::codes::Code;
use super::facts::{Basis, Facts, Told};
use super::file::{self, File, Moved};
use super::minds::{self, Way};
use super::mounts::{self, Mount, parent};
use super::pod::{Own, Pod};
use super::say;
use super::user::{self, User};
use super::wrapper::{self, Link, Program};

/// Programs that are a POSIX shell, by the last segment of their path.
const SHELLS: [&str; 4] = ["sh", "bash", "ash", "dash"];
/// Fields of the container and of the pod that the wrapper rests on.
const FIELDS: [&str; 10] = [
    "command",
    "args",
    "volumeMounts",
    "securityContext",
    "env",
    "envFrom",
    "lifecycle",
    "livenessProbe",
    "readinessProbe",
    "startupProbe",
];

/// The directory that a link is made in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ground {
    /// The container's own root file system.
    Root,
    /// An emptyDir, mounted right there and by this container alone.
    OwnEmptyDir,
    /// An emptyDir, further up or shared.
    EmptyDir,
}

/// Links these files; what that rests on.
pub(super) fn rewrite(
    pod: &Pod<'_>,
    own: &Own<'_>,
    facts: &Facts,
    files: &[&File<'_>],
) -> Result<(Moved, Basis), NoFix> {
    possible_in(pod, own)?;
    for file in files {
        possible(pod, own, file)?;
    }
    if let Some(told) = facts.shell().filter(|told| told.value == Shell::None) {
        let what = if facts.locked() {
            "no shell with ln and mkdir"
        } else {
            "no shell"
        };
        return Err(NoFix::new(
            Code::NoShell,
            format!("the image has {what}: {}", say::source(told.by)),
        ));
    }
    let mut grounds = Vec::new();
    for file in files {
        grounds.push(ground_of(pod, own, facts, file)?);
    }
    let mut basis = Basis::default();
    let shell = shell(pod, own, facts, &mut basis)?;
    for ground in grounds {
        basis.extend(ground);
    }
    let program = program(pod, own, facts, &mut basis)?;
    let mut moved = file::moved(pod, own, files, |file| file.item.path.clone())?;
    let links = moved.places.iter().zip(files).map(|(source, file)| Link {
        source: source.clone(),
        target: file.target.clone(),
    });
    moved.edits.extend(wrapper::edits(
        own.container.node,
        &program,
        &shell,
        &links.collect::<Vec<_>>(),
    )?);
    Ok((moved, basis))
}

/// Whether a wrapper could be right for the container, whatever its image is.
pub(super) fn possible_in(pod: &Pod<'_>, own: &Own<'_>) -> Result<(), NoFix> {
    environment(pod, own)?;
    let container = own.container.node;
    if let Some(args) = container.get("args").filter(|n| !n.is_null()) {
        words(args, "args")?;
    }
    if let Some(command) = container.get("command") {
        let first = words(command, "command")?.first().copied();
        first
            .ok_or_else(|| NoFix::new(Code::CommandForm, "command is empty"))
            .and_then(no_dash)?;
    }
    pod.not_patched(
        own,
        &FIELDS,
        &["volumes", "securityContext", "nodeSelector", "os"],
    )
}

/// Whether a shell may start what the container runs, as far as that is known.
pub(super) fn wrapped(pod: &Pod<'_>, own: &Own<'_>, facts: &Facts) -> Result<(), NoFix> {
    possible_in(pod, own)?;
    facts.dropped().map_or(Ok(()), |name| Err(dropped(name)))
}

/// Whether a link could stand at the place of this file, whatever the image is.
pub(super) fn possible(pod: &Pod<'_>, own: &Own<'_>, file: &File<'_>) -> Result<(), NoFix> {
    let ground = ground(pod, own, file)?;
    let security = |key: &str| own.container.node.path(&["securityContext", key]);
    let flags = [
        user::security(pod, own, "runAsNonRoot"),
        security("readOnlyRootFilesystem"),
    ];
    let odd = flags.into_iter().flatten().find(|n| n.as_bool().is_none());
    if let Some(node) =
        odd.or(user::security(pod, own, "runAsUser").filter(|n| n.as_int().is_none()))
    {
        return Err(NoFix::new(
            Code::Placeholder,
            text![
                Verbatim(node.text().unwrap_or("securityContext")),
                " is filled in by another tool"
            ],
        ));
    }
    if ground == Ground::Root && user::read_only_root(own) {
        return Err(NoFix::new(
            Code::ReadOnlyRoot,
            "the root file system of the container is read-only, so no link can be made in it",
        ));
    }
    let names = |node: Node<'_>| {
        node.descendants()
            .any(|n| n.text().is_some_and(|t| t.contains(&file.target)))
    };
    if own
        .container
        .node
        .path(&["lifecycle", "postStart"])
        .is_some_and(names)
    {
        let why = text![
            "the postStart hook names ",
            Verbatim(&file.target),
            ", and nothing says whether it runs before the link is made"
        ];
        return Err(NoFix::new(Code::PostStart, why));
    }
    let probes = ["livenessProbe", "readinessProbe", "startupProbe"];
    if let Some(probe) = probes
        .into_iter()
        .find(|p| own.container.node.path(&[p, "exec"]).is_some_and(names))
    {
        let why = text![
            "the ",
            &probe,
            " names ",
            Verbatim(&file.target),
            ", and nothing says whether it runs before the link is made"
        ];
        return Err(NoFix::new(Code::ProbeNamesPath, why));
    }
    Ok(())
}

/// What the link of a file rests on.
pub(super) fn ground_of(
    pod: &Pod<'_>,
    own: &Own<'_>,
    facts: &Facts,
    file: &File<'_>,
) -> Result<Basis, NoFix> {
    possible(pod, own, file)?;
    let mut basis = Basis::default();
    let ground = ground(pod, own, file)?;
    minds::judge(pod, own, facts, &[file], Way::Link, &mut basis)?;
    if ground == Ground::Root {
        file::there(facts, file, &mut basis)?;
    }
    if ground == Ground::EmptyDir {
        basis.lacks("who else uses the emptyDir that the link is made in");
    }
    if ground == Ground::Root {
        may_write(pod, own, facts, file, &mut basis)?;
    }
    if own
        .container
        .node
        .path(&["lifecycle", "postStart"])
        .is_some()
    {
        basis.lacks("that the postStart hook does not read the file before the link is made");
    }
    Ok(basis)
}

/// Whether the container's user may make the link.
fn may_write(
    pod: &Pod<'_>,
    own: &Own<'_>,
    facts: &Facts,
    file: &File<'_>,
    basis: &mut Basis,
) -> Result<(), NoFix> {
    let user = user::of(pod, own, facts);
    if !matches!(user, User::Other { .. } | User::Random)
        && lacks_dac_override(
            own.container
                .node
                .path(&["securityContext", "capabilities"]),
        )
    {
        let may = match user {
            User::Root(_) => user::root_may_write(facts, &file.target),
            _ => None,
        };
        let directory = Verbatim(file.directory());
        let text = match may {
            Some(told) if told.value => {
                basis.rests_on(told.by, text!["root may write in ", directory]);
                None
            }
            Some(_) => Some(text![
                "root has no capability DAC_OVERRIDE, and may not write in ",
                directory,
                ", where the link goes"
            ]),
            None => Some(text![
                "without the capability DAC_OVERRIDE root may be unable to write in ",
                directory,
                ", where the link goes (",
                say::lock(),
                " reads owner and mode)"
            ]),
        };
        if let Some(text) = text {
            return Err(NoFix::new(Code::DroppedCapabilities, text));
        }
    }
    match user {
        User::Root(by) => basis.rests_on_user(by),
        User::Random | User::Other { .. } => {
            let writable = user::may_write(pod, own, facts, user, &file.target);
            let may = || match user {
                User::Other { of_image: true, .. } => "its user may write in ",
                User::Random => "a random user of its group may write in ",
                _ => "the user whom the manifest sets may write in ",
            };
            let by = match user {
                User::Other { by, .. } => by,
                _ => None,
            };
            match writable {
                Some(told) if told.value => {
                    basis.rests_on_user(by);
                    basis.rests_on(told.by, text![may(), Verbatim(file.directory())]);
                }
                _ => return not_writable(pod, own, facts, file, (user, writable), basis),
            }
        }
        User::Unknown => basis.lacks("the user that the image runs as (`user`)"),
    }
    Ok(())
}

/// What is said where the user may not make the link, or nothing says that it may.
fn not_writable(
    pod: &Pod<'_>,
    own: &Own<'_>,
    facts: &Facts,
    file: &File<'_>,
    (user, writable): (User<'_>, Option<Told<'_, bool>>),
    basis: &mut Basis,
) -> Result<(), NoFix> {
    let refuse = |why: Text| {
        let text = text!["the container does not run as root, and ", why];
        Err(NoFix::new(Code::NonRoot, text))
    };
    let directory = Verbatim(file.directory());
    let there = facts.path(&file.target);
    // What the image's own user may do is a sign.
    let sign = there
        .as_ref()
        .filter(|told| told.value.parent_writable == Some(true));
    if let (User::Other { by, .. }, None, Some(told)) = (user, &writable, sign) {
        basis.rests_on_user(by);
        basis.rests_on(told.by, text!["its user may write in ", directory]);
        basis.lacks(text![
            "that the user whom the manifest sets may write in ",
            directory,
            ", as the image's own may"
        ]);
        return Ok(());
    }
    match (user, writable) {
        (User::Random, _) => {
            basis.lacks(text![
                "that the user may write in ",
                directory,
                ": on OpenShift a container without runAsUser runs under a random user ID, \
                 whatever its image says"
            ]);
            Ok(())
        }
        (User::Other { of_image: true, .. }, Some(_)) => {
            refuse(text!["the image's user may not write in ", directory])
        }
        (_, Some(_)) => {
            let owner = there.and_then(|told| told.value.parent);
            let owner = owner.map(String::from).unwrap_or_default();
            refuse(text![
                "the user whom the manifest sets may not write in ",
                directory,
                ", which is ",
                owner,
                " in the image"
            ])
        }
        (_, None) if user::security(pod, own, "runAsUser").is_none() && facts.root().is_none() => {
            refuse(text![
                "which user it is is not known (",
                say::lock(),
                " reads it)"
            ])
        }
        (_, None) => refuse(text![
            "nothing says that its user may write in ",
            directory,
            ", where the link goes (",
            say::lock(),
            " reads owner and mode)"
        ]),
    }
}

/// The shell that runs the wrapper.
fn shell(pod: &Pod<'_>, own: &Own<'_>, facts: &Facts, basis: &mut Basis) -> Result<String, NoFix> {
    if let Some(shell) = known_shell(own, facts, basis) {
        return Ok(shell);
    }
    if own.container.node.get("command").is_some() {
        return Err(say::unknown(pod, own, facts, say::Unknown::Shell));
    }
    basis.lacks("that the image has a shell (`shell`)");
    Ok("/bin/sh".to_owned())
}

/// The shell that is stated, or that the command starts with.
pub(super) fn known_shell(own: &Own<'_>, facts: &Facts, basis: &mut Basis) -> Option<String> {
    if let Some(told) = facts.shell()
        && let Shell::At(path) = told.value
    {
        basis.rests_on(told.by, path.to_owned());
        return Some(path.to_owned());
    }
    // Looked up in PATH, as it was.
    let word = own.container.node.get("command")?.at(0)?.as_str()?;
    SHELLS
        .contains(&mounts::name(word))
        .then(|| word.to_owned())
}

/// What the wrapper runs.
fn program<'a>(
    pod: &Pod<'a>,
    own: &Own<'a>,
    facts: &Facts,
    basis: &mut Basis,
) -> Result<Program<'a>, NoFix> {
    if let Some(variable) = facts.dropped() {
        return Err(dropped(variable));
    }
    let container = own.container.node;
    let args = container.get("args").filter(|n| !n.is_null());
    let program = if let Some(command) = container.get("command") {
        wrapper::recognise(command).map_or(Program::Manifest { command, args }, Program::Wrapped)
    } else {
        let told = facts
            .words()
            .ok_or_else(|| say::unknown(pod, own, facts, say::Unknown::Entrypoint))?;
        let (entrypoint, cmd) = (told.value.entrypoint.to_vec(), told.value.cmd.to_vec());
        let from_args = args.and_then(|n| n.at(0)?.as_str());
        let Some(first) = entrypoint
            .first()
            .map(String::as_str)
            .or(from_args)
            .or(cmd.first().map(String::as_str))
        else {
            return Err(NoFix::new(
                Code::EntrypointUnknown,
                "the image is stated to have neither ENTRYPOINT nor CMD: there is nothing to run",
            ));
        };
        no_dash(first)?;
        basis.rests_on(told.by, format!("ENTRYPOINT {entrypoint:?}"));
        let no_args = args.is_none_or(|list| list.items().next().is_none());
        if no_args && !cmd.is_empty() {
            basis.rests_on(told.by, format!("CMD {cmd:?}"));
        }
        Program::Image {
            entrypoint,
            args,
            cmd,
        }
    };
    if !facts.stated() {
        basis.lacks("what the image has at the place of the link, and in its environment");
    }
    if let Some(path) = env_value(container, "PATH")
        && !path.split(':').any(|p| p == "/bin" || p == "/usr/bin")
    {
        basis.lacks("that mkdir and ln are found in the PATH that env sets");
    }
    Ok(program)
}

fn no_dash(first: &str) -> Result<(), NoFix> {
    let refuse = || {
        NoFix::new(
            Code::CommandDash,
            "the command starts with `-`, which some shells take for an option of exec",
        )
    };
    if first.starts_with('-') {
        Err(refuse())
    } else {
        Ok(())
    }
}

/// What the link stands on.
fn ground(pod: &Pod<'_>, own: &Own<'_>, file: &File<'_>) -> Result<Ground, NoFix> {
    let directory = parent(&file.target);
    let Some(outer) = file::around(own, file) else {
        return Ok(Ground::Root);
    };
    if !empty_dir(pod, outer) {
        return Err(NoFix::new(
            Code::ParentIsVolume,
            text![
                Verbatim(directory),
                " lies in the volume ",
                &outer.volume,
                ": a link there would outlive the container, or cannot be made"
            ],
        ));
    }
    let alone = !pod.shared(outer.volume, &[outer]);
    Ok(if alone && outer.path.as_deref() == Some(directory) {
        Ground::OwnEmptyDir
    } else {
        Ground::EmptyDir
    })
}

fn empty_dir(pod: &Pod<'_>, mount: &Mount<'_>) -> bool {
    let empty_dir = pod
        .template
        .volume(mount.volume)
        .is_some_and(|v| v.get("emptyDir").is_some());
    empty_dir && !mount.read_only && mount.sub_path.is_none() && !mount.expression
}

fn lacks_dac_override(capabilities: Option<Node<'_>>) -> bool {
    let list = |key: &str| {
        capabilities
            .and_then(|c| c.get(key))
            .map(Node::items)
            .into_iter()
            .flatten()
            .filter_map(Node::text)
    };
    let names = |text: &str| {
        matches!(
            text.to_ascii_uppercase().trim_start_matches("CAP_"),
            "ALL" | "DAC_OVERRIDE"
        )
    };
    list("drop").any(names) && !list("add").any(names)
}

/// Dash and `BusyBox` drop environment variables whose name is no shell identifier, so all names
/// must be known and be one.
fn environment(pod: &Pod<'_>, own: &Own<'_>) -> Result<(), NoFix> {
    let env = own
        .container
        .node
        .get("env")
        .map(Node::items)
        .into_iter()
        .flatten();
    if let Some(name) = env
        .filter_map(|e| e.get("name")?.text())
        .find(|name| !identifier(name))
    {
        return Err(dropped(name));
    }
    for reference in &pod.references {
        let Site::EnvFrom { container, entry } = reference.site else {
            continue;
        };
        if container != own.container.node {
            continue;
        }
        let prefix = entry.get("prefix").and_then(Node::text).unwrap_or("");
        let known = pod.objects.known(reference.to, reference.name);
        let Some(keys) = &known.keys else {
            let what = format!("{} {}", reference.to.kind(), reference.name);
            return Err(NoFix::new(
                Code::EnvironmentUnknown,
                format!(
                    "envFrom reads {what}, whose keys are not known: a link is made by a shell, \
                     which drops variables whose names have more than letters, digits and _"
                ),
            ));
        };
        if let Some(name) = keys
            .iter()
            .map(|key| format!("{prefix}{key}"))
            .find(|name| !identifier(name))
        {
            return Err(dropped(&name));
        }
    }
    Ok(())
}

fn dropped(name: &str) -> NoFix {
    NoFix::new(
        Code::EnvironmentNames,
        text![
            "a link is made by a shell, and the program would lose the environment variable ",
            Verbatim(name),
            " to it: its name has more than letters, digits and _"
        ],
    )
}

fn identifier(name: &str) -> bool {
    let mut chars = name.chars();
    chars
        .next()
        .is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// The words of `command` or `args`.
fn words<'a>(list: Node<'a>, field: &str) -> Result<Vec<&'a str>, NoFix> {
    let words: Option<Vec<&str>> = list.items().map(Node::as_str).collect();
    words.filter(|_| list.is_sequence()).ok_or_else(|| {
        NoFix::new(
            Code::CommandForm,
            text![Field(field), " is no list of strings"],
        )
    })
}

/// The literal value of an environment variable; the last one of that name counts.
fn env_value<'a>(container: Node<'a>, name: &str) -> Option<&'a str> {
    let entries = container.get("env").map(Node::items).into_iter().flatten();
    entries
        .filter(|e| e.get("name").and_then(Node::text) == Some(name))
        .last()?
        .get("value")?
        .text()
}
