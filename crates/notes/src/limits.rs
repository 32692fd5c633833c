//! Limits of the notes.

/// The longest body that GitHub takes, in characters (Unicode scalar values).
pub const MAX_NOTES_CHARS: usize = 125_000;

/// How many instructions a template may take: the built-in one takes some twenty for each line of the notes, and a release
/// has never had 10,000.
pub(crate) const MAX_TEMPLATE_FUEL: u64 = 20_000_000;
/// How much a template may write, in bytes, before entries are left out: 100 times what GitHub takes.
pub(crate) const MAX_OUTPUT_BYTES: usize = 100 * MAX_NOTES_CHARS;
