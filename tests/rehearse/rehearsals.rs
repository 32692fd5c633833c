//! Whole releases on this machine: what they prove, what they refuse, and that nothing of the operator's is written.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::external_tools::fetched;
use crate::support::repository::{Fixture, Ran, hermetic, run, say, xtask};

/// Somebody who rehearses, with a home full of what must stay as it is.
struct Operator {
    home: tempfile::TempDir,
    /// Where temporary files go.
    tmp: tempfile::TempDir,
}

impl Operator {
    fn new() -> Self {
        let this = Self { home: tempfile::tempdir().unwrap(), tmp: tempfile::tempdir().unwrap() };
        for (path, text) in [
            (".gitconfig", "[user]\n\tname = Olga Operator\n\temail = olga@example.com\n"),
            (".gnupg/pubring.kbx", "no keyring: whoever reads it fails\n"),
            (".gnupg/gpg.conf", "no-such-option\n"),
            (".ssh/id_ed25519", "no key\n"),
            (".config/gh/hosts.yml", "github.com: { oauth_token: invented }\n"),
            (".netrc", "machine 127.0.0.1 login trap password trap\n"),
        ] {
            let path = this.home.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        this
    }

    /// `cargo xtask rehearse` in a folder.
    fn command(&self, folder: &Path, arguments: &[&str]) -> Command {
        let mut command = xtask(folder);
        command.env("HOME", self.home.path()).env("TMPDIR", self.tmp.path());
        command.env_remove("GIT_CONFIG_GLOBAL").arg("rehearse").args(arguments);
        command
    }

    /// The same, run. Nothing of the operator's may have changed, and nothing may be left.
    #[track_caller]
    fn rehearse(&self, folder: &Path, arguments: &[&str]) -> Ran {
        self.checked(&mut self.command(folder, arguments), folder)
    }

    #[track_caller]
    fn checked(&self, command: &mut Command, folder: &Path) -> Ran {
        let before = [contents(self.home.path()), contents(folder)];
        let ran = run(command);
        assert_eq!(
            [contents(self.home.path()), contents(folder)],
            before,
            "something was written\n{}",
            ran.stderr
        );
        let left = std::fs::read_dir(self.tmp.path()).unwrap().count();
        assert_eq!(left, 0, "something was left\n{}", ran.stderr);
        self.no_agent();
        ran
    }

    /// No program is left that works in a folder of a rehearsal.
    #[track_caller]
    fn no_agent(&self) {
        let pattern = self.tmp.path().to_str().unwrap();
        let left = run(hermetic("pgrep", self.home.path()).args(["-af", "--", pattern]));
        assert_eq!(left.stdout, "", "a program was left");
    }

    /// A search path that begins with the real gh, where it is.
    fn path_with_gh(test: &str) -> Option<String> {
        let gh = fetched("gh-2.103.3/bin/gh", test)?;
        Some(format!("{}:{}", gh.parent().unwrap().display(), std::env::var("PATH").unwrap()))
    }

    /// A search path without any gh, and with these programs before all others.
    fn path_of(&self, programs: &[(&str, &str)]) -> PathBuf {
        let bin = self.home.path().join("bin");
        std::fs::create_dir_all(&bin).unwrap();
        for folder in std::env::split_paths(&std::env::var_os("PATH").unwrap()) {
            for entry in std::fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok) {
                let name = entry.file_name();
                if name != "gh" && !bin.join(&name).exists() {
                    std::os::unix::fs::symlink(entry.path(), bin.join(name)).unwrap();
                }
            }
        }
        for (name, text) in programs {
            let path = bin.join(name);
            std::fs::remove_file(&path).ok();
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        bin
    }
}

/// Every file below a folder with its bytes, and where links lead.
fn contents(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_symlink() {
                found.insert(
                    path.clone(),
                    std::fs::read_link(&path).unwrap().into_os_string().into_encoded_bytes(),
                );
            } else if path.is_dir() {
                found.insert(path.clone(), Vec::new());
                folders.push(path);
            } else {
                found.insert(path.clone(), std::fs::read(&path).unwrap_or_default());
            }
        }
    }
    found
}

