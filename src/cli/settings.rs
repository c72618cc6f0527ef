//! `kubewright config`: which settings hold and where each comes from, and the schema of
//! `kubewright.toml` for editors.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::Value;
use toml::de::{DeTable, DeValue};

use super::args::{ConfigCommand, ShowArgs};
use super::ground::Ground;
use super::lockfile;
use super::print::between;
use super::status::Status;
use super::terminal::Terminal;
use crate::pipeline::report::position;

/// The schema of the configuration.
pub(super) const SCHEMA: &str = include_str!("../../docs/schemas/kubewright.schema.json");

pub(super) fn config(command: &ConfigCommand, terminal: &Terminal) -> Result<Status> {
    match command {
        ConfigCommand::Schema => terminal.raw(SCHEMA)?,
        ConfigCommand::Show(args) => terminal.raw(&show(args)?)?,
    }
    Ok(Status::Clean)
}

#[expect(
    clippy::disallowed_methods,
    reason = "the command line reads its configuration"
)]
fn show(args: &ShowArgs) -> Result<String> {
    // What is not understood is an error here as everywhere.
    let ground = Ground::of(&args.paths, args.config.as_deref())?;
    let shown = |path: &Path| between(&ground.cwd, path);
    let text = match &ground.file {
        Some(file) => {
            std::fs::read_to_string(file).with_context(|| format!("cannot read {}", shown(file)))?
        }
        None => String::new(),
    };
    let mut out = format!("# root: {}\n", shown(&ground.root));
    let name = ground.file.as_deref().map(shown);
    let _ = writeln!(
        out,
        "# configuration: {}",
        name.as_deref().unwrap_or("none, all by default")
    );
    if ground.lock.is_some() {
        let lock = shown(&ground.root.join(lockfile::FILE_NAME));
        let _ = writeln!(out, "# images: {lock}");
    }
    let schema: Value = serde_json::from_str(SCHEMA)?;
    let written = DeTable::parse(&text).map_err(|e| anyhow::anyhow!("{}", e.message()))?;
    let source = Locator {
        text: &text,
        name: name.as_deref().unwrap_or_default(),
    };
    out.push('\n');
    let Some(keys) = schema["properties"].as_object() else {
        return Ok(out);
    };
    for (key, schema) in keys {
        if key != "transforms" && !is_tables(schema) {
            source.line(&mut out, key, schema, written.get_ref());
        }
    }
    if let Some(transforms) = schema["properties"]["transforms"]["properties"].as_object() {
        let empty = DeTable::new();
        for (name, schema) in transforms {
            let table = written.get_ref().get("transforms");
            let table = table.and_then(|t| t.get_ref().get(name.as_str())?.get_ref().as_table());
            let _ = writeln!(out, "\n[transforms.{name}]");
            let keys = schema["properties"].as_object().into_iter().flatten();
            for (key, schema) in keys {
                source.line(&mut out, key, schema, table.unwrap_or(&empty));
            }
        }
    }
    for (key, _) in keys.iter().filter(|(_, schema)| is_tables(schema)) {
        let tables = written.get_ref().get(key.as_str());
        for table in tables
            .and_then(|t| t.get_ref().as_array())
            .into_iter()
            .flatten()
        {
            let at = source.place(table.span().start);
            let _ = writeln!(out, "\n[[{key}]] # {at}");
            for (key, value) in table.get_ref().as_table().into_iter().flatten() {
                let _ = writeln!(out, "{} = {}", key.get_ref(), written_as(value.get_ref()));
            }
        }
    }
    Ok(out)
}

/// Whether a setting is a list of tables.
fn is_tables(schema: &Value) -> bool {
    schema["items"]["type"] == "object"
}

struct Locator<'a> {
    text: &'a str,
    name: &'a str,
}

impl Locator<'_> {
    fn place(&self, offset: usize) -> String {
        format!("{}:{}", self.name, position(self.text, offset).0)
    }

    /// A setting, and where it comes from.
    fn line(&self, out: &mut String, key: &str, schema: &Value, table: &DeTable<'_>) {
        let found = table.get_key_value(key);
        let (set, from) = match found {
            Some((name, value)) => (
                format!("{key} = {}", written_as(value.get_ref())),
                self.place(name.span().start),
            ),
            None if schema["default"].is_null() => (format!("# {key}"), "not set".to_owned()),
            None => (
                format!("{key} = {}", schema["default"]),
                "default".to_owned(),
            ),
        };
        let _ = writeln!(out, "{set:48} # {from}");
    }
}

/// A value as TOML has it, in one line.
fn written_as(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => Value::from(text.as_ref()).to_string(),
        DeValue::Integer(number) => number.to_string(),
        DeValue::Float(number) => number.to_string(),
        DeValue::Boolean(truth) => truth.to_string(),
        DeValue::Datetime(time) => time.to_string(),
        DeValue::Array(items) => {
            let items = items.iter().map(|item| written_as(item.get_ref()));
            format!("[{}]", items.collect::<Vec<_>>().join(", "))
        }
        DeValue::Table(table) => {
            let entries = table.iter().map(|(key, value)| {
                let key = Value::from(key.get_ref().as_ref());
                format!("{key} = {}", written_as(value.get_ref()))
            });
            format!("{{ {} }}", entries.collect::<Vec<_>>().join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::config::Config;
    use super::*;

    /// The keys that the reader of the configuration names when it meets one that it does not know.
    fn known(table: &str, rest: &str) -> BTreeSet<String> {
        let text = format!("{table}\nno-such-key = 1\n{rest}");
        let error = Config::parse(&text, "c").unwrap_err().to_string();
        let (_, expected) = error.split_once("expected").expect(&error);
        let expected = expected.split(';').next().unwrap_or(expected);
        expected
            .split('`')
            .skip(1)
            .step_by(2)
            .map(str::to_owned)
            .collect()
    }

    fn keys(schema: &Value) -> BTreeSet<String> {
        let keys = schema["properties"].as_object().expect("an object");
        keys.keys().cloned().collect()
    }

    #[test]
    fn the_schema_has_the_keys_that_are_read() {
        let schema: Value = serde_json::from_str(SCHEMA).unwrap();
        let all = &schema["properties"];
        assert_eq!(keys(&schema), known("", ""));
        assert_eq!(keys(&all["transforms"]), known("[transforms]", ""));
        for (name, options) in all["transforms"]["properties"].as_object().unwrap() {
            assert_eq!(
                keys(options),
                known(&format!("[transforms.{name}]"), ""),
                "{name}"
            );
        }
        for list in ["apply-sets", "images", "references"] {
            assert_eq!(
                keys(&all[list]["items"]),
                known(&format!("[[{list}]]"), ""),
                "{list}"
            );
        }
        let facts = &all["images"]["items"]["properties"]["paths"]["additionalProperties"];
        assert_eq!(
            keys(facts),
            known("[[images]]\nmatch = \"a\"\n[images.paths.\"/a\"]", "")
        );
    }

    #[test]
    fn the_defaults_of_the_schema_are_those_of_the_program() {
        let schema: Value = serde_json::from_str(SCHEMA).unwrap();
        let transforms = schema["properties"]["transforms"]["properties"].as_object();
        let mut text = String::new();
        for (name, options) in transforms.unwrap() {
            let _ = writeln!(text, "[transforms.{name}]");
            for (key, option) in options["properties"].as_object().unwrap() {
                if !option["default"].is_null() {
                    let _ = writeln!(text, "{key} = {}", option["default"]);
                }
            }
        }
        let read = Config::parse(&text, "c").unwrap();
        assert_eq!(read.settings, Config::default().settings);
    }
}
