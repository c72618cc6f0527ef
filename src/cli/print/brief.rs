//! A finding in six lines: what is wrong and what happens because of it, where, the fix, and what to
//! do next. All else is shown on demand: `-v`, `explain`, the other formats.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use kubewright_model::finding::{Applicability, NoFix, Severity};
use kubewright_model::text::{Part, Text};

use super::Paths;
use super::run::link_of;
use super::text::{BOLD, View, printable};
use super::wrap;
use crate::pipeline::report::{Outcome, Place, Reported, ReportedFix};

/// Most lines of a finding.
const MOST: usize = 6;
/// Most lines of its message: what happens comes last in it, and is not cut off for a reason.
const MESSAGE: usize = 3;
/// Others of a group that are named.
const NAMED: usize = 4;

/// The colours of a severity.
pub(super) fn style_of(severity: Severity) -> Style {
    match severity {
        Severity::Error => AnsiColor::BrightRed.on_default().bold(),
        Severity::Warning => AnsiColor::Yellow.on_default().bold(),
        Severity::Info => AnsiColor::BrightCyan.on_default(),
    }
}

/// A finding, and others that say the same of their resources.
pub(super) fn finding(
    out: &mut String,
    (finding, others): (&Reported, &[&Reported]),
    view: &View<'_>,
) {
    let mut next = next(finding, view.paths);
    let mut same = same(finding, others, view);
    let (mut label, mut said) = advice(finding, view);
    let advised = |most: usize, label: &str, said: &str| {
        let said = printable(&said.replace('\n', " "));
        wrap::at_most(most, &said, view.width, &format!("  {label}: "), "    ")
    };
    let mut place = place(&finding.place, "", view);
    let room = |place: &[String], next: &Option<String>, same: &Option<String>| {
        let used = place.len() + usize::from(next.is_some()) + usize::from(same.is_some());
        MOST.saturating_sub(used)
    };
    let whole = message(finding, MESSAGE, view).len();
    let fits =
        |room: usize, label: &str, said: &str| whole + advised(MOST, label, said).len() <= room;
    // The names of others give way to what is wrong here.
    if same.is_some() && !fits(room(&place, &next, &same), &label, &said) {
        let and = format!(", and {} more", others.len());
        let ways = [format!("{and} (-v)"), and].map(|and| self::place(&finding.place, &and, view));
        if let Some(counted) = ways.into_iter().find(|way| way.len() == place.len()) {
            (place, same) = (counted, None);
        }
    }
    // The command that would tell is on the next line.
    if !fits(room(&place, &next, &same), &label, &said)
        && let Some(next) = &next
        && let Some(shorter) = without_last_brackets(&said, &format!("`{next}`"))
    {
        said = shorter;
    }
    // Or beside the code that it explains.
    if !fits(room(&place, &next, &same), &label, &said)
        && let Err(reason) = &finding.fix
        && next.as_ref().is_some_and(|next| *next == explain(reason))
    {
        (label, next) = (format!("no fix ({})", explain(reason)), None);
    }
    let room = room(&place, &next, &same);
    // What can be done keeps a line.
    let message = message(finding, MESSAGE.min(room.saturating_sub(1)), view);
    let room = room.saturating_sub(message.len());
    for line in message.into_iter().chain(place) {
        let _ = writeln!(out, "{line}");
    }
    let style = AnsiColor::Green.on_default();
    let style = if finding.fix.is_ok() {
        style
    } else {
        Style::new()
    };
    for line in advised(room, &label, &said) {
        let _ = writeln!(out, "{}", wrap::styled_start(&line, &label, style));
    }
    for (label, said) in [("next", next), ("same", same)] {
        let Some(said) = said else { continue };
        let first = format!("  {label}: ");
        for line in wrap::at_most(1, &printable(&said), view.width, &first, "    ") {
            let _ = writeln!(out, "{}", wrap::styled_start(&line, label, BOLD));
        }
    }
}

/// A text without the brackets at its end, if they hold a word.
fn without_last_brackets(text: &str, word: &str) -> Option<String> {
    let (before, inside) = text.strip_suffix(')')?.rsplit_once(" (")?;
    inside.contains(word).then(|| before.to_owned())
}

/// A remark: what is wrong, and where.
pub(super) fn remark(out: &mut String, finding: &Reported, view: &View<'_>) {
    for line in message(finding, MOST, view) {
        let _ = writeln!(out, "{line}");
    }
    for line in place(&finding.place, "", view) {
        let _ = writeln!(out, "{line}");
    }
}

/// `warning[name]: what is wrong`
fn message(finding: &Reported, most: usize, view: &View<'_>) -> Vec<String> {
    let (severity, name) = (finding.severity.as_str(), finding.transform);
    let label = format!("{severity}[{name}]");
    let said = printable(&view.paths.brief(&finding.message));
    let mut lines = wrap::at_most(most, &said, view.width, &format!("{label}: "), "  ");
    if let Some(first) = lines.first_mut() {
        let style = style_of(finding.severity);
        let page = view.links.is_some().then(|| link_of(name));
        let shown = wrap::link(&label, page.as_deref());
        let rest = first.strip_prefix(&label).unwrap_or_default();
        *first = format!("{style}{shown}{style:#}{rest}");
    }
    lines
}

