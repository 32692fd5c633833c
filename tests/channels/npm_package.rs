//! A published npm package, and npm's own verification of it with `pacote`.

use std::path::{Path, PathBuf};

use emulators::{ActionsRun, NpmVersion, Tuf};
use serde_json::{Value, json};

use crate::channels::package_bed::PackageBed;
use crate::channels::published_packages::{PublishedPackages, edited_json};
use crate::support::repository::{hermetic_command, run};

pub(crate) const TAG: &str = "js/sandbox/v1.2.3";
pub(crate) const NAME: &str = "@alibaba-group/opensandbox";
pub(crate) const VERSION: &str = "1.2.3";
pub(crate) const FOLDER: &str = "sdks/sandbox/javascript";
pub(crate) const WORKFLOW: &str = "publish-js-sdks.yml";
pub(crate) const TARBALL: &str = "opensandbox-1.2.3.tgz";
pub(crate) const PACKUMENT: &str = "/npm/@alibaba-group/opensandbox";
pub(crate) const PURL: &str = "pkg:npm/%40alibaba-group/opensandbox@1.2.3";
pub(crate) const PUBLISHED_AT: &str = "2026-06-01T00:00:00.000Z";
pub(crate) const MANIFEST: &str = r#"{
  "name": "@alibaba-group/opensandbox",
  "version": "1.2.3",
  "license": "Apache-2.0",
  "bin": { "sandbox": "src/cli.js" },
  "exports": { ".": "./src/index.js" },
  "engines": { "node": ">=20" },
  "files": ["src"],
  "dependencies": { "undici": "^7.25.0" },
  "scripts": { "build": "tsup" }
}
"#;

/// A published npm package.
pub(crate) struct NpmPackage {
    pub(crate) published: PublishedPackages,
    /// The tarball that npm packed.
    pub(crate) path: PathBuf,
    pub(crate) tarball: Vec<u8>,
}

impl NpmPackage {
    /// Packs and publishes a package whose publish workflow is `workflow`, without attestations.
    pub(crate) fn publish(workflow: &str) -> Self {
        let path = |name: &str| format!("{FOLDER}/{name}");
        let mut packages = PackageBed::commit(
            &[
                (&path("package.json"), MANIFEST),
                (&path("README.md"), "# SDK\n"),
                (&path("LICENSE"), "license\n"),
                (&path("src/index.js"), "export const a = 1;\n"),
                (&path("src/cli.js"), "#!/usr/bin/env node\n"),
                (&format!(".github/workflows/{WORKFLOW}"), workflow),
            ],
            TAG,
        );
        packages.build_with_npm(FOLDER);
        let path = packages.packages[0].clone();
        let tarball = std::fs::read(&path).unwrap();
        let package = Self { published: PublishedPackages::new(packages), path, tarball };
        package.replace(&package.tarball, Vec::new());
        package
    }

    /// Publishes the version with this tarball and these stored attestations.
    pub(crate) fn replace(&self, tarball: &[u8], bundles: Vec<Value>) {
        let version = NpmVersion {
            name: NAME,
            version: VERSION,
            manifest: serde_json::from_str(MANIFEST).unwrap(),
            tarball,
            published_at: PUBLISHED_AT,
            bundles,
        };
        self.published.registries.publish_npm(&version).unwrap();
    }

    /// Stores an attestation of a tarball by the publish workflow on GitHub.
    pub(crate) fn attest(&mut self, tarball: &[u8]) {
        let run = self.published.publish_run(WORKFLOW);
        self.published.attest(TARBALL, tarball, &run);
    }

    /// Returns npm's provenance of a tarball: a bundle with its package URL and its SHA-512.
    pub(crate) fn provenance(&mut self, purl: &str, tarball: &[u8], run: &ActionsRun) -> Value {
        let mut hasher = model::base::id::Sha512Hasher::default();
        hasher.update(tarball);
        let mut statement = run.provenance(&[]);
        let sha512 = model::base::id::encode_hex(&hasher.finish());
        statement["subject"] = json!([{ "name": purl, "digest": { "sha512": sha512 } }]);
        self.published.sigstore.attest(&run.claims(), &statement).unwrap()
    }

    /// Edits the packument.
    pub(crate) fn edit_packument(&self, edit: impl FnOnce(&mut Value)) {
        let registries = &self.published.registries;
        let packument = edited_json(&registries.document(PACKUMENT).unwrap(), edit);
        registries.set_document(PACKUMENT, "application/json", packument);
    }

    /// Edits the manifest of the version in the packument.
    pub(crate) fn edit_manifest(&self, edit: impl FnOnce(&mut Value)) {
        self.edit_packument(|it| edit(&mut it["versions"][VERSION]));
    }

    /// Returns what npm's own code says about the package: `ok`, or the code and message of its error. Attestations are
    /// verified with the trusted root of the emulated Sigstore instance, which lies in npm's cache.
    pub(crate) fn verify_with_pacote(&self, attestations: bool) -> String {
        let home = tempfile::tempdir().unwrap();
        let keys = home.path().join("keys.json");
        let listed = self.published.registries.document("/npm/-/npm/v1/keys").unwrap();
        std::fs::write(&keys, listed).unwrap();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/channels/verify_with_pacote.cjs");
        let mut npm = hermetic_command("npm", home.path());
        let modules = run(npm.args(["root", "--global"])).ok().stdout.trim().to_owned();
        let mut command = hermetic_command("node", home.path());
        command.env("NODE_PATH", format!("{modules}/npm/node_modules"));
        command.arg(script).arg(self.published.registries.npm_registry());
        command.arg(format!("{NAME}@{VERSION}")).arg(keys);
        if attestations {
            let cache = home.path().join("tuf");
            self.write_tuf_cache(&cache.join("tuf-repo-cdn.sigstore.dev"));
            command.arg(cache);
        }
        run(&mut command).ok().stdout.trim().to_owned()
    }

    /// Asserts what the suite and npm's own code, which prints `code`, say about the package. Returns a row for a table.
    #[track_caller]
    pub(crate) fn compare_with_pacote(
        &self,
        attack: &str,
        verdict: &str,
        reason: &str,
        code: &str,
    ) -> String {
        let pacote = self.verify_with_pacote(false);
        assert!(pacote.starts_with(code), "{attack}: pacote says {pacote}");
        let reasons = if reason.is_empty() { &[][..] } else { &[reason][..] };
        format!("{} (pacote: {code})", self.published.expect("npm", attack, verdict, reasons))
    }

    /// Writes the trusted root as a TUF client keeps it.
    pub(crate) fn write_tuf_cache(&self, folder: &Path) {
        std::fs::create_dir_all(folder.join("targets")).unwrap();
        let root = self.published.sigstore.trusted_root().unwrap().to_string();
        for (name, bytes) in Tuf::new().unwrap().files(1, &root, "2099-01-01T00:00:00Z") {
            let path = match name.strip_prefix("targets/") {
                Some(_) => "targets/trusted_root.json",
                None => name.trim_start_matches("1."),
            };
            std::fs::write(folder.join(path), bytes).unwrap();
        }
    }
}
