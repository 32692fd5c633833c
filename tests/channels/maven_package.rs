//! A Gradle build with two modules, its artifacts as Gradle lays them out, and their publication with signatures of the real
//! gpg.

use std::path::{Path, PathBuf};

use emulators::MavenFile;
use serde_json::{Value, json};

use crate::channels::package_bed::PackageBed;
use crate::channels::published_packages::PublishedPackages;
use crate::support::published_release::run_filter;
use crate::support::repository::{CapturedOutput, hermetic_command, run};

pub(crate) const TAG: &str = "java/code-interpreter/v1.2.3";
pub(crate) const GROUP: &str = "com.alibaba.opensandbox";
pub(crate) const VERSION: &str = "1.2.3";
pub(crate) const LIBRARY: &str = "code-interpreter";
pub(crate) const PLATFORM: &str = "code-interpreter-bom";
pub(crate) const WORKFLOW: &str = "publish-java-sdks.yml";
const FOLDER: &str = "sdks/code-interpreter/kotlin";
const SOURCE: &str = "com/acme/code/Interpreter.kt";

const LIBRARIES: &str = r#"[versions]
kotlin = "2.2.21"
[libraries]
kotlin-stdlib = { module = "org.jetbrains.kotlin:kotlin-stdlib", version.ref = "kotlin" }
"#;

/// The artifacts of a version, before they are signed.
pub(crate) struct MavenArtifacts {
    pub(crate) bed: PackageBed,
    /// The files of the library and of the platform, each with its ending.
    pub(crate) library: Vec<(String, Vec<u8>)>,
    pub(crate) platform: Vec<(String, Vec<u8>)>,
}

/// Returns the POM that Gradle writes.
fn pom(artifact: &str, packaging: &str, dependencies: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<project xmlns=\"http://maven.apache.org/POM/4.0.0\">\n  \
         <!-- do_not_remove: published-with-gradle-metadata -->\n  <modelVersion>4.0.0</modelVersion>\n  \
         <groupId>{GROUP}</groupId>\n  <artifactId>{artifact}</artifactId>\n  <version>{VERSION}</version>\n  \
         {packaging}<name>{artifact}</name>\n  <url>https://github.com/acme/widgets</url>\n  {dependencies}\n</project>\n"
    )
}

fn dependency(group: &str, artifact: &str, version: &str) -> String {
    format!(
        "<dependency><groupId>{group}</groupId><artifactId>{artifact}</artifactId><version>{version}</version>\
         <scope>compile</scope></dependency>"
    )
}

/// Returns the module metadata that Gradle writes, with the digests of the files.
pub(crate) fn module(artifact: &str, files: &[(&str, &[u8])]) -> String {
    let listed = |(ending, bytes): &(&str, &[u8])| {
        let name = format!("{artifact}-{VERSION}{ending}");
        let digest = |program: &str| {
            let line = run_filter(program, &[], bytes);
            String::from_utf8(line).unwrap().split(' ').next().unwrap().to_owned()
        };
        json!({
            "name": name, "url": name, "size": bytes.len(),
            "sha512": digest("sha512sum"), "sha256": digest("sha256sum"),
            "sha1": digest("sha1sum"), "md5": digest("md5sum"),
        })
    };
    let files: Vec<Value> = files.iter().map(listed).collect();
    let dependencies = json!([{ "group": "org.jetbrains.kotlin", "module": "kotlin-stdlib", "version": { "requires": "2.2.21" } }]);
    let document = json!({
        "formatVersion": "1.1",
        "component": { "group": GROUP, "module": artifact, "version": VERSION },
        "createdBy": { "gradle": { "version": "9.2.1" } },
        "variants": [{ "name": "apiElements", "dependencies": dependencies, "files": files }],
    });
    serde_json::to_string_pretty(&document).unwrap()
}

