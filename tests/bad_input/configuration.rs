//! `kubewright.toml`.

use std::fs;

use super::arguments::HAZARDS;
use super::{POD, WORKLOAD, folder, run, says};

/// What is wrong in a configuration, and what is said of it.
const REFUSED: &[(&str, &str)] = &[
    (
        "unsafe-fix = []\n",
        "kubewright.toml:1:1: unknown key `unsafe-fix`",
    ),
    ("unsafe-fix = []\n", "did you mean `unsafe-fixes`?"),
    (
        "\n[transforms.missing-config-hash]\nsecret = true\n",
        "kubewright.toml:3:1: unknown key `secret`",
    ),
    (
        "\n[transforms.missing-config-hash]\nsecret = true\n",
        "did you mean `secrets`?",
    ),
    (
        "[transforms.missing-hash]\nenabled = false\n",
        "did you mean `missing-config-hash`?",
    ),
    (
        "unsafe-fixes = [\"static-pod-kubeproxy\"]\n",
        "kubewright.toml:1:17: there is no transform `static-pod-kubeproxy`, did you mean",
    ),
    ("ignore = [\"a[\"]\n", "kubewright.toml:1:11: a[: "),
    ("fail-on = \"warn\"\n", "did you mean `warning`?"),
    (
        "[[images]]\nshell = \"/bin/sh\"\n",
        "kubewright.toml:1:1: `match` is missing",
    ),
    ("[[apply-sets]]\nname = \"prod\"\n", "missing field `paths`"),
    (
        "[[apply-sets]]\nname = \"prod\"\npaths = [\"a\"]\nrecurse = true\n",
        "kubewright.toml:4:1: unknown key `recurse`",
    ),
    (
        "[[apply-sets]]\nname = \"prod\"\npaths = [\"a\"]\nrecurse = true\n",
        "did you mean `recursive`?",
    ),
    (
        "[[apply-sets]]\nname = \"prod\"\npaths = []\n",
        "kubewright.toml:3:9: `paths` is empty",
    ),
    (
        "[[apply-sets]]\nname = \"\"\npaths = [\"a\"]\n",
        "kubewright.toml:2:8: `name` is empty",
    ),
    (
        "[[apply-sets]]\nname = \"x\"\npaths = [\"a\", \"../b\"]\n",
        "kubewright.toml:3:15: `../b` is no path below the root",
    ),
    (
        "[[apply-sets]]\nname = \"x\"\npaths = [\"a[\"]\n",
        "kubewright.toml:3:10: a[: ",
    ),
    (
        "[[apply-sets]]\nname = \"x\"\npaths = [\"a\"]\nnamespace = \"\"\n",
        "kubewright.toml:4:13: `namespace` is empty",
    ),
    (
        "[[apply-sets]]\nname = \"x\"\npaths = [\"a\"]\n[[apply-sets]]\nname = \"x\"\npaths = \
         [\"b\"]\n",
        "kubewright.toml:5:8: there is another apply set `x`",
    ),
    (
        "[transforms.missing-config-hash]\nannotation = \"x y\"\n",
        "kubewright.toml:2:14: `x y` is no key of an annotation; expected",
    ),
    (
        "[transforms.missing-config-hash]\nannotation = \"\"\n",
        "kubewright.toml:2:14: `` is no key of an annotation",
    ),
    (
        "[transforms.missing-config-hash]\nannotation = \"kubewright.dev/ignore\"\n",
        "kubewright.toml:2:14: the annotation `kubewright.dev/ignore` has another meaning",
    ),
    (
        "[transforms.missing-config-hash]\nopt-in = \"a b\"\n",
        "kubewright.toml:2:10: `a b` is no key of an annotation or label; expected one such",
    ),
    (
        "[transforms.missing-config-hash]\nopt-in = \"example.com/config-hash\"\n",
        "kubewright.toml:2:10: `example.com/config-hash` reads like a hash that somebody else",
    ),
    (
        "[transforms.missing-config-hash]\nsecrets-key-from = \"hunter2!\"\n",
        "kubewright.toml:2:20: this is no name of an environment variable; expected the name",
    ),
    (
        "[transforms.missing-config-hash]\norder = \"yes\"\n",
        "kubewright.toml:2:9: invalid type: string \"yes\", expected a boolean",
    ),
    (
        "[transforms.missing-config-hash]\nexclude = [\"[x\"]\n",
        "kubewright.toml:2:11: `[x` is no glob: ",
    ),
    (
        "[transforms.configmap-name-collision]\nkeep = [\"[x\"]\n",
        "kubewright.toml:2:8: `[x` is no glob: ",
    ),
    (
        "[transforms.missing-config-reference]\nexternal = [\"[x\"]\n",
        "kubewright.toml:2:12: `[x` is no glob: ",
    ),
    ("a = \n", "kubewright.toml:1:"),
];

