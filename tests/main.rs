//! One suite that drives the built binary against programs that nobody here wrote: git, tar, gzip, sha256sum.
//!
//! It knows nothing of the crates but the world that `emulators` sets up on loopback: what it sees is what a user sees.
//! Everything it writes is in temporary folders, and it asks no network. With `OPENSANDBOX_CLONE=<folder>` it also runs over a clone of the real repository.

#![cfg(test)]

mod architecture;
mod audit;
mod cli;
mod publish;
mod rehearse;
mod release;
mod security;
mod sign;
mod support;
mod verify;
