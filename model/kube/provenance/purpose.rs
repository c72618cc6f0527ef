//! What the path of a file says of it, by the habits of repositories: one judgement for all.

use std::collections::BTreeSet;

/// What is done with the files below a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Copies of what is kept elsewhere.
    Copies,
    /// Input of tests.
    TestData,
    /// Examples, which somebody adapts before they are applied, and documentation.
    Examples,
    /// Templates, which somebody fills in.
    Templates,
    /// Kustomizations that others build upon.
    Bases,
}

/// Names of directories, in lower case and without `-`, `_` and `.`. Those of copies are the habits
/// of Go (<https://go.dev/ref/mod#vendoring>), of Bazel and many C++ repositories (`third_party`),
/// of kpt and kustomize (`upstream`), and of vendir and ytt
/// (<https://carvel.dev/vendir/docs/latest/vendir-spec/>,
/// <https://carvel.dev/ytt/docs/latest/lang-ref-load/>).
const DIRECTORIES: &[(Purpose, &[&str])] = &[
    (
        Purpose::Copies,
        &[
            "nodemodules",
            "thirdparty",
            "upstream",
            "vendor",
            "vendored",
            "yttlib",
        ],
    ),
    (
        Purpose::TestData,
        &[
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
        ],
    ),
    (
        Purpose::Examples,
        &[
            "doc",
            "docs",
            "documentation",
            "example",
            "examples",
            "sample",
            "samples",
            "tutorial",
            "tutorials",
        ],
    ),
    (Purpose::Templates, &["template", "templates"]),
    (Purpose::Bases, &["base", "bases"]),
];

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

/// What the name of a directory says.
pub fn of_directory(name: &str) -> Option<Purpose> {
    let name = name.to_ascii_lowercase().replace(['_', '-', '.'], "");
    DIRECTORIES
        .iter()
        .find(|(_, names)| names.contains(&name.as_str()))
        .map(|(purpose, _)| *purpose)
}

/// Whether a file belongs to a library of program code: below `node_modules/`, or below the
/// directory of a host in `vendor/` (<https://go.dev/ref/mod#vendoring>).
pub fn is_of_library(path: &str) -> bool {
    let directories: Vec<&str> = path.split('/').collect();
    let directories = directories.split_last().map_or(&[][..], |(_, above)| above);
    directories.iter().enumerate().any(|(at, name)| {
        let is_host = || directories.get(at + 1).is_some_and(|n| n.contains('.'));
        *name == "node_modules" || *name == "vendor" && is_host()
    })
}

/// Whether a file is named as input of a test: `test_release.yaml`, beside `test_release.py`. Of
/// manifests that are applied, names have dashes.
pub fn is_named_as_test(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.starts_with("test_")
}

/// The innermost directory above a file that says one of these things.
pub fn directory_above<'p>(path: &'p str, wanted: &[Purpose]) -> Option<&'p str> {
    path.rsplit('/')
        .skip(1)
        .find(|name| of_directory(name).is_some_and(|purpose| wanted.contains(&purpose)))
}

/// A word by which two paths look like two environments.
pub fn environments_apart<'p>(a: &'p str, b: &'p str) -> Option<&'p str> {
    difference(a, b, ENVIRONMENTS)
}

/// A word by which two paths look like two versions of one file.
pub fn versions_apart<'p>(a: &'p str, b: &'p str) -> Option<&'p str> {
    difference(a, b, VERSIONS)
}

/// Whether two paths are the same but for numbers.
pub fn numbers_apart(a: &str, b: &str) -> bool {
    words(a).map(stem).eq(words(b).map(stem))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_name_is_judged_however_it_is_written() {
        for name in [
            "tests",
            "__tests__",
            "Tests",
            "test-data",
            "testdata",
            "mocks",
        ] {
            assert_eq!(of_directory(name), Some(Purpose::TestData), "{name}");
        }
        for name in ["third_party", "third-party", "_ytt_lib", "node_modules"] {
            assert_eq!(of_directory(name), Some(Purpose::Copies), "{name}");
        }
        assert_eq!(of_directory("tutorials"), Some(Purpose::Examples));
        assert_eq!(of_directory("_templates"), Some(Purpose::Templates));
        assert_eq!(of_directory("bases"), Some(Purpose::Bases));
        assert_eq!(of_directory("contest"), None);
    }

    #[test]
    fn libraries_are_told_from_other_copies() {
        assert!(is_of_library("vendor/example.com/api/crd.yaml"));
        assert!(is_of_library("web/node_modules/a/deploy.yaml"));
        assert!(!is_of_library("vendor/ingress/deploy.yaml"));
        assert!(!is_of_library("vendor/deploy.yaml"));
    }

    #[test]
    fn the_name_of_a_file_says_nothing_of_directories() {
        let wanted = [Purpose::TestData, Purpose::Examples];
        assert_eq!(directory_above("app/tests", &wanted), None);
        assert_eq!(directory_above("docs/e2e/web.yaml", &wanted), Some("e2e"));
    }
}
