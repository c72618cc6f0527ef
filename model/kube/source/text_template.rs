//! Files that another tool renders before anything applies them, though they parse as YAML: what
//! they say is not what the cluster gets.
//!
//! A comment is an instruction to ytt, and one with `{% … %}` to Jinja; a name like `app.yaml.j2`
//! or `app.tmpl.yaml` says which tool reads the file. What stands inside of scalars proves nothing:
//! ConfigMaps hold templates for programs.

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
}
