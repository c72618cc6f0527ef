//! Edits of a release as the files of the chart that give it.

use std::collections::BTreeMap;

use kubewright_model::kube::charts::actions::contents;
use kubewright_model::kube::charts::back::{in_template, in_values, of_actions};
use kubewright_model::kube::charts::{lines, value_paths};
use kubewright_model::text;
use kubewright_model::text::{Path as At, Text, Verbatim};

use super::reach::prefix;
use super::seen::{RELEASE, Release};
use crate::pipeline::report::{FileFate, ReportedEdit};

/// Files of a chart with their new texts, relative to the root.
pub(super) type Texts = BTreeMap<String, String>;

/// The edits of each file.
type Edits = BTreeMap<String, Vec<(std::ops::Range<usize>, String)>>;

/// Edits that touch the same lines as one.
fn joined(edits: &[ReportedEdit], rendered: &str) -> Vec<ReportedEdit> {
    let mut edits = edits.to_vec();
    edits.sort_by_key(|edit| (edit.start, edit.end));
    let mut joined: Vec<ReportedEdit> = Vec::new();
    for edit in edits {
        if let Some(last) = joined.last_mut()
            && let Some(between) = rendered.get(last.end..edit.start)
            && !between.contains('\n')
        {
            last.content.push_str(between);
            last.content.push_str(&edit.content);
            last.end = edit.end;
        } else {
            joined.push(edit);
        }
    }
    joined
}

impl Release<'_> {
    /// The files of the chart with edits of the release.
    ///
    /// # Errors
    /// What is not written in them as it is.
    pub(super) fn texts(&self, edits: &[ReportedEdit]) -> Result<Texts, Text> {
        let mut all = Edits::new();
        for edit in edits {
            if edit.path != RELEASE || edit.file != FileFate::Stays {
                return Err("a file of its own would be made".into());
            }
        }
        for edit in joined(edits, self.rendered) {
            self.edit(&edit, &mut all)?;
        }
        let mut texts = Texts::new();
        for (path, mut edits) in all {
            edits.sort_by_key(|(range, _)| (range.start, range.end));
            edits.dedup();
            let text = self.templates.text(&path).map_or("", |text| &**text);
            let mut after = String::new();
            let mut at = 0;
            for (range, content) in edits {
                let kept = text.get(at..range.start);
                after.push_str(kept.ok_or("its lines are made by one line")?);
                after.push_str(&content);
                at = range.end;
            }
            after.push_str(&text[at..]);
            texts.insert(path, after);
        }
        Ok(texts)
    }

    fn edit(&self, edit: &ReportedEdit, all: &mut Edits) -> Result<(), Text> {
        let inside = |d: &&_| -> bool {
            let d: &kubewright_model::kube::charts::rendered::Document<'_> = d;
            d.span.start <= edit.start && edit.end <= d.span.end
        };
        let document = self.documents.iter().find(inside);
        let document = document.ok_or("it is not in one document")?;
        let path = self.chart.source(document.source);
        let path = path.filter(|path| self.templates.before.contains_key(path));
        let path = path.ok_or("the template is not a file of the workspace")?;
        let text = self
            .templates
            .text(&path)
            .ok_or("the template is not there")?;
        let own = edit.start - document.span.start..edit.end - document.span.start;
        let origins = lines::origins(document.text, text);
        let edited = in_template(document.text, text, &origins, (&own, &edit.content));
        let line = match edited {
            Ok((range, content)) => match of_actions(&content, document.text, text) {
                None => {
                    let content = if text.contains("\r\n") {
                        content.replace("\r\n", "\n").replace('\n', "\r\n")
                    } else {
                        content
                    };
                    all.entry(path).or_default().push((range, content));
                    return Ok(());
                }
                Some(word) => return Err(text![Verbatim(word), " is made by an action"]),
            },
            Err(line) => line,
        };
        let origin = origins.get(line).copied().flatten();
        let said = text![
            At(&path),
            format!(", line {}, ", origin.map_or(0, |at| at + 1)),
            "is no literal text"
        ];
        let made = origin
            .and_then(|at| text.lines().nth(at))
            .ok_or(said.clone())?;
        let values = self.of_values(&path, made, document.text, (&own, edit));
        let (values, range, content) = values.ok_or(said)?;
        all.entry(values).or_default().push((range, content));
        Ok(())
    }

    /// The edit of one value as one of `values.yaml`, where it is written there as it is.
    fn of_values(
        &self,
        path: &str,
        made: &str,
        document: &str,
        (own, edit): (&std::ops::Range<usize>, &ReportedEdit),
    ) -> Option<(String, std::ops::Range<usize>, String)> {
        let from = document[..own.start].rfind('\n').map_or(0, |at| at + 1);
        let to = from + document[from..].find('\n')?;
        if own.end > to || edit.content.contains('\n') {
            return None;
        }
        let before = &document[from..to];
        let after = format!(
            "{}{}{}",
            &document[from..own.start],
            edit.content,
            &document[own.end..to]
        );
        let (key, old) = before.split_once(": ")?;
        let (new_key, new) = after.split_once(": ")?;
        if key != new_key {
            return None;
        }
        let key = key.trim().trim_start_matches("- ");
        let old = old.trim().trim_matches(['"', '\'']);
        let chart = path.split_once("templates/")?.0;
        let values = format!("{chart}values.yaml");
        let text = self.templates.text(&values)?;
        let paths = contents(made).into_iter().flat_map(|a| value_paths(&a));
        let mut found = paths.filter_map(|p| in_values(text, &p, key, old));
        // A subchart has values of its own, unless its parent gives others.
        let range = found.next().filter(|_| prefix(path).is_empty())?;
        Some((values, range, new.trim().to_owned()))
    }
}
