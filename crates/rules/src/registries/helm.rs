//! What a Helm chart contains (Helm documentation, "Charts"; `helm:pkg/chart/v2/util/save.go` and
//! `pkg/chart/v2/loader/directory.go`): the files of its folder byte for byte, `Chart.yaml` by its values, and each chart
//! that it depends on in the same way.

use std::collections::BTreeSet;

use model::UntrustedText;
use model::evidence::verdict::Finding;
use model::package::{PackageComparison, PackageId};

use super::chart_lock::{LOCK, LockState};
use super::chart_values::ChartOrigin;
use super::chart_yaml::{ChartDependency, ChartDocument};
use super::compared_package::{
    ComparedPackage, FILES, MAX_NAMED_DIFFERENCES, METADATA, not_comparable, refute_metadata,
};
use super::file_comparison::FileComparison;
use super::helm_ignore::HelmIgnore;

/// The manifest of a chart.
pub(super) const MANIFEST: &str = "Chart.yaml";
const IGNORE_FILE: &str = ".helmignore";
/// The files with the dependencies of a chart of version 1, which Helm merges into `Chart.yaml`.
const REQUIREMENTS: [&str; 2] = ["requirements.yaml", "requirements.lock"];
/// The first version of the format without [`REQUIREMENTS`].
const API_VERSION: &str = "v2";
/// The folder of the charts that a chart depends on.
const CHARTS_FOLDER: &str = "charts/";
/// The ending of a provenance file.
const PROVENANCE_ENDING: &str = ".prov";
/// The beginning of the address of a chart in a neighbouring folder.
const LOCAL: &str = "file://";
/// The mode of every file in a chart.
const MODE: u32 = 0o644;
/// The deepest nesting of charts in charts.
const MAX_DEPTH: usize = 8;

/// Returns whether the content of a file in a chart is read.
pub(super) fn reads_packaged_content(path: &str) -> bool {
    matches!(path.rsplit('/').next(), Some(MANIFEST | LOCK))
}

/// Returns whether the content of a file in the tree is read, by its name.
pub(super) fn reads_tree_content(name: &str) -> bool {
    matches!(name, MANIFEST | LOCK | IGNORE_FILE)
}

/// Returns the folder above a chart's folder: the charts that it depends on are there.
pub(super) fn sibling_folders(folder: &str) -> Vec<String> {
    folder.rsplit_once('/').map(|(parent, _)| parent.to_owned()).into_iter().collect()
}

/// Returns whether a file name is that of a chart.
pub(super) fn is_file_of(id: &PackageId, file_name: &str) -> bool {
    file_name == format!("{}-{}.tgz", id.name, id.version)
}

pub(super) fn compare(compared: ComparedPackage<'_>, out: &mut PackageComparison) {
    let ComparedPackage { subject, id, package, tree } = compared;
    let mut charts = ChartComparison {
        compared,
        files: FileComparison::default(),
        differences: Vec::new(),
        lock: LockState::NotNeeded,
    };
    let root = format!("{}/", id.name);
    let compared = charts.chart(&ChartFolder::of(&tree.folder, &root), Some(&id.version));
    out.findings.extend(charts.lock.finding(subject));
    if let Err(reason) = compared {
        return not_comparable(FILES, subject, reason, out);
    }
    let ChartComparison { files, differences, .. } = charts;
    if differences.is_empty() {
        let evidence = format!("{} {}, with the values of Chart.yaml in the tag's tree", id.name, id.version);
        out.findings.push(Finding::proven(METADATA, subject, evidence));
    }
    for difference in differences {
        refute_metadata(subject, difference, out);
    }
    files.compare(subject, package, out);
}

/// The comparison of a chart and of those in it.
struct ChartComparison<'a> {
    compared: ComparedPackage<'a>,
    files: FileComparison,
    differences: Vec<String>,
    /// How the lock of the chart itself fits its dependencies.
    lock: LockState,
}

