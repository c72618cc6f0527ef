//! Finds the suffixes: one word or more that tell a definition from the others.
//!
//! The words come from the keys that the definition alone holds, those its consumers demand first;
//! else from the name of its consumer; else from the name of its file. Where a definition belongs
//! to a consumer because both stand together, what applies them comes before: the name of the
//! application, the base, the directory, then the file. The colliding name is taken off the front,
//! then whatever leading and trailing words all others share, the siblings that carry a suffix
//! already included: `gohangout-config-log4j-k8s` beside `gohangout-config-openresty-k8s` gives
//! `log4j`. Words end at `-`, `_` and `.`; the name becomes a DNS subdomain (RFC 1123), as
//! Kubernetes demands, of 63 characters where that is possible.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;

use kubewright_model::kube::{SetId, Workspace};
use kubewright_model::text;
use kubewright_model::text::Path;

use super::Reason;
use super::codes::Code;
use super::demand::Demands;
use super::group::{Collision, Definition};
use super::keeper::Sibling;
use super::position::{Position, directory};
use super::{objects, outside};

/// Longest name that fits a label value too, and longest name of a ConfigMap.
const LENGTHS: [usize; 2] = [63, 253];

/// Words that tell the format of a file, and nothing from others of the same format.
const FORMATS: &[&str] = &[
    "cfg",
    "conf",
    "config",
    "env",
    "ini",
    "json",
    "properties",
    "sh",
    "toml",
    "txt",
    "xml",
    "yaml",
    "yml",
];

/// A new name, and where its suffix comes from, for messages.
#[derive(Debug, Clone)]
pub(super) struct NewName {
    pub(super) name: String,
    pub(super) from: String,
}

/// The name with what tells one definition from its rivals, if anything in its texts does.
fn new_name(name: &str, own: &[&str], rivals: &Rivals<'_>, what: &str) -> Option<NewName> {
    let suffix =
        suffix(name, own, rivals).filter(|s| !words(s).iter().all(|w| FORMATS.contains(w)))?;
    let from = own
        .iter()
        .find(|text| holds_words(text, &suffix))
        .or(own.first())?;
    Some(NewName {
        name: format!("{name}-{suffix}"),
        from: format!("{what} {from}"),
    })
}

