//! Promise: hostile or huge input costs time and memory in proportion to its size, and what is too
//! deep is refused with a clear message.
//!
//! Nothing here measures time: a place that is quadratic would keep these tests from ending.

#![expect(clippy::disallowed_methods, reason = "tests read and write files")]

mod support;

use std::fmt::Write as _;
use std::process::Output;

use kubewright::typed;
use kubewright_model::kube::{Input, Options, Workspace};
use kubewright_model::yaml::{File, Value, verify};
use support::{kubewright, pipe};

fn filter(input: &str, args: &[&str]) -> Output {
    let dir = tempfile::tempdir().expect("a scratch directory");
    let mut all = vec!["fix"];
    all.extend(args);
    all.push("-");
    pipe(
        &mut kubewright(dir.path(), &all),
        input.as_bytes(),
        &[0, 1, 2],
    )
    .expect("the program starts")
}

/// The program refuses the stream with this message and writes nothing.
#[track_caller]
fn refuses(input: &str, message: &str) {
    let output = filter(input, &[]);
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{error}");
    assert!(error.contains(message) && error.len() < 500, "{error}");
    assert!(output.stdout.is_empty());
}

/// `one` of each number below `count`.
fn many(count: usize, one: impl Fn(usize) -> String) -> String {
    (0..count).map(one).collect::<Vec<_>>().concat()
}

fn workload(number: usize) -> String {
    format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: c{number}}}\ndata: {{a: \
         b}}\n---\napiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: d{number}\nspec:\n  \
         selector: {{matchLabels: {{a: b}}}}\n  template:\n    metadata: {{labels: {{a: b}}}}\n    \
         spec:\n      containers:\n      - name: c\n        image: i\n        envFrom: \
         [{{configMapRef: {{name: c{number}}}}}]\n"
    )
}

#[test]
fn nesting_is_limited() {
    for open in ["- ", "[", "{a: ", "? "] {
        let text = format!("a:\n  {}", open.repeat(20_000));
        let error = File::parse(text.as_str()).expect_err("20,000 levels");
        assert_eq!(error.message, "recursion limit exceeded");
        refuses(&text, "recursion limit exceeded; nothing was written");
        // Asked of what is broken: whether kubectl reads it all the same.
        if open.contains(['[', '{']) {
            assert!(!typed::reads(&text.repeat(20)));
        }
    }
    let lines: String = (0..20_000).fold(String::new(), |mut out, depth| {
        let _ = writeln!(out, "{}a:", " ".repeat(depth.min(5000)));
        out
    });
    assert!(File::parse(lines).is_err());
    // What is nested less deep than the limit is read whatever the style.
    for (open, close) in [("- ", ""), ("[", "]"), ("{a: ", "}")] {
        let nested = |levels: usize| format!("{}x{}\n", open.repeat(levels), close.repeat(levels));
        assert!(File::parse(nested(256)).is_err());
        let text = nested(255);
        let file = File::parse(text.as_str()).expect("255 levels");
        assert_eq!(verify::apply(&file, &[]).as_deref(), Ok(text.as_str()));
    }
}

