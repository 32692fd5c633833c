//! Notes that fit: GitHub takes bodies of up to 125,000 characters.

use model::release::changelog::ChangeKind;

use crate::context::TemplateContext;
use crate::error::NotesError;
use crate::limits::MAX_NOTES_CHARS;

/// Release notes in Markdown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notes {
    /// The text.
    pub markdown: String,
    /// How many entries and contributors were left out to make it fit.
    pub omitted: usize,
}

/// What is left out first when notes are too long.
const TRUNCATION_ORDER: [Option<ChangeKind>; 5] = [
    Some(ChangeKind::Misc),
    Some(ChangeKind::Fix),
    Some(ChangeKind::Feature),
    None,
    Some(ChangeKind::Breaking),
];

/// Renders the page with as much as fits. Whole entries are left out, the oldest of the least important section
/// first; the template tells how many, and where to see them.
pub(crate) fn fit_to_limit(
    mut context: TemplateContext,
    render: impl Fn(&TemplateContext) -> Result<String, NotesError>,
) -> Result<Notes, NotesError> {
    loop {
        let markdown = render(&context)?;
        let length = markdown.chars().count();
        if length <= MAX_NOTES_CHARS {
            let omitted =
                context.sections.iter().map(|it| it.omitted).sum::<usize>() + context.contributors.omitted;
            return Ok(Notes { markdown, omitted });
        }
        if !truncate_section(&mut context, length - MAX_NOTES_CHARS) {
            return Err(NotesError::TooLong { length });
        }
    }
}

/// Leaves out lines of about `excess` characters from the first section that has any. Says whether there was one.
fn truncate_section(context: &mut TemplateContext, excess: usize) -> bool {
    let TemplateContext { sections, contributors, .. } = context;
    for kind in TRUNCATION_ORDER {
        let mut all = sections.iter_mut().chain(std::iter::once(&mut *contributors));
        let Some(section) = all.find(|it| it.kind == kind && !it.lines.is_empty()) else { continue };
        let mut freed = 0;
        while freed < excess
            && let Some(line) = section.lines.pop()
        {
            freed += line.chars().count() + "- \n".len();
            section.omitted += 1;
        }
        return true;
    }
    false
}
