//! Promise: the same files give the same bytes, at any number of threads, in any order of PATHs and
//! of the file system, in any locale and time zone, from any working directory.

#![expect(clippy::disallowed_methods, reason = "tests read and write files")]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use support::{kubewright, tree};

/// Formats and commands whose bytes are compared.
const OUTPUTS: [&[&str]; 6] = [
    &["fix", "--unsafe-fixes", "--verbose"],
    &["fix", "--unsafe-fixes", "--format", "json"],
    &["fix", "--unsafe-fixes", "--format", "diff"],
    &["graph"],
    &["graph", "--format", "json"],
    &["graph", "--format", "dot"],
];

/// Of the cases one is taken, and so many are left out.
const OF: usize = 12;

/// Cases of all transforms as one tree: what they find differs, and much of it meets.
fn cases() -> BTreeMap<PathBuf, Vec<u8>> {
    let home = Path::new(env!("CARGO_MANIFEST_DIR")).join("transforms");
    let mut files = BTreeMap::new();
    let transforms = fs::read_dir(&home).expect("transforms").flatten();
    for cases in transforms
        .map(|t| t.path().join("cases"))
        .filter(|c| c.is_dir())
    {
        let cases = fs::read_dir(&cases).expect("cases").flatten();
        let mut cases: Vec<PathBuf> = cases.map(|case| case.path()).collect();
        cases.sort();
        for case in cases.into_iter().step_by(OF) {
            let before = case.join("before");
            for (path, text) in tree(&before).unwrap_or_default() {
                // One root for all.
                if path
                    .file_name()
                    .is_none_or(|n| n != "kubewright.toml" && n != "kubewright.lock")
                {
                    let case = case.strip_prefix(&home).expect("below");
                    files.insert(case.join(path), text);
                }
            }
        }
    }
    assert!(files.len() > 100, "{} files", files.len());
    files
}

/// Writes the files in order, or the other way around: directories list them otherwise.
fn written(files: &BTreeMap<PathBuf, Vec<u8>>, backwards: bool) -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a scratch directory");
    fs::create_dir(dir.path().join(".git")).expect("a directory");
    let mut all: Vec<_> = files.iter().collect();
    if backwards {
        all.reverse();
    }
    for (path, text) in all {
        let path = dir.path().join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
        fs::write(path, text).expect("a file");
    }
    dir
}

fn bytes(command: &mut Command) -> Vec<u8> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .expect("the program starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() < Some(2), "{said}");
    let mut bytes = output.stdout;
    bytes.extend(&output.stderr);
    bytes.extend(format!("{:?}", output.status.code()).bytes());
    bytes
}

#[track_caller]
fn same(one: &[u8], other: &[u8], when: &str) {
    if one != other {
        let (one, other) = (String::from_utf8_lossy(one), String::from_utf8_lossy(other));
        let differs = one.lines().zip(other.lines()).find(|(a, b)| a != b);
        panic!("{when}: {differs:?}");
    }
}

#[test]
fn the_same_files_give_the_same_bytes() {
    let files = cases();
    let (dir, twin) = (written(&files, false), written(&files, true));
    let expected: Vec<Vec<u8>> = OUTPUTS
        .map(|args| bytes(kubewright(dir.path(), args).env("RAYON_NUM_THREADS", "1")))
        .into();
    assert!(expected.iter().all(|bytes| bytes.len() > 3_000));
    for (args, expected) in OUTPUTS.iter().zip(&expected) {
        for threads in ["2", "8"] {
            let mut command = kubewright(twin.path(), args);
            command.env("RAYON_NUM_THREADS", threads);
            same(
                expected,
                &bytes(&mut command),
                &format!("{args:?}, {threads} threads"),
            );
        }
        let mut command = kubewright(twin.path(), args);
        command
            .env("LC_ALL", "tr_TR.UTF-8")
            .env("LANG", "tr_TR.UTF-8");
        command.env("TZ", "Asia/Kathmandu").env("HOME", "/nowhere");
        same(
            expected,
            &bytes(&mut command),
            &format!("{args:?}, another locale"),
        );
    }
}

#[test]
fn the_order_of_paths_is_of_no_matter() {
    let dir = written(&cases(), false);
    let folders = fs::read_dir(dir.path()).expect("a directory").flatten();
    let names = folders.map(|f| f.file_name().to_string_lossy().into_owned());
    let mut names: Vec<String> = names.filter(|name| name != ".git").collect();
    names.sort();
    let output = |names: &[String]| {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        bytes(&mut kubewright(dir.path(), &[OUTPUTS[1], &names].concat()))
    };
    let expected = output(&names);
    names.reverse();
    same(&expected, &output(&names), "the other way around");
    names.rotate_left(2);
    names.push(names[0].clone());
    names.push(format!("./{}/", names[1]));
    same(&expected, &output(&names), "twice");
}

/// Paths in the output are relative to the working directory, and what is written is the same.
#[test]
fn what_is_written_is_the_same_from_any_working_directory() {
    let files = cases();
    let (from_top, from_below, from_outside) = (
        written(&files, false),
        written(&files, true),
        written(&files, false),
    );
    let write = ["fix", "--write", "--unsafe-fixes", "--exit-zero"];
    bytes(&mut kubewright(
        from_top.path(),
        &[&write[..], &["."]].concat(),
    ));
    let below = from_below.path().join("missing-config-hash");
    bytes(kubewright(&below, &[&write[..], &[".."]].concat()).env("RAYON_NUM_THREADS", "1"));
    let path = from_outside.path().to_str().expect("UTF-8");
    bytes(&mut kubewright(
        Path::new("/"),
        &[&write[..], &[path]].concat(),
    ));
    let expected = tree(from_top.path()).expect("files");
    assert!(expected != files, "something is fixed");
    assert!(tree(from_below.path()).expect("files") == expected);
    assert!(tree(from_outside.path()).expect("files") == expected);
}
