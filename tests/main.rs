//! One suite that drives the built binary against programs that nobody here wrote: git, tar, gzip, sha256sum.
//!
//! It knows nothing of the crates but the world that `emulators` sets up on loopback: what it sees is what a user sees.
//! Everything it writes is in temporary folders, and it asks no network. With `OPENSANDBOX_CLONE=<folder>` it also runs over a clone of the real repository.

#![cfg(test)]

mod agreement;
mod archive;
mod attacks;
mod attestations;
mod audits;
mod builders;
mod cases;
mod catalog;
mod certificates;
mod configure;
mod cosign;
mod documents;
mod edges;
mod faults;
mod forgeries;
mod gh;
mod gitsign;
mod history;
mod hostile;
mod kills;
mod legacy;
mod loopholes;
mod minted;
mod mutations;
mod offline;
mod openapi;
mod openpgp;
mod oversize;
mod publish;
mod readme;
mod real;
mod refusals;
mod rehearse;
mod release;
mod released;
mod rights;
mod security;
mod signing;
mod sigstore;
mod states;
mod support;
mod tampered;
mod tarball;
mod tools;
mod uploads;
mod verifier;
mod workflow;
mod workspace;
mod world;
mod x509;
