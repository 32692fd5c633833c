//! Shortens notes to the limit of GitHub: 125,000 characters (`github.md` F9).

use model::release::changelog::ChangeKind;

use crate::context::TemplateContext;
use crate::error::NotesError;
use crate::limits::MAX_NOTES_CHARS;

/// Release notes in Markdown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notes {
    /// The rendered text.
    pub markdown: String,
    /// The number of changes and contributors that were omitted because of the length limit.
    pub omitted: usize,
}

/// The order in which sections lose lines if the notes are too long: the least important first.
///
/// `None` is the contributors. Breaking changes come last, because readers must act on them.
const TRUNCATION_ORDER: [Option<ChangeKind>; 5] = [
    Some(ChangeKind::Misc),
    Some(ChangeKind::Fix),
    Some(ChangeKind::Feature),
    None,
    Some(ChangeKind::Breaking),
];

/// Renders the notes and omits lines until they fit.
///
/// Whole lines are omitted, from the end of the least important section first: the oldest changes. The template prints
/// their number and a link to all changes. The notes are rendered again after each step, because only the rendered text
/// has a known length.
///
/// # Errors
/// [`NotesError::TooLong`] if no line is left to omit.
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

/// Omits lines of about `excess` characters from the first section that has lines. Returns false if none has.
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
