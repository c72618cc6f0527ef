//! Helm 4 runs kubewright as a post-renderer plugin, Helm 3 as a program.

use std::path::Path;
use std::process::Output;

use libtest_mimic::{Failed, Trial};

use crate::support::{TrialResult, ensure, missing, needing, run};
use crate::{WEB, project, with_program, write};

pub(crate) fn trials() -> Vec<Trial> {
    let helm = missing("helm 4", "helm", &["version"]);
    let helm3 = missing("helm 3", "helm3", &["version"]);
    vec![
        needing(helm, "helm_4_renders_through_the_plugin", helm_4),
        needing(helm, "helm_4_fails_where_the_plugin_does", helm_4_fails),
        needing(helm3, "helm_3_renders_through_the_program", helm_3),
    ]
}

/// A hook that brings the same ConfigMap, with other content, before the release is there.
const HOOK: &str = "\
apiVersion: v1
kind: ConfigMap
metadata:
  name: greeting
  annotations:
    helm.sh/hook: pre-install
data:
  text: before
---
apiVersion: batch/v1
kind: Job
metadata:
  name: migrate
  annotations:
    helm.sh/hook: pre-install
spec:
  template:
    spec:
      restartPolicy: Never
      containers:
        - name: migrate
          image: registry.example.com/web:1.0
          envFrom:
            - configMapRef: {name: greeting}
";

/// kube-proxy as a static pod.
pub(crate) const PROXY: &str = "\
apiVersion: v1
kind: Pod
metadata:
  name: kube-proxy
  namespace: kube-system
  labels: {k8s-app: kube-proxy}
spec:
  hostNetwork: true
  priorityClassName: system-node-critical
  containers:
    - name: kube-proxy
      image: registry.k8s.io/kube-proxy:v1.33.0
      command: [kube-proxy, --config=/var/lib/kube-proxy/config.conf]
      securityContext: {privileged: true}
";

/// A scratch directory with a chart, and Helm's own directories.
fn chart() -> Result<tempfile::TempDir, Failed> {
    let dir = tempfile::tempdir()?;
    let web = WEB.replace("text: hello", "text: {{ .Values.text | quote }}");
    write(
        dir.path(),
        &[
            (
                "shop/Chart.yaml",
                "apiVersion: v2\nname: shop\nversion: 0.1.0\n",
            ),
            ("shop/values.yaml", "text: hello\n"),
            ("shop/templates/web.yaml", &web),
            ("shop/templates/hook.yaml", HOOK),
            ("shop/templates/proxy.yaml", PROXY),
        ],
    )?;
    Ok(dir)
}

fn helm(program: &str, dir: &Path, args: &[&str], statuses: &[i32]) -> Result<Output, Failed> {
    let mut command = with_program(program, &[&project("integrations/helm")])?;
    for variable in ["HELM_PLUGINS", "HELM_NAMESPACE", "KUBECONFIG"] {
        command.env_remove(variable);
    }
    for (variable, folder) in [
        ("HELM_DATA_HOME", "data"),
        ("HELM_CONFIG_HOME", "config"),
        ("HELM_CACHE_HOME", "cache"),
    ] {
        command.env(variable, dir.join(folder));
    }
    run(command.args(args).current_dir(dir), statuses)
}

fn render(program: &str, dir: &Path, args: &[&str]) -> Result<String, Failed> {
    let args = [&["template", "shop", "shop"], args].concat();
    Ok(String::from_utf8(helm(program, dir, &args, &[0])?.stdout)?)
}

/// The `# Source:` of the documents that say something.
fn sources<'a>(rendered: &'a str, says: &str) -> Vec<&'a str> {
    let documents = rendered
        .split("---\n")
        .filter(|document| document.contains(says));
    let source = |document: &'a str| document.lines().find_map(|l| l.strip_prefix("# Source: "));
    documents.filter_map(source).collect()
}

