//! Patches carried out, and generators that fail.

use super::{resource, set, workspace};
use crate::kube::{Build, FailureReason, Workspace};

const WEB: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  \
                   template:\n    spec:\n      containers:\n      - {name: c, image: x, env: \
                   [{name: A, value: \"1\"}], envFrom: [{configMapRef: {name: one}}]}\n";

/// The references of the Deployment behind a patch, in order; `None` when it is not known.
fn behind(patch: &str) -> Option<Vec<String>> {
    let kustomization = format!(
        "resources: [web.yaml]\npatches:\n- target: {{kind: Deployment}}\n  patch: |-\n{}",
        indent(patch)
    );
    let ws = workspace(&[
        ("k/kustomization.yaml", &kustomization),
        ("k/web.yaml", WEB),
    ]);
    let names = |templates: Vec<crate::kube::PodTemplate<'_>>| {
        templates
            .iter()
            .flat_map(crate::kube::PodTemplate::references)
            .map(|r| r.name.to_owned())
            .collect::<Vec<_>>()
    };
    let id = resource(&ws, "Deployment/web").id;
    match ws.built(set(&ws, "k").id, id) {
        Build::Same => Some(names(ws.pod_templates(id))),
        Build::Changed(built) => Some(names(built.pod_templates())),
        Build::Unknown => None,
    }
}

fn indent(text: &str) -> String {
    text.lines().flat_map(|line| ["    ", line, "\n"]).collect()
}

fn merged(container: &str) -> Option<Vec<String>> {
    behind(&format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: any}}\nspec: {{template: \
         {{spec: {{containers: [{{name: c, {container}}}]}}}}}}"
    ))
}

#[test]
fn strategic_merges_keep_what_they_do_not_name() {
    assert_eq!(
        merged("env: [{name: B, valueFrom: {configMapKeyRef: {name: two, key: k}}}]").unwrap(),
        ["one", "two"]
    );
    assert_eq!(
        merged("envFrom: [{configMapRef: {name: two}}]").unwrap(),
        ["two"],
        "a list without a merge key is replaced"
    );
    assert_eq!(merged("envFrom: null").unwrap(), [""; 0]);
    assert_eq!(merged("image: y").unwrap(), ["one"]);
    assert_eq!(
        merged("$setElementOrder/env: [{name: A}]"),
        None,
        "a directive that is not understood"
    );
    assert_eq!(merged("env: [{name: A, $patch: delete}]").unwrap(), ["one"]);
}

#[test]
fn json_patches_follow_their_pointers() {
    let at = "/spec/template/spec/containers/0";
    let one = |op: &str| behind(&format!("- {op}"));
    assert_eq!(
        one(&format!(
            "{{op: replace, path: {at}/envFrom/0/configMapRef/name, value: two}}"
        ))
        .unwrap(),
        ["two"]
    );
    assert_eq!(
        one(&format!(
            "{{op: add, path: {at}/envFrom/0, value: {{secretRef: {{name: two}}}}}}"
        ))
        .unwrap(),
        ["two", "one"]
    );
    assert_eq!(
        one(&format!("{{op: remove, path: {at}/envFrom}}")).unwrap(),
        [""; 0]
    );
    assert_eq!(
        one(&format!("{{op: remove, path: {at}/envFrom/3}}")),
        None,
        "kustomize fails"
    );
}

fn failures(ws: &Workspace, name: &str) -> Vec<FailureReason> {
    ws.failures(set(ws, name).id)
        .iter()
        .map(|failure| failure.reason.clone())
        .collect()
}

#[test]
fn a_generator_finds_what_had_its_name_and_namespace_once() {
    let map = |namespace: &str| {
        format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: m{namespace}}}\ndata: {{a: b}}\n"
        )
    };
    let build = |base: &str, map: &str, generator: &str| {
        let base = format!("{base}resources: [m.yaml]\n");
        let top = format!(
            "resources: [../base]\nconfigMapGenerator: [{{literals: [c=d], {generator}}}]\n"
        );
        failures(
            &workspace(&[
                ("base/kustomization.yaml", &base),
                ("base/m.yaml", map),
                ("top/kustomization.yaml", &top),
            ]),
            "top",
        )
    };
    let (bare, shop) = (map(""), map(", namespace: shop"));
    assert_eq!(
        build("namespace: shop\n", &bare, "name: m, behavior: merge"),
        []
    );
    assert_eq!(
        build("namePrefix: p-\n", &bare, "name: m, behavior: replace"),
        []
    );
    assert_eq!(
        build("namePrefix: p-\n", &bare, "name: p-m, behavior: merge"),
        []
    );
    assert_eq!(
        build("", &shop, "name: m, behavior: merge"),
        [FailureReason::Nothing]
    );
    assert_eq!(
        build("", &bare, "name: m, namespace: shop, behavior: merge"),
        [FailureReason::Nothing]
    );
    assert!(matches!(
        build("", &bare, "name: m").as_slice(),
        [FailureReason::Defined(_)]
    ));
    assert_eq!(build("", &bare, "name: n"), []);
}

#[test]
fn a_generator_meets_its_kind_under_the_whole_name() {
    let build = |text: &str| failures(&workspace(&[("k/kustomization.yaml", text)]), "k");
    let made = "configMapGenerator: [{name: m, literals: [a=b]}";
    assert_eq!(
        build(&format!(
            "{made}]\nsecretGenerator: [{{name: m, literals: [a=b]}}]\n"
        )),
        []
    );
    assert_eq!(build(&format!("{made}, {{name: m-2}}]\n")), []);
    assert!(matches!(
        build(&format!("{made}, {{name: m}}]\n")).as_slice(),
        [FailureReason::Made(_, 0)]
    ));
}

#[test]
fn what_cannot_be_read_may_be_what_a_generator_merges_into() {
    let build = |resources: &str| {
        let text = format!(
            "resources: [{resources}]\nconfigMapGenerator: [{{name: m, behavior: merge}}]\n"
        );
        failures(&workspace(&[("k/kustomization.yaml", &text)]), "k")
    };
    assert_eq!(build(""), [FailureReason::Nothing]);
    assert_eq!(build("'https://example.com/m.yaml'"), []);
}

#[test]
fn what_a_config_map_holds_is_patched_under_any_name() {
    let ws = workspace(&[
        (
            "k/kustomization.yaml",
            "resources: [c.yaml]\npatches:\n- target: {kind: ConfigMap}\n  patch: '[{op: replace, \
             path: /data/level, value: b}]'\ncommonAnnotations: {note: x}\n",
        ),
        (
            "k/c.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {level: a}\n",
        ),
    ]);
    let (set, id) = (set(&ws, "k").id, resource(&ws, "ConfigMap/c").id);
    let Build::Changed(built) = ws.built(set, id) else {
        panic!("not changed");
    };
    let level = built.node().and_then(|n| n.path(&["data", "level"]));
    assert_eq!(level.and_then(crate::yaml::Node::text), Some("b"));
    assert!(ws.changed_besides_patches(set, id, &["data"]).is_none());
    let other = ws.changed_besides_patches(set, id, &["metadata.annotations"]);
    assert_eq!(
        other.map(|touch| touch.what.name()),
        Some("commonAnnotations")
    );
}
