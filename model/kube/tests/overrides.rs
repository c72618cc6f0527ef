//! What patches of kustomizations say of a name, and whether they may change a reference.

use super::{config_map, resource, workspace};
use crate::kube::{OutsideUse, OutsideUseKind, Target, Workspace};

const WEB: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  \
                   template:\n    spec:\n      containers: [{name: c, image: i}]\n      \
                   volumes:\n      - name: v\n        configMap: {name: a, items: [{key: k, path: \
                   p}]}\n";

fn patched(kustomization: &str, patch: &str) -> Workspace {
    let text = format!("resources: [a.yaml, web.yaml]\n{kustomization}");
    workspace(&[
        ("kustomization.yaml", &text),
        ("a.yaml", &config_map("a", "k")),
        ("web.yaml", WEB),
        ("p.yaml", patch),
    ])
}

fn uses(w: &Workspace) -> Vec<OutsideUse> {
    w.uses_outside(Some(resource(w, "ConfigMap/a").id), Target::ConfigMap, "a")
}

/// `kind keys` of the only use; `!` in front when it is not exact.
fn only(kustomization: &str, patch: &str) -> String {
    let found = uses(&patched(kustomization, patch));
    let [one] = &found[..] else {
        panic!("{found:?}")
    };
    let keys = one
        .keys
        .iter()
        .map(String::as_str)
        .collect::<Vec<_>>()
        .join(",");
    format!("{}{:?} {keys}", if one.exact { "" } else { "!" }, one.what)
}

const FILE: &str = "patches: [{path: p.yaml}]\n";

#[test]
fn a_patch_of_data_is_about_the_keys_it_sets() {
    let cm =
        |data: &str| format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a}}\n{data}\n");
    assert_eq!(only(FILE, &cm("data: {k: x, l: y}")), "Patch k,l");
    assert_eq!(only(FILE, &cm("data: {k: null}")), "!Patch k");
    assert_eq!(
        only(FILE, &cm("data: {$patch: replace, k: x}")),
        "!Patch $patch,k"
    );
    assert_eq!(only(FILE, &cm("$patch: delete")), "!Patch ");
    let target = |name: &str| {
        format!("patches: [{{path: p.yaml, target: {{kind: ConfigMap, name: {name}}}}}]\n")
    };
    assert_eq!(
        only(&target("a"), "- {op: add, path: /data/a~1b, value: x}\n"),
        "PatchTarget a/b"
    );
    assert_eq!(
        only(&target("a"), "- {op: remove, path: /data/k}\n"),
        "!PatchTarget "
    );
    assert_eq!(
        only(&target("a"), "- {op: add, path: /data, value: {k: x}}\n"),
        "!PatchTarget "
    );
    assert_eq!(
        only(&target("a.*"), "- {op: add, path: /data/k, value: x}\n"),
        "!PatchTarget k"
    );
    assert_eq!(
        only(
            "patches: [{path: p.yaml, target: {name: a}}]\n",
            "- {op: add, path: /data/k, value: x}\n"
        ),
        "!PatchTarget k"
    );
}

#[test]
fn replacements_and_vars_are_about_the_key_they_take() {
    let source = |field: &str| {
        only(
            &format!(
                "replacements: [{{source: {{kind: ConfigMap, name: a, fieldPath: {field}}}, \
                 targets: []}}]\n"
            ),
            "",
        )
    };
    assert_eq!(source("data.k"), "Replacement k");
    assert_eq!(source("'data.[a.b]'"), "Replacement a.b");
    assert_eq!(source("'data.a\\.b'"), "Replacement a.b");
    assert_eq!(source("metadata.name"), "!Replacement ");
    assert_eq!(
        only(
            "vars: [{name: V, objref: {kind: ConfigMap, name: a}, fieldref: {fieldpath: \
             data.k}}]\n",
            ""
        ),
        "Replacement k"
    );
    assert_eq!(
        only(
            "vars: [{name: V, objref: {kind: ConfigMap, name: a}}]\n",
            ""
        ),
        "!Replacement "
    );
}

#[test]
fn an_inline_patch_says_where_in_its_text_the_name_stands() {
    let text = "apiVersion: v1\n    kind: ConfigMap\n    metadata: {name: a}\n    data: {k: x}\n";
    let w = patched(&format!("patches:\n- patch: |-\n    {text}"), "");
    let [one] = &uses(&w)[..] else { panic!() };
    let (file, inline) = (
        w.file(one.location.file),
        one.inline.clone().expect("inline"),
    );
    let outer = file
        .yaml
        .as_deref()
        .and_then(|y| y.root(0))
        .and_then(|r| r.get("patches")?.at(0)?.get("patch"));
    assert_eq!(outer.and_then(|n| n.text()?.get(inline)), Some("a"));
    assert_eq!(one.declared, one.location);
}

