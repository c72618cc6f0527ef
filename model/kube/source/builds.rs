//! Which Dockerfile of the repository an image is built from: Skaffold, Compose files, workflows of
//! GitHub and commands in them and in Makefiles say so.

use std::collections::BTreeMap;

use super::paths::{has_extension, join, split};
use crate::kube::images::dockerfile::filled;
use crate::kube::images::{normalise, parts};
use crate::yaml::{File, Node};

/// Keys of an artifact of Skaffold that Docker builds; others name another builder.
/// (<https://skaffold.dev/docs/references/yaml/>)
const OF_DOCKER: [&str; 9] = [
    "context",
    "custom",
    "docker",
    "hooks",
    "image",
    "platforms",
    "requires",
    "runtimeType",
    "sync",
];

/// A Dockerfile that an image is built from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::kube) struct Build {
    /// Registry and path of the image, written out, without tag.
    pub repository: String,
    /// Relative to the root.
    pub dockerfile: String,
    /// The stage that is built; absent: the last one.
    pub target: Option<String>,
    /// The file that says so.
    pub named_by: String,
}

/// Whether a file may say from what an image is built.
pub(in crate::kube) fn may_build(path: &str) -> bool {
    let (directory, name) = split(path);
    let yaml = has_extension(name, "yaml") || has_extension(name, "yml");
    let compose = ["docker-compose", "compose"];
    name == "Makefile"
        || has_extension(name, "mk")
        || yaml && name.starts_with("skaffold")
        || yaml && compose.iter().any(|start| name.starts_with(start))
        || yaml && directory == ".github/workflows"
}

/// What one file says is built.
pub(in crate::kube) fn builds_of(path: &str, text: &str) -> Vec<Build> {
    let (directory, name) = split(path);
    let mut found = Found {
        path,
        builds: Vec::new(),
    };
    if name == "Makefile" || has_extension(name, "mk") {
        found.commands(text, directory, &variables(text));
        return found.builds;
    }
    let Ok(file) = File::parse(text) else {
        return Vec::new();
    };
    for root in (0..file.documents().len()).filter_map(|at| file.root(at)) {
        if directory == ".github/workflows" {
            found.workflow(root);
        } else if name.starts_with("skaffold") {
            found.skaffold(root, directory);
        } else {
            found.compose(root, directory);
        }
    }
    found.builds
}

struct Found<'p> {
    path: &'p str,
    builds: Vec<Build>,
}

