//! The built-in templates of the notes.

use model::release::request::NotesTemplate;

/// The text of the built-in template.
const DEFAULT_TEMPLATE: &str = include_str!("../../../templates/release-notes.md.j2");
/// The templates that verify a release, by their names in `{% include %}`. A template of the operator may include them.
pub(crate) const VERIFY_TEMPLATES: [(&str, &str); 9] = [
    ("verify/source.md.j2", include_str!("../../../templates/verify/source.md.j2")),
    ("verify/tag.md.j2", include_str!("../../../templates/verify/tag.md.j2")),
    ("verify/image.md.j2", include_str!("../../../templates/verify/image.md.j2")),
    ("verify/pypi.md.j2", include_str!("../../../templates/verify/pypi.md.j2")),
    ("verify/npm.md.j2", include_str!("../../../templates/verify/npm.md.j2")),
    ("verify/nuget.md.j2", include_str!("../../../templates/verify/nuget.md.j2")),
    ("verify/maven.md.j2", include_str!("../../../templates/verify/maven.md.j2")),
    ("verify/helm.md.j2", include_str!("../../../templates/verify/helm.md.j2")),
    ("verify/go.md.j2", include_str!("../../../templates/verify/go.md.j2")),
];

/// Returns the built-in template.
#[must_use]
pub fn default_template() -> NotesTemplate {
    NotesTemplate { file: "templates/release-notes.md.j2".to_owned(), text: DEFAULT_TEMPLATE.to_owned() }
}
