//! Random images with start scripts that may do something to the file, asked by `images lock`: each
//! workload that a safe fix changes behaves as it did. It starts, with the same words and the same
//! content, an update arrives, and a restart works.
//!
//! A few run with every test. `KUBEWRIGHT_WORKLOADS=300` runs three seeds of that many workloads, and
//! `KUBEWRIGHT_WORKLOADS=300@7` one of them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::Path;

use libtest_mimic::Failed;
use serde_json::{Value, json};

use super::image::{Image, Stored, archive, digest, image};
use super::run::{Kubelet, Run, Steps};
use super::support::{self, TrialResult, ensure, kubewright};

/// Seeds of a long run.
const SEEDS: [u64; 3] = [11, 12, 13];
/// Workloads of a run that nobody asked for.
const FEW: usize = 12;
/// Shown of what went wrong.
const SHOWN: usize = 8;

/// The program: it says its words and goes on.
const PROGRAM: &str = "#!/bin/sh\nfor a in \"$0\" \"$@\"; do printf '%s\\0' \"$a\"; done > \
                       /.sim/argv\nwhile :; do sleep 1; done\n";
/// Directories of files, and names of files.
const DIRECTORIES: &[&str] = &[
    "/etc/web",
    "/srv/app/conf",
    "/opt/x",
    "/app",
    "/data/conf.d",
    "/usr/local/etc/web",
];
const NAMES: &[&str] = &["web.conf", "app.yml", "settings.ini", "a.cnf"];

