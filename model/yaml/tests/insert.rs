use super::{at, map, s, table};
use crate::yaml::{File, Place, Value};

#[test]
fn an_anchor_of_nothing_stays() {
    let nothing = [
        ("- &x\n- b\n", "0", "yaml-anchor"),
        ("- &x", "0", "yaml-anchor"),
        ("a: &x\nb: 1\n", "a", "yaml-anchor"),
    ];
    table(&nothing, |node| node.push(Place::Last, &s("value")));
    table(&nothing, |node| {
        node.insert(Place::Last, "key", &s("value"))
    });
}

#[test]
fn last_entry() {
    table(
        &[
            ("a: 1\n", "", "a: 1\nkey: value\n"),
            ("a: 1", "", "a: 1\nkey: value"),
            ("a: 1 # c\n\n# end\n", "", "a: 1 # c\nkey: value\n\n# end\n"),
            (
                "m:\n    a: 1\n\n# above b\nb: 2\n",
                "m",
                "m:\n    a: 1\n    key: value\n\n# above b\nb: 2\n",
            ),
            (
                "m:\n  l:\n    a: 1\n    # of l\n  # of n\n  n: 1\n",
                "m.l",
                "m:\n  l:\n    a: 1\n    key: value\n    # of l\n  # of n\n  n: 1\n",
            ),
            (
                "m:\n  l:\n    a: 1\n    # of l\nb: 1\n",
                "m",
                "m:\n  l:\n    a: 1\n    # of l\n  key: value\nb: 1\n",
            ),
            ("- name: x\n", "0", "- name: x\n  key: value\n"),
            (
                "- name: x\n- name: y\n",
                "1",
                "- name: x\n- name: y\n  key: value\n",
            ),
            ("-   name: x\n", "0", "-   name: x\n    key: value\n"),
            (
                "m:\n- name: x\n  a: |\n    text\n\n\n- b\n",
                "m.0",
                "m:\n- name: x\n  a: |\n    text\n  key: value\n\n\n- b\n",
            ),
            (
                "m:\n  a: |+\n    text\n\nb: 1\n",
                "m",
                "m:\n  a: |+\n    text\n\n  key: value\nb: 1\n",
            ),
            ("m:\n  a:\nb: 1\n", "m", "m:\n  a:\n  key: value\nb: 1\n"),
            ("m:\n  a: # c\n", "m", "m:\n  a: # c\n  key: value\n"),
            ("m:\n", "m", "m:\n  key: value\n"),
            ("m: # c\n", "m", "m: # c\n  key: value\n"),
            ("m: ~ # c\n", "m", "m: # c\n  key: value\n"),
            ("- \n", "0", "- key: value\n"),
            ("-\n- a\n", "0", "- key: value\n- a\n"),
            ("a: 1\n---\nb: 2\n", "", "a: 1\nkey: value\n---\nb: 2\n"),
            ("a: 1\n...\n# c\n", "", "a: 1\nkey: value\n...\n# c\n"),
            ("a: |\n  text", "", "yaml-open-block-scalar"),
            ("a: 1\nb: |\n  text", "", "yaml-open-block-scalar"),
            ("a: |-\n  text", "", "a: |-\n  text\nkey: value"),
            ("m: {}\n", "m", "m: {key: value}\n"),
            ("m: {a: b} # c\n", "m", "m: {a: b, key: value} # c\n"),
            ("m: text\n", "m", "yaml-kind"),
            (
                "m:\n  a: 1\n    \nb: 1\n",
                "m",
                "m:\n  a: 1\n  key: value\n    \nb: 1\n",
            ),
            ("\"a\": 1\n", "", "\"a\": 1\nkey: value\n"),
        ],
        |node| node.insert(Place::Last, "key", &s("value")),
    );
}

#[test]
fn beside_keys_that_are_more_than_text() {
    table(
        &[
            ("a: &x k\n*x : 1\n", "", "yaml-alias"),
            ("&k a: 1\n", "", "yaml-anchor"),
            ("!!str a: 1\n", "", "yaml-tag"),
            (": 1\na: 2\n", "", "yaml-complex-key"),
            ("? a\n: 1\n", "", "yaml-explicit-key"),
            (
                "a: &x {k: 1}\nb:\n  <<: *x\n  c: 2\n",
                "b",
                "yaml-merge-key",
            ),
            ("b:\n  \"<<\": 1\n", "b", "b:\n  \"<<\": 1\n  key: value\n"),
        ],
        |node| node.insert(Place::Last, "key", &s("value")),
    );
}

#[test]
fn a_place_in_another_collection() {
    let file = File::parse("a: {x: 1}\nb: {y: 1}\n").unwrap();
    let other = at(&file, "b.y");
    for place in [Place::Before(other), Place::After(other)] {
        let edit = at(&file, "a").insert(place, "key", &s("value"));
        assert_eq!(edit.map_err(|r| r.code), Err("yaml-place"));
    }
}

#[test]
fn a_string_of_several_lines() {
    table(
        &[
            ("a: 1", "", "a: 1\nkey: \"x\\ny\\n\""),
            ("a: 1\n", "", "a: 1\nkey: |\n  x\n  y\n"),
            ("a: 1\n  # deep\n", "", "a: 1\n  # deep\nkey: |\n  x\n  y\n"),
        ],
        |node| node.insert(Place::Last, "key", &s("x\ny\n")),
    );
    table(
        &[
            ("- a", "", "- a\n- \"x\\ny\\n\""),
            ("- a\n", "", "- a\n- |\n  x\n  y\n"),
        ],
        |node| node.push(Place::Last, &s("x\ny\n")),
    );
}

