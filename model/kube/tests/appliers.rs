//! Apply sets of what Argo CD and Flux apply.

use super::{config_map, members, resource, set, workspace};
use crate::kube::{Evidence, Workspace};

const URL: &str = "https://git.example.com/shop/deploy.git";

/// An `Application` with further lines of `spec`, at the indentation of `source`.
fn application(name: &str, source: &str, namespace: &str) -> String {
    format!(
        "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {{name: {name}}}\nspec:\n  \
         destination: {{name: in-cluster, namespace: {namespace}}}\n  source: {{repoURL: '{URL}', \
         {source}}}\n"
    )
}

fn flux(name: &str, spec: &str) -> String {
    format!(
        "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {{name: \
         {name}, namespace: flux-system}}\nspec: {{sourceRef: {{kind: GitRepository, name: repo}}, \
         {spec}}}\n"
    )
}

fn application_set(generators: &str, template: &str) -> String {
    format!(
        "apiVersion: argoproj.io/v1alpha1\nkind: ApplicationSet\nmetadata: {{name: all}}\nspec:\n  \
         generators: [{generators}]\n  template:\n    metadata: {{name: x}}\n    spec: \
         {template}\n"
    )
}

/// Files with a ConfigMap each, named like the file.
fn with(others: &[(&str, &str)], paths: &[&str]) -> Workspace {
    let maps: Vec<(String, String)> = paths
        .iter()
        .map(|p| {
            let stem = p
                .rsplit('/')
                .next()
                .unwrap_or_default()
                .trim_end_matches(".yaml");
            ((*p).to_owned(), config_map(stem, "k"))
        })
        .collect();
    let mut files: Vec<(&str, &str)> = maps.iter().map(|(p, t)| (p.as_str(), t.as_str())).collect();
    files.extend_from_slice(others);
    workspace(&files)
}

/// Name and members of each set of that evidence.
fn sets(w: &Workspace, evidence: Evidence) -> Vec<String> {
    let found = w.sets().iter().filter(|s| s.evidence == evidence);
    found
        .map(|s| format!("{}: {}", s.name, members(s).join(" ")))
        .collect()
}

fn hole(w: &Workspace, name: &str, text: &str) {
    let holes = &set(w, name).holes;
    assert!(
        holes.iter().any(|h| h.contains(text)),
        "{text} is none of {holes:?}"
    );
}

#[test]
fn a_directory_source_is_what_argo_cd_reads() {
    let files = ["d/a.yaml", "d/b.yaml", "d/sub/c.yaml", "e/f.yaml"];
    let found = |source: &str| {
        sets(
            &with(&[("app.yaml", &application("app", source, "ns"))], &files),
            Evidence::ArgoCd,
        )
    };
    assert_eq!(found("path: d"), ["d: ns/a ns/b"]);
    assert_eq!(found("path: ./d/"), ["d: ns/a ns/b"]);
    assert_eq!(
        found("path: d, directory: {recurse: true}"),
        ["d: ns/a ns/b ns/c"]
    );
    assert_eq!(
        found("path: d, directory: {recurse: true, exclude: '{sub/*,a.*}'}"),
        ["d: ns/b"]
    );
    assert_eq!(
        found("path: d, directory: {recurse: true, include: '*c.yaml'}"),
        ["d: ns/c"]
    );
    assert_eq!(found("path: d, targetRevision: main"), ["d: ns/a ns/b"]);
    assert_eq!(found("path: nowhere"), ["Argo CD app: "]);
    assert_eq!(found("chart: redis"), ["Argo CD app: "]);
    assert_eq!(found("path: d, targetRevision: v1.0.0"), ["Argo CD app: "]);
    assert_eq!(found("path: d, plugin: {name: x}"), ["Argo CD app: "]);
}

