//! Uses of a name beside the known references.

use super::{config_map, resource, set, workspace};
use crate::kube::{OutsideUseKind, Target, Workspace};

/// `text kind` of each outside use of ConfigMap `a`.
fn outside(w: &Workspace, of: bool) -> Vec<String> {
    let of = of.then(|| resource(w, "ConfigMap/a").id);
    let uses = w.uses_outside(of, Target::ConfigMap, "a");
    uses.iter()
        .map(|u| {
            format!(
                "{:?} {}",
                u.what,
                &w.file(u.location.file).text[u.location.span.clone()]
            )
        })
        .collect()
}

fn kustomized(text: &str, files: &[(&str, &str)]) -> Workspace {
    let (text, a) = (format!("resources: [a.yaml]\n{text}"), config_map("a", "k"));
    let mut all = vec![
        ("kustomization.yaml", text.as_str()),
        ("a.yaml", a.as_str()),
    ];
    all.extend_from_slice(files);
    workspace(&all)
}

const NONE: [&str; 0] = [];

#[test]
fn patches_targets_and_generators_name_it() {
    let patch = config_map("a", "k2");
    assert_eq!(
        outside(
            &kustomized("patches: [{path: p.yaml}]\n", &[("p.yaml", &patch)]),
            true
        ),
        ["Patch a"]
    );
    assert_eq!(
        outside(
            &kustomized(
                "patches: [{path: p.yaml}]\n",
                &[("p.yaml", &config_map("b", "k"))]
            ),
            true
        ),
        NONE
    );
    let target = |t: &str| {
        outside(
            &kustomized(
                &format!(
                    "patches:\n- target: {{{t}}}\n  patch: '[{{op: remove, path: /data/k}}]'\n"
                ),
                &[],
            ),
            true,
        )
    };
    assert_eq!(target("kind: ConfigMap, name: a"), ["PatchTarget a"]);
    assert_eq!(target("kind: ConfigMap, name: a|b"), ["PatchTarget a|b"]);
    assert_eq!(target("kind: ConfigMap"), NONE);
    assert_eq!(target("kind: Secret, name: a"), NONE);
    assert_eq!(
        outside(
            &kustomized("configMapGenerator: [{name: a, behavior: merge}]\n", &[]),
            true
        ),
        ["Generator a"]
    );
    assert_eq!(
        outside(&kustomized("secretGenerator: [{name: a}]\n", &[]), true),
        NONE
    );
}

#[test]
fn replacements_and_vars_name_it() {
    let replacement = "replacements:\n- source: {kind: ConfigMap, name: a, fieldPath: data.k}\n  \
                       targets: [{select: {kind: Job, name: a}}]\n";
    assert_eq!(
        outside(&kustomized(replacement, &[]), true),
        ["Replacement a"]
    );
    assert_eq!(
        outside(
            &kustomized(
                "vars: [{name: V, objref: {kind: ConfigMap, name: a}}]\n",
                &[]
            ),
            true
        ),
        ["Replacement a"]
    );
    assert_eq!(
        outside(
            &kustomized("vars: [{name: V, objref: {kind: Service, name: a}}]\n", &[]),
            true
        ),
        NONE
    );
}

#[test]
fn patches_of_workloads_refer_to_it() {
    let patch = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {template: \
                 {spec: {volumes: [{name: a, configMap: {name: a}}]}}}\n";
    assert_eq!(
        outside(
            &kustomized("patchesStrategicMerge: [p.yaml]\n", &[("p.yaml", patch)]),
            true
        ),
        ["PatchReference a"]
    );
    let other = patch.replace("configMap: {name: a}", "configMap: {name: b}");
    assert_eq!(
        outside(
            &kustomized("patchesStrategicMerge: [p.yaml]\n", &[("p.yaml", &other)]),
            true
        ),
        NONE
    );
    let json = "- {op: replace, path: /spec/template/spec/volumes/0/configMap/name, value: a}\n";
    assert_eq!(
        outside(
            &kustomized(
                "patches: [{path: p.yaml, target: {kind: Job}}]\n",
                &[("p.yaml", json)]
            ),
            true
        ),
        ["PatchReference a"]
    );
}

