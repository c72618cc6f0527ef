//! Every byte that need not change stays: files survive parsing, and random edits change exactly
//! what they say.
//!
//! 200,000 random edits in an ordinary run, 10 million in the ignored test `ten_million_edits`.
//! `KUBEWRIGHT_EDITS=N` makes more or fewer, `KUBEWRIGHT_SEED=N` begins elsewhere,
//! `KUBEWRIGHT_CORPUS=DIR` adds the files below a directory, `YAML_TEST_SUITE=DIR` the cases of the
//! YAML test suite.

#![expect(
    clippy::disallowed_methods,
    reason = "tests read files and the environment"
)]
#![expect(clippy::print_stdout, reason = "the counts are the result")]
#![expect(clippy::unwrap_used, reason = "what the generator makes is there")]

#[path = "lossless/documents.rs"]
mod documents;
#[path = "lossless/edits.rs"]
mod edits;
#[path = "lossless/oracle.rs"]
mod oracle;
#[path = "lossless/random.rs"]
mod random;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use kubewright_model::yaml::{Edit, File, Node, Op, Refusal, verify};
use random::Random;

/// Random edits of each of the two tests with single edits; a quarter as many are made several at
/// once.
const EDITS: usize = 90_000;

fn number(name: &str, default: usize) -> usize {
    std::env::var(name)
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(default)
}

/// YAML and JSON files below `dir`, sorted.
fn files(dir: &Path, out: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(dir) else {
        return;
    };
    let mut paths: Vec<PathBuf> = entries.filter_map(Result::ok).map(|e| e.path()).collect();
    paths.sort();
    for path in paths {
        let hidden = path
            .file_name()
            .is_some_and(|n| n.to_string_lossy().starts_with('.') || n == "target");
        if path.is_dir() && !hidden && !path.is_symlink() {
            files(&path, out);
        } else if path
            .extension()
            .is_some_and(|e| e == "yaml" || e == "yml" || e == "json")
        {
            out.push(path);
        }
    }
}

/// Files of the project and of the directories named in the environment.
fn all_files() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut out = Vec::new();
    files(root, &mut out);
    for name in ["KUBEWRIGHT_CORPUS", "YAML_TEST_SUITE"] {
        if let Ok(dir) = std::env::var(name) {
            files(&root.join(dir), &mut out);
        }
    }
    out
}

/// Spans lie in one another and in the order of the nodes.
fn sane(file: &File) -> Result<(), String> {
    for index in 0..file.documents().len() {
        let Some(root) = file.root(index) else {
            continue;
        };
        let region = file.documents()[index].region();
        let mut last = 0;
        for node in root.descendants() {
            let span = node.span();
            if span.start > span.end || file.text().get(span.clone()).is_none() {
                return Err(format!("{node:?} has no span"));
            }
            if span.start < last && node.parent().is_none_or(|p| p.span().start != span.start) {
                return Err(format!("{node:?} begins before the node before it"));
            }
            last = span.start;
            let around = node.parent().map_or(region.clone(), Node::span);
            if span.start < around.start || span.end > around.end {
                return Err(format!("{node:?} reaches out of {around:?}"));
            }
        }
    }
    Ok(())
}

#[test]
fn files_survive_parsing() {
    let (mut read, mut odd, mut broken) = (0, Vec::new(), 0);
    let mut unproven: BTreeMap<&str, Vec<PathBuf>> = BTreeMap::new();
    for path in all_files() {
        let Ok(text) = std::fs::read_to_string(&path) else {
            continue;
        };
        let Ok(file) = File::parse(text.as_str()) else {
            broken += 1;
            continue;
        };
        read += 1;
        assert_eq!(file.text(), text, "{}", path.display());
        if let Some(why) = file.uneditable() {
            odd.push(format!("{}: {why}", path.display()));
        } else if let Err(why) = sane(&file) {
            panic!("{}: {why}", path.display());
        }
        match verify::apply(&file, &[]) {
            Ok(same) => assert_eq!(same, text, "{}", path.display()),
            Err(refusal) => unproven.entry(refusal.code).or_default().push(path),
        }
    }
    println!(
        "{read} files read, {broken} are not YAML, {} cannot be edited",
        odd.len()
    );
    for line in odd.iter().take(number("KUBEWRIGHT_SHOW", 10)) {
        println!("  {line}");
    }
    for (code, paths) in &unproven {
        println!("{} files cannot be proven: {code}", paths.len());
        for path in paths.iter().take(number("KUBEWRIGHT_SHOW", 10)) {
            println!("  {}", path.display());
        }
    }
}

