use super::super::{Level, Value};
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
                "v:\n  sources:\n  - configMap:\n      # n\n      name: x # t\n        # deep\n      items:\n      - key: k\n  # m\n  mode: 1\n",
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
                "{\n  \"sources\": [\n    {\n      \"configMap\": {\n        \"name\": \"x\",\n        \"items\": [\n          {\n            \"key\": \"k\"\n          }\n        ]\n      }\n    }\n  ]\n}\n",
            ),
        ],
        |node| node.nest(0..1, under()),
    );
}
