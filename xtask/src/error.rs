//! Errors as people read them: what happened, why, and what to do next.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::process::ExitCode;

use anstyle::{AnsiColor, Style};
use model::{CatalogError, TagError};
use ops::OpsError;

use crate::environment;
use crate::escape;

/// An error, whose fault it is, and what to do.
#[derive(Debug)]
pub(crate) struct CliError {
    kind: CliErrorKind,
    error: anyhow::Error,
    hint: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CliErrorKind {
    /// What was asked for makes no sense.
    Usage,
    /// It makes sense, and could not be done.
    Runtime,
    /// Nobody reads the output any more.
    BrokenPipe,
}

impl CliError {
    /// What was asked for makes no sense.
    pub(crate) fn usage(error: impl Into<anyhow::Error>) -> Self {
        Self { kind: CliErrorKind::Usage, error: error.into(), hint: None }
    }

    /// It could not be done.
    pub(crate) fn runtime(error: impl Into<anyhow::Error>) -> Self {
        Self { kind: CliErrorKind::Runtime, error: error.into(), hint: None }
    }

    /// The same, with what to do next.
    pub(crate) fn with_hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// Tells it on stderr, and says what the process ends with.
    pub(crate) fn report(self) -> ExitCode {
        if self.kind == CliErrorKind::BrokenPipe {
            return ExitCode::SUCCESS;
        }
        let red = Style::new().bold().fg_color(Some(AnsiColor::Red.into()));
        let mut text = format!("{red}error:{red:#} {}\n", indent_lines(&self.error));
        for cause in self.error.chain().skip(1) {
            writeln!(text, "  caused by: {}", indent_lines(&cause)).expect("writing to a string cannot fail");
        }
        if let Some(hint) = &self.hint {
            writeln!(
                text,
                "{}hint:{:#} {}",
                Style::new().bold(),
                Style::new().bold(),
                escape::sanitize(hint)
            )
            .expect("writing to a string cannot fail");
        }
        if environment::non_empty(environment::GITHUB_ACTIONS).is_some() {
            writeln!(text, "::error::{}", escape_workflow_command(&escape_lines(&*self.error).join("\n")))
                .expect("writing to a string cannot fail");
        }
        // Where stderr itself is gone, the exit code is all that is left to tell.
        anstream::stderr().write_all(text.as_bytes()).ok();
        match self.kind {
            CliErrorKind::Usage => ExitCode::from(2),
            CliErrorKind::Runtime | CliErrorKind::BrokenPipe => ExitCode::from(1),
        }
    }
}

/// A message, line by line, without what a terminal or a workflow's log would obey. Further lines are set in: a line end may be
/// a stranger's, and what follows it must not look like another message.
fn indent_lines(message: &dyn std::fmt::Display) -> String {
    escape_lines(message).join("\n    ")
}

/// The lines of a message, each escaped.
fn escape_lines(message: &dyn std::fmt::Display) -> Vec<String> {
    message.to_string().split('\n').map(escape::sanitize).collect()
}

/// A message as a workflow command takes it, on one line.
fn escape_workflow_command(message: &str) -> String {
    message.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

impl From<OpsError> for CliError {
    fn from(error: OpsError) -> Self {
        let hint = error.hint().map(str::to_owned);
        Self { kind: CliErrorKind::Runtime, error: error.into(), hint }
    }
}

impl From<TagError> for CliError {
    fn from(error: TagError) -> Self {
        let cli_error = Self::usage(error);
        cli_error.with_hint("cargo xtask targets lists every target and the form of its tags")
    }
}

impl From<CatalogError> for CliError {
    fn from(error: CatalogError) -> Self {
        Self::usage(error)
    }
}

impl From<io::Error> for CliError {
    /// Output that cannot be written. A reader that closed a pipe has seen enough.
    fn from(error: io::Error) -> Self {
        let kind = if error.kind() == io::ErrorKind::BrokenPipe {
            CliErrorKind::BrokenPipe
        } else {
            CliErrorKind::Runtime
        };
        Self { kind, error: anyhow::Error::new(error).context("cannot write the report"), hint: None }
    }
}
