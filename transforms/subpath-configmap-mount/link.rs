//! What must hold for the symbolic link (row W1 of the decision table), and how much of it is proven.
//!
//! Blockers that no statement about the image can lift come first, so that nobody is asked for facts in vain.

use kubewright_model::finding::NoFix;
use kubewright_model::kube::Site;
use kubewright_model::kube::images::{self, Shell, Stated, StatedBy};
use kubewright_model::yaml::Node;

use super::mounts::{Mount, covers, parent};
use super::pod::{Own, Pod};
use super::say;
use super::wrapper::{self, Program};

/// Files that the kubelet and the container runtime mount by themselves: no link can take their place.
const RUNTIME_FILES: [&str; 4] = ["/etc/hosts", "/etc/hostname", "/etc/resolv.conf", "/dev/termination-log"];
/// Programs that are a POSIX shell, by the last segment of their path.
const SHELLS: [&str; 4] = ["sh", "bash", "ash", "dash"];

/// What the wrapper of a container rests on.
#[derive(Debug)]
pub(super) struct Proof<'a> {
    /// The shell that runs it.
    pub(super) shell: String,
    /// What it runs.
    pub(super) program: Program<'a>,
    /// What nothing proves, for the reader.
    pub(super) unproven: Vec<String>,
    /// What the user stated.
    pub(super) stated: Option<Stated>,
}

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

/// Whether a link may take the place of `mount`; what is not proven about that is added to `unproven`.
pub(super) fn link(pod: &Pod<'_>, own: &Own<'_>, mount: &Mount<'_>, unproven: &mut Vec<String>) -> Result<String, NoFix> {
    let stated = stated(pod, own).unwrap_or_default();
    let target = target(own, mount)?;
    let ground = ground(pod, own, mount, &target)?;
    let security = |key: &str| own.container.node.path(&["securityContext", key]);
    let either = |key: &str| security(key).or_else(|| pod.template.spec.path(&["securityContext", key]));
    let flags = [either("runAsNonRoot"), security("readOnlyRootFilesystem")];
    let odd = flags.into_iter().flatten().find(|n| n.as_bool().is_none());
    if let Some(node) = odd.or(either("runAsUser").filter(|n| n.as_int().is_none())) {
        return Err(NoFix::new("placeholder", format!("{} is filled in by another tool", node.text().unwrap_or("securityContext"))));
    }
    if ground == Ground::Root && security("readOnlyRootFilesystem").and_then(Node::as_bool) == Some(true) {
        return Err(NoFix::new("read-only-root", "the root file system is read-only: no link can be made there"));
    }
    let non_root = either("runAsNonRoot").and_then(Node::as_bool) == Some(true);
    let root = match either("runAsUser").and_then(Node::as_int) {
        Some(user) => Some(user == 0 && !non_root),
        None if non_root => Some(false),
        None => stated.as_ref().and_then(|s| s.facts.root()),
    };
    match (ground, root) {
        (Ground::Root, Some(false)) => {
            return Err(NoFix::new("non-root", "the container does not run as root: nothing says that it may write where the link goes"));
        }
        (Ground::Root, None) => note(unproven, "the user that the image runs as (`user`)"),
        (Ground::EmptyDir, _) => note(unproven, "who else uses the emptyDir that the link is made in"),
        _ => {}
    }
    if ground == Ground::Root && lacks_dac_override(security("capabilities")) {
        return Err(NoFix::new(
            "dropped-capabilities",
            "without the capability DAC_OVERRIDE root may be unable to write where the link goes",
        ));
    }
    if let Some(hook) = own.container.node.path(&["lifecycle", "postStart"]) {
        if hook.descendants().any(|n| n.text().is_some_and(|t| t.contains(&target))) {
            return Err(NoFix::new(
                "post-start",
                format!("the postStart hook names {target}, and nothing says whether it runs before the link is made"),
            ));
        }
        note(unproven, "that the postStart hook does not read the file before the link is made");
    }
    Ok(target)
}

