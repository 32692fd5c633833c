//! The name of a repository on a GitHub host.

use std::fmt;

use serde::{Serialize, Serializer};

/// A repository on a GitHub host, displayed as `OWNER/NAME` on github.com and as `HOST/OWNER/NAME` elsewhere. Two names
/// that differ only in case are equal, because GitHub ignores the case of owners and repositories.
#[derive(Debug, Clone)]
pub struct RepoSlug {
    host: String,
    owner: String,
    name: String,
}

impl PartialEq for RepoSlug {
    fn eq(&self, other: &Self) -> bool {
        let same = |a: &str, b: &str| a.eq_ignore_ascii_case(b);
        same(&self.host, &other.host) && same(&self.owner, &other.owner) && same(&self.name, &other.name)
    }
}

impl Eq for RepoSlug {}

/// The error for a text that is not a repository name; it carries the text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid repository '{0}': expected [HOST/]OWNER/NAME")]
pub struct SlugError(pub String);

impl RepoSlug {
    /// Parses `[HOST/]OWNER/NAME`. Without a host it is github.com.
    ///
    /// # Errors
    /// [`SlugError`] if the text has another form, or characters that GitHub does not allow in names.
    pub fn parse(text: &str) -> Result<Self, SlugError> {
        let parts: Vec<&str> = text.split('/').collect();
        let (host, owner, name) = match parts[..] {
            [owner, name] => ("github.com", owner, name),
            [host, owner, name] => (host, owner, name),
            _ => return Err(SlugError(text.to_owned())),
        };
        let plain = |part: &str| {
            !part.is_empty()
                && !part.starts_with(['.', '-'])
                && part.chars().all(|c| c.is_ascii_alphanumeric() || "-_.:".contains(c))
        };
        if ![host, owner, name].into_iter().all(plain) || owner.contains(':') || name.contains(':') {
            return Err(SlugError(text.to_owned()));
        }
        Ok(Self { host: host.to_ascii_lowercase(), owner: owner.to_owned(), name: name.to_owned() })
    }

    /// Returns the repository that a remote's URL names: `https://`, `http://`, `ssh://`, `git://` or `user@host:path`.
    /// Returns `None` for a local path and for any other form. User, password and SSH port are dropped.
    #[must_use]
    pub fn from_remote_url(url: &str) -> Option<Self> {
        let rest = match url.split_once("://") {
            Some(("https" | "http" | "ssh" | "git", rest)) => rest.to_owned(),
            Some(_) => return None,
            None => {
                let (host, path) = url.split_once(':')?;
                if host.contains('/') || host.len() < 2 {
                    return None;
                }
                format!("{host}/{}", path.trim_start_matches('/'))
            }
        };
        let rest = rest.trim_end_matches('/');
        let rest = rest.strip_suffix(".git").unwrap_or(rest);
        let (authority, path) = rest.split_once('/')?;
        let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        let host = match host.split_once(':') {
            Some((name, _)) if url.starts_with("ssh://") => name,
            _ => host,
        };
        let host = if host == "ssh.github.com" { "github.com" } else { host };
        Self::parse(&format!("{host}/{path}")).ok()
    }

    /// The host in lower case, with its port if the name has one.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Returns `OWNER/NAME`, GitHub's `full_name`.
    #[must_use]
    pub fn full_name(&self) -> String {
        format!("{}/{}", self.owner, self.name)
    }

    /// Returns the URL of the repository's page, without `.git`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("https://{}/{}/{}", self.host, self.owner, self.name)
    }
}

impl fmt::Display for RepoSlug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host != "github.com" {
            write!(f, "{}/", self.host)?;
        }
        write!(f, "{}/{}", self.owner, self.name)
    }
}

impl Serialize for RepoSlug {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_github_remote_urls_are_slugs() {
        for url in [
            "https://github.com/acme/widgets",
            "https://github.com/acme/widgets.git",
            "https://token@github.com/acme/widgets/",
            "git@github.com:acme/widgets.git",
            "ssh://git@github.com/acme/widgets.git",
            "ssh://git@ssh.github.com:443/acme/widgets.git",
        ] {
            assert_eq!(RepoSlug::from_remote_url(url).unwrap().to_string(), "acme/widgets", "{url}");
        }
        for url in
            ["/srv/acme/widgets.git", "../widgets", "file:///srv/acme/widgets", "C:/acme/widgets", "x", ""]
        {
            assert_eq!(RepoSlug::from_remote_url(url), None, "{url}");
        }
        let enterprise = RepoSlug::from_remote_url("git@ghe.example.com:acme/widgets.git").unwrap();
        assert_eq!(enterprise.to_string(), "ghe.example.com/acme/widgets");
        assert_eq!(enterprise.url(), "https://ghe.example.com/acme/widgets");
    }

    #[test]
    fn malformed_slugs_are_rejected() {
        assert_eq!(RepoSlug::parse("acme/widgets").unwrap().url(), "https://github.com/acme/widgets");
        for bad in ["acme", "acme/", "/widgets", "a/b/c/d", "acme/wid gets", "acme/$(x)", "-x/y", "a/..", ""]
        {
            assert!(RepoSlug::parse(bad).is_err(), "accepted {bad:?}");
        }
    }
}
