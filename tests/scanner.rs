//! Promise: the fast scanner never guesses. What it accepts it plans exactly as the complete
//! planner does.
//!
//! Over every YAML file at hand (this project, `KUBEWRIGHT_CORPUS`, `YAML_TEST_SUITE`) and over
//! random damage done to them, the two trees are compared in full: kinds, styles, spans, marks,
//! nulls, keys, comments, anchors, decoded text, documents. Texts whose quoted scalars go on in any
//! column are read, and edited, as libyaml reads them. `KUBEWRIGHT_MUTATIONS` sets the number of
//! damaged texts, `KUBEWRIGHT_SEED` begins elsewhere; `KUBEWRIGHT_SHOW` lists the valid files that
//! the scanner leaves to the complete planner.
#![expect(
    clippy::disallowed_methods,
    reason = "tests read files and their settings"
)]
#![expect(clippy::print_stdout, reason = "the counts are the result")]

#[path = "lossless/random.rs"]
mod random;
mod support;

use std::path::{Path, PathBuf};

use kubewright_model::yaml::File;
use libtest_mimic::{Arguments, Trial};
use random::Random;
use support::{TrialResult, ensure};

fn main() {
    let arguments = Arguments::from_args();
    let project = Path::new(env!("CARGO_MANIFEST_DIR")).to_path_buf();
    let mut trials = vec![
        Trial::test("project_files", {
            let project = project.clone();
            move || same_trees(&project, 0.9)
        }),
        Trial::test("damaged_texts", damaged_texts),
        Trial::test("shallow_lines", shallow_lines),
    ];
    for (variable, floor) in [("KUBEWRIGHT_CORPUS", 0.995), ("YAML_TEST_SUITE", 0.3)] {
        match std::env::var_os(variable).map(PathBuf::from) {
            Some(dir) => trials.push(Trial::test(variable, move || same_trees(&dir, floor))),
            None => trials.push(
                Trial::test(format!("{variable} (skipped: not set)"), || Ok(()))
                    .with_ignored_flag(true),
            ),
        }
    }
    libtest_mimic::run(&arguments, trials).exit();
}

fn compare(text: &str, what: &str) -> Result<Option<bool>, libtest_mimic::Failed> {
    match (File::parse_fast(text), File::parse_complete(text)) {
        (Some(fast), Ok(complete)) => ensure(fast == complete, || {
            format!("{what}: the trees differ:\n{text}")
        })
        .map(|()| Some(true)),
        (Some(_), Err(error)) => Err(format!("{what}: accepted, but {error}:\n{text}").into()),
        (None, Ok(_)) => Ok(Some(false)),
        (None, Err(_)) => Ok(None),
    }
}

/// Compares all files below `dir`; at least the share `floor` of the valid ones is accepted.
fn same_trees(dir: &Path, floor: f64) -> TrialResult {
    let show = std::env::var_os("KUBEWRIGHT_SHOW").is_some();
    let (mut valid, mut accepted) = (Share::default(), Share::default());
    for (path, text) in support::tree(dir)? {
        let yaml = path
            .extension()
            .is_some_and(|e| e == "yaml" || e == "yml" || e == "json");
        let Ok(text) = String::from_utf8(text) else {
            continue;
        };
        if !yaml || path.starts_with("target") {
            continue;
        }
        if let Some(fast) = compare(&text, &path.display().to_string())? {
            valid.add(&text);
            if fast {
                accepted.add(&text);
            } else if show {
                println!("left to the complete planner: {}", path.display());
            }
        }
    }
    println!(
        "{}: {} of {} valid files accepted, {} of {} bytes, 0 wrong",
        dir.display(),
        accepted.files,
        valid.files,
        accepted.bytes,
        valid.bytes
    );
    let share = f64::from(accepted.files) / f64::from(valid.files.max(1));
    ensure(share >= floor, || format!("only {accepted:?} of {valid:?}"))
}

/// Files and their bytes.
#[derive(Debug, Default)]
struct Share {
    files: u32,
    bytes: usize,
}

impl Share {
    fn add(&mut self, text: &str) {
        self.files += 1;
        self.bytes += text.len();
    }
}

