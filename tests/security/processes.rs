//! No process is started but those that were asked for, and nothing speaks to a network but
//! `images lock`.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::{both, ends, project, tree};
use crate::support::kubewright;

const WORKLOAD: &str = include_str!("../../examples/incident-2-two-configurations/app.yaml");
const KUSTOMIZATION: &str = "resources: [app.yaml, https://example.invalid/base?ref=v1]\n\
    helmCharts: [{name: a, repo: 'https://example.invalid'}]\n\
    generators: [exec.yaml]\n";
const EXEC: &str = "apiVersion: a/v1\nkind: Exec\nmetadata:\n  name: a\n  annotations:\n    \
                    config.kubernetes.io/function: |\n      exec: {path: ./run.sh}\n";

/// A folder of programs that write down that they were started, and with which environment.
fn programs(report: &Path) -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a scratch directory");
    for name in [
        "git",
        "helm",
        "kustomize",
        "kubectl",
        "sh",
        "bash",
        "ssh",
        "docker",
        "curl",
        "sops",
    ] {
        let path = dir.path().join(name);
        let report = report.display();
        let script = format!(
            "#!/bin/sh\necho \"started {name} $*\" >> '{report}'\n/usr/bin/env >> '{report}'\n"
        );
        fs::write(&path, script).expect("a program");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("permissions");
    }
    dir
}

#[test]
fn nothing_is_started_but_git_when_asked_with_a_clean_environment() {
    let dir = tree(&[
        ("kustomization.yaml", KUSTOMIZATION),
        ("exec.yaml", EXEC),
        ("run.sh", "#!/bin/sh\n"),
        ("app.yaml", WORKLOAD),
    ]);
    let report = dir.path().join(".git/report");
    let programs = programs(&report);
    let started = |args: &[&str]| {
        let mut command = kubewright(dir.path(), args);
        command
            .env("PATH", programs.path())
            .env("XDG_STATE_HOME", dir.path().join(".git/state"))
            .env("GIT_DIR", "/elsewhere")
            .env("GIT_SSH_COMMAND", "steal")
            .env("GIT_CONFIG_COUNT", "1")
            .env("LD_PRELOAD_OF_A_TEST", "steal")
            .env("AWS_SECRET_ACCESS_KEY", "steal");
        let output = ends(&mut command);
        let text = fs::read_to_string(&report).unwrap_or_default();
        let _ = fs::remove_file(&report);
        (both(&output), text)
    };
    for args in [
        &["fix"][..],
        &["fix", "--check"],
        &["graph"],
        &["list"],
        &["explain", "missing-config-hash"],
        &["images", "lock", "--check"],
        &["completions", "bash"],
        &["fix", "--write", "--unsafe-fixes"],
        &["undo"],
    ] {
        let (said, text) = started(args);
        assert_eq!(text, "", "{args:?}: {said}");
    }
    let (said, text) = started(&["fix", "--write", "--require-clean"]);
    let begun: Vec<&str> = text.lines().filter(|l| l.starts_with("started ")).collect();
    let expected = "started git --no-optional-locks -c core.fsmonitor=false -c \
                    core.hooksPath=/dev/null status";
    assert!(
        matches!(begun[..], [git] if git.starts_with(expected)),
        "{said}\n{text}"
    );
    for stolen in [
        "GIT_DIR",
        "GIT_SSH_COMMAND",
        "GIT_CONFIG_COUNT",
        "LD_PRELOAD",
        "steal",
    ] {
        assert!(!text.contains(stolen), "{stolen}: {text}");
    }
}

/// All code of the program but the tests in it.
fn code(folder: &Path, found: &mut Vec<(PathBuf, String)>) {
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        if path.is_dir() && !["tests", "cases", "target"].contains(&&*name) {
            code(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") && !name.ends_with("tests.rs") {
            let text = fs::read_to_string(&path).expect("code");
            let end = text.find("#[cfg(test)]").unwrap_or(text.len());
            found.push((path, text[..end].to_owned()));
        }
    }
}

/// Where in the code a word stands, by file.
fn files_with(words: &[&str]) -> Vec<String> {
    let mut all = Vec::new();
    for folder in ["src", "model", "transforms"] {
        code(&project(folder), &mut all);
    }
    assert!(all.len() > 100);
    let home = project("");
    let hits = all
        .into_iter()
        .filter(|(_, text)| words.iter().any(|w| text.contains(w)));
    let names = hits.map(|(path, _)| {
        path.strip_prefix(&home)
            .expect("below")
            .display()
            .to_string()
    });
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

#[test]
fn only_known_places_of_the_code_start_a_process() {
    // Helm where `--helm` and kustomize where `--kustomize` asks for it, both cleanly by
    // `program.rs`; git, the helper that a user's own configuration of Docker names (by
    // `docker_credential`), the pager of a terminal, and the editor of `fix --interactive`.
    assert_eq!(
        files_with(&["process::Command", "Command::new", "docker_credential"]),
        [
            "src/cli/charts/helm.rs",
            "src/cli/edited.rs",
            "src/cli/git.rs",
            "src/cli/images/registry/credentials.rs",
            "src/cli/kustomize/tool.rs",
            "src/cli/program.rs",
            "src/cli/terminal.rs",
            "src/cli/work_tree.rs"
        ]
    );
}

#[test]
fn only_images_lock_knows_a_network() {
    let words = [
        "oci_client",
        "rustls",
        "tokio",
        "reqwest",
        "ToSocketAddrs",
        "TcpStream",
        "TcpListener",
        "UdpSocket",
    ];
    let others: Vec<String> = files_with(&words)
        .into_iter()
        .filter(|path| !path.starts_with("src/cli/images/"))
        .collect();
    // The runtime alone: the messages of `mcp` come over standard input and output.
    assert_eq!(others, ["src/cli/mcp/mod.rs"]);
    assert_eq!(
        files_with(&words.map(|word| if word == "tokio" { "tokio::net" } else { word }))
            .into_iter()
            .filter(|path| !path.starts_with("src/cli/images/"))
            .count(),
        0
    );
}