/// Every step with its verdict.
fn steps(document: &Value) -> Vec<(String, String)> {
    let text = |it: &Value| it.as_str().unwrap().to_owned();
    let all = document["steps"].as_array().unwrap().iter();
    all.map(|it| (text(&it["check"]), text(&it["verdict"]))).collect()
}

/// How often something became of the commands of the notes.
fn became(document: &Value, what: &str) -> usize {
    document["commands"].as_array().unwrap().iter().filter(|it| it["became"] == what).count()
}

const STEPS: [&str; 7] = ["here", "world", "release", "attest", "audit", "notes", "untouched"];

#[track_caller]
fn proven(ran: &Ran) -> Value {
    let (document, verdict) = ran.verdict();
    assert_eq!(verdict, "proven", "{document:#}");
    // A demo has no clone of the operator's to look at first.
    let wanted = if document["source"] == "demo" { &STEPS[1..] } else { &STEPS[..] };
    let wanted: Vec<(String, String)> =
        wanted.iter().map(|it| ((*it).to_owned(), "proven".to_owned())).collect();
    assert_eq!(steps(&document), wanted);
    document
}

#[test]
fn a_release_of_the_demo_is_proven_with_the_real_gh() {
    let Some(path) = Operator::path_with_gh("a_release_of_the_demo_is_proven_with_the_real_gh") else {
        return;
    };
    let (operator, nowhere) = (Operator::new(), tempfile::tempdir().unwrap());
    let mut command = operator.command(nowhere.path(), &["--format", "json"]);
    let begun = std::time::Instant::now();
    let document = proven(&operator.checked(command.env("PATH", path), nowhere.path()));
    say(&format!("a rehearsal of the demo: {:.1} s of 5 wanted", begun.elapsed().as_secs_f32()));
    assert_eq!(document["subject"], "server/v0.2.0");
    assert_eq!((became(&document, "succeeded"), became(&document, "failed")), (7, 0));
    let skipped = document["commands"].as_array().unwrap().iter().filter(|it| it["became"] == "skipped");
    for it in skipped {
        assert_eq!(it["why"], "publish-server.yml publishes it, and is not played here", "{it}");
    }
    assert!(document["notes"].as_str().unwrap().contains("## 🔏 Verify this release"));
}

#[test]
fn without_gh_what_asks_for_it_is_named_and_the_rest_runs() {
    let (operator, nowhere) = (Operator::new(), tempfile::tempdir().unwrap());
    let path = operator.path_of(&[]);
    let mut command = operator.command(nowhere.path(), &["--format", "json", "js/sandbox/v1.3.0"]);
    let document = proven(&operator.checked(command.env("PATH", &path), nowhere.path()));
    assert_eq!((became(&document, "succeeded"), became(&document, "failed")), (4, 0));
    let whys: Vec<&str> =
        document["commands"].as_array().unwrap().iter().filter_map(|it| it["why"].as_str()).collect();
    assert_eq!(whys.iter().filter(|it| it.starts_with("gh is not on this machine")).count(), 3, "{whys:?}");
}

#[test]
fn a_command_of_the_notes_that_fails_is_no_success() {
    let (operator, nowhere) = (Operator::new(), tempfile::tempdir().unwrap());
    let path = operator.path_of(&[("sha256sum", "#!/bin/sh\necho SHA256SUMS: FAILED >&2; exit 1\n")]);
    let mut command = operator.command(nowhere.path(), &["--format", "json"]);
    let ran = operator.checked(command.env("PATH", &path), nowhere.path());
    let (document, verdict) = ran.verdict();
    assert_eq!((verdict.as_str(), ran.code), ("refuted", 10));
    assert_eq!(steps(&document)[4], ("notes".to_owned(), "refuted".to_owned()));
    let failed: Vec<&Value> =
        document["commands"].as_array().unwrap().iter().filter(|it| it["became"] == "failed").collect();
    assert_eq!(failed.len(), 1);
    assert_eq!(
        (&failed[0]["command"], &failed[0]["said"]),
        (&"sha256sum -c SHA256SUMS".into(), &"SHA256SUMS: FAILED".into())
    );
}

