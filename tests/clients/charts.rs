//! Charts, rendered and mended with Helm 4 and Helm 3: the cases in `charts/`, each a workspace
//! before and after, and the report. Both versions must give the same.

use std::fs;
use std::path::Path;
use std::process::Command;

use kubewright_model::kube::charts::ChartCode;
use libtest_mimic::Trial;

use crate::cases;
use crate::project;
use crate::support::{TrialResult, ensure, kubewright, missing, needing, run, scratch, work_tree};

const CASES: &str = "tests/clients/charts";

pub(crate) fn trials() -> Vec<Trial> {
    let helm = missing("helm 4", "helm", &["version"]);
    let helm3 = missing("helm 3", "helm3", &["version"]);
    let mut trials = Vec::new();
    for (name, case) in cases::of(CASES) {
        let name = format!("charts::{name}");
        let (four, three) = (case.clone(), case);
        let run_four = move || of_case(&four, "helm", cases::blesses());
        let run_three = move || of_case(&three, "helm3", false);
        trials.push(needing(helm, &format!("{name}::helm_4"), run_four));
        if !cases::blesses() {
            trials.push(needing(helm3, &format!("{name}::helm_3"), run_three));
        }
    }
    trials.push(needing(helm, "charts::scaffold::helm_4", || {
        scaffold("helm")
    }));
    trials.push(needing(helm3, "charts::scaffold::helm_3", || {
        scaffold("helm3")
    }));
    trials.push(needing(helm, "charts::images_are_locked::helm_4", || {
        images("helm")
    }));
    trials.push(needing(helm3, "charts::images_are_locked::helm_3", || {
        images("helm3")
    }));
    trials.push(Trial::test("charts::every_code_has_a_case", every_code));
    trials
}

/// What `helm create` makes, with a ConfigMap that its pods read.
fn scaffold(helm: &str) -> TrialResult {
    let empty = tempfile::tempdir()?;
    let before = empty.path();
    let made = Command::new(helm)
        .args(["create", "shop"])
        .current_dir(before)
        .output()?;
    ensure(made.status.success(), || "helm create fails".into())?;
    let templates = before.join("shop/templates");
    let config = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ include \
                  \"shop.fullname\" . }}\ndata:\n  level: {{ .Values.level | default \"info\" }}\n";
    fs::write(templates.join("configmap.yaml"), config)?;
    let path = templates.join("deployment.yaml");
    let reads = "          envFrom:\n            - configMapRef:\n                name: {{ \
                 include \"shop.fullname\" . }}\n          ports:\n";
    let text = fs::read_to_string(&path)?.replacen("          ports:\n", reads, 1);
    fs::write(&path, &text)?;
    let dir = scratch(before)?;
    let program = format!("--helm={helm}");
    run(
        &mut kubewright(dir.path(), &["fix", &program, "--write", "."]),
        &[0, 1],
    )?;
    let after = fs::read_to_string(dir.path().join("shop/templates/deployment.yaml"))?;
    let lines = |text: &str| text.lines().count();
    let entry = "checksum/config: {{ include (print $.Template.BasePath \"/configmap.yaml\")";
    ensure(after.contains(entry), || after.clone())?;
    ensure(lines(&after) == lines(&text) + 3, || after.clone())?;
    only_annotations(helm, before, dir.path())
}

