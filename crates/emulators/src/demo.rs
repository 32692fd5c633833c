//! A generated demo repository with the features of a real one: paths and tags of every target, squashed and merged
//! pull requests, reverts, co-authors, bots, unusual subjects. The same `release.toml` and tag always give the same
//! objects.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use model::catalog::{SourceFormat, TagForm, Target, VersionSource};
use model::{Catalog, ReleaseTag};

use crate::error::{EmulatorError, failed_to};
use crate::github::git::isolate_git;

/// The base of all commit times, in seconds since 1970 in UTC: 2026-05-28. Commit number N is N hours later.
const FIRST_COMMIT_TIME: i64 = 1_780_000_000;
/// The version of the previous release of every target.
const PREVIOUS_VERSION: &str = "0.1.0";

const ADA: &str = "Ada Demo <101+ada-demo@users.noreply.github.com>";
const GRACE: &str = "Grace Demo <grace@demo.example>";
const EDSGER: &str = "Edsger Démo <edsger@demo.example>";
const BOT: &str = "demo-bot[bot] <202+demo-bot[bot]@users.noreply.github.com>";
const MAINTAINER: &str = "Demo Maintainer <maintainer@demo.example>";

/// Author, type and subject of routine commits. The message is `TYPE(TARGET): SUBJECT (#NUMBER)`.
const ROUTINE_COMMITS: [(&str, &str, &str); 8] = [
    (ADA, "feat", "tell how long a sandbox has been running"),
    (GRACE, "fix", "do not lose the last line of output"),
    (BOT, "chore", "bump @scope/example from 1.0 to 1.1"),
    (EDSGER, "docs", "say what happens when no one listens"),
    (GRACE, "refactor", "one place for time-outs"),
    (ADA, "test", "hold it to `true` & <false>"),
    (EDSGER, "fix", "naïve time zones: Zürich is not UTC"),
    (GRACE, "perf", "ask once, not every time"),
];

/// Writes the demo history to the bare repository `bare` and returns the number of commits and of tags. `catalog` is
/// the text of a `release.toml`, which gives the targets and their paths. The default branch is ready for the release
/// of `tag`, and previous releases have their tags.
///
/// # Errors
/// [`EmulatorError`] if git is missing or fails, or if `catalog` or `tag` is invalid.
pub fn create_demo_repository(
    bare: &Path,
    catalog: &str,
    tag: &str,
) -> Result<(usize, usize), EmulatorError> {
    let to_error = |error: &dyn std::fmt::Display| {
        failed_to("create the demo repository")(std::io::Error::other(error.to_string()))
    };
    let catalog = Catalog::parse("release.toml", catalog).map_err(|error| to_error(&error))?;
    let tag = ReleaseTag::parse(&catalog, tag).map_err(|error| to_error(&error))?;
    let mut import = FastImport::start(bare, &catalog.default_branch)?;
    import.write_history(&catalog, &tag)?;
    import.finish()
}

/// A commit to write. It appends the subject of its message to the file at `path`.
struct DemoCommit<'a> {
    author: &'a str,
    path: &'a str,
    message: &'a str,
}

/// A running `git fast-import` and the state of the history so far (`git help fast-import`).
struct FastImport {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
    /// The content of every file, by path.
    files: BTreeMap<String, String>,
    /// The number of commits so far, which is also the mark of the newest one.
    commits: usize,
    tags: usize,
    /// The name of the default branch.
    default_branch: String,
    /// The mark of the newest commit of each branch.
    heads: BTreeMap<DemoBranch, usize>,
}

/// The branches of the demo history: the default branch and one that is merged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum DemoBranch {
    Main,
    Feature,
}

use DemoBranch::{Feature, Main};

