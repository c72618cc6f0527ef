//! kustomize and kpt run kubewright as a KRM function.

use std::path::Path;
use std::process::{Command, Output};

use libtest_mimic::{Failed, Trial};

use crate::support::{TrialResult, ensure, kubewright, missing, needing, pipe, run, tree};
use crate::{PROGRAM, WEB, write};

pub(crate) fn trials() -> Vec<Trial> {
    let kustomize = missing("kustomize", "kustomize", &["version"]);
    let kpt = missing("kpt", "kpt", &["version"]);
    let setpriv = missing("setpriv", "setpriv", &["--version"]);
    // kpt is not in the package registries that `.ci/run` installs from.
    let with_kpt = |name: &str, run: fn() -> TrialResult| match kpt {
        None => Trial::test(name, run),
        Some(_) => Trial::test(format!("{name} (skipped: no kpt)"), run).with_ignored_flag(true),
    };
    vec![
        needing(
            kustomize,
            "kustomize_transforms_with_a_function",
            transformer,
        ),
        needing(kustomize, "kustomize_validates_with_a_function", validator),
        needing(
            kustomize,
            "a_function_follows_names_that_kustomize_will_change",
            names,
        ),
        with_kpt("kpt_fixes_a_package_in_place", kpt_fixes),
        with_kpt("kpt_puts_new_objects_where_they_belong", kpt_places),
        with_kpt(
            "kpt_renders_a_package_and_stops_where_it_is_told",
            kpt_renders,
        ),
        needing(
            setpriv,
            "a_function_runs_as_nobody_in_an_empty_place",
            as_nobody,
        ),
    ]
}

/// A kustomization whose function is kubewright with these arguments and this configuration.
fn kustomization(dir: &Path, list: &str, args: &str, spec: &str) -> TrialResult {
    let function = format!(
        "apiVersion: kubewright.dev/v1alpha1\nkind: Config\nmetadata:\n  name: kubewright\n  \
         annotations:\n    config.kubernetes.io/function: |\n      exec:\n        path: \
         {PROGRAM}\n        args: [{args}]\nspec: {spec}\n"
    );
    let kustomization = format!(
        "resources: [web.yaml]\nnamePrefix: p-\nconfigMapGenerator:\n- name: made\n  literals: \
         [a=b]\n{list}: [function.yaml]\n"
    );
    let maker = WEB
        .replace("name: web", "name: maker")
        .replace("name: greeting", "name: made");
    let maker = maker.split_once("---\n").ok_or("no second document")?.1;
    write(
        dir,
        &[
            ("web.yaml", &format!("{WEB}---\n{maker}")),
            ("function.yaml", &function),
            ("kustomization.yaml", &kustomization),
        ],
    )
}

fn build(dir: &Path, statuses: &[i32]) -> Result<Output, Failed> {
    let args = ["build", "--enable-alpha-plugins", "--enable-exec", "."];
    run(
        Command::new("kustomize").args(args).current_dir(dir),
        statuses,
    )
}

fn transformer() -> TrialResult {
    let dir = tempfile::tempdir()?;
    kustomization(dir.path(), "transformers", "krm", "{}")?;
    let built = String::from_utf8(build(dir.path(), &[0])?.stdout)?;
    // The name of what a generator makes is its hash.
    ensure(
        built.matches("kubewright.dev/config-hash").count() == 1,
        || built.clone(),
    )?;
    ensure(
        built.contains("name: p-made-") && built.contains("name: p-greeting"),
        || built.clone(),
    )?;
    ensure(!built.contains("config.kubernetes.io/"), || built.clone())?;
    // What comes out is what the filter makes of a build without the function.
    write(
        dir.path(),
        &[(
            "kustomization.yaml",
            "resources: [web.yaml]\nnamePrefix: p-\nconfigMapGenerator:\n- name: made\n  \
             literals: [a=b]\n",
        )],
    )?;
    let plain = build(dir.path(), &[0])?.stdout;
    let filtered = pipe(&mut kubewright(dir.path(), &["fix", "-"]), &plain, &[0])?.stdout;
    let filtered = String::from_utf8(filtered)?;
    let hash = |text: &str| {
        let line = text.lines().find(|line| line.contains("config-hash"));
        line.map(|line| line.trim().replace('"', ""))
    };
    ensure(hash(&filtered) == hash(&built), || {
        format!("as a filter:\n{filtered}\nas a function:\n{built}")
    })
}

