//! Lines between quotes and brackets that stand no deeper than the collection around them: libyaml
//! reads them, and so kubectl.

use super::{at, edited, s, table};
use crate::yaml::{File, Node, Place, verify};

#[test]
fn quoted_scalars_go_on_in_the_column_of_their_key() {
    for (text, path, value) in [
        ("a:\n  b: \"one\n  two\"\n  c: d\n", "a.b", "one two"),
        ("a:\n  b: 'one\n\n  two'\n  c: d\n", "a.b", "one\ntwo"),
        ("a:\n  b: \"one\ntwo\"\n  c: d\n", "a.b", "one two"),
        ("a:\n  - \"one\\\n  two\"\n  - x\n", "a.0", "onetwo"),
        ("? x\n: y\na:\n  b: \"one\n  two\"\n", "a.b", "one two"),
        (
            "--- !t\na: b\n---\na:\n  b: \"one\n  two\" # c\n",
            "1:a.b",
            "one two",
        ),
        ("a: [\nb, 'c\nd'\n]\ne: f\n", "a.1", "c d"),
        ("a:\n  b: {\n c: d,\n# x\n e: \"f\"}\n", "a.b.e", "f"),
        ("é:\n  b: \"ö\n  ü\"\n  c: d\n", "é.b", "ö ü"),
    ] {
        for text in [text.to_owned(), text.replace('\n', "\r\n")] {
            let file = File::parse(text.as_str()).unwrap();
            assert_eq!(at(&file, path).text(), Some(value), "{text:?}");
            assert_eq!(verify::apply(&file, &[]).unwrap(), text);
            for node in file.root(0).unwrap().descendants() {
                let around = node.parent().map_or(0..text.len(), Node::span);
                assert!(
                    around.start <= node.span().start && node.span().end <= around.end,
                    "{node:?} in {text:?}"
                );
            }
        }
    }
}

#[test]
fn what_libyaml_refuses_stays_refused() {
    for text in [
        "a: \"one\n---\ntwo\"\n",
        "a: \"one\n... \ntwo\"\n",
        "a: 'one\n",
        "a: [\nb\n---\n]\n",
        "a: one\ntwo\n",
        "a:\n  b: \"one\n  two\": c\n",
    ] {
        assert!(File::parse(text).is_err(), "{text:?}");
    }
}

#[test]
fn beside_them_everything_can_be_edited() {
    let rows = [
        (
            "a:\n  b: \"one\n  two\"\n  c: d\n",
            "a.c",
            "a:\n  b: \"one\n  two\"\n  c: new\n",
        ),
        (
            "a:\n  b: \"one\n  two\"\n  c: d\n",
            "a.b",
            "a:\n  b: \"new\"\n  c: d\n",
        ),
        (
            "a:\n  b: \"one\ntwo\"\n  c: d\n",
            "a.c",
            "a:\n  b: \"one\ntwo\"\n  c: new\n",
        ),
        ("a: [\nb,\nc\n]\n", "a.1", "a: [\nb,\nnew\n]\n"),
        (
            "a:\n  b: 'one\n  two'\n---\nc: d\n",
            "1:c",
            "a:\n  b: 'one\n  two'\n---\nc: new\n",
        ),
    ];
    table(&rows, |node| node.set(&s("new")));
    let text = "a:\n  b: \"one\n  two\"\n# c\n";
    assert_eq!(
        edited(text, "a", |node| node.insert(Place::Last, "c", &s("d"))),
        "a:\n  b: \"one\n  two\"\n  c: d\n# c\n"
    );
}
