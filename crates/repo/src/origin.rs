//! A remote, asked and pushed to by the system's git, so that ssh, agents and credential helpers work as the operator set
//! them up.

use std::time::Duration;

use model::base::url;
use model::release::host::{RemoteRefs, RemoteTag};
use model::{CommitId, ObjectId, RepoSlug};

use crate::command::{Asked, git_outside, git_safely};
use crate::programs::{ALWAYS, Programs};
use crate::{Repo, RepoError};

/// A remote that is still thinking.
#[derive(Debug)]
pub struct AskedOrigin {
    asked: Asked,
    remote: String,
    reference: String,
    pushed_elsewhere: Option<String>,
}

impl Repo {
    /// Asks a remote for a tag, the other tags of its target, and the default branch. `idle` is how long nothing may move on
    /// an HTTP connection.
    #[must_use]
    pub fn ask_origin(&self, remote: &str, tag: &str, idle: Duration) -> AskedOrigin {
        let target = tag.rsplit_once('/').map_or(tag, |(target, _)| target);
        let others = format!("refs/tags/{target}/*");
        let reference = format!("refs/tags/{tag}");
        let [limit, time] = low_speed(idle);
        let peeled = format!("{reference}^{{}}");
        let patience = idle * 4;
        let names = ["HEAD", &reference, &peeled, &others];
        let asked = if self.programs == Programs::Operators {
            // Outside of the repository, whose configuration could send the operator's password through a proxy of its
            // own, write cookies into a file, or name another program for the remote's side.
            let address = self.plain_address(remote);
            let question = ["ls-remote", "--symref", "--upload-pack=git-upload-pack", "--", &address];
            let settings = [&[limit.as_str(), &time][..], &ALWAYS].concat();
            git_outside(&settings, &[&question[..], &names].concat(), patience)
        } else {
            let question = ["ls-remote", "--symref", "--", remote];
            git_safely(self, &[&limit, &time], &[&question[..], &names].concat()).within(patience)
        };
        let pushed_elsewhere = self.pushed_elsewhere(remote);
        AskedOrigin { asked, remote: remote.to_owned(), reference, pushed_elsewhere }
    }

    /// Pushes one tag and nothing else, never over another. Whether it arrived, the remote must be asked.
    ///
    /// # Errors
    /// [`RepoError::Push`] with what git said.
    pub fn push_tag(&self, remote: &str, tag: &str, idle: Duration) -> Result<(), RepoError> {
        let [limit, time] = low_speed(idle);
        let refspec = format!("refs/tags/{tag}:refs/tags/{tag}");
        // Settings that would push more than this one tag, or sign the push as well, take no part.
        let alone = ["push.followTags=false", "push.gpgSign=false", "push.recurseSubmodules=no"];
        let settings: Vec<&str> = [&limit, &time].into_iter().map(String::as_str).chain(alone).collect();
        let arguments = ["push", "--porcelain", "--", remote, &refspec];
        git_safely(self, &settings, &arguments).wait()?.map(drop).map_err(|said| RepoError::Push {
            tag: tag.to_owned(),
            remote: remote.to_owned(),
            said,
        })
    }

    /// Where a push goes, if that is another repository than the one that is asked. Two addresses of one repository, by https
    /// and by ssh, are no two repositories.
    fn pushed_elsewhere(&self, remote: &str) -> Option<String> {
        let remote = self.git.find_remote(remote).ok()?;
        let (asked, pushed) = (remote.url().ok()?, remote.pushurl().ok()??);
        let same = match (RepoSlug::from_remote_url(asked), RepoSlug::from_remote_url(pushed)) {
            (Some(asked), Some(pushed)) => asked == pushed,
            _ => asked == pushed,
        };
        (!same).then(|| url::redact_userinfo(pushed))
    }

    /// Whether the clone has a commit.
    #[must_use]
    pub fn has(&self, commit: CommitId) -> bool {
        self.git.find_commit(crate::oid(commit.object())).is_ok()
    }
}

