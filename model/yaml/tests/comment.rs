use crate::yaml::{File, verify};

/// Text after the comment that begins with `#` and this gets another text, or the code of the
/// refusal.
fn changed(before: &str, which: &str, to: Option<&str>) -> String {
    let file = File::parse(before).unwrap();
    let comments = file.comments().iter();
    let at = comments
        .clone()
        .find(|at| before[at.start..].starts_with(which));
    let edit = file.change_comment(at.unwrap().clone(), to.map(str::to_owned));
    let outcome = edit.and_then(|edit| verify::apply(&file, &[&edit]));
    outcome.unwrap_or_else(|refusal| refusal.code.to_owned())
}

#[test]
fn a_comment_goes() {
    for (before, after) in [
        ("a: 1 # x\nb: 2\n", "a: 1\nb: 2\n"),
        ("a: 1\n  # x\nb: 2\n", "a: 1\nb: 2\n"),
        ("# x\na: 1\n", "a: 1\n"),
        ("a: 1\n# x\n", "a: 1\n"),
        ("a: 1\n# x", "a: 1"),
        ("a: 1 # x", "a: 1"),
        ("# o\n# x\na: 1 # p\n", "# o\na: 1 # p\n"),
        ("a: [1, # x\n  2]\n", "a: [1,\n  2]\n"),
        (
            "a: 1\n---\n# x\nb: 2\n---\nc: 3 # p\n",
            "a: 1\n---\nb: 2\n---\nc: 3 # p\n",
        ),
        ("a: |\n  t\n# x\nb: 1\n", "a: |\n  t\nb: 1\n"),
        // The blank line would become one of the text.
        ("a: |+\n  t\n# x\n\nb: 1\n", "verify-values"),
    ] {
        assert_eq!(changed(before, "# x", None), after, "{before}");
        let crlf = |text: &str| text.replace('\n', "\r\n");
        assert_eq!(
            changed(&crlf(before), "# x", None),
            crlf(after),
            "{before} with CRLF"
        );
    }
    // Each line keeps its own line break.
    assert_eq!(changed("a: 1\n# x\r\nb: 2\n", "# x", None), "a: 1\nb: 2\n");
    assert_eq!(
        changed("\u{feff}# x\na: 1\n", "# x", None),
        "\u{feff}a: 1\n"
    );
}

#[test]
fn a_comment_changes() {
    for (before, after) in [
        ("a: 1 # x y\nb: 2 # z\n", "a: 1 # y\nb: 2 # z\n"),
        ("# o\n# x\n# p\na: 1\n", "# o\n# y\n# p\na: 1\n"),
    ] {
        assert_eq!(changed(before, "# x", Some("# y")), after, "{before}");
    }
    assert_eq!(changed("a: 1 # x\n", "# x", Some("b: 2")), "yaml-place");
    assert_eq!(
        changed("a: 1 # x\n", "# x", Some("# y\nb: 2")),
        "yaml-place"
    );
}
