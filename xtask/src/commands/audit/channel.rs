//! The channels that an audit covers.

use anyhow::anyhow;
use clap::ValueEnum;
use model::Target;
use model::catalog::Channel;
use model::package::registry::RegistryKind;

use crate::error::CliError;

/// A channel that an audit can cover.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum AuditChannel {
    /// The source archive on GitHub
    Source,
    /// The packages on PyPI
    Pypi,
    /// The package on npm
    Npm,
    /// The Go module
    Go,
    /// The package on nuget.org
    Nuget,
    /// The artifacts on Maven Central
    Maven,
    /// The Helm chart on GitHub
    Helm,
}

impl AuditChannel {
    /// Returns the kind of registry. `None` for the source archive.
    fn registry_kind(self) -> Option<RegistryKind> {
        match self {
            Self::Source => None,
            Self::Pypi => Some(RegistryKind::Pypi),
            Self::Npm => Some(RegistryKind::Npm),
            Self::Go => Some(RegistryKind::Go),
            Self::Nuget => Some(RegistryKind::Nuget),
            Self::Maven => Some(RegistryKind::Maven),
            Self::Helm => Some(RegistryKind::Helm),
        }
    }
}

/// Returns the kinds of registries that the selected channels name; all if none is selected.
pub(super) fn selected_registries(channels: &[AuditChannel]) -> Vec<RegistryKind> {
    if channels.is_empty() {
        return RegistryKind::ALL.to_vec();
    }
    channels.iter().filter_map(|it| it.registry_kind()).collect()
}

/// Returns whether the source archive is selected.
pub(super) fn selects_source(channels: &[AuditChannel]) -> bool {
    channels.is_empty() || channels.contains(&AuditChannel::Source)
}

/// Returns whether a target has one of the selected channels.
pub(super) fn selects_target(channels: &[AuditChannel], target: &Target) -> bool {
    let wanted = selected_registries(channels);
    selects_source(channels)
        || target.channels.iter().flat_map(Channel::packages).any(|(kind, _)| wanted.contains(&kind))
}

/// Fails if a selected channel is none of the target's.
pub(super) fn check_channels(channels: &[AuditChannel], target: &Target) -> Result<(), CliError> {
    let mut kinds: Vec<RegistryKind> =
        target.channels.iter().flat_map(Channel::packages).map(|(kind, _)| kind).collect();
    kinds.dedup();
    let missing = channels.iter().filter_map(|it| it.registry_kind()).find(|it| !kinds.contains(it));
    let Some(missing) = missing else { return Ok(()) };
    let names: Vec<&str> = std::iter::once("source").chain(kinds.iter().map(|it| it.name())).collect();
    let error = anyhow!("{} has no channel {missing} that can be audited", target.id);
    Err(CliError::usage(error).with_hint(format!("choose from {}", names.join(", "))))
}

/// Returns a warning for each channel of a target that this version cannot audit. None if channels are selected: then
/// the operator knows what is covered.
pub(super) fn unsupported_channels(channels: &[AuditChannel], target: &Target) -> Vec<String> {
    if !channels.is_empty() {
        return Vec::new();
    }
    let unsupported = target.channels.iter().filter(|it| it.packages().is_empty());
    unsupported.map(|it| format!("not audited: {it} (the suite does not audit such channels yet)")).collect()
}
