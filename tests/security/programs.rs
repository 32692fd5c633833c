//! Case 93: programs that a repository or the working directory names, and reading commands that start none of them.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::record;
use crate::support::repository::{run, say};
use crate::support::test_bed::{TAG, TOKEN, World, without_secret};

/// Every key of git's configuration by which git, in any of its commands, can start a program (`git help config`, git
/// 2.47). `NAME` is a subsection of the attacker's choice.
const KEYS: &[&str] = &[
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

/// Files that git, gh, gpg, ssh, npm and pip look for, in the working directory.
const FILES: &[(&str, &str)] = &[
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

/// The hooks of git (`githooks(5)`).
const HOOKS: &[&str] = &[
    "fsmonitor-watchman",
    "post-checkout",
    "post-index-change",
    "pre-auto-gc",
    "pre-push",
    "push-to-checkout",
    "reference-transaction",
];

/// A clone that is hostile in every way, and the file that tells what ran.
struct Hostile {
    world: World,
    ran: PathBuf,
}

impl Hostile {
    fn new() -> Self {
        let world = World::new();
        world.clone.git(["config", "--unset-all", "credential.helper"]);
        let ran = world.home.path().join("ran");
        let hostile = Self { world, ran };
        for (number, key) in KEYS.iter().enumerate() {
            let script = hostile.script(&format!("bin/{number}"), key);
            let value = if key.starts_with("alias.") || key.contains("helper") {
                format!("!{}", script.display())
            } else {
                script.display().to_string()
            };
            hostile.world.clone.git(["config", &key.replace("NAME", "evil"), &value]);
        }
        for (key, value) in [
            ("protocol.ext.allow", "always"),
            ("filter.evil.required", "true"),
            ("hook.evil.event", "post-index-change"),
            ("core.hooksPath", ".evil-hooks"),
        ] {
            hostile.world.clone.git(["config", key, value]);
        }
        for hook in HOOKS {
            hostile.script(&format!(".evil-hooks/{hook}"), hook);
            hostile.script(&format!(".git/hooks/{hook}"), hook);
        }
        for program in ["git", "gh", "gpg", "gpgconf", "ssh", "ssh-keygen"] {
            hostile.script(program, program);
        }
        let script = hostile.script("bin/file", "a file of the working directory");
        for (path, text) in FILES {
            hostile.world.clone.write(path, text.replace("SCRIPT", &script.display().to_string()).as_bytes());
        }
        hostile.world.clone.write(".git/info/attributes", b"*.py filter=evil diff=evil merge=evil\n");
        // The same bytes at another time: git reads the file, and would filter it, to know whether it changed.
        hostile.world.clone.write("server/main.py", b"serve(1)\n");
        hostile
    }

    /// A program that tells that it ran.
    fn script(&self, path: &str, name: &str) -> PathBuf {
        let text = format!("#!/bin/sh\necho '{name}' >> {}\nexit 1\n", self.ran.display());
        self.world.clone.write(path, text.as_bytes());
        let file = self.world.clone.path().join(path);
        let mode: std::fs::Permissions = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(&file, mode).unwrap();
        file
    }

    /// A command in the clone, without a token in the environment: one has to be looked for.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.world.command(arguments);
        command.env_remove("GH_TOKEN").env("RELEASE_HTTP_TRIES", "1").env("RELEASE_HTTP_TIMEOUT", "5");
        command
    }

    fn has_run(&self) -> String {
        std::fs::read_to_string(&self.ran).unwrap_or_default()
    }
}

/// Every command that only reads.
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
        &["audit", "server/v0.1.0"],
        &["audit", "--all"],
        &["rehearse", TAG],
    ];
    commands.iter().map(|it| it.iter().map(|it| (*it).to_owned()).collect()).collect()
}