/// What a start script does; `@P` stands for the file, `@D` for its directory, `@N` for its name,
/// `@A` for the directory above, and `@E(X)` for an edit of `X` that does not mind to fail.
struct Step {
    text: &'static str,
    /// Files that it needs.
    files: &'static [(&'static str, &'static str)],
    /// A variable that may be set, and to what.
    variable: Option<(&'static str, &'static [&'static str])>,
}

const fn step(text: &'static str) -> Step {
    Step {
        text,
        files: &[],
        variable: None,
    }
}

/// Steps that leave the file alone, or may.
const HARMLESS: &[Step] = &[
    step("X=/run/app.pid\nrm -f \"$X\""),
    Step {
        files: &[("/defaults/x.txt", "x\n")],
        ..step("cp -n /defaults/* @D/ 2>/dev/null || true")
    },
    step("echo \"using @P\""),
    step("if [ ! -f @P ]; then echo missing; fi"),
    step("true"),
    Step {
        files: &[(
            "/opt/tune.sh",
            "#!/bin/sh\nset -eu\n[ \"${TUNE:-}\" ] || exit 0\n@E(@P)\n",
        )],
        variable: Some(("TUNE", &["1", ""])),
        ..step("/opt/tune.sh")
    },
];

/// Steps that may do something to it.
const ALL: &[Step] = &[
    step("@E(@P)"),
    step("CONF=@D/@N\n@E(\"$CONF\")"),
    Step {
        files: &[
            (
                "/opt/env.sh",
                "#!/bin/sh\nexport CONF=\"${CONF_DIR:-@D}/@N\"\n",
            ),
            ("/opt/lib.sh", "#!/bin/sh\nedit() {\n  @E(\"$CONF\")\n}\n"),
        ],
        ..step(". /opt/env.sh\n. /opt/lib.sh\nedit")
    },
    step("cd @D && @E(@N)\ncd /"),
    step("for f in @D/*; do @E(\"$f\"); done"),
    step("HOME_DIR=@D\nfor f in \"$HOME_DIR\"/*; do @E(\"$f\"); done"),
    Step {
        variable: Some(("TUNE", &["1"])),
        ..step("if [ -n \"$TUNE\" ]; then\n  @E(@P)\nfi")
    },
    step("find @D -name '*' -exec sed -i s/old/edited/ {} \\; 2>/dev/null || true"),
    step("mv @P @P.bak 2>/dev/null || true"),
    Step {
        files: &[("/defaults/@N", "default old\n")],
        ..step("ln -sf /defaults/@N @P 2>/dev/null || true")
    },
    step("C=@P\neval \"sed -i s/old/edited/ $C\" 2>/dev/null || true"),
    Step {
        files: &[("/opt/hook.sh", "#!/bin/sh\n@E(@P)\n")],
        ..step("HOOK=\"${HOOK:-/opt/hook.sh}\"\n\"$HOOK\"")
    },
    Step {
        files: &[("/hooks.d/10-a.sh", "#!/bin/sh\n@E(@P)\n")],
        ..step("for s in /hooks.d/*.sh; do . \"$s\"; done")
    },
    Step {
        files: &[("/hooks.d/10-a.sh", "#!/bin/sh\ntrue\n")],
        ..step("for s in /hooks.d/*.sh; do . \"$s\"; done")
    },
    step("F=$(basename @P)\n(cd \"$(dirname @P)\"; @E(\"$F\"))"),
    step("echo other | tee @P >/dev/null 2>&1 || true"),
    step("W=@D\nrm -rf \"$W\"/* 2>/dev/null || true"),
    step("rm -rf @D/* 2>/dev/null || true"),
    step("edit() {\n  @E(\"$1\")\n}\nedit @P"),
    step("case \"$1\" in\n  web) @E(@P) ;;\n  *) true ;;\nesac"),
    step("sed -e s/old/edited/ -i @P 2>/dev/null || true"),
    step("sed -i \\\n  s/old/edited/ \\\n  @P 2>/dev/null || true"),
    step("sh -c 'sed -i s/old/edited/ @P' 2>/dev/null || true"),
    Step {
        variable: Some(("TARGET", &["@P"])),
        ..step("@E(\"$TARGET\")")
    },
    step("rm -rf @A 2>/dev/null || true"),
];

/// A random number generator (xorshift64*), the same on every machine.
struct Random(u64);

impl Random {
    fn below(&mut self, count: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let high = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(high).unwrap_or(0) % count.max(1)
    }

    fn of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }

    /// So often of a hundred.
    fn often(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }
}

/// An image, and a workload that runs it.
struct Case {
    number: usize,
    path: String,
    name: &'static str,
    script: String,
    files: BTreeMap<String, String>,
    environment: Vec<String>,
    user: &'static str,
    /// The image has the directory.
    there: bool,
    container: Value,
}

impl Case {
    fn random(number: usize, random: &mut Random) -> Self {
        let directory = *random.of::<&str>(DIRECTORIES);
        let name = *random.of::<&str>(NAMES);
        let above = match directory.rfind('/') {
            Some(0) | None => directory,
            Some(slash) => &directory[..slash],
        };
        let path = format!("{directory}/{name}");
        let filled = |text: &str| {
            let mut text = text.to_owned();
            while let Some(at) = text.find("@E(") {
                let end = text[at..].find(')').map_or(text.len(), |end| at + end);
                let edit = format!(
                    "sed -i s/old/edited/ {} 2>/dev/null || true",
                    &text[at + 3..end]
                );
                text.replace_range(at..=end, &edit);
            }
            text.replace("@P", &path)
                .replace("@D", directory)
                .replace("@N", name)
                .replace("@A", above)
        };
        let mut steps: Vec<&Step> = (0..random.below(3)).map(|_| random.of(HARMLESS)).collect();
        if random.often(60) {
            let at = random.below(steps.len() + 1);
            steps.insert(at, random.of(ALL));
        }
        let mut script = String::from("#!/bin/sh\nset -e\n");
        let mut files = BTreeMap::new();
        let mut variables: Vec<(String, String)> = Vec::new();
        for step in steps {
            let _ = writeln!(script, "{}", filled(step.text));
            files.extend(
                step.files
                    .iter()
                    .map(|(path, text)| (filled(path), filled(text))),
            );
            if let Some((variable, values)) = step.variable
                && random.often(60)
                && variables.iter().all(|(known, _)| known != variable)
            {
                let value = *random.of::<&str>(values);
                variables.push((variable.to_owned(), filled(value)));
            }
        }
        script.push_str("exec \"$@\"\n");
        files.insert("/entry.sh".into(), script.clone());
        files.insert("/usr/local/bin/web".into(), PROGRAM.into());
        let has = random.below(4);
        if has < 2 {
            files.insert(path.clone(), "image old\n".into());
        }
        if has == 1 {
            files.insert(format!("{directory}/beside.txt"), "b\n".into());
        }
        let mut environment = vec!["PATH=/usr/local/bin:/usr/bin:/bin".to_owned()];
        let mut container = json!({
            "name": "app",
            "image": image_name(number),
            "volumeMounts": [{"name": "config", "mountPath": path, "subPath": name}],
        });
        if random.often(50) {
            environment.extend(
                variables
                    .iter()
                    .map(|(name, value)| format!("{name}={value}")),
            );
        } else if !variables.is_empty() {
            let env = variables
                .iter()
                .map(|(name, value)| json!({"name": name, "value": value}));
            container["env"] = env.collect();
        }
        match random.below(20) {
            0..3 => container["args"] = json!(["web", "--x", "a b"]),
            3..5 => container["command"] = json!(["/entry.sh", "web"]),
            5..7 => container["securityContext"] = json!({"readOnlyRootFilesystem": true}),
            7..9 => container["securityContext"] = json!({"runAsUser": 1000}),
            _ => {}
        }
        Self {
            number,
            path,
            name,
            script,
            files,
            environment,
            user: if random.often(25) { "1000" } else { "" },
            there: has != 2,
            container,
        }
    }

