//! A comment for a pull request that is read in a minute: what was found, in lines of the change
//! first; what restarts; who reads what; the diff, folded by file. GitHub takes no comment above a
//! size, so diffs are left out where they would not fit, and a sentence says so.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use kubewright_model::finding::Severity;
use kubewright_model::text::{Part, Text};

use super::relations::mermaid;
use super::run::{Problem, Run, VERSION, link_of};
use super::{diff, neutral, text};
use crate::pipeline::report::{FileChange, Outcome, Restart, Strategy};

/// The first line, by which a comment is found again and updated.
const MARKER: &str = "<!-- kubewright-report -->";
/// Bytes; GitHub counts 65,536 characters of a comment, which are no more.
const LIMIT: usize = 65_000;
/// Bytes of findings, and of the picture, at most: diffs want room too.
const FINDINGS: usize = 30_000;
const PICTURE: usize = 10_000;
/// Boxes that a reader still takes in.
const BOXES: usize = 40;
/// Workloads that are named.
const RESTARTS: usize = 30;
/// More names than that are cut; so many are shown then.
const LISTED: (usize, usize) = (5, 3);

/// The comment.
pub(crate) fn render(run: &Run<'_>) -> String {
    let problems = run.problems();
    let mut out = format!("{MARKER}\n{}", heading(run, &problems));
    findings(&mut out, run, &problems);
    restarts(&mut out, run);
    picture(&mut out, run, &problems);
    let footer = format!("\n<sub>kubewright {VERSION}</sub>\n");
    diffs(&mut out, run, LIMIT.saturating_sub(footer.len()));
    out + &footer
}

fn heading(run: &Run<'_>, problems: &[Problem<'_>]) -> String {
    let count = |severity| {
        problems
            .iter()
            .filter(|p| p.finding.severity == severity)
            .count()
    };
    let worth = count(Severity::Error) + count(Severity::Warning);
    let brought = if run.touched.is_some() {
        " brought by this change"
    } else {
        ""
    };
    let mut out = match worth {
        0 => format!("### kubewright: nothing to fix{brought}\n"),
        n => format!("### kubewright: {}{brought}\n", text::number(n, "finding")),
    };
    let fixed = problems
        .iter()
        .filter(|p| p.finding.outcome != Outcome::Left)
        .count();
    let mut said = Vec::new();
    for (severity, word) in [(Severity::Error, "error"), (Severity::Warning, "warning")] {
        if count(severity) > 0 {
            said.push(text::number(count(severity), word));
        }
    }
    if fixed > 0 {
        said.push(format!("`kubewright fix --write` fixes {fixed}"));
    }
    if run.report.past > 0 {
        said.push(format!("{} older than the change", run.report.past));
    }
    if run.report.baseline > 0 {
        said.push(format!("{} in the baseline", run.report.baseline));
    }
    if !said.is_empty() {
        let _ = writeln!(out, "\n{}.", said.join(", "));
    }
    out
}

/// Findings by where they are, the most severe first; remarks folded.
fn findings(out: &mut String, run: &Run<'_>, problems: &[Problem<'_>]) {
    let (remarks, mut worth): (Vec<&Problem<'_>>, Vec<&Problem<'_>>) = problems
        .iter()
        .partition(|p| p.finding.severity == Severity::Info && p.finding.fix.is_err());
    worth.sort_by_key(|p| std::cmp::Reverse(p.finding.severity));
    let (here, elsewhere): (Vec<_>, Vec<_>) = worth.into_iter().partition(|p| run.is_touched(p));
    let mut left = FINDINGS;
    let title = if here.is_empty() {
        None
    } else {
        Some("In lines that this change touches")
    };
    list(out, run, title, &here, &mut left);
    let title = match (run.touched, here.is_empty()) {
        (None, _) => None,
        (Some(_), true) => Some("In lines that this change does not touch"),
        (Some(_), false) => Some("Elsewhere"),
    };
    list(out, run, title, &elsewhere, &mut left);
    if !remarks.is_empty() {
        let n = text::number(remarks.len(), "remark");
        let _ = write!(out, "\n<details><summary>{n}</summary>\n");
        list(out, run, None, &remarks, &mut left);
        out.push_str("\n</details>\n");
    }
}

