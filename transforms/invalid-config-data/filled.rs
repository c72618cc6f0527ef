//! Values that something fills in before they are read: what they say is not what is read.

use kubewright_model::kube::{Resource, Target, Workspace};
use kubewright_model::yaml::{Node, holds};

use crate::binary;

/// Signs of template languages: Go and Jinja, shells and envsubst, ERB, what stands for a value in
/// manifests that are not meant to be applied as they are.
const SIGNS: &[&str] = &[
    "{{", "{%", "${", "$(", "<%", "#{", "%{", "%(", "@@", "…", "...",
];

/// Programs that fill in files, and images of them.
const TOOLS: &[&str] = &[
    "confd",
    "consul-template",
    "dockerize",
    "envsubst",
    "envtpl",
    "gomplate",
    "gucci",
    "jinja",
    "minijinja",
    "perl -p",
    "sed ",
    "vals ",
    "vault-agent",
    "ytt",
];

/// How many bytes a name may have that is filled in.
const LONGEST: usize = 128;

/// How many bytes a word in base64 has at least that nothing fills up at its end: any word of eight
/// letters decodes.
const SHORTEST: usize = 40;

/// Whether a text has a sign of a template.
pub(super) fn is_template(text: &str) -> bool {
    SIGNS.iter().any(|sign| holds(text, sign)) || marks(text)
}

/// Words of what stands for a value that somebody has to write: `INSERT_TOKEN_IN_BASE64_HERE`.
const TO_DO: &[&str] = &[
    "changeme",
    "here",
    "insert",
    "placeholder",
    "replace",
    "todo",
    "your",
];

/// Whether a value is words that tell what to write in their place, something between angle
/// brackets, or one letter again and again.
pub(super) fn is_to_do(value: &str) -> bool {
    let first = value.chars().next().unwrap_or_default();
    if value.len() > 2 && value.chars().all(|c| c == first) {
        return true;
    }
    let bracketed = value
        .trim()
        .strip_prefix('<')
        .and_then(|rest| rest.strip_suffix('>'));
    bracketed.is_some_and(|inner| !inner.contains(['<', '>'])) || tells_what_to_write(value)
}

/// Whether a text is words that tell what to write in their place.
fn tells_what_to_write(text: &str) -> bool {
    let between = |c: char| matches!(c, '_' | '-' | ' ' | '<' | '>');
    let words = || text.split(between).filter(|word| !word.is_empty());
    let is_word = |word: &str| word.bytes().all(|b| b.is_ascii_alphanumeric());
    let tells = |word: &str| TO_DO.iter().any(|known| word.eq_ignore_ascii_case(known));
    words().nth(1).is_some() && words().all(is_word) && words().any(tells)
}

/// Whether the line with the error at `offset` tells what to write in its place, or the whole value
/// is one word in base64, which its reader decodes once more.
pub(super) fn is_stand_in(text: &str, offset: usize) -> bool {
    let start = text
        .get(..offset)
        .and_then(|before| before.rfind('\n'))
        .map_or(0, |at| at + 1);
    let line = text.get(start..).and_then(|rest| rest.lines().next());
    let word = text.trim();
    line.is_some_and(|line| tells_what_to_write(line.trim()))
        || ((word.len() >= SHORTEST || word.ends_with('='))
            && word.bytes().all(|b| !b.is_ascii_whitespace())
            && binary::decode(word).is_some())
}

/// As [`is_template`], for JSON with an error at `offset`: between the quotes of another line a
/// sign changes nothing of what is around it, and dashboards have many.
pub(super) fn is_template_of_json(text: &str, offset: usize) -> bool {
    let mut start = 0;
    text.split_inclusive('\n').any(|line| {
        let here = (start..start + line.len()).contains(&offset);
        start += line.len();
        is_template(line) && (here || is_template(&outside_of_strings(line)))
    })
}

/// What stands outside of the strings that begin and end on a line.
fn outside_of_strings(line: &str) -> String {
    let mut outside = String::new();
    let (mut quoted, mut escaped) = (false, false);
    for c in line.chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            c if !quoted => outside.push(c),
            _ => {}
        }
    }
    outside
}

