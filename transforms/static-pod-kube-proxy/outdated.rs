//! Flags that kube-proxy has no longer, or under another name: what Kubernetes says of them is done,
//! where it says nothing the finding does.
//!
//! What counts is the version that the DaemonSet is for. An older one keeps its flags, and the
//! finding names those that the next image does not start with.

use std::collections::BTreeMap;

use kubewright_model::finding::NoFix;
use kubewright_model::text;
use kubewright_model::text::Text;
use kubewright_model::yaml::{Edit, Node};

use super::command::Call;
use super::convert::container;
use super::draft::Draft;
use super::flags;
use super::gates;
use super::placement::is_windows;
use super::recognise::host_of;
use super::version::Target;

/// What a flag did before it was removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Did {
    /// Nothing.
    Nothing,
    /// It said how logs are written; they go to standard error now.
    Logs,
    /// It made kube-proxy remove its rules and exit.
    Cleanup,
    /// It limited connections, in a way that two other flags do now.
    Limit,
}

/// Flags that kube-proxy does not start with since a version, and the change that removed them.
const REMOVED: &[(&str, u32, Did, &str)] = &[
    ("resource-container", 16, Did::Nothing, "#78294"),
    ("cleanup-iptables", 16, Did::Cleanup, "#78344"),
    ("conntrack-max", 16, Did::Limit, "#78399"),
    ("cleanup-ipvs", 21, Did::Nothing, "#97336"),
    // Timeouts of UDP were those of the mode userspace.
    ("udp-timeout", 26, Did::Nothing, "#112133"),
    ("add-dir-header", 26, Did::Logs, "#112120"),
    ("alsologtostderr", 26, Did::Logs, "#112120"),
    ("log-backtrace-at", 26, Did::Logs, "#112120"),
    ("log-dir", 26, Did::Logs, "#112120"),
    ("log-file", 26, Did::Logs, "#112120"),
    ("log-file-max-size", 26, Did::Logs, "#112120"),
    ("logtostderr", 26, Did::Logs, "#112120"),
    ("one-output", 26, Did::Logs, "#112120"),
    ("skip-headers", 26, Did::Logs, "#112120"),
    ("skip-log-headers", 26, Did::Logs, "#112120"),
    ("stderrthreshold", 26, Did::Logs, "#112120"),
    ("proxy-port-range", 31, Did::Nothing, "#126293"),
];
/// Ports that are part of an address since 1.18, the flags with the address, and the address that
/// is meant where there is none (kubernetes/kubernetes#88512).
const PORTS: &[(&str, &str, &str)] = &[
    ("healthz-port", "healthz-bind-address", "0.0.0.0"),
    ("metrics-port", "metrics-bind-address", "127.0.0.1"),
];
const PORTS_SINCE: u32 = 18;
/// The version without the mode userspace (kubernetes/kubernetes#112133).
const USERSPACE_SINCE: u32 = 26;

/// Writes the flags as the version of Kubernetes has them.
pub(super) fn mend(draft: &mut Draft, target: &Target, notes: &mut Vec<Text>) -> Result<(), NoFix> {
    for (name, since, did, change) in REMOVED {
        if target.is_before(*since) {
            continue;
        }
        let Some(value) = value(draft.root()?, name) else {
            continue;
        };
        let off = matches!(value.as_str(), "false" | "0");
        let said = match did {
            Did::Limit if !off => continue,
            Did::Nothing => ", and it did nothing before",
            Did::Limit => ", and its value 0 changed nothing",
            Did::Cleanup if off => ", and its value false changed nothing",
            Did::Cleanup => "",
            Did::Logs if matches!(*name, "log-dir" | "log-file") => {
                "; the log goes to standard error, where kubectl logs finds it, and to no file"
            }
            Did::Logs => "; the log goes to standard error",
        };
        let becomes = if *did == Did::Cleanup && !off {
            replace(draft, name, "--cleanup")?;
            "is --cleanup now"
        } else {
            remove(draft, name)?;
            "is taken out"
        };
        notes.push(text![format!(
            "--{name} {becomes}: kube-proxy does not start with it since Kubernetes 1.{since} \
             (kubernetes/kubernetes{change}){said}"
        )]);
    }
    for port in PORTS.iter().filter(|_| !target.is_before(PORTS_SINCE)) {
        address(draft, port, notes)?;
    }
    if !target.is_before(USERSPACE_SINCE)
        && value(draft.root()?, "proxy-mode").as_deref() == Some("userspace")
    {
        let mode = if is_windows(draft.root()?) {
            "kernelspace"
        } else {
            "iptables"
        };
        replace(draft, "proxy-mode", &format!("--proxy-mode={mode}"))?;
        notes.push(text![format!(
            "--proxy-mode=userspace is --proxy-mode={mode} now: kube-proxy has no userspace since \
             Kubernetes 1.{USERSPACE_SINCE} (kubernetes/kubernetes#112133)"
        )]);
    }
    gates::mend(draft, target, notes)
}

