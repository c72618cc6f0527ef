use super::{s, table};

#[test]
fn run_of_entries() {
    table(
        &[
            ("# doc\nb: 1\n", "", "# doc\ntemplate:\n  metadata: x\n  spec:\n    b: 1\n"),
            ("a:\n  b: 1\n", "a", "a:\n  template:\n    metadata: x\n    spec:\n      b: 1\n"),
        ],
        |node| node.nest(0..1, vec![("template".into(), vec![("metadata".into(), s("x"))]), ("spec".into(), vec![])]),
    );
    table(
        &[
            (
                "a: 1\n# about b\nb: |2\n    t\n\n   u\nc:\n- x\n# end\n",
                "",
                "a: 1\nnew:\n  # about b\n  b: |2\n      t\n\n     u\n  c:\n  - x\n# end\n",
            ),
            (
                "- a: 1\n  b: 'x\n    y'\n  c: [d,\n    e\n  ] # t\n",
                "0",
                "- a: 1\n  new:\n    b: 'x\n      y'\n    c: [d,\n      e\n    ] # t\n",
            ),
            ("{a: 1, b: 2, c: 3, d: 4}\n", "", "{a: 1, new: {b: 2, c: 3}, d: 4}\n"),
            (
                "{\n  \"a\": 1,\n  \"b\": {\n    \"x\": 1\n  },\n  \"c\": 3\n}\n",
                "",
                "{\n  \"a\": 1,\n  \"new\": {\n    \"b\": {\n      \"x\": 1\n    },\n    \"c\": 3\n  }\n}\n",
            ),
        ],
        |node| node.nest(1..3, vec![("new".into(), vec![])]),
    );
    table(&[("- a: 1\n  b: 2\n", "0", "- new:\n    a: 1\n    b: 2\n")], |node| node.nest(0..2, vec![("new".into(), vec![])]));
}
