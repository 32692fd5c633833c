//! A repository made on the spot, with what the real one has: every target's paths and tags, squashed and merged pull
//! requests, reverts, co-authors, programs, odd subjects. The same text gives the same objects every time.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use model::catalog::{SourceFormat, TagForm, Target, VersionSource};
use model::{Catalog, ReleaseTag};

use crate::github::hermetic;
use crate::{RehearsalError, failed};

/// When the first commit was made, in seconds since 1970 in UTC: 2026-05-28. The others follow, one an hour.
const BEGINNING: i64 = 1_780_000_000;
/// The version that every target was released with before.
const BEFORE: &str = "0.1.0";

const ADA: &str = "Ada Demo <101+ada-demo@users.noreply.github.com>";
const GRACE: &str = "Grace Demo <grace@demo.example>";
const EDSGER: &str = "Edsger Démo <edsger@demo.example>";
const BOT: &str = "demo-bot[bot] <202+demo-bot[bot]@users.noreply.github.com>";
const MAINTAINER: &str = "Demo Maintainer <maintainer@demo.example>";

/// What everyday commits say, after the target's name.
const EVERYDAY: [(&str, &str, &str); 8] = [
    (ADA, "feat", "tell how long a sandbox has been running"),
    (GRACE, "fix", "do not lose the last line of output"),
    (BOT, "chore", "bump @scope/example from 1.0 to 1.1"),
    (EDSGER, "docs", "say what happens when nobody listens"),
    (GRACE, "refactor", "one place for time-outs"),
    (ADA, "test", "hold it to `true` & <false>"),
    (EDSGER, "fix", "naïve time zones: Zürich is not UTC"),
    (GRACE, "perf", "ask once, not every time"),
];

/// Makes it in a bare repository, over the paths of a catalog, whose text is given: its default branch is ready for the tag's
/// release, and earlier ones have their tags. Gives the number of commits and of tags.
///
/// # Errors
/// [`RehearsalError`] where git is missing or refuses, and where the catalog or the tag is none.
pub fn demo(bare: &Path, catalog: &str, tag: &str) -> Result<(usize, usize), RehearsalError> {
    let unfit = |error: &dyn std::fmt::Display| {
        failed("make the demo repository")(std::io::Error::other(error.to_string()))
    };
    let catalog = Catalog::parse("the catalog", catalog).map_err(|error| unfit(&error))?;
    let tag = ReleaseTag::parse(&catalog, tag).map_err(|error| unfit(&error))?;
    let mut story = Story::begin(bare, &catalog.default_branch)?;
    story.tell(&catalog, &tag)?;
    story.end()
}

/// A commit that is to be made.
struct Commit<'a> {
    author: &'a str,
    path: &'a str,
    message: &'a str,
}

/// A history that is being told to `git fast-import` (`git help fast-import`).
struct Story {
    child: Child,
    stdin: ChildStdin,
    answers: BufReader<ChildStdout>,
    files: BTreeMap<String, String>,
    commits: usize,
    tags: usize,
    /// The default branch.
    main: String,
    /// The newest commit of each branch.
    heads: BTreeMap<Branch, usize>,
}

/// The branches of the story.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Branch {
    Main,
    Feature,
}

use Branch::{Feature, Main};

impl Story {
    fn begin(bare: &Path, main: &str) -> Result<Self, RehearsalError> {
        let mut command = Command::new("git");
        hermetic(&mut command);
        command.arg("-C").arg(bare).args(["fast-import", "--quiet", "--force"]);
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut child = child.map_err(failed("start git fast-import"))?;
        let gone = || failed("talk to git fast-import")(std::io::Error::other("it has no pipes"));
        let stdin = child.stdin.take().ok_or_else(gone)?;
        let answers = BufReader::new(child.stdout.take().ok_or_else(gone)?);
        let (files, heads) = (BTreeMap::new(), BTreeMap::new());
        Ok(Self { child, stdin, answers, files, commits: 0, tags: 0, main: main.to_owned(), heads })
    }