#[test]
fn the_key_is_of_the_kind_that_git_is_configured_for() {
    for kind in ["openpgp", "ssh", "x509"] {
        let (operator, nowhere) = (Operator::new(), tempfile::tempdir().unwrap());
        let config = format!("[gpg]\n\tformat = {kind}\n[user]\n\tsigningKey = somebody's\n");
        std::fs::write(operator.home.path().join(".gitconfig"), config).unwrap();
        let document = proven(&operator.rehearse(nowhere.path(), &["--format", "json"]));
        let world = document["steps"][0]["evidence"].as_str().unwrap();
        assert!(world.ends_with(&format!("a throwaway {kind} key")), "{world}");
    }
    let (operator, nowhere) = (Operator::new(), tempfile::tempdir().unwrap());
    std::fs::write(operator.home.path().join(".gitconfig"), "[gpg]\n\tformat = wax\n").unwrap();
    let refused = operator.rehearse(nowhere.path(), &[]);
    assert!(refused.code == 2 && refused.stderr.contains("gpg.format is wax"), "{}", refused.stderr);
}

#[test]
fn a_clone_is_rehearsed_as_it_is_and_left_as_it_was() {
    let mut fixture = Fixture::released();
    fixture.write(".git/info/attributes", b"server/secret export-ignore\n");
    let operator = Operator::new();
    let document = proven(&operator.rehearse(fixture.path(), &["--format", "json"]));
    assert_eq!(document["subject"], "server/v0.1.1", "not the next version");
    let world = document["steps"][1]["evidence"].as_str().unwrap();
    assert!(world.starts_with(&format!("a scratch clone of {}", fixture.path().display())), "{world}");
    assert!(document["notes"].as_str().unwrap().contains("do not fall over"));
    assert_eq!(fixture.git(["tag"]), "server/v0.1.0", "the tag reached the operator's clone");
    let origin = fixture.git(["remote", "get-url", "origin"]);
    assert_eq!(
        fixture.git(["ls-remote", &origin, "refs/tags/server/v0.1.1"]),
        "",
        "it reached the real origin"
    );
    // A commit that origin does not have is refused, as the real release would be.
    fixture.commit("fix(server): not pushed (#9)", &[("server/main.py", "serve(2)\n")]);
    let refused = operator.rehearse(fixture.path(), &["--format", "json"]);
    assert_eq!(refused.code, 1, "{}", refused.stderr);
    let document = refused.json();
    let here = ("here".to_owned(), "unproven".to_owned());
    assert_eq!(steps(&document), [here, ("untouched".to_owned(), "proven".to_owned())]);
    assert_eq!(document["steps"][0]["reason"], "refused");
    assert!(document["steps"][0]["evidence"].as_str().unwrap().contains("not-on-branch"), "{document:#}");
    let told = operator.rehearse(fixture.path(), &[]);
    assert!(told.code == 1 && told.stdout.contains("The release is refused"), "{}", told.stdout);
    let faults = operator.rehearse(fixture.path(), &["--fault", "all", "--format", "json"]);
    assert_eq!((faults.code, faults.json()["faults"].as_array().unwrap().len()), (1, 0));
    fixture.pushed();
    // What is changed beside git is refused, unless it may be: then the commit is rehearsed, without the change.
    fixture.write("server/main.py", b"changed\n");
    assert_eq!(operator.rehearse(fixture.path(), &[]).code, 1);
    proven(&operator.rehearse(fixture.path(), &["--format", "json", "--allow", "clean-tree"]));
    fixture.git(["checkout", "-q", "."]);
    // From somewhere else, and where nothing is unreleased.
    fixture.git(["tag", "server/v0.1.1"]);
    let elsewhere = tempfile::tempdir().unwrap();
    let from = ["-C", fixture.path().to_str().unwrap()];
    let none = operator.rehearse(elsewhere.path(), &from);
    assert!(none.code == 2 && none.stderr.contains("nothing is unreleased in server"), "{}", none.stderr);
    // A tag that is there already and is not signed is refused, as by the real release.
    let again = [&from[..], &["server/v0.1.1", "--format", "json"]].concat();
    let taken = operator.rehearse(elsewhere.path(), &again);
    assert_eq!((taken.code, &taken.json()["steps"][2]["reason"]), (1, &"refused".into()), "{}", taken.stdout);
    // One that is signed, by whomever, is made anew.
    fixture.git(["tag", "-d", "server/v0.1.1"]);
    let key = elsewhere.path().join("key");
    run(hermetic("ssh-keygen", elsewhere.path()).args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&key))
        .ok();
    let format =
        ["-c", "gpg.format=ssh", "-c", &format!("user.signingKey={}", key.display())].map(str::to_owned);
    let sign = ["tag", "-s", "-m", "release: OpenSandbox Server v0.1.1", "server/v0.1.1"].map(str::to_owned);
    fixture.git([&format[..], &sign[..]].concat());
    let document = proven(&operator.rehearse(elsewhere.path(), &again));
    assert!(document["steps"][1]["evidence"].as_str().unwrap().contains("is made anew"), "{document:#}");
}

