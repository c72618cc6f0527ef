//! Whatever is typed, the workspace is the one that all texts make.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use super::{input, workspace};
use crate::kube::object::reference::Target;
use crate::kube::{Options, Workspace};

const APP: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\n  labels: \
                   {tier: front}\nspec:\n  template:\n    spec:\n      containers:\n      - name: \
                   web\n        image: web:1\n        envFrom:\n        - configMapRef: {name: \
                   settings}\n";
const SETTINGS: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {a: \
                        '1'}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: more}\ndata: \
                        {b: '2'}\n";

fn files() -> Vec<(&'static str, &'static str)> {
    vec![
        ("app/base/app.yaml", APP),
        (
            "app/base/kustomization.yaml",
            "resources: [app.yaml, settings.yaml]\nconfigMapGenerator:\n- name: made\n  files: \
             [made.yaml]\n",
        ),
        ("app/base/made.yaml", "a: 1\n"),
        ("app/base/settings.yaml", SETTINGS),
        (
            "app/prod/kustomization.yaml",
            "namespace: prod\nresources: [../base, job.yaml]\npatches: [{path: gone.yaml}, {path: \
             job.yaml}]\n",
        ),
        (
            "app/prod/gone.yaml",
            "$patch: delete\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: more}\n",
        ),
        (
            "app/prod/job.yaml",
            "apiVersion: batch/v1\nkind: Job\nmetadata: {name: job}\nspec: {}\n",
        ),
        (
            "argo.yaml",
            "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: prod}\n\
             spec:\n  source: {repoURL: https://git.example.com/x.git, path: app/prod}\n  \
             destination: {name: prod, namespace: prod}\n",
        ),
        ("broken.yaml", "a: [\n"),
        ("plain/values.txt.yaml", "just: data\n"),
        ("plain/web.yaml", APP),
    ]
}

/// All that others see of a workspace.
fn seen(workspace: &Workspace) -> String {
    let mut references = String::new();
    for name in ["settings", "more", "made", "other", "settingsx"] {
        let ids = workspace.referring(Target::ConfigMap, name);
        let defined: Vec<_> = workspace.definitions(Target::ConfigMap, name).collect();
        _ = writeln!(references, "{name}: {ids:?} {defined:?}");
    }
    let texts: Vec<_> = workspace
        .files()
        .iter()
        .map(|f| (&f.path, &f.text))
        .collect();
    let index = &workspace.index;
    let sets = (
        &index.sets,
        &index.memberships,
        &index.gone_from,
        &index.source_settings,
    );
    format!(
        "{texts:?}\n{:?}\n{:?}\n{:?}\n{:?}\n{:?}\n{references}\n{sets:?}",
        workspace.resources(),
        workspace.sets(),
        workspace.kustomizations(),
        workspace.skipped(),
        workspace.broken(),
    )
}

/// A number generator that is the same everywhere.
struct Random(u64);

impl Random {
    fn below(&mut self, most: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        usize::try_from(self.0 >> 33).unwrap_or(0) % most
    }
}

#[test]
fn whatever_is_typed_it_is_the_workspace_of_all_texts() {
    let same = typed(&files(), 7);
    assert!(same > 300, "{same} changes left all sets as they were");
}

/// Where no patch deletes and no generator writes, a new name leaves the sets as they are.
#[test]
fn whatever_is_renamed_it_is_the_workspace_of_all_texts() {
    let mut files = files();
    files.retain(|(path, _)| !path.starts_with("app/"));
    let base = "namePrefix: a-\nresources: [settings.yaml, web.yaml]\n";
    let overlay = "nameSuffix: -a\nnamespace: prod\nresources: [../base]\n";
    files.extend([
        ("app/base/kustomization.yaml", base),
        ("app/base/settings.yaml", SETTINGS),
        ("app/base/web.yaml", APP),
        ("app/prod/kustomization.yaml", overlay),
        ("app/test/kustomization.yaml", "resources: [../base]\n"),
    ]);
    files.sort_unstable();
    let same = typed(&files, 11);
    assert!(same > 500, "{same} changes left all sets as they were");
}

/// Applications, what they have applied, and words of theirs that decide what that is.
#[test]
fn whatever_is_typed_in_a_repository_of_gitops_it_is_the_workspace_of_all_texts() {
    let same = typed(&gitops(), 13);
    assert!(same > 300, "{same} changes left all sets as they were");
}

