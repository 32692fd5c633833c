//! Case 92: links in place of every file and folder that a command writes.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use emulators::Tuf;

use super::record;
use crate::cli::offline::may_trace;
use crate::support::repository::{Ran, everything, hermetic, run, say};
use crate::support::test_bed::{TAG, World};

/// What the attacker wants to have overwritten.
const VICTIM: &str = "# the operator's own file\n";

/// A command that writes something, and what must have happened before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Writer {
    Archive,
    Release,
    Publish,
    Audit,
    Configure,
    Export,
}

const WRITERS: [Writer; 6] =
    [Writer::Archive, Writer::Release, Writer::Publish, Writer::Audit, Writer::Configure, Writer::Export];

/// A world with everything that the commands need, and a file and a folder that are the operator's own.
struct Scene {
    world: World,
    tuf: [String; 4],
    /// Where trusted roots are exported to.
    exported: String,
}

impl Scene {
    fn new() -> Self {
        let world = World::new();
        std::fs::create_dir(world.home.path().join("own")).unwrap();
        std::fs::write(world.home.path().join("own/file"), VICTIM).unwrap();
        let tuf = Tuf::new().unwrap();
        let root = emulators::Sigstore::new(1_700_002_000).unwrap().trusted_root().unwrap().to_string();
        let bootstrap = world.home.path().join("tuf-root.json");
        let mut address = String::new();
        for (path, bytes) in tuf.files(1, &root, "2099-01-01T00:00:00Z") {
            if path == "1.root.json" {
                std::fs::write(&bootstrap, &bytes).unwrap();
            }
            address = world.github.host_file(&format!("tuf/{path}"), bytes);
        }
        let address = address.split("/targets/").next().unwrap().to_owned();
        let flags = ["--tuf-url", &address, "--tuf-root", &bootstrap.display().to_string()];
        let exported = world.home.path().join("exported/root.json").display().to_string();
        Self { tuf: flags.map(str::to_owned), exported, world }
    }

    fn arguments(&self, writer: Writer) -> Vec<&str> {
        let tuf: Vec<&str> = self.tuf.iter().map(String::as_str).collect();
        match writer {
            Writer::Archive => vec!["archive", TAG],
            Writer::Release => vec!["release", TAG],
            Writer::Publish => vec!["release", TAG, "--push"],
            Writer::Audit => [&["audit", TAG][..], &tuf].concat(),
            Writer::Configure => vec!["config", "init", "--signer"],
            Writer::Export => [&["trusted-root", "export", &self.exported][..], &tuf].concat(),
        }
    }

    /// Does what must have happened before the command.
    fn prepare(&self, writer: Writer) {
        if writer == Writer::Configure {
            let key = self.world.home.path().join("own-key");
            let mut keygen = hermetic("ssh-keygen", self.world.home.path());
            run(keygen.args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&key)).ok();
            self.world.clone.git(["config", "gpg.format", "ssh"]);
            self.world.clone.git(["config", "user.signingKey", key.to_str().unwrap()]);
        }
        if writer == Writer::Audit {
            self.world.run(&["release", TAG, "--push"]).ok();
            self.attest();
            std::fs::remove_dir_all(self.world.clone.path().join("dist")).unwrap();
            std::fs::remove_dir_all(self.world.home.path().join(".cache")).unwrap();
        }
    }

    /// An attestation of any kind: trusted roots are fetched only if there is one to look at.
    fn attest(&self) {
        let release = self.world.release();
        for asset in release["assets"].as_array().unwrap() {
            let hex = asset["digest"].as_str().unwrap().trim_start_matches("sha256:").to_owned();
            let name = asset["name"].as_str().unwrap();
            let statement = crate::support::attested_file::release_run().provenance(&[(name, &hex)]);
            let mut sigstore = emulators::Sigstore::new(1_700_002_000).unwrap();
            let bundle =
                sigstore.attest(&crate::support::attested_file::release_run().claims(), &statement).unwrap();
            self.world.github.add_attestation(&bundle.to_string(), false).unwrap();
        }
    }

    fn own(&self) -> Vec<(PathBuf, String)> {
        everything(&self.world.home.path().join("own"))
    }

    /// A path without what differs from scene to scene: temporary folders, ports.
    fn general(&self, path: &Path) -> Option<String> {
        let text = path.to_str()?;
        let clone = self.world.clone.path().to_str()?;
        let home = self.world.home.path().to_str()?;
        let digest = model_digest(&self.tuf[1]);
        let below = |folder: &str, name: &str| {
            text.strip_prefix(folder).map(|rest| format!("{name}{}", rest.replace(&digest, "<tuf>")))
        };
        below(clone, "<clone>").or_else(|| below(home, "<home>"))
    }

    fn specific(&self, path: &str) -> PathBuf {
        let clone = self.world.clone.path().display().to_string();
        let home = self.world.home.path().display().to_string();
        let digest = model_digest(&self.tuf[1]);
        path.replace("<clone>", &clone).replace("<home>", &home).replace("<tuf>", &digest).into()
    }
}

