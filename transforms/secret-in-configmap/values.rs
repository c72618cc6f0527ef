//! Credentials in a value of a ConfigMap: all of it, a line of it, a value of the YAML or JSON that
//! it is.

use std::ops::Range;

use kubewright_model::yaml::{File, Node};

use super::detect::{Hit, by_form, by_name, distinct, is_placeholder};
use super::rules::PROGRAMS;

/// What is found in a value.
#[derive(Debug, Clone)]
pub(super) struct Found {
    /// Where, what: at least one.
    pub(super) hits: Vec<Hit>,
    /// There is nothing in the value beside the credential, or what it is for.
    pub(super) whole: bool,
}

/// The credentials in the value of a key.
pub(super) fn find(key: &str, text: &str) -> Option<Found> {
    let mut hits = by_form(text);
    let bare = text.trim();
    let one_line = !bare.contains(['\n', '\r']);
    let start = text.len() - text.trim_start().len();
    let structure = if one_line && !bare.starts_with(['{', '[']) {
        hits.extend(by_name(key, bare).map(|hit| moved(hit, start)));
        None
    } else {
        structure(text)
    };
    match &structure {
        Some(file) => hits.extend(in_structure(file)),
        None if !one_line => hits.extend(in_lines(key, text)),
        None => {}
    }
    let hits = distinct(hits);
    let all = start..start + bare.len();
    let key_file = bare.starts_with("-----BEGIN ") && bare.contains("PRIVATE KEY");
    let whole = one_line && structure.is_none()
        || key_file
        || structure.as_ref().is_some_and(is_kubeconfig)
        || hits.first().is_some_and(|hit| hit.span == all);
    (!hits.is_empty()).then_some(Found { hits, whole })
}

fn moved(mut hit: Hit, by: usize) -> Hit {
    hit.span = hit.span.start + by..hit.span.end + by;
    hit
}

/// The text as YAML, or JSON, where it is a mapping or a list of them.
fn structure(text: &str) -> Option<File> {
    let file = File::parse(text).ok()?;
    file.root(0)
        .is_some_and(|root| root.is_mapping() || root.is_sequence())
        .then_some(file)
}

/// A kubeconfig is a credential as a whole.
fn is_kubeconfig(file: &File) -> bool {
    file.root(0).is_some_and(|root| {
        root.get("kind").and_then(Node::text) == Some("Config") && root.get("users").is_some()
    })
}

fn in_structure(file: &File) -> Vec<Hit> {
    let mut hits = Vec::new();
    for number in 0..file.documents().len() {
        let scalars = file.root(number).into_iter().flat_map(Node::descendants);
        for node in scalars.filter(|node| node.is_scalar() && node.key().is_some()) {
            let (Some(name), Some(text)) = (node.key().and_then(Node::text), node.as_str()) else {
                continue;
            };
            let span = scalar(node);
            // What is written otherwise than it reads has no place of its own.
            if file.text().get(span.clone()) == Some(text) {
                hits.extend(by_name(name, text).map(|hit| moved(hit, span.start)));
            }
        }
    }
    hits
}

/// The bytes between the quotes.
fn scalar(node: Node<'_>) -> Range<usize> {
    let span = node.span();
    let quoted = node.source().starts_with(['"', '\'']);
    span.start + usize::from(quoted)..span.end - usize::from(quoted)
}

/// `NAME=value`, `name: value`, `export NAME="value"`, `<name>value</name>`.
fn in_lines(key: &str, text: &str) -> Vec<Hit> {
    let ending = key
        .rsplit('.')
        .next()
        .unwrap_or_default()
        .to_ascii_lowercase();
    let program = PROGRAMS.contains(&&*ending) || text.trim_start().starts_with("#!");
    let mut hits = Vec::new();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        if let Some((name, value)) = assignment(line) {
            let written = line.get(value.clone()).unwrap_or_default();
            let quoted = written.starts_with(['"', '\'']) && written.len() > 1;
            let inner = if quoted {
                value.start + 1..value.end - 1
            } else {
                value
            };
            let text = line.get(inner.clone()).unwrap_or_default();
            let code = program && !quoted || text.contains(['(', '"', '\'']);
            if !code && !is_placeholder(text) {
                hits.extend(by_name(name, text).map(|hit| moved(hit, start + inner.start)));
            }
        }
        start += line.len();
    }
    hits
}