impl FastImport {
    /// Starts `git fast-import` in the bare repository.
    fn start(bare: &Path, default_branch: &str) -> Result<Self, EmulatorError> {
        let mut command = Command::new("git");
        isolate_git(&mut command);
        command.arg("-C").arg(bare).args(["fast-import", "--quiet", "--force"]);
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut child = child.map_err(failed_to("start git fast-import"))?;
        let missing_pipe =
            || failed_to("start git fast-import")(std::io::Error::other("its pipes are missing"));
        let stdin = child.stdin.take().ok_or_else(missing_pipe)?;
        let stdout = BufReader::new(child.stdout.take().ok_or_else(missing_pipe)?);
        let (files, heads) = (BTreeMap::new(), BTreeMap::new());
        Ok(Self {
            child,
            stdin,
            stdout,
            files,
            commits: 0,
            tags: 0,
            default_branch: default_branch.to_owned(),
            heads,
        })
    }

    /// Writes the whole history, from the first commit to the one to release.
    fn write_history(&mut self, catalog: &Catalog, tag: &ReleaseTag) -> Result<(), EmulatorError> {
        self.add_commit(
            Main,
            &DemoCommit { author: ADA, path: "README.md", message: "chore: start the demo" },
        )?;
        for target in catalog.targets() {
            self.add_target(target)?;
        }
        for target in catalog.targets() {
            self.tag_previous_version(target, tag)?;
        }
        let targets = catalog.targets().iter();
        let others: Vec<&Target> = targets.clone().filter(|it| it.id != tag.target()).collect();
        let mut number = 100;
        for (index, (author, kind, subject)) in
            ROUTINE_COMMITS.iter().cycle().take(7 * ROUTINE_COMMITS.len()).enumerate()
        {
            let Some(target) = others.get(index % others.len().max(1)) else { break };
            number += 1;
            let scope = target.id.rsplit('/').next().unwrap_or_default();
            let message = format!("{kind}({scope}): {subject} (#{number})");
            self.add_commit(Main, &DemoCommit { author, path: &target_file(target), message: &message })?;
        }
        if let Some(target) = catalog.target(tag.target()) {
            self.add_unreleased(target, tag)?;
        }
        Ok(())
    }

    /// Writes the first commit of each path of a target, and its version file.
    fn add_target(&mut self, target: &Target) -> Result<(), EmulatorError> {
        for path in &target.paths {
            let path = file_in_path(path.as_str());
            let message = format!("feat({}): begin", target.id.rsplit('/').next().unwrap_or_default());
            self.add_commit(Main, &DemoCommit { author: GRACE, path: &path, message: &message })?;
        }
        match &target.version_source {
            Some(source) => self.commit_version(source, PREVIOUS_VERSION),
            None => Ok(()),
        }
    }

    /// Writes the tag of the target's previous release. Every other tag is annotated, as in the real repository.
    ///
    /// Writes nothing if the previous tag has the name of the tag to release. The released target keeps the form of
    /// that tag (`v0.1.0` or `0.1.0`) for its previous one.
    fn tag_previous_version(&mut self, target: &Target, next: &ReleaseTag) -> Result<(), EmulatorError> {
        let v_prefixed = target.id == next.target() && next.label().starts_with('v');
        let form = if target.tag_form == TagForm::VPrefixed || v_prefixed { "v" } else { "" };
        let name = format!("{}/{form}{PREVIOUS_VERSION}", target.id);
        if name == next.name() {
            return Ok(());
        }
        self.tags += 1;
        let from = self.heads[&Main];
        if self.tags.is_multiple_of(2) {
            return self.send(&format!("reset refs/tags/{name}\nfrom :{from}\n\n"));
        }
        let message = format!("release: {name}\n");
        let time = self.commit_time();
        let tag =
            format!("tag {name}\nfrom :{from}\ntagger {MAINTAINER} {time} +0000\n{}", data_command(&message));
        self.send(&tag)
    }

