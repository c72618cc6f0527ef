//! Credentials in a text: where, and what they are.

use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use super::rules::{ELSEWHERE, KEYS, PARAMETERS, PASSWORDS, PEM, SAMPLES, TOKENS, WORDS};

/// How many bytes in front of a parameter are looked at for others.
const BEFORE: usize = 512;

/// A credential in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Hit {
    /// Its bytes.
    pub(super) span: Range<usize>,
    /// What it is: `a GitHub token`.
    pub(super) what: &'static str,
    /// What of its beginning may be shown.
    pub(super) prefix: &'static str,
    /// By its form, or by a name that leaves no doubt; else by a name and how it looks.
    pub(super) sure: bool,
}

impl Hit {
    fn new(span: Range<usize>, what: &'static str) -> Self {
        Self {
            span,
            what,
            prefix: "",
            sure: true,
        }
    }
}

/// What is a credential by its form, wherever it stands.
pub(super) fn by_form(text: &str) -> Vec<Hit> {
    let mut hits = private_keys(text);
    hits.extend(tokens(text));
    let named = urls(text).into_iter().chain(parameters(text));
    hits.extend(named.filter(|hit| !is_shown(text, &hit.span)));
    distinct(hits)
}

/// Whether a password only shows in a comment how one is written: it has the form of words there.
fn is_shown(text: &str, span: &Range<usize>) -> bool {
    let before = text.get(..span.start).unwrap_or_default();
    let line = before.rsplit('\n').next().unwrap_or_default().trim_start();
    let is_comment = ["#", "//", ";", "--"]
        .iter()
        .any(|sign| line.starts_with(sign));
    is_comment && !text.get(span.clone()).is_some_and(looks_random)
}

/// In order; of those that overlap the first one.
pub(super) fn distinct(mut hits: Vec<Hit>) -> Vec<Hit> {
    hits.sort_by_key(|hit| (hit.span.start, std::cmp::Reverse(hit.span.end)));
    let mut end = 0;
    hits.retain(|hit| {
        let apart = hit.span.start >= end;
        if apart {
            end = hit.span.end;
        }
        apart
    });
    hits
}

fn private_keys(text: &str) -> Vec<Hit> {
    let (begin, kind) = PEM;
    let (mut hits, mut done) = (Vec::new(), 0);
    for (start, _) in text.match_indices(begin) {
        // What is part of the one before is looked at once.
        if start < done {
            continue;
        }
        let rest = text.get(start..).unwrap_or_default();
        let head = rest.lines().next().unwrap_or_default();
        let inner = rest.get(head.len()..).unwrap_or_default();
        let end = inner.find("-----END ").map_or(inner.len(), |at| {
            at + inner[at..].lines().next().map_or(0, str::len)
        });
        done = start + head.len() + end;
        let body = inner.get(..end).unwrap_or_default();
        let digits = body
            .lines()
            .filter(|line| !line.contains(':') && !line.starts_with("-----"))
            .map(|line| line.bytes().filter(u8::is_ascii_alphanumeric).count())
            .sum::<usize>();
        if head.contains(kind) && digits >= 32 && !is_sample(body) {
            hits.push(Hit::new(start..start + head.len() + end, "a private key"));
        }
    }
    hits
}

