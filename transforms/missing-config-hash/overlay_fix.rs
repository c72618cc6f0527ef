//! The fix for hashes that differ by the kustomization that builds the workload: those that a patch
//! has already are updated there, the others are added as patches, and what is the same for all
//! stands in the workload.

use std::collections::{BTreeMap, BTreeSet};

use kubewright_model::finding::{Applicability, Change, Fix, Location, NoFix};
use kubewright_model::kube::{Build, FileId, Member, Origin, SetId, Touch, Workspace};
use kubewright_model::text;
use kubewright_model::text::{Path, Text};
use kubewright_model::yaml::{Node, Value};

use super::codes::Code;
use super::consumed::list;
use super::hashes::{self, Mark};
use super::overlay::{Root, There, annotations, wanted};
use super::root_patch::{self, Patch};
use super::{Case, Names};

/// All roots in one transaction.
pub(super) fn fix(case: &Case<'_>, roots: &[Root<'_>]) -> Result<Fix, NoFix> {
    let workspace = case.workspace();
    let mut plan = Plan {
        case,
        roots,
        set: BTreeSet::new(),
        removed: BTreeSet::new(),
        updated: BTreeMap::new(),
        inline: BTreeMap::new(),
        gone: BTreeMap::new(),
        added: BTreeMap::new(),
        changes: Vec::new(),
        places: BTreeSet::new(),
        names: Names::new(),
    };
    let wanted = wanted(roots);
    for key in &wanted {
        plan.want(key)?;
    }
    for there in roots.iter().flat_map(|root| &root.written) {
        if !wanted.contains(&*there.key) {
            plan.drop(there)?;
        }
    }
    for (location, values) in plan.inline.values() {
        let edit = root_patch::update_inline(workspace, location, values)?;
        plan.changes.push(Change::Edit(location.file, edit));
    }
    for (file, nodes) in std::mem::take(&mut plan.gone) {
        for node in root_patch::with_what_holds_them(nodes) {
            plan.changes.push(Change::Edit(file, node.remove()?));
        }
    }
    for (file, (name, hashes)) in &plan.added {
        let patch = Patch {
            resource: case.resource,
            template: case.template.carrier.template,
            name,
            hashes,
        };
        plan.changes
            .extend(root_patch::add(workspace, *file, &patch)?);
        plan.places.insert(*file);
    }
    let file = case.resource.file;
    let own = hashes::changes(case.template.node, &case.written, &plan.set, &plan.removed)?;
    plan.changes
        .extend(own.into_iter().map(|edit| Change::Edit(file, edit)));
    let places = plan
        .places
        .iter()
        .map(|file| Path(&workspace.file(*file).path));
    let places = Text::list(places);
    let (verb, by, applicability) = if plan.added.is_empty() {
        ("update", "in the patch of", Applicability::Safe)
    } else {
        ("write", "by a patch of", Applicability::Unsafe)
    };
    let each = case.cx.settings.missing_config_hash.per_source && plan.names.len() > 1;
    let hash = if each {
        " the hashes of "
    } else {
        " the hash of "
    };
    let mut title = text![verb, hash, list(&plan.names)];
    if plan.names.is_empty() {
        title = text!["remove what nothing is read for"];
    }
    if !places.is_empty() {
        title.push(text![" ", by, " ", case.subject(), " in ", places]);
    }
    Ok(Fix {
        title,
        applicability,
        changes: plan.changes,
        claims: vec![case.resource.id],
    })
}

/// Annotations of a patch with their values; `None` where one goes.
type Values<'p> = BTreeMap<&'p str, Option<&'p str>>;

