//! Who minds that a file is not where it was: content that looks around from its own place,
//! programs that look at the path of what they read, scripts that change the file or ask whether it
//! is a mount.
//!
//! Without subPath a file is a link into a dated directory of the volume. Most programs never
//! notice. The tables name those that do; what is known to fail is refused, what may fail makes the
//! fix unsafe, and says what is different.

use kubewright_model::finding::NoFix;
use kubewright_model::kube::Target;
use kubewright_model::text;
use kubewright_model::text::Verbatim;
use kubewright_model::yaml::Node;

use super::codes::Code;
use super::facts::{Basis, Facts};
use super::file::File;
use super::mounts::{name, normal};
use super::pod::{Own, Pod};
use super::{scripts, wrapper};

/// Extensions of files that are code: an interpreter looks for their neighbours from their real
/// path.
const CODE: &[&str] = &[
    "js", "mjs", "cjs", "ts", "mts", "cts", "jsx", "tsx", "py", "pyw", "php", "phtml", "rb", "pl",
    "pm", "lua", "sh", "bash", "zsh", "ksh", "fish", "tcl", "groovy", "gradle", "kts", "r", "jl",
    "ps1", "psm1", "cgi", "awk", "ex", "exs", "clj", "scm", "lisp", "el",
];
/// Extensions of files that are data, whatever is in them.
const DATA: &[&str] = &[
    "json",
    "yml",
    "yaml",
    "properties",
    "ini",
    "toml",
    "conf",
    "cfg",
    "cnf",
    "config",
    "xml",
    "txt",
    "env",
    "crt",
    "pem",
    "key",
    "cer",
    "csv",
    "html",
    "css",
    "sql",
    "list",
    "rules",
    "md",
];
/// Words by which a program asks where its own file is.
const OWN_PLACE: &[&str] = &[
    "__file__",
    "__dirname",
    "__filename",
    "__DIR__",
    "__FILE__",
    "BASH_SOURCE",
    "readlink",
    "realpath",
    "import.meta",
    "FindBin",
    "require_relative",
    "PSScriptRoot",
    "dirname \"$0\"",
    "dirname -- \"$0\"",
    "dirname $0",
    "dirname -- $0",
    "${0%",
];
/// Words that name another file, in front of a relative path.
const NAMES_NEIGHBOUR: &[&str] = &[
    "require", "import", "from", "include", "extends", "source", "load", "$ref", "dofile", "use",
];
/// Interpreters, by the beginning of the last segment of their path: their first operand is a
/// script.
const INTERPRETERS: &[&str] = &[
    "sh", "bash", "dash", "ash", "zsh", "ksh", "node", "nodejs", "python", "ruby", "perl", "php",
    "lua", "deno", "bun",
];

/// A place where a program looks at the path, owner or mode of what it reads.
struct Rule {
    /// Segments; `*` stands for any run of characters in one, `**` for any number of them.
    path: &'static str,
    /// What is different, as the end of "sshd …".
    difference: &'static str,
    /// It is known to fail.
    fails: bool,
}

const fn fails(path: &'static str, difference: &'static str) -> Rule {
    Rule {
        path,
        difference,
        fails: true,
    }
}

const fn may_fail(path: &'static str, difference: &'static str) -> Rule {
    Rule {
        path,
        difference,
        fails: false,
    }
}

const SSHD: &str = "sshd with StrictModes refuses a file below a directory that others may write \
                    to, as the root of a volume is: nobody could log in";
const CRON: &str = "cron ignores a table that is a link, or whose owner or mode it does not like";
const SUDO: &str = "sudo refuses rules that are no plain file of root's with its mode";
const MUNGE: &str =
    "munged refuses a key that is a link or lies below a directory that others may write to";
const TOMCAT: &str =
    "Tomcat and Jetty refuse links that lead out of a web application unless they are allowed to";
const HTTPD: &str =
    "Apache httpd serves no links where FollowSymLinks is off or SymLinksIfOwnerMatch is on";