    /// Everything, from the first commit to the one that is to be released.
    fn tell(&mut self, catalog: &Catalog, tag: &ReleaseTag) -> Result<(), RehearsalError> {
        self.commit(Main, &Commit { author: ADA, path: "README.md", message: "chore: start the demo" })?;
        for target in catalog.targets() {
            self.found(target)?;
        }
        for target in catalog.targets() {
            self.release(target, tag)?;
        }
        let targets = catalog.targets().iter();
        let others: Vec<&Target> = targets.clone().filter(|it| it.id != tag.target()).collect();
        let mut number = 100;
        for (at, (author, kind, what)) in EVERYDAY.iter().cycle().take(7 * EVERYDAY.len()).enumerate() {
            let Some(target) = others.get(at % others.len().max(1)) else { break };
            number += 1;
            let scope = target.id.rsplit('/').next().unwrap_or_default();
            let message = format!("{kind}({scope}): {what} (#{number})");
            self.commit(Main, &Commit { author, path: &file(target), message: &message })?;
        }
        if let Some(target) = catalog.target(tag.target()) {
            self.lead_up(target, tag)?;
        }
        Ok(())
    }

    /// The target's first files.
    fn found(&mut self, target: &Target) -> Result<(), RehearsalError> {
        for path in &target.paths {
            let path = in_path(path.as_str());
            let message = format!("feat({}): begin", target.id.rsplit('/').next().unwrap_or_default());
            self.commit(Main, &Commit { author: GRACE, path: &path, message: &message })?;
        }
        match &target.version_source {
            Some(source) => self.set_version(source, BEFORE),
            None => Ok(()),
        }
    }

    /// The tag of the target's release before; half of them are annotated, as in the real repository. None where it would be
    /// the one that is to be made, whose form its own target always had.
    fn release(&mut self, target: &Target, next: &ReleaseTag) -> Result<(), RehearsalError> {
        let had_v = target.id == next.target() && next.label().starts_with('v');
        let form = if target.tag_form == TagForm::VPrefixed || had_v { "v" } else { "" };
        let name = format!("{}/{form}{BEFORE}", target.id);
        if name == next.name() {
            return Ok(());
        }
        self.tags += 1;
        let from = self.heads[&Main];
        if self.tags.is_multiple_of(2) {
            return self.say(&format!("reset refs/tags/{name}\nfrom :{from}\n\n"));
        }
        let message = format!("release: {name}\n");
        let time = self.time();
        let tag = format!("tag {name}\nfrom :{from}\ntagger {MAINTAINER} {time} +0000\n{}", data(&message));
        self.say(&tag)
    }

    /// What happened to the target since.
    fn lead_up(&mut self, target: &Target, tag: &ReleaseTag) -> Result<(), RehearsalError> {
        let path = &file(target);
        let scope = target.id.rsplit('/').next().unwrap_or_default();
        let on = |story: &mut Self, branch, author, message: &str| {
            story.commit(branch, &Commit { author, path, message: &message.replace("SCOPE", scope) })
        };
        on(self, Feature, GRACE, "feat(SCOPE): keep a pool of warm sandboxes")?;
        on(
            self,
            Feature,
            ADA,
            "fix(SCOPE): do not leak a sandbox when the pool is full\n\nCo-authored-by: Grace Demo <grace@demo.example>",
        )?;
        self.merge("Merge pull request #4 from demo/feature/pool")?;
        on(self, Main, BOT, "chore(deps): bump @scope/example from 1.0 to 1.1 in /SCOPE (#5)")?;
        on(self, Main, GRACE, "feat(SCOPE): cache everything (#6)")?;
        let reverted = self.name_of_last()?;
        on(
            self,
            Main,
            ADA,
            &format!("Revert \"feat(SCOPE): cache everything (#6)\" (#7)\n\nThis reverts commit {reverted}."),
        )?;
        let breaking =
            "feat(SCOPE)!: drop the v0 endpoints (#8)\n\nBREAKING CHANGE: clients of /v0 must move to /v1.";
        on(self, Main, GRACE, breaking)?;
        on(self, Main, EDSGER, "Fix the fix of the fix")?;
        on(self, Main, ADA, "perf(SCOPE):start in half the time (#10)")?;
        match &target.version_source {
            Some(source) => self.set_version(source, tag.version().as_str()),
            None => Ok(()),
        }
    }

    fn commit(&mut self, branch: Branch, it: &Commit<'_>) -> Result<(), RehearsalError> {
        let text = self.files.entry(it.path.to_owned()).or_default();
        writeln!(text, "{}", it.message.lines().next().unwrap_or_default())
            .expect("writing to a string cannot fail");
        let text = text.clone();
        self.write(branch, it, &text)
    }

