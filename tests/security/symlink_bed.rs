//! Commands that write files, traced, with a symbolic link in each place that they write to.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use emulators::Tuf;

use crate::support::repository::{CapturedOutput, directory_snapshot, hermetic_command, run};
use crate::support::test_bed::{TAG, TestBed};

/// Content of the file that the attacker wants to have overwritten.
pub(super) const VICTIM_TEXT: &str = "# the operator's own file\n";

/// A command that writes files. `SymlinkTestBed::prepare` sets up its preconditions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum WritingCommand {
    Archive,
    Release,
    Publish,
    Audit,
    ConfigInit,
    ExportTrustedRoot,
}

pub(super) const WRITING_COMMANDS: [WritingCommand; 6] = [
    WritingCommand::Archive,
    WritingCommand::Release,
    WritingCommand::Publish,
    WritingCommand::Audit,
    WritingCommand::ConfigInit,
    WritingCommand::ExportTrustedRoot,
];

/// A test bed for all of these commands, with a file and a folder of the operator that must not change.
pub(super) struct SymlinkTestBed {
    pub(super) bed: TestBed,
    pub(super) tuf_flags: [String; 4],
    /// Path to which trusted roots are exported.
    pub(super) export_path: String,
}

impl SymlinkTestBed {
    pub(super) fn new() -> Self {
        let bed = TestBed::new();
        std::fs::create_dir(bed.home.path().join("own")).unwrap();
        std::fs::write(bed.home.path().join("own/file"), VICTIM_TEXT).unwrap();
        let tuf = Tuf::new().unwrap();
        let root = emulators::Sigstore::new(1_700_002_000).unwrap().trusted_root().unwrap().to_string();
        let bootstrap = bed.home.path().join("tuf-root.json");
        let mut address = String::new();
        for (path, bytes) in tuf.files(1, &root, "2099-01-01T00:00:00Z") {
            if path == "1.root.json" {
                std::fs::write(&bootstrap, &bytes).unwrap();
            }
            address = bed.github.host_file(&format!("tuf/{path}"), bytes);
        }
        let address = address.split("/targets/").next().unwrap().to_owned();
        let flags = ["--tuf-url", &address, "--tuf-root", &bootstrap.display().to_string()];
        let exported = bed.home.path().join("exported/root.json").display().to_string();
        Self { tuf_flags: flags.map(str::to_owned), export_path: exported, bed }
    }

    pub(super) fn arguments(&self, writer: WritingCommand) -> Vec<&str> {
        let tuf: Vec<&str> = self.tuf_flags.iter().map(String::as_str).collect();
        match writer {
            WritingCommand::Archive => vec!["archive", TAG],
            WritingCommand::Release => vec!["release", TAG],
            WritingCommand::Publish => vec!["release", TAG, "--push"],
            WritingCommand::Audit => [&["audit", TAG, "--channel", "source"][..], &tuf].concat(),
            WritingCommand::ConfigInit => vec!["config", "init", "--signer"],
            WritingCommand::ExportTrustedRoot => {
                [&["trusted-root", "export", &self.export_path][..], &tuf].concat()
            }
        }
    }

