//! The Chinese README says what the English one says: section by section the same depth of heading,
//! the same blocks of commands and output, the same words of the program, links and rows of tables.
//! Of the sentences, a reader must judge.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use libtest_mimic::Failed;

/// What must be the same in each language.
#[derive(Debug, Default, PartialEq, Eq)]
struct Section {
    /// Number of `#`.
    level: usize,
    /// Fenced blocks with their fences.
    blocks: Vec<String>,
    /// What stands in backquotes.
    words: BTreeSet<String>,
    /// Where links lead.
    links: BTreeSet<String>,
    /// Rows of tables.
    rows: usize,
}

fn sections(text: &str) -> Vec<(String, Section)> {
    let mut found: Vec<(String, Section)> = Vec::new();
    let mut open: Option<String> = None;
    for line in text.lines() {
        let fence = line.starts_with("```");
        if let Some(block) = &mut open {
            block.push_str(line);
            block.push('\n');
            if fence && let (Some((_, section)), Some(block)) = (found.last_mut(), open.take()) {
                section.blocks.push(block);
            }
            continue;
        }
        if fence {
            open = Some(format!("{line}\n"));
        } else if line.starts_with('#') {
            let level = line.bytes().take_while(|b| *b == b'#').count();
            let section = Section {
                level,
                ..Section::default()
            };
            found.push((line.to_owned(), section));
        } else if let Some((_, section)) = found.last_mut() {
            section.rows += usize::from(line.starts_with('|'));
            let words = line.split('`').skip(1).step_by(2);
            section.words.extend(words.map(str::to_owned));
            let links = line.split("](").skip(1);
            let links = links.filter_map(|rest| rest.split(')').next());
            let other = |link: &&str| !link.starts_with("README.");
            section.links.extend(links.filter(other).map(str::to_owned));
        }
    }
    found
}

pub(crate) fn is_in_step() -> Result<(), Failed> {
    let home = Path::new(env!("CARGO_MANIFEST_DIR"));
    let english = fs::read_to_string(home.join("README.md"))?;
    let chinese = fs::read_to_string(home.join("README.zh.md"))?;
    let (english, chinese) = (sections(&english), sections(&chinese));
    for ((heading, wanted), (translated, found)) in english.iter().zip(&chinese) {
        if wanted != found {
            return Err(format!(
                "README.zh.md, \"{translated}\", is not in step with \"{heading}\" of README.md\n\
                 there: {wanted:#?}\nhere: {found:#?}"
            )
            .into());
        }
    }
    super::ensure(english.len() == chinese.len(), || {
        "README.zh.md has other sections than README.md".into()
    })
}
