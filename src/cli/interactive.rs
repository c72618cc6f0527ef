//! `kubewright fix --interactive`: one fix at a time, as `git add -p` does it. A fix is offered as a
//! whole, over all its files; what is taken is proven and written together at the end.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufRead as _, IsTerminal as _};
use std::sync::Arc;

use anyhow::{Result, bail};
use kubewright_model::finding::Applicability;
use kubewright_model::kube::{Input, Workspace};

use super::ground::Ground;
use super::print::mask::Mask;
use super::print::offer;
use super::print::text::{self, View, number};
use super::status::Status;
use super::terminal::Terminal;
use super::write::TreeLock;
use super::{suppress, write};
use crate::pipeline::identity::{By, Identity, KnownFinding};
use crate::pipeline::report::{FileChange, Outcome, Report, Reported};
use crate::pipeline::{Known, Pipeline, UnsafeFixes};

/// What can be answered.
const HELP: &str = "\
y  make this change
n  do not make it
a  make it and all further ones of this transform that are as safe
d  make neither it nor any further one of this transform
e  explain: the finding in full
s  do not make it, and suppress the finding with a reason
u  undo the last answer
q  make what was answered with yes so far, and end
";
/// Most runs until nothing is left in that nobody said yes to.
const ROUNDS: usize = 8;

/// What was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Answer {
    Yes,
    No,
    Suppress(String),
}

/// Whether there is somebody to ask.
pub(super) fn needs_a_terminal(terminal: &Terminal) -> Result<()> {
    if !(io::stdin().is_terminal() && terminal.is_one()) {
        bail!("--interactive asks on a terminal, and this is none; --write makes all safe fixes");
    }
    Ok(())
}

/// Asks for each fix, and writes those that are wanted.
pub(super) fn run(
    ground: &Ground,
    workspace: &Workspace,
    pipeline: &Pipeline<'_>,
    known: &[Known],
    view: &View<'_>,
    (lock, read, terminal): (&TreeLock, &[(String, Arc<str>)], &Terminal),
) -> Result<Status> {
    let all = Pipeline {
        unsafe_fixes: UnsafeFixes::All,
        ..pipeline.clone()
    };
    let report = all.run_beside(workspace, known)?;
    let view = &View {
        mask: Mask::of(&report),
        ..view.clone()
    };
    let offers: Vec<&Reported> = report.findings.iter().filter(|f| is_offer(f)).collect();
    if offers.is_empty() {
        terminal.out("nothing has a fix; `kubewright fix` shows what is found\n")?;
        return Ok(Status::Clean);
    }
    let answers = ask(&report, &offers, view, terminal)?;
    let answered = offers.iter().zip(&answers);
    let taken: Vec<&Reported> = answered
        .filter(|(_, answer)| **answer == Answer::Yes)
        .map(|(finding, _)| *finding)
        .collect();
    // One that another fix would have cured is nobody's answer either.
    let wanted: BTreeSet<Identity> = taken.iter().map(|f| Identity::of(f)).collect();
    let not_taken = |f: &&Reported| f.fix.is_ok() && !wanted.contains(&Identity::of(f));
    let declined = report
        .findings
        .iter()
        .filter(not_taken)
        .map(KnownFinding::from)
        .collect();
    let texts = suppressed(&report, &offers, &answers);
    let fixed = taken_alone(workspace, pipeline, known, (&taken, declined), &texts)?;
    let changes = changes(workspace, &texts, fixed);
    write::write(&write::Plan {
        root: &ground.root,
        changes: &changes,
        lock,
        read,
        keep: true,
        patch: None,
    })?;
    let suppressed = answers
        .iter()
        .filter(|a| matches!(a, Answer::Suppress(_)))
        .count();
    terminal.out(&format!(
        "{} made, {} suppressed, {} left: {} written\n",
        match taken.len() {
            1 => "1 fix".to_owned(),
            n => format!("{n} fixes"),
        },
        number(suppressed, "finding"),
        offers.len() - taken.len() - suppressed,
        number(changes.len(), "file")
    ))?;
    Ok(Status::Clean)
}

/// Whether a finding has a fix that could be made.
fn is_offer(finding: &Reported) -> bool {
    let ready = |applicability| applicability != Applicability::DisplayOnly;
    finding.outcome == Outcome::Applied
        && finding
            .fix
            .as_ref()
            .is_ok_and(|fix| ready(fix.applicability) && !fix.edits.is_empty())
}

