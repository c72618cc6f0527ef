//! The options of all transforms, the tables `[transforms.<name>]` of `kubewright.toml`, put
//! together from the list of transforms. What a transform can be told stands in its own folder.

use globset::{Glob, GlobSet};
use kubewright_model::glob;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

/// Characters of a glob that are shown where it is none.
const SHOWN: usize = 80;

/// Makes the list of transforms, `ALL`, and their options, `Settings`, of one line a transform: the
/// module, whose name with dashes is the name of the transform, and in it the type that implements
/// `Transform` beside `Options`.
macro_rules! transforms {
    ($($module:ident::$transform:ident),* $(,)?) => {
        /// All transforms in the order in which their fixes are applied.
        pub static ALL: &[&dyn Transform] = &[$(&$module::$transform),*];

        /// What the configuration says to the transforms.
        #[derive(Debug, Clone, Default, PartialEq, serde::Deserialize)]
        #[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
        pub struct Settings {
            $(pub(crate) $module: $module::Options,)*
            /// `[[images]]`: not part of the `[transforms]` table, filled in by the reader of the
            /// configuration.
            #[serde(skip)]
            pub images: Vec<kubewright_model::kube::images::ImageFacts>,
            /// `kubewright.lock`: not part of the configuration, filled in beside it.
            #[serde(skip)]
            pub lock: Vec<kubewright_model::kube::images::LockedImage>,
        }

        impl Settings {
            /// Takes what the options name in the environment; `variable` gives the value of a
            /// variable.
            pub fn take_environment(&mut self, variable: impl Fn(&str) -> Option<Vec<u8>>) {
                self.missing_config_hash.take_key(variable);
            }

            /// Whether the transform of that name runs when nobody selects it.
            pub fn enabled(&self, name: &str) -> bool {
                [$(($module::$transform.meta().name, self.$module.enabled)),*]
                    .into_iter()
                    .all(|(of, enabled)| of != name || enabled)
            }
        }
    };
}
pub(crate) use transforms;

/// Reads globs, each of which is valid.
pub(crate) fn globs<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let globs = Vec::<String>::deserialize(deserializer)?;
    match globs
        .iter()
        .find_map(|text| Some((text, glob::compile(text, false).err()?)))
    {
        Some((text, error)) => {
            let start: String = text.chars().take(SHOWN).collect();
            Err(D::Error::custom(format!("`{start}` is no glob: {error}")))
        }
        None if GlobSet::new(globs.iter().filter_map(|text| Glob::new(text).ok())).is_err() => {
            Err(D::Error::custom("the globs are too large together"))
        }
        None => Ok(globs),
    }
}
