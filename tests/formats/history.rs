//! `--since` and `--baseline`: what is left out, and what is not.

use std::fs;
use std::path::Path;
use std::process::Command;

use libtest_mimic::Failed;

use super::{commit, git};
use crate::support::{TrialResult, ensure, kubewright, pipe, run, tree};

const SETTINGS: &str =
    "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: settings\ndata:\n  mode: fast\n";

/// A Deployment that reads a key; `hash`: it has the annotation that a fix writes already.
fn reader(name: &str) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: {name}\nspec:\n  selector:\n    matchLabels: {{app: {name}}}\n  template:\n    metadata:\n      labels: {{app: {name}}}\n    spec:\n      containers:\n      - name: main\n        image: registry.example.com/web:1\n        env:\n        - name: MODE\n          valueFrom:\n            configMapKeyRef: {{name: settings, key: mode}}\n"
    )
}

/// A repository with one finding, whose branch `main` is at the first commit.
fn repository() -> Result<tempfile::TempDir, Failed> {
    let dir = tempfile::tempdir()?;
    git(dir.path(), &["init", "-q"])?;
    fs::create_dir(dir.path().join("app"))?;
    let put = |name: &str, text: &str| fs::write(dir.path().join("app").join(name), text);
    put(
        "kustomization.yaml",
        "resources:\n- settings.yaml\n- web.yaml\n",
    )?;
    put("settings.yaml", SETTINGS)?;
    put("web.yaml", &reader("web"))?;
    commit(dir.path(), "base")?;
    git(dir.path(), &["checkout", "-q", "-b", "change"])?;
    Ok(dir)
}

/// What one line a finding says, and the exit status.
fn concise(dir: &Path, args: &[&str]) -> Result<(String, i32), Failed> {
    let args: Vec<&str> = ["fix", "--format", "concise"]
        .iter()
        .chain(args)
        .copied()
        .collect();
    let output = run(&mut kubewright(dir, &args), &[0, 1])?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    Ok((said, output.status.code().unwrap_or(-1)))
}

fn says(dir: &Path, args: &[&str], wanted: &[&str], status: i32) -> TrialResult {
    let (said, found) = concise(dir, args)?;
    let lines: Vec<&str> = said.lines().collect();
    let same = lines.len() == wanted.len()
        && wanted
            .iter()
            .zip(&lines)
            .all(|(wanted, line)| line.starts_with(wanted));
    ensure(same && found == status, || {
        format!("{args:?}: wanted {wanted:?} and status {status}, found status {found} and\n{said}")
    })
}

