//! Pods that a chart makes of the values of a `HelmRelease` or an `Application`: their hash goes
//! into the annotations of pods in those values.

use std::collections::BTreeMap;

use kubewright_model::finding::{Applicability, Change, Finding, Fix, Location, NoFix, Severity};
use kubewright_model::kube::installed::{Installed, InstalledPod, Part};
use kubewright_model::kube::{Resolution, Touch, TouchKind};
use kubewright_model::text;
use kubewright_model::text::{Path as At, Text, Verbatim};
use kubewright_model::yaml::{Edit, Node, Place, Value, verify};

use super::codes::Code;
use super::consumed::{self, ConsumedConfig, list};
use super::hashes::Mark;
use super::reads::{self, Behind, Reading};
use super::{Case, covers, message, skips};
use crate::Context;

/// All that is found in what is installed.
pub(super) fn findings(cx: &Context<'_>) -> Vec<Finding> {
    let resources = cx.workspace.resources().iter();
    let all: Vec<_> = resources
        .filter_map(|resource| cx.workspace.installed(resource.id))
        .collect();
    let mut others = Others::default();
    for installed in &all {
        for part in &installed.values {
            *others.readers.entry(part.location()).or_default() += 1;
        }
        others.reloader |= installed.pods.iter().any(has_reloader);
    }
    let mut findings = Vec::new();
    for installed in &all {
        for pod in &installed.pods {
            findings.extend(judge(cx, installed, pod, &others));
        }
    }
    findings
}

fn judge(
    cx: &Context<'_>,
    installed: &Installed<'_>,
    pod: &InstalledPod,
    others: &Others,
) -> Option<Finding> {
    let resource = cx.workspace.resource(installed.resource);
    let settings = &cx.settings.missing_config_hash;
    let (node, template) = (pod.workload()?, pod.template()?);
    let mut sources = consumed::consumed(&template, settings);
    sources.retain(|source| in_sight(cx, installed, source));
    if sources.is_empty() {
        return None;
    }
    let case = Values {
        case: Case::new(cx, resource, node, &template, &sources),
        installed,
        pod,
        others,
    };
    if let Err(reason) = case.case.wanted() {
        return Some(case.info(reason));
    }
    match case.known() {
        Ok(reading) => case.compare(&settings.keyed(reading)),
        Err(reason) if reason.is(Code::GeneratedName) => None,
        Err(reason) => Some(case.info(reason)),
    }
}

/// Whether an object is one of the workspace: charts make many of their own.
fn in_sight(cx: &Context<'_>, installed: &Installed<'_>, source: &ConsumedConfig<'_>) -> bool {
    let namespace = installed.namespace.as_deref();
    installed.sets.iter().any(|set| {
        let (from, to, name) = (installed.resource, source.to, source.name);
        cx.workspace.resolve_in(*set, from, to, name, namespace) != Resolution::Missing
    })
}

/// What is known of all releases.
#[derive(Debug, Default)]
struct Others {
    /// How many of them read each part of the values.
    readers: BTreeMap<Location, usize>,
    /// Reloader restarts the pods of some.
    reloader: bool,
}

/// What has Reloader restart a workload for all that it reads.
const RELOADER: &str = "reloader.stakater.com/auto";

fn has_reloader(pod: &InstalledPod) -> bool {
    let auto = |node| covers::annotations(node).any(|(key, on)| key == RELOADER && on == "true");
    pod.workload().is_some_and(auto) || pod.template().is_some_and(|t| auto(t.node))
}

/// Pods that a chart makes of values.
struct Values<'a> {
    case: Case<'a>,
    installed: &'a Installed<'a>,
    pod: &'a InstalledPod,
    others: &'a Others,
}

