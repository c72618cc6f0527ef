//! Files that another tool renders before anything applies them, though they parse as YAML: what
//! they say is not what the cluster gets.
//!
//! A comment is an instruction to ytt, and one with `{% … %}` to Jinja; a name like `app.yaml.j2`
//! or `app.tmpl.yaml` says which tool reads the file. What stands inside of scalars proves nothing:
//! ConfigMaps hold templates for programs. Where a text stops being YAML, a name in marks
//! (`%DOMAIN%`) is what sed or the like puts something else for.

use std::ops::Range;

use super::paths::split;
use crate::yaml;

/// How comments begin that are instructions to ytt: `#@ if …`, `#@overlay/match …`
/// (<https://carvel.dev/ytt/docs/latest/yaml-primer/>,
/// <https://carvel.dev/ytt/docs/latest/lang-ref-annotation/>).
const YTT: &[&str] = &[
    "#@ ",
    "#@overlay/",
    "#@data/",
    "#@library/",
    "#@schema/",
    "#@yaml/",
    "#@assert/",
    "#@template/",
    "#@text/",
    "#! ",
];

/// Parts of a file's name behind its first dot, and the tool that reads it: Jinja
/// (<https://jinja.palletsprojects.com/en/stable/templates/#template-file-extension>), Go templates
/// and gomplate (<https://docs.gomplate.ca/usage/>), ERB
/// (<https://docs.puppet.com/puppet/latest/lang_template_erb.html>), envsubst
/// (<https://www.gnu.org/software/gettext/manual/html_node/envsubst-Invocation.html>).
const NAMES: &[(&str, &str)] = &[
    ("envsubst", "envsubst"),
    ("erb", "ERB"),
    ("gomplate", "gomplate"),
    ("gotmpl", "Go templates"),
    ("j2", "Jinja"),
    ("jinja", "Jinja"),
    ("jinja2", "Jinja"),
    ("mustache", "Mustache"),
    ("tmpl", "Go templates"),
    ("tpl", "Go templates"),
    ("ytt", "ytt"),
];

/// The tool whose template a path names, by its file name, or by a directory that cookiecutter
/// names anew (<https://cookiecutter.readthedocs.io/en/stable/overview.html>).
pub(in crate::kube) fn by_path(path: &str) -> Option<&'static str> {
    let (directory, name) = split(path);
    if directory.contains("{{") {
        return Some("cookiecutter");
    }
    let mut parts = name.split('.').skip(1);
    parts.find_map(|part| {
        NAMES
            .iter()
            .find(|(name, _)| part.eq_ignore_ascii_case(name))
            .map(|(_, tool)| *tool)
    })
}

/// The tool that comments of a part of a file are meant for.
pub(in crate::kube) fn by_comments(file: &yaml::File, part: Range<usize>) -> Option<&'static str> {
    let text = file.text();
    if !text.contains("#@") && !text.contains("#! ") && !text.contains("{%") {
        return None;
    }
    file.comments()
        .iter()
        .filter(|comment| part.contains(&comment.start))
        .filter_map(|comment| text.get(comment.clone()))
        .find_map(|comment| {
            if YTT.iter().any(|mark| comment.starts_with(mark)) {
                Some("ytt")
            } else {
                (comment.contains("{%") && comment.contains("%}")).then_some("Jinja")
            }
        })
}

/// What stands before and behind a name that a script puts a value for.
const MARKS: &[(&str, &str)] = &[
    ("%", "%"),
    ("@", "@"),
    ("<", ">"),
    ("__", "__"),
    ("${", "}"),
    ("$(", ")"),
    ("$", ""),
];

