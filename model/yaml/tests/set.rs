use super::{map, s, table};
use crate::yaml::Value;

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
        ],
        |node| node.set(&value),
    );
}
