//! Globs that nobody would write and a repository may hold: too long, too large, nested too deep.

use std::fs;

use super::{WORKLOAD, folder, run, says};

/// Each with what is said of it.
fn globs() -> [(String, &'static str); 3] {
    [
        ("[a-z]".repeat(200_000), "longer than 4096 bytes"),
        ("{a,".repeat(200_000), "longer than 4096 bytes"),
        (
            format!("{}b{}", "{a,".repeat(1000), "}".repeat(1000)),
            "too large, or nested too deep",
        ),
    ]
}

#[test]
fn of_the_configuration_are_refused_at_their_place() {
    for (glob, message) in globs() {
        for (table, key) in [
            ("", "ignore"),
            ("[[apply-sets]]\nname = \"a\"\n", "paths"),
            ("[transforms.configmap-name-collision]\n", "keep"),
            ("[transforms.missing-config-hash]\n", "exclude"),
            ("[transforms.missing-config-reference]\n", "external"),
        ] {
            let config = format!("{table}{key} = [\"{glob}\"]\n");
            let dir = folder(&[
                ("kubewright.toml", config.as_bytes()),
                ("a.yaml", WORKLOAD.as_bytes()),
            ]);
            let output = run(dir.path(), &["fix", "--write"]);
            says(&output, 2, "stderr", message);
            let place = format!("kubewright.toml:{}:", config.matches('\n').count());
            says(&output, 2, "stderr", &place);
            assert!(output.stderr.len() < 300, "the glob is shown whole");
            let after = fs::read_to_string(dir.path().join("a.yaml")).expect("the file");
            assert_eq!(after, WORKLOAD);
        }
    }
}

/// Each is as long as it may be, and so many are more than one expression holds.
#[test]
fn many_long_ones_are_refused_together() {
    let part = "[a-z]".repeat(800);
    let globs: Vec<String> = (0..200).map(|n| format!("\"{n}{part}\"")).collect();
    let globs = globs.join(", ");
    for (config, place) in [
        (format!("ignore = [{globs}]\n"), "kubewright.toml:1:11: "),
        (
            format!("[transforms.missing-config-hash]\nexclude = [{globs}]\n"),
            "kubewright.toml:2:11: ",
        ),
    ] {
        let dir = folder(&[
            ("kubewright.toml", config.as_bytes()),
            ("a.yaml", WORKLOAD.as_bytes()),
        ]);
        let output = run(dir.path(), &["fix"]);
        says(&output, 2, "stderr", "too large together");
        says(&output, 2, "stderr", place);
    }
}

/// What they take is not known then, and the run goes on.
#[test]
fn of_argo_cd_end_no_run() {
    for (glob, _) in globs() {
        let manifests = format!(
            "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {{name: a, namespace: argocd}}\nspec:\n  \
             destination: {{namespace: web}}\n  source:\n    repoURL: https://git.example.com/a.git\n    \
             path: web\n    directory: {{include: \"{glob}\", exclude: \"{glob}\"}}\n---\n\
             apiVersion: argoproj.io/v1alpha1\nkind: ApplicationSet\nmetadata: {{name: b, namespace: argocd}}\nspec:\n  \
             generators:\n  - git:\n      repoURL: https://git.example.com/a.git\n      \
             directories: [{{path: \"{glob}\"}}]\n  - git:\n      repoURL: https://git.example.com/a.git\n      \
             files: [{{path: \"{glob}\"}}]\n  template:\n    metadata: {{name: '{{{{path.basename}}}}'}}\n    spec:\n      \
             destination: {{namespace: web}}\n      source: {{repoURL: https://git.example.com/a.git, path: '{{{{path}}}}'}}\n"
        );
        let dir = folder(&[
            ("apps/a.yaml", manifests.as_bytes()),
            ("web/web.yaml", WORKLOAD.as_bytes()),
        ]);
        let output = run(dir.path(), &["fix"]);
        says(&output, 1, "stdout", "missing-config-hash");
    }
}
