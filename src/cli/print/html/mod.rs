//! A page to look at: one file that holds all it needs and asks no network for anything. What it
//! says is there without a script, and so are its filters, its layouts of diffs and its colours,
//! which are checkboxes that the style sheet asks; the script adds the search for words, counts,
//! and the keys with which the picture is walked.

mod diff;
mod escape;
mod findings;
mod graph;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kubewright_model::finding::Severity;
use sha2::{Digest as _, Sha256};

use super::relations::Graph;
use super::run::{HOME, Problem, Run, VERSION, summary_of};
use super::text::number;
use crate::pipeline::report::{FileChange, Outcome, Report, Restart, Strategy};
use escape::{line, said};

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");
/// Changed files whose diffs are open when the page is.
const OPEN: usize = 12;

/// The page of a run.
pub(in crate::cli) fn render(run: &Run<'_>) -> String {
    let problems = run.problems();
    let mut out = String::new();
    head(&mut out, "kubewright report", &rules(&problems));
    banner(&mut out, run, &problems);
    out.push_str("<div class=\"columns\">");
    filters(&mut out, &problems);
    out.push_str("<main id=\"main\">");
    let graph = run
        .graph
        .and_then(|graph| graph.about(&touched(run, &problems)));
    out.push_str("<section id=\"findings\"><h2>Findings</h2>");
    if problems.is_empty() {
        out.push_str("<p>Nothing was found.</p>");
    }
    findings::write(&mut out, run, &problems);
    out.push_str("</section>");
    changes(&mut out, run);
    restarts(&mut out, run);
    if let Some(graph) = &graph {
        out.push_str("<section id=\"graph\"><h2>Who reads what</h2><p class=\"dim\">The resources that findings and restarts are about, with all that reads them or that they read. <code>kubewright graph --format html</code> shows everything.</p>");
        graph::write(&mut out, graph);
        out.push_str("</section>");
    }
    alone(&mut out, run);
    out.push_str("</main></div>");
    foot(out)
}

/// The page of a graph.
pub(in crate::cli) fn render_graph(all: &Graph) -> String {
    let mut out = String::new();
    head(&mut out, "kubewright graph", "");
    let sets = number(all.sets.len(), "apply set");
    let _ = write!(
        out,
        "<header><h1>kubewright graph</h1><p class=\"lead\">{sets}: what is applied together, and \
         who reads which ConfigMap or Secret.</p>{THEMES}</header><main id=\"main\"><section \
         id=\"graph\"><h2 class=\"hidden\">Apply sets</h2>"
    );
    graph::write(&mut out, all);
    out.push_str("</section></main>");
    foot(out)
}

const THEMES: &str = "<fieldset class=\"bar\"><legend>Colours</legend><label><input type=\"radio\" name=\"theme\" id=\"theme-auto\" checked> as the system</label><label><input type=\"radio\" name=\"theme\" id=\"theme-light\"> light</label><label><input type=\"radio\" name=\"theme\" id=\"theme-dark\"> dark</label></fieldset>";
const LAYOUTS: &str = "<fieldset class=\"bar\"><legend>Diffs</legend><label><input type=\"radio\" name=\"layout\" id=\"unified\" checked> unified</label><label><input type=\"radio\" name=\"layout\" id=\"side\"> side by side</label></fieldset>";

/// Nothing but the script of this page runs, and nothing is loaded: even if a name broke out of
/// its place, it could do nothing.
fn head(out: &mut String, title: &str, rules: &str) {
    let hash = STANDARD.encode(Sha256::digest(SCRIPT.as_bytes()));
    let _ = write!(
        out,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta \
         name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta \
         http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src \
         'unsafe-inline'; script-src 'sha256-{hash}'; img-src data:; base-uri 'none'; form-action \
         'none'\">\n<meta name=\"generator\" content=\"kubewright {VERSION}\">\n<link rel=\"icon\" \
         href=\"data:,\">\n<title>{title}</title>\n<style>\n{STYLE}{rules}</style>\n</head>\n<body>\n<a \
         class=\"skip\" href=\"#main\">Skip to the content</a>\n"
    );
}

