//! References outside of pod templates.

use super::{resource, workspace, workspace_with};
use crate::kube::{Certainty, Options, ReferenceSpec, Target, Workspace};

/// `to name[@namespace][=keys][ ?][ …]` of each reference of the only resource.
fn found(w: &Workspace) -> Vec<String> {
    let references = w.field_references(w.resources()[0].id);
    let text = references.iter().map(|r| {
        let namespace = r.namespace.map(|n| format!("@{n}")).unwrap_or_default();
        let keys = r
            .required
            .iter()
            .fold(String::new(), |text, key| text + "=" + key);
        let certainty = if r.certainty == Certainty::Probable {
            " ?"
        } else {
            ""
        };
        let embedded = r.part.clone().map_or(String::new(), |part| {
            format!(" in {:?}", &r.node.text().unwrap_or_default()[part])
        });
        format!(
            "{} {}{namespace}{keys}{certainty}{embedded} {}",
            r.to.kind(),
            r.name,
            r.path
        )
    });
    text.collect()
}

fn of(head: &str, body: &str) -> Vec<String> {
    found(&workspace(&[(
        "a.yaml",
        &format!("{head}\nmetadata: {{name: x}}\n{body}"),
    )]))
}

#[test]
fn rbac_names_are_references_only_of_their_resource_and_group() {
    let head = "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role";
    let rule = |groups: &str, resources: &str| {
        of(
            head,
            &format!(
                "rules: [{{apiGroups: [{groups}], resources: [{resources}], resourceNames: [a]}}]\n"
            ),
        )
    };
    assert_eq!(
        rule("''", "configmaps"),
        ["ConfigMap a rules[].resourceNames[]"]
    );
    assert_eq!(
        rule("'*'", "'*'"),
        [
            "ConfigMap a rules[].resourceNames[]",
            "Secret a rules[].resourceNames[]"
        ]
    );
    assert_eq!(rule("''", "pods"), Vec::<String>::new());
    assert_eq!(rule("apps", "configmaps"), Vec::<String>::new());
}

#[test]
fn rows_with_namespace_key_and_kind() {
    let k6 = of(
        "apiVersion: k6.io/v1alpha1\nkind: TestRun",
        "spec: {script: {configMap: {name: a, file: t.js}}}\n",
    );
    assert_eq!(k6, ["ConfigMap a=t.js spec.script.configMap.name"]);
    let other = of(
        "apiVersion: example.com/v1\nkind: TestRun",
        "spec: {script: {configMap: {name: a, file: t.js}}}\n",
    );
    assert_eq!(other, ["ConfigMap a ? spec.script.configMap.name"]);
    let flux = of(
        "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease",
        "spec: {valuesFrom: [{kind: ConfigMap, name: a}, {kind: Secret, name: b, valuesKey: k}]}\n",
    );
    assert_eq!(
        flux,
        [
            "ConfigMap a=values.yaml spec.valuesFrom[].name",
            "Secret b=k spec.valuesFrom[].name"
        ]
    );
    let pv = of(
        "apiVersion: v1\nkind: PersistentVolume",
        "spec: {csi: {nodeStageSecretRef: {name: a, namespace: ns}}}\n",
    );
    assert_eq!(pv, ["Secret a@ns spec.csi.nodeStageSecretRef.name"]);
    let class = "parameters: {csi.storage.k8s.io/provisioner-secret-name: a, \
                 csi.storage.k8s.io/provisioner-secret-namespace: ns, \
                 csi.storage.k8s.io/node-stage-secret-name: '${pvc.name}'}\n";
    let class = of("apiVersion: storage.k8s.io/v1\nkind: StorageClass", class);
    assert_eq!(
        class,
        ["Secret a@ns parameters.csi.storage.k8s.io/provisioner-secret-name"]
    );
    let gateway =
        "spec: {listeners: [{tls: {certificateRefs: [{name: a}, {kind: Other, name: b}]}}]}\n";
    assert_eq!(
        of(
            "apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway",
            gateway
        ),
        ["Secret a spec.listeners[].tls.certificateRefs[].name"]
    );
    let ingress = of(
        "apiVersion: networking.k8s.io/v1\nkind: Ingress",
        "spec: {tls: [{hosts: [h], secretName: a}]}\n",
    );
    assert_eq!(ingress, ["Secret a spec.tls[].secretName"]);
}

