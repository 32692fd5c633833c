//! What an npm package contains (npm documentation, `package.json`; pnpm documentation, `pnpm pack`).
//!
//! Bundled files are made by the build and cannot be compared without running it. Their source maps can: each source in
//! them must be equal to its file in the tree.

use std::collections::{BTreeMap, BTreeSet};

use model::evidence::verdict::Finding;
use model::package::{PackageComparison, PackageContents, PackageTree, PackagedFile};
use model::{Channel, Target};
use serde_json::{Map, Value};

use super::compared_package::{
    ComparedPackage, FILES, MAX_NAMED_DIFFERENCES, METADATA, not_comparable, refute_metadata,
};
use super::file_comparison::FileComparison;
use super::npm_file_list::{FileList, Inclusion};
use super::source_map::mapped_sources;

/// The manifest of an npm package.
pub(super) const MANIFEST: &str = "package.json";
/// The path of the manifest in a package.
pub(super) const PACKAGED_MANIFEST: &str = "package/package.json";
/// The folder of all files in an npm package.
const ROOT: &str = "package/";
/// The folder of bundled files.
const BUNDLE_FOLDER: &str = "dist/";
/// The largest number of files of a bundle. Each is searched for the names of the others.
const MAX_BUNDLE_FILES: usize = 64;
/// The keys of `package.json` that name the files that a program loads.
const ENTRY_KEYS: [&str; 7] = ["main", "module", "types", "typings", "browser", "bin", "exports"];
/// The endings of the files of a bundle.
const BUNDLE_ENDINGS: [&str; 7] = [".js", ".cjs", ".mjs", ".map", ".d.ts", ".d.cts", ".d.mts"];
/// The keys of dependency tables, in which pnpm replaces the protocol `workspace:`.
const DEPENDENCY_TABLES: [&str; 4] =
    ["dependencies", "devDependencies", "peerDependencies", "optionalDependencies"];

/// The key that pnpm removes from the packaged `package.json`.
const PACKAGE_MANAGER: &str = "packageManager";

/// Returns the manifests of all targets that are npm packages, relative to the repository's root.
pub(super) fn manifests(targets: &[Target]) -> Vec<String> {
    let is_npm = |target: &&Target| target.channels.iter().any(|it| matches!(it, Channel::Npm(_)));
    let sources = targets.iter().filter(is_npm).filter_map(|it| it.version_source.as_ref());
    sources.map(|it| it.file.clone()).collect()
}

/// Returns whether the rules read the content of a file of an npm package: the manifest, and bundled files, which name
/// each other.
pub(super) fn reads_packaged_content(path: &str) -> bool {
    let bundled = path.strip_prefix(ROOT).and_then(|it| it.strip_prefix(BUNDLE_FOLDER));
    path == PACKAGED_MANIFEST || bundled.is_some_and(is_bundle_file)
}

pub(super) fn compare(compared: ComparedPackage<'_>, out: &mut PackageComparison) {
    let ComparedPackage { subject, package, tree, .. } = compared;
    let manifest = tree.text(MANIFEST).and_then(|it| serde_json::from_str::<Map<String, Value>>(it).ok());
    let Some(manifest) = manifest else {
        let evidence = "the tag's tree has no package.json in the package's folder, or it is not JSON";
        return not_comparable(FILES, subject, evidence, out);
    };
    compare_manifest(compared, &manifest, out);
    let mut files = FileComparison::default();
    files.mark_generated(PACKAGED_MANIFEST);
    for file in &package.files {
        if !matches!(file.mode, 0o644 | 0o755) {
            files.fail(&file.path, format!("has mode {:o}, expected 644 or 755", file.mode));
        }
    }
    let list = FileList::of(&manifest, tree);
    for (path, file) in tree.below("").filter(|(path, _)| *path != MANIFEST) {
        let (name, tree_path) = (format!("{ROOT}{path}"), tree.path_of(path));
        match list.inclusion(path) {
            Inclusion::Always if !path.starts_with(BUNDLE_FOLDER) => {
                files.expect(name, tree_path, file, None);
            }
            Inclusion::Always if package.file(&name).is_none() => {
                let evidence = format!(
                    "{tree_path} is in the tag's tree and not in the package: the build may have removed it"
                );
                not_comparable(FILES, subject, evidence, out);
            }
            Inclusion::Always | Inclusion::Perhaps => files.accept(name, tree_path, file, None),
            Inclusion::Never => {}
        }
    }
    if let Some(evidence) = list.not_interpreted {
        not_comparable(FILES, subject, evidence, out);
    }
    for file in bundle(package, &manifest) {
        let path = file.path.strip_prefix(ROOT).unwrap_or_default();
        if tree.in_folder(path).is_some() {
            continue;
        }
        if is_source_map(path) {
            check_source_map(file, path, tree, &mut files);
        } else {
            files.mark_opaque(&file.path);
        }
    }
    if !package.files.iter().any(|it| is_license(it.path.strip_prefix(ROOT).unwrap_or(&it.path))) {
        out.warnings.push(format!("{subject}: the package has no license file"));
    }
    files.compare(subject, package, out);
}

