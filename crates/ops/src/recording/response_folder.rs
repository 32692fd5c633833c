//! The folder of recorded responses: for each URL a file with the body, and a file that describes it.

use std::fs::File;
use std::io::{self, Read, Write as _};

use archive::{FolderError, FolderHandle, PendingFile};
use model::Digest;
use model::base::id::Hasher;
use serde::{Deserialize, Serialize};
use transport::{RecordedResponse, ResponseHead, ResponseStore, ResponseWriter};

/// The version of the format of descriptions.
const SCHEMA: &str = "opensandbox-release/response/1";
/// The longest description, in bytes.
const MAX_DESCRIPTION_BYTES: u64 = 64 << 10;
/// The number of characters of a URL's last part in a file name.
const MAX_NAME_CHARS: usize = 100;

/// Recorded responses in a folder.
#[derive(Debug)]
pub(super) struct ResponseFolder {
    folder: FolderHandle,
}

/// The description of a response, as its file has it.
#[derive(Debug, Serialize, Deserialize)]
struct ResponseDescription {
    schema: String,
    /// The URL without its query, which may grant access to a file.
    url: String,
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<String>,
    authenticated: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    final_url: Option<String>,
    size: u64,
    /// The SHA-256 of the body in hexadecimal digits.
    sha256: String,
}

impl ResponseFolder {
    pub(super) fn new(folder: FolderHandle) -> Self {
        Self { folder }
    }
}

impl ResponseStore for ResponseFolder {
    fn find(&self, url: &str) -> io::Result<Option<RecordedResponse>> {
        let name = file_name(url);
        let bytes = self.folder.read(&description_name(&name), MAX_DESCRIPTION_BYTES).map_err(to_io)?;
        let Some(bytes) = bytes else { return Ok(None) };
        let description: ResponseDescription = serde_json::from_slice(&bytes)?;
        if description.schema != SCHEMA {
            return Err(io::Error::other(format!("{name} has another format than {SCHEMA}")));
        }
        let body = self.folder.open_file(&name).map_err(to_io)?;
        let body = body.ok_or_else(|| io::Error::other(format!("{name} is missing")))?;
        let ResponseDescription { status, link, authenticated, final_url, size, sha256, .. } = description;
        let head = ResponseHead { status, link, authenticated, final_url };
        let body = CheckedBody { file: body, name, remaining: size, hasher: Hasher::default(), sha256 };
        Ok(Some(RecordedResponse { head, body: Box::new(body) }))
    }

    fn create(&self, url: &str) -> io::Result<Box<dyn ResponseWriter + '_>> {
        let name = file_name(url);
        let body = self.folder.create(&name).map_err(to_io)?;
        let url = url.split(['?', ' ']).next().unwrap_or_default().to_owned();
        Ok(Box::new(ResponseFiles { folder: &self.folder, name, url, body }))
    }
}

/// A response that is being written.
struct ResponseFiles<'a> {
    folder: &'a FolderHandle,
    name: String,
    url: String,
    body: PendingFile<'a>,
}

impl ResponseWriter for ResponseFiles<'_> {
    fn write_chunk(&mut self, chunk: &[u8]) -> io::Result<()> {
        self.body.write_all(chunk)
    }

    fn finish(self: Box<Self>, head: &ResponseHead) -> io::Result<()> {
        let Self { folder, name, url, body } = *self;
        let body = body.finish().map_err(to_io)?;
        let description = ResponseDescription {
            schema: SCHEMA.to_owned(),
            url,
            status: head.status,
            link: head.link.clone(),
            authenticated: head.authenticated,
            final_url: head.final_url.clone(),
            size: body.size,
            sha256: body.digest.hex(),
        };
        let text = serde_json::to_string_pretty(&description)? + "\n";
        folder.write(&description_name(&name), text.as_bytes()).map_err(to_io)?;
        Ok(())
    }
}

/// Reads a body, and fails at its end if it is not the described one. The file may have been damaged or half replaced.
struct CheckedBody {
    file: File,
    name: String,
    remaining: u64,
    hasher: Hasher,
    sha256: String,
}

impl Read for CheckedBody {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let damaged = || io::Error::other(format!("{} is damaged", self.name));
        let count = self.file.read(buffer)?;
        if count == 0 && (self.remaining != 0 || self.hasher.clone().finish().hex() != self.sha256) {
            return Err(damaged());
        }
        self.remaining = self.remaining.checked_sub(count as u64).ok_or_else(damaged)?;
        self.hasher.update(&buffer[..count]);
        Ok(count)
    }
}

/// Returns the name of the file for a URL: a digest of the URL, and its last part for people.
fn file_name(url: &str) -> String {
    let digest = Digest::of(url.as_bytes()).hex();
    let path = url.split(['?', '#', ' ']).next().unwrap_or_default();
    let last = path.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    let is_plain = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    let last: String = last.chars().filter(is_plain).take(MAX_NAME_CHARS).collect();
    format!("{}-{last}", &digest[..32])
}

fn description_name(name: &str) -> String {
    format!("{name}.response.json")
}

fn to_io(error: FolderError) -> io::Error {
    io::Error::other(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_are_plain() {
        let name = file_name("https://x.example/a/../%2e%2e/ü$(id)\u{1b}.tgz?token=secret");
        assert_eq!(&name[32..], "-id.tgz");
        assert!(!name.contains("secret") && !name.contains('/'));
        assert_eq!(&file_name("https://x.example/simple/widgets/")[32..], "-widgets");
        assert_ne!(file_name("https://x.example/a?1"), file_name("https://x.example/a?2"));
        assert!(file_name(&format!("https://x.example/{}", "a".repeat(999))).len() < 150);
    }
}