/// Where kustomizations go round in circles, what is built depends on where that begins.
#[test]
fn whatever_is_typed_beside_a_circle_it_is_the_workspace_of_all_texts() {
    let mut files = gitops();
    files.extend([
        (
            "round/a/kustomization.yaml",
            "resources: [../b, own.yaml]\n",
        ),
        ("round/a/own.yaml", SETTINGS),
        ("round/b/kustomization.yaml", "resources: [../a]\n"),
        (
            "round.yaml",
            "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: round}\n\
             spec:\n  source: {repoURL: https://git.example.com/x.git, path: round/b}\n  \
             destination: {name: prod, namespace: prod}\n",
        ),
    ]);
    files.sort_unstable();
    typed(&files, 17);
}

fn gitops() -> Vec<(&'static str, &'static str)> {
    let mut files = files();
    files.retain(|(path, _)| *path != "argo.yaml" && *path != "broken.yaml");
    files.extend([
        (
            "argo/charts.yaml",
            "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: \
             settings}\nspec: {}\n",
        ),
        (
            "argo/many.yaml",
            "apiVersion: argoproj.io/v1alpha1\nkind: ApplicationSet\nmetadata: {name: many}\n\
             spec:\n  generators:\n  - git:\n      repoURL: https://git.example.com/x.git\n      \
             directories: [{path: more/*}]\n  template:\n    metadata: {name: \
             '{{path.basename}}'}\n    spec:\n      source: {repoURL: \
             https://git.example.com/x.git, path: '{{path}}'}\n      destination: {name: prod, \
             namespace: prod}\n",
        ),
        (
            "argo/plain.yaml",
            "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: plain}\n\
             spec:\n  source: {repoURL: https://git.example.com/x.git, path: plain}\n  \
             destination: {name: prod, namespace: prod}\n---\napiVersion: argoproj.io/v1alpha1\n\
             kind: Application\nmetadata: {name: more}\nspec:\n  source: {repoURL: \
             https://git.example.com/x.git, path: more/a, kustomize: {namePrefix: a-, components: \
             [../part]}}\n  destination: {name: prod}\n",
        ),
        (
            "argo/prod.yaml",
            "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: prod}\n\
             spec:\n  source: {repoURL: https://git.example.com/x.git, path: app/prod}\n  \
             destination: {name: prod, namespace: prod}\n",
        ),
        (
            "flux/base.yaml",
            "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: \
             base, namespace: flux-system}\nspec:\n  path: ./app/base\n  targetNamespace: \
             settings\n  sourceRef: {kind: GitRepository, name: x}\n",
        ),
        (
            "flux/x.yaml",
            "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {name: x, \
             namespace: flux-system}\nspec: {url: https://git.example.com/x.git, ref: {branch: \
             main}}\n",
        ),
        ("more/a/kustomization.yaml", "resources: [settings.yaml]\n"),
        ("more/a/settings.yaml", SETTINGS),
        (
            "more/part/kustomization.yaml",
            "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nresources: \
             [sops.yaml]\n",
        ),
        (
            "more/part/sops.yaml",
            "apiVersion: v1\nkind: Secret\nmetadata: {name: settings}\ndata: {a: 'ENC[x]'}\nsops: \
             {mac: 'ENC[y]'}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: other}\n",
        ),
    ]);
    files.sort_unstable();
    files
}

/// Words of manifests, and what may stand there instead.
const WORDS: [(&str, &str); 8] = [
    ("x.git", "y.git"),
    ("prod", "test"),
    ("/prod", "/none"),
    ("main", "dev"),
    ("GitRepository", "Bucket"),
    ("spec:", "speck:"),
    ("directories", "files"),
    ("settings.yaml", "none.yaml"),
];

/// The workspace that all texts make.
fn anew(workspace: &Workspace) -> Workspace {
    let inputs = workspace.files().iter();
    Workspace::new(
        inputs.map(|f| input(&f.path, &f.text)).collect(),
        Options::default(),
    )
}