/// Whether a text stops being YAML at a name in marks: there a value or a line begins with one, as
/// in `namespace: %DOMAIN%`, or is nothing but one, as `<MORE_ANNOTATIONS>`. Such names have no
/// lower case letters, unlike a text that somebody forgot to quote.
pub(in crate::kube) fn by_placeholder(text: &str, at: usize) -> bool {
    let Some((before, behind)) = text.split_at_checked(at) else {
        return false;
    };
    let rest = behind.lines().next().unwrap_or_default();
    let start = before.rsplit('\n').next().unwrap_or_default();
    let line = [start, rest].concat();
    let line = line.trim_start_matches(['-', ' ']).trim_end();
    MARKS.iter().any(|mark| {
        let fails_by_itself = mark.0 == "%" || mark.0 == "@";
        fails_by_itself && placeholder(rest, *mark).is_some()
            || placeholder(line, *mark).is_some_and(str::is_empty)
    })
}

/// What follows a name in marks that a text begins with.
fn placeholder<'t>(text: &'t str, (open, close): (&str, &str)) -> Option<&'t str> {
    let inside = text.strip_prefix(open)?;
    let of_name = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    let end = inside.find(|c| !of_name(c)).unwrap_or(inside.len());
    let (name, _) = inside.split_at_checked(end)?;
    let name = name.strip_suffix(close).unwrap_or(name);
    let letters = name.chars().filter(char::is_ascii_uppercase).count();
    let rest = inside.strip_prefix(name)?.strip_prefix(close)?;
    (letters > 1).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_the_tool() {
        assert_eq!(by_path("deploy/app.yaml.j2"), Some("Jinja"));
        assert_eq!(by_path("deploy/app.tmpl.yaml"), Some("Go templates"));
        assert_eq!(
            by_path("{{cookiecutter.app}}/app.yaml"),
            Some("cookiecutter")
        );
        assert_eq!(by_path("tpl/app.yaml"), None);
        assert_eq!(by_path("tmpl.yaml"), None);
    }

    #[test]
    fn a_comment_tells_the_tool() -> Result<(), yaml::ParseError> {
        let tool = |text: &str| {
            Ok(by_comments(
                &yaml::File::parse(text.to_owned())?,
                0..text.len(),
            ))
        };
        assert_eq!(tool("#@ if x:\na: 1\n#@ end\n")?, Some("ytt"));
        assert_eq!(tool("a: #@ data.values.a\n")?, Some("ytt"));
        assert_eq!(tool("# {% if x %}\na: 1\n# {% endif %}\n")?, Some("Jinja"));
        assert_eq!(
            tool("#!/usr/bin/env kubectl\na: '#@ x'\nb: |\n  #@ x\n  {% x %}\n")?,
            None
        );
        assert_eq!(tool("# @param a\na: 1\n")?, None);
        Ok(())
    }

    #[test]
    fn a_name_in_marks_where_yaml_ends_is_a_placeholder() {
        let says = |text: &str| match yaml::File::parse(text.to_owned()) {
            Ok(_) => None,
            Err(error) => Some(by_placeholder(text, error.offset)),
        };
        for text in [
            "metadata:\n  namespace: %DOMAIN%\n  name: web\n",
            "image: @IMAGE@:1.0\n",
            "metadata:\n  annotations:\n    a: b\n    <MORE_ANNOTATIONS_1>\n    c: d\n",
            "env:\n- name: a\n__EXTRA_ENV__\n- name: b\n",
            "a: b\n${EXTRA}\nc: d\n",
            "a:\n  b: c\n  $EXTRA\nd: e\n",
        ] {
            assert_eq!(says(text), Some(true), "{text}");
        }
        for text in [
            "format: %s\n",
            "format: %d items, %s\n",
            "user: @web\n",
            "owner: @TEAM\n",
            "a: b\n<see below>\nc: d\n",
            "a: [\n<NAME>\n",
            "a: b\nTODO\nc: d\n",
            "a: b: %DOMAIN%\n",
        ] {
            assert_eq!(says(text), Some(false), "{text}");
        }
        assert!(!by_placeholder("é", 1) && !by_placeholder("a", 9));
    }
}