#[test]
fn one_line_of_a_megabyte() {
    let value = "x".repeat(1 << 20);
    for text in [
        format!(
            "{}---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: big}}\ndata:\n  k: \
             {value}\n",
            workload(0)
        ),
        format!(
            "{}---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: big}}\ndata: {{k: \
             \"{value}\"}}\n",
            workload(0)
        ),
        format!("{}# {value}\n", workload(0)),
    ] {
        let output = filter(&text, &[]);
        assert_eq!(
            output.status.code(),
            Some(0),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let out = String::from_utf8_lossy(&output.stdout);
        assert!(out.contains("config-hash") && out.contains(&value));
    }
    let items = "a, ".repeat(1 << 18);
    assert_eq!(
        File::parse(format!("k: [{items}b]\n")).expect("YAML").len(),
        4 + (1 << 18)
    );
}

#[test]
fn aliases_are_not_expanded() {
    let mut text = String::from("a0: &a0 [x, x]\n");
    for level in 1..40 {
        let _ = writeln!(text, "a{level}: &a{level} [*a{0}, *a{0}]", level - 1);
    }
    let file = File::parse(text.as_str()).expect("YAML");
    let last = file
        .root(0)
        .and_then(|root| root.get("a39"))
        .expect("the last list");
    assert_eq!(last.to_value(), None, "2^40 values");
    let edit = file
        .root(0)
        .expect("a root")
        .insert(kubewright_model::yaml::Place::Last, "b", &Value::Int(1))
        .expect("an edit");
    assert_eq!(verify::apply(&file, &[&edit]), Ok(format!("{text}b: 1\n")));
    let manifest = text.replace(
        "a39: &a39",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: laughs}\ndata:",
    );
    let output = filter(&format!("{manifest}---\n{}", workload(1)), &[]);
    assert!(
        matches!(output.status.code(), Some(0)),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    // Merge keys that multiply are followed only so far.
    let mut text = String::from("m0: &m0 {k: v}\n");
    for level in 1..40 {
        let _ = writeln!(
            text,
            "m{level}: &m{level} {{<<: [*m{0}, *m{0}]}}",
            level - 1
        );
    }
    let file = File::parse(text.as_str()).expect("YAML");
    assert_eq!(
        file.root(0)
            .and_then(|r| r.get("m39"))
            .and_then(|m| m.get("missing")),
        None
    );
}

#[test]
fn a_hundred_thousand_documents() {
    let text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n---\n".repeat(100_000);
    let file = File::parse(text.as_str()).expect("YAML");
    assert_eq!(file.documents().len(), 100_001);
    let edits: Vec<_> = (0..file.documents().len())
        .step_by(100)
        .filter_map(|i| file.root(i)?.get("metadata")?.get("name"))
        .map(|name| name.set(&Value::str("d")).expect("an edit"))
        .collect();
    let changed = verify::apply(&file, &edits.iter().collect::<Vec<_>>()).expect("a text");
    assert_eq!(changed.matches("{name: d}").count(), edits.len());
    let input = Input {
        path: "a.yaml".into(),
        text: text.into(),
        editable: true,
    };
    assert_eq!(
        Workspace::new(vec![input], Options::default())
            .resources()
            .len(),
        100_000
    );
}

#[test]
fn two_thousand_fixes_in_one_file() {
    let text: Vec<String> = (0..2000).map(workload).collect();
    let output = filter(&text.join("---\n"), &[]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(
        String::from_utf8_lossy(&output.stdout)
            .matches("kubewright.dev/config-hash")
            .count(),
        2000
    );
}

#[test]
fn two_thousand_fixes_in_one_document() {
    let item = |number: usize| -> String {
        let documents = workload(number)
            .split("---\n")
            .map(|d| format!("- {}\n", d.trim_end().replace('\n', "\n  ")))
            .collect::<Vec<_>>();
        documents.concat()
    };
    let items: Vec<String> = (0..2000).map(item).collect();
    for text in [items.concat(), items.concat().replace('\n', "\r\n")] {
        let output = filter(&format!("apiVersion: v1\nkind: List\nitems:\n{text}"), &[]);
        assert_eq!(
            output.status.code(),
            Some(0),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        assert_eq!(
            String::from_utf8_lossy(&output.stdout)
                .matches("kubewright.dev/config-hash")
                .count(),
            2000
        );
    }
}

/// A ConfigMap with `count` keys and a pod whose containers mount one of them each, or one whose
/// container mounts all.
fn sub_paths(count: usize, containers: bool) -> String {
    let keys = many(count, |i| format!("  k{i}: v\n"));
    let container = |name: usize| {
        format!(
            "  - name: c{name}\n    image: nginx:1.25\n    command: [nginx]\n    volumeMounts:\n"
        )
    };
    let mount =
        |i: usize| format!("    - name: v\n      mountPath: /etc/x{i}/f\n      subPath: k{i}\n");
    let own = |i: usize| {
        if containers || i == 0 {
            container(i)
        } else {
            String::new()
        }
    };
    let mounts = many(count, |i| format!("{}{}", own(i), mount(i)));
    format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: c}}\ndata:\n{keys}---\napiVersion: \
         v1\nkind: Pod\nmetadata: {{name: p}}\nspec:\n  containers:\n{mounts}  volumes:\n  - \
         name: v\n    configMap: {{name: c}}\n"
    )
}

#[test]
fn more_fixes_of_one_pod_than_passes() {
    let output = filter(&sub_paths(40, true), &["--unsafe-fixes"]);
    let (text, error) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert_eq!(
        (output.status.code(), text.matches("subPath").count()),
        (Some(0), 0),
        "{error}"
    );
    // Nobody has a pod of that many: each fix builds on the others, so it is not even begun.
    let text = sub_paths(1000, true);
    let output = filter(&text, &["--unsafe-fixes"]);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(error.contains("too-many-fixes"), "{error}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), text);
}

#[test]
fn thousands_of_mounts_and_keys() {
    let output = filter(&sub_paths(2000, false), &["--unsafe-fixes"]);
    let (text, error) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert_eq!(
        (output.status.code(), text.matches("subPath").count()),
        (Some(0), 0),
        "{error}"
    );
    let entry = |i: usize| {
        format!(
            "    - name: V{i}\n      valueFrom: {{configMapKeyRef: {{name: c, key: gone{i}}}}}\n"
        )
    };
    let keys = many(1000, |i| format!("  one{i}: v\n"));
    let text = format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: \
             c}}\ndata:\n{keys}---\napiVersion: v1\nkind: Pod\nmetadata: {{name: p}}\nspec:\n  \
             containers:\n  - name: c\n    image: i\n    env:\n{}",
        many(1000, entry)
    );
    let output = filter(&text, &[]);
    assert_eq!(String::from_utf8_lossy(&output.stdout), text);
}