    /// Writes the commits since the previous release of the target to release: every kind of entry that release notes
    /// must handle.
    fn add_unreleased(&mut self, target: &Target, tag: &ReleaseTag) -> Result<(), EmulatorError> {
        let path = &target_file(target);
        let scope = target.id.rsplit('/').next().unwrap_or_default();
        let commit_on = |import: &mut Self, branch, author, message: &str| {
            import.add_commit(branch, &DemoCommit { author, path, message: &message.replace("SCOPE", scope) })
        };
        commit_on(self, Feature, GRACE, "feat(SCOPE): keep a pool of warm sandboxes")?;
        commit_on(
            self,
            Feature,
            ADA,
            "fix(SCOPE): do not leak a sandbox when the pool is full\n\nCo-authored-by: Grace Demo <grace@demo.example>",
        )?;
        self.add_merge("Merge pull request #4 from demo/feature/pool")?;
        commit_on(self, Main, BOT, "chore(deps): bump @scope/example from 1.0 to 1.1 in /SCOPE (#5)")?;
        commit_on(self, Main, GRACE, "feat(SCOPE): cache everything (#6)")?;
        let reverted = self.last_commit_id()?;
        commit_on(
            self,
            Main,
            ADA,
            &format!("Revert \"feat(SCOPE): cache everything (#6)\" (#7)\n\nThis reverts commit {reverted}."),
        )?;
        let breaking =
            "feat(SCOPE)!: drop the v0 endpoints (#8)\n\nBREAKING CHANGE: clients of /v0 must move to /v1.";
        commit_on(self, Main, GRACE, breaking)?;
        commit_on(self, Main, EDSGER, "Fix the fix of the fix")?;
        commit_on(self, Main, ADA, "perf(SCOPE):start in half the time (#10)")?;
        match &target.version_source {
            Some(source) => self.commit_version(source, tag.version().as_str()),
            None => Ok(()),
        }
    }

    /// Appends the subject of the message to the file of the commit, and writes the commit.
    fn add_commit(&mut self, branch: DemoBranch, commit: &DemoCommit<'_>) -> Result<(), EmulatorError> {
        let text = self.files.entry(commit.path.to_owned()).or_default();
        writeln!(text, "{}", commit.message.lines().next().unwrap_or_default())
            .expect("writing to a string cannot fail");
        let text = text.clone();
        self.write_commit(branch, commit, &text)
    }

    /// Writes a commit that replaces the content of its file by `text`.
    fn write_commit(
        &mut self,
        branch: DemoBranch,
        commit: &DemoCommit<'_>,
        text: &str,
    ) -> Result<(), EmulatorError> {
        let from = self.heads.get(&branch).or(self.heads.get(&Main)).copied();
        let head = self.commit_header(branch, commit.author, commit.message, from);
        let mode = "100644 inline";
        self.send(&format!("{head}M {mode} {}\n{}", commit.path, data_command(text)))
    }

    /// Writes a merge of the feature branch into the default branch, and deletes the feature branch.
    fn add_merge(&mut self, message: &str) -> Result<(), EmulatorError> {
        let from = self.heads.get(&Main).copied();
        let feature_head = self.heads.remove(&Feature);
        let mut head = self.commit_header(Main, MAINTAINER, message, from);
        if let Some(feature_head) = feature_head {
            writeln!(head, "merge :{feature_head}").expect("writing to a string cannot fail");
        }
        // A merge in fast-import starts from the tree of its first parent, so the merged files are written again.
        for (path, text) in &self.files {
            write!(head, "M 100644 inline {path}\n{}", data_command(text))
                .expect("writing to a string cannot fail");
        }
        self.send(&head)?;
        self.send("reset refs/heads/feature\nfrom 0000000000000000000000000000000000000000\n\n")
    }

    /// Returns the start of a `commit` command, up to the parent, and makes the commit the head of its branch.
    fn commit_header(
        &mut self,
        branch: DemoBranch,
        author: &str,
        message: &str,
        from: Option<usize>,
    ) -> String {
        self.commits += 1;
        let (mark, time) = (self.commits, self.commit_time());
        self.heads.insert(branch, mark);
        let from = from.map_or(String::new(), |it| format!("from :{it}\n"));
        let name = if branch == Main { &self.default_branch } else { "feature" };
        format!(
            "commit refs/heads/{name}\nmark :{mark}\nauthor {author} {time} +0000\ncommitter {MAINTAINER} {time} +0000\n{}{from}",
            data_command(message)
        )
    }