#[test]
fn case_93_reading_commands_start_no_program_that_a_repository_names() {
    let hostile = Hostile::new();
    let commands = reading_commands(&hostile.world.home.path().join("out"));
    let mut ran = Vec::new();
    for arguments in &commands {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        for format in ["ssh", "openpgp", "x509"] {
            hostile.world.clone.git(["config", "gpg.format", format]);
            let report = without_secret(run(&mut hostile.command(&arguments)));
            assert_ne!(report.code, 101, "{arguments:?}: {}", report.stderr);
            let programs = hostile.has_run();
            if !programs.is_empty() {
                ran.push(format!("{arguments:?} ({format}): {}", programs.trim().replace('\n', ", ")));
                std::fs::remove_file(&hostile.ran).unwrap();
            }
            if !arguments.iter().any(|it| it.contains("sign-tag")) {
                break;
            }
        }
    }
    assert!(ran.is_empty(), "{ran:#?}");
    // The trap works: git itself falls into it.
    let mut git = crate::support::repository::hermetic("git", hostile.world.home.path());
    run(git.arg("-C").arg(hostile.world.clone.path()).args(["status", "--short"]));
    assert!(hostile.has_run().contains("core.fsmonitor"), "{}", hostile.has_run());
    say(&format!("case 93: {} keys, {} commands, nothing ran", KEYS.len(), commands.len()));
    record(
        93,
        "programs that a repository's configuration names",
        &format!("{} keys, {} commands, none started", KEYS.len(), commands.len()),
        "the operator's own helper is started",
    );
}

#[test]
fn the_operators_own_helper_is_started_where_a_token_is_needed() {
    let hostile = Hostile::new();
    let own = hostile.world.home.path().join("own.gitconfig");
    let helper = format!(
        "[credential]\n\thelper = \"!f() {{ echo own >> {}; echo username=x; echo password={TOKEN}; }}; f\"\n",
        hostile.ran.display()
    );
    std::fs::write(&own, helper).unwrap();
    let mut command = hostile.command(&["doctor", TAG, "--push", "--format", "json"]);
    let report = without_secret(run(command.env("GIT_CONFIG_GLOBAL", &own)));
    let checks = report.json()["checks"].as_array().unwrap().clone();
    let credentials = checks.iter().find(|it| it["check"] == "credentials").unwrap();
    assert!(credentials["evidence"].as_str().unwrap().contains("git credential fill"), "{credentials:#}");
    assert_eq!(hostile.has_run(), "own\n");
    std::fs::remove_file(&hostile.ran).unwrap();
    // Where no request needs a token, none is looked for.
    let mut command = hostile.command(&["verify", "server/main.py", "--trusted-root", "none.json"]);
    run(command.env("GIT_CONFIG_GLOBAL", &own));
    let mut command = hostile.command(&["audit", "server/v0.1.0"]);
    run(command.env("GIT_CONFIG_GLOBAL", &own));
    assert_eq!(hostile.has_run(), "");
    std::fs::remove_file(own).unwrap();
}

#[test]
fn addresses_that_run_a_command_are_not_asked() {
    for address in ["ext::SCRIPT", "ssh://git@127.0.0.1:1/acme/widgets"] {
        let hostile = Hostile::new();
        let script = hostile.script("bin/address", "the address").display().to_string();
        hostile.world.clone.git(["remote", "set-url", "origin", &address.replace("SCRIPT", &script)]);
        let ran = run(hostile.command(&["release", TAG, "--push", "--dry-run"]).env("GH_TOKEN", TOKEN));
        assert_eq!(ran.code, 1, "{address}: {}", ran.stdout);
        assert_eq!(hostile.has_run(), "", "{address}");
    }
    let hostile = Hostile::new();
    let script = hostile.script("bin/address", "the address").display().to_string();
    let here = hostile.world.github.clone_url();
    hostile.world.clone.git(["config", &format!("url.ext::{script} .insteadOf"), &here]);
    run(hostile.command(&["doctor", TAG, "--push"]).env("GH_TOKEN", TOKEN));
    assert_eq!(hostile.has_run(), "", "insteadOf");
}