const ELASTIC: &str =
    "Elasticsearch and OpenSearch may read files of their config directory only by their real path";
const MODES: &str = "the program looks at owner, mode or kind of the file";
const SSH: &str = "ssh refuses a file whose owner or mode it does not like";
const LOGROTATE: &str = "logrotate ignores a file whose owner or mode it does not like";
const GPG: &str = "GnuPG looks at owner and mode of its directory, and replaces its files";
const REWRITTEN: &str = "the program replaces the file when it saves its settings: a mount stops \
                         that, a link is replaced";

/// Who minds, the first that fits.
const RULES: &[Rule] = &[
    // StrictModes walks up from the real path: safe_path() in
    // https://github.com/openssh/openssh-portable/blob/master/misc.c
    fails("**/*authorized_keys*", SSHD),
    fails("**/*authorized_keys*/**", SSHD),
    fails("**/*authorized_principals*", SSHD),
    fails("**/.shosts", SSHD),
    fails("**/.rhosts", SSHD),
    // https://manpages.debian.org/bookworm/cron/cron.8.en.html (NOTES),
    // https://github.com/cronie-crond/cronie/blob/master/src/database.c
    fails("/etc/crontab", CRON),
    fails("/etc/crontabs/*", CRON),
    fails("/etc/cron.d/*", CRON),
    fails("/var/spool/cron/**", CRON),
    may_fail("/etc/cron.*/*", CRON),
    // https://www.sudo.ws/docs/man/sudoers.man/ ("must be owned by uid 0", mode),
    // plugins/sudoers/sudoers.c
    fails("/etc/sudoers", SUDO),
    fails("/etc/sudoers.d/*", SUDO),
    fails("/etc/doas.conf", SUDO),
    fails("/etc/doas.d/*", SUDO),
    // https://github.com/dun/munge/blob/master/src/munged/conf.c (conf_open_keyfile: "Keyfile is
    // insecure")
    fails("**/munge.key", MUNGE),
    // https://tomcat.apache.org/tomcat-9.0-doc/config/resources.html (allowLinking),
    // https://jetty.org/docs/jetty/12/programming-guide/server/http.html (alias checks)
    may_fail("**/webapps/**", TOMCAT),
    may_fail("**/WEB-INF/**", TOMCAT),
    may_fail("**/META-INF/**", TOMCAT),
    // https://httpd.apache.org/docs/2.4/mod/core.html#options
    may_fail("/var/www/**", HTTPD),
    may_fail("**/htdocs/**", HTTPD),
    // https://www.elastic.co/guide/en/elasticsearch/reference/8.17/settings.html; the security
    // manager of Java grants real paths: https://github.com/elastic/elasticsearch/issues/29639
    may_fail("/usr/share/elasticsearch/config/**", ELASTIC),
    may_fail("/usr/share/opensearch/config/**", ELASTIC),
    // https://github.com/openssh/openssh-portable/blob/master/readconf.c (read_config_file: "Bad
    // owner or permissions"), authfile.c
    may_fail("**/.ssh/**", SSH),
    may_fail("/etc/ssh/**", SSH),
    // https://github.com/logrotate/logrotate/blob/main/config.c (readConfigFile: "potentially
    // dangerous mode", owner)
    may_fail("/etc/logrotate.conf", LOGROTATE),
    may_fail("/etc/logrotate.d/*", LOGROTATE),
    // https://www.gnupg.org/documentation/manuals/gnupg/GPG-Configuration.html ("unsafe permissions
    // on homedir")
    may_fail("**/.gnupg/**", GPG),
    // https://www.postgresql.org/docs/current/libpq-pgpass.html,
    // https://www.postgresql.org/docs/current/ssl-tcp.html
    may_fail("**/.pgpass", MODES),
    may_fail("**/server.key", MODES),
    // https://www.fetchmail.info/fetchmail-man.html (".fetchmailrc ... permissions"),
    // https://marlam.de/msmtp/msmtp.html
    may_fail("**/.fetchmailrc", MODES),
    may_fail("**/*msmtprc", MODES),
    may_fail("**/.netrc", MODES),
    // https://www.erlang.org/doc/system/distributed.html ("accessible only to the user")
    may_fail("**/.erlang.cookie", MODES),
    // https://www.exim.org/exim-html-current/doc/html/spec_html/ch-the_exim_run_time_configuration_file.html
    // (owner, mode)
    may_fail("**/exim*.conf", MODES),
    may_fail("/etc/pam.d/*", MODES),
    may_fail("/etc/security/**", MODES),
    // https://dnsmasq.org, https://www.openldap.org: none known. MySQL ignores what others may
    // write: a volume's file has its mode. CONFIG REWRITE and Sentinel:
    // https://redis.io/docs/latest/operate/oss_and_stack/management/sentinel/
    may_fail("**/*sentinel*.conf", REWRITTEN),
    may_fail("**/redis*.conf", REWRITTEN),
    may_fail("**/valkey*.conf", REWRITTEN),
    // https://www.zigbee2mqtt.io/guide/configuration/,
    // https://docs.gitea.com/administration/config-cheat-sheet, https://wiki.servarr.com,
    // https://github.com/transmission/transmission/blob/main/docs/Editing-Configuration-Files.md,
    // https://docs.syncthing.net/users/config.html,
    // https://github.com/qbittorrent/qBittorrent/wiki, https://www.keycloak.org
    may_fail("**/zigbee2mqtt/**/configuration.yaml", REWRITTEN),
    may_fail("**/gitea/**/app.ini", REWRITTEN),
    may_fail("/config/config.xml", REWRITTEN),
    may_fail("**/transmission*/**/settings.json", REWRITTEN),
    may_fail("**/syncthing/**/config.xml", REWRITTEN),
    may_fail("**/qBittorrent*.conf", REWRITTEN),
    may_fail("**/sabnzbd.ini", REWRITTEN),
    // https://zookeeper.apache.org/doc/current/zookeeperReconfig.html (the static file is
    // rewritten)
    may_fail("**/zoo.cfg", REWRITTEN),
    may_fail("**/zookeeper*.properties", REWRITTEN),
];

