//! Errors of rendering.

use crate::limits::MAX_NOTES_CHARS;

/// Why the release notes could not be rendered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotesError {
    /// The template has a syntax error, uses an unknown variable, or ran for too long.
    #[error("{file}:{line}: {message}")]
    Template {
        /// The file name of the template, as the caller named it.
        file: String,
        /// The line number, starting at 1. It is 1 if the line is not known.
        line: usize,
        /// The message of the template engine.
        message: String,
    },
    /// The output of the template exceeds the limit, for example because of a loop.
    #[error("the output of the template exceeds the limit of {bytes} bytes")]
    OutputTooLarge {
        /// The limit, in bytes.
        bytes: usize,
    },
    /// The notes are too long for GitHub, even without changes and contributors.
    #[error(
        "GitHub accepts at most {MAX_NOTES_CHARS} characters; without any change, the notes have {length}"
    )]
    TooLong {
        /// The number of characters without any list item.
        length: usize,
    },
}
