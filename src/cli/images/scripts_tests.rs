//! Scripts of an image, and what they do with a path.

use super::super::filesystem::{LayerEntry, Meta};
use super::*;

fn script(text: &str) -> LayerEntry {
    LayerEntry::File(
        Meta {
            mode: 0o755,
            uid: 0,
            gid: 0,
        },
        Some(text.as_bytes().to_vec()),
    )
}

fn ask(entries: &[(&str, LayerEntry)], entrypoint: &[&str], path: &str) -> Option<bool> {
    let words = entrypoint.iter().map(|word| (*word).to_owned()).collect();
    let run = Execution {
        entrypoint: Some(words),
        env: Some(vec!["PATH=/bin".into()]),
        ..Execution::default()
    };
    let asked = BTreeSet::from([path.to_owned()]);
    handled(&Filesystem::of(entries), &run, &asked)
        .expect("clear")
        .expect("known")
        .get(path)
        .map(|answer| answer.handled)
}

const FILE: &str = "/etc/web/web.conf";

#[test]
fn the_entrypoint_is_read() {
    let changes = [(
        "entry.sh",
        script("#!/bin/sh\nsed -i s/A/$A/ /etc/web/web.conf\nexec \"$@\"\n"),
    )];
    assert_eq!(ask(&changes, &["/entry.sh", "web"], FILE), Some(true));
    let starts = [("entry.sh", script("#!/bin/sh\nset -e\nexec \"$@\"\n"))];
    assert_eq!(ask(&starts, &["/entry.sh", "web"], FILE), Some(false));
    assert_eq!(ask(&[], &["/web"], FILE), Some(false));
    assert_eq!(
        ask(
            &[],
            &["sh", "-c", "rm -f /etc/web/web.conf; exec web"],
            FILE
        ),
        Some(true)
    );
}

#[test]
fn what_it_names_is_read_too() {
    let change = script("#!/bin/sh\ncp /default.conf /etc/web/web.conf\n");
    for (text, other) in [
        ("#!/bin/sh\n/setup/a.sh\nexec web", "setup/a.sh"),
        (
            "#!/bin/bash\n. \"$(dirname \"$0\")/lib.sh\"\nexec web",
            "lib.sh",
        ),
        (
            "#!/bin/sh\nfor f in /entry.d/*; do . \"$f\"; done",
            "entry.d/10-a.sh",
        ),
        ("#!/bin/sh\nprepare && exec web", "bin/prepare"),
    ] {
        let entries = [("entry.sh", script(text)), (other, change.clone())];
        assert_eq!(ask(&entries, &["/entry.sh"], FILE), Some(true), "{text}");
    }
    let loops = [
        (
            "entry.sh",
            script("#!/bin/sh\nfor f in /entry.d/*; do . \"$f\"; done"),
        ),
        ("entry.d/a.sh", script("export A=1\n")),
    ];
    assert_eq!(ask(&loops, &["/entry.sh"], FILE), Some(false));
}

#[test]
fn scripts_are_read_as_one() {
    let entries = [
        (
            "entry.sh",
            script("#!/bin/sh\n. /env.sh\n. /lib.sh\nexec \"$@\"\n"),
        ),
        (
            "env.sh",
            script("export CONF=\"${DIR:-/etc/web}/web.conf\"\n"),
        ),
        (
            "lib.sh",
            script("change() {\n  sed -i s/a/b/ \"$CONF\"\n}\nchange\n"),
        ),
    ];
    assert_eq!(ask(&entries, &["/entry.sh"], FILE), None);
    assert_eq!(
        ask(&entries, &["/entry.sh"], "/etc/app/app.conf"),
        Some(false)
    );
    let above = [(
        "entry.sh",
        script("#!/bin/sh\nD=/etc\nrm -rf \"$D\"/*\nexec web\n"),
    )];
    assert_eq!(ask(&above, &["/entry.sh"], FILE), None);
    let whole = [(
        "entry.sh",
        script("#!/bin/sh\nD=/etc/web\nrm -rf \"$D\"/*\nexec \"$@\"\n"),
    )];
    assert_eq!(ask(&whole, &["/entry.sh"], FILE), None);
}

#[test]
fn what_runs_only_where_a_variable_is_set_is_told_apart() {
    let tune = script(
        "#!/bin/sh\nset -eu\n[ \"${TUNE:-}\" ] || exit 0\nsed -i.bak s/a/b/ /etc/web/web.conf\n",
    );
    let entries = [
        ("entry.sh", script("#!/bin/sh\n/tune.sh\nexec \"$@\"\n")),
        ("tune.sh", tune),
    ];
    let asked = BTreeSet::from([FILE.to_owned()]);
    let handled = |env: &[&str]| {
        let run = Execution {
            entrypoint: Some(vec!["/entry.sh".into()]),
            env: Some(env.iter().map(|e| (*e).to_owned()).collect()),
            ..Execution::default()
        };
        let answers = handled(&Filesystem::of(&entries), &run, &asked);
        let answers = answers.expect("clear").expect("known");
        answers
            .get(FILE)
            .cloned()
            .map(|answer| (answer.handled, answer.unless))
    };
    assert_eq!(handled(&[]), Some((false, vec!["TUNE".to_owned()])));
    assert_eq!(handled(&["TUNE=1"]), Some((true, vec![])));
}

#[test]
fn what_cannot_be_read_leaves_it_open() {
    for text in [
        "#!/bin/sh\nfor f in `ls \"$d\"`; do\n  \"$d/$f\"\ndone\n",
        "#!/bin/sh\nif hook=`get HOOK`; then\n  $hook\nfi\nexec \"$@\"\n",
        "#!/bin/sh\ntest -d /etc && $hook\n",
    ] {
        assert_eq!(
            ask(&[("entry.sh", script(text))], &["/entry.sh"], FILE),
            None,
            "{text}"
        );
    }
    let variable = [("entry.sh", script("#!/bin/sh\n. \"$HOOK\"\nexec web"))];
    assert_eq!(ask(&variable, &["/entry.sh"], FILE), None);
    let python = [(
        "entry.py",
        script("#!/usr/bin/env python3\nopen('/etc/web/web.conf', 'w')\n"),
    )];
    assert_eq!(ask(&python, &["/entry.py"], FILE), None);
    let bare = [(
        "run",
        LayerEntry::File(
            Meta {
                mode: 0o644,
                uid: 0,
                gid: 0,
            },
            None,
        ),
    )];
    assert_eq!(
        (
            ask(&bare, &["sh", "/run"], FILE),
            ask(&bare, &["/run"], FILE)
        ),
        (None, Some(false))
    );
    let other = [("entry.py", script("#!/usr/bin/env python3\nimport os\n"))];
    assert_eq!(ask(&other, &["/entry.py"], FILE), Some(false));
}
