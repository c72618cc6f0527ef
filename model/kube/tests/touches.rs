//! What kustomize and Flux change on the way.

use super::{config_map, resource, workspace};
use crate::kube::Workspace;

const DEPLOYMENT: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: \
                          ns, labels: {app: web}}\nspec:\n  template:\n    metadata: {labels: \
                          {app: web}}\n    spec:\n      containers:\n      - {name: c, image: \
                          'registry:5000/web:1', args: [$(VAR)], volumeMounts: [{name: v, \
                          mountPath: /a}]}\n      volumes: [{name: v, configMap: {name: a}}]\n";

/// A kustomization with the Deployment, and with files beside it.
fn with_files(text: &str, files: &[(&str, &str)]) -> Workspace {
    let text = format!("resources: [web.yaml]\n{text}");
    let mut all = vec![
        ("kustomization.yaml", text.as_str()),
        ("web.yaml", DEPLOYMENT),
    ];
    all.extend_from_slice(files);
    workspace(&all)
}

/// `what paths` of each touch of the Deployment; `#` marks list indices.
fn of(w: &Workspace) -> Vec<String> {
    let touches = w.touches(resource(w, "Deployment/web").id);
    let text = touches.iter().map(|t| {
        let paths = t.paths.as_ref().map_or("*".to_owned(), |p| p.join(" "));
        format!(
            "{}{} {paths}",
            t.what.name(),
            if t.by_index { "#" } else { "" }
        )
    });
    text.collect()
}

fn touches(text: &str) -> Vec<String> {
    of(&with_files(text, &[]))
}

fn merge(body: &str) -> Vec<String> {
    let head = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\n";
    of(&with_files(
        "patches: [{path: p.yaml}]\n",
        &[("p.yaml", &format!("{head}{body}"))],
    ))
}

const NONE: [&str; 0] = [];

#[test]
fn nothing_touches_what_only_is_gathered() {
    assert_eq!(touches("namePrefix: x-\nnamespace: ns\n"), NONE);
    let w = workspace(&[("web.yaml", DEPLOYMENT)]);
    assert_eq!(of(&w), NONE);
}

#[test]
fn merge_patches_touch_their_leaves() {
    assert_eq!(
        merge("spec: {replicas: 2, template: {metadata: {annotations: {a.b/c: d}}}}\n"),
        ["a patch spec.replicas spec.template.metadata.annotations.a.b/c"]
    );
    let container = |body: &str| {
        merge(&format!(
            "spec: {{template: {{spec: {{containers: [{body}]}}}}}}\n"
        ))
    };
    assert_eq!(
        container("{name: c, image: x}"),
        ["a patch spec.template.spec.containers.image"]
    );
    assert_eq!(
        container("{name: new, image: x}"),
        ["a patch spec.template.spec.containers"]
    );
    assert_eq!(
        container("{name: c, $patch: delete}"),
        ["a patch spec.template.spec.containers"]
    );
    assert_eq!(
        container("{name: c, args: [x]}"),
        ["a patch spec.template.spec.containers.args"]
    );
    assert_eq!(
        container("{name: c, volumeMounts: [{mountPath: /a, subPath: k}]}"),
        ["a patch spec.template.spec.containers.volumeMounts.subPath"]
    );
    assert_eq!(
        container("{name: c, volumeMounts: [{mountPath: /b, name: v}]}"),
        ["a patch spec.template.spec.containers.volumeMounts"]
    );
    assert_eq!(
        merge("spec: {template: {$patch: replace, spec: {containers: []}}}\n"),
        ["a patch spec.template"]
    );
    assert_eq!(
        merge("$patch: delete\n"),
        ["a patch *"],
        "it is still named there"
    );
}