/// What the fix is put together from.
struct Plan<'p, 'a> {
    case: &'p Case<'a>,
    roots: &'p [Root<'a>],
    /// Annotations of the workload, with their values.
    set: BTreeSet<(&'p str, &'p str)>,
    /// Annotations of the workload that go.
    removed: BTreeSet<&'p str>,
    /// Hashes in patches, by their place and annotation; `None` where it goes.
    updated: BTreeMap<(FileId, usize, &'p str), Option<&'p str>>,
    /// Those of them in inline patches that are to change.
    inline: BTreeMap<(FileId, usize), (Location, Values<'p>)>,
    /// Annotations in files of patches that go.
    gone: BTreeMap<FileId, Vec<Node<'p>>>,
    /// New patches: the name of the workload there, annotations and their values.
    added: BTreeMap<FileId, (String, BTreeMap<&'p str, &'p str>)>,
    changes: Vec<Change>,
    places: BTreeSet<FileId>,
    /// What the hashes cover that are written.
    names: Names,
}

impl<'p> Plan<'p, '_> {
    /// Has each root that wants an annotation get it.
    fn want(&mut self, key: &'p str) -> Result<(), NoFix> {
        let wanted = |root: &'p Root<'_>| root.wanted(key).map(|mark| &*mark.hash);
        let there = |root: &'p Root<'_>| root.there(key).and_then(|there| there.origin.as_ref());
        let wrong = |root: &Root<'_>, mark: &Mark| !root.is_right(mark);
        for root in self.roots {
            if let Some(mark) = root.wanted(key).filter(|mark| wrong(root, mark)) {
                self.cover(mark);
            }
        }
        let first = self.roots.first().and_then(wanted);
        if let Some(hash) = first
            && self
                .roots
                .iter()
                .all(|r| wanted(r) == first && there(r).is_none())
        {
            self.set.insert((key, hash));
            return Ok(());
        }
        let mut added = false;
        for root in self.roots {
            let Some(mark) = root.wanted(key) else {
                continue;
            };
            if let Some(origin) = there(root) {
                self.update(origin, key, Some(&mark.hash), wrong(root, mark))?;
            } else if wrong(root, mark) {
                let (file, name) = place(self.case, self.roots, root, key)?;
                let patch = self.added.entry(file).or_insert((name, BTreeMap::new()));
                patch.1.insert(key, &mark.hash);
                added = true;
            }
        }
        let relied_on = |root: &Root<'_>| {
            let own = root.there(key).is_some_and(|there| there.origin.is_none());
            own && root.wanted(key).is_none_or(|mark| root.is_right(mark))
        };
        if added && self.case.written.get(key).is_some() && !self.roots.iter().any(relied_on) {
            self.set.insert((key, ""));
        }
        Ok(())
    }

    fn cover(&mut self, mark: &Mark) {
        for name in &mark.of {
            if !self.names.contains(name) {
                self.names.push(name.clone());
            }
        }
    }

    /// An annotation that a patch writes: its value, or that it goes.
    fn update(
        &mut self,
        origin: &'p Origin,
        key: &'p str,
        hash: Option<&'p str>,
        wrong: bool,
    ) -> Result<(), NoFix> {
        let workspace = self.case.workspace();
        let (file, start) = (origin.location.file, origin.location.span.start);
        match self.updated.insert((file, start, key), hash) {
            Some(other) if other != hash => return Err(shared(workspace, file)),
            None if wrong => alone(self.case, origin)?,
            _ => return Ok(()),
        }
        self.places.insert(file);
        let Some(node) = workspace.node_at(origin) else {
            let inline = self.inline.entry((file, start));
            let (_, values) = inline.or_insert((origin.location.clone(), BTreeMap::new()));
            values.insert(key, hash);
            return Ok(());
        };
        match hash {
            Some(hash) => {
                let edit = node.set(&Value::str(hash))?;
                self.changes.push(Change::Edit(file, edit));
            }
            None if node.key().and_then(Node::text) == Some(key) => {
                self.gone.entry(file).or_default().push(node);
            }
            None => {
                let file = Path(&workspace.file(file).path);
                let text = text!["take ", key, " out of the patch in ", file, " by hand"];
                return Err(NoFix::new(Code::DiffersBetweenOverlays, text));
            }
        }
        Ok(())
    }

    /// An annotation that no root wants.
    fn drop(&mut self, there: &'p There) -> Result<(), NoFix> {
        let Some(origin) = &there.origin else {
            self.removed.insert(&there.key);
            return Ok(());
        };
        self.update(origin, &there.key, None, true)
    }
}

