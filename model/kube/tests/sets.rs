//! Apply sets and what names stand for in them.

use super::{config_map, members, resource, set, workspace, workspace_with};
use crate::kube::{ApplySetSpec, Evidence, Options, PathGlob, Resolution, Target, Workspace};

const POD: &str = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: []}\n";

fn resolve(w: &Workspace, set_name: &str, name: &str) -> Resolution {
    w.resolve(
        set(w, set_name).id,
        resource(w, "Pod/p").id,
        Target::ConfigMap,
        name,
    )
}

fn names(w: &Workspace) -> Vec<(&str, Evidence, bool)> {
    w.sets()
        .iter()
        .map(|s| (s.name.as_str(), s.evidence, s.closed))
        .collect()
}

fn in_namespace(name: &str, namespace: &str) -> String {
    config_map(name, "k").replace(
        "metadata:\n",
        &format!("metadata:\n  namespace: {namespace}\n"),
    )
}

#[test]
fn a_directory_is_a_candidate_without_what_is_below() {
    let w = workspace(&[
        ("a/x.yaml", &config_map("x", "k")),
        ("a/b/w.yaml", &config_map("w", "k")),
        ("z.yaml", &config_map("z", "k")),
    ]);
    assert_eq!(
        names(&w),
        [
            (".", Evidence::Directory, false),
            ("a", Evidence::Directory, false),
            ("a/b", Evidence::Directory, false)
        ]
    );
    assert_eq!(members(set(&w, "a")), ["-/x"]);
    assert_eq!(
        w.sets_of(resource(&w, "ConfigMap/w").id),
        [set(&w, "a/b").id]
    );
}

#[test]
fn a_stream_is_one_closed_set() {
    let options = Options {
        stream: true,
        ..Options::default()
    };
    let w = workspace_with(
        &[(
            "<stdin>",
            &format!("{}---\n{}", config_map("b", "k"), config_map("a", "k")),
        )],
        options,
    );
    assert_eq!(names(&w), [("<stdin>", Evidence::Stream, true)]);
    assert_eq!(members(set(&w, "<stdin>")), ["-/b", "-/a"]);
}

#[test]
fn a_stream_with_a_document_that_cannot_be_read_is_open() {
    let options = Options {
        stream: true,
        ..Options::default()
    };
    let text = format!("{}---\na: [\n", config_map("a", "k"));
    let w = workspace_with(&[("<stdin>", &text)], options);
    assert_eq!(names(&w), [("<stdin>", Evidence::Stream, false)]);
    assert_eq!(w.sets()[0].holes.len(), 1);
}

#[test]
fn kustomizations_gather_in_order_from_the_inside_out() {
    let w = workspace(&[
        (
            "base/kustomization.yaml",
            "resources: [b.yaml, a.yaml]\nnamePrefix: in-\n",
        ),
        ("base/a.yaml", &in_namespace("a", "old")),
        ("base/b.yaml", &config_map("b", "k")),
        (
            "over/kustomization.yaml",
            "namespace: prod\nnamePrefix: p-\nnameSuffix: -s\nresources: [./c.yaml, ../base]\n",
        ),
        ("over/c.yaml", &config_map("c", "k")),
        ("over/unused.yaml", &config_map("u", "k")),
    ]);
    assert_eq!(
        names(&w),
        [
            ("over", Evidence::Kustomization, true),
            ("over", Evidence::Directory, false)
        ]
    );
    assert_eq!(
        members(&w.sets()[0]),
        ["prod/p-c-s", "prod/p-in-b-s", "prod/p-in-a-s"]
    );
    assert_eq!(members(&w.sets()[1]), ["-/u"]);
    let file = |path: &str| w.file_at(path).unwrap().id;
    assert_eq!(
        w.sets()[0].members[1].through,
        [
            file("over/kustomization.yaml"),
            file("base/kustomization.yaml")
        ]
    );
    assert_eq!(
        w.kustomizations()
            .iter()
            .map(|k| k.root)
            .collect::<Vec<_>>(),
        [false, true]
    );
}

