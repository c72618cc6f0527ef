//! Public images of programs and of languages, and those without a shell; as of [`public`](crate::public).

use crate::public::{PUBLIC, Public, STARTS};

/// What watches, what is built on a language, and images without a shell.
pub(crate) const APPLICATIONS: &[Public] = &[
    Public {
        name: "grafana/grafana",
        source: &[
            "grafana/grafana/78515af65f036f536c4ab2e6fdb5484552f99f1f/Dockerfile",
            "grafana/grafana/07754534fbafa7e7e18e7272e552c166f1afae28/packaging/docker/run.sh",
        ],
        user: "472",
        entrypoint: &["/run.sh"],
        directory: "/usr/share/grafana",
        env: &[
            "GF_PATHS_CONFIG=/etc/grafana/grafana.ini",
            "GF_PATHS_PROVISIONING=/etc/grafana/provisioning",
        ],
        files: &[
            "644 0 etc/passwd : root:x:0:0:root:/root:/bin/sh\ngrafana:x:472:0::/home/grafana:/x\n",
            "etc/grafana/",
            "644 0 etc/grafana/grafana.ini : [paths]",
            "644 0 etc/grafana/ldap.toml : [[servers]]",
            "777 472 etc/grafana/provisioning/",
            "usr/share/grafana/",
        ],
        scripts: &[(
            "run.sh",
            "#!/bin/sh\nset -e\nif [ ! -r \"$GF_PATHS_CONFIG\" ]; then\n    echo \
             unreadable\nfi\nif [ ! -d \"$GF_PATHS_PLUGINS\" ]; then\n    mkdir \
             \"$GF_PATHS_PLUGINS\"\nfi\nexec grafana server --config=\"$GF_PATHS_CONFIG\" \"$@\"\n",
            "grafana/grafana/packaging/docker/run.sh",
        )],
        path: "/etc/grafana/grafana.ini",
        ..PUBLIC
    },
    Public {
        name: "prom/prometheus",
        source: &["prometheus/prometheus/d15adb9ad7e5d9fbde3a9a8f30200593a5a14d86/Dockerfile"],
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
        name: "fluent-bit",
        source: &[
            "fluent/fluent-bit/d55459d492c5c019c0f7dc24db42e69ef47a5437/dockerfiles/Dockerfile",
        ],
        shell: false,
        entrypoint: &["/fluent-bit/bin/fluent-bit"],
        cmd: &[
            "/fluent-bit/bin/fluent-bit",
            "-c",
            "/fluent-bit/etc/fluent-bit.conf",
        ],
        files: &[
            "fluent-bit/bin/fluent-bit : ELF",
            "fluent-bit/etc/",
            "644 0 fluent-bit/etc/fluent-bit.conf : [SERVICE]",
            "644 0 fluent-bit/etc/parsers.conf : [PARSER]",
        ],
        path: "/fluent-bit/etc/fluent-bit.conf",
        ..PUBLIC
    },
    Public {
        name: "node, an application",
        source: &[
            "nodejs/docker-node/f27d936f7d7ccdeec25cd2de33584c1a841f561d/26/trixie/Dockerfile",
            "nodejs/docker-node/f27d936f7d7ccdeec25cd2de33584c1a841f561d/26/trixie/\
             docker-entrypoint.sh",
        ],
        entrypoint: &["docker-entrypoint.sh"],
        cmd: &["node"],
        files: &["app/", "644 0 app/server.js : serve()"],
        scripts: &[(
            "usr/local/bin/docker-entrypoint.sh",
            "#!/bin/sh\nset -e\nif [ \"${1#-}\" != \"${1}\" ] || [ -z \"$(command -v \"${1}\")\" \
             ]; then\n  set -- node \"$@\"\nfi\nexec \"$@\"\n",
            "nodejs/docker-node/26/trixie/docker-entrypoint.sh",
        )],
        path: "/app/config.json",
        container: "          args: [node, /app/server.js]\n",
        ..PUBLIC
    },
    Public {
        name: "Spring Boot, layered jar",
        source: &[
            "spring-projects/spring-boot/a07606f55186bf71a8e0a1c2ab498b13993c8bef/documentation/\
             spring-boot-docs/src/docs/antora/modules/reference/pages/packaging/container-images/\
             dockerfiles.adoc",
        ],
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
        source: &[
            "dotnet/dotnet-docker/3ed00b611cc88eaa5995525a0549a5703965cd02/samples/aspnetapp/\
             Dockerfile.chiseled",
            "dotnet/dotnet-docker/3ed00b611cc88eaa5995525a0549a5703965cd02/src/runtime-deps/10.0/\
             noble-chiseled/amd64/Dockerfile",
        ],
        shell: false,
        user: "1654",
        entrypoint: &["./aspnetapp"],
        directory: "/app",
        files: &[
            "644 0 etc/passwd : \
             root:x:0:0:root:/root:/bin/bash\napp:x:1654:1654::/home/app:/bin/false\n",
            "app/",
            "644 0 app/appsettings.json : {}",
            "app/aspnetapp : ELF",
        ],
        path: "/app/appsettings.Production.json",
        ..PUBLIC
    },
    Public {
        name: "distroless static, an agent",
        source: &[
            "GoogleContainerTools/distroless/cd080764af3103b2f49fb5eb23297c72c945e77a/static/\
             static.bzl",
            "GoogleContainerTools/distroless/cd080764af3103b2f49fb5eb23297c72c945e77a/common/\
             variables.bzl",
        ],
        shell: false,
        user: "65532",
        entrypoint: &["/agent"],
        directory: "/home/nonroot",
        files: &[
            "agent : ELF",
            "etc/",
            "644 0 etc/passwd : nonroot:x:65532:65532::/home/nonroot:/x\n",
            "700 65532 home/nonroot/",
        ],
        path: "/etc/agent/agent.yaml",
        ..PUBLIC
    },
    Public {
        name: "php, fpm",
        source: &[
            "docker-library/php/445bf414f1d5866f7aef715f1203eae043710070/8.5/trixie/fpm/Dockerfile",
            "docker-library/php/445bf414f1d5866f7aef715f1203eae043710070/8.5/trixie/fpm/\
             docker-php-entrypoint",
        ],
        entrypoint: &["docker-php-entrypoint"],
        cmd: &["php-fpm"],
        directory: "/var/www/html",
        files: &[
            "usr/local/etc/php/conf.d/",
            "644 0 usr/local/etc/php/conf.d/docker-fpm.ini : fastcgi.logging = Off",
            "1777 33 var/www/html/",
        ],
        scripts: &[(
            "usr/local/bin/docker-php-entrypoint",
            STARTS,
            "docker-library/php/8.5/trixie/fpm/docker-php-entrypoint",
        )],
        path: "/usr/local/etc/php/conf.d/custom.ini",
        ..PUBLIC
    },
    Public {
        name: "python, an application",
        source: &[
            "docker-library/python/4f07059567fa61c80397126e8063dbbde011b794/3.12/trixie/Dockerfile",
        ],
        cmd: &["python3"],
        files: &["app/", "644 0 app/main.py : serve()"],
        path: "/app/settings.toml",
        container: "          args: [python3, /app/main.py]\n",
        ..PUBLIC
    },
    Public {
        name: "busybox",
        source: &[
            "docker-library/busybox/9c2087811429374737832a4c936fc411c1b4a22b/Dockerfile.template",
        ],
        cmd: &["sh"],
        path: "/etc/app.conf",
        container: "          command: [httpd, -f, -c, /etc/app.conf]\n",
        ..PUBLIC
    },
];