    fn directory(&self) -> &str {
        self.path
            .rsplit_once('/')
            .map_or("/", |(directory, _)| directory)
    }

    fn manifest(&self) -> String {
        let name = format!("w{}", self.number);
        let config = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": format!("c{}", self.number)},
            "data": {self.name: "old 1\n"}});
        let labels = json!({"app": name});
        let workload = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name},
            "spec": {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels},
                "spec": {"containers": [self.container], "volumes":
                    [{"name": "config", "configMap": {"name": format!("c{}", self.number)}}]}}}});
        let text = |value: &Value| serde_yaml::to_string(value).unwrap_or_default();
        format!("{}---\n{}", text(&config), text(&workload))
    }

    /// As `images lock` reads it.
    fn image(&self) -> Image {
        let mut entries: Vec<String> = vec!["bin/busybox : ELF".into()];
        for tool in ["sh", "ln", "mkdir", "sed", "mv", "rm", "cp", "chmod"] {
            entries.push(format!("bin/{tool} -> /bin/busybox"));
        }
        if self.there {
            entries.push(format!("{}/", self.directory().trim_start_matches('/')));
        }
        for (path, text) in &self.files {
            let mode = if text.starts_with("#!") { 755 } else { 644 };
            entries.push(format!(
                "{mode} 0 {} : {text}",
                path.trim_start_matches('/')
            ));
        }
        let entries: Vec<&str> = entries.iter().map(String::as_str).collect();
        let run = json!({"Entrypoint": ["/entry.sh"], "Cmd": ["web"], "Env": self.environment, "User": self.user});
        image("amd64", &run, &[(Stored::Plain, archive(&entries))])
    }

    /// As the simulator runs it.
    fn simulated(&self) -> String {
        let environment: BTreeMap<&str, &str> = self
            .environment
            .iter()
            .filter_map(|variable| variable.split_once('='))
            .collect();
        let user: u32 = self.user.parse().unwrap_or(0);
        json!({image_name(self.number): {"entrypoint": ["/entry.sh"], "cmd": ["web"], "env": environment,
            "user": user, "files": self.files}})
        .to_string()
    }

    /// What is no longer as it was.
    fn compared(
        &self,
        kubelet: &dyn Kubelet,
        before: &Path,
        after: &Path,
    ) -> Result<Compared, Failed> {
        let file = format!("w{}.yaml", self.number);
        let run = |folder: &Path| -> Result<Steps, Failed> {
            kubelet.run(&Run {
                files: &[folder.join(&file)],
                workload: &format!("Deployment/w{}", self.number),
                container: "app",
                update: &format!("c{}:{}=old 2", self.number, self.name),
                path: &self.path,
                images: &self.simulated(),
            })
        };
        let (old, new) = (run(before)?, run(after)?);
        let ran = old.states[0] == "running";
        let mut wrong = Vec::new();
        if ran {
            if new.states[0] != "running" {
                wrong.push(format!("it does not start: {} {}", new.states[0], new.log));
            } else if new.texts[1].as_deref().map(str::trim) != Some("old 2") {
                wrong.push(format!("no update arrives: {:?}", new.texts));
            }
            if new.texts[0] != old.texts[0] {
                wrong.push(format!(
                    "other content: {:?} {:?}",
                    old.texts[0], new.texts[0]
                ));
            }
            if new.words != old.words {
                wrong.push(format!("other words: {} {}", old.words, new.words));
            }
            if old.states[2] == "running" && new.states[2] != "running" {
                wrong.push(format!("it does not restart: {}", new.states[2]));
            }
        }
        Ok(Compared { ran, wrong })
    }
}

