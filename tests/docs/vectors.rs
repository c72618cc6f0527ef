//! Promise: the hash can be had by hand. The recipe on the page of `missing-config-hash` is run as
//! it stands there, and prints the hashes of the table below it.

use std::fs;
use std::process::{Command, Stdio};

use libtest_mimic::Failed;

use super::{ensure, home};

const FENCE: &str = "```sh vectors\n";

pub(crate) fn are_those_of_the_recipe() -> Result<(), Failed> {
    let page = fs::read_to_string(home().join("missing-config-hash/README.md"))?;
    let (_, rest) = page.split_once(FENCE).ok_or("the page has no recipe")?;
    let (recipe, rest) = rest.split_once("```").ok_or("the recipe has no end")?;
    let table = rest.split("\n## ").next().unwrap_or_default();
    let wanted: Vec<&str> = table
        .lines()
        .filter_map(|line| line.trim_end().strip_suffix("` |")?.rsplit('`').next())
        .collect();
    let there = |program: &str| {
        let mut look = Command::new("sh");
        look.args(["-c", &format!("command -v {program}")]);
        look.stdout(Stdio::null())
            .status()
            .is_ok_and(|s| s.success())
    };
    if !["sha256sum", "openssl"].into_iter().all(there) {
        let required = std::env::var("KUBEWRIGHT_REQUIRE_CLIENTS").is_ok_and(|v| v == "1");
        return ensure(!required, || "sh, sha256sum or openssl is missing".into());
    }
    let output = Command::new("sh").args(["-euc", recipe]).output()?;
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    let printed: Vec<&str> = printed.lines().collect();
    ensure(wanted.len() > 5 && printed == wanted, || {
        format!(
            "the recipe prints {printed:#?}, and the table has {wanted:#?}\n{}",
            String::from_utf8_lossy(&output.stderr)
        )
    })
}
