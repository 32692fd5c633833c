//! The built-in template of the notes.

use model::release::request::NotesTemplate;

/// The text of the built-in template.
const DEFAULT_TEMPLATE: &str = include_str!("../../../templates/release-notes.md.j2");

/// Returns the built-in template.
#[must_use]
pub fn default_template() -> NotesTemplate {
    NotesTemplate { file: "templates/release-notes.md.j2".to_owned(), text: DEFAULT_TEMPLATE.to_owned() }
}
