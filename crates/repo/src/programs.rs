//! Overrides the programs that a repository's configuration would make git start.
//!
//! git starts programs that its configuration names: credential helpers, ssh commands, filters, file system monitors,
//! hooks. The configuration of a repository is not trusted, because the repository may come from another person.
//! Commands that only read therefore use only programs from the operator's scopes (system, global, command) and none
//! from the repository's files (`git help config`, "SCOPES": local and worktree). git cannot ignore those files, so
//! every program key in them is set again with `git -c`: to the operator's value, or to a neutral one.

use crate::command::spawn_git;
use crate::error::RepoError;
use crate::program_policy::FIXED_SETTINGS;
use crate::repository::Repo;
use model::release::request::ProgramPolicy;

/// Configuration keys that name a program which the commands of this crate (`status`, `ls-remote`, `ls-files`, `var`,
/// `config`) may start. `*` matches any subsection.
const PROGRAM_KEYS: [&str; 17] = [
    "core.fsmonitor",
    "core.sshcommand",
    "core.askpass",
    "core.gitproxy",
    "credential.helper",
    "credential.*.helper",
    "filter.*.clean",
    "filter.*.smudge",
    "filter.*.process",
    "filter.*.required",
    "protocol.*.allow",
    "remote.*.vcs",
    "gpg.program",
    "gpg.*.program",
    "gpg.ssh.defaultkeycommand",
    "include.path",
    "includeif.*.path",
];

/// A key and value of git's configuration, and whether they come from a file of the repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ConfigEntry {
    pub(crate) key: String,
    pub(crate) value: String,
    pub(crate) from_repository: bool,
}

/// Whether a key matches one of [`PROGRAM_KEYS`]. Section and name must be in lower case, as git prints them.
fn is_program_key(key: &str) -> bool {
    PROGRAM_KEYS.iter().any(|form| match form.split_once('*') {
        None => key == *form,
        Some((section, name)) => {
            key.len() > section.len() + name.len() && key.starts_with(section) && key.ends_with(name)
        }
    })
}

/// Common configuration keys of clones, which start no program. `*` matches any subsection.
const HARMLESS_KEYS: [&str; 18] = [
    "core.repositoryformatversion",
    "core.filemode",
    "core.bare",
    "core.logallrefupdates",
    "core.ignorecase",
    "core.precomposeunicode",
    "core.symlinks",
    "remote.*.url",
    "remote.*.fetch",
    "branch.*.remote",
    "branch.*.merge",
    "branch.*.rebase",
    "user.name",
    "user.email",
    "user.signingkey",
    "gpg.format",
    "tag.gpgsign",
    "commit.gpgsign",
];
/// The size in bytes from which on a configuration is not simple, so that git itself reads it.
const MAX_SIMPLE_CONFIG_BYTES: usize = 64 << 10;

/// Whether a configuration sets only [`HARMLESS_KEYS`], and has no escapes, quoted values, comments or continued
/// lines (`git help config`, "CONFIGURATION FILE"). Every parser reads such a file in the same way.
fn is_simple_config(text: &str) -> bool {
    let mut section = "";
    let mut has_name = false;
    text.split('\n').all(|line| {
        if line.chars().any(|c| matches!(c, '\\' | '#' | ';') || c.is_control() && c != '\t') {
            return false;
        }
        if let Some(head) = line.strip_prefix('[').and_then(|it| it.strip_suffix(']')) {
            let (name, subsection) = match head.split_once(' ') {
                Some((name, quoted)) => {
                    (name, quoted.strip_prefix('"').and_then(|it| it.strip_suffix('"')).unwrap_or("\""))
                }
                None => (head, ""),
            };
            (section, has_name) = (name, head.contains(' '));
            return !subsection.contains(['"', '[', ']']) && name.bytes().all(|it| it.is_ascii_lowercase());
        }
        let Some((key, value)) = line.trim_start().split_once(" = ") else { return line.trim().is_empty() };
        let key = key.to_ascii_lowercase();
        let is_key = |form: &&str| match form.split_once(".*.") {
            Some((name, last)) => has_name && name == section && last == key,
            None => !has_name && **form == format!("{section}.{key}"),
        };
        !value.contains('"') && HARMLESS_KEYS.iter().any(is_key)
    })
}