#[test]
fn annotations_may_hold_more_than_the_name() {
    let ingress = |value: &str| {
        let text = format!(
            "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {{name: x, annotations: \
             {{nginx.ingress.kubernetes.io/fastcgi-params-configmap: '{value}'}}}}\n"
        );
        found(&workspace(&[("a.yaml", &text)]))
    };
    let path = "metadata.annotations.nginx.ingress.kubernetes.io/fastcgi-params-configmap";
    assert_eq!(ingress("a"), [format!("ConfigMap a {path}")]);
    assert_eq!(ingress("ns/a"), [format!("ConfigMap a@ns in \"a\" {path}")]);
    let deployment = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: x, annotations: \
                      {configmap.reloader.stakater.com/reload: 'a, b'}}\n";
    let path = "metadata.annotations.configmap.reloader.stakater.com/reload";
    assert_eq!(
        found(&workspace(&[("a.yaml", deployment)])),
        [
            format!("ConfigMap a in \"a\" {path}"),
            format!("ConfigMap b in \"b\" {path}")
        ]
    );
}

#[test]
fn declared_references_take_their_key_from_the_same_item() {
    let options = Options {
        references: vec![ReferenceSpec {
            kind: "Thing".to_owned(),
            path: "spec.parts[].source.map".to_owned(),
            key: Some("spec.parts[].source.file".to_owned()),
            to: Target::ConfigMap,
        }],
        ..Options::default()
    };
    let text = |kind: &str| {
        format!(
            "apiVersion: e.com/v1\nkind: {kind}\nmetadata: {{name: x}}\nspec: {{parts: [{{source: \
             {{map: a, file: f}}}}, {{source: {{map: b}}}}]}}\n"
        )
    };
    let w = workspace_with(&[("a.yaml", &text("Thing"))], options.clone());
    assert_eq!(
        found(&w),
        [
            "ConfigMap a=f spec.parts[].source.map",
            "ConfigMap b spec.parts[].source.map"
        ]
    );
    assert_eq!(
        found(&workspace_with(&[("a.yaml", &text("Other"))], options)),
        Vec::<String>::new()
    );
}

#[test]
fn unknown_kinds_are_read_by_shape() {
    let head = "apiVersion: e.com/v1\nkind: Thing";
    let pod = "spec: {pod: {containers: [{name: c, image: i, env: [{name: A, valueFrom: \
               {configMapKeyRef: {name: a, key: k}}}]}]}}\n";
    assert_eq!(
        of(head, pod),
        ["ConfigMap a=k spec.pod.containers[].env[].valueFrom.configMapKeyRef.name"]
    );
    let probable = "spec: {configMapRef: {name: a}, configMap: b, from: \
                    {kind: ConfigMap, name: c}, tls: {secretName: d}}\n";
    assert_eq!(
        of(head, probable),
        [
            "ConfigMap a ? spec.configMapRef.name",
            "ConfigMap b ? spec.configMap",
            "ConfigMap c ? spec.from.name",
            "Secret d ? spec.tls.secretName"
        ]
    );
    assert_eq!(
        of(
            head,
            "spec: {from: {apiVersion: e.com/v1, kind: ConfigMap, name: c}}\n"
        ),
        Vec::<String>::new()
    );
    assert_eq!(
        of(
            "apiVersion: v1\nkind: Service",
            "spec: {configMapRef: {name: a}}\n"
        ),
        Vec::<String>::new()
    );
    let openshift = "objects: [{kind: Pod, spec: {containers: [{name: c, image: i, envFrom: \
                     [{configMapRef: {name: a}}]}]}}]\n";
    assert_eq!(
        of("apiVersion: v1\nkind: Template", openshift),
        ["ConfigMap a objects[].spec.containers[].envFrom[].configMapRef.name"]
    );
}

#[test]
fn groups_that_embed_core_types_are_known() {
    let body = "spec: {templates: [{container: {image: i, env: [{name: A, valueFrom: \
                {configMapKeyRef: {name: a, key: k}}}], envFrom: [{secretRef: {name: b}}]}}], \
                volumes: [{name: v, configMap: {name: c, items: [{key: k, path: p}]}}]}\n";
    let expected = [
        "ConfigMap a=k spec.templates[].container.env[].valueFrom.configMapKeyRef.name",
        "Secret b spec.templates[].container.envFrom[].secretRef.name",
        "ConfigMap c=k spec.volumes[].configMap.name",
    ];
    assert_eq!(
        of("apiVersion: argoproj.io/v1alpha1\nkind: Workflow", body),
        expected
    );
}

