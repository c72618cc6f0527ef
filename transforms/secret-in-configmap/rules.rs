//! What credentials look like: data, each rule with the public source that it is from.

/// What a token may be made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Letters {
    /// `[A-Za-z0-9]`
    Alphanumeric,
    /// `[A-Z0-9]`
    Upper,
    /// `[0-9a-f]`
    Hex,
    /// `[A-Za-z0-9_-]`
    Url,
    /// `[A-Za-z0-9_.-]`
    Dotted,
    /// `[A-Za-z0-9/]`
    Path,
}

impl Letters {
    /// Whether a byte is one of them.
    pub(super) fn has(self, byte: u8) -> bool {
        match self {
            Self::Alphanumeric => byte.is_ascii_alphanumeric(),
            Self::Upper => byte.is_ascii_uppercase() || byte.is_ascii_digit(),
            Self::Hex => byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte),
            Self::Url => byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'),
            Self::Dotted => byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'),
            Self::Path => byte.is_ascii_alphanumeric() || byte == b'/',
        }
    }
}

/// Tokens that begin in a way that their issuer has published.
#[derive(Debug)]
pub(super) struct Token {
    /// How it begins.
    pub(super) prefix: &'static str,
    /// What stands behind that.
    pub(super) letters: Letters,
    /// How many of them at least.
    pub(super) least: usize,
    /// What it is.
    pub(super) what: &'static str,
    /// Where its form is stated.
    #[expect(dead_code, reason = "for readers: no rule without a source")]
    source: &'static str,
}

const fn token(
    prefix: &'static str,
    letters: Letters,
    least: usize,
    what: &'static str,
    source: &'static str,
) -> Token {
    Token {
        prefix,
        letters,
        least,
        what,
        source,
    }
}

const GITHUB: &str = "https://github.blog/engineering/platform-security/behind-githubs-new-authentication-token-formats/";
const GITLAB: &str = "https://docs.gitlab.com/security/tokens/#token-prefixes";
const SLACK: &str = "https://docs.slack.dev/authentication/tokens/";
const STRIPE: &str = "https://docs.stripe.com/keys";
const AWS: &str = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids";
const GITLEAKS: &str = "https://github.com/gitleaks/gitleaks/blob/master/config/gitleaks.toml";

/// All of them.
pub(super) const TOKENS: &[Token] = &[
    token("ghp_", Letters::Alphanumeric, 36, "a GitHub token", GITHUB),
    token("gho_", Letters::Alphanumeric, 36, "a GitHub token", GITHUB),
    token("ghu_", Letters::Alphanumeric, 36, "a GitHub token", GITHUB),
    token("ghs_", Letters::Alphanumeric, 36, "a GitHub token", GITHUB),
    token("ghr_", Letters::Alphanumeric, 36, "a GitHub token", GITHUB),
    token("github_pat_", Letters::Url, 82, "a GitHub token", GITHUB),
    token("glpat-", Letters::Dotted, 20, "a GitLab token", GITLAB),
    token("glptt-", Letters::Hex, 40, "a GitLab token", GITLAB),
    token(
        "glrt-",
        Letters::Dotted,
        20,
        "a GitLab runner token",
        GITLAB,
    ),
    token(
        "gldt-",
        Letters::Dotted,
        20,
        "a GitLab deploy token",
        GITLAB,
    ),
    token("xoxb-", Letters::Url, 24, "a Slack token", SLACK),
    token("xoxp-", Letters::Url, 24, "a Slack token", SLACK),
    token("xapp-", Letters::Url, 24, "a Slack token", SLACK),
    token(
        "https://hooks.slack.com/services/T",
        Letters::Path,
        40,
        "a Slack webhook",
        "https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks/",
    ),
    token(
        "sk_live_",
        Letters::Alphanumeric,
        24,
        "a Stripe key",
        STRIPE,
    ),
    token(
        "rk_live_",
        Letters::Alphanumeric,
        24,
        "a Stripe key",
        STRIPE,
    ),
    token("AKIA", Letters::Upper, 16, "an AWS access key", AWS),
    token("ASIA", Letters::Upper, 16, "an AWS access key", AWS),
    token("AIza", Letters::Url, 35, "a Google API key", GITLEAKS),
    token(
        "npm_",
        Letters::Alphanumeric,
        36,
        "an npm token",
        "https://github.blog/changelog/2021-09-23-npm-has-a-new-access-token-format/",
    ),
    token(
        "pypi-AgEIcHlwaS5vcmc",
        Letters::Url,
        50,
        "a PyPI token",
        "https://pypi.org/help/#apitoken",
    ),
    token("SG.", Letters::Dotted, 66, "a SendGrid key", GITLEAKS),
    token(
        "dop_v1_",
        Letters::Hex,
        64,
        "a DigitalOcean token",
        GITLEAKS,
    ),
    token(
        "doo_v1_",
        Letters::Hex,
        64,
        "a DigitalOcean token",
        GITLEAKS,
    ),
    token(
        "dckr_pat_",
        Letters::Url,
        27,
        "a Docker Hub token",
        "https://docs.docker.com/security/access-tokens/",
    ),
    token("sk-ant-", Letters::Url, 80, "an Anthropic key", GITLEAKS),
    token("sk-proj-", Letters::Url, 40, "an OpenAI key", GITLEAKS),
    token(
        "hf_",
        Letters::Alphanumeric,
        34,
        "a Hugging Face token",
        GITLEAKS,
    ),
    token(
        "hvs.",
        Letters::Url,
        24,
        "a Vault token",
        "https://developer.hashicorp.com/vault/docs/concepts/tokens#token-prefixes",
    ),
    token(
        "hvb.",
        Letters::Url,
        24,
        "a Vault token",
        "https://developer.hashicorp.com/vault/docs/concepts/tokens#token-prefixes",
    ),
    token("shpat_", Letters::Hex, 32, "a Shopify token", GITLEAKS),
    token(
        "glsa_",
        Letters::Url,
        41,
        "a Grafana token",
        "https://grafana.com/docs/grafana/latest/administration/service-accounts/",
    ),
    token("NRAK-", Letters::Upper, 27, "a New Relic key", GITLEAKS),
    token(
        "AGE-SECRET-KEY-1",
        Letters::Upper,
        58,
        "an age key",
        "https://github.com/C2SP/C2SP/blob/main/age.md",
    ),
    token(
        "tskey-",
        Letters::Url,
        20,
        "a Tailscale key",
        "https://tailscale.com/kb/1277/key-prefixes",
    ),
    token("pul-", Letters::Hex, 40, "a Pulumi token", GITLEAKS),
    token("dapi", Letters::Hex, 32, "a Databricks token", GITLEAKS),
    token(
        "https://discord.com/api/webhooks/",
        Letters::Path,
        60,
        "a Discord webhook",
        "https://docs.discord.com/developers/resources/webhook",
    ),
    // A JSON Web Token: base64 of `{"`, twice, with a signature (RFC 7519).
    token(
        "eyJ",
        Letters::Dotted,
        60,
        "a JSON Web Token",
        "https://www.rfc-editor.org/rfc/rfc7519",
    ),
    // Base64 of `-----BEGIN`, as kubeconfigs have keys.
    token(
        "LS0tLS1CRUdJTi",
        Letters::Path,
        60,
        "a private key",
        "https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/",
    ),
];

