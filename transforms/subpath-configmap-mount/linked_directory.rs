//! The strategy `linked-directory`: the directory of the file becomes an emptyDir, which an init
//! container of the same image fills with what the image has there, and with the link.
//!
//! It is for containers that cannot make the link themselves: because their root file system is
//! read-only, or their user may not write there, where to an emptyDir everybody may; because a shell
//! would drop a variable of theirs; because a hook or probe may be there first. The command
//! stays as it is, and updates arrive as with a link of the entrypoint. But owner and mode of the
//! directory are others then, and its content takes room on the node, so it is never safe.

use kubewright_model::finding::NoFix;
use kubewright_model::kube::ContainerKind;
use kubewright_model::kube::images::PathKind;
use kubewright_model::text;
use kubewright_model::text::{Text, Verbatim};
use kubewright_model::yaml::{Edit, Node, Place, Value};

use super::codes::Code;
use super::copy::{self, Ground};
use super::decide::Decision;
use super::facts::{Basis, Facts, Told};
use super::file::{self, File};
use super::link;
use super::minds::{self, Way};
use super::mounts::{self, covers};
use super::pod::{Own, Pod};
use super::user;
use super::wrapper::quoted;

/// The first words of the script.
const MARKER: &str = ": kubewright:linked-directory;";
/// Why a container cannot make a link itself, where an init container can: what the shell would do
/// to its words and variables, and what happens before the link is there.
const BARRED: [Code; 6] = [
    Code::CommandDash,
    Code::EnvironmentNames,
    Code::EnvironmentUnknown,
    Code::PostStart,
    Code::ProbeNamesPath,
    Code::ReadOnlyRoot,
];

/// A directory that is filled.
pub(super) struct Linked {
    pub(super) edits: Vec<Edit>,
    pub(super) basis: Basis,
    /// What is different then.
    pub(super) notes: Vec<Text>,
    /// Nothing proves that the program takes a link.
    pub(super) doubted: bool,
}

/// Why the container is known to be unable to make the link of the file, if that is a reason to have
/// it made: what is not known may turn out to be no obstacle.
pub(super) fn barred(
    pod: &Pod<'_>,
    own: &Own<'_>,
    facts: &Facts,
    file: &File<'_>,
) -> Option<NoFix> {
    // An init container runs before the one that would link for it.
    if own.container.kind != ContainerKind::Main {
        return None;
    }
    let why = match link::ground_of(pod, own, facts, file) {
        Err(why) => why,
        Ok(_) => link::wrapped(pod, own, facts).err()?,
    };
    let closed = |may: Option<Told<'_, bool>>| may.is_some_and(|told| !told.value);
    let known = if why.is(Code::NonRoot) {
        let user = user::of(pod, own, facts);
        closed(user::may_write(pod, own, facts, user, &file.target))
    } else if why.is(Code::DroppedCapabilities) {
        closed(user::root_may_write(facts, &file.target))
    } else {
        BARRED.iter().any(|code| why.is(*code))
    };
    known.then_some(why)
}

