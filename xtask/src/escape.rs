//! Untrusted text, as it may be printed.

/// Text that may come from elsewhere, as it may be printed ([`model::base::untrusted_text::escape`]).
pub(crate) fn sanitize(text: &str) -> String {
    model::base::untrusted_text::escape(text)
}