/// Repositories of every shape, and those that cannot be rehearsed.
#[test]
fn clones_of_every_shape_are_rehearsed_or_refused_with_the_reason() {
    let fixture = Fixture::released();
    let operator = Operator::new();
    let folder = tempfile::Builder::new().prefix("it's a \"folder\" ").tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let tree = path("tree");
    fixture.git(["worktree", "add", "-q", "--detach", &tree]);
    fixture.git(["clone", "-q", "--bare", ".", &path("bare")]);
    fixture.git([
        "clone",
        "-q",
        "-o",
        "upstream",
        &fixture.git(["remote", "get-url", "origin"]),
        &path("upstream"),
    ]);
    let source = format!("file://{}", fixture.path().display());
    fixture.git(["clone", "-q", "--depth=1", &source, &path("shallow")]);
    let named = |name: &str, more: &[&str]| {
        let clone = path(name);
        let all = [&["-C", &clone, "server/v0.1.1", "--format", "json"][..], more].concat();
        operator.rehearse(folder.path(), &all)
    };
    for (name, more) in
        [("tree", &[][..]), ("bare", &[]), ("upstream", &["--remote", "upstream", "--initial-release"])]
    {
        let ran = named(name, more);
        assert_eq!(ran.code, 0, "{name}: {}\n{}", ran.stdout, ran.stderr);
        proven(&ran);
    }
    // A remote that is not there is not made up.
    let missing = named("upstream", &["--initial-release", "--allow", "default-branch"]);
    assert!(missing.code == 1 && missing.stderr.contains("origin has no branch main"), "{missing:?}");
    let shallow = named("shallow", &[]);
    assert_eq!(shallow.code, 1);
    let why = shallow.json()["steps"][0]["evidence"].as_str().unwrap().to_owned();
    assert!(why.contains("shallow"), "{why}");
    let inside = operator.rehearse(Path::new(&path("shallow")), &[]);
    assert!(inside.code == 2 && inside.stderr.contains("--demo"), "{}", inside.stderr);
    let enterprise = operator.rehearse(folder.path(), &["--demo", "-R", "ghe.example.com/acme/widgets"]);
    assert!(enterprise.code == 2 && enterprise.stderr.contains("-R acme/widgets"), "{}", enterprise.stderr);
    // One that is broken is no reason to rehearse something else.
    std::fs::remove_file(folder.path().join("upstream/.git/HEAD")).unwrap();
    let broken = operator.rehearse(&folder.path().join("upstream"), &["server/v0.1.1"]);
    assert!(broken.code == 1 && broken.stderr.contains("no git repository"), "{}", broken.stderr);
}

/// What would lead git elsewhere, or make it run or write something.
#[test]
fn the_environment_of_the_operator_does_not_reach_the_world() {
    let fixture = Fixture::released();
    let (operator, trap) = (Operator::new(), tempfile::tempdir().unwrap());
    let touched = trap.path().join("touched");
    for hook in ["post-receive", "update", "pre-push", "post-checkout", "reference-transaction"] {
        let path = trap.path().join("hooks").join(hook);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, format!("#!/bin/sh\ntouch {}\n", touched.display())).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    let hooks = trap.path().join("hooks");
    let mut command = operator.command(fixture.path(), &["--format", "json"]);
    command
        .envs([("GIT_CONFIG_COUNT", "1"), ("GIT_CONFIG_KEY_0", "core.hooksPath")])
        .env("GIT_CONFIG_VALUE_0", &hooks)
        .env("GIT_TEMPLATE_DIR", trap.path())
        .env("GIT_TRACE2_EVENT", &touched)
        .env("GIT_DEFAULT_HASH", "sha256")
        .env("HTTP_PROXY", "http://127.0.0.1:1")
        .env("GH_TOKEN", "of-the-operator")
        .env("GITHUB_OUTPUT", &touched);
    // Git is asked about the operator's own repository with their settings: only there may it trace.
    command.env_remove("GIT_TRACE2_EVENT");
    proven(&operator.checked(&mut command, fixture.path()));
    assert!(!touched.exists(), "something of the operator's ran, or was written to");
}

