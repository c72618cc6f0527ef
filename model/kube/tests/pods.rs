//! Pod templates: carriers, canonical order of references, demand.

use super::{resource, workspace};
use crate::kube::{CARRIERS, Keys, PodTemplate, Reference, Site, Target, Workspace};

/// A Pod with this spec, in flow style.
fn pod(spec: &str) -> Workspace {
    workspace(&[(
        "pod.yaml",
        &format!("apiVersion: v1\nkind: Pod\nmetadata: {{name: p}}\nspec:\n{spec}"),
    )])
}

fn template(w: &Workspace) -> PodTemplate<'_> {
    w.pod_templates(w.resources()[0].id)[0]
}

fn names(references: &[Reference<'_>]) -> Vec<String> {
    references
        .iter()
        .map(|r| format!("{} {}", r.to.kind(), r.name))
        .collect()
}

fn some(keys: &[&str]) -> Keys {
    Keys::Some(keys.iter().map(|k| (*k).to_owned()).collect())
}

fn required(reference: &Reference<'_>) -> Vec<String> {
    reference.demand.required.iter().cloned().collect()
}

#[test]
fn every_carrier_is_found_at_its_path() {
    for carrier in CARRIERS {
        let group = carrier.groups[0];
        let version = if group.is_empty() {
            "v1".to_owned()
        } else {
            format!("{group}/v1")
        };
        let spec = "spec: {containers: [{name: c, image: i}]}";
        let body = carrier
            .template
            .iter()
            .rev()
            .fold(None, |inner: Option<String>, segment| {
                let inner =
                    inner.unwrap_or_else(|| format!("metadata: {{annotations: {{a: b}}}}, {spec}"));
                Some(match segment.strip_suffix("[]") {
                    Some(key) => format!("{key}: [{{{inner}}}]"),
                    None => format!("{}: {{{inner}}}", segment.replace('*', "any")),
                })
            });
        let body = body.unwrap_or_else(|| spec.to_owned());
        let text = format!(
            "{{apiVersion: {version}, kind: {}, metadata: {{name: x, annotations: {{a: b}}}}, \
             {body}}}",
            carrier.kind
        );
        let w = workspace(&[("a.yaml", &text)]);
        let templates = w.pod_templates(w.resources()[0].id);
        assert_eq!(templates.len(), 1, "{text}");
        assert_eq!(templates[0].containers()[0].name, "c", "{text}");
        assert_eq!(
            templates[0].annotation("a").unwrap().text(),
            Some("b"),
            "{text}"
        );
        assert_eq!(templates[0].carrier.rollout, carrier.rollout, "{text}");
    }
}

#[test]
fn a_kind_of_another_group_carries_nothing() {
    let spec = "spec: {template: {spec: {containers: []}}}";
    let w = workspace(&[
        (
            "core.yaml",
            &format!("{{apiVersion: v1, kind: Service, metadata: {{name: core}}, {spec}}}"),
        ),
        (
            "knative.yaml",
            &format!(
                "{{apiVersion: serving.knative.dev/v1, kind: Service, metadata: {{name: \
                 knative}}, {spec}}}"
            ),
        ),
    ]);
    assert!(w.pod_templates(resource(&w, "Service/core").id).is_empty());
    assert_eq!(w.pod_templates(resource(&w, "Service/knative").id).len(), 1);
}

#[test]
fn references_come_in_canonical_order() {
    let w = pod(
        "  volumes:\n\x20 - {name: a, projected: {sources: [{secret: {name: s3}}, {configMap: \
         {name: c4}}]}}\n\x20 - {name: b, secret: {secretName: s4}}\n\x20 - {name: c, rbd: \
         {secretRef: {name: s6}}}\n\x20 - {name: d, azureFile: {secretName: s7}}\n\x20 - {name: \
         e, csi: {nodePublishSecretRef: {name: s8}}}\n\x20 imagePullSecrets: [{name: s5}]\n\x20 \
         ephemeralContainers: [{name: e, envFrom: [{configMapRef: {name: c3}}]}]\n\x20 \
         containers:\n\x20 - name: m\n\x20   env: [{name: A, valueFrom: {secretKeyRef: {name: s2, \
         key: k}}}]\n\x20   envFrom: [{prefix: p, configMapRef: {name: c2}}, {secretRef: {name: \
         s1, optional: true}}]\n\x20 initContainers: [{name: i, env: [{name: A, valueFrom: \
         {configMapKeyRef: {name: c1, key: k}}}]}]\n",
    );
    let references = template(&w).references();
    assert_eq!(
        names(&references),
        [
            "ConfigMap c1",
            "ConfigMap c2",
            "Secret s1",
            "Secret s2",
            "ConfigMap c3",
            "Secret s3",
            "ConfigMap c4",
            "Secret s4",
            "Secret s5",
            "Secret s6",
            "Secret s7",
            "Secret s8"
        ]
    );
    assert_eq!(
        references.iter().map(|r| r.optional).filter(|o| *o).count(),
        1
    );
    assert!(references.iter().all(|r| r.node.text() == Some(r.name)));
    assert_eq!(
        (references[0].demand.data_only, &references[0].demand.reads),
        (true, &some(&["k"]))
    );
    assert_eq!(
        (required(&references[1]), &references[1].demand.reads),
        (vec![], &Keys::AllData)
    );
    assert!(
        matches!(references[5].site, Site::Projected { .. })
            && matches!(references[11].site, Site::Other)
    );
    assert_eq!(references[11].demand.reads, Keys::None);
}

/// Demand of the first reference of a pod with one volume `v` and one container with these mounts.
fn demand(volume: &str, mounts: &str) -> (Vec<String>, Keys) {
    let w = pod(&format!(
        "  volumes: [{{name: v, {volume}}}]\n  containers: [{{name: c, image: i, volumeMounts: \
         [{mounts}]}}]\n"
    ));
    let references = template(&w).references();
    (required(&references[0]), references[0].demand.reads.clone())
}

#[test]
fn whole_volumes_read_all_keys() {
    let all = (vec![], Keys::All);
    assert_eq!(
        demand("configMap: {name: x}", "{name: v, mountPath: /a}"),
        all
    );
    assert_eq!(
        demand(
            "configMap: {name: x}",
            "{name: v, mountPath: /a, subPath: ''}"
        ),
        all
    );
    assert_eq!(
        demand(
            "secret: {secretName: x}",
            "{name: v, mountPath: /a, subPathExpr: $(A)}"
        ),
        all
    );
    let (needed, reads) = demand(
        "configMap: {name: x}",
        "{name: v, mountPath: /a}, {name: v, mountPath: /b, subPath: k}",
    );
    assert_eq!((needed, reads), (vec!["k".to_owned()], Keys::All));
}

#[test]
fn a_volume_that_is_not_mounted_reads_nothing() {
    assert_eq!(
        demand("configMap: {name: x}", "{name: other, mountPath: /a}"),
        (vec![], Keys::None)
    );
    let (needed, reads) = demand("configMap: {name: x, items: [{key: k, path: p}]}", "");
    assert_eq!((needed, reads), (vec!["k".to_owned()], Keys::None));
}

#[test]
fn sub_paths_read_their_key() {
    let k = |keys: &[&str]| {
        (
            keys.iter().map(|k| (*k).to_owned()).collect::<Vec<_>>(),
            some(keys),
        )
    };
    assert_eq!(
        demand(
            "configMap: {name: x}",
            "{name: v, mountPath: /a, subPath: k}"
        ),
        k(&["k"])
    );
    assert_eq!(
        demand(
            "configMap: {name: x}",
            "{name: v, mountPath: /a, subPath: ./k/}, {name: v, mountPath: /b, subPath: l/m}"
        ),
        k(&["k", "l"])
    );
}

#[test]
fn items_need_all_keys_and_read_those_that_a_mount_shows() {
    let volume = "configMap: {name: x, items: [{key: a, path: conf/a}, {key: b, path: conf/b}, \
                  {key: c, path: c}]}";
    let all = vec!["a".to_owned(), "b".to_owned(), "c".to_owned()];
    assert_eq!(
        demand(volume, "{name: v, mountPath: /x}"),
        (all.clone(), some(&["a", "b", "c"]))
    );
    assert_eq!(
        demand(volume, "{name: v, mountPath: /x, subPath: conf}"),
        (all.clone(), some(&["a", "b"]))
    );
    assert_eq!(
        demand(volume, "{name: v, mountPath: /x, subPath: conf/b}"),
        (all.clone(), some(&["b"]))
    );
    assert_eq!(
        demand(volume, "{name: v, mountPath: /x, subPath: co}"),
        (all, some(&[]))
    );
}

#[test]
fn a_projected_key_is_demanded_from_the_source_that_must_have_it() {
    let mount = "{name: v, mountPath: /x, subPath: k}";
    let one =
        "projected: {sources: [{configMap: {name: x}}, {serviceAccountToken: {path: token}}]}";
    assert_eq!(demand(one, mount), (vec!["k".to_owned()], some(&["k"])));
    let two = "projected: {sources: [{configMap: {name: x}}, {secret: {name: s}}]}";
    assert_eq!(demand(two, mount), (vec![], some(&["k"])));
    let elsewhere = "projected: {sources: [{configMap: {name: x}}, {secret: {name: s, items: \
                     [{key: z, path: k}]}}]}";
    assert_eq!(demand(elsewhere, mount), (vec![], some(&[])));
}

#[test]
fn volumes_and_containers_are_found_by_name() {
    let w = pod("  volumes: [{name: v, emptyDir: {}}]\n  containers: [{image: i}]\n");
    assert!(template(&w).volume("v").is_some() && template(&w).volume("w").is_none());
    assert_eq!(template(&w).containers()[0].name, "");
    assert!(
        template(&w)
            .references()
            .iter()
            .all(|r| r.to == Target::Secret)
    );
}