#[test]
fn only_kustomizations_that_meet_the_definition_count() {
    let patch = config_map("a", "k2");
    let w = kustomized(
        "",
        &[
            ("other/kustomization.yaml", "patches: [{path: p.yaml}]\n"),
            ("other/p.yaml", &patch),
        ],
    );
    assert_eq!(outside(&w, true), NONE);
    assert_eq!(outside(&w, false), ["Patch a"]);
    assert_eq!(
        w.uses_outside(None, Target::ConfigMap, "a")[0].what,
        OutsideUseKind::Patch
    );
}

/// The texts of unexplained uses of `name` in the root directory.
fn unexplained(text: &str, name: &str) -> Vec<String> {
    let w = workspace(&[("x.yaml", text), ("def.yaml", &config_map(name, "k"))]);
    let uses = w.unexplained_uses(set(&w, ".").id, Target::ConfigMap, name);
    uses.iter()
        .map(|(_, l)| w.file(l.file).text[l.span.clone()].to_owned())
        .collect()
}

#[test]
fn words_in_arguments_scripts_and_annotations_count() {
    let pod = |container: &str| {
        unexplained(
            &format!(
                "apiVersion: v1\nkind: Pod\nmetadata: {{name: p}}\nspec: {{containers: [{{name: \
                 c, {container}}}]}}\n"
            ),
            "my-cm",
        )
    };
    assert_eq!(
        pod("args: ['--configmap=$(NS)/my-cm']"),
        ["'--configmap=$(NS)/my-cm'"]
    );
    assert_eq!(
        pod("args: ['--configmap=not-my-cm', my-cm2, my-cm.conf]"),
        NONE
    );
    assert_eq!(pod("env: [{name: A, value: my-cm}]"), ["my-cm"]);
    assert_eq!(pod("envFrom: [{configMapRef: {name: my-cm}}]"), NONE);
    let annotated =
        "apiVersion: v1\nkind: Service\nmetadata: {name: s, annotations: {image: use my-cm}}\n";
    assert_eq!(unexplained(annotated, "my-cm"), ["use my-cm"]);
    let data = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: s}\ndata:\n  path: kubectl get \
                cm my-cm\n";
    assert_eq!(unexplained(data, "my-cm"), ["kubectl get cm my-cm"]);
    let custom = "apiVersion: e.com/v1\nkind: T\nmetadata: {name: t}\nspec: {config: my-cm}\n";
    assert_eq!(unexplained(custom, "my-cm"), ["my-cm"]);
}

#[test]
fn other_names_and_labels_explain_themselves() {
    let workload = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: web, \
                    labels: {app: web}}\nspec:\n  selector: {matchLabels: {app: web}}\n  \
                    template:\n    metadata: {labels: {app: web}}\n    spec:\n      \
                    serviceAccountName: web\n      containers: [{name: web, image: 'x/web:1', \
                    ports: [{name: web, containerPort: 1}], volumeMounts: [{name: web, mountPath: \
                    /etc/web, subPath: web}]}]\n      volumes: [{name: web, configMap: {name: \
                    web, items: [{key: web, path: web}]}}]\n";
    assert_eq!(unexplained(workload, "web"), NONE);
    let binding = "apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata: {name: \
                   b}\nroleRef: {kind: Role, name: web}\nsubjects: [{kind: ServiceAccount, name: \
                   web}]\n";
    assert_eq!(unexplained(binding, "web"), NONE);
    let probable = "apiVersion: e.com/v1\nkind: T\nmetadata: {name: t}\nspec: {from: {kind: \
                    ConfigMap, name: web}}\n";
    assert_eq!(unexplained(probable, "web"), ["web"]);
}
