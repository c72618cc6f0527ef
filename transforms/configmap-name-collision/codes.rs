//! The codes of the reasons why there is no fix. Each has a row on the page, and a case.

kubewright_model::codes! {
    /// Why this transform makes no fix.
    pub(super) enum Code {
        Alternatives = "alternatives",
        ConsumerUndecided = "consumer-undecided",
        ContradictingEvidence = "contradicting-evidence",
        Encrypted = "encrypted",
        EnvironmentVariants = "environment-variants",
        FixedName = "fixed-name",
        IdenticalTwin = "identical-twin",
        Immutable = "immutable",
        MergeImpossible = "merge-impossible",
        NameTaken = "name-taken",
        NamespaceUncertain = "namespace-uncertain",
        NoSuffix = "no-suffix",
        NoUniqueDemand = "no-unique-demand",
        OutsidePaths = "outside-paths",
        OutsideUse = "outside-use",
        OwnedElsewhere = "owned-elsewhere",
        Patch = "patch",
        PlatformNamespace = "platform-namespace",
        PrefixedName = "prefixed-name",
        ProbableReference = "probable-reference",
        RbacReference = "rbac-reference",
        SeparateSets = "separate-sets",
        Subset = "subset",
        TestFixture = "test-fixture",
        TwoOwners = "two-owners",
        UnexplainedUse = "unexplained-use",
        VersionVariants = "version-variants",
    }
}
