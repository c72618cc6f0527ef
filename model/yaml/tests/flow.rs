use super::{edited, s, table};
use crate::yaml::{Place, Value};

#[test]
fn entries() {
    table(
        &[
            (
                "{\n  \"a\": 1\n}\n",
                "",
                "{\n  \"a\": 1,\n  \"key\": \"value\"\n}\n",
            ),
            (
                "{\"a\":1,\"b\":2}",
                "",
                "{\"a\":1,\"b\":2,\"key\":\"value\"}",
            ),
            ("{\"a\": {}}", "a", "{\"a\": {\"key\": \"value\"}}"),
            (
                "{\n  \"a\": {}\n}\n",
                "a",
                "{\n  \"a\": {\n    \"key\": \"value\"\n  }\n}\n",
            ),
            ("a: {x: 1,}\n", "a", "a: {x: 1, key: value,}\n"),
            (
                "a: {\n  x: 1, # c\n  }\n",
                "a",
                "a: {\n  x: 1, # c\n  key: value,\n  }\n",
            ),
            (
                "a: {\n  x: 1 # c\n  }\n",
                "a",
                "a: {\n  x: 1, # c\n  key: value\n  }\n",
            ),
            ("a: {\n  x: 1}\n", "a", "a: {\n  x: 1,\n  key: value}\n"),
            ("a: { x: 1 }\n", "a", "a: { x: 1, key: value }\n"),
            ("\"a\": {b: c}\n", "a", "\"a\": {b: c, key: value}\n"),
            (
                "a: {\"b\": 1}\n",
                "a",
                "a: {\"b\": 1, \"key\": \"value\"}\n",
            ),
            (
                "{\"a\", \"b\":1}\n",
                "",
                "{\"a\", \"b\":1, \"key\":\"value\"}\n",
            ),
        ],
        |node| node.insert(Place::Last, "key", &s("value")),
    );
}

#[test]
fn first_item() {
    table(
        &[
            ("[a, b]\n", "", "[new, a, b]\n"),
            ("[\n  a, # c\n  b\n]\n", "", "[\n  new,\n  a, # c\n  b\n]\n"),
            ("[ # c\n  a\n]\n", "", "[ # c\n  new,\n  a\n]\n"),
            (
                "[\n  # about a\n  a\n]\n",
                "",
                "[\n  new,\n  # about a\n  a\n]\n",
            ),
        ],
        |node| node.push(Place::First, &s("new")),
    );
    table(
        &[
            (
                "[\n  a, # c\n  b\n]\n",
                "",
                "[\n  a, # c\n  [\"x\"],\n  b\n]\n",
            ),
            ("[\n  a, b\n]\n", "", "[\n  a, [\"x\"], b\n]\n"),
            ("[\n  a ,\n  b\n]\n", "", "[\n  a ,\n  [\"x\"],\n  b\n]\n"),
        ],
        |node| {
            node.push(
                Place::After(node.at(0).unwrap()),
                &Value::strs(["x"]).flow(),
            )
        },
    );
}

#[test]
fn rename() {
    table(
        &[
            ("a: {'old': 1}\n", "a.old", "a: {'new': 1}\n"),
            ("old: 1 # c\n", "old", "new: 1 # c\n"),
            ("{\"old\": 1}\n", "old", "{\"new\": 1}\n"),
            ("old: 1\nnew: 2\n", "old", "yaml-key-exists"),
            ("- old: |\n    x\n", "0.old", "- new: |\n    x\n"),
            ("x: &y {old: 1}\n", "x.old", "x: &y {new: 1}\n"),
            ("x: &y {old: 1}\nz: *y\n", "x.old", "yaml-anchor"),
        ],
        |node| node.rename_key("new"),
    );
}

#[test]
fn a_key_that_gets_a_colon() {
    table(
        &[
            ("{a, b: 1}\n", "a", "{a: value, b: 1}\n"),
            // A key of several lines cannot have one.
            ("{a\n  b, c: 1}\n", "a b", "yaml-layout"),
        ],
        |node| node.set(&s("value")),
    );
    // Nor is a line of a scalar understood that is not indented.
    table(
        &[
            ("k: {a: 1, b: 'c\nd'}\n", "k.a", "yaml-layout"),
            (
                "k: {a: 1, b: 'c\n d'}\n",
                "k.a",
                "k: {a: value, b: 'c\n d'}\n",
            ),
            (
                "x: 1\nm:\n  k: {a: 1, b: 'c\n   d'}\n",
                "m.k.a",
                "x: 1\nm:\n  k: {a: value, b: 'c\n   d'}\n",
            ),
            (
                "x: 1\nm:\n  k: {a: 1, b: 'c\n  d'}\n",
                "m.k.a",
                "yaml-layout",
            ),
            (
                "k: {a: {b: 'c\n  d', e: 1}}\n",
                "k.a.e",
                "k: {a: {b: 'c\n  d', e: value}}\n",
            ),
        ],
        |node| node.set(&s("value")),
    );
    // Whether it may have one depends on the entries before it.
    table(&[("{a, \"b\n  c\": 1}\n", "a", "yaml-layout")], |node| {
        node.rename_key("q\"t")
    });
}

#[test]
fn a_long_key_that_gets_a_colon() {
    let text = |length: usize, value: &str| format!("{{{}{value}, b: 1}}\n", "k".repeat(length));
    let set = |length: usize| edited(&text(length, ""), &"k".repeat(length), |n| n.set(&s("v")));
    assert_eq!(set(1000), text(1000, ": v"));
    assert_eq!(set(1001), "yaml-layout");
}

#[test]
fn a_comment_that_nothing_parts_from_a_value() {
    // The parser refuses it elsewhere.
    assert_eq!(
        edited("{\n  \"a\":#c\n}\n", "a", |node| node.set(&s("new"))),
        "yaml-layout"
    );
    assert_eq!(
        edited("\u{feff}# c\na: 1\n", "a", |node| node.set(&s("new"))),
        "\u{feff}# c\na: new\n"
    );
}