    /// Sets up the preconditions of a command.
    pub(super) fn prepare(&self, writer: WritingCommand) {
        if writer == WritingCommand::ConfigInit {
            let key = self.bed.home.path().join("own-key");
            let mut keygen = hermetic_command("ssh-keygen", self.bed.home.path());
            run(keygen.args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&key)).ok();
            self.bed.clone.git(["config", "gpg.format", "ssh"]);
            self.bed.clone.git(["config", "user.signingKey", key.to_str().unwrap()]);
        }
        if writer == WritingCommand::Audit {
            self.bed.run(&["release", TAG, "--push"]).ok();
            self.attest();
            std::fs::remove_dir_all(self.bed.clone.path().join("dist")).unwrap();
            std::fs::remove_dir_all(self.bed.home.path().join(".cache")).unwrap();
        }
    }

    /// Adds an attestation of any kind to each asset. Trusted roots are fetched only if there is an attestation to
    /// verify.
    pub(super) fn attest(&self) {
        let release = self.bed.only_release();
        for asset in release["assets"].as_array().unwrap() {
            let hex = asset["digest"].as_str().unwrap().trim_start_matches("sha256:").to_owned();
            let name = asset["name"].as_str().unwrap();
            let statement = crate::support::attested_file::release_workflow_run().provenance(&[(name, &hex)]);
            let mut sigstore = emulators::Sigstore::new(1_700_002_000).unwrap();
            let bundle = sigstore
                .attest(&crate::support::attested_file::release_workflow_run().claims(), &statement)
                .unwrap();
            self.bed.github.add_attestation(&bundle.to_string(), false).unwrap();
        }
    }

    pub(super) fn victim_files(&self) -> Vec<(PathBuf, String)> {
        directory_snapshot(&self.bed.home.path().join("own"))
    }

    /// Returns a path with placeholders for what differs between test beds: temporary folders and ports. `None` for a
    /// path outside of both folders.
    pub(super) fn to_placeholders(&self, path: &Path) -> Option<String> {
        let text = path.to_str()?;
        let clone = self.bed.clone.path().to_str()?;
        let home = self.bed.home.path().to_str()?;
        let digest = tuf_cache_name(&self.tuf_flags[1]);
        let below = |folder: &str, name: &str| {
            text.strip_prefix(folder).map(|rest| format!("{name}{}", rest.replace(&digest, "<tuf>")))
        };
        below(clone, "<clone>").or_else(|| below(home, "<home>"))
    }

    pub(super) fn resolve_placeholders(&self, path: &str) -> PathBuf {
        let clone = self.bed.clone.path().display().to_string();
        let home = self.bed.home.path().display().to_string();
        let digest = tuf_cache_name(&self.tuf_flags[1]);
        path.replace("<clone>", &clone).replace("<home>", &home).replace("<tuf>", &digest).into()
    }
}

/// Returns the name of the cache folder of a TUF repository: the SHA-256 of its URL.
pub(super) fn tuf_cache_name(address: &str) -> String {
    crate::support::published_release::sha256_hex(address.as_bytes())
}

/// Returns the paths that a command opened for writing, created or renamed, according to strace.
pub(super) fn traced_writes(bed: &SymlinkTestBed, writer: WritingCommand) -> BTreeSet<PathBuf> {
    let log = bed.bed.home.path().join("trace");
    let command = bed.bed.command(&bed.arguments(writer));
    let mut strace = hermetic_command("strace", bed.bed.home.path());
    strace.args([
        "-f",
        "-y",
        "-s",
        "4096",
        "-e",
        "trace=open,openat,creat,mkdir,mkdirat,rename,renameat,renameat2",
    ]);
    strace.arg("-o").arg(&log).arg(command.get_program()).args(command.get_args());
    strace.current_dir(bed.bed.clone.path());
    for (name, value) in command.get_envs() {
        strace.env(name, value.unwrap());
    }
    let output = run(&mut strace);
    assert!([0, 10, 11].contains(&output.code), "{writer:?}: {}\n{}", output.stdout, output.stderr);
    let text = std::fs::read_to_string(log).unwrap();
    // A path that already existed was not created.
    join_unfinished_calls(&text)
        .iter()
        .filter(|it| !it.contains(" EEXIST "))
        .flat_map(|it| written_paths(it))
        .collect()
}

