//! Nothing that is written into a file makes the graph panic, hang or blow up.

use std::fmt::Write as _;

use super::{config_map, resource, set, workspace};
use crate::kube::{Target, Workspace};

/// Asks every question about every resource.
fn ask(w: &Workspace) -> usize {
    let mut answers = 0;
    for r in w.resources() {
        answers += w
            .pod_templates(r.id)
            .iter()
            .map(|t| t.references().len())
            .sum::<usize>();
        answers += w.field_references(r.id).len() + w.touches(r.id).len() + w.data_keys(r.id).len();
        answers += w.uses_outside(Some(r.id), Target::ConfigMap, &r.name).len();
        for set in w.sets_of(r.id) {
            answers += w.unexplained_uses(set, Target::ConfigMap, &r.name).len()
                + w.references_to(set, Target::ConfigMap, "a").len();
            let _ = w.resolve(set, r.id, Target::ConfigMap, "a");
        }
    }
    answers
}

#[test]
fn fields_of_the_wrong_type_are_no_surprise() {
    let values = [
        "x",
        "1",
        "[]",
        "{}",
        "[x]",
        "[[x]]",
        "[{name: 1}]",
        "{x: y}",
        "null",
        "{name: [a]}",
    ];
    let keys = [
        "metadata.labels",
        "metadata.annotations",
        "spec.template.spec",
        "spec.template.spec.containers",
        "spec.template.spec.volumes",
        "spec.template.metadata",
        "spec",
        "data",
        "rules",
    ];
    for kind in [
        "apps/v1, kind: Deployment",
        "v1, kind: ConfigMap",
        "rbac.authorization.k8s.io/v1, kind: Role",
        "e.com/v1, kind: Thing",
    ] {
        for key in keys {
            for value in values {
                let (first, rest) = key.split_once('.').unwrap_or((key, ""));
                let mut body = value.to_owned();
                for segment in rest.split('.').rev().filter(|s| !s.is_empty()) {
                    body = format!("{{{segment}: {body}}}");
                }
                let metadata = if first == "metadata" {
                    body.replacen('{', "{name: a, ", 1)
                } else {
                    "{name: a}".to_owned()
                };
                let other = if first == "metadata" {
                    String::new()
                } else {
                    format!(", {first}: {body}")
                };
                ask(&workspace(&[(
                    "a.yaml",
                    &format!("{{apiVersion: {kind}, metadata: {metadata}{other}}}"),
                )]));
            }
        }
    }
}

#[test]
fn kustomizations_of_the_wrong_type_are_no_surprise() {
    let keys = [
        "resources",
        "bases",
        "components",
        "patches",
        "patchesJson6902",
        "patchesStrategicMerge",
        "replacements",
        "configMapGenerator",
        "images",
        "labels",
        "commonLabels",
        "vars",
        "replicas",
        "configurations",
        "transformers",
        "namePrefix",
        "namespace",
        "openapi",
        "helmCharts",
    ];
    let values = [
        "x",
        "1",
        "[]",
        "{}",
        "[x]",
        "[[x]]",
        "[{name: 1}]",
        "[{path: 1}]",
        "[{patch: '['}]",
        "[{target: x}]",
        "[{targets: [x]}]",
        "['']",
        "[..]",
    ];
    for key in keys {
        for value in values {
            let w = workspace(&[
                ("d/base/kustomization.yaml", "resources: [a.yaml]\n"),
                ("d/base/a.yaml", &config_map("a", "k")),
                (
                    "d/kustomization.yaml",
                    &format!("components: [base]\n{key}: {value}\n"),
                ),
            ]);
            ask(&w);
        }
    }
}

#[test]
fn alias_bombs_are_not_followed() {
    let mut text = String::from(
        "apiVersion: e.com/v1\nkind: Thing\nmetadata: {name: a}\nl0: &l0 {configMapRef: {name: \
         a}}\n",
    );
    for level in 1..30 {
        let inner = format!("*l{}, ", level - 1).repeat(9);
        text = format!("{text}l{level}: &l{level} [{inner}]\n");
    }
    text.push_str("$patch: x\n");
    let bomb = workspace(&[("a.yaml", &text.replace("$patch: x\n", ""))]);
    assert_eq!(ask(&bomb), 3);
    let w = workspace(&[
        (
            "kustomization.yaml",
            "resources: [b.yaml]\npatches: [{path: a.yaml}]\n",
        ),
        ("a.yaml", &text),
        ("b.yaml", &config_map("a", "k")),
    ]);
    ask(&w);
}