/// The name and the bytes of the value, quotes included, of a line that is an assignment.
fn assignment(line: &str) -> Option<(&str, Range<usize>)> {
    let bare = line.trim();
    if bare.starts_with(['#', ';', '/', '-', '*', '!']) {
        return None;
    }
    if bare.starts_with('<') {
        return element(line);
    }
    let at = line.find(['=', ':'])?;
    let behind = line.get(at + 1..)?;
    if behind.starts_with(['=', ':', '/', '~']) {
        return None;
    }
    let name = line[..at].trim().trim_start_matches("export ");
    let name = name.trim().trim_matches(['"', '\'']);
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    if name.is_empty() || !name.chars().all(is_name) {
        return None;
    }
    let value = behind.trim().trim_end_matches([',', ';']).trim_end();
    let start = at + 1 + (behind.len() - behind.trim_start().len());
    // A comment behind a quoted value is not part of it.
    let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''));
    let length = match quote {
        Some(quote) => value.get(1..)?.find(quote).map(|at| at + 2)?,
        None => value.find(" #").unwrap_or(value.len()),
    };
    Some((name, start..start + length))
}

/// `<name>value</name>` on a line.
fn element(line: &str) -> Option<(&str, Range<usize>)> {
    let open = line.find('<')?;
    let close = open + line[open..].find('>')?;
    let name = line.get(open + 1..close)?;
    let value = line.get(close + 1..)?;
    let end = value.find("</")?;
    let closes = value[end + 2..].starts_with(name);
    (closes && !name.is_empty()).then_some((name, close + 1..close + 1 + end))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(key: &str, text: &str) -> Vec<(String, bool)> {
        let Some(found) = find(key, text) else {
            return Vec::new();
        };
        let values = found.hits.iter();
        values
            .map(|hit| (text[hit.span.clone()].to_owned(), found.whole))
            .collect()
    }

    #[test]
    fn values_are_found_in_what_holds_them() {
        let whole = [("k4Tz9q".to_owned(), true)];
        let part = [("k4Tz9q".to_owned(), false)];
        assert_eq!(found("DB_PASSWORD", "k4Tz9q\n"), whole);
        assert_eq!(found("DSN", "redis://:k4Tz9q@cache:6379"), whole);
        for (key, text) in [
            ("app.properties", "db.user=app\ndb.password = k4Tz9q\n"),
            (".env", "A=1\nexport DB_PASSWORD=\"k4Tz9q\" # x\n"),
            ("app.yaml", "db:\n  password: k4Tz9q\n"),
            ("app.json", "{\"db\": {\"password\": \"k4Tz9q\"}}"),
            ("app.xml", "<db>\n  <password>k4Tz9q</password>\n</db>\n"),
            ("app.py", "user = 'app'\npassword = 'k4Tz9q'\n"),
            ("app.conf", "# x\nurl redis://:k4Tz9q@cache:6379\n"),
        ] {
            assert_eq!(found(key, text), part, "{key}");
        }
    }

    #[test]
    fn programs_and_prose_are_none() {
        for (key, text) in [
            ("app.py", "import x\npassword = args.password\n"),
            ("run.sh", "set -e\nPASSWORD=$(cat /run/x)\nTOKEN=k4Tz9q\n"),
            ("app.yaml", "password: \"enter your password here\"\nx: 1\n"),
            ("app.properties", "# password=k4Tz9q\nx=1\n"),
        ] {
            assert_eq!(found(key, text), [], "{key}");
        }
    }
}