/// Returns the calls of a trace, each on one line: strace splits a call if another thread interrupts it.
pub(super) fn join_unfinished_calls(trace: &str) -> Vec<String> {
    let mut begun: BTreeMap<&str, &str> = BTreeMap::new();
    let mut calls = Vec::new();
    for line in trace.lines() {
        let (thread, call) = line.split_once(' ').unwrap_or(("", line));
        if let Some(head) = call.strip_suffix(" <unfinished ...>") {
            begun.insert(thread, head);
        } else if let Some((_, tail)) = call.split_once(" resumed>") {
            calls.push(format!("{thread} {}{tail}", begun.remove(thread).unwrap_or_default()));
        } else {
            calls.push(line.to_owned());
        }
    }
    calls.extend(begun.into_iter().map(|(thread, head)| format!("{thread} {head}")));
    calls
}

/// Returns the paths that a line of the trace writes to.
pub(super) fn written_paths(line: &str) -> Vec<PathBuf> {
    let Some((name, arguments)) = line.split_once('(') else { return Vec::new() };
    let call = name.rsplit(' ').next().unwrap_or_default();
    let writes = ["O_WRONLY", "O_RDWR", "O_CREAT"].iter().any(|it| arguments.contains(it));
    if call.starts_with("open") && !writes {
        return Vec::new();
    }
    let mut found = Vec::new();
    let mut rest = arguments;
    while let Some(quote_index) = rest.find('"') {
        // With -y, strace prints the path of a file descriptor behind it, in angle brackets.
        let base =
            rest[..quote_index].rsplit_once('<').and_then(|(_, it)| it.split_once('>')).map_or("", |it| it.0);
        let Some(end) = rest[quote_index + 1..].find('"') else { break };
        let name = &rest[quote_index + 1..quote_index + 1 + end];
        found.push(Path::new(base).join(name));
        rest = &rest[quote_index + end + 2..];
    }
    found
}

/// A path in place of which a link is planted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct PlantedLink {
    pub(super) writer: WritingCommand,
    pub(super) path: String,
    pub(super) is_folder: bool,
}

/// Returns every path below the output and cache folders that the command writes, and all other paths that it writes.
pub(super) fn links_to_plant(writer: WritingCommand) -> (Vec<PlantedLink>, Vec<PathBuf>) {
    let bed = SymlinkTestBed::new();
    bed.prepare(writer);
    let (mut inside, mut elsewhere) = (Vec::new(), Vec::new());
    for path in traced_writes(&bed, writer) {
        let ours = bed.to_placeholders(&path).filter(|it| {
            it.starts_with("<clone>/") && !it.starts_with("<clone>/.git/")
                || ["<home>/.cache/opensandbox-release", "<home>/exported/"]
                    .iter()
                    .any(|prefix| it.starts_with(prefix))
        });
        match ours {
            Some(general) => {
                inside.push(PlantedLink { writer, path: general, is_folder: path.is_dir() });
            }
            None => elsewhere.push(path),
        }
    }
    (inside, elsewhere)
}

/// Plants a link, runs the command, and asserts that the operator's file and folder did not change.
pub(super) fn run_with_planted_link(link: &PlantedLink) -> CapturedOutput {
    let bed = SymlinkTestBed::new();
    bed.prepare(link.writer);
    let path = bed.resolve_placeholders(&link.path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let victim_dir = bed.bed.home.path().join("own");
    symlink(if link.is_folder { victim_dir } else { victim_dir.join("file") }, &path).unwrap();
    let before = bed.victim_files();
    let output = bed.bed.run(&bed.arguments(link.writer));
    assert_eq!(bed.victim_files(), before, "{link:?} was followed");
    assert!(std::fs::symlink_metadata(&path).unwrap().is_symlink(), "{link:?} was replaced");
    let name = path.file_name().unwrap().to_str().unwrap();
    // The cache is optional: what cannot be cached is fetched again.
    let is_cache = link.path.contains("/.cache/") && !link.path.contains("/locks");
    if !is_cache {
        let text = format!("{}{}", output.stdout, output.stderr);
        assert!([1, 2].contains(&output.code), "{link:?}: {} {text}", output.code);
        assert!(text.contains(name) && text.contains("is a symbolic link"), "{link:?}: {text}");
    }
    output
}