/// What happened to random edits, by code.
#[derive(Default)]
struct Tally {
    edits: usize,
    refused: BTreeMap<&'static str, usize>,
    wrong: Vec<String>,
    /// The file that is edited, where it has a name.
    path: String,
}

impl Tally {
    fn refuse(&mut self, refusal: Refusal, about: impl FnOnce() -> String) {
        *self.refused.entry(refusal.code).or_default() += 1;
        if refusal.code.starts_with("verify-") || refusal.code == "verifier-disagrees" {
            self.wrong
                .push(format!("{}\n{}\n{}", refusal.code, self.path, about()));
        }
    }

    fn report(&self, what: &str) {
        let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
        for wrong in &self.wrong {
            *kinds.entry(wrong.lines().next().unwrap_or("")).or_default() += 1;
        }
        for (kind, count) in &kinds {
            println!("{count} x {kind}");
        }
        println!(
            "{what}: {} edits made, {} wrong, refused: {:?}",
            self.edits,
            self.wrong.len(),
            self.refused
        );
        let mut shown = self.wrong.clone();
        shown.sort_by_key(String::len);
        for wrong in shown.iter().take(number("KUBEWRIGHT_SHOW", 5)) {
            println!("{wrong}\n");
        }
        assert!(
            self.wrong.is_empty(),
            "{} of {} edits are wrong",
            self.wrong.len(),
            self.edits
        );
    }
}

fn about(text: &str, edit: &Edit) -> String {
    format!(
        "{:?}\nlost: {:?}\n--- before\n{text:?}\n--- after\n{:?}\n--- shown\n{}",
        edit.op,
        edit.lost_comments,
        oracle::spliced(text, edit),
        text
    )
}

/// Makes one random edit of `file` and judges it.
fn one(random: &mut Random, file: &File, before: &[oracle::Plain], tally: &mut Tally) {
    let edit = match edits::edit(random, file) {
        None => return,
        Some(Err(refusal)) => return tally.refuse(refusal, String::new),
        Some(Ok(edit)) => edit,
    };
    let result = match verify::apply(file, &[&edit]) {
        Err(refusal) => return tally.refuse(refusal, || about(file.text(), &edit)),
        Ok(result) => result,
    };
    tally.edits += 1;
    let mut wrong = |why: &str| {
        tally.wrong.push(format!(
            "{why}\n{}\n{}",
            tally.path,
            about(file.text(), &edit)
        ));
    };
    if result != oracle::spliced(file.text(), &edit) {
        wrong("bytes outside of the edit changed");
    }
    if !matches!(edit.op, Op::ReplaceDocument { .. })
        && oracle::is_meant(file, before, &[&edit], &result) != Some(true)
    {
        wrong("values are not what was planned");
    }
    let comments = |f: &File| -> Vec<String> {
        f.comments()
            .iter()
            .map(|c| f.text()[c.clone()].trim_end().to_owned())
            .collect()
    };
    let again = File::parse(result.as_str()).unwrap();
    let mut kept = comments(&again);
    kept.extend(edit.lost_comments.iter().map(|c| c.trim_end().to_owned()));
    let mut old = comments(file);
    kept.sort();
    old.sort();
    if kept != old {
        wrong("comments are not what was planned");
    }
}

/// Makes several random edits of `file` at once and judges the result: each was accepted alone, so
/// together they hold or touch each other.
fn several(random: &mut Random, file: &File, before: &[oracle::Plain], tally: &mut Tally) {
    let mut edits: Vec<Edit> = Vec::new();
    for _ in 0..2 + random.below(3) {
        if let Some(Ok(edit)) = edits::edit(random, file)
            && !matches!(edit.op, Op::ReplaceDocument { .. })
            && verify::apply(file, &[&edit]).is_ok()
        {
            edits.push(edit);
        }
    }
    let together: Vec<&Edit> = edits.iter().collect();
    let about = || {
        let each: Vec<String> = edits
            .iter()
            .map(|edit| format!("{:?} {:?}", edit.op, edit.splices))
            .collect();
        format!("{}\n{:?}\n{}", each.join("\n"), file.text(), file.text())
    };
    match verify::apply(file, &together) {
        Ok(result) => {
            tally.edits += 1;
            if oracle::is_meant(file, before, &together, &result) != Some(true) {
                tally.wrong.push(format!(
                    "values are not what was planned together\n{}\n{}\n{result:?}",
                    tally.path,
                    about()
                ));
            }
        }
        Err(refusal) => tally.refuse(refusal, about),
    }
}

