//! What another program makes of files, as a workspace of its own; and the way back: edits of the
//! files as they were read.

use kubewright_model::kube::{Input, Options, Workspace};
use similar::TextDiff;

use crate::pipeline::report::{FileFate, ReportedEdit};

/// What a render or a build means: one apply set. `path` stands for it in reports.
pub(super) fn workspace(path: &str, text: &str, options: &Options) -> Workspace {
    let options = Options {
        stream: true,
        by_change: false,
        apply_sets: Vec::new(),
        texts: None,
        ..options.clone()
    };
    let input = Input {
        path: path.into(),
        text: text.into(),
        editable: true,
    };
    Workspace::new(vec![input], options)
}

/// The line of the text before that is this line now, or that stood where it is; both from 0.
pub(super) fn line_before(before: &str, now: &str, line: usize) -> usize {
    if before == now {
        return line;
    }
    let diff = TextDiff::from_lines(before, now);
    let mut last = 0;
    for change in diff.iter_all_changes() {
        if let Some(old) = change.old_index() {
            last = old;
        }
        if change.new_index() == Some(line) {
            return last;
        }
    }
    last
}

/// A text that becomes another one, as what changes in the text that was read, of which edits may
/// have made the text now. Without a text that was read the file is a new one.
pub(super) fn splice(path: &str, read: Option<&str>, (now, after): (&str, &str)) -> ReportedEdit {
    let Some(read) = read else {
        return ReportedEdit {
            path: path.to_owned(),
            start: 0,
            end: 0,
            content: after.to_owned(),
            file: FileFate::Created,
        };
    };
    let (a, b): (Vec<&str>, Vec<&str>) = (
        now.split_inclusive('\n').collect(),
        after.split_inclusive('\n').collect(),
    );
    let same = a.iter().zip(&b).take_while(|(a, b)| a == b).count();
    let most = a.len().min(b.len()) - same;
    let behind = a.iter().rev().zip(b.iter().rev()).take(most);
    let behind = behind.take_while(|(a, b)| a == b).count();
    let offset = |line: usize| -> usize {
        let line = match line {
            0 => 0,
            line => line_before(read, now, line - 1) + 1,
        };
        read.split_inclusive('\n').take(line).map(str::len).sum()
    };
    ReportedEdit {
        path: path.to_owned(),
        start: offset(same),
        end: offset(a.len() - behind),
        content: b[same..b.len() - behind].concat(),
        file: FileFate::Stays,
    }
}
