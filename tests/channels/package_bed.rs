//! Repositories with a package, and the package that its real build tool makes of them.

use std::path::{Path, PathBuf};

use emulators::GoModuleHashes;

use crate::support::external_tools::fetched_tool;
use crate::support::repository::{CapturedOutput, TestRepository, hermetic_command, print_note, run, xtask};

/// A repository with one tagged package, and the package's files.
pub(crate) struct PackageBed {
    pub(crate) repository: TestRepository,
    pub(crate) tag: &'static str,
    /// The packages, in the order in which they were built.
    pub(crate) packages: Vec<PathBuf>,
    /// The folder of packages. It is deleted with the bed.
    pub(crate) folder: tempfile::TempDir,
}

/// The verdict of a comparison, and `reason: evidence` of each finding that is not proven.
pub(crate) type ComparisonVerdict = (String, Vec<String>);

impl PackageBed {
    /// Commits the files and tags them.
    pub(crate) fn commit(files: &[(&str, &str)], tag: &'static str) -> Self {
        let mut repository = TestRepository::new();
        repository.commit("feat: start", files);
        repository.git(["tag", tag]);
        Self { repository, tag, packages: Vec::new(), folder: tempfile::tempdir().unwrap() }
    }

    /// Builds a wheel and a source distribution of a folder with hatchling. Returns false if hatchling is missing.
    pub(crate) fn build_with_hatchling(&mut self, folder: &str, test: &str) -> bool {
        let Some(tool) = fetched_tool("hatchling-1.29.0/hatchling/__init__.py", test) else { return false };
        let libraries = tool.parent().unwrap().parent().unwrap().to_owned();
        let mut command = hermetic_command("python3", self.folder.path());
        command.current_dir(self.repository.path().join(folder)).env("PYTHONPATH", libraries);
        run(command.args(["-m", "hatchling", "build", "-d"]).arg(self.folder.path())).ok();
        self.packages = files_of(self.folder.path());
        assert_eq!(self.packages.len(), 2, "{:?}", self.packages);
        true
    }

    /// Packs a folder with `npm pack`.
    pub(crate) fn build_with_npm(&mut self, folder: &str) {
        let mut command = hermetic_command("npm", self.folder.path());
        command.current_dir(self.repository.path().join(folder)).args([
            "pack",
            "--silent",
            "--offline",
            "--ignore-scripts",
        ]);
        run(command.arg("--pack-destination").arg(self.folder.path())).ok();
        self.packages = files_of(self.folder.path()).into_iter().filter(|it| it.is_file()).collect();
        self.packages.retain(|it| it.extension().is_some_and(|it| it == "tgz"));
        assert_eq!(self.packages.len(), 1, "{:?}", self.packages);
    }

    /// Downloads a module with the real `go` from the repository, under its public name. Returns the hashes that `go`
    /// computed, or `None` if `go` is missing.
    pub(crate) fn build_with_go(
        &mut self,
        module: &str,
        host: &str,
        version: &str,
        test: &str,
    ) -> Option<GoModuleHashes> {
        let go = fetched_tool("go-1.27.3/go/bin/go", test)?;
        let mut command = hermetic_command(go, self.folder.path());
        command
            .current_dir(self.folder.path())
            .env("GOPATH", self.folder.path().join("go"))
            .env("GOCACHE", self.folder.path().join("cache"))
            .env("GOPROXY", "direct")
            .env("GONOSUMDB", "*")
            .env("GOFLAGS", "-modcacherw")
            .env("GOTOOLCHAIN", "local")
            .env("GIT_CONFIG_COUNT", "2")
            .env("GIT_CONFIG_KEY_0", format!("url.{}.insteadOf", self.repository.path().display()))
            .env("GIT_CONFIG_VALUE_0", host)
            .env("GIT_CONFIG_KEY_1", "safe.directory")
            .env("GIT_CONFIG_VALUE_1", "*");
        let answer =
            run(command.args(["mod", "download", "-json", &format!("{module}@{version}")])).ok().json();
        let zip = PathBuf::from(answer["Zip"].as_str().unwrap());
        self.packages = vec![zip];
        let hash = |key: &str| answer[key].as_str().unwrap().to_owned();
        Some(GoModuleHashes {
            module: module.to_owned(),
            version: version.to_owned(),
            module_hash: hash("Sum"),
            manifest_hash: hash("GoModSum"),
        })
    }

