//! Random edits of any text: the last bytes of the input decide what is edited, the rest is the
//! text. An edit is refused before it is planned, or it changes exactly what it says: a planned
//! edit that the verifier does not let through is a finding as well.
#![no_main]

#[path = "../../tests/lossless/edits.rs"]
mod edits;
#[path = "../../tests/lossless/oracle.rs"]
mod oracle;
mod random;

use kubewright_model::yaml::{Edit, File, Op, verify};
use libfuzzer_sys::fuzz_target;
use random::Random;

/// Bytes that decide.
const CHOICES: usize = 24;

fuzz_target!(|data: &[u8]| {
    let Some(at) = data.len().checked_sub(CHOICES) else {
        return;
    };
    let (text, choices) = data.split_at(at);
    let Ok(text) = std::str::from_utf8(text) else {
        return;
    };
    let (Ok(file), Some(before)) = (File::parse(text), oracle::load(text)) else {
        return;
    };
    if !oracle::fits(&file, &before) {
        return;
    }
    match verify::apply(&file, &[]) {
        Ok(same) => assert_eq!(same, text, "no edit changed the text"),
        Err(_) => return,
    }
    if let Some(Ok(edit)) = edits::edit(&mut Random::new(choices), &file) {
        judge(&file, &before, &edit);
    }
});

fn judge(file: &File, before: &[oracle::Plain], edit: &Edit) {
    let result = match verify::apply(file, &[edit]) {
        Ok(result) => result,
        Err(refusal) if refusal.code.starts_with("verify-") => {
            panic!(
                "{refusal:?}: {:?}\n{:?}\n{:?}",
                edit.op,
                file.text(),
                oracle::spliced(file.text(), edit)
            )
        }
        Err(_) => return,
    };
    assert_eq!(
        result,
        oracle::spliced(file.text(), edit),
        "bytes outside of the edit changed"
    );
    if !matches!(edit.op, Op::ReplaceDocument { .. }) {
        assert_ne!(
            oracle::is_meant(file, before, &[edit], &result),
            Some(false),
            "{:?}\n{:?}\n{result:?}\n{:?}",
            edit.op,
            file.text(),
            oracle::load(&result)
        );
    }
    let comments = |f: &File| -> Vec<String> {
        f.comments()
            .iter()
            .map(|c| f.text()[c.clone()].trim_end().to_owned())
            .collect()
    };
    let again = File::parse(result.as_str()).expect("the result is YAML");
    let (mut kept, mut old) = (comments(&again), comments(file));
    kept.extend(edit.lost_comments.iter().map(|c| c.trim_end().to_owned()));
    kept.sort();
    old.sort();
    assert_eq!(kept, old, "{:?}\n{:?}\n{result:?}", edit.op, file.text());
}
