//! Images that are built like public ones of many kinds, as [`public`](crate::public) has them. What
//! becomes of a file that is mounted where people mount it stands on the page of the transform, in a
//! table that is made here.
//!
//! Where `KUBEWRIGHT_PUBLISHED` names a folder with the published scripts, as
//! `owner/name/path/in/the/repository`, they take the place of the modelled ones, and the table must
//! be the same.

use std::fs;
use std::path::Path;

use libtest_mimic::{Failed, Trial};
use serde_json::{Value, json};

use crate::archives::layout;
use crate::image::{Stored, archive, base, image};
use crate::public::{self, Public};
use crate::support::{TrialResult, ensure, kubewright, run};
use crate::{lock, workspace};

pub(crate) fn trials() -> Vec<Trial> {
    vec![Trial::test("practice/public_images", public_images)]
}

impl Public {
    fn manifest(&self, image: &str) -> String {
        let file = self.path.rsplit('/').next().unwrap_or(self.path);
        format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: config\ndata:\n  {file}: \
             ''\n---\napiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\nspec:\n  \
             selector:\n    matchLabels: {{app: web}}\n  template:\n    metadata:\n      labels: \
             {{app: web}}\n    spec:\n      containers:\n        - name: app\n          image: \
             {image}\n{}          volumeMounts:\n            - name: config\n              \
             mountPath: {}\n              subPath: {file}\n      volumes:\n        - name: \
             config\n          configMap:\n            name: config\n",
            self.container, self.path
        )
    }

    /// The entries of the image's layer, with the published scripts where they are at hand.
    fn entries(&self) -> Result<Vec<String>, Failed> {
        let mut entries: Vec<String> = self.files.iter().map(|file| (*file).to_owned()).collect();
        let folder = std::env::var_os("KUBEWRIGHT_PUBLISHED");
        for (name, script, source) in self.scripts {
            let published = folder.as_ref().map(|folder| Path::new(folder).join(source));
            let text = match published.filter(|path| path.is_file()) {
                Some(path) => fs::read_to_string(path)?,
                None => (*script).to_owned(),
            };
            entries.push(format!("{name} : {text}"));
        }
        Ok(entries)
    }

    /// Where the published files are: repository and commit, and the paths in it.
    fn sources(&self) -> String {
        let mut groups: Vec<(String, Vec<&str>)> = Vec::new();
        for source in self.source {
            let mut parts = source.splitn(4, '/');
            let mut next = || parts.next().unwrap_or_default();
            let (owner, name, commit, path) = (next(), next(), next(), next());
            let short: String = commit.chars().take(10).collect();
            let at = format!("{owner}/{name}@{short}");
            match groups.last_mut().filter(|(before, _)| *before == at) {
                Some((_, paths)) => paths.push(path),
                None => groups.push((at, vec![path])),
            }
        }
        let groups: Vec<String> = groups
            .iter()
            .map(|(at, paths)| format!("{at} {}", paths.join(", ")))
            .collect();
        groups.join("; ")
    }

    /// What is found, as a row of the table.
    fn row(&self) -> Result<String, Failed> {
        let name = "registry.example.com/public:1";
        let env: Vec<String> = ["PATH=/usr/local/bin:/usr/bin:/bin"]
            .iter()
            .chain(self.env)
            .map(|e| (*e).to_owned())
            .collect();
        let mut run_config = json!({ "User": self.user, "WorkingDir": self.directory, "Env": env });
        for (key, words) in [("Entrypoint", self.entrypoint), ("Cmd", self.cmd)] {
            if !words.is_empty() {
                run_config[key] = json!(words);
            }
        }
        let mut layers = Vec::new();
        if self.shell {
            layers.push((Stored::Gzip, base()));
        }
        let files = self.entries()?;
        if !files.is_empty() {
            let files: Vec<&str> = files.iter().map(String::as_str).collect();
            layers.push((Stored::Gzip, archive(&files)));
        }
        let made = image("amd64", &run_config, &layers);
        let store = tempfile::tempdir()?;
        let named = json!({ "org.opencontainers.image.ref.name": name });
        layout(store.path(), &[&made], &[(&made.manifest, named)])?;
        let dir = workspace(&[("web.yaml", self.manifest(name))])?;
        let from = format!("oci:{}", store.path().display());
        lock(dir.path(), &["--from", &from], 0)?;
        let words = ["fix", "--format=json", "--select=subpath-configmap-mount"];
        let output = run(&mut kubewright(dir.path(), &words), &[0, 1])?;
        let report: Value = serde_json::from_slice(&output.stdout)?;
        let finding = report["findings"].get(0).ok_or("nothing is found")?;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let title = text(&finding["fix"]["title"]);
        let strategies = [
            ("which an init container fills", "linked-directory"),
            ("link the file", "link"),
            ("re-point", "re-point"),
            ("copy the file", "copy"),
            ("with just the file", "own-directory"),
        ];
        let strategy = strategies.iter().find(|(part, _)| title.contains(part));
        let notes = finding["notes"].as_array().cloned().unwrap_or_default();
        let lacks = notes.iter().find_map(|note| {
            let note = note.as_str()?;
            note.strip_prefix("not proven: ").map(str::to_owned)
        });
        let (strategy, applicability, reason) = match strategy {
            Some((_, strategy)) => (
                format!("`{strategy}`"),
                text(&finding["fix"]["applicability"]),
                lacks.map_or_else(
                    || "all is proven".to_owned(),
                    |lacks| format!("not proven: {lacks}"),
                ),
            ),
            None => (
                format!("none (`{}`)", text(&finding["reasonCode"])),
                String::new(),
                text(&finding["reason"])
                    .lines()
                    .next()
                    .unwrap_or_default()
                    .to_owned(),
            ),
        };
        let reason = reason.replace(" registry.example.com/public:1", "");
        // Which digest it is does not matter here.
        let reason = reason.split(" (sha256:").next().unwrap_or_default();
        Ok(format!(
            "| {} | {} | `{}` | {strategy} | {applicability} | {reason} |\n",
            self.name,
            self.sources(),
            self.path
        ))
    }
}

const BEGIN: &str = "<!-- images in practice: made by a test -->\n\n";
const END: &str = "\n<!-- end -->\n";
const HEAD: &str = "\
| image | published as | file | strategy | | reason |
|---|---|---|---|---|---|
";

fn public_images() -> TrialResult {
    let rows: Vec<String> = public::images()
        .map(Public::row)
        .collect::<Result<_, _>>()?;
    let page =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("transforms/subpath-configmap-mount/README.md");
    let text = fs::read_to_string(&page)?;
    let (before, rest) = text
        .split_once(BEGIN)
        .ok_or("the page has no place for the table")?;
    let (there, after) = rest.split_once(END).ok_or("the table has no end")?;
    let table = HEAD.to_owned() + &rows.concat();
    if std::env::var_os("BLESS").is_some() && there != table {
        fs::write(&page, format!("{before}{BEGIN}{table}{END}{after}"))?;
        return Ok(());
    }
    ensure(there == table, || {
        format!("the page says\n{there}\nand it is\n{table}\n(BLESS=1 writes it)")
    })
}