#[test]
fn some_kinds_keep_their_names() {
    let of = |api_version: &str, kind: &str| {
        format!("apiVersion: {api_version}\nkind: {kind}\nmetadata: {{name: x}}\n")
    };
    let text = [
        of("v1", "Namespace"),
        of("apiextensions.k8s.io/v1", "CustomResourceDefinition"),
        of("apiregistration.k8s.io/v1", "APIService"),
        of("v1", "ServiceAccount"),
    ];
    let w = workspace(&[
        (
            "kustomization.yaml",
            "namePrefix: p-\nnameSuffix: -s\nresources: [all.yaml]\n",
        ),
        ("all.yaml", &text.join("---\n")),
    ]);
    assert_eq!(members(&w.sets()[0]), ["-/x", "-/x", "-/x", "-/p-x-s"]);
}

#[test]
fn a_component_changes_what_its_parent_gathered() {
    let w = workspace(&[
        (
            "kustomization.yaml",
            "resources: [a.yaml]\ncomponents: [comp]\n",
        ),
        ("a.yaml", &config_map("a", "k")),
        (
            "comp/kustomization.yaml",
            "kind: Component\nnameSuffix: -c\nresources: [b.yaml]\n",
        ),
        ("comp/b.yaml", &config_map("b", "k")),
        (
            "lone/kustomization.yaml",
            "kind: Component\nresources: [b.yaml]\n",
        ),
        ("lone/b.yaml", &config_map("lone", "k")),
    ]);
    assert_eq!(names(&w), [(".", Evidence::Kustomization, true)]);
    assert_eq!(members(&w.sets()[0]), ["-/a-c", "-/b-c"]);
    assert!(w.sets_of(resource(&w, "ConfigMap/lone").id).is_empty());
}

#[test]
fn what_cannot_be_read_makes_a_hole() {
    let with = |more: &str| {
        let w = workspace(&[
            (
                "d/kustomization.yaml",
                &format!("resources: [a.yaml]\n{more}\n"),
            ),
            ("d/a.yaml", &config_map("a", "k")),
            ("d/broken.yaml", "a: [\n"),
            ("d/template.yaml", "{{ x }\n"),
            ("d/sops.yaml", "kind: Secret\nsops: {mac: x}\n"),
            ("d/plain/x.yaml", "a: 1\n"),
            (
                "d/labels.yaml",
                "apiVersion: builtin\nkind: LabelTransformer\nmetadata: {name: l}\n",
            ),
        ]);
        (w.sets()[0].closed, w.sets()[0].holes.len())
    };
    assert_eq!(with(""), (true, 0));
    assert_eq!(with("namePrefix: x-"), (true, 0));
    assert_eq!(with("transformers: [labels.yaml]"), (true, 0));
    for hole in [
        "bases: [github.com/org/repo//dir?ref=v1]",
        "bases: [https://example.com/x.yaml]",
        "bases: [missing.yaml]",
        "bases: [plain]",
        "bases: [../../up]",
        "bases: [/abs]",
        "bases: [broken.yaml]",
        "bases: [template.yaml]",
        "bases: [sops.yaml]",
        "helmCharts: [{name: x}]",
        "patches: [{path: missing.yaml}]",
        "generators: [plain/x.yaml]",
        "transformers: [plain/x.yaml]",
        "patches: [{patch: '{kind: ConfigMap, metadata: {name: a}}', options: {allowNameChange: \
         true}}]",
    ] {
        assert_eq!(with(hole), (false, 1), "{hole}");
    }
}