impl Values<'_> {
    fn known(&self) -> Result<Reading, NoFix> {
        let (ws, resource) = (self.case.workspace(), self.case.resource);
        let fields = ["spec.values", "spec.source", "spec.sources"];
        let touches = ws.touches(resource.id);
        // Variables that Flux fills in are none of the names that are read here.
        let changes = |touch: &&Touch| {
            touch.what != TouchKind::PostBuild && fields.iter().any(|field| touch.affects(field))
        };
        if let Some(touch) = touches.iter().find(changes) {
            let text = format!(
                "{} of a kustomization may change its values; hash the rendered manifests",
                touch.what.name()
            );
            return Err(NoFix::new(Code::WorkloadPatched, text));
        }
        let namespace = self.installed.namespace.as_deref();
        let sets = &self.installed.sets;
        reads::read_by(ws, (resource, namespace), sets, self.case.sources)
    }

    fn compare(&self, reading: &Reading) -> Option<Finding> {
        let case = &self.case;
        let marks = case.cx.settings.missing_config_hash.hashes(reading);
        if case.written.are(&marks) {
            return None;
        }
        if case.written.is_empty()
            && let Err(reason) =
                skips::unwanted(case.workspace(), case.resource, case.template, reading)
        {
            return Some(self.info(reason));
        }
        let message::Wrong { hazard, message } = message::wrong(case, reading, &marks);
        let mut finding = case.finding(Severity::Warning, message, self.fix(&marks));
        finding.notes.push(self.knowledge());
        let own = self.pod.of_workload.as_ref();
        if let Some(own) = own.filter(|_| self.others.reloader && case.written.is_empty()) {
            let annotation = format!("{RELOADER}: \"true\"");
            finding.notes.push(text![
                "Reloader restarts the pods of other releases: ",
                Verbatim(&annotation),
                " in ",
                Verbatim(&own.join(".")),
                " does the same for these"
            ]);
        }
        for (name, applier) in &reading.apart {
            let name = list(std::slice::from_ref(name));
            finding.notes.push(text![
                applier.as_str(),
                " applies ",
                name,
                ", at a time of its own: new pods may start with the old content and keep it"
            ]);
        }
        let place = |behind: &Behind| match behind {
            Behind::Resource(id) => case.defined(*id),
            Behind::Generator(location) => Some(location.clone()),
        };
        let behind = reading.behind.iter().zip(&reading.names);
        finding.related = behind
            .filter_map(|(behind, name)| Some((place(behind)?, list(std::slice::from_ref(name)))))
            .collect();
        finding.subject.hazard = hazard;
        Some(self.placed(finding))
    }

    /// By what it is known what the chart makes.
    fn knowledge(&self) -> Text {
        text![
            "chart ",
            self.installed.chart.name,
            " takes annotations of these pods from ",
            Verbatim(&self.path()),
            " (",
            self.installed.chart.source,
            "); it was not rendered"
        ]
    }

    fn path(&self) -> String {
        self.pod.annotations.join(".")
    }

    fn info(&self, reason: NoFix) -> Finding {
        self.placed(self.case.info(reason))
    }

    /// At the place where values name what is read. Pods of one chart may read the same.
    fn placed(&self, mut finding: Finding) -> Finding {
        let named = self.case.sources.iter().find_map(|source| {
            let path = self.pod.named(source.to, source.name)?;
            self.installed.at(path)
        });
        if let Some((part, node)) = named {
            let node = part.scalar().unwrap_or(node);
            finding.primary = Location::of(part.file, node);
        }
        finding.subject.names.push(self.path());
        finding
    }

    fn fix(&self, marks: &[Mark]) -> Result<Fix, NoFix> {
        let title = message::title(&self.case, marks);
        let title = text![title, ", in ", Verbatim(&self.path()), " of the values"];
        let changes = self.edits(marks).map_err(|reason| {
            let line = |mark: &Mark| text![Verbatim(&format!("{}: \"{}\"", mark.key, mark.hash))];
            let lines = Text::joined(marks.iter().map(line), ", ");
            let place = self.path();
            NoFix {
                text: text![
                    reason.text.to_string().trim_end_matches('.'),
                    "; by hand: ",
                    lines,
                    " in ",
                    Verbatim(&place)
                ],
                ..reason
            }
        })?;
        Ok(Fix {
            title,
            // What is there was asked for; whether the chart takes what comes is not proven.
            applicability: if self.case.written.is_empty() {
                Applicability::Unsafe
            } else {
                Applicability::Safe
            },
            changes,
            claims: vec![self.case.resource.id],
        })
    }

    /// The edits that have the annotations carry these hashes, and no other ones.
    fn edits(&self, marks: &[Mark]) -> Result<Vec<Change>, NoFix> {
        let (path, values) = (&self.pod.annotations, &self.installed.values);
        let own = |key: &str| {
            let way = [&path[..], &[key.to_owned()]].concat();
            let parts = values.iter().enumerate().rev();
            parts
                .clone()
                .find_map(|(at, part)| Some((at, part.at(&way)?)))
        };
        let mut edits: BTreeMap<usize, Vec<Edit>> = BTreeMap::new();
        let mut new = Vec::new();
        for mark in marks {
            match own(&mark.key) {
                Some((_, node)) if node.text() == Some(&*mark.hash) => {}
                Some((at, node)) => {
                    let edit = node.set(&Value::quoted(&*mark.hash))?;
                    edits.entry(at).or_default().push(edit);
                }
                None => new.push((mark.key.clone(), Value::quoted(&*mark.hash))),
            }
        }
        for key in self.case.written.besides(marks) {
            if let Some((at, node)) = own(key) {
                edits.entry(at).or_default().push(node.remove()?);
            }
        }
        if !new.is_empty() {
            let nearest = self.installed.nearest(path);
            if let Some((at, root)) = nearest.and_then(|at| Some((at, values[at].root()?))) {
                edits
                    .entry(at)
                    .or_default()
                    .extend(insert(root, path, new)?);
            }
        }
        let several = |at: &usize| self.others.readers.get(&values[*at].location()) > Some(&1);
        if let Some(at) = edits.keys().find(|at| several(at)) {
            let file = &self.case.workspace().file(values[*at].file).path;
            let text = text![
                "several releases read the values in ",
                At(file),
                ", and what their pods read need not be the same: give each of them values of its \
                 own"
            ];
            return Err(NoFix::new(Code::ValuesShared, text));
        }
        let each = edits.into_iter();
        let each = each.map(|(at, edits)| within(&values[at], edits));
        Ok(each.collect::<Result<Vec<_>, _>>()?.concat())
    }
}

