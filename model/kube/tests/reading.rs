//! Which documents are resources, and why the others are not.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{config_map, input, resource, workspace};
use crate::codes::ReasonCode;
use crate::kube::Workspace;

fn codes(workspace: &Workspace) -> Vec<(&str, Option<usize>, &str)> {
    workspace
        .skipped()
        .iter()
        .map(|s| {
            (
                workspace.file(s.file).path.as_str(),
                s.document,
                s.code.code(),
            )
        })
        .collect()
}

fn displays(workspace: &Workspace) -> Vec<String> {
    workspace
        .resources()
        .iter()
        .map(|r| r.display().to_string())
        .collect()
}

#[test]
fn resources_are_numbered_by_path_document_and_item() {
    let list = "kind: List\napiVersion: v1\nitems:\n- {apiVersion: v1, kind: ConfigMap, metadata: \
                {name: b}}\n- apiVersion: v1\n  kind: ConfigMapList\n  items:\n  - {apiVersion: \
                v1, kind: ConfigMap, metadata: {name: c}}\n";
    let w = workspace(&[
        ("z.yaml", list),
        (
            "a.yaml",
            &format!("{}---\n{}", config_map("x", "k"), config_map("w", "k")),
        ),
    ]);
    assert_eq!(
        displays(&w),
        ["ConfigMap x", "ConfigMap w", "ConfigMap b", "ConfigMap c"]
    );
    assert_eq!(
        w.resources()
            .iter()
            .map(|r| (r.document, r.item))
            .collect::<Vec<_>>(),
        [(0, None), (1, None), (0, Some(0)), (0, Some(0))]
    );
    assert_eq!(
        w.node(resource(&w, "ConfigMap/c").id).unwrap().source(),
        "{apiVersion: v1, kind: ConfigMap, metadata: {name: c}}"
    );
}

#[test]
fn resource_list_holds_its_items() {
    let text = "apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems:\n- {apiVersion: \
                v1, kind: Secret, metadata: {name: s, namespace: ns}}\nfunctionConfig: \
                {apiVersion: v1, kind: ConfigMap, metadata: {name: f}}\n";
    let w = workspace(&[("in.yaml", text)]);
    assert_eq!(displays(&w), ["Secret s"]);
    assert_eq!(resource(&w, "Secret/s").namespace.as_deref(), Some("ns"));
}

#[test]
fn templates_are_left_alone_and_braces_in_scalars_are_not() {
    let cm = config_map("x", "k");
    let w = workspace(&[
        ("chart/Chart.yaml", "apiVersion: v2\nname: c\n"),
        ("chart/values.yaml", "a: 1\n"),
        ("chart/templates/sub/cm.yaml", &cm),
        ("plain/templates/cm.yaml", &cm),
        (
            "flow.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ name }}\n",
        ),
        ("jinja.yaml", "{% if x %}\na: [\n"),
        (
            "sed.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: %NAME%\n",
        ),
        ("lost.yaml", "{{- if x }}\nkind: ConfigMap\n{{- end }}\n"),
        (
            "scalar.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: s}\ndata:\n  a: '{{ x }}'\n  b: \
             |\n    {{ y }}\n",
        ),
        (
            "kind.yaml",
            "apiVersion: v1\nkind: ${KIND}\nmetadata: {name: s}\n",
        ),
    ]);
    assert_eq!(displays(&w), ["ConfigMap x", "ConfigMap s"]);
    assert_eq!(
        w.file(w.resources()[0].file).path,
        "plain/templates/cm.yaml"
    );
    assert_eq!(
        codes(&w),
        [
            ("chart/Chart.yaml", None, "helm-chart"),
            ("chart/templates/sub/cm.yaml", None, "helm-template"),
            ("chart/values.yaml", None, "helm-chart"),
            ("flow.yaml", None, "helm-template"),
            ("jinja.yaml", None, "template"),
            ("kind.yaml", None, "template"),
            ("lost.yaml", None, "helm-template"),
            ("sed.yaml", None, "template"),
        ]
    );
    assert!(w.broken().is_empty());
}

