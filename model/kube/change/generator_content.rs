//! What kustomize generators write, key by key, and what may change it on the way to the cluster.
//!
//! It is computed as kustomize's `api/kv/kv.go` and `api/internal/generators` do: variables of
//! files, literals, then whole files. Files are those below the root that `.gitignore` leaves, so
//! that every machine reads the same.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::kustomize_changes::Toucher;
use crate::kube::kustomize::generator::{GeneratorSource, generator_sources, variables};
use crate::kube::kustomize::selector::Seen;
use crate::kube::object::apply_set::{Generated, Member, SetId};
use crate::kube::object::kustomization::{Generator, Touch, TouchKind};
use crate::kube::object::location::Location;
use crate::kube::object::reference::Target;
use crate::kube::object::resource::{FileId, Identity, Resource, ResourceId};
use crate::kube::source::paths::join;
use crate::kube::workspace::Workspace;
use crate::yaml::Node;

/// What the name of a generated ConfigMap or Secret stands for.
#[derive(Debug, Clone)]
pub struct GeneratedContent {
    /// The bytes of each key.
    pub values: BTreeMap<String, Vec<u8>>,
    /// The resource that they are added to, when generators do not make the object themselves.
    pub onto: Option<ResourceId>,
    /// `immutable: true` in the options of its first generator.
    pub immutable: bool,
    /// The name in the cluster.
    pub name: String,
    /// Where its first generator states its name.
    pub location: Location,
}

/// Why the content of a generated object is not known; for messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unknown {
    /// Something that cannot be read, or is no source of values.
    Unreadable(String),
    /// Something of that kind changes the content behind the generator.
    Changed(&'static str),
}

impl Workspace {
    /// The content of what a name in resource `from` stands for in a set, where generators make it
    /// or add to it. `None` where they do not.
    pub fn generated_content(
        &self,
        set: SetId,
        from: ResourceId,
        to: Target,
        name: &str,
    ) -> Option<Result<GeneratedContent, Unknown>> {
        self.generated_content_in(set, from, to, name, None)
    }

    /// As [`Workspace::generated_content`], for a reference that states a namespace beside the
    /// name.
    pub fn generated_content_in(
        &self,
        set: SetId,
        from: ResourceId,
        to: Target,
        name: &str,
        namespace: Option<&str>,
    ) -> Option<Result<GeneratedContent, Unknown>> {
        let (apply_set, index, consumer) = self.consumer(set, from)?;
        let namespace = self.namespace_of(from, consumer, namespace);
        let generators = self.generators_of(set, consumer, to, name, namespace.as_deref());
        let first = *generators.first()?;
        let plain = index.definitions(&self.resources, apply_set, to, name);
        let plain: Vec<&Member> = plain
            .into_iter()
            .filter(|m| m.namespace.is_none() || namespace.is_none() || m.namespace == namespace)
            .collect();
        Some(self.merged(first, &generators, &plain, to))
    }

