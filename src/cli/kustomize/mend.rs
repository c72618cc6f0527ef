//! Fixes of what is built: in the file that it comes from where every root that reads it wants the
//! same, else as a patch of each root. Both are proven by building again.

use std::collections::BTreeMap;
use std::sync::Arc;

use kubewright_model::finding::{Applicability, NoFix};
use kubewright_model::kube::{BuildCode, FileId, ResourceId, Workspace};
use kubewright_model::text;
use kubewright_model::text::{Path as At, Text};
use kubewright_model::yaml::{Edit, File, verify};

use super::delta::{self, Delta};
use super::found::{Found, RELEASE};
use super::overlay::{self, Patch};
use super::patched;
use super::prove::{Bench, Builds, Meant, Texts};
use super::renamed;
use crate::cli::behind;
use crate::pipeline::report::{FileFate, ReportedEdit, ReportedFix, Restart};
use crate::pipeline::{Code, Pipeline};

/// Name of the transform whose patches have a name of their own.
const HASH: &str = "missing-config-hash";

/// What mending works on.
pub(super) struct Mending<'a> {
    pub(super) bench: Bench<'a>,
    /// The files as they were read.
    pub(super) before: &'a Workspace,
    /// The files as they are built.
    pub(super) now: Workspace,
    /// What is built now.
    pub(super) builds: Builds,
    /// What was built when findings were made.
    pub(super) first: Builds,
}

/// A fix that is proven.
pub(super) struct Proven {
    pub(super) fix: ReportedFix,
    /// New texts.
    new: Texts,
    builds: Builds,
}

/// What fixes mean, wherever they are made.
struct Meaning {
    title: Text,
    applicability: Applicability,
    changed: Vec<Changed>,
}

/// New texts, and what is built with them.
type Tried = (Texts, Builds);

/// What changes of one document: root, document, resource, deltas.
struct Changed {
    root: usize,
    document: usize,
    resource: Option<ResourceId>,
    deltas: Vec<Delta>,
}

impl Proven {
    /// The texts that change.
    pub(super) fn texts(&self) -> &Texts {
        &self.new
    }
}

