//! Escaping of Markdown, for the step summary of GitHub Actions.

/// Escapes text so that Markdown shows it literally, without mentions or links.
#[must_use]
pub fn text(text: &str) -> String {
    notes::escape::text(text)
}

/// Returns text as a Markdown code span.
#[must_use]
pub fn code(text: &str) -> String {
    notes::escape::code(text)
}
