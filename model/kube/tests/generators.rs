//! What kustomize generators make, and what patches take away.

use super::{config_map, members, resource, set, workspace};
use crate::kube::{Resolution, Target, Workspace};

const POD: &str = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: []}\n";

fn resolve(w: &Workspace, name: &str, text: &str) -> Resolution {
    w.resolve(
        set(w, name).id,
        resource(w, "Pod/p").id,
        Target::ConfigMap,
        text,
    )
}

/// The known keys, with `…` when there may be more.
fn keys(w: &Workspace, name: &str) -> Option<String> {
    let keys = w.generated_keys(
        set(w, name).id,
        resource(w, "Pod/p").id,
        Target::ConfigMap,
        "g",
        None,
    )?;
    let known = keys.known.into_iter().collect::<Vec<_>>().join(" ");
    Some(if keys.complete {
        known
    } else {
        format!("{known} …")
    })
}

fn one(generator: &str) -> Workspace {
    let text = format!("resources: [p.yaml]\nconfigMapGenerator:\n- {generator}\n");
    workspace(&[
        ("k/kustomization.yaml", &text),
        ("k/p.yaml", POD),
        ("k/vars.yaml", "# comment\nA=1\n\n  B=2\nC\n"),
    ])
}

#[test]
fn the_keys_of_a_generator_are_known_without_its_files() {
    let keys = |generator: &str| keys(&one(&format!("{{name: g, {generator}}}")), "k");
    assert_eq!(keys("literals: [a=1, 'b=x=y']").as_deref(), Some("a b"));
    assert_eq!(
        keys("files: [sub/nginx.conf, other=away.txt]").as_deref(),
        Some("nginx.conf other")
    );
    assert_eq!(keys("envs: [vars.yaml]").as_deref(), Some("A B C"));
    assert_eq!(keys("env: vars.yaml").as_deref(), Some("A B C"));
    assert_eq!(
        keys("envs: [.env], literals: [a=1]").as_deref(),
        Some("a …")
    );
    assert_eq!(keys("literals: [none]").as_deref(), Some(" …"));
}

#[test]
fn overlays_merge_and_replace_keys() {
    let over = |behavior: &str| {
        let text = format!(
            "resources: [../base]\nconfigMapGenerator:\n- {{name: g, behavior: {behavior}, \
             literals: [b=2]}}\n"
        );
        let w = workspace(&[
            (
                "base/kustomization.yaml",
                "resources: [p.yaml]\nconfigMapGenerator:\n- {name: g, literals: [a=1]}\n",
            ),
            ("base/p.yaml", POD),
            ("over/kustomization.yaml", &text),
        ]);
        keys(&w, "over")
    };
    assert_eq!(over("merge").as_deref(), Some("a b"));
    assert_eq!(over("replace").as_deref(), Some("b"));
    let plain = workspace(&[
        ("base/kustomization.yaml", "resources: [p.yaml, g.yaml]\n"),
        ("base/p.yaml", POD),
        ("base/g.yaml", &config_map("g", "k")),
        (
            "over/kustomization.yaml",
            "resources: [../base]\nconfigMapGenerator:\n- {name: g, behavior: merge, literals: \
             [b=2]}\n",
        ),
    ]);
    assert_eq!(keys(&plain, "over").as_deref(), Some("b k"));
    assert!(matches!(
        resolve(&plain, "over", "g"),
        Resolution::Generated {
            hash_suffix: false,
            ..
        }
    ));
}

#[test]
fn overlays_move_what_a_base_generates() {
    let w = workspace(&[
        (
            "base/kustomization.yaml",
            "namespace: a\nresources: [p.yaml]\nconfigMapGenerator:\n- {name: g, namespace: z, \
             literals: [a=1]}\n",
        ),
        ("base/p.yaml", POD),
        (
            "over/kustomization.yaml",
            "namespace: b\nnamePrefix: p-\nresources: [../base]\n",
        ),
    ]);
    let generated = &set(&w, "over").generated[0];
    assert_eq!(
        (generated.namespace.as_deref(), generated.name.as_str()),
        (Some("b"), "p-g")
    );
    assert!(matches!(
        resolve(&w, "over", "g"),
        Resolution::Generated {
            hash_suffix: true,
            ..
        }
    ));
    assert!(matches!(
        resolve(&w, "over", "p-g"),
        Resolution::Generated { .. }
    ));
    assert_eq!(resolve(&w, "over", "q-g"), Resolution::Missing);
}

