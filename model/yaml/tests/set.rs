use super::{edited, map, s, table};
use crate::yaml::{File, Node, Value};

#[test]
fn string_for_scalar() {
    table(
        &[
            ("a: old # c\n", "a", "a: new # c\n"),
            ("a: 'old'\n", "a", "a: 'new'\n"),
            ("a: \"old\"\n", "a", "a: \"new\"\n"),
            ("a:\nb: 1\n", "a", "a: new\nb: 1\n"),
            ("a: # c\n", "a", "a: new # c\n"),
            ("-\n- b\n", "0", "- new\n- b\n"),
            (
                "a: | # c\n  text\n  text\nb: 1\n",
                "a",
                "a: |- # c\n  new\nb: 1\n",
            ),
            (
                "a:\n# c\n |\n  text\nb: 1\n",
                "a",
                "a:\n# c\n |-\n  new\nb: 1\n",
            ),
            ("a: |-\n    text\nb: 1\n", "a", "a: |-\n    new\nb: 1\n"),
            (
                "a: | # 1\n    text\nb: 1\n",
                "a",
                "a: |- # 1\n    new\nb: 1\n",
            ),
            ("a: |2\n   text\nb: 1\n", "a", "a: |-\n  new\nb: 1\n"),
            ("--- |\n  text\n", "", "--- new\n"),
            ("- x: 1 # c\n- b\n", "0", "- new # c\n- b\n"),
            ("a:\n- x: 1\n  y: 2\nb: 1\n", "a.0", "a:\n- new\nb: 1\n"),
            ("a:\n- x: 1\n  y: 2\nb: 1\n", "a", "a: new\nb: 1\n"),
            ("a: # c\n  x: 1\n", "a", "a: new # c\n"),
            ("a: {b: c, d: [e]}\n", "a.b", "a: {b: new, d: [e]}\n"),
            ("a: {b: c, d: [e]}\n", "a.d.0", "a: {b: c, d: [new]}\n"),
            ("a: {b: c, d: [e]}\n", "a.d", "a: {b: c, d: new}\n"),
            ("a: {b: , d}\n", "a.b", "a: {b: new, d}\n"),
            ("a: {b: , d}\n", "a.d", "a: {b: , d: new}\n"),
            ("{\n  \"a\": 1\n}\n", "a", "{\n  \"a\": \"new\"\n}\n"),
            ("old\n", "", "new\n"),
            ("--- old\n", "", "--- new\n"),
            ("---\n", "", "--- new\n"),
            ("a: &x old\nb: *x\n", "a", "yaml-anchor"),
            ("a: &x old\nb: x\n", "a", "a: &x new\nb: x\n"),
            ("a: &x \"old\" # c\n", "a", "a: &x \"new\" # c\n"),
            ("a: &x\n  b: old\n", "a.b", "a: &x\n  b: new\n"),
            ("a: &x |\n  old\n", "a", "yaml-anchor"),
            ("a: &x {b: old}\n", "a.b", "a: &x {b: new}\n"),
            ("a: &x {b: old}\nc: *x\n", "a.b", "yaml-anchor"),
            ("a:\n &x\n- old\n", "a.0", "yaml-layout"),
            ("a: &x\n- old\n", "a.0", "a: &x\n- new\n"),
            ("a: &x old\nb: *x\n", "b", "yaml-alias"),
            ("a: !!str old\n", "a", "yaml-tag"),
            ("a: 1\na: 2\n", "a", "yaml-duplicate-key"),
            ("? a\n: 2\n", "a", "yaml-explicit-key"),
            ("%YAML 1.2\n---\na: 2\n", "a", "yaml-directive"),
        ],
        |node| node.set(&s("new")),
    );
}

#[test]
fn string_with_spaces() {
    for (text, written) in [
        ("two words", "two words"),
        ("tail -f", "tail -f"),
        ("-f tail", "\"-f tail\""),
        (" x", "\" x\""),
        ("x ", "\"x \""),
        ("x  y", "\"x  y\""),
        ("x #y", "\"x #y\""),
        ("x: y", "\"x: y\""),
        ("", "\"\""),
    ] {
        let set = |node: Node<'_>| node.set(&s(text));
        assert_eq!(edited("a: old\n", "a", set), format!("a: {written}\n"));
    }
    table(&[("a:\n", "a", "a: \"two words\"\n")], |node| {
        node.set(&s("two words"))
    });
}

