//! Which strategy takes over which files of a container: the least invasive one that is proven,
//! else the least invasive one that is left to offer as unsafe.
//!
//! Own-directory and re-point look at the files of one directory together, link at all files of the
//! container, because they share one entrypoint.

use std::collections::BTreeSet;

use kubewright_model::finding::NoFix;
use kubewright_model::kube::images::{self, Question};
use kubewright_model::text;
use kubewright_model::text::{Text, Verbatim};
use kubewright_model::yaml::Edit;

use super::codes::Code;
use super::facts::{Basis, Facts};
use super::file::{File, Moved};
use super::options::Strategy;
use super::pod::{Own, Pod};
use super::{copy, link, linked_directory, own_directory, repoint, scripts};

/// A rewrite of some files.
pub(super) struct Rewrite<'a> {
    pub(super) strategy: Strategy,
    pub(super) files: Vec<&'a File<'a>>,
    pub(super) title: Text,
    pub(super) edits: Vec<Edit>,
    pub(super) basis: Basis,
    /// What is different then, beyond what nothing proves.
    pub(super) notes: Vec<Text>,
    /// The mount is in the way of somebody who writes the file.
    pub(super) busy: bool,
}

/// What is done about the files of a container.
#[derive(Default)]
pub(super) struct Choice<'a> {
    pub(super) rewrites: Vec<Rewrite<'a>>,
    pub(super) kept: Vec<(&'a File<'a>, NoFix)>,
}

type Files<'a> = Vec<&'a File<'a>>;
type Attempt<'a> = Result<Rewrite<'a>, NoFix>;

/// Whether the configuration lets the strategy be used.
pub(super) fn allowed(pod: &Pod<'_>, strategy: Strategy) -> bool {
    pod.cx
        .settings
        .subpath_configmap_mount
        .strategies
        .contains(&strategy)
}

/// Why nothing is done that the configuration forbids.
pub(super) fn forbidden() -> NoFix {
    NoFix::new(
        Code::StrategyOff,
        "`strategies` of the configuration leaves out what could be done",
    )
}

/// Decides about the files of a container.
pub(super) fn choose<'a>(
    pod: &Pod<'_>,
    own: &Own<'_>,
    facts: &Facts,
    files: &'a [File<'a>],
) -> Choice<'a> {
    let mut choice = Choice::default();
    // What the user says is written has no other way.
    let (told, mut left): (Files<'a>, Files<'a>) =
        files.iter().partition(|file| copy::told(pod, file));
    for group in groups(&told) {
        match copy(pod, own, facts, &group) {
            Ok(rewrite) => choice.rewrites.push(rewrite),
            Err(no_fix) => {
                let kept = group.into_iter().map(|file| (file, no_fix.clone()));
                choice.kept.extend(kept);
            }
        }
    }
    for must_be_proven in [true, false] {
        let fits = |basis: &Basis| basis.proven() || !must_be_proven;
        if !must_be_proven {
            let written = |file: &&'a File<'a>| {
                matches!(
                    copy::reason(pod, own, facts, file),
                    Some(copy::Reason::Written(_))
                )
            };
            let written: Files<'a> = left.iter().copied().filter(written).collect();
            choice.copy(pod, own, facts, &written, &mut left);
        }
        for group in groups(&left) {
            let rewrite = own_directory(pod, own, facts, &group)
                .ok()
                .filter(|rewrite| fits(&rewrite.basis));
            let rewrite = rewrite.or_else(|| {
                repoint(pod, own, facts, &group)
                    .ok()
                    .filter(|rewrite| fits(&rewrite.basis))
            });
            if let Some(rewrite) = rewrite {
                choice.take(rewrite, &mut left);
            }
        }
        let linkable = left
            .iter()
            .copied()
            .filter(|file| link::ground_of(pod, own, facts, file).is_ok_and(|basis| fits(&basis)));
        if let Ok(rewrite) = link(pod, own, facts, linkable.collect())
            && fits(&rewrite.basis)
        {
            choice.take(rewrite, &mut left);
        }
    }
    let barred = |file: &&'a File<'a>| linked_directory::barred(pod, own, facts, file).is_some();
    let barred: Files<'a> = left.iter().copied().filter(barred).collect();
    for group in groups(&barred) {
        if let Some(rewrite) = unbarred(pod, own, facts, &group) {
            choice.take(rewrite, &mut left);
        }
    }
    let copied = |file: &&'a File<'a>| copy::reason(pod, own, facts, file).is_some();
    let copied: Files<'a> = left.iter().copied().filter(copied).collect();
    choice.copy(pod, own, facts, &copied, &mut left);
    for group in groups(&left) {
        for file in &group {
            choice
                .kept
                .push((file, refusal(pod, own, facts, &group, file)));
        }
    }
    choice
}

