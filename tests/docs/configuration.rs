//! The reference of the configuration, made from its schema. `cargo bless` writes it.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use libtest_mimic::Failed;
use serde_json::Value;

use super::ensure;

const HEAD: &str = "# Configuration

`kubewright.toml`, in the folder from which the graph of resources is read: the nearest one above \
                    what is checked. An unknown key or a wrong value is an error
with its line. `kubewright init` writes a first one, `kubewright config show` prints what holds \
                    and where each setting comes from.

Editors complete and check it by the [JSON Schema](schemas/kubewright.schema.json), which \
                    `kubewright config schema` prints, and from which this page is
made. What is typed (`--select`, `--unsafe-fixes`) goes before what is written here.
";

pub(super) fn is_that_of_the_schema() -> Result<(), Failed> {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    let schema = fs::read_to_string(docs.join("schemas/kubewright.schema.json"))?;
    let schema: Value = serde_json::from_str(&schema)?;
    let wanted = page(&schema)?;
    let path = docs.join("configuration.md");
    if std::env::var("BLESS").is_ok_and(|v| v == "1") {
        return Ok(fs::write(path, wanted)?);
    }
    ensure(
        fs::read_to_string(path).is_ok_and(|held| held == wanted),
        || {
            "docs/configuration.md is not what the schema says: `cargo bless --test docs -- \
             configuration`"
                .into()
        },
    )
}

fn page(schema: &Value) -> Result<String, Failed> {
    let mut out = HEAD.to_owned();
    table(&mut out, "The run", schema, |of| {
        of["type"] != "object" && of["items"]["type"] != "object"
    })?;
    for (name, of) in properties(&schema["properties"]["transforms"])? {
        let _ = write!(
            out,
            "\n## [transforms.{name}]\n\n{} [The page](../transforms/{name}/README.md).\n",
            text(of)
        );
        rows(&mut out, of, |_| true)?;
    }
    for (name, of) in properties(schema)? {
        if of["items"]["type"] == "object" {
            let _ = write!(out, "\n## [[{name}]]\n\n{}\n", text(of));
            rows(&mut out, &of["items"], |_| true)?;
        }
    }
    Ok(out)
}

fn table(
    out: &mut String,
    title: &str,
    of: &Value,
    wanted: impl Fn(&Value) -> bool,
) -> Result<(), Failed> {
    let _ = write!(out, "\n## {title}\n");
    rows(out, of, wanted)
}

fn rows(out: &mut String, of: &Value, wanted: impl Fn(&Value) -> bool) -> Result<(), Failed> {
    out.push_str("\n| key | value | default | meaning |\n|---|---|---|---|\n");
    for (key, of) in properties(of)?.filter(|(_, of)| wanted(of)) {
        let default = match &of["default"] {
            Value::Null => String::new(),
            Value::Array(none) if none.is_empty() => "none".to_owned(),
            given => format!("`{given}`"),
        };
        let _ = writeln!(out, "| `{key}` | {} | {default} | {} |", kind(of), text(of));
    }
    Ok(())
}

/// What may be written: the words, or the type.
fn kind(of: &Value) -> String {
    let words = |of: &Value| {
        let words = of["enum"].as_array()?;
        if words.len() == kubewright_transforms::ALL.len() {
            return Some("[transforms](../transforms/README.md)".to_owned());
        }
        let words: Vec<_> = words.iter().map(|w| format!("`{w}`")).collect();
        Some(words.join(", "))
    };
    match of["type"].as_str() {
        Some("array") => match words(&of["items"]) {
            Some(words) => format!("list of {words}"),
            None => "list of strings".to_owned(),
        },
        Some("object") => "table".to_owned(),
        Some(name) => words(of).unwrap_or_else(|| name.to_owned()),
        None => words(of).unwrap_or_default(),
    }
}

fn text(of: &Value) -> &str {
    of["description"].as_str().unwrap_or_default()
}

fn properties(of: &Value) -> Result<impl Iterator<Item = (&String, &Value)>, Failed> {
    let properties = of["properties"].as_object();
    Ok(properties
        .ok_or("the schema has no properties there")?
        .iter())
}
