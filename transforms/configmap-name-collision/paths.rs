//! Recognises alternatives by where they stand: files for different environments or versions, and
//! test fixtures.
//!
//! Of the same-name ConfigMaps found in one directory of public repositories nine out of ten are
//! alternatives that nobody applies together (docs/kubernetes.md#directories-prove-nothing). Paths
//! are cut into words; words that name an environment or a version must be the same in both.

use kubewright_model::kube::purpose::{
    Purpose, directory_above, environments_apart, numbers_apart, versions_apart,
};
use kubewright_model::text;
use kubewright_model::text::Path;

use super::Reason;
use super::codes::Code;

/// Why definitions at these paths are taken for alternatives.
pub(super) fn alternatives(paths: &[&str]) -> Option<Reason> {
    if let Some(path) = paths
        .iter()
        .find(|p| directory_above(p, &[Purpose::TestData]).is_some())
    {
        return Some(Reason::doubt(
            Code::TestFixture,
            text![Path(path), " lies in a directory of test data"],
        ));
    }
    let (first, rest) = paths.split_first()?;
    for path in rest {
        if path == first {
            continue;
        }
        if let Some(word) = environments_apart(first, path) {
            return Some(Reason::doubt(
                Code::EnvironmentVariants,
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
        if let Some(word) = versions_apart(first, path) {
            return Some(Reason::doubt(
                Code::VersionVariants,
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
        if numbers_apart(first, path) {
            return Some(Reason::doubt(
                Code::VersionVariants,
                text![Path(first), " and ", Path(path), " differ in a number only"],
            ));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(a: &str, b: &str) -> Option<&'static str> {
        alternatives(&[a, b]).map(|r| r.why.code)
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
