//! Notes that fit: GitHub takes bodies of up to 125,000 characters.

use model::release::changelog::ChangeKind;

use crate::NotesError;
use crate::page::Page;

/// The longest body that GitHub takes, in characters (Unicode scalar values).
pub const LIMIT: usize = 125_000;

/// Release notes in Markdown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notes {
    /// The text.
    pub markdown: String,
    /// How many entries and contributors were left out to make it fit.
    pub omitted: usize,
}

/// What is left out first when notes are too long.
const FIRST_TO_GO: [Option<ChangeKind>; 5] = [
    Some(ChangeKind::Misc),
    Some(ChangeKind::Fix),
    Some(ChangeKind::Feature),
    None,
    Some(ChangeKind::Breaking),
];

/// Renders the page with as much as fits. Whole entries are left out, the oldest of the least important section
/// first; the template tells how many, and where to see them.
pub(crate) fn fit(
    mut page: Page,
    render: impl Fn(&Page) -> Result<String, NotesError>,
) -> Result<Notes, NotesError> {
    loop {
        let markdown = render(&page)?;
        let length = markdown.chars().count();
        if length <= LIMIT {
            let omitted =
                page.sections.iter().map(|it| it.omitted).sum::<usize>() + page.contributors.omitted;
            return Ok(Notes { markdown, omitted });
        }
        if !leave_out(&mut page, length - LIMIT) {
            return Err(NotesError::TooLong { length });
        }
    }
}

/// Leaves out lines of about `excess` characters from the first section that has any. Says whether there was one.
fn leave_out(page: &mut Page, excess: usize) -> bool {
    let Page { sections, contributors, .. } = page;
    for kind in FIRST_TO_GO {
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
