//! Promise: the recipes in `integrations/packages/` make packages that install into a clean folder
//! and run there, and their versions are that of the program.
//!
//! What is packed is a script that starts the program under test, and the wheel is made of a crate
//! that does so: an optimised build takes minutes. With `KUBEWRIGHT_PACKAGED=FILE` that program is
//! packed instead. A tool that is missing is skipped by name, as in `clients.rs`.

#![expect(clippy::disallowed_methods, reason = "tests read and write files")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use libtest_mimic::{Arguments, Failed, Trial};

mod support;
use support::{TrialResult, ensure, missing, needing, pipe, run};

const PROGRAM: &str = env!("CARGO_BIN_EXE_kubewright");
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// A Deployment that reads a ConfigMap, and no hash.
const WEB: &str = "\
apiVersion: v1
kind: ConfigMap
metadata: {name: greeting}
data: {text: hello}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata:
      labels: {app: web}
    spec:
      containers:
        - name: web
          image: registry.example.com/web:1.0
          envFrom: [{configMapRef: {name: greeting}}]
";

fn main() {
    let arguments = Arguments::from_args();
    let unix = (!cfg!(all(target_os = "linux", target_arch = "x86_64"))).then_some("Linux on x64");
    let or = |tools: &[Option<&'static str>]| tools.iter().copied().flatten().next();
    let maturin = missing("maturin", "maturin", &["--version"]);
    let pre_commit = missing("pre-commit", "python3", &["-m", "pre_commit", "--version"]);
    let setuptools = setuptools().is_none().then_some("wheel of setuptools");
    let npm = missing("npm", "npm", &["--version"]);
    let dpkg = missing("dpkg-deb", "dpkg-deb", &["--version"]);
    let ruby = missing("ruby", "ruby", &["--version"]);
    let nix = missing("nix-instantiate", "nix-instantiate", &["--version"]);
    let trials = vec![
        Trial::test("versions_are_that_of_the_program", versions),
        Trial::test("container_files_copy_what_is_there", containers),
        needing(or(&[unix, maturin]), "pip_installs_the_wheel", wheel),
        needing(
            or(&[unix, maturin, pre_commit, setuptools]),
            "pre_commit_installs_the_wheel",
            hooks,
        ),
        needing(or(&[unix, npm]), "npm_installs_the_packages", npm_packages),
        needing(or(&[unix, dpkg]), "dpkg_installs_the_package", debian),
        Trial::test("the_formula_has_the_digests_of_a_release", formula),
        optional(ruby, "ruby_reads_the_formula", ruby_reads),
        optional(nix, "nix_reads_the_flake", nix_reads),
    ];
    libtest_mimic::run(&arguments, trials).exit();
}

/// A trial whose tool is asked of no machine.
fn optional(missing: Option<&str>, name: &str, run: fn() -> TrialResult) -> Trial {
    match missing {
        None => Trial::test(name, run),
        Some(what) => {
            Trial::test(format!("{name} (skipped: no {what})"), run).with_ignored_flag(true)
        }
    }
}

fn project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn recipes(path: &str) -> PathBuf {
    project("integrations/packages").join(path)
}

/// What is packed.
fn program(folder: &Path) -> Result<PathBuf, Failed> {
    use std::os::unix::fs::PermissionsExt as _;
    if let Some(program) = std::env::var_os("KUBEWRIGHT_PACKAGED") {
        return Ok(program.into());
    }
    let script = folder.join("script");
    fs::write(&script, format!("#!/bin/sh\nexec {PROGRAM} \"$@\"\n"))?;
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755))?;
    Ok(script)
}

/// What an installed program must do: say its version, fail where something is found, be a filter.
fn works(program: &Path, folder: &Path) -> TrialResult {
    let said = run(Command::new(program).arg("--version"), &[0])?.stdout;
    let said = String::from_utf8(said)?;
    ensure(said.trim() == format!("kubewright {VERSION}"), || said)?;
    fs::write(folder.join("web.yaml"), WEB)?;
    let mut check = Command::new(program);
    run(
        check
            .args(["fix", "--check", "web.yaml"])
            .current_dir(folder),
        &[1],
    )?;
    let mut filter = Command::new(program);
    let fixed = pipe(
        filter.args(["fix", "-"]).current_dir(folder),
        WEB.as_bytes(),
        &[0],
    )?;
    let fixed = String::from_utf8(fixed.stdout)?;
    ensure(fixed.contains("kubewright.dev/config-hash"), || fixed)
}

