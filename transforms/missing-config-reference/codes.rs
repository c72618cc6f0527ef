//! The codes of the reasons why there is no fix. Each has a row on the page, and a case.

kubewright_model::codes! {
    /// Why this transform makes no fix.
    pub(super) enum Code {
        Base = "base",
        BinaryKey = "binary-key",
        BlankVariable = "blank-variable",
        DroppedVariable = "dropped-variable",
        EmbeddedName = "embedded-name",
        Example = "example",
        InlinePatch = "inline-patch",
        InvalidName = "invalid-name",
        KeyElsewhere = "key-elsewhere",
        MadeByCommand = "made-by-command",
        MadeByResource = "made-by-resource",
        MakerLacksKey = "maker-lacks-key",
        MissingKey = "missing-key",
        NameNotFollowed = "name-not-followed",
        NameOfAnotherBuild = "name-of-another-build",
        NamespaceNotFollowed = "namespace-not-followed",
        NamespaceOnOneSide = "namespace-on-one-side",
        NotDefined = "not-defined",
        NothingToMerge = "nothing-to-merge",
        OtherNamespace = "other-namespace",
        OtherOverlay = "other-overlay",
        OtherSet = "other-set",
        PerhapsElsewhere = "perhaps-elsewhere",
        PlatformNamespace = "platform-namespace",
        SecretElsewhere = "secret-elsewhere",
        SeveralDefinitions = "several-definitions",
        SeveralNear = "several-near",
        TestFixture = "test-fixture",
        TypeLacksKey = "type-lacks-key",
        WorkloadPatched = "workload-patched",
    }
}
