//! kustomize builds what is fixed, before and after.

use std::fs;
use std::path::Path;
use std::process::Command;

use libtest_mimic::Trial;

use crate::support::{TrialResult, ensure, kubewright, missing, needing, pipe, run, scratch, tree};
use crate::{project, write};

pub(crate) fn trials() -> Vec<Trial> {
    let kustomize = missing("kustomize", "kustomize", &["version"]);
    vec![
        needing(
            kustomize,
            "kustomize_output_differs_only_by_the_fixes",
            filter_changes_only_the_fixes,
        ),
        needing(
            kustomize,
            "kustomize_builds_the_same_after_write",
            builds_the_same_after_write,
        ),
        needing(
            kustomize,
            "kustomize_builds_again_after_each_collision",
            builds_again_after_each_collision,
        ),
        needing(
            kustomize,
            "kustomize_builds_what_a_collision_leaves_alone_as_before",
            leaves_other_overlays_alone,
        ),
        needing(
            kustomize,
            "kustomize_writes_what_the_hash_covers",
            hashes_what_generators_write,
        ),
        needing(
            kustomize,
            "kustomize_builds_the_same_but_for_the_hash_in_each_overlay",
            hashes_by_root,
        ),
        needing(
            kustomize,
            "kustomize_builds_the_same_under_versioned_names",
            follows_versions,
        ),
        needing(
            kustomize,
            "kustomize_generates_what_was_a_document",
            generates_the_same,
        ),
    ]
}

const BASE: &[(&str, &str)] = &[
    (
        "base/kustomization.yaml",
        "resources:\n- deployment.yaml\n- config.yaml\n- worker.yaml\nimages:\n- name: \
             registry.example.com/web\n  newTag: \"2\"\n",
    ),
    (
        "base/deployment.yaml",
        "# the web\napiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\nspec:\n  \
             selector:\n    matchLabels: {app: web}\n  template:\n    metadata:\n      labels: \
             {app: web}\n    spec:\n      containers:\n      - name: web\n        image: \
             registry.example.com/web:1\n        envFrom:\n        - configMapRef: {name: web}\n",
    ),
    (
        "base/config.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: web\ndata:\n  level: info\n",
    ),
    (
        "base/worker.yaml",
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: worker\nspec:\n  \
             selector:\n    matchLabels: {app: worker}\n  template:\n    metadata:\n      labels: \
             {app: worker}\n    spec:\n      containers:\n      - name: worker\n        image: \
             registry.example.com/worker:1\n",
    ),
    (
        "prod/kustomization.yaml",
        "namespace: prod\nnamePrefix: p-\nresources:\n- ../base\n",
    ),
];

fn overlay() -> Result<tempfile::TempDir, libtest_mimic::Failed> {
    let dir = tempfile::tempdir()?;
    write(dir.path(), BASE)?;
    run(
        Command::new("git")
            .args(["init", "-q"])
            .current_dir(dir.path()),
        &[0],
    )?;
    Ok(dir)
}

fn build(dir: &Path) -> Result<String, libtest_mimic::Failed> {
    Ok(String::from_utf8(
        run(
            Command::new("kustomize")
                .args(["build", "prod"])
                .current_dir(dir),
            &[0],
        )?
        .stdout,
    )?)
}

/// Lines of `after` that `before` lacks; fails when `after` lacks a line of `before`, or has one
/// elsewhere.
fn added<'a>(before: &str, after: &'a str) -> Result<Vec<&'a str>, libtest_mimic::Failed> {
    let mut old = before.lines().peekable();
    let mut new = Vec::new();
    for line in after.lines() {
        if old.peek() == Some(&line) {
            old.next();
        } else {
            new.push(line);
        }
    }
    match old.next() {
        None => Ok(new),
        Some(line) => Err(format!("lost or moved: {line}\n{after}").into()),
    }
}

