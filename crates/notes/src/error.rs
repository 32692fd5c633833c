//! Why notes cannot be rendered.

use crate::limits::MAX_NOTES_CHARS;

/// Why there are no notes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotesError {
    /// The template is wrong.
    #[error("{file}:{line}: {message}")]
    Template {
        /// The template's name, as it was given.
        file: String,
        /// The line, counted from 1.
        line: usize,
        /// What is wrong there.
        message: String,
    },
    /// The template writes without an end.
    #[error("the template writes more than {bytes} bytes")]
    OutputTooLarge {
        /// The limit.
        bytes: usize,
    },
    /// The template writes more than GitHub takes, however much is left out of it.
    #[error("the notes have {length} characters without any entry: GitHub takes {MAX_NOTES_CHARS}")]
    TooLong {
        /// How many characters are left.
        length: usize,
    },
}