impl Mending<'_> {
    /// What the fixes of findings of several roots that are one change.
    fn meaning(&self, group: &[Found]) -> Result<Meaning, NoFix> {
        let mut changed = Vec::new();
        let mut fixes = Vec::new();
        for found in group {
            let Ok(fix) = &found.finding.fix else {
                continue;
            };
            fixes.push(fix);
            changed.extend(self.changed(found, fix)?);
        }
        let Some(fix) = fixes.first() else {
            let mut reasons = group.iter().filter_map(|f| f.finding.fix.clone().err());
            let nothing = || differs("there is nothing to change".into());
            return Err(reasons.next().unwrap_or_else(nothing));
        };
        self.lasts(group, &changed)?;
        let least = fixes.iter().map(|fix| fix.applicability).min();
        Ok(Meaning {
            title: fix.title.clone(),
            applicability: least.unwrap_or(Applicability::Unsafe),
            changed,
        })
    }

    /// The fixes that are to be applied and go into the files that their resources come from, by
    /// the number of the group, proven together by one build of each root; none where that is not
    /// proven.
    pub(super) fn together(
        &self,
        groups: &[(usize, &[Found])],
        applies: impl Fn(&'static str, Applicability) -> bool,
    ) -> Option<(BTreeMap<usize, ReportedFix>, Proven)> {
        let mut edits: BTreeMap<FileId, Vec<Edit>> = BTreeMap::new();
        let mut deltas: BTreeMap<(usize, usize), Vec<Delta>> = BTreeMap::new();
        let mut each = Vec::new();
        for (number, group) in groups {
            let transform = group.first()?.finding.transform;
            let Ok(meaning) = self.meaning(group) else {
                continue;
            };
            let Ok(own) = self.source_edits(&meaning.changed) else {
                continue;
            };
            let Ok(texts) = self.edited(&own) else {
                continue;
            };
            if !applies(transform, meaning.applicability) {
                continue;
            }
            for (file, own) in own {
                edits.entry(file).or_default().extend(own);
            }
            for one in &meaning.changed {
                let all = deltas.entry((one.root, one.document)).or_default();
                all.extend(one.deltas.iter().cloned());
            }
            each.push((*number, meaning, texts));
        }
        if each.len() < 2 {
            return None;
        }
        let meant = deltas
            .into_iter()
            .map(|((root, document), deltas)| (root, document, deltas));
        let new = self.edited(&edits).ok()?;
        let (new, builds) = self.tried(new, &meant.collect()).ok()?;
        let fixes = each.into_iter().map(|(number, meaning, texts)| {
            let reads = |number: &usize| {
                let root = self.bench.roots.get(*number);
                root.is_some_and(|root| texts.keys().any(|path| root.may_read(path)))
            };
            let built: Vec<usize> = builds.keys().copied().filter(reads).collect();
            (number, self.reported(&meaning, Text::new(), &texts, &built))
        });
        let fixes: BTreeMap<usize, ReportedFix> = fixes.collect();
        let fix = fixes.values().next()?.clone();
        Some((fixes, Proven { fix, new, builds }))
    }

    /// The fix of findings of several roots that are one. The copy is as it was.
    ///
    /// # Errors
    /// The reason why there is none.
    pub(super) fn prove(&self, group: &[Found]) -> Result<Proven, NoFix> {
        let mut meaning = self.meaning(group)?;
        let changed = &meaning.changed;
        let in_files = self.in_source(changed);
        let in_files = in_files.or_else(|refused| self.in_patches(changed).map_err(|_| refused));
        let ((new, builds), words) = match in_files {
            Ok(proven) => (proven, Text::new()),
            Err(refused) => {
                let (proven, files) = self.in_overlays(group, changed).map_err(|reason| {
                    if reason.is(BuildCode::BuildsDiffer) || refused.is(Code::OutsidePaths) {
                        refused
                    } else {
                        reason
                    }
                })?;
                let files = files.iter().map(|path| text![At(path)]);
                meaning.applicability = meaning.applicability.min(Applicability::Unsafe);
                (proven, text![", by a patch in ", Text::list(files)])
            }
        };
        let built: Vec<usize> = builds.keys().copied().collect();
        Ok(Proven {
            fix: self.reported(&meaning, words, &new, &built),
            new,
            builds,
        })
    }

    /// A fix, as the report has it: where it goes, and which roots were built again.
    fn reported(
        &self,
        meaning: &Meaning,
        words: Text,
        new: &Texts,
        built: &[usize],
    ) -> ReportedFix {
        let names = built.iter().filter_map(|at| self.bench.roots.get(*at));
        let names: Vec<Text> = names.map(|root| Text::from(root.name())).collect();
        let title = text![
            &meaning.title,
            words,
            "; proven by building ",
            Text::list(names)
        ];
        let edits = new.iter();
        let edits = edits.map(|(path, text)| self.splice(path, text.as_deref()));
        ReportedFix {
            title,
            applicability: meaning.applicability,
            edits: edits.collect(),
            lost_comments: Vec::new(),
        }
    }

    /// What rolling out a fix of a finding restarts.
    pub(super) fn restart(&self, found: &Found) -> Option<Restart> {
        let build = self.first.get(&found.root)?;
        let applied = super::found::workspace(build, self.before.options());
        let name = found.finding.resource.as_ref()?;
        let mut all = applied.resources().iter();
        let one = all.find(|r| r.kind == name.kind && r.name == name.name)?;
        let restart = Pipeline::restart_of(&applied, one.id)?;
        let source = found.about.map(|id| self.now.resource(id));
        Some(Restart {
            path: source
                .map_or(&found.place.path, |s| &self.now.file(s.file).path)
                .clone(),
            resource: source.map_or(restart.resource, Into::into),
            ..restart
        })
    }

    /// Whether all that applies a resource was built.
    pub(super) fn is_built_everywhere(&self, id: ResourceId) -> bool {
        !self.now.sets_of(id).is_empty() && self.reached_by_builds(id).is_ok()
    }

    /// Keeps what is proven: what follows is built on it.
    pub(super) fn keep(&mut self, proven: Proven) {
        let _ = self.bench.write(&proven.new);
        self.builds.extend(proven.builds);
        self.now = with(&self.now, &proven.new);
    }

    /// What a fix changes in the documents of a build.
    fn changed(&self, found: &Found, fix: &ReportedFix) -> Result<Vec<Changed>, NoFix> {
        let moves = || differs("it moves, creates or removes whole resources".into());
        let whole = |edit: &ReportedEdit| edit.path == RELEASE && edit.file == FileFate::Stays;
        if fix.edits.is_empty() || !fix.edits.iter().all(whole) {
            return Err(moves());
        }
        let build = self.first.get(&found.root).ok_or_else(moves)?;
        let mut edits: Vec<&ReportedEdit> = fix.edits.iter().collect();
        edits.sort_by_key(|edit| edit.start);
        let (mut text, mut at) = (String::new(), 0);
        for edit in edits {
            text.push_str(build.text.get(at..edit.start).ok_or_else(moves)?);
            text.push_str(&edit.content);
            at = edit.end;
        }
        text.push_str(build.text.get(at..).unwrap_or_default());
        let old = File::parse(&*build.text).map_err(|_| moves())?;
        let new = File::parse(text).map_err(|_| moves())?;
        if old.documents().len() != new.documents().len() {
            return Err(moves());
        }
        let mut changed = Vec::new();
        for document in 0..old.documents().len() {
            let (Some(a), Some(b)) = (old.root(document), new.root(document)) else {
                continue;
            };
            if a.source() == b.source() {
                continue;
            }
            let deltas = delta::deltas(a, b).ok_or_else(moves)?;
            if !deltas.is_empty() {
                changed.push(Changed {
                    root: found.root,
                    document,
                    resource: found.resources.get(&document).copied().flatten(),
                    deltas,
                });
            }
        }
        Ok(changed)
    }

    /// Whether what is built is what is applied: Argo CD and Flux may change it behind the build.
    fn lasts(&self, group: &[Found], changed: &[Changed]) -> Result<(), NoFix> {
        let of_change = changed.iter().filter_map(|c| c.resource);
        let read = group.iter().flat_map(|found| found.reads.iter().copied());
        for id in of_change.chain(read) {
            let touches = self.now.touches(id);
            let behind = touches
                .iter()
                .find(|touch| self.now.kustomization(touch.location.file).is_none());
            if let Some(touch) = behind {
                let text = text![
                    "what is built is not what is applied: ",
                    touch.what.name(),
                    " in ",
                    At(&self.now.file(touch.location.file).path),
                    " changes ",
                    self.now.resource(id).display(),
                    " behind the build"
                ];
                return Err(NoFix::new(BuildCode::ChangedBehind, text));
            }
        }
        Ok(())
    }

    /// The same change in the files that the documents come from.
    fn in_source(&self, changed: &[Changed]) -> Result<Tried, NoFix> {
        let new = self.edited(&self.source_edits(changed)?)?;
        self.tried(new, &meant(changed))
    }

    fn source_edits(&self, changed: &[Changed]) -> Result<BTreeMap<FileId, Vec<Edit>>, NoFix> {
        let mut by_resource: BTreeMap<ResourceId, &Changed> = BTreeMap::new();
        for one in changed {
            let id = one
                .resource
                .ok_or_else(|| differs("it comes from no file of the workspace".into()))?;
            let known = by_resource.entry(id).or_insert(one);
            if known.deltas != one.deltas {
                return Err(differs(
                    "the roots that read it need different content".into(),
                ));
            }
        }
        let mut edits: BTreeMap<FileId, Vec<Edit>> = BTreeMap::new();
        for (id, one) in &by_resource {
            self.reached_by_builds(*id)?;
            let resource = self.now.resource(*id);
            self.may_edit(&self.now.file(resource.file).path)?;
            let node = self.now.node(*id);
            let node = node.ok_or_else(|| differs("its file is not understood".into()))?;
            let all = edits.entry(resource.file).or_default();
            all.extend(delta::edits(node, &one.deltas)?);
            for (file, edit) in renamed::uses(&self.now, *id, &one.deltas)? {
                self.may_edit(&self.now.file(file).path)?;
                edits.entry(file).or_default().push(edit);
            }
        }
        Ok(edits)
    }

    /// The texts with these edits.
    fn edited(&self, edits: &BTreeMap<FileId, Vec<Edit>>) -> Result<Texts, NoFix> {
        let mut new = Texts::new();
        for (file, edits) in edits {
            let file = self.now.file(*file);
            let tree = file.yaml.as_deref();
            let tree = tree.ok_or_else(|| differs("its file is not understood".into()))?;
            let text = verify::apply(tree, &edits.iter().collect::<Vec<_>>())?;
            new.insert(file.path.clone(), Some(text));
        }
        Ok(new)
    }

    /// The same change in patches that bring the values.
    fn in_patches(&self, changed: &[Changed]) -> Result<Tried, NoFix> {
        let mut all = Vec::new();
        for one in changed {
            let build = self.first.get(&one.root);
            let document = build.and_then(|build| build.documents.get(one.document));
            let by = document.map_or(&[][..], |document| &document.changed_by);
            all.push((by, one.deltas.as_slice()));
        }
        let new = patched::texts(&self.now, &all)?;
        for path in new.keys() {
            self.may_edit(path)?;
        }
        self.tried(new, &meant(changed))
    }

    /// Whether everything that applies a resource was built.
    fn reached_by_builds(&self, id: ResourceId) -> Result<(), NoFix> {
        for set in self.now.sets_of(id) {
            let first = self.now.member(set, id).and_then(|m| m.through.first());
            let built = |number: &usize| {
                let root = self.bench.roots.get(*number);
                root.is_some_and(|root| Some(&root.file) == first)
            };
            if !self.builds.keys().any(built) {
                let name = self.now.set(set).name.clone();
                return Err(differs(format!(
                    "{name} applies it as well, and was not built"
                )));
            }
        }
        Ok(())
    }

    fn may_edit(&self, path: &str) -> Result<(), NoFix> {
        match self.before.file_at(path) {
            Some(file) if !file.editable => {
                let text = text![
                    At(path),
                    " is to be edited, which lies outside of the PATHs"
                ];
                Err(NoFix::new(Code::OutsidePaths, text))
            }
            _ => Ok(()),
        }
    }

    /// A patch in each root.
    fn in_overlays(
        &self,
        group: &[Found],
        changed: &[Changed],
    ) -> Result<(Tried, Vec<String>), NoFix> {
        let about = group.first().map_or("", |found| found.finding.transform);
        let about = if about == HASH { "config-hash" } else { about };
        let mut roots: BTreeMap<usize, Vec<&Changed>> = BTreeMap::new();
        for one in changed {
            roots.entry(one.root).or_default().push(one);
        }
        let (mut new, mut refused, mut files) = (Texts::new(), None, Vec::new());
        let mut alone = None;
        for (number, changed) in roots {
            let meant: Meant = meant(changed.iter().copied());
            match self.in_overlay(number, &changed, about, &meant) {
                Ok(tried) => {
                    files.extend(self.bench.roots.get(number).map(|root| root.path.clone()));
                    new.extend(tried.0.clone());
                    alone = Some(tried);
                }
                Err(reason) => refused = refused.or(Some(reason)),
            }
        }
        if let Some(reason) = refused {
            return Err(reason);
        }
        if let Some(alone) = alone.filter(|_| files.len() == 1) {
            return Ok((alone, files));
        }
        Ok((self.tried(new, &meant(changed))?, files))
    }

    fn in_overlay(
        &self,
        number: usize,
        changed: &[&Changed],
        about: &str,
        meant: &Meant,
    ) -> Result<Tried, NoFix> {
        let unknown = || differs("it is not understood".into());
        let root = self.bench.roots.get(number).ok_or_else(unknown)?;
        let file = self.now.file_at(&root.path).ok_or_else(unknown)?;
        self.may_edit(&root.path)?;
        let build = self.first.get(&number).ok_or_else(unknown)?;
        let tree = File::parse(&*build.text).map_err(|_| unknown())?;
        let kustomization = self.now.kustomization(file.id).ok_or_else(unknown)?;
        let mut refused = None;
        // A transformer may have given it another name behind the patches.
        for from_source in [false, true] {
            let mut patches = Vec::new();
            for one in changed {
                let top = tree.root(one.document).ok_or_else(unknown)?;
                let text = |keys: &[&str]| top.path(keys)?.text();
                let long = text(&["metadata", "name"]).ok_or_else(unknown)?;
                let name = long.strip_prefix(&*kustomization.prefix).unwrap_or(long);
                let name = name.strip_suffix(&*kustomization.suffix).unwrap_or(name);
                let own = one.resource.map(|id| self.now.resource(id).name.clone());
                let name = own
                    .filter(|_| from_source)
                    .unwrap_or_else(|| name.to_owned());
                let (version, kind) = text(&["apiVersion"])
                    .zip(text(&["kind"]))
                    .ok_or_else(unknown)?;
                let patch = delta::patch(version, kind, &name, &one.deltas).ok_or_else(unknown)?;
                patches.push((kind.to_owned(), name, patch));
            }
            let patches: Vec<Patch<'_>> = patches
                .iter()
                .map(|(kind, name, text)| Patch {
                    kind,
                    name,
                    text,
                    about,
                })
                .collect();
            let new = overlay::add(&self.now, file.id, &patches)?;
            match self.tried(new, meant) {
                Ok(tried) => return Ok(tried),
                Err(reason) => refused = refused.or(Some(reason)),
            }
        }
        Err(refused.unwrap_or_else(unknown))
    }

    /// Builds with new texts; the copy is as it was afterwards.
    fn tried(&self, new: Texts, meant: &Meant) -> Result<Tried, NoFix> {
        let text = |path: &String| self.now.file_at(path).map(|file| file.text.to_string());
        let old: Texts = new.keys().map(|path| (path.clone(), text(path))).collect();
        let builds = self.bench.prove((&old, &new), &self.builds, meant)?;
        let _ = self.bench.write(&old);
        Ok((new, builds))
    }

    /// An edit as what changes in the text that was read.
    fn splice(&self, path: &str, after: Option<&str>) -> ReportedEdit {
        let after = after.unwrap_or_default();
        let read = self.before.file_at(path).map(|file| &*file.text);
        let now = self.now.file_at(path).map_or("", |file| &*file.text);
        behind::splice(path, read, (now, after))
    }
}

/// A workspace with new texts.
pub(super) fn with(workspace: &Workspace, new: &Texts) -> Workspace {
    let (mut texts, mut created, mut deleted) = (BTreeMap::new(), Vec::new(), Vec::new());
    for (path, text) in new {
        match (workspace.file_at(path), text) {
            (Some(file), Some(text)) => {
                texts.insert(file.id, Arc::<str>::from(text.as_str()));
            }
            (Some(file), None) => deleted.push(file.id),
            (None, Some(text)) => created.push(kubewright_model::kube::Input {
                path: path.clone(),
                text: text.as_str().into(),
                editable: true,
            }),
            (None, None) => {}
        }
    }
    workspace.with_changes(&texts, &created, &deleted)
}

fn meant<'c>(changed: impl IntoIterator<Item = &'c Changed>) -> Meant {
    let of = |one: &Changed| (one.root, one.document, one.deltas.clone());
    changed.into_iter().map(of).collect()
}

fn differs(what: String) -> NoFix {
    NoFix::new(BuildCode::BuildsDiffer, what)
}