pub(crate) fn since() -> TrialResult {
    let dir = repository()?;
    let (root, web) = (dir.path(), dir.path().join("app/web.yaml"));
    let hash = "app/web.yaml:4:9: warning[missing-config-hash]";
    says(root, &[], &[hash], 1)?;
    says(root, &["--since", "main"], &[], 0)?;
    // Moved lines, other indentation of comments, a moved file: nothing is new.
    fs::write(&web, format!("# a\n\n# b\n{}", reader("web")))?;
    says(root, &["--since", "main"], &[], 0)?;
    fs::create_dir(root.join("moved"))?;
    fs::rename(&web, root.join("moved/web.yaml"))?;
    let listed = "resources:\n- settings.yaml\n- ../moved/web.yaml\n";
    fs::write(root.join("app/kustomization.yaml"), listed)?;
    says(root, &["--since", "main"], &[], 0)?;
    git(root, &["checkout", "-q", "--", "."])?;
    fs::remove_dir_all(root.join("moved"))?;
    // A key that goes is missed in a file that the change does not touch.
    fs::write(
        root.join("app/settings.yaml"),
        SETTINGS.replace("mode", "speed"),
    )?;
    commit(root, "the key goes")?;
    let missing = "app/web.yaml:18:52: error[missing-config-reference]";
    says(root, &["--since", "main"], &[missing], 1)?;
    // The branch that it goes to moves on: what it has is not what this change brings.
    git(root, &["checkout", "-q", "main"])?;
    fs::write(root.join("app/worker.yaml"), reader("worker"))?;
    commit(root, "another one")?;
    git(root, &["checkout", "-q", "change"])?;
    says(root, &["--since", "main"], &[missing], 1)?;
    // A second finding of the same kind is one more.
    fs::write(root.join("app/other.yaml"), reader("other"))?;
    let (said, _) = concise(root, &["--since", "main"])?;
    ensure(
        said.lines().count() == 2 && said.contains("app/other.yaml"),
        || said.clone(),
    )?;
    // From below the top, and of a part.
    says(
        &root.join("app"),
        &["--since", "main", "web.yaml"],
        &["web.yaml:18:52: error"],
        1,
    )?;
    let comment = run(
        &mut kubewright(root, &["fix", "--since", "main", "--format", "markdown"]),
        &[1],
    )?;
    let comment = String::from_utf8_lossy(&comment.stdout).into_owned();
    for wanted in [
        "brought by this change",
        "ConfigMap settings<br/>app/settings.yaml:4",
    ] {
        ensure(comment.contains(wanted), || {
            format!("no {wanted}:\n{comment}")
        })?;
    }
    // A pod template that the change touches restarts, fixes or not.
    fs::write(
        root.join("app/web.yaml"),
        reader("web").replace("web:1", "web:2"),
    )?;
    let said = run(
        &mut kubewright(root, &["fix", "--since", "main", "--check"]),
        &[1],
    )?
    .stdout;
    let said = String::from_utf8_lossy(&said).into_owned();
    ensure(
        said.contains("\nthe change restarts 1 workload: 1 rolling\n"),
        || said.clone(),
    )?;
    // What cannot be known is an error, and says what to do.
    for (rev, wanted) in [
        ("nowhere", "git knows no commit"),
        ("--all", "git knows no commit"),
    ] {
        let since = format!("--since={rev}");
        let said = run(&mut kubewright(root, &["fix", &since]), &[2])?.stderr;
        let said = String::from_utf8_lossy(&said).into_owned();
        ensure(
            said.contains(wanted) && said.contains("fetch-depth: 0"),
            || said.clone(),
        )?;
    }
    Ok(())
}

pub(crate) fn since_fixes() -> TrialResult {
    let dir = repository()?;
    let root = dir.path();
    fs::write(root.join("app/other.yaml"), reader("other"))?;
    let listed = "resources:\n- settings.yaml\n- web.yaml\n- other.yaml\n";
    fs::write(root.join("app/kustomization.yaml"), listed)?;
    let before = tree(root)?;
    run(
        &mut kubewright(root, &["fix", "--since", "main", "--write"]),
        &[0],
    )?;
    let after = tree(root)?;
    let differ = before
        .iter()
        .filter(|(path, text)| after.get(*path) != Some(text));
    let differ: Vec<_> = differ.map(|(path, _)| path.display().to_string()).collect();
    ensure(differ == ["app/other.yaml"], || {
        format!("written: {differ:?}")
    })?;
    says(root, &["--since", "main"], &[], 0)
}

/// The past has its own configuration and ignore files, and what is not UTF-8, broken or large.
pub(crate) fn past() -> TrialResult {
    let dir = repository()?;
    let root = dir.path();
    git(root, &["checkout", "-q", "main"])?;
    fs::write(
        root.join("kubewright.toml"),
        "[transforms.missing-config-hash]\nenabled = false\n",
    )?;
    fs::write(root.join("app/broken.yaml"), "a: [\n")?;
    fs::write(root.join("app/bytes.yaml"), b"a: \xff\n")?;
    commit(root, "switched off")?;
    git(root, &["checkout", "-q", "-b", "on"])?;
    says(root, &["--since", "main"], &[], 0)?;
    fs::write(root.join("kubewright.toml"), "")?;
    says(
        root,
        &["--since", "main"],
        &["app/web.yaml:4:9: warning[missing-config-hash]"],
        1,
    )?;
    // A configuration that was broken does not keep its repair from being judged.
    fs::write(root.join("kubewright.toml"), "enable = [\n")?;
    commit(root, "broken")?;
    git(root, &["branch", "broken"])?;
    fs::write(root.join("kubewright.toml"), "")?;
    says(root, &["--since", "broken"], &[], 0)?;
    // A root that was not there yet.
    fs::create_dir(root.join("new"))?;
    fs::write(root.join("new/kubewright.toml"), "")?;
    fs::write(root.join("new/settings.yaml"), SETTINGS)?;
    fs::write(root.join("new/web.yaml"), reader("web"))?;
    says(
        &root.join("new"),
        &["--since", "main"],
        &["web.yaml:4:9: warning"],
        1,
    )
}

