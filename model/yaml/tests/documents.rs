use crate::yaml::{File, Op, Place, Value, verify};

#[test]
fn remove() {
    for (before, index, result) in [
        ("a: 1\n---\nb: 2\n", 0, "b: 2\n"),
        ("a: 1\n---\nb: 2\n", 1, "a: 1\n"),
        ("a: 1\n---\nb: 2", 1, "a: 1"),
        (
            "---\na: 1\n---\nb: 2\n---\nc: 3\n",
            0,
            "---\nb: 2\n---\nc: 3\n",
        ),
        (
            "---\na: 1\n---\nb: 2\n---\nc: 3\n",
            1,
            "---\na: 1\n---\nc: 3\n",
        ),
        ("a: 1\n", 0, ""),
        ("a: 1\n...\nb: 2\n", 1, "a: 1\n...\n"),
        ("---\na: 1\n...\nb: 2\n", 0, "b: 2\n"),
        ("a: 1\n...\n# c\nb: 2\n", 0, "# c\nb: 2\n"),
        ("a: 1\n... # c\nb: 2\n", 0, " # c\nb: 2\n"),
        ("a: 1\n...\nb: 2\n...\nc: 3\n", 1, "a: 1\n...\nc: 3\n"),
    ] {
        let file = File::parse(before).unwrap();
        let edit = file.remove_document(index).unwrap();
        assert_eq!(
            verify::apply(&file, &[&edit]).map_err(|r| r.code),
            Ok(result.to_owned()),
            "{before}"
        );
    }
    // The `...` that goes with the document keeps those around it apart.
    let file = File::parse("a: 1\n---\nb: 2\n...\nc: 3\n").unwrap();
    assert_eq!(
        file.remove_document(1).map_err(|r| r.code),
        Err("yaml-layout")
    );
    assert!(file.remove_document(0).is_ok() && file.remove_document(2).is_ok());
    for (text, index, code) in [
        // The one behind it would begin in another way.
        ("a: 1\n...\n%YAML 1.2\n---\nb: 2\n", 0, "yaml-directive"),
        // The file would end in the block scalar.
        ("a: |\n  x\n---\nb: 1", 1, "yaml-layout"),
    ] {
        let file = File::parse(text).unwrap();
        assert_eq!(
            file.remove_document(index).map_err(|r| r.code),
            Err(code),
            "{text}"
        );
    }
}

#[test]
fn replace_keeps_comments() {
    let file = File::parse("a: 1\n---\n# c\nb: 2\n").unwrap();
    let edit = file
        .replace_document(1, "---\nb:\n  c: 2 # c\n".into())
        .unwrap();
    assert_eq!(
        verify::apply(&file, &[&edit]).unwrap(),
        "a: 1\n---\nb:\n  c: 2 # c\n"
    );
    let edit = file.replace_document(1, "---\nb: 3\n".into()).unwrap();
    assert_eq!(
        verify::apply(&file, &[&edit]).unwrap_err().code,
        "verify-comments"
    );
}

#[test]
fn replace_by_several() {
    let file = File::parse("a: 1\n---\n# c\nb: 2\n---\nd: 4\n").unwrap();
    let text = "---\nx: 1\n---\n# c\nb: 3\n";
    let edit = file.replace_document(1, text.into()).unwrap();
    let gone = file.remove_document(2).unwrap();
    assert_eq!(
        verify::apply(&file, &[&edit, &gone]).unwrap(),
        "a: 1\n---\nx: 1\n---\n# c\nb: 3\n"
    );
    let mut wrong = edit;
    wrong.op = Op::ReplaceDocument { document: 1, by: 1 };
    assert_eq!(
        verify::apply(&file, &[&wrong]).unwrap_err().code,
        "verify-documents"
    );
}

#[test]
fn a_document_behind_a_lone_carriage_return_stays() {
    let file = File::parse("c: \r\t\r\n\t\r---\nx\n").unwrap();
    assert_eq!(file.documents().len(), 2);
    assert_eq!(
        file.remove_document(1).map_err(|refusal| refusal.code),
        Err("yaml-layout")
    );
}

/// Found by fuzzing: in front of `---` another parser reads it as something else.
#[test]
fn an_empty_block_scalar_moves_nowhere() {
    let file = File::parse("a: b\n---\n--- |\n").unwrap();
    assert_eq!(
        file.move_document(2, 1).map_err(|refusal| refusal.code),
        Err("yaml-layout")
    );
}

