//! What a template is given.

use model::base::url;
use model::release::changelog::{ChangeKind, Changelog, ChangelogEntry, Contributor, RangeStart};
use serde::Serialize;

use crate::escape;
use crate::input::NotesInput;
use crate::verify::VerifyCommands;

/// The values of a template, by the names that it uses. Every text in it is Markdown already.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct TemplateContext {
    title: String,
    tag: String,
    version: String,
    commit: String,
    repository: String,
    /// The previous tag as a code span; none for an initial release.
    since: Option<String>,
    /// The paths as a code span; none for the whole repository.
    paths: Option<String>,
    /// Where all changes can be seen.
    compare_url: String,
    pub(crate) sections: Vec<NotesSection>,
    pub(crate) contributors: NotesSection,
    /// The programs, in one line; none where there were none.
    bots: Option<String>,
    verify: VerifyCommands,
}

/// A title and its lines.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct NotesSection {
    #[serde(skip)]
    pub(crate) kind: Option<ChangeKind>,
    title: String,
    pub(crate) lines: Vec<String>,
    /// How many lines were left out at the end.
    pub(crate) omitted: usize,
}

impl TemplateContext {
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
            sections: ChangeKind::ALL.into_iter().map(|kind| changelog_section(kind, changelog)).collect(),
            contributors: NotesSection {
                kind: None,
                title: "👥 Contributors".to_owned(),
                lines: people,
                omitted: 0,
            },
            bots: (!bots.is_empty()).then(|| bots.join(", ")),
            verify: VerifyCommands::from_input(input),
        }
    }
}

fn changelog_section(kind: ChangeKind, changelog: &Changelog) -> NotesSection {
    let lines = changelog.entries_of(kind).map(format_entry).collect();
    NotesSection { kind: Some(kind), title: kind.title().to_owned(), lines, omitted: 0 }
}

fn format_entry(entry: &ChangelogEntry) -> String {
    let subject = escape::text(&entry.subject);
    match entry.number {
        Some(number) if subject.is_empty() => format!("(#{number})"),
        Some(number) => format!("{subject} (#{number})"),
        None if subject.is_empty() => entry.commit.short(),
        None => subject,
    }
}

fn format_contributor(contributor: &Contributor) -> String {
    contributor.login.as_ref().map_or_else(|| escape::text(&contributor.name), |handle| format!("@{handle}"))
}