/// What would have to be known of the images to decide about these files; nothing if that is proven
/// already, or nothing can prove it.
pub(super) fn questions(pod: &Pod<'_>, own: &Own<'_>, files: &[File<'_>]) -> Vec<Question> {
    let images = pod.images(own).unwrap_or_default();
    let (false, Ok(facts)) = (images.is_empty(), Facts::of(pod, own, false)) else {
        return Vec::new();
    };
    let choice = choose(pod, own, &facts, files);
    let proven = choice
        .rewrites
        .iter()
        .filter(|rewrite| rewrite.basis.proven())
        .flat_map(|rewrite| &rewrite.files);
    let proven: Files<'_> = proven.copied().collect();
    let open: Files<'_> = files
        .iter()
        .filter(|file| !proven.iter().any(|p| same(p, file)))
        .collect();
    let mut paths = BTreeSet::new();
    let linked = allowed(pod, Strategy::Link) && link::possible_in(pod, own).is_ok();
    for group in groups(&open) {
        let directory = group.first().map_or("/", |f| f.directory());
        let owned = allowed(pod, Strategy::OwnDirectory)
            && own_directory::possible(pod, own, directory, &group).is_ok();
        for file in &group {
            let links = linked && link::possible(pod, own, file).is_ok();
            let pointed = allowed(pod, Strategy::RePoint)
                && match repoint::possible(pod, own, &facts, file) {
                    Ok(_) => true,
                    Err(no_fix) => {
                        !links && no_fix.is(Code::PathNotNamed) && repoint::asks_image(own, &facts)
                    }
                };
            let copied = allowed(pod, Strategy::Copy)
                && copy::reason(pod, own, &facts, file).is_some()
                && copy::possible(pod, own, file).is_ok();
            if owned || pointed {
                paths.insert(directory.to_owned());
            }
            if pointed {
                paths.insert(repoint::SHELL.to_owned());
            }
            let filled = allowed(pod, Strategy::LinkedDirectory)
                && linked_directory::barred(pod, own, &facts, file).is_some()
                && copy::ground(pod, own, file).is_ok();
            if owned || pointed || links || copied || filled {
                paths.insert(file.target.clone());
            }
        }
    }
    if !paths.is_empty() {
        paths.extend(scripts::of_command(own).map(str::to_owned));
    }
    if paths.is_empty() {
        return Vec::new();
    }
    let question = |image| Question {
        image,
        platform: images::platform(&pod.template),
        paths: paths.clone(),
    };
    images.into_iter().map(question).collect()
}

impl<'a> Choice<'a> {
    /// Takes the copies of what can be copied.
    fn copy(
        &mut self,
        pod: &Pod<'_>,
        own: &Own<'_>,
        facts: &Facts,
        files: &Files<'a>,
        left: &mut Files<'a>,
    ) {
        for group in groups(files) {
            if let Ok(rewrite) = copy(pod, own, facts, &group) {
                self.take(rewrite, left);
            }
        }
    }

    fn take(&mut self, rewrite: Rewrite<'a>, left: &mut Files<'a>) {
        left.retain(|file| !rewrite.files.iter().any(|taken| same(taken, file)));
        self.rewrites.push(rewrite);
    }
}

fn same(a: &File<'_>, b: &File<'_>) -> bool {
    a.decision.mount.node == b.decision.mount.node
}

/// The files of each directory.
fn groups<'a>(files: &[&'a File<'a>]) -> Vec<Files<'a>> {
    let mut groups: Vec<Files<'a>> = Vec::new();
    for file in files {
        match groups.iter_mut().find(|group| {
            group
                .first()
                .is_some_and(|first| first.directory() == file.directory())
        }) {
            Some(group) => group.push(file),
            None => groups.push(vec![file]),
        }
    }
    groups
}

fn own_directory<'a>(
    pod: &Pod<'_>,
    own: &Own<'_>,
    facts: &Facts,
    group: &[&'a File<'a>],
) -> Attempt<'a> {
    if !allowed(pod, Strategy::OwnDirectory) {
        return Err(forbidden());
    }
    let directory = group.first().map_or("/", |f| f.directory());
    let (edits, basis) = own_directory::rewrite(pod, own, facts, directory, group)?;
    let what = if group.len() == 1 { "file" } else { "files" };
    let title = text![
        "mount a projected volume with just the ",
        &what,
        " at ",
        Verbatim(directory)
    ];
    Ok(Rewrite {
        strategy: Strategy::OwnDirectory,
        files: group.to_vec(),
        title,
        edits,
        basis,
        notes: Vec::new(),
        busy: false,
    })
}

