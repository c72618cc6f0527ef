//! What is said of a change before everything is looked at again: whether the text is YAML.

use kubewright_model::kube::{Input, Options, Workspace};
use lsp_types::{Diagnostic, NumberOrString};

use super::state::State;
use super::{findings, place};
use crate::pipeline::{INPUT, Pipeline};

/// Sorts behind every path, and stands for all other files.
const OTHERS: &str = "\u{10ffff}.yaml";

/// The diagnostics of an open file, with `shown` for what was found in it before; `None` where they
/// do not change yet.
pub(super) fn diagnostics(
    state: &State,
    path: &str,
    shown: &[Diagnostic],
) -> Option<Vec<Diagnostic>> {
    let open = state.open.get(path)?;
    let known = state.workspace.file_at(path).filter(|file| file.editable)?;
    let mut skipped = state.workspace.skipped().iter();
    // Templates and parts of charts are told by what lies around them.
    if skipped.any(|skipped| skipped.file == known.id && skipped.document.is_none()) {
        return None;
    }
    let several = state
        .workspace
        .files()
        .iter()
        .filter(|f| f.editable)
        .count()
        > 1;
    let (alone, whole) = alone(path, &open.text);
    // What one asks for by name is judged more strictly.
    let alone = if several {
        alone
    } else {
        Workspace::new(vec![input(path, &open.text)], Options::default())
    };
    let errors = Pipeline::not_yaml(&alone);
    let is_error = |d: &&Diagnostic| d.code == Some(NumberOrString::String(INPUT.to_owned()));
    let others = shown.iter().filter(|d| !whole && !is_error(d));
    let mut now: Vec<Diagnostic> = others.cloned().collect();
    for error in &errors {
        let bytes = error.place.start..error.place.end;
        now.push(Diagnostic {
            range: place::range(&open.text, &bytes),
            ..findings::diagnostic(state, error)
        });
    }
    (now != shown).then_some(now)
}

fn input(path: &str, text: &str) -> Input {
    Input {
        path: path.to_owned(),
        text: text.into(),
        editable: true,
    }
}

/// A text as the only one beside an empty one, and whether it is not YAML as a whole.
pub(super) fn alone(path: &str, text: &str) -> (Workspace, bool) {
    let inputs = vec![input(path, text), input(OTHERS, "")];
    let alone = Workspace::new(inputs, Options::default());
    let whole = alone
        .broken()
        .iter()
        .any(|broken| broken.document.is_none());
    (alone, whole)
}