/// The new name of each definition; `None` for the one that keeps its name.
pub(super) fn names(
    ws: &Workspace,
    collision: &Collision<'_>,
    demands: &Demands<'_>,
    siblings: &[Sibling<'_>],
    keeper: usize,
) -> Result<Vec<Option<NewName>>, Reason> {
    let keys = key_texts(collision, demands);
    let sibling_keys: Vec<_> = siblings
        .iter()
        .map(|s| s.definition.keys().into_iter().collect())
        .collect();
    let consumers: Vec<Vec<&str>> = (0..collision.definitions.len())
        .map(|at| {
            demands
                .of(at)
                .map(|c| c.resource.name.as_str())
                .take(1)
                .collect()
        })
        .collect();
    let stem = |d: &Definition<'_>| d.id().map(|_| file_stem(&ws.file(d.file).path));
    let files: Vec<Vec<&str>> = collision
        .definitions
        .iter()
        .map(|d| stem(d).into_iter().collect())
        .collect();
    let mut given: BTreeSet<String> = BTreeSet::new();
    let mut names = Vec::new();
    let all_keys = collision
        .definitions
        .iter()
        .map(|d| d.keys().into_iter().collect())
        .chain(sibling_keys)
        .collect::<Vec<_>>();
    let taken = Taken::of(ws, collision);
    let position = Position::of(ws, collision);
    let path = |directory: &str| vec![directory.replace('/', "-")];
    let unit = |at| position.unit(collision, at);
    let units: Vec<Vec<String>> = (0..collision.definitions.len())
        .map(|at| unit(at).map_or_else(Vec::new, |unit| path(unit.name(ws))))
        .collect();
    let directories: Vec<Vec<String>> = collision
        .definitions
        .iter()
        .map(|d| path(directory(ws, d.file)))
        .collect();
    let (units, directories) = (texts(&units), texts(&directories));
    let mut sources = vec![(&keys, &all_keys, "the key")];
    if demands.by_position() {
        let unit = if collision.definitions.iter().any(|d| d.part.is_some()) {
            "what applies it,"
        } else {
            "the kustomization"
        };
        sources.extend([
            (&units, &units, unit),
            (&directories, &directories, "the directory"),
            (&files, &files, "the file"),
        ]);
        sources.push((&consumers, &consumers, "the consumer"));
    } else {
        sources.extend([
            (&consumers, &consumers, "the consumer"),
            (&files, &files, "the file"),
        ]);
    }
    let sources: Vec<_> = sources
        .into_iter()
        .map(|(own, all, what)| {
            (
                own,
                Rivals::of(collision.name, all.iter().map(Vec::as_slice)),
                what,
            )
        })
        .collect();
    for at in 0..collision.definitions.len() {
        if at == keeper {
            names.push(None);
            continue;
        }
        let found: Vec<NewName> = sources
            .iter()
            .filter_map(|(own, rivals, what)| new_name(collision.name, own.get(at)?, rivals, what))
            .filter(|new| new.name.len() <= LENGTHS[1])
            .collect();
        let free =
            |new: &&NewName| !given.contains(&new.name) && taken.is_free(ws, collision, &new.name);
        let Some(new) = LENGTHS
            .iter()
            .find_map(|length| found.iter().filter(|n| n.name.len() <= *length).find(free))
        else {
            return Err(refused(
                ws,
                collision,
                at,
                found.first().map(|new| &new.name),
            ));
        };
        given.insert(new.name.clone());
        names.push(Some(new.clone()));
    }
    Ok(names)
}

fn texts(all: &[Vec<String>]) -> Vec<Vec<&str>> {
    all.iter()
        .map(|texts| {
            texts
                .iter()
                .map(String::as_str)
                .filter(|t| !t.is_empty())
                .collect()
        })
        .collect()
}

fn refused(ws: &Workspace, collision: &Collision<'_>, at: usize, name: Option<&String>) -> Reason {
    let path = collision
        .definitions
        .get(at)
        .map_or("", |d| ws.file(d.file).path.as_str());
    match name {
        Some(name) => Reason::new(
            Code::NameTaken,
            text![
                name,
                ", the new name of the definition in ",
                Path(path),
                ", is in use already"
            ],
        ),
        None => Reason::new(
            Code::NoSuffix,
            text![
                "neither keys, consumers nor file name tell the definition in ",
                Path(path),
                " from the others"
            ],
        ),
    }
}

/// For each definition the keys to take the suffix from: those no other holds, and of these the
/// demanded ones.
fn key_texts<'a>(collision: &'a Collision<'_>, demands: &Demands<'_>) -> Vec<Vec<&'a str>> {
    let defs = &collision.definitions;
    let mut holders: BTreeMap<&str, usize> = BTreeMap::new();
    defs.iter()
        .flat_map(Definition::keys)
        .for_each(|key| *holders.entry(key).or_default() += 1);
    let own = |at: usize| {
        let unique: Vec<&str> = defs
            .get(at)
            .map(|d| {
                d.keys()
                    .into_iter()
                    .filter(|k| holders.get(k) == Some(&1))
                    .collect()
            })
            .unwrap_or_default();
        let demanded: Vec<&str> = unique
            .iter()
            .copied()
            .filter(|k| demands.of(at).any(|c| c.keys.contains_key(*k)))
            .collect();
        if demanded.is_empty() {
            unique
        } else {
            demanded
        }
    };
    (0..defs.len()).map(own).collect()
}

/// The words that the texts of several definitions begin and end with, so that what all of them
/// share is known without comparing each with each.
#[derive(Debug, Default)]
pub(super) struct Rivals<'a> {
    begin: Trie<'a>,
    end: Trie<'a>,
    /// How many of them have a text.
    count: usize,
}

