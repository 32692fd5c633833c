//! Which versions the registries list for a target, and which of them have a tag.

use std::collections::BTreeSet;

use model::base::http::HttpEvent;
use model::evidence::audit::AuditReport;
use model::evidence::lookup::{Lookup, Unavailable};
use model::evidence::package::{TaggedVersion, VersionListing, VersionTag};
use model::package::registry::{ListedVersion, RegistryKind};
use model::{Catalog, ReleaseTag, Target, Version};

use crate::package_registries::PackageRegistries;
use crate::prove::audit_request::AuditRequest;

/// Lists the versions of a target's packages on the registries, and reports those without a tag and those that were
/// withdrawn. `tags` are the target's tags in the clone; GitHub is asked about the others.
pub fn audit_versions(
    request: &AuditRequest<'_>,
    registries: &PackageRegistries,
    (target, tags): (&Target, &[ReleaseTag]),
    on_event: &mut dyn FnMut(HttpEvent),
) -> AuditReport {
    let mut report = AuditReport::default();
    let mut github_tags: Option<Result<BTreeSet<String>, Unavailable>> = None;
    for (kind, name) in target.channels.iter().flat_map(model::catalog::Channel::packages) {
        // Charts are assets of releases, of which no registry has a list.
        let Some(registry) = registries.registry(kind).filter(|_| kind != RegistryKind::Helm) else {
            continue;
        };
        let versions = channels::list_versions(&registries.client, registry, &name, on_event);
        let versions = match versions {
            Lookup::Found(versions) => {
                let ids = tags.iter().map(|it| rules::registry_package_id(kind, &name, it).version);
                let known: BTreeSet<String> = ids.map(|it| canonical(target, kind, &it)).collect();
                let unknown =
                    |it: &ListedVersion| !known.contains(&canonical(target, kind, it.version.raw()));
                if github_tags.is_none() && versions.iter().any(unknown) {
                    let found = request.metadata().tag_names(&format!("{}/", target.id), on_event);
                    github_tags = Some(found.map(BTreeSet::from_iter).map_err(Unavailable::from));
                }
                let tagged = versions.into_iter().map(|listed| {
                    let tag = match &github_tags {
                        Some(github_tags) if unknown(&listed) => {
                            find_tag(request.catalog, target, &listed, github_tags)
                        }
                        _ => VersionTag::InClone,
                    };
                    TaggedVersion { listed, tag }
                });
                Lookup::Found(tagged.collect())
            }
            Lookup::Absent => Lookup::Absent,
            Lookup::Unavailable(unavailable) => Lookup::Unavailable(unavailable),
        };
        let listing = VersionListing { registry: registry.clone(), name, versions };
        rules::audit_versions(&listing, &mut report);
    }
    report
}

/// Returns the form of a version in which equal versions are equal texts.
fn canonical(target: &Target, kind: RegistryKind, version: &str) -> String {
    let bare = if kind == RegistryKind::Go { version.strip_prefix('v').unwrap_or(version) } else { version };
    Version::parse(target.scheme, bare).map_or_else(|_| version.to_owned(), |it| it.canonical())
}

/// Finds the tag of a version among those on GitHub.
fn find_tag(
    catalog: &Catalog,
    target: &Target,
    listed: &ListedVersion,
    github_tags: &Result<BTreeSet<String>, Unavailable>,
) -> VersionTag {
    let Ok(tag) = ReleaseTag::new(catalog, &target.id, listed.version.raw()) else {
        return VersionTag::Impossible;
    };
    let name = tag.name();
    let found = match github_tags {
        Ok(tags) if tags.contains(&name) => Lookup::Found(()),
        Ok(_) => Lookup::Absent,
        Err(unavailable) => Lookup::Unavailable(unavailable.clone()),
    };
    VersionTag::NotInClone(name, found)
}
