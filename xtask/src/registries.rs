//! The addresses of package registries: those of the release configuration, else those that the installed clients use.

use anyhow::anyhow;
use model::catalog::Channel;
use model::package::registry::{ChecksumDatabase, KeySource, Registry, RegistryKind};
use model::{Catalog, RepoSlug, Target};
use ops::RecordingFolder;

use crate::environment;
use crate::error::CliError;
use crate::github_host::api_url;
use crate::helper_program::output_of;

/// The public Go module proxy, which the `go` command uses by default (`go help environment`, GOPROXY).
const GO_PROXY: &str = "https://proxy.golang.org";
/// The public checksum database, which the `go` command uses by default (`cmd/go/internal/modfetch/key.go`).
const GO_CHECKSUM_DATABASE: &str = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8";
/// The service index of nuget.org, which the `dotnet` command uses by default (Microsoft documentation, "NuGet.Config").
const NUGET_INDEX: &str = "https://api.nuget.org/v3/index.json";
/// Maven Central, which Maven uses by default (Maven's super POM).
const MAVEN_CENTRAL: &str = "https://repo1.maven.org/maven2";
/// The key server that Maven Central recommends (Sonatype, "GPG"). It verifies the addresses of keys.
const KEY_SERVER: &str = "https://keys.openpgp.org";

/// Returns the registries of the wanted kinds that a target publishes to. If responses are read from a recording, it
/// also has the addresses.
pub(crate) fn find_registries(
    catalog: &Catalog,
    (target, slug): (&Target, &RepoSlug),
    wanted: &[RegistryKind],
    recording: Option<&RecordingFolder>,
) -> Result<Vec<Registry>, CliError> {
    let published = target.channels.iter().flat_map(Channel::packages);
    let selected = published.filter(|(kind, _)| wanted.contains(kind));
    let mut registries: Vec<Registry> = Vec::new();
    for (kind, name) in selected {
        if registries.iter().all(|it| it.kind != kind) {
            let recorded = recording.and_then(|it| it.registry(kind));
            let recorded =
                recorded.map(|(url, source)| Registry::new(kind, url, format!("{source}, as recorded")));
            let found = recorded.map_or_else(|| find_address(catalog, kind, &name, slug), Ok)?;
            check_address(&found)?;
            registries.push(with_keys(catalog, found));
        }
    }
    Ok(registries)
}

/// The beginnings of the addresses that are accepted: encrypted ones, and those of this machine.
const ACCEPTED_ADDRESSES: [&str; 4] = ["https://", "http://127.0.0.1", "http://localhost", "http://[::1]"];

/// Fails if an address is not encrypted, or has a query or a fragment: paths are added to it, and both are shown in
/// reports.
fn check_address(registry: &Registry) -> Result<(), CliError> {
    let without_credentials = registry.shown_url().replacen("***@", "", 1);
    let is_encrypted = ACCEPTED_ADDRESSES.iter().any(|it| without_credentials.starts_with(it));
    let problem = match registry.url() {
        url if url.contains(['?', '#']) => "has a query or a fragment",
        _ if !is_encrypted => "is not an https URL",
        _ => return Ok(()),
    };
    let shown = registry.shown_url();
    let shown = shown.split(['?', '#']).next().unwrap_or_default();
    let error = anyhow!("the address {shown} of {} (from {}) {problem}", registry.kind, registry.source);
    Err(CliError::usage(error).with_hint(format!(
        "set {} under [registries] in release.toml, as in https://ada:password@packages.example/simple",
        registry.kind
    )))
}

/// Returns the registry of a kind, for the package with this name.
fn find_address(
    catalog: &Catalog,
    kind: RegistryKind,
    name: &str,
    slug: &RepoSlug,
) -> Result<Registry, CliError> {
    let configured = &catalog.registries;
    let api = environment::non_empty(environment::GITHUB_API_URL).unwrap_or_else(|| api_url(slug.host()));
    let releases_url = &format!("{api}/repos/{}/releases", slug.full_name());
    let address = match kind {
        RegistryKind::Pypi => &configured.pypi,
        RegistryKind::Npm => &configured.npm,
        RegistryKind::Go => &configured.go,
        RegistryKind::Nuget => &configured.nuget,
        RegistryKind::Maven => &configured.maven,
        RegistryKind::Helm => &None,
    };
    Ok(match (address, kind) {
        (Some(address), _) => Registry::new(kind, address, "release.toml"),
        (None, RegistryKind::Pypi) => Registry::new(kind, &pip_index()?, "pip"),
        (None, RegistryKind::Npm) => Registry::new(kind, &npm_registry(name)?, "npm"),
        (None, RegistryKind::Go) => Registry::new(kind, GO_PROXY, "the default of go"),
        (None, RegistryKind::Nuget) => Registry::new(kind, NUGET_INDEX, "the default of nuget"),
        (None, RegistryKind::Maven) => Registry::new(kind, MAVEN_CENTRAL, "the default of Maven"),
        (None, RegistryKind::Helm) => Registry::new(kind, releases_url, "the repository"),
    })
}

