//! The formats that the name of a key states, and the first error of a text in them.
//!
//! Each is read by a library; a format whose readers do not agree (`.env`) or that has no such
//! library (Caddy) is not checked, and of INI only what all of its readers refuse or misread.

use std::collections::BTreeSet;

use configparser::ini::Ini;
use java_properties::PropertiesIter;
use kubewright_model::yaml::{File, Node, verify};
use serde_json::Value;

/// A format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// RFC 8259.
    Json,
    /// YAML 1.2, or what its parsers take besides.
    Yaml,
    /// TOML 1.1.
    Toml,
    /// XML 1.0, well formed.
    Xml,
    /// What `java.util.Properties` reads.
    Properties,
    /// Configuration of nginx.
    Nginx,
    /// INI: headers of sections.
    Ini,
}

/// Endings of keys.
const ENDINGS: &[(&str, Format)] = &[
    ("cnf", Format::Ini),
    ("ini", Format::Ini),
    ("json", Format::Json),
    ("nginx", Format::Nginx),
    ("properties", Format::Properties),
    ("toml", Format::Toml),
    ("xml", Format::Xml),
    ("yaml", Format::Yaml),
    ("yml", Format::Yaml),
];

/// Whole keys: those that the API server reads itself as JSON (`ValidateSecret` of
/// <https://github.com/kubernetes/kubernetes/blob/master/pkg/apis/core/validation/validation.go>),
/// and the file that nginx reads.
const NAMES: &[(&str, Format)] = &[
    (".dockercfg", Format::Json),
    (".dockerconfigjson", Format::Json),
    ("nginx.conf", Format::Nginx),
];

/// How deep blocks may be for the parser of nginx, which descends as deep as its input does.
const DEEPEST: usize = 64;

/// The first error of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wrong {
    /// Byte of the text.
    pub(super) offset: usize,
    /// The parser's words.
    pub(super) said: String,
}

impl Format {
    /// What a key says its value is, if it says so.
    pub(super) fn of_key(key: &str) -> Option<Self> {
        if let Some((_, format)) = NAMES.iter().find(|(name, _)| *name == key) {
            return Some(*format);
        }
        let (_, ending) = key.rsplit_once('.')?;
        ENDINGS
            .iter()
            .find(|(known, _)| ending.eq_ignore_ascii_case(known))
            .map(|(_, format)| *format)
    }

    /// Its name.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Json => "JSON",
            Self::Yaml => "YAML",
            Self::Toml => "TOML",
            Self::Xml => "XML",
            Self::Properties => "Java properties",
            Self::Nginx => "nginx configuration",
            Self::Ini => "INI",
        }
    }

    /// The first error of a text that is to be in this format; `None` for one that is, that is
    /// empty, or that some readers of the format take.
    pub(super) fn error(self, text: &str) -> Option<Wrong> {
        if text.trim().is_empty() {
            return None;
        }
        match self {
            Self::Json => json(text),
            Self::Yaml => verify::error(text)
                .map(|error| Wrong {
                    offset: error.offset,
                    said: error.message,
                })
                .or_else(|| twice(text)),
            Self::Toml => toml::from_str::<toml::Table>(text)
                .err()
                .map(|error| Wrong {
                    offset: error.span().map_or(0, |span| span.start),
                    said: error.message().lines().collect::<Vec<_>>().join(", "),
                }),
            Self::Xml => xml(text),
            Self::Properties => properties(text),
            Self::Nginx => nginx(text),
            Self::Ini => ini(text),
        }
    }
}

/// A key that stands twice in one mapping of YAML: some readers refuse it
/// (<https://yaml.org/spec/1.2.2/#3213-node-comparison>), others take the last one.
fn twice(text: &str) -> Option<Wrong> {
    let file = File::parse(text).ok()?;
    for number in 0..file.documents().len() {
        for mapping in file.root(number)?.descendants().filter(|n| n.is_mapping()) {
            let mut seen = BTreeSet::new();
            let keys = mapping
                .entries()
                .filter_map(|(key, _)| Some((key.text()?, key)));
            for (name, key) in keys.filter(|(name, _)| *name != "<<") {
                if !seen.insert(name) {
                    return Some(Wrong {
                        offset: key.span().start,
                        said: format!("{TWICE} `{name}`"),
                    });
                }
            }
        }
    }
    None
}

/// How an error about a key that stands twice begins.
const TWICE: &str = "a mapping has twice the key";

