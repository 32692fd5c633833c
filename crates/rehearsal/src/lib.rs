//! A release from end to end, on one machine: the suite's own program on the world of `emulators`, then an outsider who proves it,
//! then a reader who follows the notes. And what becomes of it where something breaks on the way.
//!
//! This crate will not do anything that the suite does: it runs the suite's program and other people's, and judges what they say. It
//! reads no environment and no clock, and writes to temporary folders alone.

mod config;
mod error;
mod fault_injection;
mod files;
mod interrupt;
mod notes_walkthrough;
mod origin;
mod process;
mod protected_paths;
mod rehearse;
mod sandbox;
mod scenarios;
mod steps;

pub use config::{RehearsalConfig, RehearsalSource};
pub use error::RehearsalError;
pub use fault_injection::{FaultReport, FaultResult, inject_faults};
pub use notes_walkthrough::{CommandOutcome, CommandResult};
pub use protected_paths::{PathsSnapshot, ProtectedPaths};
pub use rehearse::{RehearsalEvent, RehearsalReport, rehearse};
pub use scenarios::{FAULT_SCENARIOS, FaultScenario};