impl<'a> Rivals<'a> {
    /// `texts` holds those of each definition.
    pub(super) fn of<'t>(base: &str, texts: impl Iterator<Item = &'t [&'a str]>) -> Self
    where
        'a: 't,
    {
        let mut all = Self::default();
        for texts in texts.filter(|t| !t.is_empty()) {
            for text in texts {
                let words = words(without_base(text, base));
                all.begin.add(all.count, words.iter().copied());
                all.end.add(all.count, words.iter().rev().copied());
            }
            all.count += 1;
        }
        all
    }
}

/// Words in a row, and how many definitions have each row.
#[derive(Debug, Default)]
struct Trie<'a> {
    next: HashMap<(usize, &'a str), usize>,
    /// By row: the definitions that have it, and the last one that was counted.
    rows: Vec<(usize, Option<usize>)>,
}

impl<'a> Trie<'a> {
    fn add(&mut self, definition: usize, words: impl Iterator<Item = &'a str>) {
        let mut row = 0;
        for word in words {
            let new = self.rows.len() + 1;
            row = *self.next.entry((row, word)).or_insert(new);
            if row == new {
                self.rows.push((0, None));
            }
            if let Some((count, last)) = self
                .rows
                .get_mut(row - 1)
                .filter(|(_, last)| *last != Some(definition))
            {
                *count += 1;
                *last = Some(definition);
            }
        }
    }

    /// How many of the words stand at the same place in all of `count` definitions.
    fn shared(&self, words: impl Iterator<Item = &'a str>, count: usize) -> usize {
        let mut row = 0;
        let mut shared = 0;
        for word in words {
            match self.next.get(&(row, word)) {
                Some(next) if self.rows.get(next - 1).is_some_and(|(n, _)| *n == count) => {
                    row = *next;
                }
                _ => break,
            }
            shared += 1;
        }
        shared
    }
}

/// The words that all of `own` begin with once those are gone that they share with all rivals; else
/// those of the first. `own` are texts of one of the rivals.
pub(super) fn suffix<'a>(base: &str, own: &[&'a str], rivals: &Rivals<'a>) -> Option<String> {
    let all: Vec<(usize, String)> = own
        .iter()
        .filter_map(|text| distinct(without_base(text, base), rivals))
        .collect();
    // Keys that follow the pattern of the others say more than a key of another kind beside them.
    let alike = all.iter().any(|(shared, _)| *shared > 0);
    let rests: Vec<&String> = all
        .iter()
        .filter(|(shared, _)| !alike || *shared > 0)
        .map(|(_, rest)| rest)
        .collect();
    let first = *rests.first()?;
    let common = (1..=words(first).len())
        .rev()
        .map(|n| leading(first, n))
        .find(|start| rests.iter().all(|r| begins_with(r, start)));
    Some(common.unwrap_or(first).to_owned())
}

/// `text` without the words at its start and end that each rival has in one of its texts, as part
/// of a DNS name; and how many these were.
fn distinct<'a>(text: &'a str, rivals: &Rivals<'a>) -> Option<(usize, String)> {
    let own = words(text);
    let shared = |trie: &Trie<'a>, words: &mut dyn Iterator<Item = &'a str>| {
        if rivals.count < 2 {
            0
        } else {
            trie.shared(words, rivals.count)
        }
    };
    let before = shared(&rivals.begin, &mut own.iter().copied());
    let own_rest = own.get(before..).unwrap_or_default();
    let behind = shared(&rivals.end, &mut own_rest.iter().rev().copied());
    let places = places(text);
    let kept = places.get(before..places.len() - behind)?;
    let rest = dns(text.get(kept.first()?.start..kept.last()?.end)?);
    (!rest.is_empty()).then_some((before + behind, rest))
}

/// Lower case letters and digits, with one `-` or `.` between words.
fn dns(text: &str) -> String {
    let mut out = String::new();
    let mut separator = None;
    for c in text.chars() {
        if c.is_ascii_alphanumeric() {
            out.extend(separator.take().filter(|_| !out.is_empty()));
            out.push(c.to_ascii_lowercase());
        } else if separator.is_none() {
            separator = Some(if c == '.' { '.' } else { '-' });
        }
    }
    out
}

fn words(text: &str) -> Vec<&str> {
    text.split(['-', '_', '.'])
        .filter(|w| !w.is_empty())
        .collect()
}

/// Where the words of a text stand.
fn places(text: &str) -> Vec<Range<usize>> {
    let mut start = 0;
    let places = text.split(['-', '_', '.']).map(|word| {
        let place = start..start + word.len();
        start = place.end + 1;
        place
    });
    places.filter(|place| !place.is_empty()).collect()
}

/// The first `n` words, with what stands between them.
fn leading(text: &str, n: usize) -> &str {
    let last = places(text)
        .get(n.saturating_sub(1))
        .map_or(0, |place| place.end);
    text.get(..last).unwrap_or(text)
}