#[test]
fn cycles_end() {
    let w = workspace(&[
        ("r/kustomization.yaml", "resources: [../a]\n"),
        ("a/kustomization.yaml", "resources: [../b, x.yaml]\n"),
        ("a/x.yaml", &config_map("x", "k")),
        ("b/kustomization.yaml", "resources: [../a]\n"),
        ("self/kustomization.yaml", "resources: [../self, .]\n"),
    ]);
    assert_eq!(members(set(&w, "r")), ["-/x"]);
    assert!(!set(&w, "r").closed);
}

#[test]
fn configured_sets_take_precedence() {
    let spec = |name: &str, paths: &[&str]| ApplySetSpec {
        name: name.to_owned(),
        paths: paths
            .iter()
            .map(|p| PathGlob::new(p, false).unwrap())
            .collect(),
        namespace: Some("ns".to_owned()),
        cluster: None,
    };
    let options = Options {
        apply_sets: vec![spec("one", &["b/**", "a/*.yaml"]), spec("kust", &["k/**"])],
        ..Options::default()
    };
    let w = workspace_with(
        &[
            ("a/a.yaml", &in_namespace("a", "own")),
            ("b/b.yaml", &config_map("b", "k")),
            ("c/c.yaml", &config_map("c", "k")),
            (
                "k/kustomization.yaml",
                "namePrefix: p-\nresources: [k.yaml]\n",
            ),
            ("k/k.yaml", &config_map("k", "k")),
            ("k/more.yaml", &config_map("more", "k")),
        ],
        options,
    );
    assert_eq!(
        names(&w),
        [
            ("one", Evidence::Config, true),
            ("kust", Evidence::Config, true),
            ("c", Evidence::Directory, false)
        ]
    );
    assert_eq!(members(&w.sets()[0]), ["ns/b", "own/a"]);
    assert_eq!(members(&w.sets()[1]), ["ns/p-k", "ns/more"]);
}

#[test]
fn what_a_configured_set_takes_is_no_part_of_others() {
    let spec = ApplySetSpec {
        name: "one".to_owned(),
        paths: ["d/a.yaml", "k/c.yaml"]
            .map(|p| PathGlob::new(p, false).unwrap())
            .to_vec(),
        ..ApplySetSpec::default()
    };
    let options = Options {
        apply_sets: vec![spec],
        ..Options::default()
    };
    let w = workspace_with(
        &[
            (
                "app.yaml",
                "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: app}\nspec: \
                 {source: {repoURL: 'https://git.example.com/x.git', path: d}}\n",
            ),
            ("d/a.yaml", &config_map("a", "k")),
            ("d/b.yaml", &config_map("b", "k")),
            (
                "k/kustomization.yaml",
                "namePrefix: p-\nresources: [c.yaml, e.yaml]\n",
            ),
            ("k/c.yaml", &config_map("c", "k")),
            ("k/e.yaml", &config_map("e", "k")),
        ],
        options,
    );
    // A kustomization that is not taken itself changes nothing there.
    assert_eq!(members(set(&w, "one")), ["-/a", "-/c"]);
    for (name, rest) in [("d", "-/b"), ("k", "-/p-e")] {
        let set = set(&w, name);
        assert_eq!(members(set), [rest]);
        assert_eq!(set.holes, ["a part of it belongs to apply set one"]);
    }
}