fn repoint<'a>(pod: &Pod<'_>, own: &Own<'_>, facts: &Facts, group: &[&'a File<'a>]) -> Attempt<'a> {
    if !allowed(pod, Strategy::RePoint) {
        return Err(forbidden());
    }
    let named: Files<'a> = group
        .iter()
        .copied()
        .filter(|file| repoint::possible(pod, own, facts, file).is_ok())
        .collect();
    if named.is_empty() {
        let none = || NoFix::new(Code::PathNotNamed, "no word names the path");
        return Err(group
            .first()
            .and_then(|file| repoint::possible(pod, own, facts, file).err())
            .unwrap_or_else(none));
    }
    let (moved, basis) = repoint::rewrite(pod, own, facts, &named)?;
    let title = moved_title(
        &moved,
        if named.len() == 1 {
            "re-point the words that name the file"
        } else {
            "re-point the words that name the files"
        },
    );
    Ok(Rewrite {
        strategy: Strategy::RePoint,
        files: named,
        title,
        edits: moved.edits,
        basis,
        notes: Vec::new(),
        busy: false,
    })
}

fn link<'a>(pod: &Pod<'_>, own: &Own<'_>, facts: &Facts, files: Files<'a>) -> Attempt<'a> {
    if !allowed(pod, Strategy::Link) || files.is_empty() {
        return Err(forbidden());
    }
    let (moved, basis) = link::rewrite(pod, own, facts, &files)?;
    let title = moved_title(
        &moved,
        if files.len() == 1 {
            "link the file from the entrypoint"
        } else {
            "link the files from the entrypoint"
        },
    );
    Ok(Rewrite {
        strategy: Strategy::Link,
        files,
        title,
        edits: moved.edits,
        basis,
        notes: Vec::new(),
        busy: false,
    })
}

fn copy<'a>(pod: &Pod<'_>, own: &Own<'_>, facts: &Facts, group: &[&'a File<'a>]) -> Attempt<'a> {
    if !allowed(pod, Strategy::Copy) {
        return Err(forbidden());
    }
    let copied = copy::rewrite(pod, own, facts, group)?;
    let what = if group.len() == 1 { "file" } else { "files" };
    let directory = group.first().map_or("/", |f| f.directory());
    let title = text![
        "copy the ",
        &what,
        " into ",
        Verbatim(directory),
        " from an init container, each time a pod starts"
    ];
    Ok(Rewrite {
        strategy: Strategy::Copy,
        files: group.to_vec(),
        title,
        edits: copied.edits,
        basis: copied.basis,
        notes: copied.notes,
        busy: copied.busy,
    })
}

/// What an init container does for files that their container cannot link: the link, or a copy where
/// nothing proves that a link is as good.
fn unbarred<'a>(
    pod: &Pod<'_>,
    own: &Own<'_>,
    facts: &Facts,
    group: &[&'a File<'a>],
) -> Option<Rewrite<'a>> {
    let (linked, doubted) = match linked_directory(pod, own, facts, group) {
        Ok((rewrite, doubted)) => (Some(rewrite), doubted),
        Err(_) => (None, true),
    };
    let copied = doubted.then(|| copy(pod, own, facts, group).ok()).flatten();
    let why = |mut rewrite: Rewrite<'a>| {
        let file = group.first()?;
        let no_fix = linked_directory::barred(pod, own, facts, file)?;
        rewrite.notes.insert(0, no_fix.text);
        Some(rewrite)
    };
    copied.or(linked).and_then(why)
}

