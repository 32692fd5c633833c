//! Where the bytes of a response body go.

/// Receives the bytes of a response body.
pub trait BodySink {
    /// Discards all bytes received so far. Called before the body of each attempt, because an attempt may break off.
    /// `source` is the URL that the body comes from, after redirects.
    fn restart(&mut self, source: &str);
    /// Appends the next chunk.
    fn write_chunk(&mut self, chunk: &[u8]);
}

/// Collects a body in memory. The caller limits its length.
#[derive(Debug, Default)]
pub struct BodyBytes {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// The URL that they come from, after redirects.
    pub source: String,
}

impl BodySink for BodyBytes {
    fn restart(&mut self, source: &str) {
        self.bytes.clear();
        source.clone_into(&mut self.source);
    }

    fn write_chunk(&mut self, chunk: &[u8]) {
        self.bytes.extend_from_slice(chunk);
    }
}