fn tokens(text: &str) -> Vec<Hit> {
    let bytes = text.as_bytes();
    let mut hits = Vec::new();
    for token in TOKENS {
        let mut done = 0;
        for (start, _) in text.match_indices(token.prefix) {
            let inside = start
                .checked_sub(1)
                .and_then(|at| bytes.get(at))
                .is_some_and(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
            if inside || start < done {
                continue;
            }
            let behind = start + token.prefix.len();
            let length = bytes
                .iter()
                .skip(behind)
                .take_while(|byte| token.letters.has(**byte))
                .count();
            done = behind + length;
            let Some(rest) = text.get(behind..behind + length) else {
                continue;
            };
            let whole = &text[start..behind + length];
            let is = match token.prefix {
                "eyJ" => rest.split('.').count() == 3 && rest.contains(".eyJ"),
                "LS0tLS1CRUdJTi" => holds_key(whole),
                // Of a fixed length: what is longer is something else.
                "AKIA" | "ASIA" => length == token.least && !rest.ends_with("EXAMPLE"),
                "AIza" => length == token.least,
                _ => true,
            };
            if is && length >= token.least && !is_sample(rest) && entropy(rest) > 2.5 {
                let mut hit = Hit::new(start..behind + length, token.what);
                hit.prefix = if token.prefix.contains("://") {
                    ""
                } else {
                    token.prefix
                };
                hits.push(hit);
            }
        }
    }
    hits
}

/// Whether base64 is that of a private key.
fn holds_key(digits: &str) -> bool {
    let whole = digits.len() - digits.len() % 4;
    let decoded = STANDARD_NO_PAD.decode(&digits[..whole.min(64)]);
    decoded.is_ok_and(|bytes| String::from_utf8_lossy(&bytes).contains(PEM.1))
}

/// `scheme://user:password@host` (RFC 3986, 3.2.1).
fn urls(text: &str) -> Vec<Hit> {
    let mut hits = Vec::new();
    for (at, _) in text.match_indices("://") {
        let start = at + 3;
        let rest = text.get(start..).unwrap_or_default();
        let end = rest.find(|c: char| {
            c.is_whitespace()
                || matches!(
                    c,
                    '/' | '"' | '\'' | '<' | '>' | '`' | '?' | '#' | ',' | '\\'
                )
        });
        let authority = &rest[..end.unwrap_or(rest.len())];
        let Some((user_info, host)) = authority.rsplit_once('@') else {
            continue;
        };
        let Some((user, password)) = user_info.split_once(':') else {
            continue;
        };
        let scheme = text[..at].ends_with(|c: char| c.is_ascii_alphanumeric());
        let filled_in = |part: &str| part.contains(['$', '{', '<', '%', '(']);
        if !scheme
            || filled_in(user)
            || is_placeholder(password)
            || password.eq_ignore_ascii_case(user) && is_sample(host)
            || host.is_empty()
            || is_sample(host)
        {
            continue;
        }
        let from = start + user.len() + 1;
        hits.push(Hit::new(from..from + password.len(), "a password in a URL"));
    }
    hits
}

/// `…;Password=…;` and other connection strings.
fn parameters(text: &str) -> Vec<Hit> {
    let lower = text.to_ascii_lowercase();
    let mut hits = Vec::new();
    for parameter in PARAMETERS {
        let mut done = 0;
        for (at, _) in lower.match_indices(parameter) {
            if at < done || !is_among(text, at) {
                continue;
            }
            let start = at + parameter.len();
            let rest = text.get(start..).unwrap_or_default();
            let ends =
                |c: char| c.is_whitespace() || matches!(c, ';' | '&' | '"' | '\'' | '<' | '`');
            let end = rest.find(ends).unwrap_or(rest.len());
            done = start + end;
            if !is_placeholder(&rest[..end]) {
                let span = start..start + end;
                hits.push(Hit::new(span, "a password in a connection string"));
            }
        }
    }
    hits
}

/// Whether other parameters stand in front of that place. At the start of a line it is a line of a
/// properties file.
fn is_among(text: &str, at: usize) -> bool {
    let mut from = at.saturating_sub(BEFORE);
    while !text.is_char_boundary(from) {
        from += 1;
    }
    let before = text.get(from..at).unwrap_or_default();
    let line = before.rsplit('\n').next().unwrap_or_default();
    let others = || {
        ["host=", "user=", "dbname="]
            .iter()
            .any(|word| line.contains(word))
    };
    match line.trim_end_matches(' ').chars().next_back() {
        Some(';' | '?' | '&') => true,
        _ => line.ends_with(' ') && others(),
    }
}

/// What a value is by the name that it has; the bytes are those of `value`.
pub(super) fn by_name(name: &str, value: &str) -> Option<Hit> {
    let words = words(name);
    let last = words.last()?;
    let plain = last.trim_end_matches(|c: char| c.is_ascii_digit());
    let ends = |ending: &&str| plain == *ending || (ending.len() > 5 && plain.ends_with(ending));
    let short = matches!(plain, "pass" | "pwd") && words.len() == 1;
    if value.contains(char::is_whitespace) || is_placeholder(value) || is_name(name, value) {
        return None;
    }
    if PASSWORDS.iter().any(ends) && !short {
        return Some(Hit::new(0..value.len(), "a password"));
    }
    let is_key = |ending: &&&[&str]| {
        let at = words.len().checked_sub(ending.len());
        at.and_then(|at| words.get(at..))
            .is_some_and(|end| end.iter().zip(**ending).all(|(word, known)| word == known))
    };
    let ending = KEYS.iter().find(is_key)?;
    let what = match ending.last() {
        Some(&"token") => "a token",
        Some(&("key" | "apikey")) => "a key",
        _ => "a secret",
    };
    let mut hit = Hit::new(0..value.len(), what);
    hit.sure = false;
    // Samples stand in documentation in base64, too.
    let decoded = STANDARD_NO_PAD.decode(value.trim_end_matches('='));
    let sample = decoded.is_ok_and(|bytes| is_sample(&String::from_utf8_lossy(&bytes)));
    (looks_random(value) && !sample).then_some(hit)
}

/// The words of a name, in small letters: at signs and at capital letters.
fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let (mut open, mut lower) = (false, false);
    for c in name.chars() {
        if c.is_alphanumeric() {
            if !open || (lower && c.is_uppercase()) {
                words.push(String::new());
            }
            if let Some(word) = words.last_mut() {
                word.extend(c.to_lowercase());
            }
        }
        open = c.is_alphanumeric();
        lower = c.is_lowercase() || c.is_ascii_digit();
    }
    words.retain(|word| !word.bytes().all(|b| b.is_ascii_digit()));
    words
}

