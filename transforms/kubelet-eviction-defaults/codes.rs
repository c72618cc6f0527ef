//! The codes of the reasons why there is no fix. Each has a row on the page, and a case.

kubewright_model::codes! {
    /// Why this transform makes no fix.
    pub(super) enum Code {
        EvictsBeforeGc = "evicts-before-gc",
        Flag = "flag",
        GracePeriod = "grace-period",
        InsideText = "inside-text",
        OtherTool = "other-tool",
        SwitchedOff = "switched-off",
    }
}