#[test]
fn argo_cd_renders_the_chart_of_a_directory() {
    let found = |applier: &str, more: &[(&str, &str)]| {
        let chart = [("c/Chart.yaml", "apiVersion: v2\nname: c\n")];
        let all = [("app.yaml", applier)];
        with(&[&all[..], &chart, more].concat(), &["c/a.yaml"])
    };
    let app = |source: &str| application("app", source, "ns");
    let w = found(&app("path: c"), &[]);
    assert_eq!(sets(&w, Evidence::ArgoCd), ["c: "]);
    hole(&w, "c", "Helm chart c is not rendered");
    let built = [("c/kustomization.yaml", "resources: [a.yaml]\n")];
    let w = found(&app("path: c"), &built);
    assert_eq!(sets(&w, Evidence::ArgoCd), ["c: "]);
    let set = w.sets().iter().find(|s| s.evidence == Evidence::ArgoCd);
    assert_eq!(
        set.unwrap().holes,
        ["c is a kustomization and a Helm chart"]
    );
    let w = found(&app("path: c, directory: {recurse: true}"), &[]);
    assert_eq!(sets(&w, Evidence::ArgoCd), ["c: ns/a"]);
    let w = found(&flux("f", "path: ./c"), &[]);
    assert_eq!(sets(&w, Evidence::Flux), ["c: -/a"]);
}

#[test]
fn which_files_count_may_not_be_known() {
    for directory in ["include: '['", "exclude: '['", "jsonnet: {tlas: []}"] {
        let source = format!("path: d, directory: {{{directory}}}");
        let app = application("app", &source, "ns");
        let w = with(&[("app.yaml", &app)], &["d/a.yaml"]);
        assert_eq!(sets(&w, Evidence::ArgoCd), ["d: ns/a"]);
        hole(&w, "d", "which files of d count is not known");
    }
}

#[test]
fn argo_cd_reads_json_and_flux_does_not() {
    let json = r#"{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "j"}}"#;
    let found = |applier: &str, evidence: Evidence| {
        let others = [("app.yaml", applier), ("d/j.json", json)];
        sets(&with(&others, &["d/a.yaml", "d/b.yml"]), evidence)
    };
    assert_eq!(
        found(&application("app", "path: d", "ns"), Evidence::ArgoCd),
        ["d: ns/a ns/b.yml ns/j"]
    );
    assert_eq!(
        found(&flux("f", "path: ./d"), Evidence::Flux),
        ["d: -/a -/b.yml"]
    );
}

#[test]
fn a_directory_is_the_name_of_an_application_that_takes_nothing_else() {
    let found = |other: &str| {
        let app = application("app", "path: d", "ns");
        let (before, source) = app.split_once("source: ").unwrap();
        let app = format!("{before}sources: [{}, {{{other}}}]\n", source.trim_end());
        sets(
            &with(&[("app.yaml", &app)], &["d/a.yaml"]),
            Evidence::ArgoCd,
        )
    };
    let charts = "repoURL: 'https://charts.example.com'";
    assert_eq!(
        found(&format!("{charts}, chart: redis")),
        ["Argo CD app: ns/a"]
    );
    assert_eq!(found(&format!("{charts}, ref: values")), ["d: ns/a"]);
}

#[test]
fn files_are_taken_as_the_directory_is_walked() {
    let w = with(
        &[(
            "app.yaml",
            &application("app", "path: d, directory: {recurse: true}", "ns"),
        )],
        &["d/a.yaml", "d/a/z.yaml"],
    );
    assert_eq!(sets(&w, Evidence::ArgoCd), ["d: ns/z ns/a"]);
}

#[test]
fn a_kustomization_that_argo_cd_builds_gets_its_namespace() {
    let kustomization = |text: &str| {
        let app = application("app", "path: k", "ns");
        let w = with(
            &[("k/kustomization.yaml", text), ("app.yaml", &app)],
            &["k/a.yaml"],
        );
        assert_eq!(set(&w, "k").appliers.len(), 1);
        sets(&w, Evidence::Kustomization)
    };
    assert_eq!(kustomization("resources: [a.yaml]\n"), ["k: ns/a"]);
    assert_eq!(
        kustomization("resources: [a.yaml]\nnamespace: own\n"),
        ["k: own/a"]
    );
    let changed = application(
        "app",
        "path: k, kustomize: {namePrefix: p-, namespace: forced}",
        "ns",
    );
    let w = with(
        &[
            (
                "k/kustomization.yaml",
                "resources: [a.yaml]\nnamePrefix: q-\nnamespace: own\n",
            ),
            ("app.yaml", &changed),
        ],
        &["k/a.yaml"],
    );
    assert_eq!(sets(&w, Evidence::Kustomization), ["k: forced/p-a"]);
}

#[test]
fn a_base_that_argo_cd_builds_is_a_root_too() {
    let app = application("app", "path: base", "ns");
    let w = with(
        &[
            ("app.yaml", &app),
            ("base/kustomization.yaml", "resources: [a.yaml]\n"),
            ("over/kustomization.yaml", "resources: [../base]\n"),
        ],
        &["base/a.yaml"],
    );
    assert_eq!(
        sets(&w, Evidence::Kustomization),
        ["base: ns/a", "over: -/a"]
    );
}