#[test]
fn what_is_written_meanwhile_is_told() {
    let (operator, nowhere) = (Operator::new(), tempfile::tempdir().unwrap());
    let file = operator.home.path().join(".gitconfig");
    let path = operator.path_of(&[(
        "sha256sum",
        &format!("#!/bin/sh\necho '# x' >> {}\nexec /usr/bin/sha256sum \"$@\"\n", file.display()),
    )]);
    let mut command = operator.command(nowhere.path(), &["--format", "json"]);
    let (document, verdict) = run(command.env("PATH", &path)).verdict();
    let last = document["steps"].as_array().unwrap().last().unwrap();
    assert_eq!((verdict.as_str(), &last["reason"]), ("refuted", &"changed".into()), "{document:#}");
    assert!(last["evidence"].as_str().unwrap().contains(".gitconfig"));
    // Where there is nothing to look at, nothing is proven.
    let mut command = operator.command(nowhere.path(), &["--format", "json"]);
    let (document, verdict) = run(command.env_remove("HOME").env("XDG_CACHE_HOME", "/nonexistent")).verdict();
    assert_eq!(verdict, "unproven", "{document:#}");
}

#[test]
fn a_target_of_every_kind_is_proven_on_the_demo() {
    let tags = [
        "docker/execd/v1.4.0",
        "helm/opensandbox/0.7.0",
        "js/sandbox/v1.0.0",
        "java/sandbox/v2.0.1",
        "python/sandbox/v1.0.0",
        "csharp/sandbox/v0.9.0",
        "sdks/sandbox/go/v2.0.0",
    ];
    for tag in tags {
        let (operator, nowhere) = (Operator::new(), tempfile::tempdir().unwrap());
        let document = proven(&operator.rehearse(nowhere.path(), &["--format", "json", tag]));
        assert_eq!(document["subject"], tag);
    }
}

#[test]
fn flags_reach_the_release_and_none_leads_it_elsewhere() {
    let fixture = Fixture::released();
    let operator = Operator::new();
    let document = proven(&operator.rehearse(
        fixture.path(),
        &["--format", "json", "server/v0.3.0", "--initial-release", "--no-path-filter"],
    ));
    assert!(document["notes"].as_str().unwrap().contains("docs: say so"));
    // A template is found from where it was typed, and what stands under headings of its own is run.
    let template = "### My own\n```bash\nfor it in a b; do\n  test -n \"$it\"\ndone\nfalse\n```\n";
    fixture.write("my.md.j2", format!("## Verify this release\n{template}").as_bytes());
    let own = operator.rehearse(fixture.path(), &["--format", "json", "--template", "my.md.j2"]);
    let (document, verdict) = own.verdict();
    assert_eq!(
        (verdict.as_str(), became(&document, "succeeded"), became(&document, "failed")),
        ("refuted", 1, 1)
    );
    // What the release does not take is no flag here: nothing can lead it elsewhere.
    for flag in ["--out=/tmp/elsewhere", "--draft", "--no-such-flag"] {
        let bad = operator.rehearse(fixture.path(), &[flag]);
        assert!(bad.code == 2 && bad.stderr.contains("unexpected argument"), "{}", bad.stderr);
    }
}

