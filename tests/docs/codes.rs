//! Promise: each code of a transform has a row on its page, a case that reports it, and a twin of
//! that case that does not, a few lines away.
//!
//! What is compared are whole cases, and single documents of cases: many cases hold both sides of
//! a condition. That the twin differs in the condition that the code is about, and in no other, is
//! for the reader of the case.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use kubewright::pipeline::is_shared_code;
use kubewright_transforms::{Meta, Transform};
use libtest_mimic::Failed;

use super::{ensure, home};

/// How many lines a twin may be away: a condition is a field with what belongs to it.
const NEAR: usize = 4;

/// The codes are in order, so that one that is there is found.
pub(super) fn listed(transform: &dyn Transform) -> Result<(), Failed> {
    ensure(transform.meta().codes.is_sorted_by(|a, b| a < b), || {
        "the codes are not sorted, or one stands twice".into()
    })
}

/// Whether a finding of the transform may have that code.
fn is_known(meta: &Meta, code: &str) -> bool {
    meta.codes.contains(&code) || is_shared_code(code)
}

/// Each code has a row in a table of the page, and each row has a code.
pub(super) fn rows(transform: &dyn Transform) -> Result<(), Failed> {
    let meta = transform.meta();
    let mut explained = BTreeSet::new();
    let mut in_table = false;
    for line in meta.docs.lines() {
        in_table = line.starts_with("| code |") || in_table && line.starts_with('|');
        if in_table {
            let cell = line.split('|').nth(1).unwrap_or_default();
            explained.extend(cell.split('`').skip(1).step_by(2));
        }
    }
    let silent: Vec<_> = (meta.codes.iter())
        .filter(|code| !explained.contains(*code))
        .collect();
    ensure(silent.is_empty(), || {
        format!("without a row in a table `| code | …` of README.md: {silent:?}")
    })?;
    let unused: Vec<_> = (explained.iter())
        .filter(|code| !is_known(meta, code))
        .collect();
    ensure(unused.is_empty(), || {
        format!("explained in README.md, and no code of the transform: {unused:?}")
    })
}

/// Each code is reported in a case, and not reported in a twin of it.
pub(super) fn cases(transform: &dyn Transform) -> Result<(), Failed> {
    let meta = transform.meta();
    let all = Case::all(&home().join(meta.name).join("cases"))?;
    ensure(!all.is_empty(), || {
        format!(
            "no case in transforms/{}/cases: `<case>/before/` holds manifests, \
             `cargo bless` writes the rest",
            meta.name
        )
    })?;
    let mut problems = Vec::new();
    for code in meta.codes {
        match distance(&all, code) {
            None => problems.push(format!("{code}: no case reports it")),
            Some(lines) if lines > NEAR => problems.push(format!(
                "{code}: what comes nearest and does not report it differs in {lines} lines, \
                 {NEAR} are allowed"
            )),
            Some(_) => {}
        }
    }
    ensure(problems.is_empty(), || problems.join("\n"))
}

/// Lines in which the nearest twin of a case with the code differs; `None` without such a case.
fn distance(all: &[Case], code: &str) -> Option<usize> {
    let (with, without): (Vec<&Case>, Vec<&Case>) =
        all.iter().partition(|case| case.codes.contains(code));
    let parts = || all.iter().flat_map(|case| &case.parts);
    let between_parts = parts().filter(|p| p.codes.contains(code)).flat_map(|one| {
        parts()
            .filter(|p| !p.codes.contains(code))
            .map(|other| lines_between(&one.lines, &other.lines))
    });
    let between_cases = with
        .iter()
        .flat_map(|one| without.iter().map(|other| one.distance(other)));
    let nearest = between_parts.chain(between_cases).min();
    (!with.is_empty()).then(|| nearest.unwrap_or(usize::MAX))
}

/// A case: what lies in it, and which codes are reported.
struct Case {
    files: BTreeMap<String, Vec<String>>,
    codes: BTreeSet<String>,
    parts: Vec<Part>,
}

/// A document of a case.
struct Part {
    /// Without indentation, comments and the name of the resource.
    lines: Vec<String>,
    codes: BTreeSet<String>,
}

impl Case {
    fn all(cases: &Path) -> Result<Vec<Self>, Failed> {
        let entries = fs::read_dir(cases).into_iter().flatten();
        let mut all = Vec::new();
        for entry in entries.filter_map(Result::ok) {
            all.push(Self::read(&entry.path())?);
        }
        Ok(all)
    }

    fn read(case: &Path) -> Result<Self, Failed> {
        let mut files = BTreeMap::new();
        read_below(&case.join("before"), "", &mut files)?;
        if let Ok(args) = fs::read_to_string(case.join("args")) {
            files.insert("args".to_owned(), vec![args]);
        }
        let reported = reported(&fs::read_to_string(case.join("report.txt")).unwrap_or_default());
        let mut parts = Vec::new();
        for (path, lines) in &files {
            let mut first = 1;
            for document in lines.split(|line| line.starts_with("---")) {
                let at = first..=first + document.len();
                first += document.len() + 1;
                let codes = reported
                    .iter()
                    .filter(|(place, _)| place.0 == *path && at.contains(&place.1))
                    .map(|(_, code)| code.clone())
                    .collect();
                let lines = bare(document);
                parts.push(Part { lines, codes });
            }
        }
        Ok(Self {
            codes: reported.into_iter().map(|(_, code)| code).collect(),
            files,
            parts,
        })
    }

