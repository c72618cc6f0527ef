//! Images that are built like public ones of many kinds: ENTRYPOINT, CMD, user, directories with
//! owner and mode are modelled after the Dockerfiles that are named; scripts are cut to the line
//! that starts the program. What becomes of a file that is mounted where people mount it stands on
//! the page of the transform, in a table that is made here.

use std::fs;
use std::path::Path;

use libtest_mimic::{Failed, Trial};
use serde_json::{Value, json};

use crate::archives::layout;
use crate::image::{Stored, archive, base, image};
use crate::support::{TrialResult, ensure, kubewright, run};
use crate::{lock, workspace};

pub(crate) fn trials() -> Vec<Trial> {
    vec![Trial::test("practice/public_images", public_images)]
}

/// A public image, and a file that is mounted into it.
struct Public {
    name: &'static str,
    /// Project and file.
    source: &'static str,
    /// The base with a shell below it.
    shell: bool,
    user: &'static str,
    entrypoint: &'static [&'static str],
    cmd: &'static [&'static str],
    directory: &'static str,
    /// As of [`archive`].
    files: &'static [&'static str],
    path: &'static str,
    /// Fields of the container besides image and mount.
    container: &'static str,
}

const PUBLIC: Public = Public {
    name: "",
    source: "",
    shell: true,
    user: "",
    entrypoint: &[],
    cmd: &[],
    directory: "",
    files: &[],
    path: "",
    container: "",
};

