//! Both planners, on any text: what the scanner accepts it plans exactly as the complete planner
//! does, and every span lies in its parent's.
#![no_main]

use kubewright_model::yaml::{File, Node};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let complete = File::parse_complete(text);
    if let Some(fast) = File::parse_fast(text) {
        match &complete {
            Ok(complete) => assert!(fast == *complete, "the trees differ"),
            Err(error) => panic!("the scanner accepts what is not YAML: {error}"),
        }
    }
    let Ok(file) = complete else { return };
    assert_eq!(file.text(), text);
    if file.uneditable().is_some() {
        return;
    }
    for root in (0..file.documents().len()).filter_map(|index| file.root(index)) {
        let region = file.documents()[root.document()].region();
        for node in root.descendants() {
            let (span, around) = (
                node.span(),
                node.parent().map_or(region.clone(), Node::span),
            );
            assert!(
                text.get(span.clone()).is_some(),
                "{node:?} cuts a character"
            );
            assert!(
                around.start <= span.start && span.start <= span.end && span.end <= around.end,
                "{node:?} reaches out of {around:?}"
            );
        }
    }
});
