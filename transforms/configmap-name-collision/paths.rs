//! Recognises alternatives by where they stand: files for different environments or versions, and
//! test fixtures.
//!
//! Of the same-name ConfigMaps found in one directory of public repositories nine out of ten are
//! alternatives that nobody applies together (docs/kubernetes.md#directories-prove-nothing). Paths
//! are cut into words; words that name an environment or a version must be the same in both.

use kubewright_model::text;
use kubewright_model::text::Path;
use std::collections::BTreeSet;

use super::Reason;

/// Words that name an environment, a cluster or a region.
const ENVIRONMENTS: &[&str] = &[
    "canary",
    "central",
    "cluster",
    "clusters",
    "dev",
    "devel",
    "development",
    "dr",
    "east",
    "env",
    "envs",
    "environment",
    "environments",
    "eu",
    "int",
    "integration",
    "live",
    "local",
    "lab",
    "minikube",
    "north",
    "overlay",
    "overlays",
    "perf",
    "pre",
    "preprod",
    "preview",
    "prd",
    "prod",
    "production",
    "qa",
    "region",
    "sandbox",
    "sbx",
    "sit",
    "south",
    "stag",
    "stage",
    "staging",
    "stg",
    "test",
    "testing",
    "tst",
    "uat",
    "us",
    "west",
    "zone",
];

/// Words that name a version or a variant, and those of tutorials.
const VERSIONS: &[&str] = &[
    "advanced",
    "after",
    "alpha",
    "alt",
    "alternative",
    "answer",
    "bad",
    "bak",
    "backup",
    "basic",
    "before",
    "beta",
    "broken",
    "complete",
    "completed",
    "copy",
    "correct",
    "deprecated",
    "example",
    "examples",
    "exercise",
    "final",
    "fixed",
    "full",
    "good",
    "initial",
    "invalid",
    "latest",
    "legacy",
    "minimal",
    "new",
    "next",
    "old",
    "orig",
    "original",
    "part",
    "patch",
    "patched",
    "previous",
    "sample",
    "samples",
    "simple",
    "solution",
    "solutions",
    "start",
    "step",
    "temp",
    "template",
    "templates",
    "tmp",
    "update",
    "updated",
    "upgrade",
    "upgraded",
    "v",
    "valid",
    "variant",
    "with",
    "without",
    "wrong",
];

/// Directories of test data.
const TESTS: &[&str] = &[
    "e2e",
    "fixture",
    "fixtures",
    "mock",
    "mocks",
    "test",
    "testcases",
    "testdata",
    "testing",
    "tests",
];

/// Why definitions at these paths are taken for alternatives.
pub(super) fn alternatives(paths: &[&str]) -> Option<Reason> {
    if let Some(path) = paths.iter().find(|p| in_tests(p)) {
        return Some(Reason::doubt(
            "test-fixture",
            text![Path(path), " lies in a directory of test data"],
        ));
    }
    let (first, rest) = paths.split_first()?;
    for path in rest {
        if path == first {
            continue;
        }
        if let Some(word) = difference(first, path, ENVIRONMENTS) {
            return Some(Reason::doubt(
                "environment-variants",
                text![
                    Path(first),
                    " and ",
                    Path(path),
                    " look like two environments (",
                    word,
                    ")"
                ],
            ));
        }
        if let Some(word) = difference(first, path, VERSIONS) {
            return Some(Reason::doubt(
                "version-variants",
                text![
                    Path(first),
                    " and ",
                    Path(path),
                    " look like two versions of one file (",
                    word,
                    ")"
                ],
            ));
        }
        if words(first).map(stem).eq(words(path).map(stem)) {
            return Some(Reason::doubt(
                "version-variants",
                text![Path(first), " and ", Path(path), " differ in a number only"],
            ));
        }
    }
    None
}

/// The first word of `list`, with its number, that only one of the paths has.
fn difference<'a>(a: &'a str, b: &'a str, list: &[&str]) -> Option<&'a str> {
    let of = |path: &'a str| {
        words(path)
            .filter(|w| list.contains(&stem(w).to_ascii_lowercase().as_str()))
            .collect::<BTreeSet<_>>()
    };
    of(a).symmetric_difference(&of(b)).next().copied()
}

fn words(path: &str) -> impl Iterator<Item = &str> {
    path.split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|w| !w.is_empty())
}

/// A word without the digits at its end: `v2` and `prod1` are `v` and `prod`.
fn stem(word: &str) -> &str {
    word.trim_end_matches(|c: char| c.is_ascii_digit())
}

fn in_tests(path: &str) -> bool {
    let directory = path.rsplit_once('/').map_or("", |(directory, _)| directory);
    directory.split('/').any(|segment| {
        let segment = segment.to_ascii_lowercase().replace(['_', '-', '.'], "");
        TESTS.contains(&segment.as_str())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(a: &str, b: &str) -> Option<&'static str> {
        alternatives(&[a, b]).map(|r| r.code)
    }

    #[test]
    fn reads_words_of_paths() {
        assert_eq!(code("elk/log4j.yaml", "elk/openresty.yaml"), None);
        assert_eq!(code("examples/log4j.yaml", "examples/openresty.yaml"), None);
        assert_eq!(code("elk/gohangout.yaml", "elk/gohangout-log4j.yaml"), None);
        assert_eq!(
            code("app-dev.yaml", "app-prod.yaml"),
            Some("environment-variants")
        );
        assert_eq!(
            code("app.yaml", "app.prod1.yaml"),
            Some("environment-variants")
        );
        assert_eq!(
            code("overlays/a/cm.yaml", "base/cm.yaml"),
            Some("environment-variants")
        );
        assert_eq!(code("app.yaml", "app-v2.yaml"), Some("version-variants"));
        assert_eq!(code("app-v1.yaml", "app-v2.yaml"), Some("version-variants"));
        assert_eq!(code("old/app.yaml", "app.yaml"), Some("version-variants"));
        assert_eq!(code("app-1.yaml", "app-2.yaml"), Some("version-variants"));
        assert_eq!(code("app.yaml", "app2.yaml"), Some("version-variants"));
        assert_eq!(code("10-dns.yaml", "20-iis.yaml"), None);
        assert_eq!(
            code("test-data/a.yaml", "test-data/b.yaml"),
            Some("test-fixture")
        );
        assert_eq!(code("stream", "stream"), None);
    }
}