#[test]
fn names_resolve_within_the_namespace() {
    let (a, own) = (config_map("a", "k"), in_namespace("a", "own"));
    let id = |w: &Workspace, at: usize| {
        w.resources()
            .iter()
            .filter(|r| r.kind == "ConfigMap")
            .nth(at)
            .unwrap()
            .id
    };
    let one = workspace(&[("d/a.yaml", &a), ("d/p.yaml", POD), ("e/a.yaml", &a)]);
    assert_eq!(resolve(&one, "d", "a"), Resolution::One(id(&one, 0)));
    assert_eq!(resolve(&one, "d", "b"), Resolution::Missing);
    let several = workspace(&[("d/a.yaml", &a), ("d/b.yaml", &a), ("d/p.yaml", POD)]);
    assert_eq!(
        resolve(&several, "d", "a"),
        Resolution::Several(vec![id(&several, 0), id(&several, 1)])
    );
    let uncertain = workspace(&[("d/a.yaml", &own), ("d/p.yaml", POD)]);
    assert_eq!(
        resolve(&uncertain, "d", "a"),
        Resolution::Uncertain(vec![id(&uncertain, 0)])
    );
    let foreign = workspace(&[
        ("d/a.yaml", &own),
        (
            "d/p.yaml",
            &POD.replace("name: p", "name: p, namespace: other"),
        ),
    ]);
    assert_eq!(resolve(&foreign, "d", "a"), Resolution::Missing);
    let stated = foreign.resolve_in(
        set(&foreign, "d").id,
        resource(&foreign, "Pod/p").id,
        Target::ConfigMap,
        "a",
        Some("own"),
    );
    assert_eq!(stated, Resolution::One(id(&foreign, 0)));
    let kustomized = workspace(&[
        (
            "kustomization.yaml",
            "namespace: n\nresources: [a.yaml, p.yaml]\n",
        ),
        ("a.yaml", &own),
        ("p.yaml", POD),
    ]);
    assert_eq!(
        resolve(&kustomized, ".", "a"),
        Resolution::One(id(&kustomized, 0))
    );
    assert_eq!(kustomized.data_keys(id(&kustomized, 0)), ["k"]);
}

#[test]
fn prefixes_keep_siblings_apart() {
    let w = workspace(&[
        ("kustomization.yaml", "resources: [x, z]\n"),
        (
            "x/kustomization.yaml",
            "namePrefix: x-\nresources: [a.yaml, p.yaml]\n",
        ),
        ("x/a.yaml", &config_map("a", "k")),
        ("x/p.yaml", POD),
        (
            "z/kustomization.yaml",
            "namePrefix: z-\nresources: [a.yaml]\n",
        ),
        ("z/a.yaml", &config_map("a", "k")),
    ]);
    let first = w
        .resources()
        .iter()
        .find(|r| r.kind == "ConfigMap")
        .unwrap()
        .id;
    assert_eq!(resolve(&w, ".", "a"), Resolution::One(first));
    assert_eq!(resolve(&w, ".", "x-a"), Resolution::One(first));
}

#[test]
fn generators_make_names() {
    let hash = |w: &Workspace, name: &str| match resolve(w, ".", name) {
        Resolution::Generated { hash_suffix, .. } => Some(hash_suffix),
        _ => None,
    };
    let with = |text: &str| {
        workspace(&[
            (
                "kustomization.yaml",
                &format!("resources: [p.yaml, a.yaml]\n{text}\n"),
            ),
            ("p.yaml", POD),
            ("a.yaml", &config_map("a", "k")),
        ])
    };
    assert_eq!(
        hash(&with("configMapGenerator: [{name: g}]"), "g"),
        Some(true)
    );
    assert_eq!(
        hash(
            &with("configMapGenerator: [{name: g, options: {disableNameSuffixHash: true}}]"),
            "g"
        ),
        Some(false)
    );
    assert_eq!(
        hash(
            &with(
                "configMapGenerator: [{name: g}]\ngeneratorOptions: {disableNameSuffixHash: true}"
            ),
            "g"
        ),
        Some(false)
    );
    assert_eq!(
        hash(
            &with("configMapGenerator: [{name: a, behavior: merge}]"),
            "a"
        ),
        Some(false)
    );
    assert_eq!(
        hash(
            &with("configMapGenerator: [{name: a, behavior: replace}]"),
            "a"
        ),
        Some(false)
    );
    assert_eq!(hash(&with("secretGenerator: [{name: g}]"), "g"), None);
    assert_eq!(
        hash(&with("configMapGenerator: [{name: g}]"), "other"),
        None
    );
    assert_eq!(hash(&with(""), "a"), None);
    let merged = |base: &str, over: &str| {
        workspace(&[
            (
                "kustomization.yaml",
                &format!(
                    "resources: [b]\nconfigMapGenerator: [{{name: g, behavior: merge{over}}}]\n"
                ),
            ),
            (
                "b/kustomization.yaml",
                &format!("resources: [p.yaml]\nconfigMapGenerator: [{{name: g{base}}}]\n"),
            ),
            ("b/p.yaml", POD),
        ])
    };
    let off = ", options: {disableNameSuffixHash: true}";
    for (base, over, expected) in [
        ("", "", true),
        (off, "", false),
        ("", off, false),
        (off, off, false),
    ] {
        assert_eq!(
            hash(&merged(base, over), "g"),
            Some(expected),
            "{base} {over}"
        );
    }
    let asked = config_map("a", "k").replace(
        "metadata:\n",
        "metadata:\n  annotations: {kustomize.config.k8s.io/needs-hash: 'true'}\n",
    );
    let w = workspace(&[
        ("kustomization.yaml", "resources: [p.yaml, a.yaml]\n"),
        ("p.yaml", POD),
        ("a.yaml", &asked),
    ]);
    assert_eq!(hash(&w, "a"), Some(true));
}