#[test]
fn indented_as_the_nearest_collections_are() {
    let value = map(&[("k", Value::strs(["v"]))]);
    table(
        &[
            (
                "x:\n  y: 1\nm:\n    n:\n        o: 1\n",
                "m",
                "x:\n  y: 1\nm:\n    n:\n        o: 1\n    key:\n        k:\n        - v\n",
            ),
            (
                "a:\n  l:\n    - x\nb:\n  c: 1\n",
                "b",
                "a:\n  l:\n    - x\nb:\n  c: 1\n  key:\n    k:\n      - v\n",
            ),
        ],
        |node| node.insert(Place::Last, "key", &value),
    );
}

#[test]
fn first_entry() {
    table(
        &[
            ("a: 1\n", "", "key: value\na: 1\n"),
            ("# licence\na: 1\n", "", "# licence\nkey: value\na: 1\n"),
            (
                "m:\n  # about a\n  a: 1\n",
                "m",
                "m:\n  key: value\n  # about a\n  a: 1\n",
            ),
            ("- # c\n  a: 1\n", "0", "- # c\n  key: value\n  a: 1\n"),
            ("- a: 1\n", "0", "- key: value\n  a: 1\n"),
            (
                "- - a: 1\n    b: 2\n",
                "0.0",
                "- - key: value\n    a: 1\n    b: 2\n",
            ),
        ],
        |node| node.insert(Place::First, "key", &s("value")),
    );
}

#[test]
fn after_an_entry_with_a_collection() {
    let value = map(&[
        ("list", Value::strs(["a", "b"])),
        ("m", map(&[("k", s("line\nline\n"))])),
        ("e", Value::Map(vec![])),
    ]);
    table(
        &[
            (
                "a: 1\n# about b\nb: 2\n",
                "",
                "a: 1\nkey:\n  list:\n  - a\n  - b\n  m:\n    k: |\n      line\n      line\n  e: \
                 {}\n# about b\nb: 2\n",
            ),
            (
                "a:\n    - x\nb: 2\n",
                "",
                "a:\n    - x\nkey:\n  list:\n      - a\n      - b\n  m:\n    k: |\n      \
                 line\n      line\n  e: {}\nb: 2\n",
            ),
        ],
        |node| node.insert(Place::After(node.get("a").unwrap()), "key", &value),
    );
}

#[test]
fn push() {
    table(
        &[
            ("- a\n", "", "- a\n- new\n"),
            ("- a", "", "- a\n- new"),
            (
                "m:\n- a # c\n# about n\nn: 1\n",
                "m",
                "m:\n- a # c\n- new\n# about n\nn: 1\n",
            ),
            ("m:\n    - a\n", "m", "m:\n    - a\n    - new\n"),
            ("- - a\n  - b\n- c\n", "0", "- - a\n  - b\n  - new\n- c\n"),
            (
                "m:\n- |\n  text\n   \n\nx: 1\n",
                "m",
                "m:\n- |\n  text\n   \n- new\n\nx: 1\n",
            ),
            ("m:\nn: 1\n", "m", "m:\n- new\nn: 1\n"),
            ("m: # c\nl:\n  - a\n", "m", "m: # c\n  - new\nl:\n  - a\n"),
            ("m: []\n", "m", "m: [new]\n"),
            ("m: text\n", "m", "yaml-kind"),
            ("m: [a, 'b' ] # c\n", "m", "m: [a, 'b', new ] # c\n"),
            (
                "m:\n- name: x\n  v: 1\n",
                "m",
                "m:\n- name: x\n  v: 1\n- new\n",
            ),
        ],
        |node| node.push(Place::Last, &s("new")),
    );
}

#[test]
fn strings_are_quoted_where_readers_differ() {
    for (text, written) in [
        ("value", "value"),
        ("yes", "\"yes\""),
        ("No", "\"No\""),
        ("~", "\"~\""),
        ("1", "\"1\""),
        ("0644", "\"0644\""),
        ("-x", "\"-x\""),
        ("a b", "\"a b\""),
        ("a: b", "\"a: b\""),
        ("a:", "\"a:\""),
        ("a #b", "\"a #b\""),
        ("nginx:1.25", "nginx:1.25"),
        ("/etc/app.conf", "/etc/app.conf"),
        ("=", "\"=\""),
        ("=a", "\"=a\""),
        ("a=b", "a=b"),
        ("a@b", "a@b"),
        ("a+b", "a+b"),
        ("tRue", "\"tRue\""),
        ("<<", "\"<<\""),
        ("", "\"\""),
        ("ü", "\"ü\""),
        ("tab\t\u{7}", "\"tab\\t\\u0007\""),
    ] {
        let file = File::parse("a: 1\n").unwrap();
        let edit = at(&file, "").insert(Place::Last, "key", &s(text)).unwrap();
        assert_eq!(
            crate::yaml::verify::apply(&file, &[&edit]).unwrap(),
            format!("a: 1\nkey: {written}\n")
        );
    }
}
