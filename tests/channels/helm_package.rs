//! A repository with an umbrella chart and the chart that it depends on, and the packaged chart as Helm lays it out.

use std::path::{Path, PathBuf};

use serde_json::json;

use crate::channels::package_bed::PackageBed;
use crate::channels::published_packages::PublishedPackages;
use crate::support::published_release::sha256_hex;

pub(crate) const TAG: &str = "helm/opensandbox/1.2.3";
pub(crate) const FILE: &str = "opensandbox-1.2.3.tgz";
pub(crate) const WORKFLOW: &str = "publish-helm-chart.yml";
const FOLDER: &str = "kubernetes/charts";
const DEPENDENCY: &str = "[{\"name\":\"opensandbox-server\",\"version\":\"0.1.0\",\"repository\":\"file://../opensandbox-server\"}]";

const CHART: &str = "# A comment\napiVersion: v2\nname: opensandbox\ndescription: >\n  All in\n  one\nversion: 1.2.3\n\
     appVersion: \"1.2.3\"\nkeywords:\n  - sandbox\ndependencies:\n  - name: opensandbox-server\n    version: \"0.1.0\"\n    \
     repository: \"file://../opensandbox-server\"\n";
const SERVER: &str = "apiVersion: v2\nname: opensandbox-server\nversion: 0.1.0\nappVersion: \"0.1.0\"\n";

/// Returns the lock that `helm dependency update` writes.
pub(crate) fn lock() -> String {
    let digest = sha256_hex(format!("[{DEPENDENCY},{DEPENDENCY}]").as_bytes());
    format!(
        "dependencies:\n- name: opensandbox-server\n  repository: file://../opensandbox-server\n  version: 0.1.0\n\
         digest: sha256:{digest}\ngenerated: \"2026-06-01T00:00:00Z\"\n"
    )
}

/// The files of the charts in the repository.
pub(crate) fn chart_files(lock: &str) -> Vec<(String, String)> {
    let path = |name: &str| format!("{FOLDER}/{name}");
    [
        ("opensandbox/Chart.yaml", CHART),
        ("opensandbox/Chart.lock", lock),
        ("opensandbox/values.yaml", "a: 1\n"),
        ("opensandbox/.helmignore", "*.bak\n/docs/\n"),
        ("opensandbox/docs/internal.md", "internal\n"),
        ("opensandbox/old.bak", "old\n"),
        ("opensandbox/templates/.hidden", "hidden\n"),
        ("opensandbox/templates/service.yaml", "kind: Service\n"),
        ("opensandbox-server/Chart.yaml", SERVER),
        ("opensandbox-server/values.yaml", "\u{feff}b: 2\n"),
        ("opensandbox-server/templates/pod.yaml", "kind: Pod\n"),
        ("other/Chart.yaml", "name: other\n"),
    ]
    .into_iter()
    .map(|(name, text)| (path(name), text.to_owned()))
    .collect()
}

/// Commits the charts, and lays out the package.
pub(crate) fn packaged_chart(workflow: &str, lock: &str) -> (PackageBed, PathBuf) {
    let mut files = chart_files(lock);
    files.push((format!(".github/workflows/{WORKFLOW}"), workflow.to_owned()));
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let bed = PackageBed::commit(&files, TAG);
    let chart = "apiVersion: v2\nappVersion: 1.2.3\ndependencies:\n- name: opensandbox-server\n  repository: \
                 file://../opensandbox-server\n  version: 0.1.0\ndescription: 'All in one '\nkeywords:\n- sandbox\nname: \
                 opensandbox\nversion: 1.2.3\n";
    let server = "apiVersion: v2\nappVersion: 0.1.0\nname: opensandbox-server\nversion: 0.1.0\n";
    let operations: Vec<(String, String)> = [
        ("opensandbox/Chart.yaml", chart),
        ("opensandbox/Chart.lock", lock),
        ("opensandbox/values.yaml", "a: 1\n"),
        ("opensandbox/templates/service.yaml", "kind: Service\n"),
        ("opensandbox/.helmignore", "*.bak\n/docs/\n"),
        ("opensandbox/charts/opensandbox-server/Chart.yaml", server),
        ("opensandbox/charts/opensandbox-server/values.yaml", "b: 2\n"),
        ("opensandbox/charts/opensandbox-server/templates/pod.yaml", "kind: Pod\n"),
    ]
    .into_iter()
    .map(|(path, text)| (path.to_owned(), text.to_owned()))
    .collect();
    let package = bed.built(FILE, &operations);
    (bed, package)
}

/// A chart in a release on the emulated GitHub.
pub(crate) struct HelmPackage {
    pub(crate) published: PublishedPackages,
    pub(crate) path: PathBuf,
    pub(crate) chart: Vec<u8>,
}

impl HelmPackage {
    /// Publishes the chart in a release, without attestations.
    pub(crate) fn publish(workflow: &str) -> Self {
        let (bed, path) = packaged_chart(workflow, &lock());
        let chart = std::fs::read(&path).unwrap();
        let package = Self { published: PublishedPackages::new(bed), path, chart };
        package.release(&[(FILE, &package.chart)]);
        package
    }

    /// Publishes a release with these assets. Deletes all earlier releases.
    pub(crate) fn release(&self, assets: &[(&str, &[u8])]) {
        let bed = &self.published.bed;
        for release in bed.github.releases() {
            bed.rest_request("DELETE", &format!("/releases/{}", release["id"]), None);
        }
        let body = json!({ "tag_name": TAG, "name": "Helm opensandbox 1.2.3", "draft": true });
        let id = bed.rest_request("POST", "/releases", Some(&body))["id"].as_u64().unwrap();
        for (name, bytes) in assets {
            bed.upload_asset(id, name, bytes);
        }
        bed.rest_request("PATCH", &format!("/releases/{id}"), Some(&json!({ "draft": false })));
    }

    /// Stores an attestation of a chart by the publish workflow on GitHub.
    pub(crate) fn attest(&mut self, chart: &[u8]) {
        let run = self.published.publish_run(WORKFLOW);
        self.published.attest(FILE, chart, &run);
    }
}

/// Writes the charts to a folder, for Helm's own library.
pub(crate) fn write_charts(folder: &Path, lock: &str) {
    for (path, text) in chart_files(lock) {
        let file = folder.join(path);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
    }
}

/// Returns the text of a provenance file, which is then signed.
pub(crate) fn provenance_text(digest: &str) -> String {
    format!("name: opensandbox\nversion: 1.2.3\n\n...\nfiles:\n  {FILE}: sha256:{digest}\n")
}
