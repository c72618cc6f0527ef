//! What Helm prints for a release: documents, each below the file that it came from.

use std::ops::Range;

/// How Helm names the file of a document.
const SOURCE: &str = "# Source: ";

/// One document of a release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document<'a> {
    /// The file as Helm names it: `shop/templates/web.yaml`.
    pub source: &'a str,
    /// Its bytes in what was printed, without the line that names the file.
    pub span: Range<usize>,
    /// Its text.
    pub text: &'a str,
}

/// The documents of a release, in the order in which Helm prints them.
pub fn documents(rendered: &str) -> Vec<Document<'_>> {
    let mut found: Vec<Document<'_>> = Vec::new();
    let mut at = 0;
    let mut before = "";
    for line in rendered.split_inclusive('\n') {
        let start = at;
        at += line.len();
        let source = line.strip_prefix(SOURCE).filter(|_| before == "---");
        if let Some(source) = source {
            found.push(Document {
                source: source.trim_end(),
                span: at..at,
                text: "",
            });
        } else if line.trim_end() != "---"
            && let Some(last) = found.last_mut()
            && last.span.end == start
        {
            last.span.end = at;
        }
        before = line.trim_end();
    }
    for document in &mut found {
        document.text = &rendered[document.span.clone()];
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_stand_below_their_file() {
        let text = "---\n# Source: a/templates/x.yaml\nkind: A\n---\n# Source: \
                    a/templates/y.yaml\nkind: B\ndata: |\n  # Source: no\n";
        let found: Vec<_> = documents(text)
            .into_iter()
            .map(|d| (d.source, d.text))
            .collect();
        assert_eq!(
            found,
            [
                ("a/templates/x.yaml", "kind: A\n"),
                ("a/templates/y.yaml", "kind: B\ndata: |\n  # Source: no\n")
            ]
        );
    }
}