impl Repo {
    /// Returns the settings (`git -c`) that keep git from starting programs of the repository's configuration. Empty
    /// under [`ProgramPolicy::AllConfig`].
    ///
    /// # Errors
    /// [`RepoError::GitCommand`] if git cannot list its configuration, [`RepoError::UnsafeConfigKey`] if the
    /// repository sets a program key that cannot be overridden.
    pub fn safe_settings(&self) -> Result<Vec<String>, RepoError> {
        if self.program_policy == ProgramPolicy::AllConfig {
            return Ok(Vec::new());
        }
        let mut settings: Vec<String> = FIXED_SETTINGS.map(str::to_owned).into();
        if !self.has_simple_config() {
            settings.extend(overrides(&self.config_entries()?).map_err(RepoError::UnsafeConfigKey)?);
        }
        Ok(settings)
    }

    /// Whether the repository's configuration is a single file that passes [`is_simple_config`]. If not, git itself
    /// must list the configuration, because libgit2 reads some lines differently.
    fn has_simple_config(&self) -> bool {
        let folder = self.git.path();
        // With these files git may read another configuration file, whether or not libgit2 does.
        let others = ["commondir", "config.worktree"];
        if others.iter().any(|it| folder.join(it).symlink_metadata().is_ok()) {
            return false;
        }
        std::fs::read(folder.join("config")).is_ok_and(|bytes| {
            bytes.len() < MAX_SIMPLE_CONFIG_BYTES && std::str::from_utf8(&bytes).is_ok_and(is_simple_config)
        })
    }

    /// Returns git's whole configuration in the order in which git reads it. Starts no program except git itself.
    ///
    /// # Errors
    /// [`RepoError::GitCommand`] if git fails.
    pub(crate) fn config_entries(&self) -> Result<Vec<ConfigEntry>, RepoError> {
        let list = ["config", "--null", "--show-scope", "--list"];
        let output = spawn_git(self, &[], &list).wait()?;
        let output = output
            .map_err(|reason| RepoError::GitCommand { command: "git config --list".to_owned(), reason })?;
        Ok(parse_config_list(&String::from_utf8_lossy(&output)))
    }
}

/// Parses the output of `git config --null --show-scope --list`: the scope, the key and, after a line end, the value.
/// A key without a value is `true`.
pub(crate) fn parse_config_list(text: &str) -> Vec<ConfigEntry> {
    let mut parts = text.split('\0');
    let mut entries = Vec::new();
    while let (Some(scope), Some(entry)) = (parts.next(), parts.next()) {
        let (key, value) = entry.split_once('\n').unwrap_or((entry, "true"));
        let from_repository = matches!(scope, "local" | "worktree" | "submodule");
        entries.push(ConfigEntry { key: key.to_owned(), value: value.to_owned(), from_repository });
    }
    entries
}