#[test]
fn broken_yaml_is_broken_but_foreign_json_is_not() {
    let w = workspace(&[
        ("a.yaml", "a: [\n"),
        ("tsconfig.json", "{ // comment\n \"a\": 1 }"),
        ("m.json", "{\"apiVersion\": \"v1\", \"kind\": "),
    ]);
    assert_eq!(
        w.broken()
            .iter()
            .map(|b| w.file(b.file).path.as_str())
            .collect::<Vec<_>>(),
        ["a.yaml", "m.json"]
    );
    assert_eq!(codes(&w), [("tsconfig.json", None, "not-a-resource")]);
}

#[test]
fn other_documents_say_what_they_are() {
    let w = workspace(&[
        ("empty.yaml", "# nothing\n"),
        ("values.yaml", "a: 1\n"),
        (
            "noname.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {}\n",
        ),
        (
            "number.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: 12}\n",
        ),
        (
            "generate.yaml",
            "apiVersion: batch/v1\nkind: Job\nmetadata: {generateName: j-}\n",
        ),
        (
            "mixed.yaml",
            &format!("a: 1\n---\n{}", config_map("x", "k")),
        ),
        (
            "sops.yaml",
            &format!("{}sops:\n  mac: ENC\n", config_map("enc", "k")),
        ),
        (
            "half-sops.yaml",
            &format!(
                "{}---\n{}sops:\n  mac: ENC\n",
                config_map("clear", "k"),
                config_map("enc2", "k")
            ),
        ),
        (
            "first-sops.yaml",
            &format!(
                "{}sops:\n  mac: ENC\n---\n{}",
                config_map("enc3", "k"),
                config_map("covered", "k")
            ),
        ),
        ("nosops.yaml", &config_map("sops", "sops")),
        (
            "patch.yaml",
            &format!("{}$patch: delete\n", config_map("p", "k")),
        ),
    ]);
    assert_eq!(
        displays(&w),
        ["Job ", "ConfigMap clear", "ConfigMap x", "ConfigMap sops"]
    );
    assert_eq!(
        codes(&w),
        [
            ("empty.yaml", None, "empty"),
            ("first-sops.yaml", None, "sops"),
            ("half-sops.yaml", Some(1), "sops"),
            ("mixed.yaml", Some(0), "not-a-resource"),
            ("noname.yaml", None, "not-a-resource"),
            ("number.yaml", None, "not-a-resource"),
            ("patch.yaml", None, "patch"),
            ("sops.yaml", None, "sops"),
            ("values.yaml", None, "not-a-resource"),
        ]
    );
}

#[test]
fn kustomizations_decide_what_their_files_are() {
    let kustomization = "resources: [cm.yaml, both.yaml]\npatches:\n- path: p.yaml\n- path: \
                         both.yaml\nconfigMapGenerator:\n- name: g\n  files: [k=gen.yaml]\n";
    let cm = config_map("x", "k");
    let w = workspace(&[
        ("kustomization.yaml", kustomization),
        ("cm.yaml", &cm),
        ("p.yaml", &cm),
        ("gen.yaml", &cm),
        ("both.yaml", &cm),
        (
            "flux/kustomization.yaml",
            "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: \
             f}\n",
        ),
    ]);
    assert_eq!(
        codes(&w),
        [
            ("gen.yaml", None, "generator-source"),
            ("p.yaml", None, "patch")
        ]
    );
    assert_eq!(
        displays(&w),
        ["ConfigMap x", "ConfigMap x", "Kustomization f"]
    );
    assert_eq!(w.kustomizations().len(), 1);
}

#[test]
fn changes_are_read_and_the_rest_is_shared() {
    let w = workspace(&[
        ("a.yaml", &config_map("a", "k")),
        ("b.yaml", &config_map("b", "k")),
        ("c.yaml", &config_map("c", "k")),
    ]);
    let (a, b, c) = (
        w.file_at("a.yaml").unwrap().id,
        w.file_at("b.yaml").unwrap(),
        w.file_at("c.yaml").unwrap().id,
    );
    let texts = BTreeMap::from([(a, Arc::from(config_map("a2", "k")))]);
    let after = w.with_changes(&texts, &[input("aa.yaml", &config_map("aa", "k"))], &[c]);
    assert_eq!(
        displays(&after),
        ["ConfigMap a2", "ConfigMap aa", "ConfigMap b"]
    );
    assert!(std::ptr::eq(
        after.file_at("b.yaml").unwrap().yaml.as_deref().unwrap(),
        b.yaml.as_deref().unwrap()
    ));
}
