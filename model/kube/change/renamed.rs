//! Whether the names that kustomize changes are followed where they are referred to
//! (docs/kubernetes.md#names-kustomize-does-not-follow).
//!
//! kustomize rewrites a reference to an object of the same namespace alone, as the build has it,
//! where no namespace means `default` (`api/filters/nameref` and `ResId.IsNsEquals`). What Argo CD
//! and `kubectl -n` fill in afterwards does not count.

use crate::kube::object::apply_set::{Generated, Member, SetId};
use crate::kube::object::reference::Target;
use crate::kube::object::resource::{FileId, ResourceId};
use crate::kube::workspace::Workspace;

/// An object whose name the build changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Renamed {
    /// The name in what is built, `-<hash of its content>` included.
    pub name: String,
    /// Its namespace in the build.
    pub namespace: Option<String>,
    /// That of the resource that refers to it.
    pub reader: Option<String>,
    /// The definition; `None` when a generator makes it.
    pub definition: Option<ResourceId>,
    /// Both come out of one `kustomize build`.
    pub together: bool,
}

impl Renamed {
    /// Whether kustomize takes both namespaces for one.
    pub fn meets(&self) -> bool {
        let effective =
            |namespace: &Option<String>| namespace.clone().unwrap_or_else(|| "default".to_owned());
        effective(&self.namespace) == effective(&self.reader)
    }
}

impl Workspace {
    /// The only object of a source name in a set, where the build gives it another name and `from`
    /// is built with it.
    pub fn renamed(
        &self,
        set: SetId,
        from: ResourceId,
        to: Target,
        name: &str,
        hashed: bool,
    ) -> Option<Renamed> {
        let reader = self.member(set, from).filter(|m| !m.through.is_empty())?;
        let here = |namespace: &Option<String>| {
            namespace.is_none() || reader.namespace.is_none() || *namespace == reader.namespace
        };
        let apply_set = self.sets.get(set.0 as usize)?;
        let made = |g: &&Generated| {
            self.generator(g)
                .is_some_and(|made| made.to == to && made.name == name && made.behavior == "create")
        };
        let mut generated = apply_set
            .generated
            .iter()
            .filter(made)
            .filter(|g| here(&g.namespace));
        let mut plain = self
            .set_index(set)?
            .definitions(&self.resources, apply_set, to, name)
            .into_iter()
            .filter(|m| here(&m.namespace));
        let together = |through: &[FileId]| through.first() == reader.through.first();
        let (becomes, namespace, definition, together) = match (generated.next(), plain.next()) {
            (Some(one), None) => {
                let own = self.generator(one)?.namespace.as_ref();
                (
                    &one.name,
                    self.in_build(set, &one.through, one.namespace.as_ref(), own),
                    None,
                    together(&one.through),
                )
            }
            (None, Some(one)) if !one.through.is_empty() => {
                let own = self.resource(one.resource).namespace.as_ref();
                (
                    &one.name,
                    self.in_build(set, &one.through, one.namespace.as_ref(), own),
                    Some(one.resource),
                    together(&one.through),
                )
            }
            _ => return None,
        };
        if generated.next().is_some() || plain.next().is_some() {
            return None;
        }
        let becomes = if hashed {
            format!("{becomes}-<hash of its content>")
        } else {
            becomes.clone()
        };
        let own = self.resource(from).namespace.as_ref();
        let reader = self.in_build(set, &reader.through, reader.namespace.as_ref(), own);
        (becomes != name).then_some(Renamed {
            name: becomes,
            namespace,
            reader,
            definition,
            together,
        })
    }

    /// The definitions that have had a name on their way into a set, between their own and the one
    /// in the cluster: kustomize follows it too.
    pub fn named_on_the_way(&self, set: SetId, to: Target, name: &str) -> Vec<ResourceId> {
        let members =
            self.set(set).members.iter().filter(|m| {
                m.through.len() > 1 && name.len() < m.name.len() && m.name.contains(name)
            });
        let had = |m: &&Member| {
            let resource = self.resource(m.resource);
            let mut known = resource.name.clone();
            resource.target() == Some(to)
                && m.through
                    .iter()
                    .rev()
                    .filter_map(|file| self.kustomization(*file))
                    .any(|k| {
                        known = format!("{}{known}{}", k.prefix, k.suffix);
                        known == name
                    })
        };
        members.filter(had).map(|m| m.resource).collect()
    }

    /// The namespace that something has when kustomize looks for the objects of references. `last`
    /// is the one that it is applied to.
    fn in_build(
        &self,
        set: SetId,
        through: &[FileId],
        last: Option<&String>,
        own: Option<&String>,
    ) -> Option<String> {
        if self.overrides_namespace(set) {
            return last.cloned();
        }
        through
            .iter()
            .find_map(|file| self.kustomization(*file)?.namespace.as_ref())
            .or(own)
            .cloned()
    }

    /// Whether Argo CD or Flux sets the namespace of the outermost kustomization itself.
    fn overrides_namespace(&self, set: SetId) -> bool {
        let appliers = &self.set(set).appliers;
        self.index.source_settings.iter().any(|o| {
            o.sets_namespace(&self.files) && appliers.iter().any(|a| a.resource == o.resource)
        })
    }
}
