//! Journals that a run finds: of one that was interrupted, and of a repository that means harm.

use std::fs;
use std::os::unix::fs::symlink;

use super::{files, run, stderr};

fn sha(text: &str) -> String {
    use sha2::Digest as _;
    let digest = sha2::Sha256::digest(text.as_bytes());
    let hex: Vec<String> = digest.iter().map(|b| format!("{b:02x}")).collect();
    hex.concat()
}

/// A step as the journal has it; an empty text is a file that is not there.
fn step(target: &str, staged: &str, before: &str, after: &str) -> String {
    let hash = |text: &str| match text {
        "" => "null".to_owned(),
        text => format!("\"{}\"", sha(text)),
    };
    let staged = if staged.is_empty() {
        "null".into()
    } else {
        format!("\"{staged}\"")
    };
    let (before, after) = (hash(before), hash(after));
    format!(
        "{{\"target\": \"{target}\", \"staged\": {staged}, \"before\": {before}, \"after\": \
         {after}}}"
    )
}

fn journal(steps: &[String]) -> String {
    format!(
        "{{\"version\": 2, \"back\": false, \"steps\": [{}]}}",
        steps.join(", ")
    )
}

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a scratch directory");
    for (path, text) in files {
        let path = dir.path().join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
        fs::write(path, text).expect("a file");
    }
    dir
}

/// A run that was killed after its first rename.
fn interrupted() -> tempfile::TempDir {
    let steps = [
        step("a.yaml", ".kubewright-1.staged", "old: 1\n", "new: 1\n"),
        step(
            "sub/b.yaml",
            "sub/.kubewright-2.staged",
            "old: 2\n",
            "new: 2\n",
        ),
        step("c.yaml", ".kubewright-3.staged", "", "new: 3\n"),
        step("d.yaml", "", "old: 4\n", ""),
    ];
    folder(&[
        ("kubewright.toml", ""),
        (".kubewright-journal", &journal(&steps)),
        ("a.yaml", "new: 1\n"),
        ("sub/b.yaml", "old: 2\n"),
        ("sub/.kubewright-2.staged", "new: 2\n"),
        (".kubewright-3.staged", "new: 3\n"),
        ("d.yaml", "old: 4\n"),
    ])
}

#[test]
fn an_interrupted_run_is_finished_and_that_is_said() {
    let dir = interrupted();
    let before = files(dir.path());
    // A preview writes nothing, this neither.
    let preview = run(dir.path(), &["fix"]);
    assert_eq!(preview.status.code(), Some(2));
    assert!(
        stderr(&preview).contains("run with --write to finish it first"),
        "{preview:?}"
    );
    assert_eq!(files(dir.path()), before);
    let next = run(dir.path(), &["fix", "--write"]);
    let said = stderr(&next);
    assert!(
        said.contains("an interrupted run was finished first: 3 files written"),
        "{said}"
    );
    assert_eq!(next.status.code(), Some(0));
    let expected = folder(&[
        ("kubewright.toml", ""),
        ("a.yaml", "new: 1\n"),
        ("sub/b.yaml", "new: 2\n"),
        ("c.yaml", "new: 3\n"),
    ]);
    assert_eq!(files(dir.path()), files(expected.path()));
}

#[test]
fn what_was_edited_since_is_not_overwritten() {
    let dir = interrupted();
    fs::write(dir.path().join("sub/b.yaml"), "edited: 1\n").expect("b");
    let before = files(dir.path());
    let next = run(dir.path(), &["fix", "--write"]);
    assert_eq!(next.status.code(), Some(2));
    assert!(
        stderr(&next).contains("sub/b.yaml was changed since"),
        "{next:?}"
    );
    assert_eq!(files(dir.path()), before);

    // Where nothing was renamed yet the edit stands, and the run is taken back.
    fs::write(dir.path().join("a.yaml"), "old: 1\n").expect("a");
    let next = run(dir.path(), &["fix", "--write"]);
    let said = stderr(&next);
    assert!(
        said.contains("an interrupted run was taken back first: 0 files written"),
        "{said}"
    );
    let names: Vec<_> = files(dir.path()).into_keys().collect();
    let expected = ["a.yaml", "d.yaml", "kubewright.toml", "sub/b.yaml"];
    assert_eq!(names, expected);
}

/// Each of these comes with a repository, and would change something that the repository is not.
#[test]
fn a_journal_leads_nowhere_else() {
    let outside = folder(&[
        ("victim.yaml", "old: 1\n"),
        (".kubewright-1.staged", "new: 1\n"),
    ]);
    let victim = outside.path().display();
    let up = outside
        .path()
        .file_name()
        .expect("a name")
        .to_string_lossy();
    let steps = [
        step(&format!("{victim}/victim.yaml"), "", "old: 1\n", ""),
        step(&format!("../{up}/victim.yaml"), "", "old: 1\n", ""),
        step("link/victim.yaml", "", "old: 1\n", ""),
        step(
            "link/victim.yaml",
            "link/.kubewright-1.staged",
            "old: 1\n",
            "new: 1\n",
        ),
        step("link.yaml", "", "old: 1\n", ""),
        step("a.yaml", ".kubewright-l.staged", "old: 1\n", "new: 1\n"),
        step("a.yaml", "../.kubewright-1.staged", "old: 1\n", "new: 1\n"),
        step("a.yaml", "secret.txt", "old: 1\n", "new: 1\n"),
        step(".git/config", "", "old: 1\n", ""),
        step(
            ".GIT/hooks/pre-commit",
            ".GIT/hooks/.kubewright-1.staged",
            "",
            "new: 1\n",
        ),
        step("", "", "old: 1\n", ""),
        step(".", "", "old: 1\n", ""),
    ];
    for evil in steps {
        let good = step("a.yaml", ".kubewright-2.staged", "old: 0\n", "old: 1\n");
        let dir = folder(&[
            ("kubewright.toml", ""),
            (".kubewright-journal", &journal(&[good, evil.clone()])),
            ("a.yaml", "old: 1\n"),
            ("secret.txt", "new: 1\n"),
            (".git/config", "old: 1\n"),
            (".GIT/hooks/.kubewright-1.staged", "new: 1\n"),
        ]);
        symlink(outside.path(), dir.path().join("link")).expect("a link");
        let at = |name: &str| outside.path().join(name);
        symlink(at("victim.yaml"), dir.path().join("link.yaml")).expect("a link");
        symlink(
            at(".kubewright-1.staged"),
            dir.path().join(".kubewright-l.staged"),
        )
        .expect("a link");
        let before = files(outside.path());
        let output = run(dir.path(), &["fix", "--write"]);
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{evil}: {said}");
        assert!(said.contains("cannot be finished"), "{evil}: {said}");
        assert_eq!(files(outside.path()), before, "{evil}");
        let mine = |name: &str| fs::read_to_string(dir.path().join(name)).expect("a file");
        assert_eq!(
            (mine("a.yaml"), mine(".git/config")),
            ("old: 1\n".into(), "old: 1\n".into())
        );
    }
}