#[test]
fn what_is_kept_can_be_looked_at_as_it_says() {
    let (operator, nowhere) = (Operator::new(), tempfile::tempdir().unwrap());
    let ran = run(&mut operator.command(nowhere.path(), &["--keep"])).ok();
    let folder = std::fs::read_dir(operator.tmp.path()).unwrap().next().unwrap().unwrap().path();
    assert!(ran.stdout.contains(&format!("Kept in {}", folder.display())), "{}", ran.stdout);
    let lines = ran.stdout.lines().skip_while(|it| !it.starts_with("Kept in ")).skip(1);
    let script: Vec<&str> = lines.take_while(|it| it.starts_with("  ")).collect();
    assert!(script.len() >= 4, "{script:?}");
    let script = script.join("\n").replace("cargo xtask", env!("CARGO_BIN_EXE_xtask"));
    let looked =
        run(hermetic("bash", nowhere.path()).current_dir(nowhere.path()).args(["-euc", &script])).ok();
    for expected in ["-----BEGIN PGP SIGNATURE-----", "# OpenSandbox Server v0.2.0", "proven"] {
        assert!(looked.stdout.contains(expected), "no {expected} in\n{}", looked.stdout);
    }
}

#[test]
fn an_interrupted_rehearsal_tidies_up() {
    for signal in ["INT", "TERM", "HUP", "QUIT"] {
        let (operator, nowhere) = (Operator::new(), tempfile::tempdir().unwrap());
        let mut command = operator.command(nowhere.path(), &["--fault", "all", "-q"]);
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let begun = || std::fs::read_dir(operator.tmp.path()).unwrap().count() > 0;
        for _ in 0..600 {
            if begun() {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        assert!(begun(), "it did not begin");
        let id = child.id().to_string();
        run(hermetic("sh", nowhere.path()).args(["-c", "kill -\"$1\" \"$2\"", "sh", signal, &id])).ok();
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("interrupted"), "{said}");
        assert_eq!(std::fs::read_dir(operator.tmp.path()).unwrap().count(), 0, "something was left");
        operator.no_agent();
    }
}

#[test]
fn every_fault_ends_as_it_should() {
    let (operator, nowhere) = (Operator::new(), tempfile::tempdir().unwrap());
    let ran = operator.rehearse(nowhere.path(), &["--fault", "all", "--format", "json"]);
    let (document, verdict) = ran.verdict();
    let faults = document["faults"].as_array().unwrap();
    let row = |it: &Value| {
        let text = |key: &str| it[key].as_str().unwrap().to_owned();
        let end = if it["as_wanted"] == true { "as it should" } else { "NOT AS IT SHOULD" };
        format!("{:<20} {end}: {}: {}", text("fault"), text("broke"), text("answer"))
    };
    say(&faults.iter().map(row).collect::<Vec<_>>().join("\n"));
    assert_eq!((verdict.as_str(), faults.len()), ("proven", 19));
    // One that does not end as it should is told: this release is refused before anything can break.
    let ran = operator.rehearse(
        nowhere.path(),
        &["--fault", "no-attestation", "--format", "json", "--from-tag", "server/v9.9.9"],
    );
    let (document, verdict) = ran.verdict();
    assert_eq!((verdict.as_str(), &document["faults"][0]["as_wanted"]), ("refuted", &false.into()));
    let unknown = operator.rehearse(nowhere.path(), &["--fault", "everything"]);
    assert!(
        unknown.code == 2 && unknown.stderr.contains("want all, or one of kill-archive, "),
        "{}",
        unknown.stderr
    );
}

#[test]
fn it_needs_nothing_from_outside() {
    let (operator, nowhere) = (Operator::new(), tempfile::tempdir().unwrap());
    if run(hermetic("unshare", nowhere.path()).args(["-rn", "true"])).code != 0 {
        say("SKIPPED it_needs_nothing_from_outside: this machine allows no network namespace");
        return;
    }
    let command = operator.command(nowhere.path(), &["--format", "json"]);
    // Loopback is up, and nothing else is there.
    let up = "import fcntl, socket, struct, sys, os\n\
        s = socket.socket(); fcntl.ioctl(s, 0x8914, struct.pack('16sh', b'lo', 0x49))\n\
        os.execv(sys.argv[1], sys.argv[1:])\n";
    let mut inside = hermetic("unshare", nowhere.path());
    inside.current_dir(nowhere.path()).args(["-rn", "python3", "-c", up]);
    inside.arg(command.get_program()).args(command.get_args());
    inside
        .env("HOME", operator.home.path())
        .env("TMPDIR", operator.tmp.path())
        .env_remove("GIT_CONFIG_GLOBAL");
    proven(&operator.checked(&mut inside, nowhere.path()));
}