/// How a private key begins and ends (RFC 7468, 10; RFC 4880, 6.2).
pub(super) const PEM: (&str, &str) = ("-----BEGIN ", "PRIVATE KEY");

/// Last words of names whose value is a password, be it as short as it may.
pub(super) const PASSWORDS: &[&str] = &["password", "passwd", "passphrase", "pwd", "pass"];

/// Last words of names whose value is a secret where it looks like chance.
pub(super) const KEYS: &[&[&str]] = &[
    &["access", "key"],
    &["account", "key"],
    &["api", "key"],
    &["apikey"],
    &["auth", "key"],
    &["credential"],
    &["credentials"],
    &["encryption", "key"],
    &["jwt", "key"],
    &["master", "key"],
    &["private", "key"],
    &["secret"],
    &["secret", "key"],
    &["signing", "key"],
    &["token"],
];

/// Parameters of connection strings
/// (<https://learn.microsoft.com/azure/storage/common/storage-configure-connection-string>,
/// <https://www.postgresql.org/docs/current/libpq-connect.html>,
/// <https://dev.mysql.com/doc/connector-j/en/connector-j-connp-props-connection-authentication.html>).
pub(super) const PARAMETERS: &[&str] = &["accountkey=", "password=", "pwd=", "sharedaccesskey="];

/// What a value begins with that stands for another one, or says where that is.
pub(super) const ELSEWHERE: &[&str] = &[
    "!",
    "#",
    "$",
    "%",
    "*",
    "./",
    "/",
    "<",
    "@",
    "[",
    "__",
    "arn:",
    "enc(",
    "enc[",
    "env:",
    "env.",
    "file:",
    "http://",
    "https://",
    "op://",
    "projects/",
    "ref+",
    "secret:",
    "vault:",
    "{",
];

/// What a value holds that is still to be filled in, or is known to everybody, without dashes and
/// underscores.
pub(super) const SAMPLES: &[&str] = &[
    "abcdef",
    "barfoo",
    "changeit",
    "changeme",
    "changethis",
    "dummy",
    "example",
    "fake",
    "fillme",
    "fixme",
    "foobar",
    "goeshere",
    "insert",
    "placeholder",
    "redacted",
    "replace",
    "sample",
    "todo",
    "xxxx",
    "your",
];

/// Values that are no secret; those of `passwd` in a `nsswitch.conf` among them
/// (<https://man7.org/linux/man-pages/man5/nsswitch.conf.5.html>).
pub(super) const WORDS: &[&str] = &[
    "basic",
    "compat",
    "default",
    "disabled",
    "empty",
    "enabled",
    "false",
    "files",
    "guest",
    "ldap",
    "md5",
    "mypassword",
    "mysecret",
    "n/a",
    "nil",
    "nis",
    "none",
    "null",
    "optional",
    "pass",
    "password",
    "plain",
    "plaintext",
    "prompt",
    "required",
    "secret",
    "secretpassword",
    "sss",
    "string",
    "systemd",
    "tbd",
    "test",
    "token",
    "true",
    "trust",
    "undefined",
    "unset",
    "value",
];

/// Endings of keys whose values are programs: there, only text in quotes is a value.
pub(super) const PROGRAMS: &[&str] = &[
    "bash", "go", "groovy", "hcl", "java", "js", "lua", "php", "pl", "ps1", "py", "rb", "sh",
    "sql", "star", "tf", "ts", "vcl",
];
