//! What Argo CD and Flux apply: the plugin by the contract that Argo CD documents, and the branch
//! of rendered manifests by git. Neither server runs here: their commands and their environment do.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use libtest_mimic::{Failed, Trial};
use serde_yaml::Value;

use crate::support::{TrialResult, copy, ensure, kubewright, missing, needing, pipe, run, tree};
use crate::{WEB, project, with_program, write};

pub(crate) fn trials() -> Vec<Trial> {
    let kustomize = missing("kustomize", "kustomize", &["version"]);
    let helm = missing("helm 4", "helm", &["version"]);
    let git = missing("git", "git", &["--version"]);
    vec![
        needing(
            kustomize,
            "argo_cd_generates_a_kustomization",
            argo_cd_kustomization,
        ),
        needing(
            kustomize,
            "argo_cd_gets_nothing_of_a_build_that_fails",
            argo_cd_failures,
        ),
        needing(helm, "argo_cd_generates_a_chart", argo_cd_chart),
        needing(
            kustomize,
            "argo_cd_gets_the_sidecar_by_kustomize",
            argo_cd_sidecar,
        ),
        needing(
            git.or(kustomize),
            "a_branch_gets_rendered_manifests",
            rendered_branch,
        ),
        needing(
            kustomize,
            "a_build_as_flux_makes_it_is_a_stream",
            flux_build,
        ),
    ]
}

/// The server of the plugin, as the manual describes it: discovery by the file in the folder of the
/// Application, then `init` and `generate` there, with the variables of the Application.
struct PluginServer {
    spec: Value,
}

impl PluginServer {
    fn start() -> Result<Self, Failed> {
        let text = fs::read_to_string(project("integrations/argocd/plugin.yaml"))?;
        let plugin: Value = serde_yaml::from_str(&text)?;
        Ok(Self {
            spec: plugin["spec"].clone(),
        })
    }

    fn serves(&self, folder: &Path) -> Result<bool, Failed> {
        let name = self.spec["discover"]["fileName"]
            .as_str()
            .ok_or("no fileName")?;
        Ok(folder.join(name).exists())
    }

    /// What `generate` prints, and the exit status.
    fn generate(&self, folder: &Path, parameters: &[(&str, &str)]) -> Result<Output, Failed> {
        self.command("init", folder, parameters)?;
        let words = self.words("generate")?;
        let mut command = Self::program(&words, folder, parameters)?;
        Ok(command.output()?)
    }

    fn command(&self, step: &str, folder: &Path, parameters: &[(&str, &str)]) -> TrialResult {
        let words = self.words(step)?;
        run(&mut Self::program(&words, folder, parameters)?, &[0])?;
        Ok(())
    }

    fn words(&self, step: &str) -> Result<Vec<String>, Failed> {
        let part = |key: &str| {
            let words = self.spec[step][key].as_sequence().into_iter().flatten();
            words
                .filter_map(|word| word.as_str().map(str::to_owned))
                .collect::<Vec<_>>()
        };
        let words = [part("command"), part("args")].concat();
        ensure(!words.is_empty(), || format!("no {step}"))?;
        Ok(words)
    }

    fn program(
        words: &[String],
        folder: &Path,
        parameters: &[(&str, &str)],
    ) -> Result<Command, Failed> {
        let mut command = with_program(&words[0], &[&project("integrations/render")])?;
        // Only those of the sidecar and of the Application.
        let path: PathBuf = command
            .get_envs()
            .find_map(|(key, value)| (key == "PATH").then(|| value.map(Into::into)))
            .flatten()
            .ok_or("no PATH")?;
        command.env_clear().env("PATH", path);
        command.env("HELM_CACHE_HOME", folder.join(".cache"));
        command.envs([
            ("ARGOCD_APP_NAME", "shop"),
            ("ARGOCD_APP_NAMESPACE", "shop"),
            ("KUBE_VERSION", "1.37.2"),
            ("KUBE_API_VERSIONS", "v1,apps/v1,example.com/v1"),
        ]);
        command.envs(parameters.iter().copied());
        command.args(&words[1..]).current_dir(folder);
        Ok(command)
    }
}