fn versions() -> TrialResult {
    let toml =
        |path: &Path| -> Result<toml::Table, Failed> { Ok(fs::read_to_string(path)?.parse()?) };
    let wheel = toml(&recipes("wheel/pyproject.toml"))?;
    let shim = toml(&project("pyproject.toml"))?;
    let npm: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(recipes("npm/cli/package.json"))?)?;
    let mut found = vec![
        ("wheel/pyproject.toml", wheel["project"]["version"].as_str()),
        ("pyproject.toml", shim["project"]["version"].as_str()),
        ("npm/cli/package.json", npm["version"].as_str()),
    ];
    let needs = shim["project"]["dependencies"][0].as_str();
    found.push((
        "dependencies of pyproject.toml",
        needs.and_then(|n| n.strip_prefix("kubewright==")),
    ));
    let platforms = npm["optionalDependencies"]
        .as_object()
        .ok_or("no platforms")?;
    found.extend(
        platforms
            .iter()
            .map(|(name, version)| (name.as_str(), version.as_str())),
    );
    for (place, version) in found {
        ensure(version == Some(VERSION), || {
            format!("{place} has {version:?}, not {VERSION}")
        })?;
    }
    let description = Some(env!("CARGO_PKG_DESCRIPTION"));
    ensure(
        wheel["project"]["description"].as_str() == description
            && npm["description"].as_str() == description,
        || "the description is not that of Cargo.toml".into(),
    )
}

/// Makes the wheel of a crate that starts the program under test.
fn build_wheel(scratch: &Path, links: &Path) -> TrialResult {
    let recipe = scratch.join("integrations/packages/wheel");
    support::copy(&recipes("wheel"), &recipe)?;
    let main = format!(
        "use std::os::unix::process::CommandExt as _;\nfn main() {{\n    panic!(\"{{}}\", \
         std::process::Command::new({PROGRAM:?}).args(std::env::args_os().skip(1)).exec());\n}}\n"
    );
    fs::create_dir_all(scratch.join("src"))?;
    fs::write(scratch.join("src/main.rs"), main)?;
    let manifest = format!(
        "[package]\nname = \"kubewright\"\nversion = \"{VERSION}\"\nedition = \
         \"2024\"\n\n[workspace]\n"
    );
    fs::write(scratch.join("Cargo.toml"), manifest)?;
    let mut lock = Command::new("cargo");
    run(
        lock.args(["generate-lockfile", "--offline"])
            .current_dir(scratch),
        &[0],
    )?;
    let mut build = Command::new("maturin");
    build.args([
        "build",
        "--profile",
        "dev",
        "--compatibility",
        "linux",
        "--out",
    ]);
    build.arg(links).current_dir(&recipe);
    build.env("CARGO_TARGET_DIR", scratch.join("target"));
    run(&mut build, &[0])?;
    Ok(())
}

fn wheel() -> TrialResult {
    let (scratch, links, clean) = (
        tempfile::tempdir()?,
        tempfile::tempdir()?,
        tempfile::tempdir()?,
    );
    build_wheel(scratch.path(), links.path())?;
    let home = clean.path().join("venv");
    run(
        Command::new("python3").args(["-m", "venv"]).arg(&home),
        &[0],
    )?;
    let mut install = Command::new(home.join("bin/pip"));
    install.args(["install", "-q", "--no-index", "--find-links"]);
    run(
        install
            .arg(links.path())
            .arg("kubewright")
            .env_remove("PYTHONPATH"),
        &[0],
    )?;
    works(&home.join("bin/kubewright"), clean.path())
}

/// The wheel that the shim of the hooks is built with.
fn setuptools() -> Option<PathBuf> {
    let wheels = fs::read_dir(project("target/ci-tools/wheels")).ok()?;
    let mut paths = wheels.filter_map(|entry| Some(entry.ok()?.path()));
    paths.find(|path| path.extension().is_some_and(|e| e == "whl"))
}

