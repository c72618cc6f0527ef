//! The codes of the reasons why there is no fix. Each has a row on the page, and a case.

kubewright_model::codes! {
    /// Why this transform makes no fix.
    pub(super) enum Code {
        KeyTwice = "key-twice",
        ModeUnclear = "mode-unclear",
        NoName = "no-name",
        NoValue = "no-value",
        PathTwice = "path-twice",
        SeparatorMissing = "separator-missing",
    }
}