    /// Returns the time of the newest commit, in seconds since 1970 in UTC.
    fn commit_time(&self) -> i64 {
        FIRST_COMMIT_TIME + 3600 * i64::try_from(self.commits).unwrap_or_default()
    }

    /// Writes a commit that sets the version in the version file.
    fn commit_version(&mut self, source: &VersionSource, version: &str) -> Result<(), EmulatorError> {
        let text = render_version_file(source, version);
        let message = format!("chore: version {version} in {}", source.file);
        self.files.insert(source.file.clone(), text.clone());
        self.write_commit(Main, &DemoCommit { author: GRACE, path: &source.file, message: &message }, &text)
    }

    /// Returns the full object ID of the newest commit.
    fn last_commit_id(&mut self) -> Result<String, EmulatorError> {
        self.send(&format!("get-mark :{}\n", self.commits))?;
        let mut line = String::new();
        self.stdout.read_line(&mut line).map_err(failed_to("read from git fast-import"))?;
        Ok(line.trim().to_owned())
    }

    /// Writes commands to `git fast-import`.
    fn send(&mut self, text: &str) -> Result<(), EmulatorError> {
        self.stdin
            .write_all(text.as_bytes())
            .and_then(|()| self.stdin.flush())
            .map_err(failed_to("write to git fast-import"))
    }

    /// Waits for `git fast-import` to end, and returns the number of commits and of tags.
    fn finish(self) -> Result<(usize, usize), EmulatorError> {
        let Self { mut child, stdin, commits, tags, .. } = self;
        drop(stdin);
        let status = child.wait().map_err(failed_to("wait for git fast-import"))?;
        if !status.success() {
            return Err(failed_to("create the demo repository")(std::io::Error::other(status.to_string())));
        }
        Ok((commits, tags))
    }
}

/// Returns a `data` command with this text in the exact byte count format.
fn data_command(text: &str) -> String {
    format!("data {}\n{text}\n", text.len())
}

/// Returns the file that the commits of a target change: in its first path, or `README.md` if it has no path.
fn target_file(target: &Target) -> String {
    target.paths.first().map_or_else(|| "README.md".to_owned(), |it| file_in_path(it.as_str()))
}

/// Returns the path itself if it looks like that of a file, as in `specs/api.yml`, otherwise a file in it. A path
/// counts as a file if its extension has 1 to 5 lower-case letters.
fn file_in_path(path: &str) -> String {
    let name = path.rsplit('/').next().unwrap_or_default();
    let is_file = name.rsplit_once('.').is_some_and(|(_, ending)| {
        (1..=5).contains(&ending.len()) && ending.bytes().all(|it| it.is_ascii_lowercase())
    });
    if is_file { path.to_owned() } else { format!("{path}/demo.txt") }
}

/// Returns a version file in the format of `source` that has the version under every key.
fn render_version_file(source: &VersionSource, version: &str) -> String {
    let each = |line: &dyn Fn(&str) -> String| source.keys.iter().map(|it| line(it)).collect::<String>();
    match source.format {
        SourceFormat::Json => {
            let mut document = serde_json::Value::Null;
            for key in &source.keys {
                let names = key.trim_start_matches('/').split('/');
                let value = names.fold(&mut document, |it, name| &mut it[name]);
                *value = version.into();
            }
            format!("{document}\n")
        }
        SourceFormat::Properties => each(&|key| format!("{key}={version}\n")),
        SourceFormat::Yaml => each(&|key| format!("{key}: \"{version}\"\n")),
        SourceFormat::Xml => {
            format!("<Project>{}</Project>\n", each(&|key| format!("<{key}>{version}</{key}>")))
        }
        SourceFormat::GoMod => {
            let major = version.split('.').next().unwrap_or_default();
            let suffix = if ["0", "1"].contains(&major) { String::new() } else { format!("/v{major}") };
            format!("module demo.example/module{suffix}\n")
        }
    }
}
