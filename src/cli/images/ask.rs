//! Which images are asked what.

use std::collections::BTreeSet;

use kubewright_model::kube::Workspace;
use kubewright_model::kube::images::{Question, platform};
use kubewright_transforms::{ALL, Context};

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

/// The questions. They do not depend on the lock, so that its answers stay.
pub(super) fn of(workspace: &Workspace, ground: &Ground) -> Asked {
    let mut settings = ground.config.settings.clone();
    settings.lock.clear();
    let running: Vec<&str> = Selection::default()
        .of(ALL, ground.config.select.as_ref(), &settings)
        .iter()
        .map(|t| t.meta().name)
        .collect();
    let cx = Context {
        workspace,
        settings: &settings,
        running: &running,
    };
    // Those that are switched off are asked, too: `fix --select` runs them with the same lock.
    let questions = Question::merged(ALL.iter().flat_map(|t| t.questions(&cx)));
    let here = used(workspace, |path, editable| {
        editable && !globs::ignored(&ground.config.ignore, path)
    });
    let all = used(workspace, |path, _| {
        !globs::ignored(&ground.config.ignore, path)
    });
    let of = |used: &BTreeSet<(String, String)>| {
        questions
            .iter()
            .filter(|q| used.contains(&(q.image.clone(), q.platform.clone())))
            .cloned()
            .collect()
    };
    Asked {
        here: of(&here),
        all: of(&all),
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
