//! Case 93: programs that a repository or the working directory configures. Commands that only read start none of them.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::record_case;
use crate::support::repository::{print_note, run};
use crate::support::test_bed::{TAG, TOKEN, TestBed, expect_no_secret};

/// Every git configuration key by which some git command starts a program (`git help config`, git 2.47). `NAME` is a
/// subsection that the attacker chooses.
const PROGRAM_KEYS: &[&str] = &[
    "alias.config",
    "alias.credential",
    "alias.ls-remote",
    "alias.status",
    "browser.NAME.cmd",
    "browser.NAME.path",
    "core.alternateRefsCommand",
    "core.askPass",
    "core.editor",
    "core.fsmonitor",
    "core.gitProxy",
    "core.pager",
    "core.sshCommand",
    "credential.helper",
    "credential.http://127.0.0.1.helper",
    "credential.https://github.com.helper",
    "diff.NAME.command",
    "diff.NAME.textconv",
    "diff.external",
    "diff.guitool",
    "difftool.NAME.cmd",
    "filter.NAME.clean",
    "filter.NAME.process",
    "filter.NAME.smudge",
    "gpg.openpgp.program",
    "gpg.program",
    "gpg.ssh.defaultKeyCommand",
    "gpg.ssh.program",
    "gpg.x509.program",
    "guitool.NAME.cmd",
    "hook.NAME.command",
    "imap.tunnel",
    "instaweb.httpd",
    "interactive.diffFilter",
    "man.NAME.cmd",
    "merge.NAME.driver",
    "mergetool.NAME.cmd",
    "pager.config",
    "pager.ls-remote",
    "pager.status",
    "receive.procReceiveRefs",
    "remote.origin.receivepack",
    "remote.origin.uploadpack",
    "sendemail.sendmailCmd",
    "sequence.editor",
    "tar.tar.gz.command",
    "trailer.NAME.cmd",
    "trailer.NAME.command",
    "uploadpack.packObjectsHook",
    "web.browser",
];

/// Configuration files of git, gh, gpg, ssh, npm and pip, placed in the working directory.
const CONFIG_FILES: &[(&str, &str)] = &[
    (".gitconfig", "[core]\n\tfsmonitor = SCRIPT\n[credential]\n\thelper = SCRIPT\n"),
    (".config/git/config", "[credential]\n\thelper = SCRIPT\n"),
    (".config/gh/config.yml", "pager: SCRIPT\nbrowser: SCRIPT\neditor: SCRIPT\n"),
    (".npmrc", "script-shell=SCRIPT\ngit=SCRIPT\n"),
    ("pip.conf", "[global]\nkeyring-provider = subprocess\n"),
    (".netrc", "machine 127.0.0.1 login x password y\n"),
    (".gnupg/gpg.conf", "photo-viewer \"SCRIPT\"\nlist-options show-photos\n"),
    ("gpg.conf", "photo-viewer \"SCRIPT\"\n"),
    (".ssh/config", "Host *\n\tProxyCommand SCRIPT\n"),
    ("ssh_config", "Host *\n\tProxyCommand SCRIPT\n"),
];

/// Hooks of git (`githooks(5)`).
const HOOK_NAMES: &[&str] = &[
    "fsmonitor-watchman",
    "post-checkout",
    "post-index-change",
    "pre-auto-gc",
    "pre-push",
    "push-to-checkout",
    "reference-transaction",
];

/// A clone that configures a program in every possible way, and the log of the programs that were started.
struct HostileClone {
    bed: TestBed,
    started_log: PathBuf,
}

