//! What the files of an image are, from its layers, the top one first.
//!
//! A layer hides what lies below it: an entry hides the entry of the same path, anything but a
//! directory hides all below that path, `.wh.x` hides `x`, and `.wh..wh..opq` all that lower layers
//! have in its directory (OCI image specification, "Representing Changes"). Going down, what is
//! known stays; a path that no layer read so far decides is unknown until the last one was read.
//! Only metadata is kept, and the content of scripts and of the two files that name users and
//! groups.
//!
//! Runtimes do not agree on a layer that writes below a symbolic link of another layer, nor on one
//! that has a path twice: such a path is [`Here::Unclear`], and nothing is said about it.

use std::collections::BTreeMap;

use super::failure::Failure;

/// The most entries, named or implied, of one image.
pub(super) const MAX_ENTRIES: usize = 1_000_000;
/// The most bytes of all names of one image.
const MAX_NAMES: usize = 256 << 20;

/// Owner and mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Meta {
    pub(super) mode: u32,
    pub(super) uid: u32,
    pub(super) gid: u32,
}

/// A directory that no layer describes is made by the runtime.
pub(super) const IMPLIED: Meta = Meta {
    mode: 0o755,
    uid: 0,
    gid: 0,
};

/// An entry of a layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum LayerEntry {
    File(Meta, Option<Vec<u8>>),
    Directory(Meta),
    Symlink(Meta, String),
    /// The same file as another one of the layer.
    Hardlink(Vec<String>),
}

/// What stands at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Here {
    /// A directory that entries below it imply.
    Implied,
    /// Removed.
    Gone,
    File(Meta, Option<Vec<u8>>),
    Directory(Meta),
    Symlink(Meta, String),
    /// Runtimes differ.
    Unclear,
}

/// A path of the image.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) here: Here,
    /// The layer that decided, counted from the top.
    layer: usize,
    /// Nothing of lower layers is in this directory.
    opaque: bool,
    children: BTreeMap<Box<str>, Self>,
}

/// What a path is, as far as the layers read tell.
pub(super) enum Child<'a> {
    /// A lower layer may have it.
    Unknown,
    /// Nothing.
    Absent,
    /// This.
    There(&'a Node),
}

/// The files of an image.
#[derive(Debug)]
pub(super) struct Filesystem {
    root: Node,
    layer: usize,
    whiteouts: Vec<Vec<String>>,
    opaques: Vec<Vec<String>>,
    hardlinks: Vec<(Vec<String>, Vec<String>)>,
    complete: bool,
    entries: usize,
    names: usize,
}

impl Node {
    fn new() -> Self {
        Self {
            here: Here::Implied,
            layer: usize::MAX,
            opaque: false,
            children: BTreeMap::new(),
        }
    }

    /// Whether what the layer `layer` has below this path does not show.
    fn hides(&self, layer: usize) -> bool {
        self.opaque
            || (self.layer < layer && !matches!(self.here, Here::Directory(_) | Here::Implied))
    }

    fn decide(&mut self, here: Here, layer: usize) {
        self.here = here;
        self.layer = layer;
    }

    fn has_children(&self) -> bool {
        self.children.values().any(|child| child.here != Here::Gone)
    }
}

#[cfg(test)]
impl Filesystem {
    /// An image of one layer with these entries.
    pub(super) fn of(entries: &[(&str, LayerEntry)]) -> Self {
        let mut tree = Self::new();
        for (path, entry) in entries {
            tree.add(path.split('/').map(str::to_owned).collect(), entry.clone())
                .expect("few");
        }
        tree.end_layer(true).expect("few");
        tree
    }
}

impl Filesystem {
    pub(super) fn new() -> Self {
        let mut root = Node::new();
        root.decide(Here::Directory(IMPLIED), 0);
        Self {
            root,
            layer: 0,
            whiteouts: Vec::new(),
            opaques: Vec::new(),
            hardlinks: Vec::new(),
            complete: false,
            entries: 0,
            names: 0,
        }
    }

