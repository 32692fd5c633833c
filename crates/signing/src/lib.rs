//! Makes and checks detached signatures: SSH, in the namespace `git`.
//!
//! Made by `ssh-keygen -Y sign`, as git does, because agents, hardware keys and passphrases are its trade; checked in
//! this process. This crate will not decide whether a signer counts, read a tag object, or trust a file of the
//! operator's: it says whose signature it is and what the policy it was handed says of that key.

mod allowed;
mod check;
mod make;

pub use allowed::{AllowedSigners, PolicyError};
pub use check::{Trust, check};
pub use make::{Key, Settings, SignError};

/// What signatures of tags are made for (`PROTOCOL.sshsig`: the namespace).
const NAMESPACE: &str = "git";