const IMAGES: &[Public] = &[
    Public {
        name: "nginx",
        source: "nginx/docker-nginx mainline/debian/Dockerfile",
        entrypoint: &["/docker-entrypoint.sh"],
        cmd: &["nginx", "-g", "daemon off;"],
        files: &[
            "docker-entrypoint.sh : #!/bin/sh\nset -e\nexec \"$@\"\n",
            "etc/nginx/",
            "644 0 etc/nginx/nginx.conf : user nginx;",
            "etc/nginx/conf.d/",
            "644 0 etc/nginx/conf.d/default.conf : server {}",
        ],
        path: "/etc/nginx/nginx.conf",
        ..PUBLIC
    },
    Public {
        name: "grafana/grafana",
        source: "grafana/grafana Dockerfile",
        user: "472",
        entrypoint: &["/run.sh"],
        directory: "/usr/share/grafana",
        files: &[
            "run.sh : #!/bin/bash -e\nexec grafana server --config=\"$GF_PATHS_CONFIG\" \"$@\"\n",
            "etc/grafana/",
            "644 0 etc/grafana/grafana.ini : [paths]",
            "777 472 etc/grafana/provisioning/",
            "usr/share/grafana/",
        ],
        path: "/etc/grafana/grafana.ini",
        ..PUBLIC
    },
    Public {
        name: "prom/prometheus",
        source: "prometheus/prometheus Dockerfile",
        user: "nobody",
        entrypoint: &["/bin/prometheus"],
        cmd: &[
            "--config.file=/etc/prometheus/prometheus.yml",
            "--storage.tsdb.path=/prometheus",
        ],
        directory: "/prometheus",
        files: &[
            "644 0 etc/passwd : root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n",
            "755 65534 etc/prometheus/",
            "644 65534 etc/prometheus/prometheus.yml : global:",
            "775 65534 prometheus/",
        ],
        path: "/etc/prometheus/prometheus.yml",
        ..PUBLIC
    },
    Public {
        name: "mysql",
        source: "docker-library/mysql 9.7/Dockerfile.oracle",
        entrypoint: &["docker-entrypoint.sh"],
        cmd: &["mysqld"],
        files: &[
            "usr/local/bin/docker-entrypoint.sh : #!/bin/bash\nset -eo pipefail\nexec \"$@\"\n",
            "etc/mysql/",
            "etc/mysql/conf.d/",
            "644 0 etc/my.cnf : !includedir /etc/mysql/conf.d/",
        ],
        path: "/etc/mysql/conf.d/custom.cnf",
        ..PUBLIC
    },
    Public {
        name: "redis",
        source: "redis/docker-library-redis 7.4/debian/Dockerfile",
        entrypoint: &["docker-entrypoint.sh"],
        cmd: &["redis-server"],
        directory: "/data",
        files: &[
            "usr/local/bin/docker-entrypoint.sh : #!/bin/sh\nset -e\nif [ \"${1#-}\" != \"$1\" ]; then\n\tset \
             -- redis-server \"$@\"\nfi\nexec \"$@\"\n",
            "755 999 data/",
        ],
        path: "/usr/local/etc/redis/redis.conf",
        container: "          args: [redis-server, /usr/local/etc/redis/redis.conf]\n",
        ..PUBLIC
    },
    Public {
        name: "node",
        source: "nodejs/docker-node 26/trixie/Dockerfile",
        entrypoint: &["docker-entrypoint.sh"],
        cmd: &["node"],
        files: &[
            "usr/local/bin/docker-entrypoint.sh : #!/bin/sh\nset -e\nif [ \"${1#-}\" != \"${1}\" ]; then\n  \
             set -- node \"$@\"\nfi\nexec \"$@\"\n",
            "app/",
            "644 0 app/server.js : serve()",
        ],
        path: "/app/config.json",
        container: "          args: [node, /app/server.js]\n",
        ..PUBLIC
    },
    Public {
        name: "Spring Boot, layered jar",
        source: "spring-projects/spring-boot documentation, container-images/dockerfiles.adoc",
        entrypoint: &["java", "-jar", "application.jar"],
        directory: "/application",
        files: &[
            "application/",
            "644 0 application/application.jar : PK",
            "application/lib/",
        ],
        path: "/application/config/application.yml",
        container: "          env: [{name: SPRING_CONFIG_LOCATION, value: \
                    'file:/application/config/application.yml'}]\n",
        ..PUBLIC
    },
    Public {
        name: ".NET, chiseled",
        source: "dotnet/dotnet-docker samples/aspnetapp/Dockerfile.chiseled",
        shell: false,
        user: "1654",
        entrypoint: &["./aspnetapp"],
        directory: "/app",
        files: &[
            "app/",
            "644 0 app/appsettings.json : {}",
            "app/aspnetapp : ELF",
        ],
        path: "/app/appsettings.Production.json",
        ..PUBLIC
    },
    Public {
        name: "distroless static, an agent",
        source: "GoogleContainerTools/distroless static/static.bzl",
        shell: false,
        user: "65532",
        entrypoint: &["/agent"],
        files: &[
            "agent : ELF",
            "etc/",
            "644 0 etc/passwd : nonroot:x:65532:65532::/:/x\n",
        ],
        path: "/etc/agent/agent.yaml",
        ..PUBLIC
    },
    Public {
        name: "s6-overlay",
        source: "linuxserver/docker-baseimage-alpine Dockerfile",
        entrypoint: &["/init"],
        files: &["init : #!/bin/sh -e\nexec /package/admin/s6-overlay/libexec/preinit \"$@\"\n"],
        path: "/etc/app/app.conf",
        ..PUBLIC
    },
    Public {
        name: "bitnami/redis",
        source: "bitnami/containers bitnami/redis/8.2/debian-12/Dockerfile",
        user: "1001",
        entrypoint: &["/opt/bitnami/scripts/redis/entrypoint.sh"],
        cmd: &["/opt/bitnami/scripts/redis/run.sh"],
        files: &[
            "775 0 opt/bitnami/",
            "775 0 opt/bitnami/redis/",
            "775 0 opt/bitnami/redis/etc/",
            "664 0 opt/bitnami/redis/etc/redis.conf : port 6379",
            "opt/bitnami/scripts/redis/entrypoint.sh : #!/bin/bash\nset -o errexit\nexec \"$@\"\n",
            "opt/bitnami/scripts/redis/run.sh : #!/bin/bash\nexec redis-server \"$@\"\n",
        ],
        path: "/opt/bitnami/redis/etc/overrides.conf",
        ..PUBLIC
    },
    Public {
        name: "postgres",
        source: "docker-library/postgres 18/trixie/Dockerfile",
        entrypoint: &["docker-entrypoint.sh"],
        cmd: &["postgres"],
        files: &[
            "usr/local/bin/docker-entrypoint.sh : #!/usr/bin/env bash\nset -Eeo pipefail\nfor f in \
             /docker-entrypoint-initdb.d/*; do psql -f \"$f\"; done\nexec \"$@\"\n",
            "docker-entrypoint-initdb.d/",
        ],
        path: "/docker-entrypoint-initdb.d/init.sql",
        ..PUBLIC
    },
    Public {
        name: "rabbitmq",
        source: "docker-library/rabbitmq 4.3/ubuntu/Dockerfile",
        entrypoint: &["docker-entrypoint.sh"],
        cmd: &["rabbitmq-server"],
        files: &[
            "usr/local/bin/docker-entrypoint.sh : #!/bin/bash\nset -eu\nexec \"$@\"\n",
            "777 999 etc/rabbitmq/",
            "777 999 etc/rabbitmq/conf.d/",
        ],
        path: "/etc/rabbitmq/rabbitmq.conf",
        ..PUBLIC
    },
    Public {
        name: "haproxy",
        source: "docker-library/haproxy 3.5/Dockerfile",
        user: "haproxy",
        entrypoint: &["docker-entrypoint.sh"],
        cmd: &["haproxy", "-f", "/usr/local/etc/haproxy/haproxy.cfg"],
        directory: "/var/lib/haproxy",
        files: &[
            "644 0 etc/passwd : root:x:0:0:root:/root:/bin/sh\nhaproxy:x:99:99::/var/lib/haproxy:/x\n",
            "usr/local/bin/docker-entrypoint.sh : #!/bin/sh\nset -e\nexec \"$@\"\n",
            "usr/local/etc/haproxy/",
            "usr/local/etc/haproxy/errors/",
            "755 99 var/lib/haproxy/",
        ],
        path: "/usr/local/etc/haproxy/haproxy.cfg",
        ..PUBLIC
    },
    Public {
        name: "traefik",
        source: "traefik/traefik-library-image v3.7/alpine/Dockerfile",
        entrypoint: &["/entrypoint.sh"],
        cmd: &["traefik"],
        files: &["entrypoint.sh : #!/bin/sh\nset -e\nexec \"$@\"\n"],
        path: "/etc/traefik/traefik.yml",
        ..PUBLIC
    },
    Public {
        name: "envoyproxy/envoy",
        source: "envoyproxy/envoy distribution/docker/Dockerfile-envoy",
        entrypoint: &["/docker-entrypoint.sh"],
        cmd: &["envoy", "-c", "/etc/envoy/envoy.yaml"],
        files: &[
            "docker-entrypoint.sh : #!/usr/bin/env sh\nset -e\nexec \"$@\"\n",
            "etc/envoy/",
            "644 0 etc/envoy/envoy.yaml : admin:",
        ],
        path: "/etc/envoy/envoy.yaml",
        ..PUBLIC
    },
    Public {
        name: "httpd",
        source: "docker-library/httpd 2.4/Dockerfile",
        cmd: &["httpd-foreground"],
        directory: "/usr/local/apache2",
        files: &[
            "usr/local/bin/httpd-foreground : #!/bin/sh\nset -e\nrm -f \
             /usr/local/apache2/logs/httpd.pid\nexec httpd -DFOREGROUND \"$@\"\n",
            "usr/local/apache2/",
            "usr/local/apache2/conf/",
            "644 0 usr/local/apache2/conf/httpd.conf : Listen 80",
            "usr/local/apache2/conf/extra/",
        ],
        path: "/usr/local/apache2/conf/httpd.conf",
        ..PUBLIC
    },
    Public {
        name: "php, fpm",
        source: "docker-library/php 8.5/trixie/fpm/Dockerfile",
        entrypoint: &["docker-php-entrypoint"],
        cmd: &["php-fpm"],
        directory: "/var/www/html",
        files: &[
            "usr/local/bin/docker-php-entrypoint : #!/bin/sh\nset -e\nif [ \"${1#-}\" != \"$1\" ]; then\n\tset \
             -- php-fpm \"$@\"\nfi\nexec \"$@\"\n",
            "usr/local/etc/php/conf.d/",
            "777 33 var/www/html/",
        ],
        path: "/usr/local/etc/php/conf.d/custom.ini",
        ..PUBLIC
    },
    Public {
        name: "python",
        source: "docker-library/python 3.12/trixie/Dockerfile",
        cmd: &["python3"],
        files: &["app/", "644 0 app/main.py : serve()"],
        path: "/app/settings.toml",
        container: "          args: [python3, /app/main.py]\n",
        ..PUBLIC
    },
    Public {
        name: "busybox",
        source: "docker-library/busybox latest/glibc/amd64",
        cmd: &["sh"],
        path: "/etc/app.conf",
        container: "          command: [httpd, -f, -c, /etc/app.conf]\n",
        ..PUBLIC
    },
];