pub(crate) fn baseline() -> TrialResult {
    let dir = repository()?;
    let root = dir.path();
    let file = ".kubewright-baseline.json";
    run(
        &mut kubewright(root, &["fix", "--write-baseline", file]),
        &[0],
    )?;
    let first = fs::read_to_string(root.join(file))?;
    ensure(!first.contains("line"), || first.clone())?;
    says(root, &["--baseline", file], &[], 0)?;
    fs::write(
        root.join("app/web.yaml"),
        format!("# a\n\n{}", reader("web")),
    )?;
    says(root, &["--baseline", file], &[], 0)?;
    run(
        &mut kubewright(root, &["fix", "--write-baseline", file]),
        &[0],
    )?;
    ensure(fs::read_to_string(root.join(file))? == first, || {
        "lines moved the baseline".into()
    })?;
    // Another reason is another finding; what was accepted is stale then.
    fs::write(
        root.join("app/settings.yaml"),
        SETTINGS.replace("mode", "speed"),
    )?;
    let output = run(
        &mut kubewright(root, &["fix", "--check", "--baseline", file]),
        &[1],
    )?;
    let warned = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure(
        warned.contains("the entry missing-config-hash of Deployment web is stale"),
        || format!("stale entries are not said:\n{warned}"),
    )?;
    // The configuration names it once for everybody.
    fs::write(root.join("app/settings.yaml"), SETTINGS)?;
    fs::write(
        root.join("kubewright.toml"),
        format!("baseline = \"{file}\"\n"),
    )?;
    says(root, &[], &[], 0)?;
    says(&root.join("app"), &[], &[], 0)?;
    run(
        &mut kubewright(root, &["fix", "--write-baseline", file]),
        &[0],
    )?;
    ensure(fs::read_to_string(root.join(file))? == first, || {
        "a baseline hides findings from the next".into()
    })?;
    fs::remove_file(root.join("kubewright.toml"))?;
    fs::write(
        root.join("app/settings.yaml"),
        SETTINGS.replace("mode", "speed"),
    )?;
    // Of a part, entries of the rest are not stale.
    let args = ["fix", "--check", "--baseline", file, "app/settings.yaml"];
    let output = run(&mut kubewright(root, &args), &[0])?;
    let warned = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure(warned.is_empty(), || warned.clone())
}

pub(crate) fn patch() -> TrialResult {
    let (dir, written) = (repository()?, repository()?);
    let formats = ["--format", "concise", "--format", "diff=fixes.patch"];
    let args = ["fix", "--since", "main"];
    let args: Vec<&str> = args.into_iter().chain(formats).collect();
    let listed = "resources:\n- settings.yaml\n- web.yaml\n- other.yaml\n";
    for root in [dir.path(), written.path()] {
        fs::write(root.join("app/other.yaml"), reader("other"))?;
        fs::write(root.join("app/kustomization.yaml"), listed)?;
    }
    run(&mut kubewright(dir.path(), &args), &[1])?;
    let patch = fs::read(dir.path().join("fixes.patch"))?;
    fs::remove_file(dir.path().join("fixes.patch"))?;
    let mut apply = Command::new("git");
    pipe(
        apply.args(["apply", "-"]).current_dir(dir.path()),
        &patch,
        &[0],
    )?;
    run(
        &mut kubewright(written.path(), &["fix", "--since", "main", "--write"]),
        &[0],
    )?;
    ensure(tree(dir.path())? == tree(written.path())?, || {
        "the patch and --write differ".into()
    })
}