impl MavenArtifacts {
    /// Commits the build and lays out its artifacts.
    pub(crate) fn build(workflow: &str) -> Self {
        let path = |name: &str| format!("{FOLDER}/{name}");
        let bed = PackageBed::commit(
            &[
                (&path("settings.gradle.kts"), "include(\":code-interpreter\", \":code-interpreter-bom\")\n"),
                (&path("gradle/libs.versions.toml"), LIBRARIES),
                (&path("LICENSE"), "license of the SDK\n"),
                (&path("code-interpreter/build.gradle.kts"), "dependencies { api(libs.kotlin.stdlib) }\n"),
                (&path(&format!("code-interpreter/src/main/kotlin/{SOURCE}")), "class Interpreter\n"),
                (&path("code-interpreter/src/main/resources/limits.properties"), "a=1\n"),
                (&path("code-interpreter/src/test/kotlin/com/acme/code/T.kt"), "class T\n"),
                (&path("code-interpreter-bom/build.gradle.kts"), "plugins { `java-platform` }\n"),
                (&format!(".github/workflows/{WORKFLOW}"), workflow),
            ],
            TAG,
        );
        let texts = |entries: &[(&str, &str)]| -> Vec<(String, String)> {
            entries.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect()
        };
        let common = [
            ("META-INF/MANIFEST.MF", "Manifest-Version: 1.0\r\n\r\n"),
            ("META-INF/LICENSE", "license of the SDK\n"),
        ];
        let jar = |ending: &str, entries: &[(&str, &str)]| {
            let path =
                bed.built(&format!("{LIBRARY}-{VERSION}{ending}"), &texts(&[&common[..], entries].concat()));
            std::fs::read(path).unwrap()
        };
        let classes = jar(
            ".jar",
            &[
                ("META-INF/code-interpreter.kotlin_module", "module"),
                ("com/acme/code/Interpreter.class", "class"),
                ("com/acme/code/Interpreter$Companion.class", "class"),
                ("limits.properties", "a=1\n"),
            ],
        );
        let sources = jar("-sources.jar", &[(SOURCE, "class Interpreter\n"), ("limits.properties", "a=1\n")]);
        let javadoc = jar("-javadoc.jar", &[("index.html", "<p>"), ("code-interpreter/package-list", "p")]);
        let module_file = module(LIBRARY, &[(".jar", &classes), ("-sources.jar", &sources)]);
        let stdlib = dependency("org.jetbrains.kotlin", "kotlin-stdlib", "2.2.21");
        let library = vec![
            (
                ".pom".to_owned(),
                pom(LIBRARY, "", &format!("<dependencies>{stdlib}</dependencies>")).into_bytes(),
            ),
            (".jar".to_owned(), classes),
            ("-sources.jar".to_owned(), sources),
            ("-javadoc.jar".to_owned(), javadoc),
            (".module".to_owned(), module_file.into_bytes()),
        ];
        let managed = format!("{}{stdlib}", dependency(GROUP, LIBRARY, VERSION));
        let managed =
            format!("<dependencyManagement><dependencies>{managed}</dependencies></dependencyManagement>");
        let platform = vec![
            (".pom".to_owned(), pom(PLATFORM, "<packaging>pom</packaging>", &managed).into_bytes()),
            (".module".to_owned(), module(PLATFORM, &[]).into_bytes()),
        ];
        Self { bed, library, platform }
    }
}

/// A gpg key in a home directory of its own.
pub(crate) struct GpgKey {
    home: tempfile::TempDir,
    pub(crate) fingerprint: String,
    pub(crate) public: Vec<u8>,
    /// The fingerprints of the primary key and of its subkeys.
    pub(crate) fingerprints: Vec<String>,
}

impl GpgKey {
    /// Creates an Ed25519 key.
    pub(crate) fn new() -> Self {
        Self::of_kind("ed25519")
    }

