//! Which image a container gets: what `images` of all kustomizations on its way make of the one
//! that the manifest names.
//!
//! Each entry acts on what the ones before it made (kustomize's `api/filters/imagetag`): a new name
//! keeps tag and digest, a new tag drops the digest, and a digest alone drops the tag.

use std::collections::BTreeSet;

use super::kustomize_changes::repository;
use crate::kube::images::normalise;
use crate::kube::object::kustomization::TouchKind;
use crate::kube::object::resource::ResourceId;
use crate::kube::pod::{CONTAINER_LISTS, Container, PodTemplate};
use crate::kube::workspace::Workspace;
use crate::kube::workspace::index::sets_met;
use crate::yaml::Node;

impl Workspace {
    /// The images of a container in all that is built of its resource, written out
    /// ([`normalise`]); empty where the manifest names none that can be read, `None` where a patch,
    /// a transformer, Argo CD or Flux may give it any.
    pub fn built_images(
        &self,
        id: ResourceId,
        template: &PodTemplate<'_>,
        container: &Container<'_>,
    ) -> Option<BTreeSet<String>> {
        let written = container.node.get("image").and_then(Node::text);
        let way = self.way(id);
        for touch in self.touches(id).iter() {
            let ours =
                touch.what == TouchKind::Images && way.through.contains(&touch.location.file);
            if !ours && touch.affects(&image_path(template, container)) {
                return None;
            }
        }
        let Some(written) = written else {
            return Some(BTreeSet::new());
        };
        let mut found = BTreeSet::new();
        let mut met = false;
        for set in sets_met(self, id) {
            let members = self.positions(set, id);
            let members = members.filter_map(|position| self.set(set).members.get(position));
            for member in members {
                met = true;
                let mut image = written.to_owned();
                // From the innermost to the outermost.
                for file in member.through.iter().rev() {
                    if let Some(node) = self.kustomization_node(*file) {
                        image = renamed(node, image);
                    }
                }
                found.insert(image);
            }
        }
        if !met {
            found.insert(written.to_owned());
        }
        Some(found.iter().filter_map(|image| normalise(image)).collect())
    }
}

/// The dotted path of the container's image, as touches name it.
fn image_path(template: &PodTemplate<'_>, container: &Container<'_>) -> String {
    let list = CONTAINER_LISTS
        .iter()
        .find(|(_, kind)| *kind == container.kind)
        .map_or("containers", |(list, _)| list);
    let template = template.carrier.template.iter();
    let steps: Vec<&str> = template
        .map(|step| step.trim_end_matches("[]"))
        .chain(["spec", list, "image"])
        .collect();
    steps.join(".")
}

/// What the entries of one kustomization make of an image.
fn renamed(kustomization: Node<'_>, mut image: String) -> String {
    let entries = ["images", "imageTags"]
        .iter()
        .filter_map(|key| kustomization.get(key))
        .flat_map(Node::items);
    for entry in entries {
        let text = |key: &str| {
            entry
                .get(key)
                .and_then(Node::text)
                .filter(|text| !text.is_empty())
        };
        if text("name") != Some(repository(&image)) {
            continue;
        }
        let (name, rest) = image.split_at(repository(&image).len());
        let (tag, digest) = rest.split_once('@').unwrap_or((rest, ""));
        let tag = tag.trim_start_matches(':');
        let (tag, digest) = match (text("newTag"), text("digest")) {
            (None, None) => match text("tagSuffix") {
                Some(suffix) => (format!("{tag}{suffix}"), String::new()),
                None => (tag.to_owned(), digest.to_owned()),
            },
            (tag, digest) => (
                tag.unwrap_or_default().to_owned(),
                digest.unwrap_or_default().to_owned(),
            ),
        };
        let mut built = text("newName").unwrap_or(name).to_owned();
        for (sign, part) in [(':', tag), ('@', digest)] {
            if !part.is_empty() {
                built.push(sign);
                built.push_str(&part);
            }
        }
        image = built;
    }
    image
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::File;

    /// As `kustomize build` of 5.8 has them.
    #[test]
    fn entries_act_on_what_those_before_them_made() {
        let cases = [
            ("app:1", "{name: app, newTag: '2'}", "app:2"),
            ("app", "{name: app, newTag: '2'}", "app:2"),
            (
                "app:1",
                "{name: app, newName: r.example.com/web}",
                "r.example.com/web:1",
            ),
            ("app:1@sha256:ab", "{name: app, newTag: '2'}", "app:2"),
            ("app:1", "{name: app, digest: 'sha256:cd'}", "app@sha256:cd"),
            (
                "app:1",
                "{name: app, newTag: '2', digest: 'sha256:cd'}",
                "app:2@sha256:cd",
            ),
            (
                "app:1@sha256:ab",
                "{name: app, newName: web}",
                "web:1@sha256:ab",
            ),
            ("app:1", "{name: app, tagSuffix: -slim}", "app:1-slim"),
            ("app:1", "{name: ap, newTag: '2'}", "app:1"),
            (
                "r:5000/app",
                "{name: 'r:5000/app', newTag: '2'}",
                "r:5000/app:2",
            ),
            (
                "app:1",
                "{name: app, newName: web}, {name: web, newTag: '3'}",
                "web:3",
            ),
        ];
        for (image, entries, built) in cases {
            let text = format!("images: [{entries}]\n");
            let file = File::parse(text).expect("YAML");
            let node = file.root(0).expect("a document");
            assert_eq!(renamed(node, image.to_owned()), built, "{image} {entries}");
        }
    }
}
