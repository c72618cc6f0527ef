//! What is known of a container's image, each fact from the nearest place that states it, and what
//! a rewrite rests on.

use kubewright_model::finding::NoFix;
use kubewright_model::kube::images::{
    self, ImageFacts, PathFact, PathKind, Shell, Stated, StatedBy,
};
use kubewright_model::text;
use kubewright_model::text::Text;

use super::codes::Code;
use super::mounts::{covers, name, parent};
use super::pod::{Own, Pod};
use super::say;

/// All that is stated about an image, the nearest first.
#[derive(Debug, Clone, Default)]
pub(super) struct Facts {
    sources: Vec<Stated>,
    /// The same for each further image that kustomize gives the container in some build: what is
    /// known is what all of them have.
    others: Vec<Vec<Stated>>,
    owned: Vec<String>,
}

/// A fact, and who says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Told<'f, T> {
    pub(super) value: T,
    pub(super) by: &'f Stated,
}

/// What an image runs by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Words<'f> {
    pub(super) entrypoint: &'f [String],
    pub(super) cmd: &'f [String],
}

impl Facts {
    /// What is stated about the image of a container, as it is built; where that may be any, by
    /// annotation only. Without `lock` the answers of `kubewright.lock` are left out.
    pub(super) fn of(pod: &Pod<'_>, own: &Own<'_>, lock: bool) -> Result<Self, NoFix> {
        let settings = pod.cx.settings;
        let lock = if lock { settings.lock.as_slice() } else { &[] };
        let annotated = images::annotated(pod.workload, &pod.template, &own.container)
            .map_err(|text| NoFix::new(Code::ImageFactsInvalid, text))?;
        let platform = images::platform(&pod.template);
        let about = |image: Option<&String>| {
            let mut sources = annotated.clone();
            if let Some(image) = image {
                let stated = |image: &str| images::stated(image, &platform, &settings.images, lock);
                sources.extend(stated(image));
                let entrypoint = |s: &Stated| s.by.proves() && s.facts.entrypoint.is_some();
                if !sources.iter().any(entrypoint) {
                    let known = |base: &str| images::together(&stated(base));
                    let built = pod.cx.workspace.built_from(image, &known);
                    let before = sources
                        .iter()
                        .position(|s| matches!(s.by, StatedBy::Table(_)));
                    let at = before.unwrap_or(sources.len());
                    sources.splice(at..at, built);
                }
            }
            sources
        };
        let images = pod.images(own).unwrap_or_default();
        let mut images = images.iter();
        let sources = about(images.next());
        let others = images.map(|image| about(Some(image))).collect();
        Ok(Self {
            sources,
            others,
            owned: settings.subpath_configmap_mount.owned_dirs.clone(),
        })
    }

    /// Whether anybody says anything that proves.
    pub(super) fn stated(&self) -> bool {
        self.all().all(|of| of.iter().any(|s| s.by.proves()))
    }

    /// Whether `kubewright.lock` has the image.
    pub(super) fn locked(&self) -> bool {
        self.all()
            .all(|of| of.iter().any(|s| matches!(s.by, StatedBy::Lock(_))))
    }

    /// Whether ENTRYPOINT and CMD of all images are stated, and are not the same.
    pub(super) fn differ(&self) -> bool {
        let stated = |of: &[Stated]| of.iter().any(|s| s.facts.entrypoint.is_some());
        self.all().all(stated) && self.words().is_none()
    }

    /// What is stated about each image.
    fn all(&self) -> impl Iterator<Item = &[Stated]> {
        std::iter::once(&self.sources)
            .chain(&self.others)
            .map(Vec::as_slice)
    }

