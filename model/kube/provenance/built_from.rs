//! What the Dockerfile of the repository says of an image that is built from it, and what those of
//! its bases do.

use crate::kube::images::dockerfile::{Stage, stages};
use crate::kube::images::{Built, ImageFacts, Stated, StatedBy, normalise, parts};
use crate::kube::source::builds::{Build, builds_of, may_build};
use crate::kube::workspace::Workspace;

/// How many images may be built on one another.
const MAX_CHAIN: usize = 8;

impl Workspace {
    /// What the Dockerfile of the repository that an image is built from says of it; `image` as
    /// [`normalise`] gives it. `known` answers for images that are not built here. Nothing where no
    /// file, or where several name one.
    pub fn built_from(
        &self,
        image: &str,
        known: &dyn Fn(&str) -> Option<ImageFacts>,
    ) -> Option<Stated> {
        let (facts, built) = self.of_build(image, known, 0)?;
        let says = facts.shell.is_some() || facts.user.is_some() || facts.entrypoint.is_some();
        says.then_some(Stated {
            facts,
            by: StatedBy::Dockerfile(built),
        })
    }

    fn of_build(
        &self,
        image: &str,
        known: &dyn Fn(&str) -> Option<ImageFacts>,
        depth: usize,
    ) -> Option<(ImageFacts, Built)> {
        let texts = self.options().texts.as_ref()?;
        let builds = self.index.builds.get_or_init(|| {
            let named = texts.named(&may_build);
            let mut builds: Vec<Build> = named
                .iter()
                .flat_map(|(path, text)| builds_of(path, text))
                .collect();
            builds.sort();
            builds
        });
        let repository = parts(image).map_or(image, |(name, _)| name);
        let mut mine = builds.iter().filter(|b| b.repository == repository);
        let build = mine.next().filter(|_| depth < MAX_CHAIN)?;
        let other = |b: &Build| (&b.dockerfile, &b.target) != (&build.dockerfile, &build.target);
        if mine.any(other) {
            return None;
        }
        let bytes = texts.bytes(&build.dockerfile)?;
        let stages = stages(&String::from_utf8_lossy(&bytes));
        let at = match &build.target {
            None => stages.len().checked_sub(1)?,
            Some(target) => stages
                .iter()
                .rposition(|s| s.name == target.to_lowercase())?,
        };
        let outside = |base: &str| {
            let base = normalise(base)?;
            known(&base).or_else(|| Some(self.of_build(&base, known, depth + 1)?.0))
        };
        let stage = with_base(&stages, at, &outside);
        let (line, instruction) = stage.line.clone();
        let origin = Built {
            dockerfile: build.dockerfile.clone(),
            line,
            instruction,
            named_by: build.named_by.clone(),
        };
        Some((stage.facts, origin))
    }
}

/// A stage with what those below it, and the image below them, say.
fn with_base(stages: &[Stage], at: usize, outside: &dyn Fn(&str) -> Option<ImageFacts>) -> Stage {
    let stage = stages.get(at).cloned().unwrap_or_default();
    // Only stages before this one can be meant.
    let before = stages.get(..at).unwrap_or_default();
    let inner = before
        .iter()
        .rposition(|s| s.name == stage.base.to_lowercase());
    let base = match inner {
        Some(inner) => Some(with_base(stages, inner, outside).facts),
        None => outside(&stage.base),
    };
    stage.on(base)
}
