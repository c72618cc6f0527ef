//! Secrets that findings name are not shown: a mask stands in their place wherever the text of a
//! manifest is printed, in whatever finding or change.

use std::borrow::Cow;
use std::sync::Arc;

use kubewright_model::finding::Hidden;

use crate::pipeline::report::{FileChange, Report};

/// From how many bytes on a secret is hidden in the middle of a word, too.
const LONG: usize = 8;

/// What is hidden of a report.
#[derive(Debug, Clone, Default)]
pub(crate) struct Mask {
    /// The longest first, as written in each style of a scalar.
    hidden: Vec<Hidden>,
}

impl Mask {
    /// All that findings of a report hide.
    pub(crate) fn of(report: &Report) -> Self {
        let mut hidden: Vec<Hidden> = Vec::new();
        for secret in report.findings.iter().flat_map(|f| &f.hidden) {
            let text = &secret.text;
            let escaped = text.replace('\\', "\\\\").replace('"', "\\\"");
            let written = [text.replace('\'', "''"), escaped, text.clone()];
            hidden.extend(written.into_iter().map(|text| Hidden {
                text,
                mask: secret.mask.clone(),
            }));
        }
        hidden.sort_by(|a, b| (b.text.len(), b).cmp(&(a.text.len(), a)));
        hidden.dedup();
        Self { hidden }
    }

    /// A text of manifests with masks.
    pub(crate) fn text<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let mut out = Cow::Borrowed(text);
        for secret in &self.hidden {
            if let Some(masked) = replaced(&out, secret) {
                out = Cow::Owned(masked);
            }
        }
        out
    }

    /// Whether something of a text is hidden.
    pub(crate) fn hides(&self, text: &str) -> bool {
        matches!(self.text(text), Cow::Owned(_))
    }

    /// The changed files with masks.
    pub(crate) fn files(&self, files: &[FileChange]) -> Vec<FileChange> {
        let masked = |text: &Option<Arc<str>>| text.as_deref().map(|text| self.text(text).into());
        files
            .iter()
            .map(|file| FileChange {
                path: file.path.clone(),
                before: masked(&file.before),
                after: masked(&file.after),
            })
            .collect()
    }
}

/// The text with the mask of one secret; `None` where it does not stand there. A short one is no
/// part of a word.
fn replaced(text: &str, secret: &Hidden) -> Option<String> {
    let in_word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    let mut out = String::new();
    let mut done = 0;
    for (at, found) in text.match_indices(&secret.text) {
        let end = at + found.len();
        let part = in_word(text[..at].chars().next_back()) || in_word(text[end..].chars().next());
        if found.is_empty() || (found.len() < LONG && part) {
            continue;
        }
        out.push_str(&text[done..at]);
        out.push_str(&secret.mask);
        done = end;
    }
    (done > 0).then(|| out + &text[done..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_secrets_are_no_parts_of_words() {
        let mask = |text: &str| Mask {
            hidden: vec![Hidden {
                text: text.into(),
                mask: "…".into(),
            }],
        };
        assert_eq!(mask("k4Tz").text("a: k4Tz\nb: k4Tzx"), "a: …\nb: k4Tzx");
        assert_eq!(mask("k4Tz9q0Z").text("xk4Tz9q0Zx"), "x…x");
    }
}
