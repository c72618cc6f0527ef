//! `action.yml`, run as a runner runs it: each step with the environment files of GitHub, `gh` and
//! `reviewdog` played by scripts that note what they are asked.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use libtest_mimic::Failed;
use serde_yaml::Value;

use super::{commit, git};
use crate::support::{TrialResult, ensure, run};

pub(crate) const SETTINGS: &str =
    "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: settings\ndata:\n  mode: fast\n";
const READER: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\nspec:\n  selector:\n    matchLabels: {app: web}\n  template:\n    metadata:\n      labels: {app: web}\n    spec:\n      containers:\n      - name: main\n        image: registry.example.com/web:1\n        env:\n        - name: MODE\n          valueFrom:\n            configMapKeyRef: {name: settings, key: mode}\n";

pub(crate) fn home() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A runner in the middle of a job.
struct Runner {
    /// The work tree.
    workspace: PathBuf,
    /// `RUNNER_TEMP`, with the environment files.
    temp: tempfile::TempDir,
    inputs: BTreeMap<String, String>,
    /// What expressions read: `github.token`, `steps.fix.outputs.status`.
    context: BTreeMap<String, String>,
    path: Vec<PathBuf>,
    /// What the steps print.
    log: String,
    /// Actions that were used, and what they were given.
    used: Vec<String>,
    /// The steps that ran.
    ran: Vec<String>,
}

impl Runner {
    fn new(workspace: &Path) -> Result<Self, Failed> {
        let temp = tempfile::tempdir()?;
        let bin = temp.path().join("clients");
        fs::create_dir(&bin)?;
        let note = "#!/bin/sh\necho \"$0 $*\" >> \"$RUNNER_TEMP/asked\"\n";
        let gh = format!("{note}case \"$*\" in *--jq*) cat \"$RUNNER_TEMP/comments\";; esac\n");
        let reviewdog = format!("{note}cat > \"$RUNNER_TEMP/suggested\"\n");
        for (name, text) in [("gh", gh), ("reviewdog", reviewdog)] {
            script(&bin.join(name), &text)?;
        }
        fs::write(temp.path().join("comments"), "")?;
        fs::write(temp.path().join("asked"), "")?;
        let directories = std::env::var_os("PATH").unwrap_or_default();
        let program = Path::new(env!("CARGO_BIN_EXE_kubewright")).parent();
        let mut path = vec![bin];
        path.extend(program.map(Path::to_owned));
        path.extend(std::env::split_paths(&directories));
        Ok(Self {
            workspace: workspace.to_owned(),
            temp,
            inputs: BTreeMap::new(),
            context: BTreeMap::from([("github.token".to_owned(), "token".to_owned())]),
            path,
            log: String::new(),
            used: Vec::new(),
            ran: Vec::new(),
        })
    }