#[test]
fn configured_paths_are_taken_as_kubectl_takes_them() {
    let found = |paths: &[&str], recursive: bool| {
        let paths = paths
            .iter()
            .map(|p| PathGlob::new(p, recursive).unwrap())
            .collect();
        let spec = ApplySetSpec {
            name: "set".to_owned(),
            paths,
            ..ApplySetSpec::default()
        };
        let (a, b, c) = (
            config_map("a", "k"),
            config_map("b", "k"),
            config_map("c", "k"),
        );
        let files = [
            ("b.yaml", b.as_str()),
            ("d/a.yaml", &a),
            ("d/a/c.yaml", &c),
            ("d/x.txt", "x\n"),
        ];
        let w = workspace_with(
            &files,
            Options {
                apply_sets: vec![spec],
                ..Options::default()
            },
        );
        members(set(&w, "set"))
    };
    assert_eq!(found(&["d"], false), ["-/a"]);
    assert_eq!(found(&["./d/"], true), ["-/c", "-/a"]);
    assert_eq!(found(&["."], false), ["-/b"]);
    assert_eq!(found(&["."], true), ["-/b", "-/c", "-/a"]);
    assert_eq!(found(&["d/*.yaml", "b.yaml"], false), ["-/a", "-/b"]);
    assert_eq!(found(&["*"], false), ["-/b", "-/a"]);
    assert_eq!(found(&["**/a/*"], false), ["-/c"]);
}

#[test]
fn configured_sets_of_one_cluster_are_one() {
    let spec = |name: &str, cluster: Option<&str>| ApplySetSpec {
        name: name.to_owned(),
        paths: vec![PathGlob::new(name, false).unwrap()],
        namespace: Some(format!("ns-{name}")),
        cluster: cluster.map(str::to_owned),
    };
    let sets = |a: Option<&str>, b: Option<&str>| {
        let options = Options {
            apply_sets: vec![spec("a", a), spec("b", b)],
            ..Options::default()
        };
        let w = workspace_with(
            &[
                ("a/x.yaml", &config_map("x", "k")),
                ("b/w.yaml", &config_map("w", "k")),
            ],
            options,
        );
        w.sets()
            .iter()
            .map(|s| format!("{}: {}", s.name, members(s).join(" ")))
            .collect::<Vec<_>>()
    };
    assert_eq!(sets(Some("prod"), Some("prod")), ["a, b: ns-a/x ns-b/w"]);
    assert_eq!(sets(Some("prod"), Some("test")), ["a: ns-a/x", "b: ns-b/w"]);
    assert_eq!(sets(None, None), ["a: ns-a/x", "b: ns-b/w"]);
}
