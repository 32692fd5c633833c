//! Limits on templates and release notes.

/// The maximum length of a release text on GitHub, in Unicode scalar values (`github.md` F9).
pub const MAX_NOTES_CHARS: usize = 125_000;

/// The maximum number of instructions of one template run (`minijinja` fuel).
///
/// The built-in template needs about 20 per line of the notes, and no release has had 10,000 lines.
pub(crate) const MAX_TEMPLATE_FUEL: u64 = 20_000_000;
/// The maximum output of one template run, in bytes: 100 times the limit of GitHub.
///
/// It is larger than that limit because the first run contains all changes, before any are omitted.
pub(crate) const MAX_OUTPUT_BYTES: usize = 100 * MAX_NOTES_CHARS;