/// Whether a file in the folder of bundled files has an ending that bundlers write.
fn is_bundle_file(path: &str) -> bool {
    BUNDLE_ENDINGS.iter().any(|it| path.ends_with(it))
}

fn is_source_map(path: &str) -> bool {
    path.strip_suffix(".map").is_some()
}

/// Returns the files of the bundle: those that `package.json` names, and those that such a file names. A file that no
/// other one names does not belong to the bundle.
fn bundle<'p>(package: &'p PackageContents, manifest: &Map<String, Value>) -> Vec<&'p PackagedFile> {
    let mut candidates: BTreeMap<&str, &PackagedFile> = BTreeMap::new();
    for file in &package.files {
        let path = file.path.strip_prefix(ROOT).unwrap_or_default();
        let is_dependency = path.split('/').any(|it| it == "node_modules");
        let is_candidate = path.strip_prefix(BUNDLE_FOLDER).is_some_and(is_bundle_file) && !is_dependency;
        if is_candidate && candidates.len() < MAX_BUNDLE_FILES {
            candidates.insert(path, file);
        }
    }
    let mut names = Vec::new();
    for key in ENTRY_KEYS {
        collect_strings(manifest.get(key), &mut names);
    }
    let mut pending: Vec<&str> = names.iter().map(|it| it.trim_start_matches("./")).collect();
    let mut found = Vec::new();
    while let Some(path) = pending.pop() {
        let Some(file) = candidates.remove(path) else { continue };
        found.push(file);
        let content = file.content.as_deref().map(String::from_utf8_lossy).unwrap_or_default();
        let is_named = |candidate: &str| {
            let name = candidate.rsplit('/').next().unwrap_or_default();
            if is_source_map(name) {
                return content.contains(&format!("sourceMappingURL={name}"));
            }
            // Declarations name each other with the ending of the code.
            let stem = BUNDLE_ENDINGS.iter().filter_map(|it| name.strip_suffix(it)).min_by_key(|it| it.len());
            content.contains(&format!("/{}.", stem.unwrap_or(name)))
        };
        pending.extend(candidates.keys().copied().filter(|it| is_named(it)));
    }
    found
}

/// Adds all strings in a JSON value.
fn collect_strings<'v>(value: Option<&'v Value>, out: &mut Vec<&'v str>) {
    match value {
        Some(Value::String(text)) => out.push(text),
        Some(Value::Array(items)) => items.iter().for_each(|it| collect_strings(Some(it), out)),
        Some(Value::Object(entries)) => entries.values().for_each(|it| collect_strings(Some(it), out)),
        _ => {}
    }
}

/// Compares the sources of a map with the tree.
fn check_source_map(file: &PackagedFile, path: &str, tree: &PackageTree, files: &mut FileComparison) {
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let sources = file.content.as_deref().and_then(|it| mapped_sources(it, folder));
    let Some(sources) = sources else {
        return files.fail(&file.path, "is not a source map of version 3 with a content for each source");
    };
    if sources.is_empty() {
        // The map of a file that only names other files. It proves nothing about its file.
        return files.mark_opaque(&file.path);
    }
    for source in sources {
        let in_tree = source.path.as_deref().and_then(|it| tree.in_folder(it));
        let path = source.path.as_deref().unwrap_or("a source outside the package");
        match (in_tree, source.digest) {
            (Some(tree_file), Some(digest)) if tree_file.digest == digest => {}
            (None, _) => files.fail(&file.path, format!("names {path}, which is not in the tag's tree")),
            (Some(_), None) => files.fail(&file.path, format!("lacks the content of {path}")),
            (Some(_), Some(_)) => {
                files.fail(&file.path, format!("contains another {path} than the tag's tree"));
            }
        }
    }
    files.mark_generated(&file.path);
}