/// The only thing that `java.util.Properties` refuses: `\u` without four digits behind it.
fn properties(text: &str) -> Option<Wrong> {
    let error = PropertiesIter::new(text.as_bytes()).find_map(Result::err)?;
    let line = error.line_number()?.saturating_sub(1);
    let start: usize = text.split_inclusive('\n').take(line).map(str::len).sum();
    let rest = text.get(start..)?;
    let malformed = |at: &usize| {
        let digits = rest.bytes().skip(at + 2).take(4);
        digits.take_while(u8::is_ascii_hexdigit).count() < 4
    };
    let at = rest
        .match_indices("\\u")
        .map(|(at, _)| at)
        .find(malformed)?;
    let words = error.to_string();
    let said = words.split(" (line").next().unwrap_or_default();
    Some(Wrong {
        offset: start + at,
        said: said.trim_end_matches('.').to_owned(),
    })
}

/// A header without its bracket: `MySQL`, PHP, Python and Go refuse it, and who does not puts the
/// keys below it into the section above. All else that one reader refuses another one takes: a key
/// without a value, a key twice, a line before the first section.
fn ini(text: &str) -> Option<Wrong> {
    let mut reader = Ini::new_cs();
    reader.set_inline_comment_symbols(Some(&[]));
    let error = reader.read(text.to_owned()).err()?;
    let (line, said) = error.strip_prefix("line ")?.split_once(": ")?;
    let above = line.parse::<usize>().ok()?.checked_sub(1)?;
    let start: usize = text.split_inclusive('\n').take(above).map(str::len).sum();
    let header = text.get(start..)?.lines().next()?;
    // Indented, it may go on with the value above, a list.
    header.starts_with('[').then(|| Wrong {
        offset: start + header.trim_end().len(),
        said: said.to_owned(),
    })
}

fn nginx(text: &str) -> Option<Wrong> {
    // A word alone stands for a file that somebody is to write.
    if !text.contains([';', '{']) || depth(text) > DEEPEST {
        return None;
    }
    let (_, errors) = nginx_lint_parser::parse_string_rowan(text);
    let error = errors.into_iter().next()?;
    let end = text.trim_end().len();
    let mut offset = error.offset.min(end);
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    Some(Wrong {
        offset,
        said: error.message,
    })
}

/// How many braces are open at most.
fn depth(text: &str) -> usize {
    let (mut open, mut most) = (0_usize, 0);
    for byte in text.bytes() {
        match byte {
            b'{' => open += 1,
            b'}' => open = open.saturating_sub(1),
            _ => {}
        }
        most = most.max(open);
    }
    most
}

fn json(text: &str) -> Option<Wrong> {
    let bare = text.trim_start_matches('\u{feff}');
    let error = serde_json::from_str::<Value>(bare).err()?;
    // Values one behind the other are what many programs read; so are comments, and YAML that does
    // not begin as JSON does: readers of YAML take files of either name.
    let values = || {
        serde_json::Deserializer::from_str(bare)
            .into_iter::<Value>()
            .all(|value| value.is_ok())
    };
    let words = error.to_string();
    let limit = words.starts_with("recursion limit") || words.starts_with("number out of range");
    if limit || is_commented(bare) || values() || is_block_mapping(bare) {
        return None;
    }
    let line = bare
        .split_inclusive('\n')
        .take(error.line().saturating_sub(1))
        .map(str::len)
        .sum::<usize>();
    let said = words.split(" at line ").next().unwrap_or_default();
    let offset = line + error.column().saturating_sub(1) + (text.len() - bare.len());
    Some(Wrong {
        offset: if error.is_eof() {
            text.trim_end().len()
        } else {
            offset
        },
        said: said.to_owned(),
    })
}

/// Whether a text is a mapping of YAML that begins with a key, not with the brace of JSON.
fn is_block_mapping(text: &str) -> bool {
    !text.trim_start().starts_with(['{', '['])
        && verify::error(text).is_none()
        && File::parse(text).is_ok_and(|file| file.root(0).is_some_and(Node::is_mapping))
}

/// Whether a text has comments where JSON has values: its reader takes more than JSON.
fn is_commented(text: &str) -> bool {
    let mut quoted = false;
    let mut bytes = text.bytes().peekable();
    let mut at_start = true;
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' if quoted => _ = bytes.next(),
            b'"' => quoted = !quoted,
            // A string ends with its line.
            b'\n' => (quoted, at_start) = (false, true),
            b'/' if !quoted && matches!(bytes.peek(), Some(b'/' | b'*')) => return true,
            b'#' if !quoted && at_start => return true,
            _ => {}
        }
        at_start = at_start && (byte.is_ascii_whitespace());
    }
    false
}