fn begins_with(text: &str, start: &str) -> bool {
    words(text).starts_with(&words(start))
}

fn without_base<'a>(text: &'a str, base: &str) -> &'a str {
    match text.strip_prefix(base) {
        Some(rest) if rest.is_empty() || rest.starts_with(['-', '_', '.']) => rest,
        _ => text,
    }
}

/// Whether the words of `part` stand in `text` one behind the other.
pub(super) fn holds_words(text: &str, part: &str) -> bool {
    let (text, part) = (dns(text), dns(part));
    let part = words(&part);
    !part.is_empty() && words(&text).windows(part.len()).any(|w| w == part)
}

/// Name of a file without directory and extension.
pub(super) fn file_stem(path: &str) -> &str {
    let name = path.rsplit_once('/').map_or(path, |(_, name)| name);
    name.rsplit_once('.').map_or(name, |(stem, _)| stem)
}

/// Names that are in use where the definitions are applied.
struct Taken {
    sets: BTreeSet<SetId>,
    names: BTreeSet<String>,
}

impl Taken {
    fn of(ws: &Workspace, collision: &Collision<'_>) -> Self {
        let sets: BTreeSet<SetId> = collision
            .definitions
            .iter()
            .flat_map(|d| outside::sets_of(ws, d))
            .collect();
        let entries = sets
            .iter()
            .flat_map(|set| objects::of(ws, ws.set(*set), collision.to));
        let names = entries
            .flat_map(|entry| {
                [
                    objects::own_name(ws, entry.origin)
                        .unwrap_or_default()
                        .to_owned(),
                    entry.name,
                ]
            })
            .collect();
        Self { sets, names }
    }

    /// Whether nothing that is applied together with a definition has, makes or asks for the name.
    fn is_free(&self, ws: &Workspace, collision: &Collision<'_>, name: &str) -> bool {
        let asked = || {
            ws.referring(collision.to, name)
                .iter()
                .any(|id| ws.sets_of(*id).iter().any(|set| self.sets.contains(set)))
        };
        // Most names are used by no kustomization at all, which is known at once.
        let used = || !ws.uses_outside(None, collision.to, name).is_empty();
        let exact = |d: &Definition<'_>| {
            outside::uses_of(ws, collision, d, name)
                .iter()
                .any(|u| u.exact)
        };
        !(self.names.contains(name) || asked() || used() && collision.definitions.iter().any(exact))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(base: &str, own: &[&str], others: &[&[&str]]) -> Option<String> {
        suffix(
            base,
            own,
            &Rivals::of(base, std::iter::once(own).chain(others.iter().copied())),
        )
    }

    #[test]
    fn takes_off_the_name_and_what_all_share() {
        let base = "gohangout-config";
        let openresty: &[&str] = &[
            "gohangout-config-grok-patterns",
            "gohangout-config-openresty-k8s",
        ];
        assert_eq!(
            of(base, &["gohangout-config-log4j-k8s"], &[openresty]).as_deref(),
            Some("log4j")
        );
        assert_eq!(
            of(base, openresty, &[&["gohangout-config-log4j-k8s"]]).as_deref(),
            Some("openresty")
        );
        assert_eq!(
            of(base, &["log4j.conf"], &[&["openresty.conf"]]).as_deref(),
            Some("log4j")
        );
        assert_eq!(
            of(
                base,
                &["log4j.conf", "log4j.patterns"],
                &[&["openresty.yml"]]
            )
            .as_deref(),
            Some("log4j")
        );
        assert_eq!(
            of(base, &["Log4Net_Event"], &[&["x"]]).as_deref(),
            Some("log4net-event")
        );
        assert_eq!(of("app", &["app.conf"], &[&["app-extra.conf"]]), None);
        assert_eq!(of("app", &["app"], &[&["x"]]), None);
        assert_eq!(of("app", &[], &[&["x"]]), None);
    }

    #[test]
    fn finds_words_in_a_row() {
        assert!(holds_words("gohangout-config-log4j-k8s", "log4j"));
        assert!(holds_words(
            "log4net_notifycenter.event",
            "log4net-notifycenter"
        ));
        assert!(!holds_words("log4j2", "log4j"));
    }
}