/// Makes edits of random files, several at once.
fn edit_together(goal: usize, mut seed: u64) -> Tally {
    let mut tally = Tally::default();
    while tally.edits < goal {
        seed += 1;
        let mut random = Random::new(seed);
        let text = documents::file(&mut random);
        let (Ok(file), Some(before)) = (File::parse(text.as_str()), oracle::load(&text)) else {
            continue;
        };
        for _ in 0..4 {
            several(&mut random, &file, &before, &mut tally);
        }
    }
    tally
}

/// Makes single edits of random files.
fn edit_alone(goal: usize, mut seed: u64) -> Tally {
    let mut tally = Tally::default();
    let mut unread = 0;
    while tally.edits < goal {
        seed += 1;
        let mut random = Random::new(seed);
        let text = documents::file(&mut random);
        let (Ok(file), Some(before)) = (File::parse(text.as_str()), oracle::load(&text)) else {
            unread += 1;
            continue;
        };
        assert!(
            file.uneditable().is_some() || sane(&file).is_ok(),
            "{:?} {text:?}",
            sane(&file)
        );
        for _ in 0..8 {
            one(&mut random, &file, &before, &mut tally);
        }
        assert!(
            unread < 1000 + tally.edits,
            "most random files are not YAML"
        );
    }
    tally
}

#[test]
fn several_random_edits_together() {
    let seed = number("KUBEWRIGHT_SEED", 1) as u64 + 1_000_000_000;
    edit_together(number("KUBEWRIGHT_EDITS", EDITS) / 4, seed).report("edits together");
}

#[test]
fn random_edits_of_random_files() {
    edit_alone(
        number("KUBEWRIGHT_EDITS", EDITS),
        number("KUBEWRIGHT_SEED", 1) as u64,
    )
    .report("random files");
}

/// The long run, on all processors; four in five edits alone.
#[test]
#[ignore = "takes half an hour"]
fn ten_million_edits() {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let each = number("KUBEWRIGHT_EDITS", 10_000_000) / threads;
    let seed = number("KUBEWRIGHT_SEED", 1) as u64;
    let mut total = Tally::default();
    std::thread::scope(|scope| {
        let started: Vec<_> = (0..threads as u64)
            .map(|thread| seed + (thread + 1) * 100_000_000_000)
            .map(|seed| {
                scope.spawn(move || {
                    [
                        edit_alone(each / 5 * 4, seed),
                        edit_together(each / 5, seed + 50_000_000_000),
                    ]
                })
            })
            .collect();
        for tally in started
            .into_iter()
            .flat_map(|thread| thread.join().expect("a thread ends"))
        {
            total.edits += tally.edits;
            total.wrong.extend(tally.wrong);
            for (code, count) in tally.refused {
                *total.refused.entry(code).or_default() += count;
            }
        }
    });
    total.report("long run");
}

#[test]
fn random_edits_of_real_files() {
    let goal = number("KUBEWRIGHT_EDITS", EDITS);
    let mut tally = Tally::default();
    let mut known = Vec::new();
    for path in all_files() {
        let Ok(text) = std::fs::read_to_string(&path) else {
            continue;
        };
        if text.len() > 60_000 {
            continue;
        }
        if let (Ok(file), Some(before)) = (File::parse(text.as_str()), oracle::load(&text)) {
            if !oracle::fits(&file, &before) {
                println!("{}: the loader reads another shape", path.display());
                continue;
            }
            known.push((path, file, before));
        }
    }
    if known.is_empty() {
        return;
    }
    let mut random = Random::new(number("KUBEWRIGHT_SEED", 1) as u64);
    let each = goal.div_ceil(known.len());
    for (path, file, before) in &known {
        for _ in 0..each {
            tally.path = path.display().to_string();
            one(&mut random, file, before, &mut tally);
        }
    }
    tally.report("real files");
}
