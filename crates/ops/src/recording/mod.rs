//! Recordings of audits: what was downloaded is kept in a folder, so that the audit can be repeated without network,
//! and an interrupted one goes on without asking again for what it has.

mod error;
mod response_folder;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use archive::{FolderHandle, FolderLock};
use model::base::time;
use model::evidence::audit::AuditReport;
use model::package::registry::{Registry, RegistryKind};
use serde::{Deserialize, Serialize};
use transport::Recording;

pub use error::RecordingError;
use response_folder::ResponseFolder;

/// The file that describes a recording.
const DESCRIPTION: &str = "recording.json";
/// The longest description, in bytes.
const MAX_DESCRIPTION_BYTES: u64 = 64 << 10;
/// The version of the format of recordings.
const SCHEMA: &str = "opensandbox-release/recording/1";

/// What a recording is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedAudit<'a> {
    /// What is audited: a tag, or `--target ID` or `--all`.
    pub subject: &'a str,
    /// The repository, as `OWNER/NAME`.
    pub repository: &'a str,
}

/// The description of a recording, as its file has it.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct RecordingDescription {
    schema: String,
    subject: String,
    repository: String,
    /// When the first run began (RFC 3339).
    started_at: String,
    /// Whether the audit received every answer that it asked for.
    complete: bool,
    #[serde(default)]
    registries: Vec<RecordedRegistry>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct RecordedRegistry {
    kind: String,
    /// The address without credentials.
    url: String,
    source: String,
}

/// An open recording.
#[derive(Debug)]
pub struct RecordingFolder {
    path: PathBuf,
    description: RecordingDescription,
    /// The folder for the description, while it is written, with the lock that keeps other runs away.
    writer: Option<(FolderHandle, FolderLock)>,
    recording: Recording,
    /// Whether an earlier run began the recording.
    is_resumed: bool,
}

impl RecordingFolder {
    /// Begins a recording in a folder, or goes on with one that is not complete. `now` is in seconds since 1970.
    ///
    /// # Errors
    /// [`RecordingError`] if the folder has a complete recording, one of another audit, or other files, or if it cannot
    /// be written.
    pub fn save(path: &Path, audit: &RecordedAudit<'_>, now: i64) -> Result<Self, RecordingError> {
        let folder = FolderHandle::create_named(path)?;
        let lock = folder.lock()?;
        let existing = read_description(&folder, path)?;
        let is_resumed = existing.is_some();
        let description = match existing {
            Some(existing) if existing.complete => return Err(RecordingError::Complete(path.to_owned())),
            Some(existing) => existing.checked(path, audit)?,
            None if has_files(path)? => return Err(RecordingError::OtherFiles(path.to_owned())),
            None => RecordingDescription {
                schema: SCHEMA.to_owned(),
                subject: audit.subject.to_owned(),
                repository: audit.repository.to_owned(),
                started_at: time::format_rfc3339(now),
                complete: false,
                registries: Vec::new(),
            },
        };
        let responses = ResponseFolder::new(FolderHandle::create_named(path)?);
        let recording = Recording::save(Arc::new(responses));
        let path = path.to_owned();
        let saved = Self { path, description, writer: Some((folder, lock)), recording, is_resumed };
        saved.write()?;
        Ok(saved)
    }

    /// Opens a recording, from which all responses are read.
    ///
    /// # Errors
    /// [`RecordingError`] if there is none, or if it is of another audit.
    pub fn replay(path: &Path, audit: &RecordedAudit<'_>) -> Result<Self, RecordingError> {
        let missing = || RecordingError::Missing(path.to_owned());
        let folder = FolderHandle::open_named(path)?.ok_or_else(missing)?;
        let description = read_description(&folder, path)?.ok_or_else(missing)?.checked(path, audit)?;
        let recording = Recording::replay(Arc::new(ResponseFolder::new(folder)));
        Ok(Self { path: path.to_owned(), description, writer: None, recording, is_resumed: false })
    }

    /// The recording, for clients.
    pub(crate) fn recording(&self) -> Recording {
        self.recording.clone()
    }

