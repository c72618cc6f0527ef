//! What is asked about images, and what their answers in the lock prove.

use std::collections::BTreeMap;

use kubewright_model::finding::{Applicability, Finding};
use kubewright_model::kube::images::{ImageFacts, LockedImage, PathFact, PathKind, Question};
use kubewright_model::kube::{Input, Options, Workspace};
use kubewright_model::text::Text;

use super::SubPathConfigMapMount;
use crate::{Context, Settings, Transform};

const CONFIG: &str =
    "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: config\ndata:\n  web.conf: old\n";

/// A Deployment with this container; `@MOUNT@` stands for a mount of the file at
/// `/etc/app/web.conf`.
fn workload(container: &str) -> String {
    let mount = "volumeMounts: [{name: config, mountPath: /etc/app/web.conf, subPath: web.conf}]";
    let lines = container
        .replace("@MOUNT@", mount)
        .replace('\n', "\n        ");
    format!(
        "---\napiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\nspec:\n  template:\n    spec:\n      containers:\n      - name: web\n\
         \x20       {lines}\n      volumes:\n      - name: config\n        configMap: {{name: config}}\n"
    )
}

fn workspace(text: &str) -> Workspace {
    let input = Input {
        path: "web.yaml".into(),
        text: format!("{CONFIG}{text}").into(),
        editable: true,
    };
    Workspace::new(vec![input], Options::default())
}

fn asked(text: &str, settings: &Settings) -> Vec<Question> {
    SubPathConfigMapMount.questions(&Context {
        workspace: &workspace(text),
        settings,
        running: &[],
    })
}

fn paths(container: &str) -> Vec<String> {
    asked(&workload(container), &Settings::default())
        .into_iter()
        .flat_map(|q| q.paths)
        .collect()
}

fn found(container: &str, settings: &Settings) -> Finding {
    let workspace = workspace(&workload(container));
    let mut findings = SubPathConfigMapMount.check(&Context {
        workspace: &workspace,
        settings,
        running: &[],
    });
    findings.pop().unwrap_or_else(|| panic!("nothing found"))
}

fn locked(image: &str, facts: ImageFacts) -> Settings {
    let image = LockedImage {
        image: image.into(),
        platform: "linux/amd64".into(),
        digest: "sha256:00".into(),
        facts,
    };
    Settings {
        lock: vec![image],
        ..Settings::default()
    }
}

fn fact(kind: PathKind) -> PathFact {
    PathFact {
        kind,
        parent_writable: Some(false),
        named: Some(false),
        ..PathFact::default()
    }
}

#[test]
fn what_each_strategy_rests_on_is_asked_and_no_more() {
    // Own-directory asks for the directory, all of them for the file.
    assert_eq!(
        paths("image: app\n@MOUNT@"),
        ["/etc/app", "/etc/app/web.conf"]
    );
    // No link can be made there, but a word of the image's ENTRYPOINT or CMD may name the file: what
    // re-point rests on is asked, too.
    assert_eq!(
        paths("image: app\nsecurityContext: {readOnlyRootFilesystem: true}\n@MOUNT@"),
        ["/bin/sh", "/etc/app", "/etc/app/web.conf"]
    );
    // /etc can be no volume.
    let at_etc =
        "image: app\nvolumeMounts: [{name: config, mountPath: /etc/web.conf, subPath: web.conf}]";
    assert_eq!(paths(at_etc), ["/etc/web.conf"]);
    // Re-point could be proven by what else is in the directory.
    let named = "image: app\nargs: [/etc/web.conf]\nvolumeMounts: [{name: config, mountPath: \
                 /etc/web.conf, subPath: web.conf}]";
    assert_eq!(paths(named), ["/bin/sh", "/etc", "/etc/web.conf"]);
    // Neither a placeholder nor what has another reason to stay.
    assert!(paths("image: ${IMAGE}\n@MOUNT@").is_empty());
    assert!(paths("image: app\nvolumeMounts: [{name: config, mountPath: /etc/app}]").is_empty());
    assert!(
        paths(
            "image: app\nvolumeMounts: [{name: config, mountPath: /etc/app/x, subPath: \
             missing.conf}]"
        )
        .is_empty()
    );
    assert!(
        paths(
            "image: app\nvolumeMounts: [{name: config, mountPath: /etc/app/x/, subPath: web.conf}]"
        )
        .is_empty()
    );
}

