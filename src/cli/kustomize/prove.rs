//! Whether an edit means what it is meant to: each root that reads what is edited is built before
//! and after it, and the builds are the same but for what the fix changes.

use std::collections::BTreeMap;

use kubewright_model::finding::NoFix;
use kubewright_model::kube::BuildCode;
use kubewright_model::text;
use kubewright_model::yaml::{File, Node, Value};
use rayon::prelude::*;

use super::copy::Copy;
use super::delta::Delta;
use super::documents::Build;
use super::roots::{Root, annotated};
use super::tool::Kustomize;

/// Texts of files, by path; `None` where there is none.
pub(super) type Texts = BTreeMap<String, Option<String>>;

/// What is built, by the number of the root.
pub(super) type Builds = BTreeMap<usize, Build>;

/// What a fix changes: root, document, and what of it.
pub(super) type Meant = Vec<(usize, usize, Vec<Delta>)>;

/// Where roots are built.
pub(super) struct Bench<'a> {
    pub(super) tool: &'a Kustomize,
    pub(super) copy: &'a Copy,
    pub(super) roots: &'a [Root],
}

impl Bench<'_> {
    /// Builds one root as the copy has it.
    ///
    /// # Errors
    /// kustomize's own words.
    pub(super) fn build(&self, root: &Root) -> Result<Build, String> {
        let printed = self.tool.build(self.copy.path(), &root.directory)?;
        Ok(Build::read(&printed, &root.directory))
    }

    /// Writes to the copy. Kustomizations that are built say there where resources come from.
    pub(super) fn write(&self, texts: &Texts) -> Result<(), String> {
        let is_root = |path: &str| self.roots.iter().any(|root| root.path == path);
        let mut written = Texts::new();
        for (path, text) in texts {
            let text = match text {
                Some(text) if is_root(path) => Some(annotated(text).ok_or_else(|| {
                    format!(
                        "{path} cannot be edited, so that it does not say where resources come from"
                    )
                })?),
                text => text.clone(),
            };
            written.insert(path.clone(), text);
        }
        self.copy.write(&written).map_err(|error| error.to_string())
    }

    /// What the roots that read the changed files build with them, once it is what is meant. The
    /// copy holds the new texts then.
    ///
    /// # Errors
    /// What differs, or kustomize's own words; the copy holds the old texts.
    pub(super) fn prove(
        &self,
        (old, new): (&Texts, &Texts),
        before: &Builds,
        meant: &Meant,
    ) -> Result<Builds, NoFix> {
        let proof = self.tried(new, before, meant);
        if proof.is_err() {
            let _ = self.write(old);
        }
        proof
    }

    fn tried(&self, new: &Texts, before: &Builds, meant: &Meant) -> Result<Builds, NoFix> {
        let unwritten = |said: String| {
            let text = format!("whether the fix means what it should cannot be tried: {said}");
            NoFix::new(BuildCode::BuildsDiffer, text)
        };
        self.write(new).map_err(unwritten)?;
        let reads = |root: &Root| new.keys().any(|path| root.may_read(path));
        let concerned: Vec<usize> = before
            .keys()
            .copied()
            .filter(|number| self.roots.get(*number).is_some_and(reads))
            .collect();
        let each: Vec<_> = concerned
            .into_par_iter()
            .filter_map(|number| Some((number, self.build(self.roots.get(number)?))))
            .collect();
        let mut after = Builds::new();
        for (number, build) in each {
            let name = self.roots.get(number).map_or("", Root::name);
            let build = build.map_err(|said| {
                let text = format!("with the fix, kustomize does not build {name}: {said}");
                NoFix::new(BuildCode::BuildsDiffer, text)
            })?;
            if let Some(old) = before.get(&number) {
                let of_root = meant.iter().filter(|(root, ..)| *root == number);
                let deltas = of_root.map(|(_, document, deltas)| (*document, deltas.as_slice()));
                same(name, old, &build, &deltas.collect())?;
            }
            after.insert(number, build);
        }
        let missed = meant.iter().find(|(root, ..)| !after.contains_key(root));
        match missed {
            Some((root, ..)) => {
                let name = self.roots.get(*root).map_or("", Root::name);
                let text = text![name, " does not read what the fix changes"];
                Err(NoFix::new(BuildCode::BuildsDiffer, text))
            }
            None => Ok(after),
        }
    }
}

/// Whether a build is the one before with what is meant.
fn same(
    name: &str,
    before: &Build,
    after: &Build,
    meant: &BTreeMap<usize, &[Delta]>,
) -> Result<(), NoFix> {
    let differs = |what: String| {
        let text = format!("{name} would build something else than it should: {what}");
        NoFix::new(BuildCode::BuildsDiffer, text)
    };
    let (old, new) = (File::parse(&*before.text), File::parse(&*after.text));
    let (Ok(old), Ok(new)) = (old, new) else {
        return Err(differs("it is not understood".into()));
    };
    if before.documents.len() != after.documents.len() {
        return Err(differs("there are other resources".into()));
    }
    for number in 0..before.documents.len() {
        let (Some(a), Some(b)) = (old.root(number), new.root(number)) else {
            return Err(differs("it is not understood".into()));
        };
        if !meant.contains_key(&number) && a.source() == b.source() {
            continue;
        }
        let (Some(mut wanted), Some(got)) = (a.to_value(), b.to_value()) else {
            return Err(differs("it is not understood".into()));
        };
        let deltas = meant.get(&number).copied().unwrap_or_default();
        if !deltas.iter().all(|delta| delta.apply(&mut wanted)) {
            return Err(differs(format!("{} is another one", identity(a))));
        }
        if plain(wanted) != plain(got) {
            let what = if deltas.is_empty() {
                format!("{} would change too", identity(a))
            } else {
                format!(
                    "{} would not get what it should, or more than that",
                    identity(a)
                )
            };
            return Err(differs(what));
        }
    }
    Ok(())
}

/// Kind and name of a document.
pub(super) fn identity(root: Node<'_>) -> String {
    let text = |node: Option<Node<'_>>| node.and_then(Node::text).unwrap_or_default().to_owned();
    let name = text(root.path(&["metadata", "name"]));
    format!("{} {name}", text(root.get("kind")))
}

/// A value without the way in which it is written.
pub(super) fn plain(value: Value) -> Value {
    match value {
        Value::Quoted(text) => Value::Str(text),
        Value::Flow(inner) => plain(*inner),
        Value::Seq(items) => Value::Seq(items.into_iter().map(plain).collect()),
        Value::Map(pairs) => {
            let pairs = pairs.into_iter().map(|(key, value)| (key, plain(value)));
            let mut pairs: Vec<_> = pairs.collect();
            pairs.sort_by(|a, b| a.0.cmp(&b.0));
            Value::Map(pairs)
        }
        value => value,
    }
}
