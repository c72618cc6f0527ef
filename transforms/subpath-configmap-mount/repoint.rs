//! The strategy `re-point`: the volume is mounted elsewhere, and the
//! words that name the file name it there.
//!
//! It needs neither a shell nor a writable file system. But the old path is gone: whatever else
//! reads it, or reads what lies beside it, goes without. So nothing that is in sight may name the
//! path, and it is proven only for images without a shell, and so without scripts, that have
//! nothing of their own in the directory and name the file nowhere.

use kubewright_model::finding::NoFix;
use kubewright_model::kube::images::{PathKind, Shell, Stated, StatedBy};
use kubewright_model::text;
use kubewright_model::text::{Text, Verbatim};
use kubewright_model::yaml::{Edit, Node, Place, Value};

use super::codes::Code;
use super::facts::{Basis, Facts, Told};
use super::file::{self, File, Moved};
use super::minds::{self, Way};
use super::mounts::{Mount, covers, name};
use super::own_directory;
use super::pod::{Own, Pod};
use super::scripts;
use super::texts::{self, Token};
use super::wrapper::doubled;

/// Where scripts look for their shell. The lock says that an image has no shell where it lacks what
/// a link needs, so it is asked for this, too.
pub(super) const SHELL: &str = "/bin/sh";
/// Fields in which the path could be named on the way to the cluster.
const FIELDS: [&str; 9] = [
    "command",
    "args",
    "env",
    "envFrom",
    "volumeMounts",
    "lifecycle",
    "livenessProbe",
    "readinessProbe",
    "startupProbe",
];

/// Re-points these files, all of one directory; what that rests on.
pub(super) fn rewrite(
    pod: &Pod<'_>,
    own: &Own<'_>,
    facts: &Facts,
    files: &[&File<'_>],
) -> Result<(Moved, Basis), NoFix> {
    let mut words: Vec<Vec<Token<'_>>> = Vec::new();
    for file in files {
        words.push(possible(pod, own, facts, file)?);
    }
    let mut basis = basis(pod, own, facts, files)?;
    minds::judge(pod, own, facts, files, Way::Volume, &mut basis)?;
    let mut moved = file::moved(pod, own, files, |file| name(&file.target).to_owned())?;
    for (place, tokens) in moved.places.iter().zip(&words) {
        for token in tokens {
            moved.edits.push(token.node.set(&Value::str(format!(
                "{}{}",
                token.flag,
                doubled(place)
            )))?);
        }
    }
    let mut variables = Vec::new();
    for (place, file) in moved.places.iter().zip(files) {
        for variable in image_env(pod, own, facts, file) {
            basis.rests_on(variable.by, format!("ENV {}", variable.name));
            let value = format!("{}{}", variable.before, doubled(place));
            variables.push(Value::map([
                ("name", Value::str(variable.name)),
                ("value", Value::str(value)),
            ]));
        }
    }
    moved.edits.extend(set_variables(own, variables)?);
    let mounts = files.iter().map(|f| f.decision.mount);
    let places = mounts.zip(moved.places.iter().map(String::as_str));
    if let Some(words) = image_words(own, facts) {
        let words = words.named(&places.collect::<Vec<_>>());
        if words.entrypoint_named || words.cmd_named {
            basis.rests_on(words.by, "ENTRYPOINT and CMD");
            moved.edits.extend(words.edits(own)?);
        }
    }
    Ok((moved, basis))
}

/// Whether words of the image, which are not known, could name the file.
pub(super) fn asks_image(own: &Own<'_>, facts: &Facts) -> bool {
    let command = own.container.node.get("command");
    command.is_none_or(Node::is_null) && facts.words().is_none()
}

/// A variable of the image that names a file, because the manifest does not set it.
struct Variable<'f> {
    name: &'f str,
    /// What stands before the path.
    before: &'f str,
    by: &'f Stated,
}

fn image_env<'f>(
    pod: &Pod<'_>,
    own: &Own<'_>,
    facts: &'f Facts,
    file: &File<'_>,
) -> Vec<Variable<'f>> {
    let Some(told) = facts.env(&file.target) else {
        return Vec::new();
    };
    let variable = |entry: &'f String| {
        let (name, value) = entry.split_once('=')?;
        let before = texts::before_path(value, file.decision.mount, false)?;
        let unset = scripts::is_set(pod, own, name).is_none();
        unset.then_some(Variable {
            name,
            before,
            by: told.by,
        })
    };
    told.value.iter().filter_map(variable).collect()
}