impl Found<'_> {
    /// Takes an image and its Dockerfile, both as they are written.
    fn add(&mut self, image: &str, dockerfile: Option<String>, target: Option<&str>) {
        let name = match image.split_once("${{") {
            // A tag that the workflow decides.
            Some((name, _)) => name.strip_suffix(':').unwrap_or_default(),
            None => image,
        };
        let repository =
            normalise(name.trim()).and_then(|image| parts(&image).map(|(name, _)| name.to_owned()));
        if let (Some(repository), Some(dockerfile)) = (repository, dockerfile) {
            self.builds.push(Build {
                repository,
                dockerfile,
                target: target.map(str::to_owned),
                named_by: self.path.to_owned(),
            });
        }
    }

    fn skaffold(&mut self, root: Node<'_>, directory: &str) {
        let artifacts = root.path(&["build", "artifacts"]);
        for artifact in artifacts.into_iter().flat_map(Node::items) {
            let by_docker = artifact
                .entries()
                .all(|(key, _)| key.text().is_some_and(|key| OF_DOCKER.contains(&key)));
            let Some(image) = text(artifact, &["image"]).filter(|_| by_docker) else {
                continue;
            };
            let context = text(artifact, &["context"]).unwrap_or(".");
            let file = text(artifact, &["docker", "dockerfile"]).unwrap_or("Dockerfile");
            let dockerfile = join(directory, &format!("{context}/{file}"));
            self.add(image, dockerfile, text(artifact, &["docker", "target"]));
        }
    }

    fn compose(&mut self, root: Node<'_>, directory: &str) {
        let services = root.get("services").into_iter().flat_map(Node::entries);
        for (_, service) in services {
            let (Some(image), Some(build)) = (text(service, &["image"]), service.get("build"))
            else {
                continue;
            };
            let context = build.text().or_else(|| text(build, &["context"]));
            let file = text(build, &["dockerfile"]).unwrap_or("Dockerfile");
            let dockerfile = join(directory, &format!("{}/{file}", context.unwrap_or(".")));
            self.add(image, dockerfile, text(build, &["target"]));
        }
    }

    /// Paths of a workflow start at the top of the repository.
    fn workflow(&mut self, root: Node<'_>) {
        for (_, job) in root.get("jobs").into_iter().flat_map(Node::entries) {
            let steps = || job.get("steps").into_iter().flat_map(Node::items);
            for step in steps() {
                let uses = text(step, &["uses"]).unwrap_or_default();
                if uses.starts_with("docker/build-push-action@") {
                    self.action(step, steps);
                }
                if let Some(run) = text(step, &["run"]) {
                    let directory = text(step, &["working-directory"]).unwrap_or_default();
                    self.commands(run, directory, &BTreeMap::new());
                }
            }
        }
    }

    /// docker/build-push-action, with tags of its own or of docker/metadata-action.
    fn action<'n, I: Iterator<Item = Node<'n>>>(&mut self, step: Node<'n>, steps: impl Fn() -> I) {
        let with = |name: &str| text(step, &["with", name]);
        let context = with("context").unwrap_or(".");
        let file = match with("file") {
            Some(file) => join("", file),
            None => join("", &format!("{context}/Dockerfile")),
        };
        let tags = with("tags").unwrap_or_default();
        let mut images: Vec<&str> = tags.split(['\n', ',']).map(str::trim).collect();
        for other in steps() {
            let id = text(other, &["id"]).unwrap_or("\n");
            let uses = text(other, &["uses"]).unwrap_or_default();
            if uses.starts_with("docker/metadata-action@")
                && tags.contains(&format!("steps.{id}.outputs.tags"))
            {
                let named = text(other, &["with", "images"]).unwrap_or_default();
                images.extend(named.split(['\n', ',']).map(str::trim));
            }
        }
        for image in images.into_iter().filter(|image| !image.is_empty()) {
            self.add(image, file.clone(), with("target"));
        }
    }

    /// `docker build -t IMAGE -f FILE CONTEXT`, and what other programs make of it.
    fn commands(&mut self, script: &str, directory: &str, values: &BTreeMap<String, String>) {
        let script = script.replace("\\\n", " ");
        for command in script.lines().flat_map(|line| line.split("&&")) {
            let words: Vec<&str> = command
                .trim()
                .trim_start_matches(['@', '-'])
                .split_whitespace()
                .map(|word| word.trim_matches(['"', '\'']))
                .collect();
            let starts = match words.as_slice() {
                ["docker" | "podman" | "nerdctl", "build", ..]
                | ["buildah", "bud" | "build", ..] => 2,
                ["docker", "buildx" | "image", "build", ..] => 3,
                _ => continue,
            };
            let options = words.get(starts..).unwrap_or_default();
            let value = |names: [&str; 2]| {
                let mut at = options.iter().enumerate();
                at.find_map(|(at, word)| {
                    let joined = names.iter().find_map(|name| {
                        word.strip_prefix(name)
                            .and_then(|rest| rest.strip_prefix('='))
                    });
                    joined.or_else(|| names.contains(word).then(|| options.get(at + 1).copied())?)
                })
            };
            let Some(image) = value(["-t", "--tag"]).and_then(|tag| named(tag, values)) else {
                continue;
            };
            let context = options.last().filter(|last| !last.starts_with('-'));
            let context = context.copied().unwrap_or(".");
            let file = match value(["-f", "--file"]) {
                Some(file) => file.to_owned(),
                None => format!("{context}/Dockerfile"),
            };
            let file = filled(&file, values).and_then(|file| join(directory, &file));
            self.add(&image, file, value(["--target", "--target"]));
        }
    }
}

