//! Public images, in the small: ENTRYPOINT, CMD, USER, WORKDIR, what of ENV matters, owners and modes
//! of directories, as the published files that are named say.
//!
//! Scripts are written anew: they change, run and ask about the same paths as the published ones, by
//! the same means (a name, a variable, a directory that is gone through), and nothing else. What an
//! application puts on top of a base image is our own.

use crate::applications::APPLICATIONS;

/// A public image, and a file that is mounted into it.
pub(crate) struct Public {
    pub(crate) name: &'static str,
    /// `owner/name/commit/path` of each published file.
    pub(crate) source: &'static [&'static str],
    /// The base with a shell below it.
    pub(crate) shell: bool,
    pub(crate) user: &'static str,
    pub(crate) entrypoint: &'static [&'static str],
    pub(crate) cmd: &'static [&'static str],
    pub(crate) directory: &'static str,
    pub(crate) env: &'static [&'static str],
    /// As of [`archive`](crate::image::archive).
    pub(crate) files: &'static [&'static str],
    /// Where it lies, what it does, and the `owner/name/path` of what it stands for.
    pub(crate) scripts: &'static [(&'static str, &'static str, &'static str)],
    pub(crate) path: &'static str,
    /// Fields of the container besides image and mount.
    pub(crate) container: &'static str,
}

pub(crate) const PUBLIC: Public = Public {
    name: "",
    source: &[],
    shell: true,
    user: "",
    entrypoint: &[],
    cmd: &[],
    directory: "",
    env: &[],
    files: &[],
    scripts: &[],
    path: "",
    container: "",
};

/// All of them.
pub(crate) fn images() -> impl Iterator<Item = &'static Public> {
    SERVERS.iter().chain(DATA).chain(APPLICATIONS)
}

const NGINX: Public = Public {
    name: "nginx",
    source: &[
        "nginxinc/docker-nginx/b430becb8f0f6b8d69e68cc73a82ea2873c38639/mainline/debian/Dockerfile",
        "nginxinc/docker-nginx/b430becb8f0f6b8d69e68cc73a82ea2873c38639/entrypoint",
    ],
    entrypoint: &["/docker-entrypoint.sh"],
    cmd: &["nginx", "-g", "daemon off;"],
    files: &[
        "etc/nginx/",
        "644 0 etc/nginx/nginx.conf : user nginx;",
        "etc/nginx/conf.d/",
        "644 0 etc/nginx/conf.d/default.conf : server {}",
        "docker-entrypoint.d/",
    ],
    scripts: &[
        (
            "docker-entrypoint.sh",
            "#!/bin/sh\nset -e\nif [ \"$1\" = nginx ]; then\n    find \"/docker-entrypoint.d/\" \
             -follow -type f | while read -r f; do\n        case \"$f\" in\n            *.envsh) \
             . \"$f\" ;;\n            *.sh) \"$f\" ;;\n        esac\n    done\nfi\nexec \"$@\"\n",
            "nginxinc/docker-nginx/entrypoint/docker-entrypoint.sh",
        ),
        (
            "docker-entrypoint.d/10-listen-on-ipv6-by-default.sh",
            "#!/bin/sh\nset -e\nSERVER=\"etc/nginx/conf.d/default.conf\"\nif [ ! -f \"/$SERVER\" \
             ]; then\n    exit 0\nfi\ntouch /$SERVER 2>/dev/null || { echo \"read-only\"; exit 0; \
             }\nsed -i -E 's,listen 80;,listen 80; listen [::]:80;,' /$SERVER\n",
            "nginxinc/docker-nginx/entrypoint/10-listen-on-ipv6-by-default.sh",
        ),
        (
            "docker-entrypoint.d/15-local-resolvers.envsh",
            "#!/bin/sh\nset -eu\n[ \"${NGINX_ENTRYPOINT_LOCAL_RESOLVERS:-}\" ] || return \
             0\nexport RESOLVERS=$(awk '{print $2}' /etc/resolv.conf)\n",
            "nginxinc/docker-nginx/entrypoint/15-local-resolvers.envsh",
        ),
        (
            "docker-entrypoint.d/20-envsubst-on-templates.sh",
            "#!/bin/sh\nset -e\nstream() {\n  local main=\"/etc/nginx/nginx.conf\"\n  touch \
             \"$main\" 2>/dev/null || { echo \"read-only\"; exit 0; }\n  cat << END >> \
             \"$main\"\nstream {}\nEND\n}\ntemplates() {\n  local \
             from=\"${NGINX_ENVSUBST_TEMPLATE_DIR:-/etc/nginx/templates}\"\n  local \
             to=\"${NGINX_ENVSUBST_OUTPUT_DIR:-/etc/nginx/conf.d}\"\n  [ -d \"$from\" ] || return \
             0\n  find \"$from\" -follow -type f | while read -r t; do\n    mkdir -p \"$to\"\n    \
             envsubst < \"$t\" > \"$to/${t##*/}\"\n  done\n  stream\n}\ntemplates\n",
            "nginxinc/docker-nginx/entrypoint/20-envsubst-on-templates.sh",
        ),
        (
            "docker-entrypoint.d/30-tune-worker-processes.sh",
            "#!/bin/sh\nset -eu\n[ \"${NGINX_ENTRYPOINT_WORKER_PROCESSES_AUTOTUNE:-}\" ] || exit \
             0\ntouch /etc/nginx/nginx.conf 2>/dev/null || exit 0\nsed -i.bak -r \
             's/^(worker_processes) .*/\\1 4;/' /etc/nginx/nginx.conf\n",
            "nginxinc/docker-nginx/entrypoint/30-tune-worker-processes.sh",
        ),
    ],
    path: "/etc/nginx/nginx.conf",
    ..PUBLIC
};

