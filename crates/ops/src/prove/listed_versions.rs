//! Which versions the registries list for a target, and which of them have a tag.

use model::base::http::HttpEvent;
use model::evidence::audit::AuditReport;
use model::evidence::lookup::Lookup;
use model::evidence::package::{TaggedVersion, VersionListing, VersionTag};
use model::package::registry::{ListedVersion, RegistryKind};
use model::{ReleaseTag, Target, Version};

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
    for (kind, name) in target.channels.iter().filter_map(model::catalog::Channel::package) {
        let Some(registry) = registries.registry(kind) else { continue };
        let versions = channels::list_versions(&registries.client, registry, name, on_event);
        let versions = match versions {
            Lookup::Found(versions) => {
                let ids = tags.iter().map(|it| rules::registry_package_id(kind, name, it).version);
                let known: Vec<String> = ids.map(|it| canonical(target, kind, &it)).collect();
                let tagged = versions.into_iter().map(|listed| {
                    let is_known = known.contains(&canonical(target, kind, listed.version.raw()));
                    let tag = if is_known {
                        VersionTag::InClone
                    } else {
                        find_tag(request, target, &listed, on_event)
                    };
                    TaggedVersion { listed, tag }
                });
                Lookup::Found(tagged.collect())
            }
            Lookup::Absent => Lookup::Absent,
            Lookup::Unavailable(unavailable) => Lookup::Unavailable(unavailable),
        };
        let listing = VersionListing { registry: registry.clone(), name: name.to_owned(), versions };
        rules::audit_versions(&listing, &mut report);
    }
    report
}

/// Returns the form of a version in which equal versions are equal texts.
fn canonical(target: &Target, kind: RegistryKind, version: &str) -> String {
    let bare = if kind == RegistryKind::Go { version.strip_prefix('v').unwrap_or(version) } else { version };
    Version::parse(target.scheme, bare).map_or_else(|_| version.to_owned(), |it| it.canonical())
}

/// Asks GitHub for the tag of a version.
fn find_tag(
    request: &AuditRequest<'_>,
    target: &Target,
    listed: &ListedVersion,
    on_event: &mut dyn FnMut(HttpEvent),
) -> VersionTag {
    let Ok(tag) = ReleaseTag::new(request.catalog, &target.id, listed.version.raw()) else {
        return VersionTag::Impossible;
    };
    let found = request.metadata().has_tag(&tag.name(), on_event);
    VersionTag::NotInClone(tag.name(), found.map(|it| it.then_some(())).into())
}
