//! The actions of a template (`{{ … }}`), and which block each line stands in. Source: Go's
//! `text/template`.

use std::ops::Range;

/// What opens a block that `end` closes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opener {
    /// `if`
    If,
    /// `with`: the dot is another one.
    With,
    /// `range`: the dot is another one, and lines are made several times.
    Range,
    /// `define` and `block`: a template of its own.
    Define,
}

/// A block: from the line of what opens it to the line of its `end`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// What opens it.
    pub opener: Opener,
    /// Lines of the opening action and of `end`, both included, from 0.
    pub lines: Range<usize>,
    /// It has an `else`.
    pub has_else: bool,
}

/// The content of each action with its line, from 0; comments are actions.
fn actions(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(open) = text[at..].find("{{").map(|open| at + open) {
        let inside = &text[open + 2..];
        let length = length(inside);
        let content = &inside[..length];
        found.push((text[..open].matches('\n').count(), content));
        at = (open + 2 + length + 2).min(text.len());
        while !text.is_char_boundary(at) {
            at += 1;
        }
    }
    found
}

/// What the actions of a text say, without the marks that trim blanks.
pub fn contents(text: &str) -> Vec<String> {
    let bare = |(_, content): (usize, &str)| content.trim_matches('-').trim().to_owned();
    actions(text).into_iter().map(bare).collect()
}

/// Bytes up to the `}}` that closes an action: not one in a string or a comment.
fn length(inside: &str) -> usize {
    let trimmed = inside.trim_start_matches(['-', ' ', '\t', '\n']);
    if trimmed.starts_with("/*") {
        let end = inside.find("*/").map_or(inside.len(), |end| end + 2);
        return inside[end..].find("}}").map_or(inside.len(), |at| end + at);
    }
    let mut quote = None;
    let mut escaped = false;
    for (at, c) in inside.char_indices() {
        match quote {
            _ if escaped => escaped = false,
            Some(open) if c == '\\' && open != '`' => escaped = true,
            Some(open) if c == open => quote = None,
            None if matches!(c, '"' | '`' | '\'') => quote = Some(c),
            None if inside[at..].starts_with("}}") => return at,
            _ => {}
        }
    }
    inside.len()
}

/// All blocks of a template, by the line of their `end`. `None` where they do not match: Helm would
/// not take the template.
pub fn blocks(text: &str) -> Option<Vec<Block>> {
    let mut open: Vec<Block> = Vec::new();
    let mut closed = Vec::new();
    for (line, content) in actions(text) {
        let content = content.trim_start_matches('-').trim_start();
        let word = content
            .split(|c: char| c.is_whitespace() || c == '-' || c == '}')
            .next()
            .unwrap_or_default();
        let opener = match word {
            "if" => Opener::If,
            "with" => Opener::With,
            "range" => Opener::Range,
            "define" | "block" => Opener::Define,
            "else" => {
                open.last_mut()?.has_else = true;
                continue;
            }
            "end" => {
                let mut block = open.pop()?;
                block.lines.end = line + 1;
                closed.push(block);
                continue;
            }
            _ => continue,
        };
        open.push(Block {
            opener,
            lines: line..line + 1,
            has_else: false,
        });
    }
    open.is_empty().then_some(closed)
}

/// Whether a line has nothing but actions.
pub fn only_actions(line: &str) -> bool {
    let mut rest = line.trim();
    if rest.is_empty() {
        return false;
    }
    while let Some(inside) = rest.strip_prefix("{{") {
        let length = length(inside);
        rest = inside.get(length + 2..).unwrap_or_default().trim_start();
    }
    rest.is_empty()
}

/// The literal pieces of a line: what stands between its actions.
pub fn literals(line: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = line;
    while let Some(open) = rest.find("{{") {
        found.push(&rest[..open]);
        let inside = &rest[open + 2..];
        rest = inside.get(length(inside) + 2..).unwrap_or_default();
    }
    found.push(rest);
    found
}

/// Functions and fields that give something else with every render, with time, with every upgrade,
/// or in the cluster. Sources: <https://helm.sh/docs/chart_template_guide/function_list/> and
/// <https://helm.sh/docs/chart_template_guide/builtin_objects/>.
const UNSTEADY: [&str; 20] = [
    "randAlphaNum",
    "randAlpha",
    "randNumeric",
    "randAscii",
    "randBytes",
    "randInt",
    "shuffle",
    "uuidv4",
    "genCA",
    "genCAWithKey",
    "genPrivateKey",
    "genSelfSignedCert",
    "genSignedCert",
    "bcrypt",
    "htpasswd",
    "now",
    "lookup",
    ".Release.Revision",
    ".Release.IsUpgrade",
    ".Release.IsInstall",
];

/// The first word in the actions of a template that gives something else with every render, with
/// time or with every upgrade, whatever the values are.
pub fn unsteady(text: &str) -> Option<&'static str> {
    let actions = actions(text).into_iter().map(|(_, content)| content);
    let code = actions.filter(|content| !content.trim_start_matches(['-', ' ']).starts_with("/*"));
    let mut words = code.flat_map(|content| {
        let word = |c: char| !c.is_alphanumeric() && !matches!(c, '.' | '_' | '$' | '"');
        content.split(word).map(|word| word.trim_start_matches('$'))
    });
    words.find_map(|word| UNSTEADY.into_iter().find(|known| *known == word))
}

/// The number behind a word in a text: that of `nindent 8`.
pub fn number_behind(text: &str, word: &str) -> Option<usize> {
    let at = text.find(word)? + word.len();
    let rest = text[at..].trim_start();
    let end = rest.find(|c: char| !c.is_ascii_digit());
    rest[..end.unwrap_or(rest.len())].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_match_their_ends() {
        let text = "{{- with .a }}\n{{ if eq . \"}}\" }}\nx\n{{ else }}\n{{ end }}\n{{- end \
                    -}}\n{{/* if */}}\n";
        let found = blocks(text).expect("blocks");
        assert_eq!(found.len(), 2);
        assert_eq!((found[0].opener, found[0].has_else), (Opener::If, true));
        assert_eq!(found[0].lines, 1..5);
        assert_eq!((found[1].opener, found[1].has_else), (Opener::With, false));
        assert_eq!(found[1].lines, 0..6);
        assert!(blocks("{{ if x }}").is_none());
    }

    #[test]
    fn literals_stand_between_actions() {
        assert_eq!(literals("a: {{ x }}-{{ y }}"), ["a: ", "-", ""]);
        assert!(only_actions("  {{- toYaml . | nindent 8 }}"));
        assert!(!only_actions("a: {{ x }}") && !only_actions(""));
        assert_eq!(
            unsteady("{{ .a | quote }} now {{ (now) | date }}"),
            Some("now")
        );
        assert_eq!(
            unsteady("{{ if $.Release.IsUpgrade }}"),
            Some(".Release.IsUpgrade")
        );
        assert_eq!(
            unsteady("{{ .Values.now }} {{ \"now\" }} {{/* now */}}"),
            None
        );
        assert_eq!(number_behind("{{ x | nindent 8 }}", "indent"), Some(8));
    }
}