fn foot(mut out: String) -> String {
    let _ = write!(
        out,
        "<footer><a href=\"{HOME}\" rel=\"noreferrer\">kubewright</a> \
         {VERSION}</footer>\n<script>{SCRIPT}</script>\n</body>\n</html>\n"
    );
    out
}

/// The style of each checkbox: what is not ticked is not shown.
fn rules(problems: &[Problem<'_>]) -> String {
    let mut rules = String::new();
    let mut rule = |kind: &str, value: &str| {
        let _ = writeln!(
            rules,
            "body:has(#{kind}-{value}:not(:checked)) \
             #list>[data-{kind}=\"{value}\"]{{display:none}}"
        );
    };
    for severity in ["error", "warning", "info"] {
        rule("s", severity);
    }
    for trust in ["safe", "unsafe", "display-only", "none"] {
        rule("a", trust);
    }
    let names: BTreeSet<&str> = problems.iter().map(|p| p.finding.transform).collect();
    for name in names {
        rule("t", name);
    }
    rules
}

fn banner(out: &mut String, run: &Run<'_>, problems: &[Problem<'_>]) {
    let of = |severity| {
        problems
            .iter()
            .filter(|p| p.finding.severity == severity)
            .count()
    };
    let (errors, warnings, remarks) = (
        of(Severity::Error),
        of(Severity::Warning),
        of(Severity::Info),
    );
    let report = run.report;
    let applied = report
        .findings
        .iter()
        .filter(|f| f.outcome != Outcome::Left)
        .count();
    let title = match errors + warnings {
        0 => "nothing to fix".to_owned(),
        n => number(n, "finding"),
    };
    let verb = if run.wrote {
        "fixed"
    } else {
        "fixed by <code>kubewright fix --write</code>"
    };
    let _ = write!(
        out,
        "<header><h1>kubewright: {title}</h1><ul class=\"tiles\">"
    );
    let one = |out: &mut String, n: usize, what: &str, class: &str, to: &str| {
        let _ = write!(
            out,
            "<li class=\"{class}\"><a href=\"#{to}\"><strong>{n}</strong> {what}</a></li>"
        );
    };
    let plural = |n: usize, word: &str| {
        if n == 1 {
            word.to_owned()
        } else {
            format!("{word}s")
        }
    };
    let found = [
        (errors, plural(errors, "error"), "error"),
        (warnings, plural(warnings, "warning"), "warning"),
        (remarks, plural(remarks, "remark"), "info"),
        (applied, verb.to_owned(), "safe"),
    ];
    for (n, what, class) in found.iter().filter(|tile| tile.0 > 0) {
        one(out, *n, what, class, "findings");
    }
    if !report.files.is_empty() && !run.check {
        let what = format!("{} changed", plural(report.files.len(), "file"));
        one(out, report.files.len(), &what, "", "changes");
    }
    if !report.restarts.is_empty() {
        let n = report.restarts.len();
        one(
            out,
            n,
            &format!(
                "{} restart{}",
                plural(n, "workload"),
                if n == 1 { "s" } else { "" }
            ),
            "",
            "restarts",
        );
    }
    out.push_str("</ul>");
    aside(out, report);
    let _ = write!(out, "<div class=\"bars\">{LAYOUTS}{THEMES}</div></header>");
}

/// What is not in the list.
fn aside(out: &mut String, report: &Report) {
    let mut said = vec![format!("{} read", number(report.read.len(), "file"))];
    let counted = [
        (report.suppressed, "suppressed"),
        (report.past, "older than the change"),
        (report.baseline, "in the baseline"),
    ];
    said.extend(
        counted
            .iter()
            .filter(|c| c.0 > 0)
            .map(|(n, what)| format!("{n} {what}")),
    );
    let _ = write!(out, "<p class=\"dim\">{}</p>", said.join(", "));
}

