//! Rehearsals on this machine: what they prove, what they refuse, and that they write no file of the operator.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Stdio;

use serde_json::Value;

use super::operator_home::{OperatorHome, count_commands, expect_proven, step_verdicts};
use crate::support::repository::{TestRepository, hermetic_command, print_note, run};

#[test]
fn demo_rehearsal_is_proven_with_gh() {
    let Some(path) = OperatorHome::path_with_gh("demo_rehearsal_is_proven_with_gh") else {
        return;
    };
    let (operator, nowhere) = (OperatorHome::new(), tempfile::tempdir().unwrap());
    let mut command = operator.command(nowhere.path(), &["--format", "json"]);
    let begun = std::time::Instant::now();
    let document = expect_proven(&operator.run_unchanged(command.env("PATH", path), nowhere.path()));
    print_note(&format!("a rehearsal of the demo: {:.1} s, target 5 s", begun.elapsed().as_secs_f32()));
    assert_eq!(document["subject"], "server/v0.2.0");
    assert_eq!((count_commands(&document, "succeeded"), count_commands(&document, "failed")), (7, 0));
    let skipped = document["commands"].as_array().unwrap().iter().filter(|it| it["became"] == "skipped");
    for command_result in skipped {
        assert_eq!(
            command_result["why"], "published by publish-server.yml, which is not part of a rehearsal",
            "{command_result}"
        );
    }
    assert!(document["notes"].as_str().unwrap().contains("## 🔏 Verify this release"));
}

#[test]
fn gh_commands_are_skipped_without_gh() {
    let (operator, nowhere) = (OperatorHome::new(), tempfile::tempdir().unwrap());
    let path = operator.path_without_gh(&[]);
    let mut command = operator.command(nowhere.path(), &["--format", "json", "js/sandbox/v1.3.0"]);
    let document = expect_proven(&operator.run_unchanged(command.env("PATH", &path), nowhere.path()));
    assert_eq!((count_commands(&document, "succeeded"), count_commands(&document, "failed")), (4, 0));
    let whys: Vec<&str> =
        document["commands"].as_array().unwrap().iter().filter_map(|it| it["why"].as_str()).collect();
    assert_eq!(whys.iter().filter(|it| it.starts_with("gh is not installed")).count(), 3, "{whys:?}");
}

#[test]
fn failing_notes_command_is_refuted() {
    let (operator, nowhere) = (OperatorHome::new(), tempfile::tempdir().unwrap());
    let path = operator.path_without_gh(&[("sha256sum", "#!/bin/sh\necho SHA256SUMS: FAILED >&2; exit 1\n")]);
    let mut command = operator.command(nowhere.path(), &["--format", "json"]);
    let output = operator.run_unchanged(command.env("PATH", &path), nowhere.path());
    let (document, verdict) = output.verdict();
    assert_eq!((verdict.as_str(), output.code), ("refuted", 10));
    assert_eq!(step_verdicts(&document)[4], ("notes".to_owned(), "refuted".to_owned()));
    let failed: Vec<&Value> =
        document["commands"].as_array().unwrap().iter().filter(|it| it["became"] == "failed").collect();
    assert_eq!(failed.len(), 1);
    assert_eq!(
        (&failed[0]["command"], &failed[0]["said"]),
        (&"sha256sum -c SHA256SUMS".into(), &"SHA256SUMS: FAILED".into())
    );
}

