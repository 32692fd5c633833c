//! Which configured programs git may start, and the settings that always apply.

/// Settings that override the repository's configuration under `ProgramPolicy::ProtectedConfig`. Hooks are files of
/// the repository, so they are disabled. Remote helpers are disabled by an allow list of protocols: `ext::` runs any
/// command, and `url.*.insteadOf` can rewrite a URL to it. A bare repository within a work tree would apply its own
/// configuration.
pub(crate) const FIXED_SETTINGS: [&str; 8] = [
    "core.hooksPath=/dev/null",
    "protocol.allow=never",
    "protocol.http.allow=always",
    "protocol.https.allow=always",
    "protocol.ssh.allow=always",
    "protocol.file.allow=always",
    "protocol.git.allow=always",
    "safe.bareRepository=explicit",
];