#[test]
fn move_up() {
    for (text, document, before, result) in [
        ("a: 1\n---\nb: 2\n", 1, 0, "b: 2\n---\na: 1\n"),
        ("a: 1\n---\nb: 2", 1, 0, "b: 2\n---\na: 1"),
        (
            "---\na: 1\n---\nb: 2\n---\nc: 3\n",
            2,
            1,
            "---\na: 1\n---\nc: 3\n---\nb: 2\n",
        ),
        (
            "---\na: 1\n---\nb: 2\n---\nc: 3\n",
            1,
            0,
            "---\nb: 2\n---\na: 1\n---\nc: 3\n",
        ),
        // The comments of a document go with it, blank lines stay between documents, and a header
        // stays at the top.
        (
            "# header\n\n# of a\na: 1\n\n---\n# of b\nb: |\n  x # y\n",
            1,
            0,
            "# header\n\n# of b\nb: |\n  x # y\n\n---\n# of a\na: 1\n",
        ),
        (
            "# header\n---\na: 1\n# of b\n---\nb: 2 # 2\n# of c\n---\nc: 3\n",
            1,
            0,
            "# header\n# of b\n---\nb: 2 # 2\n---\na: 1\n# of c\n---\nc: 3\n",
        ),
        (
            "a: 1\n# of b\n---\nb: 2\n",
            1,
            0,
            "# of b\nb: 2\n---\na: 1\n",
        ),
        (
            "\u{feff}a: 1\r\n---\r\nb: 2\r\n",
            1,
            0,
            "\u{feff}b: 2\r\n---\r\na: 1\r\n",
        ),
        (
            "---\na: 1\n\n---\nb: 2\n---\nc: 3\n",
            1,
            0,
            "---\nb: 2\n---\na: 1\n\n---\nc: 3\n",
        ),
        (
            "---\na: 1\n# of b\n---\nb: 2\n---\nc: 3\n",
            2,
            1,
            "---\na: 1\n---\nc: 3\n# of b\n---\nb: 2\n",
        ),
        // What a block scalar at the end would take in stays where it is.
        (
            "a: 1\n\n---\nb: |+\n  x\n",
            1,
            0,
            "b: |+\n  x\n---\na: 1\n\n",
        ),
        (
            "a: 1\n   \n---\nb: |\n  x\n",
            1,
            0,
            "b: |\n  x\n---\na: 1\n   \n",
        ),
        // White space behind a value is no part of a comment that moves in front of it.
        (
            "---\na: 1\n---\nb: \n---\nc: 3 # 3",
            2,
            1,
            "---\na: 1\n---\nc: 3 # 3\n---\nb: ",
        ),
        // The blank line is part of the text.
        (
            "a: |+\n  x\n\n---\nb: 1\n",
            1,
            0,
            "b: 1\n---\na: |+\n  x\n\n",
        ),
    ] {
        let file = File::parse(text).unwrap();
        let edit = file.move_document(document, before).unwrap();
        assert_eq!(
            verify::apply(&file, &[&edit]).map_err(|r| r.code),
            Ok(result.to_owned()),
            "{text}"
        );
        // What is changed elsewhere in the same step lands in its document.
        let root = file.root(before).unwrap();
        for place in [Place::First, Place::Last] {
            let other = root.insert(place, "x", &Value::Int(9)).unwrap();
            let both = verify::apply(&file, &[&edit, &other]).unwrap();
            let after = File::parse(both.as_str()).unwrap();
            let x = |at: usize| after.root(at).and_then(|root| root.get("x")).is_some();
            assert!(!x(before) && x(before + 1), "{both}");
        }
        let inside = file.root(document).unwrap();
        let inside = inside.insert(Place::Last, "x", &Value::Int(9)).unwrap();
        assert_eq!(
            verify::apply(&file, &[&edit, &inside]).map_err(|r| r.code),
            Err("edits-overlap")
        );
    }
}

#[test]
fn what_moves_nowhere() {
    for text in [
        "a: 1\n...\nb: 2\n",
        "a: 1\n--- {b: 2}\n",
        "a: 1\n---\nb: |+\n  x\n\n\n...\n---\nc: 2\n",
        "a: 1\n# empty\n---\n---\nc: 2\n",
        "a: 1\n---\nb: 2\n---\nc: 3\n...\n",
        "a: |\n  x\n---\nb: 1",
        "a: 1\n---\nb: |\n  x",
        "\u{feff}\u{feff}a: 1\n---\nb: 2",
    ] {
        let file = File::parse(text).unwrap();
        assert_eq!(
            file.move_document(1, 0).map_err(|r| r.code),
            Err("yaml-layout"),
            "{text}"
        );
    }
    assert_eq!(
        File::parse("a: 1\n---\nb: 2\n")
            .unwrap()
            .move_document(0, 1)
            .map_err(|r| r.code),
        Err("yaml-place")
    );
}