#[test]
fn rehearsal_key_has_the_configured_format() {
    for kind in ["openpgp", "ssh", "x509"] {
        let (operator, nowhere) = (OperatorHome::new(), tempfile::tempdir().unwrap());
        let config = format!("[gpg]\n\tformat = {kind}\n[user]\n\tsigningKey = unknown\n");
        std::fs::write(operator.home.path().join(".gitconfig"), config).unwrap();
        let document = expect_proven(&operator.rehearse(nowhere.path(), &["--format", "json"]));
        let bed = document["steps"][0]["evidence"].as_str().unwrap();
        assert!(bed.ends_with(&format!("an ephemeral {kind} key")), "{bed}");
    }
    let (operator, nowhere) = (OperatorHome::new(), tempfile::tempdir().unwrap());
    std::fs::write(operator.home.path().join(".gitconfig"), "[gpg]\n\tformat = wax\n").unwrap();
    let refused = operator.rehearse(nowhere.path(), &[]);
    assert!(refused.code == 2 && refused.stderr.contains("gpg.format is wax"), "{}", refused.stderr);
}

#[test]
fn rehearsal_leaves_the_clone_unchanged() {
    let fixture = TestRepository::with_release();
    fixture.write_file(".git/info/attributes", b"server/secret export-ignore\n");
    let operator = OperatorHome::new();
    let document = expect_proven(&operator.rehearse(fixture.path(), &["--format", "json"]));
    assert_eq!(document["subject"], "server/v0.1.1", "expected the next version");
    let bed = document["steps"][1]["evidence"].as_str().unwrap();
    assert!(bed.starts_with(&format!("a temporary clone of {}", fixture.path().display())), "{bed}");
    assert!(document["notes"].as_str().unwrap().contains("do not fall over"));
    assert_eq!(fixture.git(["tag"]), "server/v0.1.0", "the tag reached the operator's clone");
    let origin = fixture.git(["remote", "get-url", "origin"]);
    assert_eq!(
        fixture.git(["ls-remote", &origin, "refs/tags/server/v0.1.1"]),
        "",
        "the tag reached the real remote"
    );
}

/// The same checks as in a real release: the commit is on the remote, and nothing is uncommitted.
#[test]
fn unpushed_commits_and_changes_are_refused() {
    let mut fixture = TestRepository::with_release();
    let operator = OperatorHome::new();
    fixture.commit("fix(server): not pushed (#9)", &[("server/main.py", "serve(2)\n")]);
    let refused = operator.rehearse(fixture.path(), &["--format", "json"]);
    assert_eq!(refused.code, 1, "{}", refused.stderr);
    let document = refused.json();
    let dry_run_step = ("dry-run".to_owned(), "unproven".to_owned());
    assert_eq!(step_verdicts(&document), [dry_run_step, ("no-side-effects".to_owned(), "proven".to_owned())]);
    assert_eq!(document["steps"][0]["reason"], "refused");
    assert!(document["steps"][0]["evidence"].as_str().unwrap().contains("not-on-branch"), "{document:#}");
    let text_output = operator.rehearse(fixture.path(), &[]);
    assert!(
        text_output.code == 1 && text_output.stdout.contains("The release is refused"),
        "{}",
        text_output.stdout
    );
    let faults = operator.rehearse(fixture.path(), &["--fault", "all", "--format", "json"]);
    assert_eq!((faults.code, faults.json()["faults"].as_array().unwrap().len()), (1, 0));
    fixture.push_main();
    // Uncommitted changes are refused, unless they are allowed. Then the commit is rehearsed without them.
    fixture.write_file("server/main.py", b"changed\n");
    assert_eq!(operator.rehearse(fixture.path(), &[]).code, 1);
    expect_proven(&operator.rehearse(fixture.path(), &["--format", "json", "--allow", "clean-tree"]));
    fixture.git(["checkout", "-q", "."]);
}

