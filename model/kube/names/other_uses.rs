//! Uses of a name by things that are no resources: patches, their targets, replacements, vars and
//! generators.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use crate::kube::kustomize::patch::{Patch, PatchDocument};
use crate::kube::kustomize::patch_data::PatchData;
use crate::kube::kustomize::selector::{Pattern, Selector};
use crate::kube::object::apply_set::SetId;
use crate::kube::object::kustomization::{Kustomization, OutsideUse, OutsideUseKind};
use crate::kube::object::location::Location;
use crate::kube::object::reference::{Certainty, Target};
use crate::kube::object::resource::{FileId, Hints, Identity, Resource, ResourceId};
use crate::kube::pod::{self, PodTemplate};
use crate::kube::reference::field_reference::{self, shapes_below};
use crate::kube::workspace::Workspace;
use crate::yaml::{Kind, Node, NodeId};

/// Something that is defined somewhere, and where it goes.
struct Course<'a> {
    /// The file that defines it.
    pub file: FileId,
    /// The kustomizations it passes through.
    pub through: &'a BTreeSet<FileId>,
    /// The sets it is part of.
    pub sets: &'a [SetId],
}

impl Workspace {
    /// Uses of a ConfigMap's or Secret's name by things that are no resources: patches, patch
    /// targets, replacements, vars, generators, name reference configurations; of every
    /// kustomization that reaches the definition or, when `of` is `None`, of all.
    pub fn uses_outside(&self, of: Option<ResourceId>, to: Target, name: &str) -> Vec<OutsideUse> {
        uses(self, of, to, name)
    }

    /// As [`Workspace::uses_outside`], for something that a file defines, that passes through these
    /// kustomizations as part of these sets: what a generator makes.
    pub fn uses_outside_of(
        &self,
        file: FileId,
        through: &BTreeSet<FileId>,
        sets: &[SetId],
        to: Target,
        name: &str,
    ) -> Vec<OutsideUse> {
        uses_of(
            self,
            &Course {
                file,
                through,
                sets,
            },
            to,
            name,
        )
    }
}

/// All uses of a name in the kustomizations that the definition `of` meets, or in all.
fn uses(workspace: &Workspace, of: Option<ResourceId>, to: Target, name: &str) -> Vec<OutsideUse> {
    if let Some(id) = of {
        let through = workspace.way(id).through;
        let course = Course {
            file: workspace.resource(id).file,
            through: &through,
            sets: &crate::kube::workspace::index::sets_met(workspace, id),
        };
        return uses_of(workspace, &course, to, name);
    }
    let all: BTreeSet<FileId> = workspace.kustomizations.iter().map(|k| k.file).collect();
    let mut finder = Finder {
        workspace,
        to,
        name,
        found: Vec::new(),
    };
    finder.kustomizations(&all, &all);
    finder.finish()
}

/// All uses of a name of something that takes this course. What passes through a kustomization can
/// be patched there; what is built with it can be referred to from a patch beside it.
fn uses_of(workspace: &Workspace, course: &Course<'_>, to: Target, name: &str) -> Vec<OutsideUse> {
    let indices = || course.sets.iter().filter_map(|s| workspace.set_index(*s));
    // What is built with it is the same for all that is part of the same sets, which may be
    // thousands.
    let beside = workspace
        .index
        .asked
        .uses((course.sets.to_vec(), to, name.to_owned()), || {
            let mut finder = Finder {
                workspace,
                to,
                name,
                found: Vec::new(),
            };
            let reach: BTreeSet<FileId> = indices().flat_map(|s| s.reach.iter().copied()).collect();
            finder.kustomizations(&BTreeSet::new(), &reach);
            finder.found
        });
    let mut finder = Finder {
        workspace,
        to,
        name,
        found: beside.to_vec(),
    };
    let through = course
        .through
        .iter()
        .copied()
        .filter(|file| indices().any(|index| index.reach.contains(file)));
    finder.through(through);
    for overlay in workspace
        .index
        .source_settings
        .iter()
        .filter(|o| o.reaches(&workspace.files, course.file, course.through))
    {
        finder.patch_references(&overlay.patches);
        finder.patches(&overlay.patches);
    }
    finder.finish()
}

struct Finder<'a> {
    workspace: &'a Workspace,
    to: Target,
    name: &'a str,
    found: Vec<OutsideUse>,
}