    /// What a link would rest on and nobody states; ENTRYPOINT and CMD only without a `command`, as
    /// a Dockerfile or the built-in table has them.
    pub(super) fn wanted(&self, command: bool) -> ImageFacts {
        let proven = |fact: &dyn Fn(&ImageFacts) -> bool| {
            self.all()
                .all(|of| of.iter().any(|s| s.by.proves() && fact(&s.facts)))
        };
        let wanted = |there: bool, text: &str| (!there).then(|| text.to_owned());
        let words = self
            .words()
            .filter(|told| !command && !told.by.by.proves())
            .map(|told| told.value);
        ImageFacts {
            shell: wanted(proven(&|f| f.shell() != Shell::Unknown), "/bin/sh"),
            user: wanted(proven(&|f| f.root().is_some()), "root"),
            entrypoint: words.map(|words| words.entrypoint.to_vec()),
            cmd: words.map(|words| words.cmd.to_vec()),
            handled_paths: (!proven(&|f| f.handled_paths.is_some())).then(Vec::new),
            ..ImageFacts::default()
        }
    }

    /// These facts, and what the user may state beside them.
    pub(super) fn with(&self, stated: &ImageFacts) -> Self {
        let mut facts = self.clone();
        for of in std::iter::once(&mut facts.sources).chain(&mut facts.others) {
            of.insert(
                0,
                Stated {
                    facts: stated.clone(),
                    by: StatedBy::Config,
                },
            );
        }
        facts
    }

    pub(super) fn shell(&self) -> Option<Told<'_, Shell<'_>>> {
        self.first(|s| Some(s.facts.shell()).filter(|shell| *shell != Shell::Unknown))
    }