#[test]
fn merge_patches_are_matched_by_what_they_say() {
    let about = |head: &str| {
        of(&with_files(
            "patchesStrategicMerge: [p.yaml]\n",
            &[("p.yaml", &format!("{head}\nspec: {{replicas: 1}}\n"))],
        ))
    };
    let hit = ["a patch spec.replicas"];
    assert_eq!(
        about("apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}"),
        hit
    );
    assert_eq!(
        about("apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: ns}"),
        hit
    );
    assert_eq!(
        about("apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: other}"),
        NONE
    );
    assert_eq!(
        about("apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: web}"),
        NONE
    );
    assert_eq!(
        about("apiVersion: extensions/v1beta1\nkind: Deployment\nmetadata: {name: web}"),
        NONE
    );
    assert_eq!(
        about("apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: other}"),
        NONE
    );
}

#[test]
fn json_patches_touch_their_paths() {
    let json = |path: &str| {
        touches(&format!(
            "patches:\n- target: {{kind: Deployment}}\n  patch: |-\n    - {{op: add, path: \
             {path}, value: x}}\n"
        ))
    };
    assert_eq!(json("/spec/replicas"), ["a patch spec.replicas"]);
    assert_eq!(
        json("/spec/template/spec/containers/0/image"),
        ["a patch# spec.template.spec.containers.image"]
    );
    assert_eq!(
        json("/spec/template/spec/volumes/-"),
        ["a patch# spec.template.spec.volumes"]
    );
    assert_eq!(
        json("/metadata/annotations/a.b~1c"),
        ["a patch metadata.annotations.a.b/c"]
    );
    assert_eq!(json("''"), ["a patch *"]);
    let legacy = "patchesJson6902:\n- {path: p.json, target: {group: apps, version: v1, kind: \
                  Deployment, name: web}}\n";
    assert_eq!(
        of(&with_files(
            legacy,
            &[(
                "p.json",
                "[{\"op\": \"remove\", \"path\": \"/spec/paused\"}]"
            )]
        )),
        ["a patch spec.paused"]
    );
}

#[test]
fn targets_match_what_they_may_mean() {
    let target = |target: &str| {
        !touches(&format!(
            "patches:\n- target: {{{target}}}\n  patch: '[{{op: remove, path: /spec/paused}}]'\n"
        ))
        .is_empty()
    };
    for hit in [
        "kind: Deployment",
        "name: web",
        "name: w.*",
        "kind: Deploy.*|StatefulSet",
        "namespace: ns",
        "labelSelector: app=web",
        "labelSelector: 'app in (web, x)'",
        "annotationSelector: '!a'",
        "group: apps, version: v1",
        "name: '('",
    ] {
        assert!(target(hit), "{hit}");
    }
    for miss in [
        "kind: Deploy",
        "name: we",
        "name: other",
        "namespace: other",
        "labelSelector: app=other",
        "labelSelector: missing",
        "annotationSelector: a",
        "version: v2",
        "kind: StatefulSet|Job",
    ] {
        assert!(!target(miss), "{miss}");
    }
}

#[test]
fn an_overlay_patches_by_the_original_or_the_prefixed_name() {
    let patched = |name: &str| {
        let patch = format!(
            "patches:\n- target: {{name: {name}}}\n  patch: '[{{op: remove, path: \
             /spec/paused}}]'\nresources: [../base]\n"
        );
        let w = workspace(&[
            (
                "base/kustomization.yaml",
                "namePrefix: in-\nresources: [web.yaml]\n",
            ),
            ("base/web.yaml", DEPLOYMENT),
            ("over/kustomization.yaml", &patch),
        ]);
        !of(&w).is_empty()
    };
    assert!(patched("web") && patched("in-web"));
    assert!(!patched("out-web"));
}

#[test]
fn a_patch_that_is_not_there_may_do_anything() {
    assert_eq!(touches("patches: [{path: missing.yaml}]\n"), ["a patch *"]);
    assert_eq!(
        touches("patches: [{path: missing.yaml, target: {kind: Job}}]\n"),
        NONE
    );
}