#[test]
fn thousands_of_collisions() {
    let one = |i: usize, key: &str| {
        format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: c{i}}}\ndata: {{{key}: v}}\n---\n"
        )
    };
    let text = many(2000, |i| {
        format!("{}{}{}---\n", one(i, "a"), one(i, "b"), workload(i + 2000))
    });
    let output = filter(&text, &["--select", "configmap-name-collision"]);
    assert_eq!(
        output.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert_eq!(String::from_utf8_lossy(&output.stdout), text);
}

#[test]
fn a_thousand_definitions_of_one_name() {
    let one = |i: usize| {
        let map = format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: same}}\ndata: {{k{i}: v}}\n---\n"
        );
        let reads =
            format!("{{name: A, valueFrom: {{configMapKeyRef: {{name: same, key: k{i}}}}}}}");
        let pod = format!("spec: {{containers: [{{name: c, image: i, env: [{reads}]}}]}}");
        format!(
            "{map}apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: d{i}}}\nspec: \
             {{selector: {{matchLabels: {{a: d{i}}}}}, template: {{metadata: {{labels: {{a: \
             d{i}}}}}, {pod}}}}}\n---\n"
        )
    };
    let output = filter(&many(1000, one), &["--select", "configmap-name-collision"]);
    let (text, error) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert_eq!(
        (output.status.code(), text.matches("name: same-k").count()),
        (Some(0), 2 * 999),
        "{error}"
    );
}

/// A file for each definition, and one file for all of them.
#[test]
fn thousands_of_definitions_in_one_kustomization() {
    let one = |i: usize| {
        let map = format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: same}}\ndata: {{k{i}: v}}\n---\n"
        );
        let reads =
            format!("{{name: A, valueFrom: {{configMapKeyRef: {{name: same, key: k{i}}}}}}}");
        let pod = format!("spec: {{containers: [{{name: c, image: i, env: [{reads}]}}]}}");
        format!(
            "{map}apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: d{i}}}\nspec: \
             {{selector: {{matchLabels: {{a: d{i}}}}}, template: {{metadata: {{labels: {{a: \
             d{i}}}}}, {pod}}}}}\n---\n"
        )
    };
    for files in [1, 3000] {
        let dir = tempfile::tempdir().expect("a scratch directory");
        let write = |path: String, text: String| {
            std::fs::write(dir.path().join(path), text).expect("a file");
        };
        let each = 3000 / files;
        for file in 0..files {
            write(
                format!("f{file}.yaml"),
                many(each, |i| one(file * each + i)),
            );
        }
        write(
            "kustomization.yaml".into(),
            format!(
                "resources:\n{}",
                many(files, |file| format!("- f{file}.yaml\n"))
            ),
        );
        let output = kubewright(
            dir.path(),
            &["fix", "--select", "configmap-name-collision", "."],
        )
        .output()
        .expect("the program starts");
        let (report, error) = (
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr),
        );
        let renamed = report
            .lines()
            .filter(|line| line.starts_with('+') && line.contains("same-k"))
            .count();
        assert_eq!(
            (output.status.code(), renamed),
            (Some(1), 2 * 2999),
            "{error}"
        );
    }
}

#[test]
fn hundreds_of_overlays_of_one_base() {
    let dir = tempfile::tempdir().expect("a scratch directory");
    let write = |path: String, text: String| {
        let path = dir.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, text).expect("a file");
    };
    for i in 0..30 {
        let mount = "        volumeMounts: [{name: v, mountPath: /etc/a, subPath: a}]\n";
        let volume = format!("      volumes: [{{name: v, configMap: {{name: c{i}}}}}]\n");
        write(
            format!("base/w{i}.yaml"),
            format!("{}{mount}{volume}", workload(i)),
        );
    }
    write(
        "base/kustomization.yaml".into(),
        format!("resources: [{}]\n", many(30, |i| format!("w{i}.yaml, "))),
    );
    for i in 0..300 {
        let patch = format!(
            "{{apiVersion: apps/v1, kind: Deployment, metadata: {{name: d{}}}, spec: {{replicas: \
             3}}}}",
            i % 30
        );
        let text = format!(
            "resources: [../base]\nnamespace: n{i}\nimages: [{{name: x, newTag: a}}]\npatches: \
             [{{patch: '{patch}'}}]\n"
        );
        write(format!("o{i}/kustomization.yaml"), text);
    }
    let output = kubewright(dir.path(), &["fix", "."])
        .output()
        .expect("the program starts");
    let (report, error) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    let hashed = report
        .lines()
        .filter(|line| line.starts_with('+') && line.contains("kubewright.dev/config-hash"))
        .count();
    assert_eq!((output.status.code(), hashed), (Some(1), 30), "{error}");
}

