//! Values that another tool fills in before they reach the cluster.
//!
//! A ConfigMap may hold templates for programs (Alertmanager, dashboards, shell scripts), so a mark
//! inside of a file proves little. A value of one line is read as it stands by most programs: there
//! a mark is what is left for another tool to fill in.

/// Marks around a name that are all of a value: opening, closing, and the tool or habit (Ansible
/// and Jinja, envsubst, Maven's filtering
/// <https://maven.apache.org/plugins/maven-resources-plugin/examples/filter.html>, Windows and
/// Buildkite, BOSH <https://bosh.io/docs/cli-int/>, Go templates with other delimiters, ERB,
/// Octopus <https://octopus.com/docs/projects/variables/variable-substitutions>, sed scripts of all
/// kinds).
const WHOLE: &[(&str, &str)] = &[
    ("{{", "}}"),
    ("${", "}"),
    ("$(", ")"),
    ("$[", "]"),
    ("#{", "}"),
    ("@@", "@@"),
    ("@", "@"),
    ("%%", "%%"),
    ("%", "%"),
    ("__", "__"),
    ("((", "))"),
    ("[[", "]]"),
    ("<%", "%>"),
    ("{", "}"),
    ("<", ">"),
    ("$", ""),
];

/// What people write where somebody has to put something, without regard to case, `-` and `_`.
const TO_DO: &[&str] = &[
    "changeme",
    "changethis",
    "replaceme",
    "replacethis",
    "fillme",
    "fillmein",
    "todo",
    "tbd",
    "placeholder",
];

/// The roots of what Helm, and tools that template in its manner, offer, and functions that only
/// they have (<https://helm.sh/docs/chart_template_guide/function_list/>,
/// <https://docs.gomplate.ca/functions/env/>).
const RENDERED: &[&str] = &[
    ".Values.",
    "$.Values.",
    ".Release.",
    "$.Release.",
    ".Chart.",
    "$.Chart.",
    ".Config.",
    "$.Config.",
    ".Files.Get",
    "$.Files.Get",
    ".Capabilities.",
    "$.Capabilities.",
    ".Env.",
    "include",
    "tpl",
    "getenv",
    "env.Getenv",
    "datasource",
    "ds",
];

/// Marks of tools that fill in part of any text: argocd-vault-plugin's inline paths
/// (<https://argocd-vault-plugin.readthedocs.io/en/stable/howitworks/>) and ERB's output.
const INSIDE: &[(&str, &str)] = &[("<path:", ">"), ("<%=", "%>"), ("{%", "%}")];

/// Whether what reaches the pod is decided elsewhere. `named`: a variable of that name is set in
/// plain sight, for the program to expand.
pub(super) fn is_placeholder(text: &str, named: impl Fn(&str) -> bool) -> bool {
    if actions(text).flat_map(str::split_whitespace).any(|word| {
        let word = word.trim_start_matches(['-', '(']);
        RENDERED.iter().any(|root| {
            if root.ends_with('.') {
                word.starts_with(root)
            } else {
                word == *root
            }
        })
    }) {
        return true;
    }
    let whole = text.trim();
    let one_line = !whole.contains('\n');
    let inside = INSIDE.iter().filter(|(open, _)| one_line || *open != "{%");
    if inside
        .clone()
        .any(|(open, close)| between(text, open, close).next().is_some())
    {
        return true;
    }
    let bare: String = whole
        .chars()
        .filter(|c| !matches!(c, '-' | '_' | ' '))
        .map(|c| c.to_ascii_lowercase())
        .collect();
    if TO_DO.contains(&bare.as_str()) || (bare.starts_with("your") && bare.ends_with("here")) {
        return true;
    }
    let within = |open: &str, close: &str| {
        let inner = whole
            .strip_prefix(open)
            .and_then(|rest| rest.strip_suffix(close));
        inner.is_some_and(|inner| is_name(inner, open))
    };
    WHOLE.iter().any(|(open, close)| within(open, close)) || (one_line && has_mark(whole, named))
}

/// Whether the text of a file shows that variables are filled in before anything applies it: they
/// stand where Kubernetes expands none.
pub(super) fn is_substituted(file: &str) -> bool {
    file.lines().any(|line| {
        let line = line.trim_start().trim_start_matches("- ");
        ["image:", "replicas:", "namespace:", "storage:", "host:"]
            .iter()
            .any(|field| line.starts_with(field))
            && between(line, "${", "}").next().is_some()
    })
}

