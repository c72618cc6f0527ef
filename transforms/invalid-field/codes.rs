//! The codes of the reasons why there is no fix. Each has a row on the page, and a case.

pub(super) const CODES: &[&str] = &[
    "key-twice",
    "mode-unclear",
    "no-name",
    "no-value",
    "path-twice",
    "separator-missing",
];