/// A workload before and after.
struct Compared {
    /// It ran before.
    ran: bool,
    wrong: Vec<String>,
}

fn image_name(number: usize) -> String {
    format!("registry.example.com/w{number}:1")
}

/// Which runs there are: seed and number of workloads.
pub(super) fn runs() -> Vec<(u64, usize)> {
    let Ok(asked) = std::env::var("KUBEWRIGHT_WORKLOADS") else {
        return vec![(1, FEW)];
    };
    let (count, seed) = asked.split_once('@').unwrap_or((&asked, ""));
    let count = count.parse().unwrap_or(FEW);
    match seed.parse() {
        Ok(seed) => vec![(seed, count)],
        Err(_) => SEEDS.iter().map(|seed| (*seed, count)).collect(),
    }
}

/// Makes the images and their workloads, locks, fixes, and runs what was changed.
pub(super) fn play(
    kubelet: &dyn Kubelet,
    patient: &dyn Kubelet,
    (seed, count): (u64, usize),
) -> TrialResult {
    let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let cases: Vec<Case> = (0..count).map(|n| Case::random(n, &mut random)).collect();
    let scratch = tempfile::tempdir()?;
    let (before, after) = (scratch.path().join("before"), scratch.path().join("after"));
    for folder in [&before, &after] {
        fs::create_dir(folder)?;
        for case in &cases {
            fs::write(
                folder.join(format!("w{}.yaml", case.number)),
                case.manifest(),
            )?;
        }
    }
    fs::write(after.join("kubewright.toml"), "")?;
    store(&scratch.path().join("store"), &cases)?;
    let from = format!("oci:{}", scratch.path().join("store").display());
    let fix = ["fix", "--write", "--select=subpath-configmap-mount"];
    for (words, codes) in [
        (&["images", "lock", "--from", &from][..], &[0][..]),
        (&fix, &[0, 1]),
    ] {
        let mut command = kubewright(&after, words);
        command.env("XDG_STATE_HOME", scratch.path().join("state"));
        support::run(&mut command, codes)?;
    }
    let (mut fixed, mut ran, mut wrong) = (0, 0, Vec::new());
    for case in &cases {
        let text =
            |folder: &Path| fs::read_to_string(folder.join(format!("w{}.yaml", case.number)));
        if text(&before)? == text(&after)? {
            continue;
        }
        let mut compared = case.compared(kubelet, &before, &after)?;
        // On a busy machine the program may not have come to its words yet.
        if !compared.wrong.is_empty() {
            compared = case.compared(patient, &before, &after)?;
        }
        fixed += 1;
        ran += usize::from(compared.ran);
        if !compared.wrong.is_empty() {
            wrong.push(format!("{}\n{}", compared.wrong.join("; "), case.script));
        }
    }
    let sum = format!(
        "seed {seed}: {count} workloads, {fixed} fixed, {ran} of them ran before, {} wrong",
        wrong.len()
    );
    // For whoever asked for a long run.
    let _ = writeln!(std::io::stderr(), "{sum}");
    ensure(wrong.is_empty(), || {
        wrong.truncate(SHOWN);
        format!("{sum}\n{}", wrong.join("\n"))
    })?;
    ensure(ran * 10 >= count, || {
        format!("{sum}: too few to say anything")
    })
}

/// An OCI layout with all images.
fn store(folder: &Path, cases: &[Case]) -> TrialResult {
    let blobs = folder.join("blobs/sha256");
    fs::create_dir_all(&blobs)?;
    let mut entries = Vec::new();
    for case in cases {
        let image = case.image();
        for blob in image.layers.iter().chain([&image.config, &image.manifest]) {
            fs::write(blobs.join(digest(blob).trim_start_matches("sha256:")), blob)?;
        }
        entries.push(json!({
            "digest": digest(&image.manifest),
            "size": image.manifest.len(),
            "annotations": {"org.opencontainers.image.ref.name": image_name(case.number)},
        }));
    }
    fs::write(
        folder.join("oci-layout"),
        r#"{"imageLayoutVersion": "1.0.0"}"#,
    )?;
    let index = json!({"schemaVersion": 2, "manifests": entries});
    Ok(fs::write(folder.join("index.json"), index.to_string())?)
}
