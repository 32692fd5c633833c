//! Shortens notes to the limit of GitHub: 125,000 characters (`github.md` F9).

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

/// Omits lines of about `excess` characters from the least important section that has lines. Returns false if none has.
/// Breaking changes come last, because readers must act on them.
fn truncate_section(context: &mut TemplateContext, excess: usize) -> bool {
    let TemplateContext { sections, contributors, .. } = context;
    let sections = sections.iter_mut().chain(std::iter::once(contributors));
    let least_important = sections.filter(|it| !it.lines.is_empty()).min_by_key(|it| it.truncation_rank);
    let Some(section) = least_important else { return false };
    let mut freed = 0;
    while freed < excess
        && let Some(line) = section.lines.pop()
    {
        freed += line.chars().count() + "- \n".len();
        section.omitted += 1;
    }
    true
}
