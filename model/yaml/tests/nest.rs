use super::super::{File, Level, Value};
use super::{s, table};

#[test]
fn run_of_entries() {
    table(
        &[
            (
                "# doc\nb: 1\n",
                "",
                "# doc\ntemplate:\n  metadata: x\n  spec:\n    b: 1\n",
            ),
            (
                "# licence\n# doc\nb: 1\n",
                "",
                "# licence\n# doc\ntemplate:\n  metadata: x\n  spec:\n    b: 1\n",
            ),
            (
                "a:\n  b: 1\n",
                "a",
                "a:\n  template:\n    metadata: x\n    spec:\n      b: 1\n",
            ),
        ],
        |node| {
            node.nest(
                0..1,
                vec![
                    Level::new("template").before(vec![("metadata".into(), s("x"))]),
                    Level::new("spec"),
                ],
            )
        },
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
            (
                "{a: 1, b: 2, c: 3, d: 4}\n",
                "",
                "{a: 1, new: {b: 2, c: 3}, d: 4}\n",
            ),
            (
                "{\n  a: 1,\n  b: 2,\n\n  c: 3\n}\n",
                "",
                "{\n  a: 1,\n  new: {\n    b: 2,\n\n    c: 3\n  }\n}\n",
            ),
            // White space in a block scalar is part of the text.
            (
                "a: 1\nb: |\n  x\n   \n  y\nc: 3\n",
                "",
                "a: 1\nnew:\n  b: |\n    x\n     \n    y\n  c: 3\n",
            ),
            (
                "a: 1\nb: |\n  x\n  \t\n  y\nc: 3\n",
                "",
                "a: 1\nnew:\n  b: |\n    x\n    \t\n    y\n  c: 3\n",
            ),
            ("a: 1\nb: 'x\n  \t\n  y'\nc: 3\n", "", "yaml-tab"),
            (
                "a: 1\nb: x\t# t\nc: 3\n",
                "",
                "a: 1\nnew:\n  b: x\t# t\n  c: 3\n",
            ),
            (
                "z: |\n  x\n# about b\nb: 1\nc: 3\n",
                "",
                "z: |\n  x\nnew:\n  # about b\n  b: 1\n  c: 3\n",
            ),
            (
                "{\n  \"a\": 1,\n  \"b\": {\n    \"x\": 1\n  },\n  \"c\": 3\n}\n",
                "",
                "{\n  \"a\": 1,\n  \"new\": {\n    \"b\": {\n      \"x\": 1\n    },\n    \"c\": \
                 3\n  }\n}\n",
            ),
        ],
        |node| node.nest(1..3, vec![Level::new("new")]),
    );
    table(
        &[("- a: 1\n  b: 2\n", "0", "- new:\n    a: 1\n    b: 2\n")],
        |node| node.nest(0..2, vec![Level::new("new")]),
    );
}

#[test]
fn no_run_and_no_new_key() {
    let file = File::parse("a: 1\nb: 2\n").unwrap();
    let nest = |entries, under: Vec<Level>| {
        let edit = file.root(0).unwrap().nest(entries, under);
        edit.map_err(|refusal| refusal.code)
    };
    let new = || vec![Level::new("new")];
    assert!(nest(1..2, new()).is_ok());
    assert_eq!(nest(1..1, new()), Err("yaml-place"));
    assert_eq!(nest(1..3, new()), Err("yaml-place"));
    assert_eq!(nest(1..2, Vec::new()), Err("yaml-place"));
    assert_eq!(nest(1..2, vec![Level::new("a")]), Err("yaml-key-exists"));
    assert!(nest(1..2, vec![Level::new("b")]).is_ok());
}

#[test]
fn under_an_item_with_entries_behind() {
    let items = || {
        vec![(
            "items".to_owned(),
            Value::Seq(vec![Value::map([("key", s("k"))])]),
        )]
    };
    let under = || {
        vec![
            Level::new("sources").item(),
            Level::new("configMap").behind(items()),
        ]
    };
    table(
        &[
            (
                "v:\n  # n\n  name: x # t\n    # deep\n  # m\n  mode: 1\n",
                "v",
                "v:\n  sources:\n  - configMap:\n      # n\n      name: x # t\n        # \
                 deep\n      items:\n      - key: k\n  # m\n  mode: 1\n",
            ),
            (
                "v:\n    name: x\nl:\n    - a\n",
                "v",
                "v:\n    sources:\n        - configMap:\n              name: x\n              \
                 items:\n                  - key: k\nl:\n    - a\n",
            ),
            (
                "{name: x, mode: 1}\n",
                "",
                "{sources: [{configMap: {name: x, items: [{key: k}]}}], mode: 1}\n",
            ),
            (
                "{\n  \"name\": \"x\"\n}\n",
                "",
                "{\n  \"sources\": [\n    {\n      \"configMap\": {\n        \"name\": \
                 \"x\",\n        \"items\": [\n          {\n            \"key\": \"k\"\n          \
                 }\n        ]\n      }\n    }\n  ]\n}\n",
            ),
        ],
        |node| node.nest(0..1, under()),
    );
}
