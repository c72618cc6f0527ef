//! `missing-config-hash`: pod templates that read configuration and carry no hash of it, or a stale
//! one.
//!
//! For each pod template: what does it read (`reads`), what do those keys hold (`content`), what is
//! the hash of it (`canon`)? The annotation either says so, or it is written or updated. Where a
//! hash would be of no use or is not wanted (`skips`), or where the content cannot be known, the
//! finding says why.

use kubewright_model::finding::{Applicability, Change, Finding, Fix, Location, NoFix, Severity};
use kubewright_model::kube::{Hold, PodTemplate, Resource, Target, Workspace};
use kubewright_model::text;
use kubewright_model::text::{Field, Named, Path, Text, Verbatim};
use kubewright_model::yaml::Node;

use self::by_name::ByName;
pub(crate) use self::codes::Code;
use self::consumed::{ConsumedConfig, list};
use self::hashes::{Mark, Written};
pub(crate) use self::options::Options;
use self::options::Strategy;
use self::reads::{Behind, Reading};

use crate::{Context, GlobOf, GlobOption, Meta, Settings, Transform};

mod absent;
mod by_name;
mod canon;
mod choice;
mod codes;
mod consumed;
mod content;
mod covers;
mod generator;
mod hashes;
mod immutable;
pub(crate) mod installed;
#[cfg(test)]
mod kept_up;
mod keyed;
mod left;
mod listing;
mod message;
mod mounter;
mod name_hash;
mod options;
mod order;
mod overlay;
mod overlay_fix;
mod placeholder;
mod reads;
mod root_patch;
mod skips;
#[cfg(test)]
mod tests;
mod versioned;

/// Reasons against a config hash that make up for the lack of one: a change restarts the pods, or
/// reaches them otherwise.
pub(crate) const CURED: [Code; 6] = [
    Code::NextRun,
    Code::Reloader,
    Code::ForeignChecksum,
    Code::ChecksumTemplated,
    Code::GeneratedName,
    Code::VersionedName,
];

/// See the page of the transform.
pub(crate) struct MissingConfigHash;

static META: Meta = Meta {
    name: "missing-config-hash",
    summary: "pod templates that read configuration and carry no hash of it, or a stale one",
    applicability: Applicability::Safe,
    isolated: true,
    since: "0.1.0",
    docs: include_str!("README.md"),
    codes: Code::ALL,
};

impl Transform for MissingConfigHash {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn globs(&self) -> &'static [GlobOption] {
        &[GlobOption {
            name: "exclude",
            of: GlobOf::References,
        }]
    }

    fn check(&self, cx: &Context<'_>) -> Vec<Finding> {
        let by_name = ByName::find(cx);
        let mut findings = Vec::new();
        let mut order = order::Order::new(cx);
        let secrets = cx.settings.missing_config_hash.hashes_secrets();
        let may_read = |r: &&Resource| {
            cx.workspace.may_refer(r.id, Target::ConfigMap)
                || (secrets && cx.workspace.may_refer(r.id, Target::Secret))
        };
        let mut files = left::Files::new(cx);
        let resources = cx.workspace.resources().iter();
        for resource in resources.filter(|r| may_read(r) || files.may_carry(r)) {
            for template in cx.workspace.pod_templates(resource.id) {
                findings.extend(judge(cx, resource, &template, &by_name, &mut order));
            }
        }
        findings.extend(installed::findings(cx));
        findings.extend(by_name.findings);
        findings.extend(order.findings());
        findings
    }

    /// A name that changes is looked at by all.
    fn is_isolated(&self, settings: &Settings) -> bool {
        settings.missing_config_hash.strategy == Strategy::Hash
    }

    /// [`skips::unwanted`] knows these files, and an annotation that is there overrules it.
    fn keeps_up(&self, cx: &Context<'_>, finding: &Finding) -> bool {
        !order::is_about(cx.workspace, finding)
    }
}