/// `--> path:line:column`, with what is said behind it.
fn place(place: &Place, behind: &str, view: &View<'_>) -> Vec<String> {
    let at = format!(
        "{}:{}:{}",
        printable(&view.paths.shown(&place.path)),
        place.line,
        place.column
    );
    let url = view
        .links
        .map(|root| wrap::file_url(&root.join(&place.path)));
    let lines = wrap::lines(&format!("{at}{behind}"), view.width, "  --> ", "      ");
    let linked = |line: String| {
        let text = line.trim_start_matches("  --> ").trim_start();
        let before = &line[..line.len() - text.len()];
        let path = text.strip_suffix(behind).unwrap_or(text);
        let behind = &text[path.len()..];
        format!(
            "{before}{BOLD}{}{BOLD:#}{behind}",
            wrap::link(path, url.as_deref())
        )
    };
    lines.into_iter().map(linked).collect()
}

/// What can be done: a label, and what it is.
fn advice(finding: &Reported, view: &View<'_>) -> (String, String) {
    match &finding.fix {
        _ if finding.outcome == Outcome::Cured => (
            if view.wrote { "fixed" } else { "fix" }.to_owned(),
            "another fix of this run cures it".to_owned(),
        ),
        Ok(fix) => {
            let done = view.wrote && finding.outcome == Outcome::Applied;
            let mut said = view.paths.brief(&fix.title);
            if !fix.lost_comments.is_empty() {
                said.push_str("; a comment goes with it");
            }
            let word = if done { "fixed" } else { "fix" };
            (format!("{word} ({})", fix.applicability.as_str()), said)
        }
        Err(reason) => (
            format!("no fix ({})", reason.code),
            view.paths.brief(&reason.text),
        ),
    }
}

/// The one thing to do where nothing is fixed: a command.
pub(super) fn next(finding: &Reported, paths: &Paths) -> Option<String> {
    let is_safe = |fix: &ReportedFix| fix.applicability == Applicability::Safe;
    if finding.fix.as_ref().is_ok_and(|fix| !is_safe(fix))
        && let Some(command) = command(finding.notes.iter(), paths)
    {
        return Some(command);
    }
    if finding.outcome != Outcome::Left {
        return None;
    }
    match &finding.fix {
        Ok(fix) => match fix.applicability {
            Applicability::Safe => None,
            Applicability::Unsafe => Some(format!(
                "kubewright fix --unsafe-fixes={} shows the change",
                finding.transform
            )),
            Applicability::DisplayOnly => Some(format!(
                "make the change by hand; kubewright explain {} says how",
                finding.transform
            )),
        },
        Err(reason) => {
            let texts = [&reason.text].into_iter().chain(&reason.more);
            Some(command(texts, paths).unwrap_or_else(|| explain(reason)))
        }
    }
}

/// The command that tells what a code means.
fn explain(reason: &NoFix) -> String {
    format!("kubewright explain {}", reason.code)
}

/// The first command that texts tell to run.
pub(super) fn command<'a>(
    mut texts: impl Iterator<Item = &'a Text>,
    paths: &Paths,
) -> Option<String> {
    texts.find_map(|text| {
        text.parts().iter().find_map(|part| match part {
            Part::Command(command) => Some(paths.brief(&Text::command(command.clone()))),
            _ => None,
        })
    })
}

/// Who else is told the same: each name once, and in how many places.
fn same(first: &Reported, others: &[&Reported], view: &View<'_>) -> Option<String> {
    if others.is_empty() {
        return None;
    }
    let place = |finding: &Reported| {
        let path = view.paths.shown(&finding.place.path);
        format!("{path}:{}", finding.place.line)
    };
    let name = |finding: &Reported| match &finding.resource {
        Some(of) => format!("{} {}", of.kind, of.name),
        None => place(finding),
    };
    let first = name(first);
    let elsewhere = others.iter().find(|other| name(other) == first);
    let mut counted: Vec<(String, usize)> = Vec::new();
    for other in others {
        let name = name(other);
        match counted.iter_mut().find(|(known, _)| *known == name) {
            Some((_, count)) => *count += 1,
            None => counted.push((name, 1)),
        }
    }
    let said = |(name, count): &(String, usize)| match (*name == first, count) {
        (false, 1) => name.clone(),
        (false, count) => format!("{name} in {count} places"),
        (true, 1) => elsewhere.map_or_else(|| name.clone(), |other| place(other)),
        (true, count) => format!("{name} in {count} other places"),
    };
    let names: Vec<String> = counted.iter().take(NAMED).map(said).collect();
    let mut names = names.join(", ");
    if counted.len() > NAMED {
        let more: usize = counted.iter().skip(NAMED).map(|(_, count)| count).sum();
        let _ = write!(names, " and {more} more");
    }
    Some(format!("{} more (-v): {names}", others.len()))
}
