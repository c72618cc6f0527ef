//! Which values a template can reach: those that it names, and those that helpers name which it
//! includes.

use std::collections::BTreeSet;

use super::actions::{Opener, blocks, contents};
use super::merged::value_paths;

/// The paths below `.Values` that the actions of a text name, with those of the helpers that it
/// includes; `templates` are the texts that may define them.
pub fn values_of(text: &str, templates: &[&str]) -> Vec<String> {
    let mut left: Vec<String> = vec![text.to_owned()];
    let mut known: BTreeSet<String> = BTreeSet::new();
    let mut paths: BTreeSet<String> = BTreeSet::new();
    while let Some(text) = left.pop() {
        for action in contents(&text) {
            paths.extend(value_paths(&action));
            for name in included(&action) {
                if known.insert(name.clone()) {
                    let texts = templates.iter();
                    left.extend(texts.filter_map(|text| defined(text, &name)));
                }
            }
        }
    }
    paths.into_iter().collect()
}

/// The helpers that an action includes.
fn included(action: &str) -> Vec<String> {
    let mut found = Vec::new();
    for call in ["include \"", "template \""] {
        let behind = action.split(call).skip(1);
        found.extend(behind.filter_map(|rest| Some(rest.split_once('"')?.0.to_owned())));
    }
    found
}

/// The body of a helper.
fn defined(text: &str, name: &str) -> Option<String> {
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let says = format!("define \"{name}\"");
    let block = blocks(text)?.into_iter().find(|block| {
        block.opener == Opener::Define
            && lines
                .get(block.lines.start)
                .is_some_and(|line| contents(line).contains(&says))
    })?;
    Some(lines.get(block.lines)?.concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_helpers_count() {
        let helpers = "{{- define \"b\" }}\n{{ .Values.b }}\n{{- end }}\n{{ define \"c\" }}{{ \
                       .Values.c }}{{ end }}\n";
        let text = "x: {{ include \"b\" . | quote }}\ny: {{ $.Values.a.d }}\n";
        assert_eq!(values_of(text, &[helpers]), ["a.d", "b"]);
    }
}
