//! Rehearsals, and the emulators that they use.

mod emulated_github;
mod emulated_sigstore;
mod gh;
mod local_rehearsal;
mod operator_home;