/// The name of an image with the values of variables; its tag may be anything.
fn named(image: &str, values: &BTreeMap<String, String>) -> Option<String> {
    let tag = image.rfind(':').filter(|at| !image[*at..].contains('/'));
    filled(image, values).or_else(|| filled(&image[..tag?], values))
}

/// The plain variables of a Makefile.
fn variables(text: &str) -> BTreeMap<String, String> {
    let mut values: BTreeMap<String, String> = BTreeMap::new();
    for line in text.lines().filter(|line| !line.starts_with(['\t', '#'])) {
        let Some((name, value)) = line.split_once('=') else {
            continue;
        };
        let name = name.trim_end_matches([':', '?']).trim();
        let value = value.split_once(" #").map_or(value, |(value, _)| value);
        let plain = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_');
        if let Some(value) = filled(value.trim(), &values).filter(|_| plain) {
            values.insert(name.to_owned(), value);
        }
    }
    values
}

fn text<'a>(node: Node<'a>, path: &[&str]) -> Option<&'a str> {
    node.path(path).and_then(Node::text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn builds(path: &str, text: &str) -> Vec<(String, String, Option<String>)> {
        assert!(may_build(path), "{path}");
        builds_of(path, text)
            .into_iter()
            .map(|b| (b.repository, b.dockerfile, b.target))
            .collect()
    }

    fn pair(image: &str, file: &str) -> (String, String, Option<String>) {
        (image.to_owned(), file.to_owned(), None)
    }

    #[test]
    fn skaffold_names_artifacts() {
        let text = "build:\n  artifacts:\n  - image: r.example.com/web\n    context: web\n    \
                    docker:\n      dockerfile: build/Dockerfile\n      target: prod\n  - image: \
                    api\n  - image: java\n    jib: {}\n";
        let mut prod = pair("r.example.com/web", "deploy/web/build/Dockerfile");
        prod.2 = Some("prod".into());
        let api = pair("docker.io/library/api", "deploy/Dockerfile");
        assert_eq!(builds("deploy/skaffold.yaml", text), [prod, api]);
    }

    #[test]
    fn compose_names_services() {
        let text = "services:\n  web: {image: 'web:dev', build: ./web}\n  db: {image: postgres}\n  \
             api:\n    image: team/api\n    build: {context: ., dockerfile: api.Dockerfile}\n";
        let expected = [
            pair("docker.io/library/web", "web/Dockerfile"),
            pair("docker.io/team/api", "api.Dockerfile"),
        ];
        assert_eq!(builds("docker-compose.yml", text), expected);
    }

    #[test]
    fn workflows_build_and_push() {
        let text = "jobs:\n  build:\n    steps:\n    - id: meta\n      uses: docker/metadata-action@v5\n      \
                    with: {images: ghcr.io/team/web}\n    - uses: docker/build-push-action@v6\n      with:\n        \
                    context: web\n        tags: ${{ steps.meta.outputs.tags }}\n    - uses: \
                    docker/build-push-action@v6\n      with:\n        file: api/Dockerfile.prod\n        tags: |\n          \
                    ghcr.io/team/api:${{ github.sha }}\n          ghcr.io/team/api:latest\n    - run: docker build \
                    -t job:1 -f job/Dockerfile .\n";
        let expected = [
            pair("ghcr.io/team/web", "web/Dockerfile"),
            pair("ghcr.io/team/api", "api/Dockerfile.prod"),
            pair("ghcr.io/team/api", "api/Dockerfile.prod"),
            pair("docker.io/library/job", "job/Dockerfile"),
        ];
        assert_eq!(builds(".github/workflows/ci.yml", text), expected);
    }

    #[test]
    fn makefiles_build_by_command() {
        let text = "REGISTRY ?= r.example.com\nIMAGE := $(REGISTRY)/web\n\nbuild:\n\t@docker \
                    buildx build \\\n\t\t--platform linux/amd64 --tag $(IMAGE):$(TAG) \
                    \\\n\t\tweb\n\tdocker build -t $(OTHER) .\n";
        assert_eq!(
            builds("Makefile", text),
            [pair("r.example.com/web", "web/Dockerfile")]
        );
    }
}