/// A chart in the tree and in the package.
struct ChartFolder {
    /// The folder in the tree, without a slash at its end.
    folder: String,
    /// The folder in the package, with a slash at its end.
    root: String,
    /// The patterns of the chart above, and its folder: they apply to a chart in its folder `charts`.
    inherited: Option<(HelmIgnore, String)>,
    depth: usize,
}

impl ChartFolder {
    fn of(folder: &str, root: &str) -> Self {
        Self { folder: folder.to_owned(), root: root.to_owned(), inherited: None, depth: 0 }
    }
}

impl ChartComparison<'_> {
    /// Expects the files of a chart. `version` is that of the tag, for the chart itself.
    ///
    /// # Errors
    /// A message if the rules do not cover how the chart is built.
    fn chart(&mut self, chart: &ChartFolder, version: Option<&str>) -> Result<(), String> {
        let tree = self.compared.tree;
        let ChartFolder { folder, root, .. } = chart;
        if chart.depth > MAX_DEPTH {
            return Err(format!("charts nest more than {MAX_DEPTH} levels deep"));
        }
        let below = format!("{folder}/");
        if let Some(link) = tree.other_entries.iter().find(|it| it.starts_with(&below)) {
            return Err(format!("{link} is a symbolic link, which Helm follows"));
        }
        let content =
            |name: &str| tree.files.get(&format!("{folder}/{name}")).and_then(|it| it.content.as_deref());
        let manifest_bytes = content(MANIFEST).ok_or_else(|| format!("{folder} has no {MANIFEST}"))?;
        let manifest =
            ChartDocument::parse(manifest_bytes).map_err(|error| format!("{folder}/{MANIFEST}: {error}"))?;
        let own = || {
            let patterns = content(IGNORE_FILE).map(String::from_utf8_lossy).unwrap_or_default();
            let unsupported = || format!("{folder}/{IGNORE_FILE} has a pattern that is not supported");
            Ok::<_, String>((HelmIgnore::parse(&patterns).ok_or_else(unsupported)?, folder.clone()))
        };
        let ignored = chart.inherited.clone().map_or_else(own, Ok)?;
        let lock_path = format!("{below}{LOCK}");
        let is_ignored = ignored.0.ignores(&lock_path[ignored.1.len() + 1..]);
        let lock = content(LOCK).filter(|_| !is_ignored);
        self.check_api_version(&manifest, folder, lock.is_some())?;
        if chart.depth == 0 {
            self.lock = LockState::of(manifest_bytes, lock);
        }
        self.compare_manifest(&manifest, chart, version)?;
        let own_charts = self.expect_files(chart, &ignored)?;
        let lock = lock.map(ChartDocument::parse).transpose();
        let lock = lock.map_err(|error| format!("{folder}/{LOCK}: {error}"))?;
        self.compare_lock(&manifest, lock.as_ref(), chart);
        let mut names = BTreeSet::new();
        for own_folder in own_charts {
            let source = format!("{folder}/{CHARTS_FOLDER}{own_folder}");
            let name = self.chart_name(&source).ok_or_else(|| format!("{source} is not a chart"))?;
            let own = ChartFolder {
                folder: source,
                root: format!("{root}{CHARTS_FOLDER}{name}/"),
                inherited: Some(ignored.clone()),
                depth: chart.depth + 1,
            };
            self.chart(&own, None)?;
            names.insert(name);
        }
        // `helm dependency build` fetches the charts of the chart itself, not those of a chart in it.
        if chart.depth > 0 {
            return Ok(());
        }
        let locked = lock.map(|it| it.dependencies()).unwrap_or_default();
        for dependency in manifest.dependencies().iter().filter(|it| !names.contains(&it.name)) {
            self.dependency(chart, dependency, &locked)?;
        }
        Ok(())
    }

    /// Refuses a chart whose dependencies are, or may be, in [`REQUIREMENTS`]: Helm merges them into other files.
    fn check_api_version(
        &self,
        manifest: &ChartDocument,
        folder: &str,
        has_lock: bool,
    ) -> Result<(), String> {
        let files = &self.compared.tree.files;
        if let Some(name) = REQUIREMENTS.iter().find(|it| files.contains_key(&format!("{folder}/{it}"))) {
            return Err(format!("{folder} has a {name}, whose charts were not compared"));
        }
        let is_old = manifest.text("apiVersion").as_deref() != Some(API_VERSION);
        if is_old && (has_lock || manifest.has("dependencies")) {
            return Err(format!(
                "{folder}/{MANIFEST} has dependencies, and not the apiVersion {API_VERSION}"
            ));
        }
        Ok(())
    }

    /// Returns the name of the chart in a folder of the tree.
    fn chart_name(&self, folder: &str) -> Option<String> {
        let manifest = self.compared.tree.files.get(&format!("{folder}/{MANIFEST}"))?;
        ChartDocument::parse(manifest.content.as_deref()?).ok()?.text("name")
    }

    /// Expects the files of a chart's folder, without those of other charts. Returns the folders of the charts in it.
    fn expect_files(
        &mut self,
        chart: &ChartFolder,
        (ignored, base): &(HelmIgnore, String),
    ) -> Result<BTreeSet<String>, String> {
        let (prefix, root) = (format!("{}/", chart.folder), &chart.root);
        let mut own_charts = BTreeSet::new();
        let tree = self.compared.tree;
        let below = tree.files.range(prefix.clone()..).take_while(|it| it.0.starts_with(&prefix));
        for (tree_path, file) in below {
            if ignored.ignores(&tree_path[base.len() + 1..]) {
                continue;
            }
            let path = &tree_path[prefix.len()..];
            match path.strip_prefix(CHARTS_FOLDER).map(|it| it.split_once('/').ok_or(it)) {
                // Helm skips these (`helm:pkg/chart/v2/loader/load.go`).
                Some(Ok((name, _)) | Err(name)) if name.starts_with(['_', '.']) => {}
                Some(Ok((name, _))) => {
                    own_charts.insert(name.to_owned());
                }
                Some(Err(name)) if !name.ends_with(PROVENANCE_ENDING) => {
                    return Err(format!("{tree_path} is a packed chart, which was not compared"));
                }
                None if matches!(path, MANIFEST | LOCK) => {}
                _ => self.files.expect_without_mark(format!("{root}{path}"), tree_path.clone(), file, MODE),
            }
        }
        Ok(own_charts)
    }

    /// Compares `Chart.yaml` in the package. Its `appVersion` may be the version of the tag: the publish workflow sets it.
    fn compare_manifest(
        &mut self,
        manifest: &ChartDocument,
        chart: &ChartFolder,
        version: Option<&str>,
    ) -> Result<(), String> {
        let path = format!("{}{MANIFEST}", chart.root);
        let in_tree = |error: String| format!("{}/{MANIFEST}: {error}", chart.folder);
        let mut expected = manifest.values(ChartOrigin::Tree).map_err(in_tree)?;
        let Some(packaged) = self.compared.package.file(&path) else {
            self.files.fail(&path, "missing in the package");
            return Ok(());
        };
        self.files.mark_generated(&path);
        let packaged = ChartDocument::parse(packaged.content.as_deref().unwrap_or_default());
        let mut found = match packaged.and_then(|it| it.values(ChartOrigin::Package)) {
            Ok(values) => values,
            Err(error) => {
                self.differences.push(format!("{path}: {}", UntrustedText::new(error).escaped()));
                return Ok(());
            }
        };
        if let Some(version) = version {
            if found.text("appVersion") == Some(version) {
                expected.remove("appVersion");
                found.remove("appVersion");
            }
            for (key, wanted) in [("name", self.compared.id.name.as_str()), ("version", version)] {
                let stated = found.text(key).unwrap_or_default();
                // A version may have a `v`, which is not part of the version.
                if stated != wanted && (key != "version" || stated.strip_prefix('v') != Some(wanted)) {
                    let stated = UntrustedText::new(stated).escaped();
                    self.differences.push(format!("{path} states the {key} {stated}, expected {wanted}"));
                }
            }
        }
        if let Some(key) = expected.uncertain() {
            return Err(in_tree(format!(
                "{key} is a number without quotes, which programs read differently"
            )));
        }
        for key in expected.differences(&found).into_iter().take(MAX_NAMED_DIFFERENCES) {
            let shown = UntrustedText::new(key).escaped();
            self.differences.push(format!("{path} has another {shown} than the tag's tree"));
        }
        Ok(())
    }

    /// Compares `Chart.lock` in the package by its values. Helm writes a new one if the tree has none.
    fn compare_lock(&mut self, manifest: &ChartDocument, lock: Option<&ChartDocument>, chart: &ChartFolder) {
        let path = format!("{}{LOCK}", chart.root);
        let packaged = self.compared.package.file(&path).map(|it| it.content.as_deref().unwrap_or_default());
        let dependencies = manifest.dependencies();
        match (lock, packaged.map(ChartDocument::parse)) {
            (None, None) => {}
            (Some(_), None) => self.files.fail(&path, "missing in the package"),
            (_, Some(Err(error))) => {
                self.files.mark_generated(&path);
                self.differences.push(format!("{path}: {}", UntrustedText::new(error).escaped()));
            }
            (Some(lock), Some(Ok(packaged))) => {
                self.files.mark_generated(&path);
                let same = lock.dependencies() == packaged.dependencies()
                    && lock.text("digest") == packaged.text("digest");
                if !same || !packaged.is_plain_lock() {
                    self.differences.push(format!("{path} locks other dependencies than the tag's tree"));
                }
            }
            (None, Some(Ok(packaged))) if chart.depth == 0 && !dependencies.is_empty() => {
                self.files.mark_generated(&path);
                let locked = packaged.dependencies();
                let digest = ChartDocument::lock_digest(&dependencies, &locked);
                let is_same = |it: (&ChartDependency, &ChartDependency)| {
                    it.0.name == it.1.name && it.0.repository == it.1.repository
                };
                let is_of_manifest =
                    dependencies.len() == locked.len() && dependencies.iter().zip(&locked).all(is_same);
                let is_digest = packaged.text("digest").as_deref() == Some(digest.as_str());
                if !is_of_manifest || !is_digest || !packaged.is_plain_lock() {
                    self.differences.push(format!("{path} is not of the dependencies in {MANIFEST}"));
                }
            }
            (None, Some(Ok(_))) => self.files.fail(&path, "not in the tag's tree"),
        }
    }

    /// Expects the files of a chart that a chart depends on.
    fn dependency(
        &mut self,
        chart: &ChartFolder,
        dependency: &ChartDependency,
        locked: &[ChartDependency],
    ) -> Result<(), String> {
        let name = &dependency.name;
        let Some(path) = dependency.repository.strip_prefix(LOCAL) else {
            return Err(format!("the chart {name} is not in the repository: its files were not compared"));
        };
        let outside = || format!("the chart {name} is not in a folder beside {}", chart.folder);
        let source =
            joined(&chart.folder, path).filter(|it| self.chart_name(it).is_some()).ok_or_else(outside)?;
        let content = self.compared.tree.files.get(&format!("{source}/{MANIFEST}"));
        let stated =
            content.and_then(|it| ChartDocument::parse(it.content.as_deref()?).ok()?.text("version"));
        let pinned = locked.iter().find(|it| it.name == *name);
        if let Some(pinned) = pinned.filter(|it| stated.as_ref() != Some(&it.version)) {
            let stated = stated.unwrap_or_default();
            self.differences.push(format!("the lock wants {name} {}, {source} has {stated}", pinned.version));
        }
        let root = format!("{}{CHARTS_FOLDER}{name}/", chart.root);
        self.chart(&ChartFolder { depth: chart.depth + 1, ..ChartFolder::of(&source, &root) }, None)
    }
}

/// Returns a path relative to a folder, without `..`. `None` if it leaves the repository.
fn joined(folder: &str, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = folder.split('/').collect();
    for part in path.split('/').filter(|it| !matches!(*it, "" | ".")) {
        if part == ".." {
            parts.pop()?;
        } else {
            parts.push(part);
        }
    }
    Some(parts.join("/"))
}
