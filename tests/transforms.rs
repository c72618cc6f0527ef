//! Every case of every transform: `before/` becomes `after/` byte for byte, `report.txt` is what is
//! said, and again changes nothing.
//!
//! `transforms/<name>/cases/<case>/`:
//!
//! - `before/`: manifests, `kubewright.toml` where the case needs one, and whatever else lies
//!   beside them. `stdin.yaml` as the only manifest is read as a stream.
//! - `after/`: all manifests afterwards, unchanged ones included. Absent: nothing may change.
//! - `report.txt`: the report on `before/`, info findings included, without colours and diff.
//! - `plan.md`, `plan.sh`: what has to be done in the cluster, where the case has such a file.
//! - `args`: `--unsafe-fixes` where the fixes of the case are unsafe. Without it, only safe ones
//!   are applied.
//!
//! Only the transform under test runs. A second test for each case runs all transforms together:
//! they must come to rest, and every file must still parse, and the report is the same when each
//! transform is asked in every pass, also for the repositories of `KUBEWRIGHT_CORPUS`. `BLESS=1`
//! (`cargo bless`) writes `after/` and `report.txt`.
#![expect(
    clippy::disallowed_methods,
    reason = "a test reads and writes its cases"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use kubewright::cli::config::{Config, FILE_NAME};
use kubewright::cli::files::{self, Request};
use kubewright::cli::globs::ignored;
use kubewright::cli::print::{Paths, text};
use kubewright::cli::texts::Below;
use kubewright::pipeline::{Pipeline, Report, Selection, UnsafeFixes, is_shared_code};
use kubewright_model::finding::Finding;
use kubewright_model::kube::Workspace;
use kubewright_model::yaml;
use kubewright_transforms::{ALL, Context, Meta, Transform};
use libtest_mimic::{Arguments, Failed, Trial};

const STREAM: &str = "stdin.yaml";

fn main() {
    let args = Arguments::from_args();
    let mut trials = Vec::new();
    for transform in ALL {
        let name = transform.meta().name;
        let cases = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("transforms")
            .join(name)
            .join("cases");
        for case in directories(&cases) {
            let label = case
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            let (alone, together) = (case.clone(), case);
            trials.push(Trial::test(format!("{name}/{label}"), move || {
                run_case(&alone, *transform)
            }));
            trials.push(Trial::test(format!("all/{name}/{label}"), move || {
                run_all(&together)
            }));
        }
    }
    for repository in std::env::var_os("KUBEWRIGHT_CORPUS")
        .map(PathBuf::from)
        .iter()
        .flat_map(|corpus| directories(corpus))
    {
        let label = repository
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        trials.push(Trial::test(format!("asked/{label}"), move || {
            all_asked(&repository)
        }));
    }
    libtest_mimic::run(&args, trials).exit();
}

fn directories(parent: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(parent)
        .into_iter()
        .flatten()
        .filter_map(Result::ok);
    let mut found: Vec<PathBuf> = entries.map(|e| e.path()).filter(|p| p.is_dir()).collect();
    found.sort();
    found
}

/// A case as it is given to the pipeline.
struct Case {
    config: Config,
    workspace: Workspace,
    report: Report,
    /// Text of each file before, by its path below `before/`.
    before: BTreeMap<String, String>,
    stream: bool,
}

impl Case {
    fn read(root: &Path) -> Result<Self, Failed> {
        let toml = root.join(FILE_NAME);
        let config = if toml.exists() {
            Config::load(&toml, FILE_NAME)?
        } else {
            Config::default()
        };
        let root = root.canonicalize()?;
        let paths = [root.clone()];
        let request = Request {
            root: &root,
            paths: &paths,
            whole: true,
            ignore: &config.ignore,
            in_git: false,
        };
        let mut tree =
            files::read(&request).map_err(|e| format!("{}: {}", e.path.display(), e.error))?;
        let stream = matches!(tree.inputs.as_slice(), [only] if only.path == STREAM);
        let before = tree
            .inputs
            .iter()
            .filter(|i| i.editable || ignored(&config.ignore, &i.path))
            .map(|i| (i.path.clone(), i.text.to_string()))
            .collect();
        let mut options = config.options.clone();
        if stream {
            options.stream = true;
        } else {
            options.texts = Some(Arc::new(Below::new(&root, vec![root.clone()], false)));
        }
        if stream {
            tree.inputs
                .iter_mut()
                .for_each(|i| i.path = "<stdin>".into());
        }
        let report = Report {
            findings: tree.unread,
            ..Report::default()
        };
        Ok(Self {
            workspace: Workspace::new(tree.inputs, options),
            config,
            report,
            before,
            stream,
        })
    }

