//! `kubelet-eviction-defaults`: thresholds of eviction that switch others off, or come before the
//! kubelet collects images.
//!
//! [`settings`] finds where thresholds are given, [`flags`] reads flags in texts, [`thresholds`]
//! knows the defaults. Configurations are edited, in files of their own, in ConfigMaps of kubeadm
//! and of `OpenShift`; everything else is said.

mod codes;
mod flags;
mod options;
mod settings;
mod thresholds;

use kubewright_model::finding::{
    Applicability, Change, Finding, FindingBuilder, Fix, NoFix, Severity,
};
use kubewright_model::text;
use kubewright_model::text::{Field, Text, Verbatim};
use kubewright_model::yaml::{Edit, File, Node, Place, Value, verify};

use self::codes::Code;
pub(crate) use self::options::Options;
use self::settings::{HARD, How, Setting};
use self::thresholds::{GC_HIGH, Given, IMAGE_INODES};
use crate::{Context, Meta, Transform};

/// See the page of the transform.
pub(crate) struct KubeletEvictionDefaults;

static META: Meta = Meta {
    name: "kubelet-eviction-defaults",
    summary: "thresholds of a kubelet that switch its other thresholds off, or evict before it \
              collects images",
    applicability: Applicability::Unsafe,
    isolated: false,
    since: "0.1.0",
    docs: include_str!("README.md"),
    codes: Code::ALL,
};

impl Transform for KubeletEvictionDefaults {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn check(&self, cx: &Context<'_>) -> Vec<Finding> {
        let settings = settings::all(cx.workspace);
        let found = settings.iter().flat_map(|setting| {
            [
                silenced(setting),
                before_gc(setting),
                without_grace(setting),
            ]
        });
        found.flatten().collect()
    }
}

impl Setting<'_> {
    /// What another tool makes of its field is not known, so it is a remark.
    fn finding(&self, severity: Severity, hazard: &'static str, message: Text) -> FindingBuilder {
        let severity = match self.how {
            How::Tool => Severity::Info,
            _ => severity,
        };
        let place = self.place.clone();
        let finding = META.finding(severity, place, message).about(self.resource);
        let finding = finding.subject(hazard, [self.name.to_string()]);
        match self.how {
            How::Key(..) => finding.notes([text![
                "nodes that have their file already get it with ",
                Text::command("kubeadm upgrade node phase kubelet-config"),
                " and a restart of the kubelet"
            ]]),
            _ => finding,
        }
    }
}

/// Thresholds that count as zero because others are given.
fn silenced(setting: &Setting<'_>) -> Option<Finding> {
    let given = setting.given.as_ref()?;
    if given.0.is_empty() {
        let message = text![
            &setting.name,
            " gives ",
            Field(HARD),
            " no threshold: the kubelet evicts nothing before the kernel kills, or the disk is \
             full"
        ];
        let text = text![
            "take ",
            Field(HARD),
            " out if the defaults are meant: they count without it"
        ];
        let finding = setting.finding(Severity::Info, "switched-off", message);
        return Some(finding.fix(Err(NoFix::new(Code::SwitchedOff, text))));
    }
    let silenced = given.silenced();
    let (first, _) = silenced.first()?;
    // Older kubelets have no default for the last one, and where images lie on the disk of the
    // node the threshold for that disk is there.
    let severity = if *first == IMAGE_INODES {
        Severity::Info
    } else {
        Severity::Warning
    };
    let names = |pairs: &mut dyn Iterator<Item = &str>| {
        Text::list(
            pairs
                .map(|signal| text![Verbatim(signal)])
                .collect::<Vec<_>>(),
        )
    };
    let message = text![
        &setting.name,
        " gives thresholds for ",
        names(&mut given.0.iter().map(|(signal, _)| signal.as_str())),
        " alone: ",
        names(&mut silenced.iter().map(|(signal, _)| *signal)),
        if silenced.len() == 1 {
            " counts as 0, so the kubelet evicts nothing when that runs out"
        } else {
            " count as 0, so the kubelet evicts nothing when one of them runs out"
        }
    ];
    let finding = setting.finding(severity, "silenced", message);
    Some(finding.fix(write_out(setting, given, &silenced)))
}