    /// Creates a key of a kind that `gpg --quick-gen-key` names. It is older than the signatures of the tests.
    pub(crate) fn of_kind(kind: &str) -> Self {
        let home = tempfile::Builder::new()
            .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700))
            .tempdir();
        let mut key = Self {
            home: home.unwrap(),
            fingerprint: String::new(),
            public: Vec::new(),
            fingerprints: Vec::new(),
        };
        key.gpg(&[
            "--faked-system-time",
            "20250101T000000!",
            "--quick-gen-key",
            "Release <release@example.com>",
            kind,
            "sign",
            "never",
        ]);
        key.read_public();
        key
    }

    /// Reads the public key again, after a change.
    pub(crate) fn read_public(&mut self) {
        let listed = self.gpg(&["--with-colons", "--with-subkey-fingerprint", "--list-keys"]);
        let fingerprints = listed.lines().filter_map(|it| it.strip_prefix("fpr:"));
        self.fingerprints = fingerprints.map(|it| it.trim_matches(':').to_owned()).collect();
        self.fingerprint = self.fingerprints[0].clone();
        self.public = self.gpg(&["--armor", "--export"]).into_bytes();
    }

    fn command(&self, arguments: &[&str]) -> CapturedOutput {
        let mut command = hermetic_command("gpg", self.home.path());
        command.env("GNUPGHOME", self.home.path());
        let quiet =
            ["--batch", "--yes", "--quiet", "--no-tty", "--pinentry-mode", "loopback", "--passphrase", ""];
        run(command.args(quiet).args(arguments))
    }

    /// Runs gpg with this key, and returns its output.
    pub(crate) fn gpg(&self, arguments: &[&str]) -> String {
        self.command(arguments).ok().stdout
    }

    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    /// Returns the armored, detached signature of bytes. `options` are further options of gpg.
    pub(crate) fn sign(&self, bytes: &[u8], options: &[&str]) -> Vec<u8> {
        self.try_sign(bytes, options).expect("gpg signs")
    }

    /// As [`Self::sign`]. `None` if gpg refuses to sign.
    pub(crate) fn try_sign(&self, bytes: &[u8], options: &[&str]) -> Option<Vec<u8>> {
        let (file, signature) = (self.home.path().join("signed.bin"), self.home.path().join("signed.asc"));
        std::fs::write(&file, bytes).unwrap();
        let (file, path) = (file.to_str().unwrap(), signature.to_str().unwrap());
        let output = self.command(&[options, &["--armor", "--output", path, "--detach-sign", file]].concat());
        (output.code == 0).then(|| std::fs::read(signature).unwrap())
    }
}

impl Drop for GpgKey {
    fn drop(&mut self) {
        let mut command = hermetic_command("gpgconf", self.home.path());
        run(command.env("GNUPGHOME", self.home.path()).args(["--kill", "all"]));
    }
}

/// Published artifacts.
pub(crate) struct MavenPackage {
    pub(crate) published: PublishedPackages,
    pub(crate) key: GpgKey,
    pub(crate) library: Vec<(String, Vec<u8>)>,
    pub(crate) platform: Vec<(String, Vec<u8>)>,
}

impl MavenPackage {
    /// Publishes the artifacts, signed by a new key that the release configuration pins.
    pub(crate) fn publish(workflow: &str) -> Self {
        let MavenArtifacts { bed, library, platform } = MavenArtifacts::build(workflow);
        let published = PublishedPackages::new(bed);
        let key = GpgKey::new();
        published.registries.upload_key(&key.fingerprints, &key.public);
        let package = Self { published, key, library, platform };
        package.republish();
        package.pin(&[&package.key.fingerprint]);
        package
    }

    /// Pins these fingerprints in the release configuration.
    pub(crate) fn pin(&self, fingerprints: &[&str]) {
        let table = self.published.registries.configuration().unwrap();
        self.published.configure(&format!("{table}openpgp_keys = {fingerprints:?}\n"));
    }

    /// Publishes all files again, each with a signature by the key.
    pub(crate) fn republish(&self) {
        for (artifact, files) in [(LIBRARY, &self.library), (PLATFORM, &self.platform)] {
            let signed = files.iter().map(|(ending, bytes)| MavenFile {
                ending: ending.clone(),
                bytes: bytes.clone(),
                signature: Some(self.key.sign(bytes, &[])),
            });
            self.published.registries.publish_maven(GROUP, artifact, VERSION, &signed.collect::<Vec<_>>());
        }
    }

    /// Returns the path of a file of the library on the registry.
    pub(crate) fn path(ending: &str) -> String {
        format!("/maven/com/alibaba/opensandbox/{LIBRARY}/{VERSION}/{LIBRARY}-{VERSION}{ending}")
    }

    /// Replaces the signature of a file of the library.
    pub(crate) fn set_signature(&self, ending: &str, signature: Vec<u8>) {
        self.published.registries.set_document(
            &Self::path(&format!("{ending}.asc")),
            "text/plain",
            signature,
        );
    }

    /// Returns the content of a file of the library.
    pub(crate) fn content(&self, ending: &str) -> &[u8] {
        &self.library.iter().find(|it| it.0 == ending).unwrap().1
    }
}

/// Returns the path of a file of the library that was built.
pub(crate) fn built_file(bed: &PackageBed, ending: &str) -> PathBuf {
    bed.folder.path().join(format!("{LIBRARY}-{VERSION}{ending}"))
}
