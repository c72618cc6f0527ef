//! `functionConfig`: the schema of `kubewright.toml` in YAML.
//!
//! A `Config` of kubewright has it below `spec`. A `ConfigMap`, which is what `kpt fn eval -- k=v`
//! makes, has it in strings: `transforms.missing-config-hash.secrets: "true"`, lists with commas.
//! Either is written as TOML and read as the file is, so that there is one schema and one strict
//! reader; what it says about a place is said of the field.

use anyhow::{Result, anyhow, bail};
use kubewright_model::yaml::{File, Node, Resolved};

use super::super::config::Config;

/// The group of the kind `Config`.
const GROUP: &str = "kubewright.dev";
/// The key that is not in the file: whether items stay as they are.
const CHECK: &str = "check";
/// A key of a `ConfigMap` that holds the text of a file.
const WHOLE: &str = "kubewright.toml";
/// Keys whose strings are lists.
const LISTS: [&str; 3] = ["select", "unsafe-fixes", "ignore"];

/// What a `functionConfig` says.
#[derive(Default)]
pub(super) struct Said {
    /// Only look: items stay as they are.
    pub(super) check: bool,
    /// All else, if there is anything.
    pub(super) config: Option<Config>,
}

/// Reads a `functionConfig`.
pub(super) fn read(config: Node<'_>) -> Result<Said> {
    let word = |key| config.get(key).and_then(Node::as_str).unwrap_or_default();
    let (version, kind) = (word("apiVersion"), word("kind"));
    match (version.split_once('/').map_or("", |(group, _)| group), kind) {
        ("", "ConfigMap") => of_strings(config),
        (GROUP, "Config") => of_spec(config),
        _ => bail!(
            "functionConfig is {kind} of {version}; expected Config of {GROUP}/v1alpha1, or \
             ConfigMap of v1"
        ),
    }
}

fn of_spec(config: Node<'_>) -> Result<Said> {
    let mut toml = Toml::default();
    let mut check = false;
    let known = ["apiVersion", "kind", "metadata", "spec"];
    for (key, _) in config.entries() {
        let key = key.text().unwrap_or_default();
        if !known.contains(&key) {
            bail!("functionConfig {key}: unknown key, expected `spec`");
        }
    }
    let Some(spec) = config.get("spec").filter(|spec| !spec.is_null()) else {
        return Ok(Said::default());
    };
    if !spec.is_mapping() {
        bail!("functionConfig spec: expected a mapping of the keys of kubewright.toml");
    }
    for (key, value) in spec.entries() {
        let key = key.text().unwrap_or_default();
        let field = format!("spec.{key}");
        if key == CHECK {
            check = truth(&field, value.target().text())?;
        } else {
            toml.key(&field, &[key]);
            toml.value(&field, value)?;
            toml.text.push('\n');
        }
    }
    toml.read(check)
}

fn of_strings(config: Node<'_>) -> Result<Said> {
    let mut toml = Toml::default();
    let mut check = false;
    let mut whole = None;
    let Some(data) = config.get("data").filter(|data| !data.is_null()) else {
        return Ok(Said::default());
    };
    for (key, value) in data.entries() {
        let key = key.text().unwrap_or_default();
        let field = format!("data.{key}");
        let Some(text) = value.text() else {
            bail!("functionConfig {field}: expected a string");
        };
        match key {
            CHECK => check = truth(&field, Some(text))?,
            WHOLE => whole = Some(Config::parse(text, &format!("functionConfig {field}"))?),
            _ => {
                let path: Vec<&str> = key.split('.').collect();
                toml.key(&field, &path);
                if LISTS.contains(&key) && !text.trim_start().starts_with('[') {
                    let words = text
                        .split([',', '\n'])
                        .map(str::trim)
                        .filter(|w| !w.is_empty());
                    let words: Vec<String> = words.map(quoted).collect();
                    toml.put(&field, &format!("[{}]", words.join(", ")));
                } else {
                    let yaml =
                        File::parse(text).map_err(|e| anyhow!("functionConfig {field}: {e}"))?;
                    match yaml.root(0) {
                        Some(node) => toml.value(&field, node)?,
                        None => toml.put(&field, "\"\""),
                    }
                }
                toml.text.push('\n');
            }
        }
    }
    match whole {
        Some(_) if !toml.text.is_empty() => {
            bail!(
                "functionConfig data.{WHOLE}: it is the whole configuration; the keys beside it \
                 must go into it"
            )
        }
        Some(config) => Ok(Said {
            check,
            config: Some(config),
        }),
        None => toml.read(check),
    }
}

fn truth(field: &str, text: Option<&str>) -> Result<bool> {
    match text {
        Some("true") => Ok(true),
        Some("false") => Ok(false),
        _ => bail!("functionConfig {field}: expected true or false"),
    }
}

/// A text in TOML, and which field of the `functionConfig` each part of it is.
#[derive(Default)]
struct Toml {
    text: String,
    /// First byte, and the field; ascending.
    fields: Vec<(usize, String)>,
}

impl Toml {
    fn read(self, check: bool) -> Result<Said> {
        if self.text.is_empty() {
            return Ok(Said {
                check,
                config: None,
            });
        }
        let place = |offset: usize| {
            let at = self.fields.partition_point(|(start, _)| *start <= offset);
            let field = at.checked_sub(1).and_then(|at| self.fields.get(at));
            format!("functionConfig {}", field.map_or("", |(_, field)| field))
        };
        // There is one key more than in the file.
        let config = Config::parse_from(&self.text, &place).map_err(|error| {
            anyhow!(error.to_string().replacen(
                "`unsafe-fixes`, `ignore`",
                "`check`, `unsafe-fixes`, `ignore`",
                1
            ))
        })?;
        Ok(Said {
            check,
            config: Some(config),
        })
    }

    fn key(&mut self, field: &str, path: &[&str]) {
        self.fields.push((self.text.len(), field.to_owned()));
        let keys: Vec<String> = path.iter().map(|key| quoted(key)).collect();
        self.text.push_str(&keys.join("."));
        self.text.push_str(" = ");
    }

    fn put(&mut self, field: &str, text: &str) {
        self.fields.push((self.text.len(), field.to_owned()));
        self.text.push_str(text);
    }

    /// A value, all of it on one line.
    fn value(&mut self, field: &str, node: Node<'_>) -> Result<()> {
        let node = node.target();
        if node.is_mapping() {
            self.put(field, "{ ");
            for (number, (key, value)) in node.entries().enumerate() {
                if number > 0 {
                    self.text.push_str(", ");
                }
                let key = key.text().unwrap_or_default();
                let inner = format!("{field}.{key}");
                self.key(&inner, &[key]);
                self.value(&inner, value)?;
            }
            self.text.push_str(" }");
            return Ok(());
        }
        if node.is_sequence() {
            self.put(field, "[");
            for (number, item) in node.items().enumerate() {
                if number > 0 {
                    self.text.push_str(", ");
                }
                self.value(&format!("{field}[{number}]"), item)?;
            }
            self.text.push(']');
            return Ok(());
        }
        let text = match node.resolved() {
            Some(Resolved::Null) | None => {
                bail!("functionConfig {field}: the value is missing")
            }
            Some(Resolved::Bool(value)) => value.to_string(),
            Some(Resolved::Int(value)) => value.to_string(),
            Some(_) => quoted(node.text().unwrap_or_default()),
        };
        self.put(field, &text);
        Ok(())
    }
}

fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}