#[test]
fn pod_templates_and_outputs_are_no_field_references() {
    let rollout = "spec: {workload: {configMapRef: {name: b}}, template: {spec: {containers: \
                   [{name: c, image: i, envFrom: [{configMapRef: {name: a}}]}]}}}\n";
    assert_eq!(
        of("apiVersion: argoproj.io/v1alpha1\nkind: Rollout", rollout),
        ["ConfigMap b ? spec.workload.configMapRef.name"]
    );
    assert_eq!(
        of(
            "apiVersion: cert-manager.io/v1\nkind: Certificate",
            "spec: {secretName: a}\n"
        ),
        Vec::<String>::new()
    );
}

#[test]
fn references_to_a_name_are_looked_up() {
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{name: c, \
               envFrom: [{configMapRef: {name: a}}]}]}\n";
    let w = workspace(&[("a/pod.yaml", pod), ("b/pod.yaml", pod)]);
    let pods = w.references_to(w.sets()[1].id, Target::ConfigMap, "a");
    assert_eq!(
        pods.iter()
            .map(|id| w.file(w.resource(*id).file).path.as_str())
            .collect::<Vec<_>>(),
        ["b/pod.yaml"]
    );
    assert!(
        w.references_to(w.sets()[1].id, Target::Secret, "a")
            .is_empty()
    );
    let _ = resource(&w, "Pod/p");
}

#[test]
fn annotations_of_pods_count_in_every_carrier() {
    let cron = "apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: x}\nspec: {jobTemplate: \
                {spec: {template: {metadata: {annotations: {vault.hashicorp.com/agent-configmap: \
                a}}, spec: {containers: []}}}}}\n";
    let path =
        "spec.jobTemplate.spec.template.metadata.annotations.vault.hashicorp.com/agent-configmap";
    assert_eq!(
        found(&workspace(&[("a.yaml", cron)])),
        [format!("ConfigMap a {path}")]
    );
}

#[test]
fn selectors_of_keys_are_known_where_their_group_has_them() {
    let monitor = "spec: {endpoints: [{basicAuth: {password: {name: a, key: k}}, tlsConfig: {ca: \
                   {configMap: {name: b, key: l}}, keySecret: {name: c, key: m}}}]}\n";
    let path = "spec.endpoints[]";
    let known = of(
        "apiVersion: monitoring.coreos.com/v1\nkind: ServiceMonitor",
        monitor,
    );
    assert_eq!(
        known,
        [
            format!("Secret a=k {path}.basicAuth.password.name"),
            format!("ConfigMap b=l {path}.tlsConfig.ca.configMap.name"),
            format!("Secret c=m {path}.tlsConfig.keySecret.name"),
        ]
    );
    let unknown = of("apiVersion: example.com/v1\nkind: ServiceMonitor", monitor);
    assert_eq!(
        unknown,
        [
            format!("ConfigMap b=l ? {path}.tlsConfig.ca.configMap.name"),
            format!("Secret c=m ? {path}.tlsConfig.keySecret.name")
        ]
    );
    let issuer = "spec: {acme: {privateKeySecretRef: {name: a}, solvers: [{dns01: {x: \
                  {apiTokenSecretRef: {name: b, key: k}}}}]}}\n";
    let issuer = of("apiVersion: cert-manager.io/v1\nkind: Issuer", issuer);
    assert_eq!(
        issuer,
        ["Secret b=k spec.acme.solvers[].dns01.x.apiTokenSecretRef.name"]
    );
}

#[test]
fn fields_whose_name_ends_like_a_reference_are_probable() {
    let of_spec = |spec: &str| {
        of(
            "apiVersion: example.com/v1\nkind: T",
            &format!("spec: {{{spec}}}\n"),
        )
    };
    assert_eq!(
        of_spec("logConfigMap: a"),
        ["ConfigMap a ? spec.logConfigMap"]
    );
    assert_eq!(
        of_spec("customQueriesConfigMapRefs: [{name: a, key: k}]"),
        ["ConfigMap a=k ? spec.customQueriesConfigMapRefs[].name"]
    );
    assert_eq!(of_spec("caSecretName: a"), ["Secret a ? spec.caSecretName"]);
    assert_eq!(
        of_spec("mapper: a, secretive: b, config: c"),
        Vec::<String>::new()
    );
}