    /// Returns the recorded address of a kind of registry, with its source. `None` if it was not asked, or if requests
    /// are sent.
    #[must_use]
    pub fn registry(&self, kind: RegistryKind) -> Option<(&str, &str)> {
        let recorded = self.description.registries.iter().find(|it| it.kind == kind.name());
        recorded.filter(|_| self.recording.is_replay()).map(|it| (it.url.as_str(), it.source.as_str()))
    }

    /// Records which registries are asked. Does nothing if the recording is read.
    ///
    /// # Errors
    /// [`RecordingError::Folder`] if the description cannot be written.
    pub fn add_registries(&mut self, registries: &[Registry]) -> Result<(), RecordingError> {
        let known = &mut self.description.registries;
        for registry in registries {
            let kind = registry.kind.name();
            if known.iter().all(|it| it.kind != kind) {
                let (url, source) = (registry.shown_url(), registry.source.clone());
                known.push(RecordedRegistry { kind: kind.to_owned(), url, source });
            }
        }
        self.write()
    }

    /// Marks the recording as complete if the reports lack no answer: another run then does not change it. Does nothing
    /// if the recording is read.
    ///
    /// # Errors
    /// [`RecordingError::Folder`] if the description cannot be written.
    pub fn finish<'r>(
        &mut self,
        reports: impl IntoIterator<Item = &'r AuditReport>,
    ) -> Result<(), RecordingError> {
        if self.writer.is_some() && reports.into_iter().all(rules::has_all_answers) {
            self.description.complete = true;
            self.write()?;
        }
        Ok(())
    }

    /// Returns a sentence for the report about where the responses come from. `None` if all were asked for now.
    #[must_use]
    pub fn note(&self) -> Option<String> {
        let (path, started_at) = (self.path.display(), &self.description.started_at);
        let started_at = model::UntrustedText::new(started_at).escaped();
        if self.recording.is_replay() {
            let state = if self.description.complete { "" } else { ", which is not complete" };
            return Some(format!(
                "no request was sent: all answers are from the recording {path} of {started_at}{state}"
            ));
        }
        let resumed = || format!("reused the answers that were recorded in {path} on {started_at}");
        self.is_resumed.then(resumed)
    }

    fn write(&self) -> Result<(), RecordingError> {
        let Some((folder, _)) = &self.writer else { return Ok(()) };
        let text = serde_json::to_string_pretty(&self.description);
        let text = text.map_err(|error| RecordingError::damaged(&self.path, &error))? + "\n";
        folder.write(DESCRIPTION, text.as_bytes())?;
        Ok(())
    }
}

impl RecordingDescription {
    /// Returns the description if it is of this audit and of a known format.
    fn checked(self, path: &Path, audit: &RecordedAudit<'_>) -> Result<Self, RecordingError> {
        if time::parse_rfc3339(&self.started_at).is_none() {
            let reason = "started_at is not a time in RFC 3339".to_owned();
            return Err(RecordingError::Damaged { path: path.to_owned(), reason });
        }
        if self.schema != SCHEMA {
            let found = model::UntrustedText::new(self.schema).escaped();
            return Err(RecordingError::Format { path: path.to_owned(), found, expected: SCHEMA });
        }
        if self.subject != audit.subject || self.repository != audit.repository {
            let found =
                model::UntrustedText::new(format!("{} of {}", self.subject, self.repository)).escaped();
            return Err(RecordingError::OtherAudit { path: path.to_owned(), found });
        }
        Ok(self)
    }
}

fn read_description(
    folder: &FolderHandle,
    path: &Path,
) -> Result<Option<RecordingDescription>, RecordingError> {
    let Some(bytes) = folder.read(DESCRIPTION, MAX_DESCRIPTION_BYTES)? else { return Ok(None) };
    serde_json::from_slice(&bytes).map(Some).map_err(|error| RecordingError::damaged(path, &error))
}

fn has_files(path: &Path) -> Result<bool, RecordingError> {
    let mut entries =
        std::fs::read_dir(path).map_err(|source| RecordingError::List(path.to_owned(), source))?;
    Ok(entries.next().is_some())
}