fn list(
    out: &mut String,
    run: &Run<'_>,
    title: Option<&str>,
    problems: &[&Problem<'_>],
    left: &mut usize,
) {
    if let Some(title) = title.filter(|_| !problems.is_empty()) {
        let _ = writeln!(out, "\n**{title}**");
    }
    if !problems.is_empty() {
        out.push('\n');
    }
    for (at, problem) in problems.iter().enumerate() {
        let said = item(run, problem);
        if said.len() > *left {
            let rest = text::number(problems.len() - at, "finding");
            let _ = writeln!(
                out,
                "- {rest} more are left out to keep this comment short: `kubewright fix --format \
                 concise` shows all"
            );
            *left = 0;
            return;
        }
        *left -= said.len();
        out.push_str(&said);
    }
}

fn item(run: &Run<'_>, problem: &Problem<'_>) -> String {
    let finding = problem.finding;
    let place = code(&format!("{}:{}", problem.path, problem.start.line));
    let mut out = format!(
        "- **{}** {place} {} ([{}]({}))",
        finding.severity.as_str(),
        said(run, &finding.message),
        finding.transform,
        link_of(finding.transform)
    );
    match &finding.fix {
        _ if finding.outcome == Outcome::Cured => {
            out.push_str("<br>cured by the fix of another finding");
        }
        Ok(fix) => {
            let how = fix.applicability.as_str();
            let _ = write!(out, "<br>fix ({how}): {}", said(run, &fix.title));
        }
        Err(reason) => {
            let why = said(run, &reason.text);
            let _ = write!(out, "<br>no fix ({}): {why}", code(reason.code));
        }
    }
    out.push('\n');
    out
}

/// What the change restarts, and what the fixes restart beside that: a workload restarts once.
fn restarts(out: &mut String, run: &Run<'_>) {
    let (change, fixes) = (&run.report.change_restarts, &run.report.restarts);
    let by_change = |r: &&Restart| change.iter().any(|c| c.resource == r.resource);
    table(
        out,
        run,
        "This change restarts",
        &change.iter().collect::<Vec<_>>(),
    );
    let (both, more): (Vec<&Restart>, Vec<&Restart>) = fixes.iter().partition(by_change);
    let when = match (run.wrote, both.is_empty()) {
        (true, _) => "What was written restarts",
        (false, true) => "Applying the fixes restarts",
        (false, false) => "Applying the fixes restarts, besides,",
    };
    table(out, run, when, &more);
}

fn table(out: &mut String, run: &Run<'_>, title: &str, all: &[&Restart]) {
    if all.is_empty() {
        return;
    }
    let n = text::number(all.len(), "workload");
    let _ = writeln!(
        out,
        "\n**{title} {n}**\n\n| workload | how | file |\n|---|---|---|"
    );
    for restart in all.iter().take(RESTARTS) {
        let resource = &restart.resource;
        let name = match &resource.namespace {
            Some(namespace) => format!("{namespace}/{}", resource.name),
            None => resource.name.clone(),
        };
        let how = match restart.strategy {
            Strategy::Rolling => "rolling: one pod after another",
            Strategy::Recreate => "Recreate: all pods stop before new ones start",
            Strategy::OnDelete => "OnDelete: not before somebody deletes its pods",
            Strategy::Recreated => "it must be deleted and applied again",
        };
        let what = cell(&format!("{} {name}", resource.kind));
        let file = cell(&run.top.shown(&restart.path));
        let _ = writeln!(out, "| {what} | {how} | {file} |");
    }
    if all.len() > RESTARTS {
        let _ = writeln!(out, "\nand {} more.", all.len() - RESTARTS);
    }
}

/// Who reads which ConfigMap or Secret, of the resources that the change or a fix touches.
fn picture(out: &mut String, run: &Run<'_>, problems: &[Problem<'_>]) {
    let Some(graph) = run.graph else {
        return;
    };
    let mut wanted: BTreeSet<_> = run.changed.clone();
    for problem in problems {
        if let Some(resource) = &problem.finding.resource {
            let (kind, name) = (resource.kind.clone(), resource.name.clone());
            wanted.insert((problem.path.clone(), kind, name));
        }
    }
    for restart in run
        .report
        .restarts
        .iter()
        .chain(&run.report.change_restarts)
    {
        let (kind, name) = (restart.resource.kind.clone(), restart.resource.name.clone());
        wanted.insert((run.top.shown(&restart.path), kind, name));
    }
    let Some(graph) = graph.about(&wanted) else {
        return;
    };
    let drawn = mermaid::render(&graph);
    if graph.size() > BOXES || drawn.len() > PICTURE {
        out.push_str(
            "\nThe picture of who reads what is left out, it would be too large: `kubewright \
             graph` shows it.\n",
        );
        return;
    }
    let summary = "Who reads what: ConfigMaps, Secrets and workloads that are touched";
    let _ = write!(
        out,
        "\n<details><summary>{summary}</summary>\n\n```mermaid\n{drawn}```\n\n</details>\n"
    );
}

