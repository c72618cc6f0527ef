//! `pattern-name`: what is found, and why it is found here.

use kubewright_model::finding::{Applicability, Change, Finding, Fix, Location, NoFix, Severity};
use kubewright_model::kube::Resource;
use kubewright_model::text;
use kubewright_model::yaml::{Node, Value};

use self::codes::Code;
pub(crate) use self::options::Options;
use crate::{Context, Meta, Transform};

mod codes;
mod options;

/// The annotation that this skeleton looks for.
const ANNOTATION: &str = "example.com/level";

/// See the page of the transform.
pub(crate) struct PatternName;

static META: Meta = Meta {
    name: "pattern-name",
    summary: "what it finds, in one line",
    applicability: Applicability::Safe,
    isolated: false,
    since: "0.2.0",
    docs: include_str!("README.md"),
    codes: Code::ALL,
};

impl Transform for PatternName {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn check(&self, cx: &Context<'_>) -> Vec<Finding> {
        cx.workspace
            .resources()
            .iter()
            .filter_map(|resource| judge(resource, cx.workspace.node(resource.id)?))
            .collect()
    }
}

/// What is wrong with a resource, if anything is.
fn judge(resource: &Resource, node: Node<'_>) -> Option<Finding> {
    let value = node.get("metadata")?.get("annotations")?.get(ANNOTATION)?;
    if value.text() == Some("high") {
        return None;
    }
    let place = Location::of(resource.file, value);
    let message = text![resource.display(), " has another level than high"];
    let finding = META.finding(Severity::Warning, place, message);
    Some(finding.about(resource.id).fix(fix(resource, node, value)))
}

fn fix(resource: &Resource, node: Node<'_>, value: Node<'_>) -> Result<Fix, NoFix> {
    if node.get("immutable").and_then(Node::text) == Some("true") {
        let text = format!("{} is immutable: make it anew", resource.display());
        return Err(NoFix::new(Code::Immutable, text));
    }
    Ok(Fix {
        title: "set the level to high".into(),
        applicability: Applicability::Safe,
        changes: vec![Change::Edit(resource.file, value.set(&Value::str("high"))?)],
        claims: vec![resource.id],
    })
}
