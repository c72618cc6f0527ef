//! Why what a kustomization builds is left alone, or a fix of it is not made.

crate::codes! {
    /// Why a root is left alone, or what it builds is not mended.
    pub enum BuildCode {
        BuildsDiffer = "builds-differ",
        ChangedBehind = "changed-behind",
        NotBuilt = "not-built",
    }
}
