//! Renders release notes in Markdown: the changelog, and the commands that verify the release.
//!
//! This crate will not read files or decide which change belongs to which section. Text from commits cannot mention
//! accounts, create links or break the layout of the page: see [`escape`].
//!
//! ```
//! let escaped = notes::escape::text("fixes @ada's [link](https://example.com)");
//! assert!(!escaped.contains("@ada") && !escaped.contains("[link]"), "nothing is mentioned or linked: {escaped}");
//! ```

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
pub use template::default_template;
pub use truncate::Notes;
