//! Whose programs git may start, and what is set for it in any case.

/// Whose programs git may start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProgramPolicy {
    /// All that are configured, as git itself does: for commands that change the operator's own repository.
    AllConfig,
    /// Only those of the operator's own configuration: for commands that only read.
    ProtectedConfig,
}

/// What is set whatever the repository's files say. Hooks are files of the repository. Remote helpers (`ext::` runs any
/// command) are reached through addresses, which `url.*.insteadOf` can rewrite. A bare repository inside of the files
/// of another one would bring its own configuration.
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
