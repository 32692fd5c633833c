//! The template of the notes: a file of the operator's, or the built-in one.

/// The template that is built in.
pub const DEFAULT_TEMPLATE: &str = include_str!("../../../templates/release-notes.md.j2");

/// A template, and what to call it in errors.
#[derive(Debug, Clone)]
pub struct Template {
    /// The file's name.
    pub file: String,
    /// Its text.
    pub text: String,
}

impl Default for Template {
    /// The template that is built in.
    fn default() -> Self {
        Self { file: "templates/release-notes.md.j2".to_owned(), text: DEFAULT_TEMPLATE.to_owned() }
    }
}