#[test]
fn existing_tag_is_rehearsed_only_if_it_is_signed() {
    let fixture = TestRepository::with_release();
    let operator = OperatorHome::new();
    // From outside of the clone, with nothing unreleased.
    fixture.git(["tag", "server/v0.1.1"]);
    let outside = tempfile::tempdir().unwrap();
    let from = ["-C", fixture.path().to_str().unwrap()];
    let nothing_unreleased = operator.rehearse(outside.path(), &from);
    assert!(
        nothing_unreleased.code == 2 && nothing_unreleased.stderr.contains("has no unreleased changes"),
        "{}",
        nothing_unreleased.stderr
    );
    // An existing tag that is not signed is refused, as in a real release.
    let again = [&from[..], &["server/v0.1.1", "--format", "json"]].concat();
    let unsigned_tag = operator.rehearse(outside.path(), &again);
    assert_eq!(
        (unsigned_tag.code, &unsigned_tag.json()["steps"][2]["reason"]),
        (1, &"refused".into()),
        "{}",
        unsigned_tag.stdout
    );
    // A signed tag is replaced by one of the rehearsal, whoever signed it.
    fixture.git(["tag", "-d", "server/v0.1.1"]);
    let key = outside.path().join("key");
    run(hermetic_command("ssh-keygen", outside.path())
        .args(["-q", "-t", "ed25519", "-N", "", "-f"])
        .arg(&key))
    .ok();
    let format =
        ["-c", "gpg.format=ssh", "-c", &format!("user.signingKey={}", key.display())].map(str::to_owned);
    let sign = ["tag", "-s", "-m", "release: OpenSandbox Server v0.1.1", "server/v0.1.1"].map(str::to_owned);
    fixture.git([&format[..], &sign[..]].concat());
    let document = expect_proven(&operator.rehearse(outside.path(), &again));
    assert!(document["steps"][1]["evidence"].as_str().unwrap().contains("is created again"), "{document:#}");
}

/// Repositories of every layout, and those that cannot be rehearsed.
#[test]
fn every_clone_layout_is_rehearsed_or_refused() {
    let fixture = TestRepository::with_release();
    let operator = OperatorHome::new();
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
        let output = named(name, more);
        assert_eq!(output.code, 0, "{name}: {}\n{}", output.stdout, output.stderr);
        expect_proven(&output);
    }
    // A missing remote is an error. The rehearsal does not make one up.
    let missing = named("upstream", &["--initial-release", "--allow", "default-branch"]);
    assert!(missing.code == 1 && missing.stderr.contains("branch origin/main"), "{missing:?}");
    let shallow = named("shallow", &[]);
    assert_eq!(shallow.code, 1);
    let why = shallow.json()["steps"][0]["evidence"].as_str().unwrap().to_owned();
    assert!(why.contains("shallow"), "{why}");
    let inside = operator.rehearse(Path::new(&path("shallow")), &[]);
    assert!(inside.code == 2 && inside.stderr.contains("--demo"), "{}", inside.stderr);
    let enterprise = operator.rehearse(folder.path(), &["--demo", "-R", "ghe.example.com/acme/widgets"]);
    assert!(enterprise.code == 2 && enterprise.stderr.contains("-R acme/widgets"), "{}", enterprise.stderr);
    // A broken repository is an error. The demo is not rehearsed in its place.
    std::fs::remove_file(folder.path().join("upstream/.git/HEAD")).unwrap();
    let broken = operator.rehearse(&folder.path().join("upstream"), &["server/v0.1.1"]);
    assert!(broken.code == 1 && broken.stderr.contains("no git repository"), "{}", broken.stderr);
}

/// Environment variables that could redirect git, or make it start a program or write a file.
#[test]
fn rehearsal_ignores_the_operators_environment() {
    let fixture = TestRepository::with_release();
    let (operator, trap) = (OperatorHome::new(), tempfile::tempdir().unwrap());
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
    // git reads the operator's repository with the operator's settings, and may trace there. So the variable is
    // removed.
    command.env_remove("GIT_TRACE2_EVENT");
    expect_proven(&operator.run_unchanged(&mut command, fixture.path()));
    assert!(!touched.exists(), "a hook was started, or GITHUB_OUTPUT was written");
}

