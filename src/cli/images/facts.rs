//! The answers: what is asked of an image, read from its configuration and its files.

use std::collections::BTreeMap;

use kubewright_model::kube::images::{self, Directory, PathFact, PathKind, Question};

use super::failure::Failure;
use super::filesystem::{Filesystem, Here, Meta};
use super::look::{Found, Last, look};
use super::manifest::Execution;
use super::scripts;
use super::users::{Ids, user};
use crate::cli::lockfile::Locked;

/// Where a POSIX shell may be, the best first.
const SHELLS: [&str; 9] = [
    "/bin/sh",
    "/usr/bin/sh",
    "/bin/dash",
    "/bin/bash",
    "/usr/bin/bash",
    "/bin/ash",
    "/usr/local/bin/bash",
    "/busybox/sh",
    "/busybox/ash",
];
/// There is none.
const NO_SHELL: &str = "none";
/// What a link is made with, beside the shell.
const LINKING: [&str; 2] = ["ln", "mkdir"];
/// What a copy is made with.
const COPYING: [&str; 4] = ["chmod", "cp", "mv", "rm"];
/// PATH where the image states none (containerd: `pkg/oci/spec_opts.go`, `defaultUnixEnv`).
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// All answers; `None` while a lower layer may decide one of them. `digest` and `of_config` are
/// left to the caller.
///
/// # Errors
/// When the layers contradict each other about a path.
pub(super) fn answer(
    tree: &Filesystem,
    run: &Execution,
    question: &Question,
) -> Result<Option<Locked>, Failure> {
    let stated = run.user.as_deref().unwrap_or("");
    let Some(user) = user(tree, stated)? else {
        return Ok(None);
    };
    let env = run.env.as_deref().unwrap_or_default();
    let Some(shell) = shell(tree)? else {
        return Ok(None);
    };
    let mut lacks = Vec::new();
    if shell != NO_SHELL {
        for tool in LINKING.into_iter().chain(COPYING) {
            match in_path(tree, env, tool)? {
                None => return Ok(None),
                Some(false) => lacks.push(tool.to_owned()),
                Some(true) => {}
            }
        }
    }
    let links = LINKING.iter().all(|tool| !lacks.iter().any(|l| l == tool));
    let shell = if links { shell } else { NO_SHELL };
    let Some(handled) = scripts::handled(tree, run, &question.paths)? else {
        return Ok(None);
    };
    let mut paths = BTreeMap::new();
    for path in &question.paths {
        let Some(fact) = fact(tree, path, user.ids.as_ref())? else {
            return Ok(None);
        };
        paths.insert(
            path.clone(),
            PathFact {
                named: Some(named(run, path)),
                env: by_itself(env, path),
                handled: handled.get(path).map(|answer| answer.handled),
                handled_if: handled
                    .get(path)
                    .map(|answer| answer.unless.clone())
                    .unwrap_or_default(),
                handled_if_named: handled.get(path).is_some_and(|answer| answer.if_named),
                ..fact
            },
        );
    }
    let mut dropped_env: Vec<String> = env
        .iter()
        .map(|e| e.split_once('=').map_or(e.as_str(), |(name, _)| name))
        .filter(|name| !identifier(name))
        .map(str::to_owned)
        .collect();
    dropped_env.sort();
    dropped_env.dedup();
    Ok(Some(Locked {
        image: question.image.clone(),
        platform: question.platform.clone(),
        digest: String::new(),
        of_config: false,
        shell: shell.to_owned(),
        lacks,
        user: user.stated,
        uid: user.ids.as_ref().map(|ids| ids.uid),
        gid: user.ids.as_ref().map(|ids| ids.gid),
        entrypoint: run.entrypoint.clone().unwrap_or_default(),
        cmd: run.cmd.clone().unwrap_or_default(),
        working_dir: run
            .working_dir
            .clone()
            .filter(|dir| !dir.is_empty())
            .unwrap_or_else(|| "/".into()),
        dropped_env,
        paths,
    }))
}

/// The first shell that everybody may run, or [`NO_SHELL`]; `None` while that is unknown.
fn shell(tree: &Filesystem) -> Result<Option<&'static str>, Failure> {
    for path in SHELLS {
        match runs(tree, path)? {
            None => return Ok(None),
            Some(true) => return Ok(Some(path)),
            Some(false) => {}
        }
    }
    Ok(Some(NO_SHELL))
}

/// The directories of PATH; relative ones do not count.
fn directories(env: &[String]) -> impl Iterator<Item = &str> {
    let path = env
        .iter()
        .rev()
        .find_map(|e| e.strip_prefix("PATH="))
        .unwrap_or(DEFAULT_PATH);
    path.split(':')
        .filter(|directory| directory.starts_with('/'))
}

