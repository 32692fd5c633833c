//! Escaping of untrusted text before it is printed.

/// Escapes untrusted text so that a terminal or a workflow log does not interpret it
/// ([`model::base::untrusted_text::escape`]).
pub(crate) fn sanitize(text: &str) -> String {
    model::base::untrusted_text::escape(text)
}