fn filter_changes_only_the_fixes() -> TrialResult {
    let dir = overlay()?;
    let rendered = build(dir.path())?;
    let fixed = pipe(
        &mut kubewright(dir.path(), &["fix", "-"]),
        rendered.as_bytes(),
        &[0],
    )?;
    let fixed = String::from_utf8(fixed.stdout)?;
    let added = added(&rendered, &fixed)?;
    ensure(
        added.len() == 2
            && added[0].trim() == "annotations:"
            && added[1].contains("kubewright.dev/config-hash"),
        || format!("{added:?}"),
    )
}

fn builds_the_same_after_write() -> TrialResult {
    let dir = overlay()?;
    let before = build(dir.path())?;
    run(&mut kubewright(dir.path(), &["fix", "--write"]), &[0, 1])?;
    let after = build(dir.path())?;
    let added = added(&before, &after)?;
    ensure(
        added.len() == 2 && added[1].contains("kubewright.dev/config-hash"),
        || format!("{added:?}"),
    )?;
    // The hash in the source is the hash of the rendered stream, prefix and namespace or not.
    let fixed = pipe(
        &mut kubewright(dir.path(), &["fix", "-"]),
        after.as_bytes(),
        &[0],
    )?;
    ensure(String::from_utf8(fixed.stdout)? == after, || {
        "the filter changes what the source says already".into()
    })
}

/// The hash of what generators write, computed from their files, is that of what kustomize makes of
/// them.
fn hashes_what_generators_write() -> TrialResult {
    let cases = project("transforms/missing-config-hash/cases");
    let roots = [
        ("generator-files", "files"),
        ("generator-files", "over"),
        ("generator-merges", "merged"),
        ("generated-name", "plain"),
    ];
    for (case, root) in roots {
        let dir = scratch(&cases.join(case).join("before"))?;
        run(
            &mut kubewright(
                dir.path(),
                &["fix", "--select", "missing-config-hash", "--write", "."],
            ),
            &[0, 1],
        )?;
        let built = run(
            Command::new("kustomize")
                .args(["build", root])
                .current_dir(dir.path()),
            &[0],
        )?
        .stdout;
        ensure(
            String::from_utf8_lossy(&built).contains("kubewright.dev/config-hash"),
            || format!("{case}/{root} has no hash"),
        )?;
        let fixed = pipe(
            &mut kubewright(dir.path(), &["fix", "--select", "missing-config-hash", "-"]),
            &built,
            &[0],
        )?;
        ensure(fixed.stdout == built, || {
            format!("{case}/{root}: the hash is another one in what kustomize builds")
        })?;
    }
    Ok(())
}

/// Where content differs by root, a patch in each root adds the hash of what kustomize builds there,
/// and nothing else.
fn hashes_by_root() -> TrialResult {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("transforms/missing-config-hash/cases");
    let mut compared = 0;
    for case in [
        "overlays-differ",
        "overlays-differ-later",
        "per-source-overlays",
    ] {
        let before = cases.join(case).join("before");
        let after = scratch(&before)?;
        run(
            &mut kubewright(
                after.path(),
                &[
                    "fix",
                    "--select",
                    "missing-config-hash",
                    "--unsafe-fixes",
                    "--write",
                    ".",
                ],
            ),
            &[0],
        )?;
        for path in tree(&before)?.into_keys() {
            let root = path.parent().unwrap_or(&path);
            let is_root = ["dev", "staging", "prod"]
                .iter()
                .any(|name| root.ends_with(name));
            if !is_root || !path.ends_with("kustomization.yaml") {
                continue;
            }
            let build = |top: &Path| {
                let mut command = Command::new("kustomize");
                command.arg("build").arg(root).current_dir(top);
                Ok::<_, libtest_mimic::Failed>(String::from_utf8(run(&mut command, &[0])?.stdout)?)
            };
            let (old, new) = (build(&before)?, build(after.path())?);
            let plain = |text: &str| {
                let lines = text.lines().filter(|line| !line.contains("config-hash"));
                lines.collect::<Vec<_>>().join("\n")
            };
            let (plain_old, plain_new) = (plain(&old), plain(&new));
            let added = added(&plain_old, &plain_new)?;
            ensure(
                added.iter().all(|line| line.trim() == "annotations:"),
                || format!("{case}: {} has more: {added:?}", root.display()),
            )?;
            if new.contains("configMapRef") {
                ensure(new.contains("config-hash"), || {
                    format!("{case}: {} has no hash", root.display())
                })?;
            }
            let fixed = pipe(
                &mut kubewright(
                    after.path(),
                    &["fix", "--select", "missing-config-hash", "-"],
                ),
                new.as_bytes(),
                &[0],
            )?;
            ensure(String::from_utf8(fixed.stdout)? == new, || {
                format!("{case}: {} has the hash of something else", root.display())
            })?;
            compared += 1;
        }
    }
    ensure(compared > 20, || format!("only {compared} were compared"))
}

