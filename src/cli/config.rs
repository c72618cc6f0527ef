//! `kubewright.toml`: what the user says about the workspace, read strictly.
//!
//! An unknown key, name or value is an error with its place and the nearest thing that could be
//! meant: a setting that is silently ignored would be worse than none.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context as _, Result, anyhow};
use globset::{Glob, GlobBuilder, GlobSet, GlobSetBuilder};
use kubewright_model::glob;
use kubewright_model::kube::images::ImageFacts;
use kubewright_model::kube::{ApplySetSpec, Options, PathGlob, ReferenceSpec, Target};
use kubewright_transforms::{ALL, Settings};
use serde::Deserialize;
use toml::Spanned;

use super::globs::{self, Of, Written};
use crate::pipeline::nearest;
use crate::pipeline::report::position;

/// Name of the file.
pub const FILE_NAME: &str = "kubewright.toml";
/// Characters of a glob that are shown where it is none.
const SHOWN: usize = 80;
/// The baseline that is written where none is named.
pub const BASELINE: &str = ".kubewright-baseline.json";

/// From which severity on a finding that is left fails the run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum FailOn {
    /// Errors only.
    Error,
    /// Errors and warnings.
    #[default]
    Warning,
    /// Nothing that is found.
    Never,
}

/// What the file says.
#[derive(Debug, Clone, Default)]
pub struct Config {
    /// `unsafe-fixes`: transforms whose unsafe fixes are applied.
    pub unsafe_fixes: BTreeSet<String>,
    /// `ignore`: files that are read, and neither reported nor edited.
    pub ignore: GlobSet,
    /// `select`: the transforms that run; all when absent.
    pub select: Option<BTreeSet<String>>,
    /// `fail-on`
    pub fail_on: Option<FailOn>,
    /// `baseline`: relative to the file.
    pub baseline: Option<String>,
    /// `helm`: charts are rendered by the helm on PATH.
    pub helm: bool,
    /// `kustomize`: kustomizations are built by the kustomize, or kubectl, on PATH.
    pub kustomize: bool,
    /// `bump-charts`: a chart that is changed gets the next patch version.
    pub bump_charts: bool,
    /// `[transforms.*]` and `[[images]]`
    pub settings: Settings,
    /// `[[apply-sets]]` and `[[references]]`
    pub options: Options,
    /// All globs.
    pub globs: Vec<Written>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct Raw {
    unsafe_fixes: Vec<Spanned<String>>,
    ignore: Vec<Spanned<String>>,
    select: Option<Vec<Spanned<String>>>,
    fail_on: Option<FailOn>,
    baseline: Option<String>,
    helm: bool,
    kustomize: bool,
    bump_charts: bool,
    transforms: Settings,
    apply_sets: Vec<RawApplySet>,
    images: Vec<Spanned<ImageFacts>>,
    references: Vec<RawReference>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawApplySet {
    name: Spanned<String>,
    paths: Spanned<Vec<Spanned<String>>>,
    #[serde(default)]
    recursive: bool,
    namespace: Option<Spanned<String>>,
    cluster: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawReference {
    kind: String,
    path: String,
    key: Option<String>,
    to: RawTarget,
}

#[derive(Deserialize)]
enum RawTarget {
    ConfigMap,
    Secret,
}

impl Config {
    /// Reads the file at `path`; `shown` is how messages name it.
    #[expect(
        clippy::disallowed_methods,
        reason = "the command line reads its configuration"
    )]
    pub fn load(path: &Path, shown: &str) -> Result<Self> {
        let bytes = std::fs::read(path).with_context(|| format!("cannot read {shown}"))?;
        let text = String::from_utf8(bytes).map_err(|e| {
            let at = e.utf8_error().valid_up_to();
            let valid =
                String::from_utf8_lossy(e.as_bytes().get(..at).unwrap_or_default()).into_owned();
            let (line, column) = position(&valid, at);
            anyhow!("{shown}:{line}:{column}: not UTF-8")
        })?;
        Self::parse(&text, shown)
    }

    /// Reads the text of a configuration; `shown` is how messages name it.
    pub fn parse(text: &str, shown: &str) -> Result<Self> {
        let place = |offset| {
            let (line, column) = position(text, offset);
            format!("{shown}:{line}:{column}")
        };
        Self::parse_from(text, &place)
    }

    /// Reads the text of a configuration; `place` is how messages show an offset in it.
    pub fn parse_from(text: &str, place: &dyn Fn(usize) -> String) -> Result<Self> {
        let source = Locator { at: place };
        let raw: Raw = toml::from_str(text)
            .map_err(|e| source.error(e.span().map_or(0, |s| s.start), &explain(e.message())))?;
        let mut settings = raw.transforms;
        for image in raw.images {
            let at = image.span().start;
            let facts = image.into_inner();
            if facts.pattern.is_empty() {
                return Err(source.error(at, "`match` is missing: which images is this about?"));
            }
            settings.images.push(facts);
        }
        let mut globs = globs::of_transforms(text, |at| source.place(at));
        let apply_sets = source.apply_sets(raw.apply_sets, &mut globs)?;
        let references = (raw.references.into_iter())
            .map(|r| ReferenceSpec {
                kind: r.kind,
                path: r.path,
                key: r.key,
                to: match r.to {
                    RawTarget::ConfigMap => Target::ConfigMap,
                    RawTarget::Secret => Target::Secret,
                },
            })
            .collect();
        let mut ignore = GlobSetBuilder::new();
        let first = raw.ignore.first().map_or(0, |glob| glob.span().start);
        for written in &raw.ignore {
            let (glob, alone) = source.glob(written)?;
            ignore.add(glob);
            globs.push(Written {
                place: source.place(written.span().start),
                option: "`ignore`".into(),
                text: written.get_ref().clone(),
                of: Of::Below(alone),
            });
        }
        Ok(Self {
            globs,
            unsafe_fixes: source.names(raw.unsafe_fixes)?,
            ignore: ignore
                .build()
                .map_err(|_| source.error(first, "the globs of `ignore` are too large together"))?,
            select: raw.select.map(|names| source.names(names)).transpose()?,
            fail_on: raw.fail_on,
            baseline: raw.baseline,
            helm: raw.helm,
            kustomize: raw.kustomize,
            bump_charts: raw.bump_charts,
            settings,
            options: Options {
                apply_sets,
                references,
                ..Options::default()
            },
        })
    }
}

/// The text of a configuration, and how messages show its path.
struct Locator<'a> {
    /// How messages show an offset.
    at: &'a dyn Fn(usize) -> String,
}