/// The name of the cache folder of a TUF repository, as `sha256sum` has it.
fn model_digest(address: &str) -> String {
    crate::support::published_release::sha256(address.as_bytes())
}

/// The paths that a run opened for writing, created or renamed, as strace tells them.
fn written(scene: &Scene, writer: Writer) -> BTreeSet<PathBuf> {
    let log = scene.world.home.path().join("trace");
    let command = scene.world.command(&scene.arguments(writer));
    let mut strace = hermetic("strace", scene.world.home.path());
    strace.args([
        "-f",
        "-y",
        "-s",
        "4096",
        "-e",
        "trace=open,openat,creat,mkdir,mkdirat,rename,renameat,renameat2",
    ]);
    strace.arg("-o").arg(&log).arg(command.get_program()).args(command.get_args());
    strace.current_dir(scene.world.clone.path());
    for (name, value) in command.get_envs() {
        strace.env(name, value.unwrap());
    }
    let ran = run(&mut strace);
    assert!([0, 10, 11].contains(&ran.code), "{writer:?}: {}\n{}", ran.stdout, ran.stderr);
    let text = std::fs::read_to_string(log).unwrap();
    // What exists already is not created.
    whole_calls(&text).iter().filter(|it| !it.contains(" EEXIST ")).flat_map(|it| paths(it)).collect()
}

/// The calls of a trace, each on one line: strace parts one in two where another thread comes between.
fn whole_calls(trace: &str) -> Vec<String> {
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

/// The paths of a line of strace's that are written to.
fn paths(line: &str) -> Vec<PathBuf> {
    let Some((name, arguments)) = line.split_once('(') else { return Vec::new() };
    let call = name.rsplit(' ').next().unwrap_or_default();
    let writes = ["O_WRONLY", "O_RDWR", "O_CREAT"].iter().any(|it| arguments.contains(it));
    if call.starts_with("open") && !writes {
        return Vec::new();
    }
    let mut found = Vec::new();
    let mut rest = arguments;
    while let Some(at) = rest.find('"') {
        // With -y, strace writes the path of a handle behind it, in angle brackets.
        let base = rest[..at].rsplit_once('<').and_then(|(_, it)| it.split_once('>')).map_or("", |it| it.0);
        let Some(end) = rest[at + 1..].find('"') else { break };
        let name = &rest[at + 1..at + 1 + end];
        found.push(Path::new(base).join(name));
        rest = &rest[at + end + 2..];
    }
    found
}

/// A place where a link is planted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Plant {
    writer: Writer,
    path: String,
    is_folder: bool,
}

/// Every path below the output and cache folders that the command writes.
fn plants(writer: Writer) -> (Vec<Plant>, Vec<PathBuf>) {
    let scene = Scene::new();
    scene.prepare(writer);
    let (mut inside, mut elsewhere) = (Vec::new(), Vec::new());
    for path in written(&scene, writer) {
        let ours = scene.general(&path).filter(|it| {
            it.starts_with("<clone>/") && !it.starts_with("<clone>/.git/")
                || ["<home>/.cache/opensandbox-release", "<home>/exported/"]
                    .iter()
                    .any(|at| it.starts_with(at))
        });
        match ours {
            Some(general) => {
                inside.push(Plant { writer, path: general, is_folder: path.is_dir() });
            }
            None => elsewhere.push(path),
        }
    }
    (inside, elsewhere)
}

/// Plants a link and runs the command. Nothing of the operator's own may be written.
fn plant(it: &Plant) -> Ran {
    let scene = Scene::new();
    scene.prepare(it.writer);
    let path = scene.specific(&it.path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let own = scene.world.home.path().join("own");
    symlink(if it.is_folder { own } else { own.join("file") }, &path).unwrap();
    let before = scene.own();
    let ran = scene.world.run(&scene.arguments(it.writer));
    assert_eq!(scene.own(), before, "{it:?} was followed");
    assert!(std::fs::symlink_metadata(&path).unwrap().is_symlink(), "{it:?} was replaced");
    let name = path.file_name().unwrap().to_str().unwrap();
    // A cache is not needed: what cannot be kept is fetched again.
    let is_cache = it.path.contains("/.cache/") && !it.path.contains("/locks");
    if !is_cache {
        let said = format!("{}{}", ran.stdout, ran.stderr);
        assert!([1, 2].contains(&ran.code), "{it:?}: {} {said}", ran.code);
        assert!(said.contains(name) && said.contains("is a symbolic link"), "{it:?}: {said}");
    }
    ran
}

#[test]
fn case_92_no_link_below_output_and_cache_folders_is_followed() {
    if !may_trace("case_92") {
        return;
    }
    let mut all = Vec::new();
    for writer in WRITERS {
        let (inside, elsewhere) = plants(writer);
        assert!(!inside.is_empty(), "{writer:?} writes nothing");
        // Everything else is git's, a temporary folder of a random name, a device, or a folder that was named,
        // which may be a link.
        let foreign = |it: &&PathBuf| {
            let text = it.to_string_lossy();
            let known = ["/.git/", "/opensandbox-gpg-"].iter().any(|it| text.contains(it));
            let named = ["/.cache", "/exported"].iter().any(|it| text.ends_with(it));
            !(known || named || text.starts_with("/dev/") || text.starts_with("/proc/"))
        };
        let foreign: Vec<&PathBuf> = elsewhere.iter().filter(foreign).collect();
        assert!(foreign.is_empty(), "{writer:?} writes to {foreign:?}");
        all.extend(inside);
    }
    let count = all.len();
    let queue = Mutex::new(all);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some(it) = { queue.lock().unwrap().pop() } {
                    plant(&it);
                }
            });
        }
    });
    say(&format!("case 92: {count} links planted, none followed"));
    // The twin: without links the same commands end well.
    let scene = Scene::new();
    for writer in WRITERS.into_iter().filter(|it| *it != Writer::Audit) {
        scene.prepare(writer);
        scene.world.run(&scene.arguments(writer)).ok();
        if writer == Writer::Configure {
            scene.world.clone.git(["stash", "-qu"]);
        }
    }
    assert!(count >= 30, "only {count}");
    record(92, "a link in place of what is written", &format!("refused, {count} links planted"), "written");
}