fn xml(text: &str) -> Option<Wrong> {
    let options = roxmltree::ParsingOptions {
        allow_dtd: true,
        ..roxmltree::ParsingOptions::default()
    };
    let error = roxmltree::Document::parse_with_options(text, options).err()?;
    // What a DTD elsewhere declares is not known, and limits are not the format's.
    let limit = matches!(
        error,
        roxmltree::Error::NodesLimitReached
            | roxmltree::Error::AttributesLimitReached
            | roxmltree::Error::NamespacesLimitReached
    );
    let elsewhere =
        matches!(error, roxmltree::Error::UnknownEntityReference(..)) && text.contains("<!DOCTYPE");
    if limit || elsewhere {
        return None;
    }
    let place = error.pos();
    let row = usize::try_from(place.row).unwrap_or(1).saturating_sub(1);
    let column = usize::try_from(place.col).unwrap_or(1).saturating_sub(1);
    let mut lines = text.split_inclusive('\n');
    let start: usize = lines.by_ref().take(row).map(str::len).sum();
    let line = lines.next().unwrap_or_default();
    let offset = line
        .char_indices()
        .nth(column)
        .map_or(line.trim_end().len(), |(at, _)| at);
    let words = error.to_string();
    let said = words.rsplit_once(" at ").map_or(&*words, |(said, _)| said);
    Some(Wrong {
        offset: start + offset,
        said: said.to_owned(),
    })
}

/// What is often meant by such an error: what to do about it.
pub(super) fn near_miss(format: Format, text: &str, wrong: &Wrong) -> Option<&'static str> {
    let start = text.get(..wrong.offset)?.rfind('\n').map_or(0, |at| at + 1);
    let line = text.get(start..)?.lines().next().unwrap_or_default();
    let here = text.get(wrong.offset..)?;
    match format {
        Format::Json => json_near_miss(&wrong.said, here),
        Format::Yaml if wrong.said.starts_with(TWICE) => {
            let new = line.starts_with("apiVersion:") || line.starts_with("kind:");
            Some(if new {
                "put a line `---` in front of it where another object begins here"
            } else {
                "take away one of the two: a reader refuses them, or takes the last one alone"
            })
        }
        Format::Yaml => {
            let indented = &line[..line.len() - line.trim_start().len()];
            let value = line
                .split_once(": ")
                .map_or("", |(_, value)| value.trim_start());
            if indented.contains('\t') {
                Some("YAML is indented with spaces: replace the tab")
            } else if value.starts_with(['@', '`', '%']) {
                Some(
                    "put the value in quotes: it begins with a character that YAML keeps for \
                     itself",
                )
            } else if value.contains(": ") && !value.starts_with(['"', '\'', '{', '[']) {
                Some("put the value in quotes: it holds a colon with a space behind it")
            } else {
                None
            }
        }
        Format::Toml => {
            let value = line
                .split_once('=')
                .map_or("", |(_, value)| value.trim_start());
            (value.starts_with(|c: char| c.is_alphabetic()))
                .then_some("TOML writes text in quotes: put the value in quotes")
        }
        Format::Xml if text.trim_start().starts_with("<?xml") && !text.starts_with("<?xml") => {
            Some("take away what stands in front of `<?xml`: it has to be the very first")
        }
        Format::Xml if here.starts_with('&') => Some("write `&amp;` for `&`"),
        Format::Xml => None,
        Format::Properties => Some("write `\\\\` for a backslash, as in the path of a file"),
        Format::Nginx => nginx_near_miss(&wrong.said),
        Format::Ini => Some("write `]` behind the name of the section"),
    }
}

fn nginx_near_miss(said: &str) -> Option<&'static str> {
    if said.starts_with("expected '}'") {
        Some("close the block that is open: the text ends too early")
    } else if said.starts_with("unexpected '}'") {
        Some("take away this brace, or open the block that it closes")
    } else if said.starts_with("expected ';'") {
        Some("end the directive in front of it with a semicolon")
    } else {
        None
    }
}