#[test]
fn string_of_several_lines() {
    table(
        &[
            ("a: 1\nb: 2\n", "a", "a: |\n  x\n  y\nb: 2\n"),
            ("a: 1", "a", "a: \"x\\ny\\n\""),
            ("- a\n- b\n", "0", "- |\n  x\n  y\n- b\n"),
            ("{\"a\": 1}\n", "a", "{\"a\": \"x\\ny\\n\"}\n"),
            // What stands below would become part of it.
            ("a: 1\n  # c\nb: 2\n", "a", "a: \"x\\ny\\n\"\n  # c\nb: 2\n"),
            ("a: 1\n # c\nb: 2\n", "a", "a: |\n  x\n  y\n # c\nb: 2\n"),
            ("a: 1\n   \nb: 2\n", "a", "a: \"x\\ny\\n\"\n   \nb: 2\n"),
            ("a: 1\n  \nb: 2\n", "a", "a: |\n  x\n  y\n  \nb: 2\n"),
        ],
        |node| node.set(&s("x\ny\n")),
    );
    table(
        &[("a: 1\nb: 2\n", "a", "a: \"x\\n  \\n\"\nb: 2\n")],
        |node| node.set(&s("x\n  \n")),
    );
    let lines = s("x\ny\n");
    let list = Value::Seq(vec![lines.clone(), Value::Int(1)]);
    let value = map(&[("k", lines), ("l", list)]);
    table(
        &[(
            "a: 1",
            "a",
            "a:\n  k: |\n    x\n    y\n  l:\n  - |\n    x\n    y\n  - 1",
        )],
        |node| node.set(&value),
    );
}

#[test]
fn string_whose_first_line_is_indented() {
    table(
        &[
            ("a: 1\nb: 2\n", "a", "a: |2\n   x\n  y\nb: 2\n"),
            (
                "a:\n  b:\n    c: 1\n",
                "a.b.c",
                "a:\n  b:\n    c: |2\n       x\n      y\n",
            ),
            // One digit tells how far.
            (
                "-        a\n",
                "0",
                "-        |9\n          x\n         y\n",
            ),
            ("-         a\n", "0", "-         \" x\\ny\\n\"\n"),
        ],
        |node| node.set(&s(" x\ny\n")),
    );
}

#[test]
fn collection_for_a_whole_document() {
    table(
        &[
            ("old\n", "", "k: v\n"),
            ("--- old\n", "", "yaml-layout"),
            ("--- |\n  old\n", "", "yaml-layout"),
        ],
        |node| node.set(&map(&[("k", s("v"))])),
    );
    table(
        &[("old\n", "", "- v\n"), ("--- old\n", "", "yaml-layout")],
        |node| node.set(&Value::strs(["v"])),
    );
    for (value, text) in [(Value::Seq(Vec::new()), "[]"), (map(&[]), "{}")] {
        for before in ["--- old\n", "--- |\n  old\n"] {
            let set = |node: Node<'_>| node.set(&value);
            assert_eq!(edited(before, "", set), format!("--- {text}\n"));
        }
    }
}

#[test]
fn collection() {
    let value = map(&[("k", s("v")), ("l", Value::Seq(vec![Value::Int(1)]))]);
    table(
        &[
            ("a: old # c\n", "a", "a: # c\n  k: v\n  l:\n  - 1\n"),
            ("a:\n  x: 1\nb: 1\n", "a", "a:\n  k: v\n  l:\n  - 1\nb: 1\n"),
            ("a:\n- x: 1\nb: 1\n", "a", "a:\n  k: v\n  l:\n  - 1\nb: 1\n"),
            ("- x: 1\n- b\n", "0", "- k: v\n  l:\n  - 1\n- b\n"),
            (
                "a: |\n  text\nb: 1\n",
                "a",
                "a:\n  k: v\n  l:\n  - 1\nb: 1\n",
            ),
            (
                "a:\n# c\n |\n  text\nb: 1\n",
                "a",
                "a:\n# c\n k: v\n l:\n - 1\nb: 1\n",
            ),
            ("- |\n  text\n- b\n", "0", "- k: v\n  l:\n  - 1\n- b\n"),
            ("- x # c\n- b\n", "0", "- k: v # c\n  l:\n  - 1\n- b\n"),
            ("a: [x]\n", "a", "a:\n  k: v\n  l:\n  - 1\n"),
            ("a: [x]\n", "a.0", "a: [{k: v, l: [1]}]\n"),
            ("a:\n  x\nb: 1\n", "a", "a:\n  k: v\n  l:\n  - 1\nb: 1\n"),
            (
                "{\n  \"a\": 1\n}\n",
                "a",
                "{\n  \"a\": {\n    \"k\": \"v\",\n    \"l\": [\n      1\n    ]\n  }\n}\n",
            ),
            (
                "{\n  \"a\": 1, \"b\": 2\n}\n",
                "b",
                "{\n  \"a\": 1, \"b\": {\"k\": \"v\", \"l\": [1]}\n}\n",
            ),
            ("-\n  x: 1\n- b\n", "0", "- k: v\n  l:\n  - 1\n- b\n"),
        ],
        |node| node.set(&value),
    );
    table(
        &[(
            "{\n  \"a\": 1\n}\n",
            "a",
            "{\n  \"a\": {\n    \"e\": [],\n    \"m\": {}\n  }\n}\n",
        )],
        |node| node.set(&map(&[("e", Value::Seq(Vec::new())), ("m", map(&[]))])),
    );
}

#[test]
fn a_collection_that_ends_behind_its_last_line_break_stays() {
    let file = File::parse("? |\n").unwrap();
    let root = file.root(0).unwrap();
    assert_eq!(
        root.set(&s("x")).map_err(|refusal| refusal.code),
        Err("yaml-layout")
    );
}