#[test]
fn a_generator_of_another_namespace_is_another_object() {
    let found = |namespace: &str| {
        let text = format!(
            "resources: [p.yaml]\nconfigMapGenerator:\n- {{name: g, namespace: {namespace}, \
             literals: [a=1]}}\n"
        );
        let pod = POD.replace("{name: p}", "{name: p, namespace: mine}");
        let w = workspace(&[("k/kustomization.yaml", &text), ("k/p.yaml", &pod)]);
        resolve(&w, "k", "g")
    };
    assert!(matches!(found("mine"), Resolution::Generated { .. }));
    assert_eq!(found("other"), Resolution::Missing);
}

#[test]
fn a_patch_that_deletes_takes_the_object_out() {
    let over = |patch: &str| {
        let text = format!("resources: [../base]\npatches:\n- {patch}\n");
        let w = workspace(&[
            ("base/kustomization.yaml", "resources: [a.yaml, b.yaml]\n"),
            ("base/a.yaml", &config_map("a", "k")),
            ("base/b.yaml", &config_map("b", "k")),
            ("over/kustomization.yaml", &text),
        ]);
        let set = set(&w, "over");
        // The patch names the object still: it must not be renamed without it.
        let named = w
            .uses_outside(Some(resource(&w, "ConfigMap/a").id), Target::ConfigMap, "a")
            .len();
        (members(set), set.closed, named)
    };
    let all = vec!["-/a".to_owned(), "-/b".to_owned()];
    let delete = "{patch: '{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, $patch: delete}'";
    assert_eq!(
        over(&format!("{delete}}}")),
        (vec!["-/b".to_owned()], true, 1)
    );
    assert_eq!(
        over(&format!(
            "{delete}, target: {{kind: ConfigMap, name: a|b}}}}"
        ))
        .0,
        Vec::<String>::new()
    );
    assert_eq!(
        over(&format!(
            "{delete}, target: {{kind: ConfigMap, labelSelector: x=y}}}}"
        ))
        .0,
        all
    );
    assert!(
        !over(&format!(
            "{delete}, target: {{kind: ConfigMap, labelSelector: x=y}}}}"
        ))
        .1
    );
    assert_eq!(
        over("{patch: '{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {x: y}}'}").0,
        all
    );
}

#[test]
fn the_release_goes_before_its_hooks() {
    let hook = config_map("g", "h").replace(
        "  name: g\n",
        "  name: g\n  annotations: {helm.sh/hook: pre-install}\n",
    );
    let plain = config_map("g", "k");
    let id = |w: &Workspace, path: &str| w.resources_of(w.file_at(path).unwrap().id)[0].id;
    let both = workspace(&[("d/a.yaml", &plain), ("d/b.yaml", &hook), ("d/p.yaml", POD)]);
    assert_eq!(
        resolve(&both, "d", "g"),
        Resolution::One(id(&both, "d/a.yaml"))
    );
    let two = workspace(&[
        ("d/a.yaml", &plain),
        ("d/b.yaml", &plain),
        ("d/p.yaml", POD),
    ]);
    assert_eq!(
        resolve(&two, "d", "g"),
        Resolution::Several(vec![id(&two, "d/a.yaml"), id(&two, "d/b.yaml")])
    );
    let alone = workspace(&[("d/b.yaml", &hook), ("d/p.yaml", POD)]);
    assert_eq!(
        resolve(&alone, "d", "g"),
        Resolution::One(id(&alone, "d/b.yaml"))
    );
}