/// The start script of many images: what follows is an option, or the program.
pub(crate) const STARTS: &str = "#!/bin/sh\nset -e\nif [ \"${1#-}\" != \"$1\" ]; then\n\tset -- \
                                 program \"$@\"\nfi\nexec \"$@\"\n";

/// Servers and proxies.
const SERVERS: &[Public] = &[
    NGINX,
    Public {
        name: "nginx, its server",
        path: "/etc/nginx/conf.d/default.conf",
        ..NGINX
    },
    Public {
        name: "httpd",
        source: &[
            "docker-library/httpd/9b63b37c9be3b42d16b924ebb40af3cc40793119/2.4/Dockerfile",
            "docker-library/httpd/9b63b37c9be3b42d16b924ebb40af3cc40793119/2.4/httpd-foreground",
        ],
        cmd: &["httpd-foreground"],
        directory: "/usr/local/apache2",
        files: &[
            "755 33 usr/local/apache2/",
            "usr/local/apache2/conf/",
            "644 0 usr/local/apache2/conf/httpd.conf : Listen 80",
            "usr/local/apache2/conf/extra/",
        ],
        scripts: &[(
            "usr/local/bin/httpd-foreground",
            "#!/bin/sh\nset -e\nrm -f /usr/local/apache2/logs/httpd.pid\nexec httpd -DFOREGROUND \
             \"$@\"\n",
            "docker-library/httpd/2.4/httpd-foreground",
        )],
        path: "/usr/local/apache2/conf/httpd.conf",
        ..PUBLIC
    },
    Public {
        name: "haproxy",
        source: &[
            "docker-library/haproxy/ec437dd2a3656610b10a42c08763d8fa1c591efe/3.5/Dockerfile",
            "docker-library/haproxy/ec437dd2a3656610b10a42c08763d8fa1c591efe/3.5/\
             docker-entrypoint.sh",
        ],
        user: "haproxy",
        entrypoint: &["docker-entrypoint.sh"],
        cmd: &["haproxy", "-f", "/usr/local/etc/haproxy/haproxy.cfg"],
        directory: "/var/lib/haproxy",
        files: &[
            "644 0 etc/passwd : \
             root:x:0:0:root:/root:/bin/sh\nhaproxy:x:99:99::/var/lib/haproxy:/x\n",
            "usr/local/etc/haproxy/",
            "usr/local/etc/haproxy/errors/",
            "755 99 var/lib/haproxy/",
        ],
        scripts: &[(
            "usr/local/bin/docker-entrypoint.sh",
            STARTS,
            "docker-library/haproxy/3.5/docker-entrypoint.sh",
        )],
        path: "/usr/local/etc/haproxy/haproxy.cfg",
        ..PUBLIC
    },
    Public {
        name: "traefik",
        source: &[
            "traefik/traefik-library-image/697393828fd83340553fe3edd13e961a9c3b971a/v3.7/alpine/\
             Dockerfile",
            "traefik/traefik-library-image/697393828fd83340553fe3edd13e961a9c3b971a/v3.7/alpine/\
             entrypoint.sh",
        ],
        entrypoint: &["/entrypoint.sh"],
        cmd: &["traefik"],
        scripts: &[(
            "entrypoint.sh",
            "#!/bin/sh\nset -e\nif traefik \"$1\" --help >/dev/null 2>&1; then\n    set -- \
             traefik \"$@\"\nfi\nexec \"$@\"\n",
            "traefik/traefik-library-image/v3.7/alpine/entrypoint.sh",
        )],
        path: "/etc/traefik/traefik.yml",
        ..PUBLIC
    },
    Public {
        name: "envoyproxy/envoy",
        source: &[
            "envoyproxy/envoy/0252c88f4757a779c62b2cc034e29bb737e0783a/distribution/docker/\
             Dockerfile-envoy",
            "envoyproxy/envoy/3313680ead6a806c0e5193565dd3fe29baecb337/ci/docker-entrypoint.sh",
        ],
        entrypoint: &["/docker-entrypoint.sh"],
        cmd: &["envoy", "-c", "/etc/envoy/envoy.yaml"],
        files: &["etc/envoy/", "644 0 etc/envoy/envoy.yaml : admin:"],
        scripts: &[(
            "docker-entrypoint.sh",
            "#!/usr/bin/env sh\nset -e\nif [ \"$ENVOY_UID\" != \"0\" ]; then\n    usermod -u \
             \"$ENVOY_UID\" envoy\n    chown envoy:envoy /dev/stdout /dev/stderr\n    su-exec \
             envoy \"${@}\"\nelse\n    exec \"${@}\"\nfi\n",
            "envoyproxy/envoy/ci/docker-entrypoint.sh",
        )],
        path: "/etc/envoy/envoy.yaml",
        ..PUBLIC
    },
    Public {
        name: "keycloak",
        source: &[
            "keycloak/keycloak/0463815bc93acbe22cf0b347af7cbd11e5a56d65/quarkus/container/\
             Dockerfile",
            "keycloak/keycloak/cdb6e353c08359d9f55373d9de95b85befae8fe4/quarkus/dist/src/main/\
             content/bin/kc.sh",
        ],
        user: "1000",
        entrypoint: &["/opt/keycloak/bin/kc.sh"],
        files: &[
            "775 1000 opt/keycloak/",
            "775 1000 opt/keycloak/conf/",
            "664 1000 opt/keycloak/conf/keycloak.conf : #db=postgres",
            "664 1000 opt/keycloak/conf/cache-ispn.xml : <infinispan/>",
        ],
        scripts: &[(
            "opt/keycloak/bin/kc.sh",
            "#!/bin/sh\nNAME=\"$(readlink -f \"$0\")\"\nHOME_DIR=\"$(dirname \"$NAME\")/..\"\nif \
             [ -z \"$JAVA\" ]; then\n    JAVA=\"$JAVA_HOME/bin/java\"\nfi\neval exec \"'$JAVA'\" \
             -Dkc.home.dir=\"$HOME_DIR\"\n",
            "keycloak/keycloak/quarkus/dist/src/main/content/bin/kc.sh",
        )],
        path: "/opt/keycloak/conf/keycloak.conf",
        container: "          args: [start]\n",
        ..PUBLIC
    },
    Public {
        name: "s6-overlay",
        source: &[
            "linuxserver/docker-baseimage-alpine/3d5a8b06a66bdf923dd537912cde796ccf915532/\
             Dockerfile",
            "just-containers/s6-overlay/9658b23e53f51ec9423f5e1cd18f9dce36087440/layout/\
             rootfs-overlay",
        ],
        entrypoint: &["/init"],
        files: &[
            "etc/s6-overlay/s6-rc.d/init-adduser/run : #!/usr/bin/with-contenv bash\nusermod -u \
             911 abc\n",
        ],
        scripts: &[
            (
                "init",
                "#!/bin/sh -e\nexec s6-overlay-suexec ' \
                 /package/admin/s6-overlay-@VERSION@/libexec/preinit' '' \
                 /package/admin/s6-overlay-@VERSION@/libexec/stage0 \"$@\"\n",
                "just-containers/s6-overlay/layout/rootfs-overlay/init",
            ),
            (
                "package/admin/s6-overlay-@VERSION@/libexec/preinit",
                "#!/bin/sh -e\nif test \"0$S6_READ_ONLY_ROOT\" -ne 0; then\n  while read these \
                 filesystem rest; do\n    test $filesystem = /run && break\n  done < \
                 /proc/mounts\nfi\ns6-rmrf /run/s6 /run/service\n",
                "just-containers/s6-overlay/layout/rootfs-overlay/package/admin/s6-overlay-@\
                 VERSION@/libexec/preinit",
            ),
            (
                "package/admin/s6-overlay-@VERSION@/libexec/stage0",
                "#!/bin/sh -e\nbasedir=/run/s6/basedir\ns6-linux-init-maker -NC -c \"$basedir\" \
                 -f /package/admin/s6-overlay-@VERSION@/etc/s6-linux-init/skel -- \
                 \"$basedir\"\nexec \"$basedir/bin/init\" \"$@\"\n",
                "just-containers/s6-overlay/layout/rootfs-overlay/package/admin/s6-overlay-@\
                 VERSION@/libexec/stage0",
            ),
            (
                "package/admin/s6-overlay-@VERSION@/etc/s6-linux-init/skel/rc.init",
                "#!/bin/sh -e\nif hook=`printcontenv S6_STAGE2_HOOK`; then\n  \
                 $hook\nfi\ns6-rc-compile -- /run/s6/db \"/etc/s6-overlay/s6-rc.d\"\ns6-rc -u -- \
                 change \"$1\"\n",
                "just-containers/s6-overlay/layout/rootfs-overlay/package/admin/s6-overlay-@\
                 VERSION@/etc/s6-linux-init/skel/rc.init",
            ),
        ],
        path: "/etc/app/app.conf",
        ..PUBLIC
    },
];