/// What a wrapper of the container rests on.
pub(super) fn container<'a>(pod: &Pod<'a>, own: &Own<'a>) -> Result<Proof<'a>, NoFix> {
    environment(pod, own)?;
    let node = own.container.node;
    let stated = stated(pod, own)?;
    let mut unproven = Vec::new();
    let facts = stated.as_ref().map(|s| &s.facts);
    let shell = facts.map_or(Shell::Unknown, |f| f.shell());
    if shell == Shell::None {
        return Err(NoFix::new("no-shell", "the image has no shell"));
    }
    let args = node.get("args").filter(|n| !n.is_null());
    if let Some(args) = args {
        words(args, "args")?;
    }
    let command = node.get("command").map(|n| words(n, "command").map(|words| (n, words))).transpose()?;
    let (program, first) = if let Some((command, words)) = &command {
        let Some(first) = words.first() else {
            return Err(NoFix::new("command-form", "command is empty"));
        };
        match wrapper::recognise(*command) {
            Some(script) => (Program::Wrapped(script), None),
            None => (Program::Manifest { command: *command, args }, Some((*first).to_owned())),
        }
    } else {
        let entrypoint = facts.and_then(|f| f.entrypoint.clone()).ok_or_else(|| unknown_entrypoint(pod, own))?;
        let cmd = facts.and_then(|f| f.cmd.clone()).unwrap_or_default();
        let from_args = args.and_then(|n| n.at(0)?.as_str());
        let Some(first) = entrypoint.first().map(String::as_str).or(from_args).or(cmd.first().map(String::as_str)).map(str::to_owned)
        else {
            return Err(NoFix::new(
                "entrypoint-unknown",
                "the image is stated to have neither ENTRYPOINT nor CMD: there is nothing to run",
            ));
        };
        (Program::Image { entrypoint, args, cmd }, Some(first))
    };
    if first.is_some_and(|word| word.starts_with('-')) {
        return Err(NoFix::new("command-dash", "the command starts with `-`, which some shells take for an option of exec"));
    }
    let shell_of_command =
        command.as_ref().and_then(|(_, words)| words.first().copied()).filter(|w| SHELLS.contains(&super::mounts::name(w)));
    let shell = match (shell, shell_of_command) {
        // Looked up in PATH, as it was.
        (Shell::At(path), _) | (_, Some(path)) => path.to_owned(),
        _ => {
            note(&mut unproven, "that the image has a shell (`shell`)");
            "/bin/sh".to_owned()
        }
    };
    if stated.is_none() {
        note(&mut unproven, "what the image has at the place of the link, and in its environment");
    }
    if let Some(path) = env_value(node, "PATH")
        && !path.split(':').any(|p| p == "/bin" || p == "/usr/bin")
    {
        note(&mut unproven, "that mkdir and ln are found in the PATH that env sets");
    }
    Ok(Proof { shell, program, unproven, stated })
}

/// Refuses pods of other operating systems.
pub(super) fn linux(pod: &Pod<'_>, own: &Own<'_>) -> Result<(), NoFix> {
    let spec = pod.template.spec;
    let named = |path: &[&str]| spec.path(path).and_then(Node::text).is_some_and(|os| os.eq_ignore_ascii_case("windows"));
    let options = ["windowsOptions"]
        .iter()
        .any(|key| spec.path(&["securityContext", key]).is_some() || own.container.node.path(&["securityContext", key]).is_some());
    if named(&["os", "name"])
        || named(&["nodeSelector", "kubernetes.io/os"])
        || named(&["nodeSelector", "beta.kubernetes.io/os"])
        || options
    {
        return Err(NoFix::new("windows", "the pod runs on Windows, where there is no /bin/sh"));
    }
    Ok(())
}

/// What is stated about the image; nothing when kustomize gives the container another image, unless by annotation.
fn stated(pod: &Pod<'_>, own: &Own<'_>) -> Result<Option<Stated>, NoFix> {
    let stated = images::stated(pod.workload, &pod.template, &own.container, &pod.cx.settings.images, &pod.cx.settings.lock);
    let stated = stated.map_err(|text| NoFix::new("image-facts-invalid", text))?;
    Ok(stated.filter(|s| s.by == StatedBy::Annotation || !pod.image_changes(own)))
}

fn unknown_entrypoint(pod: &Pod<'_>, own: &Own<'_>) -> NoFix {
    let image = own.container.node.get("image").and_then(Node::text).unwrap_or("");
    let (code, why) = if pod.image_changes(own) {
        ("image-rewritten", format!("kustomize may replace the image {image}"))
    } else {
        ("entrypoint-unknown", format!("the ENTRYPOINT of the image {image} is not stated"))
    };
    NoFix::new(code, format!("there is no command, and {why}: there are no words to pass on\n{}", say::to_state(pod, own, true)))
}