#[test]
fn several_clusters_make_one_set() {
    let template = format!(
        "{{destination: {{server: '{{{{server}}}}', namespace: ns}}, source: {{repoURL: '{URL}', \
         path: d}}}}"
    );
    let set_of = application_set(
        "list: {elements: [{server: 'https://a'}, {server: 'https://b'}]}",
        &template,
    );
    let w = with(&[("apps.yaml", &set_of)], &["d/a.yaml"]);
    assert_eq!(sets(&w, Evidence::ArgoCd), ["d: ns/a"]);
    let clusters: Vec<_> = set(&w, "d")
        .appliers
        .iter()
        .map(|a| a.cluster.as_deref())
        .collect();
    assert_eq!(clusters, [Some("https://a"), Some("https://b")]);
}

#[test]
fn generators_that_are_known_fill_the_template() {
    let files = ["apps/one/a.yaml", "apps/two/b.yaml"];
    let found = |generator: &str, path: &str, go: bool| {
        let namespace = if go {
            "{{.path.basename}}"
        } else {
            "{{path.basename}}"
        };
        let template = format!(
            "{{destination: {{name: in-cluster, namespace: '{namespace}'}}, source: {{repoURL: \
             '{URL}', path: '{path}'}}}}"
        );
        let mut text = application_set(generator, &template);
        if go {
            text = text.replace(
                "spec:\n  generators",
                "spec:\n  goTemplate: true\n  generators",
            );
        }
        sets(
            &with(
                &[
                    ("apps.yaml", &text),
                    ("envs/x.json", "{\"where\": \"apps/one\", \"path\": 1}"),
                ],
                &files,
            ),
            Evidence::ArgoCd,
        )
    };
    let git = |more: &str| format!("git: {{repoURL: '{URL}', directories: [{more}]}}");
    let both = ["apps/one: one/a", "apps/two: two/b"];
    assert_eq!(found(&git("{path: 'apps/*'}"), "{{path}}", false), both);
    assert_eq!(
        found(&git("{path: 'apps/*'}"), "apps/{{path.basename}}", false),
        both
    );
    assert_eq!(
        found(
            &git("{path: 'apps/*'}"),
            "{{path[0]}}/{{ path.basename }}",
            false
        ),
        both
    );
    assert_eq!(
        found(&git("{path: 'apps/*'}"), "{{ .path.path }}", true),
        both
    );
    assert_eq!(
        found(
            &git("{path: 'apps/*'}"),
            "apps/{{- index .path.segments 1 -}}",
            true
        ),
        both
    );
    assert_eq!(
        found(
            &git("{path: 'apps/*'}, {path: apps/two, exclude: true}"),
            "{{path}}",
            false
        ),
        both[..1]
    );
    // `**` is `*` to Go's `path.Match`: it crosses no `/`.
    assert_eq!(found(&git("{path: 'apps/**'}"), "{{path}}", false), both);
    let files_of = format!("git: {{repoURL: '{URL}', files: [{{path: 'envs/*.json'}}]}}");
    assert_eq!(found(&files_of, "{{where}}", false), ["apps/one: envs/a"]);
    let matrix = |second: &str| {
        format!(
            "matrix: {{generators: [{{{}}}, {{{second}}}]}}",
            git("{path: 'apps/*'}")
        )
    };
    assert_eq!(found(&matrix("clusters: {}"), "{{path}}", false), both);
    assert_eq!(
        found(
            &matrix("list: {elements: [{a: b}, {a: c}]}"),
            "{{path}}",
            false
        )
        .len(),
        2
    );
    for unknown in [
        "clusters: {}",
        "scmProvider: {}",
        "merge: {generators: []}",
        &format!("{{{}, selector: {{}}}}", git("{path: 'apps/*'}")),
    ] {
        assert_eq!(
            found(unknown, "{{path}}", false),
            ["Argo CD x: "],
            "{unknown}"
        );
    }
    assert_eq!(
        found(&git("{path: 'apps/*'}"), "{{path | lower}}", false),
        ["Argo CD x: "]
    );
}