/// How a file leaves its subPath.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// A link of the entrypoint.
    Link,
    /// A volume, at whatever path.
    Volume,
}

/// Notes what may mind that the files are links now.
///
/// # Errors
/// With the code of what is known to fail.
pub(super) fn judge(
    pod: &Pod<'_>,
    own: &Own<'_>,
    facts: &Facts,
    files: &[&File<'_>],
    way: Way,
    basis: &mut Basis,
) -> Result<(), NoFix> {
    for file in files {
        let target = file.target.as_str();
        let source = file.decision.volume.sources.get(file.source);
        place(target, basis)?;
        content(
            pod,
            own,
            target,
            source.and_then(|s| Some((s.to?, s.name))),
            &file.item.key,
            &facts.all_words(),
            basis,
        );
        scripts::in_sight(pod, own, target, basis)?;
        if way == Way::Link {
            scripts::of_image(pod, own, facts, target, basis)?;
        }
    }
    Ok(())
}

/// What the place of a file says about who reads it.
pub(super) fn place(target: &str, basis: &mut Basis) -> Result<(), NoFix> {
    let Some(rule) = RULES.iter().find(|rule| fits(rule.path, target)) else {
        return Ok(());
    };
    if rule.fails {
        return Err(NoFix::new(
            Code::ProgramRefuses,
            text![
                Verbatim(target),
                " would be a link into a volume, and ",
                &rule.difference
            ],
        ));
    }
    basis.lacks(text![
        "that ",
        Verbatim(target),
        " may be a link into a volume: ",
        &rule.difference
    ]);
    Ok(())
}

/// Why a program is known to replace the file at this place.
pub(super) fn rewrites(target: &str) -> Option<&'static str> {
    let rule = RULES.iter().find(|rule| fits(rule.path, target))?;
    (rule.difference == REWRITTEN).then_some(
        "the program replaces the file when it saves its settings, which a mount answers with \
         `Device or resource busy`",
    )
}