/// Writes out the defaults that others silence.
fn write_out(
    setting: &Setting<'_>,
    given: &Given,
    silenced: &[(&str, &str)],
) -> Result<Fix, NoFix> {
    let parts: Vec<Text> = silenced
        .iter()
        .map(|(s, t)| text![Verbatim(&format!("{s}: {t}"))])
        .collect();
    let edit = match setting.how {
        How::Field(hard) => added(hard, silenced)?,
        How::Key(key, document) => vec![in_key(key, document, silenced)?],
        How::Text => {
            let text = text![
                "add ",
                Text::list(parts),
                " to ",
                Field(HARD),
                " by hand: kubewright edits no configuration inside another text"
            ];
            return Err(NoFix::new(Code::InsideText, text));
        }
        How::Tool => {
            let text = text![
                "add ",
                Text::list(parts),
                " if the kubelet lacks them: what the tool that reads this gives to the kubelet \
                 is shown by `",
                Text::command("kubectl get --raw /api/v1/nodes/NODE/proxy/configz"),
                "`"
            ];
            return Err(NoFix::new(Code::OtherTool, text));
        }
        How::Flag => {
            let all = given.0.iter().map(|(s, t)| (s.as_str(), t.as_str()));
            let all = all.chain(silenced.iter().copied());
            let all = Given(all.map(|(s, t)| (s.to_owned(), t.to_owned())).collect());
            let text = text![
                "give ",
                Verbatim("--eviction-hard"),
                " the value ",
                Verbatim(&all.flag()),
                " by hand: kubewright edits no flags of a kubelet"
            ];
            return Err(NoFix::new(Code::Flag, text));
        }
    };
    Ok(Fix {
        title: text!["write out ", Text::list(parts)],
        applicability: Applicability::Unsafe,
        changes: edit
            .into_iter()
            .map(|edit| Change::Edit(setting.file, edit))
            .collect(),
        claims: setting.resource.into_iter().collect(),
    })
}

fn added(hard: Node<'_>, silenced: &[(&str, &str)]) -> Result<Vec<Edit>, NoFix> {
    let quoted = hard
        .entries()
        .any(|(_, value)| value.source().starts_with('"'));
    let value = |threshold: &str| {
        if quoted {
            Value::quoted(threshold)
        } else {
            Value::str(threshold)
        }
    };
    let edits = silenced
        .iter()
        .map(|(signal, threshold)| hard.insert(Place::Last, signal, &value(threshold)));
    Ok(edits.collect::<Result<_, _>>()?)
}

/// The same in the text of a key.
fn in_key(key: Node<'_>, document: usize, silenced: &[(&str, &str)]) -> Result<Edit, NoFix> {
    let unread = || NoFix::new(Code::InsideText, "the text of the key is not read as YAML");
    let inner = File::parse(key.text().unwrap_or_default().to_owned()).map_err(|_| unread())?;
    let root = inner.root(document).ok_or_else(unread)?;
    let edits = added(root.get(HARD).ok_or_else(unread)?, silenced)?;
    let edits: Vec<&Edit> = edits.iter().collect();
    let text = verify::apply(&inner, &edits)?;
    Ok(key.set(&Value::str(text))?)
}

/// A threshold for the disk of images that is reached before images are collected.
fn before_gc(setting: &Setting<'_>) -> Option<Finding> {
    let given = setting.given.as_ref()?;
    let high = setting.gc_high;
    // From 100 on images are never collected for the usage of the disk: somebody's decision.
    let room = (1..100)
        .contains(&high)
        .then(|| f64::from(u8::try_from(100 - high).unwrap_or(0)))?;
    let over = |signal: &'static str| {
        given
            .percent(signal)
            .filter(|p| *p > room)
            .map(|p| (signal, p))
    };
    let (severity, (signal, percent)) = match (over("imagefs.available"), over("nodefs.available"))
    {
        (Some(images), _) => (Severity::Warning, images),
        (None, Some(node)) => (Severity::Info, node),
        (None, None) => return None,
    };
    let used = 100.0 - percent;
    let where_images = if signal == "nodefs.available" {
        ", where images lie on the same disk"
    } else {
        ""
    };
    let default = if high == GC_HIGH {
        " (the default)"
    } else {
        ""
    };
    let message = text![
        &setting.name,
        " evicts before images are collected",
        where_images,
        ": ",
        Verbatim(&format!("{signal} {percent}%")),
        format!(
            " is reached when {used}% of the disk is used, images are collected from \
             {high}%{default} on; the node gets DiskPressure, takes no pods and evicts those it \
             has"
        )
    ];
    let earlier = (used - 5.0).max(1.0).floor();
    let (high, low) = match setting.how {
        How::Flag => (
            format!("--image-gc-high-threshold={earlier}"),
            "--image-gc-low-threshold",
        ),
        _ => (
            format!("imageGCHighThresholdPercent: {earlier}"),
            "imageGCLowThresholdPercent",
        ),
    };
    let text = text![
        "either is your decision: set ",
        Verbatim(&high),
        " and a lower ",
        Field(low),
        format!(", or {signal} to "),
        Verbatim(&format!("{room}%")),
        " at most"
    ];
    let finding = setting.finding(severity, "before-gc", message);
    Some(finding.fix(Err(NoFix::new(Code::EvictsBeforeGc, text))))
}

/// Soft thresholds for which no grace period is given.
fn without_grace(setting: &Setting<'_>) -> Option<Finding> {
    let first = setting.without_grace.first()?;
    let signals = setting
        .without_grace
        .iter()
        .map(|signal| text![Verbatim(signal)]);
    let message = text![
        &setting.name,
        " has soft thresholds without a grace period, for ",
        Text::list(signals),
        ": the kubelet does not start"
    ];
    let text = text![
        "add ",
        Verbatim(&format!("{first}: 1m30s")),
        " (or as long as it may last) to ",
        Field("evictionSoftGracePeriod")
    ];
    let finding = setting.finding(Severity::Error, "grace-period", message);
    Some(finding.fix(Err(NoFix::new(Code::GracePeriod, text))))
}