fn judge(
    cx: &Context<'_>,
    resource: &Resource,
    template: &PodTemplate<'_>,
    by_name: &ByName,
    order: &mut order::Order<'_>,
) -> Option<Finding> {
    let settings = &cx.settings.missing_config_hash;
    let node = cx.workspace.node(resource.id)?;
    let sources = consumed::consumed(template, settings);
    if sources.is_empty() {
        let sources = consumed::first_start(template, settings);
        let text = "the container takes it in once, at its first start, while its data directory \
                    is empty: a restart changes nothing";
        let case = Case::new(cx, resource, node, template, &sources);
        if sources.is_empty() {
            return left::of_nothing(&case);
        }
        return Some(case.info(NoFix::new(Code::FirstStart, text)));
    }
    let case = Case::new(cx, resource, node, template, &sources);
    if let Err(reason) = case.wanted() {
        return Some(case.info(reason));
    }
    let known = case.known();
    match overlay::judge(&case, &known) {
        None => {}
        Some(overlay::Verdict::Right) => return None,
        Some(overlay::Verdict::Wrong(finding)) => return Some(finding),
    }
    match known {
        Ok(reading) if by_name.cover(&reading) => None,
        Ok(reading) => {
            let mut found = immutable::changed(&case, &reading)
                .or_else(|| listing::left_out(&case, &reading))
                .or_else(|| {
                    let finding = case.compare(&reading);
                    order.take(&case, &reading, finding.as_ref());
                    finding
                })?;
            found.notes.extend(by_name.notes(&reading));
            Some(found)
        }
        Err(reason) => left::by_names(&case, &reason).or_else(|| Some(case.unknown(reason))),
    }
}

/// Names of objects.
type Names = Vec<(Target, String)>;

/// The hash for a pod template that reads one ConfigMap, all of its keys.
pub(crate) fn hash_of(data: &[(&str, String)]) -> String {
    let keys = data
        .iter()
        .map(|(key, value)| ((*key).to_owned(), Some(canon::digest(value.as_bytes()))))
        .collect();
    let section = canon::Section {
        to: Target::ConfigMap,
        keys: Some(keys),
    };
    canon::hash(&[section])
}

/// What the config hash of a pod template, or a hash in the name, covers, and what of it may be
/// applied after the workload, or why it has none; for transforms whose findings it makes up for.
pub(crate) fn covered(
    cx: &Context<'_>,
    resource: &Resource,
    template: &PodTemplate<'_>,
) -> Result<(Names, Names), NoFix> {
    let settings = &cx.settings.missing_config_hash;
    let sources = consumed::consumed(template, settings);
    let Some(node) = cx
        .workspace
        .node(resource.id)
        .filter(|_| !sources.is_empty())
    else {
        return Ok(Default::default());
    };
    let reading = Case::new(cx, resource, node, template, &sources).read()?;
    if !settings.carried_by(template.node) {
        skips::unwanted(cx.workspace, resource, template, &reading)?;
    }
    let apart = reading.apart.into_iter().map(|(name, _)| name);
    let names = reading.names.into_iter().chain(reading.by_name).collect();
    Ok((names, reading.early.into_iter().chain(apart).collect()))
}

/// A pod template that reads configuration.
struct Case<'a> {
    cx: &'a Context<'a>,
    resource: &'a Resource,
    node: Node<'a>,
    template: &'a PodTemplate<'a>,
    sources: &'a [ConsumedConfig<'a>],
    /// The hashes that stand there.
    written: Written<'a>,
}

impl<'a> Case<'a> {
    fn new(
        cx: &'a Context<'a>,
        resource: &'a Resource,
        node: Node<'a>,
        template: &'a PodTemplate<'a>,
        sources: &'a [ConsumedConfig<'a>],
    ) -> Self {
        Self {
            cx,
            resource,
            node,
            template,
            sources,
            written: Written::of(template.node, &cx.settings.missing_config_hash),
        }
    }
}