/// Where the image looks for programs.
pub(super) fn search_path(run: &Execution) -> Vec<String> {
    directories(run.env.as_deref().unwrap_or_default())
        .map(str::to_owned)
        .collect()
}

/// Whether a program is found in the PATH of the image; relative directories do not count.
fn in_path(tree: &Filesystem, env: &[String], program: &str) -> Result<Option<bool>, Failure> {
    for directory in directories(env) {
        match runs(tree, &format!("{directory}/{program}"))? {
            None => return Ok(None),
            Some(true) => return Ok(Some(true)),
            Some(false) => {}
        }
    }
    Ok(Some(false))
}

/// Whether a path leads to a file that everybody may run: a pod may choose another user than the
/// image does.
fn runs(tree: &Filesystem, path: &str) -> Result<Option<bool>, Failure> {
    let everybody = |meta: &Meta| meta.mode & 0o111 == 0o111;
    Ok(look(tree, path, Last::Follow)?.map(|found| match found {
        Found::There { node, above } => {
            matches!(&node.here, Here::File(meta, _) if everybody(meta))
                && above.iter().all(everybody)
        }
        Found::Missing { .. } => false,
    }))
}

/// What stands at a path.
fn fact(tree: &Filesystem, path: &str, user: Option<&Ids>) -> Result<Option<PathFact>, Failure> {
    let Some(found) = look(tree, path, Last::Keep)? else {
        return Ok(None);
    };
    let (node, above) = match found {
        Found::Missing { above, blocked } => {
            let parent_writable = user.map(|user| !blocked && user.may_write(&above, None));
            return Ok(Some(PathFact {
                kind: PathKind::Absent,
                parent_writable,
                parent: (!blocked).then(|| parent(&above, None)).flatten(),
                ..PathFact::default()
            }));
        }
        Found::There { node, above } => (node, above),
    };
    let (kind, meta, entries, target) = match &node.here {
        Here::Symlink(meta, target) => (PathKind::Symlink, *meta, None, Some(target.clone())),
        Here::File(meta, _) => (PathKind::File, *meta, None, None),
        here => {
            let Some(names) = tree.names(node) else {
                return Ok(None);
            };
            let few = names.len() <= images::MAX_ENTRIES;
            let meta = if let Here::Directory(meta) = here {
                *meta
            } else {
                super::filesystem::IMPLIED
            };
            (
                PathKind::Directory,
                meta,
                few.then(|| names.into_iter().map(str::to_owned).collect()),
                None,
            )
        }
    };
    let parent_writable = user.map(|user| user.may_write(&above, Some(meta)));
    Ok(Some(PathFact {
        kind,
        entries,
        target,
        parent_writable,
        named: None,
        env: Vec::new(),
        handled: None,
        handled_if: Vec::new(),
        handled_if_named: false,
        parent: parent(&above, Some(meta)),
    }))
}

/// The last of these directories, if everybody gets there, and what stands there under the name
/// may be replaced by whoever may write.
fn parent(above: &[Meta], entry: Option<Meta>) -> Option<Directory> {
    let (last, above) = above.split_last()?;
    let reached = above.iter().all(|d| d.mode & 0o111 == 0o111);
    let sticky = last.mode & 0o1000 != 0 && entry.is_some();
    (reached && !sticky).then_some(Directory {
        mode: last.mode & 0o7777,
        uid: last.uid,
        gid: last.gid,
    })
}

/// The variables whose value is the path, or a URL of it; the last one of a name counts.
fn by_itself(env: &[String], path: &str) -> Vec<String> {
    let mut last = BTreeMap::new();
    for (name, value) in env.iter().filter_map(|e| e.split_once('=')) {
        last.insert(name, value);
    }
    let is_path = |value: &str| {
        let before = value.strip_suffix(path);
        before.is_some_and(|before| {
            before.is_empty() || before.trim_end_matches('/').ends_with("file:")
        })
    };
    last.retain(|_, value| is_path(value));
    last.into_iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect()
}

