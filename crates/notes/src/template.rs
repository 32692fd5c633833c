//! The template of the notes: a file of the operator or the built-in one.

/// The text of the built-in template.
pub const DEFAULT_TEMPLATE: &str = include_str!("../../../templates/release-notes.md.j2");

/// The text of a template with a file name for error messages.
#[derive(Debug, Clone)]
pub struct Template {
    /// The file name for error messages.
    pub file: String,
    /// The text of the template, in the syntax of Jinja.
    pub text: String,
}

impl Default for Template {
    /// Returns the built-in template.
    fn default() -> Self {
        Self { file: "templates/release-notes.md.j2".to_owned(), text: DEFAULT_TEMPLATE.to_owned() }
    }
}