    /// Runs the action; whether it passes.
    fn run(&mut self, inputs: &[(&str, &str)]) -> Result<bool, Failed> {
        let action: Value = serde_yaml::from_str(&fs::read_to_string(home().join("action.yml"))?)?;
        for (name, input) in action["inputs"].as_mapping().into_iter().flatten() {
            let (name, default) = (name.as_str().unwrap_or(""), input["default"].as_str());
            let default = self.evaluated(default.unwrap_or_default());
            self.inputs.insert(name.to_owned(), default);
        }
        for (name, value) in inputs {
            let old = self.inputs.insert((*name).to_owned(), (*value).to_owned());
            ensure(old.is_some(), || format!("there is no input {name}"))?;
        }
        for step in action["runs"]["steps"].as_sequence().into_iter().flatten() {
            if !self.holds(step["if"].as_str().unwrap_or("")) {
                continue;
            }
            self.ran
                .push(step["name"].as_str().unwrap_or("").to_owned());
            if let Some(uses) = step["uses"].as_str() {
                let with = step["with"].as_mapping().into_iter().flatten();
                let with = with.filter_map(|(_, value)| value.as_str());
                let with: Vec<String> = with.map(|value| self.evaluated(value)).collect();
                self.used.push(format!("{uses} {}", with.join(" ")));
            } else if !self.step(step)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Runs the script of a step, as the runner does for `shell: bash`.
    fn step(&mut self, step: &Value) -> Result<bool, Failed> {
        let temp = self.temp.path();
        let (body, output) = (temp.join("step.sh"), temp.join("output"));
        fs::write(&body, step["run"].as_str().unwrap_or(""))?;
        for file in ["output", "path"] {
            fs::write(temp.join(file), "")?;
        }
        let directory = self.evaluated(step["working-directory"].as_str().unwrap_or("."));
        let mut bash = Command::new("bash");
        bash.args(["--noprofile", "--norc", "-eo", "pipefail"])
            .arg(&body)
            .current_dir(self.workspace.join(directory))
            .env("PATH", std::env::join_paths(&self.path)?)
            .env("GITHUB_ACTION_PATH", home())
            .env("GITHUB_REPOSITORY", "owner/name")
            .env("GITHUB_OUTPUT", &output)
            .env("GITHUB_PATH", temp.join("path"))
            .env("GITHUB_STEP_SUMMARY", temp.join("summary"))
            .env("RUNNER_TEMP", temp)
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("NO_COLOR", "1")
            .stdin(Stdio::null());
        for (name, value) in step["env"].as_mapping().into_iter().flatten() {
            let value = self.evaluated(value.as_str().unwrap_or(""));
            bash.env(name.as_str().unwrap_or(""), value);
        }
        let done = bash.output()?;
        self.log += &String::from_utf8_lossy(&done.stdout);
        self.log += &String::from_utf8_lossy(&done.stderr);
        let id = step["id"].as_str().unwrap_or("").to_owned();
        for line in fs::read_to_string(&output)?.lines() {
            let (name, value) = line.split_once('=').ok_or("a line without =")?;
            let name = format!("steps.{id}.outputs.{name}");
            self.context.insert(name, value.to_owned());
        }
        for line in fs::read_to_string(self.temp.path().join("path"))?.lines() {
            self.path.insert(0, line.into());
        }
        Ok(done.status.success())
    }

    fn value(&self, name: &str) -> String {
        let name = name.trim();
        let found = match name.strip_prefix("inputs.") {
            Some(input) => self.inputs.get(input),
            None => self.context.get(name),
        };
        found.cloned().unwrap_or_default()
    }

    /// A text with its expressions replaced.
    fn evaluated(&self, text: &str) -> String {
        let mut out = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${{") {
            let (expression, after) = after.split_once("}}").unwrap_or((after, ""));
            out += before;
            out += &self.value(expression);
            rest = after;
        }
        out + rest
    }

    /// Conditions joined by `&&`: a comparison with a literal, or a value that is there.
    fn holds(&self, condition: &str) -> bool {
        condition
            .split("&&")
            .map(str::trim)
            .filter(|c| !c.is_empty())
            .all(|c| {
                let literal = |text: &str| text.trim().trim_matches('\'').to_owned();
                if let Some((name, wanted)) = c.split_once("==") {
                    self.value(name) == literal(wanted)
                } else if let Some((name, unwanted)) = c.split_once("!=") {
                    self.value(name) != literal(unwanted)
                } else {
                    !self.value(c).is_empty()
                }
            })
    }

    fn file(&self, name: &str) -> String {
        fs::read_to_string(self.temp.path().join(name)).unwrap_or_default()
    }
}

fn script(path: &Path, text: &str) -> TrialResult {
    fs::write(path, text)?;
    run(Command::new("chmod").arg("+x").arg(path), &[0])?;
    Ok(())
}

/// What `actions/checkout` leaves of a pull request: one commit, the merge that GitHub made of it;
/// and the commit that the event names as its base.
pub(crate) fn checkout(
    change: &[(&str, &str)],
) -> Result<(tempfile::TempDir, PathBuf, String), Failed> {
    let dir = tempfile::tempdir()?;
    let origin = dir.path().join("origin");
    fs::create_dir(&origin)?;
    git(&origin, &["init", "-q"])?;
    git(
        &origin,
        &["config", "uploadpack.allowAnySHA1InWant", "true"],
    )?;
    for (name, text) in [
        ("settings.yaml", SETTINGS),
        ("web.yaml", READER),
        (
            "kustomization.yaml",
            "resources: [settings.yaml, web.yaml]\n",
        ),
    ] {
        fs::write(origin.join(name), text)?;
    }
    commit(&origin, "base")?;
    let base = git(&origin, &["rev-parse", "HEAD"])?;
    git(&origin, &["checkout", "-q", "-b", "change"])?;
    for (name, text) in change {
        fs::write(origin.join(name), text)?;
    }
    commit(&origin, "change")?;
    git(&origin, &["checkout", "-q", "main"])?;
    fs::write(origin.join("README.md"), "The branch moves on.\n")?;
    commit(&origin, "more")?;
    git(
        &origin,
        &["merge", "-q", "--no-ff", "-m", "merge", "change"],
    )?;
    git(&origin, &["update-ref", "refs/pull/7/merge", "HEAD"])?;
    git(&origin, &["reset", "-q", "--hard", "HEAD^1"])?;
    let work = dir.path().join("work");
    fs::create_dir(&work)?;
    git(&work, &["init", "-q"])?;
    let url = format!("file://{}", origin.display());
    git(&work, &["remote", "add", "origin", &url])?;
    git(
        &work,
        &["fetch", "-q", "--depth=1", "origin", "refs/pull/7/merge"],
    )?;
    git(&work, &["checkout", "-q", "FETCH_HEAD"])?;
    Ok((dir, work, base))
}

pub(crate) fn pull_request() -> TrialResult {
    let gone = SETTINGS.replace("mode", "speed");
    let (_dir, work, base) = checkout(&[("settings.yaml", &gone)])?;
    let mut runner = Runner::new(&work)?;
    for (name, value) in [("base.sha", base.as_str()), ("number", "7")] {
        let name = format!("github.event.pull_request.{name}");
        runner.context.insert(name, value.to_owned());
    }
    let inputs = [
        ("install", "none"),
        ("comment", "true"),
        ("suggestions", "true"),
        ("upload-sarif", "true"),
    ];
    let passed = runner.run(&inputs)?;
    let log = runner.log.clone();
    ensure(
        !passed
            && runner
                .ran
                .last()
                .is_some_and(|s| s.starts_with("Fail when")),
        || {
            format!(
                "the job does not fail in its last step, {:?}:\n{log}",
                runner.ran
            )
        },
    )?;
    // The finding that the change brings, which stands in a file that it does not touch; nothing
    // of what the base has.
    let annotations: Vec<&str> = log.lines().filter(|l| l.starts_with("::error ")).collect();
    ensure(
        annotations.len() == 1
            && annotations[0].contains("file=web.yaml,line=18,")
            && !log.contains("::warning"),
        || format!("annotations:\n{log}"),
    )?;
    ensure(log.contains("::stop-commands::"), || {
        format!("the log takes commands:\n{log}")
    })?;
    let output = |name: &str| runner.value(&format!("steps.fix.outputs.{name}"));
    ensure(output("status") == "1" && output("findings") == "1", || {
        format!("outputs: {:?}", runner.context)
    })?;
    for name in ["markdown", "sarif", "json", "rdjson", "patch"] {
        ensure(Path::new(&output(name)).is_file(), || {
            format!("no file {name}")
        })?;
    }
    let summary = runner.file("summary");
    ensure(
        summary.contains("### kubewright: 1 finding brought by this change"),
        || summary.clone(),
    )?;
    let asked = runner.file("asked");
    let posts = format!(
        "--method POST repos/owner/name/issues/7/comments --field body=@{}",
        output("markdown")
    );
    ensure(asked.contains(&posts) && !asked.contains("PATCH"), || {
        asked.clone()
    })?;
    ensure(
        asked.contains("reviewdog -f=rdjson -name=kubewright -reporter=github-pr-review"),
        || asked.clone(),
    )?;
    ensure(runner.file("suggested").contains("\"diagnostics\""), || {
        "nothing was suggested".into()
    })?;
    let sarif = format!(
        "github/codeql-action/upload-sarif@v4 {} kubewright",
        output("sarif")
    );
    ensure(
        runner.used == ["reviewdog/action-setup@v1 ".to_owned(), sarif],
        || format!("{:?}", runner.used),
    )?;
    // Again: the comment is there.
    fs::write(runner.temp.path().join("comments"), "41\n42\n")?;
    fs::write(runner.temp.path().join("asked"), "")?;
    runner.run(&inputs)?;
    let asked = runner.file("asked");
    ensure(
        asked.contains("--method PATCH repos/owner/name/issues/comments/41 ")
            && !asked.contains("POST"),
        || asked.clone(),
    )
}

pub(crate) fn clean() -> TrialResult {
    let (_dir, work, base) = checkout(&[("web.yaml", &format!("# a comment\n{READER}"))])?;
    let mut runner = Runner::new(&work)?;
    for (name, value) in [("base.sha", base.as_str()), ("number", "7")] {
        let name = format!("github.event.pull_request.{name}");
        runner.context.insert(name, value.to_owned());
    }
    let passed = runner.run(&[("install", "none"), ("comment", "true")])?;
    ensure(passed, || format!("{:?}\n{}", runner.ran, runner.log))?;
    let asked = runner.file("asked");
    ensure(!asked.contains("POST") && asked.contains("--jq"), || {
        asked.clone()
    })?;
    // Outside of pull requests everything counts, and nothing is commented.
    let mut runner = Runner::new(&work)?;
    let passed = runner.run(&[
        ("install", "none"),
        ("comment", "true"),
        ("fail-on", "never"),
        ("paths", "settings.yaml\nweb.yaml\n"),
    ])?;
    ensure(
        passed && runner.log.contains("::warning file=web.yaml,line=5,"),
        || runner.log.clone(),
    )?;
    ensure(runner.file("asked").is_empty(), || {
        "something was commented".into()
    })?;
    // What cannot run says so at once.
    let passed = runner.run(&[("install", "none"), ("paths", "nowhere")])?;
    ensure(
        !passed
            && runner
                .log
                .contains("::error title=kubewright::kubewright ended with status 2"),
        || runner.log.clone(),
    )
}

pub(crate) fn release() -> TrialResult {
    let version = env!("CARGO_PKG_VERSION");
    let releases = tempfile::tempdir()?;
    let folder = releases.path().join(format!("v{version}"));
    fs::create_dir(&folder)?;
    script(
        &releases.path().join("kubewright"),
        "#!/bin/sh\necho the release\n",
    )?;
    let machine = run(Command::new("uname").arg("-m"), &[0])?.stdout;
    let machine = String::from_utf8_lossy(&machine)
        .trim()
        .replace("arm64", "aarch64");
    let archive = folder.join(format!("kubewright-{machine}-unknown-linux-musl.tar.gz"));
    let mut tar = Command::new("tar");
    run(
        tar.arg("-czf")
            .arg(&archive)
            .arg("-C")
            .arg(releases.path())
            .arg("kubewright"),
        &[0],
    )?;
    let digest = run(Command::new("sha256sum").arg(&archive), &[0])?.stdout;
    let install = |digest: &[u8]| -> Result<(bool, String, String), Failed> {
        fs::write(archive.with_extension("gz.sha256"), digest)?;
        let temp = tempfile::tempdir()?;
        let output = Command::new("bash")
            .arg(home().join("integrations/github/install.sh"))
            .env("GITHUB_ACTION_PATH", home())
            .env("GITHUB_PATH", temp.path().join("path"))
            .env("RUNNER_TEMP", temp.path())
            .env("INSTALL", "release")
            .env(
                "KUBEWRIGHT_RELEASES",
                format!("file://{}", releases.path().display()),
            )
            .output()?;
        let path = fs::read_to_string(temp.path().join("path")).unwrap_or_default();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        Ok((output.status.success(), said, path))
    };
    let (passed, said, path) = install(&digest)?;
    ensure(
        passed && said.ends_with("the release\n") && path.contains("kubewright-bin"),
        || said.clone(),
    )?;
    let (passed, said, path) = install(b"0000  kubewright\n")?;
    ensure(
        !passed && said.contains("does not match its digest") && path.is_empty(),
        || said.clone(),
    )
}

/// A workflow that gives each input; actionlint reads `action.yml` beside it.
pub(crate) fn lint() -> TrialResult {
    let dir = tempfile::tempdir()?;
    git(dir.path(), &["init", "-q"])?;
    fs::copy(home().join("action.yml"), dir.path().join("action.yml"))?;
    let workflows = dir.path().join(".github/workflows");
    fs::create_dir_all(&workflows)?;
    let action: Value = serde_yaml::from_str(&fs::read_to_string(home().join("action.yml"))?)?;
    let names = action["inputs"].as_mapping().into_iter().flatten();
    let names: Vec<&str> = names.filter_map(|(name, _)| name.as_str()).collect();
    let given: String = names
        .iter()
        .flat_map(|n| ["          ", n, ": a\n"])
        .collect();
    let outputs = action["outputs"].as_mapping().into_iter().flatten();
    let read: String = outputs
        .filter_map(|(name, _)| name.as_str())
        .map(|name| ["      - run: echo ${{ steps.k.outputs.", name, " }}\n"].concat())
        .collect();
    let workflow = format!(
        "on: pull_request\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n      - uses: \
         actions/checkout@v4\n      - uses: ./\n        id: k\n        with:\n{given}{read}"
    );
    fs::write(workflows.join("a.yml"), workflow)?;
    run(
        Command::new("actionlint")
            .args(["-no-color", "-shellcheck="])
            .current_dir(dir.path()),
        &[0],
    )?;
    // The page has a row for each input, and its workflow is one.
    let page = fs::read_to_string(home().join("docs/pull-requests.md"))?;
    for name in names {
        ensure(page.contains(&format!("\n| `{name}` | ")), || {
            format!("docs/pull-requests.md has no row for {name}")
        })?;
    }
    let example = page
        .split("```yaml\n")
        .find_map(|block| block.strip_prefix("on: pull_request"));
    let example = example
        .and_then(|block| block.split("```").next())
        .ok_or("no workflow on the page")?;
    let example =
        format!("on: pull_request{example}").replace("kubewright/kubewright@v0.1.0", "./");
    fs::write(workflows.join("a.yml"), example)?;
    run(
        Command::new("actionlint")
            .args(["-no-color", "-shellcheck="])
            .current_dir(dir.path()),
        &[0],
    )?;
    Ok(())
}
