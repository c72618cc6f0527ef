//! A document on its way from one kind to another: each step is planned on the text of the step
//! before and proven before it counts.

use kubewright_model::finding::NoFix;
use kubewright_model::yaml::{Edit, File, Node, Op, Place, Refusal, Splice, Value, verify};

/// A text that changes step by step.
#[derive(Debug)]
pub(super) struct Draft {
    file: File,
    /// Comments that could not be kept.
    pub(super) lost: Vec<String>,
}

const BROKEN: Refusal = Refusal {
    code: "yaml-layout",
    text: "The document could not be read again after a step.",
};

impl Draft {
    /// Starts from the text of one document.
    pub(super) fn new(text: String) -> Result<Self, NoFix> {
        let file = File::parse(text).map_err(|_| BROKEN)?;
        Ok(Self {
            file,
            lost: Vec::new(),
        })
    }

    pub(super) fn root(&self) -> Result<Node<'_>, NoFix> {
        Ok(self.file.root(0).ok_or(BROKEN)?)
    }

    /// The text as it is now.
    pub(super) fn text(&self) -> &str {
        self.file.text()
    }

    /// Plans a change from the root and makes it; says whether there was one.
    pub(super) fn step(
        &mut self,
        plan: impl FnOnce(Node<'_>) -> Result<Option<Edit>, NoFix>,
    ) -> Result<bool, NoFix> {
        let Some(edit) = plan(self.root()?)? else {
            return Ok(false);
        };
        let (text, lost) = match self.keeping_comments(&edit) {
            Some(text) => (text, Vec::new()),
            None => (verify::apply(&self.file, &[&edit])?, edit.lost_comments),
        };
        self.file = File::parse(text).map_err(|_| BROKEN)?;
        self.lost.extend(lost);
        Ok(true)
    }

    /// The text after a removal whose comments stay behind as lines of their own; `None` when there
    /// are none or it cannot be proven.
    fn keeping_comments(&self, edit: &Edit) -> Option<String> {
        let Op::Remove { node } = &edit.op else {
            return None;
        };
        let [splice] = edit.splices.as_slice() else {
            return None;
        };
        if edit.lost_comments.is_empty()
            || !self
                .file
                .text()
                .get(splice.range.clone())?
                .starts_with(['\r', '\n'])
            || !splice.text.is_empty()
        {
            return None;
        }
        let node = self.file.node(*node);
        let start = node.key().unwrap_or(node).span().start;
        let line = self
            .file
            .text()
            .get(..start)?
            .rfind('\n')
            .map_or(0, |n| n + 1);
        let pad = " ".repeat(self.file.text().get(line..start)?.chars().count());
        let lines: Vec<String> = edit
            .lost_comments
            .iter()
            .map(|c| format!("{}{pad}{c}", self.file.eol()))
            .collect();
        let splices = vec![Splice {
            range: splice.range.clone(),
            text: lines.concat(),
        }];
        let kept = Edit {
            op: edit.op.clone(),
            splices,
            lost_comments: Vec::new(),
        };
        verify::apply(&self.file, &[&kept]).ok()
    }

    /// Gives the entry `key` of the mapping at `path` a value: in its place, or as a new entry
    /// behind `after`.
    pub(super) fn put(
        &mut self,
        path: &[&str],
        after: &[&str],
        key: &str,
        value: &Value,
    ) -> Result<bool, NoFix> {
        self.step(|root| {
            let mapping = root.path(path).ok_or(BROKEN)?;
            match mapping.get(key) {
                Some(old) if old.to_value().as_ref() == Some(value) => Ok(None),
                Some(old) => Ok(Some(old.set(value)?)),
                None => {
                    let before = after
                        .iter()
                        .filter_map(|k| mapping.get(k))
                        .max_by_key(|n| n.position());
                    Ok(Some(mapping.insert(
                        before.map_or(Place::Last, Place::After),
                        key,
                        value,
                    )?))
                }
            }
        })
    }

    /// Takes the entry at `path` out, and the mapping around it when that would be left empty.
    pub(super) fn drop(&mut self, path: &[&str]) -> Result<bool, NoFix> {
        self.step(|root| {
            let Some(mut node) = root.path(path) else {
                return Ok(None);
            };
            while let Some(parent) = node
                .parent()
                .filter(|p| p.parent().is_some() && p.children().count() == p.width())
            {
                node = parent;
            }
            Ok(Some(node.remove()?))
        })
    }
}

/// How many children one member of a collection has.
trait Width {
    fn width(self) -> usize;
}

impl Width for Node<'_> {
    fn width(self) -> usize {
        if self.is_mapping() { 2 } else { 1 }
    }
}
