//! Under which name the program was started. kubectl starts `kubectl-wright` for `kubectl wright`,
//! with all that stands behind it, and asks `kubectl_complete-wright` what may come next
//! (<https://kubernetes.io/docs/tasks/extend-kubectl/kubectl-plugins/>); both are links to the
//! program, or copies of it.

use std::ffi::OsStr;
use std::path::Path;

use clap::{CommandFactory as _, FromArgMatches as _};

use super::args::{Args, grouped};

/// The name of the plugin, as kubectl's users type it.
pub(super) const PLUGIN: &str = "kubectl wright";

/// How the program was started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Called {
    /// Under its own name, or any other.
    ByName,
    /// As the plugin of kubectl.
    ByKubectl,
    /// By kubectl, to complete a command line.
    ForCompletions,
}

impl Called {
    /// By what stands before the arguments.
    pub(super) fn by(program: Option<&OsStr>) -> Self {
        let name = program.map(Path::new).and_then(Path::file_stem);
        match name.and_then(OsStr::to_str) {
            Some("kubectl-wright") => Self::ByKubectl,
            Some("kubectl_complete-wright") => Self::ForCompletions,
            _ => Self::ByName,
        }
    }

    /// What was typed.
    pub(super) fn parse(self) -> Result<Args, clap::Error> {
        let mut command = grouped(Args::command());
        if self != Self::ByName {
            command = command.bin_name(PLUGIN);
        }
        let matches = command.try_get_matches_from_mut(std::env::args_os())?;
        Args::from_arg_matches(&matches).map_err(|error| error.format(&mut command))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_known_by_its_name() {
        let by = |name: &str| Called::by(Some(OsStr::new(name)));
        assert_eq!(by("/home/me/.krew/bin/kubectl-wright"), Called::ByKubectl);
        assert_eq!(by("kubectl-wright.exe"), Called::ByKubectl);
        assert_eq!(by("kubectl_complete-wright"), Called::ForCompletions);
        assert_eq!(by("./kubewright"), Called::ByName);
        assert_eq!(Called::by(None), Called::ByName);
    }
}
