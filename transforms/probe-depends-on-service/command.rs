//! Which hosts the command of a probe asks.
//!
//! What is known are clients and where they take a host: as an address, behind a flag, in front of
//! a port. Of other programs only addresses with a scheme are read.

use super::shell;

/// The hosts that a command asks, as they are written in it; variables are filled in where
/// `value` knows them.
pub(super) fn hosts(command: &[&str], value: &dyn Fn(&str) -> Option<String>) -> Vec<String> {
    let mut found = Vec::new();
    let commands = match script(command) {
        Some(script) if is_forgiving(script) => return found,
        Some(script) => shell::commands(script),
        None => vec![command.iter().map(|word| (*word).to_owned()).collect()],
    };
    for words in commands {
        let words: Vec<String> = words
            .iter()
            .map(|word| shell::filled_in(word, value))
            .collect();
        of_words(&words, &mut found);
    }
    found.retain(|host| !host.is_empty());
    found.sort();
    found.dedup();
    found
}

/// The script of `sh -c SCRIPT`.
fn script<'a>(command: &[&'a str]) -> Option<&'a str> {
    let (shell, arguments) = command.split_first()?;
    let shells = ["sh", "bash", "ash", "dash", "ksh", "zsh"];
    if !shells.contains(&base(shell)) {
        return None;
    }
    let flag = |word: &&str| word.starts_with('-') && word.ends_with('c');
    let at = arguments.iter().position(flag)?;
    arguments.get(at + 1).copied()
}

/// Whether a script succeeds whatever it was answered.
fn is_forgiving(script: &str) -> bool {
    let close: String = script.split_whitespace().collect();
    ["||true", "||:", "||exit0", "||echo", ";exit0", ";true"]
        .iter()
        .any(|end| close.contains(end))
}

/// The last part of a path.
fn base(word: &str) -> &str {
    word.rsplit('/').next().unwrap_or(word)
}

/// How a client takes the host that it asks.
enum Client {
    /// An address among its arguments, with or without a scheme.
    Address(&'static [&'static str]),
    /// Host and port, one behind the other.
    HostPort(&'static [&'static str]),
    /// A value of one of these flags.
    Flag(&'static [&'static str]),
    /// Its first argument that is no flag, nor a value of one of these.
    First(&'static [&'static str]),
}

/// Flags of curl, wget and the like that take a value.
const WEB: &[&str] = &[
    "--cacert",
    "--cert",
    "--connect-timeout",
    "--data",
    "--data-raw",
    "--header",
    "--key",
    "--max-time",
    "--method",
    "--output",
    "--output-document",
    "--post-data",
    "--proxy",
    "--request",
    "--retry",
    "--retry-delay",
    "--timeout",
    "--tries",
    "--user",
    "--user-agent",
    "--write-out",
];
/// Letters at whose end a short flag of curl takes the next word.
const WEB_LETTERS: &[char] = &[
    'A', 'b', 'c', 'd', 'e', 'E', 'F', 'H', 'm', 'o', 'T', 'u', 'U', 'w', 'x', 'X',
];

fn client(program: &str) -> Option<Client> {
    Some(match program {
        "curl" | "http" | "https" | "wget" | "xh" => Client::Address(WEB),
        "grpcurl" => Client::First(&["-import-path", "-proto", "-d", "-H", "-authority"]),
        "nc" | "ncat" | "netcat" | "telnet" => {
            Client::HostPort(&["-w", "-q", "-i", "-G", "-p", "-s"])
        }
        "pg_isready" | "psql" | "mysql" | "mysqladmin" | "mariadb" | "mariadb-admin"
        | "mariadb-check" | "mysqlcheck" | "clickhouse-client" | "influx" => {
            Client::Flag(&["-h", "--host", "-host"])
        }
        "redis-cli" | "valkey-cli" | "keydb-cli" => Client::Flag(&["-h", "-u"]),
        "mongo" | "mongosh" => Client::Flag(&["--host"]),
        "grpc_health_probe" | "grpc-health-probe" => Client::Flag(&["-addr", "--addr"]),
        "etcdctl" => Client::Flag(&["--endpoints"]),
        "kafka-topics"
        | "kafka-topics.sh"
        | "kafka-broker-api-versions"
        | "kafka-broker-api-versions.sh" => Client::Flag(&["--bootstrap-server"]),
        "cqlsh" => Client::First(&[
            "-e",
            "-f",
            "-k",
            "-p",
            "-u",
            "--connect-timeout",
            "--cqlversion",
            "--execute",
            "--file",
            "--keyspace",
            "--password",
            "--request-timeout",
            "--username",
        ]),
        "nslookup" => Client::First(&[]),
        "ping" => Client::First(&["-c", "-w", "-W", "-i"]),
        _ => return None,
    })
}