impl<'a> Finder<'a> {
    fn kustomizations(&mut self, through: &BTreeSet<FileId>, reach: &BTreeSet<FileId>) {
        for file in reach {
            let Some((details, node)) = self
                .workspace
                .details(*file)
                .zip(self.workspace.kustomization_node(*file))
            else {
                continue;
            };
            self.patch_references(&details.patches);
            self.vars(*file, node);
        }
        self.through(reach.intersection(through).copied());
    }

    fn through(&mut self, files: impl Iterator<Item = FileId>) {
        for file in files {
            let Some(kustomization) = self.workspace.kustomization(file) else {
                continue;
            };
            let Some((details, node)) = self
                .workspace
                .details(file)
                .zip(self.workspace.kustomization_node(file))
            else {
                continue;
            };
            self.patches(&details.patches);
            self.generators(kustomization);
            self.replacements(kustomization, node);
        }
    }

    fn finish(self) -> Vec<OutsideUse> {
        let mut found = self.found;
        found.sort_by_key(|u| {
            (
                u.location.clone(),
                u.what as u8,
                u.inline.as_ref().map(|r| r.start),
            )
        });
        found.dedup();
        found
    }

    /// Patches of the object, and targets that name it.
    fn patches(&mut self, patches: &[Patch]) {
        for patch in patches {
            if let Some(target) = patch.target.as_ref().filter(|t| self.named_by(&t.selector)) {
                let content: Vec<PatchData> = patch.documents.iter().map(PatchData::of).collect();
                let known = !content.is_empty() && content.iter().all(|c| c.plain);
                self.found.push(OutsideUse {
                    location: target
                        .name
                        .clone()
                        .unwrap_or_else(|| patch.location.clone()),
                    what: OutsideUseKind::PatchTarget,
                    declared: patch.location.clone(),
                    inline: None,
                    exact: known && target.selector.is_exactly(self.to.kind(), self.name),
                    keys: content.into_iter().flat_map(|c| c.keys).collect(),
                });
            }
            for document in &patch.documents {
                let is_it = document.selector.as_ref().is_some_and(|s| self.named_by(s));
                if let Some(name) = document
                    .node()
                    .path(&["metadata", "name"])
                    .filter(|_| is_it)
                {
                    let content = PatchData::of(document);
                    let exact = content.plain
                        && document
                            .selector
                            .as_ref()
                            .is_some_and(|s| s.is_exactly(self.to.kind(), self.name));
                    self.push_in(
                        document,
                        patch,
                        name,
                        OutsideUseKind::Patch,
                        exact,
                        content.keys,
                    );
                }
            }
        }
    }

    fn push_in(
        &mut self,
        document: &PatchDocument,
        patch: &Patch,
        node: Node<'_>,
        what: OutsideUseKind,
        exact: bool,
        keys: BTreeSet<String>,
    ) {
        let (location, inline): (Location, Option<Range<usize>>) = match document.file {
            Some(file) => (Location::of(file, node), None),
            None => (patch.location.clone(), Some(node.span())),
        };
        self.found.push(OutsideUse {
            location,
            what,
            declared: patch.location.clone(),
            inline,
            exact,
            keys,
        });
    }

    /// Whether a selector states this name, or an expression that fits it.
    fn named_by(&self, selector: &Selector) -> bool {
        !matches!(selector.name, Pattern::Any) && selector.may_name(self.to.kind(), self.name)
    }

    /// Patches of other objects that write a reference to the name.
    fn patch_references(&mut self, patches: &[Patch]) {
        for patch in patches {
            for document in &patch.documents {
                if document.node().source().contains(self.name) {
                    self.references(document, patch);
                }
            }
        }
    }

    fn references(&mut self, document: &PatchDocument, patch: &Patch) {
        let root = document.node();
        let Some(resource) = partial(root) else {
            self.json_references(document, patch);
            return;
        };
        let (to, name) = (self.to, self.name);
        let mut seen = BTreeSet::new();
        for template in pod::templates(&resource, root) {
            for reference in template
                .references()
                .into_iter()
                .filter(|r| r.to == to && r.name == name)
            {
                seen.insert(reference.node.id());
                self.push_in(
                    document,
                    patch,
                    reference.node,
                    OutsideUseKind::PatchReference,
                    true,
                    reference.demand.required,
                );
            }
        }
        let fields =
            field_reference::of_resource(&resource, root, &self.workspace.options.references);
        for field in fields
            .into_iter()
            .filter(|r| r.to == to && r.name == name && !seen.contains(&r.node.id()))
        {
            let exact = field.certainty == Certainty::Known
                && field.part.is_none()
                && field.namespace.is_none();
            self.push_in(
                document,
                patch,
                field.node,
                OutsideUseKind::PatchReference,
                exact,
                field.required,
            );
        }
    }

