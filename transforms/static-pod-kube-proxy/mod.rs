//! `static-pod-kube-proxy`: kube-proxy run as a static pod.
//!
//! [`recognise`] says which pods these are and what speaks against a conversion, [`command`] and
//! [`shell`] read how kube-proxy is started, [`convert`] turns the document into a DaemonSet step
//! by step ([`draft`]), [`flags`] puts the downward API in the place of values of one node,
//! [`plan`] writes down what to know and the order of the move. The DaemonSet is written beside the
//! pod, which stays, unless `replace` is set or the input is a stream.

mod codes;
mod command;
mod comments;
mod config;
mod convert;
mod copies;
mod draft;
mod finding;
mod flags;
mod fleet;
mod gates;
mod in_place;
mod inside;
mod items;
mod kustomize;
mod options;
mod outdated;
mod owner;
#[cfg(test)]
mod page;
mod placement;
mod places;
mod plan;
mod recognise;
mod remarks;
mod script;
mod shell;
mod version;

use kubewright_model::finding::{Applicability, Finding, NoFix, Severity};
use kubewright_model::kube::Resource;
use kubewright_model::text;
use kubewright_model::text::Text;
use kubewright_model::yaml::Refusal;

use self::codes::Code;
use self::finding::Case;
pub(crate) use self::options::Options;
use crate::{Context, Meta, Plan, Transform};

/// See the page of the transform.
pub(crate) struct StaticPodKubeProxy;

static META: Meta = Meta {
    name: "static-pod-kube-proxy",
    summary: "kube-proxy run as a static pod",
    applicability: Applicability::Unsafe,
    isolated: false,
    since: "0.1.0",
    docs: include_str!("README.md"),
    codes: Code::ALL,
};

impl Transform for StaticPodKubeProxy {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn check(&self, cx: &Context<'_>) -> Vec<Finding> {
        let all = cx.workspace.resources();
        let texts = inside::all(cx.workspace);
        let mut inside: Vec<Finding> = texts.iter().map(of_text).collect();
        let pods = running(cx);
        if pods.is_empty() {
            return inside;
        }
        let sets: Vec<&Resource> = all
            .iter()
            .filter(|r| recognise::is_daemon_set(cx.workspace, r))
            .collect();
        for copies in clusters(cx, &pods) {
            let case = Case::new(cx, copies, &pods, &sets, &texts);
            inside.extend(case.and_then(|case| case.finding()));
        }
        inside
    }

    fn plan(
        &self,
        cx: &Context<'_>,
        shown: &dyn Fn(&Text) -> String,
    ) -> Option<Result<Plan, NoFix>> {
        let all = cx.workspace.resources();
        let texts = inside::all(cx.workspace);
        let pods = running(cx);
        let sets: Vec<&Resource> = all
            .iter()
            .filter(|r| recognise::is_daemon_set(cx.workspace, r))
            .collect();
        let mut plans: Vec<Result<plan::Move<'_>, NoFix>> = Vec::new();
        for copies in clusters(cx, &pods) {
            let case = Case::new(cx, copies, &pods, &sets, &texts);
            plans.extend(case.map(|case| case.plan()));
        }
        // What can be moved goes before what another program writes.
        plans.sort_by_key(Result::is_err);
        plans.into_iter().next().map(|plan| {
            plan.map(|plan| Plan {
                page: plan.page(shown),
                script: script::script(&plan, shown),
            })
        })
    }
}

/// The pods that run kube-proxy.
fn running<'a>(cx: &Context<'a>) -> Vec<&'a Resource> {
    let all = cx.workspace.resources().iter();
    all.filter(|r| recognise::runs_proxy(cx.workspace, r))
        .collect()
}

/// The static pods that may be edited, those that another program writes each by itself.
fn clusters<'a>(cx: &Context<'a>, pods: &[&'a Resource]) -> Vec<Vec<&'a Resource>> {
    let workspace = cx.workspace;
    let fixed = pods
        .iter()
        .copied()
        .filter(|pod| recognise::is_static(workspace, pod) && workspace.file(pod.file).editable);
    let is_owned = |pod: &&'a Resource| {
        let path = &workspace.file(pod.file).path;
        workspace
            .node(pod.id)
            .is_some_and(|node| owner::owner(node, path).is_some())
    };
    let (owned, own): (Vec<&'a Resource>, Vec<&'a Resource>) = fixed.partition(is_owned);
    let mut clusters: Vec<Vec<&Resource>> = owned.into_iter().map(|pod| vec![pod]).collect();
    if !own.is_empty() {
        clusters.push(own);
    }
    clusters
}

/// What is said of a static pod inside another text.
fn of_text(inside: &inside::Inside<'_>) -> Finding {
    let message = text![
        "the text at ",
        &inside.place,
        " holds a static pod that runs kube-proxy: an update is a new file on every node"
    ];
    let reason = text![
        "kubewright edits no manifest inside another text: write this one, rendered, to a file \
         of its own, convert it with `",
        Text::command("kubewright fix --unsafe-fixes=static-pod-kube-proxy FILE"),
        "`, and take it out here once the nodes are moved"
    ];
    META.finding(Severity::Warning, inside.at.clone(), message)
        .fix(Err(NoFix::new(Code::InsideText, reason)))
}

/// A refusal as the editor has it.
fn no_document(text: &'static str) -> NoFix {
    let code = "yaml-no-document";
    Refusal { code, text }.into()
}
