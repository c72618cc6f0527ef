//! What the apply sets of a workload know about the ConfigMaps and Secrets that it names.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use kubewright_model::kube::{Resolution, ResourceId, SetId, Target};

use crate::Context;
use crate::binary;

/// The sets that a workload is part of.
pub(super) struct Objects<'a> {
    cx: Context<'a>,
    workload: ResourceId,
    sets: Vec<SetId>,
    /// Answers given before.
    found: RefCell<BTreeMap<(Target, String), Rc<Known>>>,
}

/// What is known of one ConfigMap or Secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Known {
    /// All keys that it can have in any set; `None` when that is not known.
    pub(super) keys: Option<BTreeSet<String>>,
    /// `immutable: true`, in every set.
    pub(super) immutable: bool,
    /// Its name carries a hash of its content, in every set.
    pub(super) hashed_name: bool,
    /// Several definitions have the name; the keys are those of the one in the workload's own file.
    pub(super) of_own_file: bool,
}

impl<'a> Objects<'a> {
    pub(super) fn new(cx: Context<'a>, workload: ResourceId) -> Self {
        Self {
            cx,
            workload,
            sets: cx.workspace.sets_of(workload),
            found: RefCell::default(),
        }
    }

    /// What is known of the object of that name.
    pub(super) fn known(&self, to: Target, name: &str) -> Rc<Known> {
        let key = (to, name.to_owned());
        if let Some(known) = self.found.borrow().get(&key) {
            return known.clone();
        }
        let known = Rc::new(self.ask(to, name));
        self.found.borrow_mut().insert(key, known.clone());
        known
    }

    /// What a key of the object holds, in each set; `None` where that is not known in one of them.
    pub(super) fn texts(&self, to: Target, name: &str, key: &str) -> Option<Vec<String>> {
        let text = |set: &SetId| {
            let Resolution::One(definition) =
                self.cx.workspace.resolve(*set, self.workload, to, name)
            else {
                return None;
            };
            if self.cx.workspace.content_touched(definition).is_some() {
                return None;
            }
            let node = self.cx.workspace.node(definition)?;
            let plain = |field: &str| node.get(field)?.get(key)?.text().map(str::to_owned);
            let decoded = |text: String| {
                binary::decode(&text).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            };
            let data = || {
                plain("data").and_then(|text| {
                    if to == Target::Secret {
                        decoded(text)
                    } else {
                        Some(text)
                    }
                })
            };
            plain("stringData")
                .or_else(data)
                .or_else(|| plain("binaryData").and_then(decoded))
        };
        let texts: Option<Vec<String>> = self.sets.iter().map(text).collect();
        texts.filter(|texts| !texts.is_empty())
    }

    /// The only one of these that stands in the file of the workload: the one that it was written
    /// for.
    fn in_own_file(&self, all: &[ResourceId]) -> Option<ResourceId> {
        let file = |id: ResourceId| self.cx.workspace.resource(id).file;
        let mut own = all
            .iter()
            .copied()
            .filter(|id| file(*id) == file(self.workload));
        own.next().filter(|_| own.next().is_none())
    }

    fn ask(&self, to: Target, name: &str) -> Known {
        let in_sets = !self.sets.is_empty();
        let mut known = Known {
            keys: in_sets.then(BTreeSet::new),
            immutable: in_sets,
            hashed_name: in_sets,
            of_own_file: false,
        };
        for set in &self.sets {
            let resolution = self.cx.workspace.resolve(*set, self.workload, to, name);
            known.hashed_name &= matches!(
                resolution,
                Resolution::Generated {
                    hash_suffix: true,
                    ..
                }
            );
            let definition = match &resolution {
                Resolution::One(definition) => Some(*definition),
                Resolution::Several(all) => {
                    self.in_own_file(all).inspect(|_| known.of_own_file = true)
                }
                _ => None,
            };
            let Some(definition) = definition else {
                known = Known {
                    keys: None,
                    immutable: false,
                    ..known
                };
                continue;
            };
            let immutable = self
                .cx
                .workspace
                .node(definition)
                .and_then(|n| n.get("immutable")?.as_bool());
            known.immutable &= immutable == Some(true) && !known.of_own_file;
            // Kustomize may give it other keys than its file has.
            if self.cx.workspace.content_touched(definition).is_some() {
                known.keys = None;
            } else if let Some(keys) = &mut known.keys {
                keys.extend(self.cx.workspace.data_keys(definition));
            }
        }
        known
    }
}