#[test]
fn components_that_double_end() {
    let mut files = vec![(
        "end/kustomization.yaml".to_owned(),
        "kind: Component\n".to_owned(),
    )];
    for level in 0..40 {
        let next = if level == 39 {
            "../end".to_owned()
        } else {
            format!("../c{}", level + 1)
        };
        files.push((
            format!("c{level}/kustomization.yaml"),
            format!("kind: Component\ncomponents: [{next}, {next}]\n"),
        ));
    }
    files.push((
        "root/kustomization.yaml".to_owned(),
        "components: [../c0]\n".to_owned(),
    ));
    let files: Vec<(&str, &str)> = files
        .iter()
        .map(|(p, t)| (p.as_str(), t.as_str()))
        .collect();
    let w = workspace(&files);
    assert!(!set(&w, "root").closed);
}

#[test]
fn deep_lists_and_mappings_end() {
    let mut text = "{apiVersion: v1, kind: ConfigMap, metadata: {name: deep}}".to_owned();
    for _ in 0..40 {
        text = format!("{{apiVersion: v1, kind: List, items: [{text}]}}");
    }
    let deep = format!(
        "{{apiVersion: apps/v1, kind: Deployment, metadata: {{name: a}}, spec: {}1{}}}",
        "{a: ".repeat(100),
        "}".repeat(100)
    );
    let w = workspace(&[
        ("list.yaml", &text),
        (
            "kustomization.yaml",
            "resources: [web.yaml]\npatches: [{path: deep.yaml}]\n",
        ),
        ("deep.yaml", &deep),
        (
            "web.yaml",
            "{apiVersion: apps/v1, kind: Deployment, metadata: {name: a}}",
        ),
    ]);
    assert!(w.resources().iter().all(|r| r.name != "deep"));
    let touches = w.touches(resource(&w, "Deployment/a").id);
    assert!(touches[0].affects("spec.a.a.a"));
}

#[test]
fn parameters_that_grow_by_aliases_end() {
    let mut levels = String::from("      a0: &a0 {x: y}\n");
    for level in 1..12 {
        let inner = format!("*a{}", level - 1);
        let all: Vec<String> = (0..12).map(|i| format!("k{i}: {inner}")).collect();
        _ = writeln!(levels, "      a{level}: &a{level} {{{}}}", all.join(", "));
    }
    let text = format!(
        "apiVersion: argoproj.io/v1alpha1\nkind: ApplicationSet\nmetadata: {{name: s}}\nspec:\n  \
         generators:\n  - list:\n      elements:\n      - {{a: b}}\n{}  template: {{metadata: \
         {{name: x}}, spec: {{source: {{repoURL: r, path: d}}}}}}\n",
        levels
            .replace("      a", "        a")
            .replacen("        a0", "      - a0", 1)
    );
    let w = workspace(&[
        ("s.yaml", &text),
        (
            "d/a.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n",
        ),
    ]);
    assert_eq!(w.resources().len(), 2);
}

#[test]
fn members_of_a_set_are_so_many_and_not_more() {
    // 200,000 in all.
    let (each, times) = (3125, 64);
    let closed = |base: &str, files: &[(&str, &str)], times: usize| {
        let top = format!("resources: [{}]\n", "../base, ".repeat(times));
        let kustomizations = [
            ("base/kustomization.yaml", base),
            ("top/kustomization.yaml", &top),
        ];
        let w = workspace(&[&kustomizations[..], files].concat());
        set(&w, "top").closed
    };
    let map = |i| format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: m{i}}}\n");
    let maps: Vec<String> = (0..each).map(map).collect();
    let files = [("base/maps.yaml", &*maps.join("---\n"))];
    assert!(closed("resources: [maps.yaml]\n", &files, times));
    assert!(!closed("resources: [maps.yaml]\n", &files, times + 1));
    let made: Vec<String> = (0..each).map(|i| format!("{{name: m{i}}}")).collect();
    let made = format!("configMapGenerator: [{}]\n", made.join(", "));
    assert!(closed(&made, &[], times));
    assert!(!closed(&made, &[], times + 1));
}