/// The objects that Argo CD would read; standard output must hold nothing else.
fn objects(output: &Output) -> Result<BTreeMap<String, Value>, Failed> {
    let text = String::from_utf8(output.stdout.clone())?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure(output.status.success(), || said.clone())?;
    let mut objects = BTreeMap::new();
    for document in text.split("\n---").map(|d| d.trim_start_matches("---")) {
        let value: Value = serde_yaml::from_str(document)?;
        if value.is_null() {
            continue;
        }
        let word = |value: &Value| value.as_str().map(str::to_owned);
        let kind = word(&value["kind"]).ok_or_else(|| format!("no object:\n{document}"))?;
        let name = word(&value["metadata"]["name"]).ok_or("no name")?;
        objects.insert(format!("{kind}/{name}"), value);
    }
    Ok(objects)
}

fn hash(objects: &BTreeMap<String, Value>, name: &str) -> Option<String> {
    let annotations = &objects.get(name)?["spec"]["template"]["metadata"]["annotations"];
    Some(
        annotations["kubewright.dev/config-hash"]
            .as_str()?
            .to_owned(),
    )
}

fn argo_cd_kustomization() -> TrialResult {
    let dir = tempfile::tempdir()?;
    write(
        dir.path(),
        &[
            ("web.yaml", WEB),
            (
                "kustomization.yaml",
                "resources: [web.yaml]\nnamespace: shop\n",
            ),
        ],
    )?;
    let server = PluginServer::start()?;
    ensure(!server.serves(dir.path())?, || {
        "it serves what did not ask for it".into()
    })?;
    write(dir.path(), &[("kubewright.toml", "")])?;
    ensure(server.serves(dir.path())?, || {
        "it does not serve the folder".into()
    })?;
    let output = server.generate(dir.path(), &[])?;
    let found = objects(&output)?;
    ensure(
        found.len() == 2 && hash(&found, "Deployment/web").is_some(),
        || format!("{found:?}"),
    )?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure(said.contains("warning[missing-config-hash]"), || {
        said.clone()
    })?;
    // Parameters; a list is a variable an item.
    let select = [
        ("PARAM_SELECT_0", "invalid-field"),
        ("PARAM_SELECT_1", "static-pod-kube-proxy"),
    ];
    let found = objects(&server.generate(dir.path(), &select)?)?;
    ensure(hash(&found, "Deployment/web").is_none(), || {
        format!("{found:?}")
    })?;
    let ignore = [("PARAM_IGNORE_0", "missing-config-hash")];
    let found = objects(&server.generate(dir.path(), &ignore)?)?;
    ensure(hash(&found, "Deployment/web").is_none(), || {
        format!("{found:?}")
    })?;
    // The configuration of the folder.
    let config = "[transforms.missing-config-hash]\nenabled = false\n";
    write(dir.path(), &[("kubewright.toml", config)])?;
    let found = objects(&server.generate(dir.path(), &[])?)?;
    ensure(hash(&found, "Deployment/web").is_none(), || {
        format!("{found:?}")
    })?;
    // Each static parameter is announced once.
    let names: Vec<_> = server.spec["parameters"]["static"]
        .as_sequence()
        .into_iter()
        .flatten()
        .filter_map(|parameter| parameter["name"].as_str())
        .collect();
    let all = [
        "build",
        "values",
        "select",
        "ignore",
        "unsafe-fixes",
        "fail-on",
    ];
    ensure(names == all, || format!("{names:?}"))
}

