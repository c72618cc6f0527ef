//! Scripts, taken apart.

use super::*;

fn words(text: &str) -> Vec<String> {
    commands(text).iter().map(|c| c.words.join("·")).collect()
}

#[test]
fn commands_are_told_apart() {
    for (text, expected) in [
        (
            "a b; c 'd;e' && f \"g | h\"",
            &["a·b", "c·d;e", "f·g | h"][..],
        ),
        ("x=$(cat \"$F\") # no; command", &["cat·$F", "x=$"]),
        ("echo a > /etc/b 2>&1", &["echo·a"]),
        ("cat << END >> \"$f\"\nrm x\nEND\nls", &["cat", "ls"]),
        ("sed -i \\\n  s/a/b/ f", &["sed·-i·s/a/b/·f"]),
        ("a=( \"$b\" c )\nd", &["a=$", "d"]),
        ("[[ $x =~ ^(a|b)$ ]] && y", &["[[·$x·=~·^(a|b)$·]]", "y"]),
        (
            "echo $(( (a + b) / 2 )) `ls \"$d\"`",
            &["ls·$d", "echo·$·$"],
        ),
        (
            ". \"$(dirname \"$0\")/lib.sh\"",
            &["dirname·$0", ".·$/lib.sh"],
        ),
        ("case \"$1\" in *.sh) a ;; esac", &["a", "esac"]),
        (
            "case $1 in\n  \"$m\" | /../*)\n  x\nesac",
            &["case·$1·in", "x", "esac"],
        ),
        ("f() { (a; b); }", &["f", "{", "a", "b", "}"]),
    ] {
        assert_eq!(words(text), expected, "{text}");
    }
}

#[test]
fn programs_that_only_a_variable_names() {
    let variable = |text: &str| {
        commands(text)
            .iter()
            .find_map(|c| c.variable().map(str::to_owned))
    };
    for text in [
        "if \"$d/$f\"; then x; fi",
        "$hook",
        "exec \"$p\" \"$@\"",
        "A=1 $b",
        "eval exec \"'$J'\" x",
    ] {
        assert!(variable(text).is_some(), "{text}");
    }
    for text in [
        "exec \"$@\"",
        "exec gosu web \"$BASH_SOURCE\" \"$@\"",
        "x=\"$y\"",
        "eval V=\"\\$$N\"",
        "[ \"$a\" = b ]",
        "echo \"$a\"",
        "for f in $x; do a; done",
    ] {
        assert_eq!(variable(text), None, "{text}");
    }
}

#[test]
fn constants_have_one_value() {
    let all = commands(
        "A=/opt\nB=\"${A}/web\"\nC=${C:-x}\nif x; then\n  D=/d\nfi\nE=1\nE=2\nfor F in a; do x; \
         done\nF=1\nread G\nG=2\nH+=x",
    );
    let constants = Constants::of(all.iter());
    assert_eq!(
        constants.resolve("$B/x.conf").as_deref(),
        Some("/opt/web/x.conf")
    );
    for word in ["$C", "$D", "$E", "$F", "$G", "$H", "$I", "${A%x}", "$"] {
        assert_eq!(constants.resolve(word), None, "{word}");
    }
}

#[test]
fn changes_that_lead_elsewhere() {
    let constants = Constants::of(commands("D=etc/web/b.conf").iter());
    let elsewhere = |text: &str| {
        commands(text)
            .iter()
            .all(|c| leads_elsewhere(c, &constants, "/etc/web/a.conf"))
    };
    for text in [
        "rm -f /run/web.pid",
        "sed -i -E 's,a;b,c,' /$D",
        "cp /a/b /c/d",
    ] {
        assert!(elsewhere(text), "{text}");
    }
    for text in [
        "rm -f \"$X\"",
        "rm -rf /etc/web",
        "rm -rf /etc",
        "cp a /etc/web",
        "rm /etc/*",
        "sed -i -e x /a",
        "patch /a",
        "mv /x /etc/web/a.conf",
        "rm x",
    ] {
        assert!(!elsewhere(text), "{text}");
    }
}

#[test]
fn code_in_the_words_is_seen() {
    let code = |text: &str| commands(text).iter().any(Command::runs_code);
    assert!(code("python3.12 -c 'import os'") && code("exec /usr/bin/node -e x"));
    assert!(!code("python3 /app/main.py") && !code("sh -c x"));
}

#[test]
fn guards_end_a_script() {
    let guarded = |text| guarded(text).map(|(_, variable)| variable);
    assert_eq!(
        guarded("#!/bin/sh\nset -e\n[ \"${TUNE:-}\" ] || exit 0\nsed -i x /f\n"),
        Some("TUNE")
    );
    assert_eq!(guarded("[ -n \"${TUNE}\" ] || return 0\nx\n"), Some("TUNE"));
    for text in [
        "f() {\n[ \"${TUNE:-}\" ] || return 0\n}\nf\n",
        "if x; then\n[ \"${TUNE:-}\" ] || exit 0\nfi\n",
        "[ \"${TUNE:-1}\" ] || exit 0\n",
        "[ \"${TUNE:-}\" ] || exit 0; x\n",
        "[ \"$(x)\" ] || exit 0\n",
    ] {
        assert_eq!(guarded(text), None, "{text}");
    }
}

#[test]
fn scripts_that_never_end_are_taken_for_what_they_may_be() {
    for open in ["$(", "`", "a=(", "\"$(", "\"\\\""] {
        let nested = commands(&open.repeat(100_000));
        assert!(nested.len() < 1000, "{open}");
    }
    let nested = commands(&"$(".repeat(100_000));
    assert!(nested.iter().any(|command| command.variable().is_some()));
    let line = |at: usize| format!("a{at}={}\n", format!("$a{}", at - 1).repeat(100));
    let bomb = format!("a0=\n{}", (1..8).map(line).collect::<String>());
    let constants = Constants::of(commands(&bomb).iter());
    assert_eq!(constants.resolve("$a7"), None);
    assert_eq!(constants.resolve("$a1").as_deref(), Some(""));
}