fn hooks() -> TrialResult {
    let (scratch, links, hooked) = (
        tempfile::tempdir()?,
        tempfile::tempdir()?,
        tempfile::tempdir()?,
    );
    build_wheel(scratch.path(), links.path())?;
    let setuptools = setuptools().ok_or("no setuptools")?;
    fs::copy(
        &setuptools,
        links.path().join(setuptools.file_name().ok_or("no name")?),
    )?;
    for file in [".pre-commit-hooks.yaml", "pyproject.toml"] {
        fs::copy(project(file), hooked.path().join(file))?;
    }
    let git = |folder: &Path, args: &[&str]| -> Result<String, Failed> {
        let mut command = Command::new("git");
        let who = ["-c", "user.name=t", "-c", "user.email=t@example.com"];
        command.args(who).args(args).current_dir(folder);
        Ok(String::from_utf8(run(&mut command, &[0])?.stdout)?)
    };
    git(hooked.path(), &["init", "-q"])?;
    git(hooked.path(), &["add", "."])?;
    git(hooked.path(), &["commit", "-qm", "hooks"])?;
    let revision = git(hooked.path(), &["rev-parse", "HEAD"])?;
    let dir = tempfile::tempdir()?;
    let config = format!(
        "repos:\n- repo: {}\n  rev: {}\n  hooks:\n  - id: kubewright-check-wheel\n  - id: \
         kubewright-fix-wheel\n    stages: [manual]\n",
        hooked.path().display(),
        revision.trim()
    );
    fs::write(dir.path().join(".pre-commit-config.yaml"), config)?;
    fs::write(dir.path().join("web.yaml"), WEB)?;
    git(dir.path(), &["init", "-q"])?;
    git(dir.path(), &["add", "."])?;
    let cache = tempfile::tempdir()?;
    let hook = |args: &[&str], statuses: &[i32]| -> Result<String, Failed> {
        let mut command = Command::new("python3");
        command.args(["-m", "pre_commit", "run"]).args(args);
        for variable in ["GIT_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE"] {
            command.env_remove(variable);
        }
        command
            .env("PRE_COMMIT_HOME", cache.path())
            .env("PIP_NO_INDEX", "1")
            .env("PIP_FIND_LINKS", links.path())
            .current_dir(dir.path());
        Ok(String::from_utf8(run(&mut command, statuses)?.stdout)?)
    };
    let said = hook(&[], &[1])?;
    ensure(said.contains("warning[missing-config-hash]"), || said)?;
    hook(&["--hook-stage", "manual", "kubewright-fix-wheel"], &[1])?;
    git(dir.path(), &["add", "."])?;
    hook(&[], &[0])?;
    Ok(())
}

fn npm_packages() -> TrialResult {
    let (scratch, out, clean) = (
        tempfile::tempdir()?,
        tempfile::tempdir()?,
        tempfile::tempdir()?,
    );
    let program = program(scratch.path())?;
    let pack = || Command::new(recipes("npm/pack.sh"));
    let target = "x86_64-unknown-linux-musl";
    run(pack().arg(program).arg(target).arg(out.path()), &[0])?;
    run(pack().arg(out.path()), &[0])?;
    run(
        pack().args(["no", "sparc-sun-solaris"]).arg(out.path()),
        &[2],
    )?;
    let install = |folder: &Path, names: &[&str]| {
        let mut npm = Command::new("npm");
        npm.args([
            "install",
            "--offline",
            "--no-audit",
            "--no-fund",
            "--silent",
        ]);
        npm.args(
            names
                .iter()
                .map(|name| out.path().join(format!("{name}-{VERSION}.tgz"))),
        );
        run(npm.current_dir(folder), &[0])
    };
    install(clean.path(), &["kubewright-linux-x64", "kubewright"])?;
    works(
        &clean.path().join("node_modules/.bin/kubewright"),
        clean.path(),
    )?;
    // Without the package of the platform it says what to do.
    let alone = tempfile::tempdir()?;
    install(alone.path(), &["kubewright"])?;
    let mut start = Command::new(alone.path().join("node_modules/.bin/kubewright"));
    let said = String::from_utf8(run(&mut start, &[2])?.stderr)?;
    ensure(said.contains("@kubewright/linux-x64 is missing"), || said)
}