fn argo_cd_failures() -> TrialResult {
    let dir = tempfile::tempdir()?;
    let server = PluginServer::start()?;
    let fails = |parameters: &[(&str, &str)], says: &str| -> TrialResult {
        let output = server.generate(dir.path(), parameters)?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        ensure(!output.status.success(), || format!("no failure; {says}"))?;
        ensure(output.stdout.is_empty(), || {
            format!("printed in spite of {says}")
        })?;
        ensure(said.contains(says), || format!("no {says} in\n{said}"))
    };
    fails(&[], "no manifests")?;
    write(
        dir.path(),
        &[("kustomization.yaml", "resources: [missing.yaml]\n")],
    )?;
    fails(&[], "missing.yaml")?;
    write(dir.path(), &[("kustomization.yaml", "resources: []\n")])?;
    fails(&[], "did the command before fail?")?;
    // A build that stops halfway has printed something.
    let halfway =
        "#!/bin/sh\nprintf 'apiVersion: v1\\nkind: ConfigMap\\nmetadata: {name: a}\\n'\nexit 1\n";
    write(dir.path(), &[("bin/kustomize", halfway)])?;
    run(
        Command::new("chmod")
            .arg("+x")
            .arg(dir.path().join("bin/kustomize")),
        &[0],
    )?;
    let given = std::env::var_os("PATH").unwrap_or_default();
    let mut folders = vec![
        dir.path().join("bin"),
        Path::new(crate::PROGRAM)
            .parent()
            .ok_or("no folder")?
            .to_owned(),
    ];
    folders.extend(std::env::split_paths(&given));
    let output = Command::new(project("integrations/render/kubewright-render"))
        .env("PATH", std::env::join_paths(folders)?)
        .current_dir(dir.path())
        .output()?;
    ensure(!output.status.success() && output.stdout.is_empty(), || {
        "half a build went on".into()
    })?;
    write(
        dir.path(),
        &[
            ("kustomization.yaml", "resources: [web.yaml]\n"),
            ("web.yaml", WEB),
        ],
    )?;
    fails(&[("PARAM_SELECT_0", "; touch x")], "no name of a transform")?;
    fails(&[("PARAM_SELECT_0", "nothing")], "there is no transform")?;
    fails(
        &[("PARAM_BUILD", "make")],
        "none of kustomize, helm and plain",
    )?;
    fails(
        &[("PARAM_FAIL_ON", "always")],
        "none of error, warning and never",
    )?;
    // What a fix leaves can fail the sync.
    let absent = WEB.replace(
        "configMapRef: {name: greeting}",
        "configMapRef: {name: greetin}",
    );
    write(dir.path(), &[("web.yaml", &absent)])?;
    ensure(server.generate(dir.path(), &[])?.status.success(), || {
        "it fails unasked".into()
    })?;
    fails(&[("PARAM_FAIL_ON", "warning")], "missing-config-reference")
}

fn argo_cd_chart() -> TrialResult {
    let dir = tempfile::tempdir()?;
    let web = WEB.replace("text: hello", "text: {{ .Values.text | quote }}");
    write(
        dir.path(),
        &[
            ("kubewright.toml", ""),
            ("Chart.yaml", "apiVersion: v2\nname: shop\nversion: 0.1.0\n"),
            ("values.yaml", "text: hello\n"),
            ("prod.yaml", "text: good day\n"),
            ("templates/web.yaml", &web),
            (
                "templates/seen.yaml",
                "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: seen}\ndata: {namespace: {{ \
                 .Release.Namespace }}, name: {{ .Release.Name }}, version: {{ \
                 .Capabilities.KubeVersion.Version }}, has: \"{{ .Capabilities.APIVersions.Has \
                 \"example.com/v1\" }}\"}\n",
            ),
        ],
    )?;
    let server = PluginServer::start()?;
    let found = objects(&server.generate(dir.path(), &[])?)?;
    let seen = found.get("ConfigMap/seen").ok_or("no ConfigMap seen")?;
    let data = |key: &str| seen["data"][key].as_str().unwrap_or_default().to_owned();
    ensure(
        [
            data("namespace"),
            data("name"),
            data("version"),
            data("has"),
        ] == ["shop", "shop", "v1.37.2", "true"],
        || format!("{seen:?}"),
    )?;
    let values = [("PARAM_VALUES_0", "prod.yaml")];
    let prod = objects(&server.generate(dir.path(), &values)?)?;
    let (one, other) = (
        hash(&found, "Deployment/web"),
        hash(&prod, "Deployment/web"),
    );
    ensure(one.is_some() && other.is_some() && one != other, || {
        format!("{one:?} {other:?}")
    })?;
    let outside = server.generate(dir.path(), &[("PARAM_VALUES_0", "../secret.yaml")])?;
    ensure(
        !outside.status.success() && outside.stdout.is_empty(),
        || "it read outside".into(),
    )
}

