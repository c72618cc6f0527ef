//! The keys of ConfigMaps and Secrets, and what may change them or any other node.

use super::{config_map, resource, workspace};
use crate::kube::{Target, Workspace, walk};

fn touched(w: &Workspace, display: &str, path: &[&str]) -> Option<&'static str> {
    let id = resource(w, display).id;
    let node = walk(w.node(id).expect("its mapping"), path)
        .into_iter()
        .next()
        .expect("the node");
    w.touched(id, node).map(|touch| touch.what.name())
}

#[test]
fn text_keys_leave_binary_data_out() {
    let text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {a: x}\nbinaryData: \
                {b: AAE=}\n---\napiVersion: v1\nkind: Secret\nmetadata: {name: s}\ndata: {c: \
                eA==}\nstringData: {d: x}\n";
    let w = workspace(&[("a.yaml", text)]);
    assert_eq!(w.text_keys(resource(&w, "ConfigMap/a").id), ["a"]);
    assert_eq!(w.text_keys(resource(&w, "Secret/s").id), ["c", "d"]);
    assert_eq!(w.data_keys(resource(&w, "ConfigMap/a").id), ["a", "b"]);
}

#[test]
fn a_patch_touches_the_nodes_that_it_reaches() {
    let patch = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {k: y}\n";
    let kustomization = "resources: [a.yaml, b.yaml]\npatches: [{path: p.yaml}]\n";
    let (a, b) = (config_map("a", "k"), config_map("b", "k"));
    let w = workspace(&[
        ("kustomization.yaml", kustomization),
        ("a.yaml", &a),
        ("b.yaml", &b),
        ("p.yaml", patch),
    ]);
    assert_eq!(touched(&w, "ConfigMap/a", &["data", "k"]), Some("a patch"));
    assert_eq!(touched(&w, "ConfigMap/a", &["kind"]), None);
    assert_eq!(touched(&w, "ConfigMap/b", &["data", "k"]), None);
    assert_eq!(
        w.content_touched(resource(&w, "ConfigMap/a").id),
        Some("a patch")
    );
    assert_eq!(w.content_touched(resource(&w, "ConfigMap/b").id), None);
}

#[test]
fn a_generator_that_merges_touches_the_content() {
    let kustomization =
        "resources: [a.yaml]\nconfigMapGenerator: [{name: a, behavior: merge, literals: [x=y]}]\n";
    let w = workspace(&[
        ("kustomization.yaml", kustomization),
        ("a.yaml", &config_map("a", "k")),
    ]);
    assert_eq!(
        w.content_touched(resource(&w, "ConfigMap/a").id),
        Some("a generator")
    );
}

#[test]
fn encrypted_files_show_names() {
    let text = "apiVersion: v1\nkind: Secret\nmetadata: {name: s, namespace: ns}\nstringData: {a: \
                'ENC[x]'}\nsops: {mac: 'ENC[y]'}\n";
    let w = workspace(&[("a.yaml", &config_map("a", "k")), ("s.yaml", text)]);
    let [secret] = w.encrypted().try_into().expect("one Secret");
    assert_eq!(
        (secret.to, secret.name.as_str(), secret.namespace.as_deref()),
        (Target::Secret, "s", Some("ns"))
    );
    assert_eq!(w.file(secret.location.file).path, "s.yaml");
}
