//! Queries a remote and pushes to it. The system's git does both, so that the operator's ssh configuration, agents
//! and credential helpers apply.

use std::time::Duration;

use model::base::url;
use model::release::host::{RemoteRefs, RemoteTag};
use model::{CommitId, ObjectId, RepoSlug};

use crate::command::{GitProcess, spawn_git_outside, spawn_git_safely};
use crate::error::RepoError;
use crate::program_policy::FIXED_SETTINGS;
use crate::repository::Repo;
use model::release::request::ProgramPolicy;

/// A running `git ls-remote`; call `wait` for its result.
#[derive(Debug)]
pub struct PendingRemoteRefs {
    process: GitProcess,
    remote: String,
    reference: String,
    divergent_push_url: Option<String>,
}

impl Repo {
    /// Starts `git ls-remote` for a tag, all tags of its target and the default branch. `idle_timeout` is the longest
    /// time without data on an HTTP connection; the whole command may take four times as long.
    #[must_use]
    pub fn spawn_ls_remote(&self, remote: &str, tag: &str, idle_timeout: Duration) -> PendingRemoteRefs {
        let target = tag.rsplit_once('/').map_or(tag, |(target, _)| target);
        let target_tags = format!("refs/tags/{target}/*");
        let reference = format!("refs/tags/{tag}");
        let [limit, time] = idle_timeout_config(idle_timeout);
        let peeled = format!("{reference}^{{}}");
        let timeout = idle_timeout * 4;
        let patterns = ["HEAD", &reference, &peeled, &target_tags];
        let process = if self.program_policy == ProgramPolicy::ProtectedConfig {
            // Run outside of the repository: its configuration could send the operator's password through a proxy,
            // write cookies to a file, or set another program for the remote side.
            let address = self.raw_remote_url(remote);
            let arguments = ["ls-remote", "--symref", "--upload-pack=git-upload-pack", "--", &address];
            let settings = [&[limit.as_str(), &time][..], &FIXED_SETTINGS].concat();
            spawn_git_outside(&settings, &[&arguments[..], &patterns].concat(), timeout)
        } else {
            let arguments = ["ls-remote", "--symref", "--", remote];
            spawn_git_safely(self, &[&limit, &time], &[&arguments[..], &patterns].concat())
                .with_timeout(timeout)
        };
        let divergent_push_url = self.divergent_push_url(remote);
        PendingRemoteRefs { process, remote: remote.to_owned(), reference, divergent_push_url }
    }

    /// Pushes one tag and nothing else, and never overwrites a tag. The exit code does not prove that the remote kept
    /// the tag: query the remote afterwards.
    ///
    /// # Errors
    /// [`RepoError::Push`] with git's message.
    pub fn push_tag(&self, remote: &str, tag: &str, idle_timeout: Duration) -> Result<(), RepoError> {
        let [limit, time] = idle_timeout_config(idle_timeout);
        let refspec = format!("refs/tags/{tag}:refs/tags/{tag}");
        // Override settings that would push more than this tag, or sign the push.
        let push_settings = ["push.followTags=false", "push.gpgSign=false", "push.recurseSubmodules=no"];
        let settings: Vec<&str> =
            [&limit, &time].into_iter().map(String::as_str).chain(push_settings).collect();
        let arguments = ["push", "--porcelain", "--", remote, &refspec];
        spawn_git_safely(self, &settings, &arguments).wait()?.map(drop).map_err(|reason| RepoError::Push {
            tag: tag.to_owned(),
            remote: remote.to_owned(),
            reason,
        })
    }

    /// Returns the push URL of a remote, without credentials, if it names another repository than the fetch URL. An
    /// HTTPS and an SSH URL of the same repository are equal. `None` if they agree or no push URL is set.
    fn divergent_push_url(&self, remote: &str) -> Option<String> {
        let remote = self.git.find_remote(remote).ok()?;
        let (fetch_url, push_url) = (remote.url().ok()?, remote.pushurl().ok()??);
        let is_same = match (RepoSlug::from_remote_url(fetch_url), RepoSlug::from_remote_url(push_url)) {
            (Some(fetch_url), Some(push_url)) => fetch_url == push_url,
            _ => fetch_url == push_url,
        };
        (!is_same).then(|| url::redact_userinfo(push_url))
    }

    /// Whether the commit object is in the clone.
    #[must_use]
    pub fn has_commit(&self, commit: CommitId) -> bool {
        self.git.find_commit(crate::object_ids::oid(commit.object())).is_ok()
    }
}

/// Returns the settings that close an HTTP connection with less than 1000 bytes per second for this time, at least 1
/// s (`git help config`, `http.lowSpeedLimit`).
fn idle_timeout_config(idle: Duration) -> [String; 2] {
    ["http.lowSpeedLimit=1000".to_owned(), format!("http.lowSpeedTime={}", idle.as_secs().max(1))]
}

impl PendingRemoteRefs {
    /// Returns the refs of the remote.
    ///
    /// # Errors
    /// [`RepoError::LsRemote`] if git fails or its output cannot be parsed.
    pub fn wait(self) -> Result<RemoteRefs, RepoError> {
        let failed = |reason: String| RepoError::LsRemote { remote: self.remote.clone(), reason };
        let output = self.process.wait()?.map_err(failed)?;
        let refs = parse_ls_remote(&String::from_utf8_lossy(&output), &self.reference);
        let refs = refs.map(|it| RemoteRefs { divergent_push_url: self.divergent_push_url, ..it });
        refs.ok_or_else(|| RepoError::LsRemote {
            remote: self.remote,
            reason: "git ls-remote printed a line without an object id".to_owned(),
        })
    }
}

/// Parses the output of `git ls-remote --symref`: `ref: <branch>\tHEAD`, then `<object>\t<reference>`. Returns `None`
/// for any other line. Patterns match the end of a name, so that the output may contain other references; they are
/// ignored.
fn parse_ls_remote(text: &str, reference: &str) -> Option<RemoteRefs> {
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
    fn refs_not_asked_for_are_ignored() {
        let [a, b, c] = ["a", "b", "c"].map(|it| it.repeat(40));
        let text = format!(
            "ref: refs/heads/main\tHEAD\n{a}\tHEAD\n{c}\trefs/heads/refs/tags/server/v1\n{b}\trefs/tags/server/v1\n{a}\trefs/tags/server/v1^{{}}\n"
        );
        let id = |hex: &str| ObjectId::from_hex(hex).unwrap();
        let origin = parse_ls_remote(&text, "refs/tags/server/v1").unwrap();
        assert_eq!(origin.tag, Some(RemoteTag { object: id(&b), commit: CommitId::new(id(&a)) }));
        assert_eq!(origin.default_branch, Some(("main".to_owned(), CommitId::new(id(&a)))));
        assert_eq!(parse_ls_remote(&text, "refs/tags/server/v2").unwrap().tag, None);
        let light = parse_ls_remote(&format!("{c}\trefs/tags/server/v2\n"), "refs/tags/server/v2").unwrap();
        assert_eq!(light.tag, Some(RemoteTag { object: id(&c), commit: CommitId::new(id(&c)) }));
        let nothing = parse_ls_remote("", "refs/tags/x").unwrap();
        assert_eq!((nothing.tag, nothing.default_branch, nothing.tags.len()), (None, None, 0));
        assert_eq!(origin.tags, ["server/v1"]);
        assert_eq!(parse_ls_remote("not an object\trefs/tags/x\n", "refs/tags/x"), None);
    }
}