fn with_plugin() -> Result<tempfile::TempDir, Failed> {
    let dir = chart()?;
    let plugin = project("integrations/helm/kubewright");
    let plugin = plugin.to_str().ok_or("no path")?;
    helm("helm", dir.path(), &["plugin", "install", plugin], &[0])?;
    Ok(dir)
}

fn helm_4() -> TrialResult {
    let dir = with_plugin()?;
    let plain = render("helm", dir.path(), &[])?;
    let args = ["template", "shop", "shop", "--post-renderer", "kubewright"];
    let output = helm("helm", dir.path(), &args, &[0])?;
    let (fixed, said) = (
        String::from_utf8(output.stdout)?,
        String::from_utf8(output.stderr)?,
    );
    // Helm would keep this to itself.
    ensure(said.contains("warning[missing-config-hash]"), || {
        said.clone()
    })?;
    ensure(
        plain.matches("kind:").count() == fixed.matches("kind:").count(),
        || fixed.clone(),
    )?;
    ensure(
        sources(&fixed, "config-hash") == ["shop/templates/web.yaml"],
        || fixed.clone(),
    )?;
    // The ConfigMap that a hook brings first is no second definition.
    ensure(fixed.matches("name: greeting}").count() == 2, || {
        fixed.clone()
    })?;
    ensure(sources(&fixed, "helm.sh/hook").len() == 2, || fixed.clone())?;
    ensure(
        !fixed.contains("postrender-filename") && !fixed.contains("generated-by"),
        || fixed.clone(),
    )?;
    // The hash follows the content of the release, not that of the hook.
    let hash = |text: &str| {
        text.lines()
            .find(|l| l.contains("config-hash"))
            .map(str::to_owned)
    };
    let with = ["--post-renderer", "kubewright", "--set", "text=good day"];
    let other = render("helm", dir.path(), &with)?;
    ensure(
        hash(&other).is_some() && hash(&other) != hash(&fixed),
        || other.clone(),
    )?;
    // An object that takes the place of another one stays in its file.
    let with = [
        "--post-renderer",
        "kubewright",
        "--post-renderer-args=--unsafe-fixes=static-pod-kube-proxy",
    ];
    let replaced = render("helm", dir.path(), &with)?;
    let expected = ["shop/templates/proxy.yaml"];
    ensure(sources(&replaced, "kind: DaemonSet") == expected, || {
        replaced.clone()
    })
}

fn helm_4_fails() -> TrialResult {
    let dir = with_plugin()?;
    let args = [
        "template",
        "shop",
        "shop",
        "--post-renderer",
        "kubewright",
        "--post-renderer-args=--select=no-such-transform",
    ];
    let failed = helm("helm", dir.path(), &args, &[1])?;
    let said = String::from_utf8_lossy(&failed.stderr).into_owned();
    ensure(
        failed.stdout.is_empty() && said.contains("there is no transform"),
        || said.clone(),
    )?;
    write(
        dir.path(),
        &[("shop/templates/broken.yaml", "apiVersion: v1\nkind: [\n")],
    )?;
    let args = ["template", "shop", "shop", "--post-renderer", "kubewright"];
    ensure(
        helm("helm", dir.path(), &args, &[1])?.stdout.is_empty(),
        || "a broken template was rendered".into(),
    )
}

fn helm_3() -> TrialResult {
    let dir = chart()?;
    let with = ["--post-renderer", "kubewright-post-renderer"];
    let fixed = render("helm3", dir.path(), &with)?;
    ensure(
        sources(&fixed, "config-hash") == ["shop/templates/web.yaml"],
        || fixed.clone(),
    )?;
    // Helm 3 gives a post-renderer no hooks, and adds them behind it.
    ensure(sources(&fixed, "helm.sh/hook").len() == 2, || fixed.clone())?;
    let with = [
        &with[..],
        &["--post-renderer-args", "--select=invalid-field"],
    ]
    .concat();
    let fixed = render("helm3", dir.path(), &with)?;
    ensure(!fixed.contains("config-hash"), || fixed.clone())
}