fn filters(out: &mut String, problems: &[Problem<'_>]) {
    if problems.is_empty() {
        return;
    }
    let boxed = |out: &mut String, kind: &str, value: &str, words: &str, n: usize| {
        if n > 0 {
            let _ = write!(
                out,
                "<label><input type=\"checkbox\" id=\"{kind}-{value}\" checked> \
                 <span>{words}</span> <span class=\"n\">{n}</span></label>"
            );
        }
    };
    out.push_str("<form class=\"filters\" aria-label=\"Filter the findings\"><h2>Filter</h2><p class=\"search\" hidden><label for=\"search\">Words</label><input id=\"search\" type=\"search\" placeholder=\"name, path, word\"></p><output id=\"count\" aria-live=\"polite\"></output><fieldset><legend>Severity</legend>");
    for severity in [Severity::Error, Severity::Warning, Severity::Info] {
        let n = problems
            .iter()
            .filter(|p| p.finding.severity == severity)
            .count();
        boxed(out, "s", severity.as_str(), findings::word(severity), n);
    }
    out.push_str("</fieldset><fieldset><legend>Fix</legend>");
    let kinds = [
        ("safe", "safe"),
        ("unsafe", "unsafe"),
        ("display-only", "to finish by hand"),
        ("none", "none"),
    ];
    for (kind, words) in kinds {
        let n = problems
            .iter()
            .filter(|p| findings::trust(p.finding) == kind)
            .count();
        boxed(out, "a", kind, words, n);
    }
    out.push_str("</fieldset><fieldset class=\"transforms\"><legend>Transform</legend>");
    let mut names: BTreeMap<&str, usize> = BTreeMap::new();
    for problem in problems {
        *names.entry(problem.finding.transform).or_default() += 1;
    }
    for (name, n) in names {
        let about = line(summary_of(name));
        boxed(
            out,
            "t",
            name,
            &format!("<span title=\"{about}\">{name}</span>"),
            n,
        );
    }
    out.push_str("</fieldset><button type=\"reset\">Show all</button></form>");
}

/// The resources that are worth drawing.
fn touched(run: &Run<'_>, problems: &[Problem<'_>]) -> BTreeSet<(String, String, String)> {
    let mut wanted = run.changed.clone();
    for problem in problems
        .iter()
        .filter(|p| p.finding.severity > Severity::Info)
    {
        if let Some(resource) = &problem.finding.resource {
            wanted.insert((
                problem.path.clone(),
                resource.kind.clone(),
                resource.name.clone(),
            ));
        }
    }
    let restarts = run
        .report
        .restarts
        .iter()
        .chain(&run.report.change_restarts);
    for Restart { path, resource, .. } in restarts {
        wanted.insert((
            run.top.shown(path),
            resource.kind.clone(),
            resource.name.clone(),
        ));
    }
    wanted
}

fn changes(out: &mut String, run: &Run<'_>) {
    let files = run.mask.files(&run.report.files);
    if run.check || files.is_empty() {
        return;
    }
    let title = if run.wrote {
        "What was written"
    } else {
        "What <code>fix --write</code> changes"
    };
    let _ = write!(out, "<section id=\"changes\"><h2>{title}</h2>");
    let open = if files.len() <= OPEN { " open" } else { "" };
    for FileChange {
        path,
        before,
        after,
    } in &files
    {
        let word = match (before, after) {
            (None, _) => " (new)",
            (_, None) => " (deleted)",
            _ => "",
        };
        let text = |text: &Option<std::sync::Arc<str>>| text.clone().unwrap_or_else(|| "".into());
        let (before, after) = (text(before), text(after));
        let (plus, minus) = diff::sums(&before, &after);
        let shown = line(&run.top.shown(path));
        let _ = write!(
            out,
            "<details class=\"change\"{open}><summary><code>{shown}</code>{word} <span \
             class=\"plus\">+{plus}</span>"
        );
        if minus > 0 {
            let _ = write!(out, " <span class=\"minus\">-{minus}</span>");
        }
        out.push_str("</summary>");
        diff::write(out, &before, &after, 1);
        out.push_str("</details>");
    }
    out.push_str("</section>");
}

