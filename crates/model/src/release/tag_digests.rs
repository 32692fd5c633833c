//! The digests that a signed tag states about the release: trailers in the last paragraph of its message.
//!
//! ```text
//! release: OpenSandbox Server v0.1.14
//!
//! Archive-SHA256: <64 digits>  opensandbox-server-v0.1.14.tar.gz
//! Tar-SHA256: <64 digits>
//! Git-EVTag-v0-SHA512: <128 digits>
//! ```
//!
//! The form of the first is that of `sha256sum`. The second is the digest of the tar stream without compression, which
//! `git archive` alone makes. The third is that of `git-evtag` (its README, "The Git-EVTag algorithm (v0)").

use crate::Digest;
use crate::base::id::{decode_hex, encode_hex};

const ARCHIVE: &str = "Archive-SHA256";
const TAR: &str = "Tar-SHA256";
const EVTAG: &str = "Git-EVTag-v0-SHA512";
/// The longest name of an archive in a trailer, in bytes.
const MAX_NAME_BYTES: usize = 255;

/// The digests that a tag states. A tag of another tool may state a part of them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TagDigests {
    /// The name and the SHA-256 of the source archive.
    pub archive: Option<(String, Digest)>,
    /// The SHA-256 of the tar stream in it.
    pub tar: Option<Digest>,
    /// The SHA-512 of the commit with all its trees and files.
    pub evtag: Option<[u8; 64]>,
}

impl TagDigests {
    /// Whether there is no digest.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Returns the message of a tag with these digests. The first line is `title`.
    #[must_use]
    pub fn message(&self, title: &str) -> String {
        let archive =
            self.archive.as_ref().map(|(name, digest)| format!("{ARCHIVE}: {}  {name}\n", digest.hex()));
        let tar = self.tar.map(|it| format!("{TAR}: {}\n", it.hex()));
        let evtag = self.evtag.map(|it| format!("{EVTAG}: {}\n", encode_hex(&it)));
        let trailers: String = [archive, tar, evtag].into_iter().flatten().collect();
        if trailers.is_empty() { title.to_owned() } else { format!("{title}\n\n{trailers}") }
    }

    /// Reads the digests in the message of a tag. Other lines in its last paragraph are ignored.
    ///
    /// # Errors
    /// A message if a line begins with the name of a digest, in any case, and is not exactly one of the three: outside of
    /// the last paragraph, twice, with upper-case digits, with another number of spaces, or with a carriage return.
    pub fn parse(message: &str) -> Result<Self, String> {
        let mut digests = Self::default();
        let last = message.trim_end_matches('\n').rfind("\n\n").map_or(message.len(), |it| it + 2);
        let mut offset = 0;
        for line in message.split('\n') {
            let start = offset;
            offset += line.len() + 1;
            let Some(name) = [ARCHIVE, TAR, EVTAG].into_iter().find(|it| has_prefix(line, it)) else {
                continue;
            };
            let value = line.strip_prefix(name).and_then(|it| it.strip_prefix(": "));
            let value = value.ok_or_else(|| format!("a line begins with {name} and is not the trailer"))?;
            if start < last {
                return Err(format!("{name} is not in the last paragraph"));
            }
            if !digests
                .set(name, value)
                .ok_or_else(|| format!("{name} does not have the form of the trailer"))?
            {
                return Err(format!("{name} is there more than once"));
            }
        }
        Ok(digests)
    }

    /// Sets a digest. Returns whether it was not set before, or `None` if the value does not have its form.
    fn set(&mut self, name: &str, value: &str) -> Option<bool> {
        match name {
            ARCHIVE => {
                let (hex, name) = value.split_once("  ")?;
                let is_name = |it: char| it.is_ascii_alphanumeric() || "-._+".contains(it);
                if name.is_empty() || name.len() > MAX_NAME_BYTES || !name.chars().all(is_name) {
                    return None;
                }
                Some(self.archive.replace((name.to_owned(), Digest::from_hex(hex)?)).is_none())
            }
            TAR => Some(self.tar.replace(Digest::from_hex(value)?).is_none()),
            _ => Some(self.evtag.replace(decode_hex(value)?).is_none()),
        }
    }
}

/// Returns whether a line begins with the name of a trailer, in any case.
fn has_prefix(line: &str, name: &str) -> bool {
    line.trim_start().get(..name.len()).is_some_and(|it| it.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn all() -> TagDigests {
        TagDigests {
            archive: Some(("acme-v1.tar.gz".to_owned(), Digest::of(b"a"))),
            tar: Some(Digest::of(b"t")),
            evtag: Some([7; 64]),
        }
    }

    #[test]
    fn messages_are_read_as_they_are_written() {
        assert_eq!(TagDigests::parse(&all().message("release: x")), Ok(all()));
        assert_eq!(TagDigests::default().message("release: x"), "release: x");
        assert_eq!(TagDigests::parse("release: x"), Ok(TagDigests::default()));
        let part = TagDigests { archive: None, tar: None, ..all() };
        let others = format!("{}Signed-off-by: A <a@example.com>\n", part.message("release: x"));
        assert_eq!(TagDigests::parse(&others), Ok(part));
    }

    #[test]
    fn other_forms_are_errors() {
        let good = all().message("release: x");
        let digest = Digest::of(b"a").hex();
        for bad in [
            good.replace(ARCHIVE, "archive-sha256"),
            good.replace(&digest, &digest.to_uppercase()),
            good.replace(&digest, &digest[1..]),
            good.replace("  acme", " acme"),
            good.replace("  acme", "  ../acme"),
            good.replace("  acme-v1.tar.gz", "  "),
            good.replace('\n', "\r\n"),
            format!("{good}\nmore\n"),
            format!("{good}{TAR}: {digest}\n"),
            format!("{good}{ARCHIVE}: {digest}  other.tar.gz\n"),
            good.replace("Tar-SHA256: ", "Tar-SHA256:"),
            good.replace("Tar-SHA256", " Tar-SHA256"),
            format!("{TAR}: {digest}\n\nmore"),
        ] {
            assert!(TagDigests::parse(&bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn any_message_is_read_without_a_panic(text in "(Archive-SHA256|Tar-SHA256|Git|: |[0-9a-f]{0,70}|\n|ü| ){0,12}") {
            if let Ok(digests) = TagDigests::parse(&text) {
                prop_assert_eq!(TagDigests::parse(&digests.message("t")), Ok(digests));
            }
        }
    }
}
