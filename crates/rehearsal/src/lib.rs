//! Rehearses a full release on one machine: runs the suite's program against the servers of `emulators`, audits the
//! release without credentials, and then runs the commands of the release notes as a reader would. With fault
//! injection, it also checks how the suite handles an error during the release.
//!
//! This crate will not do anything that the suite does: it runs the suite's program and other tools, and evaluates
//! their output. It does not read the environment or the clock, and it writes to temporary directories only.
//!
//! ```
//! let names: Vec<&str> = rehearsal::FAULT_SCENARIOS.iter().map(|it| it.name).collect();
//! assert!(names.contains(&"moved-tag"), "{names:?}");
//! ```

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