/// Whether a value stands for another one, is still to be filled in, or is known to everybody.
pub(super) fn is_placeholder(value: &str) -> bool {
    let lower = value.to_ascii_lowercase();
    lower.len() < 4
        || ELSEWHERE.iter().any(|start| lower.starts_with(start))
        || ["${", "$(", "{{", "<%", "()"]
            .iter()
            .any(|sign| lower.contains(sign))
        || WORDS.contains(&&*lower)
        || is_variable(value)
        || is_sample(&lower)
        || is_run(&lower)
}

/// Whether a value is a name as variables have it, which a script puts another value in place of:
/// `_DBPASS_`, `DB_ROOT_SECRET`.
fn is_variable(value: &str) -> bool {
    let is_part = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    value.contains('_') && value.chars().all(is_part)
}

fn is_sample(text: &str) -> bool {
    let bare: String = text
        .to_ascii_lowercase()
        .chars()
        .filter(|c| !matches!(c, '-' | '_' | ' '))
        .collect();
    SAMPLES.iter().any(|sample| bare.contains(sample)) || text.contains("...") || text.contains('…')
}

/// One letter again and again, or letters and digits in their order.
fn is_run(text: &str) -> bool {
    let bytes = text.as_bytes();
    let steps = || {
        bytes
            .windows(2)
            .filter_map(|pair| Some(pair.get(1)?.wrapping_sub(*pair.first()?)))
    };
    steps().all(|step| step == 0) || steps().all(|step| step == 1)
}

/// Whether a value says its own name, or that of an object: `db-password`, `postgres-secret`.
fn is_name(name: &str, value: &str) -> bool {
    let (name, of_value) = (words(name), words(value));
    let known = |word: &String| {
        [
            "password",
            "secret",
            "token",
            "key",
            "credentials",
            "passwd",
        ]
        .contains(&&**word)
    };
    of_value == name || of_value.len() > 1 && of_value.iter().any(known)
}