/// Where the link goes.
fn target(own: &Own<'_>, mount: &Mount<'_>) -> Result<String, NoFix> {
    let refuse = |why: &str| Err(NoFix::new("mount-path", format!("mountPath {} {why}", mount.written)));
    let Some(path) = mount.path.clone().filter(|p| p != "/") else { return refuse("is not an absolute path of a file") };
    let system = ["/proc", "/sys"].iter().any(|dir| covers(dir, &path));
    let others = || own.mounts.iter().filter(|m| m.node != mount.node).filter_map(|m| m.path.as_deref());
    if mount.written.ends_with('/') || system {
        return refuse("is no place for a link");
    }
    if others().any(|other| covers(&path, other)) {
        return refuse("is not the only mount at, or below, that place");
    }
    let log = own.container.node.get("terminationMessagePath").and_then(Node::text);
    if RUNTIME_FILES.contains(&path.as_str()) || log == Some(&path) {
        return Err(NoFix::new("runtime-file", format!("the kubelet mounts a {path} of its own wherever no volume is mounted there")));
    }
    Ok(path)
}

/// What the link stands on.
fn ground(pod: &Pod<'_>, own: &Own<'_>, mount: &Mount<'_>, target: &str) -> Result<Ground, NoFix> {
    let directory = parent(target);
    let around = own.mounts.iter().filter(|m| m.node != mount.node).filter_map(|m| Some((m.path.as_deref()?, m)));
    let Some((path, outer)) = around.filter(|(path, _)| covers(path, directory)).max_by_key(|(path, _)| path.len()) else {
        return Ok(Ground::Root);
    };
    let empty_dir = pod.template.volume(outer.volume).is_some_and(|v| v.get("emptyDir").is_some());
    if !empty_dir || outer.read_only || outer.sub_path.is_some() || outer.expression {
        return Err(NoFix::new(
            "parent-is-volume",
            format!("{directory} lies in the volume {}: a link there would outlive the container, or cannot be made", outer.volume),
        ));
    }
    let alone = !pod.shared(outer.volume, &[outer]);
    Ok(if alone && path == directory { Ground::OwnEmptyDir } else { Ground::EmptyDir })
}

fn lacks_dac_override(capabilities: Option<Node<'_>>) -> bool {
    let list = |key: &str| capabilities.and_then(|c| c.get(key)).map(Node::items).into_iter().flatten().filter_map(Node::text);
    let names = |text: &str| matches!(text.to_ascii_uppercase().trim_start_matches("CAP_"), "ALL" | "DAC_OVERRIDE");
    list("drop").any(names) && !list("add").any(names)
}

/// Dash and `BusyBox` drop environment variables whose name is no shell identifier, so all names must be known and be one.
fn environment(pod: &Pod<'_>, own: &Own<'_>) -> Result<(), NoFix> {
    let refuse = |name: &str| {
        NoFix::new("environment-names", format!("the shell would drop the environment variable {name}, whose name is no identifier"))
    };
    let env = own.container.node.get("env").map(Node::items).into_iter().flatten();
    if let Some(name) = env.filter_map(|e| e.get("name")?.text()).find(|name| !identifier(name)) {
        return Err(refuse(name));
    }
    for reference in pod.template.references() {
        let Site::EnvFrom { container, entry } = reference.site else { continue };
        if container != own.container.node {
            continue;
        }
        let prefix = entry.get("prefix").and_then(Node::text).unwrap_or("");
        let Some(keys) = pod.objects.known(reference.to, reference.name).keys else {
            let what = format!("{} {}", reference.to.kind(), reference.name);
            return Err(NoFix::new(
                "environment-unknown",
                format!("envFrom reads {what}, whose keys are not known: the shell would drop those that are no identifier"),
            ));
        };
        if let Some(name) = keys.iter().map(|key| format!("{prefix}{key}")).find(|name| !identifier(name)) {
            return Err(refuse(&name));
        }
    }
    Ok(())
}

fn identifier(name: &str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_') && chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// The words of `command` or `args`.
fn words<'a>(list: Node<'a>, field: &str) -> Result<Vec<&'a str>, NoFix> {
    let words: Option<Vec<&str>> = list.items().map(Node::as_str).collect();
    words.filter(|_| list.is_sequence()).ok_or_else(|| NoFix::new("command-form", format!("{field} is no list of strings")))
}

fn note(unproven: &mut Vec<String>, what: &str) {
    if unproven.iter().all(|u| u != what) {
        unproven.push(what.to_owned());
    }
}

/// The literal value of an environment variable; the last one of that name counts.
fn env_value<'a>(container: Node<'a>, name: &str) -> Option<&'a str> {
    let entries = container.get("env").map(Node::items).into_iter().flatten();
    entries.filter(|e| e.get("name").and_then(Node::text) == Some(name)).last()?.get("value")?.text()
}