/// Whether the content of a key asks for its own place, or is a program that may.
pub(super) fn content(
    pod: &Pod<'_>,
    own: &Own<'_>,
    target: &str,
    source: Option<(Target, &str)>,
    key: &str,
    words: &[&str],
    basis: &mut Basis,
) {
    let extension = |text: &str| {
        name(text)
            .rsplit_once('.')
            .map(|(_, e)| e.to_ascii_lowercase())
    };
    let is_code = |text: &str| extension(text).is_some_and(|e| CODE.contains(&e.as_str()));
    let moves = "its real path, from which it would find them, is another one without the subPath";
    if is_code(target) || is_code(key) {
        basis.lacks(text![
            "that ",
            Verbatim(target),
            ", which is code, looks for no other files from its own place: ",
            &moves
        ]);
        return;
    }
    if run(own, target, words) {
        basis.lacks(text![
            "that ",
            Verbatim(target),
            ", which the container runs, looks for no other files from its own place: ",
            &moves
        ]);
        return;
    }
    let texts = source.and_then(|(to, name)| pod.objects.texts(to, name, key));
    let Some(texts) = texts else {
        let is_data = |text: &str| extension(text).is_some_and(|e| DATA.contains(&e.as_str()));
        let secret = source.is_some_and(|(to, _)| to == Target::Secret);
        if !secret && !is_data(target) && !is_data(key) {
            basis.lacks(text![
                "that ",
                Verbatim(target),
                ", whose content is not known here, is no program that looks for files from its \
                 own place"
            ]);
        }
        return;
    };
    if let Some(sign) = texts.iter().find_map(|text| asks(text)) {
        basis.lacks(text![
            "that ",
            Verbatim(target),
            " looks for no other files from its own place (it has ",
            &sign,
            "): ",
            &moves
        ]);
    }
}

/// What in a text looks around from the place of the file that it is in.
fn asks(text: &str) -> Option<String> {
    if text.starts_with("#!") || text.starts_with("<?php") {
        return Some(
            text.lines()
                .next()
                .unwrap_or_default()
                .trim_end()
                .to_owned(),
        );
    }
    if let Some(word) = OWN_PLACE.iter().find(|word| text.contains(**word)) {
        return Some((*word).to_owned());
    }
    let line = text.lines().map(str::trim).find(|line| {
        let code = line.strip_prefix("import ").is_some_and(|rest| {
            rest.starts_with(|c: char| c.is_alphabetic() || "{*'\"_".contains(c))
        });
        code || (line.starts_with("from ") && line.contains(" import ")) || names_neighbour(line)
    })?;
    Some(format!("`{line}`"))
}

/// Whether a line names a file beside it: a word such as `include`, then a path that starts with a
/// dot.
fn names_neighbour(line: &str) -> bool {
    let relative = ["./", "../"]
        .iter()
        .filter_map(|dots| line.find(dots))
        .min();
    let Some(before) = relative.and_then(|at| line.get(..at)) else {
        return false;
    };
    let opens = before.is_empty()
        || before.ends_with(|c: char| c.is_whitespace() || "'\"`(<=[".contains(c));
    opens && NAMES_NEIGHBOUR.iter().any(|word| before.contains(word))
}