#[test]
fn files_changed_during_a_rehearsal_are_reported() {
    let (operator, nowhere) = (OperatorHome::new(), tempfile::tempdir().unwrap());
    let file = operator.home.path().join(".gitconfig");
    let path = operator.path_without_gh(&[(
        "sha256sum",
        &format!("#!/bin/sh\necho '# x' >> {}\nexec /usr/bin/sha256sum \"$@\"\n", file.display()),
    )]);
    let mut command = operator.command(nowhere.path(), &["--format", "json"]);
    let (document, verdict) = run(command.env("PATH", &path)).verdict();
    let last = document["steps"].as_array().unwrap().last().unwrap();
    assert_eq!((verdict.as_str(), &last["reason"]), ("refuted", &"changed".into()), "{document:#}");
    assert!(last["evidence"].as_str().unwrap().contains(".gitconfig"));
    // Without any path to compare, the last step is unproven.
    let mut command = operator.command(nowhere.path(), &["--format", "json"]);
    let (document, verdict) = run(command.env_remove("HOME").env("XDG_CACHE_HOME", "/nonexistent")).verdict();
    assert_eq!(verdict, "unproven", "{document:#}");
}

#[test]
fn every_kind_of_target_is_proven_on_the_demo() {
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
        let (operator, nowhere) = (OperatorHome::new(), tempfile::tempdir().unwrap());
        let document = expect_proven(&operator.rehearse(nowhere.path(), &["--format", "json", tag]));
        assert_eq!(document["subject"], tag);
    }
}

#[test]
fn release_flags_are_passed_to_the_rehearsal() {
    let fixture = TestRepository::with_release();
    let operator = OperatorHome::new();
    let document = expect_proven(&operator.rehearse(
        fixture.path(),
        &["--format", "json", "server/v0.3.0", "--initial-release", "--no-path-filter"],
    ));
    assert!(document["notes"].as_str().unwrap().contains("docs: say so"));
    // A template's path is relative to the working directory, and commands below the template's own headings are run.
    let template = "### My own\n```bash\nfor it in a b; do\n  test -n \"$it\"\ndone\nfalse\n```\n";
    fixture.write_file("my.md.j2", format!("## Verify this release\n{template}").as_bytes());
    let custom_template = operator.rehearse(fixture.path(), &["--format", "json", "--template", "my.md.j2"]);
    let (document, verdict) = custom_template.verdict();
    assert_eq!(
        (verdict.as_str(), count_commands(&document, "succeeded"), count_commands(&document, "failed")),
        ("refuted", 1, 1)
    );
    // Flags that could redirect a release, and unknown flags, are not accepted.
    for flag in ["--out=/tmp/elsewhere", "--draft", "--no-such-flag"] {
        let bad = operator.rehearse(fixture.path(), &[flag]);
        assert!(bad.code == 2 && bad.stderr.contains("unexpected argument"), "{}", bad.stderr);
    }
}

#[test]
fn keep_flag_prints_working_commands() {
    let (operator, nowhere) = (OperatorHome::new(), tempfile::tempdir().unwrap());
    let output = run(&mut operator.command(nowhere.path(), &["--keep"])).ok();
    let folder = std::fs::read_dir(operator.temp_dir.path()).unwrap().next().unwrap().unwrap().path();
    assert!(output.stdout.contains(&format!("Kept in {}", folder.display())), "{}", output.stdout);
    let lines = output.stdout.lines().skip_while(|it| !it.starts_with("Kept in ")).skip(1);
    let script: Vec<&str> = lines.take_while(|it| it.starts_with("  ")).collect();
    assert!(script.len() >= 4, "{script:?}");
    let script = script.join("\n").replace("cargo xtask", env!("CARGO_BIN_EXE_xtask"));
    let inspection =
        run(hermetic_command("bash", nowhere.path()).current_dir(nowhere.path()).args(["-euc", &script]))
            .ok();
    for expected in ["-----BEGIN PGP SIGNATURE-----", "# OpenSandbox Server v0.2.0", "proven"] {
        assert!(inspection.stdout.contains(expected), "no {expected} in\n{}", inspection.stdout);
    }
}

