//! Signed tags. The oracles are git, gpg, gpgsm, ssh-keygen and openssl.

mod git_parity;
mod gitsign;
pub(crate) mod openpgp;
pub(crate) mod openpgp_signer;
pub(crate) mod ssh;
mod ssh_certificates;
pub(crate) mod ssh_signer;
mod tag_digests;
pub(crate) mod x509;
