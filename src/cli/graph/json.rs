//! For programs: one JSON object. Keys may be added, none changes meaning;
//! `examples/apply-sets/graph.schema.json` describes them.

use serde_json::{Value, json};

use super::super::print::relations::{
    Applier, At, Graph, Made, Object, Part, Read, Set, Want, because, word,
};

/// Version of the format.
const VERSION: u32 = 1;

pub(in crate::cli) fn render(graph: &Graph) -> String {
    let whole = json!({
        "version": VERSION,
        "sets": graph.sets.iter().map(set).collect::<Vec<_>>(),
        "unreached": graph.unreached.iter().map(object).collect::<Vec<_>>(),
        "broken": graph.broken,
    });
    format!("{whole:#}\n")
}

fn set(set: &Set) -> Value {
    json!({
        "name": set.name,
        "evidence": word(set.evidence),
        "because": because(set.evidence),
        "cluster": set.cluster,
        "appliedBy": set.appliers.iter().map(applier).collect::<Vec<_>>(),
        "closed": set.holes.is_empty(),
        "holes": set.holes,
        "members": set.members.iter().map(part).collect::<Vec<_>>(),
        "generated": set.generated.iter().map(made).collect::<Vec<_>>(),
        "reads": set.reads.iter().map(read).collect::<Vec<_>>(),
    })
}

fn object(object: &Object) -> Value {
    let Object {
        at,
        api_version,
        kind,
        namespace,
        name,
    } = object;
    json!({"path": at.path, "line": at.line, "resource": {"apiVersion": api_version, "kind": kind, "namespace": namespace, "name": name}})
}

fn applier(applier: &Applier) -> Value {
    let more =
        json!({"name": applier.name, "cluster": applier.cluster, "namespace": applier.namespace});
    with(object(&applier.object), more)
}

fn part(part: &Part) -> Value {
    with(
        object(&part.object),
        json!({"namespace": part.namespace, "name": part.name, "through": part.through}),
    )
}

fn made(made: &Made) -> Value {
    let Made {
        at: At { path, line },
        kind,
        namespace,
        name,
        behavior,
        hash_suffix,
        keys,
        keys_complete,
    } = made;
    json!({
        "path": path, "line": line, "kind": kind, "namespace": namespace, "name": name,
        "behavior": behavior, "hashSuffix": hash_suffix, "keys": keys, "keysComplete": keys_complete,
    })
}

fn read(read: &Read) -> Value {
    let (whole, keys) = match &read.keys {
        Want::None => (None, Vec::new()),
        Want::These(keys) => (None, keys.iter().cloned().collect()),
        Want::AllData => (Some("data"), Vec::new()),
        Want::All => (Some("all"), Vec::new()),
    };
    json!({
        "member": read.from, "path": read.at.path, "line": read.at.line, "kind": read.kind, "name": read.name,
        "keys": keys, "whole": whole, "optional": read.optional, "probable": read.probable,
        "resolution": read.state, "definitions": read.to, "generators": read.made,
    })
}

/// Both objects in one.
fn with(mut object: Value, more: Value) -> Value {
    if let (Value::Object(object), Value::Object(more)) = (&mut object, more) {
        object.extend(more);
    }
    object
}