    fn merged(
        &self,
        first: &Generated,
        generators: &[&Generated],
        plain: &[&Member],
        to: Target,
    ) -> Result<GeneratedContent, Unknown> {
        let unreadable = |text: &str| Err(Unknown::Unreadable(text.to_owned()));
        let Some(maker) = self.generator(first) else {
            return unreadable("its generator cannot be read");
        };
        let onto = match (maker.behavior.as_str(), plain) {
            ("create", []) => None,
            ("create", _) => return unreadable("a resource of that name is there too"),
            (_, [one]) => Some(one.resource),
            _ => return unreadable("what it is added to is not there once"),
        };
        if let Some(what) = onto.and_then(|id| data_touch(&self.touches(id))) {
            return Err(Unknown::Changed(what));
        }
        let mut content = GeneratedContent {
            values: BTreeMap::new(),
            onto,
            immutable: false,
            name: first.name.clone(),
            location: maker.location.clone(),
        };
        for (at, made) in generators.iter().enumerate() {
            let item = self.generator(made).and_then(|generator| {
                Some((
                    generator,
                    self.generator_item(made.kustomization, generator)?,
                ))
            });
            let Some((generator, item)) = item else {
                return unreadable("its generator cannot be read");
            };
            match generator.behavior.as_str() {
                "create" if at > 0 => return unreadable("two generators make it"),
                "replace" => {
                    content.values.clear();
                    content.onto = None;
                }
                _ => {}
            }
            let immutable = |options: Option<Node<'_>>| {
                options
                    .and_then(|o| o.get("immutable"))
                    .and_then(Node::as_bool)
                    == Some(true)
            };
            let options = self
                .kustomization_node(made.kustomization)
                .and_then(|node| node.get("generatorOptions"));
            content.immutable |= immutable(item.get("options")) || immutable(options);
            let directory = self
                .kustomization(made.kustomization)
                .map_or("", |k| &k.directory);
            content.values.extend(self.written(item, directory)?);
            let through = made.through.iter().chain(&first.through).copied().collect();
            if let Some(what) =
                self.changes_behind(made, generator, item, to, &through, &content.values)
            {
                return Err(Unknown::Changed(what));
            }
        }
        Ok(content)
    }

    /// The item of `configMapGenerator` or `secretGenerator` that a generator is.
    pub fn generator_item(&self, kustomization: FileId, generator: &Generator) -> Option<Node<'_>> {
        let node = self.kustomization_node(kustomization)?;
        let mut items = ["configMapGenerator", "secretGenerator"]
            .into_iter()
            .filter_map(|key| node.get(key))
            .flat_map(Node::items);
        items.find(|item| {
            item.get("name")
                .is_some_and(|name| name.span() == generator.location.span)
        })
    }

    /// The keys and values that one generator writes.
    fn written(
        &self,
        item: Node<'_>,
        directory: &str,
    ) -> Result<BTreeMap<String, Vec<u8>>, Unknown> {
        let unreadable = |text: String| Unknown::Unreadable(text);
        let mut pairs: Vec<(String, Vec<u8>)> = Vec::new();
        let read = |path: &str| {
            let joined = join(directory, path)
                .ok_or_else(|| unreadable(format!("{path} lies outside of the root")))?;
            self.bytes_at(&joined).ok_or_else(|| {
                unreadable(format!(
                    "{joined} is not there, is ignored by git or is too large"
                ))
            })
        };
        for source in generator_sources(item) {
            match source {
                GeneratorSource::Variables(path) => {
                    let bytes = read(path)?;
                    let text = std::str::from_utf8(&bytes)
                        .map_err(|_| unreadable(format!("{path} holds no variables")))?;
                    let pair = |(key, value): (&str, &str)| (key.to_owned(), value.into());
                    pairs.extend(variables(text).map(pair));
                }
                GeneratorSource::Literal { key, value } => {
                    pairs.push((key.to_owned(), value.into()));
                }
                GeneratorSource::NoPair(literal) => {
                    return Err(unreadable(format!("the literal {literal} has no =")));
                }
                GeneratorSource::File { key, path } => {
                    pairs.push((key.to_owned(), read(path)?));
                }
            }
        }
        let count = pairs.len();
        let values: BTreeMap<String, Vec<u8>> = pairs.into_iter().collect();
        if values.len() < count || values.contains_key("") {
            return Err(unreadable(
                "it writes a key twice, or one without a name".to_owned(),
            ));
        }
        Ok(values)
    }

    /// What may change the content after the generator has written it.
    fn changes_behind(
        &self,
        made: &Generated,
        generator: &Generator,
        item: Node<'_>,
        to: Target,
        through: &BTreeSet<FileId>,
        values: &BTreeMap<String, Vec<u8>>,
    ) -> Option<&'static str> {
        // The object as patches and replacements see it: any label may have been added to it.
        let identity = Identity {
            document: 0,
            item: None,
            node: item.id(),
            bytes: (0, 0),
            hints: crate::kube::object::resource::Hints::default(),
            api_version: "v1".to_owned(),
            kind: to.kind().to_owned(),
            namespace: made.namespace.clone(),
            name: generator.name.clone(),
            of_template: false,
        };
        let resource = Resource {
            id: ResourceId(u32::MAX),
            file: made.kustomization,
            identity: Arc::new(identity),
        };
        let names = BTreeSet::from([generator.name.clone(), made.name.clone()]);
        let seen = Seen {
            resource: &resource,
            node: item,
            names,
            namespaces: BTreeSet::new(),
            relabelled: true,
        };
        let mut touches: Vec<Touch> = Vec::new();
        for file in through {
            Toucher {
                workspace: self,
                file: *file,
                seen: &seen,
            }
            .changes(&mut touches);
        }
        for overlay in self
            .index
            .source_settings
            .iter()
            .filter(|overlay| overlay.reaches(&self.files, made.kustomization, through))
        {
            overlay.touches(self, &seen, &mut touches);
            if overlay.substitutes(&self.files)
                && values
                    .values()
                    .any(|value| value.windows(2).any(|pair| pair == b"${"))
            {
                return Some("Flux post-build substitution");
            }
        }
        data_touch(&touches)
    }

    /// The bytes of a file at a path relative to the root.
    fn bytes_at(&self, path: &str) -> Option<Vec<u8>> {
        let beside = || self.options.texts.as_ref()?.bytes(path);
        self.file_at(path)
            .map(|file| file.text.as_bytes().to_vec())
            .or_else(beside)
    }
}

/// What changes data, generators aside.
fn data_touch(touches: &[Touch]) -> Option<&'static str> {
    let data = ["data", "binaryData", "stringData"];
    let changes = |touch: &&Touch| {
        touch.what != TouchKind::Generator && data.iter().any(|path| touch.affects(path))
    };
    touches.iter().find(changes).map(|touch| touch.what.name())
}
