//! URLs of requests, and the checks that decide whether a token may be sent to them.

use reqwest::Url;

/// An absolute URL of any scheme.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpUrl(Url);

impl HttpUrl {
    /// Parses a URL. Returns `None` if it is not valid or not absolute (WHATWG URL Standard).
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Url::parse(text).ok().map(Self)
    }

    /// Returns true if the scheme is `https`.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.0.scheme() == "https"
    }

    /// Returns true if the scheme is `http` and the host is this machine, so that requests are not sent over a network.
    #[must_use]
    pub fn is_local_http(&self) -> bool {
        self.0.scheme() == "http" && self.0.host_str().is_some_and(is_loopback)
    }

    /// Returns true if the scheme is `http`, on any host.
    #[must_use]
    pub fn is_http(&self) -> bool {
        self.0.scheme() == "http"
    }

    /// Returns the host. `None` if the URL has none.
    #[must_use]
    pub fn host(&self) -> Option<&str> {
        self.0.host_str()
    }

    /// Returns true if the URL contains a user name or a password.
    #[must_use]
    pub fn has_credentials(&self) -> bool {
        !self.0.username().is_empty() || self.0.password().is_some()
    }

    /// Returns the URL without user name and password.
    #[must_use]
    pub fn without_credentials(&self) -> String {
        let mut url = self.0.clone();
        // Both fail only for a URL that cannot have credentials.
        url.set_username("").ok();
        url.set_password(None).ok();
        url.into()
    }

    /// Resolves a reference against this URL (WHATWG URL Standard). If the result has the same origin and no
    /// credentials of its own, it gets those of this URL. `None` if the reference is not valid.
    #[must_use]
    pub fn join(&self, reference: &str) -> Option<String> {
        let mut url = self.0.join(reference).ok()?;
        let has_own = !url.username().is_empty() || url.password().is_some();
        if url.origin() == self.0.origin() && !has_own && self.has_credentials() {
            url.set_username(self.0.username()).ok()?;
            url.set_password(self.0.password()).ok()?;
        }
        Some(url.into())
    }

    /// Returns true if scheme, host and port equal those of `other`. A token may be sent to the same origin only.
    #[must_use]
    pub fn is_same_origin(&self, other: &Self) -> bool {
        self.0.origin() == other.0.origin()
    }

    /// Returns scheme, host and port, as in `https://api.github.com`.
    #[must_use]
    pub fn origin(&self) -> String {
        self.0.origin().ascii_serialization()
    }

    /// Returns the path without trailing slashes: empty, or as in `/api/v3`.
    #[must_use]
    pub fn path(&self) -> &str {
        self.0.path().trim_end_matches('/')
    }

    /// Returns the URL with another host and without a path. `None` if the host is not valid.
    #[must_use]
    pub fn with_host(&self, host: &str) -> Option<Self> {
        let mut url = self.0.clone();
        url.set_host(Some(host)).ok()?;
        url.set_path("/");
        Some(Self(url))
    }
}

/// Returns true if a host is this machine: a loopback address, `localhost`, or a name below it (RFC 6761).
fn is_loopback(host: &str) -> bool {
    let loopback = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok_and(|it| it.is_loopback());
    loopback || host == "localhost" || host.ends_with(".localhost")
}