#[test]
fn images_and_replicas_touch_what_they_name() {
    assert_eq!(
        touches("images: [{name: 'registry:5000/web', newTag: v2}]\n"),
        ["images spec.template.spec.containers.image"]
    );
    assert_eq!(touches("images: [{name: web, newTag: v2}]\n"), NONE);
    assert_eq!(
        touches("replicas: [{name: web, count: 2}]\n"),
        ["replicas spec.replicas"]
    );
    assert_eq!(touches("replicas: [{name: other, count: 2}]\n"), NONE);
}

#[test]
fn labels_and_annotations_touch_metadata_and_selectors() {
    assert_eq!(
        touches("commonAnnotations: {a: b}\n"),
        ["commonAnnotations metadata.annotations.a spec.template.metadata.annotations.a"]
    );
    assert_eq!(
        touches("labels: [{pairs: {a: b}}]\n"),
        ["labels metadata.labels.a"]
    );
    assert_eq!(
        touches("labels: [{pairs: {a: b}, includeTemplates: true}]\n"),
        ["labels metadata.labels.a spec.template.metadata.labels.a"]
    );
    assert!(touches("commonLabels: {a: b}\n")[0].contains("spec.selector.matchLabels.a"));
}

#[test]
fn replacements_and_vars_touch_their_fields() {
    let replacement = |select: &str| {
        touches(&format!(
            "replacements:\n- source: {{kind: ConfigMap, name: a}}\n  targets:\n  - select: \
             {{{select}}}\n    fieldPaths: ['spec.template.spec.containers.[name=c].image', \
             'metadata.annotations.a\\.b/c', spec.x.0.y]\n"
        ))
    };
    assert_eq!(
        replacement("kind: Deployment"),
        [
            "a replacement# spec.template.spec.containers.image metadata.annotations.a.b/c \
             spec.x.y"
        ]
    );
    assert_eq!(replacement("kind: Job"), NONE);
    let file = [(
        "r.yaml",
        "source: {kind: ConfigMap, name: a}\ntargets:\n- {select: {name: web}, fieldPaths: \
         [spec.paused]}\n",
    )];
    assert_eq!(
        of(&with_files("replacements: [{path: r.yaml}]\n", &file)),
        ["a replacement spec.paused"]
    );
    assert_eq!(
        touches("vars: [{name: VAR, objref: {kind: ConfigMap, name: a}}]\n"),
        ["vars spec.template.spec.containers.args"]
    );
    assert_eq!(
        touches("vars: [{name: OTHER, objref: {kind: ConfigMap, name: a}}]\n"),
        NONE
    );
}

#[test]
fn transformers_touch_anything_and_configurations_their_field_specs() {
    assert_eq!(touches("transformers: [t.yaml]\n"), ["a transformer *"]);
    let label = "apiVersion: builtin\nkind: LabelTransformer\nmetadata: {name: l}\nlabels: {a: \
                 b}\nfieldSpecs: [{path: metadata/labels, create: true}]\n";
    assert_eq!(
        of(&with_files(
            "transformers: [t.yaml]\n",
            &[("t.yaml", label)]
        )),
        ["a transformer metadata.labels"]
    );
    let prefix = label.replace("LabelTransformer", "PrefixTransformer");
    assert_eq!(
        of(&with_files(
            "transformers: [t.yaml]\n",
            &[("t.yaml", &prefix)]
        )),
        ["a transformer *"]
    );
    let specs = [(
        "c.yaml",
        "commonLabels:\n- {path: spec/extra/labels, kind: Deployment}\n- {path: spec/other, kind: \
         Job}\n",
    )];
    assert_eq!(
        of(&with_files("configurations: [c.yaml]\n", &specs)),
        ["a transformer configuration spec.extra.labels"]
    );
}

