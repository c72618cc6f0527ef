//! Which images are asked what.

use std::collections::BTreeSet;

use kubewright_model::kube::Workspace;
use kubewright_model::kube::images::{Question, platform};
use kubewright_transforms::{ALL, Context};

use crate::cli::charts::made::Made;
use crate::cli::globs;
use crate::cli::ground::Ground;
use crate::pipeline::Selection;

/// The questions of a workspace, sorted.
pub(super) struct Asked {
    /// Those of the files that were asked for.
    pub(super) here: Vec<Question>,
    /// Those of all files that may be edited at all.
    pub(super) all: Vec<Question>,
}

/// The questions of manifests, and of what charts make. They do not depend on the lock, so that its
/// answers stay.
pub(super) fn of(workspace: &Workspace, ground: &Ground, made: &[Made]) -> Asked {
    let mut settings = ground.config.settings.clone();
    settings.lock.clear();
    let running: Vec<&str> = Selection::default()
        .of(ALL, ground.config.select.as_ref(), &settings)
        .iter()
        .map(|t| t.meta().name)
        .collect();
    // Those that are switched off are asked, too: `fix --select` runs them with the same lock.
    let asked = |workspace: &Workspace| {
        let cx = Context {
            workspace,
            settings: &settings,
            running: &running,
        };
        Question::merged(ALL.iter().flat_map(|t| t.questions(&cx)))
    };
    let own = asked(workspace);
    let of = |used: &BTreeSet<(String, String)>| -> Vec<Question> {
        own.iter()
            .filter(|q| used.contains(&(q.image.clone(), q.platform.clone())))
            .cloned()
            .collect()
    };
    let ignored = |path: &str| globs::ignored(&ground.config.ignore, path);
    let mut here = of(&used(workspace, |path, editable| {
        editable && !ignored(path)
    }));
    let mut all = of(&used(workspace, |path, _| !ignored(path)));
    let templates = |made: &Made, edited: bool| {
        let below = if made.directory.is_empty() {
            "templates/".to_owned()
        } else {
            format!("{}/templates/", made.directory)
        };
        let mut files = workspace.files().iter();
        files.any(|file| {
            file.path.starts_with(&below) && !ignored(&file.path) && (file.editable || !edited)
        })
    };
    for made in made {
        let questions = asked(&made.workspace);
        if templates(made, true) {
            here.extend(questions.iter().cloned());
        }
        if templates(made, false) {
            all.extend(questions);
        }
    }
    Asked {
        here: Question::merged(here),
        all: Question::merged(all),
    }
}

/// Images, with the platform, that pods of the files are made of.
fn used(workspace: &Workspace, files: impl Fn(&str, bool) -> bool) -> BTreeSet<(String, String)> {
    let mut used = BTreeSet::new();
    for resource in workspace.resources() {
        let file = workspace.file(resource.file);
        if !files(&file.path, file.editable) {
            continue;
        }
        for template in workspace.pod_templates(resource.id) {
            let containers = template.containers();
            let images = containers.iter().flat_map(|container| {
                let built = workspace.built_images(resource.id, &template, container);
                built.unwrap_or_default()
            });
            used.extend(images.map(|image| (image, platform(&template))));
        }
    }
    used
}