/// Adds the hosts that one simple command asks.
fn of_words(words: &[String], found: &mut Vec<String>) {
    for word in words {
        let ports = word.split("/dev/tcp/").skip(1);
        found.extend(
            ports
                .filter_map(|rest| rest.split('/').next())
                .map(str::to_owned),
        );
    }
    let known = words.iter().position(|word| client(base(word)).is_some());
    let Some((at, client)) = known.and_then(|at| Some((at, client(base(words.get(at)?))?))) else {
        found.extend(words.iter().flat_map(|word| with_scheme(word)));
        return;
    };
    let arguments: Vec<&str> = words.iter().skip(at + 1).map(String::as_str).collect();
    // A socket of the container itself.
    if arguments
        .iter()
        .any(|word| matches!(*word, "--unix-socket" | "--socket"))
    {
        return;
    }
    match client {
        Client::Address(flags) => {
            let letters = if flags == WEB { WEB_LETTERS } else { &[] };
            for word in positional(&arguments, flags, letters) {
                found.extend(address(word));
            }
            found.extend(
                flag_values(&arguments, &["--url"])
                    .into_iter()
                    .filter_map(address),
            );
        }
        Client::HostPort(flags) => {
            let words = positional(&arguments, flags, &[]);
            if let [host, port, ..] = words.as_slice() {
                let port_like = port.starts_with(|c: char| c.is_ascii_digit() || c == '$');
                found.extend(port_like.then(|| (*host).to_owned()));
            } else {
                found.extend(words.first().and_then(|word| address(word)));
            }
        }
        Client::Flag(flags) => {
            let values = flag_values(&arguments, flags).into_iter();
            found.extend(
                values
                    .flat_map(|value| value.split(','))
                    .filter_map(address),
            );
            found.extend(arguments.iter().flat_map(|word| with_scheme(word)));
        }
        Client::First(flags) => {
            let words = positional(&arguments, flags, &[]);
            found.extend(words.first().and_then(|word| address(word)));
        }
    }
}

/// The arguments that are no flags, nor values of flags.
fn positional<'a>(arguments: &[&'a str], flags: &[&str], letters: &[char]) -> Vec<&'a str> {
    let mut words = Vec::new();
    let mut value = false;
    for word in arguments {
        if std::mem::take(&mut value) {
            continue;
        }
        if word.starts_with('-') && word.len() > 1 {
            let short = !word.starts_with("--") && word.ends_with(letters);
            value = flags.contains(word) || short;
        } else {
            words.push(*word);
        }
    }
    words
}

/// The values of flags: `--host X`, `--host=X`, and of a single letter also `-hX`.
fn flag_values<'a>(arguments: &[&'a str], flags: &[&str]) -> Vec<&'a str> {
    let mut values = Vec::new();
    for (at, word) in arguments.iter().enumerate() {
        for flag in flags {
            if word == flag {
                values.extend(arguments.get(at + 1).copied());
            } else if let Some(rest) = word.strip_prefix(flag) {
                let joined = rest.strip_prefix('=');
                let letter = (flag.len() == 2).then_some(rest);
                values.extend(joined.or(letter));
            }
        }
    }
    values
}

/// The host of an address, with or without a scheme, user, port and path.
fn address(word: &str) -> Option<String> {
    if word.contains("://") {
        return with_scheme(word).into_iter().next();
    }
    let host = host_of(word);
    let behind = word.get(host.len()..).unwrap_or_default();
    let port = behind
        .strip_prefix(':')
        .map(|rest| rest.split('/').next().unwrap_or_default());
    let port_like = port.is_none_or(|port| {
        !port.is_empty()
            && port
                .chars()
                .all(|c| c.is_ascii_digit() || "$(){}_".contains(c) || c.is_ascii_uppercase())
    });
    (!host.is_empty() && port_like && !host.contains(char::is_whitespace)).then(|| host.to_owned())
}

