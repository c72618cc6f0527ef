//! Secrets that findings name are not shown: a mask stands in their place wherever the text of a
//! manifest is printed, in whatever finding or change.

use std::borrow::Cow;
use std::sync::Arc;

use aho_corasick::{AhoCorasick, MatchKind};
use kubewright_model::finding::Hidden;

use crate::pipeline::report::{FileChange, Report};

/// From how many bytes on a secret is hidden in the middle of a word, too.
const LONG: usize = 8;

/// Up to how many bytes secrets are searched for together.
const LONGEST: usize = 4096;

/// What is hidden of a report.
#[derive(Debug, Clone, Default)]
pub(crate) struct Mask {
    /// Finds each of `hidden`, in one pass; `None` where nothing is hidden.
    finder: Option<AhoCorasick>,
    /// As written in each style of a scalar.
    hidden: Vec<Hidden>,
    /// Those that are too long for the finder.
    longest: Vec<Hidden>,
}

impl Mask {
    /// All that findings of a report hide, and those that it leaves out.
    pub(crate) fn of(report: &Report) -> Self {
        let findings = report.findings.iter().flat_map(|f| &f.hidden);
        Self::new(findings.chain(&report.secrets))
    }

    fn new<'h>(secrets: impl Iterator<Item = &'h Hidden>) -> Self {
        let mut hidden: Vec<Hidden> = Vec::new();
        for secret in secrets.filter(|secret| !secret.text.is_empty()) {
            let text = &secret.text;
            let escaped = text.replace('\\', "\\\\").replace('"', "\\\"");
            let written = [text.replace('\'', "''"), escaped, text.clone()];
            hidden.extend(written.into_iter().map(|text| Hidden {
                text,
                mask: secret.mask.clone(),
            }));
        }
        hidden.sort();
        hidden.dedup();
        let (longest, hidden): (Vec<_>, Vec<_>) = hidden
            .into_iter()
            .partition(|secret| secret.text.len() > LONGEST);
        let texts = hidden.iter().map(|secret| &secret.text);
        let finder = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            .build(texts)
            .ok()
            .filter(|_| !hidden.is_empty());
        Self {
            finder,
            hidden,
            longest,
        }
    }

    /// A text of manifests with masks. What is short is hidden only where it is no part of a word.
    pub(crate) fn text<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let mut whole = Cow::Borrowed(text);
        for secret in &self.longest {
            if whole.contains(&secret.text) {
                whole = Cow::Owned(whole.replace(&secret.text, &secret.mask));
            }
        }
        match self.found(&whole) {
            Some(masked) => Cow::Owned(masked),
            None => whole,
        }
    }

    /// The text with masks for what the finder finds; `None` where that is nothing.
    fn found(&self, text: &str) -> Option<String> {
        let finder = self.finder.as_ref()?;
        let in_word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
        let mut out = String::new();
        let mut done = 0;
        for found in finder.find_iter(text) {
            let range = found.range();
            let part = in_word(text[..range.start].chars().next_back())
                || in_word(text[range.end..].chars().next());
            let Some(secret) = self.hidden.get(found.pattern().as_usize()) else {
                continue;
            };
            if range.len() >= LONG || !part {
                out.push_str(&text[done..range.start]);
                out.push_str(&secret.mask);
                done = range.end;
            }
        }
        (done > 0).then(|| out + &text[done..])
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_secrets_are_no_parts_of_words() {
        let mask = |text: &str| {
            let secret = Hidden {
                text: text.into(),
                mask: "…".into(),
            };
            Mask::new([secret].iter())
        };
        assert_eq!(mask("k4Tz").text("a: k4Tz\nb: k4Tzx"), "a: …\nb: k4Tzx");
        assert_eq!(mask("k4Tz9q0Z").text("xk4Tz9q0Zx"), "x…x");
    }
}