/// Whether a hash in a patch is that of no other workload.
fn alone(case: &Case<'_>, origin: &Origin) -> Result<(), NoFix> {
    let workspace = case.workspace();
    let places: Vec<Location> = annotations(case).map(|touch| touch.location).collect();
    let name = &workspace.file(origin.location.file).path;
    let name = name.rsplit('/').next().unwrap_or(name);
    let same = |touch: &Touch| {
        let path = workspace.scalar_at(&touch.location).and_then(Node::text);
        places.contains(&touch.location) || path.is_some_and(|path| path.ends_with(name))
    };
    let carries = workspace
        .resources()
        .iter()
        .filter(|r| r.id != case.resource.id && workspace.carries_pods(r.id));
    for other in carries {
        let touches = workspace.touches(other.id);
        let reached = touches.iter().any(|touch| touch.is_patch() && same(touch));
        let writes = |set: SetId| {
            let Build::Changed(patched) = workspace.built(set, other.id) else {
                return false;
            };
            let root = patched.node();
            let mut scalars = root.into_iter().flat_map(Node::descendants);
            scalars.any(|n| patched.origin(n) == Some(origin))
        };
        if reached && workspace.sets_of(other.id).into_iter().any(writes) {
            return Err(NoFix::new(
                Code::DiffersBetweenOverlays,
                text![
                    "the patch in ",
                    Path(&workspace.file(origin.location.file).path),
                    " writes the hash of ",
                    other.display(),
                    " too: give each workload a patch of its own"
                ],
            ));
        }
    }
    Ok(())
}

/// The innermost kustomization on the way that everything which passes it agrees with, and the name
/// of the workload there.
fn place(
    case: &Case<'_>,
    roots: &[Root<'_>],
    root: &Root<'_>,
    key: &str,
) -> Result<(FileId, String), NoFix> {
    let workspace = case.workspace();
    let agrees = |file: &&FileId| {
        let component = workspace.kustomization(**file).is_none_or(|k| k.component);
        let mut through = roots.iter().filter(|r| r.member.through.contains(file));
        !component && through.all(|other| other.wanted(key) == root.wanted(key))
    };
    let Some(file) = root.member.through.iter().rev().find(agrees) else {
        let file = root.member.through.first();
        return Err(shared(workspace, *file.unwrap_or(&case.resource.file)));
    };
    let name = name_in(workspace, root.member, *file);
    let others = roots
        .iter()
        .flat_map(|root| &workspace.set(root.set).members)
        .filter(|m| m.resource != case.resource.id && m.through.contains(file));
    let mut alike = others.filter(|m| {
        let other = workspace.resource(m.resource);
        other.kind == case.resource.kind
            && (other.name == name || name_in(workspace, m, *file) == name)
    });
    match alike.next() {
        None => Ok((*file, name)),
        Some(other) => Err(NoFix::new(
            Code::DiffersBetweenOverlays,
            text![
                "a patch in ",
                Path(&workspace.file(*file).path),
                " would change ",
                workspace.resource(other.resource).display(),
                " of ",
                Path(&workspace.file(workspace.resource(other.resource).file).path),
                " too; hash the rendered manifests"
            ],
        )),
    }
}

/// The name of a member where the patches of a kustomization see it, before its own prefix and
/// suffix.
fn name_in(workspace: &Workspace, member: &Member, file: FileId) -> String {
    let inner = member.through.iter().rev().take_while(|f| **f != file);
    inner.filter_map(|f| workspace.kustomization(*f)).fold(
        workspace.resource(member.resource).name.clone(),
        |name, k| format!("{}{name}{}", k.prefix, k.suffix),
    )
}

/// Content that differs where nothing but one file tells the roots apart.
fn shared(workspace: &Workspace, file: FileId) -> NoFix {
    NoFix::new(
        Code::DiffersBetweenOverlays,
        text![
            "it is applied with different content from several places, and ",
            Path(&workspace.file(file).path),
            " is the same for all of them; hash the rendered manifests"
        ],
    )
}
