//! `kubewright init`: looks at the repository and writes a `kubewright.toml` that says what was
//! found; offers the pre-commit hook and the workflow of CI, and shows the first fixes.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::{self, BufRead as _, IsTerminal as _};
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use kubewright_model::kube::{ApplySet, Evidence, Options, Workspace};

use super::args::{FixArgs, InitArgs};
use super::config::FILE_NAME;
use super::ground::Ground;
use super::print::between;
use super::print::offer;
use super::print::run::{HOME, Run, VERSION};
use super::print::text::{Shown, number};
use super::status::Status;
use super::terminal::Terminal;
use super::{output, selection};
use crate::pipeline::report::Outcome;
use crate::pipeline::{Pipeline, UnsafeFixes};

/// Most apply sets of each kind that are listed.
const LISTED: usize = 20;
/// Most directories that are asked about.
const ASKED: usize = 8;
/// Fixes that are shown at the end.
const SHOWN: usize = 3;
/// Directories whose files are copies.
const COPIES: [&str; 3] = ["vendor", "third_party", "upstream"];

pub(super) fn init(args: &InitArgs, terminal: &Terminal) -> Result<Status> {
    let asks = !args.yes;
    if asks && !(io::stdin().is_terminal() && terminal.is_one()) {
        bail!("init asks questions, and this is no terminal: kubewright init --yes asks none");
    }
    let start = args.directory.clone().unwrap_or_else(|| ".".into());
    let ground = Ground::of(std::slice::from_ref(&start), None)?;
    let file = ground.root.join(FILE_NAME);
    let name = between(&ground.cwd, &file);
    if file.exists() {
        bail!("{name} is there already: `kubewright config show` prints what it says");
    }
    let tree = ground.read_aloud(terminal)?;
    let workspace = Workspace::new(tree.inputs, ground.config.options.clone());
    terminal.out(&format!(
        "{} with manifests, {}\n",
        number(workspace.files().len(), "file"),
        number(workspace.resources().len(), "resource")
    ))?;
    let mut whole = BTreeSet::new();
    if asks {
        let asked: Vec<&ApplySet> = candidates(&workspace).into_iter().take(ASKED).collect();
        if !asked.is_empty() {
            terminal.out(&format!(
                "\nNothing says how {} with manifests {} applied. Where\n`kubectl apply -f DIR` \
                 applies all of one, and nothing else belongs to it,\nmore can be proven. An empty \
                 line is a no; kubewright.toml can be changed later.\n",
                plural(asked.len(), "directory", "directories"),
                if asked.len() == 1 { "is" } else { "are" }
            ))?;
        }
        for set in asked {
            let resources = number(set.members.len(), "resource");
            let question = format!("  {}, {resources}: applied as a whole?", set.name);
            if yes(&question, terminal)? {
                whole.insert(set.name.clone());
            }
        }
    }
    output::put(&file, &configuration(&workspace, &whole))?;
    terminal.out(&format!("wrote {name}\n"))?;
    for extra in extras(&ground.root) {
        let path = ground.root.join(extra.path);
        let shown = between(&ground.cwd, &path);
        if path.exists() {
            terminal.out(&format!(
                "{shown} is there already; to it belongs:\n{}",
                extra.text
            ))?;
        } else if !asks || yes(&format!("Write {shown}: {}?", extra.what), terminal)? {
            if let Some(directory) = path.parent() {
                std::fs::create_dir_all(directory)?;
            }
            output::put(&path, &extra.text)?;
            terminal.out(&format!("wrote {shown}\n"))?;
        }
    }
    first_fixes(&start, terminal)?;
    Ok(Status::Clean)
}

fn plural(n: usize, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}