    /// Which of these tools an image is known to lack.
    pub(super) fn lacks(&self, tools: &[&str]) -> Option<Told<'_, Vec<&str>>> {
        let lacking = |by| {
            let Stated { facts, .. }: &Stated = by;
            let lacking = facts.lacks.iter().map(String::as_str);
            let value: Vec<&str> = lacking.filter(|tool| tools.contains(tool)).collect();
            (!value.is_empty()).then_some(Told { value, by })
        };
        self.all().flatten().find_map(lacking)
    }

    /// Whether the image's user is root.
    pub(super) fn root(&self) -> Option<Told<'_, bool>> {
        self.first(|s| s.facts.root())
    }

    /// ENTRYPOINT and CMD.
    pub(super) fn words(&self) -> Option<Told<'_, Words<'_>>> {
        self.first(|s| {
            let entrypoint = s.facts.entrypoint.as_deref()?;
            Some(Words {
                entrypoint,
                cmd: s.facts.cmd.as_deref().unwrap_or_default(),
            })
        })
    }

    /// All words of ENTRYPOINT and CMD that are known.
    pub(super) fn all_words(&self) -> Vec<&str> {
        let words = self
            .words()
            .map(|told| told.value.entrypoint.iter().chain(told.value.cmd));
        words.into_iter().flatten().map(String::as_str).collect()
    }

    /// A variable of the image that a shell drops.
    pub(super) fn dropped(&self) -> Option<&str> {
        self.first(|s| s.facts.dropped_env.as_deref())?
            .value
            .first()
            .map(String::as_str)
    }

    pub(super) fn working_dir(&self) -> Option<&str> {
        self.first(|s| s.facts.working_dir.as_deref())
            .map(|told| told.value)
    }

    /// What the image has at a path; also what follows from the directories above it.
    pub(super) fn path(&self, path: &str) -> Option<Told<'_, PathFact>> {
        self.first(|s| {
            if let Some(fact) = s.facts.paths.get(path) {
                return Some(fact.clone());
            }
            let absent = |fact: &PathFact| PathFact {
                kind: PathKind::Absent,
                named: fact.named.filter(|named| !named),
                ..fact.clone()
            };
            let mut above = path;
            while above != "/" {
                let (child, directory) = (name(above), parent(above));
                match s.facts.paths.get(directory) {
                    Some(fact) if fact.kind == PathKind::Absent => return Some(absent(fact)),
                    Some(PathFact {
                        kind: PathKind::Directory,
                        entries: Some(entries),
                        ..
                    }) if !entries.iter().any(|e| e == child) => {
                        return Some(PathFact::default());
                    }
                    Some(_) => return None,
                    None => above = directory,
                }
            }
            None
        })
    }

    /// The variables of the image that are the path by themselves, `NAME=value`.
    pub(super) fn env(&self, path: &str) -> Option<Told<'_, &[String]>> {
        self.first(|s| Some(s.facts.paths.get(path)?.env.as_slice()))
    }

    /// Whether a script of the image changes what its variables name.
    pub(super) fn changes_named(&self, path: &str) -> bool {
        let changes = |s: &Stated| {
            let fact = s.facts.paths.get(path);
            s.facts.handled_paths.is_none() && fact.is_some_and(|fact| fact.handled_if_named)
        };
        self.all().any(|of| of.iter().any(changes))
    }

    /// Whether a script or program of the image changes the file at a path, or asks for its mount;
    /// and the variables that make it do so.
    pub(super) fn handled(&self, path: &str) -> Option<Told<'_, (bool, &[String])>> {
        self.first(|s| {
            let Some(handled) = s.facts.handled_paths.as_deref() else {
                let fact = s.facts.paths.get(path)?;
                return Some((fact.handled?, fact.handled_if.as_slice()));
            };
            let handled = handled.iter().any(|dir| {
                covers(
                    if dir == "/" {
                        dir
                    } else {
                        dir.trim_end_matches('/')
                    },
                    path,
                )
            });
            Some((handled, &[][..]))
        })
    }

    /// Who says that nothing in this directory is the image's own, and nothing else goes on in it.
    pub(super) fn owned(&self, directory: &str) -> Option<String> {
        let has = |dirs: &[String]| {
            dirs.iter()
                .any(|dir| dir != "/" && covers(dir.trim_end_matches('/'), directory))
        };
        let states = |of: &[Stated]| of.iter().any(|s| has(&s.facts.owned_dirs));
        if self.all().all(states)
            && let Some(stated) = self.sources.iter().find(|s| has(&s.facts.owned_dirs))
        {
            return Some(format!("{}: owned-dirs", say::source(stated)));
        }
        has(&self.owned).then(|| {
            "kubewright.toml ([transforms.subpath-configmap-mount]): owned-dirs".to_owned()
        })
    }

    /// A fact that all images have; of several who state it, one that proves nothing.
    fn first<'f, T: PartialEq>(
        &'f self,
        fact: impl Fn(&'f Stated) -> Option<T>,
    ) -> Option<Told<'f, T>> {
        let of = |sources: &'f [Stated]| {
            sources
                .iter()
                .find_map(|by| fact(by).map(|value| Told { value, by }))
        };
        let mut told = of(&self.sources)?;
        for other in &self.others {
            let same = of(other).filter(|other| other.value == told.value)?;
            if told.by.by.proves() && !same.by.by.proves() {
                told = same;
            }
        }
        Some(told)
    }
}

/// What a rewrite rests on.
#[derive(Debug, Clone, Default)]
pub(super) struct Basis {
    /// Who says what, in the order in which it was asked.
    told: Vec<(Text, Vec<Text>)>,
    /// What a Dockerfile or the built-in table says, which proves nothing.
    guessed: Vec<(StatedBy, Vec<Text>)>,
    /// What nothing proves.
    pub(super) unproven: Vec<Text>,
}

impl Basis {
    pub(super) fn proven(&self) -> bool {
        self.unproven.is_empty() && self.guessed.is_empty()
    }

    /// Takes a fact as given.
    pub(super) fn rests_on(&mut self, by: &Stated, what: impl Into<Text>) {
        let what = what.into();
        if by.by.proves() {
            self.says(say::source(by), what);
        } else {
            self.guesses(&by.by, what);
        }
    }

    /// Takes for given what proves nothing.
    fn guesses(&mut self, by: &StatedBy, what: Text) {
        match self.guessed.iter_mut().find(|(known, _)| known == by) {
            Some((_, facts)) if facts.contains(&what) => {}
            Some((_, facts)) => facts.push(what),
            None => self.guessed.push((by.clone(), vec![what])),
        }
    }

