//! A ConfigMap or Secret gets another name, with all that refers to it, or nothing changes.

use kubewright_model::kube::{Resolution, ResourceId, SetId, Workspace};
use lsp_types as lsp;

use super::answers;
use super::findings::{Client, Edit};
use super::names::{self, Named, Spot, Use};
use super::place;
use super::state::State;

/// Longest name of an object.
const LONGEST: usize = 253;

pub(super) fn prepare(
    state: &State,
    at: &lsp::TextDocumentPositionParams,
) -> Option<lsp::PrepareRenameResponse> {
    let named = answers::named(state, at)?;
    let text = &state.workspace.file(named.at.file).text;
    Some(lsp::PrepareRenameResponse::RangeWithPlaceholder {
        range: place::range(text, &named.at.bytes),
        placeholder: named.name,
    })
}

pub(super) fn rename(
    state: &State,
    client: Client,
    params: &lsp::RenameParams,
) -> Result<Option<lsp::WorkspaceEdit>, String> {
    let workspace = &state.workspace;
    let Some(mut named) = answers::named(state, &params.text_document_position) else {
        return Err("no name of a ConfigMap or Secret stands here".to_owned());
    };
    let new = params.new_name.trim();
    is_name(new)?;
    let users = everything(workspace, &mut named);
    let what = format!("{} {}", named.to.kind(), named.name);
    if named.definitions.is_empty() && named.generators.is_empty() {
        return Err(format!(
            "{what} is not defined here: rename it where it is defined"
        ));
    }
    let mut sets: Vec<SetId> = named
        .definitions
        .iter()
        .flat_map(|id| workspace.sets_of(*id))
        .collect();
    let made = |set: &kubewright_model::kube::ApplySet| {
        let mut made = set
            .generated
            .iter()
            .filter_map(|made| workspace.generator(made));
        made.any(|g| {
            named
                .generators
                .iter()
                .any(|s| s.bytes == g.location.span && s.file == g.location.file)
        })
    };
    sets.extend(
        workspace
            .sets()
            .iter()
            .filter(|set| made(set))
            .map(|set| set.id),
    );
    sets.sort_unstable();
    sets.dedup();
    refused(workspace, &named, &users, &sets, new)?;
    let open = sets.iter().any(|set| !workspace.set(*set).holes.is_empty()) || sets.is_empty();
    let title = format!("rename {what} to {new}");
    let mut edit = Edit::new(client, &title, open);
    let written = named
        .definitions
        .iter()
        .filter_map(|id| names::definition(workspace, *id));
    let mut spots: Vec<Spot> = written.collect();
    spots.extend(named.generators.iter().cloned());
    spots.extend(users.into_iter().map(|found| found.spot));
    names::sort(&mut spots);
    for of_file in spots.chunk_by(|a, b| a.file == b.file) {
        let Some(first) = of_file.first() else {
            continue;
        };
        let file = workspace.file(first.file);
        if !file.editable {
            let path = &file.path;
            return Err(format!(
                "{what} stands in {path}, which is not to be edited: nothing was renamed"
            ));
        }
        let uri = state.uri(&file.path).ok_or("a file has no URI")?;
        let edits = of_file.iter().map(|spot| {
            let old = file.text.get(spot.bytes.clone()).unwrap_or_default();
            lsp::TextEdit::new(place::range(&file.text, &spot.bytes), written_as(old, new))
        });
        edit.edit(state, &file.path, uri, edits.collect());
    }
    Ok(Some(edit.done()))
}

/// All uses, and all definitions that they lead to.
fn everything(workspace: &Workspace, named: &mut Named) -> Vec<Use> {
    loop {
        let users = names::users(workspace, named);
        let before = (named.definitions.len(), named.generators.len());
        for (found, unsure) in &users {
            let of = names::resolved(workspace, found);
            named.definitions.extend(of.definitions);
            named.generators.extend(of.generators);
            named.unsure |= *unsure && of.unsure;
        }
        named.definitions.sort_unstable();
        named.definitions.dedup();
        names::sort(&mut named.generators);
        if before == (named.definitions.len(), named.generators.len()) {
            return users.into_iter().map(|(found, _)| found).collect();
        }
    }
}

/// Why it is not renamed.
fn refused(
    workspace: &Workspace,
    named: &Named,
    users: &[Use],
    sets: &[SetId],
    new: &str,
) -> Result<(), String> {
    let what = format!("{} {}", named.to.kind(), named.name);
    let place = |spot: &Spot| {
        let file = workspace.file(spot.file);
        format!("{}:{}", file.path, file.position(spot.bytes.start).0)
    };
    if let Some(found) = users.iter().find(|found| found.probable) {
        return Err(format!(
            "{} may name {what}, which kubewright cannot tell: nothing was renamed",
            place(&found.spot)
        ));
    }
    if named.unsure {
        return Err(format!(
            "which {what} is meant depends on a namespace that is not written: write \
             metadata.namespace first"
        ));
    }
    for set in sets {
        let unexplained = workspace.unexplained_uses(*set, named.to, &named.name);
        let patched = workspace.unexplained_in_patches(*set, named.to, &named.name);
        let first = unexplained
            .into_iter()
            .map(|(_, location)| location)
            .chain(patched)
            .next();
        if let Some(location) = first {
            let spot = Spot {
                file: location.file,
                bytes: location.span,
            };
            return Err(format!(
                "{} holds the word {} and kubewright cannot tell whether it means {what}: nothing \
                 was renamed",
                place(&spot),
                named.name
            ));
        }
        let owner = |id: &ResourceId| workspace.sets_of(*id).contains(set);
        let from = users
            .iter()
            .map(|u| u.from)
            .chain(named.definitions.iter().copied())
            .find(owner);
        let taken = from.is_some_and(|from| {
            let namespace = workspace.resource(from).namespace.as_deref();
            !matches!(
                workspace.resolve_in(*set, from, named.to, new, namespace),
                Resolution::Missing
            )
        });
        if taken {
            let kind = named.to.kind();
            return Err(format!(
                "there is a {kind} {new} already: choose another name"
            ));
        }
    }
    Ok(())
}

fn is_name(name: &str) -> Result<(), String> {
    let end = |c: Option<char>| c.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    let fits = name.len() <= LONGEST
        && name.split('.').all(|part| {
            let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            part.chars().all(inner) && end(part.chars().next()) && end(part.chars().last())
        });
    if fits {
        Ok(())
    } else {
        Err(format!(
            "`{name}` is no name of an object: small letters, digits, - and . are allowed, and a \
             letter or digit at both ends"
        ))
    }
}

/// A name in the quotes of the old one; in some where it would be read as something else than text.
fn written_as(old: &str, new: &str) -> String {
    let quote = old.chars().next().filter(|c| matches!(c, '"' | '\''));
    let other = new.parse::<f64>().is_ok()
        || new.starts_with("0x")
        || new.starts_with("0o")
        || matches!(
            new,
            "null" | "true" | "false" | "yes" | "no" | "on" | "off" | "y" | "n"
        );
    match quote {
        Some(quote) => format!("{quote}{new}{quote}"),
        None if other => format!("\"{new}\""),
        None => new.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_what_kubernetes_takes_and_stay_text() {
        assert!(is_name("a-1.b").is_ok());
        for name in ["", "A", "-a", "a-", "a..b", "a_b", "é"] {
            assert!(is_name(name).is_err(), "{name}");
        }
        assert_eq!(written_as("'a'", "b"), "'b'");
        assert_eq!(written_as("a", "1e3"), "\"1e3\"");
        assert_eq!(written_as("a", "b"), "b");
    }
}