fn restarts(out: &mut String, run: &Run<'_>) {
    let (fixes, change) = (&run.report.restarts, &run.report.change_restarts);
    if fixes.is_empty() && change.is_empty() {
        return;
    }
    out.push_str("<section id=\"restarts\"><h2>What restarts</h2>");
    table(out, run, "This change restarts", change);
    let title = if run.wrote {
        "What was written restarts"
    } else {
        "Applying the fixes restarts"
    };
    table(out, run, title, fixes);
    out.push_str("</section>");
}

fn table(out: &mut String, run: &Run<'_>, title: &str, all: &[Restart]) {
    if all.is_empty() {
        return;
    }
    let n = number(all.len(), "workload");
    let _ = write!(
        out,
        "<div class=\"scroll\" role=\"region\" aria-label=\"{title}\" \
         tabindex=\"0\"><table><caption>{title} {n}</caption><thead><tr><th \
         scope=\"col\">Workload</th><th scope=\"col\">How</th><th scope=\"col\">Pods</th><th \
         scope=\"col\">What it costs</th><th scope=\"col\">Reads</th></tr></thead><tbody>"
    );
    for restart in all {
        let resource = &restart.resource;
        let name = match &resource.namespace {
            Some(namespace) => format!("{} {namespace}/{}", resource.kind, resource.name),
            None => format!("{} {}", resource.kind, resource.name),
        };
        let how = match restart.strategy {
            Strategy::Rolling => "one pod after another",
            Strategy::Recreate => "all pods stop before new ones start (Recreate)",
            Strategy::OnDelete => "not before somebody deletes its pods (OnDelete)",
            Strategy::Recreated => "it must be deleted and applied again",
        };
        let pods = restart
            .replicas
            .map_or_else(|| "not said".to_owned(), |n| n.to_string());
        let list = |items: Vec<String>| match items.len() {
            0 => "<span class=\"dim\">nothing known</span>".to_owned(),
            n if n > 5 => format!(
                "<details><summary>{n} of them</summary><ul><li>{}</li></ul></details>",
                items.join("</li><li>")
            ),
            _ => format!("<ul><li>{}</li></ul>", items.join("</li><li>")),
        };
        let costs = restart.costs.iter().map(|cost| line(&cost.text)).collect();
        let reads = restart
            .reads
            .iter()
            .map(|r| line(&format!("{} {}", r.kind, r.name)))
            .collect();
        let _ = write!(
            out,
            "<tr><th \
             scope=\"row\">{}<br><code>{}</code></th><td>{how}</td><td>{pods}</td><td>{}</td><td>{}</td></tr>",
            line(&name),
            line(&run.top.shown(&restart.path)),
            list(costs),
            list(reads)
        );
    }
    out.push_str("</tbody></table></div>");
}

/// What was left alone, by reason.
fn alone(out: &mut String, run: &Run<'_>) {
    if run.report.skipped.is_empty() {
        return;
    }
    let mut by_code: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for skipped in &run.report.skipped {
        let path = line(&run.top.shown(&skipped.path));
        let document = skipped
            .document
            .map_or_else(String::new, |at| format!(", document {}", at + 1));
        let text = said(&skipped.text, &run.top);
        let row = format!("<li><code>{path}</code>{document}: {text}</li>");
        by_code.entry(skipped.code).or_default().push(row);
    }
    out.push_str("<section id=\"alone\"><h2>Left alone</h2>");
    for (code, rows) in by_code {
        let n = rows.len();
        let rows = rows.concat();
        let _ = write!(
            out,
            "<details><summary>{code} <span \
             class=\"n\">{n}</span></summary><ul>{rows}</ul></details>"
        );
    }
    out.push_str("</section>");
}