#[test]
fn applications_meet_when_they_are_applied_together() {
    let found = |one: &str, other: &str, namespace: &str| {
        let (a, b) = (
            application("a", "path: d", "ns"),
            application("b", "path: e", namespace),
        );
        sets(
            &with(&[(one, &a), (other, &b)], &["d/a.yaml", "e/b.yaml"]),
            Evidence::ArgoCd,
        )
    };
    assert_eq!(
        found("apps/a.yaml", "apps/b.yaml", "ns"),
        ["Argo CD a, b: ns/a ns/b"]
    );
    assert_eq!(
        found("apps/a.yaml", "apps/b.yaml", "other"),
        ["d: ns/a", "e: other/b"]
    );
    assert_eq!(
        found("apps/a.yaml", "more/b.yaml", "ns"),
        ["d: ns/a", "e: ns/b"]
    );
}

#[test]
fn each_application_brings_its_part() {
    let apps = ["a", "b", "c"].map(|name| application(name, &format!("path: k/{name}"), "ns"));
    let kustomization = "resources: [m.yaml]\nconfigMapGenerator: [{name: g}, {name: h}]\n";
    let w = with(
        &[
            ("apps/a.yaml", &apps[0]),
            ("apps/b.yaml", &apps[1]),
            ("apps/c.yaml", &apps[2]),
            ("k/a/kustomization.yaml", kustomization),
            ("k/b/kustomization.yaml", kustomization),
            ("k/c/kustomization.yaml", kustomization),
        ],
        &["k/a/m.yaml", "k/b/m.yaml", "k/c/m.yaml"],
    );
    let parts = &set(&w, "Argo CD a, b, c").parts;
    let parts: Vec<_> = parts
        .iter()
        .map(|p| (p.applier, p.members.clone(), p.generated.clone()))
        .collect();
    assert_eq!(parts, [(0, 0..1, 0..2), (1, 1..2, 2..4), (2, 2..3, 4..6)]);
}

#[test]
fn an_application_of_what_it_is_part_of_leaves_it_closed() {
    let app = application("app", "path: d", "ns");
    let w = with(&[("d/app.yaml", &app)], &["d/a.yaml"]);
    assert_eq!(sets(&w, Evidence::ArgoCd), ["d: ns/a ns/app"]);
    assert_eq!(set(&w, "d").holes, [""; 0]);
}

#[test]
fn what_is_not_all_that_is_applied_is_open() {
    let (a, b) = (
        application("a", "path: d", "ns"),
        application("b", "path: e", "other"),
    );
    let w = with(
        &[("apps/a.yaml", &a), ("apps/b.yaml", &b)],
        &["d/a.yaml", "e/b.yaml"],
    );
    assert!(set(&w, "d").closed && set(&w, "e").closed);
    hole(&w, "apps", "more is applied by Application a, b");
    // One that reaches into the namespace of the other.
    let foreign = config_map("b", "k").replace("metadata:\n", "metadata:\n  namespace: ns\n");
    let w = workspace(&[
        ("apps/a.yaml", &a),
        ("apps/b.yaml", &b),
        ("d/a.yaml", &config_map("a", "k")),
        ("e/b.yaml", &foreign),
    ]);
    hole(
        &w,
        "d",
        "other applications of its cluster apply objects of namespace ns too",
    );
    // A chart beside it.
    let chart = application("b", "chart: redis", "ns");
    let w = with(
        &[("apps/a.yaml", &a), ("apps/b.yaml", &chart)],
        &["d/a.yaml"],
    );
    hole(&w, "Argo CD a, b", "Application b applies Helm chart redis");
    let release = "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: r}\n";
    let w = with(
        &[
            ("k/kustomization.yaml", "resources: [a.yaml, r.yaml]\n"),
            ("k/r.yaml", release),
        ],
        &["k/a.yaml"],
    );
    hole(&w, "k", "a Helm chart is installed by HelmRelease r");
    let w = with(
        &[
            ("c/Chart.yaml", "name: c\n"),
            ("c/templates/x.yaml", "a: {{ b }}\n"),
        ],
        &[],
    );
    assert_eq!(sets(&w, Evidence::Helm), ["c: "]);
    assert!(!set(&w, "c").closed);
}

