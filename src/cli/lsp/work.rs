//! Making findings, beside the answers.

use std::sync::Arc;

use kubewright_model::kube::Workspace;
use kubewright_transforms::ALL;

use super::super::config::Config;
use super::state::{Changes, State};
use crate::pipeline::{Judged, Pipeline, Selection, UnsafeFixes};

/// Findings of a generation of the workspace.
#[derive(Default)]
pub(super) struct Found {
    pub(super) generation: u64,
    /// The workspace that they are of, and what was changed for it.
    pub(super) made: Option<(Arc<Workspace>, Changes)>,
    pub(super) judged: Option<Arc<Judged>>,
    /// The files had these numbers.
    pub(super) numbering: u64,
}

/// What finding needs of the state.
pub(super) struct Work {
    workspace: Arc<Workspace>,
    /// What the workspace lacks.
    changes: Option<Changes>,
    config: Config,
    generation: u64,
    numbering: u64,
}

impl Work {
    pub(super) fn of(state: &State, changes: Option<Changes>) -> Self {
        let numbering = changes.as_ref().map(|changes| changes.numbering);
        Self {
            workspace: Arc::clone(&state.workspace),
            changes,
            config: state.ground.config.clone(),
            generation: state.generation,
            numbering: numbering.unwrap_or(state.numbering),
        }
    }

    pub(super) fn pipeline(config: &Config) -> Pipeline<'_> {
        let (select, settings) = (config.select.as_ref(), &config.settings);
        Pipeline {
            transforms: Selection::default().of(ALL, select, settings),
            settings,
            unsafe_fixes: UnsafeFixes::None,
        }
    }

    /// The findings, with what is known from those before.
    pub(super) fn found(self, before: Option<(Arc<Judged>, u64)>) -> Found {
        let same = before.filter(|(_, numbering)| *numbering == self.numbering);
        let before = same.as_ref().map(|(judged, _)| &**judged);
        let made = self.changes.map(|changes| {
            let next = changes.next(&self.workspace);
            (next, changes)
        });
        let workspace = made.as_ref().map_or(&self.workspace, |(made, _)| made);
        // The next keystroke does not wait for what can be made before it.
        workspace.prepare();
        let judged = Self::pipeline(&self.config).judge(workspace, before);
        Found {
            generation: self.generation,
            judged: Some(Arc::new(judged)),
            numbering: self.numbering,
            made,
        }
    }
}
