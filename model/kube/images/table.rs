//! The built-in table: what the Dockerfiles of well-known images say about shell, user, ENTRYPOINT
//! and CMD.
//!
//! Tags move, and a table is never up to date: it proves nothing. It turns "no fix" into a fix that
//! is offered as unsafe. The data is in `image-table.json`, an image with a range of its tags on
//! each line, with the Dockerfile that it was read from. The first line that fits counts, even if
//! it says nothing: that is what such lines are for. ENTRYPOINT and CMD stand there only where all
//! images that the line is about, old and new, have the same. It is read when somebody asks for the
//! first time.

use std::sync::LazyLock;

use regex_automata::meta::Regex;
use serde::Deserialize;

use super::{ImageFacts, Stated, StatedBy, glob, parts};

static ROWS: LazyLock<Vec<Row>> =
    LazyLock::new(|| serde_json::from_str(include_str!("image-table.json")).unwrap_or_default());

/// An image and a range of its tags.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Row {
    /// Registry and path; `*` crosses no `/`.
    image: String,
    /// Mirrors of the same image.
    #[serde(default)]
    aliases: Vec<String>,
    /// Regular expression that is searched in the tag; absent: all tags.
    tags: Option<String>,
    shell: Option<String>,
    user: Option<String>,
    entrypoint: Option<Vec<String>>,
    cmd: Option<Vec<String>>,
    /// Where it was read: repository, path, commit.
    #[serde(default)]
    source: String,
}

impl Row {
    fn is_about(&self, name: &str, tag: &str) -> bool {
        let named = std::iter::once(&self.image)
            .chain(&self.aliases)
            .any(|image| glob(image.as_bytes(), name.as_bytes()));
        named
            && self
                .tags
                .as_ref()
                .is_none_or(|tags| Regex::new(tags).is_ok_and(|tags| tags.is_match(tag)))
    }
}

/// What the table says of an image, `image` as [`super::normalise`] gives it. Of one
/// without tag, known by its digest alone, it says nothing.
pub(in crate::kube) fn stated(image: &str) -> Option<Stated> {
    let (name, tag) = parts(image)?;
    let row = ROWS.iter().find(|row| row.is_about(name, tag))?;
    if row.shell.is_none() && row.user.is_none() && row.entrypoint.is_none() {
        return None;
    }
    let facts = ImageFacts {
        shell: row.shell.clone(),
        user: row.user.clone(),
        entrypoint: row.entrypoint.clone(),
        cmd: row.cmd.clone(),
        ..ImageFacts::default()
    };
    Some(Stated {
        facts,
        by: StatedBy::Table(row.source.clone()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_can_be_read_and_says_where_from() {
        let rows: Vec<Row> = serde_json::from_str(include_str!("image-table.json"))
            .unwrap_or_else(|error| panic!("{error}"));
        assert!(rows.len() > 100);
        for row in &rows {
            if let Some(tags) = &row.tags {
                assert!(Regex::new(tags).is_ok(), "{}: {tags}", row.image);
            }
            assert_eq!(
                row.entrypoint.is_some(),
                row.cmd.is_some(),
                "{}: ENTRYPOINT and CMD go together",
                row.image
            );
            let silent = row.shell.is_none() && row.user.is_none() && row.entrypoint.is_none();
            assert!(
                silent || !row.source.is_empty(),
                "{} has no source",
                row.image
            );
            assert!(
                row.shell
                    .as_deref()
                    .is_none_or(|s| s == "none" || s.starts_with('/')),
                "{}",
                row.image
            );
        }
    }

    #[test]
    fn the_first_row_that_fits_counts() {
        let facts = |image: &str| stated(image).map(|s| s.facts);
        let haproxy =
            |tag: &str| facts(&format!("docker.io/library/haproxy:{tag}")).unwrap_or_default();
        // Older images had another ENTRYPOINT: which one this tag has, nobody knows without its
        // date.
        assert_eq!(
            (haproxy("2.2").user.as_deref(), haproxy("2.2").entrypoint),
            (Some("root"), None)
        );
        assert_eq!(haproxy("3.0").user.as_deref(), Some("haproxy"));
        assert_eq!(
            haproxy("3.0").entrypoint,
            Some(vec!["docker-entrypoint.sh".to_owned()])
        );
        // A row of tags that nothing is known of stands before the row of all others.
        assert_eq!(facts("docker.io/library/kibana:6.8.0"), None);
        assert_eq!(
            facts("docker.io/library/kibana:8.15.0")
                .and_then(|f| f.user)
                .as_deref(),
            Some("1000")
        );
        assert_eq!(
            facts("docker.io/library/mongo:7-nanoserver")
                .and_then(|f| f.shell)
                .as_deref(),
            Some("none")
        );
        assert_eq!(
            facts("mirror.gcr.io/library/redis:7")
                .and_then(|f| f.shell)
                .as_deref(),
            Some("/bin/sh")
        );
        assert_eq!(
            facts("gcr.io/distroless/static:nonroot")
                .and_then(|f| f.user)
                .as_deref(),
            Some("65532")
        );
        assert_eq!(
            facts("docker.io/prom/prometheus:latest@sha256:00")
                .and_then(|f| f.user)
                .as_deref(),
            Some("nobody")
        );
        assert_eq!(facts("docker.io/prom/prometheus@sha256:00"), None);
        assert_eq!(facts("registry.example.com/redis:7"), None);
    }
}