#[test]
fn another_repository_is_not_this_workspace() {
    let foreign =
        application("b", "path: e", "ns").replace(URL, "https://git.example.com/other.git");
    let third = application("c", "path: f", "third");
    let files = [
        ("apps/a.yaml", application("a", "path: d", "ns")),
        ("apps/b.yaml", foreign),
        ("apps/c.yaml", third),
    ];
    let others: Vec<(&str, &str)> = files.iter().map(|(p, t)| (*p, t.as_str())).collect();
    let w = with(&others, &["d/a.yaml", "e/b.yaml", "f/c.yaml"]);
    assert_eq!(
        sets(&w, Evidence::ArgoCd),
        ["Argo CD a, b: ns/a", "f: third/c"]
    );
    hole(
        &w,
        "Argo CD a, b",
        "e of git.example.com/other at HEAD, which is not taken for this workspace",
    );
    assert_eq!(
        sets(&w, Evidence::Directory),
        ["apps: -/a -/b -/c", "e: -/b"]
    );
    // Two repositories with as many paths here: neither is taken.
    let w = with(&others[..2], &["d/a.yaml", "e/b.yaml"]);
    assert_eq!(sets(&w, Evidence::ArgoCd), ["Argo CD a, b: "]);
}

#[test]
fn flux_builds_a_tree_and_the_kustomizations_in_it() {
    let files = [
        "t/a.yaml",
        "t/sub/b.yaml",
        "t/k/c.yaml",
        "t/k/d.yaml",
        "t/comp/e.yaml",
    ];
    let others = [
        (
            "t/k/kustomization.yaml",
            "namePrefix: p-\nresources: [c.yaml]\n",
        ),
        (
            "t/comp/kustomization.yaml",
            "kind: Component\nresources: [e.yaml]\n",
        ),
    ];
    let found = |spec: &str| {
        let cr = flux("f", spec);
        let all: Vec<(&str, &str)> = others
            .iter()
            .copied()
            .chain([("clusters/f.yaml", cr.as_str())])
            .collect();
        sets(&with(&all, &files), Evidence::Flux)
    };
    assert_eq!(found("path: ./t"), ["t: -/a -/p-c -/b"]);
    assert_eq!(
        found("path: ./t, targetNamespace: ns"),
        ["t: ns/a ns/p-c ns/b"]
    );
    let cr = flux(
        "f",
        "path: ./t/k, targetNamespace: ns, namePrefix: q-, components: [../comp]",
    );
    let all: Vec<(&str, &str)> = others
        .iter()
        .copied()
        .chain([("clusters/f.yaml", cr.as_str())])
        .collect();
    assert_eq!(
        sets(&with(&all, &files), Evidence::Kustomization),
        ["t/k: ns/q-c ns/q-e"]
    );
}

#[test]
fn flux_moves_what_states_a_namespace_and_argo_cd_does_not() {
    let own = config_map("a", "k").replace("metadata:\n", "metadata:\n  namespace: own\n");
    let found = |applier: &str, evidence: Evidence| {
        let w = workspace(&[("app.yaml", applier), ("d/a.yaml", &own)]);
        sets(&w, evidence)
    };
    assert_eq!(
        found(&flux("f", "path: ./d, targetNamespace: ns"), Evidence::Flux),
        ["d: ns/a"]
    );
    assert_eq!(
        found(&application("app", "path: d", "ns"), Evidence::ArgoCd),
        ["d: own/a"]
    );
}

#[test]
fn flux_reads_the_source_it_names() {
    let git = |name: &str, url: &str| {
        format!(
            "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {{name: \
             {name}, namespace: flux-system}}\nspec: {{url: '{url}', ref: {{branch: main}}}}\n"
        )
    };
    let (one, two) = (
        flux("f", "path: ./d"),
        flux("g", "path: ./e").replace("name: repo", "name: other"),
    );
    let base = [("c/f.yaml", one.as_str()), ("c/g.yaml", two.as_str())];
    let found = |more: &[(&str, &str)]| {
        let all: Vec<(&str, &str)> = base.iter().chain(more).copied().collect();
        sets(&with(&all, &["d/a.yaml", "e/b.yaml"]), Evidence::Flux)
    };
    assert_eq!(found(&[]), ["Flux f, g: "]);
    let (repo, same) = (
        git("repo", URL),
        git("other", "ssh://git@git.example.com/shop/deploy"),
    );
    assert_eq!(
        found(&[("c/r.yaml", &repo), ("c/o.yaml", &same)]),
        ["Flux f, g: -/a -/b"]
    );
    assert_eq!(
        resource(&with(&base, &["d/a.yaml"]), "Kustomization/f").name,
        "f"
    );
}