/// The diff of each file, as long as there is room.
fn diffs(out: &mut String, run: &Run<'_>, limit: usize) {
    let files = &run.report.files;
    if run.check || files.is_empty() {
        return;
    }
    let sentence = |n: usize| {
        let what = if n == 1 {
            "The diff of 1 file is"
        } else {
            "The diffs of several files are"
        };
        let what = what.replace("several", &n.to_string());
        format!(
            "\n{what} left out to keep this comment below the size that GitHub takes: `kubewright \
             fix --format diff` shows all.\n"
        )
    };
    let title = if run.wrote {
        "What was written"
    } else {
        "What `kubewright fix --write` changes"
    };
    let _ = writeln!(out, "\n**{title}**\n");
    let reserve = sentence(files.len()).len();
    let mut omitted = 0;
    for file in files {
        let folded = folded(run, file);
        if out.len() + folded.len() + reserve > limit {
            omitted += 1;
        } else {
            out.push_str(&folded);
        }
    }
    if omitted > 0 {
        out.push_str(&sentence(omitted));
    }
}

fn folded(run: &Run<'_>, file: &FileChange) -> String {
    let shown = run.mask.files(std::slice::from_ref(file));
    let patch = diff::patch_of(shown.first().unwrap_or(file), run.paths);
    let patch = neutral::lines(&anstream::adapter::strip_str(&patch).to_string());
    let lines = |sign: char| {
        let marked = patch.lines().filter(|line| line.starts_with(sign)).count();
        // The headers `---` and `+++`.
        marked.saturating_sub(1)
    };
    let (plus, minus) = (lines('+'), lines('-'));
    let shown = html(&run.top.shown(&file.path));
    let fence = fence(&patch);
    format!(
        "<details><summary><code>{shown}</code> +{plus} \
         -{minus}</summary>\n\n{fence}diff\n{patch}{fence}\n\n</details>\n"
    )
}

/// A fence that the text does not end.
fn fence(text: &str) -> String {
    "`".repeat((longest(text) + 1).max(3))
}

/// Length of the longest run of backticks.
fn longest(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

/// A text by its parts: paths and commands as code, all words escaped.
fn said(run: &Run<'_>, text: &Text) -> String {
    let (most, shown) = LISTED;
    let mut out = String::new();
    for part in text.parts() {
        if let Part::Path(path) = part {
            out += &code(&run.top.shown(path));
        } else if let Part::Command(command) = part {
            out += &code(&run.say(command));
        } else if let Part::Field(text) | Part::Code(text) = part {
            out += &code(text);
        } else if let Part::List(list) = part {
            out += &said(run, &list.cut(most, shown));
        } else {
            out += &escaped(&run.say(&Text::from(part.clone())));
        }
    }
    out
}

/// A code span, which nothing in it ends.
fn code(text: &str) -> String {
    let text = neutral::line(text);
    let ticks = "`".repeat(longest(&text) + 1);
    let pad = if text.starts_with('`') || text.ends_with('`') {
        " "
    } else {
        ""
    };
    format!("{ticks}{pad}{text}{pad}{ticks}")
}

/// A code span in a table: a bar ends a cell even there.
fn cell(text: &str) -> String {
    format!("<code>{}</code>", html(text).replace('|', "&#124;"))
}

fn html(text: &str) -> String {
    let text = neutral::line(text).replace('&', "&amp;");
    let text = text.replace('<', "&lt;").replace('>', "&gt;");
    // Markdown is read between tags of HTML, too.
    text.replace('`', "&#96;")
        .replace('*', "&#42;")
        .replace('_', "&#95;")
        .replace('[', "&#91;")
}

/// Words as words: nothing is markup, mentions nobody and refers to no issue.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let lines: Vec<String> = text.split('\n').map(neutral::line_kept).collect();
    for (at, line) in lines.iter().enumerate() {
        if at > 0 {
            out.push_str("<br>");
        }
        let mut chars = line.chars().peekable();
        while let Some(c) = chars.next() {
            match c {
                '&' => out.push_str("&amp;"),
                '<' => out.push_str("&lt;"),
                '>' => out.push_str("&gt;"),
                '@' => out.push_str("@&#8203;"),
                '#' if chars.peek().is_some_and(char::is_ascii_digit) => out.push_str("#&#8203;"),
                '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '#' | '|' | '~' | '$' | '!' => {
                    out.extend(['\\', c]);
                }
                c => out.push(c),
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_no_markup() {
        assert_eq!(
            escaped("a <b> & *c* [d](e) @f #1"),
            "a &lt;b&gt; &amp; \\*c\\* \\[d\\](e) @&#8203;f #&#8203;1"
        );
        assert_eq!(escaped("a\nb"), "a<br>b");
        assert_eq!(code("a`b"), "``a`b``");
        assert_eq!(code("`"), "`` ` ``");
        assert_eq!(cell("a|<b>"), "<code>a&#124;&lt;b&gt;</code>");
        assert_eq!(fence("x\n````\n"), "`````");
    }
}
