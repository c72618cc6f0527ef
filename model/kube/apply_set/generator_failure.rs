//! Whether a generator can be carried out: `create` wants a name that is free, `merge` and
//! `replace` one that is taken (docs/kubernetes.md#generators-and-what-is-there).
//!
//! kustomize compares the name and namespace with all that an object has had on its way
//! (`appendReplaceOrMerge` in `api/resmap/reswrangler.go`), at the moment the generator runs:
//! behind `resources`, before `components`.

use super::kustomize_build::{Gathered, Made, Part};
use crate::kube::kustomize::manifests::Manifests;
use crate::kube::object::kustomization::Generator;
use crate::kube::object::resource::{FileId, ResourceId};

/// A generator with which the build fails.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Failure {
    /// The kustomization that has it.
    pub kustomization: FileId,
    /// Its position in [`Kustomization::generators`](crate::kube::Kustomization::generators).
    pub generator: usize,
    /// Why.
    pub reason: FailureReason,
}

/// Why a generator fails.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum FailureReason {
    /// It merges into, or replaces, what is not there.
    Nothing,
    /// It creates what a resource defines already.
    Defined(ResourceId),
    /// It creates what another generator makes: its kustomization and position there.
    Made(FileId, usize),
}

/// Names and namespaces that something has had so far, together.
fn had<T>(
    manifests: &Manifests<'_>,
    part: &Part<T>,
    name: &str,
    namespace: Option<&str>,
) -> Vec<(String, String)> {
    let effective = |namespace: Option<&str>| namespace.unwrap_or("default").to_owned();
    let mut all = vec![(name.to_owned(), effective(namespace))];
    let (mut name, mut namespace) = (name.to_owned(), namespace.map(str::to_owned));
    for kustomization in part
        .through
        .iter()
        .filter_map(|file| manifests.kustomization(*file))
    {
        namespace = kustomization.namespace.clone().or(namespace);
        all.push((name.clone(), effective(namespace.as_deref())));
        name = format!("{}{name}{}", kustomization.prefix, kustomization.suffix);
        all.push((name.clone(), effective(namespace.as_deref())));
    }
    all
}

/// Why a generator fails on what is gathered before it, if it does.
pub(in crate::kube) fn failure(
    manifests: &Manifests<'_>,
    gathered: &Gathered,
    file: FileId,
    at: usize,
    generator: &Generator,
) -> Option<Failure> {
    let wanted = (
        generator.name.clone(),
        generator
            .namespace
            .clone()
            .unwrap_or_else(|| "default".to_owned()),
    );
    let mut found = Vec::new();
    for part in &gathered.resources {
        let Some(resource) = manifests
            .resources
            .get(part.what.0 as usize)
            .filter(|r| r.target() == Some(generator.to))
        else {
            continue;
        };
        let related = wanted.0.contains(&resource.name);
        if related
            && had(
                manifests,
                part,
                &resource.name,
                resource.namespace.as_deref(),
            )
            .contains(&wanted)
        {
            found.push(FailureReason::Defined(part.what));
        }
    }
    for part in &gathered.generated {
        let Some(made) =
            made(manifests, part.what).filter(|g| g.to == generator.to && g.behavior == "create")
        else {
            continue;
        };
        if wanted.0.contains(&made.name)
            && had(manifests, part, &made.name, made.namespace.as_deref()).contains(&wanted)
        {
            found.push(FailureReason::Made(part.what.0, part.what.1));
        }
    }
    let reason = match (generator.behavior.as_str(), found.pop()) {
        // What cannot be read may define it.
        ("merge" | "replace", None) if gathered.holes.is_empty() => FailureReason::Nothing,
        ("create", Some(reason)) => reason,
        _ => return None,
    };
    Some(Failure {
        kustomization: file,
        generator: at,
        reason,
    })
}

fn made<'a>(manifests: &Manifests<'a>, (file, at): Made) -> Option<&'a Generator> {
    manifests.kustomization(file)?.generators.get(at)
}
