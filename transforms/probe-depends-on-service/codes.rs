//! The codes of the reasons why there is no fix. Each has a row on the page, and a case.

kubewright_model::codes! {
    /// Why this transform makes no fix.
    pub(super) enum Code {
        AsksItself = "asks-itself",
        Chain = "chain",
        Circle = "circle",
        OtherHost = "other-host",
        OtherService = "other-service",
    }
}
