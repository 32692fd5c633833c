//! Renders a template with limits on its run time and output.

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior, Value};
use model::release::request::NotesTemplate;

use crate::context::TemplateContext;
use crate::error::NotesError;
use crate::input::NotesInput;
use crate::limits::{MAX_OUTPUT_BYTES, MAX_TEMPLATE_FUEL};
use crate::template::VERIFY_TEMPLATES;
use crate::truncate::{Notes, fit_to_limit};

/// A buffer that refuses writes beyond [`MAX_OUTPUT_BYTES`].
#[derive(Default)]
struct BoundedBuffer {
    bytes: Vec<u8>,
    /// Set by the first refused write, to tell it from an error of the template.
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

/// Renders the notes of a release, with at most [`MAX_NOTES_CHARS`](crate::MAX_NOTES_CHARS) characters.
///
/// Undefined variables are errors, so that a misspelled name cannot leave a gap in the notes. Whole changes are omitted
/// if the notes are too long.
///
/// # Errors
/// [`NotesError::Template`] with file and line, [`NotesError::OutputTooLarge`] if the template writes too much, and
/// [`NotesError::TooLong`] if the notes are too long without any change listed.
pub fn render(input: &NotesInput<'_>, template: &NotesTemplate) -> Result<Notes, NotesError> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    // The output is Markdown, not HTML. The values are escaped already.
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
    for (name, text) in VERIFY_TEMPLATES {
        environment.add_template(name, text).map_err(wrong)?;
    }
    environment.add_template("notes", &template.text).map_err(wrong)?;
    let compiled = environment.get_template("notes").map_err(wrong)?;
    fit_to_limit(TemplateContext::from_input(input), |context| {
        let mut out = BoundedBuffer::default();
        let rendered = compiled.render_captured_to(Value::from(Serde(context)), &mut out).map(drop);
        if out.is_full {
            return Err(NotesError::OutputTooLarge { bytes: MAX_OUTPUT_BYTES });
        }
        rendered.map_err(wrong)?;
        Ok(String::from_utf8_lossy(&out.bytes).into_owned())
    })
}

/// Returns the template syntax: a block tag that is alone on its line does not produce an empty line.
fn trim_block_syntax() -> SyntaxConfig {
    let mut builder = SyntaxConfig::builder();
    builder.trim_blocks(true).lstrip_blocks(true).keep_trailing_newline(true);
    builder.build().expect("the usual delimiters do not clash")
}