/// Types at random, and holds what comes out against what is read anew; how often all sets stayed
/// as they were.
fn typed(files: &[(&'static str, &'static str)], seed: u64) -> usize {
    let (mut random, mut same) = (Random(seed), 0);
    let mut now = workspace(files);
    let mut planned = 0;
    let inserts = [
        "x", "\n", ": ", "# c\n", "settings", "- ", " ", "[", "---\n", "'",
    ];
    for step in 0..1200 {
        // What is asked in between is kept, and must not be what it was.
        if step % 3 == 0 {
            _ = seen(&now);
        }
        // As a pause does.
        if random.below(4) == 0 {
            now.prepare();
        }
        planned += usize::from(now.index.plan.before([].iter()).is_some());
        let file = random.below(now.files().len());
        let file = &now.files()[file];
        let original = files.iter().find(|(path, _)| *path == file.path).unwrap().1;
        let text = match random.below(5) {
            // Back to what it was.
            0 => original.to_owned(),
            1 if !file.text.is_empty() => {
                let at = random.below(file.text.len());
                let mut text = file.text.to_string();
                text.remove(at);
                text
            }
            2 => {
                let name = ["other", "more", "a", "aa", "settings"][random.below(5)];
                original.replace("settings", name)
            }
            3 => {
                let (old, new) = WORDS[random.below(WORDS.len())];
                file.text.replace(old, new)
            }
            _ => {
                let at = random.below(file.text.len() + 1);
                let mut text = file.text.to_string();
                text.insert_str(at, inserts[random.below(inserts.len())]);
                text
            }
        };
        let texts = BTreeMap::from([(file.id, Arc::from(text))]);
        let typed = now.with_texts(&texts);
        assert_eq!(seen(&typed), seen(&anew(&typed)), "step {step}");
        same += usize::from(now.with_same_sets(&texts).is_some());
        now = typed;
    }
    let circle = files.iter().any(|(path, _)| path.starts_with("round"));
    assert!(circle || planned > 300, "{planned} changes with a plan");
    same
}

const BASE: &str = "resources: [next]\n";
const NOTHING: &str = "resources: []\n";

/// Files by path.
type Files = BTreeMap<String, String>;

/// Gives one file a new text, and holds what comes out against what is read anew.
fn retype(files: &Files, path: &str, text: &str) {
    let all: Vec<(&str, &str)> = files
        .iter()
        .map(|(path, text)| (path.as_str(), text.as_str()))
        .collect();
    let now = workspace(&all);
    now.prepare();
    let file = now.file_at(path).unwrap().id;
    let typed = now.with_texts(&BTreeMap::from([(file, Arc::from(text))]));
    assert_eq!(seen(&typed), seen(&anew(&typed)));
    assert_ne!(seen(&typed), seen(&now));
}

fn application(name: &str, path: &str) -> String {
    format!(
        "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {{name: {name}}}\nspec:\n  \
         source: {{repoURL: https://git.example.com/x.git, path: {path}}}\n  destination: {{name: \
         {name}}}\n"
    )
}

/// Applications of two paths, and something else that is there.
fn two_applications(one: &str, other: &str) -> Files {
    Files::from([
        ("argo/one.yaml".to_owned(), application("one", one)),
        ("argo/other.yaml".to_owned(), application("other", other)),
        ("plain/settings.yaml".to_owned(), SETTINGS.to_owned()),
    ])
}

/// Adds kustomizations `directory/0` and so on, each but the last with what comes next in a field.
fn nested(files: &mut Files, directory: &str, count: usize, field: &str, last: &str) {
    for at in 0..count {
        let path = format!("{directory}/{at}/kustomization.yaml");
        let text = if at + 1 == count {
            last.to_owned()
        } else {
            field.replace("next", &format!("../{}", at + 1))
        };
        files.insert(path, text);
    }
}

#[test]
fn a_circle_is_built_from_where_it_is_met_first() {
    let mut files = two_applications("a", "b");
    let circle = [
        ("a/kustomization.yaml", "resources: [../b, own.yaml]\n"),
        ("a/own.yaml", SETTINGS),
        ("b/kustomization.yaml", "resources: [../a]\n"),
    ];
    files.extend(circle.map(|(path, text)| (path.to_owned(), text.to_owned())));
    retype(&files, "argo/one.yaml", &application("one", "plain"));
}