/// Texts with much of what manifests hold, to be damaged.
const SEEDS: &[&str] = &[
    "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a # c\n  labels: {app: web, \"tier\": \
     'x'}\ndata:\n  a.conf: |\n    x\n      y\n\n    z\n  b: |-\n    q\n  c: >+\n    f\n    \
     g\n\n\n---\n# two\nkind: List\nitems:\n- a: 1\n  b:\n  - c\n  -\n  - - d\n    - e: f\n",
    "a: &x\n  b: 1\nc: *x\nd:\n  <<: *x\n  e: [1, 2, {f: g}]\nh: \"i\\n\\\"j\\u00e9\"\nk: \
     'l''m'\nn: plain text\n  more text\n\n  last\no: \"two\n  lines\"\n...\n---\np:\n",
    "{\n  \"kind\": \"Pod\",\n  \"spec\": {\"a\": [1, true, null, \"x\"],\n    \"b\": {}, \"c\": \
     []}\n}\n",
    "- name: a\n  command: [\"sh\", \"-c\", \"echo: x # y\"]\n\n  # comment\n  args:\n    - \
     --flag=x:y\n    - 'a: b'\n- name: b\n  env: []\n",
];

/// What damage inserts.
const SCRAPS: &[&str] = &[
    "\n", " ", "  ", "- ", "-", ":", ": ", " #", "# c\n", "\"", "'", "|", ">", "|-\n", "[", "]",
    "{", "}", ",", "&a ", "*a", "*x", "!t ", "? ", "---\n", "...\n", "\t", "\r\n", "a", "0", "\\",
    "\\n", "é", "~", "%", "@", "`", "key: v\n", "\n\n", "\n  ", "\n    ", "<<", "--- ", "x: |2\n",
];

