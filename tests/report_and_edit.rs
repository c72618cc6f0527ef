//! Promise: what a report says of each finding is what the diff contains. Random workloads with
//! several containers, which share volumes and differ in what speaks against a fix; the seed is
//! fixed.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use kubewright::cli::config::Config;
use kubewright::pipeline::report::Outcome;
use kubewright::pipeline::{Pipeline, UnsafeFixes};
use kubewright_model::finding::Applicability;
use kubewright_model::kube::{Input, Options, Workspace};
use kubewright_model::yaml::Node;
use kubewright_transforms::{ALL, Transform};

const WORKLOADS: u64 = 10_000;
const SUBJECT: &str = "subpath-configmap-mount";
const CONFIG: &str = "[[images]]\nmatch = \"registry.example.com/root:*\"\nshell = \
                      \"/bin/sh\"\nuser = \"root\"\nentrypoint = [\"/web\"]\n\n[[images]]\nmatch \
                      = \"registry.example.com/none:*\"\nshell = \"none\"\nuser = \
                      \"65532\"\n\n[images.paths]\n\"/etc/own\" = { kind = \"absent\" }\n";

/// A generator of numbers (splitmix64), the same for each run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % limit
    }

    fn pick<'a>(&mut self, all: &[&'a str]) -> &'a str {
        let at = self.below(all.len() as u64);
        all.iter()
            .copied()
            .nth(usize::try_from(at).unwrap_or(0))
            .unwrap_or("")
    }
}

/// A manifest, and by the number of the line on which it begins each mount through subPath: its
/// container and path.
struct Manifest {
    text: String,
    mounts: BTreeMap<usize, (String, String)>,
}

fn manifest(random: &mut Random) -> Manifest {
    let mut text = String::from(
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: cfg\ndata:\n  a.conf: A\n  \
             b.conf: B\n  c.js: C\n---\napiVersion: v1\nkind: Secret\nmetadata:\n  name: \
             sec\nstringData:\n  k: K\n---\napiVersion: apps/v1\nkind: Deployment\nmetadata:\n  \
             name: web\nspec:\n  selector:\n    matchLabels:\n      app: web\n  template:\n    \
             metadata:\n      labels:\n        app: web\n    spec:\n      containers:\n",
    );
    let mut mounts = BTreeMap::new();
    for index in 0..2 + random.below(3) {
        let name = format!("c{index}");
        let image = random.pick(&["root", "root", "none", "unknown"]);
        let _ = write!(
            text,
            "      - name: {name}\n        image: registry.example.com/{image}:1\n"
        );
        match random.below(5) {
            0 => text.push_str("        command: [web, -c, /etc/own/a.conf]\n"),
            1 => {
                text.push_str("        securityContext:\n          readOnlyRootFilesystem: true\n");
            }
            2 => text.push_str("        command: [-web]\n"),
            _ => {}
        }
        text.push_str("        volumeMounts:\n");
        match random.below(4) {
            0 => text.push_str("        - name: scratch\n          mountPath: /etc/kubewright\n"),
            1 => text.push_str("        - name: sec\n          mountPath: /etc/d\n"),
            _ => {}
        }
        let mut taken = Vec::new();
        for _ in 0..=random.below(3) {
            let path = random.pick(&[
                "/opt/y/b.conf",
                "/opt/y/a.conf",
                "/etc/own/a.conf",
                "/etc/d/renamed.conf",
                "/etc/sudoers.d/x",
                "/app/c.js",
            ]);
            if taken.contains(&path) {
                continue;
            }
            taken.push(path);
            let (volume, key) = (
                random.pick(&["files", "files", "more"]),
                random.pick(&["a.conf", "b.conf", "c.js", "gone.conf"]),
            );
            mounts.insert(text.lines().count() + 1, (name.clone(), path.to_owned()));
            let _ = write!(
                text,
                "        - name: {volume}\n          mountPath: {path}\n          subPath: {key}\n"
            );
        }
    }
    text.push_str(
        "      volumes:\n      - name: files\n        configMap:\n          name: cfg\n      - name: more\n        configMap:\n          name: cfg\n\
         \x20     - name: sec\n        secret:\n          secretName: sec\n          defaultMode: 0400\n      - name: scratch\n        emptyDir: {}\n",
    );
    Manifest { text, mounts }
}