/// References follow the names of what they mean when all functions have run.
fn names() -> TrialResult {
    let dir = tempfile::tempdir()?;
    kustomization(dir.path(), "transformers", "krm", "{}")?;
    let function = std::fs::read_to_string(dir.path().join("function.yaml"))?;
    let inner = "resources: [web.yaml]\nnamePrefix: a-\n";
    let one = [
        ("base/kustomization.yaml", inner),
        ("base/web.yaml", WEB),
        (
            "top/kustomization.yaml",
            "resources: [../base]\nnameSuffix: -x\nnamespace: shop\ntransformers: \
             [function.yaml]\n",
        ),
        ("top/function.yaml", &function),
    ];
    write(dir.path(), &one)?;
    let built = String::from_utf8(build(&dir.path().join("top"), &[0])?.stdout)?;
    ensure(
        built.contains("kubewright.dev/config-hash") && built.matches("a-greeting-x").count() == 2,
        || built.clone(),
    )?;
    // Two of one name are told apart by what they were given.
    let two = [
        (
            "other/kustomization.yaml",
            "resources: [web.yaml]\nnamePrefix: b-\n",
        ),
        ("other/web.yaml", &WEB.replace("hello", "good day")),
        (
            "top/kustomization.yaml",
            "resources: [../base, ../other]\nnamespace: shop\ntransformers: [function.yaml]\n",
        ),
    ];
    write(dir.path(), &two)?;
    let built = String::from_utf8(build(&dir.path().join("top"), &[0])?.stdout)?;
    let hashes: std::collections::BTreeSet<&str> = built
        .lines()
        .filter(|line| line.contains("config-hash"))
        .collect();
    ensure(
        hashes.len() == 2
            && built.matches("a-greeting").count() == 2
            && built.matches("b-greeting").count() == 2,
        || built.clone(),
    )
}

/// A function that only looks stands among `transformers`. Among `validators` it fails the build
/// where it must, but kustomize 5.8.2 lets no function pass there: it gives each object that comes
/// back from one an annotation, and refuses it for that.
fn validator() -> TrialResult {
    let dir = tempfile::tempdir()?;
    for list in ["transformers", "validators"] {
        for (args, spec) in [("krm", "{check: true}"), ("krm, --check", "{}")] {
            kustomization(dir.path(), list, args, spec)?;
            let failed = build(dir.path(), &[1])?;
            let said = String::from_utf8_lossy(&failed.stderr).into_owned();
            ensure(
                failed.stdout.is_empty() && said.contains("warning[missing-config-hash]"),
                || said.clone(),
            )?;
        }
    }
    let quiet = "{check: true, select: [invalid-field]}";
    kustomization(dir.path(), "transformers", "krm", quiet)?;
    let checked = build(dir.path(), &[0])?.stdout;
    kustomization(dir.path(), "validators", "krm", quiet)?;
    let said = String::from_utf8(build(dir.path(), &[1])?.stderr)?;
    ensure(
        said.contains("validator shouldn't modify the resource map"),
        || format!("kustomize lets validators pass: say so in docs/gitops.md\n{said}"),
    )?;
    let plain = "resources: [web.yaml]\nnamePrefix: p-\nconfigMapGenerator:\n- name: made\n  \
                 literals: [a=b]\n";
    write(dir.path(), &[("kustomization.yaml", plain)])?;
    ensure(build(dir.path(), &[0])?.stdout == checked, || {
        "a function that looks changes the build".into()
    })?;
    kustomization(
        dir.path(),
        "transformers",
        "krm",
        "{slect: [invalid-field]}",
    )?;
    let said = String::from_utf8(build(dir.path(), &[1])?.stderr)?;
    ensure(said.contains("spec.slect: unknown key"), || said.clone())
}

fn kpt(dir: &Path, args: &[&str], statuses: &[i32]) -> Result<Output, Failed> {
    run(Command::new("kpt").args(args).current_dir(dir), statuses)
}

fn kpt_fixes() -> TrialResult {
    let dir = tempfile::tempdir()?;
    write(dir.path(), &[("app/web.yaml", WEB)])?;
    let results = dir.path().join("results");
    let function = format!("{PROGRAM} krm");
    let results_dir = results.to_str().ok_or("no path")?;
    let eval = ["fn", "eval", "app", "--exec", function.as_str()];
    // A validator changes nothing.
    kpt(
        dir.path(),
        &[&eval[..], &["--", "check=true"]].concat(),
        &[1],
    )?;
    ensure(
        tree(dir.path())?
            .get(Path::new("app/web.yaml"))
            .map(Vec::as_slice)
            == Some(WEB.as_bytes()),
        || "a function that failed changed a file".into(),
    )?;
    kpt(
        dir.path(),
        &[&eval[..], &["--results-dir", results_dir]].concat(),
        &[0],
    )?;
    let said = std::fs::read_to_string(results.join("results.yaml"))?;
    for part in [
        "path: web.yaml",
        "transform: missing-config-hash",
        "severity: info",
    ] {
        ensure(said.contains(part), || format!("no {part} in\n{said}"))?;
    }
    let fixed = std::fs::read_to_string(dir.path().join("app/web.yaml"))?;
    let lost: Vec<&str> = WEB.lines().filter(|line| !fixed.contains(line)).collect();
    ensure(lost.is_empty(), || format!("{lost:?} are not in\n{fixed}"))?;
    ensure(fixed.lines().count() == WEB.lines().count() + 2, || {
        fixed.clone()
    })?;
    // A second run has nothing to do.
    kpt(
        dir.path(),
        &[&eval[..], &["--", "check=true"]].concat(),
        &[0],
    )?;
    Ok(())
}

