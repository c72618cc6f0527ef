//! The site: it builds, can be searched, and no link of it leads nowhere.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Component, Path, PathBuf};
use std::process::Command;

use libtest_mimic::Failed;

use super::ensure;

pub(super) fn builds_and_leads_somewhere() -> Result<(), Failed> {
    let home = Path::new(env!("CARGO_MANIFEST_DIR"));
    let dir = tempfile::tempdir()?;
    ends_well(
        Command::new("python3")
            .arg(home.join("docs/stage.py"))
            .arg(dir.path()),
    )?;
    ends_well(Command::new("mdbook").arg("build").arg(dir.path()))?;
    let book = dir.path().join("book");
    let mut pages = BTreeMap::new();
    collect(&book, &mut pages)?;
    let index = pages.keys().any(|page| {
        let name = page.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with("searchindex")
    });
    ensure(index, || "the site has no index to search in".into())?;

    let ids: BTreeMap<&PathBuf, BTreeSet<&str>> = pages
        .iter()
        .map(|(page, text)| (page, attributes(text, "id=\"").collect()))
        .collect();
    let mut nowhere = Vec::new();
    for (page, text) in pages.iter().filter(|(page, _)| is_page(page)) {
        for link in attributes(text, "href=\"").chain(attributes(text, "src=\"")) {
            if link.contains(':') || link.is_empty() {
                continue;
            }
            let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
            let path = path.split('?').next().unwrap_or_default();
            let target = match path {
                "" => page.clone(),
                path => normal(&page.parent().unwrap_or(&book).join(path)),
            };
            let target = if target.is_dir() {
                target.join("index.html")
            } else {
                target
            };
            let led = target.exists()
                && (anchor.is_empty()
                    || !is_page(&target)
                    || ids.get(&target).is_some_and(|ids| ids.contains(anchor)));
            if !led {
                nowhere.push(format!(
                    "{}: {link}",
                    page.strip_prefix(&book).unwrap_or(page).display()
                ));
            }
        }
    }
    ensure(nowhere.is_empty(), || {
        format!("links that lead nowhere:\n{}", nowhere.join("\n"))
    })
}

fn is_page(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default();
    // 404.html is shown at any address, and its links are those of the top.
    path.extension().is_some_and(|e| e == "html") && name != "404.html" && name != "toc.html"
}

/// Files below a folder; the text of those that are pages.
fn collect(folder: &Path, pages: &mut BTreeMap<PathBuf, String>) -> Result<(), Failed> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, pages)?;
        } else {
            let text = if is_page(&path) {
                fs::read_to_string(&path)?
            } else {
                String::new()
            };
            pages.insert(path, text);
        }
    }
    Ok(())
}

fn attributes<'a>(text: &'a str, start: &'a str) -> impl Iterator<Item = &'a str> {
    text.split(start)
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
}

/// Without `.` and `..`.
fn normal(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                out.pop();
            }
            Component::CurDir => {}
            part => out.push(part),
        }
    }
    out
}

fn ends_well(command: &mut Command) -> Result<(), Failed> {
    let output = command.output()?;
    ensure(output.status.success(), || {
        format!(
            "{command:?}: {}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        )
    })
}