    /// In how many lines two cases differ; a file that lies elsewhere counts as one.
    fn distance(&self, other: &Self) -> usize {
        let mut lines = 0;
        let (mut here, mut there) = (Vec::new(), Vec::new());
        for (path, text) in &self.files {
            match other.files.get(path) {
                Some(same) => lines += lines_between(text, same),
                None => here.push(text),
            }
        }
        for (path, text) in &other.files {
            if self.files.contains_key(path) {
                continue;
            }
            match here.iter().position(|moved| *moved == text) {
                Some(at) => {
                    here.swap_remove(at);
                    lines += 1;
                }
                None => there.push(text),
            }
        }
        lines
            + here
                .iter()
                .chain(&there)
                .map(|text| text.len())
                .sum::<usize>()
    }
}

fn read_below(
    directory: &Path,
    prefix: &str,
    files: &mut BTreeMap<String, Vec<String>>,
) -> Result<(), Failed> {
    for entry in fs::read_dir(directory)?.filter_map(Result::ok) {
        let path = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            read_below(&entry.path(), &format!("{path}/"), files)?;
        } else {
            let text = fs::read(entry.path())?;
            let text = String::from_utf8_lossy(&text);
            files.insert(path, text.lines().map(str::to_owned).collect());
        }
    }
    Ok(())
}

/// The codes in a report, each with the path and line of its finding.
fn reported(report: &str) -> Vec<((String, usize), String)> {
    let mut found = Vec::new();
    let mut place = (String::new(), 0);
    for line in report.lines() {
        if let Some(at) = place_of(line) {
            place = at;
            // A remark has its code behind the message.
            let inline = line.split(" (").skip(1).filter_map(|rest| {
                let (code, _) = rest.split_once(": ")?;
                is_code(code).then(|| (place.clone(), code.to_owned()))
            });
            found.extend(inline);
        } else if let Some(rest) = line.split("= no fix (").nth(1)
            && let Some((code, _)) = rest.split_once(')')
        {
            found.push((place.clone(), code.to_owned()));
        }
    }
    found
}

/// `path:line:column: …`
fn place_of(line: &str) -> Option<(String, usize)> {
    let mut parts = line.splitn(4, ':');
    let (path, line, column) = (parts.next()?, parts.next()?, parts.next()?);
    column.parse::<usize>().ok()?;
    (!path.starts_with(' ')).then_some((path.to_owned(), line.parse().ok()?))
}

fn is_code(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b == b'-')
}

/// The lines of a document without indentation, comments and the name of the resource.
fn bare(document: &[String]) -> Vec<String> {
    let name = document.iter().find_map(|line| {
        let rest = line.trim_start().strip_prefix("name: ")?;
        Some(rest.trim_matches('"').to_owned()).filter(|name| name.len() > 1)
    });
    document
        .iter()
        .map(|line| line.trim_start().trim_start_matches("- "))
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| match &name {
            Some(name) => line.replace(name.as_str(), "NAME"),
            None => line.to_owned(),
        })
        .collect()
}

fn lines_between(old: &[String], new: &[String]) -> usize {
    similar::capture_diff_slices(similar::Algorithm::Myers, old, new)
        .iter()
        .filter(|op| op.tag() != similar::DiffTag::Equal)
        .map(|op| op.old_range().len().max(op.new_range().len()))
        .sum()
}

/// What `explain CODE` shows: of each code the shortest account that a case has of it.
pub(super) fn examples() -> Result<(), Failed> {
    let mut wanted = String::new();
    for meta in kubewright_transforms::ALL.iter().map(|t| t.meta()) {
        let cases = home().join(meta.name).join("cases");
        let mut accounts: BTreeMap<&str, (usize, String, String)> = BTreeMap::new();
        for entry in fs::read_dir(&cases)?.filter_map(Result::ok) {
            let report = fs::read_to_string(entry.path().join("report.txt")).unwrap_or_default();
            let case = entry.file_name().to_string_lossy().into_owned();
            for account in report.split("\n\n").flat_map(accounts_of) {
                for code in meta.codes {
                    let mark = [format!("({code}: "), format!("no fix ({code}): ")];
                    if mark.iter().any(|mark| account.contains(mark)) {
                        let found = (account.len(), case.clone(), account.clone());
                        let least = accounts.entry(code).or_insert_with(|| found.clone());
                        *least = found.min(least.clone());
                    }
                }
            }
        }
        for (code, (_, case, account)) in accounts {
            let name = meta.name;
            let _ = writeln!(wanted, "## {name} {code} {case}\n{account}\n");
        }
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/cli/explain/examples.txt");
    if std::env::var("BLESS").is_ok_and(|v| v == "1") {
        return Ok(fs::write(path, wanted)?);
    }
    ensure(fs::read_to_string(path)? == wanted, || {
        "src/cli/explain/examples.txt is not what the cases say: `cargo bless --test docs`".into()
    })
}

/// The findings of a paragraph: one of several lines, or several of one line.
fn accounts_of(paragraph: &str) -> Vec<String> {
    if paragraph.contains("\n ") {
        return vec![paragraph.trim_end().to_owned()];
    }
    paragraph.lines().map(str::to_owned).collect()
}