/// Fills the directory of these files; what that rests on, and what is different then.
pub(super) fn rewrite(
    pod: &Pod<'_>,
    own: &Own<'_>,
    facts: &Facts,
    files: &[&File<'_>],
) -> Result<Linked, NoFix> {
    let Some(first) = files.first() else {
        return Err(NoFix::new(Code::StrategyOff, "there is no file to link"));
    };
    let directory = first.directory();
    let Ground::Image = copy::ground(pod, own, first)? else {
        let text = text![Verbatim(directory), " lies in a volume already"];
        return Err(NoFix::new(Code::ParentIsVolume, text));
    };
    pod.not_patched(
        own,
        &copy::FIELDS,
        &["volumes", "securityContext", "initContainers"],
    )?;
    pod.image_patched(own)?;
    let mut basis = Basis::default();
    let shell = copy::shell(pod, own, facts, &mut basis)?;
    let mut doubts = Basis::default();
    for file in files {
        file::there(facts, file, &mut doubts)?;
    }
    minds::judge(pod, own, facts, files, Way::Link, &mut doubts)?;
    let doubted = !doubts.proven();
    basis.extend(doubts);
    let read_only = read_only(own, directory, files);
    let absent = facts
        .path(directory)
        .filter(|told| told.value.kind == PathKind::Absent);
    if let Some(told) = absent {
        basis.rests_on(told.by, text!["no ", Verbatim(directory)]);
    } else {
        basis.lacks(text![
            "that the container's user may read all that the image has in ",
            Verbatim(directory),
            ", which is copied into an emptyDir each time a pod starts"
        ]);
    }
    basis.lacks(text![
        "that nothing minds owner and mode of ",
        Verbatim(directory),
        ", and of what is in it, as an emptyDir has them"
    ]);
    let mut notes = Vec::new();
    if !read_only {
        notes.push(text![
            "different then: the program may write in ",
            Verbatim(directory),
            ", and what it writes is lost with the pod"
        ]);
    }
    Ok(Linked {
        edits: edits(pod, own, (&shell, directory, read_only), files)?,
        basis,
        notes,
        doubted,
    })
}

/// Whether the container gets the directory read-only, as it had it: nothing else may have to be
/// mounted, or made, in it.
fn read_only(own: &Own<'_>, directory: &str, files: &[&File<'_>]) -> bool {
    let staying = own
        .mounts
        .iter()
        .filter(|m| files.iter().all(|f| f.decision.mount.node != m.node));
    let mut below = staying.filter(|m| m.path.as_deref().is_none_or(|p| covers(directory, p)));
    let work = own.container.node.get("workingDir").and_then(Node::text);
    user::read_only_root(own)
        && below.next().is_none()
        && work.is_none_or(|work| !covers(directory, work))
}

/// The volumes of the files move, the directory is mounted in their place, and an init container
/// fills it.
fn edits(
    pod: &Pod<'_>,
    own: &Own<'_>,
    (shell, directory, read_only): (&str, &str, bool),
    files: &[&File<'_>],
) -> Result<Vec<Edit>, NoFix> {
    let Some(first) = files.first().map(|f| f.decision) else {
        return Ok(Vec::new());
    };
    let mut moved = file::moved(pod, own, files, |file| file.item.path.clone())?;
    let name = pod.free_name(first.volume.name, "-directory");
    let place = file::free_directory(pod, own, &name, files, &moved.directories)?;
    let mut places = moved.directories.iter().chain([&place]);
    if places.any(|place| covers(directory, place)) {
        let text = text![
            "the volumes are mounted below ",
            Verbatim(directory),
            ": set another mount-root"
        ];
        return Err(NoFix::new(Code::MountDir, text));
    }
    let empty = Value::map([
        ("name", Value::str(&name)),
        ("emptyDir", Value::Map(Vec::new())),
    ]);
    moved
        .edits
        .push(first.volume.list()?.push(Place::Last, &empty)?);
    moved.edits.push(mount(first, &name, directory, read_only)?);
    let mut steps = vec![copy::everything(directory, &place)];
    for (source, file) in moved.places.iter().zip(files) {
        let target = quoted(&format!("{place}/{}", mounts::name(&file.target)));
        let source = quoted(source);
        steps.push(format!(
            "{{ [ -L {target} ] || [ ! -d {target} ]; }} && ln -sfn {source} {target}"
        ));
    }
    let script = format!("{MARKER} {}", steps.join(" && "));
    let mounts = vec![Value::map([
        ("name", Value::str(&name)),
        ("mountPath", Value::str(&place)),
    ])];
    let container = copy::init_container(pod, own, shell, script, mounts)?;
    moved.edits.push(container);
    Ok(moved.edits)
}

/// The mount of the directory, before that of the first file.
fn mount(
    first: &Decision<'_>,
    name: &str,
    directory: &str,
    read_only: bool,
) -> Result<Edit, NoFix> {
    let node = first.mount.node;
    let mut fields = vec![
        ("name", Value::str(name)),
        ("mountPath", Value::str(directory)),
    ];
    fields.extend(read_only.then_some(("readOnly", Value::Bool(true))));
    let list = node.parent().ok_or_else(|| {
        NoFix::new(
            Code::VolumeFields,
            "the mount of the file is not part of a list",
        )
    })?;
    Ok(list.push(Place::After(node), &Value::map(fields))?)
}