/// Sets variables in the manifest.
fn set_variables(own: &Own<'_>, variables: Vec<Value>) -> Result<Vec<Edit>, NoFix> {
    let container = own.container.node;
    if variables.is_empty() {
        return Ok(Vec::new());
    }
    let Some(env) = container
        .get("env")
        .filter(|env| env.items().next().is_some())
    else {
        let after = ["args", "command", "image"];
        let place = after
            .into_iter()
            .find_map(|key| container.get(key))
            .filter(|node| node.parent() == Some(container))
            .map_or(Place::Last, Place::After);
        return Ok(vec![container.insert(
            place,
            "env",
            &Value::Seq(variables),
        )?]);
    };
    let pushed = variables
        .iter()
        .map(|variable| env.push(Place::Last, variable));
    Ok(pushed.collect::<Result<_, _>>()?)
}

/// Words of the image that the container runs, because the manifest says nothing else.
struct ImageWords<'f> {
    entrypoint: Vec<String>,
    cmd: Vec<String>,
    by: &'f Stated,
    /// Whether words of ENTRYPOINT, and of CMD, named a file.
    entrypoint_named: bool,
    cmd_named: bool,
}

fn image_words<'f>(own: &Own<'_>, facts: &'f Facts) -> Option<ImageWords<'f>> {
    let container = own.container.node;
    if container.get("command").is_some_and(|n| !n.is_null()) {
        return None;
    }
    let told = facts.words()?;
    let no_args = container
        .get("args")
        .is_none_or(|list| list.items().next().is_none());
    let cmd = if no_args { told.value.cmd } else { &[] };
    Some(ImageWords {
        entrypoint: told.value.entrypoint.to_vec(),
        cmd: cmd.to_vec(),
        by: told.by,
        entrypoint_named: false,
        cmd_named: false,
    })
}

impl ImageWords<'_> {
    /// With the new places for the paths of mounts.
    fn named(mut self, places: &[(&Mount<'_>, &str)]) -> Self {
        let replace = |words: &mut Vec<String>| {
            let mut named = false;
            for word in words {
                for (mount, place) in places {
                    let Some(before) = texts::before_path(word, mount, true) else {
                        continue;
                    };
                    *word = format!("{before}{place}");
                    named = true;
                    break;
                }
            }
            named
        };
        self.entrypoint_named = replace(&mut self.entrypoint);
        self.cmd_named = replace(&mut self.cmd);
        self
    }

    /// Writes the words into the manifest: CMD alone where ENTRYPOINT stays the image's.
    fn edits(&self, own: &Own<'_>) -> Result<Vec<Edit>, NoFix> {
        let container = own.container.node;
        let list = |words: &[String]| {
            Value::Seq(words.iter().map(|w| Value::str(doubled(w))).collect()).flow()
        };
        let place = container
            .get("image")
            .filter(|n| n.parent() == Some(container))
            .map_or(Place::Last, Place::After);
        let mut edits = Vec::new();
        if self.entrypoint_named {
            edits.push(container.insert(place, "command", &list(&self.entrypoint))?);
        }
        if !self.cmd.is_empty() {
            edits.push(match container.get("args") {
                Some(args) => args.set(&list(&self.cmd))?,
                None => container.insert(place, "args", &list(&self.cmd))?,
            });
        }
        Ok(edits)
    }
}

/// The words that name the file, if nothing else in sight does.
pub(super) fn possible<'a>(
    pod: &Pod<'_>,
    own: &Own<'a>,
    facts: &Facts,
    file: &File<'_>,
) -> Result<Vec<Token<'a>>, NoFix> {
    let refuse = |why: Text| Err(NoFix::new(Code::NamedElsewhere, why));
    let tokens = texts::tokens(own, file.decision.mount);
    let target = &file.target;
    let image = image_words(own, facts).map(|words| {
        let is_program = words.entrypoint.first().or(words.cmd.first()) == Some(target);
        let words = words.named(&[(file.decision.mount, target)]);
        (words.entrypoint_named || words.cmd_named, is_program)
    });
    let (of_image, is_program) = image.unwrap_or_default();
    if tokens.is_empty() && !of_image && image_env(pod, own, facts, file).is_empty() {
        return Err(NoFix::new(
            Code::PathNotNamed,
            text!["no word of command, args or env is ", Verbatim(target)],
        ));
    }
    if is_program || tokens.iter().any(|token| token.program) {
        return refuse(text![
            Verbatim(target),
            " is the program itself, which could tell under what name it runs"
        ]);
    }
    if target.contains('$') {
        return refuse(text![Verbatim(target), " could be an expression"]);
    }
    if let Some(place) = texts::elsewhere(pod, own, target, &tokens) {
        return refuse(text![Verbatim(target), " is also named in ", &place]);
    }
    pod.not_patched(own, &FIELDS, &["volumes"])?;
    Ok(tokens)
}

