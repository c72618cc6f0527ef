//! The codes of the reasons why there is no fix. Each has a row on the page, and a case.

kubewright_model::codes! {
    /// Why this transform makes no fix.
    pub(super) enum Code {
        ContentChanges = "content-changes",
        Generated = "generated",
        NameTaken = "name-taken",
        NoPlace = "no-place",
        OtherReader = "other-reader",
        PartOfValue = "part-of-value",
        PatchedReader = "patched-reader",
        ReaderUnknown = "reader-unknown",
    }
}