    /// Compares a package with the tag, without network and in JSON.
    #[track_caller]
    pub(crate) fn compare(&self, package: &Path) -> ComparisonVerdict {
        let (document, verdict) = self.compare_output(package).verdict();
        let findings = document["findings"].as_array().unwrap().iter();
        let unproven = findings
            .filter(|it| it["verdict"] != "proven")
            .map(|it| format!("{}: {}", it["reason"].as_str().unwrap(), it["evidence"].as_str().unwrap()));
        (verdict, unproven.collect())
    }

    #[track_caller]
    pub(crate) fn compare_output(&self, package: &Path) -> CapturedOutput {
        let mut command = xtask(self.repository.path());
        run(command.arg("compare").arg(package).arg(self.tag).args(["--format", "json"]))
    }

    /// Returns a package edited by `edit_package.py`, in another folder.
    pub(crate) fn edited(&self, package: &Path, operations: &[&str]) -> PathBuf {
        let name = package.file_name().unwrap().to_str().unwrap();
        let folder = self.folder.path().join("edited");
        std::fs::create_dir_all(&folder).unwrap();
        let target = folder.join(name);
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/channels/edit_package.py");
        let mut command = hermetic_command("python3", self.folder.path());
        run(command.arg(script).arg(package).arg(&target).args(operations)).ok();
        target
    }

    /// Returns a package with this name and these files, as a build tool lays them out.
    pub(crate) fn built(&self, name: &str, files: &[(String, String)]) -> PathBuf {
        let target = self.folder.path().join(name);
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/channels/edit_package.py");
        let mut command = hermetic_command("python3", self.folder.path());
        command.arg(script).arg("-").arg(&target);
        for (path, text) in files {
            command.args(["set", path, text]);
        }
        run(&mut command).ok();
        target
    }

    /// Compares a package edited in each way of a table, whose rows are `number | description | operations | finding`:
    /// the number of the attack in `docs/attacks.md`, operations of `edit_package.py` separated by ` && `, with `\n` and
    /// `\r` for line ends, and a text that a finding must contain. Each must be refuted, and the package without an edit
    /// must be proven. Prints the table.
    pub(crate) fn check_edits(&self, package: &Path, rows: &str) {
        assert_eq!(self.compare(package), ("proven".to_owned(), Vec::new()), "the twin is not proven");
        let unchanged = self.compare(&self.edited(package, &[]));
        assert_eq!(unchanged, ("proven".to_owned(), Vec::new()), "the rewritten twin is not proven");
        let mut table = vec!["case  attack                                    finding".to_owned()];
        let mut wrong = Vec::new();
        for row in rows.trim().lines() {
            let columns: Vec<&str> = row.split('|').map(str::trim).collect();
            let [number, description, operations, finding] = columns[..] else {
                panic!("four columns: {row}")
            };
            let operations: Vec<String> = operations.split(" && ").flat_map(operation_words).collect();
            let operations: Vec<&str> = operations.iter().map(String::as_str).collect();
            let (verdict, findings) = self.compare(&self.edited(package, &operations));
            table.push(format!("{number:>4}  {description:<40}  {}", findings.join(" | ")));
            if verdict != "refuted" || !findings.iter().any(|it| it.contains(finding)) {
                wrong.push(format!("{description}: {verdict}, {findings:?}, expected '{finding}'"));
            }
        }
        print_note(&table.join("\n"));
        assert!(wrong.is_empty(), "{wrong:#?}");
    }
}

/// Returns the name, the path and the value of an operation.
fn operation_words(operation: &str) -> Vec<String> {
    operation.splitn(3, ' ').map(|it| it.replace("\\n", "\n").replace("\\r", "\r")).collect()
}

fn files_of(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|it| it.unwrap().path()).collect();
    files.retain(|it| it.is_file());
    files.sort();
    files
}