    /// Takes an entry of the layer that is being read.
    ///
    /// # Errors
    /// When the image has more entries than are kept.
    pub(super) fn add(&mut self, mut path: Vec<String>, entry: LayerEntry) -> Result<(), Failure> {
        // The root is a directory, whatever a layer says about it.
        let Some(name) = path.last() else {
            return Ok(());
        };
        if name == ".wh..wh..opq" {
            path.pop();
            self.opaques.push(path);
        } else if name.starts_with(".wh..wh.") {
            // Left behind by aufs.
        } else if let Some(hidden) = name.strip_prefix(".wh.").map(str::to_owned) {
            path.pop();
            path.push(hidden);
            self.whiteouts.push(path);
        } else if let LayerEntry::Hardlink(target) = entry {
            self.hardlinks.push((path, target));
        } else {
            self.place(&path, entry)?;
        }
        self.count(1, 0)
    }

    /// The layer was read; `last`: there is none below it.
    ///
    /// # Errors
    /// When the image has more entries than are kept.
    pub(super) fn end_layer(&mut self, last: bool) -> Result<(), Failure> {
        let layer = self.layer;
        for (path, target) in std::mem::take(&mut self.hardlinks) {
            let own = |here: &Here| match here {
                Here::File(meta, content) => Some(LayerEntry::File(*meta, content.clone())),
                Here::Symlink(meta, to) => Some(LayerEntry::Symlink(*meta, to.clone())),
                _ => None,
            };
            match self
                .node(&target)
                .filter(|n| n.layer == layer)
                .and_then(|n| own(&n.here))
            {
                Some(entry) => self.place(&path, entry)?,
                // Hidden by a layer above, or a file of another layer.
                None => self.with(&path, |node, layer| {
                    if node.layer > layer {
                        node.decide(Here::Unclear, layer);
                    } else if node.layer < layer {
                        node.opaque = true;
                    }
                })?,
            }
        }
        for path in std::mem::take(&mut self.whiteouts) {
            self.with(&path, |node, layer| match node.here {
                Here::Implied if !node.has_children() => node.decide(Here::Gone, layer),
                // A layer above makes the directory anew.
                Here::Implied => {
                    node.decide(Here::Directory(IMPLIED), layer);
                    node.opaque = true;
                }
                Here::Directory(_) => node.opaque = true,
                _ => {}
            })?;
        }
        for path in std::mem::take(&mut self.opaques) {
            self.with(&path, |node, _| node.opaque = true)?;
        }
        self.layer += 1;
        self.complete |= last;
        Ok(())
    }

    /// The root directory.
    pub(super) fn root(&self) -> &Node {
        &self.root
    }

