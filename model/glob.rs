//! Globs of configurations and manifests, compiled within bounds. `globset` looks whether a glob
//! can be compiled only when it must be: one that is too large or nested too deep, which a
//! repository may hold, would end the program.

use globset::{GlobBuilder, GlobSet};

/// Longest glob, in bytes: as long as a path may be.
const LONGEST: usize = 4096;

/// Compiles a glob. Where parts are `separate`, `*` and `?` match no `/`.
///
/// # Errors
/// What is wrong with it.
pub fn compile(text: &str, separate: bool) -> Result<GlobSet, String> {
    if text.len() > LONGEST {
        return Err(format!("longer than {LONGEST} bytes"));
    }
    let glob = GlobBuilder::new(text)
        .literal_separator(separate)
        .build()
        .map_err(|error| error.kind().to_string())?;
    GlobSet::new([glob]).map_err(|_| "too large, or nested too deep".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_compiled_is_an_error() {
        let nested = format!("{}b{}", "{a,".repeat(1000), "}".repeat(1000));
        assert_eq!(
            compile(&nested, true).expect_err("nested"),
            "too large, or nested too deep"
        );
        for long in ["[a-z]", "{a,", "**/", "*a", "a"] {
            let error = compile(&long.repeat(200_000), true).expect_err(long);
            assert_eq!(error, "longer than 4096 bytes");
        }
        assert!(compile("a[", true).expect_err("open").contains("class"));
    }

    #[test]
    fn what_is_as_long_as_a_path_may_be_is_compiled() {
        for part in ["[a-z]", "[!a]", "**/", "*a", "?", "{a,b}"] {
            let text = part.repeat(LONGEST / part.len());
            assert!(compile(&text, true).is_ok(), "{part}");
        }
    }

    #[test]
    fn parts_are_separate_where_they_are_to_be() {
        assert!(compile("a*", false).expect("a glob").is_match("a/b"));
        assert!(!compile("a*", true).expect("a glob").is_match("a/b"));
    }
}
