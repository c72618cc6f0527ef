//! Probes that wait for each other: a workload asks a Service whose pods ask another one.

use kubewright_model::finding::Finding;
use kubewright_model::kube::Workspace;

use super::services::{Service, Target};
use super::{Question, say};

/// The findings: one for each question that stands alone, one for all that hang together.
pub(super) fn findings(
    workspace: &Workspace,
    services: &[Service<'_>],
    questions: &[Question<'_>],
) -> Vec<Finding> {
    let after: Vec<Vec<usize>> = questions
        .iter()
        .map(|question| {
            let next = questions.iter().enumerate();
            next.filter(|(_, next)| leads_to(question, next, services))
                .map(|(at, _)| at)
                .collect()
        })
        .collect();
    let mut found = Vec::new();
    for group in groups(&after) {
        let group = in_order(&group, &after);
        let parts: Vec<&Question<'_>> = group.iter().filter_map(|at| questions.get(*at)).collect();
        let finding = if let [alone] = parts.as_slice() {
            say::alone(workspace, services, alone)
        } else {
            let circle = group.iter().any(|at| returns(*at, &after));
            say::together(workspace, services, &parts, circle)
        };
        found.extend(finding);
    }
    found
}

/// Whether the pods behind the Service that one question asks ask the other question.
fn leads_to(question: &Question<'_>, next: &Question<'_>, services: &[Service<'_>]) -> bool {
    let Target::Services(found) = &question.target else {
        return false;
    };
    !question.own
        && !next.own
        && matches!(next.target, Target::Services(_) | Target::Named(_))
        && question.resource != next.resource
        && found
            .iter()
            .filter_map(|at| services.get(*at))
            .any(|service| service.selects(&next.template, &next.place))
}

/// Positions that hang together, each group in order.
fn groups(after: &[Vec<usize>]) -> Vec<Vec<usize>> {
    let mut group: Vec<usize> = (0..after.len()).collect();
    loop {
        let mut changed = false;
        for (at, next) in after.iter().enumerate() {
            for other in next {
                let (Some(a), Some(b)) = (group.get(at).copied(), group.get(*other).copied())
                else {
                    continue;
                };
                let first = a.min(b);
                for place in [at, *other] {
                    if let Some(of) = group.get_mut(place).filter(|of| **of != first) {
                        *of = first;
                        changed = true;
                    }
                }
            }
        }
        if !changed {
            break;
        }
    }
    let members = |first: usize| {
        let all = group
            .iter()
            .enumerate()
            .filter(move |(_, of)| **of == first);
        all.map(|(at, _)| at).collect::<Vec<_>>()
    };
    (0..after.len())
        .map(members)
        .filter(|group| !group.is_empty())
        .collect()
}

/// Positions with those that ask in front of those that are asked; the rest of a circle as it is.
fn in_order(group: &[usize], after: &[Vec<usize>]) -> Vec<usize> {
    let leads = |from: usize, to: usize| after.get(from).is_some_and(|next| next.contains(&to));
    let mut rest = group.to_vec();
    let mut order = Vec::new();
    while !rest.is_empty() {
        let first = rest
            .iter()
            .position(|at| !rest.iter().any(|other| leads(*other, *at)));
        order.push(rest.remove(first.unwrap_or(0)));
    }
    order
}

/// Whether a question leads back to itself.
fn returns(start: usize, after: &[Vec<usize>]) -> bool {
    let mut seen = vec![false; after.len()];
    let mut open = after.get(start).cloned().unwrap_or_default();
    while let Some(at) = open.pop() {
        if at == start {
            return true;
        }
        if let Some(seen) = seen.get_mut(at).filter(|seen| !**seen) {
            *seen = true;
            open.extend(after.get(at).into_iter().flatten());
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::{groups, in_order, returns};

    #[test]
    fn what_hangs_together() {
        let after = [vec![1], vec![2], vec![], vec![], vec![2]];
        assert_eq!(groups(&after), [vec![0, 1, 2, 4], vec![3]]);
        assert_eq!(in_order(&[0, 1, 2, 4], &after), [0, 1, 4, 2]);
        assert_eq!(in_order(&[0, 1], &[vec![], vec![0]]), [1, 0]);
        assert!(!returns(0, &after));
        assert!(returns(0, &[vec![1], vec![0]]));
        assert!(!returns(0, &[vec![1], vec![2], vec![1]]));
    }
}
