//! The picture of a run in the README: what a terminal shows, as SVG. `cargo bless` takes it again.

use std::fs;
use std::path::Path;
use std::process::Command;

use libtest_mimic::Failed;

use super::ensure;

const COMMAND: &str = "kubewright fix examples/incident-2-two-configurations/app.yaml";

pub(super) fn is_of_this_program() -> Result<(), Failed> {
    let home = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut run = Command::new(env!("CARGO_BIN_EXE_kubewright"));
    run.current_dir(home)
        .args(COMMAND.split(' ').skip(1))
        .args(["--color", "always"])
        .env_remove("NO_COLOR")
        .env("COLUMNS", "90");
    let output = run.output()?;
    let screen = format!(
        "\u{1b}[1m$ {COMMAND}\u{1b}[0m\n{}",
        String::from_utf8(output.stdout)?
    );
    let taken = anstyle_svg::Term::new()
        .min_width_px(760)
        .render_svg(screen.trim_end());
    let path = home.join("docs/run.svg");
    if std::env::var("BLESS").is_ok_and(|v| v == "1") {
        return Ok(fs::write(path, taken)?);
    }
    ensure(
        fs::read_to_string(path).is_ok_and(|held| held == taken),
        || {
            "docs/run.svg is not what the program shows: `cargo bless --test docs -- picture`"
                .into()
        },
    )
}