impl HostileClone {
    fn new() -> Self {
        let bed = TestBed::new();
        bed.clone.git(["config", "--unset-all", "credential.helper"]);
        let started_log = bed.home.path().join("ran");
        let hostile = Self { bed, started_log };
        for (number, key) in PROGRAM_KEYS.iter().enumerate() {
            let script = hostile.write_script(&format!("bin/{number}"), key);
            let value = if key.starts_with("alias.") || key.contains("helper") {
                format!("!{}", script.display())
            } else {
                script.display().to_string()
            };
            hostile.bed.clone.git(["config", &key.replace("NAME", "evil"), &value]);
        }
        for (key, value) in [
            ("protocol.ext.allow", "always"),
            ("filter.evil.required", "true"),
            ("hook.evil.event", "post-index-change"),
            ("core.hooksPath", ".evil-hooks"),
        ] {
            hostile.bed.clone.git(["config", key, value]);
        }
        for hook in HOOK_NAMES {
            hostile.write_script(&format!(".evil-hooks/{hook}"), hook);
            hostile.write_script(&format!(".git/hooks/{hook}"), hook);
        }
        for program in ["git", "gh", "gpg", "gpgconf", "ssh", "ssh-keygen"] {
            hostile.write_script(program, program);
        }
        let script = hostile.write_script("bin/file", "a file of the working directory");
        for (path, text) in CONFIG_FILES {
            hostile
                .bed
                .clone
                .write_file(path, text.replace("SCRIPT", &script.display().to_string()).as_bytes());
        }
        hostile.bed.clone.write_file(".git/info/attributes", b"*.py filter=evil diff=evil merge=evil\n");
        // The same content with a new modification time: to find out whether the file changed, git would read and
        // filter it.
        hostile.bed.clone.write_file("server/main.py", b"serve(1)\n");
        hostile
    }

    /// Writes a program that logs its name and fails.
    fn write_script(&self, path: &str, name: &str) -> PathBuf {
        let text = format!("#!/bin/sh\necho '{name}' >> {}\nexit 1\n", self.started_log.display());
        self.bed.clone.write_file(path, text.as_bytes());
        let file = self.bed.clone.path().join(path);
        let mode: std::fs::Permissions = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(&file, mode).unwrap();
        file
    }

    /// Returns a command in the clone. The environment has no token, so the suite has to look one up.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.bed.command(arguments);
        command.env_remove("GH_TOKEN").env("RELEASE_HTTP_TRIES", "1").env("RELEASE_HTTP_TIMEOUT", "5");
        command
    }

    fn started_programs(&self) -> String {
        std::fs::read_to_string(&self.started_log).unwrap_or_default()
    }
}

/// Returns the arguments of every command that only reads.
fn reading_commands(out: &Path) -> Vec<Vec<String>> {
    let out = out.display().to_string();
    let file = format!("sha256:{}", "0".repeat(64));
    let commands: &[&[&str]] = &[
        &["targets"],
        &["status"],
        &["status", "server"],
        &["notes", TAG],
        &["archive", TAG, "--out", &out],
        &["doctor"],
        &["doctor", TAG],
        &["doctor", TAG, "--sign-tag"],
        &["doctor", TAG, "--sign-tag", "--push"],
        &["release", TAG, "--dry-run"],
        &["release", TAG, "--sign-tag", "--dry-run"],
        &["release", TAG, "--sign-tag", "--push", "--dry-run"],
        &["config", "show"],
        &["config", "init", "--signer"],
        &["trusted-root", "show", "--offline"],
        &["verify-tag", "server/v0.1.0"],
        &["verify", &file],
        &["verify", "server/main.py"],
        &["audit", "server/v0.1.0", "--channel", "source"],
        &["audit", "--all", "--channel", "source"],
        &["rehearse", TAG],
    ];
    commands.iter().map(|it| it.iter().map(|it| (*it).to_owned()).collect()).collect()
}