/// Whether the container runs the file: it is the first word, or what an interpreter is given.
fn run(own: &Own<'_>, target: &str, image: &[&str]) -> bool {
    let words: Vec<&str> = wrapper::words(own.container.node)
        .into_iter()
        .chain(image.iter().copied())
        .collect();
    let work = own
        .container
        .node
        .get("workingDir")
        .and_then(Node::text)
        .unwrap_or("/");
    let is_target =
        |word: &str| word == target || normal(&format!("{work}/{word}")).as_deref() == Some(target);
    let interpreter = |word: &str| INTERPRETERS.iter().any(|i| name(word).starts_with(i));
    words.first().is_some_and(|first| is_target(first))
        || words
            .windows(2)
            .any(|pair| matches!(pair, [first, second] if interpreter(first) && is_target(second)))
        || words.iter().any(|word| {
            word.split_whitespace().any(|w| w == target)
                && word.contains(char::is_whitespace)
                && inline_run(word, target)
        })
}

/// Whether a command line within a word runs the file.
fn inline_run(text: &str, target: &str) -> bool {
    let parts = text.split(['\n', ';', '&', '|']);
    parts.into_iter().any(|part| {
        let mut words = part
            .split_whitespace()
            .filter(|word| !matches!(*word, "exec" | "." | "source" | "env" | "{" | "then" | "do"));
        let first = words.next().unwrap_or("");
        first == target
            || (INTERPRETERS.iter().any(|i| name(first).starts_with(i))
                && words.next() == Some(target))
    })
}

/// Whether a path is one of a pattern.
fn fits(pattern: &str, path: &str) -> bool {
    let split = |text: &'_ str| {
        text.trim_start_matches('/')
            .split('/')
            .map(str::to_owned)
            .collect::<Vec<String>>()
    };
    all(&split(pattern), &split(path))
}

fn all(pattern: &[String], path: &[String]) -> bool {
    match pattern.split_first() {
        None => path.is_empty(),
        Some((first, rest)) if first == "**" => {
            (0..=path.len()).any(|n| path.get(n..).is_some_and(|path| all(rest, path)))
        }
        Some((first, rest)) => path
            .split_first()
            .is_some_and(|(segment, path)| one(first, segment) && all(rest, path)),
    }
}

fn one(pattern: &str, segment: &str) -> bool {
    let Some((before, after)) = pattern.split_once('*') else {
        return pattern == segment;
    };
    let Some(left) = segment.strip_prefix(before) else {
        return false;
    };
    let mut ends = left.char_indices().map(|(at, _)| at).chain([left.len()]);
    after.is_empty() || ends.any(|at| left.get(at..).is_some_and(|end| one(after, end)))
}

#[cfg(test)]
mod tests {
    use super::{RULES, asks, fits};

    #[test]
    fn places_are_told_apart() {
        let fails = |path: &str| {
            RULES
                .iter()
                .find(|rule| fits(rule.path, path))
                .map(|rule| rule.fails)
        };
        for path in [
            "/home/x/.ssh/authorized_keys",
            "/etc/ssh/authorized_keys/git",
            "/etc/sudoers.d/ops",
            "/etc/cron.d/clean",
        ] {
            assert_eq!(fails(path), Some(true), "{path}");
        }
        for path in [
            "/usr/local/tomcat/webapps/ROOT/WEB-INF/classes/a.properties",
            "/etc/logrotate.d/app",
            "/root/.ssh/config",
        ] {
            assert_eq!(fails(path), Some(false), "{path}");
        }
        for path in [
            "/etc/app/web.conf",
            "/usr/local/tomcat/conf/server.xml",
            "/etc/cron",
            "/opt/webapps.conf",
        ] {
            assert_eq!(fails(path), None, "{path}");
        }
    }

    #[test]
    fn content_that_looks_around_is_seen() {
        for text in [
            "const x = require('./default.js')",
            "#!/bin/sh\n",
            "import os\n",
            "from .base import *\n",
            "a: 1\nextends: ../base.yaml\n",
            "dir=$(dirname \"$0\")",
            "cd $(readlink -f x)",
        ] {
            assert!(asks(text).is_some(), "{text}");
        }
        for text in [
            "listen 8080",
            "data_dir: ./data",
            "imported: yes",
            "# important\nfrom: a@example.com",
            "include mime.types;",
        ] {
            assert!(asks(text).is_none(), "{text}");
        }
    }
}
