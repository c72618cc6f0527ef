use std::ops::Range;

use super::{Edited, read, valid};
use crate::cli::print::Paths;
use crate::cli::print::diff;
use crate::pipeline::report::FileChange;
use anstream::adapter::strip_str;

const BEFORE: &str = "a: 1\nb: 2\nc: 3\nd: 4\ne: 5\nf: 6\ng: 7\nh: 8\ni: 9\n";

fn change(before: &str, after: &str) -> FileChange {
    FileChange {
        path: "app/web.yaml".to_owned(),
        before: Some(before.into()),
        after: Some(after.into()),
    }
}

/// What an edited patch makes of the original.
fn result(change: &FileChange, edit: impl Fn(&str) -> String) -> Result<String, String> {
    let paths = Paths::default();
    let changes = std::slice::from_ref(change);
    let patch = strip_str(&diff::of_files(changes, &paths)).to_string();
    let edited = valid(read(&edit(&patch), changes, &paths)?, changes)?;
    let before = change.before.as_deref().unwrap_or_default();
    Ok(match edited.first() {
        Some(edited) => edited.text(before),
        None => before.to_owned(),
    })
}

#[test]
fn what_is_not_edited_is_the_fix() {
    for (before, after) in [
        (
            BEFORE.to_owned(),
            BEFORE.replace("c: 3\n", "c: 30\nc2: 31\n"),
        ),
        (
            BEFORE.to_owned(),
            BEFORE
                .replace("a: 1\n", "")
                .replace("i: 9\n", "i: 9\nj: 10\n"),
        ),
        (
            BEFORE.replace('\n', "\r\n"),
            BEFORE.replace('\n', "\r\n").replace("c: 3", "c: 30"),
        ),
        ("a: 1".to_owned(), "a: 1\nb: 2".to_owned()),
        ("a: 1\nb: 2".to_owned(), "a: 1".to_owned()),
        (String::new(), "a: 1\n".to_owned()),
    ] {
        let change = change(&before, &after);
        assert_eq!(
            result(&change, str::to_owned).as_deref(),
            Ok(after.as_str())
        );
    }
}

#[test]
fn lines_are_edited() {
    let change = change(BEFORE, &BEFORE.replace("c: 3\n", "c: 30\nc2: 31\n"));
    let edits: &[(&str, &str, &str)] = &[
        ("+c2: 31\n", "", "c: 30\n"),
        ("+c: 30\n", "+c: 33\n", "c: 33\nc2: 31\n"),
        ("-c: 3\n+c: 30\n", " c: 3\n", "c: 3\nc2: 31\n"),
        ("@@ -1,6 +1,7 @@", "@@ -1,6 +1,99 @@", "c: 30\nc2: 31\n"),
    ];
    for (from, to, wanted) in edits {
        let edit = |patch: &str| {
            assert!(patch.contains(from), "{patch}");
            patch.replace(from, to)
        };
        let wanted = BEFORE.replace("c: 3\n", wanted);
        assert_eq!(
            result(&change, edit).as_deref(),
            Ok(wanted.as_str()),
            "{from}"
        );
    }
}

#[test]
fn what_does_not_fit_is_said() {
    let change = change(BEFORE, &BEFORE.replace("c: 3\n", "c: 30\n"));
    let edits: &[(&str, &str, &str)] = &[
        (" b: 2", " b: 3", "is not what the file has there: `b: 3`"),
        ("+c: 30", "c: 30", "begins with none of"),
        ("+c: 30", "+c: [30", "would not be YAML"),
        ("@@ -1,6", "@@ -x,6", "is no head of a hunk"),
    ];
    for (from, to, why) in edits {
        let said = result(&change, |patch| patch.replace(from, to)).unwrap_err();
        assert!(said.contains(why), "{said}");
    }
}

#[test]
fn what_is_changed_twice_is_known() {
    let edited = Edited {
        path: "a.yaml".to_owned(),
        created: false,
        splices: vec![(5..10, String::new()), (20..20, "x".to_owned())],
    };
    let touches = |range: Range<usize>| edited.touches("a.yaml", &range);
    assert!(touches(9..12) && touches(0..6) && touches(20..20) && touches(18..22));
    assert!(!touches(10..12) && !touches(0..5) && !touches(11..11));
    assert!(!edited.touches("b.yaml", &(5..10)));
}
