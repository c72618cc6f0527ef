//! Documents that are YAML beside some that are not.

use super::{at, s};
use crate::yaml::{File, Place, verify};

#[test]
fn what_is_not_yaml_stays_byte_for_byte() {
    let broken = [
        "a: [\n",
        "{{ if x }}\na: b\n  {{ end }}\n",
        "\t\"é\n\n \n",
        "- a\n b: *c\n",
        "[",
        "\n\té: '\r\n",
    ];
    for broken in broken {
        for (before, behind) in [
            ("a: b\n---\n", ""),
            ("", "---\na: b\n"),
            ("--- \n", "--- # c\na: b\n"),
            ("a: b\n---\n", "---\nc: d\n"),
        ] {
            if !behind.is_empty() && !broken.ends_with('\n') {
                continue;
            }
            let text = format!("{before}{broken}{behind}");
            assert!(File::parse(text.as_str()).is_err(), "{text:?}");
            let file = File::parse_documents(text.as_str()).unwrap();
            assert_eq!(file.unread().len(), 1, "{text:?}");
            assert_eq!(file.text(), text);
            assert_eq!(file.readable().len(), text.len());
            let number = (0..file.documents().len())
                .find(|n| file.root(*n).is_some_and(|root| root.get("a").is_some()));
            let root = file.root(number.unwrap()).unwrap();
            let edits = [
                at(&file, &format!("{}:a", number.unwrap()))
                    .set(&s("new"))
                    .unwrap(),
                root.insert(Place::Last, "e", &s("f")).unwrap(),
            ];
            let after = verify::apply(&file, &edits.iter().collect::<Vec<_>>()).unwrap();
            assert_eq!(
                after,
                text.replace("a: b\n", "a: new\ne: f\n")
                    .replace("a: new\ne: f\n  {{", "a: b\n  {{"),
                "{text:?}"
            );
        }
    }
}

#[test]
fn a_text_without_a_document_is_an_error() {
    for text in [
        "a: [\n",
        "a: [\n---\nb: ]\n",
        "a: [\n---\n",
        "%YAML 1.2\n---\na: b\n---\na: [\n",
        "---\n# c\n--- [\n",
    ] {
        let (partly, whole) = (File::parse_documents(text), File::parse(text));
        assert_eq!(partly.unwrap_err(), whole.unwrap_err(), "{text:?}");
    }
}