fn kpt_places() -> TrialResult {
    let dir = tempfile::tempdir()?;
    let pod = crate::helm::PROXY;
    write(dir.path(), &[("app/nodes/proxy.yaml", pod)])?;
    let function = format!("{PROGRAM} krm");
    let eval = ["fn", "eval", "app", "--exec", function.as_str()];
    let unsafe_fixes = ["--", "unsafe-fixes=static-pod-kube-proxy"];
    kpt(dir.path(), &[&eval[..], &unsafe_fixes].concat(), &[0])?;
    let files = tree(&dir.path().join("app"))?;
    let names: Vec<_> = files
        .keys()
        .map(|path| path.display().to_string())
        .collect();
    ensure(
        names == ["nodes/proxy-daemonset.yaml", "nodes/proxy.yaml"],
        || format!("{names:?}"),
    )?;
    let text = |name: &str| String::from_utf8_lossy(&files[Path::new(name)]).into_owned();
    let new = text("nodes/proxy-daemonset.yaml");
    ensure(
        new.contains("kind: DaemonSet") && !new.contains("config.kubernetes.io"),
        || new.clone(),
    )?;
    ensure(text("nodes/proxy.yaml") == pod, || text("nodes/proxy.yaml"))
}

fn kpt_renders() -> TrialResult {
    let dir = tempfile::tempdir()?;
    let kptfile = |stage: &str, config: &str| {
        format!(
            "apiVersion: kpt.dev/v1\nkind: Kptfile\nmetadata:\n  name: app\npipeline:\n  \
             {stage}:\n  - exec: {PROGRAM} krm\n    {config}\n"
        )
    };
    let check = kptfile("validators", "configMap: {check: \"true\"}");
    write(dir.path(), &[("web.yaml", WEB), ("Kptfile", &check)])?;
    kpt(dir.path(), &["fn", "render", "--allow-exec"], &[1])?;
    let config = "apiVersion: kubewright.dev/v1alpha1\nkind: Config\nmetadata:\n  name: \
                  kubewright\n  annotations:\n    config.kubernetes.io/local-config: \
                  \"true\"\nspec:\n  transforms:\n    missing-config-hash:\n      annotation: \
                  example.com/hash\n";
    let mutate = kptfile("mutators", "configPath: kubewright.yaml");
    write(
        dir.path(),
        &[("Kptfile", &mutate), ("kubewright.yaml", config)],
    )?;
    kpt(dir.path(), &["fn", "render", "--allow-exec"], &[0])?;
    let fixed = std::fs::read_to_string(dir.path().join("web.yaml"))?;
    ensure(fixed.contains("example.com/hash: "), || fixed.clone())?;
    ensure(
        std::fs::read_to_string(dir.path().join("kubewright.yaml"))? == config,
        || "the configuration was changed".into(),
    )
}

/// As in a container without a user and without files of its own.
fn as_nobody() -> TrialResult {
    let dir = tempfile::tempdir()?;
    let list = std::fs::read(crate::project("tests/cli/krm.in/list.yaml"))?;
    // The program is where nobody can read it.
    let program = dir.path().join("kubewright");
    std::fs::copy(PROGRAM, &program)?;
    run(
        Command::new("chmod").args(["-R", "a+rX"]).arg(dir.path()),
        &[0],
    )?;
    let root = run(Command::new("id").arg("-u"), &[0])?.stdout == b"0\n";
    let mut command = if root {
        let mut command = Command::new("setpriv");
        command
            .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
            .arg(&program);
        command
    } else {
        Command::new(&program)
    };
    let out = pipe(command.arg("krm").env_clear().current_dir("/"), &list, &[0])?;
    let out = String::from_utf8(out.stdout)?;
    ensure(out.contains("kubewright.dev/config-hash"), || out.clone())
}
