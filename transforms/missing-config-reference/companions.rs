//! Accounts (`ServiceAccount`) and claims (`PersistentVolumeClaim`) that pods name, and that what
//! is applied together does not have.
//!
//! No pod is created under an account that is not there (plugin/pkg/admission/serviceaccount
//! in kubernetes), and none is placed whose claim is not there (the scheduler's volumebinding).
//! Both are often made by hand or by an operator, so each trace of that makes a remark of it, and
//! without one it is a warning only where the set has all others that its pods name.

use std::collections::{BTreeMap, BTreeSet};

use kubewright_model::finding::Finding;
use kubewright_model::kube::{FileId, Resource, ResourceId, SetId, SkipCode, Workspace};
use kubewright_model::yaml::Node;

use super::evidence::{Facts, may_equal};
use super::judge_companion::Judge;
use super::traces::{Traces, words};
use super::views::Views;
use super::wanted::{Place, View, is_name};

/// What a pod names beside ConfigMaps and Secrets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Account,
    Claim,
}

impl Kind {
    const ALL: [Self; 2] = [Self::Account, Self::Claim];

    /// Its name in the API.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Account => "ServiceAccount",
            Self::Claim => "PersistentVolumeClaim",
        }
    }

    /// What kubectl and people write for it in small letters, without signs between the words.
    fn spoken(self) -> &'static str {
        match self {
            Self::Account => "serviceaccount",
            Self::Claim => "persistentvolumeclaim",
        }
    }

    /// The kind of a resource, if it is one of the two.
    pub(super) fn of(resource: &Resource) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|kind| resource.group().is_empty() && resource.kind == kind.name())
    }
}

/// A name that a pod needs.
pub(super) struct Need<'a> {
    kind: Kind,
    name: &'a str,
    pub(super) place: Place<'a>,
}

/// A name that sets of a resource lack.
pub(super) struct Lack<'a> {
    pub(super) resource: &'a Resource,
    pub(super) needs: Vec<Need<'a>>,
    pub(super) sets: Vec<SetId>,
    /// What patches make of the resource is known.
    pub(super) built: bool,
}

/// The names of a set, each with the namespaces in which it has them.
pub(super) type Names<'a> = BTreeMap<(Kind, &'a str), Vec<(Option<&'a str>, ResourceId)>>;

/// All that pods name, by set.
pub(super) struct Gathered<'a> {
    lacks: BTreeMap<(ResourceId, Kind, &'a str), Lack<'a>>,
    /// What sets have.
    pub(super) held: BTreeMap<SetId, Names<'a>>,
    /// Names that pods of a set ask for and find.
    pub(super) present: BTreeMap<(SetId, Kind), BTreeSet<&'a str>>,
    /// Names that they do not find.
    pub(super) absent: BTreeMap<(SetId, Kind), BTreeSet<&'a str>>,
}

/// The findings of a workspace.
pub(super) fn judge<'a>(facts: &Facts<'a, '_>, views: &'a Views) -> Vec<Finding> {
    let all = Gathered::of(facts, views);
    if all.lacks.is_empty() {
        return Vec::new();
    }
    let of_kind = |kind| {
        let keys = all.lacks.keys();
        keys.filter(move |(_, of, _)| *of == kind)
            .map(|(_, _, name)| *name)
    };
    let spoken: BTreeMap<Kind, BTreeMap<&str, &str>> = Kind::ALL
        .into_iter()
        .map(|kind| {
            (
                kind,
                spoken(facts.workspace(), kind, &of_kind(kind).collect()),
            )
        })
        .collect();
    let names = Kind::ALL.into_iter().flat_map(of_kind).collect();
    let traces = Traces::find(facts.workspace(), &names);
    let judged = all.lacks.iter().filter_map(|((_, kind, name), lack)| {
        let judge = Judge {
            facts,
            all: &all,
            traces: &traces,
            lack,
            kind: *kind,
            name,
            spoken: spoken.get(kind).and_then(|names| names.get(name)).copied(),
        };
        judge.finding()
    });
    judged.collect()
}

/// Texts that are no manifests and speak of such an object by its name: a script, a page, a
/// template.
fn spoken<'w, 'n>(
    workspace: &'w Workspace,
    kind: Kind,
    names: &BTreeSet<&'n str>,
) -> BTreeMap<&'n str, &'w str> {
    let mut found = BTreeMap::new();
    if names.is_empty() {
        return found;
    }
    let speaks = |text: &str| {
        let plain: String = text
            .chars()
            .filter(|c| !matches!(c, '-' | '_' | ' '))
            .map(|c| c.to_ascii_lowercase())
            .collect();
        // The field of a pod that names one speaks of none.
        let plain = plain.replace("serviceaccountname", "");
        plain.contains(kind.spoken()) || (kind == Kind::Account && text.contains("create sa "))
    };
    let mut look = |path: &'w str, text: &str| {
        let held = words(text, names);
        if !held.is_empty() && speaks(text) {
            for name in held {
                found.entry(name).or_insert(path);
            }
        }
    };
    // Patches and kustomizations name what is there; they make none.
    let naming: BTreeSet<FileId> = workspace
        .skipped()
        .iter()
        .filter(|skipped| matches!(skipped.code, SkipCode::Patch | SkipCode::Kustomization))
        .map(|skipped| skipped.file)
        .chain(workspace.kustomizations().iter().map(|k| k.file))
        .collect();
    let files = workspace.files().iter();
    for file in files.filter(|file| !naming.contains(&file.id)) {
        if workspace.resources_of(file.id).is_empty() {
            look(&file.path, &file.text);
        }
    }
    if let Some(texts) = workspace.options().texts.as_ref() {
        for (path, text) in &texts.read().texts {
            if workspace.file_at(path).is_none() {
                look(path, text);
            }
        }
    }
    found
}