    /// Takes the image's user as given.
    pub(super) fn rests_on_user(&mut self, by: Option<&Stated>) {
        if let Some(by) = by {
            self.rests_on(by, say::user(by));
        }
    }

    /// Takes somebody's word.
    pub(super) fn says(&mut self, who: impl Into<Text>, what: impl Into<Text>) {
        let (who, what) = (who.into(), what.into());
        match self.told.iter_mut().find(|(by, _)| *by == who) {
            Some((_, facts)) if facts.contains(&what) => {}
            Some((_, facts)) => facts.push(what),
            None => self.told.push((who, vec![what])),
        }
    }

    /// Notes what nothing proves.
    pub(super) fn lacks(&mut self, what: impl Into<Text>) {
        let what = what.into();
        if !self.unproven.contains(&what) {
            self.unproven.push(what);
        }
    }

    /// Takes over what another one rests on.
    pub(super) fn extend(&mut self, other: Self) {
        for (who, facts) in other.told {
            for fact in facts {
                self.says(who.clone(), fact);
            }
        }
        for (by, facts) in other.guessed {
            for fact in facts {
                self.guesses(&by, fact);
            }
        }
        for what in other.unproven {
            self.lacks(what);
        }
    }

    /// For the reader.
    pub(super) fn notes(&self) -> Vec<Text> {
        let mut notes: Vec<Text> = self
            .told
            .iter()
            .map(|(by, facts)| text!["proven by: ", by, ": ", Text::joined(facts, ", ")])
            .collect();
        let mut unproven = self.unproven.clone();
        for (by, facts) in &self.guessed {
            let facts = Text::joined(facts, ", ");
            let (note, why) = say::guessed(by, facts);
            notes.push(note);
            unproven.push(why);
        }
        if !unproven.is_empty() {
            notes.push(text!["not proven: ", Text::joined(unproven, "; ")]);
        }
        notes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(paths: &[(&str, PathFact)]) -> Facts {
        let paths = paths
            .iter()
            .map(|(path, fact)| ((*path).to_owned(), fact.clone()))
            .collect();
        let facts = ImageFacts {
            paths,
            owned_dirs: vec!["/srv/app/".into(), "/".into()],
            ..ImageFacts::default()
        };
        Facts {
            sources: vec![Stated {
                facts,
                by: StatedBy::Annotation,
            }],
            others: Vec::new(),
            owned: Vec::new(),
        }
    }

    #[test]
    fn a_directory_answers_for_what_lies_below_it() {
        let absent = PathFact {
            parent_writable: Some(true),
            named: Some(true),
            ..PathFact::default()
        };
        let directory = PathFact {
            kind: PathKind::Directory,
            entries: Some(vec!["x".into()]),
            ..PathFact::default()
        };
        let opaque = PathFact {
            kind: PathKind::Directory,
            ..PathFact::default()
        };
        let facts = facts(&[("/a", absent), ("/d", directory), ("/o", opaque)]);
        let at = |path: &str| facts.path(path).map(|told| told.value);
        // That "/a" is named somewhere says nothing about "/a/b/c".
        assert_eq!(
            at("/a/b/c"),
            Some(PathFact {
                parent_writable: Some(true),
                ..PathFact::default()
            })
        );
        assert_eq!(at("/d/y/z"), Some(PathFact::default()));
        assert_eq!(
            (at("/d/x"), at("/d/x/y"), at("/o/x"), at("/b")),
            (None, None, None, None)
        );
    }

    #[test]
    fn owned_directories_cover_what_lies_below() {
        let facts = facts(&[]);
        assert!(facts.owned("/srv/app").is_some() && facts.owned("/srv/app/conf").is_some());
        assert!(facts.owned("/srv").is_none() && facts.owned("/srv/apple").is_none());
    }
}