/// The image that is asked, and looked up, is the one that the values give: those beside the chart,
/// and those of a release.
fn images(helm: &str) -> TrialResult {
    let dir = work_tree()?;
    let put = |name: &str, text: &str| -> TrialResult {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap_or(dir.path()))?;
        Ok(fs::write(path, text)?)
    };
    put(
        "shop/Chart.yaml",
        "apiVersion: v2\nname: shop\nversion: 1.0.0\n",
    )?;
    put(
        "shop/values.yaml",
        "image: {registry: registry.example.com, repository: shop/other, tag: '1'}\n",
    )?;
    // The image of the example.
    put(
        "shop/values-prod.yaml",
        "image: {repository: shop/web, tag: '1.4'}\n",
    )?;
    put(
        "release.yaml",
        "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: far, namespace: \
         far}\nspec:\n  chart: {spec: {chart: ./shop, sourceRef: {kind: GitRepository, name: \
         shop}}}\n  values: {image: {registry: far.example.com, digest: 'sha256:\
         0000000000000000000000000000000000000000000000000000000000000000'}}\n",
    )?;
    put(
        "shop/templates/web.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: config}\ndata: {app.conf: \
         x}\n---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  selector: \
         {matchLabels: {app: web}}\n  template:\n    metadata: {labels: {app: web}}\n    spec:\n      \
         containers:\n      - name: web\n        image: {{ .Values.image.registry }}/{{ \
         .Values.image.repository }}{{ with .Values.image.digest }}@{{ . }}{{ else }}:{{ \
         .Values.image.tag }}{{ end }}\n        volumeMounts: [{name: config, mountPath: \
         /srv/web/app.conf, subPath: app.conf}]\n      volumes: [{name: config, configMap: {name: \
         config}}]\n",
    )?;
    let store = format!("oci:{}", project("examples/images-lock/store").display());
    let said = |args: &[&str], status: i32| -> Result<String, libtest_mimic::Failed> {
        let output = run(&mut kubewright(dir.path(), args), &[status])?;
        let said = [output.stdout, output.stderr].concat();
        Ok(String::from_utf8_lossy(&said).into_owned())
    };
    let holds = |said: &str, parts: &[&str]| {
        let lacks = parts.iter().find(|part| !said.contains(**part));
        ensure(lacks.is_none(), || format!("{lacks:?} is not in {said}"))
    };
    holds(
        &said(&["images", "lock", "--from", &store], 0)?,
        &[
            "chart shop not rendered: --helm",
            "depends on what an image is",
        ],
    )?;
    let by_helm = format!("--helm={helm}");
    let zeros = "0".repeat(64);
    holds(
        &said(&["images", "lock", &by_helm, "--from", &store], 1)?,
        &[
            "registry.example.com/shop/other:1 linux/amd64: none of the archives has it",
            &format!("far.example.com/shop/other@sha256:{zeros} linux/amd64: none of the archives"),
            "registry.example.com/shop/web:1.4 linux/amd64: sha256:",
            "1 read, 0 kept, 2 failed",
        ],
    )?;
    // What a chart asks stays where no chart is rendered.
    holds(
        &said(&["images", "lock", "--prune", "--from", &store], 0)?,
        &["a chart may ask it", "kubewright.lock unchanged"],
    )?;
    holds(
        &said(&["images", "lock", &by_helm, "--check"], 1)?,
        &[
            "shop/other:1 linux/amd64: not locked",
            "images lock --helm`",
        ],
    )?;
    let fixes = ["fix", &by_helm, "-vv", "--select=subpath-configmap-mount"];
    holds(
        &said(&fixes, 1)?,
        &[
            "proven by: kubewright.lock",
            "(sha256:",
            "rendered with values-prod.yaml, and not with",
        ],
    )
}

/// Each reason is given in a case, and has a row on the page.
fn every_code() -> TrialResult {
    let page = fs::read_to_string(project("docs/helm.md"))?;
    let reports = cases::reports(CASES);
    for code in ChartCode::ALL {
        ensure(page.contains(&format!("| `{code}` |")), || {
            format!("{code} has no row on docs/helm.md")
        })?;
        let given = |report: &String| report.contains(&format!("({code}: "));
        let named = |report: &String| report.contains(&format!("no fix ({code})"));
        ensure(reports.iter().any(|r| given(r) || named(r)), || {
            format!("{code} has no case")
        })?;
    }
    Ok(())
}

fn of_case(case: &Path, helm: &str, bless: bool) -> TrialResult {
    // Helm 3 has other words for some errors.
    let own = case.join(format!("report.{helm}.txt"));
    let report = if own.exists() {
        own
    } else {
        case.join("report.txt")
    };
    let option = format!("--helm={helm}");
    cases::check(case, &option, (&report, bless), |before, after| {
        // Other edits change what they are about: after/ says it.
        let name = case.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with("literal-") {
            return Ok(());
        }
        only_annotations(helm, before, after)
    })
}

/// What Helm itself makes of a chart before and after: no line is gone, and each new one is an
/// annotation with a hash, or `annotations:` above it. Lines that are made at random are left out.
fn only_annotations(helm: &str, before: &Path, after: &Path) -> TrialResult {
    let render = |dir: &Path| -> Option<Vec<String>> {
        let output = Command::new(helm)
            .args(["template", "shop", "shop"])
            .current_dir(dir)
            .output()
            .ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        let lines = text.lines().filter(|line| !line.trim().is_empty());
        output
            .status
            .success()
            .then(|| lines.map(str::to_owned).collect())
    };
    let Some(old) = render(before) else {
        return Ok(());
    };
    // No annotations, written out; a hash that is another one; a file that was parted.
    let said = |lines: Vec<String>| -> Vec<String> {
        let counts = |line: &String| {
            line.trim() != "{}" && !line.contains("checksum/") && !line.starts_with("# Source:")
        };
        lines.into_iter().filter(counts).collect()
    };
    let steady = render(before).is_some_and(|again| again == old);
    let new = render(after).ok_or("the chart does not render any more")?;
    if !steady {
        return Ok(());
    }
    let old = said(old);
    let mut left = old.iter().peekable();
    for line in &said(new) {
        if left.peek() == Some(&line) {
            left.next();
        } else {
            let text = line.trim();
            ensure(text == "annotations:" || text.contains("checksum/"), || {
                format!("{line} is new")
            })?;
        }
    }
    ensure(left.next().is_none(), || "lines are gone".into())
}