fn boundary(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

fn damage(text: &mut String, random: &mut Random) {
    let from = boundary(text, random.below(text.len() + 1));
    match random.below(4) {
        0 => {
            let to = boundary(text, (from + 1 + random.below(4)).min(text.len())).max(from);
            text.replace_range(from..to, "");
        }
        1 => {
            let start = boundary(text, random.below(text.len() + 1));
            let end = boundary(text, (start + random.below(30)).min(text.len())).max(start);
            let piece = text[start..end].to_owned();
            text.insert_str(from, &piece);
        }
        _ => text.insert_str(from, random.pick(SCRAPS)),
    }
}

fn damaged_texts() -> TrialResult {
    let count: u32 = std::env::var("KUBEWRIGHT_MUTATIONS")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(100_000);
    let seed = std::env::var("KUBEWRIGHT_SEED")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(1);
    let mut random = Random::new(seed);
    let (mut valid, mut accepted) = (0_u32, 0_u32);
    for _ in 0..count {
        let mut text = random.pick(SEEDS).to_owned();
        for _ in 0..=random.below(4) {
            damage(&mut text, &mut random);
        }
        if random.one_in(8) {
            text = text.replace('\n', "\r\n");
        }
        if let Some(fast) = compare(&text, "damaged text")? {
            valid += 1;
            accepted += u32::from(fast);
        }
    }
    println!("{count} damaged texts: {valid} valid, {accepted} accepted by the scanner, 0 wrong");
    ensure(accepted > count / 10, || {
        format!("only {accepted} of {count} accepted")
    })
}

/// A text whose quoted scalars and flow collections go on in lines of any indentation, as libyaml
/// reads them.
fn shallow_text(random: &mut Random) -> String {
    const WORDS: &[&str] = &[
        "a", "b: c", "- d", "#e", "f # g", "''", "ü", "--- h", "---", "...", "x:", "| i", "[j]",
        "%k", "&l", "*m",
    ];
    fn breaks(random: &mut Random, out: &mut String) {
        for _ in 0..=random.below(2) {
            out.push('\n');
        }
        out.push_str(&" ".repeat(random.below(7)));
    }
    fn quoted(random: &mut Random, out: &mut String) {
        let quote = random.pick(&["\"", "'"]);
        out.push_str(quote);
        for _ in 0..=random.below(3) {
            let word = random.pick(WORDS);
            out.push_str(word);
            if quote == "\"" && random.one_in(6) {
                out.push_str(random.pick(&["\\", " \\", "\\n", "\\\""]));
                if out.ends_with('\\') {
                    out.push('\n');
                    out.push_str(&" ".repeat(random.below(5)));
                }
            } else if random.one_in(2) {
                breaks(random, out);
            } else {
                out.push(' ');
            }
        }
        out.push('z');
        out.push_str(quote);
    }
    fn flow(random: &mut Random, out: &mut String) {
        out.push('[');
        for _ in 0..random.below(4) {
            if random.one_in(2) {
                breaks(random, out);
            }
            match random.below(4) {
                0 => quoted(random, out),
                1 => out.push_str("{p: q}"),
                2 => out.push_str("plain"),
                _ => out.push_str("{\nr: 's'\n}"),
            }
            out.push(',');
        }
        if random.one_in(2) {
            breaks(random, out);
        }
        out.push(']');
    }
    let mut out = String::new();
    let mut column = 0;
    for number in 0..2 + random.below(6) {
        if column < 8 && random.one_in(3) {
            out += &[&" ".repeat(column), "k", &number.to_string(), ":\n"].concat();
            column += 2;
        } else if random.one_in(4) {
            column = random.below(column / 2 + 1) * 2;
        }
        out += &[&" ".repeat(column), "v", &number.to_string(), ": "].concat();
        match random.below(4) {
            0 => out.push_str("|\n            literal \"\n             'text"),
            1 => flow(random, &mut out),
            _ => quoted(random, &mut out),
        }
        out.push_str(random.pick(&["\n", " # c\n", "\n\n"]));
    }
    out
}

/// The value of a tree as libyaml gives it.
fn as_value(node: kubewright_model::yaml::Node<'_>) -> serde_yaml::Value {
    use serde_yaml::Value;
    if node.is_sequence() {
        return Value::Sequence(node.items().map(as_value).collect());
    }
    if node.is_mapping() {
        return Value::Mapping(
            node.entries()
                .map(|(key, value)| (as_value(key), as_value(value)))
                .collect(),
        );
    }
    node.text()
        .filter(|text| !text.is_empty())
        .map_or(Value::Null, |text| Value::String(text.to_owned()))
}

/// What libyaml reads is read alike, can be edited, and reads as what was meant afterwards.
fn shallow_lines() -> TrialResult {
    let seed = std::env::var("KUBEWRIGHT_SEED")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(1);
    let mut random = Random::new(seed);
    let (mut read, mut edited, mut left) = (0_u32, 0_u32, 0_u32);
    for _ in 0..8_000 {
        let mut text = shallow_text(&mut random);
        if random.one_in(8) {
            text = text.replace('\n', "\r\n");
        }
        let theirs = serde_yaml::from_str::<serde_yaml::Value>(&text);
        let ours = File::parse(text.as_str());
        let (theirs, ours) = match (theirs, ours) {
            (Ok(theirs), Ok(ours)) => (theirs, ours),
            // A key twice, or a word that makes no item.
            (Err(_), _) => continue,
            (Ok(_), Err(error)) => {
                left += 1;
                if std::env::var_os("KUBEWRIGHT_SHOW").is_some() {
                    println!("left: {error}\n{text}\n");
                }
                continue;
            }
        };
        let root = ours.root(0).ok_or("no root")?;
        read += 1;
        ensure(as_value(root) == theirs, || {
            format!("read in another way than libyaml does:\n{text}")
        })?;
        let Ok(edit) = root.insert(
            kubewright_model::yaml::Place::Last,
            "new",
            &kubewright_model::yaml::Value::str("value"),
        ) else {
            continue;
        };
        let Ok(after) = kubewright_model::yaml::verify::apply(&ours, &[&edit]) else {
            continue;
        };
        edited += 1;
        let mut want = theirs;
        want["new"] = serde_yaml::Value::String("value".to_owned());
        let got = serde_yaml::from_str::<serde_yaml::Value>(&after)?;
        ensure(got == want, || {
            format!("edited to something else:\n{text}\n{after}")
        })?;
    }
    println!("{read} texts read as libyaml reads them, {edited} edited, {left} left");
    ensure(read > 5_000 && edited > 5_000 && left < read / 50, || {
        format!("only {read} read and {edited} edited, {left} left")
    })
}
