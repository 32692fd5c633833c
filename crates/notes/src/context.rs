//! The values that a template can use.

use model::base::url;
use model::release::changelog::{
    CONTRIBUTORS_TRUNCATION_RANK, Changelog, ChangelogEntry, Contributor, RangeStart, SECTIONS,
    SectionDefinition,
};
use serde::Serialize;

use crate::escape;
use crate::input::NotesInput;
use crate::verify::VerifyCommands;

/// The variables of a template. Field names are variable names.
///
/// All text from commits is escaped here, so that a template cannot forget it.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct TemplateContext {
    /// The heading of the release, escaped.
    title: String,
    /// The full name of the tag.
    tag: String,
    /// The version, without a `v`.
    version: String,
    /// The full commit ID.
    commit: String,
    /// The repository, as `gh --repo` takes it.
    repository: String,
    /// The previous tag as a code span. `None` for an initial release.
    since: Option<String>,
    /// The paths of the target as a code span. `None` for the whole repository.
    paths: Option<String>,
    /// The URL of the page with all changes: the comparison with the previous tag, or the list of commits.
    compare_url: String,
    /// One section per kind of change, in the order of the notes. A section may have no lines.
    pub(crate) sections: Vec<NotesSection>,
    /// The people who contributed, without bots.
    pub(crate) contributors: NotesSection,
    /// The bots that contributed, in one line. `None` if there are none.
    bots: Option<String>,
    /// The values of section "Verify this release".
    verify: VerifyCommands,
}

/// A section of the notes: a title and list items.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct NotesSection {
    /// The kind of change. `None` for the contributors.
    #[serde(skip)]
    pub(crate) truncation_rank: u8,
    title: String,
    /// The list items in Markdown, without the bullet.
    pub(crate) lines: Vec<String>,
    /// How many lines were removed from the end because of the length limit.
    pub(crate) omitted: usize,
}

impl TemplateContext {
    /// Formats and escapes the input. All lines are kept: the length limit applies after rendering.
    pub(crate) fn from_input(input: &NotesInput<'_>) -> Self {
        let changelog = input.changelog;
        let (since, compare_url) = match &changelog.range_start {
            RangeStart::Tag { name, .. } => (
                Some(escape::code(name)),
                format!(
                    "{}/compare/{}...{}",
                    input.slug.url(),
                    url::encode_path(name),
                    url::encode_path(&input.tag.name())
                ),
            ),
            RangeStart::Root => {
                (None, format!("{}/commits/{}", input.slug.url(), url::encode_path(&input.tag.name())))
            }
        };
        let paths: Vec<&str> = changelog.paths.iter().map(model::RepoPath::as_str).collect();
        let people = changelog.contributors.iter().filter(|it| !it.bot).map(format_contributor).collect();
        let bots: Vec<String> =
            changelog.contributors.iter().filter(|it| it.bot).map(format_contributor).collect();
        Self {
            title: escape::text(&input.tag.title()),
            tag: input.tag.name(),
            version: input.tag.version().to_string(),
            commit: input.commit.to_string(),
            repository: input.slug.to_string(),
            since,
            paths: (!paths.is_empty()).then(|| escape::code(&paths.join(" "))),
            compare_url,
            sections: SECTIONS.iter().map(|it| changelog_section(it, changelog)).collect(),
            contributors: NotesSection {
                truncation_rank: CONTRIBUTORS_TRUNCATION_RANK,
                title: "👥 Contributors".to_owned(),
                lines: people,
                omitted: 0,
            },
            bots: (!bots.is_empty()).then(|| bots.join(", ")),
            verify: VerifyCommands::from_input(input),
        }
    }
}

/// Returns the section of one kind of change.
fn changelog_section(section: &SectionDefinition, changelog: &Changelog) -> NotesSection {
    let lines = changelog.entries_of(section.kind).map(format_entry).collect();
    let SectionDefinition { title, truncation_rank, .. } = *section;
    NotesSection { truncation_rank, title: title.to_owned(), lines, omitted: 0 }
}

/// Formats a change: its subject and pull request number, or the short commit ID if both are missing.
fn format_entry(entry: &ChangelogEntry) -> String {
    let subject = escape::text(&entry.subject);
    match entry.number {
        Some(number) if subject.is_empty() => format!("(#{number})"),
        Some(number) => format!("{subject} (#{number})"),
        None if subject.is_empty() => entry.commit.short(),
        None => subject,
    }
}

/// Formats a contributor: `@login`, or the escaped name if the login is not known.
///
/// This is the only intended mention in the notes. `login` is set only if the account is certain.
fn format_contributor(contributor: &Contributor) -> String {
    contributor.login.as_ref().map_or_else(|| escape::text(&contributor.name), |handle| format!("@{handle}"))
}