#[test]
fn a_generator_merges_into_its_resource() {
    let w = workspace(&[
        (
            "kustomization.yaml",
            "resources: [a.yaml, b.yaml]\nconfigMapGenerator: [{name: a, behavior: merge, \
             literals: [k=v]}]\n",
        ),
        ("a.yaml", &config_map("a", "k")),
        ("b.yaml", &config_map("b", "k")),
    ]);
    let touches = w.touches(resource(&w, "ConfigMap/a").id);
    assert!(
        touches.len() == 1 && touches[0].affects("data.k") && !touches[0].affects("metadata.name")
    );
    assert!(w.touches(resource(&w, "ConfigMap/b").id).is_empty());
}

#[test]
fn flux_substitutes_and_patches_below_its_path() {
    let flux = |spec: &str, text: &str| {
        let cr = format!(
            "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {{name: \
             f}}\nspec: {{{spec}}}\n"
        );
        of(&workspace(&[
            ("clusters/f.yaml", &cr),
            (
                "apps/web/web.yaml",
                &DEPLOYMENT
                    .replace("paused", text)
                    .replace("args: [$(VAR)]", text),
            ),
        ]))
    };
    let hit = ["Flux post-build substitution *"];
    assert_eq!(
        flux(
            "path: ./apps, postBuild: {substitute: {A: b}}",
            "args: ['${A}']"
        ),
        hit
    );
    assert_eq!(
        flux(
            "path: ./, postBuild: {substitute: {A: b}}",
            "args: ['${A}']"
        ),
        hit
    );
    assert_eq!(
        flux("path: ./apps, postBuild: {substitute: {A: b}}", "args: [A]"),
        NONE
    );
    assert_eq!(
        flux(
            "path: ./app, postBuild: {substitute: {A: b}}",
            "args: ['${A}']"
        ),
        NONE
    );
    assert_eq!(flux("path: ./apps", "args: ['${A}']"), NONE);
    let pushed = "sourceRef: {kind: OCIRepository, name: o}, postBuild: {substitute: {A: b}}";
    assert_eq!(flux(&format!("path: ./, {pushed}"), "args: ['${A}']"), NONE);
    assert_eq!(
        flux(&format!("path: ./apps, {pushed}"), "args: ['${A}']"),
        hit
    );
    let patch = "path: apps, patches: [{target: {kind: Deployment}, patch: '[{op: remove, path: \
                 /spec/paused}]'}]";
    assert_eq!(flux(patch, "args: []"), ["a patch spec.paused"]);
}

#[test]
fn argo_cd_changes_what_it_builds() {
    let app = |kustomize: &str, path: &str| {
        let text = format!(
            "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {{name: a}}\nspec: \
             {{source: {{repoURL: 'https://x/y', path: {path}, kustomize: {{{kustomize}}}}}}}\n"
        );
        of(&workspace(&[
            ("argo/a.yaml", &text),
            ("apps/kustomization.yaml", "resources: [web.yaml]\n"),
            ("apps/web.yaml", DEPLOYMENT),
        ]))
    };
    assert_eq!(
        app("images: ['registry:5000/web=other:2']", "apps"),
        ["images spec.template.spec.containers.image"]
    );
    assert_eq!(
        app("images: ['registry:5000/web:2']", "apps"),
        ["images spec.template.spec.containers.image"]
    );
    assert_eq!(
        app("images: ['registry.example.com/web=other:2']", "apps"),
        NONE
    );
    assert_eq!(app("namePrefix: x-", "apps"), NONE);
    assert_eq!(app("commonAnnotations: {a: b}", "apps").len(), 1);
    assert_eq!(app("commonAnnotations: {a: b}", "other"), NONE);
    let patch =
        "patches: [{target: {kind: Deployment}, patch: '[{op: remove, path: /spec/paused}]'}]";
    assert_eq!(app(patch, "apps"), ["a patch spec.paused"]);
    assert_eq!(app(patch, "'{{path}}'"), ["a patch spec.paused"]);
}
