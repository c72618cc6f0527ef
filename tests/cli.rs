//! Promise: what the documentation shows is what the program prints, and formats, exit statuses and
//! messages stay what they are.
//!
//! The `console` blocks of README.md and of the examples, and the sessions of `tests/cli/`, are
//! run. `TRYCMD=overwrite` accepts the output.

use std::path::Path;

#[test]
fn sessions() {
    let cases = trycmd::TestCases::new();
    if Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("README.md")
        .exists()
    {
        cases.case("README.md");
    }
    cases
        .case("examples/*/README.md")
        .case("tests/cli/*.trycmd")
        .case("tests/cli/*.toml");
}