    /// A JSON patch writes values without saying what they are: one that has the shape of a
    /// reference is one, any other value that equals the name may be.
    fn json_references(&mut self, document: &PatchDocument, patch: &Patch) {
        let root = document.node();
        let (to, wanted) = (self.to, self.name);
        let mut known = BTreeSet::new();
        for op in root.items() {
            let names = pointer_names(op);
            let Some(value) = op.get("value") else {
                continue;
            };
            if value.text() == Some(wanted) && is_name_of(to, &names) {
                known.insert(value.id());
                self.push_in(
                    document,
                    patch,
                    value,
                    OutsideUseKind::PatchReference,
                    true,
                    BTreeSet::new(),
                );
            }
            let mappings = value.descendants().filter(|n| n.is_mapping());
            for mapping in mappings {
                let around = if mapping == value {
                    names.last().copied()
                } else {
                    list_around(mapping)
                };
                for shape in shapes_below(mapping, around)
                    .into_iter()
                    .filter(|s| s.to == to && s.name.text() == Some(wanted))
                {
                    known.insert(shape.name.id());
                    self.push_in(
                        document,
                        patch,
                        shape.name,
                        OutsideUseKind::PatchReference,
                        true,
                        shape.keys,
                    );
                }
            }
        }
        for node in root
            .descendants()
            .filter(|n| n.is_scalar() && n.text() == Some(wanted) && !known.contains(&n.id()))
        {
            self.push_in(
                document,
                patch,
                node,
                OutsideUseKind::PatchReference,
                false,
                BTreeSet::new(),
            );
        }
    }

    fn generators(&mut self, kustomization: &Kustomization) {
        let (to, name) = (self.to, self.name);
        for generator in kustomization
            .generators
            .iter()
            .filter(|g| g.to == to && g.name == name)
        {
            self.found.push(OutsideUse {
                location: generator.location.clone(),
                what: OutsideUseKind::Generator,
                declared: generator.location.clone(),
                inline: None,
                exact: generator.behavior == "merge",
                keys: BTreeSet::new(),
            });
        }
    }

    fn replacements(&mut self, kustomization: &Kustomization, node: Node<'a>) {
        for (file, replacement) in self.workspace.replacements(kustomization, node) {
            if let Some(source) = replacement.get("source") {
                let field = source.get("fieldPath").and_then(Node::text);
                self.chosen(file, source, &field.into_iter().collect::<Vec<_>>());
            }
            for target in replacement.get("targets").into_iter().flat_map(Node::items) {
                let fields: Vec<&str> = target
                    .get("fieldPaths")
                    .into_iter()
                    .flat_map(Node::items)
                    .filter_map(Node::text)
                    .collect();
                let rejected = target.get("reject").into_iter().flat_map(Node::items);
                for chosen in target.get("select").into_iter().chain(rejected) {
                    self.chosen(file, chosen, &fields);
                }
            }
        }
    }

    /// A source or target of a replacement.
    fn chosen(&mut self, file: FileId, chosen: Node<'_>, fields: &[&str]) {
        let selector = Selector::of(chosen);
        if !self.named_by(&selector) {
            return;
        }
        let keys: Vec<Option<String>> = fields.iter().map(|f| data_key(f)).collect();
        let exact = selector.is_exactly(self.to.kind(), self.name)
            && !keys.is_empty()
            && keys.iter().all(Option::is_some);
        let node = chosen.get("name").unwrap_or(chosen);
        self.found.push(OutsideUse {
            location: Location::of(file, node),
            what: OutsideUseKind::Replacement,
            declared: Location::of(file, chosen),
            inline: None,
            exact,
            keys: keys.into_iter().flatten().collect(),
        });
    }

