//! `kubewright fix --interactive`: one fix at a time, as `git add -p` does it. A fix is offered as a
//! whole, over all its files; what is taken is proven and written together at the end.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufRead as _, IsTerminal as _};
use std::ops::Range;
use std::sync::Arc;

use anyhow::{Result, bail};
use kubewright_model::finding::Applicability;
use kubewright_model::kube::{Input, Workspace};
use kubewright_model::yaml::verify;

use super::edited::{self, Edited};
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
e  edit it in $EDITOR first
x  explain: the finding in full
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
    /// As a person has written it.
    Edit(Vec<Edited>),
    Suppress(String),
}

/// Whether there is somebody to ask.
pub(super) fn needs_a_terminal(terminal: &Terminal) -> Result<()> {
    if !(io::stdin().is_terminal() && terminal.is_one()) {
        bail!(
            "--interactive asks for each fix, and this is no terminal; kubewright fix --write \
             makes all safe fixes"
        );
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
    let edited: Vec<&Reported> = (offers.iter().zip(&answers))
        .filter(|(_, answer)| matches!(answer, Answer::Edit(_)))
        .map(|(finding, _)| *finding)
        .collect();
    let texts = by_hand(&report, &offers, &answers)?;
    let fixed = taken_alone(
        workspace,
        pipeline,
        known,
        (&taken, &edited, declined),
        &texts,
    )?;
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
        match taken.len() + edited.len() {
            1 => "1 fix".to_owned(),
            n => format!("{n} fixes"),
        },
        number(suppressed, "finding"),
        offers.len() - taken.len() - edited.len() - suppressed,
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
            "({}/{}) Make this change [y,n,a,d,e,x,s,u,q,?]? ",
            at + 1,
            offers.len()
        ))?;
        let Some(answer) = line()? else { break };
        match answer.as_str() {
            "y" => answers.push(Answer::Yes),
            "n" => answers.push(Answer::No),
            "a" => for_all.push((at, offer, Answer::Yes)),
            "d" => for_all.push((at, offer, Answer::No)),
            "e" => {
                if let Some(edited) = edit(report, offer, (offers, &answers), view, terminal)? {
                    answers.push(Answer::Edit(edited));
                }
            }
            "x" => terminal.out(&format!(
                "\n{}The page: kubewright explain {}\n",
                text::in_full(report, offer, view),
                offer.transform
            ))?,
            "s" if meets(offers, &answers, &offer.place.path, &line_of(report, offer)) => {
                terminal.out("its line was edited before: answer u first, or n\n")?;
            }
            "s" => {
                terminal.out("Why is it accepted? ")?;
                match line()?.filter(|reason| !reason.is_empty()) {
                    Some(reason) => answers.push(Answer::Suppress(reason)),
                    None => terminal.out("nothing is suppressed: a reason is needed\n")?,
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

/// Lets the fix of an offer be edited; `None` where it is to be asked for again.
fn edit(
    report: &Report,
    offer: &Reported,
    (offers, answers): (&[&Reported], &[Answer]),
    view: &View<'_>,
    terminal: &Terminal,
) -> Result<Option<Vec<Edited>>> {
    let changes =
        (offer.fix.as_ref()).map_or_else(|_| Vec::new(), |fix| offer::changes(report, fix));
    if changes.iter().any(|change| change.after.is_none()) {
        terminal.out("it removes a file, which is no patch to edit: answer y or n\n")?;
        return Ok(None);
    }
    let edited = edited::edit(&changes, view.paths, |why| {
        terminal.out(&format!(
            "{why}\nEdit again (n keeps nothing of it) [y,n]? "
        ))?;
        Ok(line()?.is_some_and(|answer| answer != "n"))
    });
    let edited = match edited {
        Ok(edited) => edited,
        // The other answers are still there to be given.
        Err(error) => {
            terminal.error(&format!("{error:#}"));
            return Ok(None);
        }
    };
    let Some(edited) = edited else {
        terminal.out("nothing is changed\n")?;
        return Ok(None);
    };
    let taken = |one: &Edited| {
        let mut own = one.splices.iter().map(|(range, _)| range);
        own.any(|range| meets(offers, answers, &one.path, range))
    };
    if edited.iter().any(taken) {
        terminal.out("lines of it were edited or suppressed before: answer u first, or n\n")?;
        return Ok(None);
    }
    Ok(Some(edited))
}

/// Whether an answer has to do with bytes of a file.
fn meets(offers: &[&Reported], answers: &[Answer], path: &str, range: &Range<usize>) -> bool {
    offers
        .iter()
        .zip(answers)
        .any(|(offer, answer)| match answer {
            Answer::Edit(edited) => edited.iter().any(|one| one.touches(path, range)),
            Answer::Suppress(_) => {
                let at = offer.place.start;
                offer.place.path == path && range.start <= at && at < range.end
            }
            Answer::Yes | Answer::No => false,
        })
}

/// The line that a comment for an offer would stand above.
fn line_of(report: &Report, offer: &Reported) -> Range<usize> {
    let at = offer.place.start;
    let text = report
        .sources
        .get(&offer.place.path)
        .map_or("", |text| text);
    let before = text.get(..at).unwrap_or_default();
    let after = text.get(at..).unwrap_or_default();
    let start = before.rfind('\n').map_or(0, |at| at + 1);
    start..at + after.find('\n').map_or(after.len(), |at| at + 1)
}

/// What is done to a text by hand.
enum ByHand<'a> {
    Splice(&'a (Range<usize>, String)),
    Comment(&'a Reported, &'a str),
}

/// The texts with what was edited, and with the comments of what is suppressed.
fn by_hand(
    report: &Report,
    offers: &[&Reported],
    answers: &[Answer],
) -> Result<BTreeMap<String, String>> {
    let mut work: BTreeMap<&str, Vec<(usize, ByHand<'_>)>> = BTreeMap::new();
    for (finding, answer) in offers.iter().zip(answers) {
        match answer {
            Answer::Suppress(reason) => {
                let of_file = work.entry(&finding.place.path).or_default();
                let at = line_of(report, finding).start;
                of_file.push((at, ByHand::Comment(finding, reason)));
            }
            Answer::Edit(edited) => {
                for one in edited {
                    let splices = one.splices.iter();
                    let of_file = work.entry(&one.path).or_default();
                    of_file.extend(splices.map(|s| (s.0.start, ByHand::Splice(s))));
                }
            }
            Answer::Yes | Answer::No => {}
        }
    }
    let mut texts: BTreeMap<String, String> = BTreeMap::new();
    for (path, mut work) in work {
        // From the last place on: those before it stay where they are. What was inserted stands
        // below a comment.
        work.sort_by_key(|(at, what)| (*at, matches!(what, ByHand::Splice(_))));
        let source = report.sources.get(path);
        let mut text = source.map_or_else(String::new, ToString::to_string);
        for (_, what) in work.into_iter().rev() {
            match what {
                ByHand::Splice((range, new)) if text.get(range.clone()).is_some() => {
                    text.replace_range(range.clone(), new);
                }
                ByHand::Splice(_) => {}
                ByHand::Comment(finding, reason) => {
                    if let Some(after) = suppress::accepted(&text, finding, reason) {
                        text = after;
                    }
                }
            }
        }
        let was_yaml = source.is_none_or(|source| verify::error(source).is_none());
        if was_yaml && let Some(error) = verify::error(&text) {
            bail!(
                "what was edited is no YAML together, at {path}:{}: {}; nothing was written",
                error.line,
                error.message
            );
        }
        texts.insert(path.to_owned(), text);
    }
    Ok(texts)
}

/// What comes out when the taken fixes are made, and no others but those that they call for.
fn taken_alone(
    workspace: &Workspace,
    pipeline: &Pipeline<'_>,
    known: &[Known],
    (taken, edited, mut declined): (&[&Reported], &[&Reported], Vec<KnownFinding>),
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
    let created = texts
        .iter()
        .filter(|(path, _)| workspace.file_at(path).is_none());
    let created = created.map(|(path, text)| Input {
        path: path.clone(),
        text: text.as_str().into(),
        editable: true,
    });
    let inputs = inputs.chain(created).collect();
    let workspace = Workspace::new(inputs, workspace.options().clone());
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
        // What a person has written instead stays.
        let instead = |f: &Reported| {
            let same =
                |own: &&Reported| own.transform == f.transform && own.place.path == f.place.path;
            edited.iter().any(same)
        };
        let unasked: Vec<KnownFinding> = (report.findings.iter())
            .filter(|f| f.outcome == Outcome::Applied && !wanted.contains(&Identity::of(f)))
            .filter(|f| safety(f) != Some(Applicability::Safe) || instead(f))
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