#[test]
fn the_configuration_is_read_strictly() {
    for (config, message) in REFUSED {
        let dir = folder(&[
            ("kubewright.toml", config.as_bytes()),
            ("a.yaml", WORKLOAD.as_bytes()),
        ]);
        says(&run(dir.path(), &["fix", "--write"]), 2, "stderr", message);
        assert_eq!(
            fs::read_to_string(dir.path().join("a.yaml")).expect("a"),
            WORKLOAD
        );
    }
}

#[test]
fn globs_that_match_nothing_are_said() {
    let config = "\
ignore = [\"vendor/**\", \"old\", \"gone/\"]

[transforms.configmap-name-collision]
keep = [\"apps/*.yaml\", \"app/*.yaml\"]

[transforms.missing-config-hash]
exclude = [\"ConfigMap/calc*\", \"Secret/calc*\"]

[transforms.missing-config-reference]
external = [\"ConfigMap/calc*\", \"Secret/calc*\"]

[[apply-sets]]
name = \"prod\"
paths = [\"apps\", \"clusters/prod/**\"]
";
    let dir = folder(&[
        ("kubewright.toml", config.as_bytes()),
        ("apps/a.yaml", WORKLOAD.as_bytes()),
        ("vendor/x/b.yaml", POD.as_bytes()),
        ("old/c.yaml", POD.as_bytes()),
    ]);
    let output = run(dir.path(), &["fix", "--exit-zero", "vendor"]);
    let wanted = "\
warning: kubewright.toml:4:24: `app/*.yaml` in `keep` of configmap-name-collision matches no file \
                  that is read
warning: kubewright.toml:7:31: `Secret/calc*` in `exclude` of missing-config-hash matches nothing \
                  that is referred to
warning: kubewright.toml:10:32: `Secret/calc*` in `external` of missing-config-reference matches \
                  nothing that is referred to
warning: kubewright.toml:14:18: `clusters/prod/**` in `paths` of apply set prod matches no file \
                  that is read
warning: kubewright.toml:1:31: `gone/` in `ignore` matches no file that is read
";
    says(&output, 0, "stderr", wanted);
    assert_eq!(output.stderr, wanted.as_bytes());

    // Without a root of its own a file is not looked at for what a configuration elsewhere says.
    let other = folder(&[("a.yaml", POD.as_bytes())]);
    let config = dir.path().join("kubewright.toml");
    let config = config.to_str().expect("a path of letters");
    let output = run(other.path(), &["fix", "--config", config, "a.yaml"]);
    assert!(
        !String::from_utf8_lossy(&output.stderr).contains("no file that is read"),
        "{output:?}"
    );
}

#[test]
fn what_is_typed_goes_before_what_is_written_down() {
    for name in [
        "configmap-name-collision",
        "subpath-configmap-mount",
        "missing-config-hash",
        "missing-config-reference",
    ] {
        let config = format!("[transforms.{name}]\nenabled = false\n");
        let dir = folder(&[
            ("kubewright.toml", config.as_bytes()),
            ("a.yaml", HAZARDS.as_bytes()),
        ]);
        let marked = format!("[{name}]");
        let silent = run(dir.path(), &["fix", "-v"]);
        assert!(
            !String::from_utf8_lossy(&silent.stdout).contains(&marked),
            "{name} runs although it is switched off"
        );
        says(
            &run(dir.path(), &["fix", "-v", "--exit-zero", "--select", name]),
            0,
            "stdout",
            &marked,
        );
    }
}

/// What is wrong is said, and not shown whole.
#[test]
fn a_word_as_large_as_a_file_is_cut() {
    let large = "x".repeat(1 << 20);
    for (name, text, message) in [
        (
            "kubewright.toml",
            format!("{large} = 1\n"),
            "unknown key `x",
        ),
        (
            "kubewright.lock",
            format!("version = 1\n{large} = 1\n"),
            "unknown key `x",
        ),
        (
            "kubewright.toml",
            format!("select = [\"{large}\"]\n"),
            "there is no transform `x",
        ),
    ] {
        let dir = folder(&[(name, text.as_bytes()), ("a.yaml", WORKLOAD.as_bytes())]);
        let output = run(dir.path(), &["fix"]);
        says(&output, 2, "stderr", message);
        says(&output, 2, "stderr", "xxx… ");
        assert!(output.stderr.len() < 1000, "{} bytes", output.stderr.len());
    }
}
