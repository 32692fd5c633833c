//! The story of a run, on stderr: a line for what is about to happen, and one for what has.

use std::io::{self, IsTerminal as _};
use std::process::{Command, Stdio};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use model::release::plan::StepAction;
use ops::{Deed, Event, Told};

use crate::args::Global;
use crate::environment::{self, value};
use crate::report;

/// Somebody who tells what happens.
pub(crate) struct Story<'a> {
    global: &'a Global,
    bar: Option<ProgressBar>,
    /// The line at which the process is to end.
    end: Option<String>,
}

impl<'a> Story<'a> {
    pub(crate) fn new(global: &'a Global) -> Self {
        Self { global, bar: None, end: value(environment::RELEASE_KILL_AT) }
    }

    /// Tells an event.
    pub(crate) fn tell(&mut self, event: &Event) {
        if let Event::Connection(Told::Sent { name, bytes, of }) = event {
            self.progress(name, *bytes, *of);
            return;
        }
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
        let line = line(event);
        report::tell(self.global, &line);
        if self.end.as_ref() == Some(&line) {
            end_here();
        }
    }

    /// Bytes, rate and the time that is left; on a terminal only.
    fn progress(&mut self, name: &str, bytes: u64, of: u64) {
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

/// An event in one line.
pub(crate) fn line(event: &Event) -> String {
    match event {
        Event::Writing(name) => format!("writing {name}"),
        Event::Written(file) => format!("wrote {} ({} bytes)", file.path.display(), file.size),
        Event::Tagging(name) => format!("tagging {name}"),
        Event::Tagged(name) => format!("tagged {name}"),
        Event::TagKept(name) => format!("kept the tag {name}"),
        Event::Doing(deed) => said(
            deed,
            [
                "deleting",
                "creating the draft for",
                "giving the notes to the draft for",
                "uploading",
                "removing",
                "pushing",
                "publishing",
                "auditing",
            ],
        ),
        Event::Did(deed) => said(
            deed,
            [
                "deleted",
                "created the draft for",
                "gave the notes to the draft for",
                "uploaded",
                "removed",
                "pushed",
                "published",
                "audited",
            ],
        ),
        Event::Kept(deed) => said(
            deed,
            [
                "kept",
                "kept the release of",
                "kept the text of",
                "kept",
                "left",
                "found on origin",
                "found published",
                "audited",
            ],
        ),
        Event::Connection(Told::Again { what, why, wait }) => {
            let seconds = Duration::from_millis(*wait).as_secs_f32();
            format!("{what}: {why}; trying again in {seconds:.1} s")
        }
        Event::Connection(Told::Sent { name, bytes, of }) => format!("{name}: {bytes} of {of} bytes"),
    }
}

fn said(deed: &Deed, words: [&str; 8]) -> String {
    let [delete, draft, text, upload, remove, push, publish, audit] = words;
    let word = match deed.action {
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
    format!("{word} {}", deed.subject)
}

/// Ends the process as if the power had gone, for rehearsals: no handler runs, nothing is tidied up.
fn end_here() -> ! {
    let own = std::process::id().to_string();
    let kill = Command::new("sh").args(["-c", "kill -KILL \"$1\"", "sh", &own]).stdin(Stdio::null()).status();
    match kill {
        Ok(_) => loop {
            std::thread::sleep(Duration::from_secs(1));
        },
        Err(_) => std::process::abort(),
    }
}
