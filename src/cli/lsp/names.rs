//! What stands at a place: the name of a ConfigMap or Secret, where it is defined or where it is
//! read, and all other places of the same one.

use std::collections::BTreeSet;
use std::ops::Range;

use kubewright_model::kube::{
    Certainty, FileId, Keys, Resolution, Resource, ResourceId, Target, Workspace,
};
use kubewright_model::yaml::Node;

/// Where something stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Spot {
    pub(super) file: FileId,
    pub(super) bytes: Range<usize>,
}

impl Spot {
    /// By what spots are sorted.
    fn order(&self) -> (FileId, usize, usize) {
        (self.file, self.bytes.start, self.bytes.end)
    }
}

/// Sorts spots; each is there once afterwards.
pub(super) fn sort(spots: &mut Vec<Spot>) {
    spots.sort_by_key(Spot::order);
    spots.dedup();
}

/// A place that names a ConfigMap or Secret.
pub(super) struct Use {
    pub(super) from: ResourceId,
    pub(super) to: Target,
    pub(super) name: String,
    pub(super) namespace: Option<String>,
    pub(super) spot: Spot,
    pub(super) keys: Keys,
    pub(super) required: BTreeSet<String>,
    pub(super) probable: bool,
}

/// A ConfigMap or Secret that something stands for.
pub(super) struct Named {
    pub(super) to: Target,
    pub(super) name: String,
    /// The name at the place that was asked for.
    pub(super) at: Spot,
    /// Its definitions.
    pub(super) definitions: Vec<ResourceId>,
    /// What generates it.
    pub(super) generators: Vec<Spot>,
    /// Some set cannot tell which definition is meant.
    pub(super) unsure: bool,
}

/// Which object a resource is.
pub(super) fn target(resource: &Resource) -> Option<Target> {
    match (resource.api_version.as_str(), resource.kind.as_str()) {
        ("v1", "ConfigMap") => Some(Target::ConfigMap),
        ("v1", "Secret") => Some(Target::Secret),
        _ => None,
    }
}

/// All places of a resource that name a ConfigMap or Secret.
pub(super) fn uses(workspace: &Workspace, id: ResourceId) -> Vec<Use> {
    let file = workspace.resource(id).file;
    let mut found = Vec::new();
    for template in workspace.pod_templates(id) {
        for reference in template.references() {
            found.push(Use {
                from: id,
                to: reference.to,
                name: reference.name.to_owned(),
                namespace: None,
                spot: Spot {
                    file,
                    bytes: reference.node.span(),
                },
                keys: reference.demand.reads,
                required: reference.demand.required,
                probable: false,
            });
        }
    }
    for field in workspace.field_references(id) {
        let span = field.node.span();
        let whole = field
            .node
            .text()
            .is_some_and(|text| text == field.node.source());
        // A name within a quoted text is not found again in its bytes.
        let bytes = match field.part {
            Some(part) if whole => span.start + part.start..span.start + part.end,
            Some(_) => continue,
            None => span,
        };
        found.push(Use {
            from: id,
            to: field.to,
            name: field.name.to_owned(),
            namespace: field.namespace.map(str::to_owned),
            spot: Spot { file, bytes },
            keys: Keys::None,
            required: field.required,
            probable: field.certainty == Certainty::Probable,
        });
    }
    found
}

/// The scalar that names a resource.
pub(super) fn name_node(workspace: &Workspace, id: ResourceId) -> Option<Node<'_>> {
    workspace.node(id)?.path(&["metadata", "name"])
}

/// The place of the name of a resource.
pub(super) fn definition(workspace: &Workspace, id: ResourceId) -> Option<Spot> {
    Some(Spot {
        file: workspace.resource(id).file,
        bytes: name_node(workspace, id)?.span(),
    })
}

/// The place of a key of a ConfigMap or Secret.
pub(super) fn key(workspace: &Workspace, id: ResourceId, key: &str) -> Option<Spot> {
    let node = workspace.node(id)?;
    let fields = ["data", "binaryData", "stringData"];
    let value = fields.iter().find_map(|field| node.get(field)?.get(key))?;
    Some(Spot {
        file: workspace.resource(id).file,
        bytes: value.key()?.span(),
    })
}

fn holds(bytes: &Range<usize>, at: usize) -> bool {
    bytes.start <= at && at <= bytes.end
}