fn argo_cd_sidecar() -> TrialResult {
    let dir = tempfile::tempdir()?;
    copy(&project("integrations/argocd"), &dir.path().join("plugin"))?;
    let server = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: argocd-repo-server\nspec:\n  \
         selector:\n    matchLabels: {app: argocd-repo-server}\n  template:\n    metadata:\n      \
         labels: {app: argocd-repo-server}\n    spec:\n      containers:\n      - name: \
         argocd-repo-server\n        image: quay.io/argoproj/argocd:v3.1.0\n      volumes:\n      \
         - name: var-files\n        emptyDir: {}\n      - name: plugins\n        emptyDir: {}\n";
    write(
        dir.path(),
        &[
            ("install/server.yaml", server),
            (
                "install/kustomization.yaml",
                "namespace: argocd\nresources: [server.yaml]\ncomponents: [../plugin]\n",
            ),
        ],
    )?;
    let built = run(
        Command::new("kustomize")
            .args(["build", "install"])
            .current_dir(dir.path()),
        &[0],
    )?;
    let found = objects(&built)?;
    let pod = &found
        .get("Deployment/argocd-repo-server")
        .ok_or("no Deployment")?["spec"]["template"]["spec"];
    let containers = pod["containers"].as_sequence().map_or(0, Vec::len);
    ensure(containers == 2, || format!("{pod:?}"))?;
    // The plugin keeps what kubewright asks of others: no subPath, a name that changes.
    let text = String::from_utf8(built.stdout.clone())?;
    ensure(
        !text.contains("subPath") && text.contains("argocd-kubewright-plugin-"),
        || text.clone(),
    )?;
    pipe(
        &mut kubewright(dir.path(), &["fix", "-", "--check"]),
        &built.stdout,
        &[0],
    )?;
    Ok(())
}

/// Runs git without the settings of the machine.
fn git(dir: &Path, args: &[&str]) -> Result<String, Failed> {
    let mut command = Command::new("git");
    command.args(args).current_dir(dir).envs(GIT);
    Ok(String::from_utf8(run(&mut command, &[0])?.stdout)?)
}

const GIT: [(&str, &str); 6] = [
    ("GIT_CONFIG_GLOBAL", "/dev/null"),
    ("GIT_CONFIG_NOSYSTEM", "1"),
    ("GIT_AUTHOR_NAME", "t"),
    ("GIT_AUTHOR_EMAIL", "t@example.com"),
    ("GIT_COMMITTER_NAME", "t"),
    ("GIT_COMMITTER_EMAIL", "t@example.com"),
];