    /// A commit that gives a file a text.
    fn write(&mut self, branch: Branch, it: &Commit<'_>, text: &str) -> Result<(), RehearsalError> {
        let from = self.heads.get(&branch).or(self.heads.get(&Main)).copied();
        let head = self.head(branch, it.author, it.message, from);
        let mode = "100644 inline";
        self.say(&format!("{head}M {mode} {}\n{}", it.path, data(text)))
    }

    fn merge(&mut self, message: &str) -> Result<(), RehearsalError> {
        let from = self.heads.get(&Main).copied();
        let merged = self.heads.remove(&Feature);
        let mut head = self.head(Main, MAINTAINER, message, from);
        if let Some(merged) = merged {
            writeln!(head, "merge :{merged}").expect("writing to a string cannot fail");
        }
        // A merge brings the branch's files with it.
        for (path, text) in &self.files {
            write!(head, "M 100644 inline {path}\n{}", data(text)).expect("writing to a string cannot fail");
        }
        self.say(&head)?;
        self.say("reset refs/heads/feature\nfrom 0000000000000000000000000000000000000000\n\n")
    }

    fn head(&mut self, branch: Branch, author: &str, message: &str, from: Option<usize>) -> String {
        self.commits += 1;
        let (mark, time) = (self.commits, self.time());
        self.heads.insert(branch, mark);
        let from = from.map_or(String::new(), |it| format!("from :{it}\n"));
        let name = if branch == Main { &self.main } else { "feature" };
        format!(
            "commit refs/heads/{name}\nmark :{mark}\nauthor {author} {time} +0000\ncommitter {MAINTAINER} {time} +0000\n{}{from}",
            data(message)
        )
    }

    fn time(&self) -> i64 {
        BEGINNING + 3600 * i64::try_from(self.commits).unwrap_or_default()
    }

    fn set_version(&mut self, source: &VersionSource, version: &str) -> Result<(), RehearsalError> {
        let text = version_file(source, version);
        let message = format!("chore: version {version} in {}", source.file);
        self.files.insert(source.file.clone(), text.clone());
        self.write(Main, &Commit { author: GRACE, path: &source.file, message: &message }, &text)
    }

    /// The full name of the commit that was made last.
    fn name_of_last(&mut self) -> Result<String, RehearsalError> {
        self.say(&format!("get-mark :{}\n", self.commits))?;
        let mut line = String::new();
        self.answers.read_line(&mut line).map_err(failed("hear git fast-import"))?;
        Ok(line.trim().to_owned())
    }

    fn say(&mut self, text: &str) -> Result<(), RehearsalError> {
        self.stdin
            .write_all(text.as_bytes())
            .and_then(|()| self.stdin.flush())
            .map_err(failed("talk to git fast-import"))
    }

    fn end(self) -> Result<(usize, usize), RehearsalError> {
        let Self { mut child, stdin, commits, tags, .. } = self;
        drop(stdin);
        let status = child.wait().map_err(failed("wait for git fast-import"))?;
        if !status.success() {
            return Err(failed("make the demo repository")(std::io::Error::other(status.to_string())));
        }
        Ok((commits, tags))
    }
}

/// Text as `git fast-import` takes it.
fn data(text: &str) -> String {
    format!("data {}\n{text}\n", text.len())
}

/// A file that a target's commits change.
fn file(target: &Target) -> String {
    target.paths.first().map_or_else(|| "README.md".to_owned(), |it| in_path(it.as_str()))
}

/// A path itself where it looks like a file's, as in `specs/api.yml`; else a file in it.
fn in_path(path: &str) -> String {
    let name = path.rsplit('/').next().unwrap_or_default();
    let is_file = name.rsplit_once('.').is_some_and(|(_, ending)| {
        (1..=5).contains(&ending.len()) && ending.bytes().all(|it| it.is_ascii_lowercase())
    });
    if is_file { path.to_owned() } else { format!("{path}/demo.txt") }
}

/// A file that carries a version where a target's source says.
fn version_file(source: &VersionSource, version: &str) -> String {
    let each = |line: &dyn Fn(&str) -> String| source.keys.iter().map(|it| line(it)).collect::<String>();
    match source.format {
        SourceFormat::Json => {
            let mut document = serde_json::Value::Null;
            for key in &source.keys {
                let names = key.trim_start_matches('/').split('/');
                let place = names.fold(&mut document, |it, name| &mut it[name]);
                *place = version.into();
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