    fn run(
        &mut self,
        transforms: &[&dyn Transform],
        unsafe_fixes: UnsafeFixes,
    ) -> Result<(), Failed> {
        let config = &self.config;
        let pipeline = Pipeline {
            transforms: Selection::default().of(
                transforms,
                config.select.as_ref(),
                &config.settings,
            ),
            settings: &self.config.settings,
            unsafe_fixes,
        };
        let unread = std::mem::take(&mut self.report.findings);
        self.report = pipeline.run(&self.workspace)?;
        self.report.findings.extend(unread);
        self.report.sort();
        Ok(())
    }

    /// Text of each file afterwards.
    fn after(&self) -> BTreeMap<String, String> {
        let mut files = self.before.clone();
        for change in &self.report.files {
            let path = if self.stream {
                STREAM.to_owned()
            } else {
                change.path.clone()
            };
            match &change.after {
                Some(text) => files.insert(path, text.to_string()),
                None => files.remove(&path),
            };
        }
        files
    }

    /// The same case with the files of `after` as input.
    fn again(&self) -> Self {
        let inputs = self
            .after()
            .into_iter()
            .map(|(path, text)| kubewright_model::kube::Input {
                editable: !ignored(&self.config.ignore, &path),
                path: if self.stream { "<stdin>".into() } else { path },
                text: text.into(),
            })
            .collect();
        Self {
            workspace: Workspace::new(inputs, self.workspace.options().clone()),
            config: self.config.clone(),
            report: Report::default(),
            before: self.after(),
            stream: self.stream,
        }
    }

    fn said(&self) -> String {
        let paths = Paths::default();
        let view = text::View {
            verbose: false,
            wrote: false,
            paths: &paths,
            unseen: None,
        };
        let styled = text::findings(&self.report, &view) + &text::summary(&self.report, &view);
        anstream::adapter::strip_str(&styled).to_string()
    }
}

fn run_case(case: &Path, transform: &'static dyn Transform) -> Result<(), Failed> {
    let bless = std::env::var("BLESS").is_ok_and(|v| v == "1");
    let args = fs::read_to_string(case.join("args")).unwrap_or_default();
    let unsafe_fixes = match args.trim() {
        "" => UnsafeFixes::None,
        "--unsafe-fixes" => UnsafeFixes::All,
        other => return Err(format!("args: {other} is not known here").into()),
    };
    let mut first = Case::read(&case.join("before"))?;
    if first.before.is_empty() {
        return Err("before/ holds no manifest".into());
    }
    first.run(&[transform], unsafe_fixes.clone())?;
    known_codes(transform.meta(), &first.report)?;
    let (after, said) = (first.after(), first.said());
    let mut again = first.again();
    again.run(&[transform], unsafe_fixes)?;
    if let Some(change) = again.report.files.first() {
        return Err(format!(
            "running again changes {}:\n{}",
            change.path,
            diff(&first.after(), &again.after())
        )
        .into());
    }
    let expected_dir = case.join("after");
    let plans = plans(case, transform, &first)?;
    if bless {
        for (path, text) in &plans {
            fs::write(path, text)?;
        }
        return accept(case, &first.before, &after, &said);
    }
    let expected = if expected_dir.exists() {
        tree(&expected_dir, &expected_dir)
    } else {
        first.before.clone()
    };
    if expected_dir.exists() && expected == first.before {
        return Err("after/ equals before/: remove it".into());
    }
    let mut problems = Vec::new();
    if after != expected {
        problems.push(format!(
            "not what after/ expects (-expected +actual):\n{}",
            diff(&expected, &after)
        ));
    }
    let report = fs::read_to_string(case.join("report.txt")).unwrap_or_default();
    if report != said {
        let one = |text: &str| BTreeMap::from([("report.txt".to_owned(), text.to_owned())]);
        problems.push(format!(
            "not what report.txt says (-expected +actual):\n{}",
            diff(&one(&report), &one(&said))
        ));
    }
    for (path, text) in &plans {
        let one = |text: &str| BTreeMap::from([(path.display().to_string(), text.to_owned())]);
        let expected = fs::read_to_string(path)?;
        if expected != *text {
            problems.push(format!(
                "another plan (-expected +actual):\n{}",
                diff(&one(&expected), &one(text))
            ));
        }
    }
    if problems.is_empty() {
        Ok(())
    } else {
        Err(problems.concat().into())
    }
}

/// The plans that a case has a file for; a reason why there is none is one, too.
fn plans(
    case: &Path,
    transform: &'static dyn Transform,
    of: &Case,
) -> Result<Vec<(PathBuf, String)>, Failed> {
    let (page, script) = (case.join("plan.md"), case.join("plan.sh"));
    if !page.exists() && !script.exists() {
        return Ok(Vec::new());
    }
    let context = Context {
        workspace: &of.workspace,
        settings: &of.config.settings,
        running: &[transform.meta().name],
    };
    let plan = match transform.plan(&context, &ToString::to_string) {
        None => return Err("there is no plan".into()),
        Some(Ok(plan)) => vec![(page, plan.page), (script, plan.script)],
        Some(Err(reason)) => vec![(page, format!("{}: {}\n", reason.code, reason.lines()))],
    };
    Ok(plan.into_iter().filter(|(path, _)| path.exists()).collect())
}

