//! Judges an account or a claim that is missing: who may make it after all, which name may have
//! been meant, and how much that matters.

use std::collections::{BTreeMap, BTreeSet};

use kubewright_model::finding::{Finding, NoFix, Severity};
use kubewright_model::kube::{Resource, ResourceId, SetId, TouchKind, Workspace};
use kubewright_model::text;
use kubewright_model::text::{Named, Path, Text};
use kubewright_model::yaml::Node;

use super::codes::Code;
use super::companions::{Gathered, Kind, Lack};
use super::evidence::{Facts, may_equal};
use super::traces::Traces;
use super::wanted::Place;
use super::{META, Verdict, is_configured, objects, rewrite, say, worst};

/// One name that a resource needs, and all that is known.
pub(super) struct Judge<'j, 'a, 'g> {
    pub(super) facts: &'j Facts<'a, 'g>,
    pub(super) all: &'j Gathered<'a>,
    pub(super) traces: &'j Traces,
    pub(super) lack: &'j Lack<'a>,
    pub(super) kind: Kind,
    pub(super) name: &'j str,
    /// A text that speaks of it.
    pub(super) spoken: Option<&'j str>,
}

impl Judge<'_, '_, '_> {
    fn workspace(&self) -> &Workspace {
        self.facts.workspace()
    }

    fn display(&self) -> Named {
        Named::new(self.kind.name(), self.name)
    }

    /// The finding; `None` when it is known who makes it.
    pub(super) fn finding(&self) -> Option<Finding> {
        if self.facts.is_named_external(self.kind.name(), self.name) {
            return None;
        }
        let verdicts = self.lack.sets.iter().map(|set| (*set, self.in_set(*set)));
        let (verdict, sets) = worst(verdicts.collect())?;
        let place = &self.lack.needs.first()?.place;
        let resource = self.lack.resource;
        let names = sets
            .iter()
            .map(|set| crate::say::set(self.workspace(), *set));
        let does = if sets.len() == 1 { "does" } else { "do" };
        let (verb, comes) = match self.kind {
            Kind::Account if resource.kind == "Pod" => (
                " runs as ",
                "the API server refuses the pod (serviceaccount not found)",
            ),
            Kind::Account => (
                " runs as ",
                "no pod is created without it (FailedCreate: serviceaccount not found)",
            ),
            Kind::Claim => (
                " mounts ",
                "pods stay in Pending without it (FailedScheduling)",
            ),
        };
        let message = text![
            resource.display(),
            verb,
            self.display(),
            ", which ",
            Text::list(names),
            " ",
            does,
            " not have; ",
            comes
        ];
        Some(
            META.finding(verdict.severity, place.at.clone(), message)
                .subject("companion", [self.kind.name(), self.name])
                .related(verdict.related)
                .about(resource.id)
                .notes(verdict.notes)
                .fix(verdict.fix),
        )
    }

    fn in_set(&self, set: SetId) -> Verdict {
        if let Some(what) = self.touched() {
            return Verdict::remark(NoFix::new(
                Code::WorkloadPatched,
                text![
                    &what,
                    " of a kustomization may change the reference; check what it builds"
                ],
            ));
        }
        let file = self.lack.resource.file;
        let aside = objects::file_set_aside(self.facts, file, set);
        aside
            .or_else(|| self.by_command())
            .or_else(|| self.by_resource(set))
            .or_else(|| self.elsewhere(set))
            .or_else(|| self.near(set))
            .unwrap_or_else(|| self.missing(set))
    }

    /// What may change the reference on the way to the cluster.
    fn touched(&self) -> Option<&'static str> {
        let (ws, lack) = (self.workspace(), self.lack);
        let open = |what| what != TouchKind::Patch || !lack.built;
        let paths: Vec<String> = lack
            .needs
            .iter()
            .map(|need| need.place.path(ws, lack.resource))
            .collect();
        let touches = ws.touches(lack.resource.id);
        touches
            .iter()
            .find(|touch| open(touch.what) && paths.iter().any(|path| touch.affects(path)))
            .map(|touch| touch.what.name())
    }

    fn by_command(&self) -> Option<Verdict> {
        let path = self.spoken?;
        Some(Verdict::remark(NoFix::new(
            Code::MadeByCommand,
            text![Path(path), " speaks of it and may make it"],
        )))
    }

    /// A custom resource that names it, is part of its name, or installs more.
    fn by_resource(&self, set: SetId) -> Option<Verdict> {
        let ws = self.workspace();
        let remark = |id: ResourceId, does: &str| {
            let text = text![ws.resource(id).display(), does];
            Verdict::remark(NoFix::new(Code::MadeByResource, text))
        };
        let within = |id| self.facts.is_in(id, set);
        if let Some(id) = self.traces.mentioned(self.name, |_| true) {
            return Some(remark(id, " mentions the name and may make it"));
        }
        if let Some(id) = self.traces.after(self.name, within) {
            return Some(remark(
                id,
                " has part of its name, and its operator may make it",
            ));
        }
        if let Some(id) = self.facts.installer(set) {
            return Some(remark(id, " may install it"));
        }
        let namespace = self
            .namespace(set)
            .filter(|ns| ns.starts_with("kube-") || ns.starts_with("openshift-"))?;
        Some(Verdict::remark(NoFix::new(
            Code::PlatformNamespace,
            format!("namespace {namespace} belongs to the platform, which may make it"),
        )))
    }

    fn namespace(&self, set: SetId) -> Option<&str> {
        let member = self.workspace().member(set, self.lack.resource.id)?;
        member.namespace.as_deref()
    }

    /// The set has it in another namespace, or another set has it.
    fn elsewhere(&self, set: SetId) -> Option<Verdict> {
        let ws = self.workspace();
        let held = self.all.held.get(&set)?;
        let here = held.get(&(self.kind, self.name));
        if let (Some((Some(theirs), id)), Some(own)) =
            (here.and_then(|places| places.first()), self.namespace(set))
        {
            let text = format!("it is in namespace {theirs}; a pod takes it from its own, {own}");
            let mut verdict =
                Verdict::no_fix(Severity::Warning, NoFix::new(Code::OtherNamespace, text));
            let at = objects::place(self.facts, *id);
            let shown = text![self.display(), " in namespace ", theirs];
            verdict.related.extend(at.map(|at| (at, shown)));
            return Some(verdict);
        }
        let same = |r: &&Resource| Kind::of(r) == Some(self.kind) && r.name == self.name;
        let other = ws.resources().iter().find(same)?;
        let text = text![
            Path(&ws.file(other.file).path),
            " defines it: say in [[apply-sets]] if they are applied together"
        ];
        Some(Verdict::remark(NoFix::new(Code::OtherSet, text)))
    }

    /// A name of the set that no pod of it names may have been meant.
    fn near(&self, set: SetId) -> Option<Verdict> {
        let held = self.all.held.get(&set)?;
        let asked = self.all.present.get(&(set, self.kind));
        let free: BTreeMap<&str, ResourceId> = held
            .iter()
            .filter(|((kind, name), _)| {
                *kind == self.kind && !asked.is_some_and(|names| names.contains(name))
            })
            .filter_map(|((_, name), places)| {
                let fits =
                    |place: &&(Option<&str>, ResourceId)| may_equal(place.0, self.namespace(set));
                Some((*name, places.iter().find(fits)?.1))
            })
            .collect();
        let names: Vec<&str> = free.keys().copied().collect();
        let near = self.facts.nearest_names(self.name, &names);
        let severity = if is_configured(self.workspace(), set) {
            Severity::Error
        } else {
            Severity::Warning
        };
        let [name] = near.as_slice() else {
            let text = format!("{} have names near to it", near.join(" and "));
            return (!near.is_empty())
                .then(|| Verdict::no_fix(severity, NoFix::new(Code::SeveralNear, text)));
        };
        let meant = Named::new(self.kind.name(), name);
        let places: Vec<&Place<'_>> = self.lack.needs.iter().map(|need| &need.place).collect();
        let mut verdict = Verdict::no_fix(severity, NoFix::new(Code::NotDefined, ""));
        verdict.fix = rewrite(self.lack.resource, &places, name, text!["name ", &meant]);
        let at = free
            .get(name)
            .and_then(|id| objects::place(self.facts, *id));
        verdict.related = at
            .map(|at| (at, text![&meant, ", and no pod of the set names it"]))
            .into_iter()
            .collect();
        Some(verdict)
    }

    fn missing(&self, set: SetId) -> Verdict {
        let ws = self.workspace();
        let configured = is_configured(ws, set);
        if !configured && let Some(directory) = self.facts.examples(self.lack.resource.file) {
            return Verdict::remark(NoFix::new(
                Code::Example,
                format!("it lies below {directory}/: whoever adapts it may make it"),
            ));
        }
        let count = |names: &BTreeMap<(SetId, Kind), BTreeSet<&str>>| {
            names.get(&(set, self.kind)).map_or(0, BTreeSet::len)
        };
        let (present, absent) = (count(&self.all.present), count(&self.all.absent));
        let bound = self.bound(set);
        let counted = if configured { 0 } else { present };
        let mut reason = say::nothing_makes_it(ws, self.kind.name(), counted);
        if let Some(binding) = &bound {
            reason.push(text![", and ", binding.display(), " gives it rights"]);
        }
        let command = self.command(set);
        if configured || (absent == 1 && (present > 0 || bound.is_some())) {
            let severity = if configured {
                Severity::Error
            } else {
                Severity::Warning
            };
            if let Some(command) = command {
                reason.push("; write it with ");
                reason.push(command);
            }
            return Verdict::no_fix(severity, NoFix::new(Code::NotDefined, reason));
        }
        reason.push("; whoever applies it may make it, or another set");
        Verdict::remark(NoFix::new(Code::PerhapsElsewhere, reason))
    }

    /// A binding of the set that has it as a subject.
    fn bound(&self, set: SetId) -> Option<&Resource> {
        if self.kind != Kind::Account {
            return None;
        }
        let ws = self.workspace();
        let binds = |resource: &&Resource| {
            resource.group() == "rbac.authorization.k8s.io"
                && resource.kind.ends_with("RoleBinding")
                && ws.may_hold_any(resource.id, |text| text.contains(self.name))
                && ws
                    .node(resource.id)
                    .and_then(|node| node.get("subjects"))
                    .into_iter()
                    .flat_map(Node::items)
                    .any(|subject| {
                        let is =
                            |key, value: &str| subject.get(key).and_then(Node::text) == Some(value);
                        is("kind", Kind::Account.name()) && is("name", self.name)
                    })
        };
        let members = ws.set(set).members.iter();
        members
            .map(|member| ws.resource(member.resource))
            .find(binds)
    }

    /// The command that writes what is missing.
    fn command(&self, set: SetId) -> Option<Text> {
        if self.kind != Kind::Account {
            return None;
        }
        let mut command = text!["kubectl create serviceaccount ", self.name];
        if let Some(namespace) = self.namespace(set) {
            command.push(text![" -n ", namespace]);
        }
        command.push(" --dry-run=client -o yaml");
        Some(Text::command(command))
    }
}
