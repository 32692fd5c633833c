//! The hosts of GitHub: github.com, the tenants of ghe.com, and GitHub Enterprise Server.

/// The REST API of a host: github.com and the tenants of ghe.com have one of its own name, GitHub Enterprise Server has it
/// under a path.
pub(crate) fn api_url(host: &str) -> String {
    if host == "github.com" || is_tenant(host) {
        return format!("https://api.{host}");
    }
    format!("https://{host}/api/v3")
}

pub(crate) fn is_tenant(host: &str) -> bool {
    host.ends_with(".ghe.com")
}
