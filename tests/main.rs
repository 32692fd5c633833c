//! Integration tests: run the built binary and compare its results with git, tar, gzip, sha256sum and other programs.
//!
//! The tests use the binary as a user does. Of the workspace crates they import only `emulators`, which provides the
//! emulated GitHub and Sigstore on loopback. They write to temporary folders only and do not use the network. With
//! `OPENSANDBOX_CLONE=<folder>`, some tests also run on a clone of the real repository.

#![cfg(test)]

mod architecture;
mod audit;
mod channels;
mod cli;
mod publish;
mod rehearse;
mod release;
mod security;
mod sign;
mod support;
mod verify;