/// Returns the registry with the keys that the release configuration trusts, else with the public checksum database.
fn with_keys(catalog: &Catalog, mut registry: Registry) -> Registry {
    let configured = &catalog.registries;
    match registry.kind {
        RegistryKind::Pypi | RegistryKind::Nuget => {}
        RegistryKind::Npm => registry.key_ids.clone_from(&configured.npm_keys),
        RegistryKind::Go => {
            let public = || ChecksumDatabase::parse(GO_CHECKSUM_DATABASE);
            registry.checksum_database = configured.go_checksum_database.clone().or_else(public);
        }
        RegistryKind::Maven | RegistryKind::Helm => {
            registry.key_ids.clone_from(&configured.openpgp_keys);
            let public = || KeySource::Server(KEY_SERVER.to_owned());
            registry.key_source = Some(configured.key_source.clone().unwrap_or_else(public));
        }
    }
    registry
}

/// Returns the index that pip uses: the configured one, else the default that `pip install --help` names.
fn pip_index() -> Result<String, CliError> {
    let configuration = run_pip(&["config", "list"]);
    let configured = configuration.as_deref().and_then(configured_index);
    let help = || default_index(&run_pip(&["install", "--help"])?);
    configured.or_else(help).ok_or_else(|| no_address("PyPI", "pip", "pypi"))
}

/// Returns the index in the output of `pip config list`. The environment comes first, then the settings of a command.
fn configured_index(text: &str) -> Option<String> {
    [":env:.index-url=", "install.index-url=", "global.index-url="].into_iter().find_map(|prefix| {
        let value = text.lines().find_map(|it| it.strip_prefix(prefix))?;
        Some(value.trim().trim_matches(['\'', '"']).to_owned())
    })
}

/// Returns the default index in the output of `pip install --help`.
fn default_index(text: &str) -> Option<String> {
    let (_, rest) = text.split_once("--index-url <url>")?;
    let words: Vec<&str> = rest.split_whitespace().skip_while(|it| *it != "(default").collect();
    words.get(1).map(|it| it.trim_end_matches([')', '.']).to_owned()).filter(|it| it.contains("://"))
}

fn run_pip(arguments: &[&str]) -> Option<String> {
    let module = [&["-m", "pip"], arguments].concat();
    let programs = [("pip", arguments), ("pip3", arguments), ("python3", &module)];
    programs.into_iter().find_map(|(program, arguments)| output_of(program, arguments))
}

/// Returns the registry that npm uses for a package: that of the package's scope, else the general one.
fn npm_registry(name: &str) -> Result<String, CliError> {
    let scope = name.split_once('/').map(|(scope, _)| format!("{scope}:registry"));
    let keys: Vec<&str> = scope.as_deref().into_iter().chain(["registry"]).collect();
    let values = keys.into_iter().filter_map(|key| output_of("npm", &["config", "get", key]));
    let mut addresses = values.map(|it| it.trim().to_owned()).filter(|it| it.contains("://"));
    addresses.next().ok_or_else(|| no_address("npm", "npm", "npm"))
}

fn no_address(registry: &str, program: &str, key: &str) -> CliError {
    let error =
        anyhow!("no address for {registry}: {program} is not installed, does not answer or names none");
    CliError::usage(error)
        .with_hint(format!("install {program}, or set {key} under [registries] in release.toml"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outputs_of_pip_are_read() {
        let list =
            "global.index-url='https://a.example/simple'\n:env:.index-url='https://b.example/simple'\n";
        assert_eq!(configured_index(list).as_deref(), Some("https://b.example/simple"));
        assert_eq!(
            configured_index(list.lines().next().unwrap()).as_deref(),
            Some("https://a.example/simple")
        );
        assert_eq!(configured_index("global.cert='/x'\n"), None);
        let help = "  -i, --index-url <url>       Base URL of the Index (default\n      https://c.example/simple). This\n";
        assert_eq!(default_index(help).as_deref(), Some("https://c.example/simple"));
        assert_eq!(default_index("--index-url <url> no default"), None);
    }
}
