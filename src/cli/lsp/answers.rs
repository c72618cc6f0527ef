//! Hover, definitions and references.

use std::fmt::Write as _;

use kubewright_model::kube::{Keys, ResourceId, Workspace};
use lsp_types as lsp;

use super::names::{self, Named, Spot, Use};
use super::place;
use super::state::State;

/// Readers that are listed.
const MOST: usize = 20;

/// The place of a spot in the editor.
pub(super) fn location(state: &State, spot: &Spot) -> Option<lsp::Location> {
    let file = state.workspace.file(spot.file);
    let range = place::range(&file.text, &spot.bytes);
    Some(lsp::Location::new(state.uri(&file.path)?, range))
}

/// What stands at the place of a question.
fn asked(
    state: &State,
    at: &lsp::TextDocumentPositionParams,
) -> Option<(kubewright_model::kube::FileId, usize)> {
    let file = state.file(&at.text_document.uri)?;
    let text = &state.workspace.file(file).text;
    Some((file, place::offset(text, at.position)))
}

/// What is named at a place of the editor.
pub(super) fn named(state: &State, at: &lsp::TextDocumentPositionParams) -> Option<Named> {
    let (file, offset) = asked(state, at)?;
    names::at(&state.workspace, file, offset)
}

pub(super) fn definition(
    state: &State,
    params: &lsp::GotoDefinitionParams,
) -> Option<lsp::GotoDefinitionResponse> {
    let at = &params.text_document_position_params;
    let workspace = &state.workspace;
    let spots: Vec<Spot> = if let Some(named) = named(state, at) {
        definitions(workspace, &named)
    } else {
        let (file, offset) = asked(state, at)?;
        let (key, _, of) = names::key_at(workspace, file, offset)?;
        of.iter()
            .filter_map(|id| names::key(workspace, *id, &key))
            .collect()
    };
    let places: Vec<_> = spots
        .iter()
        .filter_map(|spot| location(state, spot))
        .collect();
    (!places.is_empty()).then_some(lsp::GotoDefinitionResponse::Array(places))
}

fn definitions(workspace: &Workspace, named: &Named) -> Vec<Spot> {
    let written = named.definitions.iter();
    let written = written.filter_map(|id| names::definition(workspace, *id));
    written.chain(named.generators.iter().cloned()).collect()
}

pub(super) fn references(
    state: &State,
    params: &lsp::ReferenceParams,
) -> Option<Vec<lsp::Location>> {
    let at = &params.text_document_position;
    let workspace = &state.workspace;
    let mut spots = Vec::new();
    if let Some(named) = named(state, at) {
        if params.context.include_declaration {
            spots.extend(definitions(workspace, &named));
        }
        spots.extend(
            names::users(workspace, &named)
                .into_iter()
                .map(|(found, _)| found.spot),
        );
    } else {
        let (file, offset) = asked(state, at)?;
        let (key, _, of) = names::key_at(workspace, file, offset)?;
        for id in of {
            if params.context.include_declaration {
                spots.extend(names::key(workspace, id, &key));
            }
            for found in readers(workspace, id) {
                let Some(node) = workspace.node(found.from) else {
                    continue;
                };
                let of_key = names::key_spots(node, &found).into_iter();
                spots.extend(
                    of_key
                        .filter(|(_, text)| *text == key)
                        .map(|(spot, _)| spot),
                );
            }
        }
    }
    names::sort(&mut spots);
    Some(
        spots
            .iter()
            .filter_map(|spot| location(state, spot))
            .collect(),
    )
}

/// All uses of a ConfigMap or Secret.
pub(super) fn readers(workspace: &Workspace, id: ResourceId) -> Vec<Use> {
    let resource = workspace.resource(id);
    let (Some(to), Some(at)) = (names::target(resource), names::definition(workspace, id)) else {
        return Vec::new();
    };
    let named = Named {
        to,
        name: resource.name.clone(),
        at,
        definitions: vec![id],
        generators: Vec::new(),
        unsure: false,
    };
    names::users(workspace, &named)
        .into_iter()
        .map(|(found, _)| found)
        .collect()
}

