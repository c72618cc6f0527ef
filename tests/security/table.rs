//! `SECURITY.md` names tests that are there.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::project;

fn tests(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            tests(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            let text = fs::read_to_string(&path).expect("code");
            let names = text
                .lines()
                .filter_map(|l| l.trim_start().strip_prefix("fn "));
            found.extend(
                names
                    .filter_map(|l| l.split_once('('))
                    .map(|(name, _)| name.to_owned()),
            );
        }
    }
}

#[test]
fn each_line_of_the_threat_model_names_its_tests() {
    let page = fs::read_to_string(project("SECURITY.md")).expect("the page");
    let rows = page.lines().skip_while(|l| !l.starts_with("| what "));
    let rows: Vec<&str> = rows.skip(2).take_while(|l| l.starts_with('|')).collect();
    assert!(rows.len() >= 10, "{} lines", rows.len());
    let mut known = BTreeSet::new();
    for folder in ["tests", "src", "model"] {
        tests(&project(folder), &mut known);
    }
    for row in rows {
        let cell = row.trim_matches('|').rsplit('|').next().unwrap_or_default();
        let names: Vec<&str> = cell.split('`').skip(1).step_by(2).collect();
        assert!(!names.is_empty(), "no test: {row}");
        for name in names {
            assert!(known.contains(name), "there is no test {name}: {row}");
        }
    }
}