fn json_near_miss(said: &str, here: &str) -> Option<&'static str> {
    if said.starts_with("trailing comma") {
        Some("take away the comma in front of it")
    } else if said.starts_with("control character") {
        Some("a string ends on its line: write \\n for the line break, or \\t for the tab")
    } else if here.starts_with('\'') {
        Some("JSON has double quotes only")
    } else if said.starts_with("expected `,`") && here.starts_with(char::is_alphanumeric) {
        Some("write \\\" for a quote inside of a string, or put a comma in front of it")
    } else if said.starts_with("expected `,`") {
        Some("put a comma between the two")
    } else if here.starts_with("True") || here.starts_with("False") {
        Some("JSON writes true and false")
    } else if here.starts_with(char::is_alphabetic) {
        Some("JSON writes text in double quotes")
    } else if said.starts_with("EOF") {
        Some("close what is open: the text ends too early")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Line and column, from 1, of the first error.
    fn place(format: Format, text: &str) -> Option<(usize, usize)> {
        let wrong = format.error(text)?;
        let before = &text[..wrong.offset];
        let line = before.matches('\n').count() + 1;
        Some((
            line,
            wrong.offset - before.rfind('\n').map_or(0, |at| at + 1) + 1,
        ))
    }

    #[test]
    fn errors_have_their_place() {
        assert_eq!(place(Format::Json, "{\n  \"a\": 1,\n}\n"), Some((3, 1)));
        assert_eq!(place(Format::Json, "{\n  \"a\": 1\n"), Some((2, 9)));
        assert_eq!(place(Format::Json, "{\"a\": True}"), Some((1, 7)));
        assert_eq!(place(Format::Yaml, "a:\n\tb: 1\n"), Some((2, 1)));
        assert_eq!(place(Format::Yaml, "a:\n  b: 1\n  b: 2\n"), Some((3, 3)));
        assert_eq!(place(Format::Toml, "[a]\nb = c\n"), Some((2, 5)));
        assert_eq!(place(Format::Xml, "<a>\n  <b></a>\n"), Some((2, 6)));
        let windows = "a=1\nb=\\u00e4 C:\\users\n";
        assert_eq!(place(Format::Properties, windows), Some((2, 12)));
        let open = "server {\n  listen 80;\n";
        assert_eq!(place(Format::Nginx, open), Some((2, 13)));
        assert_eq!(place(Format::Nginx, "a b;\n}\n"), Some((2, 1)));
        let header = "[a]\nb = [\n[c # d\ne = f\n";
        assert_eq!(place(Format::Ini, header), Some((3, 7)));
    }

    #[test]
    fn what_some_reader_takes_is_no_error() {
        for text in [
            "",
            " \n",
            "{} {}\n",
            "{// x\n}",
            "# x\n{}",
            "\u{feff}{}",
            "\"a\": {\n\"b\": 1}",
        ] {
            assert_eq!(Format::Json.error(text), None, "{text}");
        }
        assert!(Format::Json.error("\"a\": {\n\"b\": 1").is_some());
        assert!(Format::Json.error("{\"a\": \"//\",}").is_some());
        let text = "<!DOCTYPE a SYSTEM \"a.dtd\"><a>&b;</a>";
        assert_eq!(Format::Xml.error(text), None);
        assert_eq!(Format::Yaml.error("a: 1\n---\na: 2\n"), None);
        let merged = "a: &a {x: 1}\nb: &b {y: 1}\nc:\n  <<: *a\n  <<: *b\n";
        assert_eq!(Format::Yaml.error(merged), None);
        for text in [
            "x",
            "map $a $b { ~^\\d{4}$ 1; default \"}\"; }",
            &"a {".repeat(10_000),
        ] {
            assert_eq!(Format::Nginx.error(text), None, "{text}");
        }
        for text in [
            "[mysqld]\nskip-name-resolve\n!includedir /etc/mysql\n",
            "a=1\n[b]\na=1\na=2\n= c\n[b] ; d\n[e#f]\n",
            "[a]\nb =\n  [\n  1,\n  ]\n",
            "; [\n# [\n",
        ] {
            assert_eq!(Format::Ini.error(text), None, "{text}");
        }
        for text in ["no value", "a = b = c\\\n d", "!#\n[x", "\\\\users"] {
            assert_eq!(Format::Properties.error(text), None, "{text}");
        }
    }

    #[test]
    fn keys_state_formats() {
        assert_eq!(Format::of_key("a.b.YML"), Some(Format::Yaml));
        assert_eq!(Format::of_key(".dockerconfigjson"), Some(Format::Json));
        assert_eq!(Format::of_key("nginx.conf"), Some(Format::Nginx));
        for key in [
            "json",
            "a.json5",
            "a.yaml.tmpl",
            "a.conf",
            ".env",
            "Caddyfile",
        ] {
            assert_eq!(Format::of_key(key), None, "{key}");
        }
    }
}