impl Case<'_> {
    fn workspace(&self) -> &Workspace {
        self.cx.workspace
    }

    /// What the pods read, unless a hash of it would be of no use.
    fn read(&self) -> Result<Reading, NoFix> {
        self.wanted()?;
        self.known()
    }

    /// Whether a hash would be of use.
    fn wanted(&self) -> Result<(), NoFix> {
        skips::kind(self.workspace(), self.node, self.resource, self.template)?;
        skips::owner(
            self.workspace(),
            self.node,
            self.template.node,
            self.sources,
        )?;
        if self.written.values().any(|text| text.contains("{{")) {
            return Err(NoFix::new(
                Code::ChecksumTemplated,
                "its config hash is filled in by a template",
            ));
        }
        let settings = &self.cx.settings.missing_config_hash;
        if self.written.is_empty() {
            settings.chosen(self.node, self.template.node)?;
        }
        settings.has_key_for(self.sources)
    }

    /// What the pods read, as far as the workspace tells.
    fn known(&self) -> Result<Reading, NoFix> {
        self.untouched()?;
        self.survives()?;
        reads::read(self.workspace(), self.resource, self.sources)
            .map(|reading| self.cx.settings.missing_config_hash.keyed(reading))
    }

    /// The fields that say what the template reads.
    fn fields_read(&self) -> Vec<String> {
        let path = [self.template.carrier.template, &["spec"]].concat();
        let known: Vec<&str> = path
            .iter()
            .copied()
            .take_while(|segment| *segment != "*")
            .collect();
        let spec = known.join(".").replace("[]", "");
        let mut fields = vec![format!("{spec}.volumes")];
        if known.len() < path.len() {
            fields.push(spec.clone());
        }
        for list in ["initContainers", "containers", "ephemeralContainers"] {
            fields.extend(
                ["env", "envFrom", "volumeMounts"].map(|field| format!("{spec}.{list}.{field}")),
            );
        }
        fields
    }

    /// No kustomization changes what the template reads.
    fn untouched(&self) -> Result<(), NoFix> {
        let fields = self.fields_read();
        match self
            .workspace()
            .touches(self.resource.id)
            .iter()
            .find(|touch| fields.iter().any(|field| touch.affects(field)))
        {
            None => Ok(()),
            Some(touch) => {
                let text = format!(
                    "{} of a kustomization may change what it reads; hash the rendered manifests",
                    touch.what.name()
                );
                Err(NoFix::new(Code::WorkloadPatched, text))
            }
        }
    }

    /// No kustomization, and nobody behind it, replaces the annotations of the template as a whole.
    fn survives(&self) -> Result<(), NoFix> {
        let template: Vec<&str> = self
            .template
            .carrier
            .template
            .iter()
            .copied()
            .take_while(|segment| *segment != "*")
            .collect();
        let above = [&template[..], &["metadata", "annotations"]]
            .concat()
            .join(".")
            .replace("[]", "");
        let replaced = |path: &String| {
            above == *path
                || above
                    .strip_prefix(path.as_str())
                    .is_some_and(|rest| rest.starts_with('.'))
        };
        let touches = self.workspace().touches(self.resource.id);
        let Some(touch) = touches.iter().find(|t| {
            t.paths
                .as_ref()
                .is_some_and(|paths| paths.iter().any(replaced))
        }) else {
            return Ok(());
        };
        let file = &self.workspace().file(touch.location.file).path;
        let text = text![
            touch.what.name(),
            " in ",
            Path(file),
            " replaces all annotations of the pod template, and a hash in the workload would \
             never reach the cluster; write it in that place, or hash the rendered manifests"
        ];
        Err(NoFix::new(Code::AnnotationsReplaced, text))
    }

    /// Nothing when the hashes are right; else the finding.
    fn compare(&self, reading: &Reading) -> Option<Finding> {
        let settings = &self.cx.settings.missing_config_hash;
        let marks = settings.hashes(reading);
        if self.written.are(&marks) {
            return None;
        }
        if self.written.is_empty()
            && let Err(reason) =
                skips::unwanted(self.workspace(), self.resource, self.template, reading)
        {
            return Some(self.info(reason));
        }
        let Reading {
            names,
            elsewhere,
            apart,
            ..
        } = reading;
        let mut notes: Vec<Text> = Vec::new();
        if !elsewhere.is_empty() {
            let (are, they) = if elsewhere.len() > 1 {
                (" are", "they are")
            } else {
                (" is", "it is")
            };
            let why = [
                are,
                " not covered: ",
                they,
                " not among what is applied with it",
            ];
            notes.push(text![list(elsewhere), why.concat()]);
        }
        notes.extend(order::notes(self, reading));
        notes.extend(self.misplaced(names));
        for (name, applier) in apart {
            let name = list(std::slice::from_ref(name));
            notes.push(text![
                applier,
                " applies ",
                name,
                ", at a time of its own: new pods may start with the old content and keep it"
            ]);
        }
        notes.extend(Hold::of(self.resource, self.node).map(|hold| hold.to_string().into()));
        let mounter = mounter::note(self.template);
        let at_rest = apart.is_empty() && mounter.is_none();
        let applicability = if at_rest || !self.written.is_empty() {
            Applicability::Safe
        } else {
            Applicability::Unsafe
        };
        notes.extend(mounter);
        let fix = self.mend(message::title(self, &marks), &marks, applicability);
        let message::Wrong { hazard, message } = message::wrong(self, reading, &marks);
        let mut finding = self.finding(Severity::Warning, message, fix);
        finding.notes = notes;
        let place = |behind: &Behind| match behind {
            Behind::Resource(id) => self.defined(*id),
            Behind::Generator(location) => Some(location.clone()),
        };
        let behind = reading.behind.iter().zip(names);
        finding.related = behind
            .filter_map(|(behind, name)| Some((place(behind)?, list(std::slice::from_ref(name)))))
            .collect();
        finding.subject.hazard = hazard;
        Some(finding)
    }

    /// The fix that has the pod template carry these hashes, and no other ones.
    fn mend(
        &self,
        title: Text,
        marks: &[Mark],
        applicability: Applicability,
    ) -> Result<Fix, NoFix> {
        match hashes::edits(self.template.node, &self.written, marks) {
            Ok(edits) => Ok(Fix {
                title,
                applicability,
                changes: (edits.into_iter())
                    .map(|edit| Change::Edit(self.resource.file, edit))
                    .collect(),
                // Not the ConfigMaps: any number of workloads may read one. Whoever changes its
                // keys or name claims its readers, and whatever else is in it by the end of a pass,
                // the next pass hashes.
                claims: vec![self.resource.id],
            }),
            Err(refusal) => {
                let wanted = marks.iter().filter(|mark| !self.written.has(mark));
                let lines = wanted.map(|mark| format!("{}: \"{}\"", mark.key, mark.hash));
                let lines = Text::joined(lines.map(|line| text![Verbatim(&line)]), ", ");
                Err(NoFix {
                    text: text![
                        refusal.text.trim_end_matches('.'),
                        "; by hand: ",
                        lines,
                        " in the annotations of the pod template"
                    ],
                    ..refusal.into()
                })
            }
        }
    }

    /// A hash that stands on the workload instead of on its pod template, where a change of it
    /// replaces no pod.
    fn misplaced(&self, names: &Names) -> Option<Text> {
        let names: Vec<_> = names
            .iter()
            .map(|(to, name)| (*to, name.as_str()))
            .collect();
        let settings = &self.cx.settings.missing_config_hash;
        let is_hash = |(key, value): &(&str, &str)| {
            settings.is_own(key) || covers::by_checksum(key, value, &names)
        };
        let (key, _) = covers::annotations(self.node)
            .find(is_hash)
            .filter(|_| self.written.is_empty())?;
        let kind = &self.resource.kind;
        Some(text![
            "annotation ",
            Field(key),
            " of the ",
            kind,
            " itself restarts nothing: it belongs into the metadata of the pod template"
        ])
    }

    fn subject(&self) -> Named {
        self.resource.display()
    }

    /// The content is not known. A hash that is there all the same is kept up by nobody, and its
    /// readers trust it.
    fn unknown(&self, reason: NoFix) -> Finding {
        let trusted = || {
            self.written.values().next().is_some() || overlay::annotations(self).next().is_some()
        };
        let severity = if trusted() && !reason.is(Code::GeneratedName) {
            Severity::Warning
        } else {
            Severity::Info
        };
        Finding {
            severity,
            ..self.info(reason)
        }
    }

    fn info(&self, reason: NoFix) -> Finding {
        let names: Vec<_> = self.sources.iter().map(ConsumedConfig::label).collect();
        let bare = self.written.is_empty() && overlay::annotations(self).next().is_none();
        let hash = match (bare, names.len()) {
            (true, 1) => " and carries no hash of it",
            (true, _) => " and carries no hash of them",
            (false, _) => ", and its config hash is not kept up",
        };
        let message = text![self.subject(), " reads ", list(&names), hash];
        self.finding(Severity::Info, message, Err(reason))
    }

    fn finding(&self, severity: Severity, message: Text, fix: Result<Fix, NoFix>) -> Finding {
        let hazard = if severity == Severity::Info {
            "uncovered"
        } else if self.written.is_empty() {
            "absent"
        } else if self.written.values().next().is_none() {
            "empty"
        } else {
            "stale"
        };
        let names = self
            .sources
            .iter()
            .map(|source| source.display().to_string());
        META.finding(
            severity,
            self.defined(self.resource.id)
                .unwrap_or_else(|| Location::of(self.resource.file, self.node)),
            message,
        )
        .about(self.resource.id)
        .subject(hazard, names)
        .fix(fix)
    }

    /// Where a resource says its name.
    fn defined(&self, id: kubewright_model::kube::ResourceId) -> Option<Location> {
        let node = self.workspace().node(id)?;
        Some(Location::of(
            self.workspace().resource(id).file,
            node.path(&["metadata", "name"]).unwrap_or(node),
        ))
    }
}