/// The entrypoint of a database that prepares itself: it runs what lies in a directory, and becomes
/// another user.
macro_rules! database {
    ($program:literal, $more:literal) => {
        concat!(
            "#!/usr/bin/env bash\nset -eo pipefail\neach() {\n\tlocal f\n\tfor f; do\n\t\tcase \
             \"$f\" in\n\t\t\t*.sh) if [ -x \"$f\" ]; then \"$f\"; else . \"$f\"; fi \
             ;;\n\t\t\t*.sql.gz) gunzip -c \"$f\" | sql ;;\n\t\tesac\n\tdone\n}\nif [ \"$1\" = '",
            $program,
            "' ]; then\n\tmkdir -p \"$DATADIR\"\n\tif [ \"$(id -u)\" = '0' ]; then\n\t\tfind \
             \"$DATADIR\" \\! -user db -exec chown db '{}' +\n\t\texec gosu db \"$BASH_SOURCE\" \
             \"$@\"\n\tfi\n",
            $more,
            "\teach /docker-entrypoint-initdb.d/*\nfi\nexec \"$@\"\n"
        )
    };
}

/// Databases and queues.
const DATA: &[Public] = &[
    Public {
        name: "mysql",
        source: &[
            "docker-library/mysql/7f30fdb0738041fc5125e8218e393e0a891243e9/9.7/Dockerfile.oracle",
            "docker-library/mysql/7f30fdb0738041fc5125e8218e393e0a891243e9/9.7/docker-entrypoint.\
             sh",
        ],
        entrypoint: &["docker-entrypoint.sh"],
        cmd: &["mysqld"],
        files: &[
            "etc/mysql/",
            "etc/mysql/conf.d/",
            "644 0 etc/my.cnf : !includedir /etc/mysql/conf.d/",
            "docker-entrypoint-initdb.d/",
        ],
        scripts: &[(
            "usr/local/bin/docker-entrypoint.sh",
            database!(
                "mysqld",
                "\tln -sfTv \"$SOCKET\" \"$(config socket mysqld --no-defaults)\" || :\n"
            ),
            "docker-library/mysql/9.7/docker-entrypoint.sh",
        )],
        path: "/etc/mysql/conf.d/custom.cnf",
        ..PUBLIC
    },
    Public {
        name: "mariadb",
        source: &[
            "MariaDB/mariadb-docker/1b6429ba3544e134715c15f8c56cc6f665f827c9/11.8/Dockerfile",
            "MariaDB/mariadb-docker/1b6429ba3544e134715c15f8c56cc6f665f827c9/11.8/\
             docker-entrypoint.sh",
        ],
        entrypoint: &["docker-entrypoint.sh"],
        cmd: &["mariadbd"],
        files: &[
            "etc/mysql/",
            "etc/mysql/conf.d/",
            "etc/mysql/mariadb.conf.d/",
            "docker-entrypoint-initdb.d/",
        ],
        scripts: &[(
            "usr/local/bin/docker-entrypoint.sh",
            database!(
                "mariadbd",
                "\tmv \"$DATADIR\"/.restore/** \"$DATADIR\"/\n\trm -rf \"$DATADIR\"/.init\n"
            ),
            "MariaDB/mariadb-docker/11.8/docker-entrypoint.sh",
        )],
        path: "/etc/mysql/conf.d/custom.cnf",
        ..PUBLIC
    },
    Public {
        name: "postgres",
        source: &[
            "docker-library/postgres/6edb0a8c4def40c371514b34aef9037ec82d9110/18/trixie/Dockerfile",
            "docker-library/postgres/6edb0a8c4def40c371514b34aef9037ec82d9110/18/trixie/\
             docker-entrypoint.sh",
        ],
        entrypoint: &["docker-entrypoint.sh"],
        cmd: &["postgres"],
        files: &["docker-entrypoint-initdb.d/"],
        scripts: &[(
            "usr/local/bin/docker-entrypoint.sh",
            database!(
                "postgres",
                "\trm -f \"$NSS_WRAPPER_PASSWD\"\n\tmountpoint -q /var/lib/postgresql/data || :\n"
            ),
            "docker-library/postgres/18/trixie/docker-entrypoint.sh",
        )],
        path: "/docker-entrypoint-initdb.d/init.sql",
        ..PUBLIC
    },
    Public {
        name: "redis",
        source: &[
            "redis/docker-library-redis/e5650da99bb377b2ed4f9f1ef993ff24729b1c16/7.4/debian/\
             Dockerfile",
            "redis/docker-library-redis/e5650da99bb377b2ed4f9f1ef993ff24729b1c16/7.4/debian/\
             docker-entrypoint.sh",
        ],
        entrypoint: &["docker-entrypoint.sh"],
        cmd: &["redis-server"],
        directory: "/data",
        files: &["755 999 data/"],
        scripts: &[(
            "usr/local/bin/docker-entrypoint.sh",
            "#!/bin/sh\nset -e\nif [ \"$1\" = 'redis-server' -a \"$(id -u)\" = '0' ]; \
             then\n\tfind . \\! -user redis -exec chown redis '{}' +\n\texec gosu redis \"$0\" \
             \"$@\"\nfi\nexec \"$@\"\n",
            "redis/docker-library-redis/7.4/debian/docker-entrypoint.sh",
        )],
        path: "/usr/local/etc/redis/redis.conf",
        container: "          args: [redis-server, /usr/local/etc/redis/redis.conf]\n",
        ..PUBLIC
    },
    Public {
        name: "bitnami/redis",
        source: &[
            "bitnami/containers/05d158924b7e30687e958a1b5c03b0437c7cbadc/bitnami/redis/8.2/\
             debian-12/Dockerfile",
            "bitnami/containers/8551926cdcfd74a98dc371c65cd8000d84b2b170/bitnami/redis/7.4/\
             debian-12/rootfs/opt/bitnami/scripts/libredis.sh",
        ],
        user: "1001",
        entrypoint: &["/opt/bitnami/scripts/redis/entrypoint.sh"],
        cmd: &["/opt/bitnami/scripts/redis/run.sh"],
        files: &[
            "775 0 opt/bitnami/",
            "775 0 opt/bitnami/redis/",
            "777 0 opt/bitnami/redis/etc/",
            "664 0 opt/bitnami/redis/etc/redis.conf : port 6379",
            "opt/bitnami/scripts/redis/entrypoint.sh : #!/bin/bash\nset -o errexit\n. \
             /opt/bitnami/scripts/redis-env.sh\n. /opt/bitnami/scripts/libredis.sh\nif [[ \"$*\" \
             = *\"/run.sh\"* ]]; then\n    /opt/bitnami/scripts/redis/setup.sh\nfi\nexec \"$@\"\n",
            "opt/bitnami/scripts/redis/run.sh : #!/bin/bash\n. \
             /opt/bitnami/scripts/redis-env.sh\nexec redis-server \
             \"${REDIS_BASE_DIR}/etc/redis.conf\" \"$@\"\n",
            "opt/bitnami/scripts/redis/setup.sh : #!/bin/bash\n. \
             /opt/bitnami/scripts/redis-env.sh\n. \
             /opt/bitnami/scripts/libredis.sh\nredis_initialize\n",
            "opt/bitnami/scripts/redis-env.sh : #!/bin/bash\nexport \
             REDIS_BASE_DIR=\"/opt/bitnami/redis\"\nexport \
             REDIS_MOUNTED_CONF_DIR=\"${REDIS_BASE_DIR}/mounted-etc\"\nexport \
             REDIS_OVERRIDES_FILE=\"${REDIS_OVERRIDES_FILE:-${REDIS_MOUNTED_CONF_DIR}/overrides.\
             conf}\"\n",
            "opt/bitnami/scripts/libredis.sh : #!/bin/bash\nredis_initialize() {\n    rm -f \
             \"$REDIS_BASE_DIR/tmp/redis.pid\"\n    if [[ -e \
             \"${REDIS_MOUNTED_CONF_DIR}/redis.conf\" ]]; then\n        cp \
             \"${REDIS_MOUNTED_CONF_DIR}/redis.conf\" \"${REDIS_BASE_DIR}/etc/redis.conf\"\n    \
             fi\n    if [[ -f \"$REDIS_OVERRIDES_FILE\" ]]; then\n        echo \"include \
             $REDIS_OVERRIDES_FILE\" >> \"${REDIS_BASE_DIR}/etc/redis.conf\"\n    \
             fi\n}\nredis_version() {\n    \"${REDIS_BASE_DIR}/bin/redis-cli\" --version\n}\n",
        ],
        path: "/opt/bitnami/redis/mounted-etc/overrides.conf",
        ..PUBLIC
    },
    Public {
        name: "rabbitmq",
        source: &[
            "docker-library/rabbitmq/9193c1de6d32046e0c1132841a7a4995b0dc32e0/4.3/ubuntu/\
             Dockerfile",
            "docker-library/rabbitmq/9193c1de6d32046e0c1132841a7a4995b0dc32e0/4.3/ubuntu/\
             docker-entrypoint.sh",
            "rabbitmq/rabbitmq-server/0a054bf59e443b5ace9094488ed3215c256a6ecd/deps/rabbit/\
             scripts/rabbitmq-env",
        ],
        entrypoint: &["docker-entrypoint.sh"],
        cmd: &["rabbitmq-server"],
        env: &["PATH=/opt/rabbitmq/sbin:/usr/local/bin:/usr/bin:/bin"],
        files: &[
            "1777 999 etc/rabbitmq/",
            "1777 999 etc/rabbitmq/conf.d/",
            "opt/rabbitmq/sbin/rabbitmq-server : #!/bin/sh\nset -e\nSCRIPTS_DIR=$(dirname \
             \"$0\")\n. \"$SCRIPTS_DIR/rabbitmq-env\"\nexec erl -boot \"${SASL_BOOT_FILE}\" \
             \"$@\"\n",
            "opt/rabbitmq/sbin/rabbitmq-env : #!/bin/sh -e\n. \
             ${RABBITMQ_SCRIPTS_DIR}/rabbitmq-defaults\nif [ -f \"${RABBITMQ_CONF_ENV_FILE}\" ]; \
             then\n    . ${RABBITMQ_CONF_ENV_FILE} || true\nfi\n",
            "opt/rabbitmq/sbin/rabbitmq-defaults : #!/bin/sh \
             -e\nSYS_PREFIX=\nCONFIG_FILE=${SYS_PREFIX}/etc/rabbitmq/rabbitmq\n",
        ],
        scripts: &[(
            "usr/local/bin/docker-entrypoint.sh",
            "#!/usr/bin/env bash\nset -euo pipefail\nif [[ \"$1\" == rabbitmq* ]] && [ \"$(id \
             -u)\" = '0' ]; then\n\tfind /var/lib/rabbitmq \\! -user rabbitmq -exec chown \
             rabbitmq '{}' +\n\texec gosu rabbitmq \"$BASH_SOURCE\" \"$@\"\nfi\nexec \"$@\"\n",
            "docker-library/rabbitmq/4.3/ubuntu/docker-entrypoint.sh",
        )],
        path: "/etc/rabbitmq/rabbitmq.conf",
        ..PUBLIC
    },
];