/// The rewrite, and whether it is doubted that the program takes a link.
fn linked_directory<'a>(
    pod: &Pod<'_>,
    own: &Own<'_>,
    facts: &Facts,
    group: &[&'a File<'a>],
) -> Result<(Rewrite<'a>, bool), NoFix> {
    if !allowed(pod, Strategy::LinkedDirectory) {
        return Err(forbidden());
    }
    let linked = linked_directory::rewrite(pod, own, facts, group)?;
    let what = if group.len() == 1 { "file" } else { "files" };
    let directory = group.first().map_or("/", |f| f.directory());
    let title = text![
        "make ",
        Verbatim(directory),
        " an emptyDir, which an init container fills with what the image has there, and link the ",
        &what,
        " in it"
    ];
    let rewrite = Rewrite {
        strategy: Strategy::LinkedDirectory,
        files: group.to_vec(),
        title,
        edits: linked.edits,
        basis: linked.basis,
        notes: linked.notes,
        busy: false,
    };
    Ok((rewrite, linked.doubted))
}

fn moved_title(moved: &Moved, then: &str) -> Text {
    let volumes = if moved.directories.len() == 1 {
        "a projected volume"
    } else {
        "projected volumes"
    };
    text![
        "mount ",
        volumes,
        " at ",
        Text::list(&moved.directories),
        ", ",
        then
    ]
}

/// Why nothing is done about a file, and why it is not copied, where that would be the way.
fn refusal(
    pod: &Pod<'_>,
    own: &Own<'_>,
    facts: &Facts,
    group: &[&File<'_>],
    file: &File<'_>,
) -> NoFix {
    let mut no_fix = unmoved(pod, own, facts, group, file);
    if linked_directory::barred(pod, own, facts, file).is_some()
        && let Some(other) = linked_directory(pod, own, facts, &[file])
            .err()
            .filter(|n| !n.is(Code::StrategyOff))
    {
        let tried = Strategy::LinkedDirectory.as_str();
        let line = text![tried, " (", other.code, "): ", other.text];
        no_fix.more.push(line);
        no_fix.more.extend(other.more);
        return no_fix;
    }
    let copied = || copy(pod, own, facts, &[file]).err();
    if copy::reason(pod, own, facts, file).is_some()
        && let Some(other) = copied().filter(|n| !n.is(Code::StrategyOff))
    {
        if no_fix.code == other.code {
            return other;
        }
        let tried = Strategy::Copy.as_str();
        let line = text![tried, " (", other.code, "): ", other.text];
        no_fix.more.push(line);
        no_fix.more.extend(other.more);
    }
    no_fix
}

/// Why a file is not moved: what speaks against the strategy that asks the least of the manifest,
/// and what the others met with.
fn unmoved(
    pod: &Pod<'_>,
    own: &Own<'_>,
    facts: &Facts,
    group: &[&File<'_>],
    file: &File<'_>,
) -> NoFix {
    let owned = own_directory(pod, own, facts, group).err();
    let pointed =
        allowed(pod, Strategy::RePoint).then(|| match repoint::possible(pod, own, facts, file) {
            Ok(_) => repoint(pod, own, facts, group).err(),
            Err(no_fix) => Some(no_fix),
        });
    let linked = allowed(pod, Strategy::Link)
        .then(|| link::rewrite(pod, own, facts, &[file]).err())
        .flatten();
    let telling = [
        owned.filter(|n| n.is(Code::DirectoryInUse)),
        pointed.flatten().filter(|n| n.is(Code::NamedElsewhere)),
    ];
    if let Some(mut no_fix) = linked {
        for (strategy, other) in [Strategy::OwnDirectory, Strategy::RePoint]
            .into_iter()
            .zip(telling)
        {
            if let Some(other) = other {
                let tried = strategy.as_str();
                let line = text![tried, " (", other.code, "): ", other.text];
                no_fix.more.push(line);
            }
        }
        return no_fix;
    }
    let owned = || {
        own_directory(pod, own, facts, group)
            .err()
            .filter(|n| !n.is(Code::StrategyOff))
    };
    let pointed = || {
        repoint(pod, own, facts, &[file])
            .err()
            .filter(|n| !n.is(Code::StrategyOff))
    };
    telling
        .into_iter()
        .flatten()
        .next()
        .or_else(owned)
        .or_else(pointed)
        .unwrap_or_else(forbidden)
}