    fn vars(&mut self, file: FileId, node: Node<'a>) {
        for var in node.get("vars").into_iter().flat_map(Node::items) {
            let Some(object) = var.get("objref") else {
                continue;
            };
            let text = |key: &str| object.get(key).and_then(Node::text);
            if text("kind") == Some(self.to.kind()) && text("name") == Some(self.name) {
                let key = var
                    .path(&["fieldref", "fieldpath"])
                    .or_else(|| var.path(&["fieldref", "fieldPath"]))
                    .and_then(Node::text);
                let key = key.and_then(data_key);
                self.found.push(OutsideUse {
                    location: Location::of(file, object.get("name").unwrap_or(object)),
                    what: OutsideUseKind::Replacement,
                    declared: Location::of(file, var),
                    inline: None,
                    exact: key.is_some() && object.get("namespace").is_none(),
                    keys: key.into_iter().collect(),
                });
            }
        }
    }
}

/// The key of a field path `data.KEY`, `data.[KEY]` or `data.a\.b`.
fn data_key(path: &str) -> Option<String> {
    let rest = ["data.", "binaryData.", "stringData."]
        .iter()
        .find_map(|start| path.strip_prefix(start))?;
    let inner = rest.strip_prefix('[').and_then(|r| r.strip_suffix(']'));
    let plain = rest.replace("\\.", "\u{0}");
    let key = inner.map_or_else(
        || (!plain.contains('.')).then(|| plain.replace('\u{0}', ".")),
        |inner| Some(inner.to_owned()),
    )?;
    (!key.is_empty()).then_some(key)
}

/// The scalars of a patch that are explained: its references, and the name of what it patches.
pub(in crate::kube) fn known_in(
    workspace: &Workspace,
    document: &PatchDocument,
) -> BTreeSet<NodeId> {
    let root = document.node();
    let mut known: BTreeSet<NodeId> = root
        .path(&["metadata", "name"])
        .map(Node::id)
        .into_iter()
        .collect();
    if let Some(resource) = partial(root) {
        known.extend(
            pod::templates(&resource, root)
                .iter()
                .flat_map(PodTemplate::references)
                .map(|r| r.node.id()),
        );
        let fields = field_reference::of_resource(&resource, root, &workspace.options.references);
        known.extend(
            fields
                .iter()
                .filter(|r| r.certainty == Certainty::Known)
                .map(|r| r.node.id()),
        );
        return known;
    }
    for op in root.items() {
        let names = pointer_names(op);
        for mapping in op.get("value").into_iter().flat_map(Node::descendants) {
            let around = if Some(mapping) == op.get("value") {
                names.last().copied()
            } else {
                list_around(mapping)
            };
            known.extend(shapes_below(mapping, around).iter().map(|s| s.name.id()));
            let whole = [Target::ConfigMap, Target::Secret]
                .iter()
                .any(|to| is_name_of(*to, &names));
            known.extend((whole && Some(mapping) == op.get("value")).then(|| mapping.id()));
        }
    }
    known
}

/// The fields of the JSON pointer of an operation, without indices.
fn pointer_names(op: Node<'_>) -> Vec<&str> {
    let path = op.get("path").and_then(Node::text).unwrap_or_default();
    path.split('/')
        .filter(|s| *s != "-" && !s.bytes().all(|b| b.is_ascii_digit()))
        .collect()
}

/// Whether a JSON pointer, without indices, ends at the name in a reference of a pod spec.
fn is_name_of(to: Target, names: &[&str]) -> bool {
    match to {
        Target::ConfigMap => matches!(
            names,
            [.., "configMap" | "configMapRef" | "configMapKeyRef", "name"]
        ),
        Target::Secret => matches!(
            names,
            [.., "secret", "secretName"]
                | [
                    ..,
                    "secretRef" | "secretKeyRef" | "imagePullSecrets",
                    "name"
                ]
                | [.., "sources", "secret", "name"]
        ),
    }
}

/// The name of the list that a mapping is an item of.
fn list_around(mapping: Node<'_>) -> Option<&str> {
    mapping
        .parent()
        .filter(|p| matches!(p.kind(), Kind::Sequence(_)))
        .and_then(Node::key)
        .and_then(Node::text)
}

/// A strategic-merge patch, taken as the resource that it patches.
fn partial(root: Node<'_>) -> Option<Resource> {
    let text = |key: &str| root.get(key).and_then(Node::text).map(str::to_owned);
    let identity = Identity {
        document: 0,
        item: None,
        of_template: false,
        node: root.id(),
        bytes: (0, 0),
        hints: Hints::default(),
        api_version: text("apiVersion")?,
        kind: text("kind")?,
        namespace: None,
        name: String::new(),
    };
    Some(Resource {
        id: ResourceId(u32::MAX),
        file: FileId(u32::MAX),
        identity: Arc::new(identity),
    })
}