/// A file is read once for all generators that name it, and an expression that is short to write
/// and long to compile is not compiled.
#[test]
fn hundreds_of_generators_of_one_file_and_of_large_expressions() {
    let dir = tempfile::tempdir().expect("a scratch directory");
    let write = |path: &str, text: String| {
        std::fs::write(dir.path().join(path), text).expect("a file");
    };
    write(".env", "A=\n".repeat(300_000));
    write("large.properties", "a=".repeat(2_000_000));
    let sources = "envs: [.env], files: [large.properties]";
    let generators = many(300, |i| format!("- {{name: c{i}, {sources}}}\n"));
    let patches = many(100, |i| {
        let name = format!("((a{{1,100}}){{1,100}}){{1,100}}{i}");
        format!("- {{target: {{name: '{name}'}}, patch: '[{{op: remove, path: /data}}]'}}\n")
    });
    let text = format!("configMapGenerator:\n{generators}patches:\n{patches}");
    write("kustomization.yaml", text);
    let output = kubewright(dir.path(), &["fix", "."])
        .output()
        .expect("the program starts");
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{error}");
}

#[test]
fn many_definitions_of_one_name() {
    let text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n---\n".repeat(20_000);
    let output = filter(&text, &[]);
    assert_eq!(
        output.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert_eq!(String::from_utf8_lossy(&output.stdout), text);
}

/// Shapes of which one was quadratic once, or is in other parsers.
#[test]
fn a_hundred_thousand_of_one_thing() {
    let many = |line: &dyn Fn(usize) -> String| many(100_000, line);
    for text in [
        many(&|i| format!("k{i}: v\n")),
        many(&|i| format!("# c{i}\nk{i}: v # c\n")),
        many(&|i| format!("k{i}: &a{i} v\n")) + &many(&|i| format!("l{i}: *a{i}\n")),
        format!("? tagged\n: !t 1\n{}", many(&|i| format!("k{i}: |\n  x\n")))
            + "z: "
            + &"x".repeat(1 << 20),
        format!("k:\n{}- v\n", many(&|i| format!("# c{i}\n"))),
        format!("k: {{{}}}\n", many(&|i| format!("k{i}: v, "))),
        format!("k: |+\n  x\n{}", "\n".repeat(100_000)),
        format!("k: v\n{}", "  more\n".repeat(100_000)),
        format!("k: \"{}\"\n", "v\\n ".repeat(100_000)),
        many(&|i| format!("--- {i}\n...\n")),
    ] {
        let (file, complete) = (
            File::parse(text.as_str()).expect("YAML"),
            File::parse_complete(text.as_str()).expect("YAML"),
        );
        assert!(file == complete);
        assert_eq!(verify::apply(&file, &[]).as_deref(), Ok(text.as_str()));
    }
}

#[test]
fn thousands_of_edits_of_one_mapping() {
    let text = (0..4000)
        .map(|i| format!("k{i}: v # c\n"))
        .collect::<Vec<_>>()
        .concat();
    let file = File::parse(text.as_str()).expect("YAML");
    let root = file.root(0).expect("a root");
    let mut edits = Vec::new();
    for (index, (_, value)) in root.entries().enumerate() {
        edits.push(match index % 4 {
            0 => value.remove(),
            1 => value.set(&Value::Int(1)),
            2 => value.rename_key(&format!("renamed{index}")),
            _ => root.insert(
                kubewright_model::yaml::Place::After(value),
                &format!("new{index}"),
                &Value::Int(2),
            ),
        });
    }
    let edits: Vec<_> = edits.into_iter().map(|e| e.expect("an edit")).collect();
    let changed = verify::apply(&file, &edits.iter().collect::<Vec<_>>()).expect("a text");
    assert_eq!(
        (
            changed.matches(": 1 # c").count(),
            changed.matches("renamed").count(),
            changed.matches("new").count()
        ),
        (1000, 1000, 1000)
    );
}

#[test]
fn a_file_of_fifty_megabytes() {
    let line = format!("  key: {}\n", "v".repeat(90));
    let mut text = String::from("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: big}\ndata:\n");
    for number in 0..500_000 {
        text.push_str(&line.replace("key", &format!("k{number}")));
    }
    assert!(text.len() > 50_000_000);
    let file = File::parse(text).expect("YAML");
    assert!(
        file.root(0)
            .is_some_and(|root| root.path(&["data", "k499999"]).is_some())
    );
}