/// Whether a value looks like chance, as detect-secrets and gitleaks judge it: long, letters and
/// digits, more entropy than words have.
fn looks_random(value: &str) -> bool {
    let hex = value.bytes().all(|b| b.is_ascii_hexdigit());
    let letters = value.bytes().filter(u8::is_ascii_alphabetic).count();
    let digits = value.bytes().filter(u8::is_ascii_digit).count();
    let allowed = value.bytes().all(|b| {
        b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'=' | b'_' | b'-' | b'.' | b'~')
    });
    let least = if hex { 3.0 } else { 3.5 };
    value.len() >= 16 && allowed && letters > 1 && digits > 1 && entropy(value) >= least
}

/// Bits a character (Shannon).
fn entropy(text: &str) -> f64 {
    let mut counts = [0_u32; 256];
    for byte in text.bytes() {
        if let Some(count) = counts.get_mut(usize::from(byte)) {
            *count += 1;
        }
    }
    let all = f64::from(u32::try_from(text.len().max(1)).unwrap_or(u32::MAX));
    counts
        .iter()
        .filter(|count| **count > 0)
        .map(|count| {
            let share = f64::from(*count) / all;
            -share * share.log2()
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn forms(text: &str) -> Vec<(&str, &'static str)> {
        by_form(text)
            .into_iter()
            .map(|hit| (&text[hit.span], hit.what))
            .collect()
    }

    #[test]
    fn forms_are_found() {
        let token = "ghp_0a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R";
        assert_eq!(forms(&format!("x {token} y")), [(token, "a GitHub token")]);
        let url = "postgres://app:k4Tz9q@db:5432/app";
        assert_eq!(forms(url), [("k4Tz9q", "a password in a URL")]);
        let odbc = "Server=db;Pwd=k4Tz9q;";
        assert_eq!(
            forms(odbc),
            [("k4Tz9q", "a password in a connection string")]
        );
        let libpq = "host=db user=app password=k4Tz9q";
        assert_eq!(
            forms(libpq),
            [("k4Tz9q", "a password in a connection string")]
        );
    }

    #[test]
    fn placeholders_are_none() {
        for text in [
            "postgres://app:password@db/app",
            "postgres://$USER:$PASSWORD@db",
            "postgres://app:_DBPASS_@db/app",
            "# servers = mongodb://main_admin:hunter2@db:27017",
            "https://user:k4Tz9q@example.com",
            "AKIAIOSFODNN7EXAMPLE",
            "ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
            "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
            "-----BEGIN PRIVATE KEY-----\n...\n-----END PRIVATE KEY-----",
        ] {
            assert_eq!(forms(text), [], "{text}");
        }
        for (name, value) in [
            ("password", "changeme"),
            ("DB_PASSWORD", "${DB_PASSWORD}"),
            ("password", "/run/secrets/db"),
            ("password", "_DBPASS_"),
            ("PWD", "k4Tz9q"),
            ("password-file", "k4Tz9q"),
            ("passwordSecret", "postgres-credentials-2"),
            ("token", "kubernetes-token"),
            ("public_key", "0a1B2c3D4e5F6g7H8i9J"),
            ("max_tokens", "0a1B2c3D4e5F6g7H8i9J"),
        ] {
            assert_eq!(by_name(name, value), None, "{name}");
        }
    }

    #[test]
    fn names_tell() {
        let what = |name, value| by_name(name, value).map(|hit| (hit.what, hit.sure));
        for name in [
            "DB_PASSWORD",
            "spring.datasource.password",
            "adminPassword",
            "PGPASSWORD",
            "DB_PASS",
            "password2",
        ] {
            assert_eq!(what(name, "k4Tz9q"), Some(("a password", true)), "{name}");
        }
        let value = "0a1B2c3D4e5F6g7H8i9J";
        assert_eq!(what("API_KEY", value), Some(("a key", false)));
        assert_eq!(what("apiToken", value), Some(("a token", false)));
        assert_eq!(what("apiToken", "k4Tz9q"), None);
    }
}