    /// What a directory has under a name.
    pub(super) fn child<'a>(&self, node: &'a Node, name: &str) -> Child<'a> {
        match node.children.get(name) {
            Some(child) => match child.here {
                Here::Gone => Child::Absent,
                // A lower layer may tell more, or something else.
                Here::Implied if !self.complete => Child::Unknown,
                _ => Child::There(child),
            },
            None if self.complete || node.opaque => Child::Absent,
            None => Child::Unknown,
        }
    }

    /// The names in a directory, sorted; `None` while a lower layer may have more.
    pub(super) fn names<'a>(&self, node: &'a Node) -> Option<Vec<&'a str>> {
        if !self.complete
            && (!node.opaque || node.children.values().any(|c| c.here == Here::Implied))
        {
            return None;
        }
        Some(
            node.children
                .iter()
                .filter(|(_, child)| child.here != Here::Gone)
                .map(|(name, _)| &**name)
                .collect(),
        )
    }

    fn node(&self, path: &[String]) -> Option<&Node> {
        path.iter()
            .try_fold(&self.root, |node, name| node.children.get(name.as_str()))
    }

    /// Goes to a path, making what is missing; `act` is not called where a layer above hides it.
    fn with(&mut self, path: &[String], act: impl FnOnce(&mut Node, usize)) -> Result<(), Failure> {
        let layer = self.layer;
        let (mut entries, mut names) = (0, 0);
        let mut node = &mut self.root;
        for (depth, name) in path.iter().enumerate() {
            if node.hides(layer) {
                return self.count(entries, names);
            }
            // Below something of the same layer that is no directory.
            if depth > 0 && !matches!(node.here, Here::Directory(_) | Here::Implied) {
                node.here = Here::Unclear;
                return self.count(entries, names);
            }
            if !node.children.contains_key(name.as_str()) {
                entries += 1;
                names += name.len();
            }
            node = node
                .children
                .entry(name.as_str().into())
                .or_insert_with(Node::new);
        }
        act(node, layer);
        self.count(entries, names)
    }

    fn place(&mut self, path: &[String], entry: LayerEntry) -> Result<(), Failure> {
        self.with(path, |node, layer| {
            let new = match entry {
                LayerEntry::File(meta, content) => Here::File(meta, content),
                LayerEntry::Directory(meta) => Here::Directory(meta),
                LayerEntry::Symlink(meta, to) => Here::Symlink(meta, to),
                LayerEntry::Hardlink(_) => Here::Unclear,
            };
            let fits = match (&node.here, &new) {
                (Here::Implied, Here::Directory(_)) => true,
                (Here::Implied, _) => node.children.is_empty(),
                (old, new) => std::mem::discriminant(old) == std::mem::discriminant(new),
            };
            if node.here == Here::Implied || node.layer == layer {
                node.decide(if fits { new } else { Here::Unclear }, layer);
            } else if !matches!(new, Here::Directory(_)) {
                // A directory of a layer above begins anew here: what lies deeper still is hidden
                // by this.
                node.opaque = true;
            }
        })
    }

    fn count(&mut self, entries: usize, names: usize) -> Result<(), Failure> {
        self.entries += entries;
        self.names += names;
        if self.entries > MAX_ENTRIES || self.names > MAX_NAMES {
            return Err(Failure::odd(format!(
                "it has more than {MAX_ENTRIES} files, more than are read"
            )));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const META: Meta = Meta {
        mode: 0o644,
        uid: 0,
        gid: 0,
    };

    fn path(text: &str) -> Vec<String> {
        text.split('/')
            .filter(|s| !s.is_empty())
            .map(str::to_owned)
            .collect()
    }

    /// Layers from the top: `name` a file, `name/` a directory, `name -> to` a symbolic link, `name
    /// = other` a hard link.
    fn tree_of(layers: &[&[&str]]) -> Filesystem {
        let mut tree = Filesystem::new();
        for (n, layer) in layers.iter().enumerate() {
            for line in *layer {
                let (name, entry) = match (line.split_once(" -> "), line.split_once(" = ")) {
                    (Some((name, to)), _) => (name, LayerEntry::Symlink(META, to.into())),
                    (_, Some((name, to))) => (name, LayerEntry::Hardlink(path(to))),
                    _ if line.ends_with('/') => (
                        *line,
                        LayerEntry::Directory(Meta {
                            mode: 0o700,
                            ..META
                        }),
                    ),
                    _ => (*line, LayerEntry::File(META, None)),
                };
                tree.add(path(name), entry).expect("few entries");
            }
            tree.end_layer(n + 1 == layers.len()).expect("few entries");
        }
        tree
    }

    /// `file`, `directory`, `link`, `absent`, `unknown` or `unclear`, and what is in a directory.
    fn at(tree: &Filesystem, text: &str) -> String {
        let mut node = tree.root();
        for name in path(text) {
            node = match tree.child(node, &name) {
                Child::Unknown => return "unknown".into(),
                Child::Absent => return "absent".into(),
                Child::There(child) => child,
            };
        }
        match &node.here {
            Here::File(..) => "file".into(),
            Here::Symlink(_, to) => format!("link {to}"),
            Here::Directory(meta) => format!("directory {:o} {:?}", meta.mode, tree.names(node)),
            Here::Implied => format!("implied {:?}", tree.names(node)),
            Here::Unclear => "unclear".into(),
            Here::Gone => "gone".into(),
        }
    }

    #[test]
    fn the_upper_layer_counts() {
        let tree = tree_of(&[&["a/x"], &["a/", "a/x/", "a/x/y", "a/z"]]);
        assert_eq!(at(&tree, "a"), r#"directory 700 Some(["x", "z"])"#);
        assert_eq!(at(&tree, "a/x"), "file");
        assert_eq!(at(&tree, "b"), "absent");
    }

    #[test]
    fn a_whiteout_hides_lower_layers_alone() {
        let tree = tree_of(&[
            &["a/", "a/.wh.x", "a/.wh.y", "a/y/", "a/y/new"],
            &["a/", "a/x", "a/y/", "a/y/old", "a/z"],
        ]);
        assert_eq!(at(&tree, "a"), r#"directory 700 Some(["y", "z"])"#);
        assert_eq!(at(&tree, "a/x"), "absent");
        assert_eq!(at(&tree, "a/y"), r#"directory 700 Some(["new"])"#);
        // The same in any order of the entries.
        let turned = tree_of(&[&["a/y/new", "a/y/", "a/.wh.y"], &["a/y/old"]]);
        assert_eq!(at(&turned, "a/y"), r#"directory 700 Some(["new"])"#);
    }

    #[test]
    fn what_was_removed_and_made_again_has_nothing_of_before() {
        let tree = tree_of(&[&["a/"], &[".wh.a"], &["a/", "a/old"]]);
        assert_eq!(at(&tree, "a"), "directory 700 Some([])");
        let between = tree_of(&[&["a/"], &["a"], &["a/", "a/old"]]);
        assert_eq!(at(&between, "a"), "directory 700 Some([])");
        let implied = tree_of(&[&["a/new"], &[".wh.a"], &["a/", "a/old"]]);
        assert_eq!(at(&implied, "a"), r#"directory 755 Some(["new"])"#);
    }

    #[test]
    fn an_opaque_directory_hides_what_lies_below() {
        let tree = tree_of(&[
            &["a/", "a/new", "a/.wh..wh..opq"],
            &["a/old", "b"],
            &["a/older"],
        ]);
        assert_eq!(at(&tree, "a"), r#"directory 700 Some(["new"])"#);
        assert_eq!(at(&tree, "b"), "file");
    }

    #[test]
    fn unknown_until_the_last_layer() {
        let mut tree = Filesystem::new();
        tree.add(path("a/x"), LayerEntry::File(META, None))
            .expect("few");
        tree.add(path("o/.wh..wh..opq"), LayerEntry::File(META, None))
            .expect("few");
        tree.add(path("o"), LayerEntry::Directory(META))
            .expect("few");
        tree.end_layer(false).expect("few");
        assert_eq!(at(&tree, "a"), "unknown");
        assert_eq!(at(&tree, "b"), "unknown");
        assert_eq!(at(&tree, "o"), "directory 644 Some([])");
        assert_eq!(at(&tree, "o/x"), "absent");
        tree.end_layer(true).expect("few");
        assert_eq!(at(&tree, "a"), r#"implied Some(["x"])"#);
        assert_eq!(at(&tree, "b"), "absent");
    }

    #[test]
    fn a_hard_link_is_the_file_it_names() {
        let tree = tree_of(&[&["b = a", "a", "c = l", "l -> x"], &["d = a"]]);
        assert_eq!(at(&tree, "b"), "file");
        assert_eq!(at(&tree, "c"), "link x");
        assert_eq!(at(&tree, "d"), "unclear");
    }

    #[test]
    fn what_runtimes_do_not_agree_on_is_unclear() {
        for layers in [
            &[&["run/x"][..], &["run -> elsewhere"]][..],
            &[&["run -> elsewhere", "run/x"]],
            &[&["run", "run/"]],
            &[&["run/x", "run"]],
        ] {
            assert_eq!(at(&tree_of(layers), "run"), "unclear", "{layers:?}");
        }
        assert_eq!(
            at(&tree_of(&[&["run/"], &["run -> elsewhere"]]), "run"),
            "directory 700 Some([])"
        );
    }

    #[test]
    fn leftovers_of_aufs_are_nothing() {
        assert_eq!(
            at(&tree_of(&[&[".wh..wh.plnk/", ".wh..wh.aufs", "a"]]), "/"),
            r#"directory 755 Some(["a"])"#
        );
    }
}
