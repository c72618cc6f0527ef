//! The codes of the reasons why there is no fix. Each has a row in a table of `README.md` and a case.

pub(super) const CODES: &[&str] = &[
    "key-twice",
    "mode-unclear",
    "no-name",
    "no-value",
    "path-twice",
];