/// The hosts of all addresses with a scheme in a text.
fn with_scheme(text: &str) -> Vec<String> {
    text.match_indices("://")
        .filter(|(at, _)| {
            text.get(..*at)
                .is_some_and(|before| before.ends_with(|c: char| c.is_ascii_alphanumeric()))
        })
        .filter_map(|(at, scheme)| {
            let rest = text.get(at + scheme.len()..)?;
            let end = rest
                .find(|c: char| "/?#\"' `<>|".contains(c))
                .unwrap_or(rest.len());
            let authority = rest.get(..end)?;
            let authority = authority.rsplit('@').next().unwrap_or(authority);
            Some(host_of(authority).to_owned())
        })
        .collect()
}

/// The part in front of the port.
fn host_of(text: &str) -> &str {
    if let Some(inner) = text.strip_prefix('[') {
        return inner.split(']').next().unwrap_or(inner);
    }
    let end = text.find([':', '/', '?', '#', '"', '\'', ')', ',', ';']);
    // The brackets of a variable are part of it.
    let end = if text.starts_with("$(") {
        text.find(')').map(|at| at + 1)
    } else {
        end
    };
    let end = if text.starts_with("${") {
        text.find('}').map(|at| at + 1)
    } else {
        end
    };
    text.get(..end.unwrap_or(text.len())).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::hosts;

    fn of(command: &[&str]) -> Vec<String> {
        hosts(command, &|name| {
            (name == "API_HOST").then(|| "api".to_owned())
        })
    }

    #[test]
    fn clients_and_their_hosts() {
        for (script, host) in [
            ("curl -fsS http://api:8080/health", "api"),
            ("curl -sf -o /dev/null -H 'Host: web' api/health", "api"),
            (
                "curl --max-time 5 https://user:secret@api.shop.svc.cluster.local",
                "api.shop.svc.cluster.local",
            ),
            ("curl http://$API_HOST/health", "api"),
            ("curl http://${API_HOST:-x}/health", "api"),
            (
                "curl http://$(API_SERVICE_HOST):$(API_SERVICE_PORT)/",
                "$(API_SERVICE_HOST)",
            ),
            (
                "test $(curl -s -o /dev/null -w '%{http_code}' http://api) = 200",
                "api",
            ),
            ("wget -qO- http://api/ | grep ok", "api"),
            ("wget -q --spider api:80/", "api"),
            ("nc -z -w 2 api 80", "api"),
            ("timeout 1 nc -zv api 80", "api"),
            ("pg_isready -h api -U postgres", "api"),
            ("PGPASSWORD=x psql --host=api -c 'select 1'", "api"),
            ("psql postgres://u:p@api:5432/shop -c 'select 1'", "api"),
            ("mysqladmin ping -hapi", "api"),
            ("redis-cli -h api ping", "api"),
            ("redis-cli -u redis://:p@api:6379 ping", "api"),
            ("mongosh --host api --eval 1", "api"),
            ("mongosh mongodb://api:27017/x --eval 1", "api"),
            ("grpc_health_probe -addr=api:50051", "api"),
            ("grpcurl -plaintext api:50051 list", "api"),
            ("exec 3<>/dev/tcp/api/80", "api"),
            (
                "python -c \"import urllib.request as r; r.urlopen('http://api/')\"",
                "api",
            ),
            ("kafka-topics.sh --bootstrap-server api:9092 --list", "api"),
            ("nslookup api", "api"),
            ("cqlsh -u x -p x api -e 'describe keyspaces'", "api"),
        ] {
            assert_eq!(of(&["sh", "-c", script]), [host], "{script}");
        }
        assert_eq!(of(&["/usr/bin/curl", "-f", "http://api"]), ["api"]);
        assert_eq!(of(&["redis-cli", "-h", "$(API_HOST)", "ping"]), ["api"]);
    }

    #[test]
    fn what_asks_no_other_host() {
        for script in [
            "curl http://api || true",
            "curl http://api || exit 0",
            "redis-cli ping",
            "cat /tmp/healthy",
            "curl --unix-socket /run/x.sock http://api",
            "echo ruok | nc -w 1 -U /run/x",
            "# curl http://api",
            "cqlsh -u api -p api -e 'describe keyspaces'",
        ] {
            let found = of(&["sh", "-c", script]);
            assert!(!found.contains(&"api".to_owned()), "{script}: {found:?}");
        }
        assert_eq!(of(&["sh", "/probe.sh", "http"]), Vec::<String>::new());
    }
}