/// Whether a text of any length holds a `${VARIABLE}`, as envsubst finds them.
pub(super) fn has_variable(text: &str) -> bool {
    let name = |inner: &str| {
        inner
            .chars()
            .next()
            .is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
    };
    between(text, "${", "}").any(|inner| {
        name(inner)
            && inner
                .bytes()
                .all(|c| c.is_ascii_alphanumeric() || c == b'_')
    })
}

/// Whether that is a name, or an expression that tools take for one between these marks.
fn is_name(inner: &str, open: &str) -> bool {
    let inner = inner.trim();
    let word = |inner: &str| {
        inner
            .chars()
            .all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '/' | ':'))
    };
    let letter = inner
        .chars()
        .next()
        .is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
    match open {
        "{{" => !inner.contains("{{") && !inner.contains("}}"),
        "<%" | "[[" => !inner.is_empty() && !inner.contains('\n'),
        "${" => !inner.contains("${") && !inner.contains('}'),
        "<" => {
            letter
                && inner
                    .chars()
                    .all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | ' ' | '.'))
        }
        "$" | "{" => letter && inner.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'),
        _ => letter && word(inner),
    }
}

/// Whether one line holds a mark that only tools which fill something in understand.
fn has_mark(line: &str, named: impl Fn(&str) -> bool) -> bool {
    let upper = |name: &str| {
        let chars = || name.bytes();
        chars().next().is_some_and(|c| c.is_ascii_uppercase())
            && chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == b'_')
    };
    let variable = |inner: &str| {
        let name = inner
            .split_once(":-")
            .or_else(|| inner.split_once(":="))
            .map_or(inner, |(name, _)| name);
        upper(name) && !named(name)
    };
    actions(line).next().is_some()
        || between(line, "${", "}").any(variable)
        || between(line, "#{", "}").any(|inner| is_name(inner, "#{"))
        || [("@", "@"), ("__", "__")].iter().any(|(open, close)| {
            between(line, open, close).any(|inner| inner.len() > 2 && upper(inner))
        })
}

/// What stands between `{{` and `}}`.
fn actions(text: &str) -> impl Iterator<Item = &str> {
    between(text, "{{", "}}")
}

fn between<'t>(text: &'t str, open: &'t str, close: &'t str) -> impl Iterator<Item = &'t str> {
    text.match_indices(open).filter_map(move |(at, _)| {
        let rest = text.get(at + open.len()..)?;
        rest.get(..rest.find(close)?)
    })
}

#[cfg(test)]
mod tests {
    fn is_placeholder(text: &str) -> bool {
        super::is_placeholder(text, |name| name == "SET")
    }

    #[test]
    fn a_value_that_is_nothing_else_is_a_placeholder() {
        let whole = [
            "{{ .Values.config }}\n",
            "{{- if .x }}a{{ else }}b{{ end }}",
            "${CONFIG}",
            "$(CONFIG)",
            "#{CONFIG}",
            "@CONFIG@",
            "@project.version@",
            "%CONFIG%",
            "__CONFIG__",
            "__config__",
            "((config))",
            "[[ .config ]]",
            "<%= config %>",
            "{config}",
            "$CONFIG",
            "CHANGE_ME",
            "changeme",
            "change-me",
            "<your-token>",
            "<YOUR TOKEN>",
            "your-token-here",
        ];
        for text in whole {
            assert!(is_placeholder(text), "{text}");
        }
    }

    #[test]
    fn a_mark_inside_of_one_line_is_one_and_inside_of_a_file_is_not() {
        for line in [
            "https://${HOST}/api",
            "https://{{ host }}/",
            "https://#{HOST}/",
            "@HOST@:80",
            "https://${HOST:-x}/",
        ] {
            assert!(is_placeholder(line), "{line}");
            assert!(!is_placeholder(&format!("first\nurl: {line}\n")), "{line}");
        }
        assert!(is_placeholder("[db]\npw = <path:secret/data/db#pw>\n"));
        assert!(is_placeholder(
            "id: {{ .Config.ClusterName }}\n{{ range $i, $r := .Config.Roles -}}\n{{ end }}"
        ));
    }

    #[test]
    fn what_programs_read_is_content() {
        let content = [
            "",
            "info",
            "{\"a\": {}}",
            "{}",
            "[]",
            "50%",
            "$1",
            "a@b.example",
            "%d %m",
            "__init__.py",
            "https://${SET}/api",
            "${user.name} of ${team}",
            "<a href=\"x\">",
            "#!/bin/sh\necho ${HOST}\n",
            "{{ .GroupLabels.SortedPairs.Values | join }}\n{{ with .Values }}x{{ end }}",
        ];
        for text in content {
            assert!(!is_placeholder(text), "{text}");
        }
    }
}