pub(super) fn hover(state: &State, params: &lsp::HoverParams) -> Option<lsp::Hover> {
    let at = &params.text_document_position_params;
    let workspace = &state.workspace;
    let (text, spot) = if let Some(named) = named(state, at) {
        (of_name(workspace, &named), named.at)
    } else {
        let (file, offset) = asked(state, at)?;
        let (key, spot, of) = names::key_at(workspace, file, offset)?;
        (of_key(workspace, &key, &of), spot)
    };
    let file = workspace.file(spot.file);
    Some(lsp::Hover {
        contents: lsp::HoverContents::Markup(lsp::MarkupContent {
            kind: lsp::MarkupKind::Markdown,
            value: text,
        }),
        range: Some(place::range(&file.text, &spot.bytes)),
    })
}

fn of_name(workspace: &Workspace, named: &Named) -> String {
    let mut out = format!("**{}** {}\n", named.to.kind(), code(&named.name));
    for id in &named.definitions {
        let place = names::definition(workspace, *id).map(|spot| shown(workspace, &spot));
        let keys = workspace.data_keys(*id);
        let keys: Vec<String> = keys.iter().map(|key| code(key)).collect();
        let keys = if keys.is_empty() {
            "no keys".to_owned()
        } else {
            keys.join(", ")
        };
        let _ = write!(out, "\ndefined in {}: {keys}\n", place.unwrap_or_default());
    }
    for spot in &named.generators {
        let _ = write!(out, "\ngenerated by {}\n", shown(workspace, spot));
    }
    if named.definitions.is_empty() && named.generators.is_empty() {
        out.push_str("\nnot in the apply set: nothing here defines it\n");
    }
    let users: Vec<Use> = names::users(workspace, named)
        .into_iter()
        .map(|(found, _)| found)
        .collect();
    list(&mut out, workspace, &users.iter().collect::<Vec<_>>());
    out
}

fn of_key(workspace: &Workspace, key: &str, of: &[ResourceId]) -> String {
    let mut out = format!("key {}\n", code(key));
    for id in of {
        let resource = workspace.resource(*id);
        let _ = write!(out, "\nof {} {}\n", resource.kind, code(&resource.name));
        let users = readers(workspace, *id);
        let reads = |found: &&Use| match &found.keys {
            Keys::None => found.required.contains(key),
            Keys::Some(keys) => keys.contains(key) || found.required.contains(key),
            Keys::AllData | Keys::All => true,
        };
        list(
            &mut out,
            workspace,
            &users.iter().filter(reads).collect::<Vec<_>>(),
        );
    }
    out
}

fn list(out: &mut String, workspace: &Workspace, users: &[&Use]) {
    if users.is_empty() {
        out.push_str("\nnobody here reads it\n");
        return;
    }
    out.push_str("\nread by\n\n");
    for found in users.iter().take(MOST) {
        let resource = workspace.resource(found.from);
        let keys = match &found.keys {
            Keys::None if found.required.is_empty() => "its name".to_owned(),
            Keys::None => words(&found.required),
            Keys::Some(keys) => words(keys),
            Keys::AllData => "all of its data".to_owned(),
            Keys::All => "all of it".to_owned(),
        };
        let place = shown(workspace, &found.spot);
        let _ = writeln!(
            out,
            "- {} {}: {keys} ({place})",
            resource.kind,
            code(&resource.name)
        );
    }
    if users.len() > MOST {
        let _ = writeln!(out, "- and {} more", users.len() - MOST);
    }
}

fn words(keys: &std::collections::BTreeSet<String>) -> String {
    keys.iter()
        .map(|key| code(key))
        .collect::<Vec<_>>()
        .join(", ")
}

fn shown(workspace: &Workspace, spot: &Spot) -> String {
    let file = workspace.file(spot.file);
    code(&format!(
        "{}:{}",
        file.path,
        file.position(spot.bytes.start).0
    ))
}

/// A code span, which nothing in it ends.
fn code(text: &str) -> String {
    format!("`{}`", text.replace(['`', '\n'], "\u{fffd}"))
}