pub(super) fn is_license(path: &str) -> bool {
    let name = path.to_ascii_uppercase();
    !path.contains('/') && (name.starts_with("LICENSE") || name.starts_with("LICENCE"))
}

/// Compares the packaged `package.json` with that of the tree.
fn compare_manifest(
    compared: ComparedPackage<'_>,
    manifest: &Map<String, Value>,
    out: &mut PackageComparison,
) {
    let ComparedPackage { subject, id, package, tree } = compared;
    let content = package.file(PACKAGED_MANIFEST).and_then(|it| it.content.as_deref());
    let Some(packaged) = content.and_then(|it| serde_json::from_slice::<Map<String, Value>>(it).ok()) else {
        return refute_metadata(subject, "the package has no package.json, or it is not JSON", out);
    };
    let mut differences = Vec::new();
    for (key, expected) in [("name", &id.name), ("version", &id.version)] {
        let actual = packaged.get(key).and_then(Value::as_str).unwrap_or_default();
        if actual != expected {
            differences.push(format!("the {key} is '{actual}', expected '{expected}'"));
        }
    }
    let expected = match expected_manifest(manifest, tree) {
        Ok(expected) => expected,
        Err(evidence) => {
            return not_comparable(METADATA, subject, evidence, out);
        }
    };
    let keys: BTreeSet<&String> = expected.keys().chain(packaged.keys()).collect();
    for key in keys {
        // npm keeps `packageManager`.
        let is_kept = key == PACKAGE_MANAGER && packaged.get(key) == manifest.get(key);
        if expected.get(key) != packaged.get(key) && !is_kept {
            differences.push(format!(
                "{} in package.json differs from the tag's tree",
                described_key(key, &expected, &packaged)
            ));
        }
    }
    if differences.is_empty() {
        let evidence = format!("{} {}, and package.json as in the tag's tree", id.name, id.version);
        out.findings.push(Finding::proven(METADATA, subject, evidence));
    }
    for difference in differences.into_iter().take(MAX_NAMED_DIFFERENCES) {
        refute_metadata(subject, difference, out);
    }
}

/// Names a key that differs and, if it is a table, its first entry that differs.
fn described_key(key: &str, expected: &Map<String, Value>, packaged: &Map<String, Value>) -> String {
    let (Some(Value::Object(left)), Some(Value::Object(right))) = (expected.get(key), packaged.get(key))
    else {
        return format!("'{key}'");
    };
    let inner = left.keys().chain(right.keys()).find(|it| left.get(*it) != right.get(*it));
    inner.map_or_else(|| format!("'{key}'"), |it| format!("'{key}', entry '{it}',"))
}

/// Returns the manifest that pnpm packs: without `packageManager`, and with the versions of the workspace in place of
/// the protocol `workspace:` (pnpm documentation, "Workspace", "Publishing workspace packages").
fn expected_manifest(
    manifest: &Map<String, Value>,
    tree: &PackageTree,
) -> Result<Map<String, Value>, String> {
    let mut expected = manifest.clone();
    expected.remove(PACKAGE_MANAGER);
    if expected.contains_key("publishConfig") {
        return Err("package.json has 'publishConfig', whose effect is not derived".to_owned());
    }
    let versions = workspace_versions(tree);
    for table in DEPENDENCY_TABLES {
        let Some(Value::Object(dependencies)) = expected.get_mut(table) else { continue };
        for (name, requirement) in dependencies {
            let Some(range) = requirement.as_str().and_then(|it| it.strip_prefix("workspace:")) else {
                continue;
            };
            let version = versions.get(name).ok_or_else(|| {
                format!("{name} is a dependency of the workspace, and no target publishes it")
            })?;
            *requirement = match range {
                "*" => Value::from(version.clone()),
                "^" | "~" => Value::from(format!("{range}{version}")),
                other => Value::from(other.to_owned()),
            };
        }
    }
    Ok(expected)
}

/// Returns the versions of the repository's npm packages, by name.
fn workspace_versions(tree: &PackageTree) -> BTreeMap<String, String> {
    let manifests = tree.files.iter().filter(|(path, _)| path.ends_with("/package.json"));
    let parsed = manifests.filter_map(|(_, file)| {
        let manifest: Map<String, Value> = serde_json::from_slice(file.content.as_deref()?).ok()?;
        let text = |key: &str| manifest.get(key)?.as_str().map(str::to_owned);
        Some((text("name")?, text("version")?))
    });
    parsed.collect()
}
