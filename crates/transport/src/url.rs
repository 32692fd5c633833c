//! URLs that requests go to.

use reqwest::Url;

/// An absolute URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpUrl(Url);

impl HttpUrl {
    /// Parses a URL. Returns `None` if it is not absolute or not valid (WHATWG URL Standard).
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Url::parse(text).ok().map(Self)
    }

    /// Whether it begins with `https:`.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.0.scheme() == "https"
    }

    /// Whether it begins with `http:` and names this machine.
    #[must_use]
    pub fn is_local_http(&self) -> bool {
        self.0.scheme() == "http" && self.0.host_str().is_some_and(is_loopback)
    }

    /// Whether it begins with `http:`.
    #[must_use]
    pub fn is_http(&self) -> bool {
        self.0.scheme() == "http"
    }

    /// The host. Returns `None` if it has none.
    #[must_use]
    pub fn host(&self) -> Option<&str> {
        self.0.host_str()
    }

    /// Whether it carries a user name or a password.
    #[must_use]
    pub fn has_credentials(&self) -> bool {
        !self.0.username().is_empty() || self.0.password().is_some()
    }

    /// Whether scheme, host and port are those of `other`.
    #[must_use]
    pub fn is_same_origin(&self, other: &Self) -> bool {
        self.0.origin() == other.0.origin()
    }

    /// Scheme, host and port, as in `https://api.github.com`.
    #[must_use]
    pub fn origin(&self) -> String {
        self.0.origin().ascii_serialization()
    }

    /// The path without a slash at its end: empty, or as in `/api/v3`.
    #[must_use]
    pub fn path(&self) -> &str {
        self.0.path().trim_end_matches('/')
    }

    /// The same scheme and port on another host, without a path. Returns `None` if the host is not valid.
    #[must_use]
    pub fn with_host(&self, host: &str) -> Option<Self> {
        let mut url = self.0.clone();
        url.set_host(Some(host)).ok()?;
        url.set_path("/");
        Some(Self(url))
    }
}

/// Whether a host is this machine.
fn is_loopback(host: &str) -> bool {
    let loopback = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok_and(|it| it.is_loopback());
    loopback || host == "localhost" || host.ends_with(".localhost")
}
