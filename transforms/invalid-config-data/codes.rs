//! The codes of the reasons why there is no fix. Each has a row on the page, and a case.

kubewright_model::codes! {
    /// Why this transform makes no fix: what was meant is for a person to say.
    pub(super) enum Code {
        Base64 = "base64",
        InvalidKey = "invalid-key",
        KeyInBoth = "key-in-both",
        Syntax = "syntax",
        TooLarge = "too-large",
    }
}