#[test]
fn what_nests_too_deep_may_not_when_a_part_of_it_is_built_first() {
    let away = application("one", "plain");
    let mut files = two_applications("k/40", "k/0");
    nested(&mut files, "k", 70, BASE, NOTHING);
    retype(&files, "argo/one.yaml", &away);
    // The same with components on the way.
    let mut files = two_applications("k/0", "top");
    nested(&mut files, "k", 40, BASE, NOTHING);
    let component = "kind: Component\ncomponents: [next]\n";
    let last = "kind: Component\nresources: [../../k/0]\n";
    nested(&mut files, "c", 30, component, last);
    files.insert(
        "top/kustomization.yaml".to_owned(),
        "components: [../c/0]\n".to_owned(),
    );
    retype(&files, "argo/one.yaml", &away);
    // Typing makes it nest, and what is built first has not changed.
    let mut files = two_applications("k/40", "k/0");
    nested(&mut files, "k", 70, BASE, NOTHING);
    let between = "k/20/kustomization.yaml";
    let whole = files.insert(between.to_owned(), NOTHING.to_owned());
    retype(&files, between, &whole.unwrap());
}

/// Ten components, of which the first is built 1023 times.
fn multiplied(components: &[(&str, &str)]) -> Files {
    let mut files = Files::new();
    let component = "kind: Component\ncomponents: [next, next]\n";
    nested(&mut files, "c", 10, component, "kind: Component\n");
    for (name, components) in components {
        files.insert(
            format!("{name}/kustomization.yaml"),
            format!("components: [{components}]\n"),
        );
    }
    files
}

#[test]
fn so_many_kustomizations_are_built_whatever_is_known() {
    let files = multiplied(&[("one", "../c/0"), ("other", "../c/1")]);
    retype(&files, "other/kustomization.yaml", "components: [../c/0]\n");
    // With one kustomization less, fewer are built.
    let files = multiplied(&[("one", "../c/0"), ("other", "../c/1, ../c/2"), ("z", "")]);
    retype(&files, "z/kustomization.yaml", "a: [\n");
}

#[test]
fn a_component_below_what_flux_applies_becomes_what_it_builds() {
    let repository = "spec: {path: ./t, sourceRef: {kind: GitRepository, name: x}}";
    let flux = format!(
        "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {{name: \
         x}}\n{repository}\n"
    );
    let (gathers, part) = ("resources: [settings.yaml]\n", "t/part/kustomization.yaml");
    let files = [
        ("flux/x.yaml", flux),
        (part, format!("kind: Component\n{gathers}")),
        ("t/part/settings.yaml", SETTINGS.to_owned()),
        ("t/settings.yaml", SETTINGS.to_owned()),
    ];
    let files = files.map(|(path, text)| (path.to_owned(), text));
    retype(&Files::from(files), part, gathers);
}

/// What an application takes as it is may be a patch by the word of a kustomization elsewhere.
#[test]
fn a_patch_that_a_kustomization_takes_from_elsewhere_becomes_a_resource() {
    let without = "resources: [own.yaml]\n";
    let with = format!("{without}patches: [{{path: ../d/settings.yaml}}]\n");
    let path = "k/kustomization.yaml";
    let mut files = two_applications("d", "plain");
    let more = [
        ("d/web.yaml", APP),
        ("d/settings.yaml", SETTINGS),
        ("k/own.yaml", SETTINGS),
        (path, &with),
    ];
    files.extend(more.map(|(path, text)| (path.to_owned(), text.to_owned())));
    retype(&files, path, without);
    let taken = format!("{with}configMapGenerator: [{{name: made, files: [../d/web.yaml]}}]\n");
    for (before, after) in [(without, &*with), (without, &taken), (&taken, &with)] {
        files.insert(path.to_owned(), before.to_owned());
        retype(&files, path, after);
    }
    // So may an application.
    let of_application = format!("{without}patches: [{{path: ../argo/one.yaml}}]\n");
    for (before, after) in [(without, &*of_application), (&of_application, without)] {
        files.insert(path.to_owned(), before.to_owned());
        retype(&files, path, after);
    }
    // A resource by the word of one is no patch by that of another.
    files.insert(path.to_owned(), with.clone());
    files.insert("o/kustomization.yaml".to_owned(), NOTHING.to_owned());
    retype(
        &files,
        "o/kustomization.yaml",
        "resources: [../d/settings.yaml]\n",
    );
}
