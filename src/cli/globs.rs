//! The globs of the configuration that match nothing: a file was moved, or a letter is wrong, and
//! what was meant to be kept, left alone or applied together is not.

use std::collections::BTreeSet;

use globset::GlobSet;
use kubewright_model::glob;
use kubewright_model::kube::{PathGlob, Workspace};
use kubewright_transforms::{ALL, GlobOf, GlobOption};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A glob of the configuration.
#[derive(Debug, Clone)]
pub struct Written {
    /// Where it stands, as messages show it.
    pub place: String,
    /// The option that holds it, for messages.
    pub option: String,
    /// As it is written.
    pub text: String,
    /// What it is matched with.
    pub of: Of,
}

/// What a glob is matched with.
#[derive(Debug, Clone)]
pub enum Of {
    /// Paths of files and of the directories above them.
    Below(GlobSet),
    /// Paths of files.
    File(GlobSet),
    /// Files of an apply set.
    Member {
        /// The name of the set.
        set: String,
        /// As the set asks it.
        glob: PathGlob,
    },
    /// `ConfigMap/name` or `Secret/name` of what is referred to.
    Reference(GlobSet),
}

impl Of {
    /// What a glob of a transform's option is matched with.
    fn option(of: GlobOf, glob: GlobSet) -> Self {
        match of {
            GlobOf::Files => Self::File(glob),
            GlobOf::References => Self::Reference(glob),
        }
    }
}

/// The globs among the options of transforms, in a text that is read as a configuration; `place` is
/// how messages show an offset.
pub fn of_transforms(text: &str, place: impl Fn(usize) -> String) -> Vec<Written> {
    let Ok(table) = DeTable::parse(text) else {
        return Vec::new();
    };
    let Some(transforms) = table.get_ref().get("transforms") else {
        return Vec::new();
    };
    let mut found = Vec::new();
    let options = ALL.iter().flat_map(|transform| {
        let name = transform.meta().name;
        transform.globs().iter().map(move |option| (name, option))
    });
    for (transform, GlobOption { name, of }) in options {
        let written = transforms
            .get_ref()
            .get(transform)
            .and_then(|options| options.get_ref().get(*name)?.get_ref().as_array());
        let globs = written.into_iter().flat_map(|globs| globs.iter());
        found.extend(globs.filter_map(|glob: &Spanned<DeValue<'_>>| {
            let text = glob.get_ref().as_str()?.to_owned();
            Some(Written {
                place: place(glob.span().start),
                option: format!("`{name}` of {transform}"),
                of: Of::option(*of, glob::compile(&text, false).ok()?),
                text,
            })
        }));
    }
    found
}

/// Whether a glob of `ignore` matches the path or a directory above it.
pub fn ignored(globs: &GlobSet, path: &str) -> bool {
    std::iter::successors(Some(path), |p| p.rsplit_once('/').map(|(d, _)| d))
        .any(|p| globs.is_match(p))
}

/// Those of the globs that match nothing in a workspace.
pub fn idle<'a>(globs: &'a [Written], workspace: &Workspace) -> Vec<&'a Written> {
    let mut references = None;
    let mut matches = |glob: &Written| {
        let some_file = |matches: &dyn Fn(&str) -> bool| {
            let mut files = workspace.files().iter();
            files.any(|file| matches(&file.path))
        };
        match &glob.of {
            Of::Below(glob) => some_file(&|path| ignored(glob, path)),
            Of::File(glob) => some_file(&|path| glob.is_match(path)),
            Of::Member { glob, .. } => some_file(&|path| glob.matches(path)),
            Of::Reference(glob) => references
                .get_or_insert_with(|| referred(workspace))
                .iter()
                .any(|name| glob.is_match(name)),
        }
    };
    globs.iter().filter(|glob| !matches(glob)).collect()
}

/// All that resources refer to, as `ConfigMap/name` or `Secret/name`.
fn referred(workspace: &Workspace) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for resource in workspace.resources() {
        for template in workspace.pod_templates(resource.id) {
            let references = template.references().into_iter();
            found.extend(references.map(|r| format!("{}/{}", r.to.kind(), r.name)));
        }
        let fields = workspace.field_references(resource.id).into_iter();
        found.extend(fields.map(|r| format!("{}/{}", r.to.kind(), r.name)));
    }
    found
}
