//! The kinds of GitHub hosts: github.com, the tenants at ghe.com, and GitHub Enterprise Server.

/// Returns the base URL of a host's REST API: the subdomain `api` for github.com and tenants at ghe.com, the path
/// `/api/v3` for GitHub Enterprise Server.
pub(crate) fn api_url(host: &str) -> String {
    if host == "github.com" || is_tenant(host) {
        return format!("https://api.{host}");
    }
    format!("https://{host}/api/v3")
}

/// Returns whether the host is a tenant of GitHub Enterprise Cloud with data residency (`*.ghe.com`).
pub(crate) fn is_tenant(host: &str) -> bool {
    host.ends_with(".ghe.com")
}