/// The settings that end a connection on which next to nothing moves, in bytes per second (`git help config`,
/// `http.lowSpeedLimit`).
fn low_speed(idle: Duration) -> [String; 2] {
    ["http.lowSpeedLimit=1000".to_owned(), format!("http.lowSpeedTime={}", idle.as_secs().max(1))]
}

impl AskedOrigin {
    /// What it said.
    ///
    /// # Errors
    /// [`RepoError::Origin`] where it cannot be read.
    pub fn wait(self) -> Result<RemoteRefs, RepoError> {
        let failed = |said: String| RepoError::Origin { remote: self.remote.clone(), said };
        let answer = self.asked.wait()?.map_err(failed)?;
        let origin = parse(&String::from_utf8_lossy(&answer), &self.reference);
        let origin = origin.map(|it| RemoteRefs { divergent_push_url: self.pushed_elsewhere, ..it });
        origin
            .ok_or_else(|| RepoError::Origin { remote: self.remote, said: "it names no objects".to_owned() })
    }
}

/// Reads `git ls-remote --symref`: `ref: <branch>\tHEAD`, then `<object>\t<reference>`. Patterns match the ends of names,
/// so others than those asked for may stand there.
fn parse(text: &str, reference: &str) -> Option<RemoteRefs> {
    let peeled = format!("{reference}^{{}}");
    let (mut branch, mut tip, mut object, mut commit) = (None, None, None, None);
    let mut tags = Vec::new();
    for line in text.lines() {
        let (value, name) = line.split_once('\t')?;
        if let Some(target) = value.strip_prefix("ref: ") {
            branch =
                target.strip_prefix("refs/heads/").filter(|_| name == "HEAD").map(str::to_owned).or(branch);
            continue;
        }
        let id = ObjectId::from_hex(value)?;
        tags.extend(name.strip_prefix("refs/tags/").filter(|it| !it.ends_with("^{}")).map(str::to_owned));
        match name {
            "HEAD" => tip = Some(CommitId::new(id)),
            _ if name == reference => object = Some(id),
            _ if name == peeled => commit = Some(CommitId::new(id)),
            _ => {}
        }
    }
    let tag = object.map(|object| RemoteTag { object, commit: commit.unwrap_or(CommitId::new(object)) });
    Some(RemoteRefs { tag, default_branch: branch.zip(tip), tags, divergent_push_url: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_asked_for_counts() {
        let [a, b, c] = ["a", "b", "c"].map(|it| it.repeat(40));
        let text = format!(
            "ref: refs/heads/main\tHEAD\n{a}\tHEAD\n{c}\trefs/heads/refs/tags/server/v1\n{b}\trefs/tags/server/v1\n{a}\trefs/tags/server/v1^{{}}\n"
        );
        let id = |hex: &str| ObjectId::from_hex(hex).unwrap();
        let origin = parse(&text, "refs/tags/server/v1").unwrap();
        assert_eq!(origin.tag, Some(RemoteTag { object: id(&b), commit: CommitId::new(id(&a)) }));
        assert_eq!(origin.default_branch, Some(("main".to_owned(), CommitId::new(id(&a)))));
        assert_eq!(parse(&text, "refs/tags/server/v2").unwrap().tag, None);
        let light = parse(&format!("{c}\trefs/tags/server/v2\n"), "refs/tags/server/v2").unwrap();
        assert_eq!(light.tag, Some(RemoteTag { object: id(&c), commit: CommitId::new(id(&c)) }));
        let nothing = parse("", "refs/tags/x").unwrap();
        assert_eq!((nothing.tag, nothing.default_branch, nothing.tags.len()), (None, None, 0));
        assert_eq!(origin.tags, ["server/v1"]);
        assert_eq!(parse("not an object\trefs/tags/x\n", "refs/tags/x"), None);
    }
}