/// What is named at a place.
pub(super) fn at(workspace: &Workspace, file: FileId, at: usize) -> Option<Named> {
    for resource in workspace.resources_of(file) {
        if let Some(to) = target(resource)
            && let Some(spot) = definition(workspace, resource.id)
            && holds(&spot.bytes, at)
        {
            return Some(Named {
                to,
                name: resource.name.clone(),
                at: spot,
                definitions: vec![resource.id],
                generators: Vec::new(),
                unsure: false,
            });
        }
        let mut all = uses(workspace, resource.id).into_iter();
        if let Some(found) = all.find(|found| holds(&found.spot.bytes, at)) {
            return Some(resolved(workspace, &found));
        }
    }
    let mut made = workspace.sets().iter().flat_map(|set| &set.generated);
    made.find_map(|made| {
        let generator = workspace.generator(made)?;
        let spot = Spot {
            file: generator.location.file,
            bytes: generator.location.span.clone(),
        };
        (spot.file == file && holds(&spot.bytes, at)).then(|| Named {
            to: generator.to,
            name: generator.name.clone(),
            at: spot.clone(),
            definitions: Vec::new(),
            generators: vec![spot],
            unsure: false,
        })
    })
}

/// What a use stands for, in all sets.
pub(super) fn resolved(workspace: &Workspace, found: &Use) -> Named {
    let mut named = Named {
        to: found.to,
        name: found.name.clone(),
        at: found.spot.clone(),
        definitions: Vec::new(),
        generators: Vec::new(),
        unsure: found.probable,
    };
    for set in workspace.sets_of(found.from) {
        let namespace = found.namespace.as_deref();
        let of = workspace.resolve_in(set, found.from, found.to, &found.name, namespace);
        match of {
            Resolution::One(id) => named.definitions.push(id),
            Resolution::Several(ids) | Resolution::Uncertain(ids) => {
                named.unsure = true;
                named.definitions.extend(ids);
            }
            Resolution::Generated { .. } => {
                let made = workspace.set(set).generated.iter();
                for generator in made.filter_map(|made| workspace.generator(made)) {
                    if generator.to == found.to && generator.name == found.name {
                        named.generators.push(Spot {
                            file: generator.location.file,
                            bytes: generator.location.span.clone(),
                        });
                    }
                }
            }
            Resolution::Missing => {}
        }
    }
    named.definitions.sort_unstable();
    named.definitions.dedup();
    sort(&mut named.generators);
    named
}

/// All uses of the same ConfigMap or Secret.
pub(super) fn users(workspace: &Workspace, named: &Named) -> Vec<(Use, bool)> {
    let mut found = Vec::new();
    for id in workspace.referring(named.to, &named.name) {
        for other in uses(workspace, *id) {
            if other.to != named.to || other.name != named.name {
                continue;
            }
            let of = resolved(workspace, &other);
            let same = of
                .definitions
                .iter()
                .any(|id| named.definitions.contains(id))
                || of
                    .generators
                    .iter()
                    .any(|made| named.generators.contains(made))
                || of.definitions.is_empty()
                    && of.generators.is_empty()
                    && named.definitions.is_empty()
                    && named.generators.is_empty();
            if same {
                let unsure = of.unsure || of.definitions.len() > 1;
                found.push((other, unsure));
            }
        }
    }
    found.sort_by_key(|found| found.0.spot.order());
    found.dedup_by(|a, b| a.0.spot == b.0.spot);
    found
}

/// A key that stands at a place: of a ConfigMap itself, or where it is read.
pub(super) fn key_at(
    workspace: &Workspace,
    file: FileId,
    at: usize,
) -> Option<(String, Spot, Vec<ResourceId>)> {
    for resource in workspace.resources_of(file) {
        if target(resource).is_some() {
            for key in workspace.data_keys(resource.id) {
                let spot = self::key(workspace, resource.id, &key);
                if let Some(spot) = spot.filter(|spot| holds(&spot.bytes, at)) {
                    return Some((key, spot, vec![resource.id]));
                }
            }
        }
        let Some(node) = workspace.node(resource.id) else {
            continue;
        };
        for found in uses(workspace, resource.id) {
            if found.required.is_empty() {
                continue;
            }
            for spot in key_spots(node, &found) {
                let text = spot.1;
                if holds(&spot.0.bytes, at) {
                    return Some((text, spot.0, resolved(workspace, &found).definitions));
                }
            }
        }
    }
    None
}

/// Where a reference names keys: `key` beside the name, and below `items`.
pub(super) fn key_spots(resource: Node<'_>, found: &Use) -> Vec<(Spot, String)> {
    let around = |node: &Node<'_>| {
        let span = node.span();
        span.start <= found.spot.bytes.start && found.spot.bytes.end <= span.end
    };
    let mut inner = resource;
    while let Some(child) = inner.children().find(|c| !c.is_scalar() && around(c)) {
        inner = child;
    }
    let items = inner.get("items").into_iter().flat_map(Node::items);
    let keys = inner
        .get("key")
        .into_iter()
        .chain(items.filter_map(|item| item.get("key")));
    let spot = |node: Node<'_>| {
        let text = node.text()?.to_owned();
        let bytes = node.span();
        let file = found.spot.file;
        found
            .required
            .contains(&text)
            .then_some((Spot { file, bytes }, text))
    };
    keys.filter_map(spot).collect()
}
