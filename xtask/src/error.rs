//! Errors of commands: the message, its causes, and a hint about what to do next.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::process::ExitCode;

use anstyle::{AnsiColor, Style};
use model::{CatalogError, TagError};
use ops::{OpsError, RecordingError};

use crate::environment;
use crate::escape;

/// An error of a command, with its kind and a hint. The kind selects the exit code.
#[derive(Debug)]
pub(crate) struct CliError {
    kind: CliErrorKind,
    error: anyhow::Error,
    hint: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CliErrorKind {
    /// The arguments or the configuration are not valid (exit code 2).
    Usage,
    /// The command failed (exit code 1).
    Runtime,
    /// The reader of the output closed the pipe (exit code 0, no message).
    BrokenPipe,
}

impl CliError {
    /// Creates an error about arguments or configuration.
    pub(crate) fn usage(error: impl Into<anyhow::Error>) -> Self {
        Self { kind: CliErrorKind::Usage, error: error.into(), hint: None }
    }

    /// Creates an error about a command that failed.
    pub(crate) fn runtime(error: impl Into<anyhow::Error>) -> Self {
        Self { kind: CliErrorKind::Runtime, error: error.into(), hint: None }
    }

    /// Adds a hint: what to do next, with the command.
    pub(crate) fn with_hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// Prints the error on stderr and returns the exit code.
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
        // If stderr is closed, the exit code still reports the error.
        anstream::stderr().write_all(text.as_bytes()).ok();
        match self.kind {
            CliErrorKind::Usage => ExitCode::from(2),
            CliErrorKind::Runtime | CliErrorKind::BrokenPipe => ExitCode::from(1),
        }
    }
}

/// Returns a message whose lines are escaped for terminals and workflow logs. All lines but the first are indented: the
/// line breaks may come from untrusted text, which must not look like another message.
fn indent_lines(message: &dyn std::fmt::Display) -> String {
    escape_lines(message).join("\n    ")
}

/// Returns the lines of a message, each escaped for terminals and workflow logs.
fn escape_lines(message: &dyn std::fmt::Display) -> Vec<String> {
    message.to_string().split('\n').map(escape::sanitize).collect()
}

/// Escapes a message for a workflow command, on one line (GitHub's "Workflow commands").
fn escape_workflow_command(message: &str) -> String {
    message.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

impl From<OpsError> for CliError {
    fn from(error: OpsError) -> Self {
        let hint = error.hint().map(str::to_owned);
        let kind = match error {
            OpsError::UnknownPackageFormat(_)
            | OpsError::NoSuchPackage { .. }
            | OpsError::OtherPackageName { .. } => CliErrorKind::Usage,
            _ => CliErrorKind::Runtime,
        };
        Self { kind, error: error.into(), hint }
    }
}

impl From<RecordingError> for CliError {
    fn from(error: RecordingError) -> Self {
        let hint = error.hint().map(str::to_owned);
        let kind = match error {
            RecordingError::Folder(_) | RecordingError::List(..) | RecordingError::Damaged { .. } => {
                CliErrorKind::Runtime
            }
            _ => CliErrorKind::Usage,
        };
        Self { kind, error: error.into(), hint }
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
    /// Converts an error of writing the report. A closed pipe is not a failure, as in `cargo xtask status | head -1`.
    fn from(error: io::Error) -> Self {
        let kind = if error.kind() == io::ErrorKind::BrokenPipe {
            CliErrorKind::BrokenPipe
        } else {
            CliErrorKind::Runtime
        };
        Self { kind, error: anyhow::Error::new(error).context("cannot write the report"), hint: None }
    }
}
