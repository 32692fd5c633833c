//! Checksum files (`SHA256SUMS`), in the format that GNU `sha256sum` writes and checks.

use crate::Digest;

/// The name of the checksum file.
pub const FILE_NAME: &str = "SHA256SUMS";

/// Returns the text of a `SHA256SUMS` file: a line `<hex>␠␠<name>\n` for each file, in the given order.
///
/// Names are not escaped. The caller passes only names of the release's assets, which need no escaping.
#[must_use]
pub fn render<'a>(files: impl IntoIterator<Item = (&'a str, Digest)>) -> String {
    let lines: Vec<String> =
        files.into_iter().map(|(name, digest)| format!("{}  {name}\n", digest.hex())).collect();
    lines.concat()
}

/// The error for a text that is not in the strict format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}")]
pub struct SumsError {
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong with the line.
    pub reason: &'static str,
}

/// The longest `SHA256SUMS` that is read, in bytes.
pub const MAX_SUMS_BYTES: usize = 1 << 20;

/// Parses a `SHA256SUMS` file and returns its names and digests. Text that [`render`] would not have written is
/// rejected: if two tools read a line differently, they check two different files.
///
/// # Errors
/// [`SumsError`] for an empty text, one longer than [`MAX_SUMS_BYTES`], and any line of another form: other line
/// endings, upper-case digits, the binary mark `*`, escapes, a path instead of a name, or a name that is listed twice.
pub fn parse(text: &[u8]) -> Result<Vec<(String, Digest)>, SumsError> {
    let fail = |line, reason| Err(SumsError { line, reason });
    if text.len() > MAX_SUMS_BYTES {
        return fail(1, "the file is longer than 1 MiB");
    }
    let Ok(text) = std::str::from_utf8(text) else { return fail(1, "the file is not UTF-8") };
    if text.is_empty() {
        return fail(1, "the file is empty");
    }
    let Some(text) = text.strip_suffix('\n') else {
        return fail(text.lines().count(), "the last line has no line ending");
    };
    let mut files: Vec<(String, Digest)> = Vec::new();
    for (index, line) in text.split('\n').enumerate() {
        let line_number = index + 1;
        let Some((hex, name)) = line.split_once("  ") else {
            return fail(line_number, "expected 64 digits, two spaces and a name");
        };
        let Some(digest) = Digest::from_hex(hex) else {
            return fail(line_number, "expected 64 lower-case hexadecimal digits first");
        };
        if name.is_empty() || name.starts_with([' ', '*', '.']) || name.contains(['/', '\\']) {
            return fail(line_number, "expected a plain file name");
        }
        if name.contains(char::is_control) {
            return fail(line_number, "the name has control characters");
        }
        if files.iter().any(|(seen, _)| seen == name) {
            return fail(line_number, "the name is listed twice");
        }
        files.push((name.to_owned(), digest));
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn malformed_sums_are_rejected() {
        let hash = Digest::of(b"x").hex();
        let good = format!("{hash}  a.tar.gz\n");
        assert_eq!(parse(good.as_bytes()).unwrap(), [("a.tar.gz".to_owned(), Digest::of(b"x"))]);
        let bad = [
            String::new(),
            "\n".to_owned(),
            format!("{hash}  a.tar.gz"),
            format!("{hash} a.tar.gz\n"),
            format!("{hash} *a.tar.gz\n"),
            format!("{hash}  ../a.tar.gz\n"),
            format!("{hash}  /a\n"),
            format!("\\{hash}  a\\nb\n"),
            format!("{}  a.tar.gz\n", hash.to_uppercase()),
            format!("{hash}  a.tar.gz\r\n"),
            format!("\u{feff}{hash}  a.tar.gz\n"),
            format!("{good}{good}"),
            format!("{good}\n"),
            format!("{hash}  a\0b\n"),
        ];
        for text in bad {
            assert!(parse(text.as_bytes()).is_err(), "accepted {text:?}");
        }
    }

    proptest! {
        #[test]
        fn rendered_sums_parse_back(names in proptest::collection::btree_set("[A-Za-z0-9_+-][A-Za-z0-9._+-]{0,30}", 1..5)) {
            let files: Vec<(String, Digest)> =
                names.into_iter().map(|it| { let digest = Digest::of(it.as_bytes()); (it, digest) }).collect();
            let text = render(files.iter().map(|(name, digest)| (name.as_str(), *digest)));
            prop_assert_eq!(parse(text.as_bytes()).unwrap(), files);
        }

        #[test]
        fn parsed_sums_render_back(text in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(files) = parse(&text) {
                let again = render(files.iter().map(|(name, digest)| (name.as_str(), *digest)));
                prop_assert_eq!(again.as_bytes(), text.as_slice());
            }
        }
    }
}