/// `$NAME`, `__NAME__`, `<NAME>` and `@NAME@`, in capital letters or, between angle brackets, with
/// dashes.
fn marks(text: &str) -> bool {
    let behind = |sign: &'static str, end: &'static str| {
        text.match_indices(sign).any(|(at, _)| {
            let rest = text.get(at + sign.len()..).unwrap_or_default();
            name(rest).is_some_and(|rest| rest.starts_with(end))
        })
    };
    // The underscores at the end are part of the name.
    let underscored = || {
        text.match_indices("__").any(|(at, _)| {
            let rest = text.get(at + 2..).unwrap_or_default();
            name(rest).is_some_and(|left| rest[..rest.len() - left.len()].ends_with("__"))
        })
    };
    let dashed = || {
        text.match_indices('<').any(|(at, _)| {
            let rest = text.get(at + 1..).unwrap_or_default();
            let length = rest
                .bytes()
                .take(LONGEST)
                .take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b' '))
                .count();
            rest[..length].contains(['-', '_', ' ']) && rest[length..].starts_with('>')
        })
    };
    behind("$", "") || behind("<", ">") || behind("@", "@") || underscored() || dashed()
}

/// What stands behind a name in capital letters.
fn name(text: &str) -> Option<&str> {
    let length = text
        .bytes()
        .take(LONGEST)
        .take_while(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || *b == b'_')
        .count();
    text.get(length..).filter(|_| length > 1)
}

/// Whether a program that fills in files stands in a script of the object, or in a pod that reads
/// it.
pub(super) fn by_reader(workspace: &Workspace, object: &Resource, to: Target) -> bool {
    let as_word = |text: &str, tool: &str| {
        text.match_indices(tool).any(|(at, _)| {
            let before = text[..at].bytes().next_back();
            !before.is_some_and(|b| b.is_ascii_alphanumeric())
        })
    };
    let holds_tool = |text: &str| TOOLS.iter().any(|tool| as_word(text, tool));
    let stands_in = |id| {
        let scalars = || workspace.node(id).into_iter().flat_map(Node::descendants);
        workspace.may_hold_any(id, holds_tool) && scalars().filter_map(Node::text).any(holds_tool)
    };
    let readers = workspace.referring(to, &object.name);
    stands_in(object.id) || readers.iter().any(|id| stands_in(*id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_stand_for_a_value() {
        assert!(is_to_do("INSERT_SECRET_IN_BASE64_HERE") && is_to_do("your-token"));
        assert!(is_to_do("xxxxxxx") && !is_to_do("xy"));
        assert!(
            !is_to_do("no base64")
                && !is_to_do("here")
                && !is_to_do("abc-def")
                && !is_to_do("insert=into, here")
        );
    }

    #[test]
    fn values_that_stand_in_for_others() {
        assert!(is_stand_in("{\n  SERVICE_ACCOUNT_JSON_HERE\n}", 4));
        assert!(is_stand_in("dGVzdA==", 0) && is_stand_in("eyJhIjogMX0=\n", 0));
        assert!(!is_stand_in("{\n  a: 1\n}", 4));
        assert!(!is_stand_in("{\n  \"a\": 1,\n}", 11) && !is_stand_in("disabled", 0));
    }

    #[test]
    fn signs_of_templates() {
        for text in [
            "a: $HOST",
            "a: __HOST__",
            "a: <HOST>",
            "a: @HOST@",
            "<your-key>",
            "${a}",
        ] {
            assert!(is_template(text), "{text}");
        }
        let json = "{\n\"a\": \"{{b}}\",\n\"c\": \"\"d\"\n}";
        assert!(is_template(json) && !is_template_of_json(json, 18));
        assert!(is_template_of_json(json, 3) && is_template_of_json("{{a}}\n{", 6));
        for text in [
            "a: $1",
            "cost: 5$",
            "__init__",
            "<a><b/></a>",
            "a@b.example",
        ] {
            assert!(!is_template(text), "{text}");
        }
    }
}