#[test]
fn tracked_links_of_a_repository_are_refused_by_every_writing_command() {
    for arguments in [
        &["archive", TAG][..],
        &["release", TAG],
        &["release", TAG, "--dry-run"],
        &["release", TAG, "--push"],
        &["rehearse", TAG],
    ] {
        let mut scene = Scene::new();
        let own = scene.world.home.path().join("own/file");
        let folder = format!("dist/{}", TAG.replace('/', "-"));
        std::fs::create_dir_all(scene.world.clone.path().join(&folder)).unwrap();
        let name = if arguments[0] == "archive" { "SHA256SUMS" } else { "NOTES.md" };
        symlink(&own, scene.world.clone.path().join(format!("{folder}/.{name}.partial"))).unwrap();
        scene.world.clone.commit("feat(server): $(touch owned)", &[("server/main.py", "serve(2)\n")]);
        scene.world.clone.pushed();
        let before = (scene.own(), scene.world.state());
        let ran = scene.world.run(arguments);
        let said = format!("{}{}", ran.stdout, ran.stderr);
        assert_ne!(ran.code, 0, "{arguments:?}: {said}");
        let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(said.contains(".partial is a symbolic link"), "{arguments:?}: {said}");
        assert_eq!((scene.own(), scene.world.state()), before, "{arguments:?}");
    }
}

#[test]
fn the_folder_that_was_named_may_be_a_link_and_nothing_below_it() {
    let scene = Scene::new();
    let (real, link) = (scene.world.home.path().join("real"), scene.world.home.path().join("link"));
    std::fs::create_dir(&real).unwrap();
    symlink(&real, &link).unwrap();
    let out = link.display().to_string();
    scene.world.run(&["archive", TAG, "--out", &out]).ok();
    assert!(real.join("SHA256SUMS").is_file());
    std::fs::remove_file(real.join("SHA256SUMS")).unwrap();
    let own = scene.world.home.path().join("own/file");
    symlink(&own, real.join("SHA256SUMS")).unwrap();
    let ran = scene.world.run(&["archive", TAG, "--out", &out]);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    assert!(ran.stderr.contains("SHA256SUMS is a symbolic link, expected a plain file"), "{}", ran.stderr);
    assert_eq!(std::fs::read_to_string(own).unwrap(), VICTIM);
}

#[test]
fn a_folder_that_cannot_be_written_to_is_seen_in_the_dry_run() {
    let scene = Scene::new();
    let clone = scene.world.clone.path();
    std::fs::create_dir(clone.join("dist")).unwrap();
    run(hermetic("chmod", Path::new("/")).arg("555").arg(clone.join("dist"))).ok();
    // Root may write anywhere: whoever runs this, it is tried as somebody without that power, to whom the clone belongs.
    let is_root = run(hermetic("id", Path::new("/")).arg("-u")).ok().stdout.trim() == "0";
    let check = |arguments: &[&str]| {
        if !is_root {
            return scene.world.run(arguments);
        }
        let binary = scene.world.home.path().join("xtask");
        std::fs::copy(env!("CARGO_BIN_EXE_xtask"), &binary).unwrap();
        run(hermetic("chown", Path::new("/"))
            .args(["-R", "65534:65534"])
            .args([clone, scene.world.home.path()]))
        .ok();
        let command = scene.world.command(arguments);
        let mut setpriv = hermetic("setpriv", scene.world.home.path());
        setpriv
            .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
            .arg(binary)
            .args(command.get_args());
        for (name, value) in command.get_envs() {
            setpriv.env(name, value.unwrap_or_default());
        }
        run(setpriv.current_dir(clone))
    };
    let ran = check(&["doctor", TAG]);
    assert!(
        ran.code == 1 && ran.stdout.contains("cannot write to the folder"),
        "{}\n{}",
        ran.stdout,
        ran.stderr
    );
    run(hermetic("chmod", Path::new("/")).arg("755").arg(clone.join("dist"))).ok();
    check(&["doctor", TAG]).ok();
}