impl Public {
    fn manifest(&self, image: &str) -> String {
        let file = self.path.rsplit('/').next().unwrap_or(self.path);
        format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: config\ndata:\n  {file}: ''\n---\napiVersion: \
             apps/v1\nkind: Deployment\nmetadata:\n  name: web\nspec:\n  selector:\n    matchLabels: {{app: \
             web}}\n  template:\n    metadata:\n      labels: {{app: web}}\n    spec:\n      containers:\n        - \
             name: app\n          image: {image}\n{}          volumeMounts:\n            - name: config\n              \
             mountPath: {}\n              subPath: {file}\n      volumes:\n        - name: config\n          \
             configMap:\n            name: config\n",
            self.container, self.path
        )
    }

    /// What is found, as a row of the table.
    fn row(&self) -> Result<String, Failed> {
        let name = "registry.example.com/public:1";
        let mut run_config = json!({ "User": self.user, "WorkingDir": self.directory, "Env": ["PATH=/usr/local/bin:/usr/bin:/bin"] });
        for (key, words) in [("Entrypoint", self.entrypoint), ("Cmd", self.cmd)] {
            if !words.is_empty() {
                run_config[key] = json!(words);
            }
        }
        let mut layers = Vec::new();
        if self.shell {
            layers.push((Stored::Gzip, base()));
        }
        if !self.files.is_empty() {
            layers.push((Stored::Gzip, archive(self.files)));
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
            self.name, self.source, self.path
        ))
    }
}

const BEGIN: &str = "<!-- images in practice: made by a test -->\n\n";
const END: &str = "\n<!-- end -->\n";
const HEAD: &str = "\
| image | modelled after | file | strategy | | reason |
|---|---|---|---|---|---|
";

fn public_images() -> TrialResult {
    let rows: Vec<String> = IMAGES.iter().map(Public::row).collect::<Result<_, _>>()?;
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
