//! Argo CD `ApplicationSet`s: what their generators give, filled into their template (Argo CD
//! `applicationset/generators`, `utils`).
//!
//! List and git generators, and matrices of two of them, are known from the workspace. What any
//! other generator gives is not: fields of the template that need it stay unknown, the others
//! count.

use std::collections::{BTreeMap, BTreeSet};

use globset::GlobSet;

use super::applier::{Applied, Content, Fill, Filled, claim};
use super::argo_cd;
use super::repository::{Claim, Own};
use crate::glob;
use crate::kube::kustomize::manifests::Manifests;
use crate::kube::object::resource::Resource;
use crate::kube::source::paths::split;
use crate::yaml::{self, Node};

/// Applications of one set; more are not read.
const MAX_APPLICATIONS: usize = 2000;
/// How deep the mappings of parameters nest.
const MAX_DEPTH: usize = 8;
/// Parameters of one application; aliases can write far more than stands there.
const MAX_PARAMETERS: usize = 1000;

/// Parameters by the name of the simple form.
type Parameters = BTreeMap<String, String>;

/// The directories that the `spec` of an `ApplicationSet` names: those of its template, and where
/// its git generators look.
pub(in crate::kube) fn claims(manifests: &Manifests<'_>, spec: Node<'_>) -> Vec<Claim> {
    let go = uses_go(spec);
    let mut claims = Vec::new();
    let template = spec.path(&["template", "spec"]);
    for generator in spec.get("generators").into_iter().flat_map(Node::items) {
        // Before the own repository is known, git generators give nothing.
        for parameters in generated(manifests, &Own::default(), go, generator, true)
            .into_iter()
            .take(MAX_APPLICATIONS)
        {
            claims.extend(template.into_iter().flat_map(|t| {
                argo_cd::claims(
                    t,
                    &Fill {
                        go,
                        parameters: parameters.clone(),
                    },
                )
            }));
        }
    }
    let fill = Fill {
        go,
        ..Fill::default()
    };
    let generators = spec.get("generators").into_iter().flat_map(Node::items);
    let with_inner = |g: &Node<'_>| g.path(&["matrix", "generators"]).is_some();
    let (matrices, simple): (Vec<Node<'_>>, Vec<Node<'_>>) = generators.partition(with_inner);
    let inner = matrices
        .into_iter()
        .filter_map(|g| g.path(&["matrix", "generators"]))
        .flat_map(Node::items);
    for git in simple.into_iter().chain(inner).filter_map(|g| g.get("git")) {
        for pattern in ["directories", "files"]
            .iter()
            .filter_map(|k| git.get(k))
            .flat_map(Node::items)
            .filter(|p| !excludes(*p))
        {
            // The pattern as far as it names directories.
            let text = pattern.get("path").and_then(Node::text).unwrap_or_default();
            let fixed = text
                .split('/')
                .take_while(|s| !s.contains(['*', '?', '[', '{']))
                .collect::<Vec<_>>()
                .join("/");
            claims.push(Claim {
                path: Some(fixed),
                ..of_git(git, &fill)
            });
        }
    }
    claims
}

/// The `Application`s of a set.
pub(in crate::kube) fn applications(
    manifests: &Manifests<'_>,
    own: &Own,
    resource: &Resource,
    spec: Node<'_>,
) -> Vec<Applied> {
    let go = uses_go(spec);
    let template = spec.get("template");
    let Some(inner) = template.and_then(|t| t.get("spec")) else {
        return Vec::new();
    };
    let patched = spec.get("templatePatch").is_some();
    let generators: Vec<Node<'_>> = spec
        .get("generators")
        .into_iter()
        .flat_map(Node::items)
        .collect();
    let mut found = Vec::new();
    for generator in generators {
        let own_template = generator.entries().any(|(_, g)| {
            g.get("template")
                .is_some_and(|t| t.entries().next().is_some())
        });
        for parameters in generated(manifests, own, go, generator, true) {
            let fill = Fill { go, parameters };
            let name = fill
                .text(template.and_then(|t| t.path(&["metadata", "name"])))
                .known();
            let mut applied = argo_cd::application(resource.id, name, inner, &fill);
            if patched || own_template {
                // What it is in the end is not known.
                applied.place = None;
                applied.sources.iter_mut().for_each(|s| {
                    s.content = Content::Opaque("what a changed template makes".to_owned());
                });
            }
            found.push(applied);
            if found.len() >= MAX_APPLICATIONS {
                return found;
            }
        }
    }
    found
}

fn uses_go(spec: Node<'_>) -> bool {
    spec.get("goTemplate").and_then(Node::as_bool) == Some(true)
}

fn excludes(pattern: Node<'_>) -> bool {
    pattern.get("exclude").and_then(Node::as_bool) == Some(true)
}

fn of_git(git: Node<'_>, fill: &Fill) -> Claim {
    claim(
        fill.text(git.get("repoURL")),
        &fill.text(git.get("revision")),
        Filled::Absent,
    )
}