/// Each reason why there is no fix has a code that is listed, whatever wrote it.
fn known_codes(meta: &Meta, report: &Report) -> Result<(), Failed> {
    let unknown: Vec<&str> = report
        .findings
        .iter()
        .filter(|f| f.transform == meta.name)
        .filter_map(|f| f.fix.as_ref().err().map(|reason| reason.code))
        .filter(|code| !meta.codes.contains(code) && !is_shared_code(code))
        .collect();
    if unknown.is_empty() {
        Ok(())
    } else {
        Err(format!(
            "codes that are not listed in the Meta of {}: {unknown:?}",
            meta.name
        )
        .into())
    }
}

fn accept(
    case: &Path,
    before: &BTreeMap<String, String>,
    after: &BTreeMap<String, String>,
    said: &str,
) -> Result<(), Failed> {
    let directory = case.join("after");
    if directory.exists() {
        fs::remove_dir_all(&directory)?;
    }
    if before != after {
        for (path, text) in after {
            let path = directory.join(path);
            fs::create_dir_all(path.parent().unwrap_or(&directory))?;
            fs::write(path, text)?;
        }
    }
    fs::write(case.join("report.txt"), said)?;
    Ok(())
}

fn run_all(case: &Path) -> Result<(), Failed> {
    all_asked(&case.join("before"))?;
    let mut all = Case::read(&case.join("before"))?;
    all.run(ALL, UnsafeFixes::All)?;
    for change in &all.report.files {
        if let Some(text) = &change.after {
            yaml::File::parse(text.clone())
                .map_err(|e| format!("{} no longer parses: {e}\n{text}", change.path))?;
        }
    }
    let mut again = all.again();
    again.run(ALL, UnsafeFixes::All)?;
    match again.report.files.first() {
        None => Ok(()),
        Some(change) => Err(format!(
            "running again changes {}:\n{}",
            change.path,
            diff(&all.after(), &again.after())
        )
        .into()),
    }
}

/// A transform that is asked in every pass.
struct Asked(Meta, &'static dyn Transform);

impl Transform for Asked {
    fn meta(&self) -> &'static Meta {
        // A test leaks a few bytes.
        Box::leak(Box::new(self.0))
    }

    fn check(&self, cx: &Context<'_>) -> Vec<Finding> {
        self.1.check(cx)
    }

    fn keeps_up(&self, cx: &Context<'_>, finding: &Finding) -> bool {
        self.1.keeps_up(cx, finding)
    }
}

/// What is kept between passes is what would have been found again.
fn all_asked(directory: &Path) -> Result<(), Failed> {
    let asked: Vec<Asked> = ALL
        .iter()
        .map(|t| {
            Asked(
                Meta {
                    isolated: false,
                    ..*t.meta()
                },
                *t,
            )
        })
        .collect();
    for unsafe_fixes in [UnsafeFixes::None, UnsafeFixes::All] {
        let (mut kept, mut every) = (Case::read(directory)?, Case::read(directory)?);
        kept.run(ALL, unsafe_fixes.clone())?;
        every.run(
            &asked
                .iter()
                .map(|t| t as &dyn Transform)
                .collect::<Vec<_>>(),
            unsafe_fixes,
        )?;
        let (kept, every) = (
            format!("{:#?}", kept.report),
            format!("{:#?}", every.report),
        );
        if kept != every {
            let diff = similar::TextDiff::from_lines(&every, &kept)
                .unified_diff()
                .to_string();
            return Err(
                format!("not what is found when all are asked in every pass:\n{diff}").into(),
            );
        }
    }
    Ok(())
}

fn tree(root: &Path, directory: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(directory)
        .into_iter()
        .flatten()
        .filter_map(Result::ok)
    {
        let path = entry.path();
        if path.is_dir() {
            found.extend(tree(root, &path));
        } else if let (Ok(text), Ok(relative)) =
            (fs::read_to_string(&path), path.strip_prefix(root))
        {
            found.insert(relative.to_string_lossy().into_owned(), text);
        }
    }
    found
}

fn diff(old: &BTreeMap<String, String>, new: &BTreeMap<String, String>) -> String {
    let paths: std::collections::BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let side = |files: &BTreeMap<String, String>, path: &String| {
        files.get(path).cloned().unwrap_or_default()
    };
    (paths.into_iter())
        .filter(|path| old.get(*path) != new.get(*path))
        .map(|path| {
            let (old, new) = (side(old, path), side(new, path));
            similar::TextDiff::from_lines(&old, &new)
                .unified_diff()
                .header(path, path)
                .to_string()
        })
        .collect()
}
