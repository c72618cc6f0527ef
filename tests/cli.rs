//! Promise: what the documentation shows is what the program prints, and formats, exit statuses and messages stay what they are.
//!
//! The `console` blocks of README.md and of the examples, and the sessions of `tests/cli/`, are run. `TRYCMD=overwrite` accepts the output.

#[test]
fn sessions() {
    trycmd::TestCases::new().case("README.md").case("examples/*/README.md").case("tests/cli/*.trycmd").case("tests/cli/*.toml");
}