/// A versioned name is followed wherever kustomize builds it: but for the name and `immutable`, it
/// builds what it built before.
fn follows_versions() -> TrialResult {
    let case = "transforms/missing-config-hash/cases/versioned/before";
    let before = Path::new(env!("CARGO_MANIFEST_DIR")).join(case);
    let after = scratch(&before)?;
    run(
        &mut kubewright(
            after.path(),
            &[
                "fix",
                "--select",
                "missing-config-hash",
                "--unsafe-fixes",
                "--write",
                ".",
            ],
        ),
        &[0],
    )?;
    for root in ["overlays/dev", "overlays/prod"] {
        let build = |top: &Path| {
            let mut command = Command::new("kustomize");
            command.arg("build").arg(root).current_dir(top);
            Ok::<_, libtest_mimic::Failed>(String::from_utf8(run(&mut command, &[0])?.stdout)?)
        };
        let (old, new) = (build(&before)?, build(after.path())?);
        let name = new
            .split_whitespace()
            .find(|word| word.contains("app-config-"))
            .ok_or("no versioned name")?
            .to_owned();
        let plain = name.rsplit_once('-').ok_or("no hash")?.0;
        let renamed = new
            .replace(&name, plain)
            .replacen("immutable: true\n", "", 1);
        ensure(renamed == old, || {
            format!("{root} builds another thing:\n{new}")
        })?;
    }
    Ok(())
}

/// A ConfigMap that becomes a generator is built with the same content, labels and readers, under a
/// name with a suffix.
fn generates_the_same() -> TrialResult {
    let case = "transforms/missing-config-hash/cases/to-generator/before";
    let before = Path::new(env!("CARGO_MANIFEST_DIR")).join(case);
    let after = scratch(&before)?;
    let args = ["fix", "--select", "missing-config-hash", "--unsafe-fixes"];
    let mut fix = kubewright(after.path(), &args);
    run(fix.args(["--write", "."]), &[0])?;
    for root in ["app/dev", "app/prod", "beside/prod", "apart/prod"] {
        let build = |top: &Path| {
            let mut command = Command::new("kustomize");
            command.arg("build").arg(root).current_dir(top);
            let built = String::from_utf8(run(&mut command, &[0])?.stdout)?;
            let mut documents: Vec<String> = built.split("---\n").map(str::to_owned).collect();
            documents.sort();
            Ok::<_, libtest_mimic::Failed>(documents)
        };
        let (old, new) = (build(&before)?, build(after.path())?);
        let generated = new.iter().flat_map(|document| document.split_whitespace());
        let name = generated
            .filter(|word| word.contains("app-config"))
            .max_by_key(|word| word.len())
            .ok_or("no generated name")?
            .to_owned();
        let plain = name.rsplit_once('-').ok_or("no suffix")?.0;
        let renamed: Vec<String> = new.iter().map(|d| d.replace(&name, plain)).collect();
        ensure(renamed == old && new != old, || {
            format!("{root} builds another thing:\n{}", new.join("---\n"))
        })?;
    }
    Ok(())
}

