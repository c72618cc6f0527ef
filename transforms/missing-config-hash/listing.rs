//! Workloads that Reloader restarts for some of what they read: the rest is named in the same list.

use kubewright_model::finding::{Applicability, Change, Finding, Fix, Severity, Subject};
use kubewright_model::kube::Target;
use kubewright_model::text;
use kubewright_model::yaml::Value;

use super::consumed::list;
use super::reads::Reading;
use super::{Case, covers, skips};

/// The finding, with the fix that adds what the list leaves out. Reloader restarts for all of it
/// then, and a hash would restart twice.
pub(super) fn left_out(case: &Case<'_>, reading: &Reading) -> Option<Finding> {
    if !case.written.is_empty()
        || skips::unwanted(case.workspace(), case.resource, case.template, reading).is_err()
    {
        return None;
    }
    // A list that a kustomization changes is not the one that Reloader reads.
    if case
        .workspace()
        .touches(case.resource.id)
        .iter()
        .any(|touch| touch.affects("metadata.annotations"))
    {
        return None;
    }
    let names: Vec<_> = reading
        .names
        .iter()
        .map(|(to, name)| (*to, name.as_str()))
        .collect();
    let (written, left) = covers::reloader_list(case.workspace(), case.node, &names)?;
    let labels: Vec<_> = left
        .iter()
        .map(|name| (Target::ConfigMap, (*name).to_owned()))
        .collect();
    let names: Vec<String> = left.iter().map(|name| (*name).to_owned()).collect();
    let (subject, left_out) = (case.subject(), list(&labels));
    let (them, when) = if left.len() > 1 {
        ("them", "when they change")
    } else {
        ("it", "when it changes")
    };
    let message = text![
        subject,
        " reads ",
        &left_out,
        ", and Reloader, whose list leaves ",
        them,
        " out, restarts no pod ",
        when
    ];
    let value = format!(
        "{},{}",
        written.text()?.trim_end_matches([',', ' ']),
        left.join(",")
    );
    let fix = match written.set(&Value::str(value)) {
        Ok(edit) => Ok(Fix {
            title: text!["add ", left_out, " to the list of Reloader"],
            applicability: Applicability::Safe,
            changes: vec![Change::Edit(case.resource.file, edit)],
            claims: vec![case.resource.id],
        }),
        Err(refusal) => Err(refusal.into()),
    };
    Some(Finding {
        subject: Subject::new("list", names),
        ..case.finding(Severity::Warning, message, fix)
    })
}
