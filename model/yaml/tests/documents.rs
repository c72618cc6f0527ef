use crate::yaml::{File, verify};

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
fn a_document_behind_a_lone_carriage_return_stays() {
    let file = File::parse("c: \r\t\r\n\t\r---\nx\n").unwrap();
    assert_eq!(file.documents().len(), 2);
    assert_eq!(
        file.remove_document(1).map_err(|refusal| refusal.code),
        Err("yaml-layout")
    );
}