fn debian() -> TrialResult {
    let (scratch, out, clean) = (
        tempfile::tempdir()?,
        tempfile::tempdir()?,
        tempfile::tempdir()?,
    );
    let program = program(scratch.path())?;
    let pack = |folder: &Path| {
        let mut pack = Command::new(recipes("debian/pack.sh"));
        pack.arg(&program)
            .arg("x86_64-unknown-linux-musl")
            .arg(folder);
        run(pack.env("SOURCE_DATE_EPOCH", "1700000000"), &[0])
    };
    pack(out.path())?;
    pack(scratch.path())?;
    let name = format!("kubewright_{VERSION}-1_amd64.deb");
    let package = out.path().join(&name);
    ensure(
        fs::read(&package)? == fs::read(scratch.path().join(&name))?,
        || "the same program gives two packages".into(),
    )?;
    let state = clean.path().join("var/lib/dpkg");
    fs::create_dir_all(state.join("updates"))?;
    fs::create_dir_all(state.join("info"))?;
    for file in ["status", "available"] {
        fs::write(state.join(file), "")?;
    }
    let mut dpkg = Command::new("dpkg");
    dpkg.arg(format!("--root={}", clean.path().display()));
    run(
        dpkg.args(["--force-not-root", "--install"]).arg(&package),
        &[0],
    )?;
    works(&clean.path().join("usr/bin/kubewright"), clean.path())?;
    let link = fs::read_link(clean.path().join("usr/bin/kubectl-wright"))?;
    ensure(link == Path::new("kubewright"), || {
        link.display().to_string()
    })?;
    let completions = clean
        .path()
        .join("usr/share/bash-completion/completions/kubewright");
    ensure(
        fs::read_to_string(completions)?.contains("_kubewright"),
        || "no completions".into(),
    )
}

const TARGETS: [&str; 4] = [
    "aarch64-apple-darwin",
    "x86_64-apple-darwin",
    "aarch64-unknown-linux-musl",
    "x86_64-unknown-linux-musl",
];

/// The formula of a release whose archives have these digests.
fn formula_of(folder: &Path) -> Result<String, Failed> {
    for (number, target) in TARGETS.iter().enumerate() {
        let name = format!("kubewright-{target}.tar.gz");
        let digest = number.to_string().repeat(64);
        fs::write(
            folder.join(format!("{name}.sha256")),
            format!("{digest}  {name}\n"),
        )?;
    }
    let mut make = Command::new(recipes("homebrew/formula.sh"));
    Ok(String::from_utf8(run(make.arg(folder), &[0])?.stdout)?)
}

fn formula() -> TrialResult {
    let folder = tempfile::tempdir()?;
    let mut without = Command::new(recipes("homebrew/formula.sh"));
    let output = without.arg(folder.path()).output()?;
    ensure(!output.status.success() && output.stdout.is_empty(), || {
        "a formula without digests".into()
    })?;
    let formula = formula_of(folder.path())?;
    ensure(formula.contains(&format!("version \"{VERSION}\"")), || {
        formula.clone()
    })?;
    for (number, target) in TARGETS.iter().enumerate() {
        let (url, digest) = (
            format!("/kubewright-{target}.tar.gz\""),
            number.to_string().repeat(64),
        );
        let behind = formula.split(&url).nth(1).unwrap_or_default();
        ensure(
            behind
                .trim_start()
                .starts_with(&format!("sha256 \"{digest}\"")),
            || format!("{target}: {formula}"),
        )?;
    }
    Ok(())
}

fn ruby_reads() -> TrialResult {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("kubewright.rb");
    fs::write(&file, formula_of(folder.path())?)?;
    run(Command::new("ruby").arg("-c").arg(file), &[0])?;
    Ok(())
}

fn nix_reads() -> TrialResult {
    for file in ["flake.nix", "package.nix"] {
        let file = recipes("nix").join(file);
        run(
            Command::new("nix-instantiate").arg("--parse").arg(&file),
            &[0],
        )?;
        for part in fs::read_to_string(&file)?.split("(top + \"/").skip(1) {
            let path = part.split('"').next().unwrap_or_default();
            ensure(project(path).exists(), || format!("there is no {path}"))?;
        }
    }
    Ok(())
}

fn containers() -> TrialResult {
    for file in [
        "packages/container/Containerfile",
        "krm/Containerfile",
        "argocd/Containerfile",
    ] {
        let text = fs::read_to_string(project("integrations").join(file))?;
        let copied = text.lines().filter_map(|line| line.strip_prefix("COPY "));
        for words in copied.filter(|words| !words.starts_with("--")) {
            let mut words: Vec<&str> = words.split_whitespace().collect();
            words.pop();
            for path in words {
                ensure(project(path).exists(), || format!("{file} copies {path}"))?;
            }
        }
    }
    Ok(())
}