fn rendered_branch() -> TrialResult {
    let (origin, dir) = (tempfile::tempdir()?, tempfile::tempdir()?);
    git(origin.path(), &["init", "-q", "--bare"])?;
    git(dir.path(), &["init", "-q", "-b", "main"])?;
    let remote = origin.path().to_str().ok_or("no path")?;
    git(dir.path(), &["remote", "add", "origin", remote])?;
    write(
        dir.path(),
        &[
            ("apps/shop/kustomization.yaml", "resources: [web.yaml]\n"),
            ("apps/shop/web.yaml", WEB),
            ("apps/blog/web.yaml", WEB),
        ],
    )?;
    git(dir.path(), &["add", "."])?;
    git(dir.path(), &["commit", "-qm", "first"])?;
    let script = project("integrations/render/render-to-branch");
    let script = script.to_str().ok_or("no path")?;
    let render = |folders: &[&str], statuses: &[i32]| -> Result<String, Failed> {
        let mut command = with_program(script, &[])?;
        command.envs(GIT).current_dir(dir.path());
        let args = [&["--push", "env/prod"], folders].concat();
        Ok(String::from_utf8(
            run(command.args(args), statuses)?.stderr,
        )?)
    };
    let file = |path: &str| git(origin.path(), &["show", &format!("env/prod:{path}")]);
    render(&["apps/shop", "apps/blog"], &[0])?;
    let shop = file("apps/shop/manifests.yaml")?;
    ensure(shop.contains("kubewright.dev/config-hash"), || shop.clone())?;
    ensure(
        file("apps/blog/manifests.yaml")?.contains("# What the page says."),
        || "comments of plain manifests are lost".into(),
    )?;
    let log = git(origin.path(), &["log", "--format=%B", "env/prod"])?;
    let head = git(dir.path(), &["rev-parse", "HEAD"])?;
    ensure(
        log.contains(&format!("Source-commit: {}", head.trim())),
        || log.clone(),
    )?;
    // The work tree and the branch that is checked out are as they were.
    let clean = git(dir.path(), &["status", "--porcelain"])?;
    let branches = git(dir.path(), &["branch", "--format=%(refname:short)"])?;
    ensure(clean.is_empty() && branches == "main\n", || {
        format!("{clean}{branches}")
    })?;
    ensure(
        render(&["apps/shop", "apps/blog"], &[0])?.contains("up to date"),
        || "nothing changed, and something was committed".into(),
    )?;
    // A folder that is left out goes; a build that fails leaves all as it was.
    let changed = WEB.replace("hello", "good day");
    write(
        dir.path(),
        &[
            ("apps/shop/web.yaml", &changed),
            ("apps/blog/web.yaml", "kind: [\n"),
        ],
    )?;
    git(dir.path(), &["commit", "-qam", "second"])?;
    let before = git(origin.path(), &["rev-parse", "env/prod"])?;
    render(&["apps/shop", "apps/blog"], &[2])?;
    ensure(
        git(origin.path(), &["rev-parse", "env/prod"])? == before,
        || "a build that failed was pushed".into(),
    )?;
    render(&["apps/shop"], &[0])?;
    ensure(file("apps/shop/manifests.yaml")? != shop, || {
        "the change is not there".into()
    })?;
    let files = git(origin.path(), &["ls-tree", "-r", "--name-only", "env/prod"])?;
    ensure(files == "apps/shop/manifests.yaml\n", || files.clone())?;
    let commits = git(origin.path(), &["rev-list", "--count", "env/prod"])?;
    ensure(commits == "2\n", || commits.clone())
}

/// kustomize-controller builds with kustomize, and so does `flux build kustomization`; labels and
/// annotations of Flux come on top.
fn flux_build() -> TrialResult {
    let dir = tempfile::tempdir()?;
    write(
        dir.path(),
        &[
            ("web.yaml", WEB),
            (
                "kustomization.yaml",
                "resources: [web.yaml]\nnamespace: shop\nlabels:\n- pairs:\n    \
                 kustomize.toolkit.fluxcd.io/name: shop\n    \
                 kustomize.toolkit.fluxcd.io/namespace: flux-system\n",
            ),
        ],
    )?;
    let before = tree(dir.path())?;
    let built = run(
        Command::new("kustomize")
            .args(["build", "."])
            .current_dir(dir.path()),
        &[0],
    )?;
    let fixed = pipe(
        &mut kubewright(dir.path(), &["fix", "-"]),
        &built.stdout,
        &[0],
    )?;
    let found = objects(&fixed)?;
    ensure(hash(&found, "Deployment/web").is_some(), || {
        format!("{found:?}")
    })?;
    ensure(tree(dir.path())? == before, || {
        "a filter wrote files".into()
    })
}
