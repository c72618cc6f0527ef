//! Probes that wait for each other: a workload asks a Service whose pods ask another one.

use std::collections::BTreeMap;

use kubewright_model::finding::Finding;
use kubewright_model::kube::Workspace;

use super::services::{Asker, Services, Target};
use super::{Question, say};

/// The findings: one for each question that stands alone, one for all that hang together.
pub(super) fn findings(
    workspace: &Workspace,
    services: &Services<'_>,
    questions: &[Question<'_>],
) -> Vec<Finding> {
    let after = after(services, questions);
    let mut found = Vec::new();
    for group in groups(&after) {
        let (group, circle) = in_order(&group, &after);
        let parts: Vec<&Question<'_>> = group.iter().filter_map(|at| questions.get(*at)).collect();
        let finding = if let [alone] = parts.as_slice() {
            say::alone(workspace, services, alone)
        } else {
            say::together(workspace, services, &parts, circle)
        };
        found.extend(finding);
    }
    found
}

/// For each question those of the pods behind the Service that it asks, by position.
fn after(services: &Services<'_>, questions: &[Question<'_>]) -> Vec<Vec<usize>> {
    let mut behind: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (at, question) in questions.iter().enumerate() {
        if question.own || matches!(question.target, Target::Host(_)) {
            continue;
        }
        let asker = Asker {
            template: &question.template,
            place: &question.place,
        };
        for service in services.selecting(asker) {
            behind.entry(service).or_default().push(at);
        }
    }
    let next = |question: &Question<'_>| {
        let Target::Services(found) = &question.target else {
            return Vec::new();
        };
        let found = found.iter().filter(|_| !question.own);
        let next = found.filter_map(|service| behind.get(service)).flatten();
        let others = next.filter(|at| {
            questions
                .get(**at)
                .is_some_and(|next| next.resource != question.resource)
        });
        let mut next: Vec<usize> = others.copied().collect();
        next.sort_unstable();
        next.dedup();
        next
    };
    questions.iter().map(next).collect()
}

/// The first member of a group, which stands for it; the way to it is made shorter.
fn first_of(of: &mut [usize], mut at: usize) -> usize {
    while let Some(next) = of.get(at).copied().filter(|next| *next != at) {
        let further = of.get(next).copied().unwrap_or(next);
        if let Some(place) = of.get_mut(at) {
            *place = further;
        }
        at = next;
    }
    at
}

/// Positions that hang together, each group in order.
fn groups(after: &[Vec<usize>]) -> Vec<Vec<usize>> {
    let mut of: Vec<usize> = (0..after.len()).collect();
    for (at, next) in after.iter().enumerate() {
        for other in next {
            let (a, b) = (first_of(&mut of, at), first_of(&mut of, *other));
            if let Some(place) = of.get_mut(a.max(b)) {
                *place = a.min(b);
            }
        }
    }
    let mut groups: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for at in 0..after.len() {
        groups.entry(first_of(&mut of, at)).or_default().push(at);
    }
    groups.into_values().collect()
}

/// The positions of a group with those that ask in front of those that are asked, and whether some
/// of them go round in a circle: these come last, as they are.
fn in_order(group: &[usize], after: &[Vec<usize>]) -> (Vec<usize>, bool) {
    let next = |at: usize| after.get(at).into_iter().flatten().copied();
    let mut before: BTreeMap<usize, usize> = group.iter().map(|at| (*at, 0)).collect();
    for other in group.iter().flat_map(|at| next(*at)) {
        *before.entry(other).or_default() += 1;
    }
    let mut order: Vec<usize> = group
        .iter()
        .copied()
        .filter(|at| before.get(at) == Some(&0))
        .collect();
    let mut done = 0;
    while let Some(at) = order.get(done).copied() {
        done += 1;
        for other in next(at) {
            if let Some(count) = before.get_mut(&other) {
                *count -= 1;
                if *count == 0 {
                    order.push(other);
                }
            }
        }
    }
    let rest = group
        .iter()
        .filter(|at| before.get(at).is_some_and(|count| *count > 0));
    order.extend(rest);
    (order, done < group.len())
}

#[cfg(test)]
mod tests {
    use super::{groups, in_order};

    #[test]
    fn what_hangs_together() {
        let after = [vec![1], vec![2], vec![], vec![], vec![2]];
        assert_eq!(groups(&after), [vec![0, 1, 2, 4], vec![3]]);
        assert_eq!(in_order(&[0, 1, 2, 4], &after), (vec![0, 4, 1, 2], false));
        assert_eq!(in_order(&[0, 1], &[vec![], vec![0]]), (vec![1, 0], false));
        assert_eq!(in_order(&[0, 1], &[vec![1], vec![0]]), (vec![0, 1], true));
        let tail = [vec![1], vec![2], vec![1]];
        assert_eq!(in_order(&[0, 1, 2], &tail), (vec![0, 1, 2], true));
    }
}