impl<'a> Gathered<'a> {
    fn of(facts: &Facts<'a, '_>, views: &'a Views) -> Self {
        let workspace = facts.workspace();
        let mut all = Self {
            lacks: BTreeMap::new(),
            held: BTreeMap::new(),
            present: BTreeMap::new(),
            absent: BTreeMap::new(),
        };
        for resource in workspace.resources() {
            if !workspace.carries_pods(resource.id) {
                continue;
            }
            for set in workspace.sets_of(resource.id) {
                if facts.is_closed(set) {
                    all.of_resource(workspace, views, resource, set);
                }
            }
        }
        all
    }

    fn of_resource(
        &mut self,
        workspace: &'a Workspace,
        views: &'a Views,
        resource: &'a Resource,
        set: SetId,
    ) {
        let (built, known) = views.get(resource.id, set);
        let names = |text: &str| text.contains("erviceAccount") || text.contains("claimName");
        if built.is_none() && !workspace.may_hold_any(resource.id, names) {
            return;
        }
        let view = View {
            workspace,
            resource,
            built,
        };
        let own = workspace.member(set, resource.id);
        let namespace = own.and_then(|member| member.namespace.as_deref());
        for need in needs(view) {
            let held = self
                .held
                .entry(set)
                .or_insert_with(|| names_of(workspace, set));
            let here = held
                .get(&(need.kind, need.name))
                .into_iter()
                .flatten()
                .any(|(theirs, _)| may_equal(*theirs, namespace));
            if !here && need.kind == Kind::Claim && is_of_stateful_set(workspace, need.name) {
                continue;
            }
            let tally = if here {
                &mut self.present
            } else {
                &mut self.absent
            };
            tally.entry((set, need.kind)).or_default().insert(need.name);
            if here {
                continue;
            }
            let lack = self
                .lacks
                .entry((resource.id, need.kind, need.name))
                .or_insert_with(|| Lack {
                    resource,
                    needs: Vec::new(),
                    sets: Vec::new(),
                    built: true,
                });
            lack.built &= known;
            if !lack.sets.contains(&set) {
                lack.sets.push(set);
            }
            if !lack
                .needs
                .iter()
                .any(|known| known.place.at == need.place.at)
            {
                lack.needs.push(need);
            }
        }
    }
}

/// Whether a claim is one that a `StatefulSet` makes: it has the name of the template, that of the
/// set and a number.
fn is_of_stateful_set(workspace: &Workspace, claim: &str) -> bool {
    let Some((rest, number)) = claim.rsplit_once('-') else {
        return false;
    };
    let of = |resource: &Resource| {
        let template = rest.strip_suffix(resource.name.as_str());
        resource.kind == "StatefulSet" && template.is_some_and(|rest| rest.ends_with('-'))
    };
    number.bytes().all(|b| b.is_ascii_digit()) && workspace.resources().iter().any(of)
}

/// What a set has, under the names that are written and those that the build gives.
fn names_of(workspace: &Workspace, set: SetId) -> Names<'_> {
    let mut names = Names::new();
    for member in &workspace.set(set).members {
        let resource = workspace.resource(member.resource);
        let Some(kind) = Kind::of(resource) else {
            continue;
        };
        let place = (member.namespace.as_deref(), member.resource);
        for name in BTreeSet::from([member.name.as_str(), resource.name.as_str()]) {
            names.entry((kind, name)).or_default().push(place);
        }
    }
    names
}

/// What the pods of a resource need.
fn needs(view: View<'_>) -> Vec<Need<'_>> {
    let own: Vec<&str> = view
        .workspace
        .node(view.resource.id)
        .and_then(|node| node.path(&["spec", "volumeClaimTemplates"]))
        .into_iter()
        .flat_map(Node::items)
        .filter_map(|claim| claim.path(&["metadata", "name"])?.text())
        .collect();
    let mut found = Vec::new();
    for template in view.templates() {
        let account = template.spec.get("serviceAccountName");
        let account = account.or_else(|| template.spec.get("serviceAccount"));
        found.extend(account.map(|node| (Kind::Account, node)));
        for volume in template.volumes() {
            // A StatefulSet puts its own claims in the place of volumes of their names.
            let named = volume.get("name").and_then(Node::text);
            let claim = volume.path(&["persistentVolumeClaim", "claimName"]);
            let claim = claim.filter(|_| !named.is_some_and(|name| own.contains(&name)));
            found.extend(claim.map(|node| (Kind::Claim, node)));
        }
    }
    let needed = found.into_iter().filter_map(|(kind, node)| {
        let name = node.text().filter(|name| is_name(name))?;
        // Every namespace has this one.
        let made = kind == Kind::Account && name == "default";
        (!made).then(|| Need {
            kind,
            name,
            place: view.place(node),
        })
    });
    needed.collect()
}