/// What a generator gives; one without parameters when that is not known.
fn generated(
    manifests: &Manifests<'_>,
    own: &Own,
    go: bool,
    generator: Node<'_>,
    outer: bool,
) -> Vec<Parameters> {
    let unknown = || vec![Parameters::new()];
    // A selector chooses among what is generated: by labels that are not looked at here.
    if generator.get("selector").is_some() {
        return unknown();
    }
    if let Some(list) = generator
        .get("list")
        .filter(|l| l.get("elementsYaml").is_none())
    {
        let elements = list.get("elements").into_iter().flat_map(Node::items);
        return elements.map(|e| flat("", e)).collect();
    }
    if let Some(git) = generator.get("git") {
        let found = if own.is(&of_git(
            git,
            &Fill {
                go,
                ..Fill::default()
            },
        )) {
            git_parameters(manifests, go, git)
        } else {
            None
        };
        return found.unwrap_or_else(unknown);
    }
    let matrix = generator.path(&["matrix", "generators"]).filter(|_| outer);
    if let Some([first, second]) = matrix.map(|m| m.items().collect::<Vec<_>>()).as_deref() {
        // The second one may use what the first one gives.
        let depends = second.source().contains("{{");
        let second = if depends {
            unknown()
        } else {
            generated(manifests, own, go, *second, false)
        };
        let first = generated(manifests, own, go, *first, false);
        let merged = |a: &Parameters, b: &Parameters| {
            a.iter()
                .chain(b)
                .map(|(k, v)| (k.clone(), v.clone()))
                .collect()
        };
        return first
            .iter()
            .flat_map(|a| second.iter().map(move |b| merged(a, b)))
            .take(MAX_APPLICATIONS)
            .collect();
    }
    unknown()
}

/// What a git generator finds in the workspace; `None` when a pattern is not understood.
fn git_parameters(manifests: &Manifests<'_>, go: bool, git: Node<'_>) -> Option<Vec<Parameters>> {
    let prefix = git
        .get("pathParamPrefix")
        .and_then(Node::text)
        .map(|p| format!("{p}."))
        .unwrap_or_default();
    let mut found = Vec::new();
    if let Some(patterns) = git.get("directories") {
        let (taken, left) = globs(patterns, true)?;
        let mut directories = BTreeSet::new();
        for file in manifests.files {
            directories.extend(std::iter::successors(Some(split(&file.path).0), |d| {
                Some(split(d).0).filter(|_| !d.is_empty())
            }));
        }
        let hit = |globs: &[GlobSet], path: &str| globs.iter().any(|g| g.is_match(path));
        for path in directories
            .into_iter()
            .filter(|d| !d.is_empty() && hit(&taken, d) && !hit(&left, d))
        {
            found.push(of_path(&prefix, path));
        }
    } else {
        let (taken, left) = globs(git.get("files")?, false)?;
        let hit = |globs: &[GlobSet], path: &str| globs.iter().any(|g| g.is_match(path));
        for file in manifests
            .files
            .iter()
            .filter(|f| hit(&taken, &f.path) && !hit(&left, &f.path))
        {
            let (directory, name) = split(&file.path);
            let around = of_path(&prefix, directory);
            let named = (format!("{prefix}path.filename"), name.to_owned());
            let yaml = yaml::File::parse(std::sync::Arc::clone(&file.text)).ok()?;
            let root = yaml.root(0)?;
            let items = if root.is_sequence() {
                root.items().collect()
            } else {
                vec![root]
            };
            for item in items {
                let own = flat("", item);
                found.push(
                    own.into_iter()
                        .chain(around.clone())
                        .chain([named.clone()])
                        .collect(),
                );
            }
        }
    }
    let values = git
        .get("values")
        .map(|v| flat("values.", v))
        .unwrap_or_default();
    for parameters in &mut found {
        let fill = Fill {
            go,
            parameters: parameters.clone(),
        };
        parameters.extend(
            values
                .iter()
                .filter_map(|(key, value)| Some((key.clone(), fill.fill(value)?))),
        );
    }
    Some(found)
}

/// Patterns that take and those that leave out. Directories are matched by Go's `path.Match`, to
/// which `**` is `*`.
fn globs(patterns: Node<'_>, directories: bool) -> Option<(Vec<GlobSet>, Vec<GlobSet>)> {
    let (mut taken, mut left) = (Vec::new(), Vec::new());
    for pattern in patterns.items() {
        let text = pattern.get("path").and_then(Node::text)?;
        let text = if directories {
            text.replace("**", "*")
        } else {
            text.to_owned()
        };
        let glob = glob::compile(text.trim_end_matches('/'), true).ok()?;
        if excludes(pattern) {
            left.push(glob);
        } else {
            taken.push(glob);
        }
    }
    Some((taken, left))
}

/// The parameters of a path.
fn of_path(prefix: &str, path: &str) -> Parameters {
    let base = split(path).1;
    let normal: String = base
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || c == '-' {
                c.to_ascii_lowercase()
            } else {
                '-'
            }
        })
        .collect();
    let mut found = Parameters::from([
        (format!("{prefix}path"), path.to_owned()),
        (format!("{prefix}path.basename"), base.to_owned()),
        (format!("{prefix}path.basenameNormalized"), normal),
    ]);
    found.extend(
        path.split('/')
            .enumerate()
            .map(|(at, segment)| (format!("{prefix}path[{at}]"), segment.to_owned())),
    );
    found
}

/// The scalars of a mapping by their dotted paths.
fn flat(prefix: &str, node: Node<'_>) -> Parameters {
    let mut found = Parameters::new();
    let mut open = vec![(prefix.to_owned(), node, 0)];
    let mut steps = 0;
    while let Some((prefix, node, depth)) = open.pop() {
        for (key, value) in node.entries() {
            steps += 1;
            if steps > MAX_PARAMETERS {
                return found;
            }
            let Some(name) = key.text().map(|k| format!("{prefix}{k}")) else {
                continue;
            };
            if value.is_mapping() && depth < MAX_DEPTH {
                open.push((format!("{name}."), value, depth + 1));
            } else if let Some(text) = value.text() {
                found.insert(name, text.to_owned());
            }
        }
    }
    found
}
