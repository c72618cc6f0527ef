//! `configmap-name-collision`: ConfigMaps of one name that meet in one apply set with different data.
//!
//! [`group`] finds the definitions that meet, [`demand`] who uses the name and which definition each consumer means. Then everything that
//! speaks against a rename is asked in turn: whether the definitions are alternatives that nobody applies together ([`paths`],
//! [`doubts`]), whether the name is ours to change ([`owner`]) and whether anything else uses it ([`uses`]). If nothing does,
//! [`keeper`] decides who keeps the name, [`suffix`] names the others, and [`fix`] writes it all as one transaction.

use std::collections::BTreeMap;

use kubewright_model::finding::{Applicability, Finding, Fix, Location, NoFix, Severity};
use kubewright_model::kube::{Evidence, Resource, Target, Workspace};

use crate::{Context, Meta, Transform};
use demand::{Demands, Verdict};
use group::{Collision, Relation, relate};
use keeper::Keeper;

mod demand;
mod fix;
mod group;
mod keeper;
mod owner;
mod paths;
mod suffix;
mod uses;

/// See the page of the transform.
pub(crate) struct ConfigMapNameCollision;

static META: Meta = Meta {
    name: "configmap-name-collision",
    summary: "ConfigMaps of one name that meet in one apply set with different data",
    applicability: Applicability::Safe,
    since: "0.1.0",
    docs: include_str!("README.md"),
};

impl Transform for ConfigMapNameCollision {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn check(&self, cx: &Context<'_>) -> Vec<Finding> {
        if !cx.settings.configmap_name_collision.enabled {
            return Vec::new();
        }
        group::collisions(cx.workspace, Target::ConfigMap).iter().map(|collision| finding(cx, collision)).collect()
    }
}

/// Why there is no fix; with `doubt`, why the definitions may not meet at all.
#[derive(Debug)]
struct Reason {
    code: &'static str,
    text: String,
    doubt: bool,
}

impl Reason {
    fn new(code: &'static str, text: impl Into<String>) -> Self {
        Self { code, text: text.into(), doubt: false }
    }

    fn doubt(code: &'static str, text: impl Into<String>) -> Self {
        Self { doubt: true, ..Self::new(code, text) }
    }
}

/// A fix, who keeps the name, and the new name of each definition.
type Plan = (Fix, Keeper, Vec<Option<String>>);

fn finding(cx: &Context<'_>, collision: &Collision<'_>) -> Finding {
    let ws = cx.workspace;
    let demands = demand::find(ws, collision);
    let plan = plan(cx, collision, &demands);
    let severity = severity(collision, plan.as_ref().err());
    // The finding stands at a definition that changes, or else at one that is hidden by the last.
    let hidden = |at: usize| plan.as_ref().map_or(at + 1 < collision.definitions.len(), |(_, keeper, _)| at != keeper.index);
    let places: Vec<_> = collision.definitions.iter().enumerate().collect();
    let primary = places.iter().filter(|(at, d)| hidden(*at) && ws.file(d.file).editable).chain(&places).next().map(|(_, d)| *d);
    let (location, resource) = primary.map_or((Location { file: kubewright_model::kube::FileId(0), span: 0..0 }, None), |d| {
        (Location::of(d.file, d.name), Some(d.id))
    });
    let (fix, notes) = match plan {
        Ok((fix, keeper, names)) => {
            let notes = fix::notes(ws, collision, &demands, keeper, &names);
            (Ok(fix), notes)
        }
        Err(reason) => (Err(NoFix::new(reason.code, reason.text)), Vec::new()),
    };
    Finding {
        transform: META.name,
        severity,
        message: message(ws, collision),
        primary: location,
        related: related(ws, collision, &demands),
        resource,
        notes,
        fix,
    }
}
