//! Renders release notes: the changelog, and how to verify what was released.
//!
//! This crate will not read files or decide what stands in which section. Nothing that a commit says can mention
//! anybody, link anywhere or break the page: see [`escape`].

mod context;
mod error;
pub mod escape;
mod input;
mod limits;
mod render;
mod template;
mod truncate;
mod verify;

pub use error::NotesError;
pub use input::NotesInput;
pub use limits::MAX_NOTES_CHARS;
pub use render::render;
pub use template::{DEFAULT_TEMPLATE, Template};
pub use truncate::Notes;