/// Asks on the terminal; an empty line is a no.
fn yes(question: &str, terminal: &Terminal) -> Result<bool> {
    terminal.out(&format!("{question} [y/N] "))?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

/// Directories with several resources of which nothing says how they are applied.
fn candidates(workspace: &Workspace) -> Vec<&ApplySet> {
    let is_one = |set: &&ApplySet| {
        set.evidence == Evidence::Directory && set.members.len() > 1 && set.name != "."
    };
    workspace.sets().iter().filter(is_one).collect()
}

/// The configuration: what is found, and what could be said of it.
fn configuration(workspace: &Workspace, whole: &BTreeSet<String>) -> String {
    let mut out = format!(
        "#:schema {}/docs/schemas/kubewright.schema.json\n# kubewright reads the graph of \
         resources from the folder of this file down.\n# `kubewright config show` prints all \
         settings.\n\n",
        HOME.replace("github.com", "raw.githubusercontent.com") + "/main"
    );
    let copies: BTreeSet<String> = workspace.files().iter().filter_map(copy).collect();
    let globs: Vec<String> = copies.iter().map(|d| format!("{d:?}")).collect();
    out.push_str("# Files that are read, and neither reported nor edited.\n");
    if globs.is_empty() {
        out.push_str("# ignore = [\"vendor/**\"]\n");
    } else {
        let _ = writeln!(out, "ignore = [{}]", globs.join(", "));
    }
    let known: Vec<(&ApplySet, &str)> = (workspace.sets().iter())
        .filter_map(|set| Some((set, why(set.evidence)?)))
        .collect();
    if !known.is_empty() {
        out.push_str("\n# Applied together, found without a setting (`kubewright graph`):\n");
        for (set, why) in known.iter().take(LISTED) {
            let resources = number(set.members.len(), "resource");
            let _ = writeln!(out, "#   {}: {why}, {resources}", set.name);
        }
        if known.len() > LISTED {
            let _ = writeln!(out, "#   and {} more", known.len() - LISTED);
        }
    }
    let candidates = candidates(workspace);
    if !candidates.is_empty() {
        out.push_str(
            "\n# Directories with manifests of which nothing says how they are applied. Where one \
             is applied as a\n# whole (`kubectl apply -f DIR`), say so: what depends on it can be \
             proven then.\n",
        );
    }
    for (at, set) in candidates.iter().enumerate() {
        let active = whole.contains(&set.name);
        if at >= LISTED && !active {
            continue;
        }
        let mark = if active { "" } else { "# " };
        let _ = writeln!(
            out,
            "{mark}[[apply-sets]] # {}\n{mark}name = {:?}\n{mark}paths = [{:?}]\n",
            number(set.members.len(), "resource"),
            set.name,
            set.name
        );
    }
    format!("{}\n", out.trim_end())
}

/// The directory of copies that a file lies in.
fn copy(file: &kubewright_model::kube::SourceFile) -> Option<String> {
    let mut above = Vec::new();
    for part in file.path.split('/') {
        above.push(part);
        if COPIES.contains(&part) {
            return Some(format!("{}/**", above.join("/")));
        }
    }
    None
}

/// Why resources are known to be applied together.
fn why(evidence: Evidence) -> Option<&'static str> {
    match evidence {
        Evidence::Kustomization => Some("a kustomization that is built by itself"),
        Evidence::ArgoCd => Some("an Application of Argo CD"),
        Evidence::Flux => Some("a Kustomization of Flux"),
        Evidence::Helm => Some("a Helm chart"),
        Evidence::Config | Evidence::Stream | Evidence::Directory => None,
    }
}

/// A file beside the configuration.
struct Extra {
    path: &'static str,
    what: &'static str,
    text: String,
}

/// The pre-commit hook, and the workflow of the service that the repository is on.
fn extras(root: &Path) -> Vec<Extra> {
    let mut all = vec![Extra {
        path: ".pre-commit-config.yaml",
        what: "a hook that checks what a commit changes",
        text: format!(
            "repos:\n  - repo: {HOME}\n    rev: v{VERSION}\n    hooks:\n      - id: \
             kubewright-check\n"
        ),
    }];
    if root.join(".gitlab-ci.yml").exists() {
        all.push(Extra {
            path: ".gitlab-ci.yml",
            what: "a job that checks merge requests",
            text: "kubewright:\n  script:\n    - kubewright fix --check --format \
                       gitlab=gl-code-quality-report.json --format text\n  artifacts:\n    \
                       reports:\n      codequality: gl-code-quality-report.json\n"
                .into(),
        });
    }
    if root.join(".github").exists() {
        all.push(Extra {
            path: ".github/workflows/kubewright.yml",
            what: "a workflow that checks pull requests",
            text: format!(
                "name: kubewright\non:\n  pull_request:\n\npermissions:\n  contents: \
                 read\n\njobs:\n  kubewright:\n    runs-on: ubuntu-latest\n    steps:\n      - \
                 uses: actions/checkout@v4\n      - uses: {}@v{VERSION}\n",
                HOME.trim_start_matches("https://github.com/")
            ),
        });
    }
    all
}

/// What `fix` would do first.
fn first_fixes(start: &PathBuf, terminal: &Terminal) -> Result<()> {
    let ground = Ground::of(std::slice::from_ref(start), None)?;
    let args = FixArgs::of(vec![start.clone()]);
    let options = Options {
        texts: Some(ground.texts()),
        ..ground.config.options.clone()
    };
    let workspace = Workspace::new(ground.read(terminal)?.inputs, options);
    let pipeline = Pipeline {
        transforms: selection::selected(&args, &ground.config)?,
        settings: &ground.config.settings,
        unsafe_fixes: UnsafeFixes::None,
    };
    let report = pipeline.run(&workspace)?;
    let paths = ground.shown();
    let run = Run {
        shown: Shown {
            width: Some(terminal.width()),
            links: terminal.links(),
            ..Shown::default()
        },
        ..Run::new(&report, &paths)
    };
    let applied = |f: &&_| {
        matches!(
            f,
            crate::pipeline::report::Reported {
                outcome: Outcome::Applied,
                ..
            }
        )
    };
    let mut shown = 0;
    for finding in report.findings.iter().filter(applied).take(SHOWN) {
        terminal.out(&format!(
            "\n{}",
            offer::render(&report, finding, &run.view())
        ))?;
        shown += 1;
    }
    let next = match shown {
        0 => "nothing has a safe fix; `kubewright fix` shows what is found",
        _ => "`kubewright fix` shows all fixes, `kubewright fix --write` makes them",
    };
    terminal.out(&format!("\n{next}\n"))
}