#[test]
fn questions_name_image_and_platform_once() {
    let one = workload("image: app:1\n@MOUNT@");
    let other = one
        .replace("/etc/app", "/srv/app")
        .replace("name: web\nspec", "name: other\nspec");
    let arm = one
        .replace(
            "    spec:\n",
            "    spec:\n      nodeSelector: {kubernetes.io/arch: arm64}\n",
        )
        .replace("name: web\nspec", "name: arm\nspec");
    let questions = asked(&format!("{one}{other}{arm}"), &Settings::default());
    let seen: Vec<(&str, &str, usize)> = questions
        .iter()
        .map(|q| (q.image.as_str(), q.platform.as_str(), q.paths.len()))
        .collect();
    assert_eq!(
        seen,
        [
            ("docker.io/library/app:1", "linux/amd64", 4),
            ("docker.io/library/app:1", "linux/arm64", 2)
        ]
    );
}

#[test]
fn what_is_proven_without_the_lock_is_not_asked() {
    let container = "image: app\ncommand: [sh, run.sh]\n@MOUNT@";
    let mut settings = Settings::default();
    assert_eq!(asked(&workload(container), &settings).len(), 1);
    let facts = ImageFacts {
        pattern: "app".into(),
        shell: Some("/bin/sh".into()),
        user: Some("root".into()),
        handled_paths: Some(Vec::new()),
        ..ImageFacts::default()
    };
    settings.images = vec![facts];
    assert!(asked(&workload(container), &settings).is_empty());
    // What the lock has already is asked again, or it would lose it.
    let facts = ImageFacts {
        shell: Some("/bin/sh".into()),
        user: Some("root".into()),
        handled_paths: Some(Vec::new()),
        ..ImageFacts::default()
    };
    assert_eq!(
        asked(
            &workload(container),
            &locked("docker.io/library/app:latest", facts)
        )
        .len(),
        1
    );
}

#[test]
fn the_lock_proves_and_is_named() {
    let mut facts = ImageFacts {
        shell: Some("none".into()),
        user: Some("65532".into()),
        ..ImageFacts::default()
    };
    facts.paths = BTreeMap::from([("/etc/app".into(), fact(PathKind::Absent))]);
    let settings = locked("docker.io/library/app:latest", facts);
    let finding = found("image: app\n@MOUNT@", &settings);
    assert_eq!(
        finding.fix.map(|fix| fix.applicability),
        Ok(Applicability::Safe)
    );
    assert_eq!(
        said(&finding.notes),
        ["proven by: kubewright.lock (sha256:00): no /etc/app, user 65532"]
    );
    // Of another tag it says nothing.
    assert_eq!(
        found("image: app:2\n@MOUNT@", &settings)
            .fix
            .map_err(|no_fix| no_fix.code),
        Err("entrypoint-unknown")
    );
}

/// Notes as a reader sees them.
fn said(notes: &[Text]) -> Vec<String> {
    notes.iter().map(ToString::to_string).collect()
}

#[test]
fn each_fact_comes_from_the_nearest_source() {
    let facts = ImageFacts {
        shell: Some("/bin/bash".into()),
        user: Some("root".into()),
        entrypoint: Some(vec!["/app".into()]),
        paths: ["/etc/app/web.conf"]
            .map(|path| (path.to_owned(), fact(PathKind::File)))
            .into(),
        ..ImageFacts::default()
    };
    let mut settings = locked("docker.io/library/app:latest", facts);
    settings.images = vec![ImageFacts {
        pattern: "app".into(),
        shell: Some("/bin/sh".into()),
        ..ImageFacts::default()
    }];
    let finding = found("image: app\n@MOUNT@", &settings);
    assert_eq!(
        said(&finding.notes),
        [
            "proven by: kubewright.toml ([[images]] app): /bin/sh",
            "proven by: kubewright.lock (sha256:00): root, ENTRYPOINT [\"/app\"]"
        ]
    );
}