impl Locator<'_> {
    fn error(&self, offset: usize, message: &str) -> anyhow::Error {
        anyhow!("{}: {message}", self.place(offset))
    }

    fn place(&self, offset: usize) -> String {
        (self.at)(offset)
    }

    fn names(&self, names: Vec<Spanned<String>>) -> Result<BTreeSet<String>> {
        let check = |name: Spanned<String>| match transform_name(name.get_ref()) {
            Ok(()) => Ok(name.into_inner()),
            Err(message) => Err(self.error(name.span().start, &message)),
        };
        names.into_iter().map(check).collect()
    }

    /// The apply sets; their globs join `globs`.
    fn apply_sets(
        &self,
        raw: Vec<RawApplySet>,
        globs: &mut Vec<Written>,
    ) -> Result<Vec<ApplySetSpec>> {
        let mut sets: Vec<ApplySetSpec> = Vec::new();
        for set in raw {
            let name = self.given("name", set.name)?;
            if sets.iter().any(|s| s.name == name.1) {
                return Err(self.error(name.0, &format!("there is another apply set `{}`", name.1)));
            }
            if set.paths.get_ref().is_empty() {
                return Err(self.error(
                    set.paths.span().start,
                    "`paths` is empty: what does the set hold?",
                ));
            }
            let mut paths = Vec::new();
            for path in set.paths.into_inner() {
                let at = path.span().start;
                let path = path.into_inner();
                if path.is_empty() || path.starts_with('/') || path.split('/').any(|s| s == "..") {
                    return Err(self.error(at, &format!("`{path}` is no path below the root")));
                }
                let glob = PathGlob::new(&path, set.recursive)
                    .map_err(|e| self.error(at, &format!("{}: {e}", start(&path))))?;
                paths.push(glob.clone());
                globs.push(Written {
                    place: self.place(at),
                    option: format!("`paths` of apply set {}", name.1),
                    text: path,
                    of: Of::Member {
                        set: name.1.clone(),
                        glob,
                    },
                });
            }
            let optional = |key, value: Option<_>| {
                value
                    .map(|v| self.given(key, v).map(|(_, v)| v))
                    .transpose()
            };
            let (namespace, cluster) = (
                optional("namespace", set.namespace)?,
                optional("cluster", set.cluster)?,
            );
            sets.push(ApplySetSpec {
                name: name.1,
                paths,
                namespace,
                cluster,
            });
        }
        Ok(sets)
    }

    /// A value that must not be empty, and its place.
    fn given(&self, key: &str, value: Spanned<String>) -> Result<(usize, String)> {
        let at = value.span().start;
        if value.get_ref().is_empty() {
            return Err(self.error(at, &format!("`{key}` is empty")));
        }
        Ok((at, value.into_inner()))
    }

    /// A glob of paths, and the same compiled.
    fn glob(&self, written: &Spanned<String>) -> Result<(Glob, GlobSet)> {
        let pattern = written.get_ref().trim_end_matches('/');
        let error =
            |why: &str| self.error(written.span().start, &format!("{}: {why}", start(pattern)));
        let compiled = glob::compile(pattern, true).map_err(|why| error(&why))?;
        let mut builder = GlobBuilder::new(pattern);
        let glob = builder.literal_separator(true).build();
        Ok((glob.map_err(|e| error(&e.kind().to_string()))?, compiled))
    }
}

/// As much of a glob as is shown.
fn start(glob: &str) -> String {
    glob.chars().take(SHOWN).collect()
}

/// Whether there is a transform of that name.
///
/// # Errors
/// A message with the nearest name.
pub fn transform_name(name: &str) -> Result<(), String> {
    let names = || ALL.iter().map(|t| t.meta().name);
    if names().any(|n| n == name) {
        return Ok(());
    }
    Err(match nearest(name, names()) {
        Some(near) => format!("there is no transform `{name}`, did you mean `{near}`?"),
        None => format!("there is no transform `{name}`; `kubewright list` shows all"),
    })
}

/// A message of the TOML reader, with the nearest of the names that it expects.
pub(super) fn explain(message: &str) -> String {
    let message = message
        .replace("unknown field", "unknown key")
        .replace("unknown variant", "unknown value");
    let mut quoted = message.split('`').skip(1).step_by(2);
    let Some(written) = quoted.next().filter(|_| message.starts_with("unknown")) else {
        return message;
    };
    match nearest(written, quoted) {
        Some(near) => format!("{message}; did you mean `{near}`?"),
        None => message.clone(),
    }
}
