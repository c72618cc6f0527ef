//! The generators of an apply set: which of them make a name, and with which the build fails.

use crate::kube::apply_set::generator_failure::Failure;
use crate::kube::object::apply_set::{Generated, SetId};
use crate::kube::object::kustomization::Generator;
use crate::kube::object::reference::Target;
use crate::kube::workspace::Workspace;

impl Workspace {
    /// Generators with which the build of a set fails, in the order of their files.
    pub fn failures(&self, set: SetId) -> &[Failure] {
        self.set_index(set).map_or(&[], |index| &index.failures)
    }

    /// The generator that fails.
    pub fn failing(&self, failure: &Failure) -> Option<&Generator> {
        self.kustomization(failure.kustomization)?
            .generators
            .get(failure.generator)
    }

    /// Generators of a set that make a name, in any namespace.
    pub fn makers_of(&self, set: SetId, to: Target, name: &str) -> Vec<&Generated> {
        let all = self.set(set).generated.iter();
        all.filter(|g| {
            self.generator(g)
                .is_some_and(|made| made.to == to && made.name == name)
        })
        .collect()
    }
}