/// One answer for each offer.
fn ask(
    report: &Report,
    offers: &[&Reported],
    view: &View<'_>,
    terminal: &Terminal,
) -> Result<Vec<Answer>> {
    let mut answers: Vec<Answer> = Vec::new();
    // What holds for a transform, from the answer at a position on.
    let mut for_all: Vec<(usize, &Reported, Answer)> = Vec::new();
    let mut shown = None;
    while let Some(offer) = offers.get(answers.len()) {
        let at = answers.len();
        let covers = |(_, of, answer): &&(usize, &Reported, Answer)| {
            of.transform == offer.transform
                && (*answer == Answer::No || safety(of) == safety(offer))
        };
        if let Some((_, _, answer)) = for_all.iter().find(covers) {
            answers.push(answer.clone());
            continue;
        }
        if shown != Some(at) {
            terminal.out(&format!("\n{}", offer::render(report, offer, view)))?;
            shown = Some(at);
        }
        terminal.out(&format!(
            "({}/{}) Make this change [y,n,a,d,e,s,u,q,?]? ",
            at + 1,
            offers.len()
        ))?;
        let Some(answer) = line()? else { break };
        match answer.as_str() {
            "y" => answers.push(Answer::Yes),
            "n" => answers.push(Answer::No),
            "a" => for_all.push((at, offer, Answer::Yes)),
            "d" => for_all.push((at, offer, Answer::No)),
            "e" => terminal.out(&format!(
                "\n{}The page: kubewright explain {}\n",
                text::in_full(report, offer, view),
                offer.transform
            ))?,
            "s" => {
                terminal.out("Why is it accepted? ")?;
                match line()?.filter(|reason| !reason.is_empty()) {
                    Some(reason) => answers.push(Answer::Suppress(reason)),
                    None => terminal.out("without a reason nothing is suppressed\n")?,
                }
            }
            "u" => undo(&mut answers, &mut for_all),
            "q" => break,
            _ => terminal.out(HELP)?,
        }
    }
    answers.resize(offers.len(), Answer::No);
    Ok(answers)
}

/// Takes back the last answer, with all that it answered.
fn undo(answers: &mut Vec<Answer>, for_all: &mut Vec<(usize, &Reported, Answer)>) {
    match for_all.last() {
        // The answers behind it are its own where nobody was asked since.
        Some((at, _, answer))
            if answers
                .get(*at..)
                .is_some_and(|own| own.iter().all(|a| a == answer)) =>
        {
            answers.truncate(*at);
            for_all.pop();
        }
        _ => _ = answers.pop(),
    }
}

fn safety(finding: &Reported) -> Option<Applicability> {
    finding.fix.as_ref().ok().map(|fix| fix.applicability)
}

/// A line from the terminal; `None` at its end.
fn line() -> Result<Option<String>> {
    let mut text = String::new();
    let read = io::stdin().lock().read_line(&mut text)?;
    Ok((read > 0).then(|| text.trim().to_owned()))
}

/// The texts with the comments of what is suppressed.
fn suppressed(
    report: &Report,
    offers: &[&Reported],
    answers: &[Answer],
) -> BTreeMap<String, String> {
    let mut texts: BTreeMap<String, String> = BTreeMap::new();
    // From the last place on: those before it stay where they are.
    for (finding, answer) in offers.iter().zip(answers).rev() {
        let Answer::Suppress(reason) = answer else {
            continue;
        };
        let path = &finding.place.path;
        let Some(source) = report.sources.get(path) else {
            continue;
        };
        let text = texts
            .entry(path.clone())
            .or_insert_with(|| source.to_string());
        if let Some(after) = suppress::accepted(text, finding, reason) {
            *text = after;
        }
    }
    texts
}

/// What comes out when the taken fixes are made, and no others but those that they call for.
fn taken_alone(
    workspace: &Workspace,
    pipeline: &Pipeline<'_>,
    known: &[Known],
    (taken, mut declined): (&[&Reported], Vec<KnownFinding>),
    texts: &BTreeMap<String, String>,
) -> Result<Vec<FileChange>> {
    let wanted: BTreeSet<Identity> = taken.iter().map(|f| Identity::of(f)).collect();
    let names = taken.iter().map(|finding| finding.transform.to_owned());
    let pipeline = Pipeline {
        unsafe_fixes: UnsafeFixes::Of(names.collect()),
        ..pipeline.clone()
    };
    let inputs = workspace.files().iter().map(|file| Input {
        path: file.path.clone(),
        text: match texts.get(&file.path) {
            Some(text) => text.as_str().into(),
            None => file.text.clone(),
        },
        editable: file.editable,
    });
    let workspace = Workspace::new(inputs.collect(), workspace.options().clone());
    if taken.is_empty() {
        return Ok(Vec::new());
    }
    for _ in 0..ROUNDS {
        let mut known = known.to_vec();
        known.push(Known {
            by: By::Baseline,
            entries: declined.clone(),
        });
        let report = pipeline.run_beside(&workspace, &known)?;
        // A fix may call for a safe one that was not there before: a hash behind a new name.
        let unasked: Vec<KnownFinding> = (report.findings.iter())
            .filter(|f| f.outcome == Outcome::Applied && !wanted.contains(&Identity::of(f)))
            .filter(|f| safety(f) != Some(Applicability::Safe))
            .map(KnownFinding::from)
            .collect();
        if unasked.is_empty() {
            return Ok(report.files);
        }
        declined.extend(unasked);
    }
    bail!(
        "the fixes that were taken call for others again and again: nothing was written; please \
         report this"
    )
}

/// From the files as they are to those with comments and fixes.
fn changes(
    workspace: &Workspace,
    texts: &BTreeMap<String, String>,
    fixed: Vec<FileChange>,
) -> Vec<FileChange> {
    let mut all: BTreeMap<String, FileChange> = BTreeMap::new();
    for (path, text) in texts {
        let before = workspace.file_at(path).map(|file| file.text.clone());
        let change = FileChange {
            path: path.clone(),
            before,
            after: Some(text.as_str().into()),
        };
        all.insert(path.clone(), change);
    }
    for change in fixed {
        match all.get_mut(&change.path) {
            Some(suppressed) => suppressed.after = change.after,
            None => _ = all.insert(change.path.clone(), change),
        }
    }
    all.into_values().filter(|c| c.before != c.after).collect()
}