/// The mounts through subPath of a text: container and path.
fn left(text: &str) -> Vec<(String, String)> {
    let workspace = workspace(text);
    let mut found = Vec::new();
    for resource in workspace.resources() {
        for template in workspace.pod_templates(resource.id) {
            for container in template.containers() {
                for mount in container
                    .node
                    .get("volumeMounts")
                    .into_iter()
                    .flat_map(Node::items)
                {
                    if let (Some(path), Some(_)) = (
                        mount.get("mountPath").and_then(Node::text),
                        mount.get("subPath"),
                    ) {
                        found.push((container.name.to_owned(), path.to_owned()));
                    }
                }
            }
        }
    }
    found
}

fn workspace(text: &str) -> Workspace {
    Workspace::new(
        vec![Input {
            path: "web.yaml".into(),
            text: text.into(),
            editable: true,
        }],
        Options::default(),
    )
}

fn check(
    config: &Config,
    transforms: &[&dyn Transform],
    unsafe_fixes: &UnsafeFixes,
    manifest: &Manifest,
) -> Result<(), String> {
    let pipeline = Pipeline {
        transforms: transforms.to_vec(),
        settings: &config.settings,
        unsafe_fixes: unsafe_fixes.clone(),
    };
    let report = pipeline
        .run(&workspace(&manifest.text))
        .map_err(|error| error.to_string())?;
    let after = report
        .files
        .first()
        .and_then(|f| f.after.as_deref())
        .unwrap_or(&manifest.text);
    let left = left(after);
    let mut said: BTreeMap<&(String, String), usize> = BTreeMap::new();
    for finding in report.findings.iter().filter(|f| f.transform == SUBJECT) {
        let mut lines: Vec<usize> = finding
            .related
            .iter()
            .map(|(place, _)| place.line)
            .chain([finding.place.line])
            .collect();
        lines.sort_unstable();
        lines.dedup();
        // A finding that the fix of another one cured is gone from the result, too.
        let applied = finding.outcome != Outcome::Left;
        let offered = finding.fix.as_ref().is_ok_and(|fix| {
            fix.applicability == Applicability::Safe
                || (*unsafe_fixes != UnsafeFixes::None
                    && fix.applicability == Applicability::Unsafe)
        });
        if applied != offered {
            return Err(format!(
                "line {}: applied {applied}, and the report says {:?}",
                finding.place.line, finding.fix
            ));
        }
        for mount in lines.iter().filter_map(|line| manifest.mounts.get(line)) {
            *said.entry(mount).or_default() += 1;
            if left.contains(mount) == applied {
                return Err(format!(
                    "{mount:?}: applied {applied}, and the mount is left: {}",
                    left.contains(mount)
                ));
            }
        }
    }
    match manifest
        .mounts
        .values()
        .find(|mount| said.get(mount) != Some(&1))
    {
        Some(mount) => Err(format!("{mount:?} is in {:?} findings", said.get(mount))),
        None => Ok(()),
    }
}

#[test]
fn a_report_says_what_the_diff_contains() {
    let config = Config::parse(CONFIG, "kubewright.toml").expect("a configuration");
    let alone: Vec<&dyn Transform> = ALL
        .iter()
        .copied()
        .filter(|t| t.meta().name == SUBJECT)
        .collect();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for first in (0..WORKLOADS).take(threads) {
            let (config, alone) = (&config, &alone);
            scope.spawn(move || {
                (first..WORKLOADS)
                    .step_by(threads)
                    .for_each(|number| one(number, config, alone));
            });
        }
    });
}

fn one(number: u64, config: &Config, alone: &[&dyn Transform]) {
    let manifest = manifest(&mut Random(number << 32));
    let (transforms, unsafe_fixes) = match number % 4 {
        0 => (ALL, UnsafeFixes::None),
        1 => (alone, UnsafeFixes::All),
        _ => (alone, UnsafeFixes::None),
    };
    if let Err(why) = check(config, transforms, &unsafe_fixes, &manifest) {
        panic!("workload {number}: {why}\n{}", manifest.text);
    }
}