#[test]
fn values_of_json_patches_are_references_by_their_shape() {
    let json = |op: &str| {
        let found = uses(&patched(
            "patches: [{path: p.yaml, target: {kind: Deployment}}]\n",
            &format!("- {op}\n"),
        ));
        let text = found.iter().map(|u| {
            assert_eq!(u.what, OutsideUseKind::PatchReference);
            format!(
                "{}{}",
                if u.exact { "" } else { "!" },
                u.keys
                    .iter()
                    .map(String::as_str)
                    .collect::<Vec<_>>()
                    .join(",")
            )
        });
        text.collect::<Vec<_>>()
    };
    let volumes = "/spec/template/spec/volumes";
    assert_eq!(
        json(&format!(
            "{{op: add, path: {volumes}/-, value: {{name: x, configMap: {{name: a, items: [{{key: \
             k, path: p}}]}}}}}}"
        )),
        ["k"]
    );
    assert_eq!(
        json(&format!(
            "{{op: replace, path: {volumes}/0/configMap/name, value: a}}"
        )),
        [""]
    );
    let env = "{op: add, path: /spec/template/spec/containers/0/env, value: [{name: A, valueFrom: \
               {configMapKeyRef: {name: a, key: k}}}]}";
    assert_eq!(json(env), ["k"]);
    assert_eq!(json("{op: add, path: /metadata/labels/x, value: a}"), ["!"]);
    assert_eq!(
        json("{op: add, path: /metadata/labels/x, value: b}"),
        Vec::<String>::new()
    );
}

/// Whether a patch of Deployment `web` may change its only reference.
fn overridden(kustomization: &str, patch: &str) -> bool {
    let w = patched(kustomization, patch);
    let web = resource(&w, "Deployment/web").id;
    let templates = w.pod_templates(web);
    let node = templates[0].references()[0].node;
    let touches = w.touches(web);
    assert!(!touches.is_empty());
    touches.iter().any(|t| w.overrides(web, t, node))
}

#[test]
fn items_of_a_list_are_told_apart() {
    let merge = |spec: &str| {
        let patch = format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: web}}\nspec: {{template: \
             {{spec: {{{spec}}}}}}}\n"
        );
        overridden(FILE, &patch)
    };
    assert!(!merge("volumes: [{name: w, configMap: {name: b}}]"));
    assert!(!merge("volumes: [{name: v, configMap: {name: a}}]"));
    assert!(!merge("containers: [{name: c, image: other}]"));
    assert!(!merge(
        "containers: [{name: c, volumeMounts: [{name: v, mountPath: /x}]}]"
    ));
    assert!(merge("volumes: [{name: v, configMap: {name: b}}]"));
    assert!(merge(
        "volumes: [{name: v, configMap: {items: [{key: l, path: p}]}}]"
    ));
    assert!(merge("volumes: [{name: v, $patch: delete}]"));
    assert!(merge(
        "volumes: [{$patch: replace}, {name: w, emptyDir: {}}]"
    ));
    assert!(merge("$patch: replace, containers: []"));
    assert!(merge(
        "containers: [{name: c, volumeMounts: [{name: v, mountPath: /x, subPath: l}]}]"
    ));
}

#[test]
fn json_patches_that_append_or_repeat_change_nothing() {
    let json = |op: &str| {
        overridden(
            "patches: [{path: p.yaml, target: {kind: Deployment}}]\n",
            &format!("- {op}\n"),
        )
    };
    let volumes = "/spec/template/spec/volumes";
    assert!(!json(&format!(
        "{{op: add, path: {volumes}/-, value: {{name: x}}}}"
    )));
    assert!(!json(&format!(
        "{{op: replace, path: {volumes}/0/configMap/name, value: a}}"
    )));
    assert!(json(&format!(
        "{{op: replace, path: {volumes}/0/configMap/name, value: b}}"
    )));
    assert!(json(&format!(
        "{{op: add, path: {volumes}/0, value: {{name: x}}}}"
    )));
    assert!(json(&format!(
        "{{op: remove, path: {volumes}/0/configMap/items}}"
    )));
    assert!(json(
        "{op: move, from: /spec/template/spec/volumes/0, path: /spec/template/spec/volumes/1}"
    ));
    assert!(json(
        "{op: add, path: /spec/template/spec/containers/0/volumeMounts, value: []}"
    ));
}