/// What is left of flags that are gone: what keeps kube-proxy from starting, or from working, and
/// what a later image does not start with.
#[derive(Debug, Default)]
pub(super) struct Left {
    pub(super) now: Vec<Text>,
    pub(super) later: Vec<Text>,
}

/// What the conversion leaves of the flags of a pod.
pub(super) fn left(call: &Call<'_>, target: &Target) -> Left {
    let mut left = Left::default();
    let mut later: BTreeMap<u32, Vec<String>> = BTreeMap::new();
    for (name, since, did, _) in REMOVED {
        let Some(flag) = call.flag(name) else {
            continue;
        };
        let on = !matches!(flag.value, "false" | "0");
        match did {
            _ if target.is_before(*since) => {
                later.entry(*since).or_default().push(format!("--{name}"));
            }
            Did::Limit if on => left.now.push(text![format!(
                "kube-proxy does not start with --{name} since Kubernetes 1.{since}: say with \
                 --conntrack-max-per-core and --conntrack-min what a node needs"
            )]),
            Did::Cleanup if on => left.now.push(
                "kube-proxy removes its rules and exits with --cleanup: take it out, or no \
                 Service is answered"
                    .into(),
            ),
            _ => {}
        }
    }
    let userspace = call.flag("proxy-mode").filter(|f| f.value == "userspace");
    if userspace.is_some() && target.is_before(USERSPACE_SINCE) {
        let later = later.entry(USERSPACE_SINCE).or_default();
        later.push("--proxy-mode=userspace".to_owned());
    }
    left.later.extend(later.into_iter().map(|(since, flags)| {
        text![
            "kube-proxy does not start with ",
            Text::list(flags.into_iter().map(Text::from)),
            format!(
                " from Kubernetes 1.{since} on: set kubernetes-version with the image, and they \
                 are written as it has them"
            )
        ]
    }));
    for (port, bind, _) in PORTS.iter().filter(|_| !target.is_before(PORTS_SINCE)) {
        let number = call.flag(port).map(|flag| flag.value);
        if number == Some("0") && call.flag("config").is_none() {
            left.now.push(text![format!(
                "--{port}=0 switches that server off, and no value of --{bind} does in all \
                 versions: write the address that may ask it, such as 127.0.0.1"
            )]);
        }
    }
    left.now.extend(gates::left(call, target));
    left
}

/// Puts a port into the address that it belongs to.
fn address(
    draft: &mut Draft,
    (port, bind, default): &(&str, &str, &str),
    notes: &mut Vec<Text>,
) -> Result<(), NoFix> {
    let Some(number) = value(draft.root()?, port) else {
        return Ok(());
    };
    if value(draft.root()?, "config").is_some() {
        remove(draft, port)?;
        notes.push(text![
            "--",
            port,
            " is taken out: it does nothing beside --config"
        ]);
        return Ok(());
    }
    if number.is_empty() || number.contains(|c: char| !c.is_ascii_digit()) || number == "0" {
        // 0 switched the server off; no address does that in all versions.
        return Ok(());
    }
    let old = value(draft.root()?, bind).filter(|address| !address.is_empty());
    let host = old.as_deref().unwrap_or(default);
    if host_of(host) != host {
        remove(draft, port)?;
        notes.push(text![
            "--",
            port,
            " is taken out: --",
            bind,
            " names a port already, and that one counts"
        ]);
        return Ok(());
    }
    let new = if host.contains(':') {
        format!("--{bind}=[{host}]:{number}")
    } else {
        format!("--{bind}={host}:{number}")
    };
    if old.is_some() {
        replace(draft, bind, &new)?;
        remove(draft, port)?;
    } else {
        replace(draft, port, &new)?;
    }
    notes.push(text![
        "--",
        port,
        "=",
        &number,
        " is ",
        &new,
        format!(
            " now, as kube-proxy wants it since Kubernetes 1.{PORTS_SINCE} \
             (kubernetes/kubernetes#88512)"
        )
    ]);
    Ok(())
}

/// The value of a flag that counts.
pub(super) fn value(root: Node<'_>, name: &str) -> Option<String> {
    let call = container(root).and_then(flags::call)?;
    call.flag(name).map(|flag| flag.value.to_owned())
}

/// Takes all flags of a name out.
pub(super) fn remove(draft: &mut Draft, name: &str) -> Result<(), NoFix> {
    while draft.step(|root| edit(root, |call| call.remove(name)))? {}
    Ok(())
}

/// Puts a flag in the place of the one of that name that counts, and takes the others out.
pub(super) fn replace(draft: &mut Draft, name: &str, new: &str) -> Result<(), NoFix> {
    while draft.step(|root| edit(root, |call| call.remove_earlier(name)))? {}
    draft.step(|root| edit(root, |call| call.remove_value(name)))?;
    draft.step(|root| edit(root, |call| call.put(name, new)))?;
    Ok(())
}

fn edit<'a>(
    root: Node<'a>,
    plan: impl FnOnce(&Call<'a>) -> Option<Result<Edit, kubewright_model::yaml::Refusal>>,
) -> Result<Option<Edit>, NoFix> {
    let call = container(root).and_then(flags::call);
    Ok(call.and_then(|call| plan(&call)).transpose()?)
}
