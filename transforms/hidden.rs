//! What of a value no output may show: all of a Secret's, and of other lines what stands behind a
//! name that tells of a secret. For transforms whose findings stand on values;
//! `secret-in-configmap` looks closer.

use kubewright_model::finding::Hidden;
use kubewright_model::yaml::Node;

/// What names of secrets hold. One too many hides a harmless word, one too few shows a secret.
const TELLING: &[&str] = &[
    "access_key",
    "accesskey",
    "account_key",
    "accountkey",
    "api-key",
    "api_key",
    "apikey",
    "auth",
    "credential",
    "pass",
    "private_key",
    "pwd",
    "secret",
    "token",
];

/// How many letters and digits a secret has at least.
const SHORTEST: usize = 4;

/// Whether a name tells of a secret.
pub(crate) fn tells(name: &str) -> bool {
    behind_word(name).is_some()
}

/// Where the first telling word of a text ends.
fn behind_word(text: &str) -> Option<usize> {
    let lower = text.to_ascii_lowercase();
    let named = |word: &&str| lower.find(*word).map(|at| at + word.len());
    TELLING.iter().filter_map(named).min()
}

/// What is hidden of a value as a whole: each of its lines, as the file has them and as they read.
pub(crate) fn of_value(value: Node<'_>) -> Vec<Hidden> {
    let text = value.text().unwrap_or_default();
    let lines = text.lines().chain(value.source().lines());
    lines.filter_map(|line| hidden(bare(line))).collect()
}

/// What is hidden of a line: what stands behind a name that tells of a secret.
pub(crate) fn of_line(line: &str) -> Option<Hidden> {
    let behind = line.get(behind_word(line)?..)?;
    let is_name = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
    hidden(bare(behind.trim_start_matches(is_name)))
}

/// Without what stands around a value: blanks, quotes, and the signs that YAML keeps for itself.
fn bare(line: &str) -> &str {
    let signs = |c: char| c.is_whitespace() || "\"'=:,>*&@!%|`".contains(c);
    line.trim_start_matches(signs)
        .trim_end_matches(|c: char| c.is_whitespace() || "\"',;}".contains(c))
}

/// A text that is hidden wherever it stands; what is very short stands everywhere, and is no secret.
fn hidden(text: &str) -> Option<Hidden> {
    let long = text.chars().filter(|c| c.is_alphanumeric()).count() >= SHORTEST;
    long.then(|| Hidden {
        text: text.to_owned(),
        mask: format!("…({})", text.chars().count()),
    })
}

/// The parser's words, without the name of an alias, which is the value itself where somebody
/// forgot the quotes: `password: *abc`.
pub(crate) fn words(said: &str, hidden: &[Hidden]) -> String {
    let alias = said
        .strip_prefix("`*")
        .and_then(|rest| Some(rest.split_once('`')?.0))
        .filter(|name| hidden.iter().any(|h| h.text.contains(name)));
    match alias {
        Some(name) => said.replace(name, &format!("…({})", name.chars().count())),
        None => said.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_behind_a_telling_name_is_hidden() {
        for (line, text) in [
            ("  password: *k4Tz9q", "k4Tz9q"),
            ("\"dbPassword\": \"k4Tz9q\", \"a\": 1", "k4Tz9q\", \"a\": 1"),
            ("API_KEY_2=k4Tz9q", "k4Tz9q"),
            ("<secret>k4Tz9q</secrets>", "k4Tz9q</secrets>"),
            ("set $token k4Tz9q }", "k4Tz9q"),
        ] {
            let hidden = of_line(line).map(|hidden| hidden.text);
            assert_eq!(hidden.as_deref(), Some(text), "{line}");
        }
        for line in ["a: *b", "password:", "key: value: x"] {
            assert_eq!(of_line(line), None, "{line}");
        }
    }

    #[test]
    fn an_alias_is_named_where_it_is_no_secret() {
        let said = "`*k4Tz9q` is an alias, and no anchor `&k4Tz9q` stands above it";
        assert_eq!(words(said, &[]), said);
        let hidden: Vec<Hidden> = of_line("password: *k4Tz9q").into_iter().collect();
        let masked = "`*…(6)` is an alias, and no anchor `&…(6)` stands above it";
        assert_eq!(words(said, &hidden), masked);
    }
}
