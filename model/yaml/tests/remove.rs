use super::table;
use crate::yaml::Node;

#[test]
fn remove() {
    table(
        &[
            ("a: 1\nb: 2\n", "a", "b: 2\n"),
            ("a: 1\nb: 2\n", "b", "a: 1\n"),
            ("a: 1\nb: 2", "b", "a: 1"),
            (
                "# l\na: 1 # c\n# about b\nb: 2\n",
                "a",
                "# l\n# c\n# about b\nb: 2\n",
            ),
            ("a: 1 # a\nb: 2 # b", "b", "a: 1 # a\n# b"),
            (
                "a:\n  b: |\n    t\n  c: 1 # c\n\n  d: 2\n",
                "a.c",
                "a:\n  b: |\n    t\n  # c\n  d: 2\n",
            ),
            ("- a # a\n- b # b\n- c\n", "1", "- a # a\n# b\n- c\n"),
            ("a:\n  b: 1 # b\n  # c\nc: 2\n", "a", "  # c\nc: 2\n"),
            ("a:\n- b: 1\n  c: 2\n", "a.0.b", "a:\n- c: 2\n"),
            (
                "a:\n- b: 1\n  # about c\n  c: 2\n",
                "a.0.b",
                "a:\n-\n  # about c\n  c: 2\n",
            ),
            ("a:\n- b: 1\n  c: 2\n", "a.0.c", "a:\n- b: 1\n"),
            ("a:\n- b: 1\n", "a.0.b", "a:\n- {}\n"),
            ("a:\n- b: 1\nc: 1\n", "a.0", "a: []\nc: 1\n"),
            ("a:\n- b\n- c\n- d\n", "a.1", "a:\n- b\n- d\n"),
            ("- - a\n  - b\n- c\n", "0.0", "- - b\n- c\n"),
            ("- - a\n  - b\n- c\n", "0", "- c\n"),
            ("a: |\n  t\nb: 1\n\nc: 2\n", "b", "a: |\n  t\nc: 2\n"),
            ("a: |\n  t\nb: 1\n  # deep\nc: 2\n", "b", "yaml-layout"),
            ("a: [x, y, z]\n", "a.0", "a: [y, z]\n"),
            ("a: [x, y, z]\n", "a.1", "a: [x, z]\n"),
            ("a: [x, y, z]\n", "a.2", "a: [x, y]\n"),
            ("a: [x, y, z,]\n", "a.2", "a: [x, y,]\n"),
            ("a: [x]\n", "a.0", "a: []\n"),
            ("a: { x: 1 }\n", "a.x", "a: {}\n"),
            ("{\n  \"a\": 1,\n  \"b\": 2\n}\n", "a", "{\n  \"b\": 2\n}\n"),
            ("{\n  \"a\": 1,\n  \"b\": 2\n}\n", "b", "{\n  \"a\": 1\n}\n"),
            ("a: |+\n  x\nb: 1\n\n", "b", "a: |+\n  x\n"),
            ("a: [x,\n  y]\n", "a.0", "a: [\n  y]\n"),
            ("[\n  a, b\n]\n", "1", "[\n  a\n]\n"),
            ("[\n  a, # a\n  b\n]\n", "1", "[\n  a # a\n]\n"),
            ("[\n  a, # a\n  b,\n]\n", "1", "[\n  a, # a\n]\n"),
            ("[\n  a # a\n  , b\n]\n", "0", "[\n  b\n]\n"),
            ("a: &x 1\nb: *x\n", "a", "yaml-anchor"),
            ("a: &x 1\nb: *x\n", "b", "a: &x 1\n"),
        ],
        |node: Node<'_>| node.remove(),
    );
}
