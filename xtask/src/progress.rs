//! The progress of a run on stderr: one line before each effect and one after it.

use std::io::{self, IsTerminal as _};
use std::process::{Command, Stdio};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use model::base::http::HttpEvent;
use model::release::plan::StepAction;
use ops::{ReleaseEvent, StepRef};

use crate::args::GlobalArgs;
use crate::environment::{self, non_empty};
use crate::report;

/// Prints progress events.
pub(crate) struct ProgressReporter<'a> {
    global: &'a GlobalArgs,
    bar: Option<ProgressBar>,
    /// The progress line at which the process kills itself (`RELEASE_KILL_AT`).
    kill_at: Option<String>,
}

impl<'a> ProgressReporter<'a> {
    pub(crate) fn new(global: &'a GlobalArgs) -> Self {
        Self { global, bar: None, kill_at: non_empty(environment::RELEASE_KILL_AT) }
    }

    /// Prints an event as one line, or updates the progress bar of an upload.
    pub(crate) fn report(&mut self, event: &ReleaseEvent) {
        if let ReleaseEvent::Http(HttpEvent::UploadProgress {
            asset_name: name,
            sent_bytes: bytes,
            total_bytes: of,
        }) = event
        {
            self.update_bar(name, *bytes, *of);
            return;
        }
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
        let line = describe(event);
        report::print_progress(self.global, &line);
        if self.kill_at.as_ref() == Some(&line) {
            kill_self();
        }
    }

    /// Updates the progress bar, which shows bytes, rate and remaining time. It is shown on a terminal only.
    fn update_bar(&mut self, name: &str, bytes: u64, of: u64) {
        if self.global.quiet || !io::stderr().is_terminal() {
            return;
        }
        let bar = self.bar.get_or_insert_with(|| {
            let form = "  {msg} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta}";
            let bar = ProgressBar::new(of).with_message(name.to_owned());
            bar.enable_steady_tick(Duration::from_millis(200));
            bar.with_style(
                ProgressStyle::with_template(form).unwrap_or_else(|_| ProgressStyle::default_bar()),
            )
        });
        bar.set_position(bytes);
    }
}

/// Returns the line for an event. The lines of a run must be distinct, because `RELEASE_KILL_AT` names one by its text.
pub(crate) fn describe(event: &ReleaseEvent) -> String {
    match event {
        ReleaseEvent::WritingFile(name) => format!("writing {name}"),
        ReleaseEvent::FileWritten(file) => format!("wrote {} ({} bytes)", file.path.display(), file.size),
        ReleaseEvent::CreatingTag(name) => format!("tagging {name}"),
        ReleaseEvent::TagCreated(name) => format!("tagged {name}"),
        ReleaseEvent::TagExists(name) => format!("kept the tag {name}"),
        ReleaseEvent::Started(step) => phrase(
            step,
            [
                "deleting",
                "creating the draft for",
                "updating the draft for",
                "uploading",
                "removing",
                "pushing",
                "publishing",
                "auditing",
            ],
        ),
        ReleaseEvent::Finished(step) => phrase(
            step,
            [
                "deleted",
                "created the draft for",
                "updated the draft for",
                "uploaded",
                "removed",
                "pushed",
                "published",
                "audited",
            ],
        ),
        ReleaseEvent::AlreadyDone(step) => phrase(
            step,
            [
                "kept",
                "kept the release of",
                "kept the text of",
                "kept",
                "left",
                "already on the remote:",
                "already published:",
                "audited",
            ],
        ),
        ReleaseEvent::Http(HttpEvent::Retrying { operation, reason, wait_ms }) => {
            let seconds = Duration::from_millis(*wait_ms).as_secs_f32();
            format!("{operation}: {reason}; retrying in {seconds:.1} s")
        }
        ReleaseEvent::Http(HttpEvent::UploadProgress {
            asset_name: name,
            sent_bytes: bytes,
            total_bytes: of,
        }) => format!("{name}: {bytes} of {of} bytes"),
    }
}

fn phrase(step: &StepRef, words: [&str; 8]) -> String {
    let [delete, draft, text, upload, remove, push, publish, audit] = words;
    let verb = match step.action {
        StepAction::DeleteDraft => delete,
        StepAction::CreateDraft => draft,
        StepAction::UpdateDraft => text,
        StepAction::UploadAsset => upload,
        StepAction::DeleteAsset => remove,
        StepAction::PushTag => push,
        StepAction::Publish => publish,
        StepAction::Audit => audit,
        StepAction::WriteArchive | StepAction::WriteSums | StepAction::WriteNotes | StepAction::CreateTag => {
            "making"
        }
    };
    format!("{verb} {}", step.subject)
}

/// Ends the process with SIGKILL, for rehearsals: no handler runs and nothing is cleaned up, as after a power failure.
fn kill_self() -> ! {
    let pid = std::process::id().to_string();
    let kill = Command::new("sh").args(["-c", "kill -KILL \"$1\"", "sh", &pid]).stdin(Stdio::null()).status();
    match kill {
        Ok(_) => loop {
            std::thread::sleep(Duration::from_secs(1));
        },
        Err(_) => std::process::abort(),
    }
}