#[test]
fn a_lock_that_was_not_asked_proves_less() {
    let facts = ImageFacts {
        shell: Some("/bin/sh".into()),
        user: Some("root".into()),
        ..ImageFacts::default()
    };
    let finding = found(
        "image: app\ncommand: [run]\n@MOUNT@",
        &locked("docker.io/library/app:latest", facts),
    );
    assert_eq!(
        finding.fix.map(|fix| fix.applicability),
        Ok(Applicability::Unsafe)
    );
    assert!(
        said(&finding.notes)
            .iter()
            .any(|note| note.contains("kubewright.lock is older than this question")),
        "{:?}",
        finding.notes
    );
}

#[test]
fn no_tools_are_not_no_scripts() {
    let mut facts = ImageFacts {
        shell: Some("none".into()),
        user: Some("root".into()),
        ..ImageFacts::default()
    };
    facts.paths = BTreeMap::from([
        ("/etc/app".into(), fact(PathKind::Absent)),
        ("/etc/app/web.conf".into(), fact(PathKind::Absent)),
        ("/bin/sh".into(), fact(PathKind::File)),
    ]);
    let applicability = |facts: &ImageFacts| {
        let settings = locked("docker.io/library/app:latest", facts.clone());
        found(
            "image: app\nargs: [-c, /etc/app/web.conf]\n@MOUNT@",
            &settings,
        )
        .fix
        .map(|fix| fix.applicability)
    };
    assert_eq!(applicability(&facts), Ok(Applicability::Unsafe));
    facts.paths.insert("/bin/sh".into(), fact(PathKind::Absent));
    assert_eq!(applicability(&facts), Ok(Applicability::Safe));
}

/// What is typed goes before what is written down: `--select missing-config-hash` runs it.
#[test]
fn a_hash_that_is_switched_off_and_selected_is_written() {
    let mut settings = Settings::default();
    settings.missing_config_hash.enabled = false;
    let workspace = workspace(&workload("image: app\n@MOUNT@"));
    let notes = |running: &[&'static str]| {
        let findings = SubPathConfigMapMount.check(&Context {
            workspace: &workspace,
            settings: &settings,
            running,
        });
        format!("{findings:?}")
    };
    let off = "missing-config-hash is switched off";
    assert!(notes(&[]).contains(off) && !notes(&["missing-config-hash"]).contains(off));
}

#[test]
fn an_init_container_needs_what_it_copies_with() {
    let container = "image: app\ncommand: [web]\nsecurityContext: {readOnlyRootFilesystem: \
                     true}\nvolumeMounts: [{name: config, mountPath: /app/web.conf, subPath: \
                     web.conf}]";
    let mut facts = ImageFacts {
        shell: Some("/bin/sh".into()),
        user: Some("root".into()),
        paths: BTreeMap::from([("/app/web.conf".to_owned(), fact(PathKind::File))]),
        ..ImageFacts::default()
    };
    let image = "docker.io/library/app:latest";
    let filled = found(container, &locked(image, facts.clone()));
    let title = filled.fix.as_ref().map(|fix| fix.title.to_string());
    assert!(
        title.is_ok_and(|title| title.starts_with("make /app an emptyDir")),
        "{filled:?}"
    );
    assert!(
        !filled
            .notes
            .iter()
            .any(|note| note.to_string().contains("has cp")),
        "the lock says so: {:?}",
        filled.notes
    );
    facts.lacks = vec!["cp".into(), "ln".into()];
    let refused = found(container, &locked(image, facts));
    let why = refused
        .fix
        .as_ref()
        .err()
        .map(|no_fix| no_fix.lines().to_string());
    assert!(
        why.as_deref()
            .is_some_and(|why| why.contains("linked-directory (no-shell): the image has no cp")),
        "{why:?}"
    );
}
