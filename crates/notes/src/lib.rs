//! Renders release notes: the changelog, and how to verify what was released.
//!
//! This crate will not read files or decide what stands in which section. Nothing that a commit says can mention
//! anybody, link anywhere or break the page: see [`escape`].

mod context;
pub mod escape;
mod truncate;
mod verify;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior, Value};

pub use context::{NotesInput, Template};
pub use truncate::{MAX_NOTES_CHARS, Notes};

/// The template that is built in.
pub const DEFAULT_TEMPLATE: &str = include_str!("../../../templates/release-notes.md.j2");

/// How many instructions a template may take: the built-in one takes some twenty for each line of the notes, and a release
/// has never had 10,000.
const MAX_TEMPLATE_FUEL: u64 = 20_000_000;
/// How much a template may write, in bytes, before entries are left out: 100 times what GitHub takes.
const MAX_OUTPUT_BYTES: usize = 100 * MAX_NOTES_CHARS;

/// What a template writes, up to the limit.
#[derive(Default)]
struct BoundedBuffer {
    bytes: Vec<u8>,
    is_full: bool,
}

impl std::io::Write for BoundedBuffer {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.is_full |= self.bytes.len() + bytes.len() > MAX_OUTPUT_BYTES;
        if self.is_full {
            return Err(std::io::ErrorKind::FileTooLarge.into());
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Why there are no notes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotesError {
    /// The template is wrong.
    #[error("{file}:{line}: {message}")]
    Template {
        /// The template's name, as it was given.
        file: String,
        /// The line, counted from 1.
        line: usize,
        /// What is wrong there.
        message: String,
    },
    /// The template writes without an end.
    #[error("the template writes more than {bytes} bytes")]
    OutputTooLarge {
        /// The limit.
        bytes: usize,
    },
    /// The template writes more than GitHub takes, however much is left out of it.
    #[error("the notes have {length} characters without any entry: GitHub takes {MAX_NOTES_CHARS}")]
    TooLong {
        /// How many characters are left.
        length: usize,
    },
}

/// The notes of a release, at most [`LIMIT`] characters long.
///
/// # Errors
/// [`NotesError::Template`] with file and line, [`NotesError::TooLong`] where no entry is left to leave out.
pub fn render(input: &NotesInput<'_>, template: &Template) -> Result<Notes, NotesError> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
    environment.set_syntax(trim_block_syntax());
    environment.set_fuel(Some(MAX_TEMPLATE_FUEL));
    let wrong = |error: minijinja::Error| NotesError::Template {
        file: template.file.clone(),
        line: error.line().unwrap_or(1),
        message: error
            .detail()
            .map_or_else(|| error.kind().to_string(), |it| format!("{}: {it}", error.kind())),
    };
    environment.add_template("notes", &template.text).map_err(wrong)?;
    let compiled = environment.get_template("notes").map_err(wrong)?;
    truncate::fit_to_limit(context::TemplateContext::from_input(input), |context| {
        let mut out = BoundedBuffer::default();
        let rendered = compiled.render_captured_to(Value::from(Serde(context)), &mut out).map(drop);
        if out.is_full {
            return Err(NotesError::OutputTooLarge { bytes: MAX_OUTPUT_BYTES });
        }
        rendered.map_err(wrong)?;
        Ok(String::from_utf8_lossy(&out.bytes).into_owned())
    })
}

/// The syntax of templates: a block on a line of its own leaves nothing of that line behind.
fn trim_block_syntax() -> SyntaxConfig {
    let mut builder = SyntaxConfig::builder();
    builder.trim_blocks(true).lstrip_blocks(true).keep_trailing_newline(true);
    builder.build().expect("the usual delimiters do not clash")
}