/// Every case whose kustomization a fix of `configmap-name-collision` makes build again; all others
/// of its cases build as they did.
fn builds_again_after_each_collision() -> TrialResult {
    let cases = project("transforms/configmap-name-collision/cases");
    let (mut mended, mut same) = (0, 0);
    for case in fs::read_dir(cases)? {
        let case = case?.path();
        // A chart from a repository is not fetched in a test.
        if !fs::read_to_string(case.join("before/kustomization.yaml"))
            .is_ok_and(|text| !text.contains("helmCharts"))
        {
            continue;
        }
        let dir = scratch(&case.join("before"))?;
        let before = Command::new("kustomize")
            .args(["build", "."])
            .current_dir(dir.path())
            .output()?;
        let mut args = vec![
            "fix",
            "--select",
            "configmap-name-collision",
            "--write",
            ".",
        ];
        let wanted = fs::read_to_string(case.join("args")).unwrap_or_default();
        args.extend(wanted.split_whitespace());
        run(&mut kubewright(dir.path(), &args), &[0, 1])?;
        let after = Command::new("kustomize")
            .args(["build", "."])
            .current_dir(dir.path())
            .output()?;
        if case.join("after").exists() {
            let text = String::from_utf8_lossy(&after.stderr).into_owned();
            ensure(!before.status.success(), || {
                format!("{} builds before the fix", case.display())
            })?;
            ensure(after.status.success(), || {
                format!("{} does not build after the fix: {text}", case.display())
            })?;
            mended += 1;
        } else {
            ensure(
                before.status.success() == after.status.success() && before.stdout == after.stdout,
                || format!("{} builds differently without a fix", case.display()),
            )?;
            same += 1;
        }
    }
    ensure(mended > 15 && same > 15, || {
        format!("{mended} mended, {same} as before")
    })
}

const SHOP: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {KEY: \
                    x}\n---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: \
                    KEY}\nspec:\n  selector: {matchLabels: {app: KEY}}\n  template:\n    \
                    metadata: {labels: {app: KEY}}\n    spec:\n      containers:\n      - name: \
                    main\n        image: registry.example.com/KEY:1\n        env:\n        - \
                    name: V\n          valueFrom: {configMapKeyRef: {name: settings, key: KEY}}\n";

/// The collision is in one overlay; the overlay that has none of it renders the same, byte for
/// byte.
fn leaves_other_overlays_alone() -> TrialResult {
    let dir = tempfile::tempdir()?;
    let files = [
        ("web/web.yaml", SHOP.replace("KEY", "web")),
        ("web/kustomization.yaml", "resources: [web.yaml]\n".into()),
        ("api/api.yaml", SHOP.replace("KEY", "api")),
        ("api/kustomization.yaml", "resources: [api.yaml]\n".into()),
        ("other/other.yaml", SHOP.replace("KEY", "other")),
        (
            "other/kustomization.yaml",
            "resources: [other.yaml]\n".into(),
        ),
        (
            "blue/kustomization.yaml",
            "namespace: blue\nresources: [../web, ../api]\n".into(),
        ),
        (
            "green/kustomization.yaml",
            "namespace: green\nnamePrefix: g-\nresources: [../other]\n".into(),
        ),
    ];
    for (path, text) in files {
        let path = dir.path().join(path);
        fs::create_dir_all(path.parent().ok_or("no parent")?)?;
        fs::write(path, text)?;
    }
    let green = || {
        run(
            Command::new("kustomize")
                .args(["build", "green"])
                .current_dir(dir.path()),
            &[0],
        )
    };
    let before = green()?.stdout;
    run(
        Command::new("kustomize")
            .args(["build", "blue"])
            .current_dir(dir.path()),
        &[1],
    )?;
    run(
        &mut kubewright(
            dir.path(),
            &[
                "fix",
                "--select",
                "configmap-name-collision",
                "--write",
                ".",
            ],
        ),
        &[0],
    )?;
    let blue = run(
        Command::new("kustomize")
            .args(["build", "blue"])
            .current_dir(dir.path()),
        &[0],
    )?;
    let blue = String::from_utf8(blue.stdout)?;
    ensure(
        blue.contains("name: settings-web\n") && blue.contains("name: settings\n"),
        || blue.clone(),
    )?;
    ensure(green()?.stdout == before, || {
        "the other overlay renders differently".into()
    })
}
