//! Texts that one of the planners once read in another way than the other, and texts at the edge of
//! what the scanner takes.

use crate::yaml::{File, Node};

/// Whether the scanner takes the text; both planners plan the same then.
#[track_caller]
fn taken(text: &str) -> bool {
    let (fast, complete) = (File::parse_fast(text), File::parse_complete(text));
    if let Some(fast) = &fast {
        assert!(
            complete.as_ref().is_ok_and(|complete| complete == fast),
            "{text:?}: {complete:?}"
        );
    }
    fast.is_some()
}

#[test]
fn a_last_line_of_white_space_is_no_line_break() {
    for text in [
        "a: |\n  x\n  \t",
        "a: |\n  x\n\t",
        "a: |\n  x\n  ",
        "a: |\n  x\n  \ty",
        "a: |\r\n  x\r\n  \t",
        "a: |+\n  x\n  \t",
    ] {
        taken(text);
    }
    assert!(taken("a: |\n  x\n  \ty"));
}

#[test]
fn an_alias_never_stands_in_what_it_names() {
    assert!(taken("x: &a [1]\ny: *a\n"));
    assert!(taken("x: &a 1\ny: &a [2]\nz: *a\n"));
    for text in [
        "x: &a 1\ny: &a [*a]\n",
        "x: &a 1\ny: &a {b: *a}\n",
        "x: &a 1\ny: &a\n  z: *a\n",
        "x: &a 1\n---\ny: *a\n",
    ] {
        assert!(!taken(text), "{text:?}");
    }
}

#[test]
fn brackets_close_in_the_column_of_the_key() {
    assert!(taken("a: [\n  x,\n  y\n]\nb: {\n  c: 1\n}\n"));
    assert!(taken("a:\n  b: [\n    x\n  ]\nc: d\n"));
    // Further left or with more behind the bracket the complete planner decides.
    assert!(!taken("a:\n  b: [\n    x\n ]\n"));
    assert!(!taken("a: [\n  x\n] b\n"));
    assert!(!taken("a: [\nx\n]\n"));
}

#[test]
fn json_is_indented_by_tabs_too() {
    assert!(taken("{\n\t\"a\": [\n\t\t1,\n\t\t2\n\t]\n}\n"));
    assert!(!taken("a: [\n\tb\n]\n"));
    assert!(!taken("{\n\t\"a\":\t1\n}\n"));
}

#[test]
fn any_number_of_comments_below_an_empty_value() {
    let comments = "# c\n".repeat(1000);
    for text in [
        "a:\n%- b\n",
        "a:\n%  b: 1\n",
        "a:\n%b: 1\n",
        "-\n%- b\n",
        "? a\n%: b\n",
        "a: !t\n%  b: 1\n",
        "a: [\n  b,\n%  c]\n",
    ] {
        let file = File::parse_complete(text.replace('%', &comments)).unwrap();
        assert_eq!(file.comments().len(), 1000);
        taken(file.text());
    }
}

#[test]
fn a_carriage_return_ends_a_comment() {
    let text = "a: # c\r\r? b\n: # d\r  e: 1\n";
    let file = File::parse_complete(text).unwrap();
    for node in file.root(0).unwrap().descendants() {
        let around = node.parent().map_or(0..text.len(), Node::span);
        assert!(
            around.start <= node.span().start && node.span().end <= around.end,
            "{node:?}"
        );
    }
    let value = file
        .root(0)
        .and_then(|root| root.get("b"))
        .and_then(|b| b.get("e"))
        .unwrap();
    assert_eq!(value.source(), "1");
}