/// Edits of values as those of the file that they stand in.
fn within(part: &Part<'_>, edits: Vec<Edit>) -> Result<Vec<Change>, NoFix> {
    let edits = match (part.scalar(), part.inner()) {
        (Some(scalar), Some(inner)) => {
            let text = verify::apply(inner, &edits.iter().collect::<Vec<_>>())?;
            vec![scalar.set(&Value::str(text))?]
        }
        _ => edits,
    };
    let changes = edits.into_iter().map(|edit| Change::Edit(part.file, edit));
    Ok(changes.collect())
}

/// The edits that add entries to a mapping at a path, which is made as far as it lacks.
fn insert(root: Node<'_>, path: &[String], new: Vec<(String, Value)>) -> Result<Vec<Edit>, NoFix> {
    let around = |path: &[String], new: Vec<(String, Value)>| {
        let keys = path.iter().rev();
        keys.fold(Value::map(new), |value, key| {
            Value::map([(key.clone(), value)])
        })
    };
    let mut at = root;
    for (depth, key) in path.iter().enumerate() {
        let rest = &path[depth + 1..];
        let Some(next) = at.get(key) else {
            let entries = around(rest, new);
            return Ok(vec![at.insert(beside(at, key), key, &entries)?]);
        };
        let is_empty = next.is_null() || (next.is_mapping() && next.entries().next().is_none());
        if is_empty {
            return Ok(vec![next.set(&around(rest, new))?]);
        }
        if !next.is_mapping() {
            let text = text![Verbatim(key), " of its values is no mapping"];
            return Err(NoFix::new(Code::ValuesShape, text));
        }
        at = next;
    }
    let each = new.iter();
    let each = each.map(|(key, value)| Ok(at.insert(Place::Last, key, value)?));
    each.collect()
}

/// Where a key belongs that comes: settings of pods stand in front of their containers.
fn beside<'n>(mapping: Node<'n>, key: &str) -> Place<'n> {
    let lists = ["initContainers", "containers"];
    let first = mapping
        .entries()
        .find(|(key, _)| key.text().is_some_and(|key| lists.contains(&key)));
    match first {
        Some((_, value)) if key == "pod" => Place::Before(value),
        _ => Place::Last,
    }
}

/// Why a change of what the pods read restarts them, or does not; for transforms whose findings it
/// makes up for. Nothing where nothing of it is in the workspace.
pub(crate) fn restarts(
    cx: &Context<'_>,
    installed: &Installed<'_>,
    pod: &InstalledPod,
) -> Result<(), Text> {
    match judge(cx, installed, pod, &Others::default()).map(|finding| finding.fix) {
        None | Some(Ok(_)) => Ok(()),
        Some(Err(reason)) if super::CURED.iter().any(|code| reason.is(*code)) => Ok(()),
        Some(Err(reason)) => Err(reason.text),
    }
}
