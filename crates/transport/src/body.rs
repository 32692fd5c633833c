//! Where the bytes of a response body go.

/// Receives the bytes of a response body.
pub trait BodySink {
    /// Discards all bytes received so far. Called before the body of each attempt, because an attempt may break off.
    fn restart(&mut self);
    /// Appends the next chunk.
    fn write_chunk(&mut self, chunk: &[u8]);
}

/// Collects a body in memory. The caller limits its length.
#[derive(Debug, Default)]
pub struct BodyBytes(pub Vec<u8>);

impl BodySink for BodyBytes {
    fn restart(&mut self) {
        self.0.clear();
    }

    fn write_chunk(&mut self, chunk: &[u8]) {
        self.0.extend_from_slice(chunk);
    }
}