#[test]
fn case_93_reading_commands_start_no_configured_program() {
    let hostile = HostileClone::new();
    let commands = reading_commands(&hostile.bed.home.path().join("out"));
    let mut started = Vec::new();
    for arguments in &commands {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        for format in ["ssh", "openpgp", "x509"] {
            hostile.bed.clone.git(["config", "gpg.format", format]);
            let report = expect_no_secret(run(&mut hostile.command(&arguments)));
            assert_ne!(report.code, 101, "{arguments:?}: {}", report.stderr);
            let programs = hostile.started_programs();
            if !programs.is_empty() {
                started.push(format!("{arguments:?} ({format}): {}", programs.trim().replace('\n', ", ")));
                std::fs::remove_file(&hostile.started_log).unwrap();
            }
            if !arguments.iter().any(|it| it.contains("sign-tag")) {
                break;
            }
        }
    }
    assert!(started.is_empty(), "{started:#?}");
    // The trap is armed: git itself starts a configured program.
    let mut git = crate::support::repository::hermetic_command("git", hostile.bed.home.path());
    run(git.arg("-C").arg(hostile.bed.clone.path()).args(["status", "--short"]));
    assert!(hostile.started_programs().contains("core.fsmonitor"), "{}", hostile.started_programs());
    print_note(&format!(
        "case 93: {} keys, {} commands, no program started",
        PROGRAM_KEYS.len(),
        commands.len()
    ));
    record_case(
        93,
        "programs that a repository configures",
        &format!("{} keys, {} commands, none started", PROGRAM_KEYS.len(), commands.len()),
        "the operator's helper is started",
    );
}

#[test]
fn operators_credential_helper_is_used() {
    let hostile = HostileClone::new();
    let user_config = hostile.bed.home.path().join("own.gitconfig");
    let helper = format!(
        "[credential]\n\thelper = \"!f() {{ echo own >> {}; echo username=x; echo password={TOKEN}; }}; f\"\n",
        hostile.started_log.display()
    );
    std::fs::write(&user_config, helper).unwrap();
    let mut command = hostile.command(&["doctor", TAG, "--push", "--format", "json"]);
    let report = expect_no_secret(run(command.env("GIT_CONFIG_GLOBAL", &user_config)));
    let checks = report.json()["checks"].as_array().unwrap().clone();
    let credentials = checks.iter().find(|it| it["check"] == "credentials").unwrap();
    assert!(credentials["evidence"].as_str().unwrap().contains("git credential fill"), "{credentials:#}");
    assert_eq!(hostile.started_programs(), "own\n");
    std::fs::remove_file(&hostile.started_log).unwrap();
    // If no request needs a token, none is looked up.
    let mut command = hostile.command(&["verify", "server/main.py", "--trusted-root", "none.json"]);
    run(command.env("GIT_CONFIG_GLOBAL", &user_config));
    let mut command = hostile.command(&["audit", "server/v0.1.0", "--channel", "source"]);
    run(command.env("GIT_CONFIG_GLOBAL", &user_config));
    assert_eq!(hostile.started_programs(), "");
    std::fs::remove_file(user_config).unwrap();
}

#[test]
fn remote_urls_that_run_commands_are_refused() {
    for address in ["ext::SCRIPT", "ssh://git@127.0.0.1:1/acme/widgets"] {
        let hostile = HostileClone::new();
        let script = hostile.write_script("bin/address", "the address").display().to_string();
        hostile.bed.clone.git(["remote", "set-url", "origin", &address.replace("SCRIPT", &script)]);
        let output = run(hostile.command(&["release", TAG, "--push", "--dry-run"]).env("GH_TOKEN", TOKEN));
        assert_eq!(output.code, 1, "{address}: {}", output.stdout);
        assert_eq!(hostile.started_programs(), "", "{address}");
    }
    let hostile = HostileClone::new();
    let script = hostile.write_script("bin/address", "the address").display().to_string();
    let clone_url = hostile.bed.github.clone_url();
    hostile.bed.clone.git(["config", &format!("url.ext::{script} .insteadOf"), &clone_url]);
    run(hostile.command(&["doctor", TAG, "--push"]).env("GH_TOKEN", TOKEN));
    assert_eq!(hostile.started_programs(), "", "insteadOf");
}