#[test]
fn interrupted_rehearsal_cleans_up() {
    for signal in ["INT", "TERM", "HUP", "QUIT"] {
        let (operator, nowhere) = (OperatorHome::new(), tempfile::tempdir().unwrap());
        let mut command = operator.command(nowhere.path(), &["--fault", "all", "-q"]);
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let begun = || std::fs::read_dir(operator.temp_dir.path()).unwrap().count() > 0;
        for _ in 0..600 {
            if begun() {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        assert!(begun(), "the rehearsal did not start");
        let id = child.id().to_string();
        run(hermetic_command("sh", nowhere.path()).args(["-c", "kill -\"$1\" \"$2\"", "sh", signal, &id]))
            .ok();
        let output = child.wait_with_output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{stderr}");
        assert!(stderr.contains("interrupted"), "{stderr}");
        assert_eq!(std::fs::read_dir(operator.temp_dir.path()).unwrap().count(), 0, "a file was left behind");
        operator.expect_no_process_left();
    }
}

#[test]
fn every_injected_fault_is_handled() {
    let (operator, nowhere) = (OperatorHome::new(), tempfile::tempdir().unwrap());
    let output = operator.rehearse(nowhere.path(), &["--fault", "all", "--format", "json"]);
    let (document, verdict) = output.verdict();
    let faults = document["faults"].as_array().unwrap();
    let row = |it: &Value| {
        let text = |key: &str| it[key].as_str().unwrap().to_owned();
        let end = if it["as_wanted"] == true { "as expected" } else { "NOT AS EXPECTED" };
        format!("{:<20} {end}: {}: {}", text("fault"), text("broke"), text("answer"))
    };
    print_note(&faults.iter().map(row).collect::<Vec<_>>().join("\n"));
    assert_eq!((verdict.as_str(), faults.len()), ("proven", 19));
    // A fault with an unexpected outcome is reported: this release is refused before the fault can occur.
    let output = operator.rehearse(
        nowhere.path(),
        &["--fault", "no-attestation", "--format", "json", "--from-tag", "server/v9.9.9"],
    );
    let (document, verdict) = output.verdict();
    assert_eq!((verdict.as_str(), &document["faults"][0]["as_wanted"]), ("refuted", &false.into()));
    let unknown = operator.rehearse(nowhere.path(), &["--fault", "everything"]);
    assert!(
        unknown.code == 2 && unknown.stderr.contains("use all, or one of kill-archive, "),
        "{}",
        unknown.stderr
    );
}

#[test]
fn rehearsal_opens_no_outside_connection() {
    let (operator, nowhere) = (OperatorHome::new(), tempfile::tempdir().unwrap());
    if run(hermetic_command("unshare", nowhere.path()).args(["-rn", "true"])).code != 0 {
        print_note("SKIPPED rehearsal_opens_no_outside_connection: no network namespace allowed");
        return;
    }
    let command = operator.command(nowhere.path(), &["--format", "json"]);
    // Sets up the loopback interface, the only one in the new network namespace.
    let up = "import fcntl, socket, struct, sys, os\n\
        s = socket.socket(); fcntl.ioctl(s, 0x8914, struct.pack('16sh', b'lo', 0x49))\n\
        os.execv(sys.argv[1], sys.argv[1:])\n";
    let mut inside = hermetic_command("unshare", nowhere.path());
    inside.current_dir(nowhere.path()).args(["-rn", "python3", "-c", up]);
    inside.arg(command.get_program()).args(command.get_args());
    inside
        .env("HOME", operator.home.path())
        .env("TMPDIR", operator.temp_dir.path())
        .env_remove("GIT_CONFIG_GLOBAL");
    expect_proven(&operator.run_unchanged(&mut inside, nowhere.path()));
}