/// Returns the settings that override the repository's program keys. The error is a key that `git -c` cannot set
/// because it contains `=`: `-c` ends the key at the first `=`.
fn overrides(all: &[ConfigEntry]) -> Result<Vec<String>, String> {
    let program_entries =
        all.iter().filter(|it| it.from_repository && is_program_key(&it.key.to_ascii_lowercase()));
    let mut keys: Vec<&str> = program_entries.map(|it| it.key.as_str()).collect();
    keys.sort_unstable();
    keys.dedup();
    if let Some(key) = keys.iter().find(|it| it.contains('=')) {
        return Err((*key).to_owned());
    }
    let mut settings = Vec::new();
    let is_helper = |key: &str| key.starts_with("credential.") && key.ends_with(".helper");
    if keys.iter().any(|it| is_helper(it)) {
        // An empty value clears all previous helpers, also those for a single URL (`git help credentials`). The
        // operator's helpers are then added again.
        settings.push("credential.helper=".to_owned());
        let operators = all.iter().filter(|it| !it.from_repository && is_helper(&it.key));
        settings.extend(operators.map(|it| format!("{}={}", it.key, it.value)));
    }
    for key in keys {
        let neutral = match key {
            _ if is_helper(key) || key.starts_with("include") || key.starts_with("gpg.") => continue,
            "core.fsmonitor" => "false",
            "core.sshcommand" => "ssh",
            "core.gitproxy" => {
                // git uses the first value that matches a host, so a later value cannot override it. Block the
                // protocol.
                settings.push("protocol.git.allow=never".to_owned());
                continue;
            }
            _ if FIXED_SETTINGS.iter().any(|it| it.starts_with(&format!("{key}="))) => continue,
            _ if key.starts_with("protocol.") => "never",
            _ if key.ends_with(".required") => "false",
            _ => "",
        };
        let operators = all.iter().rfind(|it| !it.from_repository && it.key == key);
        settings.push(format!("{key}={}", operators.map_or(neutral, |it| it.value.as_str())));
    }
    Ok(settings)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config_list(entries: &[(&str, &str, &str)]) -> Vec<ConfigEntry> {
        let lines: Vec<String> =
            entries.iter().map(|(scope, key, value)| format!("{scope}\0{key}\n{value}\0")).collect();
        parse_config_list(&lines.concat())
    }

    #[test]
    fn repository_program_settings_are_overridden() {
        let all = config_list(&[
            ("global", "credential.helper", "store"),
            ("global", "core.sshcommand", "ssh -4"),
            ("global", "filter.lfs.clean", "git-lfs clean"),
            ("local", "credential.https://x.helper", "!evil"),
            ("local", "core.sshcommand", "evil"),
            ("local", "core.fsmonitor", "evil"),
            ("local", "filter.lfs.clean", "evil"),
            ("local", "filter.own.process", "evil"),
            ("local", "filter.own.required", "true"),
            ("local", "user.name", "Ada"),
        ]);
        let expected = [
            "credential.helper=",
            "credential.helper=store",
            "core.fsmonitor=false",
            "core.sshcommand=ssh -4",
            "filter.lfs.clean=git-lfs clean",
            "filter.own.process=",
            "filter.own.required=false",
        ];
        assert_eq!(overrides(&all).unwrap(), expected);
        let harmless = config_list(&[("global", "core.sshcommand", "ssh"), ("local", "user.name", "Ada")]);
        assert_eq!(overrides(&harmless).unwrap(), [] as [&str; 0]);
        let hidden = config_list(&[("local", "filter.a=b.clean", "evil")]);
        assert_eq!(overrides(&hidden), Err("filter.a=b.clean".to_owned()));
    }

    #[test]
    fn only_simple_configuration_is_accepted() {
        let clone = "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n[remote \"origin\"]\n\turl = https://x/y.git\n\tfetch = +refs/heads/*:refs/remotes/origin/*\n[branch \"main\"]\n\tremote = origin\n\tmerge = refs/heads/main\n[user]\n\tsigningKey = /k\n";
        assert!(is_simple_config(clone) && is_simple_config(""));
        for more in [
            "[core]\n\tfsmonitor = evil\n",
            "[user]\n\tx = a\\\n; b\n[core]\n\tfsmonitor = evil\n",
            "[user]\n\tname = a\\\n",
            "[user] name = a\n",
            "[core]\n\tbare = true # no\n",
            "[core]\n\tbare\n",
            "[core]\r\n",
            "[core \"x\"]\n\tbare = true\n",
            "[remote]\n\turl = x\n",
            "[remote \"a\"]\n\tvcs = x\n",
            "[remote \"a\"b\"]\n\turl = x\n",
            "[include]\n\tpath = x\n",
            "[user]\n\tname = \"a\n",
            "[filter \"x\"]\n\tclean = x\n",
            "\u{feff}[core]\n",
        ] {
            assert!(!is_simple_config(&format!("{clone}{more}")), "{more:?}");
        }
    }

    #[test]
    fn program_keys_match_any_subsection() {
        for key in ["filter.a.b.clean", "credential.https://x.y/z.helper", "gpg.x509.program", "core.askpass"]
        {
            assert!(is_program_key(key), "{key}");
        }
        for key in ["filter.clean", "credential.username", "user.name", "gpg.format"] {
            assert!(!is_program_key(key), "{key}");
        }
    }
}
