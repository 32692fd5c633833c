//! Text in Markdown, for the summary of a workflow run.

/// Escapes text so that it is shown as it is, and mentions or links nothing.
#[must_use]
pub fn text(text: &str) -> String {
    notes::escape::text(text)
}

/// Returns text as a code span.
#[must_use]
pub fn code(text: &str) -> String {
    notes::escape::code(text)
}