/// What nobody answers for, and who answers for the rest.
fn basis(pod: &Pod<'_>, own: &Own<'_>, facts: &Facts, files: &[&File<'_>]) -> Result<Basis, NoFix> {
    let mut basis = Basis::default();
    let Some(directory) = files.first().map(|f| f.directory()) else {
        return Ok(basis);
    };
    for file in files {
        named_by_image(pod, own, facts, file, &mut basis)?;
    }
    match facts.shell() {
        Some(told) if has_no_scripts(facts, &told) => {
            basis.rests_on(told.by, "no shell, so no scripts");
        }
        _ => basis.lacks("that no script of the image reads the old path"),
    }
    match nothing_beside(own, facts, directory, files) {
        Some(nothing) => basis.extend(nothing),
        None => basis.lacks(text![
            "that the file names nothing beside it, in ",
            Verbatim(directory),
            ", by a relative path"
        ]),
    }
    let paths: Vec<&str> = files.iter().map(|f| f.target.as_str()).collect();
    if let Some(sign) = texts::scanned(pod, own, directory, &paths, &facts.all_words()) {
        basis.lacks(text![
            "that no program looks for the file in ",
            Verbatim(directory),
            " (",
            &sign,
            ")"
        ]);
    }
    if let Some(file) = files.iter().find(|f| texts::named_by_name(own, &f.target)) {
        basis.lacks(text![
            "that ",
            Verbatim(name(&file.target)),
            " in the container does not mean the file by a relative path"
        ]);
    }
    if let Some(unread) = texts::unread(pod) {
        basis.lacks(text![
            "that ",
            &unread,
            ", which is not known here, does not name the path"
        ]);
    }
    Ok(basis)
}

/// Whether the configuration of the image names the file.
fn named_by_image(
    pod: &Pod<'_>,
    own: &Own<'_>,
    facts: &Facts,
    file: &File<'_>,
    basis: &mut Basis,
) -> Result<(), NoFix> {
    let left = image_words(own, facts).map(|words| words.named(&[(file.decision.mount, "")]));
    let has = |words: &[String]| words.iter().any(|word| word.contains(&file.target));
    let named = facts
        .path(&file.target)
        .and_then(|told| Some((told.by, told.value.named?)));
    let of_image = left
        .as_ref()
        .is_some_and(|words| words.entrypoint_named || words.cmd_named);
    if left.is_some_and(|words| has(&words.entrypoint) || has(&words.cmd)) {
        return Err(NoFix::new(
            Code::NamedElsewhere,
            text![
                Verbatim(&file.target),
                " is also named in a longer word of the image's ENTRYPOINT or CMD"
            ],
        ));
    }
    match named {
        None | Some((_, true)) if of_image => basis.lacks(text![
            "that no variable of the image names ",
            Verbatim(&file.target)
        ]),
        Some((_, true)) if !image_env(pod, own, facts, file).is_empty() => basis.lacks(text![
            "that nothing else in the image's configuration names ",
            Verbatim(&file.target)
        ]),
        Some((by, false)) => basis.rests_on(
            by,
            text![
                Verbatim(&file.target),
                " is named nowhere in the image's configuration"
            ],
        ),
        Some((_, true)) => basis.lacks(text![
            "that the image, whose configuration names ",
            Verbatim(&file.target),
            ", does not read it"
        ]),
        None => basis.lacks(text![
            "that the image does not name ",
            Verbatim(&file.target),
            " in its configuration"
        ]),
    }
    Ok(())
}

/// Whether an image has no script, because nothing in it could run one.
fn has_no_scripts(facts: &Facts, told: &Told<'_, Shell<'_>>) -> bool {
    let absent = || {
        facts
            .path(SHELL)
            .is_some_and(|there| there.value.kind == PathKind::Absent)
    };
    told.value == Shell::None && (!matches!(told.by.by, StatedBy::Lock(_)) || absent())
}

/// What it rests on that the files are all of one volume and stand alone in their directory;
/// `None` where they may not.
fn nothing_beside(
    own: &Own<'_>,
    facts: &Facts,
    directory: &str,
    files: &[&File<'_>],
) -> Option<Basis> {
    let ours = |mount: &Mount<'_>| files.iter().any(|f| f.decision.mount.node == mount.node);
    let near = |path: &str| covers(directory, path) || covers(path, directory);
    let beside = own
        .mounts
        .iter()
        .any(|m| !ours(m) && m.path.as_deref().is_none_or(near));
    let volumes = files.iter().any(|f| {
        files
            .first()
            .is_some_and(|first| first.decision.volume.name != f.decision.volume.name)
    });
    let mut nothing = Basis::default();
    let alone = !beside
        && !volumes
        && own_directory::emptiness(facts, directory, files, &mut nothing).is_ok();
    alone.then_some(nothing)
}