/// Whether a string of the configuration contains the path, or a word of it leads to it, or below
/// it, from the working directory.
fn named(run: &Execution, path: &str) -> bool {
    let values = run
        .env
        .iter()
        .flatten()
        .map(|e| e.split_once('=').map_or("", |(_, value)| value));
    let words = run
        .entrypoint
        .iter()
        .flatten()
        .chain(run.cmd.iter().flatten())
        .map(String::as_str);
    let directory = run
        .working_dir
        .as_deref()
        .unwrap_or("")
        .trim_end_matches('/');
    let from_there = path
        .strip_prefix(directory)
        .and_then(|rest| rest.strip_prefix('/'))
        .filter(|rest| !rest.is_empty());
    let leads = |word: &str, to: &str| {
        word.trim_start_matches("./")
            .strip_prefix(to)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let between = |c: char| {
        c.is_whitespace()
            || matches!(
                c,
                '=' | ':' | ',' | ';' | '"' | '\'' | '(' | ')' | '<' | '>' | '|' | '&'
            )
    };
    values.chain(words).any(|text| {
        text.contains(path)
            || from_there.is_some_and(|to| text.split(between).any(|word| leads(word, to)))
    })
}

/// Whether a shell keeps a variable of that name.
fn identifier(name: &str) -> bool {
    let mut chars = name.chars();
    chars
        .next()
        .is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::super::filesystem::LayerEntry;
    use super::*;

    fn meta(mode: u32, uid: u32) -> Meta {
        Meta {
            mode,
            uid,
            gid: uid,
        }
    }

    fn file(mode: u32) -> LayerEntry {
        LayerEntry::File(meta(mode, 0), None)
    }

    fn ask(entries: &[(&str, LayerEntry)], run: &Execution, paths: &[&str]) -> Locked {
        let question = Question {
            image: "example.com/a:1".into(),
            platform: "linux/amd64".into(),
            paths: paths.iter().map(|p| (*p).to_owned()).collect(),
        };
        answer(&Filesystem::of(entries), run, &question)
            .expect("clear")
            .expect("known")
    }

    #[test]
    fn a_shell_that_makes_no_links_is_none() {
        let busybox = LayerEntry::Symlink(meta(0o777, 0), "busybox".into());
        let all = [
            ("bin/busybox", file(0o755)),
            ("bin/sh", busybox.clone()),
            ("bin/ln", busybox.clone()),
            ("bin/mkdir", busybox),
        ];
        let run = Execution::default();
        assert_eq!(
            (
                ask(&all, &run, &[]).shell.as_str(),
                ask(&all, &run, &[]).lacks
            ),
            (
                "/bin/sh",
                COPYING.iter().map(|tool| (*tool).to_owned()).collect()
            ),
            "it links, and does not copy"
        );
        let copying = COPYING.map(|tool| (format!("bin/{tool}"), file(0o755)));
        let copying = copying
            .iter()
            .map(|(path, entry)| (path.as_str(), entry.clone()));
        let whole: Vec<(&str, LayerEntry)> = all.iter().cloned().chain(copying).collect();
        assert!(ask(&whole, &run, &[]).lacks.is_empty());
        let less = ask(&all[..3], &run, &[]);
        assert_eq!(
            (less.shell.as_str(), less.lacks.first().map(String::as_str)),
            ("none", Some("mkdir"))
        );
        let elsewhere = Execution {
            env: Some(vec!["PATH=/opt:relative".into()]),
            ..Execution::default()
        };
        assert_eq!(ask(&all, &elsewhere, &[]).lacks[..2], ["ln", "mkdir"]);
        assert_eq!(ask(&[], &run, &[]).shell, "none");
        assert_eq!(ask(&[("bin/sh", file(0o644))], &run, &[]).shell, "none");
        assert_eq!(
            ask(
                &[(
                    "bin/sh",
                    LayerEntry::Symlink(meta(0o777, 0), "/gone".into())
                )],
                &run,
                &[]
            )
            .shell,
            "none"
        );
    }

    #[test]
    fn the_configuration_is_told_as_it_runs() {
        let run = Execution {
            user: Some("web".into()),
            env: Some(vec![
                "PATH=/bin".into(),
                "a.b=1".into(),
                "x-y".into(),
                "a.b=2".into(),
                "_OK=".into(),
            ]),
            ..Execution::default()
        };
        let passwd = LayerEntry::File(meta(0o644, 0), Some(b"web:x:101:101::/:/bin/sh\n".to_vec()));
        let locked = ask(&[("etc/passwd", passwd)], &run, &[]);
        assert_eq!(
            (locked.user.as_str(), locked.uid, locked.gid),
            ("web", Some(101), Some(101))
        );
        assert_eq!(
            (locked.working_dir.as_str(), locked.dropped_env),
            ("/", vec!["a.b".to_owned(), "x-y".to_owned()])
        );
        let nobody = ask(&[], &run, &["/x"]);
        assert_eq!(
            (nobody.uid, nobody.paths["/x"].parent_writable),
            (None, None)
        );
        assert_eq!(ask(&[], &Execution::default(), &[]).user, "root");
    }

    #[test]
    fn a_path_is_named_by_what_the_image_runs() {
        let words = |words: &[&str]| Some(words.iter().map(|w| (*w).to_owned()).collect());
        let run = |entrypoint: &[&str], cmd: &[&str], env: &[&str], dir: &str| Execution {
            entrypoint: words(entrypoint),
            cmd: words(cmd),
            env: words(env),
            working_dir: Some(dir.into()),
            ..Execution::default()
        };
        for (run, expected) in [
            (run(&["/app"], &["--config=/srv/app.conf"], &[], "/"), true),
            (
                run(&["sh", "-c", "exec x </srv/app.conf"], &[], &[], "/"),
                true,
            ),
            (run(&[], &[], &["CONFIG=/srv/app.conf"], "/"), true),
            (run(&[], &[], &["/srv/app.conf=x"], "/"), false),
            (run(&["x", "--config=./app.conf"], &[], &[], "/srv/"), true),
            (run(&["x", "srv/app.conf"], &[], &[], ""), true),
            (run(&["x", "app.conf"], &[], &[], "/"), false),
            (run(&["x", "myapp.conf"], &[], &[], "/srv"), false),
            (run(&["x"], &[], &[], "/srv/app.conf"), false),
        ] {
            assert_eq!(named(&run, "/srv/app.conf"), expected, "{run:?}");
        }
        assert!(
            named(&run(&["conf/a"], &[], &[], "/srv"), "/srv/conf"),
            "below it"
        );
    }

    #[test]
    fn variables_that_are_a_path_are_told() {
        let env = [
            "A=/srv/a.conf",
            "B=file:/srv/a.conf",
            "C=x:/srv/a.conf",
            "D=/srv/a.conf",
            "D=/srv",
        ];
        let env: Vec<String> = env.iter().map(|e| (*e).to_owned()).collect();
        assert_eq!(
            by_itself(&env, "/srv/a.conf"),
            ["A=/srv/a.conf", "B=file:/srv/a.conf"]
        );
    }

    #[test]
    fn paths_are_told_as_they_stand() {
        let run = Execution {
            user: Some("7".into()),
            ..Execution::default()
        };
        let many: Vec<String> = (0..=images::MAX_ENTRIES)
            .map(|n| format!("many/{n}"))
            .collect();
        let mut entries = vec![
            ("app", LayerEntry::Directory(meta(0o755, 7))),
            ("app/conf", LayerEntry::Directory(meta(0o755, 0))),
            ("app/conf/b", file(0o644)),
            ("app/conf/a", file(0o644)),
            (
                "var/run",
                LayerEntry::Symlink(meta(0o777, 0), "/run".into()),
            ),
            ("run", LayerEntry::Directory(meta(0o755, 0))),
        ];
        entries.extend(many.iter().map(|m| (m.as_str(), file(0o644))));
        let asked = [
            "/app/conf",
            "/app/conf/a",
            "/app/x/y",
            "/var/run",
            "/var/run/x",
            "/many",
            "/app/conf/a/b",
        ];
        let mut paths = ask(&entries, &run, &asked).paths;
        let parents: Vec<Option<String>> = asked
            .iter()
            .map(|path| paths.get_mut(*path)?.parent.take().map(String::from))
            .collect();
        let [ours, root] = ["0755 7:7", "0755 0:0"].map(|text| Some(text.to_owned()));
        assert_eq!(
            parents,
            [&ours, &root, &ours, &root, &root, &root, &None].map(Clone::clone)
        );
        let fact = |kind, entries: Option<&[&str]>, target: Option<&str>, writable| PathFact {
            kind,
            entries: entries.map(|e| e.iter().map(|e| (*e).to_owned()).collect()),
            target: target.map(str::to_owned),
            parent_writable: Some(writable),
            named: Some(false),
            env: Vec::new(),
            handled: Some(false),
            handled_if: Vec::new(),
            handled_if_named: false,
            parent: None,
        };
        assert_eq!(
            paths["/app/conf"],
            fact(PathKind::Directory, Some(&["a", "b"]), None, true)
        );
        assert_eq!(
            paths["/app/conf/a"],
            fact(PathKind::File, None, None, false)
        );
        assert_eq!(paths["/app/x/y"], fact(PathKind::Absent, None, None, true));
        assert_eq!(
            paths["/var/run"],
            fact(PathKind::Symlink, None, Some("/run"), false)
        );
        assert_eq!(
            paths["/var/run/x"],
            fact(PathKind::Absent, None, None, false)
        );
        assert_eq!(paths["/many"], fact(PathKind::Directory, None, None, false));
        assert_eq!(
            paths["/app/conf/a/b"],
            fact(PathKind::Absent, None, None, false)
        );
        let root = ask(&entries, &Execution::default(), &asked).paths;
        assert_eq!(root["/var/run/x"].parent_writable, Some(true));
        assert_eq!(
            root["/app/conf/a/b"].parent_writable,
            Some(false),
            "a file is in the way"
        );
    }
}
